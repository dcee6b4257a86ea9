//! Group-sequential designs: when to look, and the Z values that stop the trial.
//!
//! Pure mathematics on the Z scale: no randomness, no files. Signs: a large Z favours the
//! experimental arm; α is one-sided throughout.
//!
#![doc = include_str!("README.md")]

pub mod boundaries;
pub mod characteristics;
mod common_rate;
pub mod comparison;
pub mod efficacy;
mod equivalence;
pub mod enrichment;
pub mod exact;
mod final_look;
pub mod futility;
pub mod harm;
pub mod inference;
pub mod monitor;
pub mod multiplicity;
mod observed;
pub mod recursion;
pub mod reestimation;
mod rules;
pub mod safety;
pub mod sample_size;
pub mod spending;
mod words;

pub use boundaries::{Boundaries, StoppingProbabilities};
pub use efficacy::EfficacyRule;
pub use equivalence::EquivalenceDrifts;
pub use futility::{ConditionalOn, FutilityRule};
pub use harm::{HarmRule, TwoSidedSpending};
pub use observed::{AnalysedSoFar, LookBounds};
pub use rules::{DesignError, Rules, Untested};
pub use spending::{SpendingFunction, StatedSpending};
pub use words::AlphaSource;

use final_look::FinalLook;
use inference::StagewiseEstimate;
use observed::ObservedLooks;
use recursion::Monitored;

/// Largest number of looks of a design.
pub const MAX_LOOKS: usize = 20;

/// Choices of a design: when to look, and by which rules to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Outcomes known at each look, strictly increasing; the last is the maximum information.
    pub looks_analysed: Vec<u32>,
    /// Rules of the boundaries.
    pub rules: Rules,
}

impl Plan {
    /// Returns the number of outcomes planned at the final look.
    pub fn maximum_analysed(&self) -> u32 {
        *self.looks_analysed.last().expect("a plan has at least one look")
    }

    /// Solves for the drift under which futility spends its error at the planned looks; `None` if it
    /// spends none.
    fn beta_drift(&self) -> Result<Option<f64>, DesignError> {
        self.rules.beta_drift(&self.fractions(&self.looks_analysed))
    }

    /// Returns these numbers of outcomes over the one planned at the final look.
    fn fractions(&self, analysed: &[u32]) -> Vec<f64> {
        let maximum = f64::from(self.maximum_analysed());
        analysed.iter().map(|&n| f64::from(n) / maximum).collect()
    }
}

/// One planned look.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Outcomes known when the look happens.
    pub analysed: u32,
    /// `analysed` over the maximum.
    pub information_fraction: f64,
    /// Stop for efficacy when Z is at or above this; +∞ without the test.
    pub efficacy: f64,
    /// Stop for futility when Z is at or below this; −∞ without the test.
    pub futility: f64,
    /// Stop for harm when Z is at or below this; −∞ without the test.
    pub harm: f64,
    /// One-sided α spent up to and including this look.
    pub alpha_spent: f64,
}

/// Decision at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Continue: no boundary is reached.
    Continue,
    /// Stop: the efficacy boundary is reached.
    Efficacy,
    /// Stop: the futility boundary is reached, and not the harm boundary.
    Futility,
    /// Stop: the harm boundary is reached.
    Harm,
}

/// A resolved design: its looks, and critical values for a final look of any size.
#[derive(Debug)]
pub struct Design {
    plan: Plan,
    boundaries: Boundaries,
    looks: Vec<Look>,
    /// Entry j serves a final look that follows j interim looks.
    finals: Vec<FinalLook>,
    /// `None` if interim looks have the planned number of outcomes in every trial.
    observed: Option<ObservedLooks>,
}

impl Design {
    /// Finds the boundaries. `most_analysed` is the largest number of outcomes a final look can
    /// have (all randomised patients).
    ///
    /// # Errors
    /// When the rules have no solution at these looks.
    pub fn new(plan: Plan, most_analysed: u32) -> Result<Self, DesignError> {
        let fractions = plan.fractions(&plan.looks_analysed);
        let boundaries = Boundaries::new(&plan.rules, &fractions)?;
        let looks = (0..fractions.len())
            .map(|k| Look {
                analysed: plan.looks_analysed[k],
                information_fraction: fractions[k],
                efficacy: boundaries.efficacy[k],
                futility: boundaries.futility[k],
                harm: boundaries.harm[k],
                alpha_spent: boundaries.alpha_spent[k],
            })
            .collect();
        // After every number of interim looks: trials with few outcomes skip the last ones.
        let finals = FinalLook::after_each(&plan, &boundaries, most_analysed);
        Ok(Self { plan, boundaries, looks, finals, observed: None })
    }

    /// Returns the design with interim looks whose number of outcomes differs between trials: the
    /// plan has the numbers expected. Boundaries that spend an error rate spend it by the outcomes
    /// observed.
    ///
    /// # Errors
    /// When the rules have no solution at the planned looks.
    pub fn with_looks_as_observed(self) -> Result<Self, DesignError> {
        let observed = Some(ObservedLooks::new(&self.plan)?);
        Ok(Self { observed, ..self })
    }

    /// Returns the boundaries of the looks as planned.
    pub fn boundaries(&self) -> &Boundaries {
        &self.boundaries
    }

    /// Returns the planned looks, the last being the final one.
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// Returns the planned looks without the final one.
    pub fn interims(&self) -> &[Look] {
        &self.looks[..self.looks.len() - 1]
    }

    /// Returns the maximum information: outcomes planned at the final look.
    pub fn maximum_analysed(&self) -> u32 {
        self.plan.maximum_analysed()
    }

    /// Describes the boundaries in words.
    pub fn description(&self) -> String {
        self.plan.rules.sentences(self.looks.len(), AlphaSource::Given).join(" ")
    }

    /// Returns the choices the design was built from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the decision of the last of these interim looks when Z is `z`.
    pub fn decide(&self, looks: &AnalysedSoFar, z: f64) -> Decision {
        match &self.observed {
            None => self.boundaries.decide(looks.interim(), z),
            Some(observed) => observed.decide(&self.plan, looks, z),
        }
    }

    /// Returns the boundaries of the last of these interim looks.
    pub fn interim_bounds(&self, looks: &AnalysedSoFar) -> LookBounds {
        match &self.observed {
            None => LookBounds::of(&self.looks[looks.interim()]),
            Some(observed) => observed.interim(&self.plan, looks),
        }
    }

    /// Returns the boundaries of a final look, the last of these, after the others. Its outcomes
    /// must exceed theirs.
    pub fn final_bounds(&self, looks: &AnalysedSoFar) -> LookBounds {
        match &self.observed {
            None => {
                let (interims, analysed) = (looks.interim(), looks.analysed());
                LookBounds {
                    efficacy: self.final_critical(interims, analysed),
                    futility: f64::NEG_INFINITY,
                    harm: self.final_harm(interims, analysed),
                }
            }
            Some(observed) => observed.final_look(&self.plan, looks),
        }
    }

    /// Returns whether the trial must end at the last of these interim looks because the futility
    /// boundary is reached and the efficacy boundaries rely on stopping there.
    pub fn ends_for_futility(&self, looks: &AnalysedSoFar, z: f64) -> bool {
        self.plan.rules.binding_futility && z <= self.interim_bounds(looks).futility
    }

    /// Returns whether an interim look can end the trial for a reason that the efficacy boundaries
    /// do not rely on: futility that is not binding, or harm.
    pub fn has_stops_to_disregard(&self) -> bool {
        let binding = self.plan.rules.binding_futility;
        self.interims()
            .iter()
            .any(|look| (look.futility.is_finite() && !binding) || look.harm.is_finite())
    }

    /// Returns the decision of a final look, the last of these, when Z is `z`; `Continue` if it
    /// concludes nothing. Its outcomes must exceed those of the others.
    pub fn decide_finally(&self, looks: &AnalysedSoFar, z: f64) -> Decision {
        let (interims, analysed) = (looks.interim(), looks.analysed());
        if let Some(observed) = &self.observed {
            observed.decide_finally(&self.plan, looks, z)
        } else if z >= self.final_critical(interims, analysed) {
            Decision::Efficacy
        } else if z <= self.final_harm(interims, analysed) {
            Decision::Harm
        } else {
            Decision::Continue
        }
    }

    /// Returns the critical value of a final look on `analysed` outcomes after `interims` looks
    /// that happened as planned. `analysed` must exceed the last interim's.
    ///
    /// It spends all the α that is left, with the correlation of the observed numbers of outcomes.
    pub fn final_critical(&self, interims: usize, analysed: u32) -> f64 {
        self.finals[interims].critical(analysed, self.information(analysed))
    }

    /// Returns the Z at or below which such a final look concludes harm; −∞ without the test.
    pub fn final_harm(&self, interims: usize, analysed: u32) -> f64 {
        match self.plan.rules.harm {
            HarmRule::None => f64::NEG_INFINITY,
            // Mirrored from the bound for the outcomes observed, not from the planned one.
            HarmRule::Symmetric { .. } => -self.final_critical(interims, analysed),
            HarmRule::Spending { .. } => {
                self.finals[interims].harm(analysed, self.information(analysed))
            }
        }
    }

    /// Estimates the drift by stage-wise ordering from a trial that ended with Z = `z` at the last of
    /// these looks, after others that did not stop it.
    ///
    /// Futility and harm count, as trials stop for them: even if the efficacy boundary does not
    /// rely on futility, it is taken to have been heeded.
    pub fn drift_estimate(&self, looks: &AnalysedSoFar, z: f64) -> StagewiseEstimate {
        match &self.observed {
            None => {
                let (interims, analysed) = (looks.interim(), looks.analysed());
                let last = self.finals[interims].stagewise(analysed, self.information(analysed));
                last.estimate(z)
            }
            Some(observed) => observed.drift_estimate(&self.plan, looks, z),
        }
    }

    /// Returns the number of interim looks that come before a final look on `final_analysed`
    /// outcomes.
    fn interims_before(&self, final_analysed: u32) -> usize {
        // A look with as many outcomes as the final one would see the same data.
        self.interims().partition_point(|look| look.analysed < final_analysed)
    }

    /// Returns the boundaries of a trial whose final look has `final_analysed` outcomes, by
    /// information relative to that: those of the interim looks before it as planned, and what is
    /// left for it.
    pub fn boundaries_at(&self, final_analysed: u32) -> Boundaries {
        let planned = &self.boundaries;
        let interims = self.interims_before(final_analysed);
        let critical = self.final_critical(interims, final_analysed);
        let harm = self.final_harm(interims, final_analysed);
        let total = f64::from(final_analysed);
        let analysed = self.looks[..interims].iter().map(|look| f64::from(look.analysed));
        Boundaries {
            information_fractions: analysed.map(|n| n / total).chain([1.0]).collect(),
            efficacy: [&planned.efficacy[..interims], &[critical]].concat(),
            futility: [&planned.futility[..interims], &[f64::NEG_INFINITY]].concat(),
            harm: [&planned.harm[..interims], &[harm]].concat(),
            alpha_spent: [&planned.alpha_spent[..interims], &[self.plan.rules.alpha_one_sided]]
                .concat(),
            harm_spending: [&planned.harm_spending[..interims], &[harm]].concat(),
        }
    }

    /// Returns `analysed` outcomes over those planned for the final look.
    pub fn information(&self, analysed: u32) -> f64 {
        f64::from(analysed) / f64::from(self.maximum_analysed())
    }

    /// Computes stopping probabilities per planned look by the normal approximation, when the final
    /// look has `final_analysed` outcomes and the interims below that number happen. `drift` is the
    /// mean of Z at the maximum information.
    pub fn stopping(&self, drift: f64, final_analysed: u32) -> StoppingProbabilities {
        let planned = &self.boundaries;
        let interims = self.interims_before(final_analysed);
        let critical = self.final_critical(interims, final_analysed);
        let harm = self.final_harm(interims, final_analysed);
        let information =
            [&planned.information_fractions[..interims], &[self.information(final_analysed)]]
                .concat();
        let efficacy = [&planned.efficacy[..interims], &[critical]].concat();
        // At a final look only harm is concluded below: futility has nothing left to stop.
        let lower = [&planned.lower()[..interims], &[harm]].concat();
        let harm = [&planned.harm[..interims], &[harm]].concat();
        let looks = Monitored { information: &information, lower: &lower, efficacy: &efficacy };
        self.at_planned_looks(boundaries::stopping(&looks, &harm, drift))
    }

    /// Computes stopping probabilities of equivalence per planned look as [`Design::stopping`] does;
    /// `drifts` are the means at the final look.
    pub fn stopping_for_equivalence(
        &self,
        drifts: EquivalenceDrifts,
        final_analysed: u32,
    ) -> StoppingProbabilities {
        let boundaries = self.boundaries_at(final_analysed);
        self.at_planned_looks(boundaries.stopping_for_equivalence(drifts))
    }

    /// Returns probabilities with a place for every planned look.
    fn at_planned_looks(&self, mut out: StoppingProbabilities) -> StoppingProbabilities {
        // Interims that are left out stop no trial; the final look keeps its planned place.
        let interims = out.efficacy.len() - 1;
        let left_out = vec![0.0; self.interims().len() - interims];
        for probabilities in [&mut out.efficacy, &mut out.futility, &mut out.harm] {
            probabilities.splice(interims..interims, left_out.iter().copied());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(looks: &[u32], efficacy: EfficacyRule) -> Plan {
        Plan { looks_analysed: looks.to_vec(), rules: Rules::efficacy_only(0.025, efficacy) }
    }

    fn protocol() -> Design {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        Design::new(plan(&[104, 208, 312], rule), 348).expect("no futility to fail")
    }

    #[test]
    fn final_look_of_the_planned_size_has_the_planned_bound() {
        let design = protocol();
        let planned = design.looks()[2].efficacy;
        assert!((design.final_critical(2, 312) - planned).abs() < 1e-9);
        assert!((design.looks()[1].alpha_spent - 0.00604838912990766).abs() < 1e-10);
        assert!((design.looks()[2].alpha_spent - 0.025).abs() < 1e-15);
    }

    #[test]
    fn interim_at_the_bound_stops_and_just_below_continues() {
        let (design, first) = (protocol(), AnalysedSoFar::new([104]));
        let bound = design.looks()[0].efficacy;
        assert_eq!(design.decide(&first, bound), Decision::Efficacy);
        assert_eq!(design.decide(&first, bound.next_down()), Decision::Continue);
        assert_eq!(design.decide(&first, -9.0), Decision::Continue);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn final_looks_of_any_size_keep_alpha(
            final_analysed in 209u32..=348,
            pocock in any::<bool>(),
        ) {
            let rule = if pocock { EfficacyRule::POCOCK } else {
                EfficacyRule::Spending(SpendingFunction::HwangShihDeCani { gamma: -2.0 })
            };
            let design = Design::new(plan(&[104, 208, 312], rule), 348).expect("no futility");
            let total = design.stopping(0.0, final_analysed).rejection();
            prop_assert!((total - 0.025).abs() < 1e-8, "{}", total);
        }
    }

    /// Looks one patient apart in a large trial: the spent α is that of the function, and the
    /// bounds give it back.
    #[test]
    fn close_looks_in_a_large_trial_keep_alpha() {
        for looks in [[5_000, 9_998, 9_999, 10_000], [50_000, 99_998, 99_999, 100_000]] {
            let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock);
            let design = Design::new(plan(&looks, rule), looks[3]).expect("no futility to fail");
            let crossing = design.stopping(0.0, looks[3]).efficacy;
            let mut so_far = 0.0;
            for (look, crossed) in design.looks().iter().zip(&crossing) {
                so_far += crossed;
                assert!((so_far - look.alpha_spent).abs() < 1e-9, "{so_far} {look:?}");
            }
        }
    }

    /// The final look of a million patients may come one patient after an interim look, which takes
    /// tens of thousands of nodes. They are not integrated over at the nodes of the next look.
    #[test]
    fn large_trials_continue_to_the_next_look_with_few_nodes() {
        let looks: Vec<u32> = (1..=20).map(|k| 50_000 * k).collect();
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let design = Design::new(plan(&looks, rule), 1_000_000).expect("no futility to fail");
        for last in &design.finals[1..20] {
            let [to_final, to_next] = last.nodes();
            assert!(to_next > 0 && to_next < 1000 && to_final > 10_000, "{to_final} {to_next}");
        }
        let total = design.stopping(0.0, 950_001).rejection();
        assert!((total - 0.025).abs() < 1e-8, "{total}");
    }

    #[test]
    fn one_look_has_the_critical_value_of_the_fixed_test() {
        for rule in [EfficacyRule::FinalOnly, EfficacyRule::POCOCK, EfficacyRule::OBRIEN_FLEMING] {
            let design = Design::new(plan(&[312], rule.clone()), 348).expect("no futility");
            assert!((design.looks()[0].efficacy - 1.959963984540054).abs() < 1e-9, "{rule:?}");
            assert!((design.final_critical(0, 290) - 1.959963984540054).abs() < 1e-9);
        }
    }
}
