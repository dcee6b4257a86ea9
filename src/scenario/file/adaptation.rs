//! Changes of the trial at an interim look in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::yes;
use crate::design::enrichment::DropMeasure;

/// Changes of the trial at an interim look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Adaptation")]
pub struct WrittenAdaptation {
    /// Re-estimation of the number of patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<WrittenSizeAdaptation>,
    /// Restriction of the population to some levels of a factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<WrittenPopulationAdaptation>,
}

/// A restriction of the population at interim looks: patients of some levels of a factor are no longer
/// randomised. Those who are eligible arrive at the rate of their share, so that recruitment takes longer
/// for the same number of patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "PopulationAdaptation")]
pub enum WrittenPopulationAdaptation {
    /// Levels that look futile at an interim look are dropped. The final look tests each level that is
    /// left by the Z before and after the look, weighted by the information planned (Lehmacher & Wassmer
    /// 1999), under closed testing.
    ClosedTest {
        /// Number of the look, from 1.
        // The last look before the final one of at most twenty.
        #[schemars(range(min = 1, max = 19))]
        look: u32,
        /// Name of the factor, with at most eight levels.
        factor: String,
        /// Conditional or predictive power below which a level is dropped; 0 drops none.
        #[schemars(range(min = 0.0, max = 0.999_999))]
        drop_below: f64,
        /// What levels are dropped by, computed from the patients of the level alone.
        #[serde(default)]
        measure: DropMeasure,
        /// Whether a level continues whenever a later one does, as levels that are ordered by the benefit
        /// expected.
        #[serde(default, skip_serializing_if = "super::is_false")]
        ordered: bool,
        /// Whether trials are also simulated with an effect in some levels only.
        #[serde(default = "yes")]
        null_configurations: bool,
    },
    /// The rule of DEFUSE 3 (Lai, Lavori & Liao 2014), for levels that are ordered by the benefit
    /// expected: once the population looks futile, the first levels with the largest Z take its place, are
    /// tested at the same look, and have all later patients. At the final look they take its place if it is
    /// not significant.
    NestedSelection {
        /// Name of the factor, with at most eight levels.
        factor: String,
        /// Effect, on the scale of the analysis, that futility is judged against.
        #[schemars(range(min = 0.0, max = 20.0))]
        effect: f64,
        /// Z against this effect below which a population is futile.
        // The normal distribution has nothing beyond 40 in double precision.
        #[schemars(range(min = -40.0, max = 40.0))]
        futility: f64,
        /// Z from which an interim look stops for efficacy.
        #[schemars(range(min = 0.0, max = 40.0))]
        efficacy: f64,
        /// Z from which the final look rejects.
        #[schemars(range(min = 0.0, max = 40.0))]
        last: f64,
        /// Whether trials are also simulated with an effect in some levels only.
        #[serde(default = "yes")]
        null_configurations: bool,
    },
    /// With Bayesian decisions, for levels that are ordered by the benefit expected, as in DAWN: at each
    /// interim look the last level is dropped while the predictive probability of success in the
    /// population is below a threshold and more than one level is left. The rules of the design then decide
    /// about the population that is left.
    PredictiveProbability {
        /// Name of the factor, with at most eight levels.
        factor: String,
        /// Predictive probability of success at the final look below which the last level is dropped.
        #[schemars(range(min = 0.0, max = 0.999_999))]
        drop_below: f64,
        /// Whether trials are also simulated with an effect in some levels only.
        #[serde(default = "yes")]
        null_configurations: bool,
    },
}

impl WrittenPopulationAdaptation {
    /// Returns the name of the factor.
    pub fn factor(&self) -> &str {
        match self {
            Self::ClosedTest { factor, .. }
            | Self::NestedSelection { factor, .. }
            | Self::PredictiveProbability { factor, .. } => factor,
        }
    }

    /// Returns the name of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::ClosedTest { .. } => "closed_test",
            Self::NestedSelection { .. } => "nested_selection",
            Self::PredictiveProbability { .. } => "predictive_probability",
        }
    }

    /// Returns whether only the first levels can remain.
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::ClosedTest { ordered, .. } => *ordered,
            Self::NestedSelection { .. } | Self::PredictiveProbability { .. } => true,
        }
    }

    /// Returns whether trials are also simulated with an effect in some levels only.
    pub fn has_null_configurations(&self) -> bool {
        match self {
            Self::ClosedTest { null_configurations, .. }
            | Self::NestedSelection { null_configurations, .. }
            | Self::PredictiveProbability { null_configurations, .. } => *null_configurations,
        }
    }
}

/// A re-estimation of the number of patients at the last interim look. `sample_size.randomised` is the
/// number without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "SizeAdaptation")]
pub enum WrittenSizeAdaptation {
    /// By conditional power, from unblinded data: if that at the planned size is in a zone, the size
    /// becomes the one that reaches a target (Mehta & Pocock 2011).
    PromisingZone {
        /// Number of the look, from 1: the last before the final one.
        #[schemars(range(min = 1, max = 19))]
        look: u32,
        /// Conditional power from which a result is promising.
        // A conditional power of 1 belongs to no finite Z.
        #[schemars(range(min = 0.0, max = 0.999_999))]
        at_least: f64,
        /// Conditional power from which it is favourable, and the size stays as planned; the target by
        /// default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0.0, max = 0.999_999))]
        below: Option<f64>,
        /// Conditional power that the new size is to reach.
        #[schemars(range(min = 0.000_001, max = 0.999_999))]
        target: f64,
        /// Largest number of patients randomised.
        #[schemars(range(min = 2, max = 1_000_000))]
        maximum: u32,
        /// A new size is rounded up to a multiple of this many patients.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        #[schemars(range(min = 1, max = 10_000))]
        step: u32,
        /// Effect under which conditional power is computed.
        #[serde(default)]
        under: SizeEffect,
        /// Statistic of the final look of a trial whose size has changed.
        #[serde(default)]
        statistic: SizeStatistic,
    },
    /// By the rate of both arms together, from blinded data: the size becomes the one that has a power
    /// for the planned difference at that rate (Gould 1992).
    PooledRate {
        /// Number of the look, from 1: the last before the final one.
        #[schemars(range(min = 1, max = 19))]
        look: u32,
        /// Power that the new size is to have for the planned difference.
        #[schemars(range(min = 0.05, max = 0.999_999))]
        power: f64,
        /// Largest number of patients randomised.
        #[schemars(range(min = 2, max = 1_000_000))]
        maximum: u32,
        /// A new size is rounded up to a multiple of this many patients.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        #[schemars(range(min = 1, max = 10_000))]
        step: u32,
        /// Whether the size is at least the planned one.
        #[serde(default = "yes")]
        restricted: bool,
    },
    /// By the variance of the utilities of both arms together, from blinded data: the planned size
    /// times the ratio of this variance to the planned one (Gould & Shih 1992).
    PooledVariance {
        /// Number of the look, from 1: the last before the final one.
        #[schemars(range(min = 1, max = 19))]
        look: u32,
        /// Largest number of patients randomised.
        #[schemars(range(min = 2, max = 1_000_000))]
        maximum: u32,
        /// A new size is rounded up to a multiple of this many patients.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        #[schemars(range(min = 1, max = 10_000))]
        step: u32,
        /// Whether the size is at least the planned one.
        #[serde(default = "yes")]
        restricted: bool,
    },
}

/// Effect under which conditional power is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizeEffect {
    /// The one observed at the look.
    #[default]
    Trend,
    /// The one planned for the primary analysis.
    Planned,
}

/// Statistic of the final look of a trial whose size has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizeStatistic {
    /// The Z of the patients before and after the look, weighted by the information planned for them
    /// (Cui, Hung & Wang 1999): the type I error is kept.
    #[default]
    Weighted,
    /// The Z of all patients together: the type I error is kept only if the zone begins high enough,
    /// which `check` shows.
    Conventional,
}

// Named functions, as serde takes defaults by path.
fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_one(step: &u32) -> bool {
    *step == 1
}

impl WrittenSizeAdaptation {
    /// Returns the number of the look, from 1.
    pub fn look(&self) -> u32 {
        match *self {
            Self::PromisingZone { look, .. }
            | Self::PooledRate { look, .. }
            | Self::PooledVariance { look, .. } => look,
        }
    }

    /// Returns the largest number of patients randomised.
    pub fn maximum(&self) -> u32 {
        match *self {
            Self::PromisingZone { maximum, .. }
            | Self::PooledRate { maximum, .. }
            | Self::PooledVariance { maximum, .. } => maximum,
        }
    }

    /// Returns the name of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::PromisingZone { .. } => "promising_zone",
            Self::PooledRate { .. } => "pooled_rate",
            Self::PooledVariance { .. } => "pooled_variance",
        }
    }

    /// Returns whether the final look of a changed size has the weighted statistic.
    pub fn is_weighted(&self) -> bool {
        match self {
            Self::PromisingZone { statistic, .. } => *statistic == SizeStatistic::Weighted,
            Self::PooledRate { .. } | Self::PooledVariance { .. } => false,
        }
    }

    /// Returns the number of patients that new sizes are multiples of.
    pub fn step(&self) -> u32 {
        match *self {
            Self::PromisingZone { step, .. }
            | Self::PooledRate { step, .. }
            | Self::PooledVariance { step, .. } => step,
        }
    }
}
