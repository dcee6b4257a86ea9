//! `[[factors]]` and `[[strata]]`: baseline covariates and the shares of their combinations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A baseline covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Factor")]
pub struct WrittenFactor {
    /// Unique name, used by `randomisation.factors`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Names of the levels, two or more.
    // With one level there is nothing to balance or to adjust for.
    #[schemars(length(min = 2), inner(length(min = 1)))]
    pub levels: Vec<String>,
    /// Share of patients in each level, as fractions or percentages; left out when `strata` are
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 0.0, max = 100.0)))]
    pub shares: Option<Vec<f64>>,
    /// Prognostic log odds of a lower (better) mRS in each level; 0 by default. They spread the
    /// outcomes of an arm around its stated distribution and do not change it; after a procedure
    /// they are added to the other log odds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub log_odds: Option<Vec<f64>>,
    /// Log odds added to the effect of treatment in each level, above 0 for a larger benefit; 0 by
    /// default, the same effect in every level. The stated effect remains that of all patients; a
    /// `conditional_common_odds_ratio` is that of patients whose levels add 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub effect_log_odds: Option<Vec<f64>>,
}

/// The share of one combination of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stratum")]
pub struct WrittenStratum {
    /// One level of each factor, in the order of the factors.
    pub levels: Vec<String>,
    /// Share of patients, as a fraction or percentage.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub share: f64,
}
