//! Decisions at a look by posterior and predictive probabilities.

use super::evaluation::{DecisionCache, LookEvaluation, TableQuestion};
use super::{
    BetaBinomial, EarlyCounts, EffectEstimate, FutilityBelow, NormalPrior, Planned,
    UtilityDifference, proportions, utility_difference,
};
use crate::analysis::OutcomeTable;
use crate::design::Decision;
use crate::num::beta::Beta;
use crate::outcome::{LEVELS, Mrs};

/// Rules of success, futility and harm.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRules {
    /// Least posterior probability of the effect for success, by planned look; the last is that of the
    /// final analysis.
    pub success: Vec<f64>,
    /// Effect that is to be exceeded, on the scale of the model.
    pub effect_above: f64,
    /// Least predictive probability of final success with which an interim look concludes success, in
    /// place of the posterior probability; `None` to use the latter.
    pub predictive_success: Option<f64>,
    /// Futility at interim looks; `None` for none.
    pub futility: Option<FutilityBelow>,
    /// Harm at every look; `None` for none.
    pub harm: Option<HarmAtLeast>,
    /// Days after randomisation on which the early mRS is known, from which the outcome of patients in the
    /// pipeline is predicted; `None` to predict it without.
    pub early_known_after_days: Option<f64>,
}

/// Rule of harm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HarmAtLeast {
    /// Least posterior probability of an effect at or below `effect_below`.
    pub probability: f64,
    /// Effect on the scale of the model.
    pub effect_below: f64,
}

/// Model of the data of one analysis, with its prior.
#[derive(Debug, Clone, PartialEq)]
pub enum DecisionModel {
    /// Two proportions with independent beta priors; the effect is the risk difference.
    BetaBinomial {
        /// Prior of the control arm.
        control: Beta,
        /// Prior of the experimental arm.
        experimental: Beta,
        /// Success is an mRS at or below this.
        cut: Mrs,
    },
    /// A normal estimate of a log (common) odds ratio.
    Normal(NormalPrior),
    /// Mean utilities with independent Dirichlet priors; the effect is the difference of the means.
    Dirichlet {
        /// Prior weight of each level of the mRS.
        prior: f64,
        /// Utility of each level.
        utilities: [f64; LEVELS],
    },
}

/// Data of a look, and the outcomes expected at the final analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecisionData<'d> {
    /// Outcomes known.
    pub outcomes: &'d OutcomeTable,
    /// Estimate of the analysis, which the normal model needs; `None` if there is none.
    pub observed: Option<EffectEstimate>,
    /// Outcomes of control and experimental arm at the final analysis, at least those known.
    pub later: [u32; 2],
    /// Early mRS of control and experimental arm, from which models of counts predict the patients in the
    /// pipeline; the pending patients of an arm are among its outcomes to come. `None` to predict them
    /// without.
    pub early: Option<&'d [EarlyCounts; 2]>,
}

/// Place of a look in a design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookPlace {
    /// Planned number of the look, from 0.
    pub look: usize,
    /// Whether it is the final analysis.
    pub is_final: bool,
}

/// Probabilities on which a decision is made.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LookProbabilities {
    /// P(effect > threshold of success | data).
    pub posterior: f64,
    /// Predictive probability of success at the final analysis; `None` at the final analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictive: Option<f64>,
    /// P(effect ≤ threshold of harm | data); `None` without a rule of harm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harm: Option<f64>,
}

impl DecisionRules {
    /// Returns the least posterior probability for success at a look.
    pub fn success_at(&self, place: LookPlace) -> f64 {
        self.success[self.position(place)]
    }

    /// Returns the position of a look among the thresholds of success.
    pub(super) fn position(&self, place: LookPlace) -> usize {
        // Trials with few outcomes skip looks, but their final analysis has the threshold of the
        // last.
        if place.is_final { self.success.len() - 1 } else { place.look }
    }

    /// Returns whether a decision of an interim look depends on what later patients will show.
    pub fn needs_prediction(&self) -> bool {
        let futility = match self.futility {
            Some(FutilityBelow::Predictive(_)) => true,
            Some(FutilityBelow::Posterior(_)) | None => false,
        };
        futility || self.predictive_success.is_some()
    }

    /// Returns the least posterior probability for success at the final analysis.
    pub fn final_success(&self) -> f64 {
        self.success[self.success.len() - 1]
    }

    /// Decides at a look; `Continue` at the final analysis if it concludes nothing, and without an
    /// estimate that the model needs. Success is asked first, then harm, then futility.
    pub fn decide(
        &self,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        cache: &mut DecisionCache,
    ) -> Decision {
        if model.needs_estimate() && data.observed.is_none() {
            return Decision::Continue;
        }
        let mut look = LookEvaluation { rules: self, model, place, data, cache };
        let effect = self.effect_above;
        let succeeds = match self.predictive_success {
            Some(least) if !place.is_final => look.predicts(TableQuestion::Success, least),
            Some(_) | None => look.exceeds(TableQuestion::Success, effect, self.success_at(place)),
        };
        if succeeds {
            return Decision::Efficacy;
        }
        if let Some(HarmAtLeast { probability, effect_below }) = self.harm {
            // Harm is a small probability of anything better, and `next_up` turns ≤ into the contrary of ≥.
            let harmless = (1.0 - probability).next_up();
            if !look.exceeds(TableQuestion::Harm, effect_below, harmless) {
                return Decision::Harm;
            }
        }
        let continues = match self.futility {
            // Without success a final analysis is not significant, but not futile: nothing is left
            // to stop.
            Some(_) if place.is_final => true,
            None => true,
            Some(FutilityBelow::Posterior(least)) => {
                look.exceeds(TableQuestion::Futility, effect, least)
            }
            Some(FutilityBelow::Predictive(least)) => look.predicts(TableQuestion::Futility, least),
        };
        if continues { Decision::Continue } else { Decision::Futility }
    }

    /// Returns whether the predictive probability of success at the final analysis is at least `least`, as
    /// a rule that restricts the population asks; `None` without an estimate that the model needs.
    pub fn predicts(
        &self,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        least: f64,
        cache: &mut DecisionCache,
    ) -> Option<bool> {
        if model.needs_estimate() && data.observed.is_none() {
            return None;
        }
        let mut look = LookEvaluation { rules: self, model, place, data, cache };
        Some(look.predicts(TableQuestion::Restriction, least))
    }

    pub(super) fn predictive_of_estimate(
        &self,
        prior: &NormalPrior,
        observed: EffectEstimate,
        data: DecisionData<'_>,
    ) -> f64 {
        // No estimate succeeds under a prior that rules the effect out.
        self.planned(prior, observed.standard_error, data)
            .map_or(0.0, |planned| prior.predictive_probability(observed, planned))
    }

    /// Returns what the final analysis needs if the standard error is this now; `None` if no estimate
    /// succeeds.
    pub(super) fn planned(
        &self,
        prior: &NormalPrior,
        standard_error: f64,
        data: DecisionData<'_>,
    ) -> Option<Planned> {
        let total: u32 = data.later.iter().sum();
        let information_fraction = (f64::from(data.outcomes.total()) / f64::from(total)).min(1.0);
        // Information is taken to be proportional to outcomes: se² falls as 1/n.
        let finally = standard_error * information_fraction.sqrt();
        let needed = prior.estimate_needed(finally, self.effect_above, self.final_success());
        needed.map(|estimate_needed| Planned { information_fraction, estimate_needed })
    }

    pub(super) fn predictive_of_utilities(
        &self,
        difference: &UtilityDifference,
        prior: f64,
        data: DecisionData<'_>,
        cache: &mut DecisionCache,
    ) -> f64 {
        let more: [f64; 2] = std::array::from_fn(|arm| {
            let known: u32 = data.outcomes.counts[arm].iter().sum();
            f64::from(data.later[arm].saturating_sub(known))
        });
        let (effect, needed) =
            (self.effect_above, cache.upper_quantile(1.0 - self.final_success()));
        match data.early {
            None => difference.predictive_probability(more, effect, needed),
            Some(early) => difference.predictive_with_early(early, prior, more, effect, needed),
        }
    }

    /// Computes the probabilities of a look, whether or not a rule needs them; `None` without an estimate
    /// that the model needs.
    pub fn probabilities(
        &self,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        cache: &mut DecisionCache,
    ) -> Option<LookProbabilities> {
        let [posterior, predictive] = match model {
            &DecisionModel::BetaBinomial { control, experimental, cut } => {
                let model = BetaBinomial { control, experimental, difference: self.effect_above };
                let counts = proportions(data.outcomes, cut);
                let posterior = model.posterior_probability(counts);
                [posterior, cache.predictive(model, cut, counts, data, self.final_success())]
            }
            DecisionModel::Normal(prior) => {
                let observed = data.observed?;
                [
                    prior.posterior_probability(observed, self.effect_above),
                    self.predictive_of_estimate(prior, observed, data),
                ]
            }
            &DecisionModel::Dirichlet { prior, utilities } => {
                let difference = utility_difference(data.outcomes, prior, utilities);
                [
                    difference.posterior_probability(self.effect_above),
                    self.predictive_of_utilities(&difference, prior, data, cache),
                ]
            }
        };
        let harm = self.harm.map(|harm| 1.0 - model.probability_above(harm.effect_below, data));
        let predictive = (!place.is_final).then_some(predictive);
        Some(LookProbabilities { posterior, predictive, harm })
    }
}

/// Least weight of outcomes and prior in an arm of a Dirichlet model.
// The sums of its exact posterior have exp(42 / weight) terms: 67 with 10, and 4 400 with 5.
pub const LEAST_WEIGHT: f64 = 10.0;

impl DecisionModel {
    /// Returns the weight of this many outcomes of an arm, with the prior, if it is so small that
    /// probabilities would take seconds; `None` if it is enough.
    pub fn too_small_weight(&self, outcomes: u32) -> Option<f64> {
        match self {
            Self::Dirichlet { prior, .. } => {
                let weight = f64::from(outcomes) + LEVELS as f64 * prior;
                (weight < LEAST_WEIGHT).then_some(weight)
            }
            Self::BetaBinomial { .. } | Self::Normal(_) => None,
        }
    }

    /// Returns whether the model needs the estimate of the analysis.
    pub fn needs_estimate(&self) -> bool {
        match self {
            Self::Normal(_) => true,
            Self::BetaBinomial { .. } | Self::Dirichlet { .. } => false,
        }
    }

    /// Computes P(effect > `threshold` | data); NaN without an estimate that the model needs.
    pub fn probability_above(&self, threshold: f64, data: DecisionData<'_>) -> f64 {
        match self {
            &Self::BetaBinomial { control, experimental, cut } => {
                BetaBinomial { control, experimental, difference: threshold }
                    .posterior_probability(proportions(data.outcomes, cut))
            }
            Self::Normal(prior) => data
                .observed
                .map_or(f64::NAN, |observed| prior.posterior_probability(observed, threshold)),
            &Self::Dirichlet { prior, utilities } => {
                utility_difference(data.outcomes, prior, utilities).posterior_probability(threshold)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(control: [u32; LEVELS], experimental: [u32; LEVELS]) -> OutcomeTable {
        OutcomeTable { counts: [control, experimental] }
    }

    fn rules() -> DecisionRules {
        DecisionRules {
            success: vec![0.99, 0.975],
            effect_above: 0.0,
            predictive_success: None,
            futility: Some(FutilityBelow::Predictive(0.1)),
            harm: Some(HarmAtLeast { probability: 0.95, effect_below: 0.0 }),
            early_known_after_days: None,
        }
    }

    fn beta_binomial() -> DecisionModel {
        let uniform = Beta { a: 1.0, b: 1.0 };
        DecisionModel::BetaBinomial {
            control: uniform,
            experimental: uniform,
            cut: Mrs::INDEPENDENT,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// What was asked before changes no answer, and decisions follow from the probabilities.
        #[test]
        fn decisions_are_those_of_the_probabilities(
            tables in prop::collection::vec(
                (prop::array::uniform7(0u32..5), prop::array::uniform7(0u32..5)), 1..6),
            look in 0usize..2,
        ) {
            let rules = rules();
            let utilities = [10.0, 9.1, 7.6, 6.5, 3.3, 0.0, 0.0];
            let models = [beta_binomial(), DecisionModel::Dirichlet { prior: 1.0, utilities }];
            let place = LookPlace { look, is_final: look == 1 };
            for model in &models {
                let mut cache = DecisionCache::default();
                for &(control, experimental) in &tables {
                    let outcomes = table(control, experimental);
                    let later = outcomes.counts.map(|arm| arm.iter().sum::<u32>().max(30));
                    let data = DecisionData { outcomes: &outcomes, observed: None, later, early: None };
                    let decision = rules.decide(model, place, data, &mut cache);
                    let fresh = &mut DecisionCache::default();
                    let it = rules.probabilities(model, place, data, fresh).expect("no estimate");
                    let expected = if it.posterior >= rules.success[look] {
                        Decision::Efficacy
                    } else if it.harm.is_some_and(|harm| harm >= 0.95) {
                        Decision::Harm
                    } else if it.predictive.is_some_and(|predictive| predictive < 0.1) {
                        Decision::Futility
                    } else {
                        Decision::Continue
                    };
                    prop_assert_eq!(decision, expected);
                }
            }
        }
    }

    #[test]
    fn vague_prior_decides_as_the_z_test() {
        let rules = DecisionRules { futility: None, harm: None, ..rules() };
        let model = DecisionModel::Normal(NormalPrior::Flat);
        let outcomes = table([1; LEVELS], [1; LEVELS]);
        let place = LookPlace { look: 1, is_final: true };
        for (z, expected) in [(1.95996, Decision::Continue), (1.95997, Decision::Efficacy)] {
            let observed = Some(EffectEstimate { estimate: 0.3 * z, standard_error: 0.3 });
            let data = DecisionData { outcomes: &outcomes, observed, later: [7, 7], early: None };
            let decision = rules.decide(&model, place, data, &mut DecisionCache::default());
            assert_eq!(decision, expected);
        }
    }
}
