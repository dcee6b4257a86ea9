//! Outcomes put in the place of missing ones, and how several analyses of such data are combined.

use super::grouping::Grouping;
use super::proportional_odds::adjusted::Model;
use super::{FitStatus, KnownOutcomes, TestResult, Z_95};
use crate::num::student;
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;

/// One value for every missing outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleImputation {
    /// This mRS, in control and experimental arm: 6 in both is the worst case.
    Value([Mrs; 2]),
    /// The early mRS, which must tell the cells apart.
    LastObservation,
}

impl SingleImputation {
    /// Adds the missing patients of `known`, with their imputed outcomes, to what is known.
    pub fn complete(self, known: &KnownOutcomes, completed: &mut KnownOutcomes) {
        completed.clone_from(known);
        for (cell, missing) in known.missing.iter().enumerate() {
            for (arm, &patients) in [Arm::Control, Arm::Experimental].into_iter().zip(missing) {
                let mrs = match self {
                    Self::Value(of_arm) => of_arm[arm.index()],
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

/// Outcomes drawn several times from a model of those that are known.
#[derive(Debug, Clone, PartialEq)]
pub struct MultipleImputation {
    /// How many times, at least 2.
    pub imputations: u32,
    /// The model, with treatment.
    pub model: Model,
    /// Which group of the model each cell belongs to.
    pub grouping: Grouping,
    /// Whether the patients of a group are left out of the model: those who were dead early are never
    /// without an outcome, and would bend it for the others.
    pub left_out: Vec<bool>,
    /// Log odds of a better outcome added to those of missing experimental patients.
    pub log_odds_experimental: f64,
}

/// What is done about outcomes that are missing although follow-up has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum MissingRule {
    /// They are left out.
    CompleteCase,
    /// One value each.
    Single(SingleImputation),
    /// Several.
    Multiple(Box<MultipleImputation>),
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
    /// The first that failed, if any did.
    failed: Option<TestResult>,
}

impl Rubin {
    /// One more analysis; if it has no estimate, there is none in the end.
    pub fn add(&mut self, test: &TestResult) {
        if !test.has_estimate() {
            self.failed = self.failed.or(Some(*test));
            return;
        }
        self.imputations += 1.0;
        let distance = test.estimate - self.mean;
        self.mean += distance / self.imputations;
        self.squares += distance * (test.estimate - self.mean);
        self.within += test.standard_error * test.standard_error;
    }

    /// Mean estimate, total variance within + (1 + 1/m)·between, and Z as the normal score of
    /// Student's t, from which the interval comes too, with Rubin's degrees of freedom (m − 1)(1 + 1/r)², r the relative increase of the
    /// variance.
    pub fn combined(&self) -> TestResult {
        if let Some(failed) = self.failed {
            return failed;
        }
        let m = self.imputations;
        let within = self.within / m;
        let between = if m > 1.0 { (1.0 + 1.0 / m) * self.squares / (m - 1.0) } else { 0.0 };
        let standard_error = (within + between).sqrt();
        let relative = 1.0 + within / between;
        let degrees = (m - 1.0) * relative * relative;
        let t = self.mean / standard_error;
        // Without variance between them the degrees of freedom are infinite.
        let is_normal = degrees.is_nan() || degrees > 1e7;
        let (z, quantile) = if is_normal {
            (t, Z_95)
        } else {
            (student::normal_score(t, degrees), student::upper_quantile(0.025, degrees))
        };
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
        rubin.combined()
    }

    /// Three imputations: mean 0.5, within 0.04, between 0.01, total 0.04 + 4/3·0.01.
    #[test]
    fn rubins_rules_by_hand() {
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
    fn imputations_that_agree_are_one_analysis() {
        let test = combined(&[(0.3, 0.1); 5]);
        assert!((test.z - 3.0).abs() < 1e-12 && (test.standard_error - 0.1).abs() < 1e-15);
        assert_eq!(combined(&[(0.3, 0.1)]).z, result(0.3, 0.1).z);
    }

    #[test]
    fn an_analysis_without_an_estimate_leaves_none() {
        let mut rubin = Rubin::default();
        rubin.add(&result(0.3, 0.1));
        rubin.add(&TestResult::failed(FitStatus::Separated));
        assert_eq!(rubin.combined().status, FitStatus::Separated);
    }

    #[test]
    fn single_values_take_the_place_of_what_is_missing() {
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
