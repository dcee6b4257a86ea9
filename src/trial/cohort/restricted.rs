//! The patients of a trial whose population is restricted at an interim look.
//!
//! Patients randomised before the decision remain. Afterwards everybody arrives as before, but only the
//! eligible are randomised, up to the planned number: the people who arrive are the same in all trials of a
//! replicate, with the same draws.

use super::{Cohort, refill};
use crate::rng::{Purpose, Replicate, uniform};
use crate::scenario::Scenario;
use crate::trial::{LookMoment, ReplicateStreams};

/// Share by which more people are drawn than are expected to be needed, and a number in addition.
// Too few are drawn again from the start, with twice as many, which takes time but changes no result.
const SURPLUS: f64 = 1.1;
const SURPLUS_PATIENTS: f64 = 32.0;

/// Columns of the restricted trial, and of all people it is chosen from.
#[derive(Debug, Default)]
pub(in crate::trial) struct RestrictedCohort {
    /// Everybody who arrives, eligible or not, with all that does not depend on the arm.
    arrivals: Cohort,
    /// The replicate that they are of.
    replicate: Option<Replicate>,
    /// Positions of the trial's patients among the arrivals.
    positions: Vec<u32>,
    /// The trial.
    pub cohort: Cohort,
    /// When its looks take place.
    pub moments: Vec<LookMoment>,
}

impl RestrictedCohort {
    /// Begins with the patients of the unrestricted trial, this many at most.
    pub fn begin(&mut self, planned: u32) {
        refill(&mut self.positions, 0..planned);
    }

    /// Keeps the first patients of the trial, this many, and replaces the others by later arrivals of
    /// eligible strata, whose share of the population is above 0.
    pub fn restrict(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        kept: u32,
        is_eligible: impl Fn(usize) -> bool,
    ) {
        // The plan stays: patients who are not eligible are replaced by later ones.
        let planned = scenario.randomised as usize;
        self.positions.truncate(kept as usize);
        let shares = scenario.population.prognosis().map(|(share, _)| share).enumerate();
        let eligible: f64 =
            shares.filter(|&(stratum, _)| is_eligible(stratum)).map(|(_, share)| share).sum();
        let next = self.positions.last().map_or(0, |&last| last as usize + 1);
        let missing = (planned - self.positions.len()) as f64;
        // Earlier arrivals have been decided on: the eligible ones are kept, the others were turned away.
        let mut needed = next + (SURPLUS * missing / eligible + SURPLUS_PATIENTS) as usize;
        loop {
            self.draw_arrivals(scenario, streams, needed);
            let strata = self.arrivals.enrolled.strata.iter().enumerate().skip(next);
            let chosen = strata.filter(|&(_, &stratum)| is_eligible(stratum as usize));
            let missing = planned - kept as usize;
            self.positions.extend(chosen.map(|(at, _)| at as u32).take(missing));
            if self.positions.len() == planned {
                break;
            }
            self.positions.truncate(kept as usize);
            // Doubled, so that a rare level needs few attempts.
            needed *= 2;
        }
        self.enrol(scenario, streams);
    }

    /// Returns how many people had arrived, eligible or not, when this many were randomised.
    pub fn screened(&self, randomised: u32) -> u32 {
        self.positions[randomised as usize - 1] + 1
    }

    /// Draws everybody who arrives, this many at least, unless that has been done.
    fn draw_arrivals(&mut self, scenario: &Scenario, streams: ReplicateStreams, least: usize) {
        let Self { arrivals, replicate, .. } = self;
        if *replicate == Some(streams.replicate) && arrivals.enrolled.arrival_days.len() >= least {
            return;
        }
        // Kept for the other truths and analyses of the replicate, which see the same people.
        *replicate = Some(streams.replicate);
        let patients = u32::try_from(least).expect("as many people as have a number");
        arrivals.enrolled.draw_arrivals(scenario, streams, patients);
        arrivals.enrolled.draw_strata(scenario, streams, patients);
        arrivals.draw_follow_up(scenario, streams);
        arrivals.draw_quantiles(scenario, streams);
    }

    /// Enrols the patients of the trial.
    fn enrol(&mut self, scenario: &Scenario, streams: ReplicateStreams) {
        let Self { arrivals, positions, cohort, .. } = self;
        cohort.planned = positions.len();
        // Allocated from the first patient on, as the method weighs all patients before: those kept get the
        // same arms from the same draws.
        cohort.enrolled.select(scenario, streams, &arrivals.enrolled, positions);
        let columns = [
            (&mut cohort.due_days, &arrivals.due_days),
            (&mut cohort.dropout_draws, &arrivals.dropout_draws),
            (&mut cohort.early_draws, &arrivals.early_draws),
            (&mut cohort.quantiles, &arrivals.quantiles),
        ];
        for (column, from) in columns {
            // Empty columns stay empty.
            refill(column, positions.iter().filter_map(|&at| from.get(at as usize).copied()));
        }
        if let Some(adherence) = &scenario.adherence {
            let mut rng = streams.stream(Purpose::Adherence);
            let mut chosen = positions.iter().zip(&cohort.enrolled.arms).peekable();
            cohort.received.clear();
            let everybody = arrivals.drawn_quantiles.iter().zip(&arrivals.enrolled.strata);
            for (at, (&quantile, &stratum)) in everybody.enumerate() {
                // Drawn for everybody, so that each has the same draws in all trials.
                let draws = [uniform(&mut rng), uniform(&mut rng)];
                if let Some((_, &arm)) = chosen.next_if(|&(&position, _)| position as usize == at) {
                    let received = adherence.draw(arm, stratum as usize, quantile, draws);
                    cohort.received.push(received.arm(arm));
                }
            }
        }
    }
}
