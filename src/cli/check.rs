//! `rescuesim check`.

use rescuesim::report;
use rescuesim::scenario::Scenario;

use super::{Failure, ScenarioArgs, delay, output};

pub fn check(args: &ScenarioArgs) -> Result<(), Failure> {
    let text = delay::announced(false, || {
        let scenario = Scenario::load(&args.scenario, &args.overrides)?;
        Ok::<_, Failure>(report::check::render(&scenario))
    });
    output::print(&text?)
}
