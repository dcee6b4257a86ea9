//! `rescuesim completions`, `rescuesim man`: completions of a shell, and manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::output::{OutputFile, print, put_in_place};
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
        return print(&String::from_utf8_lossy(&rendered(&Man::new(Cli::command()))));
    };
    let pages = pages();
    // All pages are started before one is written, so that a place that cannot be written is an
    // error of usage and leaves nothing behind.
    let mut files = Vec::new();
    for page in &pages {
        let file = match files.first() {
            None => OutputFile::create(directory, page.get_filename()),
            Some(first) => OutputFile::sibling(first, &page.get_filename()),
        };
        files.push(file.map_err(|error| Failure::Usage(cannot_write_to(directory, &error)))?);
    }
    let filled = files.into_iter().zip(&pages).map(|(file, page)| file.filled(&rendered(page)));
    filled
        .collect::<io::Result<Vec<OutputFile>>>()
        .and_then(put_in_place)
        .map_err(|error| Failure::Running(cannot_write_to(directory, &error)))
}

/// Returns the page of the program, then one for each command.
fn pages() -> Vec<Man> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives the subcommands their full names, as in `rescuesim-run.1`.
    program.build();
    let subcommands = program.get_subcommands().cloned().map(Man::new).collect::<Vec<_>>();
    std::iter::once(Man::new(program)).chain(subcommands).collect()
}

fn rendered(page: &Man) -> Vec<u8> {
    let mut text = Vec::new();
    page.render(&mut text).expect("memory can be written to");
    text
}

fn cannot_write_to(directory: &Path, error: &io::Error) -> String {
    format!("cannot write to {}: {error}", directory.display())
}
