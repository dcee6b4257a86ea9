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
        critical + (self.excess * libm::sqrt(total) - critical * self.null_sd) / self.sd
    }

    /// excess·√N / σ₀, the statistic when the estimate is at its mean.
    pub fn z(&self, total: f64) -> f64 {
        self.excess * libm::sqrt(total) / self.null_sd
    }

    /// The excess at which the statistic is `z` when the standard error does not depend on it.
    pub fn effect_at(&self, z: f64, total: f64) -> f64 {
        z * self.null_sd / libm::sqrt(total)
    }

    /// ((z_α·σ₀ + z_β·σ₁) / excess)², from the upper quantiles at α and β.
    pub fn required(&self, (z_alpha, z_beta): (f64, f64)) -> Option<f64> {
        let root = (z_alpha * self.null_sd + z_beta * self.sd) / self.excess;
        (self.excess > 0.0 && root > 0.0 && root.is_finite()).then_some(root * root)
    }
}
