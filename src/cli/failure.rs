//! Errors of commands, and how they are printed.

use rescuesim::report::rejection::rejection;
use rescuesim::scenario::Rejection;
use rescuesim::scenario::hidden::visible;

use super::output::{error_columns, has_colour, print_message, wrapped};

/// Why a command failed; the kind decides on the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments are invalid or do not fit the scenario.
    #[error("{0}")]
    Usage(String),
    /// The scenario is invalid.
    #[error(transparent)]
    Scenario(#[from] Rejection),
    /// The command started and did not finish.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// Prints the error to standard error, in colour if that is a terminal.
    pub fn print(&self) {
        match self {
            // A file name or value may hold control characters, which a terminal would act on.
            Self::Usage(message) | Self::Running(message) => {
                let text = wrapped(&format!("error: {}", visible(message)));
                print_message(&format!("{text}\n"));
            }
            Self::Scenario(rejected) => {
                let stderr = std::io::stderr();
                print_message(&rejection(rejected, has_colour(&stderr), error_columns()));
            }
        }
    }
}
