//! Why an analysis has no closed form, and the method of one that has, in words.

use super::Expected;
use super::normal_approximation::ENOUGH_RERANDOMISATIONS;
use crate::analysis::method::PatientScore;
use crate::design::comparison::Balance;
use crate::scenario::{Analysis, Truth};

/// Fewest successes and failures expected in each arm for the nominal level to be the type I error of a test
/// whose [level needs events](crate::analysis::method::Test::level_needs_events).
// In enumerations of two binomials with 1:2 patients and success rates of 10 and 25 % the unpooled test has a type
// I error of 0.036 in place of 0.025 with 10 expected successes in the smaller arm, and the log risk ratio one of
// 0.016 and 0.014; with 15 they are at most 0.009 off.
const FEWEST_EVENTS: f64 = 15.0;

/// Why an analysis has no normal approximation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFormula {
    /// Every replicate of the prior has its own effect.
    #[error("as every replicate has its own effect")]
    Prior,
    /// The analysis adjusts for the centre, or is stratified by it.
    #[error("as it uses the centre")]
    ByCentre,
    /// The analysis imputes more than once.
    #[error("as missing outcomes are imputed several times")]
    MultipleImputation,
    /// P values are coarse.
    #[error("as fewer than {ENOUGH_RERANDOMISATIONS} re-randomisations make p values coarse")]
    FewRerandomisations,
    /// The null hypothesis has two ends, of which one Z says nothing.
    #[error("as equivalence is tested against two margins")]
    Equivalence,
    /// There is nothing to compare.
    #[error("as all patients have the same outcome")]
    AllAlike,
    /// The estimand is infinite, or the expected data give no statistic.
    #[error("as the arms as expected have no finite effect or statistic")]
    NoEstimand,
    /// Prognostic factors are balanced to an unknown degree, or adjusted for in part.
    #[error(
        "as the randomisation balances prognostic factors that the analysis ignores, to a degree that is not known"
    )]
    Randomisation,
    /// Statistics of expected counts do not predict strata of a few patients.
    #[error("as most strata have a few patients")]
    SparseStrata,
    /// The type I error is not the nominal level.
    #[error(
        "as an arm with fewer than {FEWEST_EVENTS} expected successes or failures estimates its variance too \
         coarsely for the nominal level"
    )]
    FewEvents,
    /// The test is conservative.
    #[error("as this test is conservative to a degree that is known for two plain arms alone")]
    Conservative,
    /// The number of patients is re-estimated in a way that no integral covers.
    #[error(
        "as the size is re-estimated, which is integrated only for promising zones with one interim look and no boundary for harm"
    )]
    Reestimation,
    /// Some levels may be dropped, in a way that no integral covers.
    #[error(
        "as the population may be restricted; integrated are closed tests of two levels without other \
         factors that change outcomes"
    )]
    Population,
    /// Adverse events that depend on the outcome may stop the trial.
    #[error("as an event that can stop the trial depends on the outcome")]
    Safety,
}

impl Expected<'_> {
    /// The message for a user who asks for a power or an effect that no formula gives, with the analyses
    /// that have one.
    pub fn no_formula(&self, analysis: &Analysis, cause: NoFormula) -> String {
        let names: Vec<&str> = self
            .scenario
            .analyses
            .iter()
            .filter(|other| self.drift(Truth::Alternative, other).is_ok())
            .map(|other| other.name.as_str())
            .collect();
        let others = if names.is_empty() {
            String::new()
        } else {
            format!("; it exists for --analysis {}", names.join(" or "))
        };
        format!("analysis {} has no closed form, {cause}{others}", analysis.name)
    }

    /// Checks that an analysis has nearly the nominal level under the null hypothesis.
    ///
    /// # Errors
    /// If its variance is estimated from too few events, or its test is conservative to an unknown degree.
    pub(super) fn level_is_nominal(&self, analysis: &Analysis) -> Result<(), NoFormula> {
        // Repeated allocations have the level whatever the statistic.
        if analysis.rerandomisations > 0 {
            return Ok(());
        }
        let test = analysis.method.as_test();
        // The comparison of two proportions knows the correction, and the expected data do not.
        if test.is_conservative() && self.comparison(Truth::Null, analysis).is_err() {
            return Err(NoFormula::Conservative);
        }
        if test.level_needs_events() {
            self.has_enough_events(Truth::Null, analysis, 1.0)
        } else {
            Ok(())
        }
    }

    /// Checks that each arm of a trial with `growth` times the outcomes is expected to have enough successes and
    /// failures for its variance to be that of the expected data.
    ///
    /// # Errors
    /// If it has not.
    pub(super) fn has_enough_events(
        &self,
        truth: Truth,
        analysis: &Analysis,
        growth: f64,
    ) -> Result<(), NoFormula> {
        let PatientScore::Success(cut) = analysis.method.as_test().score() else { return Ok(()) };
        let cells = self.expected_cells(truth, analysis)?;
        let has_enough = [0, 1].into_iter().all(|arm| {
            let patients: f64 = cells.iter().flat_map(|cell| cell[arm]).sum();
            let successes: f64 = cells.iter().flat_map(|cell| &cell[arm][..=cut.index()]).sum();
            growth * successes.min(patients - successes) >= FEWEST_EVENTS
        });
        if has_enough { Ok(()) } else { Err(NoFormula::FewEvents) }
    }

    /// The method behind [`Expected::normal_approximation`], or why there is none, for a reader. Under the
    /// alternative also why the type I error has none if it alone has not.
    pub fn formula_in_words(&self, truth: Truth, analysis: &Analysis) -> String {
        if let Err(cause) = self.normal_approximation(truth, analysis) {
            return format!("none, {cause}");
        }
        let method = self.method_in_words(truth, analysis);
        match (truth, self.level_is_nominal(analysis)) {
            (Truth::Alternative, Err(cause)) => {
                format!("{method}; none for the type I error, {cause}")
            }
            (Truth::Alternative | Truth::Null | Truth::Prior | Truth::Configuration { .. }, _) => {
                method
            }
        }
    }

    /// The method of a normal approximation that exists.
    fn method_in_words(&self, truth: Truth, analysis: &Analysis) -> String {
        if analysis.method.null_effects().upper.is_some() {
            return "Two one-sided tests, the estimate and its standard error those of the expected data"
                .to_owned();
        }
        let suffix = if self.scenario.adaptation.size.is_some() {
            "; the size is re-estimated, by numerical integration"
        } else if self.scenario.adaptation.population.is_some() {
            "; in each level, whose closed test is by numerical integration"
        } else {
            ""
        };
        if let Ok(comparison) = self.balanced_comparison(truth, analysis) {
            return format!("{comparison}{suffix}");
        }
        let is_balanced = self.balance(analysis) != Some(Balance::NONE);
        let balanced = if is_balanced { Balance::WORDS } else { "" };
        format!(
            "The statistic of the expected data, its variance by the delta method{balanced}{suffix}"
        )
    }
}
