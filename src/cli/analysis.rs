//! The option `--analysis`.

use rescuesim::scenario::{Analysis, Scenario, nearest};

use super::Failure;

/// Returns the position of an analysis by its name; the primary one without a name.
///
/// # Errors
/// When the scenario has no analysis of this name.
pub fn position(scenario: &Scenario, name: Option<&str>) -> Result<usize, Failure> {
    let Some(name) = name else { return Ok(0) };
    let found = scenario.analyses.iter().position(|analysis| analysis.name == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = scenario.analyses.iter().map(|it| it.name.as_str()).collect();
        let near = nearest(name, &known).map(|near| format!(" (did you mean {near}?)"));
        let near = near.unwrap_or_default();
        Failure::Usage(format!("--analysis {name} is unknown{near}; allowed: {}", known.join(", ")))
    })
}

/// Returns an analysis by its name; the primary one without a name.
///
/// # Errors
/// When the scenario has no analysis of this name.
pub fn named<'s>(scenario: &'s Scenario, name: Option<&str>) -> Result<&'s Analysis, Failure> {
    position(scenario, name).map(|at| &scenario.analyses[at])
}
