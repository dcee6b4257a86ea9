//! `rescuesim run`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rescuesim::engine::{self, RunError};
#[cfg(feature = "parquet")]
use rescuesim::report::parquet::ParquetRows;
use rescuesim::report::rows::{CsvRows, RowContext};
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::Scenario;
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::TrialResult;

use super::output::{OutputFile, print};
use super::{Failure, ScenarioArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = whole_number)]
    replicates: Option<u64>,
    /// Seed; the same as --set run.seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Worker threads; all cores by default. The result does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What to print.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people.
    Table,
    /// The content of summary.json.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// trials.csv
    Csv,
    /// trials.parquet
    Parquet,
}

/// A whole number, also as 1e6 or 100_000.
fn whole_number(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let number = plain.parse::<u64>().ok().or_else(|| {
        let number: f64 = plain.parse().ok()?;
        (number.fract() == 0.0 && (0.0..=1e15).contains(&number)).then_some(number as u64)
    });
    number.ok_or_else(|| "expected a whole number, such as 20000 or 1e6".to_owned())
}

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let scenario = Scenario::load(&args.scenario.scenario, &overrides(args))?;
    let provenance = Provenance::new(&scenario, command(args, &scenario));
    let files = Files::create(args, &scenario, &provenance)?;

    let bar = progress_bar(args, &scenario);
    let cancelled = cancelled_by_signal();
    let options = engine::Options {
        replicates: 0..scenario.replicates,
        threads: args.threads.map(usize::from),
        progress: &|finished| bar.inc(finished),
        cancelled: &cancelled,
    };
    let Files { summary: summary_file, mut rows } = files;
    let mut sink = |trials: &[TrialResult]| rows.iter_mut().try_for_each(|rows| rows.write(trials));
    let wants_rows = !args.trials.is_empty();
    let result =
        engine::run(&scenario, &options, || Tally::new(&scenario), wants_rows.then_some(&mut sink));
    let finished = bar.position();
    bar.finish_and_clear();
    let tally = result.map_err(|error| match error {
        RunError::Cancelled => Failure::Running(format!(
            "interrupted after {finished} of {} replicates; no file was written or changed",
            scenario.replicates
        )),
        other => Failure::Running(other.to_string()),
    })?;

    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally));
    let failed = |error: io::Error| Failure::Running(format!("cannot finish the output: {error}"));
    for rows in rows {
        rows.finish().map_err(failed)?;
    }
    if let Some(file) = summary_file {
        file.writer()
            .and_then(|mut writer| {
                writer.write_all(summary.to_json().as_bytes())?;
                writer.flush()
            })
            .and_then(|()| file.finish())
            .map_err(failed)?;
    }
    match args.format {
        Format::Json => print(&summary.to_json()),
        Format::Table if args.quiet && args.out.is_some() => Ok(()),
        Format::Table => print(&table::render(&summary, scenario.warnings())),
    }
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
    let style = "{bar:40} {human_pos} of {human_len} replicates, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    ProgressBar::new(scenario.replicates).with_style(style)
}

/// A flag that Ctrl-C or a termination signal sets.
fn cancelled_by_signal() -> Arc<AtomicBool> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    // Without a handler a signal ends the program; output files are only ever renamed into place.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    cancelled
}

/// Output files, all opened before anything is simulated.
struct Files {
    summary: Option<OutputFile>,
    rows: Vec<Rows>,
}

/// A file of rows under construction.
struct Rows {
    file: OutputFile,
    writer: RowWriter,
}

enum RowWriter {
    Csv(Box<CsvRows<BufWriter<File>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows<BufWriter<File>>>),
}

impl Files {
    fn create(
        args: &RunArgs,
        scenario: &Scenario,
        provenance: &Provenance,
    ) -> Result<Self, Failure> {
        let Some(directory) = &args.out else {
            return Ok(Self { summary: None, rows: Vec::new() });
        };
        let unwritable = |error: io::Error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        };
        let create = |name: &str| OutputFile::create(directory, name).map_err(unwritable);
        let context = RowContext::new(scenario);
        let mut rows = Vec::new();
        for format in [RowFormat::Csv, RowFormat::Parquet] {
            if !args.trials.contains(&format) {
                continue;
            }
            match format {
                RowFormat::Csv => {
                    let file = create("trials.csv")?;
                    let writer = file.writer().map_err(unwritable)?;
                    let csv = CsvRows::new(writer, context.clone()).map_err(unwritable)?;
                    rows.push(Rows { file, writer: RowWriter::Csv(Box::new(csv)) });
                }
                RowFormat::Parquet => rows.push(parquet_rows(&create, &context, provenance)?),
            }
        }
        Ok(Self { summary: Some(create("summary.json")?), rows })
    }
}

#[cfg(feature = "parquet")]
fn parquet_rows(
    create: &dyn Fn(&str) -> Result<OutputFile, Failure>,
    context: &RowContext,
    provenance: &Provenance,
) -> Result<Rows, Failure> {
    let file = create("trials.parquet")?;
    let rows = file
        .writer()
        .and_then(|writer| ParquetRows::new(writer, context.clone(), provenance))
        .map_err(|error| Failure::Usage(format!("cannot write trials.parquet: {error}")))?;
    Ok(Rows { file, writer: RowWriter::Parquet(Box::new(rows)) })
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows(
    _: &dyn Fn(&str) -> Result<OutputFile, Failure>,
    _: &RowContext,
    _: &Provenance,
) -> Result<Rows, Failure> {
    Err(Failure::Usage("this rescuesim was built without Parquet; allowed: --trials csv".into()))
}

impl Rows {
    fn write(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        match &mut self.writer {
            RowWriter::Csv(rows) => rows.write(trials),
            #[cfg(feature = "parquet")]
            RowWriter::Parquet(rows) => rows.write(trials),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self.writer {
            RowWriter::Csv(rows) => rows.finish()?.flush()?,
            #[cfg(feature = "parquet")]
            RowWriter::Parquet(rows) => rows.finish()?,
        }
        self.file.finish()
    }
}
