//! `rescuesim merge`.

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::report::{Provenance, Summary};
use rescuesim::scenario::Scenario;
use rescuesim::summary::OperatingCharacteristics;
use rescuesim::summary::checkpoint::{self, Checkpoint, MergeProblem, NamedCheckpoint};

use super::input;
use super::output::print_summary;
use super::result_files::ResultFiles;
use super::{Failure, Format};

/// Problems printed at most.
// The rest are of the same kinds, and there may be a million shards.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The files of all shards, in any order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Format of the output; JSON is the content of summary.json.
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
        // That of the first file: `merge` below refuses files of other scenarios.
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
    print_summary(args.format, &summary, &scenario)?;
    written
}

fn read(path: &Path) -> Result<(Checkpoint, Scenario), Failure> {
    let read = input::read_text(path)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| Checkpoint::read(&text).map_err(|error| format!("the file {error}")));
    read.map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))
}

fn refused(problems: Vec<MergeProblem>) -> Failure {
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("… and {} more", problems.len() - SHOWN));
    }
    Failure::Usage(format!("the shards are not one run:\n  {}", lines.join("\n  ")))
}
