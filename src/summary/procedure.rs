//! What the arms' procedures come to: simulated, and beside it by enumeration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::McEstimate;
use super::Sampled;
use super::moments::Histogram;
use crate::num::root::brent;
use crate::outcome::decomposition::MECHANISMS;
use crate::outcome::flow::{GROUPS, Group, MEASURES, Measure, Spread};
use crate::outcome::{Flow, LEVELS, Mrs, ProceduralModel};
use crate::procedure::{End, MAX_PASSES, Minutes, State};
use crate::randomisation::Arm;
use crate::scenario::{Scenario, Truth};
use crate::trial::PatientCourse;

/// Minutes are counted in tenths.
const TENTH: f64 = 0.1;

/// Groups that no two patients share and that hold everyone.
const DISJOINT: [Group; 4] =
    [Group::Reperfused, Group::StentedEarly, Group::StentedLate, Group::Unopened];

/// Counts of one arm's patients over all replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmTally {
    /// As [`Flow::cell`].
    cells: Vec<u64>,
    /// By passes before randomisation and in all.
    passes: [[u64; MAX_PASSES + 1]; MAX_PASSES + 1],
    /// By pass after randomisation: reperfusions that did not last.
    reocclusions: [u64; MAX_PASSES],
    /// Of each of [`DISJOINT`].
    minutes: [Histogram; DISJOINT.len()],
}

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
    /// Takes in a patient.
    pub fn add(&mut self, course: &PatientCourse, early_until: usize) {
        let procedure = &course.procedure;
        let state = &procedure.state;
        self.cells[Flow::cell(state, course.mrs)] += 1;
        let passes = usize::from(state.passes);
        self.passes[usize::from(procedure.passes_before)][passes] += 1;
        // These are rare, so that the loop is seldom entered.
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

    /// The standard error of a measure's mean over all patients, safe to stop by
    /// ([`Sampled::error_to_stop_by`]); NaN where nobody has the measure.
    pub fn error_to_stop_by(&self, measure: Measure) -> f64 {
        let spread = self.flow().spread(|state, mrs| measure.of(state, mrs));
        let Checked { simulated, .. } = Checked::new(spread, spread);
        if measure == Measure::Passes {
            return simulated.mcse;
        }
        let count = (spread.mean * spread.weight).round() as u64;
        let by_count = Sampled::Proportion { count, n: spread.weight as u64 }.error_to_stop_by();
        simulated.mcse.max(by_count)
    }

    fn flow(&self) -> Flow {
        let (mut attempts, mut reperfusions) = ([0; MAX_PASSES], self.reocclusions);
        for (before, by_passes) in self.passes.iter().enumerate() {
            for (passes, count) in by_passes.iter().enumerate().skip(before) {
                attempts[before..passes].iter_mut().for_each(|attempts| *attempts += count);
            }
        }
        for (cell, count) in self.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            // A tally that was read from a file may claim what cannot be: nobody is reperfused
            // without a pass.
            let State { passes, end, .. } = Flow::state(cell);
            if let (End::Reperfused, Some(last)) = (end, usize::from(passes).checked_sub(1)) {
                reperfusions[last] += count;
            }
        }
        Flow::from_counts(&self.cells, &attempts, &reperfusions)
    }

    /// The patients in it, if its counts are those of the same patients.
    pub(super) fn patients(&self) -> Option<u64> {
        let sum = |counts: &[u64]| counts.iter().copied().map(u128::from).sum::<u128>();
        let patients = sum(&self.cells);
        let minutes = self.minutes.iter().map(|minutes| u128::from(minutes.n())).sum::<u128>();
        let all_agree = self.cells.len() == Flow::CELLS
            && sum(self.passes.as_flattened()) == patients
            && minutes == patients
            && self.minutes.iter().all(|minutes| minutes.is_possible(u32::MAX))
            && self.reocclusions.iter().all(|&count| u128::from(count) <= patients);
        u64::try_from(patients).ok().filter(|_| all_agree)
    }

    /// Takes in what another tally has.
    pub fn merge(&mut self, other: &Self) {
        let add = |mine: &mut [u64], theirs: &[u64]| {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        };
        add(&mut self.cells, &other.cells);
        add(self.passes.as_flattened_mut(), other.passes.as_flattened());
        add(&mut self.reocclusions, &other.reocclusions);
        for (mine, theirs) in self.minutes.iter_mut().zip(&other.minutes) {
            mine.merge(theirs);
        }
    }
}

/// A simulated figure and its exact value; both NaN (null in JSON) where nobody has the quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Checked {
    /// Simulated; `n` is the number of patients behind it.
    #[serde(flatten)]
    pub simulated: McEstimate,
    /// By enumeration of everything that can happen.
    pub exact: f64,
}

impl Checked {
    fn new(simulated: Spread, exact: Spread) -> Self {
        let Spread { mean, sd, weight } = simulated;
        // One patient has no spread.
        let mcse = if weight > 1.0 { sd / (weight - 1.0).sqrt() } else { f64::NAN };
        let simulated = McEstimate::new(mean, mcse, weight as u64);
        Self { simulated, exact: exact.mean }
    }
}

/// Procedures and their outcomes, over all patients of trials that run to their end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcedureSummary {
    /// Share of the screened who are randomised.
    pub screening_yield: f64,
    /// Patients screened, on average, for all who are randomised.
    pub screened: f64,
    /// Patients randomised per month once accrual is in full swing.
    pub randomised_per_month: f64,
    /// What haemorrhage means; null without haemorrhage.
    pub haemorrhage_definition: Option<String>,
    /// Control, then experimental.
    pub arms: Vec<ArmSummary>,
    /// P(mRS 0–2) in the experimental arm less that in control, exactly.
    pub difference: f64,
    /// The same by the ways it comes about; the parts add up to it.
    #[serde(serialize_with = "as_map")]
    pub decomposition: Vec<(&'static str, f64)>,
}

fn as_map<S: Serializer>(parts: &[(&'static str, f64)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(parts.iter().copied())
}

/// One arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmSummary {
    /// `control` or `experimental`.
    pub arm: &'static str,
    /// Shares of mRS 0 to 6.
    pub mrs: [Checked; LEVELS],
    /// By how the procedure ended; groups that nobody can be in are left out.
    pub groups: Vec<GroupSummary>,
    /// Pass by pass, from those already made at randomisation.
    pub passes: Vec<PassSummary>,
}

/// Patients whose procedure ended alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupSummary {
    /// Who they are.
    pub group: Group,
    /// Their share of the arm.
    pub share: Checked,
    /// Means of every measure, by its name.
    pub measures: BTreeMap<&'static str, Checked>,
    /// Duration; null where minutes are not counted.
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

/// What happens after a number of passes. Shares are of the arm's patients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassSummary {
    /// Number of passes in all.
    pub passes: usize,
    /// Share who make this pass after randomisation.
    pub attempted: Checked,
    /// Share of these passes that reperfuse, lasting or not.
    pub success: Checked,
    /// Share whose procedure ends here, reperfused by thrombectomy.
    pub reperfused: Checked,
    /// Share stented here.
    pub stented: Checked,
    /// Share given up here, or whose stent cannot be brought to its place.
    pub unopened: Checked,
}

impl ProcedureSummary {
    /// Of a scenario's patients; `None` without a procedure. With empty tallies only the exact
    /// figures have values.
    pub(super) fn new(scenario: &Scenario, tallies: &[ArmTally; 2]) -> Option<Self> {
        let model = scenario.procedural()?;
        let arms = [(Arm::Control, "control"), (Arm::Experimental, "experimental")];
        let alike = scenario.centres.as_ref().is_none_or(|centres| {
            let shared_pace = !centres.have_a_planned_pace() && scenario.drift.is_some();
            centres.are_alike() && !shared_pace
        });
        let summary = |(arm, name): (Arm, _)| {
            let summary = ArmSummary::new(name, &tallies[arm.index()], model, arm);
            if alike { summary } else { summary.without_errors() }
        };
        let [control, experimental] =
            scenario.marginal(Truth::Alternative)?.map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
        Some(Self {
            difference: experimental - control,
            screening_yield: model.procedure().screening_yield(),
            screened: f64::from(scenario.randomised) / model.procedure().screening_yield(),
            randomised_per_month: scenario.accrual.per_month(),
            haemorrhage_definition: scenario.haemorrhage_definition(),
            arms: arms.into_iter().map(summary).collect(),
            decomposition: MECHANISMS.into_iter().zip(model.decomposition()).collect(),
        })
    }

    /// Without simulation.
    pub fn exact(scenario: &Scenario) -> Option<Self> {
        Self::new(scenario, &Default::default())
    }
}

impl ArmSummary {
    /// Of an arm; with an empty tally only the exact figures have values.
    pub fn new(name: &'static str, tally: &ArmTally, model: &ProceduralModel, arm: Arm) -> Self {
        let flows = Flows { simulated: tally.flow(), exact: model.expected(arm) };
        let procedure = model.procedure();
        let early_until = procedure.early_until();
        let groups = GROUPS.iter().filter(|group| {
            let is_in = |state: &State, _| Some(f64::from(u8::from(group.has(state, early_until))));
            flows.exact.spread(is_in).mean > 0.0
        });
        Self {
            arm: name,
            mrs: std::array::from_fn(|level| flows.share(|_, mrs| mrs.index() == level)),
            groups: groups
                .map(|&group| GroupSummary {
                    group,
                    share: flows.share(|state, _| group.has(state, early_until)),
                    measures: MEASURES
                        .iter()
                        .map(|&(measure, name)| {
                            let of = |flow: &Flow| flow.measure(measure, group, early_until);
                            (name, Checked::new(of(&flows.simulated), of(&flows.exact)))
                        })
                        .collect(),
                    minutes: flows.minutes(group, early_until, procedure.minutes(), tally),
                })
                .collect(),
            passes: (0..=MAX_PASSES).filter_map(|passes| flows.after(passes)).collect(),
        }
    }
}

/// An arm's patients, simulated and enumerated.
struct Flows {
    simulated: Flow,
    exact: Flow,
}

impl Flows {
    /// The share of all patients for whom `is_so`.
    fn share(&self, is_so: impl Fn(&State, Mrs) -> bool) -> Checked {
        let of =
            |flow: &Flow| flow.spread(|state, mrs| Some(f64::from(u8::from(is_so(state, mrs)))));
        Checked::new(of(&self.simulated), of(&self.exact))
    }

    /// `None` when nobody comes so far.
    fn after(&self, passes: usize) -> Option<PassSummary> {
        let ends = |of: fn(End) -> bool| {
            self.share(move |state, _| usize::from(state.passes) == passes && of(state.end))
        };
        let attempts = |flow: &Flow| passes.checked_sub(1).map_or(0.0, |k| flow.attempts()[k]);
        let successes = |flow: &Flow| passes.checked_sub(1).map_or(0.0, |k| flow.reperfusions()[k]);
        let attempted = |flow: &Flow| binary(attempts(flow), flow.total());
        let success = |flow: &Flow| binary(successes(flow), attempts(flow));
        let summary = PassSummary {
            passes,
            attempted: Checked::new(attempted(&self.simulated), attempted(&self.exact)),
            success: Checked::new(success(&self.simulated), success(&self.exact)),
            reperfused: ends(|end| end == End::Reperfused),
            stented: ends(End::is_stented),
            unopened: ends(|end| matches!(end, End::Stopped | End::AccessFailed)),
        };
        let shares = [summary.attempted, summary.reperfused, summary.stented, summary.unopened];
        shares.iter().any(|share| share.exact > 0.0).then_some(summary)
    }

    fn minutes(
        &self,
        group: Group,
        early_until: usize,
        minutes: &Minutes,
        tally: &ArmTally,
    ) -> Option<MinutesSummary> {
        let mut histogram = Histogram::default();
        for (part, counted) in DISJOINT.iter().zip(&tally.minutes) {
            let within = match group {
                Group::All => true,
                Group::Stented => matches!(part, Group::StentedEarly | Group::StentedLate),
                _ => *part == group,
            };
            if within {
                histogram.merge(counted);
            }
        }
        let in_group = |of: &dyn Fn(usize, bool) -> f64| {
            let spread = self.exact.spread(|state, _| {
                let stented = state.end.is_stented();
                group.has(state, early_until).then(|| of(usize::from(state.passes), stented))
            });
            spread.mean
        };
        let mean = in_group(&|passes, stented| minutes.mean(passes, stented));
        if mean == 0.0 {
            return None;
        }
        let quantile = |p: f64| {
            let miss = |at: f64| in_group(&|k, stented| minutes.probability(at, k, stented)) - p;
            Checked {
                simulated: McEstimate::quantile_of_rounded(&histogram, p, TENTH),
                exact: brent(miss, 1e-9, 1e6).unwrap_or(f64::NAN),
            }
        };
        Some(MinutesSummary {
            mean: Checked { simulated: McEstimate::histogram_mean(&histogram, TENTH), exact: mean },
            p25: quantile(0.25),
            median: quantile(0.5),
            p75: quantile(0.75),
        })
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

    /// Such a tally may be read from a file; it must not end the program.
    #[test]
    fn a_tally_of_what_cannot_be_is_summed_up_all_the_same() {
        let mut tally = ArmTally::default();
        let state = State { passes: 0, ..State::from_index(0) };
        assert_eq!(state.end, End::Reperfused);
        tally.cells[Flow::cell(&state, Mrs::DEAD)] = 3;
        let flow = tally.flow();
        assert_eq!((flow.total(), flow.reperfusions()), (3.0, &[0.0; MAX_PASSES]));
    }

    #[test]
    fn passes_are_attempts_and_reperfusions() {
        let mut tally = ArmTally::default();
        let course = |passes, end, reperfusions| PatientCourse {
            arm: Arm::Control,
            procedure: crate::procedure::ProcedureRecord {
                state: State { passes, end, ..State::from_index(0) },
                passes_before: 1,
                reperfusions,
                minutes: 30.0,
            },
            mrs: Mrs::DEAD,
        };
        // Opened by pass 2 for a while and by pass 4 for good; given up after pass 3; stented at once.
        tally.add(&course(4, End::Reperfused, 0b1010), 2);
        tally.add(&course(3, End::Stopped, 0), 2);
        tally.add(&course(1, End::StentPatent, 0), 2);
        let flow = tally.flow();
        assert_eq!(flow.attempts()[..5], [0.0, 2.0, 2.0, 1.0, 0.0]);
        assert_eq!(flow.reperfusions()[..5], [0.0, 1.0, 0.0, 1.0, 0.0]);
    }
}
