//! The start of the page: the shipped scenarios as cards, and what every key means.

use serde::Serialize;

use crate::scenario::Scenario;
use crate::scenario::key_help::KeyHelp;
use crate::scenario::shipped::{SCENARIOS, STARTING};

/// A scenario to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartCard {
    /// Name.
    pub name: &'static str,
    /// Title of the trial.
    pub title: String,
    /// The question that the scenario answers.
    pub question: String,
    /// Text of the scenario.
    pub text: &'static str,
}

/// What the page needs once.
#[derive(Debug, Serialize)]
pub struct PageStart {
    /// Version of the program.
    pub version: &'static str,
    /// Template of a new trial.
    pub template: &'static str,
    /// Shipped scenarios, in the order of a first reading.
    pub scenarios: Vec<StartCard>,
    /// Keys of a scenario: meaning, allowed values, unit, default.
    pub keys: &'static [KeyHelp],
    /// Text and file name of the scenario of the command line.
    pub opened: Option<OpenedText>,
}

/// The scenario of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenedText {
    /// Name of the file, for downloads.
    pub name: String,
    /// Text.
    pub text: String,
}

/// Gathers what the page needs once.
pub fn start(opened: Option<OpenedText>) -> PageStart {
    let scenarios = SCENARIOS.iter().map(|shipped| {
        let scenario = Scenario::parse(shipped.text, &[]).expect("shipped scenarios are valid");
        let file = scenario.file();
        StartCard {
            name: shipped.name,
            title: file.title.clone(),
            question: file.question.clone().unwrap_or_default(),
            text: shipped.text,
        }
    });
    PageStart {
        version: env!("CARGO_PKG_VERSION"),
        template: STARTING,
        scenarios: scenarios.collect(),
        keys: KeyHelp::all(),
        opened,
    }
}
