//! Covariates that a regression adjusts for, by group of patients who share them.

use crate::randomisation::Arm;

/// A value other than 0 of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SparseEntry {
    pub column: usize,
    pub value: f64,
}

/// Rows of the model for both arms of every group.
///
/// The columns are the main effects, treatment, and the interactions with treatment, in this order.
/// Rows are sparse: of the dummy variables of a factor with many levels, at most one is not 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariates {
    /// Number of columns of main effects.
    main: usize,
    /// Number of columns of interactions.
    interactions: usize,
    entries: Vec<SparseEntry>,
    /// Positions in `entries` by group: the row of a control patient is from the first to the second;
    /// the row of an experimental patient continues with treatment and the interactions, to the third.
    bounds: Vec<[usize; 3]>,
}

impl Covariates {
    /// One group without covariates: the unadjusted model.
    pub fn none() -> Self {
        Self::new(&[Vec::new()])
    }

    /// Main effects alone: one row of values (dummy variables, or numbers of any scale) for each group.
    /// Columns that are combinations of those before them are allowed; a fit drops them.
    ///
    /// # Panics
    /// If the rows differ in length.
    pub fn new(main: &[Vec<f64>]) -> Self {
        Self::with_interactions(main, &vec![Vec::new(); main.len()])
    }

    /// Main effects, and for each group a row of interactions with treatment, which apply to
    /// experimental patients only.
    ///
    /// # Panics
    /// If the rows of either kind differ in length, or in number between the kinds.
    pub fn with_interactions(main: &[Vec<f64>], interactions: &[Vec<f64>]) -> Self {
        assert_eq!(main.len(), interactions.len(), "a group has a row of each kind");
        let mut covariates = Self {
            main: main.first().map_or(0, Vec::len),
            interactions: interactions.first().map_or(0, Vec::len),
            entries: Vec::new(),
            bounds: Vec::new(),
        };
        for (main, interactions) in main.iter().zip(interactions) {
            assert_eq!(main.len(), covariates.main, "rows of main effects are equally long");
            assert_eq!(
                interactions.len(),
                covariates.interactions,
                "rows of interactions are equally long"
            );
            covariates.push(main, interactions);
        }
        covariates
    }

    /// Adds the rows of a group.
    fn push(&mut self, main: &[f64], interactions: &[f64]) {
        let start = self.entries.len();
        self.extend(0, main);
        let end = self.entries.len();
        self.extend(self.main, &[1.0]);
        self.extend(self.main + 1, interactions);
        self.bounds.push([start, end, self.entries.len()]);
    }

    /// Adds values other than 0, the first of which is in the given column.
    fn extend(&mut self, first: usize, values: &[f64]) {
        let columns = (first..).zip(values).filter(|&(_, &value)| value != 0.0);
        self.entries.extend(columns.map(|(column, &value)| SparseEntry { column, value }));
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.bounds.len()
    }

    /// Number of columns of main effects, without treatment.
    pub fn main(&self) -> usize {
        self.main
    }

    /// Number of columns of interactions with treatment.
    pub fn interactions(&self) -> usize {
        self.interactions
    }

    /// Values other than 0 of the row of an arm of a group, by column.
    pub(super) fn row(&self, arm: Arm, group: usize) -> &[SparseEntry] {
        let [start, control, experimental] = self.bounds[group];
        match arm {
            Arm::Control => &self.entries[start..control],
            Arm::Experimental => &self.entries[start..experimental],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_values_that_are_not_zero() {
        let main = [vec![0.0, 1.0], vec![2.0, 0.0]];
        let covariates = Covariates::with_interactions(&main, &[vec![0.0], vec![5.0]]);
        let row = |arm, group| -> Vec<(usize, f64)> {
            covariates.row(arm, group).iter().map(|entry| (entry.column, entry.value)).collect()
        };
        assert_eq!(row(Arm::Control, 0), [(1, 1.0)]);
        assert_eq!(row(Arm::Experimental, 0), [(1, 1.0), (2, 1.0)]);
        assert_eq!(row(Arm::Control, 1), [(0, 2.0)]);
        assert_eq!(row(Arm::Experimental, 1), [(0, 2.0), (2, 1.0), (3, 5.0)]);
    }
}
