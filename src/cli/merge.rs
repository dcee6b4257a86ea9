//! `rescuesim merge`.

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::expected;
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::Scenario;
use rescuesim::summary::OperatingCharacteristics;
use rescuesim::summary::checkpoint::{self, Checkpoint, MergeProblem, NamedCheckpoint};

use super::input;
use super::output::print_as;
use super::result_files::ResultFiles;
use super::{Failure, Format};

/// Problems shown; the rest are of the same kinds.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The files of all shards, in any order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to print; JSON is the content of summary.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write summary.json to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn merge(args: &MergeArgs) -> Result<(), Failure> {
    let mut scenario = None;
    let mut shards = Vec::new();
    for path in &args.files {
        let (checkpoint, its_scenario) = read(path)?;
        scenario.get_or_insert(its_scenario);
        shards.push(NamedCheckpoint { name: path.display().to_string(), checkpoint });
    }
    let whole = checkpoint::merge(shards).map_err(refused)?;
    let scenario: Scenario = scenario.expect("there is a file");
    let provenance = Provenance::new(&scenario, whole.run.command);
    let files = match &args.out {
        Some(directory) => Some(ResultFiles::create(directory, &[], &scenario, &args.files)?),
        None => None,
    };
    let result = OperatingCharacteristics::new(&scenario, &whole.tally);
    let summary = Summary::new(provenance, result);
    let written = files.map_or(Ok(()), |files| files.finish(&summary));
    let document = || {
        let boundaries = scenario.design.description();
        table::document(&summary, &boundaries, &expected::warnings(&scenario))
    };
    print_as(args.format, document, || summary.to_json())?;
    written
}

fn read(path: &Path) -> Result<(Checkpoint, Scenario), Failure> {
    let refused = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
    let text = input::read_text(path);
    let text = text.map_err(|error| refused(format!("cannot be read: {error}")))?;
    Checkpoint::read(&text).map_err(|error| refused(format!("the file {error}")))
}

fn refused(problems: Vec<MergeProblem>) -> Failure {
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("… and {} more", problems.len() - SHOWN));
    }
    Failure::Usage(format!("the shards are not one run:\n  {}", lines.join("\n  ")))
}
