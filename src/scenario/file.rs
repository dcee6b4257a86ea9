//! The contents of a scenario file: the shape of the TOML, its defaults and its documentation.
//!
//! The doc comments and ranges here are also the JSON Schema that `rescuesim schema` prints, and
//! the reader checks files against that schema, so that an editor and the program agree.

pub mod adaptation;
pub mod analysis;
pub mod bayesian;
pub mod centres;
pub mod design;
pub mod hypothesis;
pub mod outcome;
pub mod expect;
pub mod prior;
pub mod procedure;
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
pub use analysis::WrittenAnalysis;
pub use bayesian::{
    ByLook, Decisions, WrittenBayesian, WrittenFutility, WrittenHarm, WrittenPosteriorSuccess,
};
pub use centres::{WrittenCentres, WrittenDrift, WrittenOpening};
pub use design::{Boundary, ConditionalEffect, Futility, Harm, Looks, WrittenDesign};
pub use expect::WrittenExpect;
pub use hypothesis::{HypothesisType, WrittenHypothesis, WrittenMargin};
pub use outcome::{
    Experimental, ShapedControl, StatedOutcome, WrittenConfiguration, WrittenControl,
    WrittenOutcome,
};
pub use prior::{
    CountedEvent, EvidenceOf, LogOddsRatio, PooledEvidence, PriorComponent, WrittenPrior,
};
use procedure::WrittenProcedure;
pub use safety::{SafetyEvent, SafetyStopping, WrittenSafety, WrittenSafetyEndpoint};
pub use success::WrittenSuccess;

use super::document::InputFile;
use super::schema::{self, ValueShape};
use crate::accrual::FollowUp;
use crate::randomisation::{AllocationRatio, Imbalance};

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

/// Supplementary analyses when a trial ends, of the outcomes that its primary analysis had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Description")]
pub struct WrittenDescription {
    /// Whether the odds ratio at every cut is reported, with a test of proportional odds.
    #[serde(default = "yes")]
    pub proportional_odds: bool,
    /// Factors whose interaction with treatment is tested (subgroups); none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subgroups: Vec<String>,
    /// Whether trials are analysed again with all missing outcomes of an arm set to each mRS, for
    /// all pairs: the tipping-point table of the primary analysis.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tipping_point: bool,
    /// Two-sided significance level of these tests.
    #[serde(default = "five_percent")]
    #[schemars(range(min = 1e-6, max = 0.5))]
    pub alpha_two_sided: f64,
}

impl WrittenDescription {
    /// A description without analyses of its own, for the interactions of factors that modify the
    /// effect.
    pub fn of_interactions() -> Self {
        Self {
            proportional_odds: false,
            subgroups: Vec::new(),
            tipping_point: false,
            alpha_two_sided: five_percent(),
        }
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

/// A baseline covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Factor")]
pub struct WrittenFactor {
    /// Unique name, used by `randomisation.factors`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Names of the levels, two or more.
    // With one level there is nothing to balance or to adjust for.
    #[schemars(length(min = 2), inner(length(min = 1)))]
    pub levels: Vec<String>,
    /// Share of patients in each level, as fractions or percentages; left out when `strata` are
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 0.0, max = 100.0)))]
    pub shares: Option<Vec<f64>>,
    /// Prognostic log odds of a lower (better) mRS in each level; 0 by default. They spread the
    /// outcomes of an arm around its stated distribution and do not change it; after a procedure
    /// they are added to the other log odds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub log_odds: Option<Vec<f64>>,
    /// Log odds added to the effect of treatment in each level, above 0 for a larger benefit; 0 by
    /// default, the same effect in every level. The stated effect remains that of all patients; a
    /// `conditional_common_odds_ratio` is that of patients whose levels add 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub effect_log_odds: Option<Vec<f64>>,
}

/// The share of one combination of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stratum")]
pub struct WrittenStratum {
    /// One level of each factor, in the order of the factors.
    pub levels: Vec<String>,
    /// Share of patients, as a fraction or percentage.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub share: f64,
}

/// Method of allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Randomisation {
    /// Each patient independently, by the allocation ratio.
    Complete {},
    /// Blocks that hold the allocation ratio exactly.
    PermutedBlocks {
        /// Sizes, each a multiple of the parts of the ratio; several are picked from at random.
        #[schemars(length(min = 1), inner(range(min = 2, max = 10_000)))]
        block_sizes: Vec<u32>,
        /// Factors within whose combinations the blocks run; none by default (unstratified).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stratify_by: Vec<String>,
    },
    /// Efron's biased coin; equal arms only.
    Efron {
        /// Probability of the smaller arm.
        #[schemars(range(min = 0.5, max = 1.0))]
        #[serde(default = "default_efron_p")]
        biased_coin_p: f64,
        /// Factors within whose combinations the arms are compared; none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stratify_by: Vec<String>,
    },
    /// Soares & Wu's big stick: complete randomisation until the arms differ by a maximum, then the
    /// smaller arm; equal arms only.
    BigStick {
        /// Maximum difference between the arms in patients.
        #[schemars(range(min = 1, max = 10_000))]
        maximum_imbalance: u32,
        /// Factors within whose combinations the arms are compared; none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stratify_by: Vec<String>,
    },
    /// Zhao & Weng's block urn: an urn to which balanced sets return as soon as they are complete.
    BlockUrn {
        /// Balanced sets in a full urn, each of as many patients as the ratio has parts; with a 1:1
        /// ratio the most patients by which the arms may differ.
        #[schemars(range(min = 1, max = 1000))]
        balanced_sets: u32,
        /// Factors within whose combinations there are urns; none by default (one urn).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stratify_by: Vec<String>,
    },
    /// Zhao, Hill & Palesch's minimal sufficient balance: a fair coin until tests of imbalance vote
    /// for an arm; equal arms only.
    MinimalSufficientBalance {
        /// Factors that vote; all by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        factors: Option<Vec<String>>,
        /// A factor, or the arms' sizes, vote when the p value of their imbalance is below this.
        #[schemars(range(min = 0.001, max = 1.0))]
        #[serde(default = "default_p_threshold")]
        p_threshold: f64,
        /// Probability of the arm with more votes.
        #[schemars(range(min = 0.5, max = 1.0))]
        #[serde(default = "default_majority_p")]
        biased_coin_p: f64,
        /// Number of first patients, who are allocated by a fair coin regardless of the votes.
        #[schemars(range(min = 0, max = 1_000_000))]
        #[serde(default)]
        burn_in: u32,
    },
    /// Pocock & Simon's minimisation with a biased coin.
    Minimisation {
        /// Factors to balance; all by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        factors: Option<Vec<String>>,
        /// Weight of each of these factors; 1 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(inner(range(min = 0.001, max = 1000.0)))]
        weights: Option<Vec<f64>>,
        /// Measure of imbalance within a factor level.
        #[serde(default)]
        imbalance: Imbalance,
        /// Probability of the preferred arm; with an unequal ratio and `preserve_ratio`, the
        /// preferred slot.
        #[schemars(range(min = 0.5, max = 1.0))]
        #[serde(default = "default_biased_coin_p")]
        biased_coin_p: f64,
        /// For unequal ratios: keep the ratio exactly at every patient, by minimising over as
        /// many equal slots as the ratio has parts (Kuznetsova & Tymofyeyev 2012). `false`
        /// divides counts by the ratio and adjusts the coin (Han et al. 2009).
        #[serde(default = "yes")]
        preserve_ratio: bool,
    },
}

fn default_biased_coin_p() -> f64 {
    0.8
}

fn default_efron_p() -> f64 {
    // The value that Efron (1971, Biometrika 58:403) recommends.
    2.0 / 3.0
}

fn default_p_threshold() -> f64 {
    0.3
}

fn default_majority_p() -> f64 {
    0.65
}

fn yes() -> bool {
    true
}

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
