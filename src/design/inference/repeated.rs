//! Intervals and p values that hold at every look, whether the trial stops or not.
//!
//! Jennison & Turnbull (1989), J R Stat Soc B 51:305.

use crate::analysis::restricted::Distance;
use crate::num::root::brent;

/// The repeated confidence interval of an estimate with this standard error: what the bound of the
/// look does not reject.
pub fn interval(estimate: f64, standard_error: f64, bound: f64) -> (f64, f64) {
    (estimate - bound * standard_error, estimate + bound * standard_error)
}

/// The repeated confidence interval of a risk difference, by inverting the score test of
/// Farrington & Manning at the bound of the look. `rates` and `sizes`: control, then experimental.
pub fn risk_difference_interval(rates: (f64, f64), sizes: (f64, f64), bound: f64) -> (f64, f64) {
    let z = |difference: f64| Distance::Difference(difference).score_z(rates, sizes);
    let observed = rates.1 - rates.0;
    let edge = 1.0 - 1e-12;
    let low = brent(|d| z(d) - bound, -edge, observed).unwrap_or(-1.0);
    let high = brent(|d| z(d) + bound, observed, edge).unwrap_or(1.0);
    (low, high)
}

/// The smallest one-sided α at which the design rejects with Z = `z` at a look, whose bound at an
/// α is `bound_at`; 0.5 where no smaller one does, `None` where the rule has no bounds at some α.
pub fn p_value(z: f64, bound_at: impl Fn(f64) -> Option<f64>) -> Option<f64> {
    // On the log scale, as repeated p values of 1e-8 matter as much as those of 0.1.
    let distance = |log_alpha: f64| match bound_at(libm::exp(log_alpha)) {
        Some(bound) => bound.min(100.0) - z,
        None => f64::NAN,
    };
    let (least, most) = (libm::log(1e-16), libm::log(0.4999));
    if distance(most) > 0.0 {
        return Some(0.5);
    }
    if distance(least) < 0.0 {
        return Some(0.0);
    }
    brent(distance, least, most).map(libm::exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_at_the_bound() {
        let (rates, sizes) = ((0.25, 0.42), (52.0, 50.0));
        let (low, high) = risk_difference_interval(rates, sizes, 2.5);
        assert!((Distance::Difference(low).score_z(rates, sizes) - 2.5).abs() < 1e-9);
        assert!((Distance::Difference(high).score_z(rates, sizes) + 2.5).abs() < 1e-9);
        assert!(low < 0.17 && 0.17 < high);
    }

    #[test]
    fn one_look_gives_the_nominal_p_value() {
        use crate::num::normal::{upper_quantile, upper_tail};
        for z in [0.5, 1.96, 4.0] {
            let p = p_value(z, |alpha| Some(upper_quantile(alpha))).expect("every α has a bound");
            assert!((p / upper_tail(z) - 1.0).abs() < 1e-9, "{z}: {p}");
        }
        assert_eq!(p_value(-1.0, |alpha| Some(upper_quantile(alpha))), Some(0.5));
        assert_eq!(p_value(1.0, |_| None), None);
    }
}
