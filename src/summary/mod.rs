//! Operating characteristics: tallies that replicates are folded into, and the summaries read off them.
//!
//! Tallies are counts and exact sums, so that merging them in any order gives the same bits. Every
//! simulated quantity carries its Monte Carlo standard error; [`quantity`] lists them all.
//!
#![doc = include_str!("README.md")]

mod analysis;
mod analysis_tally;
mod balance;
mod centres;
pub mod checkpoint;
mod control_variate;
mod description;
mod estimate;
mod merge;
mod moments;
mod named;
mod outcomes;
mod prior;
pub mod procedure;
pub mod quantity;
pub(crate) mod population;
mod reestimation;
mod safety;
mod success;
mod tally;

use serde::Serialize;

use crate::expected::{Expected, LevelOutcomes};
use crate::scenario::{Scenario, Truth};
pub use analysis::{
    AnalysisSummary, DecisionSummary, EstimatePerformance, EstimateSummary, LookSummary,
    NormalApproximation, PriceOfSafety, SizeSummary,
};
pub use balance::{AllocationBalance, ArmImbalance, GuessedShares, LevelBalance};
pub use centres::CentreSummary;
pub use control_variate::ReducedEstimate;
pub use description::{CutSummary, DescriptionSummary, SubgroupSummary};
pub use estimate::McEstimate;
pub(crate) use merge::Merge;
pub(crate) use moments::ExactMoments;
pub(crate) use named::error_of_difference_to_stop_by;
pub use named::{NamedQuantity, Sampled, UnknownQuantity};
pub use outcomes::OutcomeShares;
pub use population::{LevelSummary, PopulationChoice, PopulationIntegrated, PopulationSummary};
pub use prior::{PredictiveSummary, PriorAnalysis, PriorSummary};
use procedure::ProcedureSummary;
pub use reestimation::{IntegratedReestimation, ReestimationSummary, ZoneSummary};
pub use safety::{SafetyLook, SafetySummary};
pub use success::{SuccessAnalysis, SuccessLook, SuccessSummary};
pub use tally::Tally;

/// Operating characteristics of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatingCharacteristics {
    /// The alternative, the null twin, the prior if there is one, and the configurations.
    pub truths: Vec<TruthSummary>,
    /// Quantities averaged over the prior, if there is one.
    pub prior: Option<PriorSummary>,
    /// Procedures under the alternative, if the scenario has them.
    pub procedure: Option<ProcedureSummary>,
}

/// Operating characteristics under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TruthSummary {
    /// `alternative`, `null`, `prior` or the name of a configuration.
    pub truth: String,
    /// Analyses in the order of the scenario.
    pub analyses: Vec<AnalysisSummary>,
    /// Odds ratios of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; null where an arm has
    /// no patients on one side of the cut, and under the prior. Without prognostic factors and differences
    /// between centres these are the marginal odds ratios.
    pub odds_ratios_within_stratum: [Option<f64>; 6],
    /// Both arms in each level of the factors that modify the effect; absent without effect modification and
    /// under the prior.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelOutcomes>,
    /// Supplementary analyses: odds ratios cut by cut and subgroups, if they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<DescriptionSummary>,
    /// Adverse events, if the scenario has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub safety: Vec<SafetySummary>,
    /// Analyses that decide together, if the scenario has a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<SuccessSummary>,
    /// Balance of the allocation, equal under every truth as allocation does not depend on outcomes.
    pub balance: AllocationBalance,
}

impl OperatingCharacteristics {
    /// Reads all quantities off a tally of the scenario's replicates.
    pub fn new(scenario: &Scenario, tally: &Tally) -> Self {
        let expected = Expected::new(scenario);
        let truths = scenario.truths().iter();
        Self {
            truths: truths
                .map(|&truth| TruthSummary::new(&expected, scenario, truth, tally))
                .collect(),
            prior: PriorSummary::new(&expected, scenario, tally),
            procedure: tally
                .procedures()
                .and_then(|tallies| ProcedureSummary::new(scenario, tallies)),
        }
    }
}

impl TruthSummary {
    fn new(expected: &Expected<'_>, scenario: &Scenario, truth: Truth, tally: &Tally) -> Self {
        Self {
            truth: scenario.truth_name(truth).to_owned(),
            analyses: (0..scenario.analyses.len())
                .map(|analysis| AnalysisSummary::new(expected, scenario, truth, analysis, tally))
                .collect(),
            odds_ratios_within_stratum: scenario.odds_ratios_within_stratum(truth),
            levels: expected.outcomes_by_level(truth),
            description: tally
                .description(truth)
                .and_then(|tally| DescriptionSummary::new(scenario, truth, tally)),
            safety: (0..tally.safety(truth).len())
                .filter_map(|event| SafetySummary::new(expected, scenario, truth, event, tally))
                .collect(),
            success: SuccessSummary::new(scenario, truth, tally),
            balance: AllocationBalance::new(scenario, tally),
        }
    }
}
