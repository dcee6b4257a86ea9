//! The contents of a scenario file: the shape of the TOML, its defaults and its documentation.
//!
//! The doc comments and ranges here are also the JSON Schema that `rescuesim schema` prints, and
//! the reader checks files against that schema, so that an editor and the program agree.

pub mod adaptation;
pub mod adherence;
pub mod analysis;
pub mod bayesian;
pub mod centres;
pub mod description;
pub mod design;
pub mod hypothesis;
pub mod missing;
pub mod outcome;
pub mod population;
pub mod expect;
pub mod prior;
pub mod procedure;
pub mod randomisation;
pub mod safety;
pub mod success;

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use adaptation::{
    SizeEffect, SizeStatistic, WrittenAdaptation, WrittenPopulationAdaptation,
    WrittenSizeAdaptation,
};
pub use adherence::{WrittenAdherence, WrittenDeparture};
pub use analysis::WrittenAnalysis;
pub use bayesian::{
    ByLook, Decisions, WrittenBayesian, WrittenFutility, WrittenHarm, WrittenPosteriorSuccess,
};
pub use centres::{WrittenCentres, WrittenDrift, WrittenOpening};
pub use description::WrittenDescription;
pub use design::{Boundary, ConditionalEffect, Futility, Harm, Looks, WrittenDesign};
pub use expect::WrittenExpect;
pub use hypothesis::{HypothesisType, WrittenHypothesis, WrittenMargin};
pub use missing::{Dropout, FactorLogOdds, Missing, WrittenEarlyOutcome};
pub use outcome::{
    Experimental, ShapedControl, StatedOutcome, WrittenConfiguration, WrittenControl,
    WrittenOutcome,
};
pub use population::{WrittenFactor, WrittenStratum};
pub use prior::{
    CountedEvent, EvidenceOf, LogOddsRatio, PooledEvidence, PriorComponent, WrittenPrior,
};
use procedure::WrittenProcedure;
pub use randomisation::Randomisation;
pub use safety::{SafetyEvent, SafetyStopping, WrittenSafety, WrittenSafetyEndpoint};
pub use success::WrittenSuccess;

use super::document::InputFile;
use super::schema::{self, ValueShape};
use crate::accrual::FollowUp;
use crate::randomisation::AllocationRatio;

/// A trial to simulate: the truth, the design and the analyses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rescuesim scenario")]
pub struct ScenarioFile {
    /// Name of the trial, in one line.
    #[schemars(length(min = 1))]
    pub title: String,
    /// Registry number, such as "NCT05122286".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// The question the scenario answers, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Number of patients.
    pub sample_size: SampleSize,
    /// Rate of recruitment.
    pub accrual: WrittenAccrual,
    /// Recruiting centres; not distinguished by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centres: Option<WrittenCentres>,
    /// Time of the outcome assessment.
    #[serde(default)]
    pub follow_up: FollowUp,
    /// The two arms.
    pub arms: Arms,
    /// Baseline factors; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<WrittenFactor>,
    /// Joint shares of the combinations of factor levels, for correlated factors; then the factors
    /// have no `shares` of their own. Combinations left out never occur.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strata: Vec<WrittenStratum>,
    /// Method of allocation.
    pub randomisation: Randomisation,
    /// The procedure before the outcome; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<WrittenProcedure>,
    /// The truth about the 90-day mRS of both arms.
    pub outcome: WrittenOutcome,
    /// Change of outcomes over calendar time; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<WrittenDrift>,
    /// Non-adherence, with a stated outcome: patients who do not receive the treatment of their
    /// arm; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adherence: Option<WrittenAdherence>,
    /// Prior on the effect: trials are also simulated with effects drawn from it. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<WrittenPrior>,
    /// Further truths, with a stated outcome: experimental arms under which every trial is also
    /// simulated, with the same patients and random numbers; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<WrittenConfiguration>,
    /// Outcomes that are never known.
    #[serde(default)]
    pub missing: Missing,
    /// Early mRS, at discharge or after some days; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_outcome: Option<WrittenEarlyOutcome>,
    /// Adverse events; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<WrittenSafety>,
    /// Looks and boundaries.
    pub design: WrittenDesign,
    /// Changes of the trial at an interim look; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<WrittenAdaptation>,
    /// What the analyses have to show, unless they state a hypothesis of their own; superiority by
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<WrittenHypothesis>,
    /// Analyses; each monitors the same simulated trials independently.
    #[schemars(length(min = 1))]
    pub analyses: Vec<WrittenAnalysis>,
    /// Rule by which several analyses decide together; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<WrittenSuccess>,
    /// Supplementary analyses when a trial ends; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<WrittenDescription>,
    /// What the design is expected to do, tested by `rescuesim check --expect`; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<WrittenExpect>,
    /// Number of simulated trials and their seed.
    #[serde(default)]
    pub run: Run,
}

impl AsRef<WrittenDesign> for ScenarioFile {
    fn as_ref(&self) -> &WrittenDesign {
        &self.design
    }
}

impl InputFile for ScenarioFile {
    fn schema() -> &'static Value {
        static SCHEMA: LazyLock<Value> = LazyLock::new(schema::build::<ScenarioFile>);
        &SCHEMA
    }

    fn shape() -> &'static ValueShape {
        static SHAPE: LazyLock<ValueShape> =
            LazyLock::new(|| ValueShape::known(ScenarioFile::schema()));
        &SHAPE
    }
}

impl ScenarioFile {
    /// Returns the position of the primary analysis: the first if none is marked.
    pub fn primary(&self) -> usize {
        self.analyses.iter().position(|written| written.primary).unwrap_or(0)
    }

    /// Lists the analyses in the order of results: the primary one, then the others in the order of the file.
    pub fn analyses_primary_first(&self) -> Vec<&WrittenAnalysis> {
        primary_first(self.analyses.iter().collect(), self.primary())
    }

    /// Returns the position in the file of the analysis that is at a `position` among the results.
    // Key paths, and so errors and overrides, count as the file does.
    pub fn place_of_analysis(&self, position: usize) -> usize {
        primary_first((0..self.analyses.len()).collect(), self.primary())[position]
    }

    /// Names of the factors that modify the effect of treatment, under the alternative or a
    /// configuration, in the order of the factors.
    pub fn effect_modifiers(&self) -> Vec<&str> {
        let own = self
            .factors
            .iter()
            .filter_map(|factor| Some((factor.name.as_str(), factor.effect_log_odds.as_deref()?)));
        let configured = self.configurations.iter().flat_map(|it| &it.effect_log_odds).flatten();
        let configured = configured.map(|it| (it.factor.as_str(), it.log_odds.as_slice()));
        let modifying: Vec<&str> = own
            .chain(configured)
            .filter(|(_, log_odds)| log_odds.iter().any(|&log_odds| log_odds != 0.0))
            .map(|(name, _)| name)
            .collect();
        let names = self.factors.iter().map(|factor| factor.name.as_str());
        names.filter(|name| modifying.contains(name)).collect()
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

pub(super) fn five_percent() -> f64 {
    0.05
}

/// The smallest trial: one patient in each arm.
// Without a patient in each arm nothing can be compared.
pub(super) const LEAST_PATIENTS: u32 = 2;

/// Number of patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleSize {
    /// Patients randomised when the trial runs to its end.
    #[schemars(range(min = LEAST_PATIENTS, max = 1_000_000))]
    pub randomised: u32,
    /// Outcomes planned for the final look: the maximum information. Default: the randomised patients
    /// expected not to drop out, rounded down, and at least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = LEAST_PATIENTS, max = 1_000_000))]
    pub analysed: Option<u32>,
}

/// Recruitment: a Poisson process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["per_month", "screened_per_month"]))]
#[schemars(rename = "Accrual")]
pub struct WrittenAccrual {
    /// Patients randomised per month of 30.4375 days, at full rate. Give this or
    /// `screened_per_month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // Without recruitment a trial would never end.
    #[schemars(range(min = 0.001, max = 1e9))]
    pub per_month: Option<f64>,
    /// Patients screened per month: all patients with thrombectomy. Needs `procedure`, which
    /// determines how many of them are randomised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1e9))]
    pub screened_per_month: Option<f64>,
    /// Months over which the rate rises linearly from zero.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1200.0))]
    pub ramp_up_months: f64,
}

/// The two arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arms {
    /// Treatment of the control arm.
    #[schemars(length(min = 1))]
    pub control: String,
    /// Treatment of the experimental arm.
    #[schemars(length(min = 1))]
    pub experimental: String,
    /// Relative sizes of the arms.
    #[serde(default)]
    pub allocation_ratio: AllocationRatio,
}

fn yes() -> bool {
    true
}

/// Number of simulated trials and their seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Simulated trials under each truth.
    #[schemars(range(min = 1, max = 1_000_000_000_000u64))]
    pub replicates: u64,
    /// Seed of all random numbers: the same seed gives the same result, to the last byte.
    // TOML has no larger whole number.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807u64))]
    pub seed: u64,
    /// Whether power and type I error are also estimated with control variates, which reduce their
    /// Monte Carlo error; `false` by default.
    // Left out if false, so that a key that changes nothing does not change the digest either.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub variance_reduction: bool,
}

impl Default for Run {
    fn default() -> Self {
        // A power of 0.8 then has a standard error of 0.0013.
        Self { replicates: 100_000, seed: 1, variance_reduction: false }
    }
}

/// Moves the primary analysis before the others, whose order stays: where a result or a rule is of one
/// analysis, it is of the first.
pub(super) fn primary_first<A>(mut analyses: Vec<A>, primary: usize) -> Vec<A> {
    analyses[..=primary].rotate_right(1);
    analyses
}
