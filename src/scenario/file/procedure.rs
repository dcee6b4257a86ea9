//! The procedure, and the mRS that follows it, in a scenario file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::procedure::{Difficulty, PerPass, Perforation};

/// The procedure before the outcome. With it, `outcome` says what follows from a procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Procedure")]
pub struct WrittenProcedure {
    /// Passes after which patients with persistent occlusion are randomised: one number (0: before
    /// the first pass), or several with their shares among the randomised.
    pub randomised_after: RandomisedAfter,
    /// Probability that pass 1, 2, … reperfuses (eTICI 2b–3), the last value repeating; or one
    /// number for all; or the first and the odds ratio from pass to pass.
    pub pass_success: PassSuccess,
    /// Probability that a vessel reperfused by pass 1, 2, … closes again at once, the last value
    /// repeating.
    #[serde(default = "never")]
    #[schemars(length(min = 1, max = 10), inner(range(min = 0.0, max = 1.0)))]
    pub reocclusion: Vec<f64>,
    /// Maximum number of passes of a patient, including those before randomisation. Without it,
    /// strategies must end by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub max_passes: Option<u32>,
    /// A stent after at most this many passes counts as early.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 10))]
    pub early_until: u32,
    /// Procedure of the control arm with a persistent occlusion.
    pub control: ArmProcedure,
    /// Procedure of the experimental arm with a persistent occlusion.
    pub experimental: ArmProcedure,
    /// Rescue stenting.
    pub rescue: WrittenRescue,
    /// Minutes from puncture to the end of the procedure; not recorded by default.
    #[serde(default)]
    pub minutes: WrittenMinutes,
    /// Symptomatic haemorrhage; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haemorrhage: Option<WrittenHaemorrhage>,
    /// Perforation or dissection; none by default.
    #[serde(default)]
    pub perforation: Perforation,
    /// Latent difficulty, standard normal among the screened; without effect by default.
    #[serde(default)]
    pub difficulty: Difficulty,
}

fn never() -> Vec<f64> {
    // Its last value repeats: no pass is followed by a reocclusion.
    vec![0.0]
}

fn two() -> u32 {
    2
}

/// When patients are randomised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum RandomisedAfter {
    /// After this many passes.
    Pass(#[schemars(range(min = 0, max = 10))] u32),
    /// After one of several numbers of passes.
    Passes {
        /// Different numbers of passes.
        // One more than there are passes, as patients may be randomised before the first.
        #[schemars(length(min = 1, max = 11), inner(range(min = 0, max = 10)))]
        passes: Vec<u32>,
        /// Their shares among the randomised, as fractions or percentages.
        #[schemars(inner(range(min = 0.0, max = 100.0)))]
        shares: Vec<f64>,
    },
}

/// Success from pass to pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum PassSuccess {
    /// One probability for every pass.
    Flat(#[schemars(range(min = 0.0, max = 1.0))] f64),
    /// Probability for pass 1, 2, …, the last value repeating.
    ByPass(#[schemars(length(min = 1, max = 10), inner(range(min = 0.0, max = 1.0)))] Vec<f64>),
    /// Falling or rising on the scale of the odds.
    Decay {
        /// Probability for the first pass.
        #[schemars(range(min = 0.0, max = 1.0))]
        first: f64,
        /// Odds of each pass over the odds of the one before.
        #[schemars(range(min = 0.001, max = 1000.0))]
        odds_ratio_per_pass: f64,
    },
}

/// Procedure of an arm with a persistent occlusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmProcedure {
    /// The strategy.
    pub strategy: WrittenStrategy,
    /// Probability that a patient gets the other arm's strategy.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub crossover: f64,
}

/// Strategy with a persistent occlusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Strategy")]
pub enum WrittenStrategy {
    /// A stent at once.
    RescueNow {},
    /// More passes, then a stent.
    ContinueThenRescue {
        /// Maximum of passes after randomisation; by default the rest of `max_passes`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 10))]
        more_passes: Option<u32>,
    },
    /// More passes, then nothing.
    ContinueThenStop {
        /// Maximum of passes after randomisation; by default the rest of `max_passes`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 10))]
        more_passes: Option<u32>,
    },
    /// Observed practice of operators.
    Practice {
        /// Probability of a stent when the occlusion persists after pass 1, 2, …, the last value
        /// repeating. A vessel occluded after `max_passes` and not stented stays occluded.
        #[schemars(length(min = 1, max = 10), inner(range(min = 0.0, max = 1.0)))]
        rescue_after_pass: Vec<f64>,
    },
}

/// Rescue stenting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rescue")]
pub struct WrittenRescue {
    /// Probability that a stent placed after pass 1, 2, … opens the vessel, the last value
    /// repeating; before any pass it is that of pass 1.
    #[schemars(length(min = 1, max = 10), inner(range(min = 0.0, max = 1.0)))]
    pub success: Vec<f64>,
    /// Probability that the stent cannot be placed.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub failed_access: f64,
    /// Log odds that an opened stent is open at follow-up; always by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patency: Option<PerPass>,
}

/// Log-normal minutes from puncture to the end. They are counted in tenths, so the ranges keep the
/// longest that can be drawn within ten weeks.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Minutes")]
pub struct WrittenMinutes {
    /// Median without passes and stent.
    #[schemars(range(min = 0.0, max = 600.0))]
    pub base: f64,
    /// Added to the median by every pass.
    #[schemars(range(min = 0.0, max = 120.0))]
    pub per_pass: f64,
    /// Added to the median by a stent.
    #[schemars(range(min = 0.0, max = 600.0))]
    pub stenting: f64,
    /// Standard deviation of the logarithm.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub log_sd: f64,
}

/// Symptomatic haemorrhage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Haemorrhage")]
pub struct WrittenHaemorrhage {
    /// Definition of the event, such as "Heidelberg, 36 h"; rates under different definitions
    /// differ several-fold.
    #[schemars(length(min = 1))]
    pub definition: String,
    /// Log odds without any pass.
    // Log odds of 20 already leave 2 in 10⁹ on the other side.
    #[schemars(range(min = -20.0, max = 20.0))]
    pub intercept: f64,
    /// Log odds added by every pass.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub per_pass: f64,
    /// Log odds added by a stent.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub stenting: f64,
    /// Probability that a haemorrhage is fatal, in addition to its effect on the mRS of survivors.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fatality: f64,
}

/// The mRS that follows from a procedure: P(mRS ≤ j) = logistic(δ_j + η), with η the sum of the
/// log odds below. Above 0 is better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AfterProcedure {
    /// mRS 0 to 6 of some population, from which the scale takes its shape (δ_j): seven fractions
    /// that sum to 1 or percentages that sum to 100.
    pub shape: [f64; 7],
    /// Log odds of mRS 0–2 without passes, with a closed vessel and no complication.
    #[schemars(range(min = -20.0, max = 20.0))]
    pub intercept: f64,
    /// Log odds of every pass, those before randomisation included.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub per_pass: f64,
    /// Log odds of a vessel open at follow-up, by thrombectomy or stent.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub open_vessel: f64,
    /// Log odds of a stent, open or not.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub stenting: f64,
    /// Log odds of symptomatic haemorrhage, where it is not fatal.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub haemorrhage: f64,
    /// Log odds of perforation or dissection, where it is not fatal.
    #[serde(default)]
    #[schemars(range(min = -20.0, max = 20.0))]
    pub perforation: f64,
    /// Whether shares that sum to 99 to 101 %, because they were rounded, are divided by their sum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rescale: bool,
}
