//! The patients of a traced trial.

use serde::Serialize;

use super::month;
use crate::outcome::Mrs;
use crate::procedure::{End, ProcedureRecord};
use crate::randomisation::{AllocationState, Arm, Preference};
use crate::rng::Purpose;
use crate::scenario::Truth;
use crate::trial::{Seen, Simulator};

/// A patient, from arrival to outcome.
#[derive(Debug, Clone, Serialize)]
pub struct PatientTrace {
    /// In order of arrival, from 1.
    pub patient: u32,
    /// Day of arrival and randomisation.
    pub day: f64,
    /// The same in months.
    pub month: f64,
    /// From 1; `None` where centres are not told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<u32>,
    /// Of each of the trace's factors.
    pub levels: Vec<String>,
    /// How the arms stood when the patient came.
    pub before: ArmsBefore,
    /// The arm that balance asked for; `None` where the method weighs no imbalances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Preference>,
    /// The arm allocated.
    pub arm: Arm,
    /// The arm whose treatment the patient got; `None` where everyone adheres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Arm>,
    /// `None` without a procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<PatientProcedure>,
    /// The mRS seen early; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_mrs: Option<u8>,
    /// What the patient comes to have, known or not.
    pub mrs: u8,
    /// Day on which follow-up ends, with or without an outcome.
    pub followed_until_day: f64,
    /// Day on which the mRS is known; `None` for those lost to follow-up.
    pub outcome_day: Option<f64>,
    /// Names of the adverse events that the patient has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// Patients already in control and experimental arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArmsBefore {
    /// In the whole trial.
    pub trial: [u32; 2],
    /// With the patient's own level of each factor.
    pub levels: Vec<[u32; 2]>,
    /// In the patient's own centre; `None` where centres are not told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centre: Option<[u32; 2]>,
}

/// A patient's procedure, pass by pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatientProcedure {
    /// Passes before randomisation, all without lasting success.
    pub passes_before: u8,
    /// Of each pass after randomisation whether it reperfused, lasting or not.
    pub reperfused: Vec<bool>,
    /// How it ended.
    pub end: End,
    /// Symptomatic haemorrhage.
    pub haemorrhage: bool,
    /// Perforation or dissection.
    pub perforation: bool,
    /// Whether either was fatal.
    pub fatal: bool,
    /// From puncture to end; `None` where minutes are not counted.
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
            minutes: (minutes > 0.0).then_some(minutes),
        }
    }
}

impl Simulator<'_> {
    /// Those who were randomised first.
    pub(super) fn patients(&self, seen: Seen<'_>, randomised: u32) -> Vec<PatientTrace> {
        let preferred = self.preferences(seen);
        let mut arms = Arms::new(self);
        let patient = |i: usize| {
            let before = arms.before(i);
            PatientTrace { preferred: preferred[i], before, ..self.patient(seen, i) }
        };
        (0..randomised as usize).map(patient).collect()
    }

    /// What the columns have of patient i.
    fn patient(&self, seen: Seen<'_>, i: usize) -> PatientTrace {
        let cohort = &self.cohort;
        let day = cohort.enrolled.arrival_days[i];
        let score = |mrs: Mrs| mrs.index() as u8;
        PatientTrace {
            patient: i as u32 + 1,
            day,
            month: month(day),
            centre: cohort.enrolled.centres.of_patient(i).map(|centre| centre + 1),
            levels: self.levels(i),
            before: ArmsBefore { trial: [0; 2], levels: Vec::new(), centre: None },
            preferred: None,
            arm: cohort.enrolled.arms[i],
            received: self.scenario.adherence.as_ref().map(|_| cohort.received[i]),
            procedure: self.procedure(seen.truth, i),
            early_mrs: cohort.early.get(i).copied().map(score),
            mrs: score(cohort.mrs[i]),
            followed_until_day: cohort.due_days[i],
            outcome_day: Some(cohort.outcome_days[i]).filter(|day| day.is_finite()),
            events: self.events(i),
        }
    }

    /// Names of the patient's levels.
    fn levels(&self, i: usize) -> Vec<String> {
        let population = &self.scenario.population;
        let levels = population.levels(self.cohort.enrolled.strata[i] as usize);
        let of_factors = population.factors().iter().zip(levels);
        of_factors.map(|(factor, &level)| factor.levels[level].clone()).collect()
    }

    /// The procedure again, which a run keeps under one truth alone and out of order.
    fn procedure(&self, truth: Truth, i: usize) -> Option<PatientProcedure> {
        let procedure = self.scenario.procedural()?.procedure();
        let (draws, entry) = self.cohort.procedures[i];
        let record = match truth {
            Truth::Null => procedure.perform_as_control(entry, draws),
            _ => procedure.perform(self.cohort.enrolled.arms[i], entry, draws),
        };
        Some(record.into())
    }

    fn events(&self, i: usize) -> Option<Vec<String>> {
        let endpoints = &self.scenario.safety.as_ref()?.endpoints;
        let happened = |(bit, _): &(usize, _)| self.cohort.events[i] >> bit & 1 == 1;
        let events = endpoints.iter().enumerate().filter(happened);
        Some(events.map(|(_, endpoint)| endpoint.name.clone()).collect())
    }

    /// What balance asked for when each patient came, by allocating all of them again.
    fn preferences(&self, seen: Seen<'_>) -> Vec<Option<Preference>> {
        let Self { scenario, streams, cohort, .. } = self;
        let method = &scenario.randomisation;
        let mut state = AllocationState::default();
        method.reset(&mut state);
        let mut rng = streams.stream(seen.replicate, Purpose::Allocation);
        let strata = cohort.enrolled.randomised_by(scenario);
        let preference = |(&stratum, &arm): (&u32, &Arm)| {
            let preferred = method.preferred(&state, stratum as usize);
            let again = method.allocate(&mut state, stratum as usize, &mut rng);
            assert_eq!(again, arm, "the same draws allocate the same arms");
            preferred
        };
        strata.iter().zip(&cohort.enrolled.arms).map(preference).collect()
    }
}

/// Counts of the arms as patients come.
struct Arms<'s> {
    simulator: &'s Simulator<'s>,
    trial: [u32; 2],
    /// Of each level of each factor.
    levels: Vec<Vec<[u32; 2]>>,
    centres: Vec<[u32; 2]>,
}

impl<'s> Arms<'s> {
    fn new(simulator: &'s Simulator<'s>) -> Self {
        let scenario = simulator.scenario;
        let factors = scenario.population.factors().iter();
        let centres = scenario.centres.as_ref().map_or(0, |centres| centres.number);
        Self {
            simulator,
            trial: [0; 2],
            levels: factors.map(|factor| vec![[0; 2]; factor.levels.len()]).collect(),
            centres: vec![[0; 2]; centres as usize],
        }
    }

    /// How the arms stand when patient i comes, the next; then counts the patient in.
    fn before(&mut self, i: usize) -> ArmsBefore {
        let Simulator { scenario, cohort, .. } = self.simulator;
        let arm = cohort.enrolled.arms[i].index();
        let count_in = |counts: &mut [u32; 2]| {
            let before = *counts;
            counts[arm] += 1;
            before
        };
        let own = scenario.population.levels(cohort.enrolled.strata[i] as usize);
        let levels = self.levels.iter_mut().zip(own);
        ArmsBefore {
            trial: count_in(&mut self.trial),
            levels: levels.map(|(factor, &level)| count_in(&mut factor[level])).collect(),
            centre: cohort
                .enrolled
                .centres
                .of_patient(i)
                .map(|centre| count_in(&mut self.centres[centre as usize])),
        }
    }
}
