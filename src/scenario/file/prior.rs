//! The prior on the effect in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Prior on the effect: a mixture of normal and Student's t distributions of the log
/// common odds ratio, by which the control arm's mRS is shifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Prior")]
pub struct WrittenPrior {
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
    /// Studies whose pooled log odds ratio and standard error are mean and standard deviation. Give
    /// this or `log_odds_ratio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PooledEvidence>,
    /// Source of the numbers, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub source: Option<String>,
}

fn default_weight() -> f64 {
    1.0
}

/// A distribution of the log common odds ratio, normal or Student's t; above 0 is benefit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOddsRatio {
    /// Mean.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub mean: f64,
    /// Standard deviation, or the scale of a t distribution; 0 is a single value.
    // 0 is an effect that is certain.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub sd: f64,
    /// Degrees of freedom of a t distribution, whose values are limited to ±30; normal if not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // Beyond a million, t does not differ from the normal distribution.
    #[schemars(range(min = 1.0, max = 1_000_000.0))]
    pub degrees_of_freedom: Option<f64>,
}

/// An outcome of a file of published 2×2 tables, pooled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PooledEvidence {
    /// TOML or CSV as `rescuesim pool` reads it; the path is relative to the scenario's folder.
    #[schemars(length(min = 1))]
    pub file: String,
    /// Name of the outcome in the file; may be left out if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub outcome: Option<String>,
    /// Method of pooling the studies.
    #[serde(default = "default_pooling")]
    #[schemars(length(min = 1))]
    pub method: String,
    /// Whether patients want the event: needed if a CSV file does not say so. The odds ratio of an
    /// unwanted event is inverted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<CountedEvent>,
    /// The effect that the distribution is of.
    #[serde(default)]
    pub distribution: EvidenceOf,
}

/// Whether patients want the event that studies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedEvent {
    /// A good outcome: an odds ratio above 1 is benefit.
    Wanted,
    /// A bad outcome: an odds ratio above 1 is harm.
    Unwanted,
}

/// The log odds ratio that published evidence gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceOf {
    /// The mean of all studies: the pooled estimate with its standard error, normal or, by
    /// Hartung–Knapp, t on k − 1 degrees of freedom.
    #[default]
    Mean,
    /// A new study: t on k − 2 degrees of freedom with the scale √(τ² + SE²), by a random-effects
    /// method from three studies or more.
    NewStudy,
}

fn default_pooling() -> String {
    "revman_random".into()
}
