//! `[adherence]`: patients who do not receive the treatment of their arm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLogOdds;

/// Patients who do not get the treatment of their arm. Their outcome is that of the treatment received.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Adherence")]
pub struct WrittenAdherence {
    /// Control patients who receive the experimental treatment.
    pub control_crossover: WrittenDeparture,
    /// Experimental patients who refuse the experimental treatment and receive the control
    /// treatment.
    pub experimental_refusal: WrittenDeparture,
    /// Experimental patients who do not refuse, but whose lesion the treatment cannot reach; they
    /// receive the control treatment.
    pub experimental_failed_access: WrittenDeparture,
}

/// A reason not to get the treatment of the arm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Departure")]
pub struct WrittenDeparture {
    /// Probability: among all patients of the arm, and for failed access among those who do not
    /// refuse.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub probability: f64,
    /// Log odds per standard deviation of the patient's prognosis (the rank of the future outcome):
    /// below 0 patients with a poor outcome are affected more often.
    #[schemars(range(min = -20.0, max = 20.0))]
    pub log_odds_per_prognosis: f64,
    /// Log odds by level of a factor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<FactorLogOdds>,
}
