//! The commands and their arguments; one file per command.
//!
#![doc = include_str!("README.md")]

mod analysis;
mod failure;
mod output;
mod recreate;
mod result_files;
mod simulation;
mod bench;
mod calibrate;
mod checkpoint;
mod clock;
mod check;
mod compare;
mod delay;
mod examples;
mod design;
mod explain;
mod init;
mod input;
mod list;
mod merge;
mod monitor;
mod pictures;
mod pool;
mod report;
mod run;
mod schema;
mod serve;
mod shell;
mod signals;
mod solve;
mod strategies;
mod sweep;
mod trace;
mod values;

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use failure::Failure;

/// Simulate randomised stroke trials with an ordinal outcome, minimisation and interim looks.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// Parses the command line of the process. If it is invalid, prints the error and exits. If it asks for
    /// help, prints this and returns `None`.
    pub fn of_command_line() -> Result<Option<Self>, Failure> {
        // A negative number after an option is its value, not another option: it is refused with what is
        // allowed.
        let command = examples::added_to(Self::command()).mut_subcommands(|command| {
            command.mut_args(|arg| {
                let has_value = arg.get_long().is_some() && arg.get_action().takes_values();
                if has_value { arg.allow_negative_numbers(true) } else { arg }
            })
        });
        let matches = match command.try_get_matches() {
            Ok(matches) => matches,
            Err(help) if !help.use_stderr() => {
                let text = help.render();
                let is_styled = output::has_colour(&std::io::stdout());
                output::print(&if is_styled { text.ansi().to_string() } else { text.to_string() })?;
                return Ok(None);
            }
            Err(mut error) => {
                suggest_commands(&mut error);
                error.exit()
            }
        };
        Ok(Some(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())))
    }
}

/// Words that people type as commands, and the commands that do what they mean.
const MEANT: [(&str, &[&str]); 12] = [
    ("boundaries", &["design"]),
    ("simulate", &["run"]),
    ("power", &["run", "design"]),
    ("size", &["design", "solve"]),
    ("sample-size", &["design", "solve"]),
    ("n", &["design", "solve"]),
    ("interim", &["monitor"]),
    ("dsmb", &["monitor"]),
    ("meta", &["pool"]),
    ("plot", &["report", "design", "trace"]),
    ("figure", &["report", "design", "trace"]),
    ("validate", &["check"]),
];

/// Replaces the suggestions for an unknown command, which are similar words, by commands that it means.
fn suggest_commands(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    let typed = typed.to_lowercase();
    if let Some((_, commands)) = MEANT.iter().find(|(word, _)| *word == typed) {
        let commands = commands.iter().map(|&command| command.to_owned()).collect();
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(commands));
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate a scenario and print its operating characteristics.
    Run(run::RunArgs),
    /// Merge the shards of a run or a sweep and print the combined result.
    Merge(merge::MergeArgs),
    /// Check a scenario and print it with all defaults, boundaries and warnings.
    Check(check::CheckArgs),
    /// Show one simulated trial in full: patients, looks, the path of Z, the decision.
    Trace(trace::TraceArgs),
    /// Simulate scenarios on the same random numbers and print their differences.
    Compare(compare::CompareArgs),
    /// Write a report as one HTML page: assumptions, results, figures, example trials.
    Report(report::ReportArgs),
    /// Simulate every combination of values of some keys, on the same random numbers.
    Sweep(sweep::SweepArgs),
    /// Find the value of a key at which power, or another probability, reaches a target.
    // Boxed: with all its options it would make every other command as large.
    Solve(Box<solve::SolveArgs>),
    /// Compare strategies within one procedure: a stent after 1, 2, 3, 4 passes, or never.
    Strategies(strategies::StrategiesArgs),
    /// Solve for numbers of a scenario so that its exact quantities meet targets.
    Calibrate(calibrate::CalibrateArgs),
    /// Open a page on this computer on which a trial is designed.
    Serve(serve::ServeArgs),
    /// Compute boundaries, sizes and power without simulation, from a scenario or from options.
    Design(Box<design::DesignArgs>),
    /// Evaluate an interim analysis of an ongoing trial: updated boundaries, conditional power, estimates.
    Monitor(Box<monitor::MonitorArgs>),
    /// Pool published 2×2 tables into one odds ratio, by all common methods.
    Pool(pool::PoolArgs),
    /// Measure how fast a scenario is simulated, by threads and by phase.
    Bench(bench::BenchArgs),
    /// List the scenarios that come with the program; `run NAME` simulates one in any directory.
    List(list::ListArgs),
    /// Write a commented scenario to start from.
    Init(init::InitArgs),
    /// Explain a key of a scenario, a quantity of the output, or a term such as overrun.
    Explain(explain::ExplainArgs),
    /// Print the JSON Schema of a scenario file, for editors, or the reference of its keys in Markdown.
    Schema(schema::SchemaArgs),
    /// Print a script that completes commands and options in a shell.
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(shell::ManArgs),
}

/// A scenario and its overrides.
#[derive(Debug, Args)]
struct ScenarioArgs {
    /// Scenario file (TOML), or the name of one that comes with the program.
    scenario: PathBuf,
    /// Replace a value of the scenario, as in `--set missing.dropout=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Format of a printed result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people.
    Table,
    /// Tables in Markdown.
    Markdown,
    /// JSON.
    Json,
    /// CSV, a row per quantity; texts and provenance are in the JSON alone.
    Csv,
}

/// Runs the command of a parsed command line.
///
/// # Errors
/// The message for the user; its kind decides on the exit code.
pub fn dispatch(cli: Cli) -> Result<(), Failure> {
    // Before any command writes a file.
    signals::survive_size_limits();
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Check(args) => check::check(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => report::report(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Solve(args) => solve::solve(&args),
        Command::Strategies(args) => strategies::strategies(&args),
        Command::Calibrate(args) => calibrate::calibrate(&args),
        Command::Design(args) => design::design(&args),
        Command::Monitor(args) => monitor::monitor(&args),
        Command::Pool(args) => pool::pool(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::List(args) => list::list(&args),
        Command::Init(args) => init::init(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Schema(args) => schema::schema(&args),
    }
}
