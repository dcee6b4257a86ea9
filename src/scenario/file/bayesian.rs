//! Bayesian decisions in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WrittenPrior;

/// What looks decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decisions {
    /// Boundaries of Z.
    #[default]
    Frequentist,
    /// Posterior and predictive probabilities, with the rules of `design.bayesian`.
    Bayesian,
}

impl Decisions {
    /// Returns whether it is the default.
    pub fn is_frequentist(&self) -> bool {
        *self == Self::Frequentist
    }
}

/// Rules of Bayesian decisions. Each analysis has the model of its method: `two_proportions` the
/// beta-binomial, `utility_weighted` the Dirichlet, and methods that estimate a log odds ratio the normal
/// model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Bayesian")]
pub struct WrittenBayesian {
    /// Rule of success.
    pub success: WrittenPosteriorSuccess,
    /// Rule of futility at interim looks; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futility: Option<WrittenFutility>,
    /// Rule of harm; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<WrittenHarm>,
    /// Beta-binomial model: prior successes and failures of the control arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 0.01, max = 10_000.0)))]
    pub prior_control: Option<[f64; 2]>,
    /// Beta-binomial model: prior successes and failures of the experimental arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 0.01, max = 10_000.0)))]
    pub prior_experimental: Option<[f64; 2]>,
    /// Normal model: prior of the log odds ratio; by default that of `[prior]`, and without one a flat
    /// prior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<WrittenPrior>,
    /// Dirichlet model: prior patients with each mRS in either arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub prior_per_level: Option<f64>,
    /// Models of counts: prediction of patients in the pipeline from their early mRS, of `early_outcome`;
    /// without it they are predicted as patients to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitudinal: Option<WrittenLongitudinal>,
}

/// Longitudinal model of the predictive probability: in each arm, the later mRS given each early mRS is
/// estimated from the patients who have both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Longitudinal")]
pub struct WrittenLongitudinal {
    /// Days from randomisation to the early mRS.
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub early_known_after_days: f64,
}

/// A probability for all looks, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum ByLook {
    /// One probability for every look.
    All(#[schemars(range(min = 0.0001, max = 0.999_999))] f64),
    /// One for each look, the last for the final one.
    Each(
        #[schemars(length(min = 1, max = 20), inner(range(min = 0.0001, max = 0.999_999)))]
        Vec<f64>,
    ),
}

/// Rule of success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BayesianSuccess")]
pub struct WrittenPosteriorSuccess {
    /// Least posterior probability that the effect exceeds `effect_above`.
    pub posterior_at_least: ByLook,
    /// Effect to be exceeded, on the scale of the model: a risk difference, a log odds ratio or a
    /// difference of mean utilities.
    #[serde(default)]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub effect_above: f64,
    /// Least predictive probability of success at the final analysis with which an interim look concludes
    /// success, in place of the posterior probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0001, max = 0.999_999))]
    pub predictive_at_least: Option<f64>,
}

/// Rule of futility at interim looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "BayesianFutility")]
pub enum WrittenFutility {
    /// Stop if the predictive probability of success at the final analysis is below this.
    PredictiveBelow(#[schemars(range(min = 0.0001, max = 0.9999))] f64),
    /// Stop if the posterior probability of the effect is below this.
    PosteriorBelow(#[schemars(range(min = 0.0001, max = 0.9999))] f64),
}

/// Rule of harm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BayesianHarm")]
pub struct WrittenHarm {
    /// Least posterior probability that the effect is below `effect_below`.
    // Below one half, a trial would stop for harm that is less likely than not.
    #[schemars(range(min = 0.5, max = 0.999_999))]
    pub posterior_at_least: f64,
    /// Effect that counts as harm if it is not reached, on the scale of the model.
    #[serde(default)]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub effect_below: f64,
}
