//! `rescuesim merge`: the shards of a `run` or a `sweep` become its result.

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::report::{Provenance, Summary};
use rescuesim::summary::OperatingCharacteristics;
use rescuesim::summary::checkpoint::{self, Checkpoint, MergeProblem, MergedJob, NamedCheckpoint};

use super::input;
use super::output::{self, Detail, print_summary};
use super::pictures::FigureArgs;
use super::result_files::ResultFiles;
use super::sweep::MergedFiles;
use super::{Failure, Format, sweep};

/// Problems printed at most.
// The rest are of the same kinds, and there may be a million shards.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The files of all shards, in any order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Format of the output; JSON is the content of summary.json or sweep.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    detail: Detail,
    /// Write summary.json, or the files that sweep writes, to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    figures: FigureArgs,
}

pub fn merge(args: &MergeArgs) -> Result<(), Failure> {
    let shards = args.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let whole = checkpoint::merge(shards).map_err(refused)?;
    if whole.run.task.command == "sweep" {
        if args.detail.full {
            return Err(Failure::Usage("--full: a sweep has one table; allowed for a run".into()));
        }
        let painter = args.figures.painter(&[])?;
        let directory = args.out.as_deref();
        let out = directory.map(|directory| MergedFiles { directory, painter });
        return sweep::merged(&whole, args.format, out, &args.files);
    }
    if args.figures.is_given() {
        return Err(Failure::Usage(
            "--figure-formats, --dpi: a run draws no figures; allowed for a sweep".into(),
        ));
    }
    // A run has a single job, where a sweep has one for each point.
    let MergedJob { scenario, tally, .. } = whole.job(0).map_err(|error| {
        Failure::Usage(format!("{}: the file {error}", args.files[0].display()))
    })?;
    let provenance = Provenance::new(&scenario, whole.run.command);
    let files = match &args.out {
        Some(directory) => Some(ResultFiles::create(directory, &[], &scenario, &args.files)?),
        None => None,
    };
    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally));
    let written = files.map_or(Ok(Vec::new()), |files| files.finish(&summary));
    // Before the error of the files, if any: the summary itself is complete.
    print_summary(args.format, args.detail, &summary, &scenario)?;
    output::report_written(&written?);
    Ok(())
}

fn read(path: &Path) -> Result<NamedCheckpoint, Failure> {
    let read = input::read_text(path)
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| Checkpoint::read(&text).map_err(|error| format!("the file {error}")));
    let name = path.display().to_string();
    match read {
        Ok(checkpoint) => Ok(NamedCheckpoint { name, checkpoint }),
        Err(why) => Err(Failure::Usage(format!("{name}: {why}"))),
    }
}

fn refused(problems: Vec<MergeProblem>) -> Failure {
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("… and {} more", problems.len() - SHOWN));
    }
    Failure::Usage(format!("the shards are not one run:\n  {}", lines.join("\n  ")))
}
