//! The contents of a report in addition to the operating characteristics: distributions over trials,
//! convergence, the calendar, and paths of single trials.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::convergence::{ConvergencePoint, ConvergenceTally};
use crate::accrual::DAYS_PER_MONTH;
use crate::engine::Accumulator;
use crate::rng::Replicate;
use crate::scenario::{Scenario, Truth};
use crate::summary::Tally;
use crate::summary::checkpoint::{StoredTotal, stored};
use crate::trial::trace::Cancelled;
use crate::trial::{Conclusion, ReplicateResult, Simulator};

/// Number of paths shown: more would cover one another.
const PATHS: u64 = 60;
/// Number of trials over which the calendar is averaged.
// A mean over 200 trials has 7 % of the standard deviation of one.
const CALENDAR_TRIALS: u64 = 200;
/// Number of steps of the calendar's curves.
// Steps of some 5 px of the figure, which look like a curve.
const CALENDAR_POINTS: u32 = 80;

/// Totals over replicates for a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DossierTally {
    /// Totals of a run.
    pub tally: Tally,
    /// Rejections by number of replicates.
    pub convergence: ConvergenceTally,
}

impl DossierTally {
    /// Creates empty totals.
    pub fn new(scenario: &Scenario) -> Self {
        Self { tally: Tally::new(scenario), convergence: ConvergenceTally::new(scenario) }
    }
}

impl Accumulator for DossierTally {
    fn add(&mut self, results: &[ReplicateResult]) {
        self.tally.add(results);
        self.convergence.add(results);
    }

    fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.convergence.merge(other.convergence);
    }
}

impl StoredTotal for DossierTally {
    fn to_stored(&self) -> Box<RawValue> {
        stored(self)
    }

    fn from_stored(empty: Self, text: &str, scenarios: &[&Scenario], n: u64) -> Option<Self> {
        let [scenario] = scenarios else { return None };
        let Self { tally, convergence } = serde_json::from_str(text).ok()?;
        let tally = Tally::restored(scenario, &tally, n)?;
        convergence.is_of(n, &empty.convergence).then_some(Self { tally, convergence })
    }
}

/// A distribution over the trials under each truth: values with the share of trials at or below them.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Distribution under H1.
    pub effect: Vec<(f64, f64)>,
    /// Distribution under H0.
    pub none: Vec<(f64, f64)>,
}

impl Distribution {
    /// Returns whether trials differ in the value.
    pub fn varies(&self) -> bool {
        let mut values = self.effect.iter().chain(&self.none).map(|&(value, _)| value);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }
}

/// The path of Z of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct ZPath {
    /// Number of the replicate.
    pub replicate: u64,
    /// Pairs of outcomes analysed and Z; looks without a statistic are left out.
    pub points: Vec<(f64, f64)>,
    /// Conclusion of the trial.
    pub conclusion: Conclusion,
}

/// Patients over the months, as means over trials that run to their end.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Equally spaced points from the opening of the trial to the last outcome.
    pub months: Vec<CalendarPoint>,
    /// The data of the looks, in their order.
    pub looks: Vec<CalendarPoint>,
}

/// Patients at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalendarPoint {
    /// Months since the trial opened.
    pub month: f64,
    /// Patients randomised by then.
    pub randomised: f64,
    /// Outcomes known by then.
    pub known: f64,
}

/// The contents of a report in addition to the summary, for the primary analysis unless stated otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// Number of patients randomised.
    pub sizes: Distribution,
    /// Months from opening to decision.
    pub durations: Distribution,
    /// Rejection rates of all analyses by number of replicates.
    pub convergence: Vec<ConvergencePoint>,
    /// Paths of the first trials under H1.
    pub paths: Vec<ZPath>,
    /// Calendar under H1.
    pub calendar: Calendar,
}

impl Dossier {
    /// Builds the contents from the totals of the scenario's replicates, the first of which are run again
    /// for paths and calendar.
    ///
    /// # Errors
    /// [`Cancelled`] if `cancelled` is set meanwhile.
    pub fn new(
        scenario: &Scenario,
        tally: &DossierTally,
        cancelled: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let DossierTally { tally, convergence } = tally;
        // Replicates are cheap to run again; keeping the paths of all would need memory for each.
        let mut simulator = Simulator::new(scenario).cancelled_by(cancelled);
        let dossier = Self {
            sizes: Distribution {
                effect: tally.sizes(Truth::Alternative, 0),
                none: tally.sizes(Truth::Null, 0),
            },
            durations: Distribution {
                effect: tally.durations(Truth::Alternative, 0),
                none: tally.durations(Truth::Null, 0),
            },
            convergence: convergence.points(),
            paths: paths(scenario, &mut simulator),
            calendar: calendar(scenario, &mut simulator, cancelled),
        };
        // A cancelled simulator returns incomplete trials: nothing of them may be shown.
        if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(dossier) }
    }
}

fn paths(scenario: &Scenario, simulator: &mut Simulator<'_>) -> Vec<ZPath> {
    let planned = scenario.design.looks().len();
    let mut paths = Vec::new();
    for replicate in 0..PATHS.min(scenario.replicates) {
        let result = simulator.run(Replicate(replicate));
        // A replicate that was cancelled has no trial, nor has any after it.
        let Some(trial) = result.trials.first() else { break };
        let points = (0..trial.look).filter_map(|k| {
            let moment = result.moment(trial, k, planned)?;
            let z = trial.z[k];
            z.is_finite().then_some((f64::from(moment.analysed), z))
        });
        paths.push(ZPath { replicate, points: points.collect(), conclusion: trial.conclusion });
    }
    paths
}

fn calendar(
    scenario: &Scenario,
    simulator: &mut Simulator<'_>,
    cancelled: &AtomicBool,
) -> Calendar {
    let trials = CALENDAR_TRIALS.min(scenario.replicates);
    let (mut arrivals, mut outcomes) = (Vec::new(), Vec::new());
    let mut result = ReplicateResult::default();
    // By planned look: a trial that skips interims has fewer, and its final look counts with the others'.
    let mut looks: BTreeMap<usize, Vec<CalendarPoint>> = BTreeMap::new();
    for replicate in (0..trials).take_while(|_| !cancelled.load(Ordering::Relaxed)) {
        let followed =
            simulator.enrol(Replicate(replicate), &mut result).follow(Truth::Alternative);
        let arrival_days = followed.arrival_days();
        // The looks of a trial that never stops: those of stopped trials would be of fewer patients.
        for look in followed.looks().all() {
            let moment = followed.moment(look);
            let randomised = arrival_days.partition_point(|&day| day <= moment.day) as f64;
            let known = f64::from(moment.analysed);
            let at = CalendarPoint { month: moment.day, randomised, known };
            looks.entry(look.planned).or_default().push(at);
        }
        arrivals.extend_from_slice(arrival_days);
        outcomes.extend(followed.outcome_days().iter().copied().filter(|day| day.is_finite()));
    }
    // Sorted, a partition point counts the days up to one.
    arrivals.sort_by(f64::total_cmp);
    outcomes.sort_by(f64::total_cmp);
    let last = arrivals.iter().chain(&outcomes).copied().fold(0.0, f64::max);
    let months = (0..=CALENDAR_POINTS).map(|i| {
        let day = last * f64::from(i) / f64::from(CALENDAR_POINTS);
        CalendarPoint {
            month: day / DAYS_PER_MONTH,
            randomised: arrivals.partition_point(|&of| of <= day) as f64 / trials as f64,
            known: outcomes.partition_point(|&of| of <= day) as f64 / trials as f64,
        }
    });
    Calendar {
        months: months.collect(),
        looks: looks.values().map(|days| mean_look(days)).collect(),
    }
}

/// Averages one look over trials, whose times are in days.
fn mean_look(trials: &[CalendarPoint]) -> CalendarPoint {
    let n = trials.len() as f64;
    CalendarPoint {
        month: trials.iter().map(|at| at.month).sum::<f64>() / n / DAYS_PER_MONTH,
        randomised: trials.iter().map(|at| at.randomised).sum::<f64>() / n,
        known: trials.iter().map(|at| at.known).sum::<f64>() / n,
    }
}
