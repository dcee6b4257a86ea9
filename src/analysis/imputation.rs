//! Imputation of missing outcomes, and the combination of several analyses of imputed data.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::{CellLayout, Grouping};
use super::margin::NullEffects;
use super::proportional_odds::adjusted::Model;
use super::proportional_odds::covariates::Covariates;
use super::proportional_odds::levels::Levels;
use super::{FitStatus, KnownOutcomes, TestResult, Z_95};
use crate::num::student;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;

/// Rule for missing outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum MissingRule {
    /// Patients with a missing outcome are excluded.
    CompleteCase {},
    /// Each missing outcome counts as this mRS: 6, or 5, is the worst case.
    SingleValue {
        /// Value in both arms.
        #[schemars(with = "u8", range(min = 0, max = 6))]
        mrs: Mrs,
    },
    /// Each missing outcome counts as the mRS of its arm: best case for one, worst for the other.
    ByArm {
        /// Value in the control arm.
        #[schemars(with = "u8", range(min = 0, max = 6))]
        control: Mrs,
        /// Value in the experimental arm.
        #[schemars(with = "u8", range(min = 0, max = 6))]
        experimental: Mrs,
    },
    /// Each missing outcome counts as the early mRS, of `early_outcome`.
    LastObservation {},
    /// Missing outcomes are drawn several times from a proportional-odds model of the observed ones, and
    /// the analyses combined by Rubin's rules. The statistic is the combined estimate over its standard
    /// error, for every method.
    MultipleImputation {
        /// Number of imputations.
        #[serde(default = "twenty")]
        #[schemars(range(min = 2, max = 1000))]
        imputations: u32,
        /// Factors in the model in addition to treatment; none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adjust_for: Vec<String>,
        /// Whether the early mRS, of `early_outcome`, is in the model too.
        #[serde(default)]
        early: bool,
        /// Log odds of a better outcome added for missing experimental patients; below 0 they did worse
        /// than the model predicts (delta adjustment, for tipping points).
        #[serde(default)]
        #[schemars(range(min = -20.0, max = 20.0))]
        log_odds_experimental: f64,
    },
}

fn twenty() -> u32 {
    20
}

impl Default for MissingRule {
    fn default() -> Self {
        Self::CompleteCase {}
    }
}

/// Describes the value that missing outcomes get, as a predicate of "missing outcomes".
impl fmt::Display for MissingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CompleteCase {} => f.write_str("left out (complete cases)"),
            Self::SingleValue { mrs } => write!(f, "count as mRS {mrs}"),
            Self::ByArm { control, experimental } => write!(
                f,
                "count as mRS {control} in the control arm and {experimental} in the experimental arm"
            ),
            Self::LastObservation {} => {
                f.write_str("count as the early mRS (last observation carried forward)")
            }
            Self::MultipleImputation { imputations, adjust_for, early, log_odds_experimental } => {
                write!(f, "imputed {imputations} times by a proportional-odds model of treatment")?;
                let early = early.then_some("the early mRS");
                for covariate in adjust_for.iter().map(String::as_str).chain(early) {
                    write!(f, ", {covariate}")?;
                }
                if *log_odds_experimental != 0.0 {
                    write!(
                        f,
                        ", {log_odds_experimental} added to the log odds of experimental patients"
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl MissingRule {
    /// Whether it needs the early mRS.
    pub fn uses_early(&self) -> bool {
        match self {
            Self::LastObservation {} => true,
            Self::MultipleImputation { early, .. } => *early,
            Self::CompleteCase {} | Self::SingleValue { .. } | Self::ByArm { .. } => false,
        }
    }

    /// Names of the factors in the imputation model.
    pub fn factors(&self) -> &[String] {
        match self {
            Self::MultipleImputation { adjust_for, .. } => adjust_for,
            Self::CompleteCase {}
            | Self::SingleValue { .. }
            | Self::ByArm { .. }
            | Self::LastObservation {} => &[],
        }
    }

    /// The rule in words, after the description of a method and a comma; empty for complete cases.
    pub fn describe(&self) -> String {
        match self {
            Self::CompleteCase {} => String::new(),
            Self::SingleValue { mrs } => format!(", missing as mRS {mrs}"),
            Self::ByArm { control, experimental } => {
                format!(", missing as mRS {control} (control) and {experimental} (experimental)")
            }
            Self::LastObservation {} => ", missing as the early mRS".to_owned(),
            Self::MultipleImputation { imputations, log_odds_experimental, .. } => {
                let shift = match *log_odds_experimental {
                    0.0 => String::new(),
                    shift => format!(", experimental by {shift} log odds"),
                };
                format!(", missing imputed {imputations} times{shift}")
            }
        }
    }

    /// Binds the rule to the cells of a scenario; `factors` are the positions in the population of
    /// [`MissingRule::factors`].
    pub fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Imputation {
        match *self {
            Self::CompleteCase {} => Imputation::None,
            Self::SingleValue { mrs } => Imputation::Single(SingleImputation::Value([mrs; 2])),
            Self::ByArm { control, experimental } => {
                Imputation::Single(SingleImputation::Value([control, experimental]))
            }
            Self::LastObservation {} => Imputation::Single(SingleImputation::LastObservation),
            Self::MultipleImputation { imputations, early, log_odds_experimental, .. } => {
                Imputation::Multiple(Box::new(MultipleImputation::new(
                    cells,
                    factors,
                    early,
                    imputations,
                    log_odds_experimental,
                )))
            }
        }
    }
}

/// One value for every missing outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleImputation {
    /// This mRS in control and experimental arm.
    Value([Mrs; 2]),
    /// The early mRS, by which cells must differ.
    LastObservation,
}

impl SingleImputation {
    /// Fills `completed` with the outcomes of a look and an imputed outcome of each missing patient.
    pub fn complete(self, known: &KnownOutcomes, completed: &mut KnownOutcomes) {
        // Reuses the memory of the last look.
        completed.clone_from(known);
        for (cell, missing) in known.missing.iter().enumerate() {
            for (arm, &patients) in [Arm::Control, Arm::Experimental].into_iter().zip(missing) {
                let mrs = match self {
                    Self::Value(of_arm) => of_arm[arm.index()],
                    // The early mRS varies fastest among the cells.
                    Self::LastObservation => {
                        Mrs::new((cell % LEVELS) as u8).expect("a remainder is a score")
                    }
                };
                completed.record_many(arm, cell, mrs, patients);
            }
        }
        completed.missing.iter_mut().for_each(|missing| *missing = [0; 2]);
    }
}

/// Outcomes drawn several times from a model of the observed ones.
#[derive(Debug, Clone, PartialEq)]
pub struct MultipleImputation {
    /// Number of imputations, at least 2.
    pub imputations: u32,
    /// The model, with treatment.
    pub model: Model,
    /// Groups of the model.
    pub grouping: Grouping,
    /// Whether the patients of a group are left out of the model.
    pub left_out: Vec<bool>,
    /// Log odds of a better outcome added to those of missing experimental patients.
    pub log_odds_experimental: f64,
}

/// The imputation of an analysis, bound to the cells of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub enum Imputation {
    /// Patients with a missing outcome are excluded.
    None,
    /// One value for each missing outcome.
    Single(SingleImputation),
    /// Several values for each missing outcome.
    Multiple(Box<MultipleImputation>),
}

impl MultipleImputation {
    /// The model has the levels of some factors, given by position, and the early mRS if `early`.
    fn new(
        cells: CellLayout<'_>,
        factors: &[usize],
        early: bool,
        imputations: u32,
        log_odds_experimental: f64,
    ) -> Self {
        let grouping = Grouping::new(cells.all().map(|(stratum, first)| {
            let levels = cells.population.levels(stratum);
            let of_factors = factors.iter().map(|&factor| levels[factor]);
            of_factors.chain(early.then_some(first)).collect()
        }));
        let mut rows = grouping.indicators_of(factors.len());
        let mut left_out = vec![false; rows.len()];
        if early {
            let groups = rows.iter_mut().zip(grouping.levels()).zip(&mut left_out);
            for ((row, levels), left_out) in groups {
                let first = levels[factors.len()];
                // As a number: of seven indicators many would have no patients.
                row.push(first as f64);
                // Patients who were dead early always have an outcome. In the model they would
                // determine the coefficient of the early mRS for the others.
                *left_out = first == Mrs::DEAD.index();
            }
        }
        let model = Model { levels: Levels::ALL, covariates: Covariates::new(&rows) };
        Self { imputations, model, grouping, left_out, log_odds_experimental }
    }
}

/// Analyses of several completed data sets, combined by Rubin's rules (1987, Multiple Imputation for
/// Nonresponse in Surveys, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rubin {
    imputations: f64,
    /// Running mean of the estimates and sum of their squared distances from it.
    mean: f64,
    squares: f64,
    /// Sum of the squared standard errors.
    within: f64,
    /// The first analysis without an estimate, if any.
    failed: Option<TestResult>,
}

impl Rubin {
    /// Adds an analysis; without an estimate in one of them, the combination has none.
    pub fn add(&mut self, test: &TestResult) {
        if !test.has_estimate() {
            // Without those that fail, the imputations would be a selection by their own results.
            self.failed = self.failed.or(Some(*test));
            return;
        }
        self.imputations += 1.0;
        // Welford's update: no digits cancel if the estimates hardly differ.
        let distance = test.estimate - self.mean;
        self.mean += distance / self.imputations;
        self.squares += distance * (test.estimate - self.mean);
        self.within += test.standard_error * test.standard_error;
    }

    /// Mean estimate, total variance within + (1 + 1/m)·between, and Z as the normal score of
    /// Student's t with Rubin's degrees of freedom (m − 1)(1 + 1/r)², r the relative increase of the
    /// variance, against the null effects. The interval is that of t.
    pub fn combined(&self, null: NullEffects) -> TestResult {
        if let Some(failed) = self.failed {
            return failed;
        }
        let m = self.imputations;
        let within = self.within / m;
        // Without missing outcomes there is a single analysis, and no variance between.
        let between = if m > 1.0 { (1.0 + 1.0 / m) * self.squares / (m - 1.0) } else { 0.0 };
        let standard_error = (within + between).sqrt();
        let relative = 1.0 + within / between;
        let degrees = (m - 1.0) * relative * relative;
        // Without variance between imputations the degrees of freedom are infinite or NaN, and from 10⁷
        // on t does not differ from the normal distribution in the digits of Z.
        let is_normal = degrees.is_nan() || degrees > 1e7;
        let z = null.z(|effect| {
            let t = (self.mean - effect) / standard_error;
            if is_normal { t } else { student::normal_score(t, degrees) }
        });
        let quantile = if is_normal { Z_95 } else { student::upper_quantile(0.025, degrees) };
        let reach = quantile * standard_error;
        TestResult {
            estimate: self.mean,
            standard_error,
            z,
            status: FitStatus::Converged,
            interval: (self.mean - reach, self.mean + reach),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Detail;
    use super::*;

    fn result(estimate: f64, standard_error: f64) -> TestResult {
        let z = estimate / standard_error;
        TestResult::with_wald_interval(estimate, standard_error, z, FitStatus::Converged)
    }

    fn combined(estimates: &[(f64, f64)]) -> TestResult {
        let mut rubin = Rubin::default();
        estimates.iter().for_each(|&(estimate, error)| rubin.add(&result(estimate, error)));
        rubin.combined(NullEffects::NONE)
    }

    /// Three imputations: mean 0.5, within 0.04, between 0.01, total 0.04 + 4/3·0.01.
    #[test]
    fn rubins_rules_give_the_values_computed_by_hand() {
        let test = combined(&[(0.4, 0.2), (0.5, 0.2), (0.6, 0.2)]);
        let between = 4.0 / 3.0 * 0.01;
        assert!((test.estimate - 0.5).abs() < 1e-15);
        assert!((test.standard_error - (0.04f64 + between).sqrt()).abs() < 1e-15);
        let degrees = 2.0 * (1.0 + 0.04 / between).powi(2);
        let t = 0.5 / test.standard_error;
        assert!((test.z - student::normal_score(t, degrees)).abs() < 1e-12);
        assert!(test.z < t);
        let reach = student::upper_quantile(0.025, degrees) * test.standard_error;
        assert!((test.interval.1 - 0.5 - reach).abs() < 1e-12);
    }

    #[test]
    fn imputations_that_agree_combine_to_one_analysis() {
        let test = combined(&[(0.3, 0.1); 5]);
        assert!((test.z - 3.0).abs() < 1e-12 && (test.standard_error - 0.1).abs() < 1e-15);
        assert_eq!(combined(&[(0.3, 0.1)]).z, result(0.3, 0.1).z);
    }

    #[test]
    fn one_analysis_without_an_estimate_leaves_no_combined_estimate() {
        let mut rubin = Rubin::default();
        rubin.add(&result(0.3, 0.1));
        rubin.add(&TestResult::failed(FitStatus::Separated));
        assert_eq!(rubin.combined(NullEffects::NONE).status, FitStatus::Separated);
    }

    #[test]
    fn missing_patients_get_the_single_value_of_their_arm_or_cell() {
        let detail = Detail { cells: LEVELS, by_centre: false, by_early: true, missing: true };
        let mut known = KnownOutcomes::default();
        known.reset(detail);
        known.record(Arm::Control, 3, Mrs::INDEPENDENT);
        known.record_missing(Arm::Control, 4);
        known.record_missing(Arm::Experimental, 1);
        known.record_missing(Arm::Experimental, 1);
        let mut completed = KnownOutcomes::default();
        SingleImputation::LastObservation.complete(&known, &mut completed);
        assert_eq!(completed.all.counts, [[0, 0, 1, 0, 1, 0, 0], [0, 2, 0, 0, 0, 0, 0]]);
        assert_eq!(completed.cells[4].counts[0][4], 1);
        let worst = SingleImputation::Value([Mrs::new(0).expect("a score"), Mrs::DEAD]);
        worst.complete(&known, &mut completed);
        assert_eq!(completed.all.counts, [[1, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 2]]);
        assert_eq!(completed.missing, [[0; 2]; LEVELS]);
    }
}
