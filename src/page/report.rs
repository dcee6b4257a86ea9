//! The report of a scenario as one page.

use std::path::Path;

use serde::Serialize;

use super::simulation::{Flags, Listener, NoResult};
use super::{FILE, Surroundings};
use crate::engine::{self, Accumulator, FoldError, Job, Observer};
use crate::explore::dossier::DossierTally;
use crate::explore::sensitivity::VariedScenarios;
use crate::report::command_line::CommandLine;
use crate::report::composition::{ReportContent, ReportOrigin, ReportResults, one_look};
use crate::report::html;
use crate::report::sections::Imprint;
use crate::scenario::Scenario;
use crate::summary::{OperatingCharacteristics, Tally};
use crate::trial::AdjustedEstimates;

/// Simulations of a report per replicate of its scenario: the design, the trial with one look, and a curve of
/// eight points with a fifth of the replicates each.
const SIMULATIONS: u64 = 4;
/// Replicates from which the time of a report is estimated.
const SAMPLE: u64 = 256;

/// A report.
#[derive(Debug, Serialize)]
struct ShownReport {
    kind: &'static str,
    replicates: u64,
    of: u64,
    html: String,
}

/// Makes the page of `rescuesim report`, which the listener receives as one event.
///
/// # Errors
/// When it is stopped, or the scenario is not valid.
pub fn write_report(
    text: &str,
    around: &Surroundings,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) -> Result<(), NoResult> {
    let document = around.parse(text).map_err(failed)?;
    let scenario = document.scenario(&[]).map_err(failed)?;
    // Before anything is simulated in full: a report is not shown in parts, so that one that is cut
    // short leaves nothing.
    estimate_time(&scenario, flags, listener)?;
    let path = Path::new(FILE);
    let origin = ReportOrigin { document: &document, path, overrides: &[], sets: &[] };
    let varied = VariedScenarios::of(&scenario, &document, &[]);
    let command = CommandLine::of("report", path, &[]).amounts(&scenario).to_string();
    let results = simulate(origin, scenario, &varied, flags)?;
    let content =
        ReportContent::new(origin, &results, flags.stopped).map_err(|_| NoResult::Stopped)?;
    let replicates = results.scenario.replicates;
    listener.receive(super::to_json(&ShownReport {
        kind: "result",
        replicates,
        of: replicates,
        html: html::page(&content.report(&command, Imprint::default())),
    }));
    Ok(())
}

/// Simulates the scenario, the same trials with one look, and varied scenarios.
fn simulate(
    origin: ReportOrigin<'_>,
    scenario: Scenario,
    varied: &VariedScenarios,
    flags: Flags<'_>,
) -> Result<ReportResults, NoResult> {
    let tally = fold(&scenario, AdjustedEstimates::Computed, flags, DossierTally::new)?;
    let fixed = match one_look(&scenario) {
        Some(fixed) => {
            let tally = fold(&fixed, AdjustedEstimates::Computed, flags, Tally::new)?;
            Some(OperatingCharacteristics::new(&fixed, &tally))
        }
        None => None,
    };
    let mut points = Vec::new();
    for point in &varied.points {
        // The curve shows power alone.
        let tally = fold(&point.scenario, AdjustedEstimates::Skipped, flags, Tally::new)?;
        points.push(OperatingCharacteristics::new(&point.scenario, &tally));
    }
    let results = ReportResults::new(origin, scenario, tally, None);
    Ok(ReportResults { fixed, ..results }.with_curve(varied, points))
}

/// Simulates all replicates of a scenario.
fn fold<A: Accumulator>(
    scenario: &Scenario,
    estimates: AdjustedEstimates,
    flags: Flags<'_>,
    new: fn(&Scenario) -> A,
) -> Result<A, NoResult> {
    // The totals alone are wanted: a report cannot be shown in parts, so that no observer sends them.
    let job = Job { cancelled: flags.stopped, estimates, ..Job::of(0..scenario.replicates) };
    match engine::fold([scenario], job, || new(scenario)) {
        Ok(folded) => Ok(folded.total),
        Err(FoldError::Cancelled) => Err(NoResult::Stopped),
        Err(error @ (FoldError::Threads(_) | FoldError::Rows(_))) => Err(failed(error)),
    }
}

fn failed(error: impl ToString) -> NoResult {
    NoResult::Failed(error.to_string())
}

/// Simulates some replicates, so that a report that would need hours is refused before it begins.
fn estimate_time(
    scenario: &Scenario,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) -> Result<(), NoResult> {
    let mut sample = ReportSample { listener, of: SIMULATIONS * scenario.replicates };
    let job = Job {
        cancelled: flags.stopped,
        observer: Some(&mut sample),
        ..Job::of(0..SAMPLE.min(scenario.replicates))
    };
    let folded = engine::fold([scenario], job, || Tally::new(scenario)).map_err(failed)?;
    listener.next_wave(folded.next, SIMULATIONS * scenario.replicates);
    Ok(())
}

/// Paces a sample as a part of a report.
struct ReportSample<'a> {
    listener: &'a mut dyn Listener,
    /// Replicates of all simulations.
    of: u64,
}

impl Observer<Tally> for ReportSample<'_> {
    fn before_wave(&mut self, _: &Tally, next: u64) -> u64 {
        // Few at a time, so that a slow scenario is noticed early.
        self.listener.next_wave(next, self.of).min(32)
    }

    // A sample has no results to keep.
    fn cancelled(&mut self, _: &Tally, _: u64) {}
}
