//! The written rule by which several analyses of one trial decide together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::five_percent;
use crate::analysis::proportional_odds::assumption::ProportionalOddsStatistic;

/// Rule by which several analyses of one trial decide together. Each analysis tests a hypothesis, by
/// the boundaries of its share of alpha.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Success")]
pub enum WrittenSuccess {
    /// Every analysis must reject, each at the whole alpha: co-primary endpoints.
    CoPrimary {
        /// Names of two to eight analyses.
        // Boundaries are found for every set of analyses that may have rejected: 256 sets of eight.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// Looks at which the analyses must reach their boundaries.
        #[serde(default)]
        crossing: Crossing,
    },
    /// One analysis must reject, each at the whole alpha without a correction. It shows how far the
    /// familywise error exceeds alpha.
    Any {
        /// Names of two to eight analyses.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// When rejections stop the trial.
        #[serde(default)]
        stop: RuleStop,
    },
    /// The first analysis is tested at the whole alpha; each later one only once all before it have
    /// rejected.
    Hierarchical {
        /// Names of two to eight analyses, in the order in which they are tested.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// When rejections stop the trial.
        #[serde(default)]
        stop: RuleStop,
        /// Looks at which the boundaries of the later analyses may have been reached.
        #[serde(default)]
        crossing: Crossing,
        /// Boundaries of the later analyses.
        #[serde(default)]
        later: LaterBoundaries,
    },
    /// Each analysis is tested at a fixed share of alpha.
    Bonferroni {
        /// Names of two to eight analyses.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// Share of alpha of each analysis; equal by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(inner(range(min = 0.0, max = 1.0)))]
        weights: Option<Vec<f64>>,
        /// When rejections stop the trial.
        #[serde(default)]
        stop: RuleStop,
    },
    /// Equal shares of alpha, that of an analysis that rejects being divided among the others.
    Holm {
        /// Names of two to eight analyses.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// When rejections stop the trial.
        #[serde(default)]
        stop: RuleStop,
        /// Looks at which a boundary that a larger share of alpha lowers may have been reached.
        #[serde(default)]
        crossing: Crossing,
    },
    /// A graphical procedure: shares of alpha, and where the share of an analysis that rejects goes
    /// (Bretz, Maurer, Brannath & Posch 2009).
    Graph {
        /// Names of two to eight analyses.
        #[schemars(length(min = 2, max = 8))]
        analyses: Vec<String>,
        /// Share of alpha of each analysis; they sum to at most 1.
        #[schemars(inner(range(min = 0.0, max = 1.0)))]
        weights: Vec<f64>,
        /// For each analysis a row: the part of its share that each analysis gets once it has rejected. A
        /// row sums to at most 1 and has 0 for the analysis itself.
        transitions: Vec<Vec<f64>>,
        /// When rejections stop the trial.
        #[serde(default)]
        stop: RuleStop,
        /// Looks at which a boundary that a larger share of alpha lowers may have been reached.
        #[serde(default)]
        crossing: Crossing,
    },
    /// A test of proportional odds chooses the analysis at each look: the dichotomy if it rejects,
    /// otherwise the shift, each at the whole alpha.
    ProportionalOddsSwitch {
        /// Name of the analysis if proportional odds are not rejected.
        shift: String,
        /// Name of the analysis if proportional odds are rejected.
        dichotomy: String,
        /// Two-sided significance level of the test of proportional odds.
        #[serde(default = "five_percent")]
        #[schemars(range(min = 1e-6, max = 0.999_999))]
        alpha_two_sided: f64,
        /// Statistic of the test of proportional odds.
        #[serde(default)]
        statistic: ProportionalOddsStatistic,
    },
}

/// When rejections stop the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStop {
    /// It continues until every analysis has rejected, or none is left that could.
    #[default]
    AllDecided,
    /// It stops at the first look at which an analysis rejects; the others are tested there.
    FirstRejection,
}

/// Looks at which a boundary may have been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// The current look alone.
    #[default]
    CurrentLook,
    /// Any look so far.
    AnyLook,
}

/// Boundaries of the later analyses of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaterBoundaries {
    /// Their own, at the whole alpha (Hung, Wang & O'Neill 2007; Glimm, Maurer & Bretz 2010).
    #[default]
    Own,
    /// The critical value of a single look at the whole alpha, at whichever look the analysis is
    /// tested. This is often done and does not hold alpha.
    Unadjusted,
}

impl WrittenSuccess {
    /// Returns the name of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::CoPrimary { .. } => "co_primary",
            Self::Any { .. } => "any",
            Self::Hierarchical { .. } => "hierarchical",
            Self::Bonferroni { .. } => "bonferroni",
            Self::Holm { .. } => "holm",
            Self::Graph { .. } => "graph",
            Self::ProportionalOddsSwitch { .. } => "proportional_odds_switch",
        }
    }
}
