//! Bayesian rules in words: the same in `run`, `check`, `report` and `monitor`.

use std::fmt;

use super::rules::{DecisionModel, DecisionRules, HarmAtLeast};
use super::{FutilityBelow, NormalPrior};
use crate::num::beta::Beta;

impl DecisionRules {
    /// Describes the rules, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let effect = self.effect_above;
        let mut sentences = Vec::new();
        let by_look: Vec<String> = self.success.iter().map(f64::to_string).collect();
        let constant = by_look.iter().all(|it| *it == by_look[0]);
        let posterior = match by_look.as_slice() {
            [only] => only.clone(),
            [same, ..] if constant => format!("{same} at every look"),
            _ => format!("{} at looks 1 to {}", by_look.join(", "), by_look.len()),
        };
        match self.predictive_success {
            None => sentences.push(format!(
                "Bayesian decisions: success if P(effect > {effect} | data) is at least {posterior}."
            )),
            Some(least) => sentences.push(format!(
                "Bayesian decisions: success at an interim look if the predictive probability of success at the final analysis is at least {least}, and finally if P(effect > {effect} | data) is at least {}.",
                self.final_success()
            )),
        }
        match self.futility {
            None => {}
            Some(FutilityBelow::Posterior(least)) => sentences.push(format!(
                "Futility at interim looks if P(effect > {effect} | data) is below {least}."
            )),
            Some(FutilityBelow::Predictive(least)) => sentences.push(format!(
                "Futility at interim looks if the predictive probability of success at the final analysis is below {least}."
            )),
        }
        if let Some(days) = self.early_known_after_days {
            sentences.push(format!(
                "The predictive probability uses the early mRS, {days} days after randomisation, of patients whose outcome is not known (longitudinal model)."
            ));
        }
        if let Some(HarmAtLeast { probability, effect_below }) = self.harm {
            sentences.push(format!(
                "Harm if P(effect < {effect_below} | data) is at least {probability}."
            ));
        }
        sentences
    }
}

impl fmt::Display for DecisionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BetaBinomial { control, experimental, cut } if control == experimental => {
                let Beta { a, b } = control;
                write!(f, "beta-binomial, mRS 0-{}, prior Beta({a}, {b}) in both arms", cut.index())
            }
            Self::BetaBinomial { control, experimental, cut } => write!(
                f,
                "beta-binomial, mRS 0-{}, priors Beta({}, {}) in the control and Beta({}, {}) in the experimental arm",
                cut.index(),
                control.a,
                control.b,
                experimental.a,
                experimental.b
            ),
            Self::Normal(NormalPrior::Flat) => {
                f.write_str("normal, flat prior of the log odds ratio")
            }
            Self::Normal(NormalPrior::Mixture(_)) => {
                f.write_str("normal, stated prior of the log odds ratio")
            }
            Self::Dirichlet { prior, .. } => {
                write!(f, "Dirichlet, prior weight {prior} of each mRS, utilities of the analysis")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_every_rule() {
        let rules = DecisionRules {
            success: vec![0.99, 0.975],
            effect_above: 0.0,
            predictive_success: None,
            futility: Some(FutilityBelow::Predictive(0.05)),
            harm: Some(HarmAtLeast { probability: 0.9, effect_below: 0.0 }),
            early_known_after_days: Some(7.0),
        };
        assert_eq!(
            rules.sentences().join(" "),
            "Bayesian decisions: success if P(effect > 0 | data) is at least 0.99, 0.975 at looks 1 to 2. \
             Futility at interim looks if the predictive probability of success at the final analysis is \
             below 0.05. The predictive probability uses the early mRS, 7 days after randomisation, of \
             patients whose outcome is not known (longitudinal model). Harm if P(effect < 0 | data) is at least 0.9."
        );
    }
}
