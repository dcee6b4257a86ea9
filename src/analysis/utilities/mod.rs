//! The utility-weighted mRS: a difference of mean utilities by Student's or Welch's t, or adjusted
//! for covariates by ordinary least squares.
//!
//! Z is the normal score with the same tail probability as t, so that boundaries on the Z scale apply.

pub mod regression;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grouping::CellLayout;
use super::margin::NullEffects;
use super::method::{
    ArmComparison, Binding, GroupedBy, Method, ParameterError, PatientScore, Test,
};
use super::proportional_odds::{adjusted, adjusted_for};
use super::{Counts, EffectScale, FitStatus, TestResult};
use crate::num::student;
use crate::outcome::{LEVELS, Mrs};
use regression::CovariateRows;

/// Parameters of a comparison of mean utilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UtilityWeighted {
    /// Utility of mRS 0 to 6. Published sets differ.
    #[schemars(inner(range(min = -1e6, max = 1e6)))]
    pub utilities: [f64; 7],
    /// The t statistic whose p value, as a normal score, is compared with the boundary.
    #[serde(default)]
    pub test: MeansTest,
    /// Factors whose levels are covariates of a linear regression; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjust_for: Vec<String>,
}

/// Test of two means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeansTest {
    /// Student's, with pooled variance.
    #[default]
    Student,
    /// Welch's, with a variance for each arm; not with covariates.
    Welch,
}

/// A t test of mean utilities.
#[derive(Debug)]
struct UnadjustedMeans {
    utilities: Utilities,
    test: MeansTest,
    null: NullEffects,
}

/// A linear regression of utilities on covariates and treatment.
#[derive(Debug)]
struct AdjustedMeans {
    utilities: Utilities,
    covariates: CovariateRows,
    null: NullEffects,
}

impl Method for UtilityWeighted {
    fn key(&self) -> &'static str {
        "utility_weighted"
    }

    fn describe(&self) -> String {
        let test = match (self.test, self.adjust_for.is_empty()) {
            (MeansTest::Student, true) => "Student's t test",
            (MeansTest::Welch, _) => "Welch's t test",
            (MeansTest::Student, false) => "linear regression",
        };
        let adjusted = adjusted_for(&self.adjust_for);
        format!("utility-weighted mRS, {test}{adjusted}, difference of means")
    }

    fn grouped_by(&self) -> GroupedBy<'_> {
        GroupedBy::covariates(&self.adjust_for)
    }

    fn counts_successes(&self) -> bool {
        false
    }

    fn warning(&self) -> Option<String> {
        let [best, worst] = [self.utilities[0], self.utilities[LEVELS - 1]];
        (best < worst).then(|| {
            format!(
                "gives mRS 0 a utility of {best} and death one of {worst}: higher is better here; \
                 reverse the sign of disability weights"
            )
        })
    }

    fn bind(&self, cells: CellLayout<'_>, factors: &[usize]) -> Result<Binding, ParameterError> {
        let utilities = Utilities::new(self.utilities)
            .map_err(|error| ParameterError::new("utilities", error.to_string()))?;
        if factors.is_empty() {
            let null = NullEffects::NONE;
            return Ok(Binding::of_trial(UnadjustedMeans { utilities, test: self.test, null }));
        }
        if self.test == MeansTest::Welch {
            let message = "is \"welch\" with covariates; allowed with `adjust_for`: student";
            return Err(ParameterError::new("test", message));
        }
        let grouping = cells.grouped(factors);
        let covariates = CovariateRows::new(&grouping.indicators())
            .map_err(|error| ParameterError::new("adjust_for", format!("makes {error}")))?;
        let test = AdjustedMeans { utilities, covariates, null: NullEffects::NONE };
        Ok(Binding::of_groups(test, grouping))
    }
}

impl Test for UnadjustedMeans {
    fn scale(&self) -> EffectScale {
        EffectScale::UtilityDifference
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Utility(&self.utilities)
    }

    fn comparison(&self) -> Option<ArmComparison<'_>> {
        Some(ArmComparison::Utilities { utilities: &self.utilities, test: self.test })
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        t_test(&self.utilities, &groups[0], self.test).against(self.null)
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        Ok(Box::new(Self { null, ..*self }))
    }
}

impl Test for AdjustedMeans {
    fn scale(&self) -> EffectScale {
        EffectScale::UtilityDifference
    }

    fn score(&self) -> PatientScore<'_> {
        PatientScore::Utility(&self.utilities)
    }

    fn test(&self, groups: &[Counts], _: &mut adjusted::FitScratch) -> TestResult {
        regression::adjusted_t_test(&self.utilities, &self.covariates, groups).against(self.null)
    }

    fn against(self: Box<Self>, null: NullEffects) -> Result<Box<dyn Test>, ParameterError> {
        Ok(Box::new(Self { null, ..*self }))
    }
}

/// Utility of mRS 0 to 6; higher is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utilities([f64; LEVELS]);

/// Why seven numbers are not utilities.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum UtilitiesError {
    /// A value that is NaN or infinite.
    #[error("the utility of mRS {level} is {value}; allowed: any finite number")]
    NotFinite {
        /// The mRS it belongs to.
        level: usize,
        /// Value as given.
        value: f64,
    },
    /// All utilities are equal, so that the arms could never differ.
    #[error("give every mRS the utility {0}; allowed: at least two that differ")]
    AllEqual(f64),
}

impl Utilities {
    /// Checks the utilities of mRS 0 to 6. They need neither lie in [0, 1] nor fall with the mRS
    /// (severe disability has been valued below death), but a scale on which higher is worse, such as
    /// disability weights, must be reversed first, or benefit appears as harm.
    ///
    /// # Errors
    /// When one is not finite, or all are equal.
    pub fn new(by_mrs: [f64; LEVELS]) -> Result<Self, UtilitiesError> {
        for (level, &value) in by_mrs.iter().enumerate() {
            if !value.is_finite() {
                return Err(UtilitiesError::NotFinite { level, value });
            }
        }
        if by_mrs.iter().all(|&value| value == by_mrs[0]) {
            return Err(UtilitiesError::AllEqual(by_mrs[0]));
        }
        Ok(Self(by_mrs))
    }

    /// The utility of a score.
    pub fn of(&self, mrs: Mrs) -> f64 {
        self.0[mrs.index()]
    }

    /// Utilities of mRS 0 to 6.
    pub fn by_mrs(&self) -> &[f64; LEVELS] {
        &self.0
    }

    /// Count and utility of each mRS, the utility measured from `origin`.
    fn measured_from(
        &self,
        counts: &[f64; LEVELS],
        origin: f64,
    ) -> impl Iterator<Item = (f64, f64)> {
        counts.iter().zip(&self.0).map(move |(&count, utility)| (count, utility - origin))
    }

    /// The utility of the first mRS with patients; `None` without patients.
    fn first_utility(&self, counts: &[f64; LEVELS]) -> Option<f64> {
        counts.iter().position(|&count| count > 0.0).map(|level| self.0[level])
    }

    /// Patients, mean utility and sum of squares about it; `None` without patients.
    fn moments(&self, counts: &[f64; LEVELS]) -> Option<ArmUtilities> {
        // Measured from one of them, patients with the same mRS have utilities of exactly 0, and a
        // variance that rounding cannot raise above 0.
        let origin = self.first_utility(counts)?;
        let n: f64 = counts.iter().sum();
        let shift = self.measured_from(counts, origin).map(|(count, u)| count * u).sum::<f64>() / n;
        let squares =
            self.measured_from(counts, origin + shift).map(|(count, u)| count * u * u).sum();
        Some(ArmUtilities { n, mean: origin + shift, squares })
    }
}

/// Moments of the utilities of an arm.
struct ArmUtilities {
    /// Number of patients.
    n: f64,
    mean: f64,
    /// Sum of squares about the mean.
    squares: f64,
}

/// A difference with a t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// Experimental minus control, in units of utility; NaN when the data hold none.
    pub difference: f64,
    /// Standard error of the difference; NaN when the data show none.
    pub standard_error: f64,
    /// Degrees of freedom of t = difference / error: not whole for Welch's or for expected counts.
    pub degrees_of_freedom: f64,
}

impl TTest {
    /// The variance of the difference gives no error without degrees of freedom.
    fn from_variance(difference: f64, variance: f64, degrees_of_freedom: f64) -> Self {
        // Without degrees of freedom the variance is 0/0, or that of a perfect fit.
        let standard_error = if degrees_of_freedom > 0.0 { variance.sqrt() } else { f64::NAN };
        Self { difference, standard_error, degrees_of_freedom }
    }

    /// `NoInformation` without a difference or a standard error, or when both are 0; `Separated`
    /// when the error is 0 but the difference is not: patients vary by arm (and covariates) alone.
    pub fn status(&self) -> FitStatus {
        // Comparisons with NaN are false, so that NaN ends in `NoInformation`.
        let varies = self.standard_error > 0.0 && self.standard_error.is_finite();
        if varies && self.difference.is_finite() && self.degrees_of_freedom > 0.0 {
            FitStatus::Converged
        } else if self.standard_error == 0.0 && self.difference.abs() > 0.0 {
            FitStatus::Separated
        } else {
            FitStatus::NoInformation
        }
    }

    /// The whole test. The interval is that of t, so that it excludes 0 exactly when Z exceeds 1.96.
    /// `Separated` has no Z and an interval of one point.
    pub fn result(&self) -> TestResult {
        self.against(NullEffects::NONE)
    }

    /// The whole test against null effects; without them it is [`TTest::result`].
    pub fn against(&self, null: NullEffects) -> TestResult {
        let &Self { difference: estimate, standard_error, degrees_of_freedom } = self;
        let status = self.status();
        let (z, reach) = if status == FitStatus::Converged {
            (
                null.z(|effect| {
                    student::normal_score((estimate - effect) / standard_error, degrees_of_freedom)
                }),
                student::upper_quantile(0.025, degrees_of_freedom) * standard_error,
            )
        } else if standard_error == 0.0 {
            // The difference is certain, whether it is 0 or not.
            (f64::NAN, 0.0)
        } else {
            (f64::NAN, f64::NAN)
        };
        let interval = (estimate - reach, estimate + reach);
        TestResult { estimate, standard_error, z, status, interval }
    }
}

/// The result of data without a difference.
const NO_DIFFERENCE: TTest =
    TTest { difference: f64::NAN, standard_error: f64::NAN, degrees_of_freedom: f64::NAN };

/// The difference of mean utilities. An arm of one patient has no variance of its own, so that
/// Welch's test needs two in each arm, Student's three in all.
pub fn t_test(utilities: &Utilities, counts: &Counts, test: MeansTest) -> TTest {
    let [control, experimental] = counts.each_ref().map(|arm| utilities.moments(arm));
    let (Some(control), Some(experimental)) = (control, experimental) else {
        return NO_DIFFERENCE;
    };
    let difference = experimental.mean - control.mean;
    let (variance, degrees_of_freedom) = match test {
        MeansTest::Student => {
            let df = control.n + experimental.n - 2.0;
            let pooled = (control.squares + experimental.squares) / df;
            (pooled * (1.0 / control.n + 1.0 / experimental.n), df)
        }
        MeansTest::Welch => welch(&control, &experimental),
    };
    TTest::from_variance(difference, variance, degrees_of_freedom)
}

/// Variance of the difference and its degrees of freedom (Welch 1947, Biometrika 34:28); the latter
/// 0 when an arm has a single patient, N − 2 when no patient differs from its arm.
fn welch(control: &ArmUtilities, experimental: &ArmUtilities) -> (f64, f64) {
    if control.n.min(experimental.n) <= 1.0 {
        return (f64::NAN, 0.0);
    }
    // Variances of the two means. Both are 0 if no patient differs from its arm: then Satterthwaite's
    // ratio is 0/0, and Student's degrees of freedom stand in for it.
    let [c, e] = [control, experimental].map(|arm| arm.squares / (arm.n - 1.0) / arm.n);
    if c + e == 0.0 {
        return (0.0, control.n + experimental.n - 2.0);
    }
    let df = (c + e) * (c + e) / (c * c / (control.n - 1.0) + e * e / (experimental.n - 1.0));
    (c + e, df)
}

#[cfg(test)]
mod tests {
    use super::regression::{CovariateRows, CovariateRowsError, adjusted_t_test};
    use super::*;
    use crate::analysis::tests::counts;
    use proptest::prelude::*;

    /// Chaisinanunkul 2015, Stroke 46:2238.
    const UTILITIES: Utilities = Utilities([1.0, 0.91, 0.76, 0.65, 0.33, 0.0, 0.0]);

    fn close(a: f64, b: f64) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-10 * (1.0 + a.abs())
    }

    /// Number, mean and sample variance of the utilities of patients one by one.
    fn moments(arm: &[f64; LEVELS]) -> (f64, f64, f64) {
        let values: Vec<f64> =
            (0..LEVELS).flat_map(|j| vec![UTILITIES.0[j]; arm[j] as usize]).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (n, mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
    }

    fn without_covariates(tables: usize) -> CovariateRows {
        CovariateRows::new(&vec![[0.0; 0]; tables]).expect("no covariates are fine")
    }

    proptest! {
        #[test]
        fn t_equals_that_computed_patient_by_patient(counts in counts(7)) {
            let [(n_c, mean_c, v_c), (n_e, mean_e, v_e)] = counts.each_ref().map(moments);
            prop_assume!(n_c > 1.0 && n_e > 1.0 && v_c + v_e > 1e-9);
            let equal = t_test(&UTILITIES, &counts, MeansTest::Student);
            let pooled = ((n_c - 1.0) * v_c + (n_e - 1.0) * v_e) / (n_c + n_e - 2.0);
            prop_assert!(close(equal.difference, mean_e - mean_c));
            prop_assert!(close(equal.standard_error, (pooled / n_c + pooled / n_e).sqrt()));
            prop_assert_eq!(equal.degrees_of_freedom, n_c + n_e - 2.0);
            let unequal = t_test(&UTILITIES, &counts, MeansTest::Welch);
            let (a, b) = (v_c / n_c, v_e / n_e);
            prop_assert!(close(unequal.standard_error, (a + b).sqrt()));
            let df = (a + b).powi(2) / (a * a / (n_c - 1.0) + b * b / (n_e - 1.0));
            prop_assert!(close(unequal.degrees_of_freedom, df));
            for test in [equal, unequal] {
                let t = test.difference / test.standard_error;
                let result = test.result();
                let p = student::upper_tail(t, test.degrees_of_freedom);
                prop_assert!((result.p_one_sided() - p).abs() < 1e-12);
                prop_assert_eq!(result.interval.0 > 0.0, result.z > 1.959963984540054);
            }
        }

        #[test]
        fn swapping_the_arms_flips_the_sign(counts in counts(5)) {
            for means_test in [MeansTest::Student, MeansTest::Welch] {
                let a = t_test(&UTILITIES, &counts, means_test).result();
                let b = t_test(&UTILITIES, &[counts[1], counts[0]], means_test).result();
                prop_assert_eq!(a.status, b.status);
                prop_assert!(close(a.estimate, -b.estimate) && close(a.z, -b.z));
                prop_assert!(close(a.standard_error, b.standard_error));
            }
        }

        #[test]
        fn least_squares_without_covariates_gives_students_t(
            tables in prop::collection::vec(counts(4), 1..4),
        ) {
            let mut pooled = [[0.0; LEVELS]; 2];
            for table in &tables {
                for (sum, count) in pooled.iter_mut().flatten().zip(table.iter().flatten()) {
                    *sum += count;
                }
            }
            let plain = t_test(&UTILITIES, &pooled, MeansTest::Student).result();
            let fitted = adjusted_t_test(&UTILITIES, &without_covariates(tables.len()), &tables).result();
            prop_assert_eq!(plain.status, fitted.status);
            prop_assert!(plain.status != FitStatus::Converged || close(plain.z, fitted.z));
        }

        #[test]
        fn rescaling_utilities_or_covariates_leaves_z_unchanged(
            tables in prop::array::uniform4(counts(5)), scale in 0.1..50.0f64, shift in -9.0..9.0f64,
        ) {
            let other = Utilities(UTILITIES.0.map(|u| scale * u + shift));
            let rows = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
            let scaled = rows.map(|row: [f64; 2]| [row[0] * scale + shift, row[1] - row[0]]);
            let [rows, scaled] = [rows, scaled].map(|rows| CovariateRows::new(&rows).expect("finite"));
            let a = adjusted_t_test(&UTILITIES, &rows, &tables);
            let b = adjusted_t_test(&other, &scaled, &tables);
            prop_assert_eq!(a.status(), b.status());
            if a.status() == FitStatus::Converged {
                prop_assert!(close(a.difference * scale, b.difference));
                prop_assert!((a.result().z - b.result().z).abs() < 1e-8);
            }
        }

        #[test]
        fn collinear_columns_are_dropped(tables in prop::array::uniform4(counts(5))) {
            let rows = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
            let padded = rows.map(|[a, b]: [f64; 2]| [0.1, a, 0.3 * a + 0.7, b, a + b, 1.0 - b]);
            let [lean, padded] = [
                CovariateRows::new(&rows).expect("finite"),
                CovariateRows::new(&padded).expect("finite"),
            ].map(|covariates| adjusted_t_test(&UTILITIES, &covariates, &tables));
            prop_assert_eq!(lean.status(), padded.status());
            if lean.status() == FitStatus::Converged {
                prop_assert_eq!(lean.degrees_of_freedom, padded.degrees_of_freedom);
                prop_assert!(close(lean.difference, padded.difference));
                prop_assert!(close(lean.standard_error, padded.standard_error));
            }
        }
    }

    /// Twice the odds of functional independence from 25 %, as shares of the patients.
    #[test]
    fn the_planning_example_has_its_known_means() {
        let control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];
        let experimental = [8.98, 12.61, 18.41, 18.16, 21.29, 9.44, 11.11];
        for (shares, mean, sd) in [(control, 0.3986, 0.344), (experimental, 0.5327, 0.342)] {
            let moments = UTILITIES.moments(&shares).expect("it has patients");
            assert!((moments.mean - mean).abs() < 1e-4, "{}", moments.mean);
            let found = (moments.squares / moments.n).sqrt();
            assert!((found - sd).abs() < 5e-4, "{found}");
        }
        let test = t_test(&UTILITIES, &[control, experimental], MeansTest::Student);
        assert!((test.difference - 0.134).abs() < 5e-4);
    }

    #[test]
    fn utilities_must_be_finite_and_must_differ() {
        let mut utilities = UTILITIES.0;
        utilities[4] = f64::NAN;
        let text = Utilities::new(utilities).expect_err("not a number").to_string();
        assert!(text.contains("mRS 4 is NaN"), "{text}");
        utilities[4] = f64::INFINITY;
        assert!(Utilities::new(utilities).is_err());
        assert_eq!(Utilities::new([0.3; LEVELS]), Err(UtilitiesError::AllEqual(0.3)));
        utilities[4] = -0.2;
        let utilities = Utilities::new(utilities).expect("finite, and some differ");
        assert_eq!(utilities.of(Mrs::new(4).expect("a score")), -0.2);
    }

    #[test]
    fn covariate_rows_must_be_finite_even_and_few() {
        let uneven = CovariateRows::new(&[vec![1.0], vec![1.0, 2.0]]).expect_err("uneven");
        assert_eq!(uneven.to_string(), "pattern 2 has 2 covariates, the first has 1");
        let text = CovariateRows::new(&[[0.0, f64::NAN]]).expect_err("not a number").to_string();
        assert!(text.contains("covariate 2 of pattern 1 is NaN"), "{text}");
        assert_eq!(CovariateRows::new(&[[0.0; 31]]), Err(CovariateRowsError::TooMany(31)));
        assert!(CovariateRows::new(&[[0.0; 30]; 3]).is_ok());
    }

    /// Counts of one arm, given as mRS and number of patients.
    fn arm_of(cells: &[(usize, f64)]) -> [f64; LEVELS] {
        let mut arm = [0.0; LEVELS];
        for &(level, count) in cells {
            arm[level] = count;
        }
        arm
    }

    #[test]
    fn data_without_an_estimate_have_the_status_that_says_why() {
        use FitStatus::{Converged, NoInformation, Separated};
        // Control, experimental, and the status of Student's and Welch's test.
        let cases = [
            (arm_of(&[]), arm_of(&[]), [NoInformation; 2]),
            (arm_of(&[]), arm_of(&[(1, 2.0), (4, 1.0)]), [NoInformation; 2]),
            (arm_of(&[(1, 3.0)]), arm_of(&[(1, 7.0)]), [NoInformation; 2]),
            // Bedridden and dead are worth the same.
            (arm_of(&[(5, 3.0), (6, 1.0)]), arm_of(&[(6, 7.0)]), [NoInformation; 2]),
            (arm_of(&[(5, 3.0), (6, 1.0)]), arm_of(&[(3, 7.0)]), [Separated; 2]),
            (arm_of(&[(4, 1.0)]), arm_of(&[(3, 1.0)]), [NoInformation; 2]),
            (arm_of(&[(4, 1.0)]), arm_of(&[(3, 2.0)]), [Separated, NoInformation]),
            (arm_of(&[(4, 1.0)]), arm_of(&[(3, 2.0), (0, 1.0)]), [Converged, NoInformation]),
            (arm_of(&[(4, 2.0)]), arm_of(&[(3, 2.0), (0, 1.0)]), [Converged; 2]),
        ];
        for (control, experimental, expected) in cases {
            let counts = [control, experimental];
            let found = [MeansTest::Student, MeansTest::Welch]
                .map(|means_test| t_test(&UTILITIES, &counts, means_test));
            assert_eq!(found.map(|test| test.status()), expected, "{counts:?}");
            for test in found {
                let result = test.result();
                assert_eq!(result.z.is_nan(), result.status != Converged);
            }
            let fitted = adjusted_t_test(&UTILITIES, &without_covariates(1), &[counts]);
            assert_eq!(fitted.status(), expected[0], "{counts:?}");
        }
    }

    #[test]
    fn differences_that_covariates_explain_give_no_statistic() {
        use FitStatus::{NoInformation, Separated};
        let rows = CovariateRows::new(&[[0.0], [1.0]]).expect("finite");
        // The stratum decides the arm.
        let spread = [arm_of(&[(2, 3.0), (4, 2.0)]), [0.0; LEVELS]];
        let experimental_only = [[0.0; LEVELS], arm_of(&[(1, 3.0)])];
        assert_eq!(
            adjusted_t_test(&UTILITIES, &rows, &[spread, experimental_only]).status(),
            NoInformation
        );
        // The stratum decides the outcome, in both arms.
        let strata = [[arm_of(&[(1, 3.0)]); 2], [arm_of(&[(4, 3.0)]); 2]];
        assert_eq!(adjusted_t_test(&UTILITIES, &rows, &strata).status(), NoInformation);
        // Stratum and arm decide it.
        let perfect = adjusted_t_test(
            &Utilities([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]),
            &rows,
            &[
                [arm_of(&[(3, 3.0)]), arm_of(&[(2, 3.0)])],
                [arm_of(&[(5, 3.0)]), arm_of(&[(4, 3.0)])],
            ],
        );
        assert_eq!(perfect.status(), Separated);
        assert!((perfect.difference - 1.0).abs() < 1e-12 && perfect.standard_error == 0.0);
        assert_eq!(
            adjusted_t_test(&UTILITIES, &without_covariates(0), &[]).status(),
            NoInformation
        );
    }
}
