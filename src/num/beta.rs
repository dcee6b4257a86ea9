//! The beta function, the beta distribution and the beta-binomial distribution.

use std::f64::consts::PI;

/// Smallest argument at which Stirling's series is summed; smaller ones are raised to it.
const STIRLING_FROM: f64 = 10.0;

/// Returns ln B(a, b) for a, b > 0, to a few units in the last place of the largest summand.
///
/// Differences of ln Γ lose three digits for parameters of a few hundred. Arguments below 10 are raised
/// by B(a, b) = B(a + 1, b)·(a + b) / a; above, Stirling's series (DLMF 5.11.1) is written so that its
/// large terms cancel before they are computed (Didonato & Morris 1992, ACM TOMS 18:360, §3).
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (mut small, mut large) = if a <= b { (a, b) } else { (b, a) };
    let mut factor = 1.0;
    while small < STIRLING_FROM {
        factor *= (small + large) / small;
        small += 1.0;
    }
    while large < STIRLING_FROM {
        factor *= (small + large) / large;
        large += 1.0;
    }
    // Raised together past 10, the two keep their order; 9.9 raised past a 10 that stays does not.
    let (small, large) = if small <= large { (small, large) } else { (large, small) };
    let ratio = small / large;
    let correction = stirling(small) + stirling(large) - stirling(small + large);
    let powers = (small - 0.5) * libm::log(ratio / (1.0 + ratio)) - large * libm::log1p(ratio);
    libm::log(factor) + 0.5 * libm::log(2.0 * PI / large) + correction + powers
}

/// Returns ln Γ(x) − (x − ½)·ln x + x − ½·ln 2π for `x` ≥ 10, by seven terms of its series: the eighth is
/// below 3e-17.
fn stirling(x: f64) -> f64 {
    let reciprocal = 1.0 / x;
    let square = reciprocal * reciprocal;
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    reciprocal * series.iter().rev().fold(0.0, |sum, term| sum * square + term)
}

/// A beta distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    /// Weight of success, above 0.
    pub a: f64,
    /// Weight of failure, above 0.
    pub b: f64,
}

impl Beta {
    /// Returns the mean.
    pub fn mean(self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// Returns the variance.
    pub fn variance(self) -> f64 {
        let sum = self.a + self.b;
        self.a * self.b / (sum * sum * (sum + 1.0))
    }

    /// Returns the distribution of 1 − X.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { a: self.b, b: self.a }
    }

    /// Returns P(X > `x`); 1 below 0, 0 above 1.
    pub fn upper_tail(self, x: f64) -> f64 {
        self.upper_tail_at(x, 1.0 - x)
    }

    /// Returns P(X > `x`), where `y` = 1 − x keeps its digits next to 0.
    pub fn upper_tail_at(self, x: f64, y: f64) -> f64 {
        // Not 1 − lower tail, in which a small upper tail would cancel.
        self.mirrored().lower_tail_at(y, x)
    }

    /// Returns P(X ≤ `x`), the regularised incomplete beta function.
    pub fn lower_tail(self, x: f64) -> f64 {
        self.lower_tail_at(x, 1.0 - x)
    }

    /// Returns P(X ≤ `x`), where `y` = 1 − x keeps its digits next to 0.
    fn lower_tail_at(self, x: f64, y: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        if y <= 0.0 {
            return 1.0;
        }
        let Self { a, b } = self;
        // The continued fraction converges fast below the mean (DLMF 8.17.22 and below it).
        if x > (a + 1.0) / (a + b + 2.0) {
            return 1.0 - self.mirrored().fraction(y, x);
        }
        self.fraction(x, y)
    }

    /// Returns P(X ≤ `x`) by the continued fraction DLMF 8.17.22 with Lentz's method.
    fn fraction(self, x: f64, y: f64) -> f64 {
        let Self { a, b } = self;
        let front = libm::exp(a * libm::log(x) + b * libm::log(y) - ln_beta(a, b)) / a;
        let (mut value, mut c) = (1.0, 1.0);
        let mut d = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
        value *= d;
        // At the mean, its slowest place, it takes some 420 terms for parameters that sum to 10⁶.
        for m in 1..1000 {
            let m = f64::from(m);
            let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
            d = 1.0 / (1.0 + even * d);
            c = 1.0 + even / c;
            value *= c * d;
            d = 1.0 / (1.0 + odd * d);
            c = 1.0 + odd / c;
            let change = c * d;
            value *= change;
            if (change - 1.0).abs() < 3e-16 {
                break;
            }
        }
        front * value
    }

    /// Replaces `out` by P(k successes among `patients`) for k = 0 … `patients`, of patients whose
    /// common rate has this distribution (beta-binomial).
    // Ratios of neighbours outwards from the mode, then divided by their sum, as for a binomial.
    pub fn predict(self, patients: u32, out: &mut Vec<f64>) {
        let Self { a, b } = self;
        let n = patients as usize;
        let start = ((f64::from(patients) * self.mean()) as usize).min(n);
        out.clear();
        out.resize(n + 1, 0.0);
        out[start] = 1.0;
        for k in start..n {
            let (k_, rest) = (k as f64, (n - k) as f64);
            out[k + 1] = out[k] * (rest * (a + k_)) / ((k_ + 1.0) * (b + rest - 1.0));
        }
        for k in (0..start).rev() {
            let (k_, rest) = (k as f64, (n - k) as f64);
            out[k] = out[k + 1] * ((k_ + 1.0) * (b + rest - 1.0)) / (rest * (a + k_));
        }
        let sum: f64 = out.iter().sum();
        out.iter_mut().for_each(|p| *p /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Beta as Reference, ContinuousCDF};
    use statrs::function::beta::ln_beta as reference_ln_beta;

    /// Whole parameters have a rational beta function; halves a known one.
    #[test]
    fn logarithms_of_the_beta_function_are_those_of_known_values() {
        assert!((ln_beta(1.0, 1.0)).abs() < 1e-15);
        assert!((ln_beta(0.5, 0.5) - libm::log(PI)).abs() < 1e-14);
        assert!((ln_beta(3.0, 4.0) - libm::log(1.0 / 60.0)).abs() < 1e-14);
        // 1 / (301·C(300, 100)), in whole numbers of any length.
        assert!((ln_beta(101.0, 201.0) + 193.6415974618479).abs() < 3e-13);
        for a in [0.1, 0.5, 1.0, 2.5, 9.0, 14.0, 120.0, 900.0] {
            for b in [0.2, 1.0, 7.5, 40.0, 333.0] {
                let (ours, theirs) = (ln_beta(a, b), reference_ln_beta(a, b));
                assert!((ours - theirs).abs() < 1e-11 * (1.0 + theirs.abs()), "{a} {b} {ours}");
                assert_eq!(ours, ln_beta(b, a), "{a} {b}");
            }
        }
    }

    #[test]
    fn tails_agree_with_statrs_and_sum_to_one() {
        for (a, b) in
            [(0.5, 0.5), (0.5, 20.5), (1.0, 1.0), (3.5, 37.5), (22.0, 32.0), (400.0, 90.0)]
        {
            let (beta, reference) = (Beta { a, b }, Reference::new(a, b).expect("positive"));
            for i in 1..40 {
                let x = f64::from(i) / 40.0;
                let (ours, theirs) = (beta.lower_tail(x), reference.cdf(x));
                assert!((ours - theirs).abs() < 1e-11, "{a} {b} {x}: {ours} {theirs}");
                assert!((ours + beta.upper_tail(x) - 1.0).abs() < 1e-14, "{a} {b} {x}");
            }
            assert_eq!((beta.lower_tail(-0.1), beta.lower_tail(1.1)), (0.0, 1.0));
        }
    }

    #[test]
    fn predictions_have_the_mean_and_variance_of_the_beta_binomial() {
        let mut out = Vec::new();
        for (a, b, n) in [(1.0, 1.0, 0), (0.5, 0.5, 1), (14.0, 40.0, 104), (3.5, 37.5, 60)] {
            let beta = Beta { a, b };
            beta.predict(n, &mut out);
            let n = f64::from(n);
            let mean: f64 = out.iter().enumerate().map(|(k, p)| p * k as f64).sum();
            let square: f64 = out.iter().enumerate().map(|(k, p)| p * (k * k) as f64).sum();
            assert!((mean - n * beta.mean()).abs() < 1e-11 * (1.0 + n));
            let share = beta.mean() * (1.0 - beta.mean());
            let variance = n * share * (a + b + n) / (a + b + 1.0);
            assert!((square - mean * mean - variance).abs() < 1e-9 * (1.0 + variance));
        }
        // A uniform prior makes every number equally likely.
        Beta { a: 1.0, b: 1.0 }.predict(10, &mut out);
        assert!(out.iter().all(|p| (p - 1.0 / 11.0).abs() < 1e-15));
    }
}
