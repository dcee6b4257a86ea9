//! `rescuesim sweep`.

mod files;
mod points;

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::{self, Job};
use rescuesim::explore::grid::{GridAxis, GridError, ParameterGrid};
use rescuesim::report::Provenance;
use rescuesim::report::sweep::rows::SweepRows;
use rescuesim::report::sweep::{self, SweptPoint, figures};
use rescuesim::scenario::{InputDocument, Scenario, Set};
use rescuesim::summary::checkpoint::{CheckpointError, MergedJob, MergedRun, RunId, Task};
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::{CheckpointArgs, CheckpointFile, ShardArgs};
use super::output::{self, for_terminal, print};
use super::pictures::{FigureArgs, FigurePainter};
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, ScenarioArgs, delay};
use files::SweepFiles;
use points::Point;

#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// A key and the values it takes: a range with both ends in, as in
    /// `--over missing.dropout=0..0.2:0.05`, or a TOML array, as in
    /// `--over sample_size.randomised=[300,348,400]`; repeated for every combination.
    #[arg(long = "over", value_name = "KEY=VALUES", alias = "vary", required = true)]
    over: Vec<String>,
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    #[command(flatten)]
    shard: ShardArgs,
    /// Skip the median-unbiased estimates, which in a grid of few replicates take longer than the
    /// trials; their columns are empty. A sweep that only prints a table never computes them.
    #[arg(long)]
    no_estimates: bool,
    /// Format of the output; CSV has a row for each point, truth and analysis.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write sweep.csv, sweep.parquet (where this rescuesim has Parquet), sweep.json and, over a key of
    /// numbers, power.svg, over two of them also heatmap.svg, with a [success] rule also rule.svg, to this
    /// directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    figures: FigureArgs,
}

/// The option that skips estimates, as checkpoints name it.
const NO_ESTIMATES: &str = "--no-estimates";

/// A sweep that has been simulated.
#[derive(Clone, Copy)]
pub struct SweepResult<'r> {
    provenance: &'r Provenance,
    grid: &'r ParameterGrid,
    points: &'r [SweptPoint],
}

pub fn sweep(args: &SweepArgs) -> Result<(), Failure> {
    let grid = grid(&args.over)?;
    let document = InputDocument::read(&args.scenario.scenario)?;
    let overrides = [args.scenario.overrides.clone(), args.simulation.overrides()].concat();
    let sets = Set::all(&overrides);
    let quiet = args.simulation.quiet;
    let base = delay::announced(quiet, || document.with(&sets).resolve())?;
    // All points before the first is simulated, so that an error in any is reported at once.
    let points = (0..grid.len()).map(|number| {
        let point = Point::new(&document, &sets, &base, &grid, number)?;
        args.simulation.check(&point.scenario)?;
        points::check_keys(&grid, &point.scenario)?;
        Ok(point)
    });
    let points = delay::announced(quiet, || points.collect::<Result<Vec<Point>, Failure>>())?;
    points::check_common(&base, &points)?;
    let all = base.replicates * points.len() as u64;
    args.shard.check(all)?;
    let provenance = args.provenance(&base);
    let files = match &args.out {
        Some(out) => {
            let painter = args.figures.painter(&[])?;
            let scenario = &provenance.scenario;
            Some(SweepFiles::create(out, &grid, scenario, painter, &document.paths())?)
        }
        None => None,
    };
    // With a precision each point ends by itself, and no number of replicates identifies the run.
    let stated = args.simulation.precision().is_none().then_some(base.replicates);
    let task = args.task(points.len());
    let run = RunId::new(&[&base], stated, task, provenance.command.clone())
        .in_shards(args.shard.shard());
    let swept = args.simulate(&grid, points, run)?;
    if args.shard.is_given() {
        swept.in_file?;
        // Only once the file is complete: a shard has no other result.
        return args.shard.report(&args.checkpoint, all);
    }
    let result = SweepResult { provenance: &provenance, grid: &grid, points: &swept.points };
    let written = files.map_or(Ok(Vec::new()), |files| files.finish(result));
    // With --quiet the files of --out are the result; without them there would be none.
    let is_printed = args.format != Format::Table || !args.simulation.quiet || args.out.is_none();
    if is_printed || written.is_err() {
        print_as(args.format, result, args.out.as_deref())?;
    }
    let written = written?;
    if !args.simulation.quiet {
        output::report_written(&written);
    }
    swept.in_file
}

/// Where the files of a merged sweep are written.
pub struct MergedFiles<'d> {
    /// The directory of `--out`.
    pub directory: &'d Path,
    /// Formats of the figures.
    pub painter: FigurePainter,
}

/// Prints the merged shards of a sweep, and writes them to a directory.
pub fn merged(
    run: &MergedRun,
    format: Format,
    out: Option<MergedFiles<'_>>,
    inputs: &[PathBuf],
) -> Result<(), Failure> {
    let directory = out.as_ref().map(|out| out.directory);
    let options = run.run.task.options.iter();
    // A checkpoint records its grid in the options alone, so the axes are parsed again.
    let over: Vec<String> = options.filter(|&option| option != NO_ESTIMATES).cloned().collect();
    let grid = grid(&over)?;
    let base = run.run.scenario().map_err(unusable_shards)?;
    let files = match out {
        Some(MergedFiles { directory, painter }) => {
            Some(SweepFiles::create(directory, &grid, base.file(), painter, inputs)?)
        }
        None => None,
    };
    let mut points = Vec::with_capacity(grid.len());
    for number in 0..grid.len() {
        let MergedJob { scenario, following, tally } =
            run.job(number as u64).map_err(unusable_shards)?;
        let result = OperatingCharacteristics::new(&scenario, &tally);
        // No precision: clap refuses --shard with it, as a shard needs to know its replicates.
        let point = SweptPoint::new(&grid, number, scenario.replicates, None, result);
        points.push(point.with_following(following));
    }
    let provenance = Provenance::new(&base, run.run.command.clone());
    let result = SweepResult { provenance: &provenance, grid: &grid, points: &points };
    let written = files.map_or(Ok(Vec::new()), |files| files.finish(result));
    print_as(format, result, directory)?;
    output::report_written(&written?);
    Ok(())
}

fn grid(over: &[String]) -> Result<ParameterGrid, Failure> {
    let axes = over.iter().map(|text| GridAxis::parse(text)).collect::<Result<Vec<_>, _>>();
    axes.and_then(ParameterGrid::new).map_err(|error: GridError| Failure::Usage(error.to_string()))
}

/// Simulated points of a sweep.
struct Swept {
    points: Vec<SweptPoint>,
    /// Whether the checkpoint has all of it.
    in_file: Result<(), Failure>,
}

impl SweepArgs {
    fn provenance(&self, base: &Scenario) -> Provenance {
        let command = self
            .over
            .iter()
            .fold(self.scenario.command("sweep"), |line, over| line.option("over", over));
        let command = if self.no_estimates { command.flag("no-estimates") } else { command };
        // With a precision each point takes a number of replicates of its own.
        Provenance::new(base, self.simulation.recreate(command, base).to_string())
    }

    fn task(&self, points: usize) -> Task {
        // Totals with and without estimates cannot be merged.
        let mut options = self.over.clone();
        options.extend(self.no_estimates.then(|| NO_ESTIMATES.to_owned()));
        Task { command: "sweep".to_owned(), options, jobs: points as u64, can_grow: true }
    }

    /// Returns whether anything that is printed, written or kept for later has adjusted estimates.
    fn estimates(&self) -> AdjustedEstimates {
        // A checkpoint may be resumed with another format, and must then have them.
        let are_shown = match self.format {
            Format::Table | Format::Markdown => self.out.is_some() || self.checkpoint.is_given(),
            Format::Json | Format::Csv => true,
        };
        if are_shown && !self.no_estimates {
            AdjustedEstimates::Computed
        } else {
            AdjustedEstimates::Skipped
        }
    }

    /// Simulates one point after another, on the same random numbers.
    fn simulate(
        &self,
        grid: &ParameterGrid,
        points: Vec<Point>,
        run: RunId,
    ) -> Result<Swept, Failure> {
        // One progress bar for all points.
        let own: Vec<_> = (0..points.len()).map(|job| run.own_replicates(job as u64)).collect();
        // With a precision the first look at the errors predicts how many it takes.
        let all = match self.simulation.precision() {
            Some(_) => points.len() as u64 * engine::STOP_EVERY,
            None => own.iter().map(|own| own.end - own.start).sum(),
        };
        let file = self.checkpoint.open(run, self.simulation.threads())?;
        let mut session = self.simulation.session(all).in_file(file);
        session.runs_left = points.len() as u64;
        session.estimates = self.estimates();
        let mut swept = Vec::with_capacity(points.len());
        for (number, (Point { scenario, following }, own)) in
            points.into_iter().zip(own).enumerate()
        {
            if own.is_empty() {
                // Another shard has all replicates of this point.
                continue;
            }
            session.name(format_args!("point {} of {}", number + 1, grid.len()));
            let following: Vec<String> = following.iter().map(Set::to_string).collect();
            // By its place in the grid: a shard has only some of the points, and `merge` has to
            // find them.
            session.next_job = number as u64;
            session.following.clone_from(&following);
            let Simulated { tally, next, reached } = session.fold_until_precise(
                [&scenario],
                Job::of(own),
                || Tally::new(&scenario),
                Tally::error_to_stop_by,
            )?;
            // The time left is estimated for the runs that remain.
            session.runs_left -= 1;
            // Part of a point has no operating characteristics; `merge` computes those of the whole.
            if self.shard.is_given() {
                continue;
            }
            let result = OperatingCharacteristics::new(&scenario, &tally);
            let point = SweptPoint::new(grid, number, next, reached, result);
            swept.push(point.with_following(following));
        }
        let in_file = session.end().map_or(Ok(()), CheckpointFile::finish);
        Ok(Swept { points: swept, in_file })
    }
}

fn print_as(
    format: Format,
    result: SweepResult<'_>,
    figures: Option<&Path>,
) -> Result<(), Failure> {
    let SweepResult { provenance, grid, points } = result;
    let mut out = Vec::new();
    let written = match format {
        Format::Json => sweep::write_json(provenance, points, &mut out),
        Format::Csv => SweepRows::new(grid, points).write_csv(&mut out),
        Format::Markdown => {
            // Markdown has no width: a reader of the page scrolls.
            let document = sweep::document(provenance, grid, points, usize::MAX);
            return print(&document.to_markdown());
        }
        Format::Table => {
            let document = sweep::document(provenance, grid, points, output::columns());
            print(&for_terminal(&document))?;
            return print(note_on_figure(result, figures));
        }
    };
    // JSON and CSV are written to files by the same functions.
    written.expect("memory can be written to");
    print(&String::from_utf8(out).expect("JSON and CSV are text"))
}

/// Says that there are no figures.
fn note_on_figure(result: SweepResult<'_>, directory: Option<&Path>) -> &'static str {
    if directory.is_some() && figures::names(result.grid, &result.provenance.scenario).is_empty() {
        "No power.svg: no key of --over has numbers only.\n"
    } else {
        ""
    }
}

/// Returns the failure of a merge whose shards together are not the results of a sweep.
fn unusable_shards(error: CheckpointError) -> Failure {
    Failure::Usage(format!("the shards: the file {error}"))
}
