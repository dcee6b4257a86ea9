//! The χ² distribution with a whole number of degrees of freedom, on portable `libm` functions.

use super::normal;
use super::root::brent;
use std::f64::consts::PI;

/// Largest number of degrees of freedom at which quantiles are exact.
const EXACT: u32 = 100;

/// Returns P(χ² > x) with `df` ≥ 1 degrees of freedom, x ≥ 0: the finite sums of Abramowitz & Stegun
/// 26.4.4 and 26.4.5, whose first factor underflows beyond x = 1400.
pub fn upper_tail(x: f64, df: u32) -> f64 {
    let half = 0.5 * x;
    // The sums run over powers of x/2 divided by factorials, of half numbers where df is odd.
    let (mut k, mut term, mut tail) = if df.is_multiple_of(2) {
        (1.0, libm::exp(-half), 0.0)
    } else {
        (1.5, 2.0 * (half / PI).sqrt() * libm::exp(-half), libm::erfc(half.sqrt()))
    };
    for _ in 0..df / 2 {
        tail += term;
        term *= half / k;
        k += 1.0;
    }
    tail
}

/// Returns P(χ² > x) with `df` ≥ 1 degrees of freedom and the given `noncentrality` ≥ 0, x ≥ 0: central
/// tails weighted by the Poisson probabilities of half the non-centrality (Johnson, Kotz & Balakrishnan
/// 1995, *Continuous Univariate Distributions* 2, 29.3). Its error is below 1e-12.
pub fn noncentral_upper_tail(x: f64, df: u32, noncentrality: f64) -> f64 {
    let mean = 0.5 * noncentrality;
    // Terms more than nine standard deviations from the mean are less than 1e-18 in all.
    let reach = 9.0 * mean.sqrt() + 20.0;
    let (first, last) = ((mean - reach).max(0.0) as u32, (mean + reach) as u32);
    (first..=last)
        // Weights from logarithms: the powers and factorials of a large mean overflow one by one.
        .map(|k| {
            let k = f64::from(k);
            // The logarithm of a mean of 0 is infinite, and only no events are then possible.
            let log_weight = if mean > 0.0 {
                k * libm::log(mean) - mean - libm::lgamma(k + 1.0)
            } else if k == 0.0 {
                0.0
            } else {
                f64::NEG_INFINITY
            };
            libm::exp(log_weight) * upper_tail(x, df + 2 * k as u32)
        })
        .sum()
}

/// Returns the value exceeded with probability `p`, from 1e-9 to 1, with `df` ≥ 1 degrees of freedom.
///
/// Above 100 degrees of freedom, the cubic approximation of Wilson & Hilferty 1931 (PNAS 17:684),
/// which is exceeded with a probability within 1e-4 of `p` there.
pub fn upper_quantile(p: f64, df: u32) -> f64 {
    if p >= 1.0 {
        return 0.0;
    }
    let mean = f64::from(df);
    if df > EXACT {
        let share = 2.0 / (9.0 * mean);
        let root = 1.0 - share + normal::upper_quantile(p) * share.sqrt();
        return mean * root * root * root;
    }
    // Eight standard deviations and 60 above the mean lie beyond the 1e-9 quantile at every df to 100.
    let high = mean + 8.0 * (2.0 * mean).sqrt() + 60.0;
    brent(|x| upper_tail(x, df) - p, 0.0, high).expect("the tail falls from 1 to below 1e-9")
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    /// To ten digits against statrs, and against printed tables.
    #[test]
    fn tails_and_quantiles_are_those_of_the_distribution() {
        for df in [1, 2, 3, 4, 7, 10, 31, 100] {
            let reference = ChiSquared::new(f64::from(df)).expect("df is positive");
            for x in [0.0, 0.01, 0.7, 1.0, 3.3, 12.0, 40.0, 130.0] {
                let (ours, theirs) = (upper_tail(x, df), reference.sf(x));
                assert!((ours - theirs).abs() < 1e-10, "{df} {x}: {ours} {theirs}");
            }
            for p in [1e-9, 0.001, 0.05, 0.3, 0.5, 0.99] {
                let back = upper_tail(upper_quantile(p, df), df);
                assert!((back / p - 1.0).abs() < 1e-9, "{df} {p}: {back}");
            }
        }
        for (p, df, printed) in [(0.3, 1, 1.0742), (0.3, 2, 2.4079), (0.05, 3, 7.8147)] {
            assert!((upper_quantile(p, df) - printed).abs() < 5e-5);
        }
        assert_eq!(upper_quantile(1.0, 4), 0.0);
    }

    /// With one degree of freedom χ² is the square of a normal variable with mean √noncentrality.
    #[test]
    fn noncentral_tails_are_those_of_squared_normal_variables() {
        for noncentrality in [0.0, 0.3, 4.0, 60.0, 900.0] {
            for x in [0.5, 3.841_458_820_694_124, 30.0] {
                let (root, mean) = (f64::sqrt(x), f64::sqrt(noncentrality));
                let expected = normal::upper_tail(root - mean) + normal::upper_tail(root + mean);
                let found = noncentral_upper_tail(x, 1, noncentrality);
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{x} {noncentrality}: {found} {expected}"
                );
            }
        }
        assert_eq!(noncentral_upper_tail(5.0, 3, 0.0), upper_tail(5.0, 3));
    }

    #[test]
    fn many_degrees_of_freedom_are_close_enough() {
        for p in [0.001, 0.05, 0.3, 0.9] {
            let back = upper_tail(upper_quantile(p, 101), 101);
            assert!((back - p).abs() < 1e-4, "{p}: {back}");
        }
    }
}
