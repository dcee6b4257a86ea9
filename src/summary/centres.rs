//! Balance and predictability of the allocation within centres.

use serde::{Deserialize, Serialize};

use super::merge::merge_fields;
use super::moments::{ExactMoments, Histogram};
use super::{ArmImbalance, McEstimate};
use crate::scenario::Scenario;
use crate::trial::CentreBalance;

/// Balance and predictability within centres when all are randomised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CentreSummary {
    /// Number of centres of the trial.
    pub number: u32,
    /// Difference between the arms within a centre that has patients: the mean over the centres of a
    /// trial, and the 95th percentile over the centres of all trials.
    pub arm_difference: ArmImbalance,
    /// Share of patients whose arm is guessed by an observer who knows the arms in the patient's centre, as
    /// in [`GuessedShares`](super::GuessedShares).
    pub correct_guesses: McEstimate,
    /// Number of patients of the largest centre.
    pub largest: McEstimate,
    /// Number of centres without a patient.
    pub empty: McEstimate,
    /// Number of centres whose patients are all in one arm.
    pub one_arm: McEstimate,
}

/// Counts over replicates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct CentreTally {
    /// Mean imbalance over the centres of a trial.
    mean: ExactMoments,
    imbalances: Histogram,
    halves_guessed: ExactMoments,
    largest: ExactMoments,
    empty: ExactMoments,
    one_arm: ExactMoments,
}

merge_fields!(CentreTally { mean, imbalances, halves_guessed, largest, empty, one_arm });

impl CentreTally {
    pub fn add(&mut self, balance: &CentreBalance) {
        let CentreBalance { imbalances, halves_guessed, largest, empty, one_arm } = balance;
        let sum: u64 = imbalances.iter().map(|&imbalance| u64::from(imbalance)).sum();
        self.mean.add(sum as f64 / imbalances.len() as f64);
        imbalances.iter().for_each(|&imbalance| self.imbalances.add(imbalance));
        self.halves_guessed.add(f64::from(*halves_guessed));
        self.largest.add(f64::from(*largest));
        self.empty.add(f64::from(*empty));
        self.one_arm.add(f64::from(*one_arm));
    }

    /// Whether `n` replicates of a scenario can have these counts.
    pub fn is_of(&self, n: u64, scenario: &Scenario) -> bool {
        let centres = scenario.centres.as_ref().map_or(0, |centres| centres.number);
        let (patients, centres) = (f64::from(scenario.randomised), f64::from(centres));
        self.mean.is_of(n, f64::INFINITY)
            && self.imbalances.is_possible(u32::MAX)
            && self.imbalances.n() as f64 <= n as f64 * centres
            && self.halves_guessed.is_of(n, 2.0 * patients)
            && self.largest.is_of(n, patients)
            && [&self.empty, &self.one_arm].into_iter().all(|count| count.is_of(n, centres))
    }
}

impl CentreSummary {
    /// Reads the balance within centres off a tally; `None` without centres.
    pub(super) fn new(scenario: &Scenario, tally: &CentreTally) -> Option<Self> {
        let number = scenario.centres.as_ref()?.number;
        // Imbalances are counted in units of the sum of the allocation ratio.
        let scale = 1.0 / f64::from(scenario.ratio.parts());
        Some(Self {
            number,
            arm_difference: ArmImbalance {
                mean: McEstimate::mean(&tally.mean).scaled(scale),
                // The centres of one trial are dependent, so the independent units are the trials.
                p95: McEstimate::quantile_by(
                    |p| tally.imbalances.quantile(p),
                    tally.mean.n(),
                    0.95,
                    scale,
                ),
            },
            correct_guesses: McEstimate::mean(&tally.halves_guessed)
                .scaled(0.5 / f64::from(scenario.randomised)),
            largest: McEstimate::mean(&tally.largest),
            empty: McEstimate::mean(&tally.empty),
            one_arm: McEstimate::mean(&tally.one_arm),
        })
    }
}
