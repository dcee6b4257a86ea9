//! `rescuesim compare`.

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::expected;
use rescuesim::explore::compare::{ComparedQuantity, ComparisonTally, PairedComparison};
use rescuesim::explore::precision::PrecisionReached;
use rescuesim::report::{Provenance, comparison};
use rescuesim::scenario::Scenario;

use super::recreate::CommandLine;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, output};

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
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Figures of scenarios that have as many replicates as it took, and the precision that it took them
/// for.
type Compared = (Vec<ComparedQuantity>, Vec<Scenario>, Option<PrecisionReached>);

impl CompareArgs {
    fn figures(&self, scenarios: Vec<Scenario>) -> Result<Compared, Failure> {
        let comparison =
            PairedComparison::new(&scenarios).map_err(|e| Failure::Usage(e.to_string()))?;
        if let Some((_, figure)) =
            self.simulation.precision().filter(|(_, of)| !comparison.has(*of))
        {
            return Err(Failure::Usage(format!(
                "--precision-of {figure}: it is not compared; allowed: power, type-i-error, expected-n, duration"
            )));
        }
        let replicates = scenarios[0].replicates;
        let Simulated { tally, next, reached } =
            self.simulation.session(replicates).fold_until_precise(
                &scenarios,
                Job::of(0..replicates),
                || comparison.tally(),
                ComparisonTally::error_to_stop_by,
            )?;
        let figures = tally.quantities();
        let scenarios = scenarios.into_iter().map(|scenario| scenario.with_replicates(next));
        Ok((figures, scenarios.collect(), reached))
    }
}

pub fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let own = [args.overrides.clone(), args.simulation.overrides()].concat();
    let first = Scenario::load(&args.scenarios[0], &own)?;
    let same = [
        own,
        vec![format!("run.replicates={}", first.replicates), format!("run.seed={}", first.seed.0)],
    ]
    .concat();
    let mut scenarios = vec![first];
    for path in &args.scenarios[1..] {
        scenarios.push(Scenario::load(path, &same)?);
    }
    let (figures, scenarios, reached) = args.figures(scenarios)?;
    let paths: Vec<&Path> = args.scenarios.iter().map(PathBuf::as_path).collect();
    let command = paths.iter().fold(CommandLine::new("compare"), |line, path| line.path(path));
    let command = command.overrides(&args.overrides).amounts(&scenarios[0]).to_string();
    let provenance =
        |scenario| Provenance::new(scenario, command.clone()).with_precision(reached.clone());
    let provenance: Vec<Provenance> = scenarios.iter().map(provenance).collect();
    let document = || {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let warnings: Vec<Vec<String>> = scenarios.iter().map(expected::warnings).collect();
        comparison::document(&names, &provenance, &warnings, &figures)
    };
    output::print_as(args.format, document, || comparison::to_json(&provenance, &figures))
}
