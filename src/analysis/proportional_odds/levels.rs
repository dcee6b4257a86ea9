//! Merging of the mRS into levels.

use std::fmt;

use super::CUTS;
use crate::analysis::Counts;
use crate::analysis::method::ParameterError;
use crate::outcome::{LEVELS, Mrs};

/// Ending of the messages about levels.
const ALLOWED: &str = "allowed: each mRS from 0 to 6 once and in order, in two or more levels, as in [[0, 1], [2], [3], [4, 5, 6]]";

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

    /// Checks the key `levels` of an analysis: the mRS of each level, the best first. `None` if there is
    /// none, or if each mRS is a level of its own.
    ///
    /// # Errors
    /// If an mRS is left out, repeated or not in order, or there are fewer than two levels.
    pub(in crate::analysis) fn stated(
        levels: Option<&[Vec<u8>]>,
    ) -> Result<Option<Self>, ParameterError> {
        let Some(levels) = levels else { return Ok(None) };
        match Self::merging(levels) {
            Ok(merged) => Ok(Some(merged).filter(|merged| *merged != Self::ALL)),
            Err(problem) => Err(ParameterError::new("levels", format!("{problem}; {ALLOWED}"))),
        }
    }

    /// Merges the mRS as listed, or says what is wrong with the list.
    fn merging(levels: &[Vec<u8>]) -> Result<Self, String> {
        if let Some(empty) = levels.iter().position(Vec::is_empty) {
            return Err(format!("has no mRS in level {}", empty + 1));
        }
        let listed: Vec<u8> = levels.concat();
        for (due, &mrs) in (0..).zip(&listed) {
            if listed[..usize::from(due)].contains(&mrs) {
                return Err(format!("has mRS {mrs} more than once"));
            }
            if mrs != due {
                let is_later = listed.contains(&due);
                return Err(match is_later {
                    true => format!("has mRS {mrs} before {due}"),
                    false => format!("leaves out mRS {due}"),
                });
            }
        }
        if listed.len() < LEVELS {
            return Err(format!("leaves out mRS {}", listed.len()));
        }
        if levels.len() < 2 {
            return Err("has a single level".to_owned());
        }
        let mut ends = [false; CUTS];
        for level in &levels[..levels.len() - 1] {
            ends[usize::from(level[level.len() - 1])] = true;
        }
        Ok(Self::ending(ends))
    }

    /// Number of levels.
    pub fn number(&self) -> usize {
        self.0[LEVELS - 1] + 1
    }

    /// Adds up values by mRS, counts or probabilities, within each level; 0 beyond the last level.
    pub fn merge(&self, by_mrs: &[f64; LEVELS]) -> [f64; LEVELS] {
        let mut by_level = [0.0; LEVELS];
        for (&level, value) in self.0.iter().zip(by_mrs) {
            by_level[level] += value;
        }
        by_level
    }

    /// Adds up the patients of both arms within each level.
    pub fn merge_arms(&self, counts: &Counts) -> Counts {
        counts.each_ref().map(|arm| self.merge(arm))
    }

    /// The level of each mRS, from 0.
    pub fn of_mrs(&self) -> &[usize; LEVELS] {
        &self.0
    }
}

/// Lists the levels, as in "0–1, 2, 3, 4–6".
impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for level in 0..self.number() {
            let first = self.0.iter().position(|&of| of == level);
            let last = self.0.iter().rposition(|&of| of == level);
            let (Some(first), Some(last)) = (first, last) else { continue };
            let separator = if level == 0 { "" } else { ", " };
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "–{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stated(levels: &[&[u8]]) -> Result<Option<Levels>, ParameterError> {
        let levels: Vec<Vec<u8>> = levels.iter().map(|level| level.to_vec()).collect();
        Levels::stated(Some(&levels))
    }

    #[test]
    fn levels_are_read_as_they_are_written() {
        let merged = stated(&[&[0, 1], &[2], &[3], &[4, 5, 6]]).expect("valid").expect("merged");
        assert_eq!(merged.of_mrs(), &[0, 0, 1, 2, 3, 3, 3]);
        assert_eq!((merged.number(), merged.to_string().as_str()), (4, "0–1, 2, 3, 4–6"));
        let severe = stated(&[&[0], &[1], &[2], &[3], &[4], &[5, 6]]).expect("valid");
        assert_eq!(severe, Some(Levels::SEVERE_WITH_DEATH));
        let all = stated(&[&[0], &[1], &[2], &[3], &[4], &[5], &[6]]).expect("valid");
        assert_eq!(all, None);
        assert_eq!(Levels::stated(None), Ok(None));
    }

    #[test]
    fn invalid_levels_are_refused_with_what_is_wrong() {
        let cases: [(&[&[u8]], &str); 8] = [
            (&[&[0, 1], &[2], &[3], &[4, 5]], "leaves out mRS 6"),
            (&[&[1], &[2], &[3], &[4, 5, 6]], "leaves out mRS 0"),
            (&[&[0, 1], &[3], &[4, 5, 6]], "leaves out mRS 2"),
            (&[&[0, 1], &[1, 2], &[3, 4, 5, 6]], "has mRS 1 more than once"),
            (&[&[0, 1, 3], &[2], &[4, 5, 6]], "has mRS 3 before 2"),
            (&[&[4, 5, 6], &[0, 1, 2, 3]], "has mRS 4 before 0"),
            (&[&[0, 1, 2], &[], &[3, 4, 5, 6]], "has no mRS in level 2"),
            (&[&[0, 1, 2, 3, 4, 5, 6]], "has a single level"),
        ];
        for (levels, says) in cases {
            let error = stated(levels).expect_err(says);
            assert_eq!(error.key, "levels");
            assert_eq!(error.message, format!("{says}; {ALLOWED}"));
        }
    }

    proptest! {
        #[test]
        fn merging_keeps_all_patients_and_their_order(
            ends in prop::array::uniform6(any::<bool>()),
            counts in crate::analysis::tests::counts(9),
        ) {
            let levels = Levels::ending(ends);
            let merged = levels.merge_arms(&counts);
            for (arm, by_level) in counts.iter().zip(merged) {
                for (mrs, &level) in levels.of_mrs().iter().enumerate() {
                    let ends = mrs + 1 == LEVELS || levels.of_mrs()[mrs + 1] > level;
                    let at_most: f64 = arm[..=mrs].iter().sum();
                    let merged: f64 = by_level[..=level].iter().sum();
                    prop_assert!(!ends || at_most == merged);
                }
                prop_assert!(by_level[levels.number()..].iter().all(|&count| count == 0.0));
            }
        }
    }

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
