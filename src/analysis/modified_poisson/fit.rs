//! The fit of a modified Poisson regression with covariates.

use super::wald;
use crate::analysis::two_proportions::arms;
use crate::analysis::utilities::regression::{CovariateRows, MAX_COVARIATES};
use crate::analysis::{Counts, FitStatus, TestResult};
use crate::outcome::Mrs;

/// Columns of the model: the intercept, the covariates, treatment.
const SIZE: usize = MAX_COVARIATES + 2;

/// Share of a column's sum of squares that the columns before it leave of it, below which it is
/// collinear.
// Rounding leaves about 1e-16 of an exact combination; columns that differ in one of 1e6 patients have
// 1e-6.
const COLLINEAR: f64 = 1e-10;

/// Share of a column's sum of squares below which a coefficient has diverged.
// By then the patients that depend on it alone have fitted probabilities of about 1e-13, whose influence
// on the other coefficients cannot be seen.
const DIVERGED: f64 = 1e-13;

/// Squared length of a Newton step in standard errors after which the fit is at its maximum.
// The error of the next step is about the square of this one.
const LAST_STEP: f64 = 1e-13;

/// Most Newton steps of a fit.
// Five suffice unless a coefficient diverges, by about 1 a step, until its patients have fitted
// probabilities below 1e-13.
const MOST_STEPS: usize = 80;

/// Share of the Poisson variance below which a robust variance is rounding.
// The share is about the proportion of failures.
const CERTAIN: f64 = 1e-12;

/// The log risk ratio of success (mRS at or below `cut`) between patients with equal covariates, above 0
/// if the experimental arm does better, with the robust standard error, Wald's Z and the interval
/// estimate ± 1.96 errors. `groups[i]` are the patients with row i of the covariates; counts need not be
/// whole.
///
/// A covariate that the ones before it determine is dropped. The status is `NoInformation` if the
/// covariates determine the treatment, or all outcomes are alike; `Separated`, with an estimate of ±∞,
/// if no patient of one arm has a success (among those who can be compared).
///
/// # Panics
/// If there are not as many tables as rows.
pub fn log_risk_ratio(covariates: &CovariateRows, groups: &[Counts], cut: Mrs) -> TestResult {
    assert_eq!(groups.len(), covariates.groups(), "a table for every row");
    let Some(mut fit) = PoissonFit::new(covariates, groups, cut) else {
        return TestResult::failed(FitStatus::NoInformation);
    };
    for _ in 0..MOST_STEPS {
        match fit.step() {
            Some(squared_length) if squared_length <= LAST_STEP => return fit.result(),
            Some(_) => {}
            None => break,
        }
    }
    TestResult::failed(FitStatus::NotConverged)
}

/// Patients of one arm of a group.
#[derive(Debug, Clone, Copy)]
struct Pattern {
    patients: f64,
    successes: f64,
}

/// A fit under way.
struct PoissonFit<'f> {
    covariates: &'f CovariateRows,
    groups: &'f [Counts],
    cut: Mrs,
    /// Coefficients of the intercept, the covariates and treatment; 0 for a column that is dropped.
    coefficients: [f64; SIZE],
    /// Whether a column is no combination of those before it.
    kept: [bool; SIZE],
}

impl<'f> PoissonFit<'f> {
    /// Starts at equal rates; `None` if nothing can be estimated.
    fn new(covariates: &'f CovariateRows, groups: &'f [Counts], cut: Mrs) -> Option<Self> {
        let mut fit =
            Self { covariates, groups, cut, coefficients: [0.0; SIZE], kept: [true; SIZE] };
        let (mut patients, mut successes) = (0.0, 0.0);
        fit.for_each(|pattern, _| {
            patients += pattern.patients;
            successes += pattern.successes;
        });
        let alike = successes <= 0.0 || successes >= patients;
        if patients <= 0.0 || alike {
            return None;
        }
        fit.coefficients[0] = libm::log(successes / patients);
        let mut information = fit.information();
        let treatment = fit.treatment();
        for column in 0..=treatment {
            fit.kept[column] = information.eliminate(column, COLLINEAR);
        }
        fit.kept[treatment].then_some(fit)
    }

    /// Position of treatment, the last column.
    fn treatment(&self) -> usize {
        self.covariates.columns() + 1
    }

    /// Visits the patients of each arm and group who exist, with their row of the model.
    fn for_each(&self, mut visit: impl FnMut(Pattern, &[f64; SIZE])) {
        let treatment = self.treatment();
        let mut row = [0.0; SIZE];
        row[0] = 1.0;
        for (group, counts) in self.groups.iter().enumerate() {
            row[1..treatment].copy_from_slice(self.covariates.row(group));
            for (arm, treated) in arms(counts, self.cut).into_iter().zip([0.0, 1.0]) {
                row[treatment] = treated;
                if arm.patients > 0.0 {
                    visit(Pattern { patients: arm.patients, successes: arm.events }, &row);
                }
            }
        }
    }

    /// Fitted probability of a row, which can exceed 1.
    fn fitted(&self, row: &[f64; SIZE]) -> f64 {
        let used = self.treatment() + 1;
        let terms = row[..used].iter().zip(&self.coefficients).map(|(x, b)| x * b);
        libm::exp(terms.sum())
    }

    /// Information A and score of the Poisson likelihood at the coefficients.
    fn information(&self) -> Information {
        let size = self.treatment() + 1;
        let mut information = Information::new(size);
        self.for_each(|pattern, row| {
            let expected = pattern.patients * self.fitted(row);
            for i in (0..size).filter(|&i| row[i] != 0.0) {
                for j in i..size {
                    information.values[i][j] += expected * row[i] * row[j];
                }
                information.values[i][size] += row[i] * (pattern.successes - expected);
            }
        });
        information.diagonal = std::array::from_fn(|i| information.values[i][i]);
        information
    }

    /// Makes one Newton step, and returns its squared length in standard errors; `None` if the
    /// likelihood cannot be raised.
    fn step(&mut self) -> Option<f64> {
        let size = self.treatment() + 1;
        let mut information = self.information();
        let mut squared_length = 0.0;
        let mut used = [false; SIZE];
        for column in (0..size).filter(|&column| self.kept[column]) {
            used[column] = information.eliminate(column, DIVERGED);
            if used[column] {
                let score = information.values[column][size];
                squared_length += score * score / information.values[column][column];
            }
        }
        let direction = information.solve(&used);
        let before = self.log_likelihood();
        let start = self.coefficients;
        let mut length = 1.0;
        // The likelihood is concave, so that some part of the step raises it.
        for _ in 0..60 {
            for (coefficient, (from, step)) in
                self.coefficients.iter_mut().zip(start.iter().zip(direction))
            {
                *coefficient = from + length * step;
            }
            let gain = self.log_likelihood() - before;
            // Near the maximum the gain is lost in rounding.
            if gain >= 0.0 || squared_length <= 1e-8 {
                return squared_length.is_finite().then_some(squared_length);
            }
            length *= 0.5;
        }
        None
    }

    fn log_likelihood(&self) -> f64 {
        let used = self.treatment() + 1;
        let mut sum = 0.0;
        self.for_each(|pattern, row| {
            let terms = row[..used].iter().zip(&self.coefficients).map(|(x, b)| x * b);
            let predictor: f64 = terms.sum();
            sum += pattern.successes * predictor - pattern.patients * libm::exp(predictor);
        });
        sum
    }

    /// The test at the maximum.
    fn result(&self) -> TestResult {
        let (size, treatment) = (self.treatment() + 1, self.treatment());
        let estimate = self.coefficients[treatment];
        let mut information = self.information();
        let all = information.diagonal[0];
        let mut used = [false; SIZE];
        for column in (0..treatment).filter(|&column| self.kept[column]) {
            used[column] = information.eliminate(column, DIVERGED);
        }
        // Patients without a success in the arm, or in the comparable part of it, have lost their
        // information with their fitted probability.
        let remaining = information.values[treatment][treatment];
        if remaining <= 1e-9 * all {
            return wald(f64::INFINITY.copysign(estimate), f64::NAN);
        }
        used[treatment] = true;
        // The row of A⁻¹ that belongs to treatment: of unit information, it has a single right side.
        for row in &mut information.values[..size] {
            row[size] = 0.0;
        }
        information.values[treatment][size] = 1.0;
        let weights = information.solve(&used);
        let mut variance = 0.0;
        self.for_each(|pattern, row| {
            let fitted = self.fitted(row);
            let Pattern { patients, successes } = pattern;
            let squares = successes * (1.0 - fitted) * (1.0 - fitted)
                + (patients - successes) * fitted * fitted;
            let weight: f64 = row[..size].iter().zip(&weights).map(|(x, w)| x * w).sum();
            variance += squares * weight * weight;
        });
        // Every fitted probability is 0 or 1, as is its outcome.
        if variance <= CERTAIN / remaining {
            return TestResult::failed(FitStatus::NoInformation);
        }
        wald(estimate, variance.sqrt())
    }
}

/// The upper triangle of a symmetric matrix with a right side, under Gaussian elimination.
struct Information {
    /// Rows; the column after the last holds the right side.
    values: [[f64; SIZE + 1]; SIZE],
    /// The diagonal before any elimination.
    diagonal: [f64; SIZE],
    size: usize,
}

impl Information {
    fn new(size: usize) -> Self {
        Self { values: [[0.0; SIZE + 1]; SIZE], diagonal: [0.0; SIZE], size }
    }

    /// Removes from the later columns the part that this one explains; returns `false` and does nothing
    /// if no more than a share `least` of it is left.
    fn eliminate(&mut self, column: usize, least: f64) -> bool {
        let pivot = self.values[column];
        // False as well if the column is NaN.
        let varies = pivot[column] > least * self.diagonal[column];
        if !varies {
            return false;
        }
        for i in column + 1..self.size {
            let factor = pivot[i] / pivot[column];
            let later = self.values[i][..=self.size].iter_mut().zip(&pivot).skip(i);
            for (value, above) in later {
                *value -= factor * above;
            }
        }
        true
    }

    /// Solves for the columns that were eliminated; 0 for the others.
    fn solve(&self, used: &[bool; SIZE]) -> [f64; SIZE] {
        let mut solution = [0.0; SIZE];
        for i in (0..self.size).rev().filter(|&i| used[i]) {
            let known: f64 = (i + 1..self.size).map(|j| self.values[i][j] * solution[j]).sum();
            solution[i] = (self.values[i][self.size] - known) / self.values[i][i];
        }
        solution
    }
}
