//! `rescuesim strategies`.

use clap::Args;
use rescuesim::explore::precision::PrecisionReached;
use rescuesim::explore::strategies::StrategyComparison;
use rescuesim::outcome::flow::{MEASURES, Measure};
use rescuesim::report::{Provenance, strategies as report};
use rescuesim::scenario::Scenario;

use super::recreate::CommandLine;
use super::simulation::out_of_reach;
use super::{Failure, Format, ScenarioArgs, output, values};

#[derive(Debug, Args)]
pub struct StrategiesArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulated patients under each rule, such as 20000 or 1e6; at most 1e9.
    #[arg(long, default_value = "100000", value_parser = some_patients)]
    patients: u64,
    /// Simulate, in place of a stated number, until the Monte Carlo standard error of a share of the
    /// patients (0 to 1), or of the passes, is this small under every rule.
    #[arg(long, value_name = "ERROR", conflicts_with = "patients", value_parser = values::standard_error)]
    precision: Option<f64>,
    /// The figure that --precision is of: functional-independence (the default), mortality, haemorrhage,
    /// perforation, reperfusion, patency, stented, passes.
    #[arg(long, value_name = "FIGURE", requires = "precision", conflicts_with = "patients", value_parser = measure)]
    precision_of: Option<Measure>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = values::seed)]
    seed: Option<u64>,
    /// Passes at most under every rule; procedure.max_passes by default, or 5.
    #[arg(long, value_parser = values::whole::<u8>(1, 10))]
    max_passes: Option<u8>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A number of patients that one thread gets through in minutes.
fn some_patients(text: &str) -> Result<u64, String> {
    values::whole(1, 1_000_000_000)(text)
        .map_err(|_| "expected a whole number from 1 to 1e9, such as 20000 or 1e6".to_owned())
}

/// A measure by its name, with hyphens.
fn measure(name: &str) -> Result<Measure, String> {
    let hyphened = |name: &str| name.replace('_', "-");
    let found = MEASURES.iter().find(|(_, known)| hyphened(known) == hyphened(name));
    found.map(|(measure, _)| *measure).ok_or_else(|| {
        let known = MEASURES.map(|(_, name)| hyphened(name));
        format!("there is no figure `{name}`; allowed: {}", known.join(", "))
    })
}

impl StrategiesArgs {
    /// As many patients as are asked for, or as a precision takes.
    fn simulate(
        &self,
        rules: &mut StrategyComparison<'_>,
    ) -> Result<Option<PrecisionReached>, Failure> {
        let Some(asked) = self.precision else {
            rules.simulate(self.patients);
            return Ok(None);
        };
        let measure = self.precision_of.unwrap_or(Measure::FunctionalIndependence);
        let figure = measure.name().replace('_', "-");
        let reached = rules
            .simulate_until(measure, asked)
            .map_err(|error| out_of_reach(&figure, asked, error))?;
        Ok(Some(PrecisionReached { figure, asked, reached, by_control_variate: false }))
    }
}

pub fn strategies(args: &StrategiesArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let mut all = overrides.clone();
    all.extend(args.seed.map(|seed| format!("run.seed={seed}")));
    let scenario = Scenario::load(path, &all)?;
    let written = scenario.file().procedure.as_ref().and_then(|procedure| procedure.max_passes);
    let max_passes = args.max_passes.map(u32::from).or(written).unwrap_or(5);
    let mut rules = StrategyComparison::new(&scenario, max_passes as usize).ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no [procedure], so there are no strategies to compare; allowed: a scenario with one, such as scenarios/lee-cohort.toml",
            path.display()
        ))
    })?;
    let precision = args.simulate(&mut rules)?;
    let (patients, rules) = (rules.patients(), rules.summaries());
    let command = CommandLine::of("strategies", &args.scenario)
        .option("patients", patients)
        .option("seed", scenario.seed.0)
        .option("max-passes", max_passes);
    let provenance = Provenance::new(&scenario, command.to_string()).with_precision(precision);
    let document = || report::document(&provenance, &rules, patients, max_passes);
    let json = || report::to_json(&provenance, &rules, patients);
    output::print_as(args.format, document, json)
}
