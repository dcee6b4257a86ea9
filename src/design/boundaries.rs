//! Boundaries on information fractions, and what they imply: probabilities of stopping, the drift
//! that reaches a power, the price in information.

use super::Decision;
use super::efficacy::{self, Below, EfficacyRule, Setting};
use super::futility::{self, FutilityRule, binding_spending};
use super::harm::{HarmRule, TwoSidedSpending};
use super::inference::Monitored;
use super::recursion::{CrossingProbabilities, below};
use crate::num::fixed_point::fixed_point;
use crate::num::normal::upper_quantile;
use crate::num::root::brent;

/// How boundaries are found.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// One-sided error rate, in (0, 0.5).
    pub alpha_one_sided: f64,
    /// Boundary for efficacy.
    pub efficacy: EfficacyRule,
    /// Boundary for futility; if given as Z, one value per interim look.
    pub futility: FutilityRule,
    /// Whether the efficacy boundary relies on futility being heeded: it is then lower, and α is
    /// lost if it is not.
    pub binding_futility: bool,
    /// Boundary for harm.
    pub harm: HarmRule,
    /// Looks at which a boundary is left out.
    pub untested: Untested,
}

/// Looks, from 0, at which a boundary is not tested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Untested {
    /// Without a test for efficacy; what they would spend goes to the next look that has one.
    pub efficacy: Vec<usize>,
    /// Without a test for futility; likewise.
    pub futility: Vec<usize>,
    /// Without a test for harm, if it spends an error rate of its own; likewise.
    pub harm: Vec<usize>,
}

impl Rules {
    /// An efficacy boundary alone, tested at every look.
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
}

/// Why there are no boundaries.
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
        /// From 1.
        look: usize,
        /// Z bound for futility.
        futility: f64,
        /// Z bound for efficacy.
        efficacy: f64,
    },
    /// No efficacy boundary goes with binding futility: too few trials are left to a look, or the search
    /// comes to none.
    #[error("no efficacy boundary goes with this binding futility boundary")]
    Unsettled,
    /// A symmetric two-sided test leaves no place for futility.
    #[error("a symmetric two-sided test has no futility boundary")]
    TwoSidedFutility,
}

/// Z bounds per look.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundaries {
    /// Information at each look, increasing to the maximum of 1.
    pub information_fractions: Vec<f64>,
    /// Efficacy is shown by a Z at or above this; +∞ where it is not tested.
    pub efficacy: Vec<f64>,
    /// Futile at or below this; −∞ where it is not tested, and at the last look.
    pub futility: Vec<f64>,
    /// Harm is shown at or below this; −∞ where it is not tested.
    pub harm: Vec<f64>,
    /// One-sided α spent up to and including each look.
    pub alpha_spent: Vec<f64>,
    /// The harm bounds where futility does not keep them down: what harm's own error is counted by.
    pub(super) harm_spending: Vec<f64>,
}

/// Probabilities of stopping at each look; the rest runs to the end and shows nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppingProbabilities {
    /// For efficacy; at the last look, of showing it.
    pub efficacy: Vec<f64>,
    /// For futility, without harm; 0 at the last look.
    pub futility: Vec<f64>,
    /// For harm; at the last look, of showing it.
    pub harm: Vec<f64>,
}

impl StoppingProbabilities {
    /// P(efficacy at any look).
    pub fn rejection(&self) -> f64 {
        self.efficacy.iter().sum()
    }

    /// P(the trial ends at each look).
    pub fn ending(&self) -> Vec<f64> {
        let last = self.efficacy.len() - 1;
        let stop = |k: usize| self.efficacy[k] + self.futility[k] + self.harm[k];
        let before: Vec<f64> = (0..last).map(stop).collect();
        let rest = 1.0 - before.iter().sum::<f64>();
        [before, vec![rest]].concat()
    }

    /// The mean, when the trial ends, of something that has a value at each look.
    pub fn expected(&self, at_looks: &[f64]) -> f64 {
        self.ending().iter().zip(at_looks).map(|(p, value)| p * value).sum()
    }
}

impl Boundaries {
    /// Finds the boundaries at `information_fractions`, increasing, to 1 unless the last look comes
    /// with other than the planned information.
    ///
    /// # Errors
    /// When the rules have no solution there.
    pub fn new(rules: &Rules, information_fractions: &[f64]) -> Result<Self, DesignError> {
        let (efficacy, futility) = rules.efficacy_and_futility(information_fractions)?;
        if let Some(k) = futility.iter().zip(&efficacy).position(|(low, high)| low >= high) {
            let (futility, efficacy) = (futility[k], efficacy[k]);
            return Err(DesignError::NoRoom { look: k + 1, futility, efficacy });
        }
        let untested = &rules.untested.harm;
        let harm_spending = rules.harm.bounds(information_fractions, &efficacy, untested);
        let harm = capped(&harm_spending, &futility);
        let alpha_spent = rules.alpha_spent(information_fractions, &efficacy, &futility);
        let futility = [futility, vec![f64::NEG_INFINITY]].concat();
        let information_fractions = information_fractions.to_vec();
        Ok(Self { information_fractions, efficacy, futility, harm, alpha_spent, harm_spending })
    }

    /// The looks with trials leaving below at `lower`, one Z per look.
    pub fn with_lower<'b>(&'b self, lower: &'b [f64]) -> Monitored<'b> {
        Monitored::new(&self.information_fractions, lower, &self.efficacy)
    }

    /// What look `k` (from 0) says when Z is `z`.
    pub fn decide(&self, k: usize, z: f64) -> Decision {
        if z >= self.efficacy[k] {
            Decision::Efficacy
        } else if z <= self.harm[k] {
            Decision::Harm
        } else if z <= self.futility[k] {
            Decision::Futility
        } else {
            Decision::Continue
        }
    }

    /// Trials stop below at these Z.
    pub fn lower(&self) -> Vec<f64> {
        self.futility.iter().zip(&self.harm).map(|(futility, harm)| futility.max(*harm)).collect()
    }

    /// Probabilities of stopping where the mean of Z at the maximum information is `drift`.
    pub fn stopping(&self, drift: f64) -> StoppingProbabilities {
        stopping(&self.information_fractions, drift, &self.efficacy, &self.lower(), &self.harm)
    }

    /// The drift at which P(efficacy) is `power`, with futility and harm heeded; `None` if there
    /// is none up to 40.
    pub fn drift_for_power(&self, power: f64) -> Option<f64> {
        brent(|drift| self.stopping(drift).rejection() - power, -10.0, 40.0)
    }

    /// Maximum information over that of the test with one look and the same error rate and power.
    pub fn inflation_factor(&self, alpha_one_sided: f64, power: f64) -> Option<f64> {
        let fixed = upper_quantile(alpha_one_sided) + upper_quantile(1.0 - power);
        let ratio = self.drift_for_power(power)? / fixed;
        Some(ratio * ratio)
    }

    /// Mean information when the trial ends, over the maximum.
    pub fn expected_information(&self, drift: f64) -> f64 {
        self.stopping(drift).expected(&self.information_fractions)
    }
}

/// Harm bounds that are nowhere above a futility bound.
fn capped(harm: &[f64], futility: &[f64]) -> Vec<f64> {
    let bounds = harm.iter().enumerate();
    bounds
        .map(|(k, &harm)| match futility.get(k) {
            Some(&futility) if futility > f64::NEG_INFINITY => harm.min(futility),
            _ => harm,
        })
        .collect()
}

/// The same of any bounds: trials leave below at `lower`, of these for harm at `harm`, which is
/// nowhere above it.
pub(super) fn stopping(
    information: &[f64],
    drift: f64,
    efficacy: &[f64],
    lower: &[f64],
    harm: &[f64],
) -> StoppingProbabilities {
    let all = CrossingProbabilities::new(information, drift, lower, efficacy);
    let harm = match harm.iter().all(|z| *z == f64::NEG_INFINITY) {
        true => vec![0.0; harm.len()],
        false => below(information, drift, (lower, efficacy), harm),
    };
    let futility = all.lower.iter().zip(&harm).map(|(lower, harm)| lower - harm).collect();
    StoppingProbabilities { efficacy: all.upper, futility, harm }
}

/// How much below the futility that belongs to its efficacy boundary binding futility is on the way to
/// it, where it is not found at once.
const LOWERED: [f64; 7] = [2.0, 1.0, 0.5, 0.25, 0.1, 0.03, 0.0];

/// How far binding futility may be, in Z, from the futility that belongs to its efficacy boundary.
const SETTLED: f64 = 1e-11;

impl Rules {
    /// Efficacy bounds at every look and futility bounds at the interim looks.
    fn efficacy_and_futility(&self, t: &[f64]) -> Result<(Vec<f64>, Vec<f64>), DesignError> {
        let two_sided = matches!(self.harm, HarmRule::Symmetric { .. });
        if two_sided && self.futility != FutilityRule::None {
            return Err(DesignError::TwoSidedFutility);
        }
        if self.binding_futility
            && let (Some(alpha), Some(beta)) = (self.spending(t), self.beta_spending(t))
        {
            return binding_spending(&alpha, &beta, t).ok_or(DesignError::UnreachablePower);
        }
        let leaving = if two_sided { Below::Mirrored } else { Below::Nowhere };
        let efficacy = self.efficacy_bounds(t, leaving)?;
        let futility = self.futility_bounds(t, &efficacy)?;
        if !self.binding_futility {
            return Ok((efficacy, futility));
        }
        self.binding(t, futility)
    }

    /// Efficacy bounds and the futility bounds they rely on, where one follows from the other;
    /// `without` are the futility bounds of the efficacy boundary that does not rely on them.
    fn binding(&self, t: &[f64], without: Vec<f64>) -> Result<(Vec<f64>, Vec<f64>), DesignError> {
        let efficacy_at = |futility: &[f64]| self.efficacy_bounds(t, Below::At(futility)).ok();
        let futility_of = |efficacy: &[f64]| self.futility_bounds(t, efficacy).ok();
        let found = match (&self.futility, self.spending(t)) {
            (FutilityRule::None | FutilityRule::Z(_), _) => {
                efficacy_at(&without).map(|efficacy| (efficacy, without))
            }
            (_, None) => {
                let untested = &self.untested.efficacy;
                let setting = Setting { fractions: t, untested, below: Below::Nowhere };
                self.efficacy.with_binding_futility(self.alpha_one_sided, setting, futility_of)
            }
            (_, Some(_)) => {
                let untested = &self.untested.futility;
                let next = |futility: &[f64]| {
                    let efficacy = efficacy_at(futility)?;
                    self.futility.bounds_from(futility, t, &efficacy, untested)
                };
                settle(next, without).and_then(|futility| Some((efficacy_at(&futility)?, futility)))
            }
        };
        found
            .filter(|(efficacy, futility)| efficacy::last_look_decides(efficacy, futility, t))
            .ok_or(DesignError::Unsettled)
    }

    fn efficacy_bounds(&self, t: &[f64], below: Below) -> Result<Vec<f64>, DesignError> {
        let setting = Setting { fractions: t, untested: &self.untested.efficacy, below };
        let bounds = match self.spending(t) {
            Some(cumulative) => efficacy::spend(&cumulative, setting),
            None => self.efficacy.critical_values(self.alpha_one_sided, setting),
        };
        bounds.ok_or(DesignError::NoEfficacyBoundary)
    }

    fn futility_bounds(&self, t: &[f64], efficacy: &[f64]) -> Result<Vec<f64>, DesignError> {
        let bounds = self.futility.bounds(t, efficacy, &self.untested.futility);
        bounds.ok_or(DesignError::UnreachablePower)
    }

    /// One-sided α to be spent by each look, where the rule says so before there are bounds.
    fn spending(&self, t: &[f64]) -> Option<Vec<f64>> {
        let sides = match self.harm {
            HarmRule::Symmetric { spending: TwoSidedSpending::BothSides } => 2.0,
            _ => 1.0,
        };
        let alpha = sides * self.alpha_one_sided;
        let cumulative = self.efficacy.cumulative(alpha, t, &self.untested.efficacy)?;
        Some(cumulative.into_iter().map(|spent| spent / sides).collect())
    }

    /// The drift under which β is spent; `None` where futility does not spend it.
    pub(super) fn beta_drift(&self, t: &[f64]) -> Result<Option<f64>, DesignError> {
        let Some(beta) = self.beta_spending(t) else { return Ok(None) };
        let drift = match (self.binding_futility, self.spending(t)) {
            (true, Some(alpha)) => futility::binding_drift(&alpha, &beta, t),
            _ => {
                let (efficacy, _) = self.efficacy_and_futility(t)?;
                futility::drift(&beta, t, &efficacy)
            }
        };
        drift.map(Some).ok_or(DesignError::UnreachablePower)
    }

    /// β-spending futility bounds of every look under a drift, each found without regard to the
    /// looks after it.
    pub(super) fn futility_under(&self, drift: f64, t: &[f64]) -> Result<Vec<f64>, DesignError> {
        let beta = self.beta_spending(t).ok_or(DesignError::UnreachablePower)?;
        let mut bounds = match (self.binding_futility, self.spending(t)) {
            (true, Some(alpha)) => {
                let joint = futility::joint_bounds(&alpha, &beta, t, drift);
                joint.ok_or(DesignError::Unsettled)?.1
            }
            _ => {
                let (efficacy, _) = self.efficacy_and_futility(t)?;
                futility::interim_bounds(&beta, t, &efficacy, drift).0
            }
        };
        bounds.push(f64::NEG_INFINITY);
        Ok(bounds)
    }

    /// Type II error to be spent by each look, where futility spends it.
    fn beta_spending(&self, t: &[f64]) -> Option<Vec<f64>> {
        let FutilityRule::BetaSpending { function, power } = &self.futility else { return None };
        Some(function.cumulative(1.0 - power, t, &self.untested.futility))
    }

    /// One-sided α that trials spend up to and including each look.
    fn alpha_spent(&self, t: &[f64], efficacy: &[f64], futility: &[f64]) -> Vec<f64> {
        let mut spent = match (self.spending(t), &self.harm) {
            (Some(cumulative), _) => cumulative,
            (None, HarmRule::Symmetric { .. }) => efficacy::spent_by(efficacy, t, Below::Mirrored),
            (None, _) if self.binding_futility => {
                efficacy::spent_by(efficacy, t, Below::At(futility))
            }
            (None, _) => efficacy::spent_by(efficacy, t, Below::Nowhere),
        };
        // The final look spends the rest, to the last bit.
        *spent.last_mut().expect("a design has a look") = self.alpha_one_sided;
        spent
    }

    /// Where trials are counted out below when the efficacy boundary is held to its α.
    pub(super) fn counted_out_below(&self, futility: f64, efficacy: f64) -> f64 {
        match self.harm {
            HarmRule::Symmetric { .. } => -efficacy,
            _ if self.binding_futility => futility,
            _ => f64::NEG_INFINITY,
        }
    }
}

/// The futility bounds that `next` gives back, from bounds that may stop too many trials to have an
/// efficacy boundary; `next` is `None` for those.
fn settle(next: impl Fn(&[f64]) -> Option<Vec<f64>>, without: Vec<f64>) -> Option<Vec<f64>> {
    // Lowered so far, futility stops nobody.
    let lowered = |by: f64| without.iter().map(|z| z - by).collect::<Vec<f64>>();
    let start = std::iter::successors(Some(0.0), |by| Some(2.0 * by + 0.25))
        .take_while(|by| *by < 40.0)
        .map(lowered)
        .find(|futility| next(futility).is_some())?;
    // A look without futility has a bound of −∞, which is no number to search in.
    let tested: Vec<usize> = (0..start.len()).filter(|&k| start[k].is_finite()).collect();
    let all = |some: &[f64]| {
        let mut bounds = start.clone();
        tested.iter().zip(some).for_each(|(&k, z)| bounds[k] = *z);
        bounds
    };
    let of_tested = |bounds: &[f64]| tested.iter().map(|&k| bounds[k]).collect::<Vec<f64>>();
    let lower_by = |shift: f64| {
        let next = &next;
        let (all, of_tested) = (&all, &of_tested);
        move |some: &[f64]| {
            let bounds = of_tested(&next(&all(some))?);
            Some(bounds.iter().map(|z| z - shift).collect())
        }
    };
    let found = fixed_point(lower_by(0.0), of_tested(&start), SETTLED).or_else(|| {
        // Close to where there is no efficacy boundary the search may stop short. It is led there from
        // futility that stops fewer.
        let far = start.iter().map(|z| z - LOWERED[0]).collect::<Vec<f64>>();
        let lead = |from: Vec<f64>, &shift: &f64| fixed_point(lower_by(shift), from, SETTLED);
        LOWERED.iter().try_fold(of_tested(&far), lead)
    })?;
    Some(all(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::SpendingFunction;
    use crate::num::normal::upper_quantile;
    use proptest::prelude::*;

    fn spending() -> impl Strategy<Value = SpendingFunction> {
        prop_oneof![
            Just(SpendingFunction::LanDeMetsObrienFleming),
            Just(SpendingFunction::LanDeMetsPocock),
            (-6.0..2.0).prop_map(|gamma| SpendingFunction::HwangShihDeCani { gamma }),
            (0.5..4.0).prop_map(|rho| SpendingFunction::KimDeMets { rho }),
        ]
    }

    fn efficacy() -> impl Strategy<Value = EfficacyRule> {
        prop_oneof![
            spending().prop_map(EfficacyRule::Spending),
            (0.0..0.5).prop_map(|delta| EfficacyRule::WangTsiatis { delta }),
            (2.9..4.0).prop_map(|interim_z| EfficacyRule::HaybittlePeto { interim_z }),
            Just(EfficacyRule::FinalOnly),
        ]
    }

    /// Two to six looks anywhere.
    fn fractions() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.05..1.0f64, 2..=6).prop_map(|steps| {
            let total: f64 = steps.iter().sum();
            let mut so_far = 0.0;
            let mut cumulative: Vec<f64> = steps
                .iter()
                .map(|step| {
                    so_far += step / total;
                    so_far
                })
                .collect();
            *cumulative.last_mut().expect("two at least") = 1.0;
            cumulative
        })
    }

    fn total(probabilities: &[f64]) -> f64 {
        probabilities.iter().sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Whatever the rule and the information, rejection under the null is α; the probabilities
        /// of all ends are those of a certain event.
        #[test]
        fn boundaries_give_alpha_back(
            rule in efficacy(), t in fractions(), alpha in 0.01..0.1f64, skipped in 0usize..3,
        ) {
            let mut rules = Rules::efficacy_only(alpha, rule);
            rules.untested.efficacy = vec![skipped];
            let found = Boundaries::new(&rules, &t);
            prop_assume!(found != Err(DesignError::NoEfficacyBoundary));
            let found = found.expect("no futility to fail");
            prop_assert!((found.stopping(0.0).rejection() - alpha).abs() < 1e-9);
            if skipped + 1 < t.len() {
                prop_assert_eq!(found.efficacy[skipped], f64::INFINITY);
            }
            let two_sided = Rules {
                harm: HarmRule::Symmetric { spending: TwoSidedSpending::PerSide }, ..rules
            };
            let found = Boundaries::new(&two_sided, &t).expect("one side was solvable");
            let stopping = found.stopping(0.0);
            prop_assert!((stopping.rejection() - alpha).abs() < 1e-9);
            prop_assert!((total(&stopping.harm) - alpha).abs() < 1e-9);
        }

        /// Futility that is relied on leaves α whole when heeded, and β what was asked for; one that
        /// is not relied on leaves α whole when not heeded. Harm spends its own error.
        #[test]
        fn futility_and_harm_spend_what_they_should(
            rule in spending(), beta in spending(), harm in spending(), t in fractions(),
            power in 0.6..0.95f64, binding in any::<bool>(),
        ) {
            let rules = Rules {
                futility: FutilityRule::BetaSpending { function: beta, power },
                binding_futility: binding,
                harm: HarmRule::Spending { function: harm, alpha_one_sided: 0.04 },
                ..Rules::efficacy_only(0.025, EfficacyRule::Spending(rule))
            };
            let found = Boundaries::new(&rules, &t).expect("solvable");
            let heeded = found.stopping(0.0).rejection();
            let disregarded = Boundaries {
                futility: vec![f64::NEG_INFINITY; t.len()],
                harm: vec![f64::NEG_INFINITY; t.len()],
                ..found.clone()
            };
            let without = disregarded.stopping(0.0).rejection();
            if binding {
                let no_harm = Boundaries { harm: disregarded.harm.clone(), ..found.clone() };
                prop_assert!((no_harm.stopping(0.0).rejection() - 0.025).abs() < 1e-9);
                prop_assert!(without >= 0.025 - 1e-9);
            } else {
                prop_assert!((without - 0.025).abs() < 1e-9);
                prop_assert!(heeded <= 0.025 + 1e-9);
            }
            let drift = found.drift_for_power(power).expect("it is built for it");
            let at_drift = found.stopping(drift);
            let ends = at_drift.ending();
            prop_assert!((total(&ends) - 1.0).abs() < 1e-12);
            prop_assert!(ends.iter().all(|p| (-1e-12..=1.0).contains(p)));
            prop_assert!((at_drift.rejection() - power).abs() < 1e-9);
            // Without futility in the way, harm spends its error, or less where the futility bound
            // is lower still.
            let harm_alone = Boundaries { futility: disregarded.futility.clone(), ..found.clone() };
            prop_assert!(total(&harm_alone.stopping(0.0).harm) <= 0.04 + 1e-9);
            prop_assert!(found.harm.iter().zip(&found.futility)
                .all(|(harm, futility)| *futility == f64::NEG_INFINITY || harm <= futility));
        }

        /// Whatever futility is relied on, and whatever the efficacy rule, α is whole when it is
        /// heeded.
        #[test]
        fn any_binding_futility_leaves_alpha_whole(
            rule in efficacy(), t in fractions(), z in -1.0..1.0f64, chance in 0.02..0.3f64,
            kind in 0usize..4, power in 0.6..0.9f64,
        ) {
            use crate::design::ConditionalOn;
            let on = ConditionalOn::Trend;
            let rules = Rules {
                futility: match kind {
                    0 => FutilityRule::Z(vec![Some(z); t.len() - 1]),
                    1 => FutilityRule::ConditionalPower { at_most: chance, on },
                    2 => FutilityRule::PredictivePower { at_most: chance },
                    _ => FutilityRule::BetaSpending {
                        function: SpendingFunction::LanDeMetsPocock, power,
                    },
                },
                binding_futility: true,
                ..Rules::efficacy_only(0.025, rule)
            };
            let found = Boundaries::new(&rules, &t);
            prop_assume!(found.is_ok());
            let found = found.expect("assumed");
            prop_assert!((found.stopping(0.0).rejection() - 0.025).abs() < 1e-9);
        }

        /// Power grows with the effect, and so with the size.
        #[test]
        fn power_is_monotone_in_drift(rule in efficacy(), t in fractions()) {
            let found = Boundaries::new(&Rules::efficacy_only(0.025, rule), &t);
            prop_assume!(found.is_ok());
            let found = found.expect("assumed");
            let powers: Vec<f64> =
                (-4..=20).map(|i| found.stopping(0.3 * f64::from(i)).rejection()).collect();
            prop_assert!(powers.is_sorted(), "{powers:?}");
        }

        /// One look is the fixed design.
        #[test]
        fn one_look_is_the_fixed_design(rule in efficacy(), alpha in 0.001..0.2f64, power in 0.3..0.99f64) {
            prop_assume!(power > alpha);
            let found = Boundaries::new(&Rules::efficacy_only(alpha, rule), &[1.0]).expect("one");
            prop_assert!((found.efficacy[0] - upper_quantile(alpha)).abs() < 1e-10);
            let inflation = found.inflation_factor(alpha, power).expect("reachable");
            prop_assert!((inflation - 1.0).abs() < 1e-9);
        }
    }

    /// Binding futility by power, where alternating between the two boundaries swings ever further or takes
    /// hundreds of rounds: α is whole under the recursion, and the power at every futility bound, followed
    /// forward to the looks after it, is the one that was asked for.
    #[test]
    fn binding_futility_settles_where_alternation_does_not() {
        use super::super::inference::{Drift, Prior};
        use crate::design::ConditionalOn;
        let looks = [
            15, 49, 59, 83, 95, 98, 104, 105, 110, 113, 121, 125, 126, 138, 139, 148, 165, 174,
            178, 190,
        ];
        let uneven: Vec<f64> = looks.iter().map(|&n| f64::from(n) / 190.0).collect();
        let even: Vec<f64> = (1..=20).map(|k| f64::from(k) / 20.0).collect();
        let kim_demets = |rho| EfficacyRule::Spending(SpendingFunction::KimDeMets { rho });
        let obrien_fleming = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let trend = |at_most| FutilityRule::ConditionalPower { at_most, on: ConditionalOn::Trend };
        let predictive = |at_most| FutilityRule::PredictivePower { at_most };
        let cases = [
            (0.4999, kim_demets(0.212_146_985_281_998), trend(0.2), &uneven),
            (0.025, obrien_fleming.clone(), predictive(0.2), &even),
            (0.025, obrien_fleming, trend(0.2), &even),
            (0.025, EfficacyRule::OBRIEN_FLEMING, trend(0.2), &even),
            (0.27, kim_demets(2.4), predictive(0.7), &vec![0.2, 0.3, 0.5, 0.55, 0.8, 1.0]),
        ];
        for (alpha, efficacy, futility, t) in cases {
            let rules =
                Rules { futility, binding_futility: true, ..Rules::efficacy_only(alpha, efficacy) };
            let found = Boundaries::new(&rules, t).expect("there is one");
            let rejection = found.stopping(0.0).rejection();
            assert!((rejection - alpha).abs() < 1e-9, "{rules:?}: {rejection}");
            let no_lower = vec![f64::NEG_INFINITY; t.len()];
            let monitored = found.with_lower(&no_lower);
            for (k, &z) in found.futility[..t.len() - 1].iter().enumerate() {
                let (power, wanted) = match &rules.futility {
                    FutilityRule::PredictivePower { at_most } => {
                        (monitored.predictive_power(k, z, Prior::Flat), *at_most)
                    }
                    FutilityRule::ConditionalPower { at_most, .. } => {
                        (monitored.conditional_power(k, z, Drift::CurrentTrend), *at_most)
                    }
                    _ => continue,
                };
                assert!((power - wanted).abs() < 1e-8, "{rules:?}: {power} at look {}", k + 1);
            }
        }
    }

    /// Futility at the level of efficacy leaves P(Z ≥ 1.96) = α to the last look, which would have to reject
    /// whatever it finds: no boundary, however rounding goes.
    #[test]
    fn binding_futility_that_leaves_only_alpha_has_no_boundary() {
        let never_early = EfficacyRule::HaybittlePeto { interim_z: 30.0 };
        for efficacy in [EfficacyRule::FinalOnly, never_early] {
            let rules = Rules {
                futility: FutilityRule::Z(vec![None, Some(upper_quantile(0.025))]),
                binding_futility: true,
                ..Rules::efficacy_only(0.025, efficacy)
            };
            let t = [1.0 / 3.0, 2.0 / 3.0, 1.0];
            assert_eq!(Boundaries::new(&rules, &t), Err(DesignError::Unsettled));
        }
    }

    /// The harm bound alone spends all of its error under no effect.
    #[test]
    fn harm_spends_its_own_alpha() {
        let function = SpendingFunction::LanDeMetsPocock;
        let rules = Rules {
            harm: HarmRule::Spending { function, alpha_one_sided: 0.1 },
            ..Rules::efficacy_only(
                0.0125,
                EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming),
            )
        };
        let found = Boundaries::new(&rules, &[0.2, 0.4, 0.6, 0.8, 1.0]).expect("solvable");
        assert!((total(&found.stopping(0.0).harm) - 0.1).abs() < 1e-10);
    }
}
