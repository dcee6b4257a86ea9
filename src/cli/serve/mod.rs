//! `rescuesim serve`: a page on this computer on which a trial is designed.

#[cfg(feature = "serve")]
#[cfg(feature = "serve")]
mod guard;
#[cfg(feature = "serve")]
mod http;
#[cfg(feature = "serve")]
mod routes;
#[cfg(feature = "serve")]
mod server;
#[cfg(feature = "serve")]
mod session;

use std::path::PathBuf;

use clap::Args;

use super::{Failure, values};

#[derive(Debug, Args)]
// A build without the page refuses the command, whatever its options.
#[cfg_attr(not(feature = "serve"), allow(dead_code))]
pub struct ServeArgs {
    /// Scenario file (TOML) to open, or the name of one that comes with the program. Without one, the page
    /// starts with the scenarios of the program. The page never writes the file: it offers downloads.
    scenario: Option<PathBuf>,
    /// Port to listen on; a free one by default. Only this computer can connect.
    #[arg(long, value_parser = values::whole::<u16>(1, 65_535))]
    port: Option<u16>,
    /// Only print the address, and do not open a browser.
    #[arg(long)]
    no_open: bool,
}

/// Serves the page until the program is interrupted.
///
/// # Errors
/// When the scenario cannot be read, or the port is taken.
#[cfg(feature = "serve")]
pub fn serve(args: &ServeArgs) -> Result<(), Failure> {
    server::run(args)
}

/// Refuses the command.
///
/// # Errors
/// Always.
#[cfg(not(feature = "serve"))]
pub fn serve(_: &ServeArgs) -> Result<(), Failure> {
    Err(Failure::Usage(
        "serve: this build has no page; allowed: a build with the feature `serve`, which is there by default"
            .to_owned(),
    ))
}
