//! Files of published 2×2 tables, TOML or CSV, for pooling.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{InputDocument, InputFile, InputTexts, Source};
use super::error::{Origin, Problem, Rejection, nearest};
use super::file::CountedEvent;
use super::hidden::{is_hidden, visible};
use super::path::KeyPath;
use super::problems::{out_of_range, repeats};
use super::schema::{self, ValueShape};
use super::separator;
use crate::evidence::Study;

/// Published comparisons, one set of studies per outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rescuesim evidence")]
pub struct EvidenceFile {
    /// Subject of the review, in one line.
    #[schemars(length(min = 1))]
    pub title: String,
    /// One or more outcomes.
    #[schemars(length(min = 1))]
    pub outcomes: Vec<Outcome>,
}

impl InputFile for EvidenceFile {
    fn schema() -> &'static Value {
        static SCHEMA: LazyLock<Value> = LazyLock::new(schema::build::<EvidenceFile>);
        &SCHEMA
    }

    fn shape() -> &'static ValueShape {
        static SHAPE: LazyLock<ValueShape> =
            LazyLock::new(|| ValueShape::known(EvidenceFile::schema()));
        &SHAPE
    }
}

/// One outcome in several studies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The event that is counted; unique.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Whether the event is one that patients want.
    #[serde(default = "wanted")]
    pub wanted: bool,
    /// One or more studies.
    #[schemars(length(min = 1))]
    pub studies: Vec<PublishedStudy>,
}

fn wanted() -> bool {
    true
}

/// A 2×2 table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedStudy {
    /// Citation.
    #[schemars(length(min = 1))]
    pub study: String,
    /// Experimental arm.
    pub experimental: Counts,
    /// Control arm.
    pub control: Counts,
}

/// Events among patients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Patients with the event, at most `n`.
    #[schemars(range(min = 0, max = 100_000_000))]
    pub events: u32,
    /// Patients.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub n: u32,
}

/// Published comparisons, as both kinds of files mean them.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedEvidence {
    /// Subject of the review.
    pub title: String,
    /// In the order of the file; one or more.
    pub outcomes: Vec<PublishedOutcome>,
}

/// The studies of one outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedOutcome {
    /// The event that is counted; empty if a CSV file does not name it.
    pub name: String,
    /// Whether patients want it; `None` if a CSV file does not say.
    pub event: Option<CountedEvent>,
    /// In the order of the file; one or more.
    pub studies: Vec<Study>,
}

impl PublishedEvidence {
    /// Reads a TOML file, or a CSV file (recognised by its ending) with the columns `study`,
    /// `events_experimental`, `n_experimental`, `events_control`, `n_control` and, if any, `outcome`
    /// and `wanted`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Rejection> {
        Self::load_from(&InputTexts::default(), path)
    }

    /// Reads a file that may have been read before.
    ///
    /// # Errors
    /// Same as [`PublishedEvidence::load`].
    pub(super) fn load_from(inputs: &InputTexts, path: &Path) -> Result<Self, Rejection> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            return from_csv(path.display().to_string(), inputs.text(path)?);
        }
        let document = InputDocument::read_from(inputs, path)?;
        let source = document.with(&[]).read::<EvidenceFile>()?;
        let problems = impossible(&source);
        if problems.is_empty() { Ok(source.file.into()) } else { Err(source.reject(problems)) }
    }
}

impl From<EvidenceFile> for PublishedEvidence {
    fn from(file: EvidenceFile) -> Self {
        let outcomes = file.outcomes.into_iter().map(|outcome| PublishedOutcome {
            name: outcome.name,
            event: Some(if outcome.wanted { CountedEvent::Wanted } else { CountedEvent::Unwanted }),
            studies: outcome.studies.into_iter().map(Study::from).collect(),
        });
        Self { title: file.title, outcomes: outcomes.collect() }
    }
}

impl From<PublishedStudy> for Study {
    fn from(written: PublishedStudy) -> Self {
        Self {
            name: written.study,
            experimental: (written.experimental.events, written.experimental.n),
            control: (written.control.events, written.control.n),
        }
    }
}

/// Returns the problems that need more than one value: more events than patients, outcomes named twice.
fn impossible(source: &Source<'_, EvidenceFile>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let outcomes = &source.file.outcomes;
    for (i, outcome) in outcomes.iter().enumerate() {
        let at = KeyPath::default().key("outcomes").index(i);
        if outcomes[..i].iter().any(|other| other.name == outcome.name) {
            let message = repeats(format!("\"{}\"", outcome.name), "outcome");
            problems.push(source.places.problem(&at.key("name"), message));
        }
        for (j, study) in outcome.studies.iter().enumerate() {
            let at = at.key("studies").index(j);
            for (arm, counts) in [("experimental", study.experimental), ("control", study.control)]
            {
                if counts.events > counts.n {
                    let message = out_of_range(counts.events, format!("0 to n ({})", counts.n));
                    let path = at.key(arm).key("events");
                    problems.push(source.places.problem(&path, message));
                }
            }
        }
    }
    problems
}

/// A row of a CSV file.
#[derive(Debug, Deserialize)]
struct CsvRow {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    wanted: String,
    study: String,
    events_experimental: u32,
    n_experimental: u32,
    events_control: u32,
    n_control: u32,
}

impl CsvRow {
    /// Returns what the column `wanted` says; `None` if it is empty.
    fn event(&self) -> Result<Option<CountedEvent>, String> {
        // Spreadsheets and R write TRUE and FALSE.
        match self.wanted.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" => Ok(Some(CountedEvent::Wanted)),
            "false" => Ok(Some(CountedEvent::Unwanted)),
            other => Err(format!("wanted is {other}; allowed: true, false or nothing")),
        }
    }

    fn into_study(self) -> Study {
        Study {
            name: self.study,
            experimental: (self.events_experimental, self.n_experimental),
            control: (self.events_control, self.n_control),
        }
    }

    /// Returns the problems of the row that can be seen without the others.
    fn problems(&self) -> Vec<String> {
        let arms = [
            (self.events_experimental, self.n_experimental),
            (self.events_control, self.n_control),
        ];
        let mut messages: Vec<String> = arms
            .into_iter()
            // An arm without patients has no rate.
            .filter(|(events, n)| events > n || *n == 0)
            .map(|(events, n)| format!("{events} events of {n}; allowed: 0 to n, n at least 1"))
            .collect();
        // Names reach the terminal and every file.
        if self.study.contains(is_hidden) || self.outcome.contains(is_hidden) {
            messages.push(format!(
                "study \"{}\", outcome \"{}\"; allowed: names without control characters, \
                 marks of direction and characters of no width",
                visible(&self.study),
                visible(&self.outcome)
            ));
        }
        messages
    }
}

/// The outcomes of a CSV file as they are read, row by row.
#[derive(Debug, Default)]
struct CsvOutcomes {
    outcomes: Vec<PublishedOutcome>,
    positions: BTreeMap<String, usize>,
    /// Positions of outcomes with a row whose column `wanted` cannot be read.
    unreadable: BTreeSet<usize>,
}

impl CsvOutcomes {
    /// Adds a row, and returns its problems.
    fn add(&mut self, row: CsvRow) -> Vec<String> {
        let mut messages = row.problems();
        let event = row.event();
        // Outcomes in the order of the file, though rows of different outcomes may alternate.
        let next = self.outcomes.len();
        let position = *self.positions.entry(row.outcome.clone()).or_insert(next);
        if position == next {
            let name = row.outcome.clone();
            let event = event.clone().unwrap_or(None);
            self.outcomes.push(PublishedOutcome { name, event, studies: Vec::new() });
        }
        let outcome = &mut self.outcomes[position];
        match event {
            Err(message) => {
                messages.push(message);
                self.unreadable.insert(position);
            }
            // A study that is counted in the other direction would cancel the effect of its neighbours.
            // What cannot be read says nothing about the rows that can.
            Ok(event) if outcome.event != event && !self.unreadable.contains(&position) => {
                messages.push(
                    "wanted is not the same as above; allowed: one for all rows of an outcome"
                        .to_owned(),
                );
            }
            Ok(_) => {}
        }
        outcome.studies.push(row.into_study());
        messages
    }
}

fn from_csv(name: String, text: String) -> Result<PublishedEvidence, Rejection> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    // Before the rows, each of which would be reported for what is wrong with the header.
    if let Some(message) = wrong_header(&header) {
        let problem = Problem::at("", message, Origin::File, 0..0);
        return Err(Rejection::new(name, text, vec![problem]));
    }
    let mut read = CsvOutcomes::default();
    let mut problems = Vec::new();
    for record in reader.into_records() {
        let row = record.and_then(|record| {
            let start = record.position().map_or(0, |position| position.byte() as usize);
            Ok((start, record.deserialize::<CsvRow>(Some(&header))?))
        });
        let (start, messages) = match row {
            Ok((start, row)) => (start, read.add(row)),
            Err(error) => {
                let start = error.position().map_or(0, |position| position.byte() as usize);
                (start, vec![format!("not a row of {COLUMNS}: {error}")])
            }
        };
        for message in messages {
            problems.push(Problem::at("", message, Origin::File, start..start));
        }
    }
    if read.outcomes.is_empty() && problems.is_empty() {
        let message = format!("{name} has no studies; expected rows of {COLUMNS}");
        problems.push(Problem::general(message));
    }
    if problems.is_empty() {
        Ok(PublishedEvidence { title: visible(&name).into_owned(), outcomes: read.outcomes })
    } else {
        Err(Rejection::new(name, text, problems))
    }
}

/// Columns that a CSV file must have.
const NEEDED: [&str; 5] =
    ["study", "events_experimental", "n_experimental", "events_control", "n_control"];

const COLUMNS: &str =
    "study, events_experimental, n_experimental, events_control, n_control (and outcome, wanted)";

/// Returns why a line is not the header of a table of studies, if it is not.
fn wrong_header(header: &csv::StringRecord) -> Option<String> {
    let missing: Vec<&str> =
        NEEDED.into_iter().filter(|needed| header.iter().all(|has| has != *needed)).collect();
    // An empty file is reported as one without studies.
    if missing.is_empty() || header.is_empty() {
        return None;
    }
    if let Some(problem) = separator::problem(header) {
        return Some(problem);
    }
    let known: Vec<&str> = header.iter().collect();
    let near = missing.iter().find_map(|name| nearest(name, &known));
    let hint = near.map_or_else(String::new, |near| format!(" (is it `{near}`?)"));
    Some(format!(
        "the header has no column {}{hint}; expected {COLUMNS}",
        missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    ))
}
