//! The speed of a simulation, computed from measured times; the clock is read elsewhere.

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::trial::Phase;

/// Median and range of timed repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RepeatTimes {
    /// Median.
    pub median: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl RepeatTimes {
    /// Summarises one repeat or more.
    pub fn of(repeats: &[f64]) -> Self {
        // The median, as single repeats are slowed by whatever else the machine does.
        let mut sorted = repeats.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        };
        Self { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    fn map(self, by: impl Fn(f64) -> f64) -> Self {
        // A rate falls with the time: the ends change places.
        let [a, b] = [by(self.min), by(self.max)];
        Self { median: by(self.median), min: a.min(b), max: a.max(b) }
    }
}

/// The speed with a number of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Worker threads.
    pub threads: usize,
    /// Simulated trials, each under one truth, with all analyses.
    pub trials_per_second: RepeatTimes,
    /// Wall-clock microseconds per trial.
    pub microseconds_per_trial: RepeatTimes,
    /// Speed per thread as a share of the speed of one thread alone.
    pub efficiency: f64,
}

impl Throughput {
    /// Computes the speed from the seconds for a number of `trials` per thread, and the seconds for
    /// these trials on one thread alone.
    pub fn new(threads: usize, trials: f64, seconds: &RepeatTimes, alone: f64) -> Self {
        // Each thread runs the same number of trials, so that perfect scaling takes constant time.
        let trials = trials * threads as f64;
        Self {
            threads,
            trials_per_second: seconds.map(|seconds| trials / seconds),
            microseconds_per_trial: seconds.map(|seconds| 1e6 * seconds / trials),
            efficiency: alone / seconds.median,
        }
    }
}

/// The time of one phase of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// Name of the phase.
    pub phase: String,
    /// Microseconds per trial on one thread.
    pub microseconds_per_trial: RepeatTimes,
    /// Share of the time of all phases.
    pub share: f64,
}

impl PhaseTime {
    /// Computes the times of all phases that take any, from the seconds of every repeat of each. They are
    /// scaled to add up to `together`, the seconds without timing of phases: reading the clock takes
    /// time, too.
    pub fn all(seconds: &[Vec<f64>], trials: f64, together: f64) -> Vec<Self> {
        let spreads: Vec<RepeatTimes> =
            seconds.iter().map(|seconds| RepeatTimes::of(seconds)).collect();
        let sum: f64 = spreads.iter().map(|spread| spread.median).sum();
        Phase::ALL
            .iter()
            .zip(spreads)
            // A phase that the scenario does not have, such as a procedure, takes no time.
            .filter(|(_, spread)| spread.median > 0.0)
            .map(|(phase, spread)| Self {
                phase: phase.name().to_owned(),
                microseconds_per_trial: spread.map(|time| 1e6 * time / sum * together / trials),
                share: spread.median / sum,
            })
            .collect()
    }
}

/// The measurements of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurements {
    /// Replicates per thread in every timed repeat.
    pub replicates: u64,
    /// Speed by number of threads.
    pub throughput: Vec<Throughput>,
    /// Times of the phases on one thread.
    pub phases: Vec<PhaseTime>,
    /// Seconds from opening the scenario to the end of its first replicate.
    pub seconds_to_first_trial: f64,
    /// Largest memory of the program; `None` if the system does not report it.
    pub peak_memory_bytes: Option<u64>,
}

/// A benchmark, as `bench --format json` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// Version of rescuesim.
    pub version: String,
    /// SHA-256 of the resolved scenario without its `run` table.
    pub scenario_digest: String,
    /// Title of the scenario.
    pub title: String,
    /// Command that repeats the measurement.
    pub command: String,
    /// Replicates per thread in every timed repeat.
    pub replicates: u64,
    /// Trials per replicate, one under each truth.
    pub trials_per_replicate: u64,
    /// Analyses per trial.
    pub analyses: u64,
    /// Speed by number of threads.
    pub throughput: Vec<Throughput>,
    /// Times of the phases on one thread.
    pub phases: Vec<PhaseTime>,
    /// Milliseconds from opening the scenario to the end of its first replicate.
    pub milliseconds_to_first_trial: f64,
    /// Largest memory of the program; `None` if the system does not report it.
    pub peak_memory_bytes: Option<u64>,
}

impl Benchmark {
    /// Combines measurements with the scenario that they are of; `command` repeats them.
    pub fn new(scenario: &Scenario, command: String, measured: Measurements) -> Self {
        let Measurements {
            replicates,
            throughput,
            phases,
            seconds_to_first_trial,
            peak_memory_bytes,
        } = measured;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario_digest: scenario.digest(),
            title: scenario.file().title.clone(),
            command,
            replicates,
            trials_per_replicate: scenario.truths().len() as u64,
            analyses: scenario.analyses.len() as u64,
            throughput,
            phases,
            milliseconds_to_first_trial: 1e3 * seconds_to_first_trial,
            peak_memory_bytes,
        }
    }

    /// Returns the speed with this number of threads.
    pub fn on(&self, threads: usize) -> Option<&Throughput> {
        self.throughput.iter().find(|of| of.threads == threads)
    }

    /// Returns the time of a phase, given its name.
    pub fn phase(&self, name: &str) -> Option<&PhaseTime> {
        self.phases.iter().find(|of| of.phase == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_have_a_median_and_a_range() {
        assert_eq!(
            RepeatTimes::of(&[3.0, 1.0, 2.0]),
            RepeatTimes { median: 2.0, min: 1.0, max: 3.0 }
        );
        assert_eq!(
            RepeatTimes::of(&[4.0, 1.0, 2.0, 3.0]),
            RepeatTimes { median: 2.5, min: 1.0, max: 4.0 }
        );
    }

    #[test]
    fn speed_is_relative_to_one_thread_and_phases_add_up() {
        let spread = |median| RepeatTimes { median, min: 0.9 * median, max: 2.0 * median };
        let two = Throughput::new(2, 500.0, &spread(0.5), 0.45);
        assert_eq!(
            two.trials_per_second,
            RepeatTimes { median: 2000.0, min: 1000.0, max: 1000.0 / 0.45 }
        );
        assert_eq!(two.microseconds_per_trial.median, 500.0);
        assert!((two.efficiency - 0.9).abs() < 1e-12);

        let mut seconds = vec![vec![0.0]; Phase::ALL.len()];
        (seconds[0], seconds[6]) = (vec![1.0], vec![3.0]);
        let phases = PhaseTime::all(&seconds, 1e6, 2.0);
        let shown: Vec<_> = phases
            .iter()
            .map(|of| (of.phase.as_str(), of.microseconds_per_trial.median, of.share))
            .collect();
        assert_eq!(shown, [("accrual", 0.5, 0.25), ("analysis", 1.5, 0.75)]);
    }
}
