//! Lower (futility) boundaries on the Z scale.

use super::efficacy::{BOUND_PRECISION, critical_value};
use super::inference::{Future, Monitored};
use super::recursion::{Continuation, CrossingProbabilities, finest_increment};
use super::spending::SpendingFunction;
use crate::num::normal::upper_quantile;
use crate::num::root::near;

/// Relative precision of the drift that β-spending is solved for; below it the bounds it is made of
/// add noise.
const PRECISION: f64 = 1e-12;
/// What looks and futility usually cost in drift, over one look: where the search begins.
const COST: f64 = 1.03;

/// How the futility boundary is found.
#[derive(Debug, Clone, PartialEq)]
pub enum FutilityRule {
    /// No stopping for futility.
    None,
    /// Z bounds at the interim looks, `None` where a look does not test for futility.
    Z(Vec<Option<f64>>),
    /// Where the conditional power is this low.
    ConditionalPower {
        /// P(efficacy at a later look), in (0, 1).
        at_most: f64,
        /// The drift it is computed under.
        on: ConditionalOn,
    },
    /// Where the predictive power with a flat prior is this low.
    PredictivePower {
        /// P(efficacy at a later look), in (0, 1).
        at_most: f64,
    },
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

/// The drift that conditional power is computed under.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConditionalOn {
    /// The one the data suggest, z/√t.
    Trend,
    /// A planned one: the mean of Z at the maximum information.
    Drift(f64),
    /// The one at which the design has this power in (0, 1), its futility heeded.
    Power(f64),
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
        let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
        match self {
            Self::None => Some(vec![f64::NEG_INFINITY; interims]),
            Self::Z(bounds) => {
                let tested = |(k, z): (usize, &Option<f64>)| z.filter(|_| !untested.contains(&k));
                let bounds = bounds.iter().enumerate().map(tested);
                Some(bounds.map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect())
            }
            Self::ConditionalPower { at_most, on } => {
                let looks = Monitored::new(fractions, &no_lower, efficacy);
                let under = |drift: f64| {
                    where_tested(looks.z_for_power(*at_most, Future::Drift(drift)), untested)
                };
                match *on {
                    ConditionalOn::Trend => (0..interims)
                        .map(|k| match untested.contains(&k) {
                            true => Some(f64::NEG_INFINITY),
                            false => looks.z_for_power_under_trend(k, *at_most),
                        })
                        .collect(),
                    ConditionalOn::Drift(drift) => under(drift),
                    ConditionalOn::Power(power) => {
                        under(drift_for_power(fractions, efficacy, power, under)?)
                    }
                }
            }
            Self::PredictivePower { at_most } => {
                let looks = Monitored::new(fractions, &no_lower, efficacy);
                where_tested(looks.z_for_power(*at_most, Future::FlatPrior), untested)
            }
            Self::BetaSpending { function, power } => {
                let cumulative = function.cumulative(1.0 - power, fractions, untested);
                beta_spending(&cumulative, fractions, efficacy)
            }
        }
    }
}

impl FutilityRule {
    /// Futility bounds from which [`FutilityRule::bounds`] are found by repetition, starting at `from`,
    /// for the same efficacy bounds; those bounds themselves are left unchanged. `None` as there.
    pub(super) fn bounds_from(
        &self,
        from: &[f64],
        fractions: &[f64],
        efficacy: &[f64],
        untested: &[usize],
    ) -> Option<Vec<f64>> {
        let Self::ConditionalPower { at_most, on: ConditionalOn::Trend } = self else {
            return self.bounds(fractions, efficacy, untested);
        };
        let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
        let looks = Monitored::new(fractions, &no_lower, efficacy);
        let step = |(k, &z): (usize, &f64)| match untested.contains(&k) {
            true => Some(f64::NEG_INFINITY),
            false => looks.towards_power_under_trend(k, *at_most, z),
        };
        from.iter().enumerate().map(step).collect()
    }
}

/// The bounds found at the interim looks, −∞ at the `untested`; `None` when a tested look has none.
fn where_tested(found: Vec<Option<f64>>, untested: &[usize]) -> Option<Vec<f64>> {
    let looks = found.into_iter().enumerate();
    looks.map(|(k, z)| if untested.contains(&k) { Some(f64::NEG_INFINITY) } else { z }).collect()
}

/// The drift at which a design has a power when it stops at the futility bounds that belong to the
/// drift; `None` where none up to 40 has it.
fn drift_for_power(
    fractions: &[f64],
    efficacy: &[f64],
    power: f64,
    futility: impl Fn(f64) -> Option<Vec<f64>>,
) -> Option<f64> {
    let missing = |drift: f64| {
        let Some(mut lower) = futility(drift) else { return f64::NAN };
        lower.push(f64::NEG_INFINITY);
        power - CrossingProbabilities::new(fractions, drift, &lower, efficacy).total_upper()
    };
    let one_look = efficacy[efficacy.len() - 1].min(10.0) + upper_quantile(1.0 - power);
    near(missing, one_look.max(0.1), 0.1, [1e-3, 40.0], PRECISION)
}

/// The interim bounds at the drift under which β is spent.
fn beta_spending(cumulative: &[f64], fractions: &[f64], efficacy: &[f64]) -> Option<Vec<f64>> {
    let theta = drift(cumulative, fractions, efficacy)?;
    Some(interim_bounds(cumulative, fractions, efficacy, theta).0)
}

/// The drift at which the β left for the last look makes its futility bound meet its efficacy
/// bound. `cumulative` β is spent by each look.
pub(super) fn drift(cumulative: &[f64], fractions: &[f64], efficacy: &[f64]) -> Option<f64> {
    let (last, beta) = (*efficacy.last()?, *cumulative.last()?);
    let left = beta - cumulative.iter().rev().nth(1).copied().unwrap_or(0.0);
    // The surplus falls as the drift grows: with a strong effect the last look would have to stop
    // for futility well above its efficacy bound to use up β.
    let end = *fractions.last()?;
    let surplus = |theta: f64| {
        let (_, state) = interim_bounds(cumulative, fractions, efficacy, theta);
        state.below(end, theta, last) - left
    };
    let one_look = last.min(10.0) + upper_quantile(beta);
    near(surplus, COST * one_look.max(0.1), 0.06, [1e-3, 40.0], PRECISION)
}

/// Interim bounds below at drift `theta` that spend `cumulative` error, and the state of the trial before the last look.
pub(super) fn interim_bounds(
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

/// Efficacy bounds at every look and futility bounds at the interim looks, where each relies on the
/// other: `alpha` is spent above under no effect, `beta` below under the drift at which they meet
/// at the last look.
pub(super) fn binding_spending(
    alpha: &[f64],
    beta: &[f64],
    fractions: &[f64],
) -> Option<(Vec<f64>, Vec<f64>)> {
    let theta = binding_drift(alpha, beta, fractions)?;
    joint_bounds(alpha, beta, fractions, theta).map(|(efficacy, futility, _)| (efficacy, futility))
}

/// That drift.
pub(super) fn binding_drift(alpha: &[f64], beta: &[f64], fractions: &[f64]) -> Option<f64> {
    let last = fractions.len() - 1;
    let left = beta[last] - if last == 0 { 0.0 } else { beta[last - 1] };
    // As without binding, but for drifts so large that futility leaves too few trials to go on.
    let surplus = |theta: f64| match joint_bounds(alpha, beta, fractions, theta) {
        Some((efficacy, _, state)) => state.below(fractions[last], theta, efficacy[last]) - left,
        None => -1.0,
    };
    let one_look = upper_quantile(alpha[last]) + upper_quantile(beta[last]);
    near(surplus, COST * one_look.max(0.1), 0.06, [1e-3, 40.0], PRECISION)
        .filter(|&theta| surplus(theta).abs() < 1e-9)
}

/// The bounds at drift `theta`, and the state of the trial under it before the last look; `None`
/// where a futility bound would reach the efficacy bound, or too few trials go on.
pub(super) fn joint_bounds(
    alpha: &[f64],
    beta: &[f64],
    fractions: &[f64],
    theta: f64,
) -> Option<(Vec<f64>, Vec<f64>, Continuation)> {
    let (mut null, mut planned) = (Continuation::start(), Continuation::start());
    let (mut efficacy, mut futility) = (Vec::new(), Vec::new());
    for (k, &t) in fractions.iter().enumerate() {
        let spend =
            |cumulative: &[f64]| cumulative[k] - if k == 0 { 0.0 } else { cumulative[k - 1] };
        let upper = critical_value(&null, t, spend(alpha))?;
        efficacy.push(upper);
        if k + 1 == fractions.len() {
            break;
        }
        let lower = lower_bound(&planned, t, theta, spend(beta), upper);
        if lower >= upper.min(38.0) {
            return None;
        }
        futility.push(lower);
        let finest = finest_increment(fractions, k);
        null = null.advance(t, 0.0, (lower, upper), finest);
        planned = planned.advance(t, theta, (lower, upper), finest);
    }
    Some((efficacy, futility, planned))
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
    let missing = |z: f64| {
        let below = state.below(information, theta, z).max(f64::MIN_POSITIVE);
        libm::log(error) - libm::log(below)
    };
    let ceiling = ceiling.min(38.0);
    // Were all trials still going on, it would be this; it is not lower.
    let at_least = theta * information.sqrt() - upper_quantile(error);
    near(missing, at_least.clamp(-38.0, ceiling), 0.05, [-38.0, ceiling], BOUND_PRECISION)
        .unwrap_or(ceiling)
}
