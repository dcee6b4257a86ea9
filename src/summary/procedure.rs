//! Procedures and their outcomes by arm: simulated, and exact by enumeration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::McEstimate;
use super::Sampled;
use super::merge::{Merge, merge_fields, sum};
use super::moments::Histogram;
use crate::num::root::brent;
use crate::outcome::decomposition::MECHANISMS;
use crate::outcome::flow::{GROUPS, Group, MEASURES, Measure, Spread};
use crate::outcome::{Flow, LEVELS, Mrs, ProceduralModel};
use crate::procedure::{End, MAX_PASSES, Minutes, State};
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};
use crate::trial::PatientCourse;

/// Unit in which minutes are counted.
const TENTH: f64 = 0.1;

/// Groups of which every patient is in exactly one.
const DISJOINT: [Group; 4] =
    [Group::Reperfused, Group::StentedEarly, Group::StentedLate, Group::Unopened];

/// Procedures of both arms, over all replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ProcedureTally {
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
    fn minutes_of(&self, group: Group) -> Histogram {
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

    fn flow(&self) -> Flow {
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

/// A simulated quantity and its exact value; both NaN (null in JSON) if no patients have the quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Checked {
    /// The simulated quantity; `n` is the number of patients.
    #[serde(flatten)]
    pub simulated: McEstimate,
    /// The exact value, by enumeration of all courses of the procedure.
    pub exact: f64,
}

impl Checked {
    fn new(simulated: Spread, exact: Spread) -> Self {
        Self { simulated: mean_of(simulated), exact: exact.mean }
    }
}

/// The mean of simulated patients with its standard error.
fn mean_of(patients: Spread) -> McEstimate {
    let Spread { mean, sd, weight } = patients;
    // `sd` has the number of patients as divisor, so σ²/n is estimated by sd²/(n − 1). One patient has no
    // spread.
    let mcse = if weight > 1.0 { sd / (weight - 1.0).sqrt() } else { f64::NAN };
    McEstimate::new(mean, mcse, weight as u64)
}

/// Procedures and their outcomes, over all patients of trials that run to their end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcedureSummary {
    /// Share of the screened who are randomised.
    pub screening_yield: f64,
    /// Patients screened, on average, for all who are randomised.
    pub screened: f64,
    /// Patients randomised per month at the full rate of accrual.
    pub randomised_per_month: f64,
    /// Definition of haemorrhage, as in the scenario; null without haemorrhage.
    pub haemorrhage_definition: Option<String>,
    /// Control arm, then experimental arm.
    pub arms: Vec<ArmSummary>,
    /// P(mRS 0–2) in the experimental arm minus that in the control arm, exactly.
    pub difference: f64,
    /// Parts of `difference` by mechanism, which add up to it.
    #[serde(serialize_with = "as_map")]
    pub decomposition: Vec<(&'static str, f64)>,
}

fn as_map<S: Serializer>(parts: &[(&'static str, f64)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(parts.iter().copied())
}

/// Procedures and outcomes of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmSummary {
    /// `control` or `experimental`.
    pub arm: &'static str,
    /// Shares of mRS 0 to 6.
    pub mrs: [Checked; LEVELS],
    /// Groups by how the procedure ended, without those that no patients can be in.
    pub groups: Vec<GroupSummary>,
    /// Numbers of passes, from those made before randomisation.
    pub passes: Vec<PassSummary>,
}

/// Patients whose procedure ended alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Which patients.
    pub group: Group,
    /// Share of the arm's patients.
    pub share: Checked,
    /// Means within the group, by name of the measure.
    pub measures: BTreeMap<&'static str, Checked>,
    /// Duration of the procedure; null if the scenario has no times.
    pub minutes: Option<MinutesSummary>,
}

/// Minutes from puncture to end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MinutesSummary {
    /// Mean.
    pub mean: Checked,
    /// Lower quartile.
    pub p25: Checked,
    /// Median.
    pub median: Checked,
    /// Upper quartile.
    pub p75: Checked,
}

/// Procedures after a number of passes. Shares are of the arm's patients unless stated otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassSummary {
    /// Number of passes in all.
    pub passes: usize,
    /// Share with this pass after randomisation.
    pub attempted: Checked,
    /// Share of these passes that reperfuse, lasting or not.
    pub success: Checked,
    /// Share whose procedure ends here, reperfused by thrombectomy.
    pub reperfused: Checked,
    /// Share stented here.
    pub stented: Checked,
    /// Share whose procedure ends here with the vessel closed: given up, or no access for a stent.
    pub unopened: Checked,
}

impl ProcedureSummary {
    /// Summarises procedures; `None` without a procedure. With empty tallies only the exact values exist.
    pub(super) fn new(scenario: &Scenario, tallies: &[ArmTally; 2]) -> Option<Self> {
        let model = scenario.procedural()?;
        let [control_tally, experimental_tally] = tallies;
        let mut arms = vec![
            ArmSummary::new("control", control_tally, model, Arm::Control),
            ArmSummary::new("experimental", experimental_tally, model, Arm::Experimental),
        ];
        if !patients_are_independent(scenario) {
            arms.iter_mut().for_each(ArmSummary::remove_errors);
        }
        let [control, experimental] =
            scenario.marginal(Truth::Alternative)?.map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
        Some(Self {
            difference: experimental - control,
            screening_yield: model.procedure().screening_yield(),
            screened: f64::from(scenario.randomised) / model.procedure().screening_yield(),
            randomised_per_month: scenario.accrual.per_month(),
            haemorrhage_definition: scenario.haemorrhage_definition(),
            arms,
            decomposition: MECHANISMS.into_iter().zip(model.decomposition()).collect(),
        })
    }

    /// The exact values, without simulation; `None` without a procedure.
    pub fn exact(scenario: &Scenario) -> Option<Self> {
        Self::new(scenario, &Default::default())
    }
}

/// Returns whether the outcomes of patients are independent: centres do not differ, and none recruits at a
/// pace of its own while outcomes drift.
fn patients_are_independent(scenario: &Scenario) -> bool {
    scenario.centres.as_ref().is_none_or(|centres| {
        // With drift, patients of centres that are slow by chance are late together.
        let shared_pace = !centres.have_a_planned_pace() && scenario.drift.is_some();
        centres.are_alike() && !shared_pace
    })
}

impl ArmSummary {
    /// Summarises an arm; with an empty tally only the exact values exist.
    pub fn new(name: &'static str, tally: &ArmTally, model: &ProceduralModel, arm: Arm) -> Self {
        let flows = Flows { simulated: tally.flow(), exact: model.expected(arm) };
        let procedure = model.procedure();
        let early_until = procedure.early_until();
        let mut groups = Vec::new();
        for group in GROUPS {
            let share = flows.share(|state, _| group.has(state, early_until));
            if share.exact > 0.0 {
                let measures = MEASURES
                    .iter()
                    .map(|&(measure, name)| (name, flows.measure(measure, group, early_until)));
                groups.push(GroupSummary {
                    group,
                    share,
                    measures: measures.collect(),
                    minutes: flows.minutes(group, early_until, procedure.minutes(), tally),
                });
            }
        }
        Self {
            arm: name,
            mrs: std::array::from_fn(|level| flows.share(|_, mrs| mrs.index() == level)),
            groups,
            passes: (0..=MAX_PASSES).filter_map(|passes| flows.after(passes)).collect(),
        }
    }

    /// Removes the standard errors, which are those of independent patients.
    fn remove_errors(&mut self) {
        let mut quantities: Vec<&mut Checked> = self.mrs.iter_mut().collect();
        for GroupSummary { share, measures, minutes, .. } in &mut self.groups {
            quantities.push(share);
            quantities.extend(measures.values_mut());
            if let Some(MinutesSummary { mean, p25, median, p75 }) = minutes {
                quantities.extend([mean, p25, median, p75]);
            }
        }
        for pass in &mut self.passes {
            let PassSummary { passes: _, attempted, success, reperfused, stented, unopened } = pass;
            quantities.extend([attempted, success, reperfused, stented, unopened]);
        }
        quantities.into_iter().for_each(|quantity| quantity.simulated.mcse = f64::NAN);
    }
}

/// An arm's patients, simulated and enumerated.
struct Flows {
    simulated: Flow,
    exact: Flow,
}

impl Flows {
    /// The share of all patients with a property.
    fn share(&self, property: impl Fn(&State, Mrs) -> bool) -> Checked {
        let [simulated, exact] = [&self.simulated, &self.exact]
            .map(|flow| flow.spread(|state, mrs| Some(f64::from(u8::from(property(state, mrs))))));
        Checked::new(simulated, exact)
    }

    /// The mean of a measure in a group.
    fn measure(&self, measure: Measure, group: Group, early_until: usize) -> Checked {
        Checked::new(
            self.simulated.measure(measure, group, early_until),
            self.exact.measure(measure, group, early_until),
        )
    }

    /// The share of all patients whose procedure ends after this number of passes in one of some ways.
    fn ended(&self, passes: usize, way: fn(End) -> bool) -> Checked {
        self.share(|state, _| usize::from(state.passes) == passes && way(state.end))
    }

    /// Summarises the procedures after a number of passes; `None` if no patients get that far.
    fn after(&self, passes: usize) -> Option<PassSummary> {
        let [simulated, exact] = [&self.simulated, &self.exact].map(|flow| {
            // No pass comes before the first.
            let pass = passes.checked_sub(1);
            let attempts = pass.map_or(0.0, |k| flow.attempts()[k]);
            let successes = pass.map_or(0.0, |k| flow.reperfusions()[k]);
            [binary(attempts, flow.total()), binary(successes, attempts)]
        });
        let summary = PassSummary {
            passes,
            attempted: Checked::new(simulated[0], exact[0]),
            success: Checked::new(simulated[1], exact[1]),
            reperfused: self.ended(passes, |end| end == End::Reperfused),
            stented: self.ended(passes, End::is_stented),
            unopened: self.ended(passes, |end| matches!(end, End::Stopped | End::AccessFailed)),
        };
        let shares = [summary.attempted, summary.reperfused, summary.stented, summary.unopened];
        shares.iter().any(|share| share.exact > 0.0).then_some(summary)
    }

    /// Summarises the minutes of a group; `None` if the scenario has no times.
    fn minutes(
        &self,
        group: Group,
        early_until: usize,
        minutes: &Minutes,
        tally: &ArmTally,
    ) -> Option<MinutesSummary> {
        let exact_mean =
            self.exact_mean(group, early_until, |passes, stented| minutes.mean(passes, stented));
        if exact_mean == 0.0 {
            return None;
        }
        let histogram = tally.minutes_of(group);
        let [p25, median, p75] = [0.25, 0.5, 0.75].map(|p| Checked {
            simulated: McEstimate::quantile_of_rounded(&histogram, p, TENTH),
            // The bracket holds from a fraction of a second to two years.
            exact: brent(
                |at| {
                    self.exact_mean(group, early_until, |passes, stented| {
                        minutes.probability(at, passes, stented)
                    }) - p
                },
                1e-9,
                1e6,
            )
            .unwrap_or(f64::NAN),
        });
        Some(MinutesSummary {
            mean: Checked {
                simulated: McEstimate::histogram_mean(&histogram, TENTH),
                exact: exact_mean,
            },
            p25,
            median,
            p75,
        })
    }

    /// The exact mean, over the patients of a group, of a function of their passes and of whether they are
    /// stented.
    fn exact_mean(&self, group: Group, early_until: usize, of: impl Fn(usize, bool) -> f64) -> f64 {
        let spread = self.exact.spread(|state, _| {
            group
                .has(state, early_until)
                .then(|| of(usize::from(state.passes), state.end.is_stented()))
        });
        spread.mean
    }
}

/// A proportion as the mean of ones and zeros.
fn binary(count: f64, weight: f64) -> Spread {
    let mean = count / weight;
    Spread { mean, sd: (mean * (1.0 - mean)).max(0.0).sqrt(), weight }
}

#[cfg(test)]
mod tests {
    use super::*;

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
