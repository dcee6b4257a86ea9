//! Lower boundaries at which the experimental arm is worse: stopping for harm.

use super::futility::{interim_bounds, lower_bound};
use super::spending::{SpendingFunction, increment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rule for the harm boundary.
#[derive(Debug, Clone, PartialEq)]
pub enum HarmRule {
    /// Harm is not tested.
    None,
    /// Mirror image of the efficacy boundary: a symmetric two-sided test with the one-sided α on
    /// each side.
    Symmetric {
        /// The error rate that a spending function spends.
        spending: TwoSidedSpending,
    },
    /// Error spending: a separate error rate under no effect, with trials leaving above for
    /// efficacy and futility disregarded, and nowhere above a futility bound: the harm bound of
    /// gsDesign (test.type 7 and 8) if every look that tests harm tests futility. β-spending takes
    /// no account of harm.
    Spending {
        /// Spends `alpha_one_sided`.
        function: SpendingFunction,
        /// P(harm is concluded | no effect), in (0, 1).
        alpha_one_sided: f64,
    },
}

// The two differ where the function is not proportional to its rate: Lan & DeMets'
// O'Brien–Fleming type at three equal looks of a two-sided 0.05 gives 3.710, 2.511, 1.993 per side
// and 3.395, 2.407, 2.015 for both sides together.
/// How a symmetric two-sided test spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TwoSidedSpending {
    /// Each side spends the function at the one-sided α.
    #[default]
    PerSide,
    /// Both sides together spend the function at twice the one-sided α.
    BothSides,
}

impl HarmRule {
    /// Computes harm bounds at every look, −∞ for none, with futility disregarded. `untested` lists
    /// looks, from 0, without the test; the last always has it.
    pub(super) fn bounds(
        &self,
        fractions: &[f64],
        efficacy: &[f64],
        untested: &[usize],
    ) -> Vec<f64> {
        match self {
            Self::None => vec![f64::NEG_INFINITY; fractions.len()],
            Self::Symmetric { .. } => efficacy.iter().map(|z| -z).collect(),
            Self::Spending { function, alpha_one_sided } => {
                let cumulative = function.cumulative(*alpha_one_sided, fractions, untested);
                spend(&cumulative, fractions, efficacy)
            }
        }
    }
}

/// Computes bounds that spend `cumulative` error below by each look under no effect.
fn spend(cumulative: &[f64], fractions: &[f64], efficacy: &[f64]) -> Vec<f64> {
    let (mut bounds, state) = interim_bounds(cumulative, fractions, efficacy, 0.0);
    let last = fractions.len() - 1;
    let left = increment(cumulative, last);
    bounds.push(lower_bound(&state, fractions[last], 0.0, left, efficacy[last]));
    bounds
}
