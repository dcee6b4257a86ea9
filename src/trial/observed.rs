//! A look of a running trial, from its patients: tables and tests as a simulated look has them.

use super::analyst::{Analyst, missing_rule};
use super::{EventCounts, NEVER_CANCELLED, RandomisedSoFar, ReplicateStreams};
use crate::analysis::imputation::Imputation;
use crate::analysis::rerandomisation::Repeats;
use crate::analysis::{Detail, KnownOutcomes, OutcomeTable, TestResult};
use crate::bayes::EarlyCounts;
use crate::randomisation::{Allocating, AllocationState, Arm};
use crate::rng::{Purpose, Replicate, Streams};
use crate::scenario::patients::{PatientOutcome, TrialPatient};
use crate::scenario::{Analysis, Scenario};

/// A look of a running trial as one of its analyses sees it.
#[derive(Debug)]
pub struct ObservedLook<'p> {
    scenario: &'p Scenario,
    analysis: &'p Analysis,
    patients: &'p [TrialPatient],
    /// Outcomes by the arm allocated, of all patients.
    pub all: OutcomeTable,
    /// Outcomes that the analysis sees.
    pub known: KnownOutcomes,
}

impl<'p> ObservedLook<'p> {
    /// Counts the outcomes of the patients, who are in order of randomisation.
    pub fn new(
        scenario: &'p Scenario,
        analysis: &'p Analysis,
        patients: &'p [TrialPatient],
    ) -> Self {
        let mut all = OutcomeTable::default();
        for patient in patients {
            if let PatientOutcome::Known(mrs) = patient.outcome {
                all.record(patient.arm, mrs);
            }
        }
        let mut look = Self { scenario, analysis, patients, all, known: KnownOutcomes::default() };
        let arms = patients.iter().map(|patient| analysis.set.arm(patient.arm, patient.received));
        look.known = look.table(arms);
        look
    }

    /// Takes the counts of a look whose patients are not given, for an analysis that needs no more than
    /// the outcomes of two arms and the patients without one, control first.
    pub fn of_counts(
        scenario: &'p Scenario,
        analysis: &'p Analysis,
        all: OutcomeTable,
        lost: [u32; 2],
    ) -> Self {
        let mut known = KnownOutcomes::default();
        // Without cells: the analysis divides the patients by nothing but their arm.
        known.reset(Detail { cells: 0, missing: true, ..scenario.detail });
        known.all = all;
        known.missing[0] = lost;
        Self { scenario, analysis, patients: &[], all, known }
    }

    /// Returns the look with the patients alone whom an earlier one did not analyse; `None` if the earlier
    /// one has patients whom this one has not.
    pub fn after(&self, earlier: &Self) -> Option<Self> {
        if !self.known.includes(&earlier.known) {
            return None;
        }
        let (mut all, mut known) = (self.all, self.known.clone());
        all.remove(&earlier.all);
        known.remove(&earlier.known);
        Some(Self { scenario: self.scenario, analysis: self.analysis, patients: &[], all, known })
    }

    /// Returns the outcomes that the method tests, imputed ones included; `None` if they are imputed several
    /// times.
    pub fn seen(&self) -> Option<OutcomeTable> {
        match missing_rule(self.analysis, &self.known) {
            Imputation::None => Some(self.known.all),
            Imputation::Single(rule) => {
                let mut completed = KnownOutcomes::default();
                rule.complete(&self.known, &mut completed);
                Some(completed.all)
            }
            Imputation::Multiple(_) => None,
        }
    }

    /// Counts the patients randomised to control and experimental arm.
    pub fn randomised(&self) -> [u32; 2] {
        let mut randomised = [0; 2];
        self.patients.iter().for_each(|patient| randomised[patient.arm.index()] += 1);
        randomised
    }

    /// Counts the patients randomised by arm, and those whom the analysis sees.
    pub fn randomised_so_far(&self) -> RandomisedSoFar {
        let mut arms = RandomisedSoFar::default();
        for patient in self.patients {
            arms.add(patient.arm, self.analysis.set.arm(patient.arm, patient.received));
        }
        arms
    }

    /// Counts the patients by early mRS, control arm first: those with an outcome at this look, and those of
    /// all `randomised` patients whom it does not analyse and whose early mRS is known.
    pub fn early_counts(&self, randomised: &[TrialPatient]) -> [EarlyCounts; 2] {
        let mut counts = [EarlyCounts::default(); 2];
        for (i, patient) in randomised.iter().enumerate() {
            let arm = self.analysis.set.arm(patient.arm, patient.received);
            let Some((arm, early)) = arm.zip(patient.early) else { continue };
            let of_arm = &mut counts[arm.index()];
            match patient.outcome {
                // Both lists are in order of randomisation, so that the patients of the look are
                // the first of all.
                PatientOutcome::Known(mrs) if i < self.patients.len() => {
                    of_arm.completed[early.index()][mrs.index()] += 1;
                }
                PatientOutcome::Lost if i < self.patients.len() => {}
                // Whatever became of patients after the data of the look, to it they are pending.
                PatientOutcome::Known(_) | PatientOutcome::Lost | PatientOutcome::Pending => {
                    of_arm.pending[early.index()] += 1;
                }
            }
        }
        counts
    }

    /// Counts an adverse event, given by its position, among the patients in whom it is known; `None`
    /// if it is known in none.
    pub fn events(&self, event: usize) -> Option<[EventCounts; 2]> {
        let mut counts = [EventCounts::default(); 2];
        for patient in self.patients {
            if let Some(had) = patient.events[event] {
                let arm = &mut counts[patient.arm.index()];
                arm.patients += 1;
                arm.events += u32::from(had);
            }
        }
        counts.iter().any(|arm| arm.patients > 0).then_some(counts)
    }

    /// Computes the test of the analysis. Imputation and re-randomisation use the random numbers of
    /// replicate 0 of the scenario's seed.
    pub fn test(&self) -> TestResult {
        let Self { scenario, analysis, ref known, .. } = *self;
        let streams =
            ReplicateStreams { streams: Streams::new(scenario.seed), replicate: Replicate(0) };
        let mut analyst = Analyst::default();
        let mut test = analyst.test(analysis, known, streams, &NEVER_CANCELLED);
        // The Z that decides: a full test may have an infinite one, which a look takes for none.
        let statistic = analyst.statistic(analysis, known, streams, &NEVER_CANCELLED);
        test.z = statistic.z.unwrap_or(f64::NAN);
        let Some(z) = statistic.z.filter(|_| analysis.rerandomisations > 0) else { return test };
        let mut rng = streams.stream(Purpose::Rerandomisation);
        let mut repeats = Repeats::of(z);
        let strata = self.strata_of_randomisation();
        let (mut state, mut arms) = (AllocationState::default(), Vec::new());
        for _ in 0..analysis.rerandomisations {
            scenario.randomisation.allocate_all([Allocating {
                strata: &strata,
                state: &mut state,
                rng: &mut rng,
                arms: &mut arms,
            }]);
            // Patients after the last whose follow-up has ended are in no table.
            let again = self.table(arms.iter().map(|&arm| Some(arm)));
            repeats.add(analyst.statistic(analysis, &again, streams, &NEVER_CANCELLED).z);
        }
        test.z = repeats.z();
        test
    }

    /// Returns the stratum by which each patient was randomised, up to the last whose follow-up has ended.
    fn strata_of_randomisation(&self) -> Vec<u32> {
        let last =
            self.patients.iter().rposition(|patient| patient.outcome != PatientOutcome::Pending);
        let patients = &self.patients[..last.map_or(0, |last| last + 1)];
        let by_centre = self.scenario.strata_by_centre.as_ref();
        let by_centre = by_centre.is_some_and(|strata| strata.randomisation);
        patients.iter().map(|patient| self.stratum(patient, by_centre)).collect()
    }

    fn stratum(&self, patient: &TrialPatient, by_centre: bool) -> u32 {
        match &self.scenario.centres {
            Some(centres) if by_centre => patient.stratum * centres.number + patient.centre,
            Some(_) | None => patient.stratum,
        }
    }

    /// Counts the patients whose follow-up has ended, in the given arms; `None` if they are not
    /// analysed.
    fn table(&self, arms: impl Iterator<Item = Option<Arm>>) -> KnownOutcomes {
        let detail = self.scenario.detail;
        let mut known = KnownOutcomes::default();
        known.reset(detail);
        for (patient, arm) in self.patients.iter().zip(arms) {
            let Some(arm) = arm else { continue };
            let stratum = self.stratum(patient, detail.by_centre) as usize;
            let cell = detail.cell(stratum, patient.early);
            match patient.outcome {
                PatientOutcome::Known(mrs) => known.record(arm, cell, mrs),
                PatientOutcome::Lost => known.record_missing(arm, cell),
                PatientOutcome::Pending => {}
            }
        }
        known
    }
}
