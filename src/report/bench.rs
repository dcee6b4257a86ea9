//! `rescuesim bench`: how fast a scenario is simulated.

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::table::grouped;
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
    /// From the seconds that so many trials take, and those that they take on one thread.
    pub fn new(threads: usize, trials: f64, seconds: &Spread, alone: f64) -> Self {
        Self {
            threads,
            trials_per_second: seconds.map(|seconds| trials / seconds),
            microseconds_per_trial: seconds.map(|seconds| 1e6 * seconds / trials),
            efficiency: alone / seconds.median / threads as f64,
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
    /// Replicates in every timed repeat.
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

    fn on(&self, threads: usize) -> Option<&Throughput> {
        self.throughput.iter().find(|of| of.threads == threads)
    }

    fn phase(&self, name: &str) -> Option<&PhaseTime> {
        self.phases.iter().find(|of| of.phase == name)
    }
}

/// Tables; with an earlier benchmark of the same scenario, how the times compare.
pub fn document(found: &Benchmark, earlier: Option<&Benchmark>) -> Document {
    let Benchmark { replicates, trials_per_replicate: trials, analyses, .. } = *found;
    let mut out = Document::new().title(&found.title).gap();
    out = out.text(format!(
        "{} replicates in every timed repeat, each of {trials} trials (one under each truth) with {analyses} {}. Medians, with the fastest and slowest repeat.",
        grouped(replicates),
        if analyses == 1 { "analysis" } else { "analyses" },
    ));
    out = out.gap().table(
        &with_change(&["threads", "trials/s", "µs per trial", "from", "to", "efficiency"], earlier),
        {
            let row = |of: &Throughput| {
                let Throughput { threads, trials_per_second, microseconds_per_trial, efficiency } =
                    of;
                let mut row = vec![
                    threads.to_string(),
                    grouped(trials_per_second.median as u64),
                    format!("{:.2}", microseconds_per_trial.median),
                    format!("{:.2}", microseconds_per_trial.min),
                    format!("{:.2}", microseconds_per_trial.max),
                    format!("{:.0} %", 100.0 * efficiency),
                ];
                let before = earlier.map(|earlier| earlier.on(*threads));
                row.extend(before.map(|before| {
                    change(microseconds_per_trial, before.map(|of| &of.microseconds_per_trial))
                }));
                row
            };
            found.throughput.iter().map(row).collect()
        },
    );
    out = out.heading("Where one thread spends it").table(
        &with_change(&["phase", "µs per trial", "from", "to", "share"], earlier),
        {
            let row = |of: &PhaseTime| {
                let PhaseTime { phase, microseconds_per_trial, share } = of;
                let mut row = vec![
                    phase.clone(),
                    format!("{:.2}", microseconds_per_trial.median),
                    format!("{:.2}", microseconds_per_trial.min),
                    format!("{:.2}", microseconds_per_trial.max),
                    format!("{:.0} %", 100.0 * share),
                ];
                let before = earlier.map(|earlier| earlier.phase(phase));
                row.extend(before.map(|before| {
                    change(microseconds_per_trial, before.map(|of| &of.microseconds_per_trial))
                }));
                row
            };
            found.phases.iter().map(row).collect()
        },
    );
    out = out.text("Phases are timed apart and scaled to the time of one thread, as reading the clock takes time, too.");
    if earlier.is_some() {
        out = out.text("Change: time now over time then; in brackets where the repeats overlap.");
    }
    out = out.gap().text(format!(
        "First replicate {:.1} ms after opening the scenario.{}",
        found.milliseconds_to_first_trial,
        found.peak_memory_bytes.map_or(String::new(), |bytes| {
            format!(" Peak memory {:.1} MB.", bytes as f64 / 1e6)
        })
    ));
    out.gap().verbatim(format!("Measure again: {}", found.command))
}

fn with_change<'a>(header: &[&'a str], earlier: Option<&Benchmark>) -> Vec<&'a str> {
    header.iter().copied().chain(earlier.map(|_| "change")).collect()
}

/// Time now over time then; in brackets where that may be chance.
fn change(now: &Spread, then: Option<&Spread>) -> String {
    let Some(then) = then else { return "–".to_owned() };
    let ratio = format!("×{:.3}", now.median / then.median);
    if now.min > then.max || then.min > now.max { ratio } else { format!("({ratio})") }
}

/// As JSON, ending in a newline, with the earlier benchmark where there is one.
pub fn to_json(found: &Benchmark, earlier: Option<&Benchmark>) -> String {
    let mut json = serde_json::to_value(found).expect("a benchmark is plain data");
    if let Some(earlier) = earlier {
        json["earlier"] = serde_json::to_value(earlier).expect("a benchmark is plain data");
    }
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
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
        let two = Throughput::new(2, 1000.0, &spread(0.5), 0.9);
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

    #[test]
    fn a_change_that_may_be_chance_is_in_brackets() {
        let now = Spread { median: 2.0, min: 1.9, max: 2.2 };
        let then = |min: f64, max: f64| Spread { median: 2.5, min, max };
        assert_eq!(change(&now, Some(&then(2.3, 2.9))), "×0.800");
        assert_eq!(change(&now, Some(&then(2.1, 2.9))), "(×0.800)");
        assert_eq!(change(&now, None), "–");
    }
}
