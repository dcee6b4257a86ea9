//! Rendering: what was computed goes out as a table, JSON, or rows. Nothing is computed here.

pub mod bench;
pub mod calibration;
mod centres;
pub mod check;
pub mod comparison;
mod csv;
mod description;
pub mod design;
mod disregarded;
pub mod document;
pub mod figure;
pub mod gallery;
pub mod html;
mod looks;
pub mod monitoring;
mod numeral;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "png")]
pub mod png;
pub mod pooling;
mod prior;
mod procedure;
pub mod quantity_rows;
pub mod rejection;
pub mod rows;
mod safety;
pub mod shipped;
pub mod solve;
pub mod strategies;
pub mod sweep;
pub mod table;

pub mod trace;

use serde::Serialize;

use crate::explore::precision::PrecisionReached;
use crate::scenario::{Scenario, ScenarioFile};
use crate::summary::procedure::ProcedureSummary;
use crate::summary::{OperatingCharacteristics, PriorSummary, TruthSummary};

/// Where a result comes from, and how to get it again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// Version of rescuesim.
    pub version: &'static str,
    /// SHA-256 of the resolved scenario without its `run` table.
    pub scenario_digest: String,
    /// Key of all randomness.
    pub seed: u64,
    /// Simulated trials under each truth.
    pub replicates: u64,
    /// The precision that gave that number; absent where it was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionReached>,
    /// The command that recreates the result.
    pub command: String,
    /// The scenario with every default filled in.
    pub scenario: ScenarioFile,
}

impl Provenance {
    /// Of a run of `scenario` that `command` starts.
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

    /// The same, with the precision that gave the number of replicates.
    #[must_use]
    pub fn with_precision(self, precision: Option<PrecisionReached>) -> Self {
        Self { precision, ..self }
    }

    /// Version and command, in a line.
    pub fn line(&self) -> String {
        format!("rescuesim {}: {}", self.version, self.command)
    }
}

/// The content of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Where it comes from.
    pub provenance: Provenance,
    /// The alternative, then the null twin, then the prior where there is one.
    pub truths: Vec<TruthSummary>,
    /// What the prior makes of the design; absent without a prior.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PriorSummary>,
    /// Procedures under the alternative, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<ProcedureSummary>,
}

impl Summary {
    /// Puts a result and its provenance together.
    pub fn new(provenance: Provenance, result: OperatingCharacteristics) -> Self {
        let OperatingCharacteristics { truths, prior, procedure } = result;
        Self { provenance, truths, prior, procedure }
    }

    /// As JSON, ending in a newline. Figures that do not exist are null.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a summary is plain data");
        text.push('\n');
        text
    }
}
