//! Who comes to a trial, when, where to, and to which arm they are allocated.

use crate::centres::Centres;
use crate::randomisation::{Allocating, AllocationState, Arm, ConvergenceStrategy};
use crate::rng::{Purpose, Replicate, Streams};
use crate::scenario::Scenario;
use crate::trial::centres::{Attendance, CentreBalance};
use crate::trial::{CorrectGuesses, Phase};

use super::refill;

/// Columns of the patients in order of arrival.
#[derive(Debug, Default)]
pub(in crate::trial) struct Enrolment {
    pub arrival_days: Vec<f64>,
    pub strata: Vec<u32>,
    pub centres: Attendance,
    pub arms: Vec<Arm>,
    /// Patients per stratum in control and experimental arm.
    pub allocated: Vec<[u32; 2]>,
    /// Guesses of the arms that were correct.
    pub correct_guesses: CorrectGuesses,
    allocation: AllocationState,
}

impl Enrolment {
    /// Enrols the patients of some replicates, each as it would be alone. Allocation waits for the
    /// patient before; side by side, the processor has others to go on with.
    pub fn draw<const N: usize>(
        mut trials: [&mut Self; N],
        scenario: &Scenario,
        streams: Streams,
        replicates: [Replicate; N],
        end_of: &mut impl FnMut(Phase),
    ) {
        for (trial, &replicate) in trials.iter_mut().zip(&replicates) {
            trial.arrive(scenario, streams, replicate);
        }
        end_of(Phase::Accrual);
        for (trial, &replicate) in trials.iter_mut().zip(&replicates) {
            trial.draw_strata(scenario, streams, replicate);
        }
        end_of(Phase::Baseline);
        let mut replicates = replicates.iter();
        scenario.randomisation.allocate_all(trials.each_mut().map(|trial| {
            let replicate = *replicates.next().expect("one for each trial");
            let Self { strata, centres, arms, allocation, .. } = &mut **trial;
            let strata = randomised_by(scenario, strata, centres);
            let rng = streams.stream(replicate, Purpose::Allocation);
            Allocating { strata, state: allocation, rng, arms }
        }));
        for trial in trials {
            trial.count(scenario);
        }
        end_of(Phase::Allocation);
    }

    /// When patients come, and where to.
    fn arrive(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let Self { arrival_days, centres, .. } = self;
        let (patients, accrual) = (scenario.randomised, &scenario.accrual);
        match &scenario.centres {
            Some(of) => {
                centres.draw((of, accrual), (streams, replicate), (patients, arrival_days));
            }
            None => {
                let mut rng = streams.stream(replicate, Purpose::Arrival);
                accrual.arrivals(patients, &mut rng, arrival_days);
            }
        }
    }

    fn draw_strata(&mut self, scenario: &Scenario, streams: Streams, replicate: Replicate) {
        let Self { strata, centres, .. } = self;
        let mut rng = streams.stream(replicate, Purpose::Baseline);
        refill(strata, (0..scenario.randomised).map(|_| scenario.population.draw(&mut rng)));
        if let (Some(of), Some(_)) = (&scenario.centres, &scenario.strata_by_centre) {
            centres.register(strata, of.number);
        }
    }

    /// Counts the arms of each stratum, and the correct guesses.
    fn count(&mut self, scenario: &Scenario) {
        let Self { strata, arms, allocated, .. } = self;
        refill(allocated, (0..scenario.population.strata()).map(|_| [0; 2]));
        let guesser = ConvergenceStrategy::new(scenario.ratio);
        let mut guesses = CorrectGuesses::default();
        let mut in_trial = [0; 2];
        for (&stratum, &arm) in strata.iter().zip(&*arms) {
            let in_stratum = &mut allocated[stratum as usize];
            guesses.halves_in_trial += guesser.halves_before_the_end(in_trial, arm);
            guesses.halves_in_strata += guesser.halves_before_the_end(*in_stratum, arm);
            in_trial[arm.index()] += 1;
            in_stratum[arm.index()] += 1;
        }
        guesses.halves_in_trial += guesser.halves_at_the_end(in_trial);
        let strata = allocated.iter().map(|&counts| guesser.halves_at_the_end(counts));
        guesses.halves_in_strata += strata.sum::<u32>();
        self.correct_guesses = guesses;
    }

    /// The strata that the randomisation sees.
    pub fn randomised_by(&self, scenario: &Scenario) -> &[u32] {
        randomised_by(scenario, &self.strata, &self.centres)
    }

    /// How evenly they are allocated within centres, where there are any.
    pub fn balance_centres(
        &mut self,
        scenario: &Scenario,
        imbalance: impl Fn([u32; 2]) -> u32,
        balance: &mut CentreBalance,
    ) {
        if let Some(Centres { number, .. }) = scenario.centres {
            let guesser = ConvergenceStrategy::new(scenario.ratio);
            self.centres.balance(number, (guesser, &self.arms), imbalance, balance);
        }
    }
}

fn randomised_by<'c>(scenario: &Scenario, strata: &'c [u32], centres: &'c Attendance) -> &'c [u32] {
    match &scenario.strata_by_centre {
        Some(registered) if registered.randomisation => centres.registered(),
        _ => strata,
    }
}
