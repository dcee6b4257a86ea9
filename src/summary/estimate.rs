//! A simulated quantity with its Monte Carlo standard error.
//!
//! Formulas for the errors are those of Morris, White & Crowther (2019), Stat Med 38:2074, table 6, unless
//! stated otherwise.

use serde::Serialize;

use super::moments::{ExactMoments, Histogram};

/// A simulated quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McEstimate {
    /// The value; NaN (null in JSON) if no replicate contributes.
    pub value: f64,
    /// Monte Carlo standard error; NaN (null in JSON) if there is none, as for a maximum.
    pub mcse: f64,
    /// Number of replicates that contribute.
    pub n: u64,
    /// One-sided 95 % limit of Clopper & Pearson (1934, Biometrika 26:404), above 0 or below 1, of a
    /// proportion of 0 or 1, whose error is 0 although it is not certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_95: Option<f64>,
}

impl McEstimate {
    /// A quantity without a limit.
    pub(crate) const fn new(value: f64, mcse: f64, n: u64) -> Self {
        Self { value, mcse, n, limit_95: None }
    }

    /// A proportion, with error √(p(1 − p)/n).
    pub(crate) fn proportion(count: u64, n: u64) -> Self {
        let value = count as f64 / n as f64;
        let mcse = (value * (1.0 - value) / n as f64).sqrt();
        // At the limit, n equal replicates have probability 0.05.
        let all_equal = libm::pow(0.05, 1.0 / n as f64);
        let limit_95 = if n == 0 {
            None
        } else if count == 0 {
            Some(1.0 - all_equal)
        } else if count == n {
            Some(all_equal)
        } else {
            None
        };
        Self { value, mcse, n, limit_95 }
    }

    /// The mean of a quantity that every replicate has.
    pub(crate) fn mean(moments: &ExactMoments) -> Self {
        let n = moments.n();
        Self::new(moments.mean(), moments.sd() / (n as f64).sqrt(), n)
    }

    /// The quantity and its error multiplied by a factor, without a limit.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self::new(self.value * factor, self.mcse * factor, self.n)
    }

    /// A standard deviation, with its error in a normal distribution, σ/√(2(n − 1)).
    pub(super) fn sd(moments: &ExactMoments) -> Self {
        let n = moments.n();
        let value = moments.sd();
        Self::new(value, value / (2.0 * (n as f64 - 1.0)).sqrt(), n)
    }

    /// The mean of a count in units of `scale`.
    pub(super) fn histogram_mean(histogram: &Histogram, scale: f64) -> Self {
        let (mean, sd) = histogram.mean_sd();
        let n = histogram.n();
        Self::new(mean * scale, sd * scale / (n as f64).sqrt(), n)
    }

    /// A quantile of a count in units of `scale`.
    pub(super) fn quantile(histogram: &Histogram, p: f64, scale: f64) -> Self {
        Self::quantile_by(|p| histogram.quantile(p), histogram.n(), p, scale)
    }

    /// A quantile of a continuous quantity that was rounded to `scale`.
    pub(super) fn quantile_of_rounded(histogram: &Histogram, p: f64, scale: f64) -> Self {
        Self::quantile_by(|p| histogram.quantile_of_rounded(p), histogram.n(), p, scale)
    }

    /// A quantile of `n` independent units. Its error is half the distance between the quantiles one
    /// binomial standard error to either side.
    pub(super) fn quantile_by(quantile: impl Fn(f64) -> f64, n: u64, p: f64, scale: f64) -> Self {
        let reach = (p * (1.0 - p) / n as f64).sqrt();
        let width = quantile(p + reach) - quantile(p - reach);
        Self::new(quantile(p) * scale, 0.5 * width * scale, n)
    }
}
