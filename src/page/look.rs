//! An interim look of a running trial.

use serde::Serialize;

use super::FILE;
use super::request::LookRequest;
use crate::explore::monitor::{GivenData, LookInput, evaluate, typed};
use crate::report::command_line::quoted;
use crate::report::html;
use crate::report::monitoring::{LookContext, MonitoringReport};
use crate::scenario::Scenario;

/// What a look shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownLook {
    /// Boundaries that are crossed and the recommendation of the design, in a sentence.
    pub summary: String,
    /// The treatment effect that holds if the trial stops at this look, in a sentence; null if it is unknown.
    pub effect: Option<String>,
    /// The tables of `rescuesim monitor`.
    pub html: String,
    /// Z on the boundaries.
    pub figure: String,
}

/// Evaluates a look by the primary analysis, as `rescuesim monitor` does.
///
/// # Errors
/// The message of the command.
pub fn evaluate_look(request: &LookRequest, scenario: &Scenario) -> Result<ShownLook, String> {
    let analysis = &scenario.analyses[0];
    let look = evaluate(scenario, analysis, &input(request)?).map_err(|error| error.to_string())?;
    let context = LookContext { scenario, analysis, command: command(request), date: None };
    let report = MonitoringReport::new(context, look);
    Ok(ShownLook {
        html: html::fragment(&report.document()),
        figure: html::interim::figure(&report),
        effect: report.effect_in_words(),
        summary: report.summary,
    })
}

/// Reads what was typed, with the errors that the options of the command would have.
fn input(request: &LookRequest) -> Result<LookInput, String> {
    // Nothing typed is no value, but the text without a comma is a list of one.
    let earlier_z = Some(&request.earlier_z).filter(|typed| !typed.is_empty());
    let earlier_z = earlier_z.map(|typed| list("--earlier-z <Z>", typed, typed::z)).transpose()?;
    let events = request.events.iter().map(|event| {
        let text = format!("{}={},{}", event.name, event.control, event.experimental);
        value("--event <NAME=X/N,X/N>", &text, typed::event)
    });
    Ok(LookInput {
        look: request.look as usize,
        overrun: false,
        // The page asks for the outcomes of this look alone: those of earlier looks are as planned.
        analysed: Vec::new(),
        earlier_z: earlier_z.unwrap_or_default(),
        data: GivenData::Mrs {
            control: list("--control-mrs <PATIENTS>", &request.control, typed::patients)?,
            experimental: list(
                "--experimental-mrs <PATIENTS>",
                &request.experimental,
                typed::patients,
            )?,
        },
        randomised: None,
        lost: None,
        events: events.collect::<Result<_, String>>()?,
        prior: None,
    })
}

/// Reads values with commas between them.
fn list<T>(
    option: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    text.split(',').map(|word| value(option, word, &parse)).collect()
}

/// Reads a value, with the error of the command line.
fn value<T>(
    option: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, String> {
    parse(text).map_err(|error| format!("invalid value '{text}' for '{option}': {error}"))
}

/// Returns the command that gives the same tables.
fn command(request: &LookRequest) -> String {
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
    let quoted_words: Vec<String> = words.iter().map(quoted).collect();
    format!("rescuesim {}", quoted_words.join(" "))
}
