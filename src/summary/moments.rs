//! Counts and sums that leave no trace of the order they were made in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Count, sum and sum of squares of numbers rounded to a grid of 2⁻²⁴ (6e-8), kept as integers:
/// adding and merging are exact, so their order leaves no trace. What does not fit makes the mean, or
/// the standard deviation, NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Moments {
    n: u64,
    sum: i128,
    /// The largest number there is once it has been reached.
    squares: i128,
    /// How many numbers were too large to be summed.
    #[serde(default, skip_serializing_if = "is_zero")]
    too_large: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Moments {
    const GRID: f64 = (1u64 << 24) as f64;
    /// 2⁶⁴ numbers of so many steps can be summed.
    const MOST_STEPS: f64 = (1u64 << 62) as f64;

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
        self.squares = self.squares.saturating_add(steps * steps);
    }

    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares = self.squares.saturating_add(other.squares);
        self.too_large += other.too_large;
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// Whether there are `n` numbers that have this sum and these squares, none of them above `most`
    /// in size.
    pub fn is_of(&self, n: u64, most: f64) -> bool {
        self.is_possible(most) && self.n == n
    }

    /// The same for any `n`. Of whole numbers the squares are at least the sum, and (Cauchy and Schwarz)
    /// the squares times `n` at least the square of the sum.
    pub fn is_possible(&self, most: f64) -> bool {
        let Some(summed) = self.n.checked_sub(self.too_large) else { return false };
        let (n, sum, squares) = (summed as f64, self.sum.unsigned_abs(), self.squares);
        let steps = (most * Self::GRID).ceil().min(Self::MOST_STEPS);
        let Ok(at_least) = u128::try_from(squares) else { return false };
        // The last digit of a floating-point number is not known.
        let rounding = 1.0 + 1e-12;
        let fits =
            sum as f64 <= n * steps * rounding && at_least as f64 <= n * steps * steps * rounding;
        let all_counted = squares < i128::MAX;
        fits && (!all_counted
            || (at_least >= sum && sum as f64 * sum as f64 <= n * at_least as f64 * rounding))
    }

    /// NaN when empty, or when a number was too large.
    pub fn mean(&self) -> f64 {
        if self.too_large > 0 {
            return f64::NAN;
        }
        self.sum as f64 / self.n as f64 / Self::GRID
    }

    /// Sample standard deviation; NaN with fewer than two values, or where these are too large.
    pub fn sd(&self) -> f64 {
        if self.n < 2 || self.too_large > 0 || self.squares == i128::MAX {
            return f64::NAN;
        }
        let n = self.n as f64;
        let mean = self.sum as f64 / n;
        let variance = (self.squares as f64 / n - mean * mean).max(0.0) * n / (n - 1.0);
        variance.sqrt() / Self::GRID
    }
}

/// Numbers below this are counted in a row; a trial that hardly recruits may last for any time.
const IN_A_ROW: usize = 1 << 16;

/// How often each whole number came; the largest there is stands for those that are larger, whose mean
/// and quantiles are NaN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    /// Of the numbers from [`IN_A_ROW`] on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    large: BTreeMap<u32, u64>,
    n: u64,
}

impl Histogram {
    pub fn add(&mut self, value: u32) {
        self.n += 1;
        let index = value as usize;
        if index >= IN_A_ROW {
            *self.large.entry(value).or_default() += 1;
            return;
        }
        if index >= self.counts.len() {
            // Grows to the largest value met and no further, so only the first replicates pay.
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        for (&value, theirs) in &other.large {
            *self.large.entry(value).or_default() += theirs;
        }
        self.n += other.n;
    }

    pub fn n(&self) -> u64 {
        self.n
    }

    /// Whether these are the counts of `n` numbers, none of them above `most`.
    pub fn is_of(&self, n: u64, most: u32) -> bool {
        self.is_possible(most) && self.n == n
    }

    /// The same for any `n`.
    pub fn is_possible(&self, most: u32) -> bool {
        let in_a_row = self.counts.iter().zip(0u32..);
        let large = self.large.iter().map(|(&value, count)| (count, value));
        let mut counted: u128 = 0;
        let mut all_fit = self.counts.len() <= IN_A_ROW;
        for (&count, value) in in_a_row.chain(large) {
            counted += u128::from(count);
            all_fit &= count == 0 || value <= most;
        }
        all_fit
            && counted == u128::from(self.n)
            && self.large.keys().all(|&value| value as usize >= IN_A_ROW)
    }

    /// The numbers that came, the smallest first, and how often.
    fn counted(&self) -> impl Iterator<Item = (f64, u64)> {
        let in_a_row = self.counts.iter().enumerate().map(|(value, &count)| (value as f64, count));
        let number = |value: u32| if value == u32::MAX { f64::NAN } else { f64::from(value) };
        let large = self.large.iter().map(move |(&value, &count)| (number(value), count));
        in_a_row.chain(large).filter(|&(_, count)| count > 0)
    }

    /// Mean and sample standard deviation.
    pub fn mean_sd(&self) -> (f64, f64) {
        let total = |of: fn(f64) -> f64, centre: f64| -> f64 {
            self.counted().map(|(value, count)| count as f64 * of(value - centre)).sum()
        };
        let mean = total(|x| x, 0.0) / self.n as f64;
        let spread = total(|x| x * x, mean);
        (mean, if self.n < 2 { f64::NAN } else { (spread / (self.n - 1) as f64).sqrt() })
    }

    /// The smallest value with at least a share `p` of the numbers at or below it.
    pub fn quantile(&self, p: f64) -> f64 {
        let needed = (p * self.n as f64).ceil().clamp(1.0, self.n.max(1) as f64) as u64;
        let mut so_far = 0;
        let at = self.counted().find(|(_, count)| {
            so_far += count;
            so_far >= needed
        });
        at.map_or(f64::NAN, |(value, _)| value)
    }

    /// The quantile of numbers that were rounded when they were counted, spread evenly over the
    /// half step to either side of each; NaN when empty.
    pub fn quantile_of_rounded(&self, p: f64) -> f64 {
        let needed = p.clamp(0.0, 1.0) * self.n as f64;
        let mut so_far = 0.0;
        for (value, count) in self.counted() {
            let count = count as f64;
            if so_far + count >= needed {
                return value - 0.5 + (needed - so_far) / count;
            }
            so_far += count;
        }
        f64::NAN
    }

    /// Every value that came and is known, over `parts`, with the share of the numbers at or below it.
    pub fn shares_at_most(&self, parts: f64) -> Vec<(f64, f64)> {
        let mut so_far = 0;
        let share = |(value, count): (f64, u64)| {
            so_far += count;
            (value / parts, so_far as f64 / self.n as f64)
        };
        self.counted().map(share).filter(|(value, _)| !value.is_nan()).collect()
    }

    /// NaN when empty.
    pub fn max(&self) -> f64 {
        self.counted().last().map_or(f64::NAN, |(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn moments_do_not_depend_on_order_or_split(
            values in prop::collection::vec(-50.0..50.0f64, 2..60),
            cut in 0usize..60,
        ) {
            let of = |values: &[f64]| {
                let mut moments = Moments::default();
                values.iter().for_each(|&value| moments.add(value));
                moments
            };
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = of(right);
            merged.merge(&of(left));
            let whole = of(&values);
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
    fn what_does_not_fit_is_not_told() {
        let of = |values: &[f64]| {
            let mut moments = Moments::default();
            values.iter().for_each(|&value| moments.add(value));
            moments
        };
        let mut some = of(&[2e11; 20]);
        assert_eq!(some.mean(), 2e11);
        assert!(some.sd().is_nan(), "the squares are beyond what is counted");
        some.merge(&of(&[1e17]));
        assert!(some.n() == 21 && some.mean().is_nan());

        let mut histogram = Histogram::default();
        [3, u32::MAX, 70_000].into_iter().for_each(|value| histogram.add(value));
        assert_eq!(histogram.quantile(0.5), 70_000.0);
        assert!(histogram.quantile(0.9).is_nan() && histogram.max().is_nan());
        assert!(histogram.mean_sd().0.is_nan());
        assert_eq!(histogram.shares_at_most(1.0), [(3.0, 1.0 / 3.0), (70_000.0, 2.0 / 3.0)]);
    }
}
