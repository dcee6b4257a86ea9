//! One trial as a story, patient by patient and look by look: the example trials that regulators
//! ask for.
//!
//! The replicate is run as every other is, and the columns and tables that it leaves are read; so it
//! is the trial that a run of many counts. Only what a run does not keep is gone through again, by
//! the same code on the same draws: which arm the allocation leaned to, and procedures pass by pass.
//!
//! What the trial never saw is not told: patients who would have come after the decision, looks after
//! the one that ended it.

mod ending;
mod looks;
mod patients;

pub use ending::{Cancelled, Ending, UnknownEnding, find};
pub use looks::{Bounds, DecisionTrace, EventTrace, LookTrace, RepeatedLook, TestTrace};
pub use patients::{ArmsBefore, PatientProcedure, PatientTrace};

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{Conclusion, Seen, Simulator, TrialResult};
use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::EffectScale;
use crate::rng::Replicate;
use crate::scenario::{Scenario, Truth};

/// Which trial of a replicate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewpoint {
    /// What the patients are drawn from; one of [`Scenario::truths`].
    pub truth: Truth,
    /// Position of the analysis that monitors, in the scenario.
    pub analysis: usize,
}

/// One trial. Figures that do not exist are NaN, null in JSON; arms come control first.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// From 0, as in `trials.csv`.
    pub replicate: u64,
    /// What its patients were drawn from.
    pub truth: Truth,
    /// Name of the analysis that monitored it.
    pub analysis: String,
    /// What that does, in words.
    pub method: String,
    /// What its estimates measure.
    pub scale: EffectScale,
    /// The log odds ratio drawn from the prior; `None` under the other truths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_odds_ratio: Option<f64>,
    /// Names of the factors that patients' levels are of.
    pub factors: Vec<String>,
    /// The looks as they were planned, the last being the final one.
    pub plan: Vec<PlannedLook>,
    /// Those randomised by the decision, in order of arrival.
    pub patients: Vec<PatientTrace>,
    /// Those that took place.
    pub looks: Vec<LookTrace>,
    /// How it ended.
    pub end: End,
}

/// A look in the plan.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PlannedLook {
    /// From 1.
    pub look: usize,
    /// Outcomes known.
    pub analysed: u32,
    /// What stops the trial there; at the final look that of the planned number of outcomes.
    pub bounds: Bounds,
}

/// How a trial ended.
#[derive(Debug, Clone, Serialize)]
pub struct End {
    /// What it concluded.
    pub conclusion: Conclusion,
    /// What it would have concluded if adverse events stopped nothing.
    pub without_safety: Conclusion,
    /// The look it ended at, from 1; the final look has the number of looks planned.
    pub look: usize,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
    /// Patients randomised by then.
    pub n_randomised: u32,
    /// Outcomes in the analysis that ended the trial, with those imputed.
    pub n_analysed: u32,
    /// Patients whose follow-up had not ended by then.
    pub overrun: u32,
    /// The analysis that ended it.
    #[serde(flatten)]
    pub test: TestTrace,
    /// The estimate that allows for the looks, by stage-wise ordering.
    pub median_unbiased: f64,
    /// Its 95 % interval.
    pub stagewise_interval: (f64, f64),
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
    /// The analysis repeated with the outcomes of the overrun; `None` where there are none, and after
    /// a stop for safety.
    pub repeated: Option<RepeatedLook>,
    /// Whether that contradicts the conclusion.
    pub reversed: bool,
    /// Adverse events of all who were randomised, when all is known of them.
    pub events: Vec<EventTrace>,
}

impl Trace {
    /// Runs a replicate and tells the trial that is meant.
    ///
    /// # Panics
    /// When the scenario has no such truth or analysis.
    pub fn new(scenario: &Scenario, replicate: Replicate, view: Viewpoint) -> Self {
        Self::of(Simulator::new(scenario), replicate, view)
    }

    /// The same, until `cancelled` is set.
    ///
    /// # Errors
    /// When it is set meanwhile.
    ///
    /// # Panics
    /// As [`Trace::new`].
    pub fn heeding(
        scenario: &Scenario,
        replicate: Replicate,
        view: Viewpoint,
        cancelled: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let trace = Self::of(Simulator::new(scenario).heeding(cancelled), replicate, view);
        if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(trace) }
    }

    fn of(mut simulator: Simulator<'_>, replicate: Replicate, view: Viewpoint) -> Self {
        let scenario = simulator.scenario;
        let trial = simulator.trial_alone(replicate, view);
        let seen = view.seen(scenario, replicate);
        let plan = scenario.design.looks().iter().enumerate().map(|(k, look)| PlannedLook {
            look: k + 1,
            analysed: look.analysed,
            bounds: Bounds::planned(&scenario.design, k),
        });
        let factors = scenario.population.factors().iter().map(|factor| factor.name.clone());
        Self {
            replicate: replicate.0,
            truth: view.truth,
            analysis: seen.analysis.name.clone(),
            method: scenario.file().analyses[view.analysis].describe(),
            scale: seen.analysis.method.scale(),
            log_odds_ratio: trial.drawn.map(|drawn| drawn.log_odds_ratio),
            factors: factors.collect(),
            plan: plan.collect(),
            patients: simulator.patients(seen, trial.n_randomised),
            looks: simulator.looks(seen, &trial),
            end: simulator.end(seen, &trial),
        }
    }

    /// Whether the trial came to its final look.
    pub fn is_full_run(&self) -> bool {
        self.end.look == self.plan.len()
    }
}

impl Viewpoint {
    fn seen(self, scenario: &Scenario, replicate: Replicate) -> Seen<'_> {
        Seen { replicate, truth: self.truth, analysis: &scenario.analyses[self.analysis] }
    }
}

impl Simulator<'_> {
    /// One trial of a replicate, without the others.
    fn trial_alone(&mut self, replicate: Replicate, view: Viewpoint) -> TrialResult {
        self.draw(replicate, &mut |_| {});
        let truths = &self.scenario.truths()[..=view.truth.index()];
        truths.iter().for_each(|&truth| self.begin(truth, &mut |_| {}));
        self.trial(replicate, view.truth, view.analysis)
    }

    /// Position of the look a trial ended at, among those that take place.
    fn end_at(&self, trial: &TrialResult) -> usize {
        let is_final = trial.look == self.scenario.design.looks().len();
        if is_final { self.everyone().len() - 1 } else { trial.look - 1 }
    }

    fn end(&mut self, seen: Seen<'_>, trial: &TrialResult) -> End {
        End {
            conclusion: trial.conclusion,
            without_safety: trial.without_safety,
            look: trial.look,
            duration_months: trial.duration_months,
            n_randomised: trial.n_randomised,
            n_analysed: trial.n_analysed,
            overrun: trial.overrun,
            test: TestTrace::new(&trial.test),
            median_unbiased: trial.median_unbiased,
            stagewise_interval: trial.stagewise_interval,
            failed_looks: trial.failed_looks,
            repeated: self.repeated(seen, trial),
            reversed: trial.reversed,
            events: self.events_in_the_end(trial.n_randomised),
        }
    }
}

/// Months from the opening of the trial to a day.
fn month(day: f64) -> f64 {
    day / DAYS_PER_MONTH
}
