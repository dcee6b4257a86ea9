//! The result of a replicate: the looks, the trial as each analysis sees it, and what they share.

use super::centres::CentreBalance;
use super::description::Described;
use super::enrichment::PopulationResult;
use super::look::LookSequence;
use super::reestimation::SizeResult;
use crate::analysis::{OutcomeTable, TestResult};
use crate::design::MAX_LOOKS;
use crate::design::multiplicity::MAX_HYPOTHESES;
use crate::outcome::Mrs;
use crate::procedure::ProcedureRecord;
use crate::randomisation::Arm;
use crate::scenario::Truth;
use serde::Serialize;

/// Day and patients of a look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LookMoment {
    /// Day of the data.
    pub day: f64,
    /// Outcomes known on that day.
    pub analysed: u32,
    /// Patients on the day of the data.
    pub at_data: PatientsSoFar,
    /// Day of the decision, which may come later.
    pub decision_day: f64,
    /// Patients on the day of the decision.
    pub at_decision: PatientsSoFar,
}

/// Patients on a day of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatientsSoFar {
    /// Patients randomised.
    pub randomised: u32,
    /// Patients randomised whose follow-up has not ended.
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
    /// outcomes showed.
    Safety,
    /// Ran to its end without significance.
    NotSignificant,
}

/// An effect drawn from the prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnEffect {
    /// Log of the common odds ratio between the arms' marginal distributions.
    pub log_odds_ratio: f64,
    /// Estimand of the analysis under the drawn effect, on its own scale.
    pub estimand: f64,
}

/// One trial under one truth as one analysis sees it: the content of a row of output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialResult {
    /// Number of the replicate, from 0.
    pub replicate: u64,
    /// Truth that the patients were drawn from.
    pub truth: Truth,
    /// The effect drawn from the prior; `None` under the other truths.
    pub drawn: Option<DrawnEffect>,
    /// Position of the analysis in the scenario.
    pub analysis: usize,
    /// Number of the look that ended the trial, from 1; that of the final look is the number of looks planned.
    pub look: usize,
    /// Conclusion of the trial.
    pub conclusion: Conclusion,
    /// Conclusion if adverse events stopped nothing.
    pub without_safety: Conclusion,
    /// Whether the trial would reach an efficacy boundary if nothing else ended it before: non-binding
    /// futility, harm and adverse events disregarded.
    pub efficacy_stops_disregarded: bool,
    /// Patients randomised until the decision.
    pub n_randomised: u32,
    /// Outcomes in the analysis that ended the trial.
    pub n_analysed: u32,
    /// Patients randomised whose follow-up had not ended at the decision.
    pub overrun: u32,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
    /// Whether the analysis repeated with the outcomes of overrunning patients contradicts the conclusion;
    /// never after a stop for safety.
    pub reversed: bool,
    /// Estimate and statistic of the analysis that ended the trial.
    pub test: TestResult,
    /// Estimate and statistic of that analysis once all patients randomised have been followed to their end.
    pub with_overrun: TestResult,
    /// Median-unbiased estimate, by stage-wise ordering of the looks; NaN without an estimate.
    pub median_unbiased: f64,
    /// 95 % interval by stage-wise ordering.
    pub stagewise_interval: (f64, f64),
    /// Z at each look planned; NaN if it did not take place or has no statistic.
    // An array, so that a result is copied without an allocation.
    pub z: [f64; MAX_LOOKS],
    /// Looks whose statistic could not be computed.
    pub failed_looks: u32,
    /// The re-estimation of the number of patients; `None` without one, and in trials that ended before.
    pub size: Option<SizeResult>,
    /// The population; `None` if the scenario has no rule for it.
    pub population: Option<PopulationResult>,
}

/// One trial under one truth whose analyses decide together by the rule of the scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleResult {
    /// Number of the look that ended the trial, from 1.
    pub look: usize,
    /// Conclusion of the trial; efficacy if the rule was satisfied, whatever ended the trial.
    pub conclusion: Conclusion,
    /// Whether an adverse event ended the trial.
    pub stopped_for_safety: bool,
    /// Number of the look at which the rule was first satisfied; `None` if it was not.
    pub success_at: Option<u8>,
    /// Number of the look at which each analysis rejected, in the order of the rule; 0 if it did not.
    // An array, so that a result is copied without an allocation.
    pub rejected_at: [u8; MAX_HYPOTHESES],
    /// Whether proportional odds were rejected at the last look analysed; `None` without a test of it.
    pub not_proportional: Option<bool>,
    /// Patients randomised until the decision.
    pub n_randomised: u32,
    /// Patients randomised whose follow-up had not ended at the decision.
    pub overrun: u32,
    /// Months from the opening of the trial to the decision.
    pub duration_months: f64,
}

/// A patient's procedure and the outcome after it, whether that is ever known or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatientCourse {
    /// Arm allocated.
    pub arm: Arm,
    /// Procedure performed.
    pub procedure: ProcedureRecord,
    /// Outcome after the procedure.
    pub mrs: Mrs,
}

/// Patients of an arm in whom it is known whether they had an event, and the events among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EventCounts {
    /// Patients who had the event.
    pub events: u32,
    /// All these patients.
    pub patients: u32,
}

/// An adverse event in one trial.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SafetyResult {
    /// Control and experimental arm, among all patients randomised when the primary analysis ended the
    /// trial, with overrunning patients.
    pub counts: [EventCounts; 2],
    /// Statistic that compares the arms, above 0 if the experimental arm has fewer events; NaN if no
    /// patients or all patients have the event.
    pub z: f64,
    /// Position in the plan of the first look at which the event's boundary is reached if nothing else stops
    /// the trial.
    pub reached: Option<usize>,
}

/// Guesses of the patients' arms that were correct, in halves, by the [`ConvergenceStrategy`].
///
/// [`ConvergenceStrategy`]: crate::randomisation::ConvergenceStrategy
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuessCounts {
    /// Guesses of an observer who sees the arms of all earlier patients; 0 to twice the patients.
    // In halves: where the arms are balanced the observer guesses half of each, and whole numbers stay exact.
    pub halves_in_trial: u32,
    /// Guesses of an observer who sees those of the patient's own stratum only; 0 to twice the patients.
    pub halves_in_strata: u32,
}

/// One replicate: every trial of it, and what they share.
#[derive(Debug, Default)]
pub struct ReplicateResult {
    /// Interim looks that take place, then the final one, by truth: dropout may depend on the outcome.
    pub looks: Vec<Vec<LookMoment>>,
    /// Looks of trials whose population was restricted, one trial after another.
    pub own_looks: Vec<LookMoment>,
    /// Trials, truth by truth and analysis by analysis.
    pub trials: Vec<TrialResult>,
    /// Trials whose analyses decide together, truth by truth; empty without a rule.
    pub rules: Vec<RuleResult>,
    /// Supplementary analyses of the primary analysis's trial, truth by truth; empty if none are asked for.
    pub described: Vec<Described>,
    /// Adverse events, truth by truth and event by event; empty if none are followed.
    pub safety: Vec<Vec<SafetyResult>>,
    /// Outcomes finally known when all patients are randomised, under the alternative.
    pub outcomes: OutcomeTable,
    /// Every patient's procedure under the alternative, control before experimental arm; empty without a
    /// procedure.
    pub courses: Vec<PatientCourse>,
    /// Distance of the arms from the ratio in the whole trial and each level of each factor, as
    /// 2·|n_e·(r_c + r_e) − n·r_e|. Divided by r_c + r_e it is the arm difference of a 1:1 trial.
    // In whole numbers for any ratio, so that they can be counted in a histogram.
    pub imbalances: Vec<u32>,
    /// Control variates of the analyses under the alternative, then under the null truth; empty if none are
    /// asked for.
    pub control_deviations: Vec<f64>,
    /// Correct guesses of the arms of all patients randomised.
    pub correct_guesses: GuessCounts,
    /// Balance and guesses within centres; meaningless without centres.
    pub centres: CentreBalance,
}

impl ReplicateResult {
    /// Returns the moment of a trial's look at a position in the plan; `None` if it does not take place.
    pub fn moment(
        &self,
        trial: &TrialResult,
        position: usize,
        looks_planned: usize,
    ) -> Option<LookMoment> {
        // What a trial adapts by itself comes before the looks that all trials of a truth share.
        let changed = trial.size.and_then(|size| size.changed);
        if let Some(changed) = changed.filter(|_| position + 1 == looks_planned) {
            return Some(changed.moment);
        }
        let own = trial.population.map(|population| population.own_looks);
        let moments = match own {
            Some((first, looks)) if looks > 0 => {
                &self.own_looks[first as usize..(first + looks) as usize]
            }
            Some(_) | None => &self.looks[trial.truth.index()],
        };
        let looks = LookSequence::new(moments.len(), looks_planned);
        looks.numbered(position + 1).map(|look| moments[look.taken])
    }
}

impl TrialResult {
    /// Whether the estimate is a finite number with an error.
    pub fn has_estimate(&self) -> bool {
        self.test.has_estimate()
    }
}
