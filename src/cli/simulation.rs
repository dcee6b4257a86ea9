//! What every simulating command shares: how much to simulate, progress, interruption.

use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use rescuesim::engine::{self, Accumulator, RowSink, RunError, Waves};
use rescuesim::explore::precision::{self, OutOfReach, PrecisionReached, Verdict};
use rescuesim::scenario::Scenario;
use rescuesim::summary::NamedFigure;

use super::clock::now;
use super::signals::cancelled_by_signal;
use super::{Failure, values};

/// How much to simulate, and with how much noise.
#[derive(Debug, Args)]
pub struct SimulationArgs {
    /// Simulated trials under each truth, such as 20000 or 1e6; the same as --set run.replicates.
    #[arg(long, value_parser = values::replicates)]
    replicates: Option<u64>,
    /// Simulate, in place of a stated number, until the Monte-Carlo standard error of a figure is this
    /// small for every analysis, as in `--precision 0.0005`. The command printed at the end has the
    /// number that took.
    #[arg(long, value_name = "ERROR", conflicts_with = "replicates", value_parser = values::standard_error)]
    precision: Option<f64>,
    /// The figure that --precision is of: power (the default), type-i-error, assurance, expected-n,
    /// duration, estimate, coverage, early-efficacy, final-efficacy, efficacy-at-1 …, futility, harm,
    /// safety.
    #[arg(long, value_name = "FIGURE", requires = "precision", conflicts_with = "replicates", value_parser = str::parse::<NamedFigure>)]
    precision_of: Option<NamedFigure>,
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
    /// The overrides that the options stand for.
    pub fn overrides(&self) -> Vec<String> {
        let replicates = self.replicates.map(|n| format!("run.replicates={n}"));
        let seed = self.seed.map(|seed| format!("run.seed={seed}"));
        replicates.into_iter().chain(seed).collect()
    }

    /// Worker threads.
    pub fn threads(&self) -> usize {
        worker_threads(self.threads)
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
        let bar = progress_bar(replicates);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Session { args: self, bar, runs_left: 1, kept: "no file was written or changed".to_owned() }
    }

    /// Runs replicates of scenarios side by side under a progress bar: until the precision that is
    /// asked for is reached, and else as many as the first scenario says. `error` reads the standard
    /// error of a figure off what has been folded.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when the precision is out of reach.
    pub fn simulate<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A + Sync,
        error: impl Fn(&A, NamedFigure) -> f64,
    ) -> Result<Simulated<A>, Failure> {
        self.session(scenarios[0].replicates).run(scenarios, new, error)
    }

    /// Runs as many replicates as the first scenario says, and hands over their rows where these are
    /// wanted.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when `rows` fails.
    pub fn simulate_all<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A + Sync,
        rows: Option<RowSink<'_>>,
    ) -> Result<A, Failure> {
        let replicates = scenarios[0].replicates;
        self.session(replicates).run_range(scenarios, 0..replicates, new, rows)
    }
}

/// What some replicates were folded into.
pub struct Simulated<A> {
    /// Their total.
    pub tally: A,
    /// The number of the replicate after the last.
    pub next: u64,
    /// The precision that decided on that, if one did.
    pub reached: Option<PrecisionReached>,
}

/// One run after another under one progress bar.
pub struct Session<'a> {
    args: &'a SimulationArgs,
    bar: ProgressBar,
    /// Runs to come with this one; a precision that this one needs is expected of the others.
    pub runs_left: u64,
    /// What is left when it is interrupted.
    pub kept: String,
}

impl Session<'_> {
    /// Runs replicates of scenarios side by side: until the precision that is asked for is reached, and
    /// else as many as the first scenario says.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when the precision is out of reach.
    pub fn run<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        new: impl Fn() -> A + Sync,
        error: impl Fn(&A, NamedFigure) -> f64,
    ) -> Result<Simulated<A>, Failure> {
        if let Some(asked) = self.args.precision() {
            let (Waves { total, next, interrupted }, reached) =
                self.waves_until_precise(scenarios, (new(), 0), new, (asked, error), |_, _| {
                    engine::WAVE
                })?;
            if interrupted {
                return Err(self.failure(RunError::Cancelled));
            }
            return Ok(Simulated { tally: total, next, reached });
        }
        let next = scenarios[0].replicates;
        let tally = self.run_range(scenarios, 0..next, new, None)?;
        Ok(Simulated { tally, next, reached: None })
    }

    /// Runs these replicates of scenarios side by side.
    ///
    /// # Errors
    /// When interrupted, when threads cannot be started, when `rows` fails.
    pub fn run_range<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        replicates: Range<u64>,
        new: impl Fn() -> A + Sync,
        rows: Option<RowSink<'_>>,
    ) -> Result<A, Failure> {
        let progress = |finished| self.bar.inc(finished);
        let options = self.options(replicates, &progress);
        engine::run_together(scenarios, &options, new, rows).map_err(|error| self.failure(error))
    }

    /// Runs replicates on top of those that a total has, until a precision is reached where one is
    /// asked for, and else all that are given. `keep` is shown totals on the way, with the number of the
    /// next replicate and whether it is the last, as the run is interrupted.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn go_on<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        (total, replicates): (A, Range<u64>),
        new: impl Fn() -> A + Sync,
        error: impl Fn(&A, NamedFigure) -> f64,
        mut keep: impl FnMut(&A, u64, bool),
    ) -> Result<Simulated<A>, Failure> {
        let mut pace = Pace::new(self.args.threads());
        let wave = |total: &A, next: u64| {
            let wave = pace.next_wave();
            keep(total, next, false);
            pace.begin();
            wave
        };
        let waves = match self.args.precision() {
            Some(asked) => {
                let before = (total, replicates.start);
                self.waves_until_precise(scenarios, before, new, (asked, error), wave)?
            }
            None => {
                let mut wave = wave;
                let wave_end = |total: &A, next: u64| Some(next + wave(total, next));
                (self.waves(scenarios, (total, replicates), new, wave_end)?, None)
            }
        };
        let (Waves { total, next, interrupted }, reached) = waves;
        if interrupted {
            keep(&total, next, true);
            return Err(self.failure(RunError::Cancelled));
        }
        Ok(Simulated { tally: total, next, reached })
    }

    /// Waves of at most as many replicates as `wave` says, until a precision is reached; the error
    /// decides at whole numbers of [`engine::WAVE`].
    fn waves_until_precise<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        (total, next): (A, u64),
        new: impl Fn() -> A + Sync,
        ((asked, figure), error): ((f64, NamedFigure), impl Fn(&A, NamedFigure) -> f64),
        mut wave: impl FnMut(&A, u64) -> u64,
    ) -> Result<(Waves<A>, Option<PrecisionReached>), Failure> {
        let before = self.bar.position() - next;
        let mut end = Ok(f64::NAN);
        let wave_end = |total: &A, next: u64| {
            let judged = (next / engine::WAVE + 1) * engine::WAVE;
            let wave_end = Some(judged.min(next + wave(total, next)));
            // Whatever was simulated before, and however fast, the error decides at the same numbers.
            if next == 0 || !next.is_multiple_of(engine::WAVE) {
                return wave_end;
            }
            let error = error(total, figure);
            match precision::judge(asked, error, next, precision::MOST_REPLICATES) {
                Ok(Verdict::More(predicted)) => {
                    self.bar.set_length(before + predicted * self.runs_left);
                    return wave_end;
                }
                Ok(Verdict::Enough) => end = Ok(error),
                Err(out_of_reach) => end = Err(out_of_reach),
            }
            None
        };
        let waves = self.waves(scenarios, (total, next..u64::MAX), new, wave_end)?;
        let reached = end.map_err(|error| out_of_reach(figure, asked, error))?;
        let with_variate = [NamedFigure::Power, NamedFigure::TypeIError].contains(&figure);
        let by_control_variate =
            with_variate && scenarios.len() == 1 && scenarios[0].variance_reduction;
        let figure = figure.to_string();
        Ok((waves, Some(PrecisionReached { figure, asked, reached, by_control_variate })))
    }

    fn waves<A: Accumulator>(
        &self,
        scenarios: &[Scenario],
        (total, replicates): (A, Range<u64>),
        new: impl Fn() -> A + Sync,
        wave_end: impl FnMut(&A, u64) -> Option<u64>,
    ) -> Result<Waves<A>, Failure> {
        let progress = |finished| self.bar.inc(finished);
        let options = self.options(replicates, &progress);
        engine::run_in_waves(scenarios, &options, total, new, wave_end)
            .map_err(|error| self.failure(error))
    }

    /// Counts replicates that were run before as done.
    pub fn begin_at(&self, replicates: u64) {
        self.bar.set_position(replicates);
        self.bar.reset_eta();
    }

    fn options<'o>(
        &self,
        replicates: Range<u64>,
        progress: &'o (dyn Fn(u64) + Sync),
    ) -> engine::Options<'o> {
        let threads = Some(self.args.threads());
        engine::Options { replicates, threads, progress, cancelled: cancelled_by_signal() }
    }

    fn failure(&self, error: RunError) -> Failure {
        Failure::Running(match error {
            RunError::Cancelled => {
                let done = self.bar.position();
                // A search goes on beyond what a single run was thought to take.
                let all = self.bar.length().filter(|&all| all >= done);
                let of_all = all.map_or(String::new(), |all| format!(" of {all}"));
                format!("interrupted after {done}{of_all} replicates; {}", self.kept)
            }
            other => other.to_string(),
        })
    }
}

/// How many replicates make a wave: those of a tenth to half of a second, or where a replicate takes
/// longer than that a few for each thread, or one.
struct Pace {
    began: Instant,
    wave: u64,
    threads: u64,
}

impl Pace {
    /// Replicates for each thread, so that none waits long for the slowest; a wave of fewer is for
    /// replicates that take [`Pace::LONG`] or more.
    const FEW: u64 = 4;
    const LONG: Duration = Duration::from_secs(10);

    /// More replicates than a wave of them would need a year.
    const MOST: u64 = 1_000_000_000_000;

    fn new(threads: usize) -> Self {
        Self { began: now(), wave: threads as u64, threads: threads as u64 }
    }

    /// Replicates of the next wave, by the time that this one has taken.
    fn next_wave(&mut self) -> u64 {
        let took = self.began.elapsed();
        let most = if self.wave > Self::FEW * self.threads {
            Duration::from_millis(500)
        } else {
            Self::LONG
        };
        if took > most {
            self.wave = (self.wave / 2).max(self.threads);
        } else if took < Duration::from_millis(100) {
            // Waves that take no time may come without end.
            self.wave = (self.wave * 2).min(Self::MOST);
        }
        self.wave
    }

    /// A wave begins.
    fn begin(&mut self) {
        self.began = now();
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The worker threads asked for, all cores by default. More than four for each core would gain
/// nothing, and each has its own memory.
pub fn worker_threads(asked: Option<u16>) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    asked.map_or(cores, |asked| usize::from(asked).min(4 * cores))
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
