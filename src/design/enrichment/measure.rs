//! The measure by which an enrichment drops levels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is expected of a level at the interim look, from its own Z there, if the trial continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropMeasure {
    /// Conditional power under the observed effect of the level.
    #[default]
    ConditionalPower,
    /// Predictive power: conditional power averaged over the posterior distribution of the effect of the
    /// level, with a flat prior.
    PredictivePower,
}
