//! A simulation that shows its results while it runs.

use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::Value;

use super::{ShownFigure, state};
use crate::engine::{self, FoldError, Job, Observer};
use crate::explore::dossier::{Dossier, DossierTally};
use crate::explore::strategies::StrategySummary;
use crate::report::synopsis::Synopsis;
use crate::report::{Provenance, Summary, gallery, html, quantity_rows, run};
use crate::scenario::Scenario;
use crate::summary::{AnalysisSummary, McEstimate, OperatingCharacteristics};
use crate::trial::AdjustedEstimates;

/// Receives what a simulation has so far, and paces it.
pub trait Listener {
    /// Returns how many replicates the next wave may have, after `done` of `all`. A simulation that would take
    /// too long is cancelled by its flag.
    fn next_wave(&mut self, done: u64, all: u64) -> u64;
    /// Receives an event, JSON in one line.
    fn receive(&mut self, event: String);
}

/// Flags by which a simulation is ended.
#[derive(Debug, Clone, Copy)]
pub struct Flags<'f> {
    /// Ends the simulation, with results of the replicates so far.
    pub stopped: &'f AtomicBool,
    /// Ends the simulation without results, as the client has disconnected.
    pub gone: &'f AtomicBool,
}

/// Why a simulation has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoResult {
    /// It was stopped before its first replicates.
    #[error("stopped before the first results")]
    Stopped,
    /// It failed, as when the system gives no threads.
    #[error("{0}")]
    Failed(String),
}

/// Rates of an analysis so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownRates {
    /// Name of the analysis.
    pub name: String,
    /// Whether it is the primary one.
    pub is_primary: bool,
    /// P(efficacy) under the alternative.
    pub power: McEstimate,
    /// P(efficacy) under the null.
    pub type_i_error: McEstimate,
    /// Power by closed form.
    pub formula: Option<f64>,
}

/// The results so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// `progress`, or `result` for the last.
    pub kind: &'static str,
    /// Replicates simulated.
    pub replicates: u64,
    /// Replicates that were to be simulated.
    pub of: u64,
    /// Rates of all analyses, the primary one first.
    pub analyses: Vec<ShownRates>,
    /// Mean number of patients randomised under the alternative.
    pub patients: McEstimate,
    /// Mean months to the decision under the alternative.
    pub months: McEstimate,
}

/// The final results.
#[derive(Debug, Serialize)]
pub struct FinalResult {
    /// Rates and means.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Course of the trials in a sentence or two.
    pub verdict: String,
    /// The tables of `rescuesim run --full`.
    pub tables: String,
    /// Figures of the report.
    pub figures: Vec<ShownFigure>,
    /// All quantities as CSV, a row each, as `rescuesim run --format csv` prints them.
    pub csv: String,
    /// Content of `summary.json`, except for estimates that are adjusted for the looks.
    pub summary: Value,
    /// Command that gives the same numbers.
    pub command: String,
}

/// Simulates the replicates of a scenario. The listener receives a [`Snapshot`] after each wave and a
/// [`FinalResult`] at the end, also if the simulation is stopped before; none if the listener is gone.
///
/// # Errors
/// If it is stopped before its first replicates, or without threads.
pub fn simulate(
    scenario: &Scenario,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) -> Result<(), NoResult> {
    let mut snapshots = Snapshots { scenario, listener, cut: None };
    let job = Job {
        cancelled: flags.stopped,
        observer: Some(&mut snapshots),
        // Estimates that allow for the looks cost more than the trials, and the page does not show them.
        estimates: AdjustedEstimates::Skipped,
        ..Job::of(0..scenario.replicates)
    };
    let folded = engine::fold([scenario], job, || DossierTally::new(scenario));
    let cut = snapshots.cut.take();
    match folded {
        Ok(folded) => {
            send_result(scenario, folded.next, &folded.total, flags, listener);
            Ok(())
        }
        Err(FoldError::Cancelled) => match cut {
            Some((total, next)) if next > 0 => {
                send_result(scenario, next, &total, flags, listener);
                Ok(())
            }
            Some(_) | None => Err(NoResult::Stopped),
        },
        Err(error @ (FoldError::Threads(_) | FoldError::Rows(_))) => {
            Err(NoResult::Failed(error.to_string()))
        }
    }
}

/// Watches a fold for the listener.
struct Snapshots<'a> {
    scenario: &'a Scenario,
    listener: &'a mut dyn Listener,
    /// Total and replicates of a fold that was cancelled.
    cut: Option<(DossierTally, u64)>,
}

impl Observer<DossierTally> for Snapshots<'_> {
    fn before_wave(&mut self, total: &DossierTally, next: u64) -> u64 {
        let scenario = self.scenario;
        if next > 0 {
            let result = OperatingCharacteristics::new(scenario, &total.tally);
            self.listener.receive(super::to_json(&snapshot("progress", scenario, next, &result)));
        }
        self.listener.next_wave(next, scenario.replicates)
    }

    fn cancelled(&mut self, total: &DossierTally, next: u64) {
        self.cut = Some((total.clone(), next));
    }
}

fn snapshot(
    kind: &'static str,
    scenario: &Scenario,
    replicates: u64,
    result: &OperatingCharacteristics,
) -> Snapshot {
    let [effect, none, ..] = &result.truths[..] else {
        unreachable!("every run simulates the alternative and the null")
    };
    let rates = effect.analyses.iter().zip(&none.analyses).enumerate();
    let primary = &effect.analyses[0];
    Snapshot {
        kind,
        replicates,
        of: scenario.replicates,
        analyses: rates.map(|(place, (effect, none))| shown_rates(place, effect, none)).collect(),
        patients: primary.n_randomised.mean,
        months: primary.duration_months,
    }
}

fn shown_rates(place: usize, effect: &AnalysisSummary, none: &AnalysisSummary) -> ShownRates {
    ShownRates {
        name: effect.name.clone(),
        is_primary: place == 0,
        power: effect.rejection,
        type_i_error: none.rejection,
        formula: effect.normal_approximation.as_ref().map(|formula| formula.rejection),
    }
}

/// Sends the final results, unless the listener is gone.
fn send_result(
    scenario: &Scenario,
    replicates: u64,
    total: &DossierTally,
    flags: Flags<'_>,
    listener: &mut dyn Listener,
) {
    // The first replicates are run again for paths and calendar.
    // Stopped by `gone` alone: a simulation that the user stops still shows what it has.
    let Ok(dossier) = Dossier::new(scenario, total, flags.gone) else { return };
    let result = OperatingCharacteristics::new(scenario, &total.tally);
    let snapshot = snapshot("result", scenario, replicates, &result);
    // With the replicates that were simulated: a stopped simulation has fewer than the scenario
    // states.
    let command = state::command(scenario).replace(
        &format!("--replicates {}", scenario.replicates),
        &format!("--replicates {replicates}"),
    );
    let provenance = Provenance { replicates, ..Provenance::new(scenario, command.clone()) };
    let summary = Summary::new(provenance, result);
    let strategies: [StrategySummary; 0] = [];
    let figures = gallery::figures(scenario, &summary, &dossier, &strategies);
    let synopsis = Synopsis::new(scenario, &summary.truths, summary.prior.as_ref());
    let shown = FinalResult {
        snapshot,
        verdict: synopsis.course(),
        tables: html::fragment(&run::document(&summary, scenario)),
        figures: figures.iter().map(|figure| ShownFigure::new(figure, &command)).collect(),
        csv: quantity_rows::csv_of_json(&summary.to_json()),
        summary: serde_json::to_value(&summary).expect("a summary is plain data"),
        command,
    };
    listener.receive(super::to_json(&shown));
}
