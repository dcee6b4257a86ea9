//! Patients that an analysis needs for a power, by closed form.

use super::{Expected, FinalOutcomes, NoFormula, PosedDesign};
use crate::design::sample_size::Rounding;
use crate::num::root::brent;
use crate::scenario::{Analysis, Truth};

/// Largest number of patients of a size by formula.
// No trial has more, and the counts could not hold them.
pub const MOST_PATIENTS: f64 = 1e9;

/// Logarithm of the largest factor, and of the inverse of the smallest, by which a trial of equivalence is
/// enlarged.
const MOST_GROWTH: f64 = 14.0;

/// Why no number of patients is known to give an analysis a power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSize {
    /// The analysis has no closed form.
    #[error("no formula, {0}")]
    Formula(#[from] NoFormula),
    /// The experimental arm is not better on the scale of the analysis.
    #[error("none, as the experimental arm is not better")]
    NoBenefit,
    /// The effect is not beyond the margin.
    #[error("none, as the effect is not beyond the margin")]
    NotBeyondMargin,
    /// The size is not fixed.
    #[error("none, as the size is re-estimated")]
    Reestimation,
    /// The population is not fixed.
    #[error("none, as the population may be restricted")]
    Population,
    /// Stops for futility or harm limit the power, or the effect is next to nothing.
    #[error("no number of patients reaches it with these boundaries and this effect")]
    Unreachable,
}

impl Expected<'_> {
    /// Patients to randomise so that an analysis has the given power under the alternative, with the
    /// boundaries, information fractions, allocation and dropout of the scenario. Stops by adverse
    /// events are disregarded. The number of each arm is rounded up.
    ///
    /// # Errors
    /// If there is no closed form, or no such number.
    pub fn patients_for_power(&self, analysis: &Analysis, power: f64) -> Result<u32, NoSize> {
        let scenario = self.scenario;
        if scenario.adaptation.size.is_some() {
            return Err(NoSize::Reestimation);
        }
        if scenario.adaptation.population.is_some() {
            return Err(NoSize::Population);
        }
        let share_experimental = scenario.share_experimental_known();
        let exact = if analysis.method.null_effects().upper.is_some() {
            self.outcomes_for_equivalence(analysis, power)?
        } else {
            self.outcomes_beyond_one_end(analysis, power)?
        };
        let analysed = exact.filter(|total| *total > 0.0 && *total < MOST_PATIENTS);
        let analysed = analysed.ok_or(NoSize::Unreachable)?;
        // The larger dropout bounds both arms, whose counts are u32.
        let known = 1.0 - scenario.dropout[0].max(scenario.dropout[1]);
        if analysed / known > MOST_PATIENTS {
            return Err(NoSize::Unreachable);
        }
        let sizes = Rounding::PerArm.sizes(analysed, share_experimental, &[1.0]);
        Ok(sizes[0].randomised(scenario.dropout).total())
    }

    /// Outcomes, not rounded, with which an analysis whose null hypothesis has one end has a power; `None` if
    /// no number has.
    fn outcomes_beyond_one_end(
        &self,
        analysis: &Analysis,
        power: f64,
    ) -> Result<Option<f64>, NoSize> {
        let scenario = self.scenario;
        let drift = self.drift(Truth::Alternative, analysis)?;
        // Below, a ratio of drifts is squared: a harmful effect would be given a size.
        if drift <= 0.0 {
            let has_margin = analysis.hypothesis.has_margin();
            return Err(if has_margin { NoSize::NotBeyondMargin } else { NoSize::NoBenefit });
        }
        match self.posed_design(analysis, FinalOutcomes::Planned, Rounding::PerArm) {
            Ok(PosedDesign { question, boundaries, .. }) => {
                Ok(question.required(&boundaries, power).map(|required| required.total))
            }
            Err(_) => match scenario.design.boundaries().drift_for_power(power) {
                Some(needed) => {
                    let maximum = f64::from(scenario.design.maximum_analysed());
                    Ok(Some(maximum * self.growth(analysis, needed)?))
                }
                None => Ok(None),
            },
        }
    }

    /// Outcomes, not rounded, with which equivalence has a power; `None` if no number has.
    fn outcomes_for_equivalence(
        &self,
        analysis: &Analysis,
        power: f64,
    ) -> Result<Option<f64>, NoSize> {
        let design = &self.scenario.design;
        let analysed = self.scenario.final_analysed();
        let drifts = self.equivalence_drifts(Truth::Alternative, analysis)?;
        if drifts.above_lower <= 0.0 || drifts.below_upper <= 0.0 {
            return Err(NoSize::NotBeyondMargin);
        }
        let at_maximum = drifts.with_information(1.0 / design.information(analysed));
        let log_growth = brent(
            |log_growth| {
                let drifts = at_maximum.with_information(libm::exp(log_growth));
                design.boundaries().stopping_for_equivalence(drifts).rejection() - power
            },
            -MOST_GROWTH,
            MOST_GROWTH,
        );
        let maximum = f64::from(design.maximum_analysed());
        let outcomes = log_growth.map(|log_growth| libm::exp(log_growth) * maximum);
        if let Some(outcomes) = outcomes {
            let growth = outcomes / f64::from(analysed);
            self.has_enough_events(Truth::Alternative, analysis, growth)?;
        }
        Ok(outcomes)
    }
}
