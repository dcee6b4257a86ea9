//! Mean and standard deviations of a test statistic's numerator, which every comparison has.

use crate::num::normal::upper_quantile;

/// Mean of a test statistic's numerator and its standard deviations, on the scale of the effect,
/// times the root of the number of patients.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatisticMoments {
    /// Mean of the estimate beyond the null hypothesis.
    pub excess: f64,
    /// Standard error that the statistic divides by, times √N.
    pub null_sd: f64,
    /// Standard error under the stated alternative, times √N.
    pub sd: f64,
}

impl StatisticMoments {
    /// Returns z_α + (excess·√N − z_α·σ₀) / σ₁.
    pub fn drift(&self, alpha_one_sided: f64, total: f64) -> f64 {
        let critical = upper_quantile(alpha_one_sided);
        critical + (self.excess * total.sqrt() - critical * self.null_sd) / self.sd
    }

    /// Returns excess·√N / σ₀, the statistic when the estimate is at its mean.
    pub fn z(&self, total: f64) -> f64 {
        self.excess * total.sqrt() / self.null_sd
    }

    /// Returns the excess at which the statistic is `z` if the standard error does not depend on
    /// it.
    pub fn effect_at(&self, z: f64, total: f64) -> f64 {
        z * self.null_sd / total.sqrt()
    }

    /// Returns the sample size ((z_α·σ₀ + z_β·σ₁) / excess)² from the upper quantiles at α and β;
    /// `None` without an effect in the direction of benefit.
    pub fn required(&self, z_alpha: f64, z_beta: f64) -> Option<f64> {
        let root = (z_alpha * self.null_sd + z_beta * self.sd) / self.excess;
        // A power below the error rate has a negative root, whose square would be a size.
        (self.excess > 0.0 && root > 0.0 && root.is_finite()).then_some(root * root)
    }
}

/// Mean and standard deviation of a statistic Z under the alternative, in a trial of a given size with
/// independent arms; under the null hypothesis they are 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandardisedMoments {
    /// Mean of Z.
    pub mean: f64,
    /// Standard deviation of Z, above 0.
    pub sd: f64,
}

impl StandardisedMoments {
    pub(super) fn moments(self) -> StatisticMoments {
        StatisticMoments { excess: self.mean, null_sd: 1.0, sd: self.sd }
    }
}

/// Share of the variance of a test that remains when the randomisation balances prognostic factors
/// which the test ignores.
///
/// Such a test divides by the standard error of arms that differ by chance in those factors, which
/// they hardly do: Z varies less than it is taken to, and the test is conservative (Bugni, Canay &
/// Shaikh 2018, JASA 113:1784; for minimisation Ma, Qin, Li & Hu 2020, JASA 115:1488).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Variance of the difference of the arms over that of independent arms, in (0, 1\], without an
    /// effect.
    pub null: f64,
    /// Variance of the difference over that of independent arms, in (0, 1\], with the stated
    /// effect.
    pub alternative: f64,
    /// Whether the test accounts for it, by referring the statistic to the possible allocations.
    pub is_allowed_for: bool,
}

impl Balance {
    /// Arms that are independent.
    pub const NONE: Self = Self { null: 1.0, alternative: 1.0, is_allowed_for: false };

    /// Returns the balance with a share `f` of the effect, or a multiple.
    pub(super) fn at_fraction(self, f: f64) -> Self {
        // Extrapolated beyond the stated effect, the variance could become negative.
        let f = f.clamp(0.0, 1.0);
        Self { alternative: self.null + f * (self.alternative - self.null), ..self }
    }

    /// Ending of the words about a formula that takes a balance into account.
    pub const WORDS: &'static str = "; less the variance that the randomisation balances";

    /// Returns the [drift](super::Comparison::drift) of a statistic that with independent arms has
    /// these moments.
    pub fn drift(self, statistic: StandardisedMoments, alpha_one_sided: f64) -> f64 {
        self.applied_to(statistic.moments()).drift(alpha_one_sided, 1.0)
    }

    /// Returns the factor by which the patients must become more so that the drift of the statistic
    /// is `drift`; NaN without an effect in the direction of benefit.
    pub fn growth(self, statistic: StandardisedMoments, drift: f64, alpha_one_sided: f64) -> f64 {
        let z_alpha = upper_quantile(alpha_one_sided);
        let moments = self.applied_to(statistic.moments());
        moments.required(z_alpha, drift - z_alpha).unwrap_or(f64::NAN)
    }

    /// Returns the moments of a test of balanced arms from those of independent arms.
    pub(super) fn applied_to(self, independent: StatisticMoments) -> StatisticMoments {
        // A test that ignores the balance still divides by the larger standard error.
        let null_share = if self.is_allowed_for { self.null } else { 1.0 };
        StatisticMoments {
            excess: independent.excess,
            null_sd: independent.null_sd * null_share.sqrt(),
            sd: independent.sd * self.alternative.sqrt(),
        }
    }
}
