//! One procedure under several strategies: a stent after k passes, or never.
//!
//! All patients enter before the first pass, so the results are for all patients who come to
//! thrombectomy, not for those whom a trial would randomise. Patients are the same under every
//! strategy.

use std::ops::Range;

use serde::Serialize;

use super::precision::{self, OutOfReach, Verdict};
use crate::outcome::ProceduralModel;
use crate::outcome::flow::Measure;
use crate::outcome::procedural::latent;
use crate::procedure::{ArmPlan, LastStep, Strategy};
use crate::randomisation::Arm;
use crate::rng::{PatientDraws, Purpose, Replicate, Streams, uniform};
use crate::scenario::Scenario;
use crate::summary::procedure::{ArmSummary, ArmTally};
use crate::trial::PatientCourse;

/// Numbers of passes after which patients with persistent occlusion are stented.
const STENT_AFTER: [usize; 4] = [1, 2, 3, 4];

/// The results of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategySummary {
    /// Number of passes after which patients with persistent occlusion are stented; null for never.
    pub stent_after: Option<usize>,
    /// All patients, simulated and exact.
    #[serde(flatten)]
    pub patients: ArmSummary,
}

/// Largest number of patients under each strategy, which one thread simulates within minutes.
pub const MOST_PATIENTS: f64 = 1e9;

/// Patients simulated under each strategy unless asked otherwise.
// A share of patients then has a standard error of at most 0.16 %.
pub const DEFAULT_PATIENTS: u64 = 100_000;

/// Returns the maximum number of passes under every strategy unless asked otherwise: that of the scenario's
/// procedure, or 5.
pub fn default_max_passes(scenario: &Scenario) -> u32 {
    let procedure = scenario.file().procedure.as_ref();
    procedure.and_then(|procedure| procedure.max_passes).unwrap_or(5)
}

/// Number of patients between two evaluations of the standard errors, rounded up to whole replicates.
const WAVE: u64 = 8192;

/// One procedure under several strategies, with the patients simulated so far.
#[derive(Debug)]
pub struct StrategyComparison<'s> {
    scenario: &'s Scenario,
    strategies: Vec<SimulatedStrategy>,
    patients: u64,
}

/// A strategy with its patients.
#[derive(Debug)]
struct SimulatedStrategy {
    stent_after: Option<usize>,
    model: ProceduralModel,
    tally: ArmTally,
}

impl<'s> StrategyComparison<'s> {
    /// Sets up the strategies "a stent after 1, 2, 3, 4 passes", without those beyond `max_passes`, and
    /// "never", under which the procedure ends after `max_passes`. `None` without a procedure.
    pub fn new(scenario: &'s Scenario, max_passes: usize) -> Option<Self> {
        let model = scenario.procedural()?;
        let mut strategies = Vec::new();
        for after in STENT_AFTER.into_iter().filter(|&after| after <= max_passes) {
            let strategy = Strategy::passes_then(after, LastStep::Rescue);
            strategies.push(SimulatedStrategy::new(model, Some(after), strategy));
        }
        let never = Strategy::passes_then(max_passes, LastStep::Stop);
        strategies.push(SimulatedStrategy::new(model, None, never));
        Some(Self { scenario, strategies, patients: 0 })
    }

    /// Simulates until there are `patients` patients under each strategy.
    ///
    /// # Panics
    /// If the last call did not end with a whole replicate.
    pub fn simulate(&mut self, patients: u64) {
        // Streams begin with their replicate: the rest of one cannot be simulated alone.
        assert!(
            self.patients.is_multiple_of(u64::from(self.scenario.randomised)),
            "the rest of a replicate cannot be simulated alone"
        );
        for strategy in &mut self.strategies {
            strategy.simulate(self.scenario, self.patients..patients);
        }
        self.patients = patients;
    }

    /// Simulates in waves of fixed size until the largest standard error of a measure over the
    /// strategies is at most `asked`, and returns that error.
    ///
    /// # Errors
    /// [`OutOfReach`] if more than [`MOST_PATIENTS`] would be needed, or no patient has the measure.
    pub fn simulate_until(&mut self, measure: Measure, asked: f64) -> Result<f64, OutOfReach> {
        let per_replicate = u64::from(self.scenario.randomised);
        // Fixed waves, so that the number of patients does not depend on the machine.
        let wave = WAVE.div_ceil(per_replicate) * per_replicate;
        loop {
            self.simulate(self.patients + wave);
            let error = self
                .strategies
                .iter()
                .map(|strategy| strategy.tally.error_to_stop_by(measure))
                .fold(f64::NAN, f64::max);
            if precision::judge(asked, error, self.patients, MOST_PATIENTS)? == Verdict::Enough {
                return Ok(error);
            }
        }
    }

    /// Returns the number of patients simulated under each strategy.
    pub fn patients(&self) -> u64 {
        self.patients
    }

    /// Summarises every strategy.
    pub fn summaries(&self) -> Vec<StrategySummary> {
        self.strategies
            .iter()
            .map(|SimulatedStrategy { stent_after, model, tally }| StrategySummary {
                stent_after: *stent_after,
                // Both arms of the procedure follow the strategy; either may be read.
                patients: ArmSummary::new("all", tally, model, Arm::Control),
            })
            .collect()
    }
}

impl SimulatedStrategy {
    fn new(model: &ProceduralModel, stent_after: Option<usize>, strategy: Strategy) -> Self {
        // The strategy is followed by all patients of both arms, without crossover.
        let plan = ArmPlan { strategy, crossover: 0.0 };
        let procedure = model.procedure().from_the_start([plan.clone(), plan]);
        let model = model.with_procedure(procedure);
        Self { stent_after, model, tally: ArmTally::default() }
    }

    /// Simulates a range of patients, which begins with a replicate.
    fn simulate(&mut self, scenario: &Scenario, patients: Range<u64>) {
        let Self { model, tally, .. } = self;
        let streams = Streams::new(scenario.seed);
        let per_replicate = u64::from(scenario.randomised);
        for first in patients.clone().step_by(scenario.randomised as usize) {
            let replicate = Replicate(first / per_replicate);
            // Anew for each strategy, so that all of them have the same patients.
            let mut baseline = streams.stream(replicate, Purpose::Baseline);
            let mut keys = streams.stream(replicate, Purpose::Procedure);
            let mut outcomes = streams.stream(replicate, Purpose::Outcome);
            for _ in first..patients.end.min(first + per_replicate) {
                let stratum = scenario.population.draw(&mut baseline) as usize;
                let draws = PatientDraws::new(&mut keys);
                let entry = model.procedure().enter(draws);
                let procedure = model.procedure().perform(Arm::Control, entry, draws);
                let latent = latent(uniform(&mut outcomes));
                let mrs = model.draw(&procedure.state, entry.class, stratum, latent);
                let course = PatientCourse { arm: Arm::Control, procedure, mrs };
                tally.add(&course, model.procedure().early_until());
            }
        }
    }
}
