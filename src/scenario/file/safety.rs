//! Adverse events: how often they happen, how they are compared, and whether they stop the trial.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use super::design::Boundary;
use crate::analysis::two_proportions::ProportionTest;

/// Adverse events that are compared when a trial ends, and may stop it before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Safety")]
pub struct WrittenSafety {
    /// Two-sided significance level of the comparisons when a trial ends.
    #[serde(default = "super::five_percent")]
    #[schemars(range(min = 1e-6, max = 0.5))]
    pub alpha_two_sided: f64,
    /// The events.
    // The events of a patient are bits of a byte.
    #[schemars(length(min = 1, max = 8))]
    pub endpoints: Vec<WrittenSafetyEndpoint>,
}

/// An adverse event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SafetyEndpoint")]
pub struct WrittenSafetyEndpoint {
    /// Unique name for tables.
    #[schemars(length(min = 1))]
    pub name: String,
    /// How the event arises.
    #[serde(flatten)]
    pub event: SafetyEvent,
    /// Days from randomisation until the event is known; 0 for death, which is known with the
    /// outcome.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub known_after_days: f64,
    /// Test that compares the arms, at the looks and at the end of the trial.
    #[serde(default)]
    pub test: ProportionTest,
    /// Stops the trial at an interim look when the experimental arm has too many events, regardless
    /// of the outcome; no boundary by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<SafetyStopping>,
}

/// How an adverse event arises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum SafetyEvent {
    /// Event at a stated rate under each treatment; it is never missing.
    Stated {
        /// Share of patients with control treatment who have the event.
        #[schemars(range(min = 0.0, max = 1.0))]
        control: f64,
        /// Share of patients with experimental treatment who have the event.
        #[schemars(range(min = 0.0, max = 1.0))]
        experimental: f64,
        /// Log odds of the event added by every level of the 90-day mRS: above 0 patients with a
        /// poor outcome have it more often. 0: it is independent of the mRS.
        #[serde(default)]
        #[schemars(range(min = -10.0, max = 10.0))]
        log_odds_per_mrs: f64,
        /// Alternative to `log_odds_per_mrs`: the mRS, 0 to 6, of patients who have the event:
        /// seven fractions that sum to 1 or percentages that sum to 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mrs_of_affected: Option<[f64; 7]>,
    },
    /// mRS 6 at the time of the outcome, known when the outcome is.
    Death {},
    /// Symptomatic haemorrhage of `procedure`.
    Haemorrhage {},
    /// Perforation or dissection of `procedure`.
    Perforation {},
}

/// A boundary for an adverse event, at the looks of the trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SafetyStopping {
    /// The spending function, of the share of all patients whose event is known.
    pub spending: Boundary,
    /// Probability of reaching the boundary, final look included, if the event is equally frequent
    /// in both arms.
    #[schemars(range(min = 1e-6, max = 0.4999))]
    pub alpha_one_sided: f64,
}
