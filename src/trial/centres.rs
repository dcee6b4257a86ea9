//! The centres of one replicate: where each patient goes, what that adds to the log odds, and how evenly
//! the arms are divided within centres.

use super::ReplicateStreams;
use super::cohort::{copy_first, replace_after};
use super::enrolled::imbalance;
use crate::accrual::Accrual;
use crate::centres::{ArrivalStreams, Arrivals, CentreEffects, Centres, Recruitment};
use crate::num::exp::exp_normal;
use crate::num::with_odds;
use crate::outcome::Drift;
use crate::randomisation::{AllocationRatio, Arm, ConvergenceStrategy};
use crate::rng::Purpose;

/// Balance of the arms within centres when all patients are randomised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CentreBalance {
    /// Distance of the arms from the ratio in every centre with a patient, as
    /// [`ReplicateResult::imbalances`](super::ReplicateResult::imbalances).
    pub imbalances: Vec<u32>,
    /// Correct guesses, in halves, of an observer who sees the arms of the patient's own centre alone; 0
    /// to twice the patients.
    pub halves_guessed: u32,
    /// Patients of the largest centre.
    pub largest: u32,
    /// Centres without a patient.
    pub empty: u32,
    /// Centres whose patients are all in one arm.
    pub one_arm: u32,
}

/// Columns of the patients in order of arrival; empty without centres.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    recruitment: Recruitment,
    centres: Vec<u32>,
    /// Combinations of stratum and centre; empty if neither randomisation nor analyses use them.
    strata_by_centre: Vec<u32>,
    /// Patients of each centre in control and experimental arm.
    allocated: Vec<[u32; 2]>,
}

impl Attendance {
    /// Draws the centres, and the arrivals of this many patients.
    pub fn draw(
        &mut self,
        centres: &Centres,
        accrual: &Accrual,
        streams: ReplicateStreams,
        patients: u32,
        days: &mut Vec<f64>,
    ) {
        self.recruitment.draw(centres, accrual, &mut streams.stream(Purpose::Centre));
        let mut streams = ArrivalStreams {
            gaps: streams.stream(Purpose::Arrival),
            choices: streams.stream(Purpose::CentreOfPatient),
        };
        let columns = Arrivals { days, centres: &mut self.centres };
        self.recruitment.arrivals(centres, accrual, patients, &mut streams, columns);
    }

    /// Combines the patients' strata with their centres, this many.
    pub fn combine_with(&mut self, strata: &[u32], number: u32) {
        self.strata_by_centre.clear();
        let patients = strata.iter().zip(&self.centres);
        self.strata_by_centre.extend(patients.map(|(stratum, centre)| stratum * number + centre));
    }

    /// Becomes the first patients, this many, of other columns.
    pub fn begin(&mut self, from: &Self, patients: usize) {
        copy_first(&mut self.centres, &from.centres, patients);
        copy_first(&mut self.strata_by_centre, &from.strata_by_centre, patients);
    }

    /// Keeps the first patients, this many, and replaces the others by people at some positions.
    pub fn replace_after(&mut self, kept: usize, people: &Self, positions: &[u32]) {
        replace_after(&mut self.centres, kept, &people.centres, positions);
        replace_after(&mut self.strata_by_centre, kept, &people.strata_by_centre, positions);
    }

    /// Returns the patients' combinations of stratum and centre.
    pub fn strata_by_centre(&self) -> &[u32] {
        &self.strata_by_centre
    }

    /// Returns the centre of patient i, from 0; `None` without centres.
    #[inline]
    pub fn of_patient(&self, i: usize) -> Option<u32> {
        self.centres.get(i).copied()
    }

    /// Returns what the centre of patient i adds to log odds: 0 without centres.
    #[inline]
    pub fn effects(&self, i: usize) -> CentreEffects {
        match self.of_patient(i) {
            Some(centre) => *self.recruitment.effects(centre),
            None => CentreEffects::default(),
        }
    }

    /// Moves the quantiles of outcomes by the log odds of centre and time, from the `first` patient on.
    pub fn move_outcomes(
        &self,
        centres: Option<&Centres>,
        drift: Option<&Drift>,
        arrival_days: &[f64],
        quantiles: &mut [f64],
        first: usize,
    ) {
        // Not moved by 0: a round trip through odds would change last bits, and take time.
        if drift.is_none() && centres.is_none_or(|centres| centres.sd.outcome == 0.0) {
            return;
        }
        for (i, (&day, quantile)) in arrival_days.iter().zip(quantiles).enumerate().skip(first) {
            let of_time = drift.map_or(0.0, |drift| drift.log_odds(day));
            *quantile = moved(*quantile, self.effects(i).outcome + of_time);
        }
    }

    /// Moves the draws of dropout by the log odds of the centres, from the `first` patient on.
    pub fn move_dropout(&self, centres: Option<&Centres>, draws: &mut [f64], first: usize) {
        if centres.is_none_or(|centres| centres.sd.dropout == 0.0) {
            return;
        }
        for (i, draw) in draws.iter_mut().enumerate().skip(first) {
            *draw = moved(*draw, self.effects(i).dropout);
        }
    }

    /// Measures how evenly these arms are divided within this many centres.
    pub fn balance(
        &mut self,
        number: u32,
        ratio: AllocationRatio,
        arms: &[Arm],
        balance: &mut CentreBalance,
    ) {
        let Self { centres, allocated, .. } = self;
        allocated.clear();
        allocated.resize(number as usize, [0; 2]);
        let guesser = ConvergenceStrategy::new(ratio);
        // The vector is kept for its memory.
        *balance = CentreBalance {
            imbalances: std::mem::take(&mut balance.imbalances),
            ..CentreBalance::default()
        };
        balance.imbalances.clear();
        for (&centre, &arm) in centres.iter().zip(arms) {
            let so_far = &mut allocated[centre as usize];
            balance.halves_guessed += guesser.halves_before_the_end(*so_far, arm);
            so_far[arm.index()] += 1;
        }
        // A centre without patients has no imbalance to average, and is counted on its own.
        for &[control, experimental] in &*allocated {
            balance.halves_guessed += guesser.halves_at_the_end([control, experimental]);
            balance.largest = balance.largest.max(control + experimental);
            if control + experimental == 0 {
                balance.empty += 1;
            } else {
                balance.one_arm += u32::from(control == 0 || experimental == 0);
                balance.imbalances.push(imbalance(ratio, [control, experimental]));
            }
        }
    }
}

/// Log odds beyond which a probability is as good as certain.
// Within the range of exp_normal, which ends at 700.
const CERTAIN: f64 = 500.0;

/// Moves a uniform draw by log odds.
fn moved(uniform: f64, log_odds: f64) -> f64 {
    with_odds(uniform, exp_normal(log_odds.clamp(-CERTAIN, CERTAIN)))
}
