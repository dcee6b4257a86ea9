//! The patients of one replicate, as columns in order of arrival, and the calendar they make.

mod early;
mod enrolment;
mod events;
mod people;
mod restricted;
mod tables;

pub(super) use early::EarlySelection;
pub(super) use enrolment::Enrolment;
pub(super) use restricted::{RestrictedCohort, Restriction};
pub(super) use tables::PatientSelection;

use std::ops::Range;

use super::{LookMoment, PatientCourse, PatientsSoFar, Phase, PhaseObserver, ReplicateStreams};
use crate::accrual::{OutcomeCalendar, day_of_nth_outcome};
use crate::outcome::adherence::Received;
use crate::outcome::procedural::latent;
use crate::outcome::{Mrs, OutcomeModel, ProceduralModel};
use crate::procedure::{CaseDraws, Entry, State};
use crate::randomisation::{AllocationState, Arm};
use crate::rng::{PatientDraws, Purpose, Replicate, Streams, uniform};
use crate::scenario::{LookTiming, Scenario};
use people::PersonStreams;

/// Replicates whose patients are enrolled together.
// Minimisation waits for the patient before; with four trials in turn the processor has work meanwhile.
const LANES: usize = 4;

/// Patients at most of a trial that is enrolled together with others.
// Larger trials would gain nothing that is worth the memory, or the time until an interruption is heeded.
const MOST_ENROLLED_TOGETHER: u32 = 20_000;

/// Columns, cleared and refilled for every replicate. A trace reads those that are not private.
#[derive(Debug, Default)]
pub(super) struct Cohort {
    pub(super) enrolled: Enrolment,
    /// Patients of the trial as planned: the first of those enrolled, of whom there are more if the trial
    /// may randomise more.
    planned: usize,
    /// Replicates that were enrolled together with an earlier one and are still to be simulated.
    ahead: [EnrolledAhead; LANES],
    /// Day on which follow-up ends, with or without an outcome.
    pub(super) due_days: Vec<f64>,
    /// Day on which the outcome is known: the due day, or +∞ if it never is.
    pub(super) outcome_days: Vec<f64>,
    /// Number of patients up to and with each whose outcome is ever known.
    known_so_far: Vec<u32>,
    /// The first look at which follow-up has ended, by position among the looks that take place.
    pub(super) due_from: Vec<u8>,
    /// Entry of each patient's arm in the tables by look and level, with the table in front of them for
    /// patients who count in none; unused without a rule for the population.
    places: Vec<u32>,
    /// Counts of these tables.
    counts: Vec<u32>,
    /// Streams of what is drawn for everybody who arrives, after the last person drawn; `None` before the
    /// first.
    streams: Option<PersonStreams>,
    /// Uniform draws of dropout.
    dropout_draws: Vec<f64>,
    /// Uniform draws of the early mRS; empty without an early outcome.
    early_draws: Vec<f64>,
    /// The early mRS; empty without an early outcome.
    pub(super) early: Vec<Mrs>,
    /// Quantile of the outcome within the distribution of the patient's arm and stratum; its logit if the
    /// outcome follows a procedure.
    quantiles: Vec<f64>,
    /// The quantiles as drawn, before centre and time move them; empty unless control variates or adherence
    /// need them.
    drawn_quantiles: Vec<f64>,
    /// Draws of the procedure, and how it begins; empty without one.
    pub(super) procedures: Vec<(CaseDraws, Entry)>,
    /// The arm whose treatment each patient receives; empty if all patients adhere.
    pub(super) received: Vec<Arm>,
    /// Positions of the patients of control and experimental arm; empty without a procedure.
    positions_by_arm: [Vec<u32>; 2],
    /// The outcome under the current truth, known or not.
    pub(super) mrs: Vec<Mrs>,
    /// State after the procedure under the current truth; empty without one.
    states: Vec<State>,
    /// Draws of adverse events; empty if none are followed.
    event_draws: Vec<PatientDraws>,
    /// Adverse events under the current truth, a bit for each; empty if none are followed.
    pub(super) events: Vec<u8>,
    /// State and arms of an allocation that is repeated.
    reallocation: AllocationState,
    reallocated: Vec<Arm>,
    buffer: Vec<f64>,
}

/// An enrolment that may have been drawn before its replicate is simulated.
#[derive(Debug, Default)]
struct EnrolledAhead {
    /// The replicate that it is of; `None` if it has been used.
    replicate: Option<Replicate>,
    enrolment: Enrolment,
}

impl Cohort {
    /// Enrols the patients of the first of these replicates together with those of the next few, unless
    /// that has been done, or there are too few replicates or too many patients.
    #[inline]
    pub fn enrol_together(
        &mut self,
        scenario: &Scenario,
        streams: Streams,
        replicates: Range<u64>,
        phases: &mut impl PhaseObserver,
    ) {
        let first = replicates.start;
        let is_done = self.ahead.iter().any(|of| of.replicate == Some(Replicate(first)));
        let are_few = replicates.end < first + LANES as u64;
        if is_done || are_few || scenario.most_randomised() > MOST_ENROLLED_TOGETHER {
            return;
        }
        let streams = std::array::from_fn(|lane| ReplicateStreams {
            streams,
            replicate: Replicate(first + lane as u64),
        });
        let enrolments = self.ahead.each_mut().map(|of| &mut of.enrolment);
        Enrolment::draw(enrolments, scenario, streams, phases);
        for (of, streams) in self.ahead.iter_mut().zip(streams) {
            of.replicate = Some(streams.replicate);
        }
    }

    /// Draws everything about the patients but their mRS.
    #[inline]
    pub fn draw(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        phases: &mut impl PhaseObserver,
    ) {
        let ahead = self.ahead.iter_mut().find(|of| of.replicate == Some(streams.replicate));
        if let Some(of) = ahead {
            // Swapped, as both have memory that the next replicates need.
            std::mem::swap(&mut self.enrolled, &mut of.enrolment);
            of.replicate = None;
        } else {
            Enrolment::draw([&mut self.enrolled], scenario, [streams], phases);
        }
        self.planned = scenario.randomised as usize;
        self.streams = Some(PersonStreams::new(streams));
        let Self { due_days, dropout_draws, early_draws, quantiles, drawn_quantiles, .. } = self;
        for column in [due_days, dropout_draws, early_draws, quantiles, drawn_quantiles] {
            column.clear();
        }
        // People are appended to these columns, also after the first.
        self.event_draws.clear();
        let patients = self.enrolled.arrival_days.len();
        self.draw_follow_up(scenario, patients);
        phases.ended(Phase::Accrual);
        self.draw_quantiles(scenario, patients);
        self.draw_adherence(scenario, streams);
        phases.ended(Phase::Outcome);
        if let Some(model) = scenario.procedural() {
            self.begin_procedures(scenario, model, streams);
            phases.ended(Phase::Procedure);
        }
    }

    /// Draws the treatment that each patient receives if the outcome is stated.
    fn draw_adherence(&mut self, scenario: &Scenario, streams: ReplicateStreams) {
        let is_stated = scenario.procedural().is_none();
        let Some(adherence) = scenario.adherence.as_ref().filter(|_| is_stated) else { return };
        let mut rng = streams.stream(Purpose::Adherence);
        let Self { enrolled: Enrolment { arms, strata, .. }, drawn_quantiles, received, .. } = self;
        let patients = arms.iter().zip(&*strata).zip(&*drawn_quantiles);
        refill(
            received,
            patients.map(|((&arm, &stratum), &quantile)| {
                let draws = [uniform(&mut rng), uniform(&mut rng)];
                adherence.draw(arm, stratum as usize, quantile, draws).arm(arm)
            }),
        );
    }

    /// Draws how every procedure begins, and the treatment received if that depends on the procedure.
    fn begin_procedures(
        &mut self,
        scenario: &Scenario,
        model: &ProceduralModel,
        streams: ReplicateStreams,
    ) {
        let patients = scenario.most_randomised() as usize;
        self.quantiles.iter_mut().for_each(|u| *u = latent(*u));
        let mut rng = streams.stream(Purpose::Procedure);
        let centres = &self.enrolled.centres;
        refill(
            &mut self.procedures,
            (0..patients).map(|i| {
                let draws = PatientDraws::new(&mut rng);
                let case = CaseDraws::new(draws, centres.effects(i).procedure);
                (case, model.procedure().enter(draws))
            }),
        );
        if scenario.adherence.is_some() {
            let patients = self.procedures.iter().zip(&self.enrolled.arms);
            refill(
                &mut self.received,
                patients.map(|(&(draws, _), &arm)| {
                    let crosses = model.procedure().crosses(arm, draws);
                    if crosses { Received::Other.arm(arm) } else { arm }
                }),
            );
        }
        // Written patient by patient later, arm after arm: only their number matters here.
        self.mrs.resize(patients, Mrs::DEAD);
        self.states.resize(patients, State::from_index(0));
        self.positions_by_arm.iter_mut().for_each(Vec::clear);
        for (i, arm) in self.enrolled.arms.iter().enumerate() {
            self.positions_by_arm[arm.index()].push(i as u32);
        }
    }

    /// Finds the patients whose outcome is never known, from the outcomes drawn if dropout depends on them,
    /// and the early mRS. The `first` patients remain as they were found before.
    pub fn lose(&mut self, scenario: &Scenario, first: usize) {
        let Self { enrolled, mrs, early, outcome_days, known_so_far, .. } = self;
        let Enrolment { arms, strata, .. } = enrolled;
        if let Some(model) = &scenario.early_outcome {
            let draws = mrs.iter().zip(&self.early_draws).skip(first);
            early.truncate(first);
            early.extend(draws.map(|(&later, &uniform)| model.draw(later, uniform)));
        }
        let patients = arms.len();
        // Cut to one length, so that the compiler drops the checks of bounds.
        let (strata, mrs) = (&strata[..patients], &mrs[..patients]);
        let (draws, due) = (&self.dropout_draws[..patients], &self.due_days[..patients]);
        outcome_days.truncate(first);
        outcome_days.extend((first..patients).map(|i| {
            let of_stratum = scenario.missingness.of(arms[i], strata[i] as usize);
            // Death that was seen early is known, whatever follow-up is missed later.
            let is_lost = draws[i] < of_stratum[mrs[i].index()] && early.get(i) != Some(&Mrs::DEAD);
            if is_lost { f64::INFINITY } else { due[i] }
        }));
        known_so_far.truncate(first);
        let mut known = known_so_far.last().copied().unwrap_or(0);
        known_so_far.extend(outcome_days[first..].iter().map(|&day| {
            known += u32::from(day < f64::INFINITY);
            known
        }));
    }

    /// Returns arm and drawn quantile of the patients who enter control variates: those whose outcome is
    /// finally known, or all patients if that depends on the outcome.
    pub fn for_control_variates(&self, scenario: &Scenario) -> impl Iterator<Item = (Arm, f64)> {
        // Selected by outcome, the quantiles would no longer be uniform.
        let all = scenario.loses_by_outcome();
        let patients = self.enrolled.arms.iter().zip(&self.drawn_quantiles).zip(&self.outcome_days);
        patients
            .take(self.planned)
            .filter(move |(_, day)| all || **day < f64::INFINITY)
            .map(|((&arm, &quantile), _)| (arm, quantile))
    }

    /// Finds when the looks take place: the interims, then the final one, when the last patient's window
    /// has closed. An interim look whose number of outcomes is never exceeded is left out: the final look
    /// has the same data. `looks` has those known before, which remain.
    pub fn find_looks(&mut self, scenario: &Scenario, looks: &mut Vec<LookMoment>) {
        let taken = looks.len();
        let known = self.known_by_patient(self.planned - 1);
        let last_arrival = self.enrolled.arrival_days[self.planned - 1];
        let day = scenario.follow_up.closes(last_arrival);
        match &scenario.look_timing {
            LookTiming::Outcomes => {
                let interims = scenario.design.interims()[taken..].iter().map(|it| it.analysed);
                looks
                    .extend(interims.take_while(|&n| n < known).map(|n| self.interim(scenario, n)));
                self.mark_due(looks);
            }
            LookTiming::Randomised(patients) => self.find_followed(scenario, patients, looks),
            LookTiming::Days(days) => {
                // Outcomes in the last days of follow-up may come before the day of the final look.
                let before = days.iter().take_while(|&&interim| interim < day);
                looks.extend(before.map(|&day| self.look_on(scenario, day)));
                leave_out_complete(looks, scenario, known);
                self.mark_due(looks);
            }
        }
        let all = PatientsSoFar { randomised: self.planned as u32, overrun: 0 };
        looks.push(LookMoment {
            day,
            analysed: known,
            at_data: all,
            decision_day: day + scenario.decision_lag_days,
            at_decision: all,
        });
    }

    /// Returns how many outcomes of the patients up to and with patient i are ever known.
    pub fn known_by_patient(&self, i: usize) -> u32 {
        self.known_so_far[i]
    }

    /// Finds the look at which `analysed` outcomes become known; more of them must become known later.
    fn interim(&mut self, scenario: &Scenario, analysed: u32) -> LookMoment {
        let Self { enrolled, outcome_days, known_so_far, buffer, planned, .. } = self;
        let follow_up = &scenario.follow_up;
        let patients = OutcomeCalendar {
            arrival_days: &enrolled.arrival_days[..*planned],
            outcome_days: &outcome_days[..*planned],
            known_so_far: &known_so_far[..*planned],
        };
        let day = day_of_nth_outcome(analysed, follow_up, patients, buffer)
            .expect("fewer outcomes are asked for than are known");
        let decision_day = day + scenario.decision_lag_days;
        let at_data = self.patients_by(day);
        // The usual case, a decision on the day of the data, needs no second count.
        let at_decision = if decision_day > day { self.patients_by(decision_day) } else { at_data };
        LookMoment { day, analysed, at_data, decision_day, at_decision }
    }

    /// Finds the look on a day.
    fn look_on(&self, scenario: &Scenario, day: f64) -> LookMoment {
        let decision_day = day + scenario.decision_lag_days;
        let outcome_days = &self.outcome_days[..self.planned];
        let known = outcome_days.iter().filter(|&&known| known <= day).count();
        LookMoment {
            day,
            analysed: known as u32,
            at_data: self.patients_by(day),
            decision_day,
            at_decision: self.patients_by(decision_day),
        }
    }

    /// Finds the looks at the patients randomised first, by their numbers: each on the day on which the
    /// follow-up of all of them has ended. Patients randomised later overrun it, followed or not.
    fn find_followed(
        &mut self,
        scenario: &Scenario,
        patients: &[u32],
        looks: &mut Vec<LookMoment>,
    ) {
        let Self { enrolled, due_days, known_so_far, due_from, .. } = self;
        let mut before = 0;
        let mut day = f64::NEG_INFINITY;
        looks.extend(patients.iter().map(|&patients| {
            let due = &due_days[before..patients as usize];
            before = patients as usize;
            day = due.iter().copied().fold(day, f64::max);
            let decision_day = day + scenario.decision_lag_days;
            let [at_data, at_decision] = [day, decision_day].map(|day| {
                let randomised = enrolled.arrival_days.partition_point(|&arrival| arrival <= day);
                PatientsSoFar {
                    randomised: randomised as u32,
                    overrun: randomised as u32 - patients,
                }
            });
            let analysed = known_so_far[patients as usize - 1];
            LookMoment { day, analysed, at_data, decision_day, at_decision }
        }));
        leave_out_complete(looks, scenario, known_so_far[known_so_far.len() - 1]);
        due_from.clear();
        for (k, &patients) in patients[..looks.len()].iter().enumerate() {
            due_from.resize(patients as usize, k as u8);
        }
        due_from.resize(due_days.len(), looks.len() as u8);
    }

    fn patients_by(&self, day: f64) -> PatientsSoFar {
        let arrival_days = &self.enrolled.arrival_days[..self.planned];
        let randomised = arrival_days.partition_point(|&arrival| arrival <= day);
        let overrun = self.due_days[..randomised].iter().filter(|&&due| due > day).count();
        PatientsSoFar { randomised: randomised as u32, overrun: overrun as u32 }
    }

    /// Notes for each patient the first look at which follow-up has ended.
    fn mark_due(&mut self, interims: &[LookMoment]) {
        let Self { enrolled: Enrolment { arrival_days, .. }, due_days, due_from, planned, .. } =
            self;
        due_from.clear();
        due_from.resize(due_days.len(), interims.len() as u8);
        // From the last look to the first, which overwrites it: a patient belongs to the earliest.
        for (k, look) in interims.iter().enumerate().rev() {
            // No patient who arrives after the day of the look is due by it.
            let arrived = arrival_days[..*planned].partition_point(|&arrival| arrival <= look.day);
            for (from, &day) in due_from[..arrived].iter_mut().zip(&*due_days) {
                // Without a branch, which would be mispredicted for every patient near the look.
                *from = if day <= look.day { k as u8 } else { *from };
            }
        }
    }

    /// Draws the mRS of the patients after the `first` ones from stated distributions.
    pub fn draw_mrs(&mut self, model: &OutcomeModel, first: usize) {
        let Self { enrolled: Enrolment { arms, strata, .. }, received, quantiles, mrs, .. } = self;
        let treated = if received.is_empty() { arms } else { received };
        let patients = treated.iter().zip(&*strata).zip(&*quantiles).skip(first);
        mrs.truncate(first);
        mrs.extend(patients.map(|((&arm, &stratum), &u)| model.draw(arm, stratum as usize, u)));
    }

    /// Performs every patient's procedure and draws the mRS after it.
    pub fn perform(&mut self, model: &ProceduralModel, courses: &mut Vec<PatientCourse>) {
        courses.clear();
        // One arm after the other: what an arm does is predictable.
        for arm in [Arm::Control, Arm::Experimental] {
            for &i in &self.positions_by_arm[arm.index()] {
                let (draws, entry) = self.procedures[i as usize];
                let procedure = model.procedure().perform(arm, entry, draws);
                let mrs = self.mrs_after(i as usize, &procedure.state, model);
                self.mrs[i as usize] = mrs;
                self.states[i as usize] = procedure.state;
                // Patients beyond the plan are in some trials only, and the courses are those of
                // all trials.
                if (i as usize) < self.planned {
                    courses.push(PatientCourse { arm, procedure, mrs });
                }
            }
        }
    }

    /// Performs the procedures again by the control arm's strategy, for the patients who had the
    /// experimental one; the others have the same procedure under both truths.
    pub fn perform_as_control(&mut self, model: &ProceduralModel) {
        // Without crossover these are the patients of the experimental arm.
        let arms = if self.received.is_empty() { 1..2 } else { 0..2 };
        for &i in self.positions_by_arm[arms].iter().flatten() {
            let i = i as usize;
            if self.received.get(i) != Some(&Arm::Control) {
                let (draws, entry) = self.procedures[i];
                let treated = model.procedure().treat_as_control(entry, draws);
                self.mrs[i] = self.mrs_after(i, &treated.state, model);
                self.states[i] = treated.state;
            }
        }
    }

    /// Draws the mRS of patient i after a procedure that left this state.
    #[inline]
    fn mrs_after(&self, i: usize, state: &State, model: &ProceduralModel) -> Mrs {
        let (_, entry) = self.procedures[i];
        model.draw(state, entry.class, self.enrolled.strata[i] as usize, self.quantiles[i])
    }
}

/// Leaves out interim looks that have all outcomes that are ever `known`, as the final look has the same
/// data, or as many as are planned for the final look, which is to spend what is left.
fn leave_out_complete(looks: &mut Vec<LookMoment>, scenario: &Scenario, known: u32) {
    let complete = known.min(scenario.design.maximum_analysed());
    let interims = looks.iter().take_while(|look| look.analysed < complete).count();
    looks.truncate(interims);
}

/// Replaces the content of a column and keeps its memory.
#[inline]
fn refill<T>(column: &mut Vec<T>, values: impl Iterator<Item = T>) {
    column.clear();
    column.extend(values);
}

/// Replaces the content of a column by the first values of another; an empty one gives an empty one.
pub(super) fn copy_first<T: Copy>(column: &mut Vec<T>, from: &[T], number: usize) {
    column.clear();
    column.extend_from_slice(&from[..number.min(from.len())]);
}

/// Keeps the first values of a column, this many, and appends those at some positions of another. An empty
/// one gives an empty one.
pub(super) fn replace_after<T: Copy>(
    column: &mut Vec<T>,
    kept: usize,
    from: &[T],
    positions: &[u32],
) {
    column.truncate(kept);
    if !from.is_empty() {
        column.extend(positions.iter().map(|&at| from[at as usize]));
    }
}
