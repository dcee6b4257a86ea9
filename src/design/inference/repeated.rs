//! Repeated confidence intervals and p values: they hold at every look, whether or not the trial
//! stops there and why.
//!
//! Jennison & Turnbull (1989), J R Stat Soc B 51:305; (2000), chapter 9.

use crate::analysis::restricted::Distance;
use crate::num::normal::upper_tail;
use crate::num::root::brent;

/// `estimate` ± `bound`·`standard_error`, on any scale: the effects that a test at the look's
/// critical value `bound` would not reject. With bounds of one-sided error rate α both ways, all
/// the intervals of a trial together hold with probability at least 1 − 2α.
pub fn repeated_interval(estimate: f64, standard_error: f64, bound: f64) -> (f64, f64) {
    (estimate - bound * standard_error, estimate + bound * standard_error)
}

/// The differences of proportions (experimental minus control), in [−1, 1], that the score test of
/// Farrington & Manning (1990) does not reject at the look's critical value `bound`.
///
/// `rates`, in [0, 1], and `patients` are those of control and experimental arm.
pub fn repeated_difference(rates: (f64, f64), patients: (f64, f64), bound: f64) -> (f64, f64) {
    let score = |difference| score(Distance::Difference(difference), rates, patients);
    let observed = rates.1 - rates.0;
    let low = brent(|difference| score(difference) - bound, -1.0, observed);
    let high = brent(|difference| score(difference) + bound, observed, 1.0);
    (low.unwrap_or(-1.0), high.unwrap_or(1.0))
}

/// The score Z, which falls as the distance grows, kept finite; 0 where nothing is observed to
/// differ from the distance.
fn score(distance: Distance, rates: (f64, f64), patients: (f64, f64)) -> f64 {
    let z = distance.score_z(rates, patients);
    if z.is_nan() { 0.0 } else { z.clamp(-1e6, 1e6) }
}

/// The smallest one-sided error rate at which the design rejects at a look where Z is `z`: at most
/// 0.5 (meaning 0.5 or more), at least 1e-299.
///
/// `bound_at` gives the look's critical value for an error rate in (0, 0.5], which must fall as
/// the rate grows; `None` where the design does not exist, which counts as not rejecting.
pub fn repeated_p_value(z: f64, bound_at: impl Fn(f64) -> Option<f64>) -> f64 {
    // Bounds are nearly linear in the quantile of the error rate. A look that cannot stop has none
    // that is finite.
    let excess = |quantile: f64| {
        bound_at(upper_tail(quantile)).unwrap_or(f64::INFINITY).clamp(-100.0, 100.0) - z
    };
    const LEAST: f64 = 37.0;
    if excess(0.0) > 0.0 {
        return 0.5;
    }
    upper_tail(brent(excess, 0.0, LEAST).unwrap_or(LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Inside the interval a distance is not rejected, outside it is.
        #[test]
        fn intervals_hold_what_is_not_rejected(
            control in 0u32..=30,
            experimental in 0u32..=40,
            bound in 0.5..4.5f64,
            distance in -0.99..0.99f64,
        ) {
            let rates = (f64::from(control) / 30.0, f64::from(experimental) / 40.0);
            let patients = (30.0, 40.0);
            let inside = |(low, high): (f64, f64), x: f64| low <= x && x <= high;
            let z = score(Distance::Difference(distance), rates, patients);
            prop_assume!((z.abs() - bound).abs() > 1e-6);
            let interval = repeated_difference(rates, patients, bound);
            prop_assert_eq!(inside(interval, distance), z.abs() < bound, "{:?} {}", interval, z);
            prop_assert!(inside(interval, rates.1 - rates.0));

        }

        /// A fixed test's repeated p value is its p value.
        #[test]
        fn one_look_has_the_ordinary_p_value(z in 0.01..20.0f64) {
            let p = repeated_p_value(z, |alpha| Some(crate::num::normal::upper_quantile(alpha)));
            prop_assert!((p / upper_tail(z) - 1.0).abs() < 1e-9, "{p}");
        }
    }

    #[test]
    fn nothing_observed_gives_open_ends() {
        let (low, high) = repeated_difference((0.0, 0.0), (20.0, 20.0), 1.96);
        assert!(-0.3 < low && low < -0.05 && (low + high).abs() < 1e-9, "{low} {high}");
        assert_eq!(repeated_difference((1.0, 0.0), (20.0, 20.0), 1.96).0, -1.0);
    }

    #[test]
    fn a_look_that_cannot_stop_says_nothing() {
        assert_eq!(repeated_p_value(9.0, |_| None), 0.5);
        assert_eq!(repeated_p_value(-1.0, |_| Some(0.3)), 0.5);
        let unbounded = repeated_interval(0.2, 0.1, f64::INFINITY);
        assert_eq!(unbounded, (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(repeated_difference((0.2, 0.3), (9.0, 9.0), f64::INFINITY), (-1.0, 1.0));
    }
}
