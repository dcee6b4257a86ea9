//! The group-sequential design of a scenario, posed for one of its analyses.

use super::{Expected, NoFormula};
use crate::design::Boundaries;
use crate::design::characteristics::{DesignCharacteristics, Question};
use crate::design::comparison::Comparison;
use crate::design::sample_size::{ArmSizes, Rounding};
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

/// Boundaries with the patients at each look.
#[derive(Debug, Clone, PartialEq)]
pub struct SizedBoundaries {
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
    /// Poses the design of the scenario for an analysis: as a comparison of two distributions if it is
    /// one, else by the statistic of the expected data.
    ///
    /// # Errors
    /// If the analysis has no formula, see [`Expected::drift`].
    pub fn posed_design(
        &self,
        analysis: &Analysis,
        outcomes: FinalOutcomes,
        rounding: Rounding,
    ) -> Result<PosedDesign, NoFormula> {
        let scenario = self.scenario;
        let comparison = self.stated_comparison(analysis)?;
        let SizedBoundaries { boundaries, sizes } = self.sized_boundaries(outcomes);
        let share_experimental = scenario.share_experimental_known();
        let information_fractions = boundaries.information_fractions.clone();
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

    /// The comparison under the alternative with what the randomisation balances: of two distributions if
    /// the analysis is one, else by the statistic of the expected data.
    ///
    /// # Errors
    /// If the analysis has no formula, see [`Expected::drift`].
    pub fn stated_comparison(&self, analysis: &Analysis) -> Result<Comparison, NoFormula> {
        match self.balanced_comparison(Truth::Alternative, analysis) {
            Ok(comparison) => Ok(comparison),
            // Whatever hinders a comparison of two arms, the expected data may still have a
            // statistic.
            Err(_) => self.by_expected_data(analysis),
        }
    }

    /// The comparison that a look of a running trial is compared with; `None` if no formula has an effect
    /// for its Z.
    pub fn planned_comparison(&self, analysis: &Analysis) -> Option<Comparison> {
        // Where the degree of balance is unknown, Z still means the effect that it means without balance.
        let stated = self.stated_comparison(analysis).ok();
        stated.or_else(|| self.comparison(Truth::Alternative, analysis).ok())
    }

    /// The boundaries of the scenario with the patients at each look, which are those of every analysis.
    pub fn sized_boundaries(&self, outcomes: FinalOutcomes) -> SizedBoundaries {
        let scenario = self.scenario;
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
        let share = scenario.share_experimental_known();
        let fractions = &boundaries.information_fractions;
        // Looks are planned by outcomes of both arms together, so that only totals are whole.
        let sizes = Rounding::Total.sizes(f64::from(total), share, fractions);
        SizedBoundaries { boundaries, sizes }
    }
}
