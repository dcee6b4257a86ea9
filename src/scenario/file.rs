//! What is written in a scenario file: the shape of the TOML, its defaults and its documentation.
//!
//! The doc comments and ranges here are also the JSON Schema that `rescuesim schema` prints, and
//! the reader checks files against that schema, so that an editor and the program agree.

pub mod procedure;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use procedure::{AfterProcedure, Procedure};

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
    /// How many patients.
    pub sample_size: SampleSize,
    /// How fast they come.
    pub accrual: Accrual,
    /// When the outcome is assessed.
    #[serde(default)]
    pub follow_up: FollowUp,
    /// The two arms.
    pub arms: Arms,
    /// Baseline factors; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// Joint shares of the combinations of factor levels, for correlated factors; then the factors
    /// have no `shares` of their own. Combinations left out never occur.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strata: Vec<Stratum>,
    /// How patients are allocated.
    pub randomisation: Randomisation,
    /// The procedure before the outcome; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<Procedure>,
    /// The truth about the 90-day mRS of both arms.
    pub outcome: Outcome,
    /// What is believed of the effect: trials are also simulated with effects drawn from it. None
    /// by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
    /// Outcomes that are never known.
    #[serde(default)]
    pub missing: Missing,
    /// Looks and boundaries.
    pub design: Design,
    /// Analyses; each monitors the same simulated trials on its own.
    #[schemars(length(min = 1))]
    pub analyses: Vec<Analysis>,
    /// How much to simulate.
    #[serde(default)]
    pub run: Run,
}

/// How many patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleSize {
    /// Patients randomised when the trial runs to its end.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub randomised: u32,
    /// Outcomes planned for the final look: the maximum information. Default: those randomised
    /// who are expected not to drop out, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub analysed: Option<u32>,
}

/// How fast patients come: a Poisson process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["per_month", "screened_per_month"]))]
pub struct Accrual {
    /// Patients randomised per month of 30.4375 days, once accrual is in full swing. Give this or
    /// `screened_per_month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1e9))]
    pub per_month: Option<f64>,
    /// Patients screened per month: those who come to thrombectomy. Needs `procedure`, which says
    /// how many of them are randomised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1e9))]
    pub screened_per_month: Option<f64>,
    /// Months over which the rate rises linearly from zero.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1200.0))]
    pub ramp_up_months: f64,
}

/// When the outcome is assessed: uniform over `days` ± `window_days` after randomisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FollowUp {
    /// Days from randomisation to the outcome.
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub days: f64,
    /// Days either way; at most `days`.
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub window_days: f64,
}

impl Default for FollowUp {
    fn default() -> Self {
        Self { days: 90.0, window_days: 14.0 }
    }
}

/// The two arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arms {
    /// What the control arm gets.
    #[schemars(length(min = 1))]
    pub control: String,
    /// What the experimental arm gets.
    #[schemars(length(min = 1))]
    pub experimental: String,
    /// Relative sizes of the arms.
    #[serde(default)]
    pub allocation_ratio: AllocationRatio,
}

/// Relative sizes of the arms; 1:1 by default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationRatio {
    /// Control's part.
    #[schemars(range(min = 1, max = 1000))]
    pub control: u32,
    /// The experimental arm's part.
    #[schemars(range(min = 1, max = 1000))]
    pub experimental: u32,
}

impl Default for AllocationRatio {
    fn default() -> Self {
        Self { control: 1, experimental: 1 }
    }
}

/// A baseline covariate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Unique name, used by `randomisation.factors`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Names of its levels, two or more.
    #[schemars(length(min = 2), inner(length(min = 1)))]
    pub levels: Vec<String>,
    /// Share of patients in each level, as fractions or percentages; left out when `strata` are
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 0.0, max = 100.0)))]
    pub shares: Option<Vec<f64>>,
    /// Prognostic log odds of a lower (better) mRS in each level; 0 by default. They spread the
    /// outcomes of an arm around its stated distribution and do not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -20.0, max = 20.0)))]
    pub log_odds: Option<Vec<f64>>,
}

/// The share of one combination of levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stratum {
    /// One level of each factor, in the order of the factors.
    pub levels: Vec<String>,
    /// Share of patients, as a fraction or percentage.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub share: f64,
}

/// How patients are allocated.
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
        /// Probability of taking the preferred arm; with an unequal ratio and `preserve_ratio`,
        /// the preferred slot.
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

fn yes() -> bool {
    true
}

/// Measure of imbalance within a factor level, on counts divided by the allocation ratio.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Imbalance {
    /// Largest minus smallest.
    #[default]
    Range,
    /// Sample variance.
    Variance,
    /// Sample standard deviation.
    Sd,
}

/// The truth about the 90-day mRS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Outcome {
    /// It is stated for both arms.
    Stated(StatedOutcome),
    /// It follows from the procedure.
    AfterProcedure(AfterProcedure),
}

/// The mRS of both arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatedOutcome {
    /// mRS 0 to 6 in the control arm: seven fractions that sum to 1 or percentages that sum to 100.
    pub control: [f64; 7],
    /// mRS in the experimental arm, in exactly one of three ways.
    pub experimental: Experimental,
}

/// mRS in the experimental arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Experimental {
    /// mRS 0 to 6, written as for control; odds need not be proportional.
    Distribution([f64; 7]),
    /// Odds of a better outcome against control, the same at every cut; above 1 is benefit.
    CommonOddsRatio(#[schemars(range(min = 1e-3, max = 1e3))] f64),
    /// P(mRS 0–2), from which the common odds ratio is solved; a fraction.
    FunctionalIndependence(#[schemars(range(min = 1e-6, max = 0.999_999))] f64),
}

/// What is believed of the effect: a mixture of normal distributions of the log common odds ratio,
/// by which the control arm's mRS is shifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// One or more distributions.
    #[schemars(length(min = 1, max = 100))]
    pub components: Vec<PriorComponent>,
}

/// One distribution of the mixture, given in numbers or by published evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-exclusive" = ["log_odds_ratio", "evidence"]))]
pub struct PriorComponent {
    /// Weight against the other components; they are divided by their sum.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub weight: f64,
    /// The distribution in numbers. Give this or `evidence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_odds_ratio: Option<LogOddsRatio>,
    /// Studies whose pooled log odds ratio and standard error are mean and standard deviation.
    /// Give this or `log_odds_ratio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PooledEvidence>,
    /// Where the numbers are from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub source: Option<String>,
}

fn default_weight() -> f64 {
    1.0
}

/// A normal distribution of the log common odds ratio; above 0 is benefit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOddsRatio {
    /// Its mean.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub mean: f64,
    /// Its standard deviation; 0 is a single value.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub sd: f64,
}

/// An outcome of a file of published 2×2 tables, pooled; its event must be a good outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PooledEvidence {
    /// TOML or CSV as `rescuesim pool` reads it; the path starts at the scenario's folder.
    #[schemars(length(min = 1))]
    pub file: String,
    /// Name of the outcome in the file; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub outcome: Option<String>,
    /// How its studies are pooled.
    #[serde(default = "default_pooling")]
    #[schemars(length(min = 1))]
    pub method: String,
}

fn default_pooling() -> String {
    "revman_random".into()
}

/// Outcomes that are never known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Missing {
    /// Probability that a patient's outcome is never known, whatever it is (missing completely at
    /// random): one number, or one per arm.
    pub dropout: Dropout,
}

/// Probability of dropout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Dropout {
    /// The same in both arms.
    Both(#[schemars(range(min = 0.0, max = 0.99))] f64),
    /// By arm.
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

/// How much to simulate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Simulated trials under each truth.
    #[schemars(range(min = 1, max = 1_000_000_000_000u64))]
    pub replicates: u64,
    /// The same seed gives the same result, to the last byte.
    #[schemars(range(min = 0, max = 9_223_372_036_854_775_807u64))]
    pub seed: u64,
}

impl Default for Run {
    fn default() -> Self {
        Self { replicates: 100_000, seed: 1 }
    }
}
