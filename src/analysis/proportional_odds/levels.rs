//! Merging of the mRS into levels.

use super::CUTS;
use crate::outcome::{LEVELS, Mrs};

/// The mRS merged into consecutive levels, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels([usize; LEVELS]);

impl Levels {
    /// Seven levels, one for each mRS.
    pub const ALL: Self = Self::ending([true; CUTS]);
    /// Six levels, with bedridden and dead (mRS 5 and 6) as one.
    pub const SEVERE_WITH_DEATH: Self = Self::ending([true, true, true, true, true, false]);

    /// Levels that end between mRS k and k + 1 if `ends[k]`.
    pub const fn ending(ends: [bool; CUTS]) -> Self {
        let mut levels = [0; LEVELS];
        // `for` is not allowed in a constant function.
        let mut k = 0;
        while k < CUTS {
            levels[k + 1] = levels[k] + ends[k] as usize;
            k += 1;
        }
        Self(levels)
    }

    /// Two levels: mRS at or below `cut`, and above it (with mRS 6 as the cut, a single one).
    pub fn at_most(cut: Mrs) -> Self {
        let mut ends = [false; CUTS];
        // mRS 6 as the cut has no level above it.
        if let Some(end) = ends.get_mut(cut.index()) {
            *end = true;
        }
        Self::ending(ends)
    }

    /// The worst mRS of the better level of two; `None` if there are more levels, or one.
    pub fn cut_of_two(&self) -> Option<Mrs> {
        if self.0[LEVELS - 1] != 1 {
            return None;
        }
        let better = self.0.iter().filter(|&&level| level == 0).count();
        Mrs::new(better as u8 - 1)
    }

    /// The level of each mRS, from 0.
    pub fn of_mrs(&self) -> &[usize; LEVELS] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_consecutive() {
        assert_eq!(Levels::ALL.of_mrs(), &[0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Levels::SEVERE_WITH_DEATH.of_mrs(), &[0, 1, 2, 3, 4, 5, 5]);
        assert_eq!(Levels::at_most(Mrs::INDEPENDENT).of_mrs(), &[0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(Levels::at_most(Mrs::DEAD).of_mrs(), &[0; LEVELS]);
    }

    #[test]
    fn two_levels_have_their_cut_and_others_none() {
        for cut in (0..=5).filter_map(Mrs::new) {
            assert_eq!(Levels::at_most(cut).cut_of_two(), Some(cut));
        }
        for others in [Levels::ALL, Levels::SEVERE_WITH_DEATH, Levels::at_most(Mrs::DEAD)] {
            assert_eq!(others.cut_of_two(), None);
        }
    }
}
