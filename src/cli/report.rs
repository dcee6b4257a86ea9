//! `rescuesim report`.

use std::path::{Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::dossier::{Dossier, DossierTally};
use rescuesim::explore::sensitivity::{Sensitivity, Variation};
use rescuesim::explore::strategies::{StrategyComparison, StrategySummary};
use rescuesim::report::gallery::{self, Figure};
use rescuesim::report::html::{self, Example, Report};
use rescuesim::report::trace::ExampleTrial;
use rescuesim::report::{Provenance, Summary};
use rescuesim::rng::Replicate;
use rescuesim::scenario::{InputDocument, Scenario, Truth, sources};
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::trace::{Cancelled, Ending, Trace, Viewpoint, find};

use super::output::{self, OutputFile, print};
use super::recreate::CommandLine;
use super::signals::{cancelled_by_signal, handle_signals};
use super::simulation::{Simulated, SimulationArgs};
use super::{Failure, ScenarioArgs};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    simulation: SimulationArgs,
    /// The page to write: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE", default_value = "report.html", value_parser = page)]
    out: PathBuf,
    /// Also write each figure as SVG, and the numbers behind it as CSV, to this directory.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// With --figures, also write them as PNG.
    #[arg(long, requires = "figures")]
    png: bool,
}

/// Replicates of the report for each of a point of the power curve.
const POINT_SHARE: u64 = 5;

/// Patients under each rule of when to stent.
const PATIENTS: u64 = 100_000;

fn page(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_html = path.extension().is_some_and(|extension| {
        ["html", "htm"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    if is_html { Ok(path) } else { Err("expected the name of a file ending in .html".to_owned()) }
}

pub fn report(args: &ReportArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let all = [overrides.clone(), args.simulation.overrides()].concat();
    let document = InputDocument::read(path)?;
    let sets = document.sets(&all)?;
    let scenario = document.with(&sets).resolve()?;
    args.simulation.check(&scenario)?;
    let beside = beside(args, &document, &scenario)?;
    // Before anything is simulated, so that a place that cannot be written is told at once.
    let page = Files::open(args, document.paths())?;
    let (scenario, tally, summary) = simulate(args, scenario)?;
    let fixed = fixed(args, &scenario)?;
    let dossier = Dossier::new(&scenario, &tally, cancelled_by_signal()).map_err(interrupted)?;
    let mut figures = gallery::figures(&scenario, &summary, &dossier, &rules(&scenario));
    figures.extend(power_curve(args, beside)?);
    let (examples, not_found) = examples(args, &scenario)?;
    let html = html::page(&Report {
        scenario: &scenario,
        summary: &summary,
        fixed: fixed.as_ref(),
        figures: &figures,
        examples: &examples,
        not_found: &not_found,
        parameters: &sources::parameters(&scenario, &document, &sets),
        preamble: &sources::preamble(document.text()),
        command: &args.command(&scenario),
    });
    let drawn: Vec<&Figure> =
        figures.iter().chain(examples.iter().map(|example| &example.figure)).collect();
    page.finish(&html, &drawn, &summary)?;
    if args.simulation.quiet {
        return Ok(());
    }
    print(&format!("{} is written\n", args.out.display()))
}

impl ReportArgs {
    fn command(&self, scenario: &Scenario) -> String {
        CommandLine::of("report", &self.scenario).amounts(scenario).to_string()
    }
}

/// The operating characteristics that `run` would find, with what a report keeps beside them.
fn simulate(
    args: &ReportArgs,
    scenario: Scenario,
) -> Result<(Scenario, DossierTally, Summary), Failure> {
    let session = args.simulation.session(scenario.replicates);
    let Simulated { tally, next, reached } = session.fold_until_precise(
        [&scenario],
        Job::of(0..scenario.replicates),
        || DossierTally::new(&scenario),
        |tally, figure| tally.tally.error_to_stop_by(figure),
    )?;
    drop(session);
    let scenario = scenario.with_replicates(next);
    let command = CommandLine::of("run", &args.scenario).amounts(&scenario);
    let provenance = Provenance::new(&scenario, command.to_string()).with_precision(reached);
    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally.tally));
    Ok((scenario, tally, summary))
}

/// The same patients in a trial that looks once; `None` where the trial does so anyway.
fn fixed(
    args: &ReportArgs,
    scenario: &Scenario,
) -> Result<Option<OperatingCharacteristics>, Failure> {
    if scenario.design.looks().len() == 1 {
        return Ok(None);
    }
    // Where the design means nothing without its looks there is nothing to compare with.
    let Ok(fixed) = scenario.with_one_look() else { return Ok(None) };
    Ok(Some(operating_characteristics(args, &fixed)?))
}

/// Simulates all replicates of a scenario.
fn operating_characteristics(
    args: &ReportArgs,
    scenario: &Scenario,
) -> Result<OperatingCharacteristics, Failure> {
    let session = args.simulation.session(scenario.replicates);
    let job = Job::of(0..scenario.replicates);
    let simulated = session.fold([scenario], job, || Tally::new(scenario))?;
    Ok(OperatingCharacteristics::new(scenario, &simulated.tally))
}

/// Scenarios beside this one, and what they differ in; those that the design cannot follow are left out.
fn beside(
    args: &ReportArgs,
    document: &InputDocument,
    scenario: &Scenario,
) -> Result<(&'static str, Vec<(f64, Scenario)>), Failure> {
    let overrides = document.sets(&args.scenario.overrides)?;
    let Sensitivity { quantity, points } = Sensitivity::of(scenario, document, &overrides);
    let seed = document.sets(&[format!("run.seed={}", scenario.seed.0)])?;
    let replicates = (scenario.replicates / POINT_SHARE).max(1);
    let near = points.into_iter().filter_map(|Variation { value, sets }| {
        let all = [overrides.as_slice(), &sets, &seed].concat();
        let scenario = document.with(&all).resolve().ok()?;
        Some((value, scenario.with_replicates(replicates)))
    });
    Ok((quantity, near.collect()))
}

/// The power if what was assumed were otherwise; `None` where too little can be varied.
fn power_curve(
    args: &ReportArgs,
    (quantity, scenarios): (&str, Vec<(f64, Scenario)>),
) -> Result<Option<Figure>, Failure> {
    let mut points = Vec::new();
    for (value, beside) in scenarios {
        points.push((value, operating_characteristics(args, &beside)?));
    }
    Ok((points.len() > 2).then(|| gallery::power_curve(quantity, &points)))
}

/// Returns the strategies of when to stent; none without a procedure.
fn rules(scenario: &Scenario) -> Vec<StrategySummary> {
    let written = scenario.file().procedure.as_ref().and_then(|procedure| procedure.max_passes);
    let rules = StrategyComparison::new(scenario, written.unwrap_or(5) as usize);
    rules.map_or_else(Vec::new, |mut rules| {
        rules.simulate(PATIENTS);
        rules.summaries()
    })
}

/// Replicates that are searched for example trials of each truth.
const SEARCHED: u64 = 20_000;

/// The first trials that ended in each way that tells something, with the effect where there are any, and
/// the ways in which none ended.
fn examples(
    args: &ReportArgs,
    scenario: &Scenario,
) -> Result<(Vec<Example>, Vec<String>), Failure> {
    let wanted = Ending::examples(scenario);
    let mut shown: Vec<(Ending, Truth, Replicate)> = Vec::new();
    for truth in [Truth::Alternative, Truth::Null] {
        let missing = |ending: &Ending| shown.iter().all(|(other, ..)| other != ending);
        let endings: Vec<Ending> = wanted.iter().copied().filter(missing).collect();
        let search = (scenario.replicates.min(SEARCHED), cancelled_by_signal());
        let found = find(scenario, &endings, Viewpoint { truth, analysis: 0 }, search)
            .map_err(interrupted)?;
        let found = endings.into_iter().zip(found);
        shown.extend(found.filter_map(|(ending, replicate)| Some((ending, truth, replicate?))));
    }
    shown.sort_by_key(|(ending, ..)| wanted.iter().position(|other| other == ending));
    let is_missing = |ending: &&Ending| shown.iter().all(|(other, ..)| other != *ending);
    let not_found = wanted.iter().filter(is_missing).map(Ending::to_string).collect();
    let examples = shown.into_iter().map(|shown| example(args, scenario, shown));
    Ok((examples.collect::<Result<_, Failure>>()?, not_found))
}

fn interrupted(error: Cancelled) -> Failure {
    Failure::Running(error.to_string())
}

fn example(
    args: &ReportArgs,
    scenario: &Scenario,
    (ending, truth, replicate): (Ending, Truth, Replicate),
) -> Result<Example, Failure> {
    let mut command = CommandLine::of("trace", &args.scenario)
        .option("replicate", replicate.0)
        .option("seed", scenario.seed.0);
    if truth == Truth::Null {
        command = command.option("truth", "null");
    }
    let view = Viewpoint { truth, analysis: 0 };
    let trace = Trace::heeding(scenario, replicate, view, cancelled_by_signal());
    let trace = trace.map_err(interrupted)?;
    let trial = ExampleTrial { provenance: Provenance::new(scenario, command.to_string()), trace };
    Ok(Example::new(&ending.to_string(), &trial))
}

/// What is written, opened before anything is simulated.
struct Files {
    page: OutputFile,
    /// What the command reads.
    inputs: Vec<PathBuf>,
    /// Where figures go.
    figures: Option<PathBuf>,
    /// Where they are to be PNG too.
    painter: Option<Painter>,
}

impl Files {
    fn open(args: &ReportArgs, inputs: Vec<PathBuf>) -> Result<Self, Failure> {
        let unwritable = |path: &Path, error: std::io::Error| {
            Failure::Usage(format!("cannot write {}: {error}", path.display()))
        };
        handle_signals();
        let page = OutputFile::at(&args.out).map_err(|error| unwritable(&args.out, error))?;
        output::keep_inputs([&page], &inputs)?;
        let figures = args.figures.clone();
        if let Some(directory) = &args.figures {
            // A file that is not finished leaves no trace.
            OutputFile::create(directory, "figure")
                .map_err(|error| unwritable(directory, error))?;
        }
        Ok(Self { page, inputs, figures, painter: args.png.then(Painter::new).transpose()? })
    }

    fn finish(self, html: &str, figures: &[&Figure], summary: &Summary) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::Running(format!("cannot finish the files of the report: {error}"))
        };
        let mut complete = Vec::new();
        if let Some(directory) = &self.figures {
            let from = summary.provenance.line();
            let mut keep = |name: String, bytes: &[u8]| -> Result<(), Failure> {
                let file = OutputFile::create(directory, &name).map_err(failed)?;
                output::keep_inputs([&file], &self.inputs)?;
                complete.push(file.filled(bytes).map_err(failed)?);
                Ok(())
            };
            for figure in figures {
                keep(format!("{}.svg", figure.name), figure.to_file(&from).as_bytes())?;
                keep(format!("{}.csv", figure.name), figure.data.as_bytes())?;
                if let Some(painter) = &self.painter {
                    keep(format!("{}.png", figure.name), &painter.png(&figure.svg)?)?;
                }
            }
        }
        complete.push(self.page.filled(html.as_bytes()).map_err(failed)?);
        output::put_in_place(complete).map_err(failed)
    }
}

/// Draws PNG, where this build can.
struct Painter {
    #[cfg(feature = "png")]
    painter: rescuesim::report::png::PngRenderer,
}

#[cfg(feature = "png")]
impl Painter {
    fn new() -> Result<Self, Failure> {
        let painter = rescuesim::report::png::PngRenderer::new().map_err(Self::failure)?;
        Ok(Self { painter })
    }

    fn png(&self, svg: &str) -> Result<Vec<u8>, Failure> {
        self.painter.png(svg).map_err(Self::failure)
    }

    fn failure(error: rescuesim::report::png::PngError) -> Failure {
        Failure::Running(format!("--png: {error}"))
    }
}

#[cfg(not(feature = "png"))]
impl Painter {
    fn new() -> Result<Self, Failure> {
        let message = "--png: this rescuesim was built without PNG; allowed: SVG figures";
        Err(Failure::Usage(message.into()))
    }

    fn png(&self, _: &str) -> Result<Vec<u8>, Failure> {
        unreachable!("there is no such painter")
    }
}
