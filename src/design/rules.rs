//! Rules of a design, and the efficacy and futility bounds that follow from them.

use super::efficacy::{self, Below, EfficacyRule, Setting};
use super::futility::{self, FutilityRule};
use super::harm::{HarmRule, TwoSidedSpending};
use crate::num::fixed_point::fixed_point;

/// Rules for all boundaries of a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// One-sided error rate, in (0, 0.5).
    pub alpha_one_sided: f64,
    /// Boundary for efficacy.
    pub efficacy: EfficacyRule,
    /// Boundary for futility; if given as Z, one value per interim look.
    pub futility: FutilityRule,
    /// Whether the efficacy boundary relies on futility being heeded.
    ///
    /// It is then lower, and α is exceeded if futility is not heeded.
    pub binding_futility: bool,
    /// Boundary for harm.
    pub harm: HarmRule,
    /// Looks at which a boundary is left out.
    pub untested: Untested,
}

/// Looks, from 0, at which a boundary is not tested.
///
/// A boundary that spends an error rate spends nothing there, and more at its next tested look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Untested {
    /// Looks without a test for efficacy; the final look always has one.
    pub efficacy: Vec<usize>,
    /// Interim looks without a test for futility.
    pub futility: Vec<usize>,
    /// Looks without a test for harm by an error rate of its own; the final look always has one.
    pub harm: Vec<usize>,
}

/// Reason why rules have no boundaries at given looks.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// The efficacy rule cannot spend the error rate.
    #[error("no efficacy boundary spends this alpha: earlier looks use up more than there is")]
    NoEfficacyBoundary,
    /// β-spending cannot reach the wanted power.
    #[error("no drift gives this power with these efficacy bounds and looks")]
    UnreachablePower,
    /// A futility bound is not below the efficacy bound.
    #[error(
        "the futility bound of look {look} ({futility}) is not below its efficacy bound ({efficacy})"
    )]
    NoRoom {
        /// Number of the look, from 1.
        look: usize,
        /// Z bound for futility.
        futility: f64,
        /// Z bound for efficacy.
        efficacy: f64,
    },
    /// No efficacy boundary goes with binding futility: too few trials are left to a look, or the
    /// search does not converge.
    #[error("no efficacy boundary goes with this binding futility boundary")]
    Unsettled,
    /// A symmetric two-sided test leaves no place for futility.
    #[error("a symmetric two-sided test has no futility boundary")]
    TwoSidedFutility,
}

/// Efficacy bounds with the futility bounds that belong to them.
pub(super) struct PairedBounds {
    /// Z per look.
    pub efficacy: Vec<f64>,
    /// Z per interim look.
    pub futility: Vec<f64>,
}

impl Rules {
    /// Constructs the rules of an efficacy boundary alone, tested at every look.
    pub fn efficacy_only(alpha_one_sided: f64, efficacy: EfficacyRule) -> Self {
        Self {
            alpha_one_sided,
            efficacy,
            futility: FutilityRule::None,
            binding_futility: false,
            harm: HarmRule::None,
            untested: Untested::default(),
        }
    }

    fn is_symmetric(&self) -> bool {
        match self.harm {
            HarmRule::Symmetric { .. } => true,
            HarmRule::None | HarmRule::Spending { .. } => false,
        }
    }

    /// Computes efficacy bounds at every look and futility bounds at the interim looks of
    /// information fractions `t`.
    pub(super) fn bounds(&self, t: &[f64]) -> Result<PairedBounds, DesignError> {
        if self.is_symmetric() && self.futility != FutilityRule::None {
            return Err(DesignError::TwoSidedFutility);
        }
        // With both errors spent by a function, the two boundaries follow look by look from one
        // drift, and need no search among boundaries.
        if self.binding_futility
            && let (Some(alpha), Some(beta)) = (self.alpha_spending(t), self.beta_spending(t))
        {
            let joint = futility::binding_spending(&alpha, &beta, t);
            return joint.map(|joint| joint.bounds).ok_or(DesignError::UnreachablePower);
        }
        let below = if self.is_symmetric() { Below::Mirrored } else { Below::Nowhere };
        let efficacy = self.efficacy_bounds(t, below)?;
        let futility = self.futility_bounds(t, &efficacy)?;
        if !self.binding_futility {
            return Ok(PairedBounds { efficacy, futility });
        }
        self.binding(t, futility)
            .filter(|it| efficacy::last_look_decides(&it.efficacy, &it.futility, t))
            .ok_or(DesignError::Unsettled)
    }

    /// Computes efficacy bounds and the futility bounds they rely on; `without` holds the futility
    /// bounds of the efficacy boundary that does not rely on them.
    fn binding(&self, t: &[f64], without: Vec<f64>) -> Option<PairedBounds> {
        let follows_from_efficacy = match self.futility {
            FutilityRule::None | FutilityRule::Z(_) => false,
            FutilityRule::ConditionalPower { .. }
            | FutilityRule::PredictivePower { .. }
            | FutilityRule::BetaSpending { .. } => true,
        };
        if !follows_from_efficacy {
            let efficacy = self.efficacy_bounds(t, Below::At(&without)).ok()?;
            return Some(PairedBounds { efficacy, futility: without });
        }
        if self.alpha_spending(t).is_none() {
            // A rule with a constant has one unknown, whatever the number of looks.
            let untested = &self.untested.efficacy;
            let setting = Setting { fractions: t, untested, below: Below::Nowhere };
            return self.efficacy.with_binding_futility(
                self.alpha_one_sided,
                setting,
                |efficacy| self.futility_bounds(t, efficacy).ok(),
            );
        }
        let futility = settle(self, t, &without)?;
        let efficacy = self.efficacy_bounds(t, Below::At(&futility)).ok()?;
        Some(PairedBounds { efficacy, futility })
    }

    fn efficacy_bounds(&self, t: &[f64], below: Below) -> Result<Vec<f64>, DesignError> {
        let setting = Setting { fractions: t, untested: &self.untested.efficacy, below };
        let bounds = match self.alpha_spending(t) {
            Some(cumulative) => efficacy::spend(&cumulative, setting),
            None => self.efficacy.critical_values(self.alpha_one_sided, setting),
        };
        bounds.ok_or(DesignError::NoEfficacyBoundary)
    }

    fn futility_bounds(&self, t: &[f64], efficacy: &[f64]) -> Result<Vec<f64>, DesignError> {
        let bounds = self.futility.bounds(t, efficacy, &self.untested.futility);
        bounds.ok_or(DesignError::UnreachablePower)
    }

    /// Returns one-sided α to be spent by each look; `None` if it follows from the bounds.
    fn alpha_spending(&self, t: &[f64]) -> Option<Vec<f64>> {
        let sides = match self.harm {
            HarmRule::Symmetric { spending: TwoSidedSpending::BothSides } => 2.0,
            HarmRule::Symmetric { spending: TwoSidedSpending::PerSide }
            | HarmRule::None
            | HarmRule::Spending { .. } => 1.0,
        };
        let alpha = sides * self.alpha_one_sided;
        let cumulative = self.efficacy.cumulative(alpha, t, &self.untested.efficacy)?;
        Some(cumulative.into_iter().map(|spent| spent / sides).collect())
    }

    /// Returns the type II error to be spent by each look; `None` if futility does not spend it.
    fn beta_spending(&self, t: &[f64]) -> Option<Vec<f64>> {
        let FutilityRule::BetaSpending { function, power } = &self.futility else { return None };
        Some(function.cumulative(1.0 - power, t, &self.untested.futility))
    }

    /// Solves for the drift under which β is spent; `None` if futility does not spend it.
    pub(super) fn beta_drift(&self, t: &[f64]) -> Result<Option<f64>, DesignError> {
        let Some(beta) = self.beta_spending(t) else { return Ok(None) };
        let binding_alpha = self.alpha_spending(t).filter(|_| self.binding_futility);
        let drift = match binding_alpha {
            Some(alpha) => futility::binding_drift(&alpha, &beta, t),
            None => futility::beta_drift(&beta, t, &self.bounds(t)?.efficacy),
        };
        drift.map(Some).ok_or(DesignError::UnreachablePower)
    }

    /// Computes β-spending futility bounds of every look under a drift, each without regard to the
    /// looks after it.
    pub(super) fn futility_under(&self, drift: f64, t: &[f64]) -> Result<Vec<f64>, DesignError> {
        let beta = self.beta_spending(t).ok_or(DesignError::UnreachablePower)?;
        let binding_alpha = self.alpha_spending(t).filter(|_| self.binding_futility);
        let mut bounds = match binding_alpha {
            Some(alpha) => {
                let joint = futility::joint_bounds(&alpha, &beta, t, drift);
                joint.ok_or(DesignError::Unsettled)?.bounds.futility
            }
            None => {
                let efficacy = if self.binding_futility {
                    self.bounds(t)?.efficacy
                } else {
                    // Without the search for futility bounds, which these take no account of.
                    self.efficacy_bounds(t, Below::Nowhere)?
                };
                futility::interim_bounds(&beta, t, &efficacy, drift).0
            }
        };
        bounds.push(f64::NEG_INFINITY);
        Ok(bounds)
    }

    /// Computes the one-sided α that trials spend up to and including each look.
    pub(super) fn alpha_spent(&self, t: &[f64], bounds: &PairedBounds) -> Vec<f64> {
        let mut spent = self.alpha_spending(t).unwrap_or_else(|| {
            let below = if self.is_symmetric() {
                Below::Mirrored
            } else if self.binding_futility {
                Below::At(&bounds.futility)
            } else {
                Below::Nowhere
            };
            efficacy::spent_by(&bounds.efficacy, t, below)
        });
        // The final look spends the rest, to the last bit.
        *spent.last_mut().expect("a design has a look") = self.alpha_one_sided;
        spent
    }

    /// Returns the Z at or below which a look takes trials out when the efficacy boundary is
    /// checked against its α.
    pub(super) fn counted_out_below(&self, futility: f64, efficacy: f64) -> f64 {
        if self.is_symmetric() {
            -efficacy
        } else if self.binding_futility {
            futility
        } else {
            f64::NEG_INFINITY
        }
    }
}

/// Shifts of futility, in Z, from which a search that stops short is led to the solution.
const LOWERED: [f64; 7] = [2.0, 1.0, 0.5, 0.25, 0.1, 0.03, 0.0];

/// Largest distance, in Z, of binding futility from the futility of its own efficacy boundary.
const SETTLED: f64 = 1e-11;

/// Solves for binding futility bounds that are those of the efficacy boundary that relies on them.
///
/// Each follows from the other, so the solution is a fixed point. The search starts at `without`,
/// the bounds that are not relied on, which may stop too many trials to have an efficacy boundary.
fn settle(rules: &Rules, t: &[f64], without: &[f64]) -> Option<Vec<f64>> {
    let start = std::iter::successors(Some(0.0), |by| Some(2.0 * by + 0.25))
        // Lowered by 40, futility stops no trial.
        .take_while(|by| *by < 40.0)
        .map(|by| without.iter().map(|z| z - by).collect::<Vec<f64>>())
        .find(|futility| next_futility(rules, t, futility).is_some())?;
    let tested = (0..start.len()).filter(|&k| start[k].is_finite()).collect();
    let search = FutilitySearch { rules, t, tested, start };
    let found = search.from(search.of_tested(&search.start), 0.0).or_else(|| {
        // Close to where no efficacy boundary exists, the search may stop short. It is led to the
        // solution from futility that stops fewer trials.
        let lowered: Vec<f64> = search.start.iter().map(|z| z - LOWERED[0]).collect();
        LOWERED.iter().try_fold(search.of_tested(&lowered), |from, &shift| search.from(from, shift))
    })?;
    Some(search.all(&found))
}

/// Computes futility bounds of the efficacy boundary that relies on `futility`; `None` if there is
/// none.
fn next_futility(rules: &Rules, t: &[f64], futility: &[f64]) -> Option<Vec<f64>> {
    let efficacy = rules.efficacy_bounds(t, Below::At(futility)).ok()?;
    rules.futility.bounds_from(futility, t, &efficacy, &rules.untested.futility)
}

/// Search for a fixed point of [`next_futility`] among the bounds of tested looks.
struct FutilitySearch<'a> {
    rules: &'a Rules,
    t: &'a [f64],
    /// Bounds of all interim looks at the start.
    start: Vec<f64>,
    /// Looks with a futility bound.
    // The others have a bound of −∞, which is no number to search in.
    tested: Vec<usize>,
}

impl FutilitySearch<'_> {
    /// Finds bounds, of the tested looks, that are `shift` below those that follow from them.
    fn from(&self, start: Vec<f64>, shift: f64) -> Option<Vec<f64>> {
        fixed_point(
            |some| {
                let next = next_futility(self.rules, self.t, &self.all(some))?;
                Some(self.of_tested(&next).iter().map(|z| z - shift).collect())
            },
            start,
            SETTLED,
        )
    }

    fn all(&self, of_tested: &[f64]) -> Vec<f64> {
        let mut bounds = self.start.clone();
        self.tested.iter().zip(of_tested).for_each(|(&k, z)| bounds[k] = *z);
        bounds
    }

    fn of_tested(&self, bounds: &[f64]) -> Vec<f64> {
        self.tested.iter().map(|&k| bounds[k]).collect()
    }
}
