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
    /// Simulated patients under each rule, such as 20000 or 1e6; at most 1e9.
    #[arg(long, default_value = "100000", value_parser = some_patients)]
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

/// A number of patients that one thread gets through in minutes.
fn some_patients(text: &str) -> Result<u64, String> {
    whole_number(text)
        .ok()
        .filter(|&patients| patients <= 1_000_000_000)
        .ok_or_else(|| "expected a whole number from 1 to 1e9, such as 20000 or 1e6".to_owned())
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
    let amounts = [
        ("patients", args.patients),
        ("seed", scenario.seed.0),
        ("max-passes", u64::from(max_passes)),
    ];
    let command = command_line("strategies", &[path], overrides, &amounts);
    let provenance = Provenance::new(&scenario, command);
    let document = || report::document(&provenance, &rules, args.patients, max_passes);
    let json = || report::to_json(&provenance, &rules, args.patients);
    output::print_as(args.format, document, json)
}
