//! The tables of a look: outcomes known by then, by the arm that counts.

use rand::Rng;

use super::Cohort;
use crate::analysis::{Detail, KnownOutcomes};
use crate::randomisation::{Allocating, Arm};
use crate::scenario::{AnalysisSet, PopulationAdaptation, Scenario};
use crate::trial::LookIndex;

/// Patients whose follow-up has ended, who enter a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trial) enum PatientSelection {
    /// Patients whose follow-up has ended by a look.
    DueBy(LookIndex),
    /// The patients randomised first, this many, once all are followed.
    FirstRandomised(u32),
}

impl PatientSelection {
    /// Returns the number of first patients among whom the selected ones are, if this many are planned.
    fn among(self, planned: usize) -> usize {
        match self {
            Self::DueBy(_) => planned,
            Self::FirstRandomised(randomised) => randomised as usize,
        }
    }
}

impl PatientSelection {
    #[inline]
    fn has(self, patient: usize, due_from: u8) -> bool {
        match self {
            Self::DueBy(look) => usize::from(due_from) <= look.taken,
            Self::FirstRandomised(randomised) => patient < randomised as usize,
        }
    }
}

/// Tables of looks, one for each group of patients.
#[derive(Debug, Clone, Copy)]
struct LookTables {
    groups: usize,
    /// Looks whose tables have been filled.
    filled: usize,
}

/// Whether a table counts the outcomes of all patients by the arm allocated and nothing else: the usual case,
/// in which no stratum matters.
fn is_plain(detail: Detail, set: AnalysisSet) -> bool {
    set == AnalysisSet::IntentionToTreat && detail == Detail::default()
}

impl Cohort {
    /// Fills a table for each look with the outcomes due by then.
    pub fn fill_tables(&self, known: &mut [KnownOutcomes], detail: Detail, set: AnalysisSet) {
        // Of one group, the whole trial.
        self.fill_groups(known, detail, set, LookTables { groups: 1, filled: 0 }, |_| 0);
    }

    /// Fills a table for each look and level with the outcomes due by then of patients whose stratum has the
    /// level: first those of the first look, level by level. Those of the first looks, `filled` in number,
    /// have been filled.
    pub fn fill_by_level(
        &self,
        known: &mut [KnownOutcomes],
        detail: Detail,
        set: AnalysisSet,
        adaptation: &PopulationAdaptation,
        filled: usize,
    ) {
        let tables = LookTables { groups: adaptation.levels, filled };
        self.fill_groups(known, detail, set, tables, |stratum| adaptation.level(stratum));
    }

    /// Fills a table for each look and group of patients with the outcomes due by then; `group` of a stratum
    /// is below the number of groups.
    #[inline]
    fn fill_groups(
        &self,
        known: &mut [KnownOutcomes],
        detail: Detail,
        set: AnalysisSet,
        LookTables { groups, filled }: LookTables,
        group: impl Fn(usize) -> usize,
    ) {
        known[filled * groups..].iter_mut().for_each(|table| table.reset(detail));
        // Each patient enters the first look that has them; later looks add up those before.
        let patients = self.due_from[..self.planned].iter().zip(&self.enrolled.strata);
        if is_plain(detail, set) {
            // By column, as positions would be checked against the length of each for every patient.
            let outcomes = self.enrolled.arms.iter().zip(&self.mrs).zip(&self.outcome_days);
            for ((&due, &stratum), ((&arm, &mrs), &day)) in patients.zip(outcomes) {
                if usize::from(due) >= filled {
                    // Dropout cannot be predicted: to count no patients is quicker than to branch on it.
                    let table = &mut known[usize::from(due) * groups + group(stratum as usize)];
                    table.all.record_many(arm, mrs, u32::from(day < f64::INFINITY));
                }
            }
        } else {
            for (i, (&due, &stratum)) in patients.enumerate() {
                let arm = self.arm_in(set, i).filter(|_| usize::from(due) >= filled);
                if let Some(arm) = arm {
                    let table = &mut known[usize::from(due) * groups + group(stratum as usize)];
                    self.record(i, arm, detail, table);
                }
            }
        }
        for later in filled.max(1) * groups..known.len() {
            let (before, after) = known.split_at_mut(later);
            after[0].add(&before[later - groups]);
        }
    }

    /// Fills a table with the outcomes of selected patients.
    pub fn fill(
        &self,
        known: &mut KnownOutcomes,
        detail: Detail,
        selection: PatientSelection,
        set: AnalysisSet,
    ) {
        if !is_plain(detail, set) {
            self.fill_strata(known, detail, selection, set, |_| true);
            return;
        }
        known.reset(detail);
        for i in 0..selection.among(self.planned) {
            self.record_outcome(i, selection.has(i, self.due_from[i]), known);
        }
    }

    /// Fills a table with the outcomes of selected patients in some strata.
    pub fn fill_strata(
        &self,
        known: &mut KnownOutcomes,
        detail: Detail,
        selection: PatientSelection,
        set: AnalysisSet,
        is_included: impl Fn(usize) -> bool,
    ) {
        known.reset(detail);
        for i in (0..selection.among(self.planned)).filter(|&i| selection.has(i, self.due_from[i]))
        {
            if !is_included(self.enrolled.strata[i] as usize) {
                continue;
            }
            if let Some(arm) = self.arm_in(set, i) {
                self.record(i, arm, detail, known);
            }
        }
    }

    /// Adds patient i, if selected and the outcome is known, to the arm allocated in a plain table.
    #[inline]
    fn record_outcome(&self, i: usize, is_selected: bool, known: &mut KnownOutcomes) {
        // Dropout cannot be predicted: to count no patients is quicker than to branch on it.
        let is_known = is_selected && self.outcome_days[i] < f64::INFINITY;
        known.all.record_many(self.enrolled.arms[i], self.mrs[i], u32::from(is_known));
    }

    /// Returns the arm that patient i counts for in a set; `None` if for neither.
    #[inline]
    pub(super) fn arm_in(&self, set: AnalysisSet, i: usize) -> Option<Arm> {
        let allocated = self.enrolled.arms[i];
        let received = self.received.get(i).copied().unwrap_or(allocated);
        set.arm(allocated, received)
    }

    /// Fills a table as [`Cohort::fill`] would if the patients had been allocated anew, from `rng`.
    pub fn fill_reallocated(
        &mut self,
        known: &mut KnownOutcomes,
        scenario: &Scenario,
        selection: PatientSelection,
        rng: &mut impl Rng,
    ) {
        known.reset(scenario.detail);
        // Patients after the last selected one have no part in the look: to allocate them would only cost
        // time. Those before it do, followed or not, as the method weighs them.
        let last =
            (0..selection.among(self.planned)).rfind(|&i| selection.has(i, self.due_from[i]));
        let strata = &self.enrolled.randomised_by(scenario)[..last.map_or(0, |last| last + 1)];
        let (state, arms) = (&mut self.reallocation, &mut self.reallocated);
        scenario.randomisation.allocate_all([Allocating { strata, state, rng, arms }]);
        for (i, &arm) in self.reallocated.iter().enumerate() {
            if selection.has(i, self.due_from[i]) {
                self.record(i, arm, scenario.detail, known);
            }
        }
    }

    /// Adds patient i, whose follow-up has ended, to an arm of a table.
    #[inline]
    fn record(&self, i: usize, arm: Arm, detail: Detail, known: &mut KnownOutcomes) {
        let strata = if detail.by_centre {
            self.enrolled.centres.strata_by_centre()
        } else {
            &self.enrolled.strata
        };
        let cell = detail.cell(strata[i] as usize, self.early.get(i).copied());
        if self.outcome_days[i] < f64::INFINITY {
            known.record(arm, cell, self.mrs[i]);
        } else {
            known.record_missing(arm, cell);
        }
    }
}
