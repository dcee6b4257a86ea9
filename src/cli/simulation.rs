//! What every simulating command shares: how much to simulate, progress, interruption.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use rescuesim::engine::{self, Accumulator, RowSink, RunError};
use rescuesim::scenario::Scenario;

use super::Failure;

/// How much to simulate, and with how much noise.
#[derive(Debug, Args)]
pub struct SimulationArgs {
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = whole_number)]
    replicates: Option<u64>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Worker threads; all cores by default. The result does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print no progress bar and, with --out, no table.
    #[arg(long, short)]
    pub quiet: bool,
}

/// A whole number, also as 1e6 or 100_000.
pub fn whole_number(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let number = plain.parse::<u64>().ok().or_else(|| {
        let number: f64 = plain.parse().ok()?;
        (number.fract() == 0.0 && (0.0..=1e15).contains(&number)).then_some(number as u64)
    });
    number
        .filter(|number| (1..=1_000_000_000_000).contains(number))
        .ok_or_else(|| "expected a whole number from 1 to 1e12, such as 20000 or 1e6".to_owned())
}

impl SimulationArgs {
    /// The overrides that the options stand for.
    pub fn overrides(&self) -> Vec<String> {
        let replicates = self.replicates.map(|n| format!("run.replicates={n}"));
        let seed = self.seed.map(|seed| format!("run.seed={seed}"));
        replicates.into_iter().chain(seed).collect()
    }

    /// Runs all replicates of scenarios side by side under a progress bar, until done or
    /// interrupted. The first scenario says how many.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when `rows` fails.
    pub fn simulate<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A,
        rows: Option<RowSink<'_>>,
    ) -> Result<A, Failure> {
        let replicates = scenarios[0].replicates;
        let bar = self.progress_bar(replicates);
        let cancelled = cancelled_by_signal();
        let options = engine::Options {
            replicates: 0..replicates,
            threads: self.threads.map(usize::from),
            progress: &|finished| bar.inc(finished),
            cancelled: &cancelled,
        };
        let result = engine::run_together(scenarios, &options, new, rows);
        let finished = bar.position();
        bar.finish_and_clear();
        result.map_err(|error| match error {
            RunError::Cancelled => Failure::Running(format!(
                "interrupted after {finished} of {replicates} replicates; no file was written or changed"
            )),
            other => Failure::Running(other.to_string()),
        })
    }

    /// Trials per second and time left, on standard error; silent where that is not a terminal.
    fn progress_bar(&self, replicates: u64) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style = "{bar:30} {human_pos} of {human_len} trials, {rate} trials/s, {eta} left";
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
        };
        let style = ProgressStyle::with_template(style).expect("the template is valid");
        ProgressBar::new(replicates).with_style(style.with_key("rate", rate))
    }
}

/// A flag that Ctrl-C or a termination signal sets.
pub fn cancelled_by_signal() -> Arc<AtomicBool> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    // Without a handler a signal ends the program; output files are only ever renamed into place.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    cancelled
}

/// The command that recreates a result of scenarios, whatever machine and files this one used.
/// `amounts` are the options that say how much was simulated.
pub fn command_line(
    name: &str,
    paths: &[&std::path::Path],
    overrides: &[String],
    amounts: &[(&str, u64)],
) -> String {
    let mut words = vec!["rescuesim".to_owned(), name.to_owned()];
    words.extend(paths.iter().map(|path| path.display().to_string()));
    for set in overrides {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    for (option, amount) in amounts {
        words.extend([format!("--{option}"), amount.to_string()]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Replicates and seed of a scenario, as options.
pub fn amounts(scenario: &Scenario) -> [(&'static str, u64); 2] {
    [("replicates", scenario.replicates), ("seed", scenario.seed.0)]
}

/// A word as a POSIX shell needs it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
