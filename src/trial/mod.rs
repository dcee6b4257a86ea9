//! One simulated trial, from the first patient to the decision.
//!
//! A [`Simulator`] simulates a replicate under all truths and all analyses at once, in stages, each a
//! value that borrows the simulator's buffers:
//!
//! 1. [`EnrolledCohort`]: patients, centres, arms and calendar, drawn once for all truths;
//! 2. [`FollowedCohort`]: the mRS, dropout and looks under one truth;
//! 3. a [`TrialResult`] for each analysis, which monitors the followed patients look by look.
//!
//! The buffers are refilled for every replicate, so that nothing is allocated inside a trial.
//!
#![doc = include_str!("README.md")]

mod analyst;
mod bayesian;
mod centres;
mod cohort;
mod control_variate;
mod description;
mod enrichment;
mod enrolled;
mod followed;
mod imputation;
mod look;
mod monitoring;
pub mod observed;
mod overrun;
mod phase;
mod reestimation;
mod result;
mod safety;
mod success;
pub mod trace;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::analysis::KnownOutcomes;
use crate::outcome::OutcomeModel;
use crate::outcome::safety::Event;
use crate::rng::{Purpose, Replicate, Stream, Streams};
use crate::scenario::{Outcomes, Scenario};
use analyst::Analyst;
pub use bayesian::{RandomisedSoFar, expected_finally, observed_effect};
pub use centres::CentreBalance;
use cohort::{Cohort, RestrictedCohort};
use control_variate::ControlVariates;
pub use description::Described;
pub use enrichment::PopulationResult;
pub use enrolled::EnrolledCohort;
pub use followed::FollowedCohort;
pub use look::{LookIndex, LookSequence};
pub use phase::{Phase, PhaseObserver};
pub use reestimation::{
    ChangedSize, SizeEfficacy, SizeResult, conclude_changed, weighted_estimate,
};
pub use result::{
    Conclusion, DrawnEffect, EventCounts, GuessCounts, LookMoment, PatientCourse, PatientsSoFar,
    ReplicateResult, RuleResult, SafetyResult, TrialResult,
};

/// Simulates replicates of a scenario, one at a time.
#[derive(Debug)]
pub struct Simulator<'s, O = ()> {
    scenario: &'s Scenario,
    adjusted: AdjustedEstimates,
    /// Flag that cuts a replicate short.
    cancelled: &'s AtomicBool,
    streams: Streams,
    phases: O,
    cohort: Cohort,
    /// Outcomes under the effect drawn in the current replicate; `None` without a prior.
    drawn: Option<DrawnOutcomes>,
    /// Outcomes known at each look that takes place under the current truth, the final look last, in each
    /// analysis set (by its number) that an analysis uses.
    known: [Vec<KnownOutcomes>; 3],
    /// Adverse events under the current truth, if its population is not restricted.
    safety: Vec<SafetyResult>,
    /// Outcomes of a stopped trial once its overrunning patients are followed.
    with_overrun: KnownOutcomes,
    /// Outcomes of the current look under another allocation.
    reallocated: KnownOutcomes,
    /// Outcomes of a final look of another number of patients than planned, and those of them that the
    /// look that decided it did not have.
    resized: KnownOutcomes,
    second_stage: KnownOutcomes,
    /// A trial whose population has been restricted.
    restricted: RestrictedCohort,
    /// Outcomes of the current population at a look, and those of each level at each look of the
    /// unrestricted trial, by analysis set; empty if the population is never restricted.
    in_population: KnownOutcomes,
    by_level: [Vec<KnownOutcomes>; 3],
    analyst: Analyst,
    /// `None` unless the scenario asks for them.
    control_variates: Option<ControlVariates>,
    /// Patients in control and experimental arm, in the order of the imbalances.
    allocated: Vec<[u32; 2]>,
}

/// Whether trials get the estimate that allows for the looks, by stage-wise ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdjustedEstimates {
    /// Each trial with an estimate has one.
    #[default]
    Computed,
    /// No trial has one.
    // Every size of a final look needs tables of its own, which in a run of a hundred replicates take
    // longer than all the trials. Most searches and curves never show what they are for.
    Skipped,
}

/// Flag of a simulation that nothing cancels.
// In place of an `Option`, which the hot loop would have to open.
pub(crate) static NEVER_CANCELLED: AtomicBool = AtomicBool::new(false);

/// Outcomes under an effect drawn from the prior.
#[derive(Debug)]
struct DrawnOutcomes {
    log_odds_ratio: f64,
    model: OutcomeModel,
    /// Adverse events, whose stated overall rates also hold under this effect.
    events: Vec<Event>,
}

/// The random streams of one replicate.
#[derive(Debug, Clone, Copy)]
struct ReplicateStreams {
    streams: Streams,
    replicate: Replicate,
}

impl ReplicateStreams {
    /// Returns the stream of a purpose, from its beginning.
    #[inline]
    fn stream(self, purpose: Purpose) -> Stream {
        self.streams.stream(self.replicate, purpose)
    }
}

impl<'s> Simulator<'s> {
    /// Prepares the buffers.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self {
            scenario,
            adjusted: AdjustedEstimates::Computed,
            cancelled: &NEVER_CANCELLED,
            streams: Streams::new(scenario.seed),
            phases: (),
            cohort: Cohort::default(),
            drawn: match (&scenario.prior, &scenario.outcomes) {
                (Some(_), Outcomes::Stated(models)) => Some(DrawnOutcomes {
                    log_odds_ratio: 0.0,
                    model: models[0].clone(),
                    events: scenario.safety_endpoints().iter().map(|it| it.event).collect(),
                }),
                // Validation refuses a prior with a procedure, whose effect no odds ratio states.
                (Some(_), Outcomes::AfterProcedure(_)) | (None, _) => None,
            },
            known: Default::default(),
            safety: Vec::new(),
            with_overrun: KnownOutcomes::default(),
            reallocated: KnownOutcomes::default(),
            resized: KnownOutcomes::default(),
            second_stage: KnownOutcomes::default(),
            restricted: RestrictedCohort::default(),
            in_population: KnownOutcomes::default(),
            by_level: Default::default(),
            analyst: Analyst::default(),
            control_variates: ControlVariates::new(scenario),
            allocated: Vec::new(),
        }
    }

    /// Returns the same simulator with an observer of its phases.
    // Field by field: a struct of another type cannot take the rest by `..self`.
    pub fn observed_by<O: PhaseObserver>(self, phases: O) -> Simulator<'s, O> {
        let Simulator { scenario, cancelled, streams, phases: (), cohort, drawn, known, .. } = self;
        let Simulator { safety, with_overrun, reallocated, resized, second_stage, .. } = self;
        let Simulator { restricted, in_population, by_level, .. } = self;
        let Simulator { analyst, control_variates, allocated, .. } = self;
        Simulator {
            scenario,
            adjusted: self.adjusted,
            cancelled,
            streams,
            phases,
            cohort,
            drawn,
            known,
            safety,
            with_overrun,
            reallocated,
            resized,
            second_stage,
            restricted,
            in_population,
            by_level,
            analyst,
            control_variates,
            allocated,
        }
    }
}

impl<'s, O: PhaseObserver> Simulator<'s, O> {
    /// Returns the same simulator, which ends a replicate soon after `cancelled` is set. The result of that
    /// replicate is incomplete and must not be used.
    #[must_use]
    pub fn cancelled_by(self, cancelled: &'s AtomicBool) -> Self {
        Self { cancelled, ..self }
    }

    /// Returns the same simulator, which gives trials adjusted estimates or not.
    #[must_use]
    pub fn with_estimates(self, adjusted: AdjustedEstimates) -> Self {
        Self { adjusted, ..self }
    }

    /// Returns the observer of the phases.
    pub fn observer(&mut self) -> &mut O {
        &mut self.phases
    }

    /// Simulates one replicate.
    pub fn run(&mut self, replicate: Replicate) -> ReplicateResult {
        let mut result = ReplicateResult::default();
        self.run_into(replicate.0..replicate.0 + 1, &mut result);
        result
    }

    /// Simulates the first of these replicates; the others are to follow one by one. Patients of the next
    /// few are enrolled together, which is faster and changes no result.
    #[inline]
    pub fn run_into(&mut self, replicates: Range<u64>, result: &mut ReplicateResult) {
        let Self { scenario, streams, cohort, phases, .. } = self;
        cohort.enrol_together(scenario, *streams, replicates.clone(), phases);
        // Emptied first: after a cancellation it has the trials that were finished, and none of an earlier
        // replicate.
        result.trials.clear();
        result.rules.clear();
        result.own_looks.clear();
        let mut enrolled = self.enrol(Replicate(replicates.start), result);
        enrolled.measure_balance();
        // Asked before each truth, as following the patients of a large trial takes long.
        while !enrolled.is_cancelled()
            && let Some(mut followed) = enrolled.follow_next()
        {
            followed.analyse_all();
        }
        // The chance of a large trial's simpler twin takes long to enumerate the first time.
        if !enrolled.is_cancelled() {
            enrolled.measure_control_variates();
        }
    }

    /// Enrols the patients of a replicate: draws everything that all truths share.
    pub fn enrol<'b>(
        &'b mut self,
        replicate: Replicate,
        result: &'b mut ReplicateResult,
    ) -> EnrolledCohort<'b, 's, O> {
        EnrolledCohort::draw(self, replicate, result)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = include_str!("../../scenarios/angel-reboot.toml");

    #[test]
    fn trials_depend_on_the_replicate_alone() {
        let scenario = Scenario::parse(SCENARIO, &[]).expect("the shipped scenario is valid");
        let mut one = Simulator::new(&scenario);
        let mut other = Simulator::new(&scenario);
        for r in 0..19 {
            other.run(Replicate(r));
        }
        let (one, other) = (one.run(Replicate(19)), other.run(Replicate(19)));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    /// By minimisation, by blocks in strata, by minimisation with the centre; one replicate is left out,
    /// and the last are too few.
    #[test]
    fn enrolled_together_trials_are_those_enrolled_alone() {
        let blocks =
            r#"randomisation={method="permuted_blocks",block_sizes=[4],stratify_by=["nihss"]}"#;
        let centres = include_str!("../../scenarios/angel-reboot-centres.toml");
        for (text, set) in [(SCENARIO, "seed=1"), (SCENARIO, blocks), (centres, "seed=1")] {
            let set = [set.replace("seed", "run.seed")];
            let scenario = Scenario::parse(text, &set).expect("valid");
            let mut alone = Simulator::new(&scenario);
            let mut together = Simulator::new(&scenario);
            let mut result = ReplicateResult::default();
            for r in (0..18).filter(|r| *r != 5) {
                together.run_into(r..18, &mut result);
                assert_eq!(format!("{:?}", alone.run(Replicate(r))), format!("{result:?}"));
            }
        }
    }

    #[test]
    fn without_effect_both_truths_have_the_same_trials() {
        let set = ["outcome.experimental.common_odds_ratio=1.0".to_owned()];
        let scenario = Scenario::parse(SCENARIO, &set).expect("valid");
        let mut simulator = Simulator::new(&scenario);
        for r in 0..20 {
            let result = simulator.run(Replicate(r));
            let half = result.trials.len() / 2;
            for (a, b) in result.trials[..half].iter().zip(&result.trials[half..]) {
                assert_eq!(
                    (a.look, a.conclusion, a.n_analysed),
                    (b.look, b.conclusion, b.n_analysed)
                );
                assert_eq!(a.test, b.test);
            }
        }
    }
}
