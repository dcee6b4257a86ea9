//! Rendering: what was computed goes out as a table, JSON, or rows. Nothing is computed here.
//!
#![doc = include_str!("README.md")]

mod adaptation;
pub mod bench;
pub mod calibration;
mod centres;
pub mod check;
pub mod command_line;
pub mod comparison;
pub mod composition;
mod configurations;
mod csv;
mod description;
pub mod design;
mod disregarded;
pub mod document;
mod enrichment;
pub mod expectations;
pub mod explain;
pub mod figure;
pub mod gallery;
pub mod glossary;
pub mod html;
mod looks;
pub mod markdown;
mod modification;
pub mod monitoring;
mod numeral;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "png")]
pub mod picture;
pub mod pooling;
mod population;
mod prior;
mod procedure;
pub mod quantity_rows;
mod reestimation;
pub mod rejection;
pub mod rows;
pub mod run;
mod safety;
pub mod sections;
pub mod shipped;
pub mod solve;
pub mod strategies;
mod success;
pub mod sweep;
pub mod synopsis;
pub mod table;
pub mod trace;

pub use numeral::grouped;

use serde::Serialize;

use crate::explore::precision::PrecisionReached;
use crate::scenario::{Scenario, ScenarioFile};
use crate::summary::procedure::ProcedureSummary;
use crate::summary::{OperatingCharacteristics, PriorSummary, TruthSummary};

/// Origin of a result: version, scenario, seed and the command that reproduces it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// Version of rescuesim.
    pub version: &'static str,
    /// SHA-256 of the resolved scenario without its `run` table.
    pub scenario_digest: String,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Number of simulated trials under each truth.
    pub replicates: u64,
    /// Precision that determined `replicates`; absent if their number was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReached>,
    /// Command that reproduces the result.
    pub command: String,
    /// Scenario with every default filled in.
    pub scenario: ScenarioFile,
}

impl Provenance {
    /// Provenance of a run of `scenario` by `command`.
    pub fn new(scenario: &Scenario, command: String) -> Self {
        let file = scenario.file().clone();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            scenario_digest: scenario.digest(),
            seed: scenario.seed.0,
            replicates: scenario.replicates,
            precision: None,
            command,
            scenario: file,
        }
    }

    /// Adds the precision that determined the number of replicates.
    #[must_use]
    pub fn with_precision(self, precision: Option<PrecisionReached>) -> Self {
        Self { precision, ..self }
    }

    /// Version and command in one line.
    pub fn line(&self) -> String {
        format!("rescuesim {}: {}", self.version, self.command)
    }
}

/// Content of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Origin of the summary.
    pub provenance: Provenance,
    /// The alternative, the null twin and, with a prior, the prior.
    pub truths: Vec<TruthSummary>,
    /// Quantities averaged over the prior; absent without a prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PriorSummary>,
    /// Procedures under the alternative; absent without procedures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<ProcedureSummary>,
}

impl Summary {
    /// Combines a result with its provenance.
    pub fn new(provenance: Provenance, result: OperatingCharacteristics) -> Self {
        // Destructured, so that a new part of the results is not left out of the summary.
        let OperatingCharacteristics { truths, prior, procedure } = result;
        Self { provenance, truths, prior, procedure }
    }

    /// Formats the summary as JSON, ending in a newline. Quantities that do not exist are null.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a summary is plain data");
        text.push('\n');
        text
    }
}
