//! The command line of rescuesim: parse, dispatch, exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = cli::Cli::of_command_line().and_then(|asked| asked.map_or(Ok(()), cli::dispatch));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            // Scripts distinguish wrong input, which they must not repeat, from a failure while running.
            match failure {
                cli::Failure::Running(_) => ExitCode::from(1),
                cli::Failure::Usage(_) | cli::Failure::Scenario(_) => ExitCode::from(2),
            }
        }
    }
}
