//! `rescuesim sweep`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::grid::{Axis, Grid};
use rescuesim::report::Provenance;
use rescuesim::report::figure::MOST_LINES;
use rescuesim::report::sweep::rows::Rows;
use rescuesim::report::sweep::{self, SweptPoint, curves};
use rescuesim::scenario::edit::{self, EditError};
use rescuesim::scenario::{Inputs, Origin, Rejection, Scenario, size};
use rescuesim::summary::{OperatingCharacteristics, Tally};

use super::output::{self, OutputFile, print, warn_of_earlier};
use super::recreate::CommandLine;
use super::signals::handle_signals;
use super::simulation::{Session, Simulated, SimulationArgs};
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
    /// What to print; CSV has a row for each point, truth and analysis.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write sweep.csv, sweep.parquet (where this rescuesim has Parquet), sweep.json and, over a key of
    /// numbers, power.svg to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn sweep(args: &SweepArgs) -> Result<(), Failure> {
    let grid = grid(&args.over)?;
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let all = [overrides.clone(), args.simulation.overrides()].concat();
    let inputs = Inputs::default();
    let base = Scenario::load_from(&inputs, path, &all)?;
    let text = inputs.text(path)?;
    let follow = Follow { base: &base, text: &text };
    let scenarios = args.load(&inputs, &grid, &all, &follow)?;
    alike(&base, &scenarios)?;
    let provenance = args.provenance(&base);
    let create = |out: &Path| SweepFiles::create(out, &grid, &inputs);
    let files = args.out.as_deref().map(create).transpose()?;

    let points = args.simulate(&grid, scenarios)?;
    if let Some(files) = files {
        files.finish(&provenance, &grid, &points).map_err(|error| {
            Failure::Running(format!("cannot finish the files of --out: {error}"))
        })?;
    }
    let in_memory = |written: io::Result<()>, text: Vec<u8>| {
        written.expect("memory can be written to");
        print(&String::from_utf8(text).expect("it was text"))
    };
    let mut text = Vec::new();
    match args.format {
        Format::Json => {
            let written = sweep::write_json(&provenance, &points, &mut text);
            in_memory(written, text)
        }
        Format::Csv => {
            let written = Rows::new(&grid, &points).write_csv(&mut text);
            in_memory(written, text)
        }
        Format::Markdown => print(&sweep::document(&provenance, &grid, &points).to_markdown()),
        Format::Table if args.simulation.quiet && args.out.is_some() => Ok(()),
        Format::Table => {
            print(&sweep::document(&provenance, &grid, &points).to_terminal())?;
            print(&args.told_of_figure(&grid, &points))
        }
    }
}

fn grid(over: &[String]) -> Result<Grid, Failure> {
    let usage = |error: rescuesim::explore::grid::GridError| Failure::Usage(error.to_string());
    let axes: Result<Vec<Axis>, _> = over.iter().map(|text| Axis::parse(text)).collect();
    Grid::new(axes.map_err(usage)?).map_err(usage)
}

impl SweepArgs {
    fn provenance(&self, base: &Scenario) -> Provenance {
        let command = self
            .over
            .iter()
            .fold(CommandLine::of("sweep", &self.scenario), |line, over| line.option("over", over));
        // With a precision each point takes a number of replicates of its own.
        Provenance::new(base, self.simulation.recreate(command, base).to_string())
    }

    /// The scenario of every point, so that a mistake in any is told before the first is simulated.
    fn load(
        &self,
        inputs: &Inputs,
        grid: &Grid,
        all: &[String],
        follow: &Follow<'_>,
    ) -> Result<Vec<(Scenario, Vec<String>)>, Failure> {
        let load = |number: usize| {
            let over = grid.overrides(number);
            let follows = follow.overrides(grid, &over, all);
            let set = [all, &over, &follows].concat();
            let scenario = Scenario::load_from(inputs, &self.scenario.scenario, &set);
            let scenario = scenario.map_err(|error| invalid((grid, number), &over, &error))?;
            self.simulation.check(&scenario)?;
            stands(grid, &scenario)?;
            Ok((scenario, follows))
        };
        (0..grid.len()).map(load).collect()
    }

    /// One point after another, on the same random numbers.
    fn simulate(
        &self,
        grid: &Grid,
        scenarios: Vec<(Scenario, Vec<String>)>,
    ) -> Result<Vec<SweptPoint>, Failure> {
        let replicates = scenarios.iter().map(|(scenario, _)| scenario.replicates).sum();
        let mut session = self.simulation.session(replicates);
        session.runs_left = scenarios.len() as u64;
        let mut points = Vec::with_capacity(scenarios.len());
        for (number, (scenario, follows)) in scenarios.into_iter().enumerate() {
            let point = point(&session, (grid, number), &scenario)?;
            points.push(point.with_following(follows));
            session.runs_left -= 1;
        }
        Ok(points)
    }

    /// What there is to know of the figure that was written, or not.
    fn told_of_figure(&self, grid: &Grid, points: &[SweptPoint]) -> String {
        if self.out.is_none() {
            return String::new();
        }
        match curves::curves(grid, points) {
            None => "No power.svg: no key of --over has numbers only.\n".to_owned(),
            Some(curves) if curves.len() > MOST_LINES => format!(
                "power.svg has the first {MOST_LINES} of {} lines; more cannot be told apart.\n",
                curves.len()
            ),
            Some(_) => String::new(),
        }
    }
}

/// Lets outcomes and looks follow a number of patients.
struct Follow<'s> {
    base: &'s Scenario,
    text: &'s str,
}

impl Follow<'_> {
    /// What follows from the values of a point.
    fn overrides(&self, grid: &Grid, over: &[String], all: &[String]) -> Vec<String> {
        let place = grid.axes().iter().position(|axis| axis.key == size::RANDOMISED);
        let number = place.and_then(|place| over[place].split_once('=')?.1.parse().ok());
        let said = [all, over].concat();
        number.map_or_else(Vec::new, |number| size::following(self.base, self.text, &said, number))
    }
}

/// Refuses a grid whose points are not on the same random numbers, or have different numbers of
/// analyses, of which a table cannot be made.
fn alike(base: &Scenario, scenarios: &[(Scenario, Vec<String>)]) -> Result<(), Failure> {
    let amounts = |scenario: &Scenario| (scenario.replicates, scenario.seed);
    if scenarios.iter().any(|(scenario, _)| amounts(scenario) != amounts(base)) {
        return Err(Failure::Usage(
            "--over run: all points have the same replicates and random numbers; allowed: --replicates and --seed, for all of them".to_owned(),
        ));
    }
    let count = |(scenario, _): &(Scenario, Vec<String>)| scenario.analyses.len();
    let first = scenarios.first().map_or(0, count);
    match scenarios.iter().map(count).find(|&other| other != first) {
        Some(other) => Err(Failure::Usage(format!(
            "--over: some points have {first} analyses, others {other}; allowed: as many at every point"
        ))),
        None => Ok(()),
    }
}

/// Refuses keys of which one takes the place of another.
fn stands(grid: &Grid, scenario: &Scenario) -> Result<(), Failure> {
    let gone = grid.axes().iter().find(|axis| {
        matches!(edit::any_number(scenario, &axis.key), Err(EditError::NotThere { .. }))
    });
    match gone {
        Some(axis) => Err(Failure::Usage(format!(
            "--over {axis}: another --over or --set takes its place; allowed: one of them"
        ))),
        None => Ok(()),
    }
}

fn point(
    session: &Session<'_>,
    (grid, number): (&Grid, usize),
    scenario: &Scenario,
) -> Result<SweptPoint, Failure> {
    let job = Job::of(0..scenario.replicates);
    let new = || Tally::new(scenario);
    let Simulated { tally, next, reached } =
        session.fold_until_precise([scenario], job, new, Tally::error_to_stop_by)?;
    let result = OperatingCharacteristics::new(scenario, &tally);
    Ok(SweptPoint::new((grid, number), next, reached, result))
}

/// Why a point makes no scenario; what comes from its values is told as theirs.
fn invalid((grid, number): (&Grid, usize), over: &[String], error: &Rejection) -> Failure {
    let lines = error.problems.iter().map(|problem| match &problem.place {
        Some((Origin::Override(text), _)) => match over.iter().position(|value| value == text) {
            Some(axis) => format!("--over {}: {}", grid.axes()[axis], problem.sentence()),
            None => format!("--set {text}: {}", problem.sentence()),
        },
        _ => match error.line(problem) {
            Some(line) => format!("{}:{line}: {}", error.name, problem.sentence()),
            None => problem.sentence(),
        },
    });
    let lines: Vec<String> = lines.collect();
    let over: Vec<String> = grid.axes().iter().map(|axis| format!("--over {axis}")).collect();
    Failure::Usage(format!(
        "point {} of {}, {}, makes no scenario ({}); nothing was simulated\n{}",
        number + 1,
        grid.len(),
        grid.overrides(number).join(", "),
        over.join(" "),
        lines.join("\n")
    ))
}

/// The files of `--out`, all opened before anything is simulated.
struct SweepFiles {
    #[cfg(feature = "parquet")]
    parquet: OutputFile,
    json: OutputFile,
    /// Where there is a key of numbers.
    svg: Option<OutputFile>,
    csv: OutputFile,
}

impl SweepFiles {
    fn create(directory: &Path, grid: &Grid, inputs: &Inputs) -> Result<Self, Failure> {
        let unwritable = |error: io::Error| {
            Failure::Usage(format!("cannot write to --out {}: {error}", directory.display()))
        };
        handle_signals();
        let csv = OutputFile::create(directory, "sweep.csv").map_err(unwritable)?;
        let create = |name: &str| csv.beside(name).map_err(unwritable);
        let numeric = grid.axes().iter().any(Axis::is_numeric);
        let files = Self {
            #[cfg(feature = "parquet")]
            parquet: create("sweep.parquet")?,
            json: create("sweep.json")?,
            svg: numeric.then(|| create("power.svg")).transpose()?,
            csv,
        };
        let all = [&files.csv, &files.json].into_iter().chain(&files.svg);
        #[cfg(feature = "parquet")]
        let all = all.chain([&files.parquet]);
        output::keep_inputs(all, &inputs.paths())?;
        Ok(files)
    }

    fn finish(self, provenance: &Provenance, grid: &Grid, points: &[SweptPoint]) -> io::Result<()> {
        let rows = Rows::new(grid, points);
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
