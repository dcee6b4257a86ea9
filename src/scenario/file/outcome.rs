//! The written truth about the 90-day mRS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLogOdds;
use super::procedure::AfterProcedure;
use crate::outcome::{Mrs, PublishedShape};

/// The truth about the 90-day mRS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Outcome")]
pub enum WrittenOutcome {
    /// It is stated for both arms.
    Stated(StatedOutcome),
    /// It follows from the procedure.
    AfterProcedure(AfterProcedure),
}

/// The mRS of both arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatedOutcome {
    /// mRS in the control arm: seven numbers, or a published shape moved to given rates.
    pub control: WrittenControl,
    /// mRS in the experimental arm, in exactly one of several ways.
    pub experimental: Experimental,
    /// Whether shares that sum to 99 to 101 %, because they were rounded, are divided by their sum.
    // Left out if false, so that a key that changes nothing does not change the digest either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rescale: bool,
}

/// mRS in the control arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Control")]
pub enum WrittenControl {
    /// mRS 0 to 6: seven fractions that sum to 1 or percentages that sum to 100.
    Distribution([f64; 7]),
    /// A published distribution moved to given rates.
    Shaped(ShapedControl),
}

/// A published mRS distribution moved to a rate of functional independence, and of death if given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShapedControl {
    /// P(mRS 0–2), a fraction.
    #[schemars(range(min = 1e-6, max = 0.999_999))]
    pub functional_independence: f64,
    /// Published distribution that the other shares follow.
    pub shape: PublishedShape,
    /// P(mRS 6), a fraction; if absent, it follows from the shape by a common odds ratio.
    #[schemars(range(min = 1e-6, max = 0.999_999))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mortality: Option<f64>,
}

/// mRS in the experimental arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Experimental {
    /// mRS 0 to 6: seven fractions that sum to 1 or percentages that sum to 100; odds need not be
    /// proportional.
    Distribution([f64; 7]),
    /// Odds of a better outcome against control, the same at every cut; above 1 is benefit.
    CommonOddsRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Odds of a worse outcome against control, the same at every cut; below 1 is benefit.
    CommonOddsRatioOfWorse(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// Odds of a better outcome against control patients of the same stratum and centre, the same at
    /// every cut; above 1 is benefit.
    ConditionalCommonOddsRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// P(mRS 0–2), from which the common odds ratio is solved; a fraction.
    // At 0 and 1 there is no odds ratio.
    FunctionalIndependence(#[schemars(range(min = 1e-6, max = 0.999_999))] f64),
    /// Share of patients with at most a given mRS, from which the common odds ratio is solved.
    ProbabilityAtMost {
        /// Largest mRS of the share.
        // Its range as a cut, of which none lies above mRS 5.
        #[schemars(with = "u8", range(min = 0, max = 5))]
        mrs: Mrs,
        /// P(mRS at most that), a fraction.
        #[schemars(range(min = 1e-6, max = 0.999_999))]
        value: f64,
    },
    /// Difference of the shares with at most a given mRS, from which the common odds ratio is solved.
    RiskDifference {
        /// Largest mRS of the shares.
        // Its range as a cut, of which none lies above mRS 5.
        #[schemars(with = "u8", range(min = 0, max = 5))]
        mrs: Mrs,
        /// Experimental minus control, a fraction; above 0 is benefit.
        #[schemars(range(min = -0.999_999, max = 0.999_999))]
        value: f64,
    },
    /// Ratio of the shares with at most a given mRS, from which the common odds ratio is solved.
    RiskRatio {
        /// Largest mRS of the shares.
        // Its range as a cut, of which none lies above mRS 5.
        #[schemars(with = "u8", range(min = 0, max = 5))]
        mrs: Mrs,
        /// Experimental over control; above 1 is benefit.
        #[schemars(range(min = 1e-3, max = 1e3))]
        value: f64,
    },
}

/// A further truth: another experimental arm, with the control arm of `outcome`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Configuration")]
pub struct WrittenConfiguration {
    /// Unique name, under which results appear; not `alternative`, `null` or `prior`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// mRS in the experimental arm, in exactly one of several ways.
    pub experimental: Experimental,
    /// Log odds added to the effect in each level of some factors, in place of `effect_log_odds` of all
    /// factors; those of the factors by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_log_odds: Option<Vec<FactorLogOdds>>,
    /// Whether shares that sum to 99 to 101 %, because they were rounded, are divided by their sum.
    // Left out if false, so that a key that changes nothing does not change the digest either.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rescale: bool,
}
