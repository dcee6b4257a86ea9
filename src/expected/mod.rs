//! What a scenario implies without simulation: estimands, stopping probabilities by the normal
//! approximation, assurance, rates of adverse events, and warnings that follow from them.

mod balance;
mod closed_form;
mod safety;
mod warnings;

pub use closed_form::{NoFormula, estimand_of_shift};
pub use warnings::warnings;
