//! `rescuesim list`: the scenarios that come with the program, and the questions they ask.

use serde::Serialize;

use super::document::Document;
use crate::scenario::Scenario;
use crate::scenario::shipped::SCENARIOS;

/// A scenario in the list.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    title: String,
    question: Option<String>,
}

fn entries() -> impl Iterator<Item = Entry> {
    SCENARIOS.iter().map(|shipped| {
        let file = Scenario::parse(shipped.text, &[]).expect("what is shipped is valid");
        let file = file.file();
        Entry { name: shipped.name, title: file.title.clone(), question: file.question.clone() }
    })
}

/// For people.
pub fn document() -> Document {
    let entry = |Entry { name, title, question }: Entry| {
        let text = question.unwrap_or(title);
        let indented = textwrap::indent(&textwrap::fill(&text, 76), "    ");
        format!("{name}\n{indented}")
    };
    let list: Vec<String> = entries().map(entry).collect();
    Document::new().verbatim(list.join("\n")).gap().text(
        "Run one with `rescuesim run NAME`, look at it with `rescuesim check NAME`, start from it \
             with `rescuesim init --from NAME`.",
    )
}

/// For programs.
pub fn json() -> String {
    let entries: Vec<Entry> = entries().collect();
    serde_json::to_string_pretty(&entries).expect("a list is plain data") + "\n"
}
