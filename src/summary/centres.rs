//! How evenly patients are allocated within centres.

use serde::{Deserialize, Serialize};

use super::moments::{Histogram, Moments};
use super::procedure::{ArmSummary, Checked, GroupSummary, MinutesSummary, PassSummary};
use super::{Imbalance, McEstimate};
use crate::scenario::Scenario;
use crate::trial::CentreBalance;

/// Balance and predictability within centres when all are randomised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CentreSummary {
    /// Centres of the trial.
    pub number: u32,
    /// Within a centre that has patients: the mean over a trial's centres, and the 95th percentile over
    /// the centres of all trials, whose error takes the centres of a trial for one.
    pub arm_difference: Imbalance,
    /// Share of patients whose arm is guessed by someone who sees only those of the patient's own
    /// centre, as in [`CorrectGuesses`](super::CorrectGuesses).
    pub correct_guesses: McEstimate,
    /// Patients of the largest centre.
    pub largest: McEstimate,
    /// Centres without a patient.
    pub empty: McEstimate,
    /// Centres whose patients are all in one arm.
    pub one_arm: McEstimate,
}

/// What replicates are folded into.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct CentreTally {
    /// Mean imbalance over the centres of a trial.
    mean: Moments,
    imbalances: Histogram,
    halves_guessed: Moments,
    largest: Moments,
    empty: Moments,
    one_arm: Moments,
}

impl CentreTally {
    pub fn add(&mut self, balance: &CentreBalance) {
        let CentreBalance { imbalances, halves_guessed, largest, empty, one_arm } = balance;
        let sum: u64 = imbalances.iter().map(|&imbalance| u64::from(imbalance)).sum();
        self.mean.add(sum as f64 / imbalances.len() as f64);
        imbalances.iter().for_each(|&imbalance| self.imbalances.add(imbalance));
        let counts = [
            (&mut self.halves_guessed, halves_guessed),
            (&mut self.largest, largest),
            (&mut self.empty, empty),
            (&mut self.one_arm, one_arm),
        ];
        counts.into_iter().for_each(|(moments, &count)| moments.add(f64::from(count)));
    }

    /// Whether it can be that of `n` replicates of a scenario.
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

    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
        self.imbalances.merge(&other.imbalances);
        self.halves_guessed.merge(&other.halves_guessed);
        self.largest.merge(&other.largest);
        self.empty.merge(&other.empty);
        self.one_arm.merge(&other.one_arm);
    }
}

impl CentreSummary {
    /// `None` without centres.
    pub(super) fn new(scenario: &Scenario, tally: &CentreTally) -> Option<Self> {
        let number = scenario.centres.as_ref()?.number;
        let per = |moments: &Moments, scale: f64| {
            let McEstimate { value, mcse, n, .. } = McEstimate::mean(moments);
            McEstimate::new(value * scale, mcse * scale, n)
        };
        let scale = 1.0 / f64::from(scenario.ratio.parts());
        let quantile = |p: f64| tally.imbalances.quantile(p);
        Some(Self {
            number,
            arm_difference: Imbalance {
                mean: per(&tally.mean, scale),
                p95: McEstimate::quantile_by(quantile, tally.mean.n(), 0.95, scale),
            },
            correct_guesses: per(&tally.halves_guessed, 0.5 / f64::from(scenario.randomised)),
            largest: McEstimate::mean(&tally.largest),
            empty: McEstimate::mean(&tally.empty),
            one_arm: McEstimate::mean(&tally.one_arm),
        })
    }
}

impl ArmSummary {
    /// The same without errors: those of patients who are independent, which patients of centres that
    /// differ are not.
    pub(super) fn without_errors(mut self) -> Self {
        let mut figures: Vec<&mut Checked> = self.mrs.iter_mut().collect();
        for GroupSummary { share, measures, minutes, .. } in &mut self.groups {
            figures.push(share);
            figures.extend(measures.values_mut());
            if let Some(MinutesSummary { mean, p25, median, p75 }) = minutes {
                figures.extend([mean, p25, median, p75]);
            }
        }
        for PassSummary { attempted, success, reperfused, stented, unopened, .. } in
            &mut self.passes
        {
            figures.extend([attempted, success, reperfused, stented, unopened]);
        }
        figures.into_iter().for_each(|figure| figure.simulated.mcse = f64::NAN);
        self
    }
}
