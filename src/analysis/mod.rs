//! Tests and estimates from the outcomes known at a look.
//!
//! An analysis sees count tables and nothing else: neither the truth nor the scenario. Z > 0 and
//! an odds ratio above 1 favour the experimental arm. [`method`] says how a method is defined.
//!
#![doc = include_str!("README.md")]

pub mod cochran_mantel_haenszel;
pub mod grouping;
pub mod imputation;
pub mod logistic;
pub mod margin;
pub mod method;
pub mod modified_poisson;
pub mod proportional_odds;
pub mod rerandomisation;
pub mod restricted;
mod set;
pub mod sliding_dichotomy;
pub mod two_proportions;
pub mod utilities;
pub mod wilcoxon;
pub mod wins;

use crate::num::normal::upper_tail;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;
pub use method::{AnalysisMethod, BoundMethod, Scratch, Statistic};
use serde::Serialize;
pub use set::AnalysisSet;

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
        self.record_many(arm, mrs, 1);
    }

    /// Adds a number of patients with the same outcome.
    #[inline]
    pub fn record_many(&mut self, arm: Arm, mrs: Mrs, patients: u32) {
        self.counts[arm.index()][mrs.index()] += patients;
    }

    /// Adds every patient of another table.
    pub fn add(&mut self, other: &Self) {
        // Arm by arm: a flattened iterator is not vectorised.
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// Returns whether every patient of another table may be among these.
    pub fn includes(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.counts.iter().flatten(), other.counts.iter().flatten());
        mine.zip(theirs).all(|(mine, theirs)| theirs <= mine)
    }

    /// Removes every patient of another table, all of whom are in this one.
    pub fn remove(&mut self, other: &Self) {
        // Arm by arm: a flattened iterator is not vectorised.
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine -= theirs);
        }
    }

    /// Number of patients.
    pub fn total(&self) -> u32 {
        self.counts.iter().map(|arm| arm.iter().sum::<u32>()).sum()
    }

    /// The counts as weights of a fit.
    pub fn weights(&self) -> Counts {
        self.counts.map(|arm| arm.map(f64::from))
    }
}

/// Detail that the analyses of a trial need in addition to the outcomes of the whole trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Detail {
    /// Number of cells: strata of the population, or stratum × early mRS; 0 if none are needed.
    pub cells: usize,
    /// Whether strata are divided by centre.
    pub by_centre: bool,
    /// Whether strata are divided by early mRS, which varies fastest.
    pub by_early: bool,
    /// Whether patients without an outcome are counted.
    pub missing: bool,
}

impl Detail {
    /// The cell of a patient.
    #[inline]
    pub fn cell(self, stratum: usize, early: Option<Mrs>) -> usize {
        match (self.by_early, early) {
            (true, Some(early)) => stratum * LEVELS + early.index(),
            // An analysis that does not divide by the early mRS adds up all cells of a stratum, and one that
            // does has the early mRS of every patient whom it counts.
            (true, None) => stratum * LEVELS,
            (false, _) => stratum,
        }
    }
}

/// Outcomes known at a look, of the patients whose follow-up has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownOutcomes {
    /// Outcomes in the whole trial.
    pub all: OutcomeTable,
    /// Outcomes by cell, see [`Detail`]; empty if no analysis needs cells.
    pub cells: Vec<OutcomeTable>,
    /// Patients without an outcome in control and experimental arm, by cell, in a single one without
    /// cells; empty if no analysis needs them.
    pub missing: Vec<[u32; 2]>,
}

impl KnownOutcomes {
    /// Removes all patients, and sets the number of cells.
    pub fn reset(&mut self, detail: Detail) {
        self.all = OutcomeTable::default();
        // Keeps the memory: nothing is allocated inside a trial.
        self.cells.clear();
        self.cells.resize(detail.cells, OutcomeTable::default());
        self.missing.clear();
        self.missing.resize(if detail.missing { detail.cells.max(1) } else { 0 }, [0; 2]);
    }

    /// Adds one patient with an outcome. Without cells the number of the cell is ignored.
    #[inline]
    pub fn record(&mut self, arm: Arm, cell: usize, mrs: Mrs) {
        self.all.record(arm, mrs);
        if let Some(table) = self.cells.get_mut(cell) {
            table.record(arm, mrs);
        }
    }

    /// Adds patients with the same outcome.
    pub fn record_many(&mut self, arm: Arm, cell: usize, mrs: Mrs, patients: u32) {
        self.all.record_many(arm, mrs, patients);
        if let Some(table) = self.cells.get_mut(cell) {
            table.record_many(arm, mrs, patients);
        }
    }

    /// Adds one patient without an outcome.
    #[inline]
    pub fn record_missing(&mut self, arm: Arm, cell: usize) {
        // Without cells there is a single entry for the whole trial.
        let place = if self.cells.is_empty() { 0 } else { cell };
        if let Some(missing) = self.missing.get_mut(place) {
            missing[arm.index()] += 1;
        }
    }

    /// Adds every patient of another look of the same trial.
    pub fn add(&mut self, other: &Self) {
        self.all.add(&other.all);
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine.add(theirs);
        }
        let mine = self.missing.iter_mut().flatten();
        mine.zip(other.missing.iter().flatten()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Returns whether every patient of a look with the same cells may be among these.
    pub fn includes(&self, earlier: &Self) -> bool {
        let missing = self.missing.iter().flatten().zip(earlier.missing.iter().flatten());
        let mut cells = self.cells.iter().zip(&earlier.cells);
        self.all.includes(&earlier.all)
            && cells.all(|(mine, theirs)| mine.includes(theirs))
            && missing.into_iter().all(|(mine, theirs)| theirs <= mine)
    }

    /// Removes every patient of an earlier look of the same trial.
    pub fn remove(&mut self, earlier: &Self) {
        self.all.remove(&earlier.all);
        for (mine, theirs) in self.cells.iter_mut().zip(&earlier.cells) {
            mine.remove(theirs);
        }
        let mine = self.missing.iter_mut().flatten();
        mine.zip(earlier.missing.iter().flatten()).for_each(|(mine, theirs)| *mine -= theirs);
    }
}

/// The scale of an estimate, experimental against control; above 0 is benefit on every scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
    /// Whether all effects are between −1 and 1.
    pub fn is_within_one(self) -> bool {
        match self {
            Self::RiskDifference | Self::NetBenefit => true,
            Self::LogRiskRatio
            | Self::LogOddsRatio
            | Self::LogCommonOddsRatio
            | Self::LogWinOdds
            | Self::LogWinRatio
            | Self::UtilityDifference => false,
        }
    }

    /// Whether effects are logarithms of odds.
    pub fn is_log_odds(self) -> bool {
        match self {
            Self::LogOddsRatio | Self::LogCommonOddsRatio | Self::LogWinOdds => true,
            Self::RiskDifference
            | Self::LogRiskRatio
            | Self::NetBenefit
            | Self::LogWinRatio
            | Self::UtilityDifference => false,
        }
    }

    /// The nearest value that an effect can have. Limits of a normal approximation beyond it include no
    /// more effects than limits at the end of the scale.
    pub fn within(self, value: f64) -> f64 {
        if self.is_within_one() { value.clamp(-1.0, 1.0) } else { value }
    }

    /// Name in files.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FitStatus {
    /// The estimate and its standard error are finite.
    Converged,
    /// The data say nothing of the effect, as with an empty arm or one outcome for all patients: no
    /// statistic.
    NoInformation,
    /// All effects beyond a limit fit the data, as when each patient of one arm does at least as well as
    /// each of the other: the log odds ratio is infinite, or the standard error of a difference is 0.
    /// Score and rank tests still have a statistic.
    Separated,
    /// The iteration did not converge.
    NotConverged,
}

/// A test and its estimate. Unless `status` is `Converged`, some of the numbers are NaN or infinite;
/// an estimate and its error enter averages if both are finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// Estimate on the method's [`EffectScale`].
    pub estimate: f64,
    /// Standard error of the estimate.
    pub standard_error: f64,
    /// Statistic compared with the boundary.
    pub z: f64,
    /// Whether the fit worked.
    pub status: FitStatus,
    /// 95 % confidence interval of the estimate, not adjusted for other looks.
    pub interval: (f64, f64),
}

/// The standard normal quantile of a two-sided 95 % interval.
// A literal, since a constant cannot call the quantile function.
const Z_95: f64 = 1.959963984540054;

impl TestResult {
    /// A test with the interval estimate ± 1.96 standard errors.
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

    /// Whether the estimate and its error are finite, as they are of a certain difference, too, such as
    /// that of 0/50 and 0/50.
    pub fn has_estimate(&self) -> bool {
        self.estimate.is_finite() && self.standard_error.is_finite()
    }

    /// P(Z ≥ z) under the null of no effect.
    pub fn p_one_sided(&self) -> f64 {
        upper_tail(self.z)
    }

    /// A test without estimate and statistic.
    pub(crate) fn failed(status: FitStatus) -> Self {
        Self::with_wald_interval(f64::NAN, f64::NAN, f64::NAN, status)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Counts;
    use proptest::prelude::*;

    /// Tables with counts below a number.
    pub(crate) fn counts(below: u32) -> impl Strategy<Value = Counts> {
        prop::array::uniform2(prop::array::uniform7(0..below))
            .prop_map(|counts| counts.map(|arm| arm.map(f64::from)))
    }
}
