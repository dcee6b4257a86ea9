//! Merging of tallies, field by field.

/// A total that another total of the same kind can be added to.
pub(crate) trait Merge {
    /// Adds the other total, which leaves no trace of the order of merging.
    fn merge(&mut self, other: &Self);
}

impl Merge for u64 {
    fn merge(&mut self, other: &Self) {
        *self += other;
    }
}

impl<T: Merge, const N: usize> Merge for [T; N] {
    fn merge(&mut self, other: &Self) {
        self.iter_mut().zip(other).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

/// Lists of one scenario have the same length. One that was read from a damaged file may not; the
/// missing counts are then found by the checks of the restored tally.
impl<T: Merge> Merge for Vec<T> {
    fn merge(&mut self, other: &Self) {
        self.iter_mut().zip(other).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}

impl<T: Merge> Merge for Option<T> {
    fn merge(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (self, other) {
            mine.merge(theirs);
        }
    }
}

/// Implements [`Merge`] for a tally, given the fields that are added and, after `keep`, those that the
/// scenario determines.
macro_rules! merge_fields {
    ($tally:ident { $($field:ident),+ $(,)? } $(keep { $($kept:ident),+ })?) => {
        impl $crate::summary::merge::Merge for $tally {
            fn merge(&mut self, other: &Self) {
                // Without `..`, so that a field which is listed in neither place does not compile.
                let Self { $($field,)+ $($($kept: _,)+)? } = self;
                $($crate::summary::merge::Merge::merge($field, &other.$field);)+
            }
        }
    };
}

pub(crate) use merge_fields;

/// Adds counts in 128 bits, as counts of a damaged file may overflow 64.
pub(super) fn sum(counts: impl IntoIterator<Item = u64>) -> u128 {
    counts.into_iter().map(u128::from).sum()
}
