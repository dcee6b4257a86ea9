//! How the outcomes of a look are analysed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::randomisation::Arm;

/// An analysis that monitors the trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// Unique name for tables; the method by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// What is compared, and how.
    #[serde(flatten)]
    pub method: Method,
    /// Who is compared.
    #[serde(default)]
    pub population: AnalysisSet,
    /// Times the trial's own allocation is run again with patients and outcomes fixed, to take the
    /// p value from: (b + 1) / (m + 1), b the repeats whose statistic is no smaller. 0: from the
    /// statistic's normal distribution.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rerandomisations: u32,
    /// What is done about outcomes that are missing although follow-up has ended.
    #[serde(default)]
    pub missing: MissingRule,
}

/// What is done about missing outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum MissingRule {
    /// They are left out.
    CompleteCase {},
    /// Each counts as this mRS: 6, or 5, is the worst case.
    SingleValue {
        /// In both arms.
        #[schemars(range(min = 0, max = 6))]
        mrs: u8,
    },
    /// Each counts as the mRS of its arm: best case for one, worst for the other.
    ByArm {
        /// In the control arm.
        #[schemars(range(min = 0, max = 6))]
        control: u8,
        /// In the experimental arm.
        #[schemars(range(min = 0, max = 6))]
        experimental: u8,
    },
    /// Each counts as the early mRS, of `early_outcome`.
    LastObservation {},
    /// Drawn several times from a proportional-odds model of those with an outcome, and combined by
    /// Rubin's rules. The statistic is the combined estimate over its standard error, whatever the
    /// method's own.
    MultipleImputation {
        /// How many times.
        #[serde(default = "twenty")]
        #[schemars(range(min = 2, max = 1000))]
        imputations: u32,
        /// Factors in the model, beside treatment; none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adjust_for: Vec<String>,
        /// Whether the early mRS, of `early_outcome`, is in the model too.
        #[serde(default)]
        early: bool,
        /// Log odds of a better outcome added to those of missing experimental patients; below 0
        /// they did worse than the model says (delta adjustment, for tipping points).
        #[serde(default)]
        #[schemars(range(min = -20.0, max = 20.0))]
        log_odds_experimental: f64,
    },
}

impl MissingRule {
    /// Whether it needs the early mRS.
    pub fn uses_early(&self) -> bool {
        matches!(self, Self::LastObservation {} | Self::MultipleImputation { early: true, .. })
    }
}

impl Default for MissingRule {
    fn default() -> Self {
        Self::CompleteCase {}
    }
}

fn twenty() -> u32 {
    20
}

/// Who is compared, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisSet {
    /// Everyone, by the arm they were allocated to.
    #[default]
    IntentionToTreat,
    /// Those who got the treatment of their arm.
    PerProtocol,
    /// Everyone, by the treatment they got.
    AsTreated,
}

impl AnalysisSet {
    /// The arm that a patient counts for, by the arm allocated and that whose treatment they got;
    /// `None` for nobody's.
    #[inline]
    pub fn arm(self, allocated: Arm, received: Arm) -> Option<Arm> {
        match self {
            Self::IntentionToTreat => Some(allocated),
            Self::PerProtocol => (received == allocated).then_some(allocated),
            Self::AsTreated => Some(received),
        }
    }
}

impl Analysis {
    /// Whether it does the same under whatever name.
    pub fn is_like(&self, other: &Self) -> bool {
        *self == Self { name: self.name.clone(), ..other.clone() }
    }
}

impl Method {
    /// Whether it compares numbers of successes.
    pub fn counts_successes(&self) -> bool {
        match self {
            Self::TwoProportions { .. }
            | Self::Logistic { .. }
            | Self::CochranMantelHaenszel { .. }
            | Self::SlidingDichotomy { .. } => true,
            Self::ProportionalOdds { .. }
            | Self::Wilcoxon { .. }
            | Self::WinOdds {}
            | Self::WinRatio {}
            | Self::UtilityWeighted { .. } => false,
        }
    }
}

/// A test with its estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// Two proportions with mRS at or below a cut.
    TwoProportions {
        /// Success is an mRS at or below this.
        #[serde(default = "independent")]
        #[schemars(range(min = 0, max = 5))]
        cut: u8,
        /// The statistic compared with the boundary.
        #[serde(default)]
        test: ProportionTest,
        /// What is estimated.
        #[serde(default)]
        effect: ProportionEffect,
        /// Its 95 % interval.
        #[serde(default)]
        interval: ProportionInterval,
    },
    /// Proportional-odds model; estimate: log common odds ratio.
    ProportionalOdds {
        /// The statistic compared with the boundary.
        #[serde(default)]
        test: ShiftTest,
        /// Whether mRS 5 and 6 are one category.
        #[serde(default)]
        merge_5_and_6: bool,
        /// Factors whose levels are covariates; none by default (treatment alone).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adjust_for: Vec<String>,
    },
    /// Logistic regression of mRS at or below a cut; estimate: log odds ratio.
    Logistic {
        /// Success is an mRS at or below this.
        #[serde(default = "independent")]
        #[schemars(range(min = 0, max = 5))]
        cut: u8,
        /// The statistic compared with the boundary.
        #[serde(default = "wald")]
        test: ShiftTest,
        /// Factors whose levels are covariates; none by default (treatment alone).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adjust_for: Vec<String>,
    },
    /// Wilcoxon's rank sum test with ties; estimate: net benefit, P(better) − P(worse).
    Wilcoxon {
        /// Factors within whose combinations ranks are taken (van Elteren); none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stratify_by: Vec<String>,
    },
    /// Odds of doing better with ties split, the generalised odds ratio of Churilov et al. (2014);
    /// estimate: its logarithm.
    WinOdds {},
    /// P(better) / P(worse), ties left out: Agresti's generalised odds ratio; estimate: its
    /// logarithm.
    WinRatio {},
    /// Mean utility of the mRS; estimate: its difference.
    UtilityWeighted {
        /// Utility of mRS 0 to 6. Published sets differ.
        #[schemars(inner(range(min = -1e6, max = 1e6)))]
        utilities: [f64; 7],
        /// Whose t statistic is compared with the boundary, as the normal score of its p value.
        #[serde(default)]
        test: MeansTest,
        /// Factors whose levels are covariates of a linear regression; none by default.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        adjust_for: Vec<String>,
    },
    /// Cochran–Mantel–Haenszel test of mRS at or below a cut; estimate: Mantel–Haenszel log odds
    /// ratio.
    CochranMantelHaenszel {
        /// Success is an mRS at or below this.
        #[serde(default = "independent")]
        #[schemars(range(min = 0, max = 5))]
        cut: u8,
        /// Factors whose combinations are the strata.
        #[schemars(length(min = 1))]
        stratify_by: Vec<String>,
    },
    /// Two proportions with success judged by what the patient's prognosis let expect; estimate:
    /// risk difference.
    SlidingDichotomy {
        /// What makes a prognosis: points of each level of a factor, added up.
        #[schemars(length(min = 1))]
        points: Vec<FactorPoints>,
        /// What counts as success from so many points on; the first from the least.
        #[schemars(length(min = 1))]
        cuts: Vec<SlidingCut>,
        /// The statistic compared with the boundary.
        #[serde(default)]
        test: ProportionTest,
    },
}

/// Points that a factor adds to a prognosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorPoints {
    /// Name of the factor.
    pub factor: String,
    /// Of each of its levels.
    #[schemars(inner(range(min = -1000, max = 1000)))]
    pub of_levels: Vec<i32>,
}

/// A cut of the mRS for patients of some prognosis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlidingCut {
    /// Least points it is for.
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub from_points: i32,
    /// Success is an mRS at or below this.
    #[schemars(range(min = 0, max = 5))]
    pub cut: u8,
}

fn independent() -> u8 {
    2
}

fn wald() -> ShiftTest {
    ShiftTest::Wald
}

/// Test of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionTest {
    /// Z with pooled variance, the root of Pearson's χ².
    #[default]
    PooledZ,
    /// Z with unpooled variance.
    UnpooledZ,
    /// Pooled Z with Yates' continuity correction.
    ContinuityCorrected,
    /// Fisher's exact test, one-sided.
    Fisher,
    /// The same with half of the observed table's probability.
    FisherMidP,
}

/// Effect of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionEffect {
    /// Experimental minus control.
    #[default]
    RiskDifference,
    /// Logarithm of experimental over control.
    LogRiskRatio,
    /// Logarithm of the odds ratio.
    LogOddsRatio,
}

/// Interval of an effect of two proportions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProportionInterval {
    /// Estimate ± 1.96 standard errors, on the scale of the effect.
    #[default]
    Wald,
    /// Newcombe's hybrid score interval, for the risk difference.
    Newcombe,
    /// Miettinen & Nurminen's score interval.
    MiettinenNurminen,
    /// Farrington & Manning's: the same without the factor N / (N − 1).
    FarringtonManning,
}

/// Statistic of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShiftTest {
    /// Score test; without covariates Wilcoxon–Mann–Whitney with ties.
    #[default]
    Score,
    /// Maximum-likelihood log odds ratio over its standard error.
    Wald,
    /// Root of the likelihood-ratio χ², with the sign of the estimate.
    LikelihoodRatio,
}

/// Test of two means.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeansTest {
    /// Student's, with pooled variance.
    #[default]
    Student,
    /// Welch's, with a variance for each arm; not with covariates.
    Welch,
}
