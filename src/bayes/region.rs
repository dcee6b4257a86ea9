//! Counts of two proportions that stop a trial by posterior or predictive probabilities, for the exact
//! recursion.

use super::rules::{DecisionModel, DecisionRules, HarmAtLeast};
use super::{ArmCount, BetaBinomial, ProportionData};
use crate::design::exact::StoppingRegion;
use crate::design::sample_size::ArmSizes;

/// Rule for futility at interim looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FutilityBelow {
    /// The posterior probability of the effect.
    Posterior(f64),
    /// The predictive probability of success at the final analysis.
    Predictive(f64),
}

/// Bayesian rules for two proportions at looks of known sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProportionRules {
    /// The model.
    pub model: BetaBinomial,
    /// Least posterior probability for success at each look, the last being the final analysis.
    pub success: Vec<f64>,
    /// Futility below a probability at the interim looks, after success was denied; `None` for no
    /// futility.
    pub futility: Option<FutilityBelow>,
}

impl DecisionRules {
    /// Returns the counts of two proportions that stop a trial at each look: above for success, below for
    /// futility or harm. `None` for models of other data, and for rules that use the early mRS.
    ///
    /// # Panics
    /// If the number of sizes is not that of the looks.
    pub fn regions(
        &self,
        model: &DecisionModel,
        sizes: &[ArmSizes],
    ) -> Option<Vec<StoppingRegion>> {
        // Counts of successes alone do not decide then.
        if self.early_known_after_days.is_some() {
            return None;
        }
        let (control, experimental) = match model {
            &DecisionModel::BetaBinomial { control, experimental, cut: _ } => {
                (control, experimental)
            }
            DecisionModel::Normal(_) | DecisionModel::Dirichlet { .. } => return None,
        };
        let rules = ProportionRules {
            model: BetaBinomial { control, experimental, difference: self.effect_above },
            success: self.success.clone(),
            futility: self.futility,
        };
        let mut regions = rules.regions(sizes);
        let last = regions.len() - 1;
        if let Some(least) = self.predictive_success {
            // Predicted enough is not below.
            let futility = Some(FutilityBelow::Predictive(least));
            let enough = ProportionRules { futility, ..rules.clone() };
            for (region, predicted) in regions[..last].iter_mut().zip(enough.regions(sizes)) {
                region.above = predicted.below;
            }
        }
        if let Some(HarmAtLeast { probability, effect_below }) = self.harm {
            // As in `DecisionRules::decide`.
            let harmless = (1.0 - probability).next_up();
            let harm = ProportionRules {
                model: BetaBinomial { difference: effect_below, ..rules.model },
                success: vec![harmless; sizes.len()],
                futility: None,
            };
            for (region, harm) in regions.iter_mut().zip(harm.regions(sizes)) {
                for (below, harmless_from) in region.below.iter_mut().zip(harm.above) {
                    // The trial stops below for either reason, and the larger of the two least
                    // counts covers both.
                    *below = (*below).max(harmless_from);
                }
            }
        }
        Some(regions)
    }
}

impl ProportionRules {
    /// Returns the counts that stop the trial at each look; `sizes` has one element per look.
    ///
    /// # Panics
    /// If the number of sizes is not that of the thresholds.
    pub fn regions(&self, sizes: &[ArmSizes]) -> Vec<StoppingRegion> {
        assert_eq!(sizes.len(), self.success.len(), "one threshold per look");
        let Some((&last, interims)) = sizes.split_last() else { return Vec::new() };
        let final_least = self.least(last, self.success[interims.len()]);
        let mut regions: Vec<StoppingRegion> = interims
            .iter()
            .zip(&self.success)
            .map(|(&sizes, &threshold)| StoppingRegion {
                sizes,
                above: self.least(sizes, threshold),
                below: self.futile(sizes, last, &final_least),
            })
            .collect();
        // At the final analysis futility has nothing to stop.
        let below = vec![0; final_least.len()];
        regions.push(StoppingRegion { sizes: last, above: final_least, below });
        regions
    }

    fn least(&self, sizes: ArmSizes, threshold: f64) -> Vec<u32> {
        self.model.least_for_success(sizes.control, sizes.experimental, threshold)
    }

    /// Returns, by the successes in the control arm, the least number in the experimental arm that is not
    /// futile.
    fn futile(&self, sizes: ArmSizes, last: ArmSizes, final_least: &[u32]) -> Vec<u32> {
        match self.futility {
            None => vec![0; sizes.control as usize + 1],
            // Not futile is at or above the probability, as success is.
            Some(FutilityBelow::Posterior(least)) => self.least(sizes, least),
            Some(FutilityBelow::Predictive(least)) => {
                let later = [last.control, last.experimental];
                let mut scratch = [Vec::new(), Vec::new()];
                let mut successes = 0;
                let rows = 0..=sizes.control;
                // The predictive probability rises and falls as the posterior probability does.
                rows.map(|control| {
                    while successes <= sizes.experimental {
                        let data = ProportionData {
                            control: ArmCount { successes: control, patients: sizes.control },
                            experimental: ArmCount { successes, patients: sizes.experimental },
                        };
                        let predicted = self.model.predictive_probability(
                            data,
                            later,
                            final_least,
                            &mut scratch,
                        );
                        if predicted >= least {
                            break;
                        }
                        successes += 1;
                    }
                    successes
                })
                .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::OutcomeTable;
    use crate::bayes::{DecisionCache, DecisionData, LookPlace};
    use crate::design::Decision;
    use crate::num::beta::Beta;
    use crate::outcome::Mrs;

    /// Every table of small looks, with success by the predictive probability, harm and futility.
    #[test]
    fn regions_are_the_decisions_of_all_tables() {
        let prior = Beta { a: 1.0, b: 1.5 };
        let cut = Mrs::INDEPENDENT;
        let model = DecisionModel::BetaBinomial { control: prior, experimental: prior, cut };
        let sizes = [8, 16, 24].map(|n| ArmSizes { control: n, experimental: n });
        for predictive_success in [None, Some(0.9)] {
            let rules = DecisionRules {
                success: vec![0.99, 0.98, 0.96],
                effect_above: 0.05,
                predictive_success,
                futility: Some(FutilityBelow::Predictive(0.05)),
                harm: Some(HarmAtLeast { probability: 0.9, effect_below: -0.05 }),
                early_known_after_days: None,
            };
            let regions = rules.regions(&model, &sizes).expect("counts of successes");
            let mut cache = DecisionCache::default();
            for (look, region) in regions.iter().enumerate() {
                let place = LookPlace { look, is_final: look == 2 };
                let n = region.sizes.control;
                for (c, e) in (0..=n).flat_map(|c| (0..=n).map(move |e| (c, e))) {
                    let outcomes = OutcomeTable {
                        counts: [c, e].map(|successes| [successes, 0, 0, 0, 0, 0, n - successes]),
                    };
                    let data = DecisionData {
                        outcomes: &outcomes,
                        observed: None,
                        later: [24, 24],
                        early: None,
                    };
                    let decision = rules.decide(&model, place, data, &mut cache);
                    let row = c as usize;
                    let expected = if e >= region.above[row] {
                        "above"
                    } else if e < region.below[row] {
                        "below"
                    } else {
                        "continue"
                    };
                    let found = match decision {
                        Decision::Efficacy => "above",
                        Decision::Futility | Decision::Harm => "below",
                        Decision::Continue => "continue",
                    };
                    assert_eq!(found, expected, "look {look}, {c} and {e} of {n}");
                }
            }
        }
    }
}
