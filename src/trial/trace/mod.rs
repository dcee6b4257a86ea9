//! One trial in full, patient by patient and look by look: the example trials that regulators ask for.
//!
//! The replicate is simulated as in a run, and the trace is read from the columns and tables that this
//! leaves: it is the trial that a run counts. Only what a run does not keep is computed again, by the same
//! code on the same draws: the arm that balance preferred, and procedures pass by pass.
//!
//! A trace has nothing that the trial never saw: no patients who would have arrived after the decision, no
//! looks after the one that ended it.
//!
#![doc = include_str!("README.md")]

mod ending;
mod looks;
mod patients;
mod population;

pub use ending::{Cancelled, TrialEnding, UnknownEnding, find};
pub use looks::{Bounds, DecisionTrace, EventTrace, LookTrace, RepeatedLook, TestTrace};
pub use patients::{ArmsBefore, PatientProcedure, PatientTrace};
pub use population::{LevelTrace, PopulationTrace};

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{
    Conclusion, FollowedCohort, NEVER_CANCELLED, ReplicateResult, RuleResult, Simulator,
    TrialResult,
};
use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::EffectScale;
use crate::rng::Replicate;
use crate::scenario::{BlindedSize, Scenario, SizeRule, SuccessRule, Truth};

/// Selects one trial of a replicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewpoint {
    /// Truth that the patients are drawn from; one of [`Scenario::truths`].
    pub truth: Truth,
    /// Position of the analysis that monitors, in the scenario.
    pub analysis: usize,
}

/// One trial. Numbers that do not exist are NaN, null in JSON; arms are in the order control, experimental.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// Number of the replicate, from 0, as in `trials.csv`.
    pub replicate: u64,
    /// Name of the truth that its patients were drawn from.
    #[serde(rename = "truth")]
    pub truth_name: String,
    /// That truth.
    #[serde(skip)]
    pub truth: Truth,
    /// Name of the analysis that monitored it.
    pub analysis: String,
    /// Method of the analysis, in words.
    pub method: String,
    /// Scale of its estimates.
    pub scale: EffectScale,
    /// The log odds ratio drawn from the prior; `None` under the other truths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_odds_ratio: Option<f64>,
    /// Names of the factors, in the order of the patients' levels.
    pub factors: Vec<String>,
    /// The planned looks, the last being the final one.
    pub plan: Vec<PlannedLook>,
    /// Patients randomised by the decision, in order of arrival.
    pub patients: Vec<PatientTrace>,
    /// Looks that took place.
    pub looks: Vec<LookTrace>,
    /// End of the trial.
    pub end: EndTrace,
    /// The trial as the analyses decide it together; `None` without a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<RuleTrace>,
    /// The re-estimation of the number of patients; `None` without one, and in a trial that ended before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeTrace>,
    /// The population; `None` if the scenario has no rule for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<PopulationTrace>,
}

/// The re-estimation of the number of patients in one trial.
#[derive(Debug, Clone, Serialize)]
pub struct SizeTrace {
    /// Number of the look, from 1.
    pub look: usize,
    /// Zone of the result; `None` for a blinded rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<&'static str>,
    /// What was observed: `conditional_power` at the planned size or, for a blinded rule, the `pooled_rate`
    /// or `pooled_variance` of both arms together.
    pub measure: &'static str,
    /// Value observed.
    pub observed: f64,
    /// Patients randomised as planned.
    pub planned: u32,
    /// Patients at the final look that were decided; `None` if the trial stopped.
    pub decided: Option<u32>,
    /// Days by which recruitment paused for the decision; 0 if it did not.
    pub paused_days: f64,
    /// Z of all patients at a final look of another size than planned; `None` at other looks.
    pub conventional_z: Option<f64>,
    /// Z of both stages by their planned weights; `None` at other looks and for a blinded rule.
    pub weighted_z: Option<f64>,
}

impl SizeTrace {
    fn new(scenario: &Scenario, trial: &TrialResult) -> Option<Self> {
        let (size, rule) = (trial.size?, scenario.adaptation.size.as_ref()?);
        let changed = size.changed;
        Some(Self {
            look: rule.look + 1,
            zone: size.zone.map(|zone| zone.name()),
            measure: match &rule.rule {
                SizeRule::Unblinded { .. } => "conditional_power",
                SizeRule::Blinded { by: BlindedSize::Rate { .. }, .. } => "pooled_rate",
                SizeRule::Blinded { by: BlindedSize::Variance { .. }, .. } => "pooled_variance",
            },
            observed: size.observed,
            planned: rule.planned,
            decided: size.decided,
            paused_days: changed.map_or(0.0, |changed| changed.paused_days),
            // A look of the planned size has one Z, which its row shows.
            conventional_z: changed.map(|it| it.conventional).filter(|z| !z.is_nan()),
            weighted_z: changed.map(|it| it.weighted).filter(|z| !z.is_nan()),
        })
    }
}

/// The trial as the analyses decide it together by the rule of the scenario.
#[derive(Debug, Clone, Serialize)]
pub struct RuleTrace {
    /// Conclusion of the trial; efficacy if the rule was satisfied.
    pub conclusion: Conclusion,
    /// Number of the look that ended it, from 1.
    pub look: usize,
    /// Number of the look at which the rule was first satisfied; `None` if it was not.
    pub success_at: Option<u8>,
    /// Analyses that rejected, in the order of the rule.
    pub rejections: Vec<RejectionTrace>,
    /// Whether proportional odds were rejected at the last look; `None` without a test of it.
    pub proportional_odds_rejected: Option<bool>,
    /// Patients randomised by the decision.
    pub n_randomised: u32,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
}

/// An analysis that rejected by the rule of the scenario.
#[derive(Debug, Clone, Serialize)]
pub struct RejectionTrace {
    /// Name of the analysis.
    pub analysis: String,
    /// Number of the look, from 1.
    pub look: u8,
}

impl RuleTrace {
    fn new(scenario: &Scenario, rule: &SuccessRule, decided: &RuleResult) -> Self {
        let looks = rule.analyses.iter().zip(decided.rejected_at);
        let rejections = looks.filter(|(_, look)| *look > 0).map(|(&position, look)| {
            RejectionTrace { analysis: scenario.analyses[position].name.clone(), look }
        });
        Self {
            conclusion: decided.conclusion,
            look: decided.look,
            success_at: decided.success_at,
            rejections: rejections.collect(),
            proportional_odds_rejected: decided.not_proportional,
            n_randomised: decided.n_randomised,
            duration_months: decided.duration_months,
        }
    }
}

/// A look in the plan.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PlannedLook {
    /// Number of the look, from 1.
    pub look: usize,
    /// Number of outcomes planned.
    pub analysed: u32,
    /// Boundaries on this number of outcomes.
    pub bounds: Bounds,
}

/// The end of a trial.
#[derive(Debug, Clone, Serialize)]
pub struct EndTrace {
    /// Conclusion of the trial.
    pub conclusion: Conclusion,
    /// Conclusion if adverse events stopped nothing.
    pub without_safety: Conclusion,
    /// Number of the look that ended it, from 1; that of the final look is the number of looks planned.
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
    /// Median-unbiased estimate, by stage-wise ordering of the looks.
    pub median_unbiased: f64,
    /// 95 % interval by stage-wise ordering.
    pub stagewise_interval: (f64, f64),
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
    /// The analysis repeated with the outcomes of overrunning patients; `None` if there are none, and after
    /// a stop for safety.
    pub repeated: Option<RepeatedLook>,
    /// Whether the repeated analysis contradicts the conclusion.
    pub reversed: bool,
    /// Adverse events of all patients randomised, when all is known of them.
    pub events: Vec<EventTrace>,
}

impl Trace {
    /// Simulates a replicate and traces one of its trials.
    ///
    /// # Panics
    /// When the scenario has no such truth or analysis.
    pub fn new(scenario: &Scenario, replicate: Replicate, view: Viewpoint) -> Self {
        Self::until_cancelled(scenario, replicate, view, &NEVER_CANCELLED)
            .expect("nothing cancels it")
    }

    /// Simulates a replicate and traces one of its trials, until `cancelled` is set.
    ///
    /// # Errors
    /// When it is set meanwhile.
    ///
    /// # Panics
    /// When the scenario has no such truth or analysis.
    pub fn until_cancelled(
        scenario: &Scenario,
        replicate: Replicate,
        view: Viewpoint,
        cancelled: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let mut simulator = Simulator::new(scenario).cancelled_by(cancelled);
        let mut result = ReplicateResult::default();
        let mut followed = simulator.enrol(replicate, &mut result).follow(view.truth);
        // By the code of a run, so that the trace is of the trial that a run counts.
        let trial = followed.trial(view.analysis);
        let analysis = &scenario.analyses[view.analysis];
        let plan = scenario.design.looks().iter().enumerate().map(|(position, look)| PlannedLook {
            look: position + 1,
            analysed: look.analysed,
            bounds: planned_bounds(scenario, position),
        });
        let factors = scenario.population.factors().iter().map(|factor| factor.name.clone());
        let trace = Self {
            replicate: replicate.0,
            truth_name: scenario.truth_name(view.truth).to_owned(),
            truth: view.truth,
            analysis: analysis.name.clone(),
            method: scenario.file().analyses_primary_first()[view.analysis].describe(),
            scale: analysis.method.scale(),
            log_odds_ratio: trial.drawn.map(|drawn| drawn.log_odds_ratio),
            factors: factors.collect(),
            plan: plan.collect(),
            patients: followed.patients(&trial),
            looks: followed.look_traces(&trial),
            end: followed.end(&trial),
            size: SizeTrace::new(scenario, &trial),
            population: followed.population_trace(&trial),
            success: scenario
                .success
                .as_ref()
                // No analysis has left its trial in the result: the rule computes every statistic
                // itself.
                .map(|rule| RuleTrace::new(scenario, rule, &followed.decide_together(rule))),
        };
        // What was cut short may be wrong anywhere.
        if cancelled.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(trace) }
    }

    /// Whether the trial reached its final look.
    pub fn is_full_run(&self) -> bool {
        self.end.look == self.plan.len()
    }
}

impl FollowedCohort<'_, '_> {
    fn end(&mut self, trial: &TrialResult) -> EndTrace {
        EndTrace {
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
            repeated: self.repeated_look(trial),
            reversed: trial.reversed,
            events: self.events_of_first(trial.n_randomised),
        }
    }
}

/// Returns the boundaries of a look at a position in the plan.
fn planned_bounds(scenario: &Scenario, position: usize) -> Bounds {
    match &scenario.adaptation.population {
        Some(adaptation) => {
            // The boundaries of the design decide nothing in such a trial.
            let is_final = position + 1 == scenario.design.looks().len();
            Bounds { efficacy: adaptation.bound(is_final), ..Bounds::default() }
        }
        None => Bounds::planned(&scenario.design, position),
    }
}

/// Converts a day of the trial to months from its opening.
fn month(day: f64) -> f64 {
    day / DAYS_PER_MONTH
}
