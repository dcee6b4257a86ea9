//! What a report shows of a scenario beside its operating characteristics: how they came about, and
//! trials that can be looked at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::convergence::{ConvergencePoint, ConvergenceTally};
use crate::accrual::DAYS_PER_MONTH;
use crate::engine::Accumulator;
use crate::rng::Replicate;
use crate::scenario::{Scenario, Truth};
use crate::summary::Tally;
use crate::trial::trace::Cancelled;
use crate::trial::{Conclusion, ReplicateResult, Simulator};

/// Paths shown; more could not be told apart.
const PATHS: u64 = 60;
/// Trials that the calendar is the mean of.
const CALENDAR_TRIALS: u64 = 200;
/// Points of the calendar's curves.
const CALENDAR_POINTS: u32 = 80;

/// Everything that is folded from the replicates for a report.
#[derive(Debug, Clone, PartialEq)]
pub struct DossierTally {
    /// What a run folds.
    pub tally: Tally,
    /// How its rejections settle.
    pub convergence: ConvergenceTally,
}

impl DossierTally {
    /// Empty.
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

/// A distribution over the trials of each truth: values with the share of trials at or below them.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Under the alternative.
    pub effect: Vec<(f64, f64)>,
    /// Under its null twin.
    pub none: Vec<(f64, f64)>,
}

impl Distribution {
    /// Whether trials differ in it.
    pub fn varies(&self) -> bool {
        let mut values = self.effect.iter().chain(&self.none).map(|&(value, _)| value);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }
}

/// Z of one trial over its looks.
#[derive(Debug, Clone, PartialEq)]
pub struct ZPath {
    /// Number of the replicate.
    pub replicate: u64,
    /// Outcomes analysed, and Z; looks without a statistic are left out.
    pub points: Vec<(f64, f64)>,
    /// How it ended.
    pub conclusion: Conclusion,
}

/// Patients over the months, means over trials that run to their end.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Months, patients randomised and outcomes known by then.
    pub months: Vec<(f64, f64, f64)>,
    /// Months of the data of the looks, with the patients randomised by then and the outcomes known.
    pub looks: Vec<(f64, f64, f64)>,
}

/// What a report shows beside the summary, of the first analysis unless said.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// Patients randomised.
    pub sizes: Distribution,
    /// Months from opening to decision.
    pub durations: Distribution,
    /// Of all analyses.
    pub convergence: Vec<ConvergencePoint>,
    /// The first trials with the effect.
    pub paths: Vec<ZPath>,
    /// With the effect.
    pub calendar: Calendar,
}

impl Dossier {
    /// From a tally of the scenario's replicates; the first of them are run again to be shown.
    ///
    /// # Errors
    /// When `cancelled` is set meanwhile.
    pub fn new(
        scenario: &Scenario,
        tally: &DossierTally,
        cancelled: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let both = |of: &dyn Fn(Truth) -> Vec<(f64, f64)>| Distribution {
            effect: of(Truth::Alternative),
            none: of(Truth::Null),
        };
        let mut simulator = Simulator::new(scenario).heeding(cancelled);
        let dossier = Self {
            sizes: both(&|truth| tally.tally.sizes(truth, 0)),
            durations: both(&|truth| tally.tally.durations(truth, 0)),
            convergence: tally.convergence.points(),
            paths: paths(scenario, &mut simulator),
            calendar: calendar(scenario, &mut simulator, cancelled),
        };
        if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(dossier) }
    }
}

fn paths(scenario: &Scenario, simulator: &mut Simulator<'_>) -> Vec<ZPath> {
    let planned = scenario.design.looks().len();
    let path = |replicate| {
        let result = simulator.run(Replicate(replicate));
        let trial = result.trials.first()?;
        let point = |k: usize| {
            let moment = result.moment(Truth::Alternative, k, planned)?;
            let z = trial.z[k];
            z.is_finite().then_some((f64::from(moment.analysed), z))
        };
        let points = (0..trial.look).filter_map(point).collect();
        Some(ZPath { replicate, points, conclusion: trial.conclusion })
    };
    // A replicate that is cut short has no trial, nor has any after it.
    (0..PATHS.min(scenario.replicates)).map_while(path).collect()
}

fn calendar(
    scenario: &Scenario,
    simulator: &mut Simulator<'_>,
    cancelled: &AtomicBool,
) -> Calendar {
    let trials = CALENDAR_TRIALS.min(scenario.replicates);
    let (mut arrivals, mut outcomes) = (Vec::new(), Vec::new());
    let mut looks: BTreeMap<usize, Vec<(f64, f64, f64)>> = BTreeMap::new();
    for replicate in (0..trials).take_while(|_| !cancelled.load(Ordering::Relaxed)) {
        let (came, known, moments) = simulator.follow_up_alone(Replicate(replicate));
        for (k, moment) in moments.iter().enumerate() {
            // A final look may follow fewer interims than planned.
            let is_last = k + 1 == moments.len();
            let look = if is_last { scenario.design.looks().len() - 1 } else { k };
            let randomised = came.partition_point(|&day| day <= moment.day) as f64;
            let at = (moment.day, randomised, f64::from(moment.analysed));
            looks.entry(look).or_default().push(at);
        }
        arrivals.extend_from_slice(came);
        outcomes.extend(known.iter().copied().filter(|day| day.is_finite()));
    }
    [&mut arrivals, &mut outcomes].into_iter().for_each(|days| days.sort_by(f64::total_cmp));
    let last = arrivals.iter().chain(&outcomes).copied().fold(0.0, f64::max);
    let by = |days: &[f64], day: f64| days.partition_point(|&of| of <= day) as f64 / trials as f64;
    let month = |i: u32| {
        let day = last * f64::from(i) / f64::from(CALENDAR_POINTS);
        (day / DAYS_PER_MONTH, by(&arrivals, day), by(&outcomes, day))
    };
    Calendar {
        months: (0..=CALENDAR_POINTS).map(month).collect(),
        looks: looks.values().map(|moments| mean_moment(moments)).collect(),
    }
}

/// Month, randomised and analysed, averaged.
fn mean_moment(moments: &[(f64, f64, f64)]) -> (f64, f64, f64) {
    let n = moments.len() as f64;
    let mean = |of: fn(&(f64, f64, f64)) -> f64| moments.iter().map(of).sum::<f64>() / n;
    (mean(|at| at.0) / DAYS_PER_MONTH, mean(|at| at.1), mean(|at| at.2))
}
