//! Counts and sums that do not depend on the order of adding and merging.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::merge::Merge;

/// Count, sum and sum of squares of numbers rounded to a grid of 2⁻²⁴ (6e-8), kept as integers, so that
/// adding and merging are exact. Sums that overflow make the mean, or the standard deviation, NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ExactMoments {
    n: u64,
    sum: i128,
    /// Sum of squares; `i128::MAX` if that has overflowed.
    squares: i128,
    /// Number of values too large to be summed.
    #[serde(default, skip_serializing_if = "is_zero")]
    too_large: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ExactMoments {
    /// Steps of the grid in a unit.
    const GRID: f64 = (1u64 << 24) as f64;
    // 2⁶⁴ numbers of 2⁶² steps sum to 2¹²⁶, which an i128 holds.
    const MOST_STEPS: f64 = (1u64 << 62) as f64;

    /// Adds a finite number.
    pub fn add(&mut self, value: f64) {
        debug_assert!(value.is_finite());
        let steps = (value * Self::GRID).round();
        self.n += 1;
        if steps.abs() > Self::MOST_STEPS {
            self.too_large += 1;
            return;
        }
        let steps = i128::from(steps as i64);
        self.sum += steps;
        // Squares may overflow, of which the maximum then is the sign.
        self.squares = self.squares.saturating_add(steps * steps);
    }

    /// Number of values added.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Whether `n` numbers with absolute values of at most `most` can have this sum and these squares.
    pub fn is_of(&self, n: u64, most: f64) -> bool {
        self.is_possible(most) && self.n == n
    }

    /// Whether numbers with absolute values of at most `most` can have this sum and these squares, whatever
    /// their count.
    pub fn is_possible(&self, most: f64) -> bool {
        let Some(summed) = self.n.checked_sub(self.too_large) else { return false };
        let (n, sum, squares) = (summed as f64, self.sum.unsigned_abs(), self.squares);
        let steps = (most * Self::GRID).ceil().min(Self::MOST_STEPS);
        let Ok(at_least) = u128::try_from(squares) else { return false };
        // The comparisons are of rounded floating-point numbers.
        let rounding = 1.0 + 1e-12;
        let fits =
            sum as f64 <= n * steps * rounding && at_least as f64 <= n * steps * steps * rounding;
        let all_counted = squares < i128::MAX;
        // The squares of whole numbers sum to no less than the numbers, and by Cauchy & Schwarz n times the
        // sum of squares is no less than the square of the sum.
        fits && (!all_counted
            || (at_least >= sum && sum as f64 * sum as f64 <= n * at_least as f64 * rounding))
    }

    /// Mean; NaN if empty or if a number was too large.
    pub fn mean(&self) -> f64 {
        if self.too_large > 0 {
            return f64::NAN;
        }
        self.sum as f64 / self.n as f64 / Self::GRID
    }

    /// Sample standard deviation; NaN with fewer than two numbers or if their squares overflow.
    pub fn sd(&self) -> f64 {
        if self.n < 2 || self.too_large > 0 || self.squares == i128::MAX {
            return f64::NAN;
        }
        let n = self.n as f64;
        let mean = self.sum as f64 / n;
        // Rounding can make a variance of 0 slightly negative.
        let variance = (self.squares as f64 / n - mean * mean).max(0.0) * n / (n - 1.0);
        variance.sqrt() / Self::GRID
    }
}

impl Merge for ExactMoments {
    fn merge(&mut self, other: &Self) {
        let Self { n, sum, squares, too_large } = self;
        *n += other.n;
        *sum += other.sum;
        *squares = squares.saturating_add(other.squares);
        *too_large += other.too_large;
    }
}

// A vector up to the largest number would need gigabytes for a trial that hardly recruits and lasts for
// centuries, so numbers from here on are counted in a map.
const DENSE: usize = 1 << 16;

/// Frequencies of whole numbers. `u32::MAX` stands for all larger ones; means and quantiles that depend on
/// it are NaN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    /// Frequencies of the numbers from [`DENSE`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    large: BTreeMap<u32, u64>,
    n: u64,
}

impl Histogram {
    /// Counts a number.
    pub fn add(&mut self, value: u32) {
        self.n += 1;
        let index = value as usize;
        if index >= DENSE {
            *self.large.entry(value).or_default() += 1;
            return;
        }
        if index >= self.counts.len() {
            // Grows to the largest value met and no further, so only the first replicates pay.
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
    }

    /// Number of values counted.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Whether these can be the frequencies of `n` numbers of at most `most`.
    pub fn is_of(&self, n: u64, most: u32) -> bool {
        self.is_possible(most) && self.n == n
    }

    /// Whether these can be the frequencies of numbers of at most `most`, whatever their count.
    pub fn is_possible(&self, most: u32) -> bool {
        let dense = self.counts.iter().zip(0u32..);
        let large = self.large.iter().map(|(&value, count)| (count, value));
        // In 128 bits, as counts of a damaged file may overflow 64.
        let mut counted: u128 = 0;
        let mut all_fit = self.counts.len() <= DENSE;
        for (&count, value) in dense.chain(large) {
            counted += u128::from(count);
            all_fit &= count == 0 || value <= most;
        }
        all_fit
            && counted == u128::from(self.n)
            && self.large.keys().all(|&value| value as usize >= DENSE)
    }

    /// The numbers that occur with their frequencies, in ascending order.
    fn counted(&self) -> impl Iterator<Item = (f64, u64)> {
        let dense = self.counts.iter().enumerate().map(|(value, &count)| (value as f64, count));
        let large = self.large.iter().map(|(&value, &count)| {
            // Stands for all larger numbers as well.
            (if value == u32::MAX { f64::NAN } else { f64::from(value) }, count)
        });
        dense.chain(large).filter(|&(_, count)| count > 0)
    }

    /// Mean and sample standard deviation.
    pub fn mean_sd(&self) -> (f64, f64) {
        let sum: f64 = self.counted().map(|(value, count)| count as f64 * value).sum();
        let mean = sum / self.n as f64;
        // Around the mean, as the difference of two large squares would lose digits.
        let deviations = self.counted().map(|(value, count)| {
            let deviation = value - mean;
            count as f64 * (deviation * deviation)
        });
        let squares: f64 = deviations.sum();
        (mean, if self.n < 2 { f64::NAN } else { (squares / (self.n - 1) as f64).sqrt() })
    }

    /// The smallest number with at least a share `p` of the numbers at or below it; NaN if empty.
    pub fn quantile(&self, p: f64) -> f64 {
        let needed = (p * self.n as f64).ceil().clamp(1.0, self.n.max(1) as f64) as u64;
        let mut cumulative = 0;
        let at = self.counted().find(|(_, count)| {
            cumulative += count;
            cumulative >= needed
        });
        at.map_or(f64::NAN, |(value, _)| value)
    }

    /// The quantile of numbers that were rounded when they were counted, taken as spread evenly over the
    /// half step to either side of each whole number; NaN if empty.
    pub fn quantile_of_rounded(&self, p: f64) -> f64 {
        let needed = p.clamp(0.0, 1.0) * self.n as f64;
        let mut cumulative = 0.0;
        for (value, count) in self.counted() {
            let count = count as f64;
            if cumulative + count >= needed {
                return value - 0.5 + (needed - cumulative) / count;
            }
            cumulative += count;
        }
        f64::NAN
    }

    /// Every known number that occurs, divided by `parts`, with the share of the numbers at or below it.
    pub fn shares_at_most(&self, parts: f64) -> Vec<(f64, f64)> {
        let mut cumulative = 0;
        let shares = self.counted().map(|(value, count)| {
            cumulative += count;
            (value / parts, cumulative as f64 / self.n as f64)
        });
        shares.filter(|(value, _)| !value.is_nan()).collect()
    }

    /// The largest number; NaN if empty.
    pub fn max(&self) -> f64 {
        self.counted().last().map_or(f64::NAN, |(value, _)| value)
    }
}

impl Merge for Histogram {
    fn merge(&mut self, other: &Self) {
        let Self { counts, large, n } = self;
        if other.counts.len() > counts.len() {
            counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        for (&value, theirs) in &other.large {
            *large.entry(value).or_default() += theirs;
        }
        *n += other.n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moments(values: &[f64]) -> ExactMoments {
        let mut moments = ExactMoments::default();
        values.iter().for_each(|&value| moments.add(value));
        moments
    }

    proptest! {
        #[test]
        fn moments_do_not_depend_on_order_or_split(
            values in prop::collection::vec(-50.0..50.0f64, 2..60),
            cut in 0usize..60,
        ) {
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = moments(right);
            merged.merge(&moments(left));
            let whole = moments(&values);
            prop_assert_eq!(merged, whole);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            prop_assert!((whole.mean() - mean).abs() < 1e-7);
            prop_assert!((whole.sd() - variance.sqrt()).abs() < 1e-6);
        }

        #[test]
        fn histogram_quantiles_are_those_of_the_sorted_values(
            values in prop::collection::vec(prop_oneof![0u32..40, 0..u32::MAX], 1..60),
            p in 0.0..1.0f64,
            cut in 0usize..60,
        ) {
            let (first, rest) = values.split_at(cut.min(values.len()));
            let [mut histogram, other] = [first, rest].map(|values| {
                let mut histogram = Histogram::default();
                values.iter().for_each(|&value| histogram.add(value));
                histogram
            });
            histogram.merge(&other);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((p * sorted.len() as f64).ceil() as usize).max(1);
            prop_assert_eq!(histogram.quantile(p), f64::from(sorted[rank - 1]));
            prop_assert_eq!(histogram.max(), f64::from(sorted[sorted.len() - 1]));
            let interpolated = histogram.quantile_of_rounded(p);
            prop_assert!((interpolated - histogram.quantile(p)).abs() <= 0.5);
            let sum = values.iter().map(|&value| f64::from(value)).sum::<f64>();
            let mean = sum / values.len() as f64;
            prop_assert!((histogram.mean_sd().0 - mean).abs() <= 1e-12 * mean);
            let shares = histogram.shares_at_most(1.0);
            prop_assert_eq!(shares.last(), Some(&(histogram.max(), 1.0)));
        }
    }

    #[test]
    fn sums_that_overflow_give_nan() {
        let mut some = moments(&[2e11; 20]);
        assert_eq!(some.mean(), 2e11);
        assert!(some.sd().is_nan(), "the squares overflow");
        some.merge(&moments(&[1e17]));
        assert!(some.n() == 21 && some.mean().is_nan());

        let mut histogram = Histogram::default();
        [3, u32::MAX, 70_000].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.quantile(0.5), 70_000.0);
        assert!(histogram.quantile(0.9).is_nan() && histogram.max().is_nan());
        assert!(histogram.mean_sd().0.is_nan());
        assert_eq!(histogram.shares_at_most(1.0), [(3.0, 1.0 / 3.0), (70_000.0, 2.0 / 3.0)]);
    }
}
