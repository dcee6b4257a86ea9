//! The centres of one replicate: who comes to which, what that adds to their log odds, and how evenly
//! they are allocated.

use crate::accrual::Accrual;
use crate::centres::{ArrivalStreams, Arrivals, CentreEffects, Centres, Recruitment};
use crate::num::exp::exp_normal;
use crate::num::with_odds;
use crate::outcome::Drift;
use crate::randomisation::{Arm, ConvergenceStrategy};
use crate::rng::{Purpose, Replicate, Streams};

/// How evenly patients are allocated within centres when all are randomised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CentreBalance {
    /// Of every centre with a patient how far the arms are from the ratio, as
    /// [`ReplicateResult::imbalances`](super::ReplicateResult::imbalances).
    pub imbalances: Vec<u32>,
    /// Correct guesses, in halves, of someone who sees the arms of the patient's own centre alone; 0
    /// to twice the patients.
    pub halves_guessed: u32,
    /// Patients of the largest centre.
    pub largest: u32,
    /// Centres without a patient.
    pub empty: u32,
    /// Centres whose patients are all in one arm.
    pub one_arm: u32,
}

/// Columns of the patients in order of arrival; empty where there are no centres.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    recruitment: Recruitment,
    centres: Vec<u32>,
    /// Strata with the centre; empty where nothing names it.
    registered: Vec<u32>,
    /// Patients of each centre in control and experimental arm.
    allocated: Vec<[u32; 2]>,
}

impl Attendance {
    /// Draws the centres and the arrivals of so many patients.
    pub fn draw(
        &mut self,
        (centres, accrual): (&Centres, &Accrual),
        (streams, replicate): (Streams, Replicate),
        (patients, days): (u32, &mut Vec<f64>),
    ) {
        let stream = |purpose| streams.stream(replicate, purpose);
        self.recruitment.draw(centres, accrual, &mut stream(Purpose::Centre));
        let mut streams = ArrivalStreams {
            gaps: stream(Purpose::Arrival),
            choices: stream(Purpose::CentreOfPatient),
        };
        let columns = Arrivals { days, centres: &mut self.centres };
        self.recruitment.arrivals(centres, accrual, patients, &mut streams, columns);
    }

    /// Combines strata with so many centres.
    pub fn register(&mut self, strata: &[u32], number: u32) {
        self.registered.clear();
        let patients = strata.iter().zip(&self.centres);
        self.registered.extend(patients.map(|(stratum, centre)| stratum * number + centre));
    }

    /// The patients' strata with the centre.
    pub fn registered(&self) -> &[u32] {
        &self.registered
    }

    /// The centre of patient i, from 0; `None` where there are no centres.
    #[inline]
    pub fn of_patient(&self, i: usize) -> Option<u32> {
        self.centres.get(i).copied()
    }

    /// What the centre of patient i adds to log odds; nothing where there are no centres.
    #[inline]
    pub fn effects(&self, i: usize) -> CentreEffects {
        match self.of_patient(i) {
            Some(centre) => *self.recruitment.effects(centre),
            None => CentreEffects::default(),
        }
    }

    /// Moves the quantiles of outcomes by the log odds of centre and time.
    pub fn move_outcomes(
        &self,
        (centres, drift): (Option<&Centres>, Option<&Drift>),
        arrival_days: &[f64],
        quantiles: &mut [f64],
    ) {
        if drift.is_none() && centres.is_none_or(|centres| centres.sd.outcome == 0.0) {
            return;
        }
        for (i, (&day, quantile)) in arrival_days.iter().zip(quantiles).enumerate() {
            let of_time = drift.map_or(0.0, |drift| drift.log_odds(day));
            *quantile = moved(*quantile, self.effects(i).outcome + of_time);
        }
    }

    /// Moves the draws of dropout by the log odds of the centres.
    pub fn move_dropout(&self, centres: Option<&Centres>, draws: &mut [f64]) {
        if centres.is_none_or(|centres| centres.sd.dropout == 0.0) {
            return;
        }
        for (i, draw) in draws.iter_mut().enumerate() {
            *draw = moved(*draw, self.effects(i).dropout);
        }
    }

    /// How evenly these arms are divided within so many centres.
    pub fn balance(
        &mut self,
        number: u32,
        (guesser, arms): (ConvergenceStrategy, &[Arm]),
        imbalance: impl Fn([u32; 2]) -> u32,
        balance: &mut CentreBalance,
    ) {
        let Self { centres, allocated, .. } = self;
        allocated.clear();
        allocated.resize(number as usize, [0; 2]);
        let mut halves_guessed = 0;
        for (&centre, &arm) in centres.iter().zip(arms) {
            let so_far = &mut allocated[centre as usize];
            halves_guessed += guesser.halves_before_the_end(*so_far, arm);
            so_far[arm.index()] += 1;
        }
        halves_guessed += allocated.iter().map(|&n| guesser.halves_at_the_end(n)).sum::<u32>();
        let count = |is: fn(&[u32; 2]) -> bool| allocated.iter().filter(|n| is(n)).count() as u32;
        balance.imbalances.clear();
        let attended = allocated.iter().filter(|n| **n != [0; 2]);
        balance.imbalances.extend(attended.map(|&n| imbalance(n)));
        balance.halves_guessed = halves_guessed;
        balance.largest = allocated.iter().map(|[c, e]| c + e).max().unwrap_or(0);
        balance.empty = count(|n| *n == [0; 2]);
        balance.one_arm = count(|[c, e]| (*c == 0) != (*e == 0));
    }
}

/// Beyond this, odds are as good as certain.
const CERTAIN: f64 = 500.0;

/// A uniform draw moved by log odds.
fn moved(uniform: f64, log_odds: f64) -> f64 {
    with_odds(uniform, exp_normal(log_odds.clamp(-CERTAIN, CERTAIN)))
}
