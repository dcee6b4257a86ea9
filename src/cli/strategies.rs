//! `rescuesim strategies`.

use clap::Args;
use rescuesim::explore::strategies;
use rescuesim::report::{Provenance, strategies as report};
use rescuesim::scenario::Scenario;

use super::simulation::{command_line, whole_number};
use super::{Failure, Format, ScenarioArgs, output};

#[derive(Debug, Args)]
pub struct StrategiesArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulated patients under each rule, such as 20000 or 1e6.
    #[arg(long, default_value = "100000", value_parser = whole_number)]
    patients: u64,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Passes at most under every rule; procedure.max_passes by default, or 5.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=10))]
    max_passes: Option<u8>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub fn strategies(args: &StrategiesArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let mut all = overrides.clone();
    all.extend(args.seed.map(|seed| format!("run.seed={seed}")));
    let scenario = Scenario::load(path, &all)?;
    let written = scenario.file().procedure.as_ref().and_then(|procedure| procedure.max_passes);
    let max_passes = args.max_passes.map(u32::from).or(written).unwrap_or(5);
    let rules = strategies::strategies(&scenario, max_passes as usize, args.patients);
    let rules = rules.ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no [procedure], so there are no strategies to compare; allowed: a scenario with one, such as scenarios/lee-cohort.toml",
            path.display()
        ))
    })?;
    let command = command_line("strategies", &[path], overrides, &scenario);
    let command = command.split(" --replicates").next().unwrap_or_default();
    let command = format!(
        "{command} --patients {} --seed {} --max-passes {max_passes}",
        args.patients, scenario.seed.0
    );
    let provenance = Provenance::new(&scenario, command);
    output::print(&match args.format {
        Format::Table => report::render(&provenance, &rules, args.patients, max_passes),
        Format::Json => report::to_json(&provenance, &rules, args.patients),
    })
}
