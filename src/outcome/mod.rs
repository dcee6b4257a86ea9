//! The modified Rankin Scale (mRS) at 90 days: its levels, distributions, and models that draw it.
//!
#![doc = include_str!("README.md")]

pub mod adherence;
pub mod circumstances;
pub mod decomposition;
pub mod early;
pub mod flow;
pub mod missingness;
pub mod model;
pub mod procedural;
pub mod published;
pub mod safety;

pub use adherence::Adherence;
pub use circumstances::{Circumstances, Drift};
pub use early::EarlyOutcome;
pub use flow::Flow;
pub use missingness::Missingness;
pub use model::OutcomeModel;
pub use procedural::ProceduralModel;
pub use published::PublishedShape;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::num::{EXACT_SUM, ROUNDED_SUM, WrongSum, logistic, logit, normalised_within};

/// Levels of the modified Rankin Scale, 0 (no symptoms) to 6 (death).
pub const LEVELS: usize = 7;

/// Score on the modified Rankin Scale, 0 to 6; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Mrs(u8);

impl TryFrom<u8> for Mrs {
    type Error = String;

    fn try_from(score: u8) -> Result<Self, String> {
        Self::new(score).ok_or_else(|| format!("{score} is not an mRS; allowed: 0 to 6"))
    }
}

impl From<Mrs> for u8 {
    fn from(mrs: Mrs) -> Self {
        mrs.0
    }
}

impl fmt::Display for Mrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Mrs {
    /// Largest score that is functional independence.
    pub const INDEPENDENT: Self = Self(2);
    /// Death.
    pub const DEAD: Self = Self(6);

    /// Returns the score if it is 0 to 6.
    pub fn new(score: u8) -> Option<Self> {
        (usize::from(score) < LEVELS).then_some(Self(score))
    }

    /// Iterates over all scores, the best first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LEVELS as u8).map(Self)
    }

    /// Returns the index into arrays of [`LEVELS`].
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Distribution over the seven levels: non-negative, summing to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MrsDistribution([f64; LEVELS]);

/// Reason why seven numbers are not a distribution.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NotADistribution {
    /// A share below 0 or not a number.
    #[error("the share of mRS {level} is {value}; allowed: 0 or more")]
    Impossible {
        /// The mRS it belongs to.
        level: usize,
        /// The share as given.
        value: f64,
    },
    /// The shares do not add up.
    #[error("the shares {0}")]
    Sum(#[from] WrongSum),
}

impl MrsDistribution {
    /// Constructs a distribution from fractions that sum to 1, or percentages that sum to 100:
    /// percentages if any value exceeds 1.
    ///
    /// # Errors
    /// When a share is negative or not finite, or the sum misses by more than one part in a
    /// million.
    pub fn new(shares: [f64; LEVELS]) -> Result<Self, NotADistribution> {
        Self::with_sum_within(shares, EXACT_SUM)
    }

    /// Constructs a distribution from shares that were rounded, dividing them by their sum.
    ///
    /// # Errors
    /// When a share is negative or not finite, or the sum is not 0.99 to 1.01 (percentages: 99 to 101).
    pub fn from_rounded(shares: [f64; LEVELS]) -> Result<Self, NotADistribution> {
        Self::with_sum_within(shares, ROUNDED_SUM)
    }

    fn with_sum_within(shares: [f64; LEVELS], tolerance: f64) -> Result<Self, NotADistribution> {
        for (level, &value) in shares.iter().enumerate() {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(NotADistribution::Impossible { level, value });
            }
        }
        let normalised = normalised_within(&shares, tolerance)?;
        Ok(Self(std::array::from_fn(|level| normalised[level])))
    }

    /// Returns the probabilities of mRS 0 to 6.
    pub fn probabilities(&self) -> &[f64; LEVELS] {
        &self.0
    }

    /// Returns P(mRS ≤ cut), exactly 1 from the last level with patients on.
    pub fn at_most(&self, cut: Mrs) -> f64 {
        self.cumulative().get(cut.index()).copied().unwrap_or(1.0)
    }

    /// Returns P(mRS ≤ j) for j = 0 … 5, exactly 1 from the last level with patients on.
    pub fn cumulative(&self) -> [f64; LEVELS - 1] {
        // A sum that rounding left below 1 would give patients to an empty level when shifted.
        let last = self.0.iter().rposition(|&p| p > 0.0).unwrap_or(0);
        let mut sum = 0.0;
        std::array::from_fn(|j| {
            sum += self.0[j];
            if j >= last { 1.0 } else { sum.min(1.0) }
        })
    }

    /// Constructs a distribution from P(mRS ≤ j), j = 0 … 5, non-decreasing.
    fn from_cumulative(cumulative: [f64; LEVELS - 1]) -> Self {
        Self(shares_between(cumulative))
    }

    /// Returns the distribution whose odds of mRS ≤ j are `odds_ratio` times these at every cut.
    pub fn shifted(&self, odds_ratio: f64) -> Self {
        self.shifted_by(libm::log(odds_ratio))
    }

    /// Returns the distribution shifted by the logarithm of an odds ratio.
    pub fn shifted_by(&self, log_odds_ratio: f64) -> Self {
        Self::from_cumulative(self.cumulative().map(|p| logistic(logit(p) + log_odds_ratio)))
    }

    /// Returns whether all patients have one mRS, which no odds ratio can change.
    pub fn is_one_level(&self) -> bool {
        self.cumulative().iter().all(|&p| p == 0.0 || p == 1.0)
    }

    /// Returns the common odds ratio that changes P(mRS ≤ cut) to `target`; both must be inside (0,
    /// 1).
    pub fn odds_ratio_to(&self, cut: Mrs, target: f64) -> f64 {
        libm::exp(logit(target) - logit(self.at_most(cut)))
    }
}

/// Returns the shares of mRS 0 to 6 from P(mRS ≤ j), j = 0 … 5.
fn shares_between(cumulative: [f64; LEVELS - 1]) -> [f64; LEVELS] {
    let mut below = 0.0;
    // Clamped, because a computed sum of probabilities may fall by a rounding error from one cut to
    // the next, or exceed 1 by one, and no share may be negative.
    std::array::from_fn(|level| {
        let at_most = cumulative.get(level).map_or(1.0, |p| p.clamp(below, 1.0));
        let share = at_most - below;
        below = at_most;
        share
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANNED: [f64; LEVELS] = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0];

    #[test]
    fn percentages_and_fractions_are_the_same_distribution() {
        let percent = MrsDistribution::new(PLANNED).expect("sums to 100");
        let fraction = MrsDistribution::new(PLANNED.map(|p| p / 100.0)).expect("sums to 1");
        for (a, b) in percent.probabilities().iter().zip(fraction.probabilities()) {
            assert!((a - b).abs() < 1e-15);
        }
        assert!((percent.at_most(Mrs::INDEPENDENT) - 0.25).abs() < 1e-15);
    }

    /// The planning pair of ANGEL-REBOOT: odds ratio 2 takes 25 % to exactly 40 %.
    #[test]
    fn an_odds_ratio_of_two_gives_the_planned_experimental_arm() {
        let control = MrsDistribution::new(PLANNED).expect("sums to 100");
        assert!((control.odds_ratio_to(Mrs::INDEPENDENT, 0.40) - 2.0).abs() < 1e-12);
        let treated = control.shifted(2.0);
        let expected = [8.98, 12.61, 18.41, 18.16, 21.29, 9.44, 11.11];
        for (p, percent) in treated.probabilities().iter().zip(expected) {
            assert!((100.0 * p - percent).abs() < 0.006, "{p} {percent}");
        }
        let back = treated.shifted(0.5);
        for (a, b) in back.probabilities().iter().zip(control.probabilities()) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn empty_levels_at_either_end_stay_empty_when_shifted() {
        let control = MrsDistribution::new([0.0, 0.0, 0.3, 0.4, 0.3, 0.0, 0.0]).expect("sums to 1");
        let shifted = control.shifted(2.0);
        let p = shifted.probabilities();
        assert_eq!((p[0], p[1], p[5], p[6]), (0.0, 0.0, 0.0, 0.0));
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }

    /// Sums that rounding left one unit in the last place out of order, or above 1.
    #[test]
    fn rounding_leaves_no_share_below_zero() {
        let above_one = 1.0_f64.next_up();
        let falling = [0.25, 0.25_f64.next_down(), 0.5, 1.0, above_one, 1.0];
        assert_eq!(shares_between(falling), [0.25, 0.0, 0.25, 0.5, 0.0, 0.0, 0.0]);
    }

    /// These sum to one unit in the last place below 100.
    #[test]
    fn rounding_gives_no_deaths_to_a_distribution_without_deaths() {
        let shares = [20.6, 23.3, 8.7, 21.1, 19.8, 6.5, 0.0];
        let control = MrsDistribution::new(shares).expect("sums to 100");
        assert_eq!(control.shifted(1.3).probabilities()[6], 0.0);
        assert_eq!(control.at_most(Mrs(5)), 1.0);
    }

    #[test]
    fn errors_of_impossible_shares_name_the_level_and_the_sum() {
        let mut shares = PLANNED;
        shares[3] = 15.3;
        let text = MrsDistribution::new(shares).expect_err("sums to 99.3").to_string();
        assert!(text.contains("too little by 0.700000") && text.contains("a sum of 100"), "{text}");
        shares[3] = -1.0;
        assert!(
            MrsDistribution::new(shares).expect_err("negative").to_string().contains("mRS 3 is -1")
        );
        shares[3] = f64::NAN;
        assert!(MrsDistribution::new(shares).is_err());
    }
}
