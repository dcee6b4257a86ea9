//! What went wrong, printed for the person at the keyboard.

use std::io::IsTerminal;

use rescuesim::report::rejection::rejection;
use rescuesim::scenario::Rejection;
use rescuesim::scenario::hidden::visible;

use super::output::print_message;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense or cannot be followed here.
    #[error("{0}")]
    Usage(String),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] Rejection),
    /// It started and did not finish.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// Prints to standard error, in colour where that is a terminal.
    pub fn print(&self) {
        match self {
            Self::Usage(message) | Self::Running(message) => {
                print_message(&format!("error: {}\n", visible(message)));
            }
            Self::Scenario(rejected) => {
                let colour =
                    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                print_message(&rejection(rejected, colour));
            }
        }
    }
}
