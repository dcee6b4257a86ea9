//! Files of published 2×2 tables, TOML or CSV, for pooling.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Origin, Problem, Rejection};
use super::read::{InputFile, Inputs, Source, build_schema};
use crate::evidence::Study;

/// Published comparisons, one set of studies per outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rescuesim evidence")]
pub struct EvidenceFile {
    /// What was reviewed, in one line.
    #[schemars(length(min = 1))]
    pub title: String,
    /// One or more outcomes.
    #[schemars(length(min = 1))]
    pub outcomes: Vec<Outcome>,
}

impl InputFile for EvidenceFile {
    fn schema() -> &'static Value {
        static SCHEMA: LazyLock<Value> = LazyLock::new(build_schema::<EvidenceFile>);
        &SCHEMA
    }
}

/// One outcome in several studies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The event that is counted; unique.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Whether the event is one that patients want; a prior needs one that they want.
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
    /// As it is cited.
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

/// What a file of evidence means: the studies of each outcome, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What was reviewed.
    pub title: String,
    /// Name and studies of each outcome.
    pub outcomes: Vec<(String, Vec<Study>)>,
    /// Names of those that patients do not want.
    pub unwanted: Vec<String>,
}

impl Evidence {
    /// Reads a TOML file, or a CSV file (by its ending) with the columns `study`,
    /// `events_experimental`, `n_experimental`, `events_control`, `n_control` and, where there are
    /// several outcomes, `outcome`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Rejection> {
        Self::load_from(&Inputs::default(), path)
    }

    /// The same with the texts of files that may have been read before.
    ///
    /// # Errors
    /// As [`Evidence::load`].
    pub fn load_from(inputs: &Inputs, path: &Path) -> Result<Self, Rejection> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            return from_csv(path.display().to_string(), inputs.text(path)?);
        }
        let source = Source::<EvidenceFile>::read(inputs, path, &[])?;
        let problems = impossible(&source);
        if problems.is_empty() { Ok(source.file.into()) } else { Err(source.reject(problems)) }
    }
}

impl From<EvidenceFile> for Evidence {
    fn from(file: EvidenceFile) -> Self {
        let study = |written: PublishedStudy| Study {
            name: written.study,
            experimental: (written.experimental.events, written.experimental.n),
            control: (written.control.events, written.control.n),
        };
        let unwanted = file.outcomes.iter().filter(|outcome| !outcome.wanted);
        let unwanted = unwanted.map(|outcome| outcome.name.clone()).collect();
        let outcomes = file
            .outcomes
            .into_iter()
            .map(|outcome| (outcome.name, outcome.studies.into_iter().map(study).collect()));
        Self { title: file.title, outcomes: outcomes.collect(), unwanted }
    }
}

/// Counts that cannot be, and outcomes named twice.
fn impossible(source: &Source<EvidenceFile>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let outcomes = &source.file.outcomes;
    for (i, outcome) in outcomes.iter().enumerate() {
        if outcomes[..i].iter().any(|other| other.name == outcome.name) {
            let message = format!("is \"{}\" for the second time; allowed: once", outcome.name);
            problems.push(source.problem(&format!("outcomes[{i}].name"), message));
        }
        for (j, study) in outcome.studies.iter().enumerate() {
            for (arm, counts) in [("experimental", study.experimental), ("control", study.control)]
            {
                if counts.events > counts.n {
                    let path = format!("outcomes[{i}].studies[{j}].{arm}.events");
                    let message = format!("is {}; allowed: 0 to n ({})", counts.events, counts.n);
                    problems.push(source.problem(&path, message));
                }
            }
        }
    }
    problems
}

/// A row of a CSV file.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default)]
    outcome: String,
    study: String,
    events_experimental: u32,
    n_experimental: u32,
    events_control: u32,
    n_control: u32,
}

fn from_csv(name: String, text: String) -> Result<Evidence, Rejection> {
    let mut outcomes: Vec<(String, Vec<Study>)> = Vec::new();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned();
    for record in reader.into_records() {
        let row = record.and_then(|record| {
            let start = record.position().map_or(0, |position| position.byte() as usize);
            Ok((start, record.deserialize::<Row>(header.as_ref().ok())?))
        });
        match row {
            Ok((start, row)) => {
                for (events, n) in [
                    (row.events_experimental, row.n_experimental),
                    (row.events_control, row.n_control),
                ] {
                    if events > n || n == 0 {
                        let message =
                            format!("{events} events of {n}; allowed: 0 to n, n at least 1");
                        problems.push(Problem::at("", message, Origin::File, start..start));
                    }
                }
                let position = *positions.entry(row.outcome.clone()).or_insert(outcomes.len());
                if position == outcomes.len() {
                    outcomes.push((row.outcome.clone(), Vec::new()));
                }
                outcomes[position].1.push(Study {
                    name: row.study,
                    experimental: (row.events_experimental, row.n_experimental),
                    control: (row.events_control, row.n_control),
                });
            }
            Err(error) => {
                let start = error.position().map_or(0, |position| position.byte() as usize);
                let message = format!("not a row of {COLUMNS}: {error}");
                problems.push(Problem::at("", message, Origin::File, start..start));
            }
        }
    }
    if outcomes.is_empty() && problems.is_empty() {
        problems
            .push(Problem::general(format!("{name} has no studies; expected rows of {COLUMNS}")));
    }
    if problems.is_empty() {
        Ok(Evidence { title: name, outcomes, unwanted: Vec::new() })
    } else {
        Err(Rejection::new(name, text, problems))
    }
}

const COLUMNS: &str =
    "study, events_experimental, n_experimental, events_control, n_control (and outcome)";
