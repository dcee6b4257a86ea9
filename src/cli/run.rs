//! `rescuesim run`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::Scenario;
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::output::print_as;
use super::result_files::{ResultFiles, RowFormat};
use super::simulation::{Precise, SimulationArgs, amounts, command_line};
use super::{Failure, Format, ScenarioArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    simulation: SimulationArgs,
    /// What to print; JSON is the content of summary.json.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write summary.json (and the files of --trials) to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// With --out, also write a row per replicate, truth and analysis.
    #[arg(long, value_enum, value_delimiter = ',', requires = "out")]
    trials: Vec<RowFormat>,
}

impl RunArgs {
    fn provenance(&self, scenario: &Scenario) -> Provenance {
        let ScenarioArgs { scenario: path, overrides } = &self.scenario;
        Provenance::new(scenario, command_line("run", &[path], overrides, &amounts(scenario)))
    }

    fn open(&self, scenario: &Scenario) -> Result<Option<ResultFiles>, Failure> {
        let create = |directory: &PathBuf| {
            ResultFiles::create(directory, &self.trials, scenario, &self.provenance(scenario))
        };
        self.out.as_ref().map(create).transpose()
    }
}

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let all = [overrides.clone(), args.simulation.overrides()].concat();
    let scenario = Scenario::load(path, &all)?;
    args.simulation.check(&scenario)?;
    // Before anything is simulated, so that a place that cannot be written is told at once.
    let mut files = args.open(&scenario)?;
    let found = args.simulation.simulate_until_precise(
        std::slice::from_ref(&scenario),
        || Tally::new(&scenario),
        Tally::error_to_stop_by,
    )?;
    let (scenario, found, reached) = match found {
        None => ([scenario], None, None),
        Some(Precise { tally, replicates, reached }) => {
            ([scenario.with_replicates(replicates)], Some(tally), Some(reached))
        }
    };
    let provenance = args.provenance(&scenario[0]).with_precision(reached);
    let new = || Tally::new(&scenario[0]);
    let tally = match (found, !args.trials.is_empty()) {
        (Some(tally), false) => tally,
        (None, false) => args.simulation.simulate(&scenario, new, None)?,
        (found, true) => {
            if found.is_some() {
                // Files of rows begin with the number of replicates, which is known only now.
                drop(files.take());
                files = args.open(&scenario[0])?;
            }
            let rows = files.as_mut().expect("rows are asked for with a directory");
            args.simulation.simulate(&scenario, new, Some(&mut |trials| rows.write(trials)))?
        }
    };
    let [scenario] = &scenario;
    let summary = Summary::new(provenance, OperatingCharacteristics::new(scenario, &tally));
    if let Some(files) = files {
        files.finish(&summary).map_err(|error| {
            Failure::Running(format!("cannot finish the files of --out: {error}"))
        })?;
    }
    if args.format == Format::Table && args.simulation.quiet && args.out.is_some() {
        return Ok(());
    }
    let document = || table::document(&summary, scenario.warnings());
    print_as(args.format, document, || summary.to_json())
}
