//! What comes of a replicate: the looks, the trial as each analysis saw it, and what they share.

use super::centres::CentreBalance;
use super::description::Described;
use crate::analysis::{OutcomeTable, TestResult};
use crate::design::MAX_LOOKS;
use crate::outcome::Mrs;
use crate::procedure::ProcedureRecord;
use crate::randomisation::Arm;
use crate::scenario::Truth;
use serde::Serialize;

/// How the trial stands at a look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LookMoment {
    /// Day of the data.
    pub day: f64,
    /// Outcomes known on that day.
    pub analysed: u32,
    /// Patients on that day.
    pub at_data: PatientsSoFar,
    /// Day of the decision, which may come later.
    pub decision_day: f64,
    /// Patients on that day.
    pub at_decision: PatientsSoFar,
}

/// Patients on a day of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatientsSoFar {
    /// Patients randomised.
    pub randomised: u32,
    /// Of these, patients whose follow-up has not ended.
    pub overrun: u32,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The efficacy boundary was reached, at an interim or the final look.
    Efficacy,
    /// Stopped at an interim look for futility.
    Futility,
    /// The harm boundary was reached, at an interim or the final look.
    Harm,
    /// Stopped at an interim look because the boundary of an adverse event was reached, whatever the
    /// outcomes say.
    Safety,
    /// Ran to its end without significance.
    NotSignificant,
}

/// An effect drawn from the prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnEffect {
    /// Log of the common odds ratio between the arms' marginal distributions.
    pub log_odds_ratio: f64,
    /// What the estimate of the analysis aims at under it, on its own scale.
    pub estimand: f64,
}

/// One trial under one truth as one analysis saw it: what a row of output is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialResult {
    /// From 0.
    pub replicate: u64,
    /// What the patients were drawn from.
    pub truth: Truth,
    /// The effect where it is not the scenario's but drawn from the prior.
    pub drawn: Option<DrawnEffect>,
    /// Position of the analysis in the scenario.
    pub analysis: usize,
    /// The look the trial ended at, from 1; the final look has the number of looks planned.
    pub look: usize,
    /// How it ended.
    pub conclusion: Conclusion,
    /// How it would have ended if adverse events stopped nothing.
    pub without_safety: Conclusion,
    /// Whether it would have reached an efficacy boundary if it ended for nothing else before: futility
    /// that is not binding, harm and adverse events disregarded.
    pub efficacy_stops_disregarded: bool,
    /// Patients randomised, with those randomised until the decision.
    pub n_randomised: u32,
    /// Outcomes in the analysis that ended the trial.
    pub n_analysed: u32,
    /// Patients randomised whose follow-up had not ended at the decision.
    pub overrun: u32,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
    /// Whether the analysis repeated with the overrun's outcomes reaches the other conclusion; never
    /// after a stop for safety.
    pub reversed: bool,
    /// Estimate and statistic of the analysis that ended the trial.
    pub test: TestResult,
    /// The same once all who were randomised have been followed to their end.
    pub with_overrun: TestResult,
    /// The estimate that allows for the looks, by stage-wise ordering; NaN without an estimate.
    pub median_unbiased: f64,
    /// Its 95 % interval.
    pub stagewise_interval: (f64, f64),
    /// Z at each look by its number less 1; NaN where there was none.
    pub z: [f64; MAX_LOOKS],
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
}

/// A patient's way from procedure to outcome, whether the outcome is ever known or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatientCourse {
    /// Where the patient was allocated.
    pub arm: Arm,
    /// What was done.
    pub procedure: ProcedureRecord,
    /// What came of it.
    pub mrs: Mrs,
}

/// Patients of an arm in whom it is known whether they had an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EventCounts {
    /// Those who had it.
    pub events: u32,
    /// All of them.
    pub patients: u32,
}

/// An adverse event in one trial.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SafetyResult {
    /// Control and experimental arm, of all who were randomised when the first analysis ended the
    /// trial, with those of the overrun.
    pub counts: [EventCounts; 2],
    /// The statistic that compares them, above 0 if the experimental arm has fewer events; NaN where
    /// nobody or everybody has the event.
    pub z: f64,
    /// Position among the looks that take place at which the event's boundary is first reached,
    /// were nothing else to stop the trial.
    pub reached: Option<usize>,
}

/// Guesses of the patients' arms that were correct, in halves, by the [`ConvergenceStrategy`].
///
/// [`ConvergenceStrategy`]: crate::randomisation::ConvergenceStrategy
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CorrectGuesses {
    /// Of someone who sees the arms of all patients so far; 0 to twice the patients.
    pub halves_in_trial: u32,
    /// Of someone who sees only those of the patient's own stratum; 0 to twice the patients.
    pub halves_in_strata: u32,
}

/// One replicate: every trial of it, and what they share.
#[derive(Debug, Default)]
pub struct ReplicateResult {
    /// Interim looks that took place, then the final one, by truth: who is lost may depend on the
    /// outcome.
    pub looks: Vec<Vec<LookMoment>>,
    /// Truth by truth, analysis by analysis.
    pub trials: Vec<TrialResult>,
    /// The trial as its first analysis left it, truth by truth; empty where nothing is described.
    pub described: Vec<Described>,
    /// Truth by truth, event by event; empty without adverse events.
    pub safety: Vec<Vec<SafetyResult>>,
    /// The outcomes known in the end, when everyone has been randomised, under the alternative.
    pub outcomes: OutcomeTable,
    /// Every patient's way through the procedure under the alternative, control before experimental
    /// arm; empty without a procedure.
    pub courses: Vec<PatientCourse>,
    /// For the whole trial and each level of each factor: how far the arms are from the ratio, as
    /// 2·|n_e·(r_c + r_e) − n·r_e|. Divided by r_c + r_e it is the arm difference of a 1:1 trial.
    pub imbalances: Vec<u32>,
    /// The control variates of the analyses under the alternative, then under the null truth; empty where
    /// none are asked for.
    pub control_deviations: Vec<f64>,
    /// How often the arms of all who are randomised would have been guessed.
    pub correct_guesses: CorrectGuesses,
    /// The same within centres; without meaning where there are none.
    pub centres: CentreBalance,
}

impl ReplicateResult {
    /// The moment of the look a trial ended at, or of an earlier look k (from 0). A final look
    /// may follow fewer interims than planned; it is always the last.
    pub fn moment(&self, truth: Truth, k: usize, looks_planned: usize) -> Option<&LookMoment> {
        let looks = &self.looks[truth.index()];
        let (last, interims) = looks.split_last()?;
        if k + 1 == looks_planned { Some(last) } else { interims.get(k) }
    }
}

impl TrialResult {
    /// Whether the estimate is a finite number with an error.
    pub fn has_estimate(&self) -> bool {
        self.test.has_estimate()
    }
}
