//! What is written about looks, boundaries and analyses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Looks and boundaries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["alpha_one_sided", "alpha_two_sided"]))]
pub struct Design {
    /// One-sided type I error. Give this or `alpha_two_sided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1e-12, max = 0.4999))]
    pub alpha_one_sided: Option<f64>,
    /// Two-sided type I error; half of it is used on the side of benefit. Give this or
    /// `alpha_one_sided`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2e-12, max = 0.9998))]
    pub alpha_two_sided: Option<f64>,
    /// When to look, in exactly one of three ways; one look is a fixed design.
    pub looks: Looks,
    /// Boundary for stopping early because the experimental arm is better.
    pub efficacy: Efficacy,
    /// Boundary for stopping early because success is unlikely; non-binding: the efficacy boundary
    /// does not rely on it.
    #[serde(default)]
    pub futility: Futility,
    /// Days from the last outcome of a look to the decision, while accrual goes on.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3652.5))]
    pub decision_lag_days: f64,
}

/// When to look. The last look is the final one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Looks {
    /// Outcomes known at each look, increasing, the last equal to `sample_size.analysed`.
    Analysed(#[schemars(length(min = 1, max = 20), inner(range(min = 1)))] Vec<u32>),
    /// Fractions of `sample_size.analysed`, increasing to 1; rounded to whole patients.
    InformationFractions(
        #[schemars(length(min = 1, max = 20), inner(range(min = 1e-6, max = 1.0)))] Vec<f64>,
    ),
    /// This many looks at equal steps of information, rounded to whole patients.
    EquallySpaced(#[schemars(range(min = 1, max = 20))] u32),
}

/// Boundary for efficacy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Efficacy {
    /// No stopping for efficacy before the final look, which has the whole α.
    None {},
    /// Lan–DeMets spending, O'Brien–Fleming-type.
    LanDemetsObrienFleming {},
    /// Lan–DeMets spending, Pocock-type.
    LanDemetsPocock {},
    /// Hwang–Shih–DeCani spending.
    HwangShihDecani {
        /// −4 is near O'Brien–Fleming, 1 near Pocock.
        #[schemars(range(min = -40.0, max = 40.0))]
        gamma: f64,
    },
    /// Kim–DeMets power-family spending.
    KimDemets {
        /// 3 is near O'Brien–Fleming, 1 near Pocock.
        #[schemars(range(min = 0.01, max = 50.0))]
        rho: f64,
    },
    /// Classical O'Brien–Fleming bounds.
    ObrienFleming {},
    /// Classical Pocock bounds.
    Pocock {},
}

/// Boundary for futility, non-binding.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Futility {
    /// No stopping for futility.
    #[default]
    None,
    /// Stop when Z is at or below a bound.
    Z {
        /// One bound per interim look; -inf where a look does not test for futility.
        #[schemars(inner(range(max = 40.0)))]
        bounds: Vec<f64>,
    },
    /// Spend the type II error.
    BetaSpending {
        /// The spending function.
        spending: Spending,
        /// The power 1 − β that the bounds are built for.
        #[serde(default = "default_power")]
        #[schemars(range(min = 0.05, max = 0.9999))]
        power: f64,
    },
}

fn default_power() -> f64 {
    0.8
}

/// A spending function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spending {
    /// Lan–DeMets, O'Brien–Fleming-type.
    LanDemetsObrienFleming {},
    /// Lan–DeMets, Pocock-type.
    LanDemetsPocock {},
    /// Hwang–Shih–DeCani.
    HwangShihDecani {
        /// −4 is near O'Brien–Fleming, 1 near Pocock.
        #[schemars(range(min = -40.0, max = 40.0))]
        gamma: f64,
    },
    /// Kim–DeMets power family.
    KimDemets {
        /// 3 is near O'Brien–Fleming, 1 near Pocock.
        #[schemars(range(min = 0.01, max = 50.0))]
        rho: f64,
    },
}

/// An analysis that monitors the trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Analysis {
    /// Z test of two proportions with pooled variance; estimate: risk difference.
    TwoProportions {
        /// Unique name for tables; the method by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        name: Option<String>,
        /// Success is an mRS at or below this.
        #[serde(default = "default_cut")]
        #[schemars(range(min = 0, max = 5))]
        cut: u8,
    },
    /// Proportional-odds model with treatment alone; estimate: log common odds ratio.
    ProportionalOdds {
        /// Unique name for tables; the method by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        name: Option<String>,
        /// The statistic compared with the boundary.
        #[serde(default)]
        test: ShiftTest,
    },
}

fn default_cut() -> u8 {
    2
}

/// Statistic of the shift analysis.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShiftTest {
    /// Score test: Wilcoxon–Mann–Whitney with ties.
    #[default]
    Score,
    /// Maximum-likelihood log odds ratio over its standard error.
    Wald,
}
