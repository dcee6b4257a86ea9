//! Looks in the plan and looks that took place.
//!
//! A trial with fewer outcomes than planned skips interim looks: one whose number of outcomes is never
//! exceeded would see the data of the final look. So the final look may come third in the trial and fifth
//! in the plan. Data and tables are kept by look taken; boundaries, and the Z that rows report, by look
//! planned.

/// A look that takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookIndex {
    /// Position among the looks that take place, from 0.
    pub taken: usize,
    /// Position in the plan, from 0; equal to `taken` at an interim look.
    pub planned: usize,
    /// Whether it is the final look.
    pub is_final: bool,
}

impl LookIndex {
    /// Number of the look in the plan, from 1, as in every output.
    pub fn number(self) -> usize {
        self.planned + 1
    }
}

/// The looks of one trial if nothing stops it: interim looks, then the final one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookSequence {
    taken: usize,
    planned: usize,
}

impl LookSequence {
    /// Makes a sequence of the looks that take place, at least one, among those planned.
    pub fn new(taken: usize, planned: usize) -> Self {
        debug_assert!((1..=planned).contains(&taken));
        Self { taken, planned }
    }

    /// Returns the look at a position among those that take place.
    // The only translation from looks taken to looks planned.
    pub fn taken(self, position: usize) -> LookIndex {
        let is_final = position + 1 == self.taken;
        let planned = if is_final { self.planned - 1 } else { position };
        LookIndex { taken: position, planned, is_final }
    }

    /// Returns the look with a number in the plan, from 1; `None` if it does not take place.
    pub fn numbered(self, number: usize) -> Option<LookIndex> {
        self.all().find(|look| look.number() == number)
    }

    /// Returns the final look.
    pub fn last(self) -> LookIndex {
        self.taken(self.taken - 1)
    }

    /// Returns the looks in order, the final one last.
    pub fn all(self) -> impl Iterator<Item = LookIndex> {
        (0..self.taken).map(move |position| self.taken(position))
    }

    /// Returns the looks after one that takes place, without the final one.
    // The decision of the final look follows other rules: no futility, and boundaries for the outcomes
    // observed.
    pub fn interims_after(self, look: LookIndex) -> impl Iterator<Item = LookIndex> {
        (look.taken + 1..self.taken - 1).map(move |position| self.taken(position))
    }

    /// Returns the looks before the final one.
    pub fn interims(self) -> impl Iterator<Item = LookIndex> {
        (0..self.taken - 1).map(move |position| self.taken(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_look_has_the_last_place_in_the_plan_however_many_interims_take_place() {
        for taken in 1..=5 {
            let looks = LookSequence::new(taken, 5);
            let last = LookIndex { taken: taken - 1, planned: 4, is_final: true };
            assert_eq!(looks.last(), last);
            assert_eq!(looks.numbered(5), Some(last));
            assert!(looks.interims().all(|look| look.planned == look.taken));
            assert!(looks.all().eq(looks.interims().chain([last])));
            for number in 1..5 {
                let found = looks.numbered(number).map(|look| look.taken + 1);
                assert_eq!(found, (number < taken).then_some(number));
            }
        }
    }
}
