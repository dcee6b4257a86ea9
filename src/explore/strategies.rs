//! One procedure under one rule after another: a stent after k passes, or never.
//!
//! Everyone enters before the first pass, so the rules are for all patients who come to
//! thrombectomy, not for those a trial would randomise. Patients are the same under every rule.

use std::ops::Range;

use serde::Serialize;

use super::precision::{self, OutOfReach, Verdict};
use crate::outcome::ProceduralModel;
use crate::outcome::flow::Measure;
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

/// Patients under each rule that one thread gets through in minutes.
pub const MOST_PATIENTS: f64 = 1e9;

/// Patients between two looks at the errors, rounded up to whole replicates.
const WAVE: u64 = 8192;

/// One procedure under several rules, with the patients simulated so far.
#[derive(Debug)]
pub struct Rules<'s> {
    scenario: &'s Scenario,
    rules: Vec<Rule>,
    patients: u64,
}

/// A rule with its patients.
#[derive(Debug)]
struct Rule {
    stent_after: Option<usize>,
    model: ProceduralModel,
    tally: ArmTally,
}

impl<'s> Rules<'s> {
    /// The rules "a stent after 1, 2, 3, 4 passes" and "never": then passes end after `max_passes`.
    /// Rules beyond `max_passes` are left out. `None` without a procedure.
    pub fn new(scenario: &'s Scenario, max_passes: usize) -> Option<Self> {
        let model = scenario.procedural()?;
        let stent = |&after: &usize| (Some(after), Strategy::passes_then(after, Then::Rescue));
        let stents = STENT_AFTER.iter().filter(|&&after| after <= max_passes).map(stent);
        let never = (None, Strategy::passes_then(max_passes, Then::Stop));
        let rule = |(stent_after, strategy): (Option<usize>, Strategy)| {
            let plan = Plan { strategy, crossover: 0.0 };
            let procedure = model.procedure().from_the_start([plan.clone(), plan]);
            let model = model.with_procedure(procedure);
            Rule { stent_after, model, tally: ArmTally::default() }
        };
        let rules = stents.chain([never]).map(rule).collect();
        Some(Self { scenario, rules, patients: 0 })
    }

    /// Simulates until there are so many patients. It cannot go on from a number that is no multiple
    /// of the scenario's patients.
    pub fn simulate(&mut self, patients: u64) {
        assert!(
            self.patients.is_multiple_of(u64::from(self.scenario.randomised)),
            "a part is lost"
        );
        for rule in &mut self.rules {
            simulate(self.scenario, rule, self.patients..patients);
        }
        self.patients = patients;
    }

    /// Simulates in waves of fixed size until the largest standard error of a measure over the rules
    /// is `asked` or less; gives that error.
    ///
    /// # Errors
    /// When more than [`MOST_PATIENTS`] would be needed, or nobody has the measure.
    pub fn simulate_until(&mut self, measure: Measure, asked: f64) -> Result<f64, OutOfReach> {
        let per_replicate = u64::from(self.scenario.randomised);
        let wave = WAVE.div_ceil(per_replicate) * per_replicate;
        loop {
            self.simulate(self.patients + wave);
            let errors = self.rules.iter().map(|rule| rule.tally.error_to_stop_by(measure));
            let error = errors.fold(f64::NAN, f64::max);
            if precision::judge(asked, error, self.patients, MOST_PATIENTS)? == Verdict::Enough {
                return Ok(error);
            }
        }
    }

    /// Patients simulated under each rule.
    pub fn patients(&self) -> u64 {
        self.patients
    }

    /// What has come of every rule.
    pub fn summaries(&self) -> Vec<RuleSummary> {
        let summary = |rule: &Rule| {
            let patients = ArmSummary::new("all", &rule.tally, &rule.model, Arm::Control);
            RuleSummary { stent_after: rule.stent_after, patients }
        };
        self.rules.iter().map(summary).collect()
    }
}

/// Some patients more, from the start of a replicate.
fn simulate(scenario: &Scenario, rule: &mut Rule, patients: Range<u64>) {
    let Rule { model, tally, .. } = rule;
    let streams = Streams::new(scenario.seed);
    let per_replicate = u64::from(scenario.randomised);
    for first in patients.clone().step_by(scenario.randomised as usize) {
        let replicate = Replicate(first / per_replicate);
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
