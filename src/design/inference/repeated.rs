//! Repeated confidence intervals and p values, which are valid at every look, whether or not the
//! trial stops there and for whatever reason.
//!
//! Jennison & Turnbull (1989), J R Stat Soc B 51:305; (2000), chapter 9.

use crate::analysis::restricted::Distance;
use crate::num::normal::upper_tail;
use crate::num::root::brent;

/// Computes `estimate` ± `bound`·`standard_error`, on any scale: the effects that a test at the
/// look's critical value `bound` would not reject.
///
/// With bounds of one-sided error rate α in both directions, all intervals of a trial together
/// cover the effect with probability at least 1 − 2α.
pub fn repeated_interval(estimate: f64, standard_error: f64, bound: f64) -> (f64, f64) {
    (estimate - bound * standard_error, estimate + bound * standard_error)
}

/// Computes the differences of proportions (experimental minus control), in [−1, 1], that the score
/// test of Farrington & Manning (1990) does not reject at the look's critical value `bound`.
///
/// `rates`, in [0, 1], and `patients` are those of control and experimental arm.
pub fn repeated_difference(rates: [f64; 2], patients: [f64; 2], bound: f64) -> (f64, f64) {
    let observed = rates[1] - rates[0];
    let low = brent(|difference| score(difference, rates, patients) - bound, -1.0, observed);
    let high = brent(|difference| score(difference, rates, patients) + bound, observed, 1.0);
    // Without a root, no difference on that side is rejected.
    (low.unwrap_or(-1.0), high.unwrap_or(1.0))
}

/// Computes the score Z against a difference, which it falls with, in a finite range.
fn score(difference: f64, rates: [f64; 2], patients: [f64; 2]) -> f64 {
    let z = Distance::Difference(difference).score_z(rates, patients);
    // 0/0 if the observed difference is the given one and has no variance. Infinities would leave
    // the search for a root without a direction.
    if z.is_nan() { 0.0 } else { z.clamp(-1e6, 1e6) }
}

/// Computes the smallest one-sided error rate at which the design rejects at a look where Z is `z`:
/// at most 0.5 (meaning 0.5 or more), at least 1e-299.
///
/// `bound_at` returns the look's critical value for an error rate in (0, 0.5], which must fall as
/// the rate grows; `None` if the design does not exist, which counts as not rejecting.
pub fn repeated_p_value(z: f64, bound_at: impl Fn(f64) -> Option<f64>) -> f64 {
    // The root is sought in the quantile of the error rate, in which bounds are nearly linear.
    const LARGEST_QUANTILE: f64 = 37.0;
    if excess(&bound_at, 0.0, z) > 0.0 {
        return 0.5;
    }
    let quantile = brent(|quantile| excess(&bound_at, quantile, z), 0.0, LARGEST_QUANTILE);
    upper_tail(quantile.unwrap_or(LARGEST_QUANTILE))
}

/// Returns the critical value at the error rate with this upper quantile, less `z`.
fn excess(bound_at: impl Fn(f64) -> Option<f64>, quantile: f64, z: f64) -> f64 {
    // A look without a test has an infinite bound.
    bound_at(upper_tail(quantile)).unwrap_or(f64::INFINITY).clamp(-100.0, 100.0) - z
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Inside the interval a distance is not rejected, outside it is.
        #[test]
        fn intervals_hold_the_differences_that_are_not_rejected(
            control in 0u32..=30,
            experimental in 0u32..=40,
            bound in 0.5..4.5f64,
            distance in -0.99..0.99f64,
        ) {
            let rates = [f64::from(control) / 30.0, f64::from(experimental) / 40.0];
            let patients = [30.0, 40.0];
            let z = score(distance, rates, patients);
            prop_assume!((z.abs() - bound).abs() > 1e-6);
            let (low, high) = repeated_difference(rates, patients, bound);
            let is_inside = (low..=high).contains(&distance);
            prop_assert_eq!(is_inside, z.abs() < bound, "{} {} {}", low, high, z);
            prop_assert!((low..=high).contains(&(rates[1] - rates[0])));
        }

        /// A fixed test's repeated p value is its p value.
        #[test]
        fn one_look_has_the_ordinary_p_value(z in 0.01..20.0f64) {
            let p = repeated_p_value(z, |alpha| Some(crate::num::normal::upper_quantile(alpha)));
            prop_assert!((p / upper_tail(z) - 1.0).abs() < 1e-9, "{p}");
        }
    }

    #[test]
    fn equal_rates_of_zero_leave_a_finite_interval_and_the_extreme_difference_an_open_one() {
        let (low, high) = repeated_difference([0.0, 0.0], [20.0, 20.0], 1.96);
        assert!(-0.3 < low && low < -0.05 && (low + high).abs() < 1e-9, "{low} {high}");
        assert_eq!(repeated_difference([1.0, 0.0], [20.0, 20.0], 1.96).0, -1.0);
    }

    #[test]
    fn a_look_without_a_finite_bound_rejects_nothing() {
        assert_eq!(repeated_p_value(9.0, |_| None), 0.5);
        assert_eq!(repeated_p_value(-1.0, |_| Some(0.3)), 0.5);
        let unbounded = repeated_interval(0.2, 0.1, f64::INFINITY);
        assert_eq!(unbounded, (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(repeated_difference([0.2, 0.3], [9.0, 9.0], f64::INFINITY), (-1.0, 1.0));
    }
}
