//! Tests and estimates from the outcomes known at a look.
//!
//! An analysis sees count tables and nothing else: neither the truth nor the scenario. Z > 0 and
//! an odds ratio above 1 favour the experimental arm.

pub mod proportional_odds;
pub mod restricted;
pub mod stratified;
pub mod two_proportions;
pub mod utilities;
pub mod wilcoxon;
pub mod wins;

use crate::num::normal::upper_tail;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;
use proportional_odds::ShiftTest;

/// Patients by arm × mRS, control first, as weights of a fit: counts, or expected shares of them.
pub type Counts = [[f64; LEVELS]; 2];

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
    fn weights(&self) -> Counts {
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

/// What an estimate measures, experimental against control; above 0 is benefit on every scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectScale {
    /// Experimental minus control proportion.
    RiskDifference,
    /// Natural logarithm of the ratio of two proportions.
    LogRiskRatio,
    /// Natural logarithm of the odds ratio at one cut.
    LogOddsRatio,
    /// Natural logarithm of the odds ratio that all cuts share.
    LogCommonOddsRatio,
    /// P(an experimental patient does better than a control patient) − P(worse).
    NetBenefit,
    /// Natural logarithm of the odds of doing better, ties split.
    LogWinOdds,
    /// Natural logarithm of P(better) / P(worse), ties left out.
    LogWinRatio,
    /// Difference of mean utilities.
    UtilityDifference,
}

impl EffectScale {
    /// For files.
    pub fn name(self) -> &'static str {
        match self {
            Self::RiskDifference => "risk_difference",
            Self::LogRiskRatio => "log_risk_ratio",
            Self::LogOddsRatio => "log_odds_ratio",
            Self::LogCommonOddsRatio => "log_common_odds_ratio",
            Self::NetBenefit => "net_benefit",
            Self::LogWinOdds => "log_win_odds",
            Self::LogWinRatio => "log_win_ratio",
            Self::UtilityDifference => "utility_difference",
        }
    }
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
    /// 95 % interval of the estimate, as if this were the only look.
    pub interval: (f64, f64),
}

/// The standard normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959963984540054;

impl TestResult {
    /// With the interval estimate ± 1.96 standard errors.
    pub(crate) fn with_wald_interval(
        estimate: f64,
        standard_error: f64,
        z: f64,
        status: FitStatus,
    ) -> Self {
        let reach = Z_95 * standard_error;
        let interval = (estimate - reach, estimate + reach);
        Self { estimate, standard_error, z, status, interval }
    }

    /// P(Z ≥ z) under the null of no effect.
    pub fn p_one_sided(&self) -> f64 {
        upper_tail(self.z)
    }

    pub(crate) fn failed(status: FitStatus) -> Self {
        Self::with_wald_interval(f64::NAN, f64::NAN, f64::NAN, status)
    }
}
