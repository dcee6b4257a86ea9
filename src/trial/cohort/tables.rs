//! The tables of a look: outcomes known by then, by the arm that counts.

use rand::Rng;

use super::{Cohort, Enrolment, refill};
use crate::analysis::{Detail, KnownOutcomes};
use crate::outcome::LEVELS;
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

impl LookTables {
    /// Adds to the tables of each look not filled before, which have its new patients, those of the look
    /// before it.
    #[inline]
    fn add_earlier_looks(self, known: &mut [KnownOutcomes]) {
        for later in self.filled.max(1) * self.groups..known.len() {
            let (before, after) = known.split_at_mut(later);
            after[0].add(&before[later - self.groups]);
        }
    }
}

/// Entries of an arm in a table of places: the levels of the mRS, and one unused.
// A power of two: a product with seven takes longer.
const PLACES_PER_ARM: usize = 8;

/// Entries of a table of places.
const PLACES: usize = 2 * PLACES_PER_ARM;

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

    /// Notes where each patient counts in the tables by look and level, whatever their mRS. Tables of the first
    /// looks, `filled` in number, have been filled.
    // Apart from the counting, as truths that share arms and looks share the places.
    pub fn place_by_level(&mut self, adaptation: &PopulationAdaptation, filled: usize) {
        let Self { enrolled: Enrolment { strata, arms, .. }, due_from, outcome_days, .. } = self;
        let patients =
            due_from[..self.planned].iter().zip(&*strata).zip(&*arms).zip(&*outcome_days);
        refill(
            &mut self.places,
            patients.map(|(((&due, &stratum), &arm), &day)| {
                let due = usize::from(due);
                let table = due * adaptation.levels + adaptation.level(stratum as usize);
                let place = (table + 1) * PLACES + arm.index() * PLACES_PER_ARM;
                // Multiplied, as neither can be predicted.
                let counts = (due >= filled) & (day < f64::INFINITY);
                place as u32 * u32::from(counts)
            }),
        );
    }

    /// Fills a table for each look and level with the outcomes due by then of patients whose stratum has the
    /// level: first those of the first look, level by level. Those of the first looks, `filled` in number,
    /// have been filled, and the patients placed.
    pub fn fill_by_level(
        &mut self,
        known: &mut [KnownOutcomes],
        detail: Detail,
        set: AnalysisSet,
        adaptation: &PopulationAdaptation,
        filled: usize,
    ) {
        let tables = LookTables { groups: adaptation.levels, filled };
        if !is_plain(detail, set) {
            self.fill_groups(known, detail, set, tables, |stratum| adaptation.level(stratum));
            return;
        }
        let Self { places, counts, mrs, .. } = self;
        counts.clear();
        counts.resize((known.len() + 1) * PLACES, 0);
        for (&place, mrs) in places.iter().zip(&*mrs) {
            counts[place as usize + mrs.index()] += 1;
        }
        let counted = known.iter_mut().zip(counts[PLACES..].chunks_exact(PLACES));
        for (table, counts) in counted.skip(filled * adaptation.levels) {
            table.reset(detail);
            let arms = counts.chunks_exact(PLACES_PER_ARM);
            for (mine, counts) in table.all.counts.iter_mut().zip(arms) {
                mine.copy_from_slice(&counts[..LEVELS]);
            }
        }
        tables.add_earlier_looks(known);
    }

    /// Fills a table for each look and group of patients with the outcomes due by then; `group` of a stratum
    /// is below the number of groups.
    #[inline]
    fn fill_groups(
        &self,
        known: &mut [KnownOutcomes],
        detail: Detail,
        set: AnalysisSet,
        tables: LookTables,
        group: impl Fn(usize) -> usize,
    ) {
        let LookTables { groups, filled } = tables;
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
        tables.add_earlier_looks(known);
    }

    /// Fills a table with the outcomes of selected patients.
    pub fn fill(
        &self,
        known: &mut KnownOutcomes,
        detail: Detail,
        selection: PatientSelection,
        set: AnalysisSet,
    ) {
        self.fill_strata(known, detail, selection, set, |_| true);
    }

    /// Fills a table with the outcomes of selected patients in some strata.
    #[inline]
    pub fn fill_strata(
        &self,
        known: &mut KnownOutcomes,
        detail: Detail,
        selection: PatientSelection,
        set: AnalysisSet,
        is_included: impl Fn(usize) -> bool,
    ) {
        known.reset(detail);
        let patients = 0..selection.among(self.planned);
        let is_selected = |i: usize| {
            // Without a branch: neither can be predicted.
            selection.has(i, self.due_from[i]) & is_included(self.enrolled.strata[i] as usize)
        };
        if is_plain(detail, set) {
            patients.for_each(|i| self.record_outcome(i, is_selected(i), known));
            return;
        }
        for i in patients.filter(|&i| is_selected(i)) {
            if let Some(arm) = self.arm_in(set, i) {
                self.record(i, arm, detail, known);
            }
        }
    }

    /// Adds patient i, if selected and the outcome is known, to the arm allocated in a plain table.
    #[inline]
    fn record_outcome(&self, i: usize, is_selected: bool, known: &mut KnownOutcomes) {
        // Dropout cannot be predicted: to count no patients is quicker than to branch on it.
        let is_known = is_selected & (self.outcome_days[i] < f64::INFINITY);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Replicate;
    use crate::scenario::Truth;
    use crate::trial::{FollowedCohort, ReplicateResult, Simulator};

    /// Compares the tables by level of a trial with those of the patients of each level alone.
    fn assert_by_level(followed: &FollowedCohort<'_, '_>) {
        let Simulator { scenario, by_level, restricted, .. } = &*followed.simulator;
        let adaptation =
            scenario.adaptation.population.as_ref().expect("a rule for the population");
        let set = scenario.analyses[0].set;
        let tables = if followed.is_drawn { &restricted.by_level } else { &by_level[set as usize] };
        let mut alone = KnownOutcomes::default();
        let looks = followed.looks_of_trial().all();
        let places = looks.flat_map(|look| (0..adaptation.levels).map(move |level| (look, level)));
        for ((look, level), table) in places.zip(tables) {
            let of = PatientSelection::DueBy(look);
            followed.cohort().fill_strata(&mut alone, scenario.detail, of, set, |stratum| {
                adaptation.level(stratum) == level
            });
            assert_eq!(*table, alone, "{look:?}, level {level}");
        }
    }

    /// Of trials that are not restricted, and of trials restricted once or twice.
    #[test]
    fn tables_by_level_are_those_of_each_level_alone() {
        for name in ["rescue-by-cause", "defuse-3", "dawn-like"] {
            let scenario =
                Scenario::load(name.as_ref(), &[]).expect("the shipped scenario is valid");
            let mut simulator = Simulator::new(&scenario);
            let mut restricted = 0;
            for r in 0..20 {
                let mut result = ReplicateResult::default();
                let enrolled = simulator.enrol(Replicate(r), &mut result);
                let mut followed = enrolled.follow(Truth::Null);
                assert_by_level(&followed);
                followed.trial(0);
                assert_by_level(&followed);
                restricted += u32::from(followed.is_drawn);
            }
            assert!((1..20).contains(&restricted), "{name}: {restricted} of 20");
        }
    }
}
