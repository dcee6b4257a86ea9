//! The command that recreates a result.

use rescuesim::report::command_line::{CommandLine, quoted};

use super::ScenarioArgs;

impl ScenarioArgs {
    /// Begins a command on the scenario with its overrides.
    pub fn command(&self, name: &str) -> CommandLine {
        CommandLine::of(name, &self.scenario, &self.overrides)
    }
}

/// Returns the command of the process as it was typed.
pub fn as_typed() -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word));
    std::iter::once("rescuesim".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
