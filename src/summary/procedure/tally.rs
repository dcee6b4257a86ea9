//! Counts of the procedures of simulated patients.

use serde::{Deserialize, Serialize};

use super::mean_of;
use crate::outcome::flow::{Group, Measure};
use crate::outcome::{Flow, ProceduralModel};
use crate::procedure::{End, MAX_PASSES, State};
use crate::summary::Sampled;
use crate::summary::merge::{Merge, merge_fields, sum};
use crate::summary::moments::Histogram;
use crate::trial::PatientCourse;

/// Unit in which minutes are counted.
pub(super) const TENTH: f64 = 0.1;

/// Groups of which every patient is in exactly one.
const DISJOINT: [Group; 4] =
    [Group::Reperfused, Group::StentedEarly, Group::StentedLate, Group::Unopened];

/// Procedures of both arms, over all replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::summary) struct ProcedureTally {
    /// Control arm, then experimental arm.
    pub arms: [ArmTally; 2],
    /// Passes up to which a stent counts as early.
    #[serde(skip)]
    early_until: usize,
}

merge_fields!(ProcedureTally { arms } keep { early_until });

impl ProcedureTally {
    pub fn new(model: &ProceduralModel) -> Self {
        Self { arms: Default::default(), early_until: model.procedure().early_until() }
    }

    /// Adds a patient.
    pub fn add(&mut self, course: &PatientCourse) {
        self.arms[course.arm.index()].add(course, self.early_until);
    }

    /// Number of patients, if the counts of each arm agree with one another.
    pub fn patients(&self) -> Option<u64> {
        let [control, experimental] = &self.arms;
        control.patients()?.checked_add(experimental.patients()?)
    }
}

/// Counts of one arm's patients over all replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmTally {
    /// Patients by final state and mRS, as [`Flow::cell`].
    cells: Vec<u64>,
    /// Patients by passes before randomisation and by passes in all.
    passes: [[u64; MAX_PASSES + 1]; MAX_PASSES + 1],
    /// Reperfusions that did not last, by pass.
    reocclusions: [u64; MAX_PASSES],
    /// Minutes in each group of [`DISJOINT`].
    minutes: [Histogram; DISJOINT.len()],
}

merge_fields!(ArmTally { cells, passes, reocclusions, minutes });

impl Default for ArmTally {
    fn default() -> Self {
        Self {
            cells: vec![0; Flow::CELLS],
            passes: Default::default(),
            reocclusions: [0; MAX_PASSES],
            minutes: Default::default(),
        }
    }
}

impl ArmTally {
    /// Adds a patient; a stent after at most `early_until` passes counts as early.
    pub fn add(&mut self, course: &PatientCourse, early_until: usize) {
        let procedure = &course.procedure;
        let state = &procedure.state;
        self.cells[Flow::cell(state, course.mrs)] += 1;
        let passes = usize::from(state.passes);
        self.passes[usize::from(procedure.passes_before)][passes] += 1;
        // Bit k is a reperfusion by pass k + 1; all but that of a lasting one were followed by reocclusion.
        // They are rare, so a loop over set bits is seldom entered.
        let reperfused = state.end == End::Reperfused;
        let mut reoccluded = procedure.reperfusions;
        reoccluded &= !(u16::from(reperfused) << passes >> 1);
        while reoccluded != 0 {
            self.reocclusions[reoccluded.trailing_zeros() as usize] += 1;
            reoccluded &= reoccluded - 1;
        }
        let late = usize::from(passes > early_until);
        let group = match (reperfused, state.end.is_stented()) {
            (true, _) => 0,
            (false, true) => 1 + late,
            (false, false) => 3,
        };
        debug_assert!(DISJOINT[group].has(state, early_until));
        self.minutes[group].add((procedure.minutes / TENTH + 0.5) as u32);
    }

    /// The standard error of a measure's mean over all patients, to be compared with `--precision` (see
    /// [`Sampled::error_to_stop_by`]); NaN if no patients have the measure.
    pub fn error_to_stop_by(&self, measure: Measure) -> f64 {
        let spread = self.flow().spread(|state, mrs| measure.of(state, mrs));
        let simulated = mean_of(spread);
        // The only measure that is no proportion.
        if measure == Measure::Passes {
            return simulated.mcse;
        }
        let count = (spread.mean * spread.weight).round() as u64;
        let by_count = Sampled::Proportion { count, n: spread.weight as u64 }.error_to_stop_by();
        simulated.mcse.max(by_count)
    }

    /// Minutes of the patients of a group.
    pub(super) fn minutes_of(&self, group: Group) -> Histogram {
        let mut all = Histogram::default();
        for (part, counted) in DISJOINT.iter().zip(&self.minutes) {
            let is_within = match group {
                Group::All => true,
                Group::Stented => matches!(part, Group::StentedEarly | Group::StentedLate),
                Group::Reperfused | Group::StentedEarly | Group::StentedLate | Group::Unopened => {
                    *part == group
                }
            };
            if is_within {
                all.merge(counted);
            }
        }
        all
    }

    pub(super) fn flow(&self) -> Flow {
        let (mut attempts, mut reperfusions) = ([0; MAX_PASSES], self.reocclusions);
        for (before, by_passes) in self.passes.iter().enumerate() {
            for (passes, count) in by_passes.iter().enumerate().skip(before) {
                attempts[before..passes].iter_mut().for_each(|attempts| *attempts += count);
            }
        }
        for (cell, count) in self.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            // No patient is reperfused without a pass, but the counts may be those of a damaged file.
            let State { passes, end, .. } = Flow::state(cell);
            if let (End::Reperfused, Some(last)) = (end, usize::from(passes).checked_sub(1)) {
                reperfusions[last] += count;
            }
        }
        Flow::from_counts(&self.cells, &attempts, &reperfusions)
    }

    /// Number of patients, if all counts agree on it.
    fn patients(&self) -> Option<u64> {
        let patients = sum(self.cells.iter().copied());
        let all_agree = self.cells.len() == Flow::CELLS
            && sum(self.passes.into_iter().flatten()) == patients
            && sum(self.minutes.iter().map(Histogram::n)) == patients
            && self.minutes.iter().all(|minutes| minutes.is_possible(u32::MAX))
            && self.reocclusions.iter().all(|&count| u128::from(count) <= patients);
        u64::try_from(patients).ok().filter(|_| all_agree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Mrs;
    use crate::procedure::{End, State};
    use crate::randomisation::Arm;

    /// Such a tally may be read from a damaged file, and must not end the program.
    #[test]
    fn a_tally_with_impossible_counts_is_summarised_without_a_panic() {
        let mut tally = ArmTally::default();
        let state = State { passes: 0, ..State::from_index(0) };
        assert_eq!(state.end, End::Reperfused);
        tally.cells[Flow::cell(&state, Mrs::DEAD)] = 3;
        let flow = tally.flow();
        assert_eq!((flow.total(), flow.reperfusions()), (3.0, &[0.0; MAX_PASSES]));
    }

    fn course(passes: u8, end: End, reperfusions: u16) -> PatientCourse {
        PatientCourse {
            arm: Arm::Control,
            procedure: crate::procedure::ProcedureRecord {
                state: State { passes, end, ..State::from_index(0) },
                passes_before: 1,
                reperfusions,
                minutes: 30.0,
            },
            mrs: Mrs::DEAD,
        }
    }

    #[test]
    fn passes_are_counted_as_attempts_and_reperfusions() {
        let mut tally = ArmTally::default();
        // Opened by pass 2 for a while and by pass 4 for good; given up after pass 3; stented at once.
        tally.add(&course(4, End::Reperfused, 0b1010), 2);
        tally.add(&course(3, End::Stopped, 0), 2);
        tally.add(&course(1, End::StentPatent, 0), 2);
        let flow = tally.flow();
        assert_eq!(flow.attempts()[..5], [0.0, 2.0, 2.0, 1.0, 0.0]);
        assert_eq!(flow.reperfusions()[..5], [0.0, 1.0, 0.0, 1.0, 0.0]);
    }
}
