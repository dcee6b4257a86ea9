//! Error-spending functions: the part of an error rate that is used up by information fraction t.

use crate::num::normal::{upper_quantile, upper_tail};

/// A family of spending functions; `spent` is 0 at t = 0 and the whole rate from t = 1 on.
#[derive(Debug, Clone, PartialEq)]
pub enum SpendingFunction {
    /// Lan & DeMets (1983), O'Brien–Fleming-type: 2 − 2Φ(z_{α/2} / √t). Not the classical
    /// O'Brien–Fleming bounds, which it only resembles.
    LanDeMetsObrienFleming,
    /// Lan & DeMets (1983), Pocock-type: α·ln(1 + (e − 1)·t).
    LanDeMetsPocock,
    /// Hwang, Shih & DeCani (1990): α·(1 − e^{−γt}) / (1 − e^{−γ}), and α·t at γ = 0.
    HwangShihDeCani {
        /// Large negative values spend late (−4 is near O'Brien–Fleming), 1 is near Pocock.
        gamma: f64,
    },
    /// Kim & DeMets (1987): α·t^ρ.
    KimDeMets {
        /// Positive; 1 spends evenly, 3 is near O'Brien–Fleming.
        rho: f64,
    },
    /// Stated points: a share of the rate at each of some fractions, with straight lines between.
    Stated(Vec<StatedSpending>),
}

/// Point of a stated spending function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatedSpending {
    /// Information fraction in (0, 1].
    pub fraction: f64,
    /// Share of the error rate spent by then, in [0, 1].
    pub share: f64,
}

impl SpendingFunction {
    /// Returns the part of the one-sided error rate `total` spent by information fraction `t` ≥ 0.
    pub fn spent(&self, total: f64, t: f64) -> f64 {
        if t <= 0.0 {
            return 0.0;
        }
        // Looks may come with more than the planned information, and must not spend more than there
        // is.
        if t >= 1.0 {
            return total;
        }
        match self {
            Self::LanDeMetsObrienFleming => {
                2.0 * upper_tail(upper_quantile(0.5 * total) / t.sqrt())
            }
            Self::LanDeMetsPocock => total * libm::log1p((std::f64::consts::E - 1.0) * t),
            // The general formula is 0/0 at γ = 0 and loses all digits next to it.
            Self::HwangShihDeCani { gamma } if gamma.abs() < 1e-8 => total * t,
            Self::HwangShihDeCani { gamma } => {
                total * libm::expm1(-gamma * t) / libm::expm1(-gamma)
            }
            Self::KimDeMets { rho } => total * libm::pow(t, *rho),
            Self::Stated(points) => total * interpolated(points, t),
        }
    }

    /// Returns the error spent up to and including each of the given fractions.
    ///
    /// An untested look spends nothing, and the next tested one spends for both. The last spends
    /// the rest.
    pub(super) fn cumulative(&self, total: f64, fractions: &[f64], untested: &[usize]) -> Vec<f64> {
        let mut so_far = 0.0;
        let mut by_look = Vec::with_capacity(fractions.len());
        for (k, &t) in fractions.iter().enumerate() {
            if k + 1 == fractions.len() {
                // Whatever the function says there: a final look may come before its planned
                // information.
                so_far = total;
            } else if !untested.contains(&k) {
                so_far = self.spent(total, t);
            }
            by_look.push(so_far);
        }
        by_look
    }
}

/// Returns the error that look `k` spends, from the error spent up to each look.
pub(super) fn increment(cumulative: &[f64], k: usize) -> f64 {
    cumulative[k] - if k == 0 { 0.0 } else { cumulative[k - 1] }
}

/// Returns the share at `t` in (0, 1), on straight lines from (0, 0) through the points to (1, 1).
fn interpolated(points: &[StatedSpending], t: f64) -> f64 {
    let mut before = StatedSpending { fraction: 0.0, share: 0.0 };
    let mut after = StatedSpending { fraction: 1.0, share: 1.0 };
    for &point in points {
        if point.fraction <= t {
            before = point;
        } else {
            after = point;
            break;
        }
    }
    let position = (t - before.fraction) / (after.fraction - before.fraction);
    before.share + position * (after.share - before.share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stated(fraction: f64, share: f64) -> StatedSpending {
        StatedSpending { fraction, share }
    }

    fn any_function() -> impl Strategy<Value = SpendingFunction> {
        prop_oneof![
            Just(SpendingFunction::LanDeMetsObrienFleming),
            Just(SpendingFunction::LanDeMetsPocock),
            (-20.0..10.0).prop_map(|gamma| SpendingFunction::HwangShihDeCani { gamma }),
            (0.1..10.0).prop_map(|rho| SpendingFunction::KimDeMets { rho }),
            (0.01..0.5f64, 0.0..0.5f64, 0.01..0.49f64, 0.0..0.5f64).prop_map(|(t, s, dt, ds)| {
                SpendingFunction::Stated(vec![stated(t, s), stated(t + dt, s + ds)])
            }),
        ]
    }

    proptest! {
        #[test]
        fn is_zero_at_zero_all_at_one_and_never_falls(
            function in any_function(),
            total in 1e-6..0.5f64,
            t in 0.0..1.0f64,
            step in 0.0..0.3f64,
        ) {
            prop_assert_eq!(function.spent(total, 0.0), 0.0);
            prop_assert_eq!(function.spent(total, 1.0), total);
            prop_assert_eq!(function.spent(total, 1.7), total);
            let (now, later) = (function.spent(total, t), function.spent(total, t + step));
            prop_assert!(0.0 <= now && now <= later * (1.0 + 1e-12) && later <= total * (1.0 + 1e-12));
        }
    }

    #[test]
    fn an_untested_look_leaves_its_share_to_the_next() {
        let f = SpendingFunction::KimDeMets { rho: 1.0 };
        let spent = f.cumulative(0.02, &[0.25, 0.5, 0.75, 1.0], &[0, 2]);
        assert_eq!(spent, [0.0, 0.01, 0.01, 0.02]);
    }

    /// Hwang, Shih & DeCani, Statistics in Medicine 1990;9:1439: γ = 0 spends in proportion to
    /// information, and is the limit of the others.
    #[test]
    fn hwang_shih_de_cani_is_linear_at_gamma_zero() {
        for t in [0.1, 0.25, 0.5, 0.9] {
            for gamma in [0.0, 1e-9, -1e-9] {
                let f = SpendingFunction::HwangShihDeCani { gamma };
                assert_eq!(f.spent(0.025, t), 0.025 * t);
            }
            let near = SpendingFunction::HwangShihDeCani { gamma: 1e-7 };
            assert!((near.spent(0.025, t) - 0.025 * t).abs() < 1e-9);
        }
    }

    #[test]
    fn protocol_function_has_the_published_values() {
        // rpact 3.3.4, getDesignGroupSequential(typeOfDesign = "asOF", alpha = 0.025, kMax = 3).
        let f = SpendingFunction::LanDeMetsObrienFleming;
        assert!((f.spent(0.025, 1.0 / 3.0) - 0.000103505718147155).abs() < 1e-15);
        assert!((f.spent(0.025, 2.0 / 3.0) - 0.00604838912990766).abs() < 1e-14);
    }
}
