//! Counts of two proportions that stop a trial by posterior or predictive probabilities, for the exact
//! recursion.

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
