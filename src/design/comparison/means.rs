//! Means of a score, such as the utility-weighted modified Rankin Scale.

use super::NotComparable;
use super::moments::{Balance, StatisticMoments};

/// Two means with their standard deviations; Z by the normal approximation with unequal variances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoMeans {
    control: ArmMean,
    experimental: ArmMean,
    margin: f64,
    balance: Balance,
}

/// Mean and standard deviation of one arm's scores; larger is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmMean {
    /// Mean score.
    pub mean: f64,
    /// Standard deviation of a single patient's score, 0 or more.
    pub sd: f64,
}

impl TwoMeans {
    /// Constructs a comparison from each arm's mean and standard deviation.
    ///
    /// # Errors
    /// When a number is not finite, a standard deviation negative, or both 0.
    pub fn new(control: ArmMean, experimental: ArmMean) -> Result<Self, NotComparable> {
        for ArmMean { mean, sd } in [control, experimental] {
            if !mean.is_finite() {
                return Err(NotComparable::Score { what: "mean", value: mean });
            }
            if !(sd >= 0.0 && sd.is_finite()) {
                return Err(NotComparable::Score { what: "standard deviation", value: sd });
            }
        }
        if control.sd + experimental.sd == 0.0 {
            return Err(NotComparable::Score { what: "standard deviation", value: 0.0 });
        }
        Ok(Self { control, experimental, margin: 0.0, balance: Balance::NONE })
    }

    /// Constructs a comparison from the value of each level and each arm's distribution over the
    /// levels (fractions, or percentages).
    ///
    /// # Errors
    /// When lengths differ, a value is not finite, or an arm has no valid distribution.
    pub fn of_utilities(
        utilities: &[f64],
        control: &[f64],
        experimental: &[f64],
    ) -> Result<Self, NotComparable> {
        Self::new(
            ArmMean::of_utilities(utilities, control)?,
            ArmMean::of_utilities(utilities, experimental)?,
        )
    }

    /// Tests against the null hypothesis that the experimental mean is at most the control mean
    /// plus `margin` (negative for non-inferiority) instead of 0.
    pub fn against(self, margin: f64) -> Self {
        Self { margin, ..self }
    }

    pub(super) fn balance(&self) -> Balance {
        self.balance
    }

    pub(super) fn balanced(self, balance: Balance) -> Self {
        Self { balance, ..self }
    }

    /// Returns the arms, control first.
    pub fn arms(&self) -> [ArmMean; 2] {
        [self.control, self.experimental]
    }

    pub(super) fn effect(&self) -> f64 {
        self.experimental.mean - self.control.mean
    }

    pub(super) fn null_effect(&self) -> f64 {
        self.margin
    }

    pub(super) fn with_effect(&self, effect: f64) -> Self {
        let experimental = ArmMean { mean: self.control.mean + effect, ..self.experimental };
        Self { experimental, ..*self }
    }

    pub(super) fn at_fraction(&self, f: f64) -> Self {
        let at = self.with_effect(self.margin + f * (self.effect() - self.margin));
        Self { balance: self.balance.at_fraction(f), ..at }
    }

    /// Computes the moments of the statistic; the standard deviations are as stated at any effect.
    pub(super) fn moments(&self, share_experimental: f64) -> StatisticMoments {
        let variance = self.control.sd * self.control.sd / (1.0 - share_experimental)
            + self.experimental.sd * self.experimental.sd / share_experimental;
        let sd = variance.sqrt();
        let excess = self.effect() - self.margin;
        self.balance.applied_to(StatisticMoments { excess, null_sd: sd, sd })
    }
}

impl ArmMean {
    /// Computes mean and standard deviation over a distribution of levels.
    fn of_utilities(utilities: &[f64], shares: &[f64]) -> Result<Self, NotComparable> {
        if shares.len() != utilities.len() {
            return Err(NotComparable::Levels(shares.len(), utilities.len()));
        }
        let shares = super::ordinal::distribution(shares)?;
        let mean: f64 = utilities.iter().zip(&shares).map(|(u, share)| share * u).sum();
        let variance: f64 =
            utilities.iter().zip(&shares).map(|(u, share)| share * ((u - mean) * (u - mean))).sum();
        Ok(Self { mean, sd: variance.sqrt() })
    }
}
