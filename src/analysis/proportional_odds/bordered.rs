//! Newton's equations of an ordinal model: a tridiagonal block for the thresholds, bordered by the
//! covariates. Thresholds beyond the last cut have rows of zeros.
//!
//! Both blocks are factored by Cholesky, the second after the first is eliminated from it (its
//! Schur complement), so that the factor's last entry is the root of the information about the
//! last column with everything else profiled out. A pivot that cancels belongs to a direction without
//! information: it is set to infinity, so that the step leaves that parameter unchanged.

use super::CUTS;

/// Share of its value before elimination below which a pivot is rounding.
// Elimination leaves about 1e-16 of a pivot without information.
const CANCELLED: f64 = 1e-14;

/// The equations; after [`Bordered::factor`] their factor, in the same arrays.
#[derive(Debug, Default)]
pub(super) struct Bordered {
    columns: usize,
    /// Diagonal of the thresholds' block; then reciprocals of the factor's diagonal, 0 without
    /// information.
    pub diagonal: [f64; CUTS],
    /// Elements below the diagonal of the thresholds' block; then of the factor.
    pub off: [f64; CUTS],
    /// Gradient by threshold; then the factor's solution.
    pub threshold_gradient: [f64; CUTS],
    /// Second derivatives by column and threshold.
    pub cross: Vec<[f64; CUTS]>,
    /// Gradient by column; then the factor's solution.
    pub gradient: Vec<f64>,
    /// Second derivatives by column and column, lower triangle.
    pub matrix: Vec<f64>,
}

/// A change of all parameters.
#[derive(Debug, Default)]
pub(super) struct ParameterStep {
    pub thresholds: [f64; CUTS],
    pub coefficients: Vec<f64>,
    /// Gradient · step: twice the gain in log likelihood if that were quadratic.
    pub gain: f64,
}

impl Bordered {
    /// Sets all equations to 0, for a number of columns.
    pub fn reset(&mut self, columns: usize) {
        // `clear` and `resize` keep the memory: this runs at every step of every fit.
        self.columns = columns;
        self.diagonal = [0.0; CUTS];
        self.off = [0.0; CUTS];
        self.threshold_gradient = [0.0; CUTS];
        self.cross.clear();
        self.cross.resize(columns, [0.0; CUTS]);
        self.gradient.clear();
        self.gradient.resize(columns, 0.0);
        self.matrix.clear();
        self.matrix.resize(columns * columns, 0.0);
    }

    /// Replaces the equations by their factor.
    pub fn factor(&mut self) {
        self.factor_thresholds();
        for column in 0..self.columns {
            self.cross[column] = self.eliminate(self.cross[column]);
        }
        let pull = self.eliminate(self.threshold_gradient);
        self.threshold_gradient = pull;
        for k in 0..self.columns {
            self.gradient[k] -= dot(&self.cross[k], &pull);
            self.factor_column(k);
        }
    }

    fn factor_thresholds(&mut self) {
        // Cholesky of a tridiagonal matrix: each row depends on the one before it alone.
        let mut before = 0.0;
        for j in 0..CUTS {
            let whole = self.diagonal[j];
            let pivot = whole - before * before;
            self.diagonal[j] = if pivot > CANCELLED * whole { 1.0 / pivot.sqrt() } else { 0.0 };
            self.off[j] *= self.diagonal[j];
            before = self.off[j];
        }
    }

    /// Solves with the thresholds' factor.
    fn eliminate(&self, mut vector: [f64; CUTS]) -> [f64; CUTS] {
        let mut carried = 0.0;
        for (j, value) in vector.iter_mut().enumerate() {
            *value = (*value - carried) * self.diagonal[j];
            carried = self.off[j] * *value;
        }
        vector
    }

    /// Computes row k of the columns' factor and its solution from the rows before it.
    fn factor_column(&mut self, k: usize) {
        let (done, rest) = self.matrix.split_at_mut(k * self.columns);
        let row = &mut rest[..=k];
        let whole = row[k];
        for (value, cross) in row.iter_mut().zip(&self.cross) {
            *value -= dot(&self.cross[k], cross);
        }
        for l in 0..k {
            let earlier = &done[l * self.columns..][..=l];
            let known: f64 = row[..l].iter().zip(earlier).map(|(a, b)| a * b).sum();
            row[l] = (row[l] - known) / earlier[l];
        }
        let pivot = row[k] - row[..k].iter().map(|a| a * a).sum::<f64>();
        row[k] = if pivot > CANCELLED * whole { pivot.sqrt() } else { f64::INFINITY };
        let known: f64 = row[..k].iter().zip(&self.gradient).map(|(a, b)| a * b).sum();
        self.gradient[k] = (self.gradient[k] - known) / row[k];
    }

    /// An element of the columns' factor.
    fn at(&self, row: usize, column: usize) -> f64 {
        self.matrix[row * self.columns + column]
    }

    /// Computes from the factor the step that changes only the thresholds and the first `free` columns.
    pub fn step(&self, free: usize, step: &mut ParameterStep) {
        step.coefficients.clear();
        step.coefficients.extend_from_slice(&self.gradient[..free]);
        for k in (0..free).rev() {
            let known: f64 = (k + 1..free).map(|l| self.at(l, k) * step.coefficients[l]).sum();
            step.coefficients[k] = (step.coefficients[k] - known) / self.at(k, k);
        }
        let mut right = self.threshold_gradient;
        for (cross, change) in self.cross.iter().zip(&step.coefficients) {
            right.iter_mut().zip(cross).for_each(|(value, c)| *value -= c * change);
        }
        step.thresholds = self.back_substitute(right);
        step.gain = dot(&self.threshold_gradient, &self.threshold_gradient)
            + self.gradient[..free].iter().map(|value| value * value).sum::<f64>();
    }

    /// Solves with the transpose of the thresholds' factor.
    fn back_substitute(&self, mut vector: [f64; CUTS]) -> [f64; CUTS] {
        let mut later = 0.0;
        for j in (0..CUTS).rev() {
            vector[j] = (vector[j] - self.off[j] * later) * self.diagonal[j];
            later = vector[j];
        }
        vector
    }

    /// The score of the last column with all else profiled out.
    pub fn last_score(&self) -> f64 {
        self.gradient[self.columns - 1] * self.information(self.columns - 1).sqrt()
    }

    /// Information about a column with all else profiled out; 0 if its pivot cancelled.
    pub fn information(&self, column: usize) -> f64 {
        if !self.has_information(column) {
            0.0
        } else if column + 1 == self.columns {
            // The last pivot of the factor; no solution is needed, and nothing is allocated.
            self.at(column, column) * self.at(column, column)
        } else {
            1.0 / self.variance(column)
        }
    }

    /// Whether the pivot of a column did not cancel.
    pub fn has_information(&self, column: usize) -> bool {
        self.at(column, column).is_finite()
    }

    /// Variance of a column's coefficient; NaN without information.
    pub fn variance(&self, column: usize) -> f64 {
        // Allocates; the hot path needs only the last column, which has its own shortcut.
        let mut unit = vec![0.0; self.columns];
        unit[column] = 1.0;
        self.sum_of_squares(&[0.0; CUTS], unit, column)
    }

    /// Variance of a threshold; NaN without information.
    pub fn threshold_variance(&self, cut: usize) -> f64 {
        let mut unit = [0.0; CUTS];
        unit[cut] = 1.0;
        let solution = self.eliminate(unit);
        let rest = self.cross.iter().map(|cross| -dot(cross, &solution)).collect();
        dot(&solution, &solution) + self.sum_of_squares(&solution, rest, 0)
    }

    /// ‖L⁻¹v‖² over the columns from `first` on, before which v is 0; NaN without information.
    fn sum_of_squares(&self, thresholds: &[f64; CUTS], mut v: Vec<f64>, first: usize) -> f64 {
        // A parameter without information that the variance depends on makes it undefined.
        let certain = self.diagonal.iter().zip(thresholds).all(|(d, t)| *d > 0.0 || *t == 0.0);
        if !certain || !self.has_information(first) {
            return f64::NAN;
        }
        for k in first..self.columns {
            let known: f64 = (first..k).map(|l| self.at(k, l) * v[l]).sum();
            v[k] = (v[k] - known) / self.at(k, k);
        }
        v.iter().map(|value| value * value).sum()
    }

    /// Wald's χ² of the columns from `first` to the last with all else profiled out: ‖Lᵀγ‖² over them.
    pub fn joint_wald(&self, first: usize, coefficients: &[f64]) -> f64 {
        let mut sum = 0.0;
        for l in first..self.columns {
            let along: f64 = (l..self.columns).map(|k| self.at(k, l) * coefficients[k]).sum();
            sum += along * along;
        }
        sum
    }
}

fn dot(a: &[f64; CUTS], b: &[f64; CUTS]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
