//! Means of a score, such as the utility-weighted modified Rankin Scale.

use super::NotComparable;
use super::moments::{Balance, StatisticMoments};
use crate::analysis::utilities::MeansTest;
use crate::num::normal::upper_quantile;

/// Two means compared by a t statistic, by the normal approximation with the variance of the statistic under
/// the alternative from the delta method. Student's test divides by the pooled variance, which differs from
/// that of the difference if the arms differ in size and variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoMeans {
    control: ArmMean,
    experimental: ArmMean,
    margin: f64,
    test: MeansTest,
    pub(super) balance: Balance,
}

/// Mean and central moments of one arm's scores; larger is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmMean {
    /// Mean score.
    pub mean: f64,
    /// Standard deviation of a single patient's score, 0 or more.
    pub sd: f64,
    /// Third central moment of a single patient's score.
    pub third_moment: f64,
    /// Fourth central moment of a single patient's score, `sd`⁴ or more.
    pub fourth_moment: f64,
}

impl TwoMeans {
    /// Constructs a comparison from each arm's moments.
    ///
    /// # Errors
    /// When a number is not finite, a standard deviation negative, or both 0.
    pub fn new(control: ArmMean, experimental: ArmMean) -> Result<Self, NotComparable> {
        for ArmMean { mean, sd, third_moment, fourth_moment } in [control, experimental] {
            let moments =
                [("mean", mean), ("third moment", third_moment), ("fourth moment", fourth_moment)];
            for (what, value) in moments {
                if !value.is_finite() {
                    return Err(NotComparable::Score { what, value });
                }
            }
            if !(sd >= 0.0 && sd.is_finite()) {
                return Err(NotComparable::Score { what: "standard deviation", value: sd });
            }
        }
        if control.sd + experimental.sd == 0.0 {
            return Err(NotComparable::Score { what: "standard deviation", value: 0.0 });
        }
        // Nothing says that the arms have one variance, unless an analysis assumes it.
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

    /// Returns the comparison with the smallest effect beyond the margin whose drift on `total` patients is
    /// `drift` > 0; `None` if no effect has it.
    pub(super) fn with_drift(
        &self,
        drift: f64,
        alpha_one_sided: f64,
        share_experimental: f64,
        total: f64,
    ) -> Option<Self> {
        // The drift d is z_α + (x·√N − z_α·σ₀) / σ₁(x) at an excess x, so that
        // (x·√N − z_α·σ₀)² = (d − z_α)²·σ₁(x)² is a quadratic equation in x.
        let critical = upper_quantile(alpha_one_sided);
        let beyond = drift - critical;
        let StatisticMoments { null_sd, .. } = self.moments(share_experimental);
        let subtracted = critical * null_sd;
        let variance = self
            .variance_by_excess(share_experimental)
            .map(|term| beyond * beyond * self.balance.alternative * term);
        let [constant, linear, square] = [
            subtracted * subtracted - variance[0],
            -2.0 * subtracted * total.sqrt() - variance[1],
            total - variance[2],
        ];
        // The numerically stable form, whose two roots are q / a and c / q.
        let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
        let q = -0.5 * (linear + root.copysign(linear));
        let mut roots = [q / square, constant / q];
        roots.sort_by(f64::total_cmp);
        let excess = roots.into_iter().find(|excess| {
            let rise = excess * total.sqrt() - subtracted;
            *excess > 0.0 && excess.is_finite() && rise * beyond >= 0.0
        })?;
        (drift > 0.0).then(|| self.with_effect(self.margin + excess))
    }

    /// Computes the moments of the statistic; the moments of the scores about the mean of their arm are as
    /// stated at any effect.
    pub(super) fn moments(&self, share_experimental: f64) -> StatisticMoments {
        let excess = self.effect() - self.margin;
        let [constant, linear, square] = self.variance_by_excess(share_experimental);
        let variance = constant + excess * (linear + excess * square);
        // A variance of 0 may be below it by rounding.
        let sd = variance.max(0.0).sqrt();
        let null_sd = self.estimated_variance(share_experimental).sqrt();
        self.balance.applied_to(StatisticMoments { excess, null_sd, sd })
    }

    /// Variance of the difference of the means that the test estimates and divides by, times the patients.
    fn estimated_variance(&self, share_experimental: f64) -> f64 {
        let weights = self.weights(share_experimental);
        self.arms().iter().zip(weights).map(|(arm, weight)| weight * arm.variance()).sum()
    }

    /// Factor of the variance of each arm in [`Self::estimated_variance`].
    fn weights(&self, share_experimental: f64) -> [f64; 2] {
        let [control, experimental] = [1.0 - share_experimental, share_experimental];
        match self.test {
            MeansTest::Welch => [1.0 / control, 1.0 / experimental],
            // The patients of an arm weigh in the pooled variance by their number.
            MeansTest::Student => [1.0 / experimental, 1.0 / control],
        }
    }

    /// Variance of Z times [`Self::estimated_variance`], as the coefficients of a polynomial in the excess,
    /// from the constant on.
    ///
    /// Near its mean x·√(N/V) the statistic is √(N/V)·(D − x·V̂/(2V)), with the difference D of the means and
    /// the estimated variance V̂ = Σ w_a·s_a² (the delta method; van der Vaart 1998, *Asymptotic
    /// Statistics*, theorem 3.1 and example 3.2). In an arm with n_a patients and the central moments μ₂, μ₃
    /// and μ₄ of their scores, mean and variance have the variances μ₂/n_a and (μ₄ − μ₂²)/n_a and the
    /// covariance μ₃/n_a.
    fn variance_by_excess(&self, share_experimental: f64) -> [f64; 3] {
        let shares = [1.0 - share_experimental, share_experimental];
        let weights = self.weights(share_experimental);
        let estimated = self.estimated_variance(share_experimental);
        let mut variance = [0.0; 3];
        for (i, (arm, sign)) in self.arms().iter().zip([-1.0, 1.0]).enumerate() {
            let slope = weights[i] / (2.0 * estimated);
            let spread = arm.fourth_moment - arm.variance() * arm.variance();
            variance[0] += arm.variance() / shares[i];
            variance[1] -= 2.0 * sign * slope * arm.third_moment / shares[i];
            variance[2] += slope * slope * spread / shares[i];
        }
        variance
    }
}

impl ArmMean {
    /// Constructs the arm of normally distributed scores.
    pub fn of_normal(mean: f64, sd: f64) -> Self {
        let variance = sd * sd;
        Self { mean, sd, third_moment: 0.0, fourth_moment: 3.0 * variance * variance }
    }

    fn variance(&self) -> f64 {
        self.sd * self.sd
    }

    /// Computes the moments over a distribution of levels.
    fn of_utilities(utilities: &[f64], shares: &[f64]) -> Result<Self, NotComparable> {
        if shares.len() != utilities.len() {
            return Err(NotComparable::Levels(shares.len(), utilities.len()));
        }
        let shares = super::ordinal::distribution(shares)?;
        let mean: f64 = utilities.iter().zip(&shares).map(|(u, share)| share * u).sum();
        let [mut variance, mut third_moment, mut fourth_moment] = [0.0; 3];
        for (utility, share) in utilities.iter().zip(&shares) {
            let distance = utility - mean;
            let square = distance * distance;
            variance += share * square;
            third_moment += share * square * distance;
            fourth_moment += share * square * square;
        }
        Ok(Self { mean, sd: variance.sqrt(), third_moment, fourth_moment })
    }
}
