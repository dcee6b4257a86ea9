//! `rescuesim strategies`.

use clap::Args;
use rescuesim::explore::precision::PrecisionReached;
use rescuesim::explore::strategies::{StrategyComparison, default_max_passes};
use rescuesim::outcome::flow::{MEASURES, Measure};
use rescuesim::report::{Provenance, strategies as report};
use rescuesim::scenario::Scenario;

use super::simulation::out_of_reach;
use super::{Failure, Format, ScenarioArgs, delay, output, values};

#[derive(Debug, Args)]
pub struct StrategiesArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulated patients under each strategy, such as 20000 or 1e6; at most 1e9.
    // That of `DEFAULT_PATIENTS`, so that a report shows the same table.
    #[arg(long, default_value = "100000", value_parser = some_patients)]
    patients: u64,
    /// Simulate, instead of a given number of patients, until the Monte Carlo standard error of a
    /// proportion of the patients (0 to 1), or of the mean number of passes, is this small under every
    /// strategy.
    #[arg(long, value_name = "ERROR", conflicts_with = "patients", value_parser = values::standard_error)]
    precision: Option<f64>,
    /// The quantity that --precision is of: functional-independence (the default), mortality, haemorrhage,
    /// perforation, reperfusion, patency, stented, passes.
    #[arg(long, value_name = "QUANTITY", requires = "precision", conflicts_with = "patients", value_parser = measure)]
    precision_of: Option<Measure>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = values::seed)]
    seed: Option<u64>,
    /// Maximum number of passes under every strategy; procedure.max_passes by default, or 5.
    #[arg(long, value_parser = values::whole::<u8>(1, 10))]
    max_passes: Option<u8>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Parses a number of patients that one thread simulates within minutes.
fn some_patients(text: &str) -> Result<u64, String> {
    values::whole(1, 1_000_000_000)(text)
        .map_err(|_| "expected a whole number from 1 to 1e9, such as 20000 or 1e6".to_owned())
}

/// Finds a measure by its name, with hyphens or underscores.
fn measure(name: &str) -> Result<Measure, String> {
    let found = MEASURES.iter().find(|(_, known)| hyphenated(known) == hyphenated(name));
    found.map(|(measure, _)| *measure).ok_or_else(|| {
        let known = MEASURES.map(|(_, name)| hyphenated(name));
        format!("there is no quantity `{name}`; allowed: {}", known.join(", "))
    })
}

/// Writes a name as options do.
fn hyphenated(name: &str) -> String {
    name.replace('_', "-")
}

impl StrategiesArgs {
    /// Simulates the number of patients that is given, or that a precision needs.
    fn simulate(
        &self,
        rules: &mut StrategyComparison<'_>,
    ) -> Result<Option<PrecisionReached>, Failure> {
        let Some(asked) = self.precision else {
            rules.simulate(self.patients);
            return Ok(None);
        };
        let measure = self.precision_of.unwrap_or(Measure::FunctionalIndependence);
        let figure = hyphenated(measure.name());
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
    let scenario = delay::announced(false, || Scenario::load(path, &all))?;
    let max_passes = args.max_passes.map_or_else(|| default_max_passes(&scenario), u32::from);
    let mut rules = StrategyComparison::new(&scenario, max_passes as usize).ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no [procedure], so it has no strategies to compare; allowed: a scenario with one, such as scenarios/lee-cohort.toml",
            path.display()
        ))
    })?;
    let precision = args.simulate(&mut rules)?;
    let (patients, rules) = (rules.patients(), rules.summaries());
    let command = args
        .scenario
        .command("strategies")
        .option("patients", patients)
        .option("seed", scenario.seed.0)
        .option("max-passes", max_passes);
    let provenance = Provenance::new(&scenario, command.to_string()).with_precision(precision);
    output::print_as(
        args.format,
        || report::document(&provenance, &rules, patients, max_passes),
        || report::to_json(&provenance, &rules, patients),
    )
}
