//! Upper (efficacy) boundaries on the Z scale.

use super::recursion::{Continuation, CrossingProbabilities, finest_increment};
use super::spending::SpendingFunction;
use crate::num::normal::upper_quantile;
use crate::num::root::brent;

/// How the efficacy boundary is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EfficacyRule {
    /// No interim test for efficacy: the whole α at the final look.
    FinalOnly,
    /// Each look spends what the function allows by its information fraction.
    Spending(SpendingFunction),
    /// Classical O'Brien & Fleming (1979): c / √t, with c such that the looks together spend α.
    ObrienFleming,
    /// Classical Pocock (1977): the same c at every look.
    Pocock,
}

impl EfficacyRule {
    /// Critical values of Z at increasing information `fractions` that end at 1, for the one-sided
    /// error rate `alpha`; +∞ at a look that cannot stop.
    ///
    /// No futility boundary enters, so the error rate holds whether or not futility is heeded.
    pub fn critical_values(self, alpha: f64, fractions: &[f64]) -> Vec<f64> {
        match self {
            Self::FinalOnly => {
                let interims = fractions.iter().take(fractions.len() - 1);
                interims.map(|_| f64::INFINITY).chain([upper_quantile(alpha)]).collect()
            }
            Self::Spending(function) => spend(function, alpha, fractions),
            Self::ObrienFleming => constant(alpha, fractions, |t| 1.0 / libm::sqrt(t)),
            Self::Pocock => constant(alpha, fractions, |_| 1.0),
        }
    }
}

impl EfficacyRule {
    /// One-sided α spent up to and including each look, given the critical values there.
    pub(super) fn alpha_spent(self, alpha: f64, fractions: &[f64], bounds: &[f64]) -> Vec<f64> {
        let mut spent: Vec<f64> = match self {
            Self::FinalOnly => vec![0.0; fractions.len()],
            Self::Spending(function) => {
                fractions.iter().map(|&t| function.spent(alpha, t)).collect()
            }
            Self::ObrienFleming | Self::Pocock => {
                let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
                let crossing = CrossingProbabilities::new(fractions, 0.0, &no_lower, bounds);
                let mut so_far = 0.0;
                let cumulative = crossing.upper.iter().map(|p| {
                    so_far += p;
                    so_far
                });
                cumulative.collect()
            }
        };
        // The final look spends the rest, to the last bit.
        *spent.last_mut().expect("a design has a look") = alpha;
        spent
    }
}

fn spend(function: SpendingFunction, alpha: f64, fractions: &[f64]) -> Vec<f64> {
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let mut bounds = Vec::with_capacity(fractions.len());
    for (k, &t) in fractions.iter().enumerate() {
        let by_now = function.spent(alpha, t);
        let bound = critical_value(&state, t, by_now - spent);
        bounds.push(bound);
        spent = by_now;
        if k + 1 < fractions.len() {
            let finest = finest_increment(fractions, k);
            state = state.advance(t, 0.0, (f64::NEG_INFINITY, bound), finest);
        }
    }
    bounds
}

/// The Z that a trial in `state` exceeds with probability `alpha` at the given information; +∞
/// when there is nothing left to spend.
///
/// Solved on the log scale: tails of 1e-15 and of 0.02 are found with the same relative precision.
pub(super) fn critical_value(state: &Continuation, information: f64, alpha: f64) -> f64 {
    if alpha < f64::MIN_POSITIVE {
        return f64::INFINITY;
    }
    let excess = |z: f64| {
        libm::log(state.above(information, 0.0, z).max(f64::MIN_POSITIVE)) - libm::log(alpha)
    };
    brent(excess, -10.0, 38.0).unwrap_or(f64::INFINITY)
}

/// Bounds c·shape(t) that together spend `alpha`.
fn constant(alpha: f64, fractions: &[f64], shape: fn(f64) -> f64) -> Vec<f64> {
    let bounds_at = |c: f64| fractions.iter().map(|&t| c * shape(t)).collect::<Vec<_>>();
    let no_lower = vec![f64::NEG_INFINITY; fractions.len()];
    let excess = |c: f64| {
        CrossingProbabilities::new(fractions, 0.0, &no_lower, &bounds_at(c)).total_upper() - alpha
    };
    // Spending α once is the least possible constant for the last look, testing K times at α/K
    // (Bonferroni) is more than enough for a bound that never rises.
    let least = upper_quantile(alpha);
    let most = upper_quantile(alpha / fractions.len() as f64) + 1.0;
    bounds_at(brent(excess, least - 1e-6, most).expect("α lies between one test and Bonferroni"))
}
