//! The group-sequential design of a scenario, posed for one of its analyses.

use super::Expected;
use crate::design::Boundaries;
use crate::design::characteristics::{DesignCharacteristics, Question};
use crate::design::sample_size::{ArmSizes, Rounding};
use crate::scenario::comparison::NoComparison;
use crate::scenario::{Analysis, Truth};

/// Number of outcomes at the final look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalOutcomes {
    /// The planned number, from which sizes are found.
    Planned,
    /// The number expected to be known after dropout, as in `check` and `run`.
    Expected,
}

/// A design with its boundaries and sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct PosedDesign {
    /// Rules, looks and comparison.
    pub question: Question,
    /// Boundaries at the looks.
    pub boundaries: Boundaries,
    /// Patients analysed up to and including each look.
    pub sizes: Vec<ArmSizes>,
}

impl PosedDesign {
    /// Computes what the boundaries mean and how the design performs under these fractions of its effect.
    pub fn characteristics(&self, fractions: &[f64]) -> DesignCharacteristics {
        DesignCharacteristics::new(&self.question, &self.boundaries, &self.sizes, fractions)
    }
}

impl Expected<'_> {
    /// Poses the design of the scenario for an analysis.
    ///
    /// # Errors
    /// If the analysis is not a comparison of two distributions.
    pub fn posed_design(
        &self,
        analysis: &Analysis,
        outcomes: FinalOutcomes,
        rounding: Rounding,
    ) -> Result<PosedDesign, NoComparison> {
        let scenario = self.scenario;
        let comparison = self.balanced_comparison(Truth::Alternative, analysis)?;
        let (boundaries, total) = match outcomes {
            FinalOutcomes::Planned => {
                (scenario.design.boundaries().clone(), scenario.design.maximum_analysed())
            }
            // Error is spent by information, so that other numbers of outcomes have another final bound.
            FinalOutcomes::Expected => (
                scenario.design.boundaries_at(scenario.final_analysed()),
                scenario.final_analysed(),
            ),
        };
        let share_experimental = scenario.share_experimental_known();
        let information_fractions = boundaries.information_fractions.clone();
        let sizes =
            Rounding::Total.sizes(f64::from(total), share_experimental, &information_fractions);
        let question = Question {
            rules: scenario.design.plan().rules.clone(),
            information_fractions,
            comparison,
            share_experimental,
            rounding,
            dropout: scenario.dropout,
            sizes_are_expected: outcomes == FinalOutcomes::Expected,
        };
        Ok(PosedDesign { question, boundaries, sizes })
    }
}
