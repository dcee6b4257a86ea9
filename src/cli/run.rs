//! `rescuesim run`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::report::{Provenance, Summary, table};
use rescuesim::scenario::Scenario;
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::output::print_as;
use super::result_files::{ResultFiles, RowFormat};
use super::simulation::{SimulationArgs, amounts, command_line};
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

pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let all = [overrides.clone(), args.simulation.overrides()].concat();
    let scenario = [Scenario::load(path, &all)?];
    let command = command_line("run", &[path], overrides, &amounts(&scenario[0]));
    let provenance = Provenance::new(&scenario[0], command);
    let mut files = match &args.out {
        Some(directory) => {
            Some(ResultFiles::create(directory, &args.trials, &scenario[0], &provenance)?)
        }
        None => None,
    };
    let new = || Tally::new(&scenario[0]);
    let tally = match files.as_mut().filter(|files| files.want_rows()) {
        Some(files) => {
            args.simulation.simulate(&scenario, new, Some(&mut |trials| files.write(trials)))?
        }
        None => args.simulation.simulate(&scenario, new, None)?,
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
