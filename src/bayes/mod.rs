//! Bayesian decisions: posterior and predictive probabilities of an effect.
//!
//! Pure mathematics: no randomness, no files. Signs: an effect above 0 favours the experimental arm.
//!
#![doc = include_str!("README.md")]

pub mod beta_binomial;
mod bounds;
pub mod dirichlet;
mod evaluation;
pub mod implied;
mod longitudinal;
pub mod normal;
pub mod region;
pub mod rules;
mod words;

pub use beta_binomial::{ArmCount, BetaBinomial, ProportionData};
pub use dirichlet::{Dirichlet, UtilityDifference};
pub use evaluation::DecisionCache;
pub use longitudinal::EarlyCounts;
pub use normal::{EffectEstimate, NormalMixture, NormalPrior, Planned};
pub use region::{FutilityBelow, ProportionRules};
pub use rules::{
    DecisionData, DecisionModel, DecisionRules, HarmAtLeast, LEAST_WEIGHT, LookPlace,
    LookProbabilities,
};

use crate::analysis::OutcomeTable;
use crate::outcome::{LEVELS, Mrs};

fn proportions(outcomes: &OutcomeTable, cut: Mrs) -> ProportionData {
    let [control, experimental] = outcomes.counts.map(|counts| ArmCount {
        successes: counts[..=cut.index()].iter().sum(),
        patients: counts.iter().sum(),
    });
    ProportionData { control, experimental }
}

fn utility_difference(
    outcomes: &OutcomeTable,
    prior: f64,
    utilities: [f64; LEVELS],
) -> UtilityDifference {
    let [control, experimental] =
        outcomes.counts.map(|counts| Dirichlet::posterior(prior, counts.map(f64::from), utilities));
    UtilityDifference { control, experimental }
}
