//! The rules of a trial's decisions in words.

use super::super::Scenario;
use crate::bayes::DecisionRules;
use crate::design::AlphaSource;

impl Scenario {
    /// Describes by which rules the looks decide, a sentence each.
    pub fn decisions_in_words(&self) -> Vec<String> {
        match &self.bayesian {
            Some(rules) => self.bayesian_in_words(rules),
            None if self.adaptation.population.is_some() => {
                self.population_decisions_in_words().into_iter().collect()
            }
            None => {
                let looks = self.design.looks().len();
                self.design.plan().rules.sentences(looks, AlphaSource::Given)
            }
        }
    }

    fn bayesian_in_words(&self, rules: &DecisionRules) -> Vec<String> {
        let mut sentences = rules.sentences();
        for analysis in &self.analyses {
            if let Some(model) = &analysis.model {
                sentences.push(format!("Model of \"{}\": {model}.", analysis.name));
            }
        }
        // Rounded: the approximation deserves no more digits.
        sentences.push(format!(
            "With the planned outcomes this amounts to the boundaries of Z shown, whose one-sided type I error is {:.4} by the normal approximation, with the control arm as assumed; trials are decided by the probabilities themselves.",
            self.alpha_one_sided()
        ));
        sentences
    }
}
