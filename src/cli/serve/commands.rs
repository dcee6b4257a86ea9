//! Commands of the program that the page calls with the options that they would have in a terminal.

use clap::Parser;
use rescuesim::engine::{self, Job, Observer};
use rescuesim::page::request::LookRequest;
use rescuesim::page::simulation::{Flags, Listener, NoResult};
use rescuesim::page::{FILE, Surroundings};
use rescuesim::report::html;
use rescuesim::scenario::Scenario;
use rescuesim::summary::Tally;
use serde_json::json;

use crate::cli::monitor::{self, MonitorArgs};
use crate::cli::recreate::quoted;
use crate::cli::report::{self, ReportArgs};

/// Simulations of a report per replicate of its scenario: the design, the trial with one look, and a curve of
/// eight points with a fifth of the replicates each.
const SIMULATIONS: u64 = 4;
/// Replicates from which the time of a report is estimated.
const SAMPLE: u64 = 256;

/// `monitor` with options as typed.
#[derive(Debug, Parser)]
struct TypedMonitor {
    #[command(flatten)]
    args: MonitorArgs,
}

/// `report` with options as typed.
#[derive(Debug, Parser)]
struct TypedReport {
    #[command(flatten)]
    args: ReportArgs,
}

/// Evaluates an interim look as `rescuesim monitor` does: its summary, tables and figure as JSON.
///
/// # Errors
/// The message of the command.
pub fn evaluated(request: &LookRequest, scenario: &Scenario) -> Result<String, String> {
    // Each value is one word with its option, so that none can be taken for another option.
    let mut words = vec![
        "monitor".to_owned(),
        FILE.to_owned(),
        format!("--look={}", request.look),
        format!("--control-mrs={}", request.control),
        format!("--experimental-mrs={}", request.experimental),
    ];
    if !request.earlier_z.is_empty() {
        words.push(format!("--earlier-z={}", request.earlier_z));
    }
    for event in &request.events {
        words.push(format!("--event={}={},{}", event.name, event.control, event.experimental));
    }
    let typed = TypedMonitor::try_parse_from(&words).map_err(|error| brief(&error))?;
    let quoted_words: Vec<String> = words.iter().map(quoted).collect();
    let command = format!("rescuesim {}", quoted_words.join(" "));
    let report =
        monitor::report(scenario, &typed.args, command).map_err(|failure| failure.to_string())?;
    let answer = json!({
        "summary": report.summary,
        "html": html::fragment(&report.document()),
        "figure": html::interim::figure(&report),
    });
    Ok(answer.to_string())
}

/// Returns the sentence of an error of the command line, without the advice on usage.
fn brief(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.trim_start_matches("error: ").trim().to_owned()
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
    estimate_time(&scenario, flags, listener)?;
    let typed = TypedReport::try_parse_from(["report", FILE, "--quiet"]);
    let args = typed.expect("these options are valid").args;
    let html = report::html_page(&args, &document, flags.stopped).map_err(failed)?;
    let replicates = scenario.replicates;
    let event =
        json!({ "kind": "result", "replicates": replicates, "of": replicates, "html": html });
    listener.receive(event.to_string());
    Ok(())
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

    fn cancelled(&mut self, _: &Tally, _: u64) {}
}
