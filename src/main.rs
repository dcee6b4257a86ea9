//! The command line of rescuesim: parse, dispatch, exit code.

mod cli;

use std::process::ExitCode;

// Read before `main`: there the standard library opens /dev/null in its place, and what is written is lost
// without an error.
#[cfg(unix)]
#[ctor::ctor(unsafe)]
static STDOUT_WAS_CLOSED: bool = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();

/// Returns whether standard output was closed when the program was started.
fn stdout_was_closed() -> bool {
    #[cfg(unix)]
    return *STDOUT_WAS_CLOSED;
    // Elsewhere writing to it fails.
    #[cfg(not(unix))]
    return false;
}

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
