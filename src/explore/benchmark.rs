//! How fast a scenario is simulated, from times that someone else has taken.

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::trial::Phase;

/// Timed repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// In the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of at least one repeat.
    pub fn of(repeats: &[f64]) -> Self {
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
        let [a, b] = [by(self.min), by(self.max)];
        Self { median: by(self.median), min: a.min(b), max: a.max(b) }
    }
}

/// How fast so many threads are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Worker threads.
    pub threads: usize,
    /// Simulated trials, each under one truth, with all analyses.
    pub trials_per_second: Spread,
    /// Wall-clock microseconds for each of them.
    pub microseconds_per_trial: Spread,
    /// Speed per thread, as a share of that of one thread alone.
    pub efficiency: f64,
}

impl Throughput {
    /// From the seconds that so many trials for each thread take, and those that they take on one
    /// thread alone.
    pub fn new(threads: usize, trials: f64, seconds: &Spread, alone: f64) -> Self {
        let trials = trials * threads as f64;
        Self {
            threads,
            trials_per_second: seconds.map(|seconds| trials / seconds),
            microseconds_per_trial: seconds.map(|seconds| 1e6 * seconds / trials),
            efficiency: alone / seconds.median,
        }
    }
}

/// What a part of the work takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// By its name.
    pub phase: String,
    /// Microseconds for each trial on one thread.
    pub microseconds_per_trial: Spread,
    /// Of all phases together.
    pub share: f64,
}

impl PhaseTime {
    /// Phases that take any time, from the seconds of every repeat of each, scaled so that they add up
    /// to those that all take together without being timed one by one.
    pub fn all(seconds: &[Vec<f64>], trials: f64, together: f64) -> Vec<Self> {
        let spreads: Vec<Spread> = seconds.iter().map(|seconds| Spread::of(seconds)).collect();
        let sum: f64 = spreads.iter().map(|spread| spread.median).sum();
        let phases = Phase::ALL.iter().zip(spreads).filter(|(_, spread)| spread.median > 0.0);
        let time = |(phase, spread): (&Phase, Spread)| Self {
            phase: phase.name().to_owned(),
            microseconds_per_trial: spread.map(|seconds| 1e6 * seconds / sum * together / trials),
            share: spread.median / sum,
        };
        phases.map(time).collect()
    }
}

/// The content of what `bench --format json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// Version of rescuesim.
    pub version: String,
    /// SHA-256 of the resolved scenario without its `run` table.
    pub scenario_digest: String,
    /// Its title.
    pub title: String,
    /// The command that measures again.
    pub command: String,
    /// Replicates for each thread in every timed repeat.
    pub replicates: u64,
    /// Trials of each replicate, one under each truth.
    pub trials_per_replicate: u64,
    /// Analyses of each trial.
    pub analyses: u64,
    /// By number of threads.
    pub throughput: Vec<Throughput>,
    /// On one thread.
    pub phases: Vec<PhaseTime>,
    /// From opening the scenario to the end of its first replicate.
    pub milliseconds_to_first_trial: f64,
    /// The most memory the program has had, where the system says.
    pub peak_memory_bytes: Option<u64>,
}

impl Benchmark {
    /// Of a scenario that `command` measures: replicates of each repeat with their times, seconds to the
    /// first trial, bytes of memory.
    pub fn new(
        scenario: &Scenario,
        command: String,
        (replicates, (throughput, phases)): (u64, (Vec<Throughput>, Vec<PhaseTime>)),
        seconds_to_first_trial: f64,
        peak_memory_bytes: Option<u64>,
    ) -> Self {
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

    /// With so many threads.
    pub fn on(&self, threads: usize) -> Option<&Throughput> {
        self.throughput.iter().find(|of| of.threads == threads)
    }

    /// By the name of the phase.
    pub fn phase(&self, name: &str) -> Option<&PhaseTime> {
        self.phases.iter().find(|of| of.phase == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_repeats() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
    }

    #[test]
    fn speed_is_relative_to_one_thread_and_phases_add_up() {
        let spread = |median| Spread { median, min: 0.9 * median, max: 2.0 * median };
        let two = Throughput::new(2, 500.0, &spread(0.5), 0.45);
        assert_eq!(
            two.trials_per_second,
            Spread { median: 2000.0, min: 1000.0, max: 1000.0 / 0.45 }
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
