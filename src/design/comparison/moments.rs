//! What every test has in common: how far it is from its null hypothesis, in standard errors.

use crate::num::normal::upper_quantile;

/// The mean of a test statistic's numerator and its standard deviations, on the scale of the
/// effect, times the root of the number of patients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    /// Mean of the estimate beyond the null hypothesis.
    pub excess: f64,
    /// Standard error that the statistic divides by, times √N.
    pub null_sd: f64,
    /// Standard error under the stated alternative, times √N.
    pub sd: f64,
}

impl Moments {
    /// z_α + (excess·√N − z_α·σ₀) / σ₁.
    pub fn drift(&self, alpha_one_sided: f64, total: f64) -> f64 {
        let critical = upper_quantile(alpha_one_sided);
        critical + (self.excess * total.sqrt() - critical * self.null_sd) / self.sd
    }

    /// excess·√N / σ₀, the statistic when the estimate is at its mean.
    pub fn z(&self, total: f64) -> f64 {
        self.excess * total.sqrt() / self.null_sd
    }

    /// The excess at which the statistic is `z` when the standard error does not depend on it.
    pub fn effect_at(&self, z: f64, total: f64) -> f64 {
        z * self.null_sd / total.sqrt()
    }

    /// ((z_α·σ₀ + z_β·σ₁) / excess)², from the upper quantiles at α and β.
    pub fn required(&self, (z_alpha, z_beta): (f64, f64)) -> Option<f64> {
        let root = (z_alpha * self.null_sd + z_beta * self.sd) / self.excess;
        (self.excess > 0.0 && root > 0.0 && root.is_finite()).then_some(root * root)
    }
}

/// What a randomisation that balances prognostic factors leaves of the variance of a test that
/// ignores them.
///
/// Such a test divides by the standard error of arms that differ by chance in those factors, which
/// they hardly do: Z varies less than it is taken to, and the test is conservative (Bugni, Canay &
/// Shaikh 2018, JASA 113:1784; for minimisation Ma, Qin, Li & Hu 2020, JASA 115:1488).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Variance of the difference of the arms over that of independent arms, in (0, 1\], without an
    /// effect.
    pub null: f64,
    /// The same with these arms.
    pub alternative: f64,
    /// Whether the test knows: it refers the statistic to the allocations there might have been.
    pub is_allowed_for: bool,
}

impl Balance {
    /// Arms that are independent.
    pub const NONE: Self = Self { null: 1.0, alternative: 1.0, is_allowed_for: false };

    /// With a share `f` of the effect, or a multiple, for which the variance is taken to be that of
    /// all of it.
    pub(super) fn at_fraction(self, f: f64) -> Self {
        let f = f.clamp(0.0, 1.0);
        Self { alternative: self.null + f * (self.alternative - self.null), ..self }
    }

    /// What words about a formula end with where there is any balance.
    pub const WORDS: &'static str = "; less the variance that the randomisation balances";

    /// [`Comparison::drift`](super::Comparison::drift) of a statistic with this mean at the size at hand
    /// and a variance of 1 with independent arms.
    pub fn drift(self, mean: f64, alpha_one_sided: f64) -> f64 {
        self.of(Moments { excess: mean, null_sd: 1.0, sd: 1.0 }).drift(alpha_one_sided, 1.0)
    }

    pub(super) fn of(self, Moments { excess, null_sd, sd }: Moments) -> Moments {
        let null_share = if self.is_allowed_for { self.null } else { 1.0 };
        Moments { excess, null_sd: null_sd * null_share.sqrt(), sd: sd * self.alternative.sqrt() }
    }
}
