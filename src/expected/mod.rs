//! What a scenario implies without simulation: the effect that each analysis aims at, power and type I
//! error by the normal approximation, assurance, rates and boundaries of adverse events, and the
//! warnings that follow from all of these.
//!
//! [`Expected`] answers questions about one scenario. Its numbers stand next to the simulated ones in
//! every report, so each names the method that gave it, or says why there is none ([`NoFormula`]).
//!
#![doc = include_str!("README.md")]

mod assumptions;
mod balance;
mod counts;
mod design;
mod enrichment;
mod estimand;
mod expected_data;
mod modification;
mod no_formula;
mod normal_approximation;
mod reestimation;
mod required;
mod safety;
pub mod plausibility;
mod warnings;

pub use assumptions::{AssumedEffect, Assumptions, StatedAlpha};
pub use design::{FinalOutcomes, PosedDesign, SizedBoundaries};
pub use enrichment::RestrictionCharacteristics;
pub use estimand::estimand_of_shift;
pub use modification::LevelOutcomes;
pub use no_formula::NoFormula;
pub use normal_approximation::CountsNeeded;
pub use reestimation::SizeDecisionRow;
pub use required::{MOST_PATIENTS, NoSize};
pub use warnings::{notes, warnings};

use crate::scenario::Scenario;

/// Quantities that a scenario implies without simulation.
///
/// Creating one costs nothing. Every question is computed when it is asked; only the answers of
/// [`Expected::safety_crossing`] are kept, with the scenario.
#[derive(Debug)]
pub struct Expected<'s> {
    scenario: &'s Scenario,
}

impl<'s> Expected<'s> {
    /// Asks about a scenario.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self { scenario }
    }

    /// Returns the scenario.
    pub fn scenario(&self) -> &'s Scenario {
        self.scenario
    }
}
