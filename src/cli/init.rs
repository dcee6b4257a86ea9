//! `rescuesim init`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::report::command_line::CommandLine;
use rescuesim::scenario::nearest;
use rescuesim::scenario::shipped::{SCENARIOS, STARTING};

use super::Failure;
use super::output::{self, print};

#[derive(Debug, Args)]
pub struct InitArgs {
    /// File to write; it must not exist.
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
    /// Start from a scenario of the program (see `rescuesim list`) in place of the commented template.
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
}

pub fn init(args: &InitArgs) -> Result<(), Failure> {
    let text = match &args.from {
        None => STARTING,
        Some(name) => shipped(name)?,
    };
    let path = args.file.display();
    // Every other command replaces its outputs; a scenario may have been edited by hand.
    if args.file.exists() {
        return Err(Failure::Usage(format!("{path} exists; give the name of a new file")));
    }
    output::write(&args.file, text.as_bytes(), &[])?;
    let check = CommandLine::new("check").path(&args.file);
    print(&format!("Wrote {path}. Next: `{check}` shows how it is interpreted.\n"))
}

fn shipped(name: &str) -> Result<&'static str, Failure> {
    let names = SCENARIOS.map(|shipped| shipped.name);
    let found = SCENARIOS.iter().find(|shipped| shipped.name == name);
    found.map(|shipped| shipped.text).ok_or_else(|| {
        let near = nearest(name, &names).map(|near| format!(" (did you mean {near}?)"));
        let near = near.unwrap_or_default();
        Failure::Usage(format!("--from {name} is unknown{near}; allowed: {}", names.join(", ")))
    })
}
