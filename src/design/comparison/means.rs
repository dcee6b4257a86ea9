//! Means of a score, such as the utility-weighted modified Rankin Scale.

use super::NotComparable;
use super::moments::{Balance, Moments};

/// Two means with their standard deviations; Z by the normal approximation with unequal variances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Means {
    control: Arm,
    experimental: Arm,
    margin: f64,
    balance: Balance,
}

/// Mean and standard deviation of one arm's scores; larger is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// Mean score.
    pub mean: f64,
    /// Standard deviation of a single patient's score, 0 or more.
    pub sd: f64,
}

impl Means {
    /// From each arm's mean and standard deviation.
    ///
    /// # Errors
    /// When a number is not finite, a standard deviation negative, or both 0.
    pub fn new(control: Arm, experimental: Arm) -> Result<Self, NotComparable> {
        for Arm { mean, sd } in [control, experimental] {
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

    /// From the value of each level and each arm's distribution over the levels (fractions, or
    /// percentages).
    ///
    /// # Errors
    /// When lengths differ, a value is not finite, or a distribution is none.
    pub fn of_utilities(
        utilities: &[f64],
        control: &[f64],
        experimental: &[f64],
    ) -> Result<Self, NotComparable> {
        let arm = |shares: &[f64]| {
            if shares.len() != utilities.len() {
                return Err(NotComparable::Levels(shares.len(), utilities.len()));
            }
            Ok(Arm::of_utilities(utilities, &super::ordinal::distribution(shares)?))
        };
        Self::new(arm(control)?, arm(experimental)?)
    }

    /// Against the null hypothesis that the experimental mean is at most control's plus `margin`
    /// (negative for non-inferiority) instead of 0.
    pub fn against(self, margin: f64) -> Self {
        Self { margin, ..self }
    }

    pub(super) fn balance(&self) -> Balance {
        self.balance
    }

    pub(super) fn balanced(self, balance: Balance) -> Self {
        Self { balance, ..self }
    }

    /// The arms, control first.
    pub fn arms(&self) -> [Arm; 2] {
        [self.control, self.experimental]
    }

    pub(super) fn effect(&self) -> f64 {
        self.experimental.mean - self.control.mean
    }

    pub(super) fn null_effect(&self) -> f64 {
        self.margin
    }

    pub(super) fn with_effect(&self, effect: f64) -> Self {
        let experimental = Arm { mean: self.control.mean + effect, ..self.experimental };
        Self { experimental, ..*self }
    }

    pub(super) fn at_fraction(&self, f: f64) -> Self {
        let at = self.with_effect(self.margin + f * (self.effect() - self.margin));
        Self { balance: self.balance.at_fraction(f), ..at }
    }

    /// The standard deviations are held as stated, whatever the effect.
    pub(super) fn moments(&self, share_experimental: f64) -> Moments {
        let variance = self.control.sd * self.control.sd / (1.0 - share_experimental)
            + self.experimental.sd * self.experimental.sd / share_experimental;
        let sd = variance.sqrt();
        self.balance.of(Moments { excess: self.effect() - self.margin, null_sd: sd, sd })
    }
}

impl Arm {
    fn of_utilities(utilities: &[f64], shares: &[f64]) -> Self {
        let weighted = |value: &dyn Fn(f64) -> f64| -> f64 {
            utilities.iter().zip(shares).map(|(&u, share)| share * value(u)).sum()
        };
        let mean = weighted(&|u| u);
        Self { mean, sd: weighted(&|u| (u - mean) * (u - mean)).sqrt() }
    }
}
