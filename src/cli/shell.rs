//! `rescuesim completions`, `rescuesim man`: completions of a shell, and manual pages.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use rescuesim::scenario::Truth;
use rescuesim::scenario::key_help::KeyHelp;
use rescuesim::scenario::shipped::SCENARIOS;
use rescuesim::summary::NamedQuantity;
use rescuesim::trial::trace::TrialEnding;

use super::examples::{self, Example};
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
    let mut command = with_known_values(Cli::command());
    clap_complete::generate(args.shell, &mut command, "rescuesim", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Gives the arguments that take names their known values, which a shell offers; files are still completed
/// where no value fits.
// For completion only: the parsers of the program also accept names that a scenario defines.
fn with_known_values(command: Command) -> Command {
    command.mut_subcommands(|command| {
        command.mut_args(|arg| {
            let values = known_values(arg.get_id().as_str());
            if values.is_empty() {
                return arg;
            }
            // clap takes texts that live as long as the process, which ends after the script.
            let values = values.into_iter().map(|value| &*value.leak());
            arg.value_parser(PossibleValuesParser::new(values))
        })
    })
}

/// Returns the values that an argument is known to take; none for other arguments.
fn known_values(argument: &str) -> Vec<String> {
    let scenarios = SCENARIOS.iter().map(|shipped| shipped.name.to_owned());
    // Keys of arrays need an index, and tables are rarely set as a whole, but for one that may be a number.
    let keys = KeyHelp::all()
        .iter()
        .filter(|key| !key.key.contains('[') && (key.keys.is_empty() || key.is_number()));
    let quantities = NamedQuantity::all().map(|quantity| quantity.to_string());
    match argument {
        "scenario" | "scenarios" | "from" => scenarios.collect(),
        "overrides" => keys.map(|key| format!("{}=", key.key)).collect(),
        "over" => keys.filter(|key| key.is_number()).map(|key| format!("{}=", key.key)).collect(),
        "vary" => keys.filter(|key| key.is_number()).map(|key| key.key.clone()).collect(),
        "precision_of" => quantities.collect(),
        "reach" => quantities.map(|quantity| format!("{quantity}=")).collect(),
        "analysis" => analyses(),
        "find" => TrialEnding::all().iter().map(TrialEnding::to_string).collect(),
        "truth" => Truth::NAMES.map(str::to_owned).to_vec(),
        _ => Vec::new(),
    }
}

/// Returns the names that analyses have unless a scenario names them: those of the methods.
fn analyses() -> Vec<String> {
    let methods = KeyHelp::all().iter().filter(|key| key.key == "analyses[].method");
    methods.flat_map(|key| key.choices.iter().map(|choice| choice.name.clone())).collect()
}

pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let pages = pages();
    let Some(directory) = &args.out else {
        return print(&String::from_utf8_lossy(&pages[0].text));
    };
    // All pages are started before one is written, so that a place that cannot be written is an
    // error of usage and leaves nothing behind.
    let mut files = Vec::new();
    for page in &pages {
        let file = match files.first() {
            None => OutputFile::create(directory, page.file.clone()),
            Some(first) => OutputFile::sibling(first, &page.file),
        };
        files.push(file.map_err(|error| Failure::Usage(cannot_write_to(directory, &error)))?);
    }
    let filled = files.into_iter().zip(&pages).map(|(file, page)| file.filled(&page.text));
    filled
        .collect::<io::Result<Vec<OutputFile>>>()
        .and_then(put_in_place)
        .map_err(|error| Failure::Running(cannot_write_to(directory, &error)))
}

/// A manual page.
struct Page {
    file: String,
    text: Vec<u8>,
}

/// Returns the page of the program, then one for each command.
fn pages() -> Vec<Page> {
    // `help` would otherwise have a page, which says no more than the others.
    let mut program = Cli::command().disable_help_subcommand(true);
    // Gives the subcommands their full names, as in `rescuesim-run.1`.
    program.build();
    let names: Vec<String> = std::iter::once(&program)
        .chain(program.get_subcommands())
        .map(|command| command.get_display_name().unwrap_or(command.get_name()).to_owned())
        .collect();
    let commands: Vec<Command> = program.get_subcommands().cloned().collect();
    let commands = std::iter::once(program).chain(commands);
    commands.map(|command| page(command, &names)).collect()
}

/// Writes a page with its examples, exit status, files and the other pages.
fn page(command: Command, pages: &[String]) -> Page {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let examples = examples::of(&name);
    let has_commands = command.has_subcommands();
    let synopsis = synopsis(&command);
    let manual = Man::new(command.override_usage(synopsis));
    let mut text = Vec::new();
    let written = manual
        .render_title(&mut text)
        .and_then(|()| manual.render_name_section(&mut text))
        .and_then(|()| manual.render_synopsis_section(&mut text))
        .and_then(|()| manual.render_description_section(&mut text))
        .and_then(|()| manual.render_options_section(&mut text))
        .and_then(
            |()| if has_commands { manual.render_subcommands_section(&mut text) } else { Ok(()) },
        )
        .and_then(|()| further_sections(&name, examples, pages).to_writer(&mut text))
        .and_then(
            |()| {
                if has_commands { manual.render_version_section(&mut text) } else { Ok(()) }
            },
        );
    written.expect("memory can be written to");
    Page { file: manual.get_filename(), text }
}

/// Returns the options with their values, then the arguments.
fn synopsis(command: &Command) -> String {
    let mut text = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    for option in command.get_opts().filter(|option| !option.is_hide_set()) {
        let value =
            option.get_value_names().map_or(String::new(), |names| format!(" {}", names.join(" ")));
        let long = option.get_long().expect("every option has a long name");
        let [open, close] = if option.is_required_set() { ["", ""] } else { ["[", "]"] };
        text += &format!(" {open}--{long}{value}{close}");
    }
    for argument in command.get_positionals() {
        let [open, close] = if argument.is_required_set() { ["", ""] } else { ["[", "]"] };
        let name = argument.get_value_names().map_or(String::new(), |names| names.join(" "));
        text += &format!(" {open}{name}{close}");
    }
    if command.has_subcommands() {
        text += " COMMAND …";
    }
    text
}

/// Returns the sections that clap does not know.
fn further_sections(name: &str, examples: &[Example], pages: &[String]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for Example { purpose, line } in examples {
        roff.control("TP", []).text([roman(*purpose)]).text([bold(*line)]);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "Done."),
        (
            "1",
            "Failed while running: interrupted, disk full, nothing found, an expectation not met.",
        ),
        ("2", "Wrong arguments or scenario; nothing was written."),
    ] {
        roff.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
    roff.control("SH", ["FILES"]);
    roff.text([roman(
        "A scenario is a TOML file; rescuesim init writes one with comments, and rescuesim schema lists \
         its keys. An output is written under another name next to its place and renamed when it is \
         complete, so that an interrupted command leaves the old file or the new one.",
    )]);
    roff.control("SH", ["SEE ALSO"]);
    let others = pages.iter().filter(|page| *page != name);
    let others: Vec<String> = others.map(|page| format!("{page}(1)")).collect();
    roff.text([roman(others.join(", "))]);
    roff
}

fn cannot_write_to(directory: &Path, error: &io::Error) -> String {
    format!("cannot write to {}: {error}", directory.display())
}
