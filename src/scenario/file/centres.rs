//! Centres and calendar time in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The centres of the trial, each with a rate and effects of its own. `centre` is then a factor that
/// the randomisation, analyses and subgroups may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Centres")]
pub struct WrittenCentres {
    /// Number of centres. `accrual` is what they recruit together when all are open.
    #[schemars(range(min = 1, max = 1000))]
    pub number: u32,
    /// Shape of the gamma distribution of the centres' rates; a smaller shape means more unequal
    /// rates. All rates are equal by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 1e6))]
    pub rate_shape: Option<f64>,
    /// Opening times; all centres open with the trial by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<WrittenOpening>,
    /// Standard deviation between centres of the log odds of a lower (better) mRS. It spreads the
    /// outcomes of an arm around its stated distribution and does not change it; after a procedure it
    /// is added to the other log odds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub outcome_sd: f64,
    /// Standard deviation between centres of the log odds that a pass reperfuses, and that a stent is
    /// placed, opens the vessel and keeps it open. Needs `procedure`; it does not change which patients are randomised.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub procedure_sd: f64,
    /// Standard deviation between centres of the log odds that an outcome is never known, around the
    /// stated dropout.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 5.0))]
    pub dropout_sd: f64,
}

/// When the centres open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Opening")]
pub enum WrittenOpening {
    /// Number of months over which the centres open, each at a separate, uniformly distributed
    /// time.
    OverMonths(#[schemars(range(min = 0.0, max = 1200.0))] f64),
    /// Month in which each centre opens, in the order of the centres.
    Months(#[schemars(length(min = 1), inner(range(min = 0.0, max = 1200.0)))] Vec<f64>),
}

/// A change of outcomes over calendar time, in both arms alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Drift")]
pub struct WrittenDrift {
    /// Log odds of a lower (better) mRS per year of the time of randomisation.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub log_odds_per_year: f64,
    /// Month of the trial in which the outcomes are those of `outcome`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1200.0))]
    pub stated_at_month: f64,
}
