//! `rescuesim completions`, `rescuesim man`: completions of a shell, and manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::{OutputFile, print};
use super::{Cli, Failure};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell to complete in.
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory that a page for each command is written to; without it the first page is printed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rescuesim", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let Some(directory) = &args.out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.expect("memory can be written to");
        return print(&String::from_utf8_lossy(&page));
    };
    // A trial file that is dropped: a place that cannot be written is an error of usage, as everywhere.
    OutputFile::create(directory, "rescuesim.1")
        .and_then(|_| std::fs::create_dir_all(directory))
        .map_err(|error| Failure::Usage(cannot_write_to(directory, &error)))?;
    clap_mangen::generate_to(Cli::command(), directory)
        .map_err(|error| Failure::Running(cannot_write_to(directory, &error)))
}

fn cannot_write_to(directory: &Path, error: &io::Error) -> String {
    format!("cannot write to {}: {error}", directory.display())
}
