//! Upper (efficacy) boundaries on the Z scale.

use super::recursion::{Continuation, Region, finest_increment};
use super::rules::PairedBounds;
use super::spending::SpendingFunction;
use crate::num::normal::upper_quantile;
use crate::num::root::{brent, near};

/// Relative precision of bounds that are solved for.
pub(super) const BOUND_PRECISION: f64 = 1e-15;

/// Largest share of the trials that reach a look that the look may reject.
// With binding futility a look may have to reject all trials but rounding errors, and then there is
// a bound at one size of the look and none at another.
const MOST_OF_THE_REST: f64 = 1.0 - 1e-6;

/// Least and largest critical value that is searched.
// A bound of -10 rejects every trial; normal tail probabilities beyond 38 are no longer normal
// doubles.
const BOUNDS: [f64; 2] = [-10.0, 38.0];

/// Rule for the efficacy boundary.
#[derive(Debug, Clone, PartialEq)]
pub enum EfficacyRule {
    /// No interim test for efficacy: the whole α at the final look.
    FinalOnly,
    /// Error spending: each look spends what the function allows by its information fraction.
    Spending(SpendingFunction),
    /// Wang & Tsiatis (1987): c·t^(Δ − ½), with c such that the looks together spend α. Δ = 0 are
    /// the classical O'Brien & Fleming (1979) bounds, Δ = ½ those of Pocock (1977).
    WangTsiatis {
        /// Shape, from 0 (hardly any early stops) to ½ (the same bound at every look).
        delta: f64,
    },
    /// Haybittle (1971) and Peto et al. (1976): one high bound at every interim look, and a final
    /// one that spends the rest of α exactly.
    HaybittlePeto {
        /// Z bound of the interim looks, usually 3.
        interim_z: f64,
    },
}

impl EfficacyRule {
    /// Classical O'Brien–Fleming bounds, not those of the spending function of that type.
    pub const OBRIEN_FLEMING: Self = Self::WangTsiatis { delta: 0.0 };
    /// Classical Pocock bounds.
    pub const POCOCK: Self = Self::WangTsiatis { delta: 0.5 };
}

/// Lower bounds at which trials have left by the time efficacy is tested.
///
/// They decide how much of the error rate an efficacy bound spends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Below<'a> {
    /// None: a lower boundary, if any, may be disregarded.
    Nowhere,
    /// Mirror images of the upper bounds: a symmetric two-sided test.
    Mirrored,
    /// Z per look, −∞ for no bound.
    At(&'a [f64]),
}

impl Below<'_> {
    fn region(self, k: usize, upper: f64) -> Region {
        let lower = match self {
            Self::Nowhere => f64::NEG_INFINITY,
            Self::Mirrored => -upper,
            Self::At(bounds) => bounds[k],
        };
        Region { lower, upper }
    }
}

/// Looks that efficacy bounds are found for, with what trials do below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// Information at each look, increasing, the maximum being 1.
    pub fractions: &'a [f64],
    /// Looks (from 0) at which efficacy is not tested; the last always is.
    pub untested: &'a [usize],
    pub below: Below<'a>,
}

impl EfficacyRule {
    /// Returns the one-sided error to be spent by each look; `None` if it follows from the bounds.
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

    /// Computes critical values of Z for the one-sided error rate `alpha`, +∞ at a look without a
    /// test; `None` if no value spends the wanted error.
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

    /// Computes critical values of a rule with a constant, and the futility bounds that `futility`
    /// finds for them, such that trials that leave at these spend `alpha`; `None` if no constant
    /// does.
    pub(super) fn with_binding_futility(
        &self,
        alpha: f64,
        setting: Setting,
        futility: impl Fn(&[f64]) -> Option<Vec<f64>>,
    ) -> Option<PairedBounds> {
        let last = setting.fractions.len() - 1;
        let without = self.constant(alpha, setting)?;
        // Futility takes trials out, so the constant lies below the one without it.
        let c = near(
            // A lower constant spends more, and leaves fewer trials to futility.
            |c| {
                let bounds = self.with_constant(c, setting);
                let Some(lower) = futility(&bounds) else { return f64::NAN };
                spent_by(&bounds, setting.fractions, Below::At(&lower))[last] - alpha
            },
            without,
            0.1,
            [BOUNDS[0], without + 1.0],
            BOUND_PRECISION,
        )?;
        let efficacy = self.with_constant(c, setting);
        let futility = futility(&efficacy)?;
        Some(PairedBounds { efficacy, futility })
    }

    /// Returns the bounds at constant `c`, +∞ at looks without a test; a rule without a constant
    /// gives `c`.
    fn with_constant(&self, c: f64, setting: Setting) -> Vec<f64> {
        let last = setting.fractions.len() - 1;
        let mut bounds = Vec::with_capacity(setting.fractions.len());
        for (k, &t) in setting.fractions.iter().enumerate() {
            bounds.push(match *self {
                // The final look is always tested.
                _ if k < last && setting.untested.contains(&k) => f64::INFINITY,
                Self::WangTsiatis { delta } => c * libm::pow(t, delta - 0.5),
                Self::HaybittlePeto { interim_z } if k < last => interim_z,
                Self::HaybittlePeto { .. } | Self::FinalOnly | Self::Spending(_) => c,
            });
        }
        bounds
    }

    /// Returns the error that all looks together spend at constant `c`, less `alpha`.
    fn excess_at(&self, c: f64, alpha: f64, setting: Setting) -> f64 {
        let spent = spent_by(&self.with_constant(c, setting), setting.fractions, setting.below);
        spent[spent.len() - 1] - alpha
    }

    /// Solves for the constant with which all looks together spend `alpha`.
    fn constant(&self, alpha: f64, setting: Setting) -> Option<f64> {
        // Spending α once is the least constant for the last look, unless trials leave below.
        // Testing K times at α/K (Bonferroni) is more than enough, unless other bounds are lower
        // than the last.
        let least = match setting.below {
            Below::At(_) => BOUNDS[0],
            Below::Nowhere | Below::Mirrored => upper_quantile(alpha) - 1e-6,
        };
        let enough = upper_quantile(alpha / setting.fractions.len() as f64) + 1.0;
        brent(|c| self.excess_at(c, alpha, setting), least, enough)
            .or_else(|| brent(|c| self.excess_at(c, alpha, setting), enough, BOUNDS[1]))
    }
}

/// Computes critical values that spend `cumulative` error by each look; `None` if a look cannot.
pub(super) fn spend(cumulative: &[f64], setting: Setting) -> Option<Vec<f64>> {
    let fractions = setting.fractions;
    // Each bound depends on the trials that earlier bounds let continue.
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let mut bounds = Vec::with_capacity(fractions.len());
    for (k, (&t, &by_now)) in fractions.iter().zip(cumulative).enumerate() {
        let bound = critical_value(&state, t, by_now - spent)?;
        bounds.push(bound);
        spent = by_now;
        if k + 1 < fractions.len() {
            let region = setting.below.region(k, bound);
            state = state.advance(t, 0.0, region, finest_increment(fractions, k));
        }
    }
    Some(bounds)
}

/// Solves for the Z that a trial in `state` exceeds with probability `alpha` at the given
/// information; +∞ if nothing is left to spend, `None` if hardly more trials than that continue.
pub(super) fn critical_value(state: &Continuation, information: f64, alpha: f64) -> Option<f64> {
    if alpha > MOST_OF_THE_REST * state.masses().map(|(_, mass)| mass).sum::<f64>() {
        return None;
    }
    critical_value_of_rest(state, information, alpha)
}

/// Solves for a [`critical_value`] without checking that one exists.
///
/// The caller knows that a planned look spends as much on the same trials at other information.
pub(super) fn critical_value_of_rest(
    state: &Continuation,
    information: f64,
    alpha: f64,
) -> Option<f64> {
    if alpha < f64::MIN_POSITIVE {
        return Some(f64::INFINITY);
    }
    near(
        // On the log scale, tails of 1e-15 and of 0.02 are found with the same relative precision.
        |z| libm::log(state.above(information, 0.0, z).max(f64::MIN_POSITIVE)) - libm::log(alpha),
        // This would be the bound if all trials continued; fewer do, so it is not higher.
        upper_quantile(alpha),
        0.05,
        BOUNDS,
        BOUND_PRECISION,
    )
}

/// Returns whether the final look may decide either way: under no effect it rejects at most
/// [`MOST_OF_THE_REST`] of the trials that reach it after leaving at `lower` before.
pub(super) fn last_look_decides(bounds: &[f64], lower: &[f64], fractions: &[f64]) -> bool {
    let last = fractions.len() - 1;
    let state = (0..last).fold(Continuation::start(), |state, k| {
        let region = Region { lower: lower[k], upper: bounds[k] };
        state.advance(fractions[k], 0.0, region, finest_increment(fractions, k))
    });
    let continuing: f64 = state.masses().map(|(_, mass)| mass).sum();
    state.above(fractions[last], 0.0, bounds[last]) <= MOST_OF_THE_REST * continuing
}

/// Computes the one-sided error spent up to and including each look.
pub(super) fn spent_by(bounds: &[f64], fractions: &[f64], below: Below) -> Vec<f64> {
    let mut state = Continuation::start();
    let mut spent = 0.0;
    let mut by_look = Vec::with_capacity(fractions.len());
    for (k, (&t, &bound)) in fractions.iter().zip(bounds).enumerate() {
        spent += state.above(t, 0.0, bound);
        by_look.push(spent);
        if k + 1 < fractions.len() {
            state = state.advance(t, 0.0, below.region(k, bound), finest_increment(fractions, k));
        }
    }
    by_look
}
