//! `rescuesim run`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use rescuesim::engine::{self, RunError};
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::Scenario;
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::output::print;
use super::result_files::{ResultFiles, RowFormat};
use super::{Failure, Format, ScenarioArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = whole_number)]
    replicates: Option<u64>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Worker threads; all cores by default. The result does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What to print: tables, or the content of summary.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write summary.json (and the files of --trials) to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// With --out, also write a row per replicate, truth and analysis.
    #[arg(long, value_enum, value_delimiter = ',', requires = "out")]
    trials: Vec<RowFormat>,
    /// Print no progress bar and, with --out, no table.
    #[arg(long, short)]
    quiet: bool,
}

/// A whole number, also as 1e6 or 100_000.
fn whole_number(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let number = plain.parse::<u64>().ok().or_else(|| {
        let number: f64 = plain.parse().ok()?;
        (number.fract() == 0.0 && (0.0..=1e15).contains(&number)).then_some(number as u64)
    });
    number
        .filter(|number| (1..=1_000_000_000_000).contains(number))
        .ok_or_else(|| "expected a whole number from 1 to 1e12, such as 20000 or 1e6".to_owned())
}

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let scenario = Scenario::load(&args.scenario.scenario, &overrides(args))?;
    let provenance = Provenance::new(&scenario, command(args, &scenario));
    let mut files = match &args.out {
        Some(directory) => {
            Some(ResultFiles::create(directory, &args.trials, &scenario, &provenance)?)
        }
        None => None,
    };
    let tally = simulate(args, &scenario, files.as_mut())?;
    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally));
    if let Some(files) = files {
        files.finish(&summary).map_err(|error| {
            Failure::Running(format!("cannot finish the files of --out: {error}"))
        })?;
    }
    match args.format {
        Format::Json => print(&summary.to_json()),
        Format::Table if args.quiet && args.out.is_some() => Ok(()),
        Format::Table => print(&table::render(&summary, scenario.warnings())),
    }
}

/// Runs all replicates under a progress bar, until done or interrupted.
fn simulate(
    args: &RunArgs,
    scenario: &Scenario,
    files: Option<&mut ResultFiles>,
) -> Result<Tally, Failure> {
    let bar = progress_bar(args, scenario);
    let cancelled = cancelled_by_signal();
    let options = engine::Options {
        replicates: 0..scenario.replicates,
        threads: args.threads.map(usize::from),
        progress: &|finished| bar.inc(finished),
        cancelled: &cancelled,
    };
    let new = || Tally::new(scenario);
    let result = match files.filter(|files| files.want_rows()) {
        Some(files) => {
            engine::run(scenario, &options, new, Some(&mut |trials| files.write(trials)))
        }
        None => engine::run(scenario, &options, new, None),
    };
    let finished = bar.position();
    bar.finish_and_clear();
    result.map_err(|error| match error {
        RunError::Cancelled => Failure::Running(format!(
            "interrupted after {finished} of {} replicates; no file was written or changed",
            scenario.replicates
        )),
        other => Failure::Running(other.to_string()),
    })
}

/// The scenario's overrides with those that have an option of their own.
fn overrides(args: &RunArgs) -> Vec<String> {
    let mut overrides = args.scenario.overrides.clone();
    overrides.extend(args.replicates.map(|n| format!("run.replicates={n}")));
    overrides.extend(args.seed.map(|seed| format!("run.seed={seed}")));
    overrides
}

/// The command that recreates the result, whatever machine and files this one used.
fn command(args: &RunArgs, scenario: &Scenario) -> String {
    let mut words = vec!["rescuesim".to_owned(), "run".to_owned()];
    words.push(args.scenario.scenario.display().to_string());
    for set in &args.scenario.overrides {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    words.extend(["--replicates".to_owned(), scenario.replicates.to_string()]);
    words.extend(["--seed".to_owned(), scenario.seed.0.to_string()]);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Trials per second and time left, on standard error; silent where that is not a terminal.
fn progress_bar(args: &RunArgs, scenario: &Scenario) -> ProgressBar {
    if args.quiet {
        return ProgressBar::hidden();
    }
    let style = "{bar:30} {human_pos} of {human_len} trials, {rate} trials/s, {eta} left";
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
    };
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    ProgressBar::new(scenario.replicates).with_style(style.with_key("rate", rate))
}

/// A flag that Ctrl-C or a termination signal sets.
fn cancelled_by_signal() -> Arc<AtomicBool> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    // Without a handler a signal ends the program; output files are only ever renamed into place.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    cancelled
}
