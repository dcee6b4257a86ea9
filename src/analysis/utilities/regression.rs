//! The difference of mean utilities adjusted for covariates, by ordinary least squares.

use super::{NO_DIFFERENCE, TTest, Utilities};
use crate::analysis::Counts;

/// Most columns of [`CovariateRows`].
pub const MAX_COVARIATES: usize = 30;

/// A row of covariates for every group of patients who share them, without intercept and treatment:
/// dummy variables, or any numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct CovariateRows {
    /// Row after row.
    values: Vec<f64>,
    columns: usize,
    groups: usize,
}

/// Why rows are not covariates.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CovariateRowsError {
    /// Rows of different lengths.
    #[error("pattern {pattern} has {columns} covariates, the first has {first}")]
    Uneven {
        /// Counted from 1.
        pattern: usize,
        /// Length of its row.
        columns: usize,
        /// Length of the first.
        first: usize,
    },
    /// A value that is NaN or infinite.
    #[error("covariate {column} of pattern {pattern} is {value}; allowed: any finite number")]
    NotFinite {
        /// Counted from 1.
        pattern: usize,
        /// Counted from 1.
        column: usize,
        /// Value as given.
        value: f64,
    },
    /// More columns than the arrays of a fit hold.
    #[error("{0} covariates; allowed: up to {MAX_COVARIATES}")]
    TooMany(usize),
}

impl CovariateRows {
    /// Checks one row per group.
    ///
    /// # Errors
    /// When rows differ in length, a value is not finite, or there are more than
    /// [`MAX_COVARIATES`] columns.
    pub fn new<R: AsRef<[f64]>>(rows: &[R]) -> Result<Self, CovariateRowsError> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        if columns > MAX_COVARIATES {
            return Err(CovariateRowsError::TooMany(columns));
        }
        let mut values = Vec::with_capacity(rows.len() * columns);
        for (row, pattern) in rows.iter().map(AsRef::as_ref).zip(1..) {
            if row.len() != columns {
                let (first, columns) = (columns, row.len());
                return Err(CovariateRowsError::Uneven { pattern, columns, first });
            }
            for (&value, column) in row.iter().zip(1..) {
                if !value.is_finite() {
                    return Err(CovariateRowsError::NotFinite { pattern, column, value });
                }
            }
            values.extend_from_slice(row);
        }
        Ok(Self { values, columns, groups: rows.len() })
    }

    /// Number of covariates.
    pub(in crate::analysis) fn columns(&self) -> usize {
        self.columns
    }

    /// Number of groups.
    pub(in crate::analysis) fn groups(&self) -> usize {
        self.groups
    }

    /// The covariates of a group.
    pub(in crate::analysis) fn row(&self, group: usize) -> &[f64] {
        &self.values[group * self.columns..][..self.columns]
    }
}

/// The difference of mean utilities at equal covariates: the coefficient of treatment in a linear
/// regression of utility on an intercept, the covariates and treatment by ordinary least squares,
/// with N − rank degrees of freedom. `groups[i]` are the patients with row i of the covariates.
///
/// A covariate that the ones before it determine is dropped. If they determine the treatment,
/// nothing is estimated. Without covariates this is Student's t test.
///
/// # Panics
/// If there are not as many tables as rows.
pub fn adjusted_t_test(
    utilities: &Utilities,
    covariates: &CovariateRows,
    groups: &[Counts],
) -> TTest {
    assert_eq!(groups.len(), covariates.groups, "a table for every row");
    let Some(means) = ColumnMeans::new(utilities, covariates, groups) else {
        return NO_DIFFERENCE;
    };
    // About the means: sums of squares of large utilities would cancel.
    let mut products = CrossProducts::new(utilities, covariates, groups, &means);
    let treatment = covariates.columns;
    let kept = (0..treatment).filter(|&column| products.eliminate(column)).count();
    if !products.varies(treatment) {
        return NO_DIFFERENCE;
    }
    let utility = treatment + 1;
    let total = products.diagonal[utility];
    let of_treatment = products.values[treatment][treatment];
    let mut difference = products.values[treatment][utility] / of_treatment;
    products.eliminate(treatment);
    // The rounding errors of a perfect fit must not count as variation, nor as a difference.
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
    TTest::from_variance(difference, variance, degrees_of_freedom)
}

/// Share of its sum of squares that the columns before a column leave of it, below which it is collinear.
// Rounding leaves about 1e-16 of an exact combination; columns that differ in one of 1e6 patients have
// 1e-6.
const COLLINEAR: f64 = 1e-10;
/// Share of the utilities' sum of squares below which the residual one is that of a perfect fit.
// Rounding leaves a few times 1e-16 of it.
const PERFECT_FIT: f64 = 1e-13;

/// Columns of the cross products: covariates, treatment, utility.
const SIZE: usize = MAX_COVARIATES + 2;

/// Means of the columns over the patients, measured from `origin`, the values of the first patient:
/// a column that does not vary is then exactly 0.
struct ColumnMeans {
    patients: f64,
    /// Covariates, treatment, utility.
    of: [f64; SIZE],
    origin: [f64; SIZE],
}

impl ColumnMeans {
    /// `None` without patients.
    fn new(utilities: &Utilities, covariates: &CovariateRows, groups: &[Counts]) -> Option<Self> {
        let (first, utility_of_first) = groups.iter().enumerate().find_map(|(group, counts)| {
            let utility = counts.iter().find_map(|arm| utilities.first_utility(arm))?;
            Some((group, utility))
        })?;
        let columns = covariates.columns;
        // Treatment has no origin: its values 0 and 1 are exact.
        let mut origin = [0.0; SIZE];
        origin[..columns].copy_from_slice(covariates.row(first));
        origin[columns + 1] = utility_of_first;
        let (mut patients, mut of) = (0.0, [0.0; SIZE]);
        for (group, counts) in groups.iter().enumerate() {
            let of_arm = counts.each_ref().map(|arm| arm.iter().sum::<f64>());
            let here = of_arm[0] + of_arm[1];
            patients += here;
            for (j, x) in covariates.row(group).iter().enumerate() {
                of[j] += here * (x - origin[j]);
            }
            of[columns] += of_arm[1];
            let cells =
                counts.iter().flat_map(|arm| utilities.measured_from(arm, origin[columns + 1]));
            of[columns + 1] += cells.map(|(count, u)| count * u).sum::<f64>();
        }
        Some(Self { patients, of: of.map(|sum| sum / patients), origin })
    }
}

/// Sums of products of the columns about their means: covariates, treatment, utility. Subtracting the
/// means is the effect of the intercept.
struct CrossProducts {
    /// The upper triangle.
    values: [[f64; SIZE]; SIZE],
    /// The diagonal before any elimination.
    diagonal: [f64; SIZE],
    size: usize,
}

impl CrossProducts {
    fn new(
        utilities: &Utilities,
        covariates: &CovariateRows,
        groups: &[Counts],
        means: &ColumnMeans,
    ) -> Self {
        let treatment = covariates.columns;
        let utility = treatment + 1;
        let mut values = [[0.0; SIZE]; SIZE];
        let mut row = [0.0; SIZE];
        for (group, counts) in groups.iter().enumerate() {
            for (j, x) in covariates.row(group).iter().enumerate() {
                row[j] = x - means.origin[j] - means.of[j];
            }
            for (arm, treated) in counts.iter().zip([0.0, 1.0]) {
                row[treatment] = treated - means.of[treatment];
                let patients: f64 = arm.iter().sum();
                let (mut sum, mut squares) = (0.0, 0.0);
                for (count, u) in utilities.measured_from(arm, means.origin[utility]) {
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

    /// Whether a column is not determined by the eliminated ones.
    fn varies(&self, column: usize) -> bool {
        self.values[column][column] > COLLINEAR * self.diagonal[column]
    }

    /// Removes from the later columns the part that this one explains, by Gaussian elimination; returns
    /// `false` and does nothing if the columns before it determine it.
    fn eliminate(&mut self, column: usize) -> bool {
        if !self.varies(column) {
            return false;
        }
        // A copy, as the row is read while later rows change.
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
