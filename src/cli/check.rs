//! `rescuesim check`.

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::expectations::{self, ExpectationConclusion};
use rescuesim::report;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;

use super::signals::handle_signals;
use super::simulation::SimulationArgs;
use super::{Failure, ScenarioArgs, delay, output};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Simulate, and test what the scenario states under [expect], as in power = ">= 0.8"; exits with 1
    /// unless all expectations are met beyond their Monte Carlo error.
    #[arg(long)]
    expect: bool,
    #[command(flatten)]
    simulation: SimulationArgs,
}

pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    let set = [args.scenario.overrides.clone(), args.simulation.overrides()].concat();
    if args.expect {
        let scenario = delay::announced(false, || Scenario::load(&args.scenario.scenario, &set))?;
        return test_expectations(args, &scenario);
    }
    if args.simulation.precision().is_some() {
        return Err(Failure::Usage(
            "--precision: nothing is simulated; allowed with --expect".into(),
        ));
    }
    let text = delay::announced(false, || {
        let scenario = Scenario::load(&args.scenario.scenario, &set)?;
        Ok::<_, Failure>(report::check::render(&scenario))
    });
    output::print(&text?)
}

/// Simulates a scenario, tests its expectations and prints the results.
///
/// # Errors
/// When it has none, and when not all are met.
fn test_expectations(args: &CheckArgs, scenario: &Scenario) -> Result<(), Failure> {
    let CheckArgs { simulation, .. } = args;
    if scenario.expectations.is_empty() {
        return Err(Failure::Usage(
            "--expect: the scenario expects nothing; allowed: a table [expect] with a quantity, such as \
             power = \">= 0.8\""
                .to_owned(),
        ));
    }
    if let Some((quantity, problem)) = expectations::missing(scenario).first() {
        return Err(Failure::Usage(format!("--expect: {quantity}: {problem}")));
    }
    simulation.check(scenario)?;
    handle_signals();
    let mut session = simulation.session(scenario.replicates);
    let simulated = session.fold_until_precise(
        [scenario],
        Job::of(0..scenario.replicates),
        || Tally::new(scenario),
        Tally::error_to_stop_by,
    )?;
    // Removes the progress bar before anything is printed.
    drop(session);
    let tested = expectations::test(scenario, &simulated.tally);
    let document = report::expectations::document(scenario, simulated.next, &tested);
    output::print(&output::for_terminal(&document))?;
    let of = tested.len();
    let not_met = tested.iter().filter(|of| of.conclusion == ExpectationConclusion::NotMet).count();
    let met = tested.iter().filter(|of| of.conclusion == ExpectationConclusion::Met).count();
    match (not_met, of - met - not_met) {
        (0, 0) => Ok(()),
        // An error too: a test that passes with too few replicates would pass or fail with the seed.
        (0, undecided) => Err(Failure::Running(format!(
            "{undecided} of {of} expectations undecided; more --replicates are needed"
        ))),
        (not_met, _) => Err(Failure::Running(format!("{not_met} of {of} expectations not met"))),
    }
}
