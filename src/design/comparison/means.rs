//! Means of a score, such as the utility-weighted modified Rankin Scale.

use super::NotComparable;
use super::moments::{Balance, StatisticMoments};
use crate::analysis::utilities::MeansTest;

/// Two means with their standard deviations; Z by the normal approximation with unequal variances. Student's
/// test divides by the pooled variance, which differs from that of the difference if the arms differ in size
/// and variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoMeans {
    control: ArmMean,
    experimental: ArmMean,
    margin: f64,
    test: MeansTest,
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
        let test = MeansTest::Welch;
        Ok(Self { control, experimental, margin: 0.0, test, balance: Balance::NONE })
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

    /// Uses the test of an analysis instead of Welch's.
    pub fn tested_by(self, test: MeansTest) -> Self {
        Self { test, ..self }
    }

    /// Returns the test.
    pub fn test(&self) -> MeansTest {
        self.test
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
        let shares = [1.0 - share_experimental, share_experimental];
        let [control, experimental] = self.arms().map(|arm| arm.sd * arm.sd);
        let sd = (control / shares[0] + experimental / shares[1]).sqrt();
        let null_sd = match self.test {
            MeansTest::Welch => sd,
            // The patients of an arm weigh in the pooled variance by their number.
            MeansTest::Student => {
                let pooled = shares[0] * control + shares[1] * experimental;
                (pooled / (shares[0] * shares[1])).sqrt()
            }
        };
        let excess = self.effect() - self.margin;
        self.balance.applied_to(StatisticMoments { excess, null_sd, sd })
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
