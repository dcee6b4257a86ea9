//! Duration of a procedure: log-normal, with a median that increases with passes and stenting.

use crate::num::normal::{lower_tail, upper_quantile, upper_tail};

/// Steps of the tabulated quantile function.
// Interpolation takes a few operations per patient; an exact quantile and its exponential take
// many.
const STEPS: usize = 1024;

/// Minutes from puncture to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Minutes {
    base: f64,
    per_pass: f64,
    stenting: f64,
    log_sd: f64,
    /// Multiples of the median at probabilities 0, 1/[`STEPS`], … 1.
    multiples: Vec<f64>,
}

impl Minutes {
    /// Constructs a duration with the median `base` + `per_pass` × passes, and `stenting` more with
    /// a stent; all of them at least 0. `log_sd` ≥ 0 is the standard deviation of the logarithm.
    pub fn new(base: f64, per_pass: f64, stenting: f64, log_sd: f64) -> Self {
        let mut multiples: Vec<f64> = (0..=STEPS)
            .map(|i| libm::exp(-log_sd * upper_quantile(i as f64 / STEPS as f64)))
            .collect();
        // The quantiles at 0 and 1 are 0 and infinite. The outermost steps end at values at which
        // they keep their share of the mean.
        let z = -upper_quantile(1.0 / STEPS as f64);
        let mean = libm::exp(0.5 * log_sd * log_sd) * STEPS as f64;
        let (low, high) = (mean * lower_tail(z - log_sd), mean * upper_tail(-z - log_sd));
        multiples[0] = 2.0 * low - multiples[1];
        multiples[STEPS] = 2.0 * high - multiples[STEPS - 1];
        Self { base, per_pass, stenting, log_sd, multiples }
    }

    /// Returns the median after a number of passes.
    #[inline]
    pub fn median(&self, passes: usize, stented: bool) -> f64 {
        let stenting = if stented { self.stenting } else { 0.0 };
        self.base + self.per_pass * passes as f64 + stenting
    }

    /// Returns the mean after a number of passes.
    pub fn mean(&self, passes: usize, stented: bool) -> f64 {
        self.median(passes, stented) * libm::exp(0.5 * self.log_sd * self.log_sd)
    }

    /// Returns P(at most `minutes`) after a number of passes.
    pub fn probability(&self, minutes: f64, passes: usize, stented: bool) -> f64 {
        let median = self.median(passes, stented);
        // Without spread, or with a median of 0, the standardised logarithm below is not a number.
        if self.log_sd == 0.0 || median == 0.0 {
            return f64::from(u8::from(median <= minutes));
        }
        lower_tail(libm::log(minutes / median) / self.log_sd)
    }

    /// Returns the quantile `u` in [0, 1), by interpolation between the steps, which raises the
    /// mean by one part in 100 000 at a `log_sd` of 0.26, by three in 10 000 at 1.
    #[inline]
    pub fn draw(&self, passes: usize, stented: bool, u: f64) -> f64 {
        let at = u * STEPS as f64;
        let i = at as usize;
        let [from, to] = [self.multiples[i], self.multiples[i + 1]];
        self.median(passes, stented) * (from + (at - i as f64) * (to - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million evenly spaced draws have the mean of the log-normal, and quantiles are its own.
    #[test]
    fn draws_have_the_mean_and_the_quantiles_of_the_log_normal() {
        let minutes = Minutes::new(14.8, 10.9, 15.0, 0.26);
        let n = 1_000_000;
        let mean =
            (0..n).map(|i| minutes.draw(2, true, (f64::from(i) + 0.5) / f64::from(n))).sum::<f64>()
                / f64::from(n);
        let exact = 51.6 * libm::exp(0.5 * 0.26 * 0.26);
        assert!((mean / exact - 1.0).abs() < 2e-5, "{mean} {exact}");
        assert_eq!(minutes.mean(2, true), exact);
        for (p, z) in [(0.25, -0.6744897501960817), (0.5, 0.0), (0.9, 1.2815515655446004)] {
            let drawn = minutes.draw(2, true, p);
            let exact = 51.6 * libm::exp(0.26 * z);
            assert!((drawn / exact - 1.0).abs() < 1e-5, "{drawn} {exact}");
            assert!((minutes.probability(exact, 2, true) - p).abs() < 1e-12);
        }
        assert!(minutes.draw(0, false, 0.0) > 0.0);
    }

    #[test]
    fn without_spread_every_procedure_takes_its_median() {
        let minutes = Minutes::new(20.0, 10.0, 0.0, 0.0);
        for u in [0.0, 0.3, 0.999] {
            assert!((minutes.draw(3, false, u) - 50.0).abs() < 1e-12);
        }
    }
}
