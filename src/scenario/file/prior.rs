//! What is written about the prior on the effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is believed of the effect: a mixture of normal distributions of the log common odds ratio,
/// by which the control arm's mRS is shifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// One or more distributions.
    #[schemars(length(min = 1, max = 10))]
    pub components: Vec<PriorComponent>,
}

/// One distribution of the mixture, given in numbers or by published evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["log_odds_ratio", "evidence"]))]
pub struct PriorComponent {
    /// Weight against the other components; they are divided by their sum.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub weight: f64,
    /// The distribution in numbers. Give this or `evidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_odds_ratio: Option<LogOddsRatio>,
    /// Studies whose pooled log odds ratio and standard error are mean and standard deviation.
    /// Give this or `log_odds_ratio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PooledEvidence>,
    /// Where the numbers are from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub source: Option<String>,
}

fn default_weight() -> f64 {
    1.0
}

/// A normal distribution of the log common odds ratio; above 0 is benefit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOddsRatio {
    /// Its mean.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub mean: f64,
    /// Its standard deviation; 0 is a single value.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub sd: f64,
}

/// An outcome of a file of published 2×2 tables, pooled; its event must be a good outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PooledEvidence {
    /// TOML or CSV as `rescuesim pool` reads it; the path starts at the scenario's folder.
    #[schemars(length(min = 1))]
    pub file: String,
    /// Name of the outcome in the file; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub outcome: Option<String>,
    /// How its studies are pooled.
    #[serde(default = "default_pooling")]
    #[schemars(length(min = 1))]
    pub method: String,
}

fn default_pooling() -> String {
    "revman_random".into()
}
