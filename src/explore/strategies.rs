//! One procedure under one rule after another: a stent after k passes, or never.
//!
//! Everyone enters before the first pass, so the rules are for all patients who come to
//! thrombectomy, not for those a trial would randomise. Patients are the same under every rule.

use serde::Serialize;

use crate::outcome::ProceduralModel;
use crate::outcome::procedural::latent;
use crate::procedure::{Plan, Strategy, Then};
use crate::randomisation::Arm;
use crate::rng::{PatientDraws, Purpose, Replicate, Streams, uniform};
use crate::scenario::Scenario;
use crate::summary::procedure::{ArmSummary, ArmTally};
use crate::trial::PatientCourse;

/// Passes after which unresolved patients are stented.
const STENT_AFTER: [usize; 4] = [1, 2, 3, 4];

/// A rule and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSummary {
    /// Passes after which unresolved patients are stented; null for never.
    pub stent_after: Option<usize>,
    /// All patients, simulated and exact.
    #[serde(flatten)]
    pub patients: ArmSummary,
}

/// The rules "a stent after 1, 2, 3, 4 passes" and "never": then passes end after `max_passes`.
/// Rules beyond `max_passes` are left out. `None` without a procedure.
pub fn strategies(
    scenario: &Scenario,
    max_passes: usize,
    patients: u64,
) -> Option<Vec<RuleSummary>> {
    let model = scenario.procedural()?;
    let stent = |&after: &usize| (Some(after), Strategy::passes_then(after, Then::Rescue));
    let stents = STENT_AFTER.iter().filter(|&&after| after <= max_passes).map(stent);
    let never = (None, Strategy::passes_then(max_passes, Then::Stop));
    let summary = |(stent_after, strategy): (Option<usize>, Strategy)| {
        let plan = Plan { strategy, crossover: 0.0 };
        let procedure = model.procedure().from_the_start([plan.clone(), plan]);
        let model = model.with_procedure(procedure);
        let tally = simulate(scenario, &model, patients);
        let patients = ArmSummary::new("all", &tally, &model, Arm::Control);
        RuleSummary { stent_after, patients }
    };
    Some(stents.chain([never]).map(summary).collect())
}

/// The patients of as many replicates as it takes.
fn simulate(scenario: &Scenario, model: &ProceduralModel, patients: u64) -> ArmTally {
    let streams = Streams::new(scenario.seed);
    let mut tally = ArmTally::default();
    let per_replicate = u64::from(scenario.randomised);
    for first in (0..patients).step_by(scenario.randomised as usize) {
        let replicate = Replicate(first / per_replicate);
        let mut baseline = streams.stream(replicate, Purpose::Baseline);
        let mut keys = streams.stream(replicate, Purpose::Procedure);
        let mut outcomes = streams.stream(replicate, Purpose::Outcome);
        for _ in first..patients.min(first + per_replicate) {
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
    tally
}
