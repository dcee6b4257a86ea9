//! `rescuesim sweep`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::grid::{GridAxis, GridError, ParameterGrid};
use rescuesim::report::Provenance;
use rescuesim::report::figure::MOST_LINES;
use rescuesim::report::sweep::rows::SweepRows;
use rescuesim::report::sweep::{self, SweptPoint, curves};
use rescuesim::scenario::edit::{self, EditError};
use rescuesim::scenario::{InputDocument, Origin, Rejection, Scenario, Set, size};
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::output::{self, OutputFile, print, warn_of_earlier};
use super::recreate::CommandLine;
use super::signals::handle_signals;
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, Format, ScenarioArgs};

#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// A key and the values it takes: a range with both ends in, as in
    /// `--over missing.dropout=0..0.2:0.05`, or a TOML array, as in
    /// `--over sample_size.randomised=[300,348,400]`; repeated for every combination.
    #[arg(long = "over", value_name = "KEY=VALUES", required = true)]
    over: Vec<String>,
    #[command(flatten)]
    simulation: SimulationArgs,
    /// Format of the output; CSV has a row for each point, truth and analysis.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write sweep.csv, sweep.parquet (where this rescuesim has Parquet), sweep.json and, over a key of
    /// numbers, power.svg to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn sweep(args: &SweepArgs) -> Result<(), Failure> {
    let grid = args.grid()?;
    let document = InputDocument::read(&args.scenario.scenario)?;
    let overrides = [args.scenario.overrides.clone(), args.simulation.overrides()].concat();
    let sets = Set::all(&overrides);
    let base = document.with(&sets).resolve()?;
    // All points before the first is simulated, so that an error in any is reported at once.
    let points = (0..grid.len())
        .map(|number| {
            let point = Point::new(&document, &sets, &base, &grid, number)?;
            args.simulation.check(&point.scenario)?;
            check_keys(&grid, &point.scenario)?;
            Ok(point)
        })
        .collect::<Result<Vec<Point>, Failure>>()?;
    check_alike(&base, &points)?;
    let provenance = args.provenance(&base);
    let files = match &args.out {
        Some(out) => Some(SweepFiles::create(out, &grid, &document)?),
        None => None,
    };
    let swept = args.simulate(&grid, points)?;
    if let Some(files) = files {
        files.finish(&provenance, &grid, &swept).map_err(|error| {
            Failure::Running(format!("cannot finish the files of --out: {error}"))
        })?;
    }
    args.print(&provenance, &grid, &swept)
}

impl SweepArgs {
    fn grid(&self) -> Result<ParameterGrid, Failure> {
        let axes =
            self.over.iter().map(|text| GridAxis::parse(text)).collect::<Result<Vec<_>, _>>();
        axes.and_then(ParameterGrid::new)
            .map_err(|error: GridError| Failure::Usage(error.to_string()))
    }

    fn provenance(&self, base: &Scenario) -> Provenance {
        let command = self
            .over
            .iter()
            .fold(CommandLine::of("sweep", &self.scenario), |line, over| line.option("over", over));
        // With a precision each point takes a number of replicates of its own.
        Provenance::new(base, self.simulation.recreate(command, base).to_string())
    }

    /// Simulates one point after another, on the same random numbers.
    fn simulate(
        &self,
        grid: &ParameterGrid,
        points: Vec<Point>,
    ) -> Result<Vec<SweptPoint>, Failure> {
        // One progress bar for all points.
        let replicates = points.iter().map(|point| point.scenario.replicates).sum();
        let mut session = self.simulation.session(replicates);
        session.runs_left = points.len() as u64;
        let mut swept = Vec::with_capacity(points.len());
        for (number, Point { scenario, following }) in points.into_iter().enumerate() {
            let job = Job::of(0..scenario.replicates);
            let Simulated { tally, next, reached } = session.fold_until_precise(
                [&scenario],
                job,
                || Tally::new(&scenario),
                Tally::error_to_stop_by,
            )?;
            let result = OperatingCharacteristics::new(&scenario, &tally);
            let following = following.iter().map(Set::to_string).collect();
            let point = SweptPoint::new(grid, number, next, reached, result);
            swept.push(point.with_following(following));
            // The time left is estimated for the runs that remain.
            session.runs_left -= 1;
        }
        Ok(swept)
    }

    fn print(
        &self,
        provenance: &Provenance,
        grid: &ParameterGrid,
        points: &[SweptPoint],
    ) -> Result<(), Failure> {
        let mut out = Vec::new();
        let written = match self.format {
            Format::Json => sweep::write_json(provenance, points, &mut out),
            Format::Csv => SweepRows::new(grid, points).write_csv(&mut out),
            Format::Markdown => {
                return print(&sweep::document(provenance, grid, points).to_markdown());
            }
            Format::Table if self.simulation.quiet && self.out.is_some() => return Ok(()),
            Format::Table => {
                print(&sweep::document(provenance, grid, points).to_terminal())?;
                return print(&self.note_on_figure(grid, points));
            }
        };
        // JSON and CSV are written to files by the same functions.
        written.expect("memory can be written to");
        print(&String::from_utf8(out).expect("JSON and CSV are text"))
    }

    /// Says if power.svg was not written, or does not show all points.
    fn note_on_figure(&self, grid: &ParameterGrid, points: &[SweptPoint]) -> String {
        if self.out.is_none() {
            return String::new();
        }
        match curves::curves(grid, points) {
            None => "No power.svg: no key of --over has numbers only.\n".to_owned(),
            Some(curves) if curves.len() > MOST_LINES => format!(
                "power.svg has the first {MOST_LINES} of {} lines; more cannot be distinguished.\n",
                curves.len()
            ),
            Some(_) => String::new(),
        }
    }
}

/// A point of the grid, before it is simulated.
struct Point {
    scenario: Scenario,
    /// Values set with those of the point, so that outcomes and looks follow a number of patients.
    following: Vec<Set>,
}

impl Point {
    /// Resolves the scenario `document` with `sets`, which is `base`, and with the values of a point.
    fn new(
        document: &InputDocument,
        sets: &[Set],
        base: &Scenario,
        grid: &ParameterGrid,
        number: usize,
    ) -> Result<Self, Failure> {
        let over = grid.sets(number);
        let mut all = [sets, &over].concat();
        // Looks stated as counts would not fit another number of patients.
        let patients = over.iter().find(|set| *set.path() == size::randomised());
        let following = match patients.and_then(Set::as_number) {
            Some(patients) => size::following(base, document, &all, patients),
            None => Vec::new(),
        };
        all.extend(following.iter().cloned());
        let scenario = document.with(&all).resolve();
        let scenario = scenario.map_err(|error| invalid(grid, number, &over, &error))?;
        Ok(Self { scenario, following })
    }
}

/// Refuses a grid whose points are not on the same random numbers, or have different numbers of
/// analyses, of which a table cannot be made.
fn check_alike(base: &Scenario, points: &[Point]) -> Result<(), Failure> {
    for Point { scenario, .. } in points {
        if (scenario.replicates, scenario.seed) != (base.replicates, base.seed) {
            return Err(Failure::Usage(
                "--over run: all points have the same replicates and random numbers; allowed: --replicates and --seed, for all of them".to_owned(),
            ));
        }
    }
    let mut counts = points.iter().map(|point| point.scenario.analyses.len());
    let first = counts.next().unwrap_or(0);
    match counts.find(|&other| other != first) {
        Some(other) => Err(Failure::Usage(format!(
            "--over: some points have {first} analyses, others {other}; allowed: as many at every point"
        ))),
        None => Ok(()),
    }
}

/// Refuses keys of which one takes the place of another.
fn check_keys(grid: &ParameterGrid, scenario: &Scenario) -> Result<(), Failure> {
    let replaced = grid.axes().iter().find(|axis| {
        matches!(edit::any_number(scenario, axis.path()), Err(EditError::NotThere { .. }))
    });
    match replaced {
        Some(axis) => Err(Failure::Usage(format!(
            "--over {axis}: another --over or --set takes its place; allowed: one of them"
        ))),
        None => Ok(()),
    }
}

/// Explains why a point is not a valid scenario. A problem with one of its values is reported as that
/// of the option that it is from.
fn invalid(grid: &ParameterGrid, number: usize, values: &[Set], error: &Rejection) -> Failure {
    let mut lines = Vec::with_capacity(error.problems.len());
    for problem in &error.problems {
        let sentence = problem.sentence();
        lines.push(match (&problem.place, error.line(problem)) {
            (Some((Origin::Override(text), _)), _) => {
                match values.iter().position(|value| value.text() == text) {
                    Some(axis) => format!("--over {}: {sentence}", grid.axes()[axis]),
                    None => format!("--set {text}: {sentence}"),
                }
            }
            (_, Some(line)) => format!("{}:{line}: {sentence}", error.name),
            (_, None) => sentence,
        });
    }
    let over: Vec<String> = grid.axes().iter().map(|axis| format!("--over {axis}")).collect();
    let values: Vec<&str> = values.iter().map(Set::text).collect();
    Failure::Usage(format!(
        "point {} of {}, {}, is not a valid scenario ({}); nothing was simulated\n{}",
        number + 1,
        grid.len(),
        values.join(", "),
        over.join(" "),
        lines.join("\n")
    ))
}

/// Output files of `--out`. All are opened before anything is simulated, so that a directory that cannot
/// be written to is reported at once.
struct SweepFiles {
    #[cfg(feature = "parquet")]
    parquet: OutputFile,
    json: OutputFile,
    /// `None` if no key has numbers only.
    svg: Option<OutputFile>,
    csv: OutputFile,
}

impl SweepFiles {
    fn create(
        directory: &Path,
        grid: &ParameterGrid,
        document: &InputDocument,
    ) -> Result<Self, Failure> {
        handle_signals();
        let files = Self::open(directory, grid).map_err(|error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        })?;
        let all = [&files.csv, &files.json].into_iter().chain(&files.svg);
        #[cfg(feature = "parquet")]
        let all = all.chain([&files.parquet]);
        output::keep_inputs(all, &document.paths())?;
        Ok(files)
    }

    fn open(directory: &Path, grid: &ParameterGrid) -> io::Result<Self> {
        let csv = OutputFile::create(directory, "sweep.csv")?;
        let is_numeric = grid.axes().iter().any(GridAxis::is_numeric);
        Ok(Self {
            #[cfg(feature = "parquet")]
            parquet: csv.sibling("sweep.parquet")?,
            json: csv.sibling("sweep.json")?,
            svg: if is_numeric { Some(csv.sibling("power.svg")?) } else { None },
            csv,
        })
    }

    fn finish(
        self,
        provenance: &Provenance,
        grid: &ParameterGrid,
        points: &[SweptPoint],
    ) -> io::Result<()> {
        let rows = SweepRows::new(grid, points);
        rows.write_csv(self.csv.writer()?)?;
        #[cfg(feature = "parquet")]
        sweep::parquet::write(&rows, provenance, self.parquet.writer()?)?;
        sweep::write_json(provenance, points, self.json.writer()?)?;
        if let (Some(file), Some(svg)) = (&self.svg, curves::svg(provenance, grid, points)) {
            let mut out = file.writer()?;
            out.write_all(svg.as_bytes())?;
            out.flush()?;
        }
        let mut complete = vec![self.csv, self.json];
        #[cfg(feature = "parquet")]
        complete.push(self.parquet);
        complete.extend(self.svg);
        complete.iter().try_for_each(OutputFile::sync)?;
        let written: Vec<_> = complete.iter().map(|file| file.destination().to_owned()).collect();
        // Only now, so that a full disk leaves the files of an earlier sweep together.
        output::put_in_place(complete)?;
        warn_of_earlier(&written[0], &["sweep.parquet", "power.svg"], &written);
        Ok(())
    }
}
