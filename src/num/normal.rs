//! The standard normal distribution on portable `libm` functions.
//!
//! Tails are computed on their own side, so that a probability of 1e-30 keeps its full precision.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Density φ(x).
pub fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * PI)
}

/// Φ(x), the probability of a value at or below `x`.
pub fn lower_tail(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// 1 − Φ(x), the probability of a value above `x`, precise in relative terms to about x = 37.
pub fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// The value exceeded with probability `p`, for `p` in (0, 1); ±∞ at the ends, NaN outside.
///
/// Starts from Abramowitz & Stegun 26.2.23 (error below 4.5e-4) and takes Newton steps on the
/// logarithm of the tail, which is concave: each step squares the error, so three suffice.
pub fn upper_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -upper_quantile(1.0 - p);
    }
    if p <= 0.0 {
        return if p == 0.0 { f64::INFINITY } else { f64::NAN };
    }
    let t = libm::sqrt(-2.0 * libm::log(p));
    let numerator = 2.515517 + t * (0.802853 + t * 0.010328);
    let denominator = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let mut x = t - numerator / denominator;
    for _ in 0..4 {
        let tail = upper_tail(x);
        x += libm::log(tail / p) * tail / density(x);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    #[test]
    fn tails_have_known_values() {
        // erfc(−x/√2)/2 in 40-digit arithmetic (mpmath).
        let known = [
            (-8.0, 6.220960574271784e-16),
            (-2.0, 0.022750131948179207),
            (-0.3, 0.38208857781104736),
            (1.0, 0.841344746068543),
            (1.96, 0.9750021048517796),
        ];
        for (x, p) in known {
            assert!((lower_tail(x) / p - 1.0).abs() < 1e-14, "{x}: {}", lower_tail(x));
        }
    }

    #[test]
    fn agrees_with_statrs_in_the_body() {
        // statrs itself is good to about 1e-11 here.
        let reference = Normal::standard();
        for i in -60..=60 {
            let x = f64::from(i) / 10.0;
            assert!((lower_tail(x) - reference.cdf(x)).abs() < 1e-10, "{x}");
            assert!((lower_tail(x) + upper_tail(x) - 1.0).abs() < 1e-15, "{x}");
        }
    }

    #[test]
    fn quantiles_have_known_values() {
        // Roots of log(erfc(z/√2)/2) = log p in 40-digit arithmetic (mpmath).
        let known = [
            (0.5, 0.0),
            (0.025, 1.9599639845400543),
            (0.0125, 2.2414027276049454),
            (0.9, -1.2815515655446004),
            (1e-10, 6.361340902404056),
            (1e-30, 11.464024688443616),
            (1e-300, 37.0470962993612),
        ];
        for (p, z) in known {
            assert!((upper_quantile(p) - z).abs() < 1e-13, "{p}: {}", upper_quantile(p));
        }
        assert_eq!(upper_quantile(0.0), f64::INFINITY);
        assert!(upper_quantile(-0.1).is_nan());
    }

    #[test]
    fn quantile_inverts_the_tail() {
        for exponent in 1..300 {
            let p = libm::pow(10.0, -f64::from(exponent));
            let back = upper_tail(upper_quantile(p));
            assert!((back / p - 1.0).abs() < 1e-10, "{p}: {back}");
        }
    }
}
