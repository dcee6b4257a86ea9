//! `rescuesim check`.

use rescuesim::report;
use rescuesim::scenario::Scenario;

use super::{Failure, ScenarioArgs, output};

pub fn check(args: &ScenarioArgs) -> Result<(), Failure> {
    let scenario = Scenario::load(&args.scenario, &args.overrides)?;
    output::print(&report::check::render(&scenario))
}
