//! Balance and predictability of the allocation when all patients are randomised.

use serde::Serialize;

use super::moments::{ExactMoments, Histogram};
use super::tally::Tally;
use super::{CentreSummary, McEstimate};
use crate::scenario::Scenario;

/// Balance of the arms when all patients are randomised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllocationBalance {
    /// Difference between the arms in the whole trial.
    pub arm_difference: ArmImbalance,
    /// Balance within each level of each factor.
    pub levels: Vec<LevelBalance>,
    /// Predictability of the allocation.
    pub correct_guesses: GuessedShares,
    /// Balance and predictability within centres, if the scenario has centres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centres: Option<CentreSummary>,
}

/// Shares of patients whose arm is guessed by the convergence strategy of Blackwell & Hodges (1957, Ann
/// Math Stat 28:449): the arm that is behind so far, relative to the ratio; in a tie the larger arm, or half
/// a guess on each if the arms are equal. Complete randomisation of equal arms gives ½.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuessedShares {
    /// Share guessed by an observer who knows the arms of all patients so far.
    pub whole_trial: McEstimate,
    /// Share guessed by an observer who knows the arms in the patient's stratum, a combination of all
    /// factors.
    pub within_strata: McEstimate,
}

/// |n_e − n_c| in a 1:1 trial; with another ratio, twice the distance of n_e from its share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmImbalance {
    /// Mean absolute difference.
    pub mean: McEstimate,
    /// 95th percentile.
    pub p95: McEstimate,
}

/// Balance within one level of a factor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelBalance {
    /// Name of the factor.
    pub factor: String,
    /// Name of the level.
    pub level: String,
    /// Difference between the arms among patients of this level.
    pub arm_difference: ArmImbalance,
}

impl AllocationBalance {
    pub(super) fn new(scenario: &Scenario, tally: &Tally) -> Self {
        let parts = f64::from(scenario.ratio.parts());
        // The whole trial comes first, then the levels in the order of the factors.
        let (trial, by_level) = tally.imbalances().split_first().expect("the trial is counted");
        let levels = scenario.population.factors().iter().flat_map(|factor| {
            factor.levels.iter().map(|level| (factor.name.clone(), level.clone()))
        });
        Self {
            arm_difference: ArmImbalance::new(trial, parts),
            levels: levels
                .zip(by_level)
                .map(|((factor, level), imbalances)| LevelBalance {
                    factor,
                    level,
                    arm_difference: ArmImbalance::new(imbalances, parts),
                })
                .collect(),
            correct_guesses: GuessedShares::new(scenario.randomised, tally.correct_guesses()),
            centres: tally.centres().and_then(|tally| CentreSummary::new(scenario, tally)),
        }
    }
}

impl ArmImbalance {
    /// Imbalances are counted in units of the sum of the allocation ratio.
    fn new(imbalances: &Histogram, parts: f64) -> Self {
        Self {
            mean: McEstimate::histogram_mean(imbalances, 1.0 / parts),
            p95: McEstimate::quantile(imbalances, 0.95, 1.0 / parts),
        }
    }
}

impl GuessedShares {
    /// Half guesses, on each arm of a tie, are counted as halves.
    fn new(patients: u32, halves: &[ExactMoments; 2]) -> Self {
        let all = 2.0 * f64::from(patients);
        let [whole_trial, within_strata] = halves.each_ref().map(|halves| {
            let McEstimate { value, mcse, n, .. } = McEstimate::mean(halves);
            // Divided, not `scaled` by the reciprocal, which differs in the last digit.
            McEstimate::new(value / all, mcse / all, n)
        });
        Self { whole_trial, within_strata }
    }
}
