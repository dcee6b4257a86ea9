//! The looks of a traced trial, and the look that the outcomes of overrunning patients would make.

use serde::Serialize;

use super::month;
use crate::analysis::{FitStatus, TestResult};
use crate::bayes::LookProbabilities;
use crate::design::{AnalysedSoFar, Design, LookBounds};
use crate::num::finite;
use crate::outcome::LEVELS;
use crate::scenario::SafetyEndpoint;
use crate::trial::analyst::patients_analysed;
use crate::trial::{Conclusion, EventCounts, FollowedCohort, LookIndex, TrialResult, safety};

/// A look that took place.
#[derive(Debug, Clone, Serialize)]
pub struct LookTrace {
    /// Number of the look, from 1; that of the final look is the number of looks planned.
    pub look: usize,
    /// Day of the data.
    pub day: f64,
    /// Months from the opening of the trial to the data.
    pub month: f64,
    /// Patients randomised by then.
    pub n_randomised: u32,
    /// Outcomes known by then, by the arm allocated: looks and boundaries depend on these.
    pub outcomes_known: u32,
    /// Patients of either arm whose follow-up has ended without an outcome.
    pub lost: [u32; 2],
    /// Outcomes in the analysis, with those imputed.
    pub n_analysed: u32,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: u32,
    /// The decision, which may be later than the data.
    pub decision: DecisionTrace,
    /// Arm × mRS of the outcomes that the analysis sees, without those imputed.
    pub counts: [[u32; LEVELS]; 2],
    /// Test of the analysis.
    #[serde(flatten)]
    pub test: TestTrace,
    /// Boundaries of the look.
    pub bounds: Bounds,
    /// Probabilities that a Bayesian decision is made on; `None` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<LookProbabilities>,
    /// Adverse events, among the patients in whom they are known.
    pub events: Vec<EventTrace>,
    /// Conclusion of the trial; `None` if it continued.
    pub conclusion: Option<Conclusion>,
}

/// Day and patients of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecisionTrace {
    /// Day of the decision.
    pub day: f64,
    /// Months from the opening of the trial to the decision.
    pub month: f64,
    /// Patients randomised by then.
    pub n_randomised: u32,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: u32,
}

/// Boundaries on the scale of Z; `None` if not tested.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bounds {
    /// Z from which upwards the trial stops for efficacy.
    pub efficacy: Option<f64>,
    /// Z from which downwards the trial stops for futility.
    pub futility: Option<f64>,
    /// Z from which downwards the trial stops for harm.
    pub harm: Option<f64>,
}

/// A test and its estimate, in plain data.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TestTrace {
    /// Statistic; above 0 favours the experimental arm.
    pub z: f64,
    /// P(Z ≥ z) under the null.
    pub p_one_sided: f64,
    /// Estimate, on the scale of the trace.
    pub estimate: f64,
    /// Standard error of the estimate.
    pub standard_error: f64,
    /// 95 % interval, as if this were the only look.
    pub interval: (f64, f64),
    /// Whether the fit worked.
    pub fit_status: FitStatus,
}

/// An adverse event by some day.
#[derive(Debug, Clone, Serialize)]
pub struct EventTrace {
    /// Name of the event in the scenario.
    pub name: String,
    /// Control and experimental arm, among the patients in whom it is known.
    pub counts: [EventCounts; 2],
    /// Statistic, below 0 if the experimental arm has more events; NaN if no patients or all patients have
    /// the event.
    pub z: f64,
    /// Boundary, which stops the trial if Z is at or below it, unless the look is the final one; `None` if
    /// not tested.
    pub bound: Option<f64>,
}

/// The analysis that ended a trial, repeated with the outcomes of overrunning patients.
#[derive(Debug, Clone, Serialize)]
pub struct RepeatedLook {
    /// Outcomes finally known, by the arm allocated.
    pub outcomes_known: u32,
    /// Arm × mRS of the outcomes that the analysis sees, as in [`LookTrace::counts`].
    pub counts: [[u32; LEVELS]; 2],
    /// Test of the analysis.
    #[serde(flatten)]
    pub test: TestTrace,
    /// Boundaries of a final look on this number of outcomes.
    pub bounds: Bounds,
    /// Conclusion of such a look.
    pub conclusion: Conclusion,
}

impl TestTrace {
    pub(super) fn new(test: &TestResult) -> Self {
        Self {
            z: test.z,
            p_one_sided: test.p_one_sided(),
            estimate: test.estimate,
            standard_error: test.standard_error,
            interval: test.interval,
            fit_status: test.status,
        }
    }
}

impl Bounds {
    fn new(efficacy: f64, futility: f64, harm: f64) -> Self {
        // Nothing reaches an infinite boundary.
        Self { efficacy: finite(efficacy), futility: finite(futility), harm: finite(harm) }
    }

    /// Returns the boundaries of a look at a position in the plan.
    pub(super) fn planned(design: &Design, position: usize) -> Self {
        let look = &design.looks()[position];
        Self::new(look.efficacy, look.futility, look.harm)
    }

    /// Returns the boundaries of the last of these looks, as the final one if it is that.
    fn of_look(design: &Design, looks: &AnalysedSoFar, is_final: bool) -> Self {
        // Without outcomes there is no information, and so no boundary.
        if looks.analysed() == 0 {
            return Self::default();
        }
        let LookBounds { efficacy, futility, harm } =
            if is_final { design.final_bounds(looks) } else { design.interim_bounds(looks) };
        Self::new(efficacy, futility, harm)
    }
}

impl EventTrace {
    /// Compares the arms at look `k` of the plan, from 0.
    pub fn at_look(endpoint: &SafetyEndpoint, counts: [EventCounts; 2], k: usize) -> Self {
        let bound = endpoint.boundary.as_ref().and_then(|boundary| finite(boundary.bound(k)));
        Self { bound, ..Self::untested(endpoint, counts) }
    }

    /// Compares the arms after the end of a trial, when nothing is tested.
    pub fn untested(endpoint: &SafetyEndpoint, counts: [EventCounts; 2]) -> Self {
        let z = safety::z(&counts, endpoint).unwrap_or(f64::NAN);
        Self { name: endpoint.name.clone(), counts, z, bound: None }
    }
}

impl FollowedCohort<'_, '_> {
    /// Traces the looks up to the one that ended the trial.
    pub(super) fn look_traces(&mut self, trial: &TrialResult) -> Vec<LookTrace> {
        // Later looks may have been computed, but the trial never saw them.
        let end = self.end_of(trial);
        let looks = self.looks_of_trial().all().take(end.taken + 1);
        looks.map(|look| self.look_trace(trial, look)).collect()
    }

    /// Returns the look that ended a trial.
    fn end_of(&self, trial: &TrialResult) -> LookIndex {
        self.looks_of_trial().numbered(trial.look).expect("a trial ends at a look that takes place")
    }

    fn look_trace(&mut self, trial: &TrialResult, look: LookIndex) -> LookTrace {
        let analysis = self.analysis(trial.analysis);
        let moment = self.moment(look);
        let at_end = self.population;
        if let Some(adaptation) = &self.simulator.scenario.adaptation.population {
            self.recall_population(analysis, adaptation, look);
        }
        // Z may be that of a re-randomisation, on which the decision was made.
        let test = TestResult { z: trial.z[look.planned], ..self.test(analysis, look) };
        let probabilities = self.probabilities(analysis, look, test);
        self.population = at_end;
        let known = self.known(analysis, look);
        LookTrace {
            look: look.number(),
            day: moment.day,
            month: month(moment.day),
            n_randomised: moment.at_data.randomised,
            outcomes_known: moment.analysed,
            lost: self.lost(look),
            n_analysed: patients_analysed(analysis, known),
            overrun: moment.at_data.overrun,
            decision: DecisionTrace {
                day: moment.decision_day,
                month: month(moment.decision_day),
                n_randomised: moment.at_decision.randomised,
                overrun: moment.at_decision.overrun,
            },
            counts: known.all.counts,
            test: TestTrace::new(&test),
            bounds: self.bounds(look),
            probabilities,
            events: self.events_at(look),
            conclusion: (look.number() == trial.look).then_some(trial.conclusion),
        }
    }

    /// Returns the boundaries of a look.
    fn bounds(&self, look: LookIndex) -> Bounds {
        let scenario = self.simulator.scenario;
        if let Some(adaptation) = &scenario.adaptation.population {
            let efficacy = adaptation.bound(look.is_final);
            return Bounds { efficacy, ..Bounds::default() };
        }
        if self.has_planned_bounds(look) {
            return Bounds::planned(&scenario.design, look.planned);
        }
        Bounds::of_look(&scenario.design, &self.analysed_by(look), look.is_final)
    }

    /// Counts the patients whose follow-up has ended by a look without an outcome.
    fn lost(&self, look: LookIndex) -> [u32; 2] {
        let cohort = self.cohort();
        let mut lost = [0; 2];
        let patients = if look.is_final {
            self.moment(look).at_data.randomised
        } else {
            self.simulator.scenario.randomised
        };
        for (i, arm) in cohort.enrolled.arms[..patients as usize].iter().enumerate() {
            // All are, at a final look.
            let is_due = look.is_final || usize::from(cohort.due_from[i]) <= look.taken;
            lost[arm.index()] += u32::from(is_due && cohort.outcome_days[i] == f64::INFINITY);
        }
        lost
    }

    fn events_at(&self, look: LookIndex) -> Vec<EventTrace> {
        let (scenario, cohort) = (self.simulator.scenario, self.cohort());
        let day = self.moment(look).day;
        let endpoints = scenario.safety_endpoints().iter().enumerate();
        // The final look may have another number of patients than planned.
        let randomised = self.moment(look).at_data.randomised;
        endpoints
            .map(|(event, endpoint)| {
                let counts = if look.is_final {
                    cohort.events_of_first(event, endpoint, randomised)
                } else {
                    safety::counts(scenario, cohort, event, look, day)
                };
                EventTrace::at_look(endpoint, counts, look.planned)
            })
            .collect()
    }

    /// Traces the adverse events of the patients randomised first, when all is known of them.
    pub(super) fn events_of_first(&self, randomised: u32) -> Vec<EventTrace> {
        let endpoints = self.simulator.scenario.safety_endpoints().iter().enumerate();
        endpoints
            .map(|(event, endpoint)| {
                let counts = self.cohort().events_of_first(event, endpoint, randomised);
                EventTrace::untested(endpoint, counts)
            })
            .collect()
    }

    /// Traces the analysis that ended the trial, repeated with the outcomes of overrunning patients.
    pub(super) fn repeated_look(&mut self, trial: &TrialResult) -> Option<RepeatedLook> {
        let end = self.end_of(trial);
        // After a stop for safety the outcomes decide nothing.
        if end.is_final || trial.conclusion == Conclusion::Safety {
            return None;
        }
        let analysis = self.analysis(trial.analysis);
        let scenario = self.simulator.scenario;
        let repeated = match &scenario.adaptation.population {
            Some(adaptation) => self.repeat_in_population(adaptation, end, analysis),
            None => self.repeat(end, analysis),
        }?;
        let bounds = match &scenario.adaptation.population {
            Some(adaptation) => Bounds { efficacy: adaptation.bound(true), ..Bounds::default() },
            None => {
                let looks = self.analysed_by(end).then(repeated.analysed);
                Bounds::of_look(&scenario.design, &looks, true)
            }
        };
        Some(RepeatedLook {
            outcomes_known: repeated.analysed,
            counts: self.simulator.with_overrun.all.counts,
            test: TestTrace::new(&repeated.test),
            bounds,
            conclusion: repeated.conclusion,
        })
    }
}
