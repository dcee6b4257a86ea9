//! `[randomisation]`: the method of allocation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::randomisation::Imbalance;

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
        #[serde(default = "super::yes")]
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
