//! The looks of a traced trial, and the one that the overrun's outcomes would have made.

use serde::Serialize;

use super::month;
use crate::analysis::{FitStatus, TestResult};
use crate::design::Design;
use crate::outcome::LEVELS;
use crate::trial::analyst::patients_analysed;
use crate::trial::{Conclusion, EventCounts, Seen, Simulator, TrialResult, safety};

/// A look that took place.
#[derive(Debug, Clone, Serialize)]
pub struct LookTrace {
    /// From 1; the final look has the number of looks planned.
    pub look: usize,
    /// Day of the data.
    pub day: f64,
    /// The same in months.
    pub month: f64,
    /// Patients randomised by then.
    pub n_randomised: u32,
    /// Outcomes known by then, by the arm allocated: what looks and boundaries go by.
    pub outcomes_known: u32,
    /// Patients of either arm whose follow-up has ended without an outcome.
    pub lost: [u32; 2],
    /// Outcomes in the analysis, with those imputed.
    pub n_analysed: u32,
    /// Patients randomised by then whose follow-up has not ended.
    pub overrun: u32,
    /// The decision, which may come later than the data.
    pub decision: DecisionTrace,
    /// Arm × mRS of the outcomes that the analysis sees, without those imputed.
    pub counts: [[u32; LEVELS]; 2],
    /// What the analysis made of them.
    #[serde(flatten)]
    pub test: TestTrace,
    /// What stops the trial here.
    pub bounds: Bounds,
    /// Adverse events, of those in whom it is known whether they had one.
    pub events: Vec<EventTrace>,
    /// What the trial concluded here; `None` where it went on.
    pub conclusion: Option<Conclusion>,
}

/// Patients when a look decides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecisionTrace {
    /// Day of the decision.
    pub day: f64,
    /// The same in months.
    pub month: f64,
    /// Patients randomised by then.
    pub n_randomised: u32,
    /// Of these, patients whose follow-up has not ended.
    pub overrun: u32,
}

/// Z that stops a trial; `None` where it is not tested.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bounds {
    /// At or above it.
    pub efficacy: Option<f64>,
    /// At or below it.
    pub futility: Option<f64>,
    /// At or below it.
    pub harm: Option<f64>,
}

/// A test and its estimate, in plain data.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TestTrace {
    /// Above 0 favours the experimental arm.
    pub z: f64,
    /// P(Z ≥ z) under the null.
    pub p_one_sided: f64,
    /// On the scale of the trace.
    pub estimate: f64,
    /// Of the estimate.
    pub standard_error: f64,
    /// 95 % interval, as if this were the only look.
    pub interval: (f64, f64),
    /// Whether the fit worked.
    pub fit_status: FitStatus,
}

/// An adverse event by some day.
#[derive(Debug, Clone, Serialize)]
pub struct EventTrace {
    /// As in the scenario.
    pub name: String,
    /// Of those in whom it is known.
    pub counts: [EventCounts; 2],
    /// Below 0 the experimental arm has more; NaN where nobody or everybody has the event.
    pub z: f64,
    /// Z at or below which its boundary is reached, which stops the trial unless this is the final
    /// look; `None` where it is not tested.
    pub bound: Option<f64>,
}

/// The analysis that ended a trial, repeated with the outcomes of the overrun.
#[derive(Debug, Clone, Serialize)]
pub struct RepeatedLook {
    /// Outcomes known in the end, by the arm allocated.
    pub outcomes_known: u32,
    /// As in [`LookTrace::counts`].
    pub counts: [[u32; LEVELS]; 2],
    /// What the analysis makes of them.
    #[serde(flatten)]
    pub test: TestTrace,
    /// Those that a final look of this size would have had.
    pub bounds: Bounds,
    /// What it would have concluded.
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
    fn new([efficacy, futility, harm]: [f64; 3]) -> Self {
        let finite = |z: f64| z.is_finite().then_some(z);
        Self { efficacy: finite(efficacy), futility: finite(futility), harm: finite(harm) }
    }

    /// Of a look in the plan.
    pub(super) fn planned(design: &Design, k: usize) -> Self {
        let look = &design.looks()[k];
        Self::new([look.efficacy, look.futility, look.harm])
    }

    /// Of a final look on so many outcomes; none without any.
    fn of_final(design: &Design, interims: usize, analysed: u32) -> Self {
        if analysed == 0 {
            return Self::default();
        }
        let efficacy = design.final_critical(interims, analysed);
        Self::new([efficacy, f64::NEG_INFINITY, design.final_harm(interims, analysed)])
    }
}

impl Simulator<'_> {
    /// Those that took place.
    pub(super) fn looks(&mut self, seen: Seen<'_>, trial: &TrialResult) -> Vec<LookTrace> {
        (0..=self.end_at(trial)).map(|k| self.look(seen, trial, k)).collect()
    }

    fn look(&mut self, seen: Seen<'_>, trial: &TrialResult, k: usize) -> LookTrace {
        let planned = self.scenario.design.looks().len();
        let is_final = k + 1 == self.everyone().len();
        let look = if is_final { planned } else { k + 1 };
        let moment = self.result.looks[seen.truth.index()][k];
        let known = &self.known[seen.analysis.set as usize][k];
        let draws = self.draws(seen.replicate);
        // The statistic may come from re-randomisation, whose repeats the decision was made on.
        let test =
            TestResult { z: trial.z[look - 1], ..self.analyst.test(seen.analysis, known, draws) };
        LookTrace {
            look,
            day: moment.day,
            month: month(moment.day),
            n_randomised: moment.at_data.randomised,
            outcomes_known: moment.analysed,
            lost: self.lost(k),
            n_analysed: patients_analysed(seen.analysis, known),
            overrun: moment.at_data.overrun,
            decision: DecisionTrace {
                day: moment.decision_day,
                month: month(moment.decision_day),
                n_randomised: moment.at_decision.randomised,
                overrun: moment.at_decision.overrun,
            },
            counts: known.all.counts,
            test: TestTrace::new(&test),
            bounds: if is_final {
                Bounds::of_final(&self.scenario.design, k, moment.analysed)
            } else {
                Bounds::planned(&self.scenario.design, k)
            },
            events: self.events_at(seen, k),
            conclusion: (look == trial.look).then_some(trial.conclusion),
        }
    }

    /// Patients whose follow-up has ended by a look without an outcome.
    fn lost(&self, k: usize) -> [u32; 2] {
        let cohort = &self.cohort;
        let mut lost = [0; 2];
        for (i, arm) in cohort.enrolled.arms.iter().enumerate() {
            let is_due = usize::from(cohort.due_from[i]) <= k;
            lost[arm.index()] += u32::from(is_due && cohort.outcome_days[i] == f64::INFINITY);
        }
        lost
    }

    fn events_at(&self, seen: Seen<'_>, k: usize) -> Vec<EventTrace> {
        let scenario = self.scenario;
        let looks = &self.result.looks[seen.truth.index()];
        let number = if k + 1 == looks.len() { scenario.design.looks().len() - 1 } else { k };
        let event = |(bit, endpoint)| {
            let counts = safety::counts((scenario, &self.cohort), (bit, endpoint), looks, k);
            let bound = endpoint.boundary.as_ref().map(|boundary| boundary.bound(number));
            EventTrace {
                name: endpoint.name.clone(),
                counts,
                z: safety::z(&counts, endpoint).unwrap_or(f64::NAN),
                bound: bound.filter(|bound| bound.is_finite()),
            }
        };
        scenario.safety_endpoints().iter().enumerate().map(event).collect()
    }

    /// Of so many who were randomised first, when all is known of them.
    pub(super) fn events_in_the_end(&self, randomised: u32) -> Vec<EventTrace> {
        let event = |(bit, endpoint)| {
            let counts = self.cohort.events_in_the_end(bit, endpoint, randomised);
            let z = safety::z(&counts, endpoint).unwrap_or(f64::NAN);
            EventTrace { name: endpoint.name.clone(), counts, z, bound: None }
        };
        self.scenario.safety_endpoints().iter().enumerate().map(event).collect()
    }

    /// The analysis that ended the trial, with the outcomes of the overrun.
    pub(super) fn repeated(&mut self, seen: Seen<'_>, trial: &TrialResult) -> Option<RepeatedLook> {
        let at = self.end_at(trial);
        if at + 1 == self.everyone().len() || trial.conclusion == Conclusion::Safety {
            return None;
        }
        let repeated = self.repeat(at, seen)?;
        Some(RepeatedLook {
            outcomes_known: repeated.analysed,
            counts: self.in_the_end.all.counts,
            test: TestTrace::new(&repeated.test),
            bounds: Bounds::of_final(&self.scenario.design, at + 1, repeated.analysed),
            conclusion: repeated.conclusion,
        })
    }
}
