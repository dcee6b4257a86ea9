//! `rescuesim compare`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::expected;
use rescuesim::explore::compare::{ComparisonTally, PairedComparison};
use rescuesim::report::{Provenance, comparison};
use rescuesim::scenario::Scenario;
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::{CheckpointArgs, CheckpointFile};
use super::recreate::CommandLine;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, delay, output};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Two or more scenario files (TOML); differences are from the first, which also gives seed
    /// and replicates.
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
}

pub fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let own = [args.overrides.clone(), args.simulation.overrides()].concat();
    let quiet = args.simulation.quiet;
    let first = delay::announced(quiet, || Scenario::load(&args.scenarios[0], &own))?;
    let replicates = first.replicates;
    // The other scenarios on the same random numbers, whatever their files say.
    let same = vec![format!("run.replicates={replicates}"), format!("run.seed={}", first.seed.0)];
    let same = [own, same].concat();
    let mut scenarios = vec![first];
    for path in &args.scenarios[1..] {
        scenarios.push(delay::announced(quiet, || Scenario::load(path, &same))?);
    }
    let comparison =
        PairedComparison::new(&scenarios).map_err(|e| Failure::Usage(e.to_string()))?;
    args.check_precision(&comparison)?;
    let file = args.checkpoint.open(args.run_id(&scenarios), args.simulation.threads())?;
    let mut session = args.simulation.session(replicates).in_file(file);
    session.estimates = AdjustedEstimates::Skipped;
    let Simulated { tally, next, reached } = session.fold_until_precise(
        &scenarios,
        Job::of(0..replicates),
        || comparison.tally(),
        ComparisonTally::error_to_stop_by,
    )?;
    let in_file = session.end().map_or(Ok(()), CheckpointFile::finish);
    let compared = tally.quantities();
    // With a precision the number of replicates is known only now.
    let scenarios: Vec<Scenario> =
        scenarios.into_iter().map(|scenario| scenario.with_replicates(next)).collect();
    let command = args.command().amounts(&scenarios[0]).to_string();
    let provenance: Vec<Provenance> = scenarios
        .iter()
        .map(|of| Provenance::new(of, command.clone()).with_precision(reached.clone()))
        .collect();
    output::print_as(
        args.format,
        || {
            let names: Vec<String> =
                args.scenarios.iter().map(|path| path.display().to_string()).collect();
            let warnings: Vec<Vec<String>> = scenarios.iter().map(expected::warnings).collect();
            comparison::document(&names, &provenance, &warnings, &compared)
        },
        || comparison::to_json(&provenance, &compared),
    )?;
    in_file
}

impl CompareArgs {
    /// The command without replicates and seed.
    fn command(&self) -> CommandLine {
        let files = self.scenarios.iter();
        let command = files.fold(CommandLine::new("compare"), |line, path| line.path(path));
        command.overrides(&self.overrides)
    }

    fn run_id(&self, scenarios: &[Scenario]) -> RunId {
        let stated = self.simulation.precision().is_none().then_some(scenarios[0].replicates);
        let task =
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
