//! The patients of one replicate, as columns in order of arrival, and the calendar they make.

use super::{CorrectGuesses, LookMoment, PatientCourse};
use crate::accrual::day_of_nth_outcome;
use crate::analysis::OutcomeTable;
use crate::outcome::procedural::latent;
use crate::outcome::{Mrs, OutcomeModel, ProceduralModel};
use crate::procedure::{Entry, State};
use crate::randomisation::{AllocationState, Arm, ConvergenceStrategy};
use crate::rng::{PatientDraws, Purpose, Replicate, Streams, uniform};
use crate::scenario::Scenario;

/// A look that does not exist.
const NEVER: u8 = u8::MAX;

/// Columns, cleared and refilled for every replicate.
#[derive(Debug, Default)]
pub(super) struct Cohort {
    arrival_days: Vec<f64>,
    strata: Vec<u32>,
    arms: Vec<Arm>,
    /// When follow-up ends, with or without an outcome.
    due_days: Vec<f64>,
    /// When the outcome is known: the due day, or +∞ when it never is.
    outcome_days: Vec<f64>,
    /// Arrival and outcome days of the patients whose outcome is ever known.
    known_arrival_days: Vec<f64>,
    known_outcome_days: Vec<f64>,
    /// The first look that knows the outcome, by position among the looks that take place;
    /// [`NEVER`] when none does.
    known_from: Vec<u8>,
    /// Quantile of the outcome within the patient's distribution; its logit where the outcome
    /// follows a procedure.
    quantiles: Vec<f64>,
    /// Draws of the procedure, and how it begins; empty without one.
    procedures: Vec<(PatientDraws, Entry)>,
    /// Positions of the patients of control and experimental arm; empty without a procedure.
    of_arm: [Vec<u32>; 2],
    /// The outcome under the truth at hand, known or not.
    mrs: Vec<Mrs>,
    /// Patients per stratum in control and experimental arm.
    allocated: Vec<[u32; 2]>,
    allocation: AllocationState,
    correct_guesses: CorrectGuesses,
    buffer: Vec<f64>,
}

impl Cohort {
    /// Draws everything about the patients but their mRS.
    pub fn draw(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let patients = scenario.randomised;
        let stream = |purpose| streams.stream(replicate, purpose);
        let mut rng = stream(Purpose::Arrival);
        scenario.accrual.arrivals(patients, &mut rng, &mut self.arrival_days);
        let mut rng = stream(Purpose::Baseline);
        refill(&mut self.strata, (0..patients).map(|_| scenario.population.draw(&mut rng)));
        self.allocate(scenario, streams, replicate);
        self.follow_up(scenario, streams, replicate);
        let mut rng = stream(Purpose::Outcome);
        refill(&mut self.quantiles, (0..patients).map(|_| uniform(&mut rng)));
        if let Some(model) = scenario.procedural() {
            self.quantiles.iter_mut().for_each(|u| *u = latent(*u));
            let mut rng = stream(Purpose::Procedure);
            let begin = |_| {
                let draws = PatientDraws::new(&mut rng);
                (draws, model.procedure().enter(draws))
            };
            refill(&mut self.procedures, (0..patients).map(begin));
            self.mrs.resize(patients as usize, Mrs::DEAD);
            self.of_arm.iter_mut().for_each(Vec::clear);
            for (i, arm) in self.arms.iter().enumerate() {
                self.of_arm[arm.index()].push(i as u32);
            }
        }
    }

    fn allocate(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let Self { strata, arms, allocated, allocation, .. } = self;
        let mut rng = streams.stream(replicate, Purpose::Allocation);
        scenario.randomisation.reset(allocation);
        refill(allocated, (0..scenario.population.strata()).map(|_| [0; 2]));
        let guesser = ConvergenceStrategy::new(scenario.ratio);
        let mut guesses = CorrectGuesses::default();
        let (mut patients, mut experimental) = (0, 0);
        let allocate = |&stratum: &u32| {
            let stratum = stratum as usize;
            let arm = scenario.randomisation.allocate(allocation, stratum, &mut rng);
            let so_far = [patients - experimental, experimental];
            guesses.halves_in_trial += guesser.halves_beyond_the_end(so_far, arm);
            guesses.halves_in_strata += guesser.halves_beyond_the_end(allocated[stratum], arm);
            patients += 1;
            experimental += arm.index() as u32;
            allocated[stratum][arm.index()] += 1;
            arm
        };
        refill(arms, strata.iter().map(allocate));
        guesses.halves_in_trial +=
            guesser.halves_in_the_end([patients - experimental, experimental]);
        let strata = allocated.iter().map(|&counts| guesser.halves_in_the_end(counts));
        guesses.halves_in_strata += strata.sum::<u32>();
        self.correct_guesses = guesses;
    }

    fn follow_up(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let mut rng = streams.stream(replicate, Purpose::FollowUp);
        let due = |&arrival: &f64| scenario.follow_up.outcome_day(arrival, &mut rng);
        refill(&mut self.due_days, self.arrival_days.iter().map(due));

        let mut rng = streams.stream(replicate, Purpose::Dropout);
        let known = |(&due, arm): (&f64, &Arm)| {
            if uniform(&mut rng) < scenario.dropout[arm.index()] { f64::INFINITY } else { due }
        };
        refill(&mut self.outcome_days, self.due_days.iter().zip(&self.arms).map(known));

        self.known_arrival_days.clear();
        self.known_outcome_days.clear();
        for (&arrival, &day) in self.arrival_days.iter().zip(&self.outcome_days) {
            if day < f64::INFINITY {
                self.known_arrival_days.push(arrival);
                self.known_outcome_days.push(day);
            }
        }
    }

    /// Patients per stratum in control and experimental arm.
    pub fn allocated(&self) -> &[[u32; 2]] {
        &self.allocated
    }

    /// Guesses of the arms that were correct.
    pub fn correct_guesses(&self) -> CorrectGuesses {
        self.correct_guesses
    }

    /// Finds when the looks take place: the interims, then the final one, when the last patient's
    /// window has closed. An interim whose number of outcomes is never exceeded is left out: the
    /// final look has the same data.
    pub fn find_looks(&mut self, scenario: &Scenario, looks: &mut Vec<LookMoment>) {
        let known = self.known_outcome_days.len() as u32;
        looks.clear();
        let interims = scenario.design.interims().iter().map(|look| look.analysed);
        looks.extend(interims.take_while(|&n| n < known).map(|n| self.interim(scenario, n)));
        self.mark_known(looks);
        let last_arrival = self.arrival_days[self.arrival_days.len() - 1];
        looks.push(LookMoment {
            day: scenario.follow_up.closes(last_arrival),
            analysed: known,
            randomised: self.arrival_days.len() as u32,
            overrun: 0,
        });
    }

    /// The look at which `analysed` outcomes become known; more of them must become known later.
    fn interim(&mut self, scenario: &Scenario, analysed: u32) -> LookMoment {
        let Self { known_arrival_days, known_outcome_days, buffer, .. } = self;
        let follow_up = &scenario.follow_up;
        let day =
            day_of_nth_outcome(analysed, follow_up, known_arrival_days, known_outcome_days, buffer)
                .expect("fewer outcomes are asked for than are known");
        let decision_day = day + scenario.decision_lag_days;
        let randomised = self.arrival_days.partition_point(|&arrival| arrival <= decision_day);
        let overrun = self.due_days[..randomised].iter().filter(|&&due| due > day).count();
        LookMoment { day, analysed, randomised: randomised as u32, overrun: overrun as u32 }
    }

    /// Notes for each patient the first look that knows the outcome.
    fn mark_known(&mut self, interims: &[LookMoment]) {
        let Self { arrival_days, outcome_days, known_from, .. } = self;
        let final_look = interims.len() as u8;
        let in_the_end = |&day: &f64| if day < f64::INFINITY { final_look } else { NEVER };
        refill(known_from, outcome_days.iter().map(in_the_end));
        for (k, look) in interims.iter().enumerate().rev() {
            // Nobody who came after the day of the look is known by it.
            let arrived = arrival_days.partition_point(|&arrival| arrival <= look.day);
            for (from, &day) in known_from[..arrived].iter_mut().zip(&*outcome_days) {
                *from = if day <= look.day { k as u8 } else { *from };
            }
        }
    }

    /// Draws every patient's mRS from stated distributions.
    pub fn draw_mrs(&mut self, model: &OutcomeModel) {
        let Self { strata, arms, quantiles, mrs, .. } = self;
        let patients = arms.iter().zip(&*strata).zip(&*quantiles);
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
                courses.push(PatientCourse { arm, procedure, mrs });
            }
        }
    }

    /// The experimental arm's patients again, under the control arm's plan; control stays.
    pub fn perform_as_control(&mut self, model: &ProceduralModel) {
        for &i in &self.of_arm[Arm::Experimental.index()] {
            let (draws, entry) = self.procedures[i as usize];
            let treated = model.procedure().treat(Arm::Control, entry, draws);
            self.mrs[i as usize] = self.mrs_after(i as usize, &treated.state, model);
        }
    }

    /// The mRS of patient i after a procedure that left this state.
    #[inline]
    fn mrs_after(&self, i: usize, state: &State, model: &ProceduralModel) -> Mrs {
        let (_, entry) = self.procedures[i];
        model.draw(state, entry.class, self.strata[i] as usize, self.quantiles[i])
    }

    /// Fills a table for each look with the outcomes known by then.
    pub fn fill_tables(&self, known: &mut [OutcomeTable]) {
        let Self { arms, known_from, mrs, .. } = self;
        known.fill(OutcomeTable::default());
        for ((&arm, &mrs), &from) in arms.iter().zip(mrs).zip(known_from) {
            if let Some(table) = known.get_mut(usize::from(from)) {
                table.record(arm, mrs);
            }
        }
        for k in 1..known.len() {
            let before = known[k - 1];
            known[k].add(&before);
        }
    }

    /// Outcomes known in the end among the first patients to be randomised.
    pub fn known_in_the_end(&self, randomised: u32) -> OutcomeTable {
        let mut table = OutcomeTable::default();
        for i in 0..randomised as usize {
            if self.known_from[i] != NEVER {
                table.record(self.arms[i], self.mrs[i]);
            }
        }
        table
    }
}

/// Replaces the content of a column without giving up its memory.
#[inline]
fn refill<T>(column: &mut Vec<T>, values: impl Iterator<Item = T>) {
    column.clear();
    column.extend(values);
}
