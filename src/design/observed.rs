//! Boundaries of looks whose number of outcomes is known only when they take place.
//!
//! A look at the first patients randomised, or in a calendar month, sees a random number of outcomes.
//! Its boundaries spend an error rate by the information observed (Lan & DeMets 1983, Biometrika
//! 70:659), so that the type I error is kept whatever the numbers are, as long as they do not depend
//! on the results. They are those of [`RunningTrial`], by which a running trial is monitored.
//!
//! The sequences of numbers differ between trials. So bounds are found when a trial first asks for
//! them, and kept; and a trial asks only if Z lies between two limits of the bound that need no
//! recursion.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::efficacy::EfficacyRule;
use super::futility::FutilityRule;
use super::harm::HarmRule;
use super::inference::{Monitored, StagewiseEstimate};
use super::monitor::{LooksSoFar, RemainingLooks, RunningTrial};
use super::rules::{DesignError, Rules};
use super::{Decision, Look, MAX_LOOKS, Plan};
use crate::num::normal::{upper_quantile, upper_tail};

/// Largest number of sequences whose bounds are kept; those of others are found again.
const MOST_KEPT: usize = 1 << 18;

/// Distance of Z from a limit below which the bound itself decides.
// The bound is found with a relative precision of 1e-15, of which little is lost in the limits.
const MARGIN: f64 = 1e-9;

/// Outcomes at the looks of a trial so far, the last being the current one.
///
/// Looks with no more outcomes than the one before are allowed, but for a final one: they test
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysedSoFar {
    counts: [u32; MAX_LOOKS],
    looks: usize,
}

impl AnalysedSoFar {
    /// Constructs the looks from their numbers of outcomes, never fewer than before: from one look
    /// to as many as a design may have.
    pub fn new(analysed: impl IntoIterator<Item = u32>) -> Self {
        let mut counts = [0; MAX_LOOKS];
        let mut looks = 0;
        for (count, analysed) in counts.iter_mut().zip(analysed) {
            *count = analysed;
            looks += 1;
        }
        Self { counts, looks }
    }

    /// Returns the same looks followed by one more.
    #[must_use]
    pub fn then(mut self, analysed: u32) -> Self {
        self.counts[self.looks] = analysed;
        self.looks += 1;
        self
    }

    /// Returns the number of looks before the current one, which is its position in the plan if it is
    /// an interim look.
    pub fn interim(&self) -> usize {
        self.looks - 1
    }

    /// Returns the outcomes at the current look.
    pub fn analysed(&self) -> u32 {
        self.counts[self.looks - 1]
    }

    fn counts(&self) -> &[u32] {
        &self.counts[..self.looks]
    }

    /// Returns the looks up to the one at a position.
    fn until(self, position: usize) -> Self {
        Self { looks: position + 1, ..self }
    }

    /// Returns the positions of the looks that have more outcomes than the one before.
    fn informative(&self) -> impl Iterator<Item = usize> {
        (0..self.looks).filter(|&k| self.is_informative(k))
    }

    fn is_informative(&self, k: usize) -> bool {
        self.counts[k] > k.checked_sub(1).map_or(0, |before| self.counts[before])
    }
}

/// Boundaries of one look on the scale of Z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookBounds {
    /// Efficacy is concluded if Z is at or above this; +∞ without the test.
    pub efficacy: f64,
    /// Futility is concluded if Z is at or below this; −∞ without the test.
    pub futility: f64,
    /// Harm is concluded if Z is at or below this; −∞ without the test.
    pub harm: f64,
}

impl LookBounds {
    /// Boundaries of a look that tests nothing.
    const NONE: Self =
        Self { efficacy: f64::INFINITY, futility: f64::NEG_INFINITY, harm: f64::NEG_INFINITY };

    pub(super) fn of(look: &Look) -> Self {
        Self { efficacy: look.efficacy, futility: look.futility, harm: look.harm }
    }

    fn decide(&self, z: f64) -> Decision {
        // In the order of `Boundaries::decide`.
        if z >= self.efficacy {
            Decision::Efficacy
        } else if z <= self.harm {
            Decision::Harm
        } else if z <= self.futility {
            Decision::Futility
        } else {
            Decision::Continue
        }
    }

    fn at_current(trial: &RunningTrial) -> Self {
        let (boundaries, k) = (trial.boundaries(), trial.look());
        Self {
            efficacy: boundaries.efficacy[k],
            futility: boundaries.futility[k],
            harm: boundaries.harm[k],
        }
    }
}

/// Whether the current look is an interim look or the final one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Interim,
    Final,
}

/// Bounds by sequence of outcomes.
#[derive(Debug)]
pub(super) struct ObservedLooks {
    /// Drift under which β is spent; `None` if futility spends none.
    beta_drift: Option<f64>,
    // Behind a lock, for which threads hardly ever wait: most decisions need no bound.
    known: Mutex<BTreeMap<(Stage, Vec<u32>), LookBounds>>,
}

impl ObservedLooks {
    /// Prepares the looks of a plan, which has the numbers expected.
    ///
    /// # Errors
    /// When futility has no drift to spend its error under.
    pub(super) fn new(plan: &Plan) -> Result<Self, DesignError> {
        Ok(Self { beta_drift: plan.beta_drift()?, known: Mutex::new(BTreeMap::new()) })
    }

    /// Returns the decision of the current interim look when Z is `z`.
    pub(super) fn decide(&self, plan: &Plan, looks: &AnalysedSoFar, z: f64) -> Decision {
        let by_limits = decide_by_limits(plan, looks, Stage::Interim, z);
        by_limits.unwrap_or_else(|| self.interim(plan, looks).decide(z))
    }

    /// Returns the decision of the current look, a final one, when Z is `z`.
    pub(super) fn decide_finally(&self, plan: &Plan, looks: &AnalysedSoFar, z: f64) -> Decision {
        let by_limits = decide_by_limits(plan, looks, Stage::Final, z);
        by_limits.unwrap_or_else(|| self.final_look(plan, looks).decide(z))
    }

    /// Returns the boundaries of the current interim look.
    pub(super) fn interim(&self, plan: &Plan, looks: &AnalysedSoFar) -> LookBounds {
        self.known_or_found(plan, looks, Stage::Interim)
    }

    /// Returns the boundaries of the current look as a final one, which spends what is left.
    pub(super) fn final_look(&self, plan: &Plan, looks: &AnalysedSoFar) -> LookBounds {
        self.known_or_found(plan, looks, Stage::Final)
    }

    fn known_or_found(&self, plan: &Plan, looks: &AnalysedSoFar, stage: Stage) -> LookBounds {
        let key = (stage, looks.counts().to_vec());
        if let Some(bounds) = self.lock().get(&key) {
            return *bounds;
        }
        // Found without the lock. Threads that look for the same bounds find the same bits.
        let bounds = self.found(plan, looks, stage);
        let mut known = self.lock();
        if known.len() < MOST_KEPT {
            known.insert(key, bounds);
        }
        bounds
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Stage, Vec<u32>), LookBounds>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, plan: &Plan, looks: &AnalysedSoFar, stage: Stage) -> LookBounds {
        let last = looks.interim();
        if !looks.is_informative(last) {
            return LookBounds::NONE;
        }
        let mut positions: Vec<usize> = looks.informative().collect();
        let analysed: Vec<u32> = positions.iter().map(|&k| looks.counts[k]).collect();
        let earlier = &positions[..positions.len() - 1];
        let in_force: Vec<f64> =
            earlier.iter().map(|&k| self.interim(plan, &looks.until(k)).futility).collect();
        let remaining = match stage {
            Stage::Interim => RemainingLooks::AsPlanned,
            Stage::Final => {
                let last = positions.len() - 1;
                positions[last] = plan.looks_analysed.len() - 1;
                RemainingLooks::None
            }
        };
        let so_far = LooksSoFar { analysed: &analysed, positions };
        let trial = RunningTrial::at(plan, so_far.clone(), &in_force, remaining, self.beta_drift);
        // Far from the planned information a futility bound may meet the efficacy bound. It is then
        // left out, which does not raise the type I error; nothing is tested if that is not enough.
        let trial = trial.or_else(|_| {
            let rules = Rules {
                futility: FutilityRule::None,
                binding_futility: false,
                ..plan.rules.clone()
            };
            let plan = Plan { rules, ..plan.clone() };
            RunningTrial::at(&plan, so_far, &in_force, remaining, None)
        });
        trial.map_or(LookBounds::NONE, |trial| LookBounds::at_current(&trial))
    }

    /// Estimates the drift by stage-wise ordering from a trial that ended at the current look with
    /// Z = `z`.
    pub(super) fn drift_estimate(
        &self,
        plan: &Plan,
        looks: &AnalysedSoFar,
        z: f64,
    ) -> StagewiseEstimate {
        // A trial that adverse events stop may end at a look that has no more outcomes than the one
        // before, and is analysed as that.
        let positions: Vec<usize> = looks.informative().collect();
        let analysed: Vec<u32> = positions.iter().map(|&k| looks.counts[k]).collect();
        let last = positions.len() - 1;
        let (mut efficacy, mut leaving) = (Vec::new(), Vec::new());
        for &k in &positions[..last] {
            let bounds = self.interim(plan, &looks.until(k));
            efficacy.push(bounds.efficacy);
            leaving.push(bounds.futility.max(bounds.harm));
        }
        // The trial ends here at any Z, so the last bounds are never asked for.
        efficacy.push(f64::INFINITY);
        leaving.push(f64::NEG_INFINITY);
        let information = plan.fractions(&analysed);
        Monitored::new(&information, &leaving, &efficacy).stagewise_estimate(last, z, 0.95)
    }
}

/// Decides by limits of the efficacy bound that need no recursion; `None` if Z is between them, or
/// if the decision depends on other bounds that are not fixed.
///
/// Let look k spend δ of the α spent by then, without regard to lower bounds. As
/// P(Z_k ≥ c, not before) = δ, P(Z_k ≥ c) is at least δ, and at most α, the probability of a crossing
/// by look k: c is between the quantiles of α and δ.
fn decide_by_limits(plan: &Plan, looks: &AnalysedSoFar, stage: Stage, z: f64) -> Option<Decision> {
    let rules = &plan.rules;
    if rules.binding_futility || rules.harm != HarmRule::None {
        return None;
    }
    let k = looks.interim();
    if !looks.is_informative(k) {
        return Some(Decision::Continue);
    }
    let [before, now] = alpha_spent(plan, looks, stage)?;
    if z >= bound_of(now - before) + MARGIN {
        return Some(Decision::Efficacy);
    }
    let least = bound_of(now) - MARGIN;
    // Without the test the bound is infinite, and so may both limits be.
    if z >= least && now != before {
        return None;
    }
    let futility = match (&rules.futility, stage) {
        (_, Stage::Final) | (FutilityRule::None, Stage::Interim) => f64::NEG_INFINITY,
        (FutilityRule::Z(bounds), Stage::Interim) if !rules.untested.futility.contains(&k) => {
            bounds[k].unwrap_or(f64::NEG_INFINITY)
        }
        (FutilityRule::Z(_), Stage::Interim) => f64::NEG_INFINITY,
        (
            FutilityRule::ConditionalPower { .. }
            | FutilityRule::PredictivePower { .. }
            | FutilityRule::BetaSpending { .. },
            Stage::Interim,
        ) => return None,
    };
    // A futility bound that is not below the efficacy bound is left out.
    if futility >= least {
        return None;
    }
    Some(if z <= futility { Decision::Futility } else { Decision::Continue })
}

/// Returns the one-sided α spent before the current look, and by it, or limits that serve: at least
/// what is spent before, and at most α. `None` if they depend on bounds.
fn alpha_spent(plan: &Plan, looks: &AnalysedSoFar, stage: Stage) -> Option<[f64; 2]> {
    let rules = &plan.rules;
    let (alpha, current) = (rules.alpha_one_sided, looks.interim());
    let maximum = f64::from(plan.maximum_analysed());
    let mut spent = [0.0; 2];
    for k in looks.informative() {
        let is_tested = !rules.untested.efficacy.contains(&k);
        let at_interim = match &rules.efficacy {
            EfficacyRule::Spending(function) if is_tested => {
                function.spent(alpha, f64::from(looks.counts[k]) / maximum)
            }
            EfficacyRule::HaybittlePeto { interim_z } if is_tested => {
                // Crossings of one bound at several looks are at most as probable as their sum.
                spent[1] + upper_tail(*interim_z)
            }
            EfficacyRule::FinalOnly
            | EfficacyRule::Spending(_)
            | EfficacyRule::HaybittlePeto { .. } => spent[1],
            EfficacyRule::WangTsiatis { .. } => return None,
        };
        let is_final = k == current && stage == Stage::Final;
        let by_now = if is_final { alpha } else { at_interim };
        spent = [spent[1], by_now];
    }
    Some(spent)
}

/// Returns the Z that is exceeded with this probability; +∞ if that is 0 or less.
fn bound_of(probability: f64) -> f64 {
    if probability < f64::MIN_POSITIVE { f64::INFINITY } else { upper_quantile(probability) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::futility::ConditionalOn;
    use crate::design::recursion::CrossingProbabilities;
    use crate::design::{Design, SpendingFunction};
    use proptest::prelude::*;

    const OBRIEN_FLEMING: SpendingFunction = SpendingFunction::LanDeMetsObrienFleming;

    fn efficacy(index: usize) -> EfficacyRule {
        [
            EfficacyRule::FinalOnly,
            EfficacyRule::Spending(OBRIEN_FLEMING),
            EfficacyRule::Spending(SpendingFunction::KimDeMets { rho: 1.0 }),
            EfficacyRule::HaybittlePeto { interim_z: 3.0 },
        ][index]
            .clone()
    }

    fn futility(index: usize) -> FutilityRule {
        [
            FutilityRule::None,
            FutilityRule::Z(vec![Some(-0.3), None]),
            FutilityRule::ConditionalPower { at_most: 0.2, on: ConditionalOn::Drift(2.8) },
            FutilityRule::BetaSpending { function: OBRIEN_FLEMING, power: 0.8 },
        ][index]
            .clone()
    }

    fn design(rules: Rules) -> Design {
        let plan = Plan { looks_analysed: vec![130, 260, 391], rules };
        let design = Design::new(plan, 412).and_then(Design::with_looks_as_observed);
        design.expect("the rules have boundaries")
    }

    fn rules(efficacy: EfficacyRule, futility: FutilityRule) -> Rules {
        Rules { futility, ..Rules::efficacy_only(0.025, efficacy) }
    }

    #[test]
    fn looks_with_the_planned_numbers_have_the_planned_bounds() {
        for (e, f) in [(0, 1), (1, 0), (1, 2), (1, 3), (2, 3), (3, 0), (3, 1)] {
            for binding_futility in [false, f == 1] {
                let rules = Rules { binding_futility, ..rules(efficacy(e), futility(f)) };
                let design = design(rules);
                let looks = AnalysedSoFar::new([130]);
                let looks = [looks, looks.then(260), looks.then(260).then(391)];
                for (k, planned) in design.looks().iter().enumerate() {
                    let found = match k {
                        2 => design.final_bounds(&looks[k]),
                        _ => design.interim_bounds(&looks[k]),
                    };
                    let pairs =
                        [(found.efficacy, planned.efficacy), (found.futility, planned.futility)];
                    for (found, planned) in pairs {
                        let is_near = found == planned || (found - planned).abs() < 1e-9;
                        assert!(is_near, "{e} {f} look {}: {found} {planned}", k + 1);
                    }
                }
            }
        }
    }

    /// The bounds are those by which a running trial is monitored.
    #[test]
    fn bounds_are_those_of_monitoring() {
        for (e, f) in [(1, 0), (1, 2), (2, 3), (3, 1)] {
            let design = design(rules(efficacy(e), futility(f)));
            let analysed = [141, 247, 403];
            for given in 1..=3 {
                let trial = RunningTrial::new(design.plan(), &analysed[..given]).expect("valid");
                let looks = AnalysedSoFar::new(analysed[..given].iter().copied());
                let found = match given {
                    3 => design.final_bounds(&looks),
                    _ => design.interim_bounds(&looks),
                };
                assert_eq!(found, LookBounds::at_current(&trial), "{e} {f} {given}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the numbers of outcomes are, and also if the final look comes early or late.
        #[test]
        fn the_error_rate_is_kept_at_any_numbers(
            e in 0usize..4,
            first in 1u32..200,
            second in 1u32..190,
            third in 1u32..30,
        ) {
            let design = design(Rules::efficacy_only(0.025, efficacy(e)));
            let counts = [first, first + second, first + second + third];
            let looks = AnalysedSoFar::new([counts[0]]);
            let upper = [
                design.interim_bounds(&looks).efficacy,
                design.interim_bounds(&looks.then(counts[1])).efficacy,
                design.final_bounds(&looks.then(counts[1]).then(counts[2])).efficacy,
            ];
            let information = design.plan().fractions(&counts);
            let never = [f64::NEG_INFINITY; 3];
            let total = CrossingProbabilities::new(&information, 0.0, &never, &upper).total_upper();
            prop_assert!((total - 0.025).abs() < 1e-8, "{total} {counts:?}");
        }

        /// The decision without recursion is that of the bound, next to it as well.
        #[test]
        fn limits_decide_as_the_bound_does(
            (e, f) in (0usize..4, 0usize..2),
            (first, second, third) in (0u32..200, 0u32..190, 1u32..30),
            z in -5.0..6.0f64,
            beyond in prop_oneof![Just(0.0), Just(-1e-12), Just(1e-12), -0.2..0.2f64],
        ) {
            let design = design(rules(efficacy(e), futility(f)));
            let interim = AnalysedSoFar::new([first]).then(first + second);
            let last = interim.then(first + second + third);
            let bounds = [design.interim_bounds(&interim), design.final_bounds(&last)];
            let near = bounds.map(|bounds| bounds.efficacy + beyond);
            // A look without the test has a bound of +∞, which no statistic is.
            for z in near.into_iter().filter(|z| z.is_finite()).chain([z]) {
                prop_assert_eq!(design.decide(&interim, z), bounds[0].decide(z), "{}", z);
                prop_assert_eq!(design.decide_finally(&last, z), bounds[1].decide(z), "{}", z);
            }
        }
    }

    #[test]
    fn a_look_without_new_outcomes_tests_nothing_and_costs_nothing() {
        let design = design(rules(efficacy(2), futility(1)));
        let nothing = AnalysedSoFar::new([0]);
        assert_eq!(design.interim_bounds(&nothing), LookBounds::NONE);
        assert_eq!(design.decide(&nothing, 9.0), Decision::Continue);
        let again = AnalysedSoFar::new([140]).then(140);
        assert_eq!(design.decide(&again, 9.0), Decision::Continue);
        let last = design.final_bounds(&again.then(400)).efficacy;
        let without = design.final_bounds(&AnalysedSoFar::new([140]).then(400)).efficacy;
        assert!((last - without).abs() < 1e-12, "{last} {without}");
        // A trial that ends at such a look, by adverse events, is analysed as the look before.
        assert_eq!(
            design.drift_estimate(&again, 1.3),
            design.drift_estimate(&AnalysedSoFar::new([140]), 1.3)
        );
    }

    /// At the planned numbers; the tables of a planned design are precise to 1e-7.
    #[test]
    fn estimates_at_the_planned_numbers_are_those_of_the_planned_design() {
        let plan =
            Plan { looks_analysed: vec![130, 260, 391], rules: rules(efficacy(1), futility(1)) };
        let planned = Design::new(plan, 412).expect("valid");
        let observed = design(rules(efficacy(1), futility(1)));
        let first = AnalysedSoFar::new([130]);
        for looks in [first, first.then(260), first.then(260).then(391)] {
            for z in [-1.0, 0.4, 2.1, 3.3] {
                let [a, b] = [&planned, &observed].map(|it| it.drift_estimate(&looks, z));
                for (a, b) in [(a.median, b.median), (a.low, b.low), (a.high, b.high)] {
                    assert!((a - b).abs() < 1e-6, "{a} {b}");
                }
            }
        }
    }
}
