//! What a report is made of: from the results of its simulations to its figures, examples and words.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::command_line::CommandLine;
use super::gallery::{self, Figure};
use super::sections::{Example, Imprint, Report};
use super::trace::ExampleTrial;
use super::{Provenance, Summary};
use crate::explore::dossier::{Dossier, DossierTally};
use crate::explore::examples::{FoundExample, FoundExamples};
use crate::explore::precision::PrecisionReached;
use crate::explore::sensitivity::VariedScenarios;
use crate::explore::strategies::{
    DEFAULT_PATIENTS, StrategyComparison, StrategySummary, default_max_passes,
};
use crate::scenario::sources::{self, Paragraph, Parameter};
use crate::scenario::{InputDocument, Scenario, Set, Truth};
use crate::summary::OperatingCharacteristics;
use crate::trial::trace::{Cancelled, Trace, Viewpoint};

/// Where the scenario of a report comes from.
#[derive(Debug, Clone, Copy)]
pub struct ReportOrigin<'r> {
    /// Scenario as it is written.
    pub document: &'r InputDocument,
    /// Path of the scenario in commands.
    pub path: &'r Path,
    /// Overrides in commands, as typed.
    pub overrides: &'r [String],
    /// Everything that replaces a value of the document.
    pub sets: &'r [Set],
}

/// Results of the simulations of a report.
#[derive(Debug)]
pub struct ReportResults {
    /// Simulated scenario.
    pub scenario: Scenario,
    /// Totals of its replicates.
    pub tally: DossierTally,
    /// What `run` would show.
    pub summary: Summary,
    /// The same trials without interim looks; `None` if the design has none.
    pub fixed: Option<OperatingCharacteristics>,
    /// Power near the scenario; `None` if too few points are possible.
    pub curve: Option<Figure>,
}

impl ReportResults {
    /// Summarises the simulation of a scenario.
    pub fn new(
        origin: ReportOrigin<'_>,
        scenario: Scenario,
        tally: DossierTally,
        reached: Option<PrecisionReached>,
    ) -> Self {
        // Its results are those of `run`, which repeats them in less time than a report takes.
        let command = origin.command("run").amounts(&scenario);
        let provenance = Provenance::new(&scenario, command.to_string()).with_precision(reached);
        let result = OperatingCharacteristics::new(&scenario, &tally.tally);
        let summary = Summary::new(provenance, result);
        Self { scenario, tally, summary, fixed: None, curve: None }
    }

    /// Adds the curve of the power at varied scenarios, whose results are in their order.
    #[must_use]
    pub fn with_curve(
        self,
        varied: &VariedScenarios,
        results: Vec<OperatingCharacteristics>,
    ) -> Self {
        let VariedScenarios { quantity, planned, points } = varied;
        let points: Vec<(f64, OperatingCharacteristics)> =
            points.iter().map(|point| point.value).zip(results).collect();
        // A curve through two points is a straight line, whatever the power does between them.
        let curve = (points.len() > 2).then(|| gallery::power_curve(*quantity, *planned, &points));
        Self { curve, ..self }
    }
}

impl ReportOrigin<'_> {
    /// Begins a command on the scenario.
    fn command(&self, name: &str) -> CommandLine {
        CommandLine::of(name, self.path, self.overrides)
    }
}

/// Everything that a report shows, in no format.
#[derive(Debug)]
pub struct ReportContent<'r> {
    results: &'r ReportResults,
    figures: Vec<Figure>,
    examples: Vec<Example>,
    not_found: Vec<String>,
    parameters: Vec<Parameter>,
    preamble: Vec<Paragraph>,
}

impl<'r> ReportContent<'r> {
    /// Draws the figures and searches for examples.
    ///
    /// # Errors
    /// When it is cancelled by its flag.
    pub fn new(
        origin: ReportOrigin<'_>,
        results: &'r ReportResults,
        cancelled: &AtomicBool,
    ) -> Result<Self, Cancelled> {
        let ReportResults { scenario, tally, summary, curve, .. } = results;
        let dossier = Dossier::new(scenario, tally, cancelled)?;
        let mut figures = gallery::figures(scenario, summary, &dossier, &compared(scenario));
        figures.extend(curve.clone());
        let FoundExamples { found, not_found } = FoundExamples::search(scenario, cancelled)?;
        let examples = found.iter().map(|found| example(origin, scenario, found, cancelled));
        Ok(Self {
            results,
            figures,
            examples: examples.collect::<Result<_, Cancelled>>()?,
            not_found: not_found.iter().map(ToString::to_string).collect(),
            parameters: sources::parameters(scenario, origin.document, origin.sets),
            preamble: sources::preamble(origin.document.text()),
        })
    }

    /// Returns the report; `command` reproduces it.
    pub fn report<'c>(&'c self, command: &'c str, imprint: Imprint<'c>) -> Report<'c> {
        let ReportResults { scenario, summary, fixed, .. } = self.results;
        Report {
            scenario,
            summary,
            fixed: fixed.as_ref(),
            figures: &self.figures,
            examples: &self.examples,
            not_found: &self.not_found,
            parameters: &self.parameters,
            preamble: &self.preamble,
            command,
            imprint,
        }
    }
}

/// Returns the trial with its final look alone; `None` if it has no other, or if its design has no
/// meaning without its looks: then there is nothing to compare with.
pub fn one_look(scenario: &Scenario) -> Option<Scenario> {
    if scenario.design.looks().len() == 1 { None } else { scenario.with_one_look().ok() }
}

/// Compares the strategies of a procedure; empty without one.
fn compared(scenario: &Scenario) -> Vec<StrategySummary> {
    // As many patients and passes as in `rescuesim strategies`, so that both show the same table.
    let strategies = StrategyComparison::new(scenario, default_max_passes(scenario) as usize);
    strategies.map_or_else(Vec::new, |mut strategies| {
        strategies.simulate(DEFAULT_PATIENTS);
        strategies.summaries()
    })
}

fn example(
    origin: ReportOrigin<'_>,
    scenario: &Scenario,
    found: &FoundExample,
    cancelled: &AtomicBool,
) -> Result<Example, Cancelled> {
    let FoundExample { ending, truth, replicate } = *found;
    let mut command =
        origin.command("trace").option("replicate", replicate.0).option("seed", scenario.seed.0);
    if truth == Truth::Null {
        command = command.option("truth", "null");
    }
    let view = Viewpoint { truth, analysis: 0 };
    let trace = Trace::until_cancelled(scenario, replicate, view, cancelled)?;
    let provenance = Provenance::new(scenario, command.to_string());
    Ok(Example::new(&ending.to_string(), &ExampleTrial { provenance, trace }))
}
