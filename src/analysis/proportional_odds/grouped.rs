//! Counts by group in the form that the likelihood needs: only levels with patients, arms of groups with
//! patients, and independent columns.
//!
//! With F_j the probability of a level at or below cut j and d_j = α_j − α_{j−1}, the probability
//! of a level between two cuts is (1 − F_j)·F_{j−1}·(e^{d_j} − 1), that of the best F_0 and that
//! of the worst one minus the last F. So the log likelihood is that of independent logistic
//! regressions at the cuts, each with `favourable` patients (weight of ln F) and `adverse` ones
//! (weight of ln(1 − F)), plus a term of the thresholds alone, which all patients share:
//! Σ_j N_j·ln(e^{d_j} − 1). It has no differences of probabilities, in which rounding would cancel digits.

use super::CUTS;
use super::covariates::{Covariates, SparseEntry};
use super::levels::Levels;
use crate::analysis::Counts;
use crate::outcome::LEVELS;
use crate::randomisation::Arm;

/// Share of all patients below which a level is empty.
// The thresholds on either side of it would be equal in floating point. Counts of patients are never that
// small, expected counts can be.
const EMPTY_SHARE: f64 = 1e-13;

/// Share of its sum of squares below which what a regression on the columns before a column and the
/// constant leaves of it is rounding.
// An exact combination leaves about 1e-16; columns that differ in one of 1e6 patients leave 1e-6.
const DEPENDENT: f64 = 1e-10;

/// The data of a fit. A cell is an arm of a group with at least one patient.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    /// Number of levels with patients, less 1.
    pub cuts: usize,
    /// Number of patients.
    pub patients: f64,
    /// Position of each mRS among the levels with patients; `None` without patients.
    pub places: [Option<usize>; LEVELS],
    /// Patients by level; 0 beyond the last.
    pub totals: [f64; LEVELS],
    /// Patients by cell.
    pub sizes: Vec<f64>,
    /// Weight of ln F, cell × cut; 0 beyond the last cut.
    pub favourable: Vec<[f64; CUTS]>,
    /// Weight of ln(1 − F), cell × cut; 0 beyond the last cut.
    pub adverse: Vec<[f64; CUTS]>,
    /// Original number of each independent column.
    pub kept: Vec<usize>,
    /// Position of treatment among the columns kept; `None` if it is a combination of the covariates
    /// (or an arm is empty).
    pub treatment: Option<usize>,
    /// Arm and group of each cell.
    cells: Vec<(Arm, usize)>,
    /// Start of each cell's row in `entries`, and the end of the last.
    starts: Vec<usize>,
    entries: Vec<SparseEntry>,
    /// Sums of products of the columns; then their Cholesky factor.
    products: Vec<f64>,
    /// Sums of the columns.
    sums: Vec<f64>,
}

impl Grouped {
    /// Loads the counts of each group, with the interactions' columns if `interactions`.
    pub fn load(
        &mut self,
        covariates: &Covariates,
        levels: Levels,
        data: &[Counts],
        interactions: bool,
    ) {
        assert_eq!(data.len(), covariates.groups(), "every group has its counts");
        // Levels first, as cells count patients by them; columns last, as they need the cells.
        self.find_levels(levels, data);
        self.fill_cells(data);
        let columns = covariates.main() + 1;
        let columns = columns + if interactions { covariates.interactions() } else { 0 };
        self.sum_products(covariates, columns);
        self.keep_independent(columns, covariates.main());
        self.copy_entries(covariates);
    }

    /// Values other than 0 of a cell's row, by column kept.
    pub fn entries(&self, cell: usize) -> &[SparseEntry] {
        &self.entries[self.starts[cell]..self.starts[cell + 1]]
    }

    /// The sum that the coefficients of the first columns add to the thresholds of a cell.
    pub fn shift(&self, cell: usize, coefficients: &[f64]) -> f64 {
        let terms = self.entries(cell).iter().map_while(|entry| {
            coefficients.get(entry.column).map(|coefficient| entry.value * coefficient)
        });
        terms.sum()
    }

    /// Finds the levels with patients.
    fn find_levels(&mut self, levels: Levels, data: &[Counts]) {
        let mut by_level = [0.0; LEVELS];
        for arm in data.iter().flatten() {
            arm.iter().zip(levels.of_mrs()).for_each(|(count, &level)| by_level[level] += count);
        }
        let all: f64 = by_level.iter().sum();
        self.totals = [0.0; LEVELS];
        let (mut places, mut next) = ([None; LEVELS], 0);
        for (place, total) in places.iter_mut().zip(by_level) {
            if total > EMPTY_SHARE * all {
                *place = Some(next);
                self.totals[next] = total;
                next += 1;
            }
        }
        self.patients = self.totals.iter().sum();
        self.cuts = next.saturating_sub(1);
        self.places = levels.of_mrs().map(|level| places[level]);
    }

    /// Finds the arms of groups with patients, and their weights.
    fn fill_cells(&mut self, data: &[Counts]) {
        self.cells.clear();
        self.sizes.clear();
        self.favourable.clear();
        self.adverse.clear();
        for (group, table) in data.iter().enumerate() {
            for (arm, counts) in [Arm::Control, Arm::Experimental].into_iter().zip(table) {
                let mut levels = [0.0; LEVELS];
                for (count, place) in counts.iter().zip(&self.places) {
                    if let &Some(level) = place {
                        levels[level] += count;
                    }
                }
                let size: f64 = levels.iter().sum();
                // An empty cell would only cost time in every step.
                if size > 0.0 {
                    self.cells.push((arm, group));
                    self.sizes.push(size);
                    let (favourable, adverse) = weights(&levels, self.cuts);
                    self.favourable.push(favourable);
                    self.adverse.push(adverse);
                }
            }
        }
    }

    /// Computes sums and sums of products of all columns over patients; of the latter the lower triangle.
    fn sum_products(&mut self, covariates: &Covariates, columns: usize) {
        self.products.clear();
        self.products.resize(columns * columns, 0.0);
        self.sums.clear();
        self.sums.resize(columns, 0.0);
        for (&(arm, group), size) in self.cells.iter().zip(&self.sizes) {
            let row = covariates.row(arm, group);
            for (i, a) in row.iter().take_while(|entry| entry.column < columns).enumerate() {
                let weighted = size * a.value;
                self.sums[a.column] += weighted;
                let products = &mut self.products[a.column * columns..];
                row[..=i].iter().for_each(|b| products[b.column] += weighted * b.value);
            }
        }
    }

    /// Keeps the columns that are not a combination of the constant and those before them, by a Cholesky
    /// factorisation that skips the others.
    fn keep_independent(&mut self, columns: usize, treatment: usize) {
        self.kept.clear();
        self.treatment = None;
        for k in 0..columns {
            let (done, rest) = self.products.split_at_mut(k * columns);
            let row = &mut rest[..=k];
            let own = row[k];
            // Regress out the constant.
            for (value, sum) in row.iter_mut().zip(&self.sums) {
                *value -= self.sums[k] * sum / self.patients;
            }
            // Regress out the columns kept so far.
            for (n, &l) in self.kept.iter().enumerate() {
                let earlier = &done[l * columns..][..=l];
                let known: f64 = self.kept[..n].iter().map(|&m| row[m] * earlier[m]).sum();
                row[l] = (row[l] - known) / earlier[l];
            }
            let left = row[k] - self.kept.iter().map(|&l| row[l] * row[l]).sum::<f64>();
            if left > DEPENDENT * own {
                row[k] = left.sqrt();
                if k == treatment {
                    self.treatment = Some(self.kept.len());
                }
                self.kept.push(k);
            }
        }
    }

    /// Copies the rows of the cells, restricted to the columns kept.
    fn copy_entries(&mut self, covariates: &Covariates) {
        self.entries.clear();
        self.starts.clear();
        self.starts.push(0);
        for &(arm, group) in &self.cells {
            let mut kept = self.kept.iter().enumerate().peekable();
            for entry in covariates.row(arm, group) {
                while kept.next_if(|&(_, &column)| column < entry.column).is_some() {}
                if let Some((column, _)) = kept.next_if(|&(_, &column)| column == entry.column) {
                    self.entries.push(SparseEntry { column, value: entry.value });
                }
            }
            self.starts.push(self.entries.len());
        }
    }
}

/// The patients of a cell by level as weights of ln F and ln(1 − F) at each cut. A level between
/// two cuts counts as favourable at the one below it and as adverse at the one above it.
pub(super) fn weights(levels: &[f64; LEVELS], cuts: usize) -> ([f64; CUTS], [f64; CUTS]) {
    let (mut favourable, mut adverse) = ([0.0; CUTS], [0.0; CUTS]);
    for j in 1..cuts {
        favourable[j - 1] += levels[j];
        adverse[j] += levels[j];
    }
    if cuts > 0 {
        favourable[0] += levels[0];
        adverse[cuts - 1] += levels[cuts];
    }
    (favourable, adverse)
}
