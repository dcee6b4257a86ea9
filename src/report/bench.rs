//! `rescuesim bench`: the speed of a simulation.

use super::document::Document;
use super::numeral::grouped;
use crate::explore::benchmark::{Benchmark, PhaseTime, RepeatTimes, Throughput};

/// Renders the benchmark as tables, with a comparison if there is an earlier one of the same scenario.
pub fn document(found: &Benchmark, earlier: Option<&Benchmark>) -> Document {
    let Benchmark { replicates, trials_per_replicate: trials, analyses, .. } = *found;
    let mut out = Document::new().title(&found.title).gap();
    out = out.text(format!(
        "{} replicates for each thread in every timed repeat, each of {trials} trials (one under each truth) with {analyses} {}. Medians, with the fastest and slowest repeat.",
        grouped(replicates),
        if analyses == 1 { "analysis" } else { "analyses" },
    ));
    let threads = found.throughput.iter().map(|of| {
        let Throughput { threads, trials_per_second, microseconds_per_trial, efficiency } = of;
        let before = earlier.and_then(|earlier| earlier.on(*threads));
        let before = before.map(|of| &of.microseconds_per_trial);
        let name = vec![threads.to_string(), grouped(trials_per_second.median as u64)];
        row(name, microseconds_per_trial, *efficiency, earlier.map(|_| before))
    });
    let header = ["threads", "trials/s", "µs per trial", "from", "to", "efficiency"];
    out = out.gap().table(&with_change(&header, earlier), threads.collect());
    let phases = found.phases.iter().map(|of| {
        let PhaseTime { phase, microseconds_per_trial, share } = of;
        let before = earlier.and_then(|earlier| earlier.phase(phase));
        let before = before.map(|of| &of.microseconds_per_trial);
        row(vec![phase.clone()], microseconds_per_trial, *share, earlier.map(|_| before))
    });
    let header = ["phase", "µs per trial", "from", "to", "share"];
    out = out.heading("Where one thread spends it");
    out = out.table(&with_change(&header, earlier), phases.collect());
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

/// Writes a name, times, a share in per cent and, given an earlier benchmark, the change from it. The
/// inner `None` is a row that the earlier benchmark does not have.
fn row(
    mut name: Vec<String>,
    time: &RepeatTimes,
    share: f64,
    before: Option<Option<&RepeatTimes>>,
) -> Vec<String> {
    name.extend([time.median, time.min, time.max].map(|time| format!("{time:.2}")));
    name.push(format!("{:.0} %", 100.0 * share));
    name.extend(before.map(|before| change(time, before)));
    name
}

fn with_change<'a>(header: &[&'a str], earlier: Option<&Benchmark>) -> Vec<&'a str> {
    header.iter().copied().chain(earlier.map(|_| "change")).collect()
}

/// Writes the time now over the time then, in brackets if the difference may be chance.
fn change(now: &RepeatTimes, then: Option<&RepeatTimes>) -> String {
    let Some(then) = then else { return "–".to_owned() };
    let ratio = format!("×{:.3}", now.median / then.median);
    // Where the ranges of the repeats overlap, noise alone may explain the difference.
    if now.min > then.max || then.min > now.max { ratio } else { format!("({ratio})") }
}

/// Renders the benchmark as JSON, ending in a newline, with the earlier one if any.
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

    fn then(min: f64, max: f64) -> RepeatTimes {
        RepeatTimes { median: 2.5, min, max }
    }

    #[test]
    fn a_change_that_may_be_chance_is_in_brackets() {
        let now = RepeatTimes { median: 2.0, min: 1.9, max: 2.2 };
        assert_eq!(change(&now, Some(&then(2.3, 2.9))), "×0.800");
        assert_eq!(change(&now, Some(&then(2.1, 2.9))), "(×0.800)");
        assert_eq!(change(&now, None), "–");
    }
}
