//! `rescuesim report`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::dossier::{Dossier, DossierTally};
use rescuesim::explore::sensitivity::{Sensitivity, Variation, VariedQuantity};
use rescuesim::explore::strategies::{StrategyComparison, StrategySummary};
use rescuesim::report::gallery::{self, Figure};
use rescuesim::report::sections::{Example, Imprint, Report};
use rescuesim::report::trace::ExampleTrial;
use rescuesim::report::{Provenance, Summary};
use rescuesim::report::{html, markdown};
use rescuesim::rng::Replicate;
use rescuesim::scenario::sources::{self, Paragraph, Parameter};
use rescuesim::scenario::{InputDocument, Scenario, Set, Truth};
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::AdjustedEstimates;
use rescuesim::trial::trace::{Cancelled, Trace, TrialEnding, Viewpoint, find};

use super::checkpoint::{CheckpointArgs, CheckpointFile};
use super::output::{self, OutputFile, cannot_write, print};
use super::pictures::{FigureArgs, FigureFormat, FigurePainter};
use super::recreate::{CommandLine, quoted};
use super::signals::{cancelled_by_signal, handle_signals};
use super::simulation::{Session, Simulated, SimulationArgs};
use super::{Failure, ScenarioArgs, delay, values};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    simulation: SimulationArgs,
    #[command(flatten)]
    checkpoint: CheckpointArgs,
    /// The report to write: one HTML page that needs nothing else, or Markdown with its figures in
    /// a directory, from which pandoc makes a Word document. The ending, .html or .md, decides.
    #[arg(long, value_name = "FILE", default_value = "report.html", value_parser = ReportFormat::path)]
    out: PathBuf,
    /// Also write each figure, and the numbers behind it as CSV, to this directory. For Markdown
    /// report.md it is report-figures by default.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// With --figures, also write them as PNG: the same as --figure-formats svg,png. Markdown always
    /// does, if this build can.
    #[arg(long, requires = "figures")]
    png: bool,
    #[command(flatten)]
    figure_formats: FigureArgs,
    /// Date to print on the report, such as 2026-11-30; none by default, so that the same command
    /// gives the same bytes.
    #[arg(long, value_parser = values::date)]
    date: Option<String>,
    /// Author to print on the report.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

/// Replicates of the report per replicate of a point of the power curve.
// The eight points of a curve over the effect then take 1.6 times as long as the report's own simulation.
const POINT_SHARE: u64 = 5;

/// Patients simulated under each strategy.
// A share of patients then has a standard error of at most 0.16 %.
const PATIENTS: u64 = 100_000;

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportFormat {
    Html,
    Markdown,
}

impl ReportFormat {
    /// Finds the format that the ending of a file asks for.
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" => Some(Self::Html),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    fn path(text: &str) -> Result<PathBuf, String> {
        let path = PathBuf::from(text);
        match Self::of(&path) {
            Some(_) => Ok(path),
            None if text.to_ascii_lowercase().ends_with(".docx") => {
                Err("allowed: a file ending in .html or .md; for Word write report.md, then run \
                 `pandoc report.md -o report.docx`"
                    .to_owned())
            }
            None => Err("allowed: a file ending in .html or .md".to_owned()),
        }
    }

    /// Returns whether a text is a report of this format that rescuesim wrote.
    fn is_own(self, text: &str) -> bool {
        match self {
            Self::Html => html::is_own_page(text),
            Self::Markdown => markdown::is_own_page(text),
        }
    }
}

pub fn report(args: &ReportArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let all = [overrides.clone(), args.simulation.overrides()].concat();
    let document = InputDocument::read(path)?;
    let sets = Set::all(&all);
    let quiet = args.simulation.quiet;
    let scenario = delay::announced(quiet, || document.with(&sets).resolve())?;
    args.simulation.check(&scenario)?;
    let varied = delay::announced(quiet, || VariedScenarios::resolve(args, &document, &scenario))?;
    // Before anything is simulated, so that a place that cannot be written is reported at once.
    let page = ReportFiles::open(args, document.paths())?;
    let file = args.checkpoint.open(args.run_id(&scenario), args.simulation.threads())?;
    let mut session = args.simulation.session(scenario.replicates).in_file(file);
    // All that takes long comes first, so that a checkpoint has it whatever happens later.
    let simulations = Simulations::run(args, &mut session, scenario, &varied)?;
    session.end().map_or(Ok(()), CheckpointFile::finish)?;
    let content = Content::new(args, &simulations, cancelled_by_signal())?;
    let parameters = sources::parameters(&simulations.scenario, &document, &sets);
    let preamble = sources::preamble(document.text());
    let command = args.command(&simulations.scenario);
    let report = content.report(&simulations, args, &parameters, &preamble, &command);
    let written = page.finish(&report)?;
    if args.simulation.quiet {
        return Ok(());
    }
    print(&written)
}

/// Makes the page of a report of a document, without files. The flag cancels it.
///
/// # Errors
/// When the scenario is not valid, or it is cancelled.
#[cfg(feature = "serve")]
pub fn html_page(
    args: &ReportArgs,
    document: &InputDocument,
    cancelled: &AtomicBool,
) -> Result<String, Failure> {
    let scenario = document.scenario(&[])?;
    let varied = VariedScenarios::resolve(args, document, &scenario)?;
    let mut session = args.simulation.session_cancelled_by(scenario.replicates, cancelled);
    let simulations = Simulations::run(args, &mut session, scenario, &varied)?;
    let content = Content::new(args, &simulations, cancelled)?;
    let parameters = sources::parameters(&simulations.scenario, document, &[]);
    let preamble = sources::preamble(document.text());
    let command = args.command(&simulations.scenario);
    Ok(html::page(&content.report(&simulations, args, &parameters, &preamble, &command)))
}

/// Results of the simulations of a report.
struct Simulations {
    scenario: Scenario,
    tally: DossierTally,
    summary: Summary,
    /// The same trials without interim looks.
    fixed: Option<OperatingCharacteristics>,
    curve: Option<Figure>,
}

impl Simulations {
    fn run(
        args: &ReportArgs,
        session: &mut Session<'_>,
        scenario: Scenario,
        varied: &VariedScenarios,
    ) -> Result<Self, Failure> {
        let (scenario, tally, summary) = simulate(args, session, scenario)?;
        let one_look = one_look(&scenario);
        let points = varied.points.iter().map(|of| of.scenario.replicates).sum::<u64>();
        session.expect(points + one_look.as_ref().map_or(0, |fixed| fixed.replicates));
        let fixed = one_look
            .map(|fixed| {
                session.name("one look");
                operating_characteristics(session, &fixed)
            })
            .transpose()?;
        session.name("power curve");
        // The curve shows power alone.
        session.estimates = AdjustedEstimates::Skipped;
        let curve = power_curve(session, varied)?;
        Ok(Self { scenario, tally, summary, fixed, curve })
    }
}

/// Figures and example trials of a report.
struct Content {
    figures: Vec<Figure>,
    examples: Vec<Example>,
    not_found: Vec<String>,
}

impl Content {
    fn new(
        args: &ReportArgs,
        simulations: &Simulations,
        cancelled: &AtomicBool,
    ) -> Result<Self, Failure> {
        let Simulations { scenario, tally, summary, curve, .. } = simulations;
        let dossier = Dossier::new(scenario, tally, cancelled).map_err(interrupted)?;
        let mut figures = gallery::figures(scenario, summary, &dossier, &rules(scenario));
        figures.extend(curve.clone());
        let (examples, not_found) = examples(args, scenario, cancelled)?;
        Ok(Self { figures, examples, not_found })
    }

    fn report<'r>(
        &'r self,
        simulations: &'r Simulations,
        args: &'r ReportArgs,
        parameters: &'r [Parameter],
        preamble: &'r [Paragraph],
        command: &'r str,
    ) -> Report<'r> {
        Report {
            scenario: &simulations.scenario,
            summary: &simulations.summary,
            fixed: simulations.fixed.as_ref(),
            figures: &self.figures,
            examples: &self.examples,
            not_found: &self.not_found,
            parameters,
            preamble,
            command,
            imprint: args.imprint(),
        }
    }
}

impl ReportArgs {
    fn run_id(&self, scenario: &Scenario) -> RunId {
        let stated = self.simulation.precision().is_none().then_some(scenario.replicates);
        let precision = self.simulation.precision().map(|(asked, of)| format!("{asked} of {of}"));
        // Replicates of some jobs are a part of those of the first.
        let task = Task {
            command: "report".to_owned(),
            options: precision.into_iter().collect(),
            jobs: 0,
            can_grow: false,
        };
        RunId::new(&[scenario], stated, task, self.command(scenario))
    }

    fn command(&self, scenario: &Scenario) -> String {
        let mut command = CommandLine::of("report", &self.scenario).amounts(scenario);
        for (name, value) in [("date", &self.date), ("author", &self.author)] {
            if let Some(value) = value {
                command = command.option(name, value);
            }
        }
        command.to_string()
    }

    fn imprint(&self) -> Imprint<'_> {
        Imprint { date: self.date.as_deref(), author: self.author.as_deref() }
    }
}

/// Simulates what `run` would, with what a report shows in addition.
fn simulate(
    args: &ReportArgs,
    session: &mut Session<'_>,
    scenario: Scenario,
) -> Result<(Scenario, DossierTally, Summary), Failure> {
    session.name("the design");
    let Simulated { tally, next, reached } = session.fold_until_precise(
        [&scenario],
        Job::of(0..scenario.replicates),
        || DossierTally::new(&scenario),
        |tally, quantity| tally.tally.error_to_stop_by(quantity),
    )?;
    // With a precision the number of replicates is known only now; the command repeats it.
    let scenario = scenario.with_replicates(next);
    let command = CommandLine::of("run", &args.scenario).amounts(&scenario);
    let provenance = Provenance::new(&scenario, command.to_string()).with_precision(reached);
    let summary = Summary::new(provenance, OperatingCharacteristics::new(&scenario, &tally.tally));
    Ok((scenario, tally, summary))
}

/// Returns the trial with its final look alone; `None` if it has no other, or if its design has no
/// meaning without its looks: then there is nothing to compare with.
fn one_look(scenario: &Scenario) -> Option<Scenario> {
    if scenario.design.looks().len() == 1 { None } else { scenario.with_one_look().ok() }
}

/// Simulates all replicates of a scenario.
fn operating_characteristics(
    session: &mut Session<'_>,
    scenario: &Scenario,
) -> Result<OperatingCharacteristics, Failure> {
    let job = Job::of(0..scenario.replicates);
    let simulated = session.fold([scenario], job, || Tally::new(scenario))?;
    Ok(OperatingCharacteristics::new(scenario, &simulated.tally))
}

/// Scenarios that differ from that of the report in one quantity.
struct VariedScenarios {
    quantity: VariedQuantity,
    /// Value of the quantity in the scenario.
    planned: f64,
    points: Vec<VariedScenario>,
}

/// A scenario with another value of the quantity.
struct VariedScenario {
    value: f64,
    scenario: Scenario,
}

impl VariedScenarios {
    /// Resolves the scenarios; those that the design cannot follow are left out.
    fn resolve(
        args: &ReportArgs,
        document: &InputDocument,
        scenario: &Scenario,
    ) -> Result<Self, Failure> {
        let overrides = Set::all(&args.scenario.overrides);
        let Sensitivity { quantity, planned, points } =
            Sensitivity::of(scenario, document, &overrides);
        // --seed is not among the overrides, and the points share the random numbers of the report.
        let seed = Set::all(&[format!("run.seed={}", scenario.seed.0)]);
        // Fewer than the report has: a curve of many points is read with the eye.
        let replicates = (scenario.replicates / POINT_SHARE).max(1);
        let mut varied = Vec::new();
        for Variation { value, sets } in points {
            let all = [overrides.as_slice(), &sets, &seed].concat();
            if let Ok(scenario) = document.with(&all).resolve() {
                let scenario = scenario.with_replicates(replicates);
                varied.push(VariedScenario { value, scenario });
            }
        }
        Ok(Self { quantity, planned, points: varied })
    }
}

/// Draws the power over the quantity; `None` if too few of its values are possible.
fn power_curve(
    session: &mut Session<'_>,
    varied: &VariedScenarios,
) -> Result<Option<Figure>, Failure> {
    let mut points = Vec::new();
    for VariedScenario { value, scenario } in &varied.points {
        points.push((*value, operating_characteristics(session, scenario)?));
    }
    // A curve through two points is a straight line, whatever the power does between them.
    Ok((points.len() > 2).then(|| gallery::power_curve(varied.quantity, varied.planned, &points)))
}

/// Compares the strategies of a procedure; empty without one.
fn rules(scenario: &Scenario) -> Vec<StrategySummary> {
    let written = scenario.file().procedure.as_ref().and_then(|procedure| procedure.max_passes);
    // The default of `rescuesim strategies`, so that both show the same table.
    let rules = StrategyComparison::new(scenario, written.unwrap_or(5) as usize);
    rules.map_or_else(Vec::new, |mut rules| {
        rules.simulate(PATIENTS);
        rules.summaries()
    })
}

/// Replicates searched for example trials under each truth.
// Rarer endings are no examples of the design, and the search takes seconds.
const SEARCHED: u64 = 20_000;

/// An ending with the first trial that has it.
struct FoundExample {
    ending: TrialEnding,
    truth: Truth,
    replicate: Replicate,
}

/// Finds the first trials that end in the ways that show most of the design, and the names of those in
/// which no trial ended.
fn examples(
    args: &ReportArgs,
    scenario: &Scenario,
    cancelled: &AtomicBool,
) -> Result<(Vec<Example>, Vec<String>), Failure> {
    let wanted = TrialEnding::examples(scenario);
    let mut found: Vec<FoundExample> = Vec::new();
    let mut missing = wanted.clone();
    // Under the alternative if any trial ends so there, and else under the null truth.
    for truth in [Truth::Alternative, Truth::Null] {
        // By the primary analysis, as the figure of paths.
        let view = Viewpoint { truth, analysis: 0 };
        let searched = scenario.replicates.min(SEARCHED);
        let firsts = find(scenario, &missing, view, searched, cancelled).map_err(interrupted)?;
        let mut not_found = Vec::new();
        for (ending, first) in missing.into_iter().zip(firsts) {
            match first {
                Some(replicate) => found.push(FoundExample { ending, truth, replicate }),
                None => not_found.push(ending),
            }
        }
        missing = not_found;
    }
    found.sort_by_key(|of| wanted.iter().position(|ending| *ending == of.ending));
    let examples = found.iter().map(|of| example(args, scenario, of, cancelled));
    let missing = missing.iter().map(TrialEnding::to_string).collect();
    Ok((examples.collect::<Result<_, Failure>>()?, missing))
}

fn interrupted(error: Cancelled) -> Failure {
    Failure::Running(error.to_string())
}

fn example(
    args: &ReportArgs,
    scenario: &Scenario,
    found: &FoundExample,
    cancelled: &AtomicBool,
) -> Result<Example, Failure> {
    let FoundExample { ending, truth, replicate } = found;
    let mut command = CommandLine::of("trace", &args.scenario)
        .option("replicate", replicate.0)
        .option("seed", scenario.seed.0);
    if *truth == Truth::Null {
        command = command.option("truth", "null");
    }
    let view = Viewpoint { truth: *truth, analysis: 0 };
    let trace = Trace::until_cancelled(scenario, *replicate, view, cancelled);
    let trace = trace.map_err(interrupted)?;
    let provenance = Provenance::new(scenario, command.to_string());
    Ok(Example::new(&ending.to_string(), &ExampleTrial { provenance, trace }))
}

/// The files of a report, opened before anything is simulated.
struct ReportFiles {
    page: OutputFile,
    /// Path of the page as the user gave it.
    path: PathBuf,
    format: ReportFormat,
    /// Whether an earlier report is replaced.
    replaces: bool,
    /// Files that the command reads.
    inputs: Vec<PathBuf>,
    /// Directory of the figures.
    figures: Option<PathBuf>,
    painter: FigurePainter,
}

impl ReportFiles {
    fn open(args: &ReportArgs, inputs: Vec<PathBuf>) -> Result<Self, Failure> {
        handle_signals();
        let format = ReportFormat::of(&args.out).expect("the option has been parsed");
        let page = OutputFile::at(&args.out)
            .map_err(|error| Failure::Usage(cannot_write(&args.out, &error)))?;
        output::keep_inputs([&page], &inputs)?;
        let replaces = output::replaces_own(&args.out, |text| format.is_own(text))?;
        let figures = match format {
            ReportFormat::Html => args.figures.clone(),
            ReportFormat::Markdown => {
                Some(args.figures.clone().unwrap_or_else(|| figures_of(&args.out)))
            }
        };
        if let Some(directory) = &figures {
            // A trial file, dropped at once: it leaves no trace.
            OutputFile::create(directory, "figure")
                .map_err(|error| Failure::Usage(cannot_write(directory, &error)))?;
        }
        let mut formats = Vec::new();
        if args.png {
            formats.push(FigureFormat::Png);
        }
        if format == ReportFormat::Markdown {
            // The page shows the figures in one of these: for a Word document pandoc needs another program
            // (rsvg-convert) to use SVG.
            let shown =
                if FigurePainter::CAN_RENDER { FigureFormat::Png } else { FigureFormat::Svg };
            formats.push(shown);
        }
        // Here, before the simulation, as a build that cannot render a format fails at this point.
        let painter = args.figure_formats.painter(&formats)?;
        Ok(Self { page, path: args.out.clone(), format, replaces, inputs, figures, painter })
    }

    /// Writes all files and returns the message that names them.
    fn finish(self, report: &Report<'_>) -> Result<String, Failure> {
        let drawn: Vec<&Figure> =
            report.figures.iter().chain(report.examples.iter().map(|of| &of.figure)).collect();
        let mut complete = Vec::new();
        if let Some(directory) = &self.figures {
            let from = report.summary.provenance.line();
            for figure in &drawn {
                let svg = figure.to_file(&from);
                complete.push(self.filled(
                    directory,
                    figure,
                    "csv",
                    figure.data.to_csv().as_bytes(),
                )?);
                for &format in self.painter.formats() {
                    let content = self.painter.paint(format, &svg, &figure.title)?;
                    complete.push(self.filled(directory, figure, format.ending(), &content)?);
                }
            }
        }
        let text = match self.format {
            ReportFormat::Html => html::page(report),
            ReportFormat::Markdown => self.markdown(report),
        };
        let message = self.message(drawn.len());
        complete.push(self.page.filled(text.as_bytes()).map_err(unfinished)?);
        output::put_in_place(complete).map_err(unfinished)?;
        Ok(message)
    }

    fn markdown(&self, report: &Report<'_>) -> String {
        let page = output::folder_of(&self.path);
        let figures = self.figures.as_deref().unwrap_or(page);
        let has_png = self.painter.formats().contains(&FigureFormat::Png);
        let ending = if has_png { "png" } else { "svg" };
        // Relative to the page, so that both can be moved together.
        let figures = figures.strip_prefix(page).unwrap_or(figures);
        markdown::page(report, &|name| {
            let path = figures.join(format!("{name}.{ending}"));
            // A space would end the address of an image in Markdown.
            path.to_string_lossy().replace(' ', "%20")
        })
    }

    /// Names the files that are written, and the command that makes a Word document of Markdown.
    fn message(&self, figures: usize) -> String {
        let path = &self.path;
        let mut text = format!("Wrote {}", path.display());
        if self.replaces {
            text += ", replacing an earlier report";
        }
        if let Some(directory) = &self.figures {
            let formats: Vec<&str> =
                self.painter.formats().iter().map(|format| format.name()).collect();
            let formats = formats.join(", ");
            text +=
                &format!(", and {figures} figures ({formats} and CSV) to {}", directory.display());
        }
        text += ".\n";
        if self.format == ReportFormat::Markdown {
            let folder = output::folder_of(path);
            let resources = if folder == Path::new(".") {
                String::new()
            } else {
                format!(" --resource-path {}", quoted(folder))
            };
            let word = path.with_extension("docx");
            text += &format!("For Word: pandoc {}{resources} -o {}\n", quoted(path), quoted(&word));
        }
        text
    }

    /// Writes a file of a figure, to be put in its place with the others.
    fn filled(
        &self,
        directory: &Path,
        figure: &Figure,
        extension: &str,
        content: &[u8],
    ) -> Result<OutputFile, Failure> {
        let name = format!("{}.{extension}", figure.name);
        let file = OutputFile::create(directory, &name).map_err(unfinished)?;
        output::keep_inputs([&file], &self.inputs)?;
        file.filled(content).map_err(unfinished)
    }
}

/// Returns the directory for the figures of a Markdown report: report-figures for report.md.
fn figures_of(page: &Path) -> PathBuf {
    let mut name = page.file_stem().unwrap_or_default().to_owned();
    name.push("-figures");
    page.with_file_name(name)
}

fn unfinished(error: std::io::Error) -> Failure {
    Failure::Running(format!("cannot finish the files of the report: {error}"))
}
