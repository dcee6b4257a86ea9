//! The utility-weighted mRS: a difference of mean utilities by Student's or Welch's t, or adjusted
//! for covariates by ordinary least squares.
//!
//! A t is turned into the normal score with the same tail, so that boundaries on the Z scale apply.

use super::{Counts, FitStatus, TestResult};
use crate::num::student;
use crate::outcome::{LEVELS, Mrs};

/// What each mRS is worth to a patient, by mRS 0 to 6; more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utilities([f64; LEVELS]);

/// Why seven numbers are no utilities.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum UtilitiesError {
    /// Not a number, or infinite.
    #[error("the utility of mRS {level} is {value}; allowed: any finite number")]
    NotFinite {
        /// The mRS it belongs to.
        level: usize,
        /// As given.
        value: f64,
    },
    /// Nothing could ever differ.
    #[error("give every mRS the utility {0}; allowed: at least two that differ")]
    AllEqual(f64),
}

impl Utilities {
    /// From the utilities of mRS 0 to 6. They need neither lie in [0, 1] nor fall with the mRS
    /// (severe disability has been valued below death), but a scale on which more is worse, such as
    /// disability weights, has to be turned round first, or benefit will show as harm.
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

    /// Of mRS 0 to 6.
    pub fn by_mrs(&self) -> &[f64; LEVELS] {
        &self.0
    }

    /// Counts with utilities as differences from `origin`.
    fn beside(&self, counts: &[f64; LEVELS], origin: f64) -> impl Iterator<Item = (f64, f64)> {
        counts.iter().zip(&self.0).map(move |(&count, utility)| (count, utility - origin))
    }

    /// The utility of the first occupied mRS. Measured from it, patients who are all alike have
    /// utilities of exactly 0, and a variance that rounding cannot lift above 0.
    fn origin(&self, counts: &[f64; LEVELS]) -> Option<f64> {
        counts.iter().position(|&count| count > 0.0).map(|level| self.0[level])
    }

    /// Patients, mean utility and sum of squares about it; `None` of nobody.
    fn moments(&self, counts: &[f64; LEVELS]) -> Option<Moments> {
        let origin = self.origin(counts)?;
        let n: f64 = counts.iter().sum();
        let shift = self.beside(counts, origin).map(|(count, u)| count * u).sum::<f64>() / n;
        let squares = self.beside(counts, origin + shift).map(|(count, u)| count * u * u).sum();
        Some(Moments { n, mean: origin + shift, squares })
    }
}

struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

/// Whether the arms are taken to have one variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variances {
    /// One variance, estimated from both arms: Student's t with N − 2 degrees of freedom.
    Equal,
    /// Each arm its own: Welch's t with Satterthwaite's degrees of freedom.
    Unequal,
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
    /// `NoInformation` without a difference or a standard error, or when both are 0; `Separated`
    /// when the error is 0 beside a difference: patients vary by arm (and covariates) alone.
    pub fn status(&self) -> FitStatus {
        // Comparisons with NaN are false.
        let varies = self.standard_error > 0.0 && self.standard_error.is_finite();
        if varies && self.difference.is_finite() && self.degrees_of_freedom > 0.0 {
            FitStatus::Converged
        } else if self.standard_error == 0.0 && self.difference.abs() > 0.0 {
            FitStatus::Separated
        } else {
            FitStatus::NoInformation
        }
    }

    /// The normal score of t; `None` unless the status is `Converged`.
    pub fn statistic(&self) -> Option<f64> {
        let t = self.difference / self.standard_error;
        (self.status() == FitStatus::Converged)
            .then(|| student::normal_score(t, self.degrees_of_freedom))
    }

    /// The whole test; the interval reaches to the quantiles of t, so that it leaves out 0 exactly
    /// when Z exceeds 1.96. `Separated` has no Z and an interval of one point.
    pub fn result(&self) -> TestResult {
        let &Self { difference: estimate, standard_error, degrees_of_freedom } = self;
        let status = self.status();
        let (z, reach) = match status {
            FitStatus::Converged => (
                student::normal_score(estimate / standard_error, degrees_of_freedom),
                student::upper_quantile(0.025, degrees_of_freedom) * standard_error,
            ),
            // Certain, whether it is 0 or not.
            FitStatus::Separated | FitStatus::NoInformation if standard_error == 0.0 => {
                (f64::NAN, 0.0)
            }
            FitStatus::Separated | FitStatus::NoInformation | FitStatus::NotConverged => {
                (f64::NAN, f64::NAN)
            }
        };
        let interval = (estimate - reach, estimate + reach);
        TestResult { estimate, standard_error, z, status, interval }
    }
}

/// No difference to be seen.
const NOTHING: TTest =
    TTest { difference: f64::NAN, standard_error: f64::NAN, degrees_of_freedom: f64::NAN };

/// The difference of mean utilities. An arm of one patient has no variance of its own, so that
/// `Unequal` needs two in each, `Equal` three in all.
pub fn t_test(utilities: &Utilities, counts: &Counts, variances: Variances) -> TTest {
    let [control, experimental] = counts.each_ref().map(|arm| utilities.moments(arm));
    let (Some(control), Some(experimental)) = (control, experimental) else {
        return NOTHING;
    };
    let difference = experimental.mean - control.mean;
    let (variance, degrees_of_freedom) = match variances {
        Variances::Equal => {
            let df = control.n + experimental.n - 2.0;
            let pooled = (control.squares + experimental.squares) / df;
            (pooled * (1.0 / control.n + 1.0 / experimental.n), df)
        }
        Variances::Unequal => welch(&control, &experimental),
    };
    let known = degrees_of_freedom > 0.0;
    let standard_error = if known { variance.sqrt() } else { f64::NAN };
    TTest { difference, standard_error, degrees_of_freedom }
}

/// Variance of the difference and its degrees of freedom (Welch 1947, Biometrika 34:28); the latter
/// 0 when an arm has a single patient, N − 2 when no patient differs from its arm.
fn welch(control: &Moments, experimental: &Moments) -> (f64, f64) {
    if control.n.min(experimental.n) <= 1.0 {
        return (f64::NAN, 0.0);
    }
    let of_mean = |arm: &Moments| arm.squares / (arm.n - 1.0) / arm.n;
    let (c, e) = (of_mean(control), of_mean(experimental));
    if c + e == 0.0 {
        return (0.0, control.n + experimental.n - 2.0);
    }
    let df = (c + e) * (c + e) / (c * c / (control.n - 1.0) + e * e / (experimental.n - 1.0));
    (c + e, df)
}

/// Most columns of [`Covariates`].
pub const MAX_COVARIATES: usize = 30;

/// A row of covariates for every pattern of them that a patient may have, without intercept and
/// treatment: dummies of strata, or any numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariates {
    /// Row after row.
    values: Vec<f64>,
    columns: usize,
    patterns: usize,
}

/// Why rows are no covariates.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CovariatesError {
    /// Rows of different lengths.
    #[error("pattern {pattern} has {columns} covariates, the first has {first}")]
    Uneven {
        /// Counted from 1.
        pattern: usize,
        /// Its length.
        columns: usize,
        /// That of the first.
        first: usize,
    },
    /// Not a number, or infinite.
    #[error("covariate {column} of pattern {pattern} is {value}; allowed: any finite number")]
    NotFinite {
        /// Counted from 1.
        pattern: usize,
        /// Counted from 1.
        column: usize,
        /// As given.
        value: f64,
    },
    /// More columns than a fit has room for.
    #[error("{0} covariates; allowed: up to {MAX_COVARIATES}")]
    TooMany(usize),
}

impl Covariates {
    /// From one row per pattern.
    ///
    /// # Errors
    /// When rows differ in length, a value is not finite, or there are more than
    /// [`MAX_COVARIATES`] columns.
    pub fn new<R: AsRef<[f64]>>(rows: &[R]) -> Result<Self, CovariatesError> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        if columns > MAX_COVARIATES {
            return Err(CovariatesError::TooMany(columns));
        }
        let mut values = Vec::with_capacity(rows.len() * columns);
        for (row, pattern) in rows.iter().map(AsRef::as_ref).zip(1..) {
            if row.len() != columns {
                let (first, columns) = (columns, row.len());
                return Err(CovariatesError::Uneven { pattern, columns, first });
            }
            for (&value, column) in row.iter().zip(1..) {
                if !value.is_finite() {
                    return Err(CovariatesError::NotFinite { pattern, column, value });
                }
            }
            values.extend_from_slice(row);
        }
        Ok(Self { values, columns, patterns: rows.len() })
    }

    /// Number of patterns.
    pub fn patterns(&self) -> usize {
        self.patterns
    }

    fn row(&self, pattern: usize) -> &[f64] {
        &self.values[pattern * self.columns..][..self.columns]
    }
}

/// The difference of mean utilities at equal covariates: the coefficient of treatment in a linear
/// regression of utility on an intercept, the covariates and treatment by ordinary least squares,
/// with N − rank degrees of freedom. `patterns[i]` are the patients with row i of the covariates.
///
/// A covariate that the ones before it determine is dropped. When they determine the treatment
/// nothing is estimated. Without covariates this is Student's t test.
///
/// # Panics
/// When there are not as many tables as patterns.
pub fn adjusted(utilities: &Utilities, covariates: &Covariates, patterns: &[Counts]) -> TTest {
    assert_eq!(patterns.len(), covariates.patterns, "a table for every pattern");
    let Some(means) = Means::new(utilities, covariates, patterns) else {
        return NOTHING;
    };
    let mut products = CrossProducts::new(utilities, covariates, patterns, &means);
    let treatment = covariates.columns;
    let kept = (0..treatment).filter(|&column| products.eliminate(column)).count();
    if !products.varies(treatment) {
        return NOTHING;
    }
    let utility = treatment + 1;
    let total = products.diagonal[utility];
    let of_treatment = products.values[treatment][treatment];
    let mut difference = products.values[treatment][utility] / of_treatment;
    products.eliminate(treatment);
    // What rounding leaves of a perfect fit must not pass for variation, nor for a difference.
    let negligible = PERFECT_FIT * total;
    let mut residual = products.values[utility][utility];
    if residual <= negligible {
        residual = 0.0;
        if difference * difference * of_treatment <= negligible {
            difference = 0.0;
        }
    }
    let degrees_of_freedom = means.patients - (kept + 2) as f64;
    let variance = residual / degrees_of_freedom / of_treatment;
    let known = degrees_of_freedom > 0.0;
    let standard_error = if known { variance.sqrt() } else { f64::NAN };
    TTest { difference, standard_error, degrees_of_freedom }
}

/// Share of a column's sum of squares below which what the others leave of it is rounding.
const COLLINEAR: f64 = 1e-10;
/// The same for the utilities.
const PERFECT_FIT: f64 = 1e-13;

/// Covariates, treatment, utility.
const SIZE: usize = MAX_COVARIATES + 2;

/// Means over the patients, of columns measured from `origin`, the values of the first patient: a
/// column in which nobody differs is then exactly 0.
struct Means {
    patients: f64,
    /// Covariates, treatment, utility.
    of: [f64; SIZE],
    origin: [f64; SIZE],
}

impl Means {
    /// `None` of nobody.
    fn new(utilities: &Utilities, covariates: &Covariates, patterns: &[Counts]) -> Option<Self> {
        let occupied = |arm: &[f64; LEVELS]| utilities.origin(arm);
        let first = patterns.iter().position(|p| p.iter().any(|arm| occupied(arm).is_some()))?;
        let columns = covariates.columns;
        let mut origin = [0.0; SIZE];
        origin[..columns].copy_from_slice(covariates.row(first));
        origin[columns + 1] = patterns[first].iter().find_map(occupied)?;
        let (mut patients, mut of) = (0.0, [0.0; SIZE]);
        for (pattern, counts) in patterns.iter().enumerate() {
            let of_arm = counts.each_ref().map(|arm| arm.iter().sum::<f64>());
            let here = of_arm[0] + of_arm[1];
            patients += here;
            for (j, x) in covariates.row(pattern).iter().enumerate() {
                of[j] += here * (x - origin[j]);
            }
            of[columns] += of_arm[1];
            let cells = counts.iter().flat_map(|arm| utilities.beside(arm, origin[columns + 1]));
            of[columns + 1] += cells.map(|(count, u)| count * u).sum::<f64>();
        }
        Some(Self { patients, of: of.map(|sum| sum / patients), origin })
    }
}

/// Sums of products of columns about their means, covariates, treatment, utility; the upper
/// triangle. Taking the means off is what the intercept does.
struct CrossProducts {
    values: [[f64; SIZE]; SIZE],
    /// The diagonal at first.
    diagonal: [f64; SIZE],
    size: usize,
}

impl CrossProducts {
    fn new(
        utilities: &Utilities,
        covariates: &Covariates,
        patterns: &[Counts],
        means: &Means,
    ) -> Self {
        let treatment = covariates.columns;
        let utility = treatment + 1;
        let mut values = [[0.0; SIZE]; SIZE];
        let mut row = [0.0; SIZE];
        for (pattern, counts) in patterns.iter().enumerate() {
            for (j, x) in covariates.row(pattern).iter().enumerate() {
                row[j] = x - means.origin[j] - means.of[j];
            }
            for (arm, treated) in counts.iter().zip([0.0, 1.0]) {
                row[treatment] = treated - means.of[treatment];
                let patients: f64 = arm.iter().sum();
                let (mut sum, mut squares) = (0.0, 0.0);
                for (count, u) in utilities.beside(arm, means.origin[utility]) {
                    let u = u - means.of[utility];
                    sum += count * u;
                    squares += count * u * u;
                }
                for i in 0..utility {
                    for j in i..utility {
                        values[i][j] += patients * row[i] * row[j];
                    }
                    values[i][utility] += row[i] * sum;
                }
                values[utility][utility] += squares;
            }
        }
        Self { values, diagonal: std::array::from_fn(|i| values[i][i]), size: utility + 1 }
    }

    /// Whether a column has anything left that the eliminated ones do not determine.
    fn varies(&self, column: usize) -> bool {
        self.values[column][column] > COLLINEAR * self.diagonal[column]
    }

    /// Takes out of the later columns what this one explains of them, by Gaussian elimination;
    /// `false`, and nothing done, when it is itself explained by those before it.
    fn eliminate(&mut self, column: usize) -> bool {
        if !self.varies(column) {
            return false;
        }
        let pivot = self.values[column];
        for i in column + 1..self.size {
            let factor = pivot[i] / pivot[column];
            let later = self.values[i][..self.size].iter_mut().zip(&pivot).skip(i);
            for (value, above) in later {
                *value -= factor * above;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Chaisinanunkul 2015, Stroke 46:2238.
    const UTILITIES: Utilities = Utilities([1.0, 0.91, 0.76, 0.65, 0.33, 0.0, 0.0]);

    fn counts(below: u32) -> impl Strategy<Value = Counts> {
        prop::array::uniform2(prop::array::uniform7(0..below))
            .prop_map(|counts| counts.map(|arm| arm.map(f64::from)))
    }

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

    fn without_covariates(tables: usize) -> Covariates {
        Covariates::new(&vec![[0.0; 0]; tables]).expect("no covariates are fine")
    }

    proptest! {
        #[test]
        fn t_is_that_of_patients_one_by_one(counts in counts(7)) {
            let [(n_c, mean_c, v_c), (n_e, mean_e, v_e)] = counts.each_ref().map(moments);
            prop_assume!(n_c > 1.0 && n_e > 1.0 && v_c + v_e > 1e-9);
            let equal = t_test(&UTILITIES, &counts, Variances::Equal);
            let pooled = ((n_c - 1.0) * v_c + (n_e - 1.0) * v_e) / (n_c + n_e - 2.0);
            prop_assert!(close(equal.difference, mean_e - mean_c));
            prop_assert!(close(equal.standard_error, (pooled / n_c + pooled / n_e).sqrt()));
            prop_assert_eq!(equal.degrees_of_freedom, n_c + n_e - 2.0);
            let unequal = t_test(&UTILITIES, &counts, Variances::Unequal);
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
                prop_assert_eq!(test.statistic(), Some(result.z));
            }
        }

        #[test]
        fn swapping_the_arms_flips_the_sign(counts in counts(5)) {
            for variances in [Variances::Equal, Variances::Unequal] {
                let a = t_test(&UTILITIES, &counts, variances).result();
                let b = t_test(&UTILITIES, &[counts[1], counts[0]], variances).result();
                prop_assert_eq!(a.status, b.status);
                prop_assert!(close(a.estimate, -b.estimate) && close(a.z, -b.z));
                prop_assert!(close(a.standard_error, b.standard_error));
            }
        }

        #[test]
        fn without_covariates_least_squares_is_students_t(
            tables in prop::collection::vec(counts(4), 1..4),
        ) {
            let mut pooled = [[0.0; LEVELS]; 2];
            for table in &tables {
                for (sum, count) in pooled.iter_mut().flatten().zip(table.iter().flatten()) {
                    *sum += count;
                }
            }
            let plain = t_test(&UTILITIES, &pooled, Variances::Equal).result();
            let fitted = adjusted(&UTILITIES, &without_covariates(tables.len()), &tables).result();
            prop_assert_eq!(plain.status, fitted.status);
            prop_assert!(plain.status != FitStatus::Converged || close(plain.z, fitted.z));
        }

        /// Utilities on another scale change the estimate and not the evidence; so do covariates.
        #[test]
        fn the_scale_of_utilities_and_covariates_is_no_evidence(
            tables in prop::array::uniform4(counts(5)), scale in 0.1..50.0f64, shift in -9.0..9.0f64,
        ) {
            let other = Utilities(UTILITIES.0.map(|u| scale * u + shift));
            let rows = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
            let scaled = rows.map(|row: [f64; 2]| [row[0] * scale + shift, row[1] - row[0]]);
            let [rows, scaled] = [rows, scaled].map(|rows| Covariates::new(&rows).expect("finite"));
            let a = adjusted(&UTILITIES, &rows, &tables);
            let b = adjusted(&other, &scaled, &tables);
            prop_assert_eq!(a.status(), b.status());
            if a.status() == FitStatus::Converged {
                prop_assert!(close(a.difference * scale, b.difference));
                prop_assert!((a.statistic().unwrap_or(0.0) - b.statistic().unwrap_or(1.0)).abs() < 1e-8);
            }
        }

        #[test]
        fn columns_that_say_nothing_new_are_dropped(tables in prop::array::uniform4(counts(5))) {
            let rows = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
            let padded = rows.map(|[a, b]: [f64; 2]| [0.1, a, 0.3 * a + 0.7, b, a + b, 1.0 - b]);
            let [lean, padded] = [
                Covariates::new(&rows).expect("finite"),
                Covariates::new(&padded).expect("finite"),
            ].map(|covariates| adjusted(&UTILITIES, &covariates, &tables));
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
    fn the_planning_pair_has_its_known_means() {
        let control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];
        let experimental = [8.98, 12.61, 18.41, 18.16, 21.29, 9.44, 11.11];
        for (shares, mean, sd) in [(control, 0.3986, 0.344), (experimental, 0.5327, 0.342)] {
            let moments = UTILITIES.moments(&shares).expect("it has patients");
            assert!((moments.mean - mean).abs() < 1e-4, "{}", moments.mean);
            let found = (moments.squares / moments.n).sqrt();
            assert!((found - sd).abs() < 5e-4, "{found}");
        }
        let test = t_test(&UTILITIES, &[control, experimental], Variances::Equal);
        assert!((test.difference - 0.134).abs() < 5e-4);
    }

    #[test]
    fn what_is_no_set_of_utilities_is_refused() {
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
    fn what_are_no_covariates_is_refused() {
        let uneven = Covariates::new(&[vec![1.0], vec![1.0, 2.0]]).expect_err("uneven");
        assert_eq!(uneven.to_string(), "pattern 2 has 2 covariates, the first has 1");
        let text = Covariates::new(&[[0.0, f64::NAN]]).expect_err("not a number").to_string();
        assert!(text.contains("covariate 2 of pattern 1 is NaN"), "{text}");
        assert_eq!(Covariates::new(&[[0.0; 31]]), Err(CovariatesError::TooMany(31)));
        assert_eq!(Covariates::new(&[[0.0; 30]; 3]).expect("it fits").patterns(), 3);
    }

    #[test]
    fn data_without_an_estimate_have_a_status() {
        use FitStatus::{Converged, NoInformation, Separated};
        let at = |cells: &[(usize, f64)]| {
            let mut arm = [0.0; LEVELS];
            for &(level, count) in cells {
                arm[level] = count;
            }
            arm
        };
        // Control, experimental, and the status of Student's and Welch's test.
        let cases = [
            (at(&[]), at(&[]), [NoInformation; 2]),
            (at(&[]), at(&[(1, 2.0), (4, 1.0)]), [NoInformation; 2]),
            (at(&[(1, 3.0)]), at(&[(1, 7.0)]), [NoInformation; 2]),
            // Bedridden and dead are worth the same.
            (at(&[(5, 3.0), (6, 1.0)]), at(&[(6, 7.0)]), [NoInformation; 2]),
            (at(&[(5, 3.0), (6, 1.0)]), at(&[(3, 7.0)]), [Separated; 2]),
            (at(&[(4, 1.0)]), at(&[(3, 1.0)]), [NoInformation; 2]),
            (at(&[(4, 1.0)]), at(&[(3, 2.0)]), [Separated, NoInformation]),
            (at(&[(4, 1.0)]), at(&[(3, 2.0), (0, 1.0)]), [Converged, NoInformation]),
            (at(&[(4, 2.0)]), at(&[(3, 2.0), (0, 1.0)]), [Converged; 2]),
        ];
        for (control, experimental, expected) in cases {
            let counts = [control, experimental];
            let found = [Variances::Equal, Variances::Unequal]
                .map(|variances| t_test(&UTILITIES, &counts, variances));
            assert_eq!(found.map(|test| test.status()), expected, "{counts:?}");
            for test in found {
                let result = test.result();
                assert_eq!(result.z.is_nan(), result.status != Converged);
                assert_eq!(test.statistic().is_some(), result.status == Converged);
            }
            let fitted = adjusted(&UTILITIES, &without_covariates(1), &[counts]);
            assert_eq!(fitted.status(), expected[0], "{counts:?}");
        }
    }

    #[test]
    fn what_covariates_explain_is_no_evidence() {
        use FitStatus::{NoInformation, Separated};
        let rows = Covariates::new(&[[0.0], [1.0]]).expect("finite");
        let only = |arm: usize, level: usize| {
            let mut counts = [[0.0; LEVELS]; 2];
            counts[arm][level] = 3.0;
            counts
        };
        // The stratum decides the arm.
        let mut spread = only(0, 2);
        spread[0][4] = 2.0;
        assert_eq!(adjusted(&UTILITIES, &rows, &[spread, only(1, 1)]).status(), NoInformation);
        // The stratum decides the outcome, in both arms.
        let both = |level: usize| [only(0, level)[0]; 2];
        assert_eq!(adjusted(&UTILITIES, &rows, &[both(1), both(4)]).status(), NoInformation);
        // Stratum and arm decide it.
        let apart = |c: usize, e: usize| [only(0, c)[0], only(0, e)[0]];
        let perfect = adjusted(
            &Utilities([6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]),
            &rows,
            &[apart(3, 2), apart(5, 4)],
        );
        assert_eq!(perfect.status(), Separated);
        assert!((perfect.difference - 1.0).abs() < 1e-12 && perfect.standard_error == 0.0);
        assert_eq!(adjusted(&UTILITIES, &without_covariates(0), &[]).status(), NoInformation);
    }
}
