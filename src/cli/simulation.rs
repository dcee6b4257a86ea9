//! Options and progress bar of every command that simulates.

use std::fmt;
use std::num::NonZero;

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rescuesim::engine::{self, Accumulator, FoldError, Folded, Job};
use rescuesim::explore::precision::{self, OutOfReach, PrecisionReached, Verdict};
use rescuesim::scenario::Scenario;
use rescuesim::summary::NamedQuantity;

use super::recreate::CommandLine;
use super::signals::cancelled_by_signal;
use super::{Failure, values};

/// How much to simulate, and with how much noise.
#[derive(Debug, Args)]
pub struct SimulationArgs {
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = values::replicates)]
    replicates: Option<u64>,
    /// Simulate, in place of a stated number, until the Monte Carlo standard error of a figure is this
    /// small for every analysis, as in `--precision 0.0005`. The command printed at the end has the
    /// number that took.
    #[arg(long, value_name = "ERROR", conflicts_with = "replicates", value_parser = values::standard_error)]
    precision: Option<f64>,
    /// The figure that --precision is of: power (the default), type-i-error, assurance, expected-n,
    /// duration, estimate, coverage, early-efficacy, final-efficacy, efficacy-at-1 …, futility, harm,
    /// safety.
    #[arg(long, value_name = "FIGURE", requires = "precision", conflicts_with = "replicates", value_parser = str::parse::<NamedQuantity>)]
    precision_of: Option<NamedQuantity>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = values::seed)]
    seed: Option<u64>,
    /// Worker threads; all cores by default, and at most four for each core. The result does not
    /// depend on them.
    #[arg(long, value_parser = values::threads)]
    threads: Option<u16>,
    /// Print no progress bar and, with --out, no table.
    #[arg(long, short)]
    pub quiet: bool,
}

impl SimulationArgs {
    /// Returns the overrides that the options are short for.
    pub fn overrides(&self) -> Vec<String> {
        let replicates = self.replicates.map(|n| format!("run.replicates={n}"));
        let seed = self.seed.map(|seed| format!("run.seed={seed}"));
        replicates.into_iter().chain(seed).collect()
    }

    /// Returns the number of worker threads.
    pub fn threads(&self) -> usize {
        worker_threads(self.threads)
    }

    /// Returns the precision asked for and its quantity, if that decides how much is simulated.
    pub fn precision(&self) -> Option<(f64, NamedQuantity)> {
        self.precision.map(|asked| (asked, self.precision_of.unwrap_or(NamedQuantity::POWER)))
    }

    /// Adds what decides how much is simulated, and the seed.
    pub fn recreate(&self, command: CommandLine, scenario: &Scenario) -> CommandLine {
        match self.precision() {
            Some((asked, figure)) => command
                .option("precision", asked)
                .option("precision-of", figure)
                .option("seed", scenario.seed.0),
            None => command.amounts(scenario),
        }
    }

    /// Refuses a precision of a quantity that the scenario does not have.
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

    /// Starts a progress bar for the simulations of this many replicates in all.
    pub fn session(&self, replicates: u64) -> Session<'_> {
        let bar = progress_bar(replicates);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let on_interruption = "no file was written or changed".to_owned();
        Session { args: self, bar, runs_left: 1, on_interruption }
    }
}

/// A total, and the number of replicates that it has.
pub struct Simulated<A> {
    /// Total of all replicates before `next`.
    pub tally: A,
    /// Number of the first replicate that was not simulated.
    pub next: u64,
    /// The precision that decided on `next`; `None` if a number was given.
    pub reached: Option<PrecisionReached>,
}

/// Simulations, one after another, under one progress bar.
pub struct Session<'a> {
    args: &'a SimulationArgs,
    bar: ProgressBar,
    /// Simulations that the bar still has to show, including the current one: a precision is expected to
    /// need as many replicates in each.
    pub runs_left: u64,
    /// State of the files after an interruption, for the message.
    pub on_interruption: String,
}

impl Session<'_> {
    /// Simulates the replicates of a job, with the threads of the command and until a signal.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when a row cannot be written.
    pub fn fold<'s, A: Accumulator>(
        &self,
        scenarios: impl IntoIterator<Item = &'s Scenario>,
        job: Job<'_, A>,
        new: impl Fn() -> A + Sync,
    ) -> Result<Simulated<A>, Failure> {
        let progress = |finished| self.bar.inc(finished);
        let job = Job {
            threads: Some(self.args.threads()),
            cancelled: cancelled_by_signal(),
            progress: &progress,
            ..job.shortened()
        };
        let Folded { total, next } =
            engine::fold(scenarios, job, new).map_err(|error| self.failure(error))?;
        Ok(Simulated { tally: total, next, reached: None })
    }

    /// Simulates the replicates of a job, or if `--precision` is given as many from its first on as that
    /// takes; `error` reads the standard error of a figure off the total.
    ///
    /// The bar shows the predicted number if [`Self::begin_at`] has counted the replicates before the
    /// first one.
    ///
    /// # Errors
    /// When [`Self::fold`] fails, and when the precision is out of reach.
    pub fn fold_until_precise<'s, A: Accumulator>(
        &self,
        scenarios: impl IntoIterator<Item = &'s Scenario>,
        job: Job<'_, A>,
        new: impl Fn() -> A + Sync,
        error: impl Fn(&A, NamedQuantity) -> f64,
    ) -> Result<Simulated<A>, Failure> {
        let Some((asked, figure)) = self.args.precision() else {
            return self.fold(scenarios, job, new);
        };
        let scenarios: Vec<&Scenario> = scenarios.into_iter().collect();
        // The bar may show earlier simulations too, and replicates that a checkpoint had.
        let before = self.bar.position().saturating_sub(job.replicates.start);
        let mut job = job;
        job.replicates.end = u64::MAX;
        let mut reached = Ok(f64::NAN);
        let mut is_enough = |total: &A, next: u64| {
            let error = error(total, figure);
            match precision::judge(asked, error, next, precision::MOST_REPLICATES) {
                Ok(Verdict::More(predicted)) => {
                    self.bar.set_length(before + predicted * self.runs_left);
                    return false;
                }
                Ok(Verdict::Enough) => reached = Ok(error),
                Err(out_of_reach) => reached = Err(out_of_reach),
            }
            true
        };
        let job = Job { stop: Some(&mut is_enough), ..job.shortened() };
        let simulated = self.fold(scenarios.iter().copied(), job, new)?;
        let reached = reached.map_err(|error| out_of_reach(figure, asked, error))?;
        let has_variate = figure.has_control_variate();
        // Compared scenarios share their noise already and have no control variates.
        let by_control_variate =
            has_variate && matches!(scenarios[..], [one] if one.variance_reduction);
        let figure = figure.to_string();
        let reached = Some(PrecisionReached { figure, asked, reached, by_control_variate });
        Ok(Simulated { reached, ..simulated })
    }

    /// Counts replicates that an earlier run simulated as done.
    pub fn begin_at(&self, replicates: u64) {
        self.bar.set_position(replicates);
        self.bar.reset_eta();
    }

    fn failure(&self, error: FoldError) -> Failure {
        Failure::Running(match error {
            FoldError::Cancelled => {
                let done = self.bar.position();
                // A search may take more than the bar was made for: then its length says nothing.
                let all = self.bar.length().filter(|&all| all >= done);
                let of_all = all.map_or(String::new(), |all| format!(" of {all}"));
                format!("interrupted after {done}{of_all} replicates; {}", self.on_interruption)
            }
            FoldError::Threads(_) | FoldError::Rows(_) => error.to_string(),
        })
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Returns the number of worker threads asked for; all cores by default.
pub fn worker_threads(asked: Option<u16>) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // More than four for each core would gain nothing, and each has its own buffers.
    asked.map_or(cores, |asked| usize::from(asked).min(4 * cores))
}

/// Returns the failure for a precision that is out of reach.
pub fn out_of_reach(figure: impl fmt::Display, asked: f64, error: OutOfReach) -> Failure {
    Failure::Usage(format!("--precision {asked} of {figure} cannot be reached: {error}"))
}

/// Makes a progress bar on standard error, which shows nothing if that is not a terminal.
fn progress_bar(replicates: u64) -> ProgressBar {
    let style = "{bar:30} {human_pos} of {human_len} trials, {rate} trials/s, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    // The rate of indicatif itself has four decimals.
    let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
    });
    ProgressBar::new(replicates).with_style(style)
}
