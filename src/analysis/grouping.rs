//! Cells added up to the groups that an analysis works with: the combinations of levels of the factors
//! that it adjusts for or is stratified by.

use std::collections::BTreeSet;

use super::{Counts, KnownOutcomes, OutcomeTable};
use crate::outcome::LEVELS;
use crate::population::Population;

/// The cells that the outcomes of a scenario are counted in: strata of its population, or combinations
/// of stratum and early mRS.
#[derive(Debug, Clone, Copy)]
pub struct CellLayout<'p> {
    /// The population, with the centre as a factor if an analysis uses it.
    pub population: &'p Population,
    /// Whether cells differ by early mRS.
    pub by_early: bool,
}

impl CellLayout<'_> {
    /// Stratum and early mRS of every cell, in order; the early mRS varies fastest.
    pub fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        let early = if self.by_early { LEVELS } else { 1 };
        (0..self.population.strata()).flat_map(move |s| (0..early).map(move |early| (s, early)))
    }

    /// Groups the cells by the levels of some factors, given by position.
    pub fn grouped(&self, factors: &[usize]) -> Grouping {
        Grouping::new(self.all().map(|(stratum, _)| {
            let levels = self.population.levels(stratum);
            factors.iter().map(|&factor| levels[factor]).collect()
        }))
    }
}

/// The group of each cell of [`KnownOutcomes`].
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// Group by cell.
    of_cell: Vec<usize>,
    /// Levels of the factors, as indices, by group.
    levels: Vec<Vec<usize>>,
}

impl Grouping {
    /// Groups cells by their levels of some factors. Cells with the same levels are one group; groups are
    /// in the order of their first cells.
    pub fn new(cells: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let of_cell = cells.into_iter().map(|cell| {
            // A search in order: groups are few, and their order must not depend on a hash.
            levels.iter().position(|known| *known == cell).unwrap_or_else(|| {
                levels.push(cell);
                levels.len() - 1
            })
        });
        Self { of_cell: of_cell.collect(), levels }
    }

    /// Levels of the factors, as indices, by group.
    pub fn levels(&self) -> &[Vec<usize>] {
        &self.levels
    }

    /// A row of indicators per group: for each factor one indicator of every level except that of the
    /// first group.
    pub fn indicators(&self) -> Vec<Vec<f64>> {
        self.indicators_of(self.levels.first().map_or(0, Vec::len))
    }

    /// Indicators of the given number of factors, the first ones.
    pub fn indicators_of(&self, factors: usize) -> Vec<Vec<f64>> {
        let mut rows = vec![Vec::new(); self.levels.len()];
        for factor in 0..factors {
            // Only levels that occur: a column of zeros would have no coefficient.
            let occurring: BTreeSet<usize> =
                self.levels.iter().map(|levels| levels[factor]).collect();
            // Any level may be the reference: the effect of treatment is the same for all.
            let reference = self.levels[0][factor];
            for level in occurring.into_iter().filter(|&level| level != reference) {
                for (row, levels) in rows.iter_mut().zip(&self.levels) {
                    row.push(f64::from(u8::from(levels[factor] == level)));
                }
            }
        }
        rows
    }

    /// The group of each cell.
    pub fn of_cell(&self) -> &[usize] {
        &self.of_cell
    }

    /// Adds the cells up by group, reusing the memory of `groups`.
    pub fn gather(&self, cells: impl IntoIterator<Item = Counts>, groups: &mut Vec<Counts>) {
        // Refilled at every look, without allocation after the first.
        groups.clear();
        groups.resize(self.levels.len(), [[0.0; LEVELS]; 2]);
        for (counts, &group) in cells.into_iter().zip(&self.of_cell) {
            add(&mut groups[group], &counts);
        }
    }

    /// Adds up the outcomes of a look by group.
    pub fn gather_known(&self, known: &KnownOutcomes, groups: &mut Vec<Counts>) {
        self.gather(known.cells.iter().map(OutcomeTable::weights), groups);
    }
}

/// Adds all cells up to one group.
pub(super) fn gather_all(cells: impl IntoIterator<Item = Counts>, groups: &mut Vec<Counts>) {
    groups.clear();
    groups.push([[0.0; LEVELS]; 2]);
    cells.into_iter().for_each(|counts| add(&mut groups[0], &counts));
}

fn add(sums: &mut Counts, counts: &Counts) {
    for (sum, count) in sums.iter_mut().flatten().zip(counts.iter().flatten()) {
        *sum += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_the_same_levels_are_added_up() {
        // Two factors of two and three levels, of which the second is used.
        let cells = (0..2).flat_map(|_| (0..3).map(|level| vec![level]));
        let grouping = Grouping::new(cells);
        assert_eq!(grouping.levels(), [[0], [1], [2]]);
        assert_eq!(grouping.indicators(), [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        let counts = (1..=6).map(|n| [[f64::from(n); LEVELS], [0.0; LEVELS]]);
        let mut groups = Vec::new();
        grouping.gather(counts, &mut groups);
        assert_eq!(groups.iter().map(|group| group[0][3]).collect::<Vec<_>>(), [5.0, 7.0, 9.0]);
    }

    #[test]
    fn levels_that_never_occur_have_no_indicator() {
        let grouping = Grouping::new([vec![0, 1], vec![2, 1], vec![2, 0]]);
        assert_eq!(grouping.indicators(), [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]);
    }
}
