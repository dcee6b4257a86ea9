//! Options and progress bar of every command that simulates.

use std::fmt;
use std::num::NonZero;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rescuesim::engine::{self, FoldError, Folded, Job};
use rescuesim::explore::precision::{self, OutOfReach, PrecisionReached, Verdict};
use rescuesim::report::command_line::CommandLine;
use rescuesim::report::grouped;
use rescuesim::scenario::Scenario;
use rescuesim::summary::NamedQuantity;
use rescuesim::summary::checkpoint::{JobTotal, StoredTotal};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::CheckpointFile;
use super::signals::cancelled_by_signal;
use super::{Failure, values};

/// How much to simulate, and with how much noise.
#[derive(Debug, Args)]
pub struct SimulationArgs {
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = values::replicates)]
    replicates: Option<u64>,
    /// Simulate, instead of a given number of replicates, until the Monte Carlo standard error of a
    /// quantity is this small for every analysis, as in `--precision 0.0005`. The command printed at the
    /// end has the number of replicates that took.
    #[arg(long, value_name = "ERROR", conflicts_with = "replicates", value_parser = values::standard_error)]
    precision: Option<f64>,
    /// The quantity that --precision is of: power (the default), type-i-error, assurance, expected-n,
    /// duration, estimate, coverage, early-efficacy, final-efficacy, efficacy-at-1 …, futility, harm,
    /// safety.
    #[arg(long, value_name = "QUANTITY", requires = "precision", conflicts_with = "replicates", value_parser = str::parse::<NamedQuantity>)]
    precision_of: Option<NamedQuantity>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = values::seed)]
    seed: Option<u64>,
    /// Worker threads; all cores by default, at most four for each core. The result does not depend on
    /// their number.
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
            Some((asked, quantity)) => command
                .option("precision", asked)
                .option("precision-of", quantity)
                .option("seed", scenario.seed.0),
            None => command.amounts(scenario),
        }
    }

    /// Refuses a precision of a quantity that the scenario does not have.
    ///
    /// # Errors
    /// When it has none.
    pub fn check(&self, scenario: &Scenario) -> Result<(), Failure> {
        let Some((_, quantity)) = self.precision() else { return Ok(()) };
        match quantity.missing_from(scenario) {
            Some(missing) => Err(Failure::Usage(format!("--precision-of {quantity}: {missing}"))),
            None => Ok(()),
        }
    }

    /// Starts a progress bar for the simulations of this many replicates in all.
    pub fn session(&self, replicates: u64) -> Session<'_> {
        let bar = progress_bar(replicates);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Session {
            args: self,
            bar,
            runs_left: 1,
            next_job: 0,
            following: Vec::new(),
            estimates: AdjustedEstimates::Computed,
            file: None,
        }
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

/// Simulations, one after another, under one progress bar and in one checkpoint.
pub struct Session<'a> {
    args: &'a SimulationArgs,
    bar: ProgressBar,
    /// Simulations that the bar still has to show, including the current one: a precision is expected to
    /// need as many replicates in each.
    pub runs_left: u64,
    /// Number of the next simulation, by which a checkpoint finds it.
    pub next_job: u64,
    /// Overrides by which the scenario of the next simulation follows a number of patients.
    pub following: Vec<String>,
    /// Whether trials get estimates that allow for the looks.
    pub estimates: AdjustedEstimates,
    /// File that keeps what has been simulated.
    file: Option<CheckpointFile>,
}

impl Session<'_> {
    /// Keeps what is simulated in a file, and continues from what it has.
    #[must_use]
    pub fn in_file(mut self, file: Option<CheckpointFile>) -> Self {
        self.file = file;
        self
    }

    /// Names what is simulated next.
    pub fn name(&self, name: impl fmt::Display) {
        self.bar.set_prefix(format!("{name}: "));
    }

    /// Expects this many replicates after those that the bar has counted.
    pub fn expect(&self, replicates: u64) {
        self.bar.set_length(self.bar.position() + replicates);
    }

    /// Ends the progress bar, and returns the file that is to be finished.
    pub fn end(mut self) -> Option<CheckpointFile> {
        self.file.take()
    }

    /// Simulates the replicates of a job, with the threads of the command and until a signal. Replicates
    /// that a checkpoint has are not simulated again.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when a row cannot be written, when a checkpoint
    /// does not fit.
    pub fn fold<'s, A: StoredTotal>(
        &mut self,
        scenarios: impl IntoIterator<Item = &'s Scenario>,
        job: Job<'_, A>,
        new: impl Fn() -> A + Sync,
    ) -> Result<Simulated<A>, Failure> {
        let scenarios: Vec<&Scenario> = scenarios.into_iter().collect();
        let mut job = job.shortened();
        self.begin(&scenarios, &mut job, &new)?;
        self.fold_begun(&scenarios, job, new)
    }

    /// Simulates the replicates of a job, or if `--precision` is given as many from its first on as that
    /// takes; `error` reads the standard error of a quantity off the total.
    ///
    /// # Errors
    /// When [`Self::fold`] fails, and when the precision is out of reach.
    pub fn fold_until_precise<'s, A: StoredTotal>(
        &mut self,
        scenarios: impl IntoIterator<Item = &'s Scenario>,
        job: Job<'_, A>,
        new: impl Fn() -> A + Sync,
        error: impl Fn(&A, NamedQuantity) -> f64,
    ) -> Result<Simulated<A>, Failure> {
        let Some((asked, quantity)) = self.args.precision() else {
            return self.fold(scenarios, job, new);
        };
        let scenarios: Vec<&Scenario> = scenarios.into_iter().collect();
        let mut job = job.shortened();
        // The stop rule ends the fold: it knows how many are needed, or that no number will do.
        job.replicates.end = u64::MAX;
        self.begin(&scenarios, &mut job, &new)?;
        // The bar shows earlier simulations too, and replicates that a checkpoint had.
        let before = self.bar.position().saturating_sub(job.replicates.start);
        // The bar is shared by its clones; the session itself is borrowed by the fold.
        let (bar, runs_left) = (self.bar.clone(), self.runs_left);
        let mut reached = Ok(f64::NAN);
        let mut is_enough = |total: &A, next: u64| {
            let error = error(total, quantity);
            match precision::judge(asked, error, next, precision::MOST_REPLICATES) {
                Ok(Verdict::More(predicted)) => {
                    // How many later points of a grid take is unknown: as many as this one is the best guess.
                    bar.set_length(before + predicted * runs_left);
                    return false;
                }
                Ok(Verdict::Enough) => reached = Ok(error),
                Err(out_of_reach) => reached = Err(out_of_reach),
            }
            true
        };
        let job = Job { stop: Some(&mut is_enough), ..job.shortened() };
        let simulated = self.fold_begun(&scenarios, job, new)?;
        let reached = reached.map_err(|error| out_of_reach(quantity, asked, error))?;
        let has_variate = quantity.has_control_variate();
        // Compared scenarios share their noise already and have no control variates.
        let by_control_variate =
            has_variate && matches!(scenarios[..], [one] if one.variance_reduction);
        let figure = quantity.to_string();
        let reached = Some(PrecisionReached { figure, asked, reached, by_control_variate });
        Ok(Simulated { reached, ..simulated })
    }

    /// Looks up the next job in the checkpoint, and counts replicates that it has as done.
    fn begin<A: StoredTotal>(
        &mut self,
        scenarios: &[&Scenario],
        job: &mut Job<'_, A>,
        new: impl Fn() -> A,
    ) -> Result<(), Failure> {
        // Of this job alone: the next scenario may follow nothing.
        let following = std::mem::take(&mut self.following);
        let number = self.next_job;
        self.next_job += 1;
        let Some(file) = &mut self.file else { return Ok(()) };
        let start = job.replicates.start;
        let begun = JobTotal::begun(number, scenarios, following, start, &new());
        file.begin(begun, job, scenarios, new)?;
        // Without this the time left would be estimated from replicates that took no time.
        if job.replicates.start > start {
            self.bar.inc(job.replicates.start - start);
            self.bar.reset_eta();
        }
        Ok(())
    }

    fn fold_begun<A: StoredTotal>(
        &mut self,
        scenarios: &[&Scenario],
        job: Job<'_, A>,
        new: impl Fn() -> A + Sync,
    ) -> Result<Simulated<A>, Failure> {
        let bar = &self.bar;
        let mut job = Job {
            threads: Some(self.args.threads()),
            cancelled: cancelled_by_signal(),
            progress: &|finished| bar.inc(finished),
            estimates: self.estimates,
            ..job.shortened()
        };
        if let Some(file) = &mut self.file {
            job.observer = Some(file);
        }
        let folded = engine::fold(scenarios.iter().copied(), job, new);
        let Folded { total, next } = folded.map_err(|error| self.failure(error))?;
        if let Some(file) = &mut self.file {
            file.end_job(&total, next);
        }
        Ok(Simulated { tally: total, next, reached: None })
    }

    fn failure(&self, error: FoldError) -> Failure {
        Failure::Running(match error {
            FoldError::Cancelled => {
                let done = self.bar.position();
                // A search may take more than the bar was made for: then its length says nothing.
                let all = self.bar.length().filter(|&all| all >= done);
                let of_all = all.map_or(String::new(), |all| format!(" of {}", grouped(all)));
                let kept = self.file.as_ref().map_or_else(
                    || "no file was written or changed".to_owned(),
                    CheckpointFile::on_interruption,
                );
                format!("interrupted after {}{of_all} replicates; {kept}", grouped(done))
            }
            FoldError::Threads(_) | FoldError::Rows(_) => error.to_string(),
        })
    }
}

// On every way out: an error that is printed behind a bar would be overwritten by it.
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
pub fn out_of_reach(quantity: impl fmt::Display, asked: f64, error: OutOfReach) -> Failure {
    Failure::Usage(format!("--precision {asked} of {quantity} cannot be reached: {error}"))
}

/// Makes a progress bar on standard error, which shows nothing if that is not a terminal.
fn progress_bar(replicates: u64) -> ProgressBar {
    let style = "{prefix}{bar:20} {done} of {all} replicates, {rate} per second, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is valid");
    // Thousands as in tables; the rate of indicatif itself has four decimals.
    let style = style
        .with_key("done", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&grouped(state.pos()));
        })
        .with_key("all", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&grouped(state.len().unwrap_or(0)));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&grouped(state.per_sec() as u64));
        });
    ProgressBar::new(replicates).with_style(style)
}
