//! The patients of one replicate, as columns in order of arrival, and the calendar they make.

mod enrolment;
mod events;
mod tables;

pub(super) use enrolment::Enrolment;
pub(super) use tables::Among;

use std::ops::Range;

use super::{LookMoment, PatientCourse, PatientsSoFar, Phase};
use crate::accrual::{OutcomeCalendar, day_of_nth_outcome};
use crate::outcome::adherence::Received;
use crate::outcome::procedural::latent;
use crate::outcome::{Mrs, OutcomeModel, ProceduralModel};
use crate::procedure::{CaseDraws, Entry, State};
use crate::randomisation::{AllocationState, Arm};
use crate::rng::{PatientDraws, Purpose, Replicate, Streams, uniform};
use crate::scenario::Scenario;

/// Replicates whose patients are enrolled side by side.
const LANES: usize = 4;

/// Patients at most of a trial that is enrolled side by side with others. In larger ones there is
/// nothing to gain that would be worth the memory, or the time until an interruption is heeded.
const MOST_SIDE_BY_SIDE: u32 = 20_000;

/// Columns, cleared and refilled for every replicate. Those that a trace reads are open to it.
#[derive(Debug, Default)]
pub(super) struct Cohort {
    pub(super) enrolled: Enrolment,
    /// Replicates enrolled side by side whose turn has not come.
    ahead: [(Option<Replicate>, Enrolment); LANES],
    /// When follow-up ends, with or without an outcome.
    pub(super) due_days: Vec<f64>,
    /// When the outcome is known: the due day, or +∞ when it never is.
    pub(super) outcome_days: Vec<f64>,
    /// How many of the patients up to each have an outcome that is ever known.
    known_so_far: Vec<u32>,
    /// The first look at which follow-up has ended, by position among the looks that take place.
    pub(super) due_from: Vec<u8>,
    /// Draws of dropout, and of the early mRS where there is one.
    dropout_draws: Vec<f64>,
    early_draws: Vec<f64>,
    /// The early mRS; empty where there is none.
    pub(super) early: Vec<Mrs>,
    /// Quantile of the outcome within the distribution of the patient's arm and stratum; its logit
    /// where the outcome follows a procedure.
    quantiles: Vec<f64>,
    /// The quantiles as they were drawn, whatever centre and time do to them; empty unless they are
    /// asked for.
    drawn_quantiles: Vec<f64>,
    /// Draws of the procedure, and how it begins; empty without one.
    pub(super) procedures: Vec<(CaseDraws, Entry)>,
    /// Whose treatment each patient gets; empty where everyone adheres.
    pub(super) received: Vec<Arm>,
    /// Positions of the patients of control and experimental arm; empty without a procedure.
    of_arm: [Vec<u32>; 2],
    /// The outcome under the truth at hand, known or not.
    pub(super) mrs: Vec<Mrs>,
    /// What the procedure left under the truth at hand; empty without one.
    states: Vec<State>,
    /// Draws of adverse events, and under the truth at hand those that happen, a bit for each; empty
    /// where none are followed.
    event_draws: Vec<PatientDraws>,
    pub(super) events: Vec<u8>,
    /// Patients allocated anew.
    reallocation: AllocationState,
    reallocated: Vec<Arm>,
    buffer: Vec<f64>,
}

impl Cohort {
    /// Enrols the patients of the first of these replicates and those after it, unless that is done or
    /// they are fewer than [`LANES`], or of too many patients.
    pub fn enrol(
        &mut self,
        (scenario, streams): (&Scenario, Streams),
        replicates: Range<u64>,
        end_of: &mut impl FnMut(Phase),
    ) {
        let Range { start: first, end } = replicates;
        let is_done = self.ahead.iter().any(|(of, _)| *of == Some(Replicate(first)));
        let too_large = scenario.randomised > MOST_SIDE_BY_SIDE;
        if is_done || too_large || end < first + LANES as u64 {
            return;
        }
        let replicates = std::array::from_fn(|lane| Replicate(first + lane as u64));
        let enrolments = self.ahead.each_mut().map(|(_, enrolment)| enrolment);
        Enrolment::draw(enrolments, scenario, streams, replicates, end_of);
        for ((of, _), replicate) in self.ahead.iter_mut().zip(replicates) {
            *of = Some(replicate);
        }
    }

    /// Draws everything about the patients but their mRS.
    pub fn draw(
        &mut self,
        scenario: &Scenario,
        streams: Streams,
        replicate: Replicate,
        end_of: &mut impl FnMut(Phase),
    ) {
        let its_own = |(of, _): &&mut (_, _)| *of == Some(replicate);
        if let Some((of, enrolment)) = self.ahead.iter_mut().find(its_own) {
            std::mem::swap(&mut self.enrolled, enrolment);
            *of = None;
        } else {
            Enrolment::draw([&mut self.enrolled], scenario, streams, [replicate], end_of);
        }
        self.follow_up(scenario, streams, replicate);
        end_of(Phase::Accrual);
        self.draw_quantiles(scenario, streams, replicate);
        end_of(Phase::Outcome);
        if let Some(model) = scenario.procedural() {
            self.begin_procedures((scenario, model), streams, replicate);
            end_of(Phase::Procedure);
        }
    }

    /// What of the outcome is the same under every truth: its quantile, whose treatment is got where the
    /// outcome is stated, and draws of adverse events.
    fn draw_quantiles(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let patients = scenario.randomised;
        let stream = |purpose| streams.stream(replicate, purpose);
        let mut rng = stream(Purpose::Outcome);
        refill(&mut self.quantiles, (0..patients).map(|_| uniform(&mut rng)));
        if scenario.variance_reduction {
            self.drawn_quantiles.clone_from(&self.quantiles);
        }
        let stated = scenario.procedural().is_none();
        if let Some(adherence) = scenario.adherence.as_ref().filter(|_| stated) {
            let mut rng = stream(Purpose::Adherence);
            let Self { enrolled: Enrolment { arms, strata, .. }, quantiles, received, .. } = self;
            let patients = arms.iter().zip(&*strata).zip(&*quantiles);
            let receive = |((&arm, &stratum), &quantile): ((&Arm, &u32), &f64)| {
                let draws = [uniform(&mut rng), uniform(&mut rng)];
                adherence.draw(arm, stratum as usize, quantile, draws).arm(arm)
            };
            refill(received, patients.map(receive));
        }
        if scenario.safety.is_some() {
            let mut rng = stream(Purpose::Safety);
            let draws = (0..patients).map(|_| PatientDraws::new(&mut rng));
            refill(&mut self.event_draws, draws);
        }
        // Who departs goes by the rank among patients of the same centre and time.
        let circumstances = (scenario.centres.as_ref(), scenario.drift.as_ref());
        self.enrolled.centres.move_outcomes(
            circumstances,
            &self.enrolled.arrival_days,
            &mut self.quantiles,
        );
    }

    /// How every procedure begins, and whose treatment is got where that goes by the procedure.
    fn begin_procedures(
        &mut self,
        (scenario, model): (&Scenario, &ProceduralModel),
        streams: Streams,
        replicate: Replicate,
    ) {
        let patients = scenario.randomised as usize;
        self.quantiles.iter_mut().for_each(|u| *u = latent(*u));
        let mut rng = streams.stream(replicate, Purpose::Procedure);
        let centres = &self.enrolled.centres;
        let begin = |i| {
            let draws = PatientDraws::new(&mut rng);
            let case = CaseDraws::new(draws, centres.effects(i).procedure);
            (case, model.procedure().enter(draws))
        };
        refill(&mut self.procedures, (0..patients).map(begin));
        if scenario.adherence.is_some() {
            let receive = |(&(draws, _), &arm): (&(CaseDraws, Entry), &Arm)| {
                if model.procedure().crosses(arm, draws) { Received::Other.arm(arm) } else { arm }
            };
            let patients = self.procedures.iter().zip(&self.enrolled.arms);
            refill(&mut self.received, patients.map(receive));
        }
        self.mrs.resize(patients, Mrs::DEAD);
        self.states.resize(patients, State::from_index(0));
        self.of_arm.iter_mut().for_each(Vec::clear);
        for (i, arm) in self.enrolled.arms.iter().enumerate() {
            self.of_arm[arm.index()].push(i as u32);
        }
    }

    fn follow_up(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let mut rng = streams.stream(replicate, Purpose::FollowUp);
        let due = |&arrival: &f64| scenario.follow_up.outcome_day(arrival, &mut rng);
        refill(&mut self.due_days, self.enrolled.arrival_days.iter().map(due));
        let patients = self.enrolled.arrival_days.len();
        let mut rng = streams.stream(replicate, Purpose::Dropout);
        refill(&mut self.dropout_draws, (0..patients).map(|_| uniform(&mut rng)));
        self.enrolled.centres.move_dropout(scenario.centres.as_ref(), &mut self.dropout_draws);
        if scenario.early_outcome.is_some() {
            let mut rng = streams.stream(replicate, Purpose::EarlyOutcome);
            refill(&mut self.early_draws, (0..patients).map(|_| uniform(&mut rng)));
        }
    }

    /// Finds whose outcome is never known, from the outcomes drawn where it depends on them, and
    /// what was seen early.
    pub fn lose(&mut self, scenario: &Scenario) {
        let Self { enrolled, mrs, dropout_draws, due_days, outcome_days, known_so_far, .. } = self;
        let Enrolment { arms, strata, .. } = enrolled;
        let missingness = &scenario.missingness;
        if let Some(early) = &scenario.early_outcome {
            let draws = mrs.iter().zip(&self.early_draws);
            refill(&mut self.early, draws.map(|(&later, &uniform)| early.draw(later, uniform)));
        }
        let patients = arms.iter().zip(&*strata).zip(&*mrs).zip(&*dropout_draws).zip(&*due_days);
        let day =
            |(i, ((((&arm, &stratum), mrs), &draw), &due)): (usize, ((((_, _), &Mrs), _), _))| {
                let is_lost = draw < missingness.of(arm, stratum as usize)[mrs.index()];
                let is_lost = is_lost && self.early.get(i) != Some(&Mrs::DEAD);
                if is_lost { f64::INFINITY } else { due }
            };
        refill(outcome_days, patients.enumerate().map(day));
        let mut known = 0;
        let count = |&day: &f64| {
            known += u32::from(day < f64::INFINITY);
            known
        };
        refill(known_so_far, outcome_days.iter().map(count));
    }

    /// Days of arrival, and days on which outcomes are known.
    pub fn days(&self) -> (&[f64], &[f64]) {
        (&self.enrolled.arrival_days, &self.outcome_days)
    }

    /// The arm allocated and the quantile drawn of every patient, and whether they count for control
    /// variates: if their outcome is known in the end, unless that depends on the outcome.
    pub fn for_controls(&self, scenario: &Scenario) -> impl Iterator<Item = (Arm, f64, bool)> {
        let all = scenario.loses_by_outcome();
        let patients = self.enrolled.arms.iter().zip(&self.drawn_quantiles).zip(&self.outcome_days);
        patients.map(move |((&arm, &quantile), &day)| (arm, quantile, all || day < f64::INFINITY))
    }

    /// Finds when the looks take place: the interims, then the final one, when the last patient's
    /// window has closed. An interim whose number of outcomes is never exceeded is left out: the
    /// final look has the same data.
    pub fn find_looks(&mut self, scenario: &Scenario, looks: &mut Vec<LookMoment>) {
        let known = self.known_so_far.last().copied().unwrap_or(0);
        looks.clear();
        let interims = scenario.design.interims().iter().map(|look| look.analysed);
        looks.extend(interims.take_while(|&n| n < known).map(|n| self.interim(scenario, n)));
        self.mark_due(looks);
        let last_arrival = self.enrolled.arrival_days[self.enrolled.arrival_days.len() - 1];
        let day = scenario.follow_up.closes(last_arrival);
        let all = PatientsSoFar { randomised: self.enrolled.arrival_days.len() as u32, overrun: 0 };
        looks.push(LookMoment {
            day,
            analysed: known,
            at_data: all,
            decision_day: day + scenario.decision_lag_days,
            at_decision: all,
        });
    }

    /// The look at which `analysed` outcomes become known; more of them must become known later.
    fn interim(&mut self, scenario: &Scenario, analysed: u32) -> LookMoment {
        let Self { enrolled, outcome_days, known_so_far, buffer, .. } = self;
        let follow_up = &scenario.follow_up;
        let patients =
            OutcomeCalendar { arrival_days: &enrolled.arrival_days, outcome_days, known_so_far };
        let day = day_of_nth_outcome(analysed, follow_up, patients, buffer)
            .expect("fewer outcomes are asked for than are known");
        let decision_day = day + scenario.decision_lag_days;
        let at_data = self.patients_by(day);
        let at_decision = if decision_day > day { self.patients_by(decision_day) } else { at_data };
        LookMoment { day, analysed, at_data, decision_day, at_decision }
    }

    fn patients_by(&self, day: f64) -> PatientsSoFar {
        let randomised = self.enrolled.arrival_days.partition_point(|&arrival| arrival <= day);
        let overrun = self.due_days[..randomised].iter().filter(|&&due| due > day).count();
        PatientsSoFar { randomised: randomised as u32, overrun: overrun as u32 }
    }

    /// Notes for each patient the first look at which follow-up has ended.
    fn mark_due(&mut self, interims: &[LookMoment]) {
        let Self { enrolled: Enrolment { arrival_days, .. }, due_days, due_from, .. } = self;
        due_from.clear();
        due_from.resize(due_days.len(), interims.len() as u8);
        for (k, look) in interims.iter().enumerate().rev() {
            // Nobody who came after the day of the look is due by it.
            let arrived = arrival_days.partition_point(|&arrival| arrival <= look.day);
            for (from, &day) in due_from[..arrived].iter_mut().zip(&*due_days) {
                *from = if day <= look.day { k as u8 } else { *from };
            }
        }
    }

    /// Draws every patient's mRS from stated distributions.
    pub fn draw_mrs(&mut self, model: &OutcomeModel) {
        let Self { enrolled: Enrolment { arms, strata, .. }, received, quantiles, mrs, .. } = self;
        let treated = if received.is_empty() { arms } else { received };
        let patients = treated.iter().zip(&*strata).zip(&*quantiles);
        refill(mrs, patients.map(|((&arm, &stratum), &u)| model.draw(arm, stratum as usize, u)));
    }

    /// Every patient's procedure and mRS. One arm after the other: what an arm does is predictable.
    pub fn perform(&mut self, model: &ProceduralModel, courses: &mut Vec<PatientCourse>) {
        courses.clear();
        for arm in [Arm::Control, Arm::Experimental] {
            for &i in &self.of_arm[arm.index()] {
                let (draws, entry) = self.procedures[i as usize];
                let procedure = model.procedure().perform(arm, entry, draws);
                let mrs = self.mrs_after(i as usize, &procedure.state, model);
                self.mrs[i as usize] = mrs;
                self.states[i as usize] = procedure.state;
                courses.push(PatientCourse { arm, procedure, mrs });
            }
        }
    }

    /// The patients who got the experimental arm's strategy again, by the control arm's.
    pub fn perform_as_control(&mut self, model: &ProceduralModel) {
        // Without crossover these are the experimental arm.
        let arms = if self.received.is_empty() { 1..2 } else { 0..2 };
        for &i in self.of_arm[arms].iter().flatten() {
            let i = i as usize;
            if self.received.get(i) != Some(&Arm::Control) {
                let (draws, entry) = self.procedures[i];
                let treated = model.procedure().treat_as_control(entry, draws);
                self.mrs[i] = self.mrs_after(i, &treated.state, model);
                self.states[i] = treated.state;
            }
        }
    }

    /// The mRS of patient i after a procedure that left this state.
    #[inline]
    fn mrs_after(&self, i: usize, state: &State, model: &ProceduralModel) -> Mrs {
        let (_, entry) = self.procedures[i];
        model.draw(state, entry.class, self.enrolled.strata[i] as usize, self.quantiles[i])
    }
}

/// Replaces the content of a column without giving up its memory.
#[inline]
fn refill<T>(column: &mut Vec<T>, values: impl Iterator<Item = T>) {
    column.clear();
    column.extend(values);
}
