//! `[missing]` and `[early_outcome]`: outcomes that are never known, and those that are known early.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Outcomes that are never known. Log odds spread the dropout of an arm around what is stated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Missing {
    /// Probability that a patient's outcome is never known: one number, or one per arm. With log
    /// odds by outcome, or known deaths, that of an arm with the outcomes of the control treatment.
    pub dropout: Dropout,
    /// Log odds of dropout added by every level of the 90-day mRS: above 0 patients with a poor outcome
    /// drop out more often (missing not at random).
    #[schemars(range(min = -10.0, max = 10.0))]
    pub log_odds_per_mrs: f64,
    /// Log odds of dropout by level of a factor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<FactorLogOdds>,
    /// Share of deaths that are always known, such as deaths in hospital.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub known_deaths: f64,
}

/// Log odds by level of a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorLogOdds {
    /// Name of the factor.
    pub factor: String,
    /// Log odds of each of its levels.
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub log_odds: Vec<f64>,
}

/// The mRS seen early, at discharge or after some days. Patients who have died by then are never lost
/// to follow-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EarlyOutcome")]
pub struct WrittenEarlyOutcome {
    /// Distribution of the early mRS in the control arm, mRS 0 to 6: seven fractions that sum to 1 or
    /// percentages that sum to 100.
    pub control: [f64; 7],
    /// For each early mRS, 0 to 6, the distribution of the mRS at 90 days in the control arm, in the same
    /// form.
    pub transition: [[f64; 7]; 7],
    /// Whether shares that sum to 99 to 101 %, because they were rounded, are divided by their sum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rescale: bool,
}

/// Probability of dropout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Dropout {
    /// One probability for both arms.
    // With 1 no outcome would be known.
    Both(#[schemars(range(min = 0.0, max = 0.99))] f64),
    /// One for each arm.
    ByArm {
        /// In the control arm.
        #[schemars(range(min = 0.0, max = 0.99))]
        control: f64,
        /// In the experimental arm.
        #[schemars(range(min = 0.0, max = 0.99))]
        experimental: f64,
    },
}

impl Default for Dropout {
    fn default() -> Self {
        Self::Both(0.0)
    }
}
