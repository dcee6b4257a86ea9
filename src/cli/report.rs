//! `rescuesim report`.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use rescuesim::engine::Job;
use rescuesim::explore::dossier::DossierTally;
use rescuesim::explore::sensitivity::VariedScenarios;
use rescuesim::report::command_line::quoted;
use rescuesim::report::composition::{ReportContent, ReportOrigin, ReportResults, one_look};
use rescuesim::report::gallery::Figure;
use rescuesim::report::sections::{Imprint, Report};
use rescuesim::report::{html, markdown};
use rescuesim::scenario::{InputDocument, Scenario, Set};
use rescuesim::summary::checkpoint::{RunId, Task};
use rescuesim::summary::{OperatingCharacteristics, Tally};
use rescuesim::trial::AdjustedEstimates;

use super::checkpoint::{CheckpointArgs, CheckpointFile};
use super::output::{self, OutputFile, cannot_write, print};
use super::pictures::{FigureArgs, FigureFormat, FigurePainter};
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
    let varied =
        delay::announced(quiet, || VariedScenarios::of(&scenario, &document, &Set::all(overrides)));
    // Before anything is simulated, so that a place that cannot be written is reported at once.
    let page = ReportFiles::open(args, document.paths())?;
    let file = args.checkpoint.open(args.run_id(&scenario), args.simulation.threads())?;
    let mut session = args.simulation.session(scenario.replicates).in_file(file);
    let origin = ReportOrigin { document: &document, path, overrides, sets: &sets };
    // All that takes long comes first, so that a checkpoint has it whatever happens later.
    let results = simulate(&mut session, origin, scenario, &varied)?;
    session.end().map_or(Ok(()), CheckpointFile::finish)?;
    let content = ReportContent::new(origin, &results, cancelled_by_signal())
        .map_err(|error| Failure::Running(error.to_string()))?;
    let command = args.command(&results.scenario);
    let written = page.finish(&content.report(&command, args.imprint()))?;
    if args.simulation.quiet {
        return Ok(());
    }
    print(&written)
}

/// Simulates the scenario, the same trials with one look, and varied scenarios.
fn simulate(
    session: &mut Session<'_>,
    origin: ReportOrigin<'_>,
    scenario: Scenario,
    varied: &VariedScenarios,
) -> Result<ReportResults, Failure> {
    session.name("the design");
    let Simulated { tally, next, reached } = session.fold_until_precise(
        [&scenario],
        Job::of(0..scenario.replicates),
        || DossierTally::new(&scenario),
        |tally, quantity| tally.tally.error_to_stop_by(quantity),
    )?;
    // With a precision the number of replicates is known only now; the command repeats it.
    let scenario = scenario.with_replicates(next);
    let one_look = one_look(&scenario);
    let points = varied.points.iter().map(|of| of.scenario.replicates).sum::<u64>();
    session.expect(points + one_look.as_ref().map_or(0, |fixed| fixed.replicates));
    let results = ReportResults::new(origin, scenario, tally, reached);
    let fixed = one_look
        .map(|fixed| {
            session.name("one look");
            operating_characteristics(session, &fixed)
        })
        .transpose()?;
    session.name("power curve");
    // The curve shows power alone.
    session.estimates = AdjustedEstimates::Skipped;
    let points = varied.points.iter().map(|of| operating_characteristics(session, &of.scenario));
    let points = points.collect::<Result<_, Failure>>()?;
    Ok(ReportResults { fixed, ..results }.with_curve(varied, points))
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

impl ReportArgs {
    fn run_id(&self, scenario: &Scenario) -> RunId {
        let stated = self.simulation.precision().is_none().then_some(scenario.replicates);
        // They decide on the replicates, so that with another precision it is another run.
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
        let mut command = self.scenario.command("report").amounts(scenario);
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
        let figures = relative(page, figures);
        markdown::page(report, &|name| address(&figures.join(format!("{name}.{ending}"))))
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
            // pandoc looks for figures from the current folder, and the page names them from its
            // own.
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

/// Returns a folder as seen from another, so that both can be moved together; its own path if they have
/// nothing in common, as on two drives.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let [Ok(start), Ok(end)] = [from, to].map(std::fs::canonicalize) else { return to.to_owned() };
    let (start, end): (Vec<_>, Vec<_>) = (start.components().collect(), end.components().collect());
    let common = start.iter().zip(&end).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to.to_owned();
    }
    let up = start[common..].iter().map(|_| Component::ParentDir);
    up.chain(end[common..].iter().copied()).collect()
}

/// Writes a path as the address of an image in Markdown, which a space, a bracket or `?` would end.
fn address(path: &Path) -> String {
    let mut out = String::new();
    for letter in path.to_string_lossy().chars() {
        let is_plain = letter.is_alphanumeric() || "-._~/".contains(letter);
        if is_plain {
            out.push(letter);
        } else {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                out += &format!("%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_linked_from_the_page_wherever_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        for inner in ["out", "figs/all"] {
            std::fs::create_dir_all(folder.path().join(inner)).expect("a folder");
        }
        let seen =
            |from: &str, to: &str| relative(&folder.path().join(from), &folder.path().join(to));
        assert_eq!(seen("out", "figs/all"), Path::new("../figs/all"));
        assert_eq!(seen("figs", "figs/all"), Path::new("all"));
        assert_eq!(seen("out/../figs", "figs"), Path::new(""));
    }

    #[test]
    fn addresses_have_no_letter_that_ends_them() {
        assert_eq!(address(Path::new("a)b (1)/50%20 ü.svg")), "a%29b%20%281%29/50%2520%20ü.svg");
    }
}
