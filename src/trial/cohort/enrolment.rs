//! Enrolment: the days on which patients arrive, at which centre, and the arms that they are allocated to.

use crate::centres::Centres;
use crate::randomisation::{Allocating, AllocationState, Arm, ConvergenceStrategy};
use crate::rng::{Purpose, Stream};
use crate::scenario::Scenario;
use crate::trial::centres::{Attendance, CentreBalance};
use crate::trial::{GuessCounts, Phase, PhaseObserver, ReplicateStreams};

use super::{copy_first, refill, replace_after};

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
    /// Streams of arrivals and strata after the last person drawn; `None` before the first, and of arrivals
    /// at centres.
    arrival_stream: Option<Stream>,
    baseline_stream: Option<Stream>,
    /// Cumulative intensity at the last arrival, without centres.
    intensity: f64,
    /// The allocation before the first patient whom a restriction may replace; unused without a rule for
    /// the population.
    checkpoint: AllocationCheckpoint,
}

/// Memory and stream of the allocation after some patients.
#[derive(Debug, Default)]
struct AllocationCheckpoint {
    patients: usize,
    state: AllocationState,
    stream: Option<Stream>,
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
        let first = scenario.randomised_before_restriction() as usize;
        let rngs = scenario.randomisation.allocate_all(trials.each_mut().map(|trial| {
            let streams = of_trials.next().expect("one for each trial");
            let Self { strata, centres, arms, allocation, .. } = &mut **trial;
            let strata = &strata_randomised_by(scenario, strata, centres)[..first];
            let rng = streams.stream(Purpose::Allocation);
            Allocating { strata, state: allocation, rng, arms }
        }));
        if scenario.adaptation.population.is_some() {
            let mut of_trials = rngs.into_iter();
            scenario.randomisation.allocate_further(trials.each_mut().map(|trial| {
                let rng = of_trials.next().expect("one for each trial");
                let Self { strata, centres, arms, allocation, checkpoint, .. } = &mut **trial;
                checkpoint.patients = first;
                checkpoint.state.copy_from(allocation);
                checkpoint.stream = Some(rng.clone());
                let strata = &strata_randomised_by(scenario, strata, centres)[first..];
                Allocating { strata, state: allocation, rng, arms }
            }));
        }
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
        let Self { arrival_days, centres, arrival_stream, intensity, .. } = self;
        let accrual = &scenario.accrual;
        match &scenario.centres {
            // Arrivals then depend on the rates of the centres that have opened.
            Some(of) => centres.draw(of, accrual, streams, patients, arrival_days),
            None => {
                let mut rng = streams.stream(Purpose::Arrival);
                arrival_days.clear();
                *intensity = accrual.arrivals_after(0.0, patients, &mut rng, arrival_days);
                *arrival_stream = Some(rng);
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
        let Self { strata, centres, baseline_stream, .. } = self;
        let mut rng = streams.stream(Purpose::Baseline);
        refill(strata, (0..patients).map(|_| scenario.population.draw(&mut rng)));
        *baseline_stream = Some(rng);
        // Combined only if randomisation or analyses use them.
        if let (Some(of), Some(_)) = (&scenario.centres, &scenario.strata_by_centre) {
            centres.combine_with(strata, of.number);
        }
    }

    /// Draws the arrivals and strata of further people, this many, who are not randomised.
    pub(super) fn draw_further(
        &mut self,
        scenario: &Scenario,
        streams: ReplicateStreams,
        people: u32,
    ) {
        let all = self.strata.len() as u32 + people;
        let Self { arrival_days, strata, baseline_stream, .. } = self;
        let mut rng = baseline_stream.take().expect("the first people have been drawn");
        strata.extend((0..people).map(|_| scenario.population.draw(&mut rng)));
        *baseline_stream = Some(rng);
        if let Some(of) = &scenario.centres {
            // From the first, who are the same again: centres open over time.
            self.centres.draw(of, &scenario.accrual, streams, all, arrival_days);
            if scenario.strata_by_centre.is_some() {
                self.centres.combine_with(strata, of.number);
            }
        } else if let Some(rng) = &mut self.arrival_stream {
            let before = self.intensity;
            self.intensity = scenario.accrual.arrivals_after(before, people, rng, arrival_days);
        }
    }

    /// Becomes the first patients, this many, of another enrolment.
    pub(super) fn begin(&mut self, from: &Self, patients: usize) {
        let Self { arrival_days, strata, centres, arms, .. } = self;
        copy_first(arrival_days, &from.arrival_days, patients);
        copy_first(strata, &from.strata, patients);
        centres.begin(&from.centres, patients);
        copy_first(arms, &from.arms, patients);
    }

    /// Keeps the first patients, this many, and enrols people at some positions of another enrolment after
    /// them.
    pub(super) fn enrol(
        &mut self,
        scenario: &Scenario,
        people: &Self,
        kept: usize,
        positions: &[u32],
    ) {
        let Self { arrival_days, strata, centres, arms, allocation, .. } = self;
        replace_after(arrival_days, kept, &people.arrival_days, positions);
        replace_after(strata, kept, &people.strata, positions);
        centres.replace_after(kept, &people.centres, positions);
        // The method weighs all patients before. Those after the checkpoint who are kept get the same arms
        // from the same draws again.
        let AllocationCheckpoint { patients, state, stream } = &people.checkpoint;
        debug_assert!(*patients <= kept, "outcomes at a look are of patients randomised by then");
        allocation.copy_from(state);
        arms.truncate(*patients);
        let strata = &strata_randomised_by(scenario, strata, centres)[*patients..];
        let rng = stream.clone().expect("the unrestricted trial has been allocated");
        scenario.randomisation.allocate_further([Allocating {
            strata,
            state: allocation,
            rng,
            arms,
        }]);
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
