//! `rescuesim compare`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::expected;
use rescuesim::explore::compare::{ComparisonTally, PairedComparison};
use rescuesim::report::command_line::CommandLine;
use rescuesim::report::comparison::{self, Comparison};
use rescuesim::report::{Provenance, quantity_rows};
use rescuesim::scenario::{InputDocument, Scenario};
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::{CheckpointArgs, CheckpointFile};
use super::output::OutputFile;
use super::signals::handle_signals;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, delay, output};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Two or more scenarios; differences are from the first, which also gives seed and replicates.
    #[arg(required = true, num_args = 2..)]
    scenarios: Vec<PathBuf>,
    /// Replace a value in all of them, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write compare.json and compare.csv to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let own = [args.overrides.clone(), args.simulation.overrides()].concat();
    let quiet = args.simulation.quiet;
    let document = InputDocument::read(&args.scenarios[0])?;
    let first = delay::announced(quiet, || document.scenario(&own))?;
    // Known only now: resolving a scenario reads its evidence.
    let mut inputs = document.paths();
    let replicates = first.replicates;
    // The other scenarios on the same random numbers, whatever their files say.
    let same = vec![format!("run.replicates={replicates}"), format!("run.seed={}", first.seed.0)];
    let same = [own, same].concat();
    let mut scenarios = vec![first];
    for path in &args.scenarios[1..] {
        let document = InputDocument::read(path)?;
        scenarios.push(delay::announced(quiet, || document.scenario(&same))?);
        inputs.extend(document.paths());
    }
    let comparison =
        PairedComparison::new(&scenarios).map_err(|e| Failure::Usage(e.to_string()))?;
    args.check_precision(&comparison)?;
    let files = match &args.out {
        Some(directory) => Some(ComparisonFiles::create(directory, &inputs)?),
        None => None,
    };
    let file = args.checkpoint.open(args.run_id(&scenarios), args.simulation.threads())?;
    let mut session = args.simulation.session(replicates).in_file(file);
    // No quantity that is compared is an estimate of the effect.
    session.estimates = AdjustedEstimates::Skipped;
    let Simulated { tally, next, reached } = session.fold_until_precise(
        &scenarios,
        Job::of(0..replicates),
        || comparison.tally(),
        ComparisonTally::error_to_stop_by,
    )?;
    let in_file = session.end().map_or(Ok(()), CheckpointFile::finish);
    let quantities = tally.quantities();
    // With a precision the number of replicates is known only now.
    let scenarios: Vec<Scenario> =
        scenarios.into_iter().map(|scenario| scenario.with_replicates(next)).collect();
    let command = args.command().amounts(&scenarios[0]).to_string();
    let provenance: Vec<Provenance> = scenarios
        .iter()
        .map(|of| Provenance::new(of, command.clone()).with_precision(reached.clone()))
        .collect();
    // Here, as the report does not read scenarios.
    let warnings: Vec<Vec<String>> = scenarios.iter().map(expected::warnings).collect();
    let compared = Comparison {
        names: &names(&args.scenarios),
        provenance: &provenance,
        warnings: &warnings,
        quantities: &quantities,
    };
    let written = files.map_or(Ok(Vec::new()), |files| files.finish(&compared));
    // --quiet leaves the files of --out alone; without them it would leave nothing at all.
    let is_printed = args.format != Format::Table || !args.simulation.quiet || args.out.is_none();
    // Before the error of the files, if any: the result itself is complete.
    if is_printed || written.is_err() {
        output::print_as(
            args.format,
            || comparison::document(&compared, args.columns()),
            || comparison::to_json(&compared),
        )?;
    }
    let written = written?;
    if !args.simulation.quiet {
        output::report_written(&written);
    }
    in_file
}

/// Names scenarios for the heads of columns: the name of the file, with as many of its folders as are
/// needed for files of one name to differ, or with a number if a file is given twice.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let most = paths.iter().map(|path| path.components().count()).max().unwrap_or(1);
    let with_folders = |folders: usize| -> Vec<String> {
        paths.iter().map(|path| with_last_folders(path, folders)).collect()
    };
    // `a/trial.toml` and `b/trial.toml` differ in their folders only.
    let names = (0..most).map(with_folders).find(|names| !has_repeats(names));
    let names = names.unwrap_or_else(|| with_folders(0));
    if !has_repeats(&names) {
        return names;
    }
    (1..).zip(names).map(|(number, name)| format!("{number} {name}")).collect()
}

/// Writes a path without its extension, with the given number of the folders that the file is in.
fn with_last_folders(path: &Path, folders: usize) -> String {
    let named = path.with_extension("");
    let parts: Vec<_> = named.components().collect();
    let last: PathBuf = parts[parts.len().saturating_sub(folders + 1)..].iter().collect();
    last.display().to_string()
}

fn has_repeats(names: &[String]) -> bool {
    names.iter().collect::<BTreeSet<_>>().len() < names.len()
}

/// The files of `--out`, opened before anything is simulated.
struct ComparisonFiles {
    json: OutputFile,
    csv: OutputFile,
}

impl ComparisonFiles {
    /// Opens the files in `directory`, which is made if missing.
    fn create(directory: &Path, inputs: &[PathBuf]) -> Result<Self, Failure> {
        // Before files are created: an interrupted comparison removes them.
        handle_signals();
        let files = Self::open(directory).map_err(|error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        })?;
        output::keep_inputs([&files.json, &files.csv], inputs)?;
        Ok(files)
    }

    fn open(directory: &Path) -> io::Result<Self> {
        let json = OutputFile::create(directory, "compare.json")?;
        let csv = json.sibling("compare.csv")?;
        Ok(Self { json, csv })
    }

    /// Completes the files, puts them in their places and returns these.
    fn finish(self, compared: &Comparison<'_>) -> Result<Vec<PathBuf>, Failure> {
        let json = comparison::to_json(compared);
        // From the JSON, so that the two files cannot differ in a number.
        let csv = quantity_rows::csv_of_json(&json);
        let places = [&self.json, &self.csv].map(|file| file.destination().to_owned()).to_vec();
        let written = self.json.filled(json.as_bytes()).and_then(|json| {
            // Only now, so that a full disk leaves the files of an earlier comparison together.
            output::put_in_place(vec![json, self.csv.filled(csv.as_bytes())?])
        });
        written
            .map(|()| places)
            .map_err(|error| Failure::Running(format!("cannot finish the files of --out: {error}")))
    }
}

impl CompareArgs {
    /// The width for which tables are laid out.
    fn columns(&self) -> usize {
        match self.format {
            Format::Table => output::columns(),
            // Markdown has no width.
            Format::Markdown | Format::Json | Format::Csv => usize::MAX,
        }
    }

    /// The command without replicates and seed.
    fn command(&self) -> CommandLine {
        let files = self.scenarios.iter();
        let command = files.fold(CommandLine::new("compare"), |line, path| line.path(path));
        command.overrides(&self.overrides)
    }

    fn run_id(&self, scenarios: &[Scenario]) -> RunId {
        let stated = self.simulation.precision().is_none().then_some(scenarios[0].replicates);
        let task =
            // No options: what --set changes is in the digests of the scenarios.
            Task { command: "compare".to_owned(), options: Vec::new(), jobs: 1, can_grow: true };
        let command = self.simulation.recreate(self.command(), &scenarios[0]);
        RunId::new(&scenarios.iter().collect::<Vec<_>>(), stated, task, command.to_string())
    }

    /// Refuses a precision of a quantity that is not compared.
    fn check_precision(&self, comparison: &PairedComparison<'_>) -> Result<(), Failure> {
        match self.simulation.precision() {
            Some((_, quantity)) if !comparison.has(quantity) => Err(Failure::Usage(format!(
                "--precision-of {quantity}: it is not compared; allowed: power, type-i-error, expected-n, duration"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}
