//! A replicate whose patients are enrolled: what all truths share.

use super::cohort::Cohort;
use super::{
    DrawnOutcomes, FollowedCohort, LookSequence, Phase, PhaseObserver, ReplicateResult,
    ReplicateStreams, Simulator, safety,
};
use crate::analysis::KnownOutcomes;
use crate::outcome::OutcomeModel;
use crate::outcome::safety::Event;
use crate::randomisation::AllocationRatio;
use crate::rng::{Purpose, Replicate, uniform};
use crate::scenario::{Outcomes, Scenario, Truth};

/// The patients of a replicate with their arms and days, to be followed under one truth after another.
#[derive(Debug)]
pub struct EnrolledCohort<'b, 's, O = ()> {
    simulator: &'b mut Simulator<'s, O>,
    result: &'b mut ReplicateResult,
    streams: ReplicateStreams,
    /// Number of truths under which the patients have been followed.
    followed: usize,
}

impl<'b, 's, O: PhaseObserver> EnrolledCohort<'b, 's, O> {
    /// Draws everything about the patients of a replicate but their mRS.
    pub(super) fn draw(
        simulator: &'b mut Simulator<'s, O>,
        replicate: Replicate,
        result: &'b mut ReplicateResult,
    ) -> Self {
        let Simulator { scenario, cohort, drawn, phases, .. } = simulator;
        let streams = ReplicateStreams { streams: simulator.streams, replicate };
        cohort.draw(scenario, streams, phases);
        let truths = scenario.truths().len();
        // Not cleared: the inner vectors keep their memory for the next replicate.
        result.looks.resize_with(truths, Vec::new);
        result.safety.resize_with(truths, Vec::new);
        if let (Some(prior), Some(drawn)) = (&scenario.prior, drawn) {
            let mut rng = streams.stream(Purpose::Effect);
            drawn.shift(prior.draw(uniform(&mut rng), uniform(&mut rng)));
        }
        Self { simulator, result, streams, followed: 0 }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.simulator.is_cancelled()
    }

    /// Measures how evenly and predictably the patients were allocated.
    pub(super) fn measure_balance(&mut self) {
        let Simulator { scenario, cohort, allocated, phases, .. } = &mut *self.simulator;
        let population = &scenario.population;
        // The whole trial, then the levels of each factor.
        let levels = population.factors().iter().map(|factor| factor.levels.len()).sum::<usize>();
        allocated.clear();
        allocated.resize(1 + levels, [0; 2]);
        // From the strata, whose arms have been counted for the guesses, rather than from the patients.
        for (stratum, &counts) in cohort.enrolled.allocated.iter().enumerate() {
            add_arms(&mut allocated[0], counts);
            let mut first = 1;
            for (factor, &level) in population.factors().iter().zip(population.levels(stratum)) {
                add_arms(&mut allocated[first + level], counts);
                first += factor.levels.len();
            }
        }
        let result = &mut *self.result;
        result.imbalances.clear();
        result.imbalances.extend(allocated.iter().map(|&arms| imbalance(scenario.ratio, arms)));
        cohort.enrolled.balance_centres(scenario, &mut result.centres);
        result.correct_guesses = cohort.enrolled.correct_guesses;
        phases.ended(Phase::Allocation);
    }

    /// Measures the control variates, once the patients are followed under every truth.
    pub(super) fn measure_control_variates(&mut self) {
        let Simulator { scenario, cohort, control_variates, phases, .. } = &mut *self.simulator;
        if let Some(control_variates) = control_variates {
            let patients = cohort.for_control_variates(scenario);
            control_variates.measure(patients, &mut self.result.control_deviations);
            phases.ended(Phase::Analysis);
        }
    }

    /// Follows the patients under the next of the scenario's truths; `None` after the last.
    // In their order, as a truth uses what the one before it has left: the null truth the procedures of the
    // control arm, and every truth the looks of the first if dropout does not depend on the outcome.
    pub(super) fn follow_next(&mut self) -> Option<FollowedCohort<'_, 's, O>> {
        let &truth = self.simulator.scenario.truths().get(self.followed)?;
        self.followed += 1;
        let (simulator, result) = (&mut *self.simulator, &mut *self.result);
        let looks = simulator.follow(truth, result);
        Some(FollowedCohort::new(simulator, result, self.streams, truth, looks))
    }

    /// Follows the patients under a truth of the scenario.
    pub fn follow(mut self, truth: Truth) -> FollowedCohort<'b, 's, O> {
        while self.followed < truth.index() {
            self.follow_next();
        }
        let Self { simulator, result, streams, .. } = self;
        let looks = simulator.follow(truth, result);
        FollowedCohort::new(simulator, result, streams, truth, looks)
    }
}

impl<O: PhaseObserver> Simulator<'_, O> {
    /// Draws outcomes and adverse events under a truth, finds the looks and fills their tables.
    fn follow(&mut self, truth: Truth, result: &mut ReplicateResult) -> LookSequence {
        let Self { scenario, cohort, drawn, known, safety: results, by_level, phases, .. } = self;
        draw_outcomes(cohort, scenario, drawn.as_ref(), truth, result);
        let is_stated = scenario.procedural().is_none();
        phases.ended(if is_stated { Phase::Outcome } else { Phase::Procedure });
        if truth == Truth::Alternative || scenario.loses_by_outcome() {
            cohort.lose(scenario, 0);
            // Those of the replicate before would count as looks that have taken place.
            result.looks[truth.index()].clear();
            cohort.find_looks(scenario, &mut result.looks[truth.index()]);
            if let Some(adaptation) = &scenario.adaptation.population {
                cohort.place_by_level(adaptation, 0);
            }
        } else {
            // Dropout is that of the alternative, and so are the days on which outcomes are known.
            let (first, others) = result.looks.split_at_mut(1);
            others[truth.index() - 1].clone_from(&first[0]);
        }
        let moments = &result.looks[truth.index()];
        for set in scenario.analysis_sets() {
            let known = &mut known[set as usize];
            // Kept by number of looks: tables of looks that a replicate skips are needed in the next.
            known.resize_with(moments.len(), KnownOutcomes::default);
            let Some(adaptation) = &scenario.adaptation.population else {
                cohort.fill_tables(known, scenario.detail, set);
                continue;
            };
            // Counted once: the whole trial is the sum of its levels.
            let by_level = &mut by_level[set as usize];
            by_level.resize_with(moments.len() * adaptation.levels, KnownOutcomes::default);
            cohort.fill_by_level(by_level, scenario.detail, set, adaptation, 0);
            for (known, levels) in known.iter_mut().zip(by_level.chunks(adaptation.levels)) {
                known.reset(scenario.detail);
                levels.iter().for_each(|level| known.add(level));
            }
        }
        let looks = LookSequence::new(moments.len(), scenario.design.looks().len());
        if scenario.safety.is_some() {
            cohort.draw_events(scenario, truth, events_of(scenario, drawn.as_ref(), truth));
            safety::follow(scenario, cohort, moments, looks, results);
        }
        phases.ended(Phase::Looks);
        looks
    }
}

impl DrawnOutcomes {
    /// Moves the experimental arm by a log odds ratio.
    fn shift(&mut self, log_odds_ratio: f64) {
        self.log_odds_ratio = log_odds_ratio;
        self.model.shift_experimental(log_odds_ratio);
        let [_, experimental] = self.model.marginal();
        for event in &mut self.events {
            if let Event::Stated(stated) = event {
                *stated = stated.with_experimental(experimental);
            }
        }
    }
}

/// Draws every patient's mRS under a truth.
fn draw_outcomes(
    cohort: &mut Cohort,
    scenario: &Scenario,
    drawn: Option<&DrawnOutcomes>,
    truth: Truth,
    result: &mut ReplicateResult,
) {
    match (&scenario.outcomes, truth) {
        (Outcomes::Stated(models), truth) => {
            cohort.draw_mrs(stated_model(models, scenario, drawn, truth), 0);
        }
        (Outcomes::AfterProcedure(model), Truth::Null) => cohort.perform_as_control(model),
        (
            Outcomes::AfterProcedure(model),
            Truth::Alternative | Truth::Prior | Truth::Configuration { .. },
        ) => {
            // Validation refuses a prior and configurations with a procedure.
            cohort.perform(model, &mut result.courses);
        }
    }
}

/// Returns the model of stated outcomes under a truth.
fn stated_model<'m>(
    models: &'m [OutcomeModel; 2],
    scenario: &'m Scenario,
    drawn: Option<&'m DrawnOutcomes>,
    truth: Truth,
) -> &'m OutcomeModel {
    match truth {
        Truth::Alternative | Truth::Null => &models[truth.index()],
        Truth::Prior => &drawn.expect("a truth drawn from a prior has its outcomes").model,
        Truth::Configuration { .. } => {
            let configuration = scenario.configuration(truth);
            &configuration.expect("the scenario has all its truths").model
        }
    }
}

/// Returns the adverse events of a truth other than the alternative and its null twin, under which the
/// experimental treatment is the control treatment.
pub(super) fn events_of<'e>(
    scenario: &'e Scenario,
    drawn: Option<&'e DrawnOutcomes>,
    truth: Truth,
) -> Option<&'e [Event]> {
    match truth {
        Truth::Alternative | Truth::Null => None,
        Truth::Prior => drawn.map(|drawn| &drawn.events[..]),
        Truth::Configuration { .. } => scenario.configuration(truth).map(|it| &it.events[..]),
    }
}

/// Draws the mRS of the patients after the `first` ones under a truth, in a trial whose outcomes are stated.
pub(super) fn draw_stated(
    cohort: &mut Cohort,
    scenario: &Scenario,
    drawn: Option<&DrawnOutcomes>,
    truth: Truth,
    first: usize,
) {
    // Validation refuses procedures where outcomes are drawn again.
    if let Outcomes::Stated(models) = &scenario.outcomes {
        cohort.draw_mrs(stated_model(models, scenario, drawn, truth), first);
    }
}

fn add_arms(sum: &mut [u32; 2], [control, experimental]: [u32; 2]) {
    sum[0] += control;
    sum[1] += experimental;
}

/// Returns how far the arms are from the ratio, see [`ReplicateResult::imbalances`].
pub(super) fn imbalance(ratio: AllocationRatio, [control, experimental]: [u32; 2]) -> u32 {
    // In whole numbers: a fraction of a patient would be rounded differently in every ratio.
    let has = u64::from(experimental) * u64::from(ratio.parts());
    let due = u64::from(control + experimental) * u64::from(ratio.experimental);
    (2 * has.abs_diff(due)) as u32
}
