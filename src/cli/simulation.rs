//! What every simulating command shares: how much to simulate, progress, interruption.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use rescuesim::engine::{self, Accumulator, RowSink, RunError};
use rescuesim::explore::precision::{self, OutOfReach, PrecisionReached, Verdict};
use rescuesim::scenario::Scenario;
use rescuesim::summary::NamedFigure;

use super::Failure;

/// How much to simulate, and with how much noise.
#[derive(Debug, Args)]
pub struct SimulationArgs {
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = whole_number)]
    replicates: Option<u64>,
    /// Simulate, in place of a stated number, until the Monte-Carlo standard error of a figure is this
    /// small for every analysis, as in `--precision 0.0005`. The command printed at the end has the
    /// number that took.
    #[arg(long, value_name = "ERROR", conflicts_with = "replicates", value_parser = positive, allow_negative_numbers = true)]
    precision: Option<f64>,
    /// The figure that --precision is of: power (the default), type-i-error, assurance, expected-n,
    /// duration, estimate, coverage, early-efficacy, final-efficacy, efficacy-at-1 …, futility, harm,
    /// safety.
    #[arg(long, value_name = "FIGURE", requires = "precision", value_parser = str::parse::<NamedFigure>)]
    precision_of: Option<NamedFigure>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Worker threads; all cores by default. The result does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print no progress bar and, with --out, no table.
    #[arg(long, short)]
    pub quiet: bool,
}

/// A whole number, also as 1e6 or 100_000.
pub fn whole_number(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    let number = plain.parse::<u64>().ok().or_else(|| {
        let number: f64 = plain.parse().ok()?;
        (number.fract() == 0.0 && (0.0..=1e15).contains(&number)).then_some(number as u64)
    });
    number
        .filter(|number| (1..=1_000_000_000_000).contains(number))
        .ok_or_else(|| "expected a whole number from 1 to 1e12, such as 20000 or 1e6".to_owned())
}

/// A number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| number > 0.0 && number.is_finite());
    number.ok_or_else(|| "expected a number above 0, such as 0.0005".to_owned())
}

impl SimulationArgs {
    /// The overrides that the options stand for.
    pub fn overrides(&self) -> Vec<String> {
        let replicates = self.replicates.map(|n| format!("run.replicates={n}"));
        let seed = self.seed.map(|seed| format!("run.seed={seed}"));
        replicates.into_iter().chain(seed).collect()
    }

    /// The precision asked for and the figure it is of, if that decides how much is simulated.
    pub fn precision(&self) -> Option<(f64, NamedFigure)> {
        self.precision.map(|asked| (asked, self.precision_of.unwrap_or(NamedFigure::Power)))
    }

    /// Refuses a precision of a figure that the scenario does not have.
    ///
    /// # Errors
    /// When it has none.
    pub fn check(&self, scenario: &Scenario) -> Result<(), Failure> {
        let Some((_, figure)) = self.precision() else { return Ok(()) };
        match figure.missing_from(scenario) {
            Some(missing) => Err(Failure::Usage(format!("--precision-of {figure}: {missing}"))),
            None => Ok(()),
        }
    }

    /// A session under a progress bar of so many replicates, which precision adapts.
    pub fn session(&self, replicates: u64) -> Session<'_> {
        let bar = if self.quiet { ProgressBar::hidden() } else { progress_bar(replicates) };
        Session { args: self, bar, runs_left: 1 }
    }

    /// Runs all replicates of scenarios side by side under a progress bar, until done or
    /// interrupted. The first scenario says how many.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when `rows` fails.
    pub fn simulate<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A,
        rows: Option<RowSink<'_>>,
    ) -> Result<A, Failure> {
        let replicates = scenarios[0].replicates;
        self.session(replicates).run(scenarios, 0..replicates, new, rows)
    }

    /// The same in waves until the precision that is asked for is reached; `None` where none is.
    /// `error` reads the standard error of a figure off what has been folded.
    ///
    /// # Errors
    /// As [`Self::simulate`]; when the precision is out of reach.
    pub fn simulate_until_precise<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A,
        error: impl Fn(&A, NamedFigure) -> f64,
    ) -> Result<Option<Precise<A>>, Failure> {
        self.session(engine::WAVE).run_until_precise(scenarios, new, error)
    }
}

/// A total that is as precise as was asked for.
pub struct Precise<A> {
    /// Of all replicates.
    pub tally: A,
    /// How many it took.
    pub replicates: u64,
    /// What was asked for and reached.
    pub reached: PrecisionReached,
}

/// One run after another under one progress bar.
pub struct Session<'a> {
    args: &'a SimulationArgs,
    bar: ProgressBar,
    /// Runs to come with this one; a precision that this one needs is expected of the others.
    pub runs_left: u64,
}

impl Session<'_> {
    /// Runs some replicates of scenarios side by side.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when `rows` fails.
    pub fn run<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        replicates: Range<u64>,
        new: impl Fn() -> A,
        rows: Option<RowSink<'_>>,
    ) -> Result<A, Failure> {
        let progress = |finished| self.bar.inc(finished);
        let options = self.options(replicates, &progress);
        engine::run_together(scenarios, &options, new, rows).map_err(|error| self.failure(error))
    }

    /// Runs replicates until a precision is reached; `None` where none is asked for.
    ///
    /// # Errors
    /// As [`Self::run`]; when the precision is out of reach.
    pub fn run_until_precise<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A,
        error: impl Fn(&A, NamedFigure) -> f64,
    ) -> Result<Option<Precise<A>>, Failure> {
        let Some((asked, figure)) = self.args.precision() else { return Ok(None) };
        let progress = |finished| self.bar.inc(finished);
        let options = self.options(0..u64::MAX, &progress);
        let before = self.bar.position();
        let mut end = Ok(f64::NAN);
        let result = engine::run_until(scenarios, &options, new, |total, replicates| {
            let error = error(total, figure);
            match precision::judge(asked, error, replicates, precision::MOST_REPLICATES) {
                Ok(Verdict::More(predicted)) => {
                    self.bar.set_length(before + predicted * self.runs_left);
                    return ControlFlow::Continue(());
                }
                Ok(Verdict::Enough) => end = Ok(error),
                Err(out_of_reach) => end = Err(out_of_reach),
            }
            ControlFlow::Break(())
        });
        let (tally, replicates) = result.map_err(|error| self.failure(error))?;
        let reached = end.map_err(|error| out_of_reach(figure, asked, error))?;
        let reached = PrecisionReached { figure: figure.to_string(), asked, reached };
        Ok(Some(Precise { tally, replicates, reached }))
    }

    fn options<'o>(
        &self,
        replicates: Range<u64>,
        progress: &'o (dyn Fn(u64) + Sync),
    ) -> engine::Options<'o> {
        let threads = self.args.threads.map(usize::from);
        engine::Options { replicates, threads, progress, cancelled: cancelled_by_signal() }
    }

    fn failure(&self, error: RunError) -> Failure {
        Failure::Running(match error {
            RunError::Cancelled => format!(
                "interrupted after {} of {} replicates; no file was written or changed",
                self.bar.position(),
                self.bar.length().unwrap_or_default()
            ),
            other => other.to_string(),
        })
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What to tell when a precision is out of reach.
pub fn out_of_reach(figure: impl fmt::Display, asked: f64, error: OutOfReach) -> Failure {
    Failure::Usage(format!("--precision {asked} of {figure} cannot be reached: {error}"))
}

/// Trials per second and time left, on standard error; silent where that is not a terminal.
fn progress_bar(replicates: u64) -> ProgressBar {
    let style = "{bar:30} {human_pos} of {human_len} trials, {rate} trials/s, {eta} left";
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
    };
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    ProgressBar::new(replicates).with_style(style.with_key("rate", rate))
}

/// A flag that Ctrl-C or a termination signal sets, the same for all runs of a command.
pub fn cancelled_by_signal() -> &'static AtomicBool {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        // Without a handler a signal ends the program; output files are only ever renamed into place.
        let _ = ctrlc::set_handler(|| CANCELLED.store(true, Ordering::Relaxed));
    });
    &CANCELLED
}

/// The command that recreates a result of scenarios, whatever machine and files this one used.
/// `amounts` are the options that say how much was simulated.
pub fn command_line(
    name: &str,
    paths: &[&std::path::Path],
    overrides: &[String],
    amounts: &[(&str, u64)],
) -> String {
    let options = amounts.iter().map(|(option, amount)| (*option, amount.to_string()));
    command_line_with(name, paths, overrides, &options.collect::<Vec<_>>())
}

/// The same with any options.
pub fn command_line_with(
    name: &str,
    paths: &[&std::path::Path],
    overrides: &[String],
    options: &[(&str, String)],
) -> String {
    let mut words = vec!["rescuesim".to_owned(), name.to_owned()];
    words.extend(paths.iter().map(|path| path.display().to_string()));
    for set in overrides {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    for (option, value) in options {
        words.extend([format!("--{option}"), value.clone()]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Replicates and seed of a scenario, as options.
pub fn amounts(scenario: &Scenario) -> [(&'static str, u64); 2] {
    [("replicates", scenario.replicates), ("seed", scenario.seed.0)]
}

/// A word as a POSIX shell needs it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
