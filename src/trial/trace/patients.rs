//! The patients of a traced trial.

use serde::Serialize;

use super::month;
use crate::procedure::{End, ProcedureRecord};
use crate::randomisation::{AllocationState, Arm, Preference};
use crate::rng::Purpose;
use crate::scenario::{Scenario, Truth};
use crate::trial::cohort::Cohort;
use crate::trial::{FollowedCohort, TrialResult};

/// A patient, from arrival to outcome.
#[derive(Debug, Clone, Serialize)]
pub struct PatientTrace {
    /// Number in order of arrival, from 1.
    pub patient: u32,
    /// Day of arrival and randomisation.
    pub day: f64,
    /// Months from the opening of the trial to that day.
    pub month: f64,
    /// Number of the centre, from 1; `None` without centres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<u32>,
    /// Level of each of the trace's factors.
    pub levels: Vec<String>,
    /// Arms of the patients before.
    pub before: ArmsBefore,
    /// The arm that balance preferred; `None` if the method weighs no imbalances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Preference>,
    /// The arm allocated.
    pub arm: Arm,
    /// The arm whose treatment the patient received; `None` if all patients adhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Arm>,
    /// The procedure; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<PatientProcedure>,
    /// The early mRS; `None` if none is observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_mrs: Option<u8>,
    /// The mRS at the end of follow-up, known or not.
    pub mrs: u8,
    /// Day on which follow-up ends, with or without an outcome.
    pub followed_until_day: f64,
    /// Day on which the mRS is known; `None` for patients lost to follow-up.
    pub outcome_day: Option<f64>,
    /// Names of the patient's adverse events; `None` if none are followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// Patients already in control and experimental arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArmsBefore {
    /// Patients in the whole trial.
    pub trial: [u32; 2],
    /// Patients with the patient's own level of each factor.
    pub levels: Vec<[u32; 2]>,
    /// Patients in the patient's own centre; `None` without centres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<[u32; 2]>,
}

/// A patient's procedure, pass by pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatientProcedure {
    /// Passes before randomisation, all without lasting success.
    pub passes_before: u8,
    /// Whether each pass after randomisation reperfused, lasting or not.
    pub reperfused: Vec<bool>,
    /// End of the procedure.
    pub end: End,
    /// Whether a symptomatic haemorrhage followed.
    pub haemorrhage: bool,
    /// Whether there was a perforation or dissection.
    pub perforation: bool,
    /// Whether either was fatal.
    pub fatal: bool,
    /// Minutes from puncture to end; `None` if they are not simulated.
    pub minutes: Option<f64>,
}

impl From<ProcedureRecord> for PatientProcedure {
    fn from(record: ProcedureRecord) -> Self {
        let ProcedureRecord { state, passes_before, reperfusions, minutes } = record;
        let after = passes_before..state.passes;
        Self {
            passes_before,
            reperfused: after.map(|pass| reperfusions >> pass & 1 == 1).collect(),
            end: state.end,
            haemorrhage: state.haemorrhage,
            perforation: state.perforation,
            fatal: state.fatal,
            // A record without minutes has 0; no procedure takes none.
            minutes: (minutes > 0.0).then_some(minutes),
        }
    }
}

impl FollowedCohort<'_, '_> {
    /// Traces the patients of a trial.
    pub(super) fn patients(&self, trial: &TrialResult) -> Vec<PatientTrace> {
        let changed = trial.size.and_then(|size| size.changed);
        let paused_days = changed.map_or(0.0, |changed| changed.paused_days);
        let planned = self.simulator.scenario.randomised as usize;
        // Patients beyond the planned number come later by the pause of recruitment.
        let later = |i: usize| if i < planned { 0.0 } else { paused_days };
        // Of all patients: what balance prefers depends on those before.
        let preferred = self.preferences();
        let mut arms = ArmCounts::new(self.simulator.scenario);
        let (scenario, cohort) = (self.simulator.scenario, self.cohort());
        (0..trial.n_randomised as usize)
            .map(|i| PatientTrace {
                patient: i as u32 + 1,
                day: cohort.enrolled.arrival_days[i] + later(i),
                month: month(cohort.enrolled.arrival_days[i] + later(i)),
                centre: cohort.enrolled.centres.of_patient(i).map(|centre| centre + 1),
                levels: level_names(scenario, cohort.enrolled.strata[i]),
                before: arms.before(scenario, cohort, i),
                preferred: preferred[i],
                arm: cohort.enrolled.arms[i],
                received: scenario.adherence.as_ref().map(|_| cohort.received[i]),
                procedure: self.procedure(i),
                early_mrs: cohort.early.get(i).map(|mrs| mrs.index() as u8),
                // Also that of a patient lost to follow-up, which the trial never saw.
                mrs: cohort.mrs[i].index() as u8,
                followed_until_day: cohort.due_days[i] + later(i),
                outcome_day: Some(cohort.outcome_days[i] + later(i)).filter(|day| day.is_finite()),
                events: event_names(scenario, cohort.events.get(i).copied()),
            })
            .collect()
    }

    /// Performs a patient's procedure again: a run keeps it under one truth alone, and out of order.
    fn procedure(&self, i: usize) -> Option<PatientProcedure> {
        let procedure = self.simulator.scenario.procedural()?.procedure();
        let cohort = &self.simulator.cohort;
        let (draws, entry) = cohort.procedures[i];
        let record = match self.truth {
            Truth::Null => procedure.perform_as_control(entry, draws),
            Truth::Alternative | Truth::Prior | Truth::Configuration { .. } => {
                procedure.perform(cohort.enrolled.arms[i], entry, draws)
            }
        };
        Some(record.into())
    }

    /// Finds which arm balance preferred for each patient, by allocating all of them again.
    fn preferences(&self) -> Vec<Option<Preference>> {
        let (scenario, cohort) = (self.simulator.scenario, self.cohort());
        let method = &scenario.randomisation;
        let mut state = AllocationState::default();
        method.reset(&mut state);
        let mut rng = self.streams.stream(Purpose::Allocation);
        let strata = cohort.enrolled.randomised_by(scenario);
        let patients = strata.iter().zip(&cohort.enrolled.arms);
        patients
            .map(|(&stratum, &arm)| {
                let preferred = method.preferred(&state, stratum as usize);
                // Allocated as well, since the next preference depends on the arm.
                let again = method.allocate(&mut state, stratum as usize, &mut rng);
                assert_eq!(again, arm, "the same draws allocate the same arms");
                preferred
            })
            .collect()
    }
}

/// Returns the names of the levels of a stratum.
fn level_names(scenario: &Scenario, stratum: u32) -> Vec<String> {
    let population = &scenario.population;
    let factors = population.factors().iter().zip(population.levels(stratum as usize));
    factors.map(|(factor, &level)| factor.levels[level].clone()).collect()
}

/// Returns the names of the events whose bits are set; `None` if none are followed.
fn event_names(scenario: &Scenario, bits: Option<u8>) -> Option<Vec<String>> {
    let endpoints = scenario.safety.as_ref()?.endpoints.iter().enumerate();
    let bits = bits.expect("events are drawn for every patient if they are followed");
    let had = endpoints.filter(|(bit, _)| bits >> bit & 1 == 1);
    Some(had.map(|(_, endpoint)| endpoint.name.clone()).collect())
}

/// Numbers of patients in the arms as patients arrive.
struct ArmCounts {
    trial: [u32; 2],
    /// Patients of each level of each factor.
    levels: Vec<Vec<[u32; 2]>>,
    centres: Vec<[u32; 2]>,
}

impl ArmCounts {
    fn new(scenario: &Scenario) -> Self {
        let factors = scenario.population.factors().iter();
        let centres = scenario.centres.as_ref().map_or(0, |centres| centres.number);
        Self {
            trial: [0; 2],
            levels: factors.map(|factor| vec![[0; 2]; factor.levels.len()]).collect(),
            centres: vec![[0; 2]; centres as usize],
        }
    }

    /// Returns the arms of the patients before i, the next one, and counts i.
    fn before(&mut self, scenario: &Scenario, cohort: &Cohort, i: usize) -> ArmsBefore {
        let arm = cohort.enrolled.arms[i];
        let own = scenario.population.levels(cohort.enrolled.strata[i] as usize);
        let levels = self.levels.iter_mut().zip(own);
        let centre = cohort.enrolled.centres.of_patient(i);
        ArmsBefore {
            trial: count_after(&mut self.trial, arm),
            levels: levels.map(|(factor, &level)| count_after(&mut factor[level], arm)).collect(),
            centre: centre.map(|centre| count_after(&mut self.centres[centre as usize], arm)),
        }
    }
}

/// Adds a patient to an arm and returns the counts before.
fn count_after(counts: &mut [u32; 2], arm: Arm) -> [u32; 2] {
    let before = *counts;
    counts[arm.index()] += 1;
    before
}
