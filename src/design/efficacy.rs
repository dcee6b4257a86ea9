//! Upper (efficacy) boundaries on the Z scale.

use super::recursion::{Continuation, finest_increment};
use super::spending::SpendingFunction;
use crate::num::normal::upper_quantile;
use crate::num::root::{brent, near};

/// Relative precision of bounds that are solved for.
pub(super) const BOUND_PRECISION: f64 = 1e-15;

/// The most that a look may spend, as a share of the trials that go on to it: with binding futility it
/// may be all of them but rounding errors, and there is a bound for one size of the look and none
/// for another.
const MOST_OF_THE_REST: f64 = 1.0 - 1e-6;

/// How the efficacy boundary is found.
#[derive(Debug, Clone, PartialEq)]
pub enum EfficacyRule {
    /// No interim test for efficacy: the whole α at the final look.
    FinalOnly,
    /// Each look spends what the function allows by its information fraction.
    Spending(SpendingFunction),
    /// Wang & Tsiatis (1987): c·t^(Δ − ½), with c such that the looks together spend α. Δ = 0 are
    /// the classical O'Brien & Fleming (1979) bounds, Δ = ½ those of Pocock (1977).
    WangTsiatis {
        /// Shape, from 0 (hardly any early stops) to ½ (the same bound at every look).
        delta: f64,
    },
    /// Haybittle (1971) and Peto et al. (1976): the same high bound at every interim look, and a
    /// last one that spends the rest of α exactly.
    HaybittlePeto {
        /// The bound of the interim looks, usually 3.
        interim_z: f64,
    },
}

impl EfficacyRule {
    /// Classical O'Brien–Fleming bounds, not those of the spending function of that type.
    pub const OBRIEN_FLEMING: Self = Self::WangTsiatis { delta: 0.0 };
    /// Classical Pocock bounds.
    pub const POCOCK: Self = Self::WangTsiatis { delta: 0.5 };
}

/// Where trials have left below by the time efficacy is tested; it decides how much of the error
/// rate a bound spends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Below<'a> {
    /// Nowhere: a lower boundary, if any, may be disregarded.
    Nowhere,
    /// At the mirror image of the upper bounds: a symmetric two-sided test.
    Mirrored,
    /// At these Z, −∞ where they cannot leave.
    At(&'a [f64]),
}

impl Below<'_> {
    fn bound(self, k: usize, upper: f64) -> f64 {
        match self {
            Self::Nowhere => f64::NEG_INFINITY,
            Self::Mirrored => -upper,
            Self::At(bounds) => bounds[k],
        }
    }
}

/// What sets efficacy bounds beside the rule and the error rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// Information at each look, increasing, the maximum being 1.
    pub fractions: &'a [f64],
    /// Looks (from 0) at which efficacy is not tested; the last always is.
    pub untested: &'a [usize],
    pub below: Below<'a>,
}

impl EfficacyRule {
    /// One-sided error to be spent by each look; `None` where it follows from the bounds.
    pub(super) fn cumulative(
        &self,
        alpha: f64,
        fractions: &[f64],
        untested: &[usize],
    ) -> Option<Vec<f64>> {
        match self {
            Self::FinalOnly => Some([vec![0.0; fractions.len() - 1], vec![alpha]].concat()),
            Self::Spending(function) => Some(function.cumulative(alpha, fractions, untested)),
            Self::WangTsiatis { .. } | Self::HaybittlePeto { .. } => None,
        }
    }

    /// Critical values of Z for the one-sided error rate `alpha`; +∞ at a look that cannot stop.
    /// `None` where no value spends what is wanted.
    pub(super) fn critical_values(&self, alpha: f64, setting: Setting) -> Option<Vec<f64>> {
        match *self {
            Self::FinalOnly | Self::Spending(_) => {
                spend(&self.cumulative(alpha, setting.fractions, setting.untested)?, setting)
            }
            Self::WangTsiatis { .. } | Self::HaybittlePeto { .. } => {
                let c = self.constant(alpha, setting)?;
                Some(self.with_constant(c, setting))
            }
        }
    }

    /// Critical values that spend `alpha` where trials leave below at the bounds that `futility` finds
    /// for them, of a rule that has a constant; with these bounds. `None` where no constant does.
    pub(super) fn with_binding_futility(
        &self,
        alpha: f64,
        setting: Setting,
        futility: impl Fn(&[f64]) -> Option<Vec<f64>>,
    ) -> Option<(Vec<f64>, Vec<f64>)> {
        let last = setting.fractions.len() - 1;
        // A lower constant spends more, and leaves fewer trials to futility.
        let excess = |c: f64| {
            let bounds = self.with_constant(c, setting);
            let Some(lower) = futility(&bounds) else { return f64::NAN };
            spent_by(&bounds, setting.fractions, Below::At(&lower))[last] - alpha
        };
        let without = self.constant(alpha, setting)?;
        let c = near(excess, without, 0.1, [-10.0, without + 1.0], BOUND_PRECISION)?;
        let bounds = self.with_constant(c, setting);
        let lower = futility(&bounds)?;
        Some((bounds, lower))
    }

    /// The bounds of the constant c, +∞ where efficacy is not tested; a rule that spends by look has
    /// none and gives c.
    fn with_constant(&self, c: f64, setting: Setting) -> Vec<f64> {
        let last = setting.fractions.len() - 1;
        let bound = |(k, &t): (usize, &f64)| match *self {
            _ if k < last && setting.untested.contains(&k) => f64::INFINITY,
            Self::WangTsiatis { delta } => c * libm::pow(t, delta - 0.5),
            Self::HaybittlePeto { interim_z } if k < last => interim_z,
            Self::HaybittlePeto { .. } | Self::FinalOnly | Self::Spending(_) => c,
        };
        setting.fractions.iter().enumerate().map(bound).collect()
    }

    /// The constant with which all looks together spend `alpha`.
    fn constant(&self, alpha: f64, setting: Setting) -> Option<f64> {
        let Setting { fractions, below, .. } = setting;
        let last = fractions.len() - 1;
        let excess =
            |c: f64| spent_by(&self.with_constant(c, setting), fractions, below)[last] - alpha;
        // Spending α once is the least constant for the last look, unless trials leave below. Testing K
        // times at α/K (Bonferroni) is more than enough, unless other bounds are lower than the last.
        let least = match below {
            Below::At(_) => -10.0,
            Below::Nowhere | Below::Mirrored => upper_quantile(alpha) - 1e-6,
        };
        let enough = upper_quantile(alpha / fractions.len() as f64) + 1.0;
        brent(excess, least, enough).or_else(|| brent(excess, enough, 38.0))
    }
}

/// Critical values that spend `cumulative` error by each look.
pub(super) fn spend(cumulative: &[f64], setting: Setting) -> Option<Vec<f64>> {
    let fractions = setting.fractions;
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let mut bounds = Vec::with_capacity(fractions.len());
    for (k, (&t, &by_now)) in fractions.iter().zip(cumulative).enumerate() {
        let bound = critical_value(&state, t, by_now - spent)?;
        bounds.push(bound);
        spent = by_now;
        if k + 1 < fractions.len() {
            let region = (setting.below.bound(k, bound), bound);
            state = state.advance(t, 0.0, region, finest_increment(fractions, k));
        }
    }
    Some(bounds)
}

/// The Z that a trial in `state` exceeds with probability `alpha` at the given information; +∞
/// when there is nothing left to spend, `None` when the trial goes on with hardly that probability.
///
/// Solved on the log scale: tails of 1e-15 and of 0.02 are found with the same relative precision.
pub(super) fn critical_value(state: &Continuation, information: f64, alpha: f64) -> Option<f64> {
    if alpha > MOST_OF_THE_REST * state.masses().map(|(_, mass)| mass).sum::<f64>() {
        return None;
    }
    critical_value_of_rest(state, information, alpha)
}

/// As [`critical_value`], where a planned look spends as much of the same trials at other information, so
/// that there is a value here too.
pub(super) fn critical_value_of_rest(
    state: &Continuation,
    information: f64,
    alpha: f64,
) -> Option<f64> {
    if alpha < f64::MIN_POSITIVE {
        return Some(f64::INFINITY);
    }
    let excess = |z: f64| {
        libm::log(state.above(information, 0.0, z).max(f64::MIN_POSITIVE)) - libm::log(alpha)
    };
    // Were all trials still going on, it would be this; it is not higher.
    near(excess, upper_quantile(alpha), 0.05, [-10.0, 38.0], BOUND_PRECISION)
}

/// Whether the last look may decide either way: it rejects less than [`MOST_OF_THE_REST`] of the trials
/// that go on to it under no effect, which leave below at `lower` before.
pub(super) fn last_look_decides(bounds: &[f64], lower: &[f64], fractions: &[f64]) -> bool {
    let last = fractions.len() - 1;
    let state = (0..last).fold(Continuation::start(), |state, k| {
        state.advance(fractions[k], 0.0, (lower[k], bounds[k]), finest_increment(fractions, k))
    });
    let going_on: f64 = state.masses().map(|(_, mass)| mass).sum();
    state.above(fractions[last], 0.0, bounds[last]) <= MOST_OF_THE_REST * going_on
}

/// One-sided error spent up to and including each look.
pub(super) fn spent_by(bounds: &[f64], fractions: &[f64], below: Below) -> Vec<f64> {
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let looks = fractions.iter().zip(bounds).enumerate();
    looks
        .map(|(k, (&t, &bound))| {
            spent += state.above(t, 0.0, bound);
            if k + 1 < fractions.len() {
                let region = (below.bound(k, bound), bound);
                state = state.advance(t, 0.0, region, finest_increment(fractions, k));
            }
            spent
        })
        .collect()
}
