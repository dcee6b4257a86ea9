//! `rescuesim list`: the shipped scenarios and the questions they ask.

use serde::Serialize;

use super::document::{Document, filled};
use crate::scenario::Scenario;
use crate::scenario::shipped::SCENARIOS;

/// A scenario in the list.
#[derive(Debug, Serialize)]
struct ListedScenario {
    name: &'static str,
    title: String,
    question: Option<String>,
}

fn listed() -> impl Iterator<Item = ListedScenario> {
    SCENARIOS.iter().map(|shipped| {
        // Title and question are read from the file, so that the list cannot contradict it.
        let scenario = Scenario::parse(shipped.text, &[]).expect("shipped scenarios are valid");
        let file = scenario.file();
        ListedScenario {
            name: shipped.name,
            title: file.title.clone(),
            question: file.question.clone(),
        }
    })
}

/// Lists the scenarios as text.
pub fn document() -> Document {
    let mut list = Vec::new();
    for ListedScenario { name, title, question } in listed() {
        let text = filled(&question.unwrap_or(title), 76);
        list.push(format!("{name}\n{}", textwrap::indent(&text, "    ")));
    }
    Document::new().verbatim(list.join("\n")).gap().text(
        "Run one with `rescuesim run NAME`, look at it with `rescuesim check NAME`, start from it \
             with `rescuesim init --from NAME`.",
    )
}

/// Lists the scenarios as JSON.
pub fn json() -> String {
    let listed: Vec<ListedScenario> = listed().collect();
    serde_json::to_string_pretty(&listed).expect("a list is plain data") + "\n"
}
