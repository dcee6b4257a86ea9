//! Bayesian decisions: posterior and predictive probabilities of an effect.
//!
//! Pure mathematics: no randomness, no files. Signs: an effect above 0 favours the experimental arm.
//!
#![doc = include_str!("README.md")]

pub mod beta_binomial;
pub mod dirichlet;
pub mod implied;
pub mod normal;
pub mod region;
pub mod rules;
mod words;

pub use beta_binomial::{ArmCount, BetaBinomial, ProportionData};
pub use dirichlet::{Dirichlet, UtilityDifference};
pub use normal::{EffectEstimate, NormalMixture, NormalPrior, Planned};
pub use region::{FutilityBelow, ProportionRules};
pub use rules::{
    DecisionCache, DecisionData, DecisionModel, DecisionRules, HarmAtLeast, LookPlace,
    LookProbabilities,
};
