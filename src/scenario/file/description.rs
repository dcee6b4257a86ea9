//! `[description]`: supplementary analyses when a trial ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Supplementary analyses when a trial ends, of the outcomes that its primary analysis had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Description")]
pub struct WrittenDescription {
    /// Whether the odds ratio at every cut is reported, with a test of proportional odds.
    #[serde(default = "super::yes")]
    pub proportional_odds: bool,
    /// Factors whose interaction with treatment is tested (subgroups); none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subgroups: Vec<String>,
    /// Whether trials are analysed again with all missing outcomes of an arm set to each mRS, for
    /// all pairs: the tipping-point table of the primary analysis.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub tipping_point: bool,
    /// Two-sided significance level of these tests.
    #[serde(default = "super::five_percent")]
    #[schemars(range(min = 1e-6, max = 0.5))]
    pub alpha_two_sided: f64,
}

impl WrittenDescription {
    /// A description without analyses of its own, for the interactions of factors that modify the
    /// effect.
    pub fn of_interactions() -> Self {
        Self {
            proportional_odds: false,
            subgroups: Vec::new(),
            tipping_point: false,
            alpha_two_sided: super::five_percent(),
        }
    }
}
