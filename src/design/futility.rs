//! Lower (futility) boundaries on the Z scale.

use super::efficacy::{BOUND_PRECISION, critical_value};
use super::inference::Future;
use super::recursion::{Continuation, CrossingProbabilities, Monitored, Region, finest_increment};
use super::rules::PairedBounds;
use super::spending::{SpendingFunction, increment};
use crate::num::normal::upper_quantile;
use crate::num::root::near;

/// Relative precision of the drift that β-spending is solved for.
// With more, rounding errors of the bounds found at each drift would show.
const DRIFT_PRECISION: f64 = 1e-12;
/// Drift of a usual design with looks and futility, over that of one look: where the search begins.
const USUAL_COST: f64 = 1.03;
/// Drifts that are searched.
// Below the first, power is hardly above the error rate; no trial has a mean of Z beyond the
// second.
const DRIFTS: [f64; 2] = [1e-3, 40.0];
/// Largest Z of a bound, in either direction.
// Normal tail probabilities beyond are no longer normal doubles.
const LARGEST_Z: f64 = 38.0;

/// Rule for the futility boundary.
#[derive(Debug, Clone, PartialEq)]
pub enum FutilityRule {
    /// No stopping for futility.
    None,
    /// Z bounds at the interim looks, `None` at a look without a test for futility.
    Z(Vec<Option<f64>>),
    /// The Z at which the conditional power is a given probability.
    ConditionalPower {
        /// P(efficacy at a later look), in (0, 1).
        at_most: f64,
        /// The drift it is computed under.
        on: ConditionalOn,
    },
    /// The Z at which the predictive power, with a flat prior, is a given probability.
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
        /// Power 1 − β that the bounds are built for.
        power: f64,
    },
}

/// Drift that conditional power is computed under.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConditionalOn {
    /// The current trend z/√t.
    Trend,
    /// A planned one: the mean of Z at the maximum information.
    Drift(f64),
    /// The one at which the design has this power in (0, 1), its futility heeded.
    Power(f64),
}

impl FutilityRule {
    /// Returns whether the rule is built for a power, whatever the size of the trial.
    pub fn has_power(&self) -> bool {
        match self {
            Self::BetaSpending { .. }
            | Self::ConditionalPower { on: ConditionalOn::Power(_), .. } => true,
            Self::None
            | Self::Z(_)
            | Self::PredictivePower { .. }
            | Self::ConditionalPower {
                on: ConditionalOn::Trend | ConditionalOn::Drift(_), ..
            } => false,
        }
    }

    /// Computes futility bounds at the interim looks, −∞ at one without a test; `None` if no drift
    /// gives the wanted power (β not below 1 − α). `untested` lists looks, from 0, without the
    /// test.
    pub(super) fn bounds(
        &self,
        fractions: &[f64],
        efficacy: &[f64],
        untested: &[usize],
    ) -> Option<Vec<f64>> {
        let interims = fractions.len() - 1;
        // Power is computed as if futility stopped nothing later, so that no bound depends on later
        // ones.
        let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
        let looks = Monitored { information: fractions, lower: &no_lower, efficacy };
        match self {
            Self::None => Some(vec![f64::NEG_INFINITY; interims]),
            Self::Z(bounds) => {
                let bounds = bounds.iter().map(|z| Some(z.unwrap_or(f64::NEG_INFINITY)));
                where_tested(bounds, untested)
            }
            &Self::ConditionalPower { at_most, on: ConditionalOn::Trend } => {
                let bounds = (0..interims).map(|k| match untested.contains(&k) {
                    // Not solved for: a look without a test may have no bound at all.
                    true => None,
                    false => looks.z_for_power_under_trend(k, at_most),
                });
                where_tested(bounds, untested)
            }
            &Self::ConditionalPower { at_most, on: ConditionalOn::Drift(drift) } => {
                where_tested(looks.z_for_power(at_most, Future::Drift(drift)), untested)
            }
            &Self::ConditionalPower { at_most, on: ConditionalOn::Power(power) } => {
                let drift = drift_for_power(&looks, power, at_most, untested)?;
                where_tested(looks.z_for_power(at_most, Future::Drift(drift)), untested)
            }
            &Self::PredictivePower { at_most } => {
                where_tested(looks.z_for_power(at_most, Future::FlatPrior), untested)
            }
            Self::BetaSpending { function, power } => {
                let beta = function.cumulative(1.0 - power, fractions, untested);
                let theta = beta_drift(&beta, fractions, efficacy)?;
                Some(interim_bounds(&beta, fractions, efficacy, theta).0)
            }
        }
    }

    /// Computes a step of a fixed-point search for [`FutilityRule::bounds`], from the bounds `from`
    /// and with the same efficacy bounds; leaves the solution unchanged. `None` as in `bounds`.
    pub(super) fn bounds_from(
        &self,
        from: &[f64],
        fractions: &[f64],
        efficacy: &[f64],
        untested: &[usize],
    ) -> Option<Vec<f64>> {
        // Only this rule solves an equation per look, each time by recursion over the later looks,
        // which a step towards the solution spares. The others find the bounds of all looks in one
        // pass.
        let Self::ConditionalPower { at_most, on: ConditionalOn::Trend } = self else {
            return self.bounds(fractions, efficacy, untested);
        };
        let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
        let looks = Monitored { information: fractions, lower: &no_lower, efficacy };
        let bounds = from.iter().enumerate().map(|(k, &z)| match untested.contains(&k) {
            true => None,
            false => looks.towards_power_under_trend(k, *at_most, z),
        });
        where_tested(bounds, untested)
    }
}

/// Replaces bounds of `untested` looks by −∞; `None` if a tested look has none.
fn where_tested(
    bounds: impl IntoIterator<Item = Option<f64>>,
    untested: &[usize],
) -> Option<Vec<f64>> {
    let looks = bounds.into_iter().enumerate();
    looks.map(|(k, z)| if untested.contains(&k) { Some(f64::NEG_INFINITY) } else { z }).collect()
}

/// Solves for the drift at which the looks have a power, when they stop where the conditional power
/// under that drift is `at_most`; `None` if no drift up to 40 has it.
fn drift_for_power(looks: &Monitored, power: f64, at_most: f64, untested: &[usize]) -> Option<f64> {
    let efficacy = looks.efficacy;
    // A final bound of +∞ or nearly so would start the search outside its range.
    let one_look = efficacy[efficacy.len() - 1].min(10.0) + upper_quantile(1.0 - power);
    near(
        |drift| {
            let bounds = looks.z_for_power(at_most, Future::Drift(drift));
            let Some(mut lower) = where_tested(bounds, untested) else { return f64::NAN };
            lower.push(f64::NEG_INFINITY);
            let crossing = CrossingProbabilities::new(looks.information, drift, &lower, efficacy);
            power - crossing.total_upper()
        },
        one_look.max(0.1),
        0.1,
        DRIFTS,
        DRIFT_PRECISION,
    )
}

/// Solves for the drift at which the β left for the final look makes its futility bound meet its
/// efficacy bound. `cumulative` β is spent by each look.
pub(super) fn beta_drift(cumulative: &[f64], fractions: &[f64], efficacy: &[f64]) -> Option<f64> {
    let last = fractions.len() - 1;
    let one_look = efficacy[last].min(10.0) + upper_quantile(cumulative[last]);
    near(
        // The surplus falls as the drift grows: with a strong effect the final look would have to
        // stop for futility well above its efficacy bound to use up β.
        |theta| {
            let (_, state) = interim_bounds(cumulative, fractions, efficacy, theta);
            state.below(fractions[last], theta, efficacy[last]) - increment(cumulative, last)
        },
        USUAL_COST * one_look.max(0.1),
        0.06,
        DRIFTS,
        DRIFT_PRECISION,
    )
}

/// Computes interim bounds below that spend `cumulative` error at drift `theta`, and the state of
/// the trial before the final look.
pub(super) fn interim_bounds(
    cumulative: &[f64],
    fractions: &[f64],
    efficacy: &[f64],
    theta: f64,
) -> (Vec<f64>, Continuation) {
    let mut state = Continuation::start();
    let mut bounds = Vec::with_capacity(fractions.len() - 1);
    for k in 0..fractions.len() - 1 {
        let (t, upper) = (fractions[k], efficacy[k]);
        let lower = lower_bound(&state, t, theta, increment(cumulative, k), upper);
        bounds.push(lower);
        state = state.advance(t, theta, Region { lower, upper }, finest_increment(fractions, k));
    }
    (bounds, state)
}

/// Efficacy and futility bounds that rely on one another, found under a drift.
pub(super) struct JointBounds {
    pub bounds: PairedBounds,
    /// State of the trial under the drift before the final look.
    state: Continuation,
}

/// Computes efficacy and futility bounds that rely on one another: `alpha` is spent above under no
/// effect, `beta` below under the drift at which the bounds meet at the final look. `None` if there
/// is no such drift.
pub(super) fn binding_spending(
    alpha: &[f64],
    beta: &[f64],
    fractions: &[f64],
) -> Option<JointBounds> {
    let theta = binding_drift(alpha, beta, fractions)?;
    joint_bounds(alpha, beta, fractions, theta)
}

/// Solves for the drift of [`binding_spending`].
pub(super) fn binding_drift(alpha: &[f64], beta: &[f64], fractions: &[f64]) -> Option<f64> {
    let last = fractions.len() - 1;
    let one_look = upper_quantile(alpha[last]) + upper_quantile(beta[last]);
    let theta = near(
        |theta| binding_surplus(alpha, beta, fractions, theta),
        USUAL_COST * one_look.max(0.1),
        0.06,
        DRIFTS,
        DRIFT_PRECISION,
    )?;
    // The surplus jumps to -1 where joint bounds end, and the search may have found the jump.
    (binding_surplus(alpha, beta, fractions, theta).abs() < 1e-9).then_some(theta)
}

/// Returns the probability of ending below the final efficacy bound, less the β left for that look;
/// −1 for drifts so large that futility leaves too few trials to continue.
fn binding_surplus(alpha: &[f64], beta: &[f64], fractions: &[f64], theta: f64) -> f64 {
    let last = fractions.len() - 1;
    match joint_bounds(alpha, beta, fractions, theta) {
        Some(JointBounds { bounds, state }) => {
            state.below(fractions[last], theta, bounds.efficacy[last]) - increment(beta, last)
        }
        None => -1.0,
    }
}

/// Computes efficacy and futility bounds look by look at drift `theta`; `None` if a futility bound
/// would reach the efficacy bound, or too few trials continue.
pub(super) fn joint_bounds(
    alpha: &[f64],
    beta: &[f64],
    fractions: &[f64],
    theta: f64,
) -> Option<JointBounds> {
    // Efficacy spends α under no effect, futility β under the drift, so two states are followed.
    let (mut null, mut planned) = (Continuation::start(), Continuation::start());
    let (mut efficacy, mut futility) = (Vec::new(), Vec::new());
    for (k, &t) in fractions.iter().enumerate() {
        let upper = critical_value(&null, t, increment(alpha, k))?;
        efficacy.push(upper);
        if k + 1 == fractions.len() {
            break;
        }
        let lower = lower_bound(&planned, t, theta, increment(beta, k), upper);
        if lower >= upper.min(LARGEST_Z) {
            return None;
        }
        futility.push(lower);
        let (region, finest) = (Region { lower, upper }, finest_increment(fractions, k));
        null = null.advance(t, 0.0, region, finest);
        planned = planned.advance(t, theta, region, finest);
    }
    Some(JointBounds { bounds: PairedBounds { efficacy, futility }, state: planned })
}

/// Solves for the Z that a trial in `state` falls below with probability `error`, but at most
/// `ceiling`; −∞ if there is nothing to spend.
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
    let ceiling = ceiling.min(LARGEST_Z);
    // This would be the bound if all trials continued; fewer do, so it is not lower.
    let at_least = theta * information.sqrt() - upper_quantile(error);
    near(
        // On the log scale, as for efficacy.
        |z| {
            let below = state.below(information, theta, z).max(f64::MIN_POSITIVE);
            libm::log(error) - libm::log(below)
        },
        at_least.clamp(-LARGEST_Z, ceiling),
        0.05,
        [-LARGEST_Z, ceiling],
        BOUND_PRECISION,
    )
    // Even all trials below the ceiling are fewer than may be spent.
    .unwrap_or(ceiling)
}
