//! Tests and estimates from the outcomes known at a look.
//!
//! An analysis sees count tables and nothing else: neither the truth nor the scenario. Z > 0 and
//! an odds ratio above 1 favour the experimental arm.

pub mod proportional_odds;
pub mod restricted;
pub mod two_proportions;

use crate::num::normal::upper_tail;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;
use proportional_odds::ShiftTest;

/// Counts by arm × mRS of the outcomes known at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutcomeTable {
    /// Control first; by mRS within an arm.
    pub counts: [[u32; LEVELS]; 2],
}

impl OutcomeTable {
    /// Adds one patient.
    #[inline]
    pub fn record(&mut self, arm: Arm, mrs: Mrs) {
        self.counts[arm.index()][mrs.index()] += 1;
    }

    /// Adds every patient of another table.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *mine += theirs;
        }
    }

    /// Number of patients.
    pub fn total(&self) -> u32 {
        self.counts.iter().flatten().sum()
    }

    /// The counts as weights of a fit.
    fn weights(&self) -> [[f64; LEVELS]; 2] {
        self.counts.map(|arm| arm.map(f64::from))
    }
}

/// What a trial is monitored with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AnalysisMethod {
    /// Pooled Z test of the proportions with mRS at or below a cut.
    TwoProportions {
        /// The best outcomes count as success: 2 for functional independence.
        cut: Mrs,
    },
    /// Proportional-odds model with treatment as its only covariate.
    ProportionalOdds {
        /// The statistic that is compared with the boundary.
        test: ShiftTest,
    },
}

impl AnalysisMethod {
    /// The test statistic alone, for a look that only asks whether to stop. `None` when the data
    /// give none (see [`FitStatus`]).
    pub fn statistic(self, table: &OutcomeTable) -> Option<f64> {
        match self {
            Self::TwoProportions { cut } => two_proportions::pooled_z(table, cut),
            Self::ProportionalOdds { test: ShiftTest::Score } => proportional_odds::score_z(table),
            Self::ProportionalOdds { test: ShiftTest::Wald } => {
                let fit = proportional_odds::fit(&table.weights());
                (fit.status == FitStatus::Converged).then(|| fit.z())
            }
        }
    }

    /// The statistic with its estimate and standard error.
    pub fn test(self, table: &OutcomeTable) -> TestResult {
        match self {
            Self::TwoProportions { cut } => two_proportions::test(table, cut),
            Self::ProportionalOdds { test } => proportional_odds::test(table, test),
        }
    }

    /// The scale of the method's estimate.
    pub fn scale(self) -> EffectScale {
        match self {
            Self::TwoProportions { .. } => EffectScale::RiskDifference,
            Self::ProportionalOdds { .. } => EffectScale::LogCommonOddsRatio,
        }
    }
}

/// What an estimate measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectScale {
    /// Experimental minus control proportion.
    RiskDifference,
    /// Natural logarithm of the common odds ratio, above 0 when the experimental arm does better.
    LogCommonOddsRatio,
}

/// Whether the data allowed a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitStatus {
    /// The estimate and its standard error are finite.
    Converged,
    /// An arm is empty or every patient has the same outcome: no information, no statistic.
    NoInformation,
    /// The arms do not overlap: the odds ratio's estimate is 0 or infinite, the standard error of
    /// the risk difference 0.
    Separated,
    /// The iteration did not settle.
    NotConverged,
}

/// A test and its estimate. Where `status` is not `Converged` the numbers are NaN or infinite and
/// must be counted, not averaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// On the method's [`EffectScale`].
    pub estimate: f64,
    /// Of the estimate.
    pub standard_error: f64,
    /// The statistic that is compared with the boundary.
    pub z: f64,
    /// Whether the fit worked.
    pub status: FitStatus,
}

impl TestResult {
    /// P(Z ≥ z) under the null of no effect.
    pub fn p_one_sided(&self) -> f64 {
        upper_tail(self.z)
    }

    pub(crate) fn failed(status: FitStatus) -> Self {
        Self { estimate: f64::NAN, standard_error: f64::NAN, z: f64::NAN, status }
    }
}
