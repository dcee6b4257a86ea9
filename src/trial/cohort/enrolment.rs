//! Enrolment: the days on which patients arrive, at which centre, and the arms that they are allocated to.

use crate::centres::Centres;
use crate::randomisation::{Allocating, AllocationState, Arm, ConvergenceStrategy};
use crate::rng::Purpose;
use crate::scenario::Scenario;
use crate::trial::centres::{Attendance, CentreBalance};
use crate::trial::{GuessCounts, Phase, PhaseObserver, ReplicateStreams};

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
    /// Correct guesses of the arms.
    pub correct_guesses: GuessCounts,
    allocation: AllocationState,
}

impl Enrolment {
    /// Enrols the patients of several replicates together, each as it would be alone.
    pub fn draw<const N: usize>(
        mut trials: [&mut Self; N],
        scenario: &Scenario,
        streams: [ReplicateStreams; N],
        phases: &mut impl PhaseObserver,
    ) {
        let patients = scenario.most_randomised();
        for (trial, &streams) in trials.iter_mut().zip(&streams) {
            trial.draw_arrivals(scenario, streams, patients);
        }
        phases.ended(Phase::Accrual);
        for (trial, &streams) in trials.iter_mut().zip(&streams) {
            trial.draw_strata(scenario, streams, patients);
        }
        phases.ended(Phase::Baseline);
        // All allocated in turn, patient by patient: see `LANES`.
        let mut of_trials = streams.iter();
        scenario.randomisation.allocate_all(trials.each_mut().map(|trial| {
            let streams = of_trials.next().expect("one for each trial");
            let Self { strata, centres, arms, allocation, .. } = &mut **trial;
            let strata = strata_randomised_by(scenario, strata, centres);
            let rng = streams.stream(Purpose::Allocation);
            Allocating { strata, state: allocation, rng, arms }
        }));
        for trial in trials {
            trial.count(scenario);
        }
        phases.ended(Phase::Allocation);
    }

    /// Draws the days on which this many patients arrive, and their centres.
    pub(super) fn draw_arrivals(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        patients: u32,
    ) {
        let Self { arrival_days, centres, .. } = self;
        let accrual = &scenario.accrual;
        match &scenario.centres {
            // Arrivals then depend on the rates of the centres that have opened.
            Some(of) => centres.draw(of, accrual, streams, patients, arrival_days),
            None => {
                let mut rng = streams.stream(Purpose::Arrival);
                accrual.arrivals(patients, &mut rng, arrival_days);
            }
        }
    }

    /// Draws the strata of this many patients.
    pub(super) fn draw_strata(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        patients: u32,
    ) {
        let Self { strata, centres, .. } = self;
        let mut rng = streams.stream(Purpose::Baseline);
        refill(strata, (0..patients).map(|_| scenario.population.draw(&mut rng)));
        // Combined only if randomisation or analyses use them.
        if let (Some(of), Some(_)) = (&scenario.centres, &scenario.strata_by_centre) {
            centres.combine_with(strata, of.number);
        }
    }

    /// Replaces the patients by those at some positions of another enrolment, and allocates them.
    pub(super) fn select(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        from: &Self,
        positions: &[u32],
    ) {
        let Self { arrival_days, strata, centres, arms, allocation, .. } = self;
        refill(arrival_days, positions.iter().map(|&at| from.arrival_days[at as usize]));
        refill(strata, positions.iter().map(|&at| from.strata[at as usize]));
        centres.select(&from.centres, positions);
        let strata = strata_randomised_by(scenario, strata, centres);
        let rng = streams.stream(Purpose::Allocation);
        scenario.randomisation.allocate_all([Allocating { strata, state: allocation, rng, arms }]);
    }

    /// Counts the arms of each stratum, and the correct guesses.
    fn count(&mut self, scenario: &Scenario) {
        let Self { strata, arms, allocated, .. } = self;
        refill(allocated, (0..scenario.population.strata()).map(|_| [0; 2]));
        let guesser = ConvergenceStrategy::new(scenario.ratio);
        let mut guesses = GuessCounts::default();
        let mut in_trial = [0; 2];
        // The balance of a trial is that of the planned patients, whatever number a trial may have.
        let planned = strata.iter().zip(&*arms).take(scenario.randomised as usize);
        for (&stratum, &arm) in planned {
            let in_stratum = &mut allocated[stratum as usize];
            guesses.halves_in_trial += guesser.halves_before_the_end(in_trial, arm);
            guesses.halves_in_strata += guesser.halves_before_the_end(*in_stratum, arm);
            in_trial[arm.index()] += 1;
            in_stratum[arm.index()] += 1;
        }
        // Most of the sum depends on the final counts alone: no branch on each patient's arm.
        guesses.halves_in_trial += guesser.halves_at_the_end(in_trial);
        let strata = allocated.iter().map(|&counts| guesser.halves_at_the_end(counts));
        guesses.halves_in_strata += strata.sum::<u32>();
        self.correct_guesses = guesses;
    }

    /// Returns the strata that the randomisation uses: with the centre if it balances centres.
    pub fn randomised_by(&self, scenario: &Scenario) -> &[u32] {
        strata_randomised_by(scenario, &self.strata, &self.centres)
    }

    /// Measures the balance within centres, if there are any.
    pub fn balance_centres(&mut self, scenario: &Scenario, balance: &mut CentreBalance) {
        if let Some(Centres { number, .. }) = scenario.centres {
            let arms = &self.arms[..scenario.randomised as usize];
            self.centres.balance(number, scenario.ratio, arms, balance);
        }
    }
}

/// Selects the strata that the randomisation uses, from the columns of an enrolment.
// Not a method: an enrolment is borrowed in parts while its arms are written.
fn strata_randomised_by<'c>(
    scenario: &Scenario,
    strata: &'c [u32],
    centres: &'c Attendance,
) -> &'c [u32] {
    match &scenario.strata_by_centre {
        Some(registered) if registered.randomisation => centres.strata_by_centre(),
        Some(_) | None => strata,
    }
}
