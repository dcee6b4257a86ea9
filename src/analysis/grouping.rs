//! Cells gathered into the groups that an analysis works with: the combinations of levels of the
//! factors it adjusts for or is stratified by.

use std::collections::BTreeSet;

use super::{Counts, KnownOutcomes, OutcomeTable};
use crate::outcome::LEVELS;

/// Which group each cell of [`KnownOutcomes`] belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    of_cell: Vec<usize>,
    /// The level of each factor used, as indices, group by group.
    levels: Vec<Vec<usize>>,
}

impl Grouping {
    /// From the level of each factor used, cell by cell. Cells with the same levels are one group;
    /// groups are in the order in which they are met.
    pub fn new(cells: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let of_cell = cells.into_iter().map(|cell| {
            levels.iter().position(|known| *known == cell).unwrap_or_else(|| {
                levels.push(cell);
                levels.len() - 1
            })
        });
        Self { of_cell: of_cell.collect(), levels }
    }

    /// The level of each factor used, as indices, group by group.
    pub fn levels(&self) -> &[Vec<usize>] {
        &self.levels
    }

    /// A row per group of indicators: for each factor one of every level but that of the first
    /// group.
    pub fn indicators(&self) -> Vec<Vec<f64>> {
        self.indicators_of(self.levels.first().map_or(0, Vec::len))
    }

    /// The same of so many factors, the first.
    pub fn indicators_of(&self, factors: usize) -> Vec<Vec<f64>> {
        let columns: Vec<(usize, usize)> = (0..factors)
            .flat_map(|factor| {
                let levels: BTreeSet<usize> =
                    self.levels.iter().map(|levels| levels[factor]).collect();
                let reference = self.levels[0][factor];
                let others = levels.into_iter().filter(move |&level| level != reference);
                others.map(move |level| (factor, level))
            })
            .collect();
        let row = |levels: &Vec<usize>| {
            columns.iter().map(|&(f, level)| f64::from(u8::from(levels[f] == level))).collect()
        };
        self.levels.iter().map(row).collect()
    }

    /// The group of each cell.
    pub fn of_cell(&self) -> &[usize] {
        &self.of_cell
    }

    /// Adds the cells up by group, in the memory there is.
    pub fn gather(&self, cells: impl IntoIterator<Item = Counts>, groups: &mut Vec<Counts>) {
        groups.clear();
        groups.resize(self.levels.len(), [[0.0; LEVELS]; 2]);
        for (counts, &group) in cells.into_iter().zip(&self.of_cell) {
            add(&mut groups[group], &counts);
        }
    }

    /// The same from what is known at a look.
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
    fn cells_are_gathered_by_the_levels_used() {
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
