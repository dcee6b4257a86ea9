//! `rescuesim trace`.

use std::path::PathBuf;

use clap::Args;
use rescuesim::report::Provenance;
use rescuesim::report::figure::{self, FigurePlace};
use rescuesim::report::trace::{ExampleTrial, Shown, patients_csv};
use rescuesim::rng::Replicate;
use rescuesim::scenario::{InputDocument, Scenario, Truth};
use rescuesim::trial::trace::{Trace, TrialEnding, Viewpoint, find};

use super::pictures::{DpiArgs, figure_path, write_plot};
use super::signals::cancelled_by_signal;
use super::{Failure, Format, ScenarioArgs, analysis, delay, output, values};

#[derive(Debug, Args)]
pub struct TraceArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Number of the replicate, from 0, as in the first column of trials.csv.
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = values::whole::<u64>(0, 1_000_000_000_000))]
    replicate: u64,
    /// Show the first replicate whose trial ended in this way instead: efficacy, futility, harm, safety (each also
    /// at a look, as in efficacy-at-1), not-significant, full-run or reversal. As many replicates are
    /// searched as the scenario runs.
    #[arg(long, value_name = "ENDING", conflicts_with = "replicate")]
    find: Option<TrialEnding>,
    /// Truth that its patients are drawn from: alternative (the outcomes of the scenario), null (the
    /// same patients without the effect), prior (with an effect drawn from it) or the name of a
    /// configuration.
    #[arg(long, value_name = "NAME", default_value = "alternative")]
    truth: String,
    /// Analysis of the scenario that monitors it; the primary one by default.
    #[arg(long, value_name = "NAME")]
    analysis: Option<String>,
    /// Seed; the same as --set run.seed.
    #[arg(long, value_parser = values::seed)]
    seed: Option<u64>,
    /// Patients in the tables: all, or this many of the first and some around each look. JSON and CSV
    /// have all.
    // Enough to see what the columns have, while the looks stay on the screen.
    #[arg(long, value_name = "N|all", default_value = "10", value_parser = shown)]
    patients: Shown,
    /// Format of the output; CSV has a row per patient.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also draw the path of Z and the calendar to this file: SVG, PDF or PNG, by
    /// the ending of its name.
    #[arg(long, value_name = "FILE", value_parser = figure_path)]
    plot: Option<PathBuf>,
    #[command(flatten)]
    dpi: DpiArgs,
}

fn shown(text: &str) -> Result<Shown, String> {
    match text {
        "all" => Ok(Shown::All),
        number => number
            .parse()
            .map(Shown::Excerpt)
            .map_err(|_| "allowed: all, or a whole number such as 10".to_owned()),
    }
}

pub fn trace(args: &TraceArgs) -> Result<(), Failure> {
    let ScenarioArgs { scenario: path, overrides } = &args.scenario;
    let seed = args.seed.map(|seed| format!("run.seed={seed}"));
    let all: Vec<String> = overrides.iter().cloned().chain(seed).collect();
    let document = InputDocument::read(path)?;
    let scenario = delay::announced(false, || document.scenario(&all))?;
    let view = args.viewpoint(&scenario)?;
    let replicate = args.replicate(&scenario, view)?;
    let trace = Trace::until_cancelled(&scenario, replicate, view, cancelled_by_signal());
    let trace = trace.map_err(|error| Failure::Running(error.to_string()))?;
    let provenance = Provenance::new(&scenario, args.recreate(&scenario, replicate));
    let trial = ExampleTrial { provenance, trace };
    // Before the trial is printed: an error after pages of output would be overlooked.
    if let Some(path) = &args.plot {
        let title = &trial.provenance.scenario.title;
        let svg = figure::trace(&trial, FigurePlace::File);
        write_plot(path, &svg, title, args.dpi, &document.paths())?;
        output::report_written(std::slice::from_ref(path));
    }
    match args.format {
        // Rows of patients, not of the quantities that other commands print.
        Format::Csv => output::print(&patients_csv(&trial.trace)),
        format => output::print_as(format, || trial.document(args.patients), || trial.to_json()),
    }
}

impl TraceArgs {
    fn viewpoint(&self, scenario: &Scenario) -> Result<Viewpoint, Failure> {
        let Some(truth) = scenario.truth_named(&self.truth) else {
            let names = scenario.truths().iter().map(|&truth| scenario.truth_name(truth));
            let reason = match self.truth.as_str() {
                "prior" => "this scenario has no [prior]",
                _ => "this scenario has no configuration of that name",
            };
            return Err(Failure::Usage(format!(
                "--truth {}: {reason}; allowed: {}",
                self.truth,
                names.collect::<Vec<_>>().join(", ")
            )));
        };
        Ok(Viewpoint { truth, analysis: analysis::position(scenario, self.analysis.as_deref())? })
    }

    /// Returns the replicate that is given, or the first with the given ending.
    fn replicate(&self, scenario: &Scenario, view: Viewpoint) -> Result<Replicate, Failure> {
        let Some(ending) = self.find else { return Ok(Replicate(self.replicate)) };
        // An ending that the design rules out would be searched for in vain.
        let possible = TrialEnding::possible(scenario);
        if !possible.contains(&ending) {
            let allowed: Vec<String> = possible.iter().map(TrialEnding::to_string).collect();
            return Err(Failure::Usage(format!(
                "--find {ending}: no trial of this design can end so; allowed: {}",
                allowed.join(", ")
            )));
        }
        let cancelled = cancelled_by_signal();
        let found = find(scenario, &[ending], view, scenario.replicates, cancelled)
            .map_err(|error| Failure::Running(error.to_string()))?;
        found[0].ok_or_else(|| {
            Failure::Running(format!(
                "none of the first {} replicates ended with {ending}; more are searched with \
                 --set run.replicates=N",
                scenario.replicates
            ))
        })
    }

    /// Returns the command that shows this trial again, without searching for it.
    fn recreate(&self, scenario: &Scenario, replicate: Replicate) -> String {
        // With the number in place of --find, so that nothing is searched again.
        let mut command = self
            .scenario
            .command("trace")
            .option("replicate", replicate.0)
            .option("seed", scenario.seed.0);
        if Some(self.truth.as_str()) != Truth::Alternative.own_name() {
            command = command.option("truth", &self.truth);
        }
        if let Some(name) = &self.analysis {
            command = command.option("analysis", name);
        }
        command.to_string()
    }
}
