//! `rescuesim run`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::engine::{self, Job, RowSink};
use rescuesim::report::command_line::CommandLine;
use rescuesim::report::{Provenance, Summary};
use rescuesim::scenario::{InputDocument, Scenario};
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::checkpoint::{CheckpointArgs, ShardArgs};
use super::output::{self, Detail, print_summary};
use super::result_files::{ResultFiles, RowFormat};
use super::signals::handle_signals;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, ScenarioArgs, delay};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    #[command(flatten)]
    shard: ShardArgs,
    /// Also report variance-reduced power and type I error (control variates); --precision is then that
    /// of these. The same as --set run.variance_reduction=true.
    #[arg(long)]
    variance_reduction: bool,
    /// Format of the output; JSON is the content of summary.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    detail: Detail,
    /// Write summary.json (and the files of --trials) to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// With --out, also write a row per replicate, truth and analysis.
    // A checkpoint has no rows to resume with.
    #[arg(long, value_enum, value_delimiter = ',', requires = "out", conflicts_with_all = ["checkpoint", "resume", "checkpoint_every", "shard"])]
    trials: Vec<RowFormat>,
}

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let RunArgs { simulation, checkpoint, shard, .. } = args;
    let set = [args.overrides(), simulation.overrides()].concat();
    let document = InputDocument::read(&args.scenario.scenario)?;
    let scenario = delay::announced(simulation.quiet, || document.scenario(&set))?;
    simulation.check(&scenario)?;
    shard.check(scenario.replicates)?;

    // Files are opened before anything is simulated, so that a place that cannot be written is reported at
    // once, and signals are handled before, so that an interrupted run leaves no files under construction.
    handle_signals();
    let mut files = match &args.out {
        Some(out) => Some(ResultFiles::create(out, &args.trials, &scenario, &document.paths())?),
        None => None,
    };
    let stated = simulation.precision().is_none().then_some(scenario.replicates);
    let run_id = args.run_id(&scenario, stated);
    let mut job = Job::of(run_id.own_replicates(0));
    // With a precision up to its first check, before which it is unknown how many replicates it
    // takes.
    let bar = stated.map_or(engine::STOP_EVERY, |_| job.replicates.end - job.replicates.start);
    let file = checkpoint.open(run_id, simulation.threads())?;
    // Rows and a checkpoint exclude each other: a checkpoint has no rows to resume with.
    if !args.trials.is_empty() {
        job.rows = files.as_mut().map(|files| files as &mut dyn RowSink);
    }
    let mut session = simulation.session(bar).in_file(file);
    let Simulated { tally, next, reached } = session.fold_until_precise(
        [&scenario],
        job,
        || Tally::new(&scenario),
        Tally::error_to_stop_by,
    )?;
    // Removes the progress bar before anything is printed.
    let file = session.end();

    // A shard's own last replicate says nothing about the run; a precision has decided with `next`.
    let replicates = stated.unwrap_or(next);
    let run_id = args.run_id(&scenario, Some(replicates));
    let in_file = file.map_or(Ok(()), |file| file.of_run(run_id).finish());
    let scenario = scenario.with_replicates(replicates);
    if shard.is_given() {
        in_file?;
        return shard.report(checkpoint, replicates);
    }
    let command = args.command().amounts(&scenario).to_string();
    let provenance = Provenance::new(&scenario, command).with_precision(reached);
    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally));
    let written = files.map_or(Ok(Vec::new()), |files| files.finish(&summary));
    // What was simulated is printed even if a file could not be written.
    if args.format != Format::Table || !simulation.quiet || args.out.is_none() {
        print_summary(args.format, args.detail, &summary, &scenario)?;
    }
    let written = written?;
    if !simulation.quiet {
        output::report_written(&written);
    }
    in_file
}

impl RunArgs {
    /// Overrides of everything but replicates and seed.
    fn overrides(&self) -> Vec<String> {
        let reduced = self.variance_reduction.then(|| "run.variance_reduction=true".to_owned());
        self.scenario.overrides.iter().cloned().chain(reduced).collect()
    }

    /// The command without replicates and seed.
    fn command(&self) -> CommandLine {
        CommandLine::new("run").path(&self.scenario.scenario).overrides(&self.overrides())
    }

    /// Identifies the run, whose replicates are not yet known if a precision decides on them.
    fn run_id(&self, scenario: &Scenario, replicates: Option<u64>) -> RunId {
        let command = match replicates {
            Some(replicates) => {
                self.command().option("replicates", replicates).option("seed", scenario.seed.0)
            }
            None => self.simulation.recreate(self.command(), scenario),
        };
        RunId::new(&[scenario], replicates, Task::run(), command.to_string())
            .in_shards(self.shard.shard())
    }
}
