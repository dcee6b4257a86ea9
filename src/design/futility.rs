//! Lower (futility) boundaries on the Z scale.

use super::recursion::{Continuation, finest_increment};
use super::spending::SpendingFunction;
use crate::num::normal::upper_quantile;
use crate::num::root::brent;

/// How the futility boundary is found.
#[derive(Debug, Clone, PartialEq)]
pub enum FutilityRule {
    /// No stopping for futility.
    None,
    /// Z bounds at the interim looks, `None` where a look does not test for futility.
    Z(Vec<Option<f64>>),
    /// β-spending under the drift at which the design just reaches its power
    /// (Pampallona, Tsiatis & Kim 2001): the bounds depend on the fractions only, not on the
    /// sample size.
    BetaSpending {
        /// Spends the type II error.
        function: SpendingFunction,
        /// The power 1 − β that the bounds are built for.
        power: f64,
    },
}

impl FutilityRule {
    /// Futility bounds at the interim looks, −∞ where there is none; `None` when no drift gives
    /// the wanted power (β not below 1 − α). `untested` are looks, from 0, without the test.
    pub(super) fn bounds(
        &self,
        fractions: &[f64],
        efficacy: &[f64],
        untested: &[usize],
    ) -> Option<Vec<f64>> {
        let interims = fractions.len() - 1;
        match self {
            Self::None => Some(vec![f64::NEG_INFINITY; interims]),
            Self::Z(bounds) => {
                let tested = |(k, z): (usize, &Option<f64>)| z.filter(|_| !untested.contains(&k));
                let bounds = bounds.iter().enumerate().map(tested);
                Some(bounds.map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect())
            }
            Self::BetaSpending { function, power } => {
                let cumulative = function.cumulative(1.0 - power, fractions, untested);
                beta_spending(&cumulative, fractions, efficacy)
            }
        }
    }
}

/// Finds the drift at which the β left for the last look makes its futility bound meet its
/// efficacy bound, and returns the interim bounds at that drift. `cumulative` β is spent by each
/// look.
fn beta_spending(cumulative: &[f64], fractions: &[f64], efficacy: &[f64]) -> Option<Vec<f64>> {
    let (last, beta) = (*efficacy.last()?, *cumulative.last()?);
    let left = beta - cumulative.iter().rev().nth(1).copied().unwrap_or(0.0);
    // The surplus falls as the drift grows: with a strong effect the last look would have to stop
    // for futility well above its efficacy bound to use up β.
    let surplus = |theta: f64| {
        let (_, state) = interim_bounds(cumulative, fractions, efficacy, theta);
        state.below(1.0, theta, last) - left
    };
    // Early looks that stop often for efficacy may bring the drift well below the fixed design's.
    let mut most = last.min(10.0) + upper_quantile(beta) + 2.0;
    while surplus(most) > 0.0 && most < 40.0 {
        most += 2.0;
    }
    let theta = brent(surplus, 1e-3, most)?;
    Some(interim_bounds(cumulative, fractions, efficacy, theta).0)
}

/// The interim futility bounds at drift `theta`, and the state of the trial before the last look.
fn interim_bounds(
    cumulative: &[f64],
    fractions: &[f64],
    efficacy: &[f64],
    theta: f64,
) -> (Vec<f64>, Continuation) {
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let mut bounds = Vec::with_capacity(fractions.len() - 1);
    for k in 0..fractions.len() - 1 {
        let (t, upper) = (fractions[k], efficacy[k]);
        let lower = lower_bound(&state, t, theta, cumulative[k] - spent, upper);
        bounds.push(lower);
        spent = cumulative[k];
        state = state.advance(t, theta, (lower, upper), finest_increment(fractions, k));
    }
    (bounds, state)
}

/// The Z that a trial in `state` falls below with probability `error`, but at most `ceiling`; −∞
/// when there is nothing to spend.
pub(super) fn lower_bound(
    state: &Continuation,
    information: f64,
    theta: f64,
    error: f64,
    ceiling: f64,
) -> f64 {
    if error < f64::MIN_POSITIVE {
        return f64::NEG_INFINITY;
    }
    let excess = |z: f64| {
        let below = state.below(information, theta, z).max(f64::MIN_POSITIVE);
        libm::log(below) - libm::log(error)
    };
    let ceiling = ceiling.min(38.0);
    brent(excess, -38.0, ceiling).unwrap_or(ceiling)
}
