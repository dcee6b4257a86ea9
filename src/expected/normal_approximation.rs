//! Stopping probabilities, power and assurance by the normal approximation.

use super::{Expected, NoFormula};
use crate::analysis::TestResult;
use crate::analysis::imputation::{Imputation, SingleImputation};
use crate::analysis::margin::NullEffects;
use crate::design::comparison::{Balance, Comparison, StandardisedMoments};
use crate::design::{EquivalenceDrifts, StoppingProbabilities};
use crate::outcome::MrsDistribution;
use crate::scenario::comparison::{ComparedArms, NoComparison, comparison};
use crate::scenario::{Analysis, AnalysisSet, Truth};

/// Fewest re-randomisations that have a formula.
// With fewer, p values are too coarse for the levels of early looks: with 999 the smallest is 0.001, and
// Z at most 3.09.
pub(super) const ENOUGH_RERANDOMISATIONS: u32 = 999;

/// Counts of both arms that are enough for an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsNeeded {
    /// Outcomes by mRS.
    Outcomes,
    /// Outcomes by mRS, and the patients whose follow-up has ended without one.
    OutcomesAndLost,
}

impl Expected<'_> {
    /// The two distributions that an analysis compares, with its test and its measure of effect.
    ///
    /// # Errors
    /// If more than two distributions of the mRS determine the analysis, or they have no effect.
    pub fn comparison(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Comparison, NoComparison> {
        let scenario = self.scenario;
        let arms = scenario.marginal(truth).ok_or(NoComparison::Arms)?;
        comparison(
            analysis,
            ComparedArms {
                mrs: arms,
                share_experimental: scenario.share_experimental_known(),
                all_adhere: scenario.adherence.is_none(),
                has_dropout: scenario.has_dropout(),
                dropout_is_selective: scenario.dropout_is_selective(),
            },
        )
    }

    /// Whether an analysis depends on nothing but the outcomes of two arms and, if outcomes are missing, the
    /// number of patients without one.
    ///
    /// # Errors
    /// The keys that make it depend on more.
    pub fn needs_only_counts(&self, analysis: &Analysis) -> Result<CountsNeeded, &'static str> {
        if analysis.method.grouping().is_some() {
            return Err("covariates or strata");
        }
        if analysis.rerandomisations > 0 {
            return Err("`rerandomisations`");
        }
        if analysis.set != AnalysisSet::IntentionToTreat && self.scenario.adherence.is_some() {
            return Err("`population`");
        }
        match analysis.missing {
            Imputation::None => Ok(CountsNeeded::Outcomes),
            Imputation::Single(_) | Imputation::Multiple(_) if !self.scenario.has_dropout() => {
                Ok(CountsNeeded::Outcomes)
            }
            Imputation::Single(SingleImputation::Value(_)) => Ok(CountsNeeded::OutcomesAndLost),
            // Drawn within each stratum, or taken from the patient's early mRS.
            Imputation::Single(SingleImputation::LastObservation) | Imputation::Multiple(_) => {
                Err("`missing`")
            }
        }
    }

    /// The comparison with the variance reduced by what the randomisation balances.
    ///
    /// # Errors
    /// If there is no [`Expected::comparison`], or the reduction is not known.
    pub fn balanced_comparison(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Comparison, NoComparison> {
        let comparison = self.comparison(truth, analysis)?;
        let balance = self.balance(analysis).ok_or(NoComparison::Randomisation)?;
        Ok(comparison.balanced(under(truth, balance)))
    }

    /// Stopping probabilities of one analysis, with the expected number of outcomes at the final look.
    ///
    /// # Errors
    /// If there is no approximation: the causes of [`Expected::drift`], safety, and under the null hypothesis
    /// too few events.
    pub fn normal_approximation(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StoppingProbabilities, NoFormula> {
        let stopping = if analysis.method.null_effects().upper.is_some() {
            self.equivalence(truth, analysis)?
        } else if let Some(stopping) = self.stopping_if_reestimated(truth, analysis) {
            stopping?
        } else if let Some(stopping) = self.stopping_if_restricted(truth, analysis) {
            stopping?
        } else {
            self.stopping(self.drift(truth, analysis)?)
        };
        if truth == Truth::Null {
            self.level_is_nominal(analysis)?;
        }
        self.with_safety(truth, stopping).ok_or(NoFormula::Safety)
    }

    /// Stopping probabilities of equivalence, with one look Φ(Z̄_l − b) + Φ(Z̄_u − b) − 1 (Phillips 1990, J
    /// Pharmacokinet Biopharm 18:137).
    fn equivalence(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StoppingProbabilities, NoFormula> {
        let scenario = self.scenario;
        // The drifts have the variance of the arms as expected, whatever variance the test has.
        self.has_enough_events(truth, analysis, 1.0)?;
        let drifts = self.equivalence_drifts(truth, analysis)?;
        let stopping = scenario.design.stopping_for_equivalence(drifts, scenario.final_analysed());
        if !stopping.rejection().is_finite() {
            return Err(NoFormula::NoEstimand);
        }
        Ok(stopping)
    }

    /// Means of the statistics of the expected data against both margins at the final look.
    ///
    /// # Errors
    /// The causes of [`Expected::drift`].
    pub(super) fn equivalence_drifts(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<EquivalenceDrifts, NoFormula> {
        let balance = self.formula_balance(truth, analysis)?;
        let cells = self.expected_cells(truth, analysis)?;
        let TestResult { estimate, standard_error, .. } = analysis.method.test_of_expected(cells);
        let NullEffects { lower, upper } = analysis.method.null_effects();
        let upper = upper.ok_or(NoFormula::Equivalence)?;
        let alpha = self.scenario.alpha_one_sided();
        let [above_lower, below_upper] = [estimate - lower, upper - estimate]
            .map(|excess| StandardisedMoments { mean: excess / standard_error, sd: 1.0 })
            .map(|statistic| balance.drift(statistic, alpha));
        Ok(EquivalenceDrifts { above_lower, below_upper })
    }

    /// Mean of Z at the planned maximum, from its mean at the final look.
    pub fn drift_at_maximum(&self, drift: f64) -> f64 {
        let scenario = self.scenario;
        drift / scenario.design.information(scenario.final_analysed()).sqrt()
    }

    fn stopping(&self, drift: f64) -> StoppingProbabilities {
        let scenario = self.scenario;
        scenario.design.stopping(self.drift_at_maximum(drift), scenario.final_analysed())
    }

    /// Mean of an analysis's Z at the final look, as that of a normal variable with variance 1: from
    /// [`Expected::balanced_comparison`] if there is one, else the statistic of the expected data
    /// (O'Brien 1986, SAS SUGI 11:778; Self, Mauritsen & Ohara 1992, Biometrics 48:31), whose variance
    /// under the alternative is that of the delta method.
    ///
    /// # Errors
    /// If neither predicts what a trial shows.
    pub fn drift(&self, truth: Truth, analysis: &Analysis) -> Result<f64, NoFormula> {
        if analysis.method.null_effects().upper.is_some() {
            return Err(NoFormula::Equivalence);
        }
        let balance = self.formula_balance(truth, analysis)?;
        let alpha = self.scenario.alpha_one_sided();
        let drift = match self.comparison(truth, analysis) {
            Ok(comparison) => self.drift_of(comparison.balanced(balance)),
            Err(_) => balance.drift(self.statistic_of_expected_data(truth, analysis)?, alpha),
        };
        if drift.is_finite() { Ok(drift) } else { Err(NoFormula::NoEstimand) }
    }

    /// The balance by the randomisation with which an analysis has a formula.
    ///
    /// # Errors
    /// If it has none.
    pub(super) fn formula_balance(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Balance, NoFormula> {
        let scenario = self.scenario;
        let marginal = scenario.marginal(truth).ok_or(NoFormula::Prior)?;
        if scenario.adaptation.population.is_some() {
            return Err(NoFormula::Population);
        }
        if analysis.by_centre {
            return Err(NoFormula::ByCentre);
        }
        if matches!(analysis.missing, Imputation::Multiple(_)) && scenario.has_dropout() {
            return Err(NoFormula::MultipleImputation);
        }
        if (1..ENOUGH_RERANDOMISATIONS).contains(&analysis.rerandomisations) {
            return Err(NoFormula::FewRerandomisations);
        }
        if all_alike(marginal) {
            return Err(NoFormula::AllAlike);
        }
        // Without a finite limit of the estimate most trials are separated, and Z has no normal
        // distribution.
        self.estimand(truth, analysis).ok_or(NoFormula::NoEstimand)?;
        let balance = self.balance(analysis).ok_or(NoFormula::Randomisation)?;
        Ok(under(truth, balance))
    }

    /// Factor by which the patients at the planned maximum must become more so that the mean of Z there,
    /// as that of a normal variable with variance 1, is `drift`.
    ///
    /// # Errors
    /// As for [`Expected::drift`].
    pub(super) fn growth(&self, analysis: &Analysis, drift: f64) -> Result<f64, NoFormula> {
        let truth = Truth::Alternative;
        let scenario = self.scenario;
        let now = self.drift(truth, analysis)?;
        if self.comparison(truth, analysis).is_ok() {
            // The mean of Z grows with the root of the number of patients.
            let ratio = drift / self.drift_at_maximum(now);
            return Ok(ratio * ratio);
        }
        let balance = self.balance(analysis).ok_or(NoFormula::Randomisation)?;
        let mut statistic = self.statistic_of_expected_data(truth, analysis)?;
        statistic.mean = self.drift_at_maximum(statistic.mean);
        Ok(balance.growth(statistic, drift, scenario.alpha_one_sided()))
    }

    fn drift_of(&self, comparison: Comparison) -> f64 {
        let scenario = self.scenario;
        let total = f64::from(scenario.final_analysed());
        comparison.drift(scenario.alpha_one_sided(), scenario.share_experimental_known(), total)
    }

    /// P(efficacy at any look) by the same approximation, averaged over the prior.
    ///
    /// `None` without a prior, for methods with covariates or strata, and if the approximation has no
    /// value.
    pub fn assurance(&self, analysis: &Analysis) -> Option<f64> {
        let scenario = self.scenario;
        let prior = scenario.prior.as_ref()?;
        self.comparison(Truth::Alternative, analysis).ok()?;
        // Power then also depends on events, whose rates under a drawn effect may not be known.
        if scenario.stops_for_safety() || scenario.adaptation.size.is_some() {
            return None;
        }
        let balance = self.balance(analysis)?;
        // Only the control arm is stated; each effect of the prior has an experimental arm of its own.
        let [control, _] = *scenario.marginal(Truth::Alternative)?;
        // N outcomes have no more information on a log odds ratio than N/12 (Whitehead 1993).
        let least_error = (12.0 / f64::from(scenario.design.maximum_analysed())).sqrt();
        let assurance = prior.average(
            |log_odds_ratio| self.power_after_shift(analysis, control, log_odds_ratio, balance),
            least_error,
        );
        Some(assurance).filter(|assurance| assurance.is_finite())
    }

    /// P(efficacy at any look) if the experimental arm is the control arm shifted by a log odds ratio;
    /// NaN if the approximation has no value.
    fn power_after_shift(
        &self,
        analysis: &Analysis,
        control: MrsDistribution,
        log_odds_ratio: f64,
        balance: Balance,
    ) -> f64 {
        let arms = [control, control.shifted_by(log_odds_ratio)];
        let share_experimental = self.scenario.share_experimental_known();
        let compared = ComparedArms::without_losses(&arms, share_experimental);
        let Ok(comparison) = comparison(analysis, compared) else { return f64::NAN };
        let drift = self.drift_of(comparison.balanced(balance));
        if drift.is_finite() { self.stopping(drift).rejection() } else { f64::NAN }
    }
}

/// The balance whose alternative is the given truth: under H0 the estimate has the variance that the
/// test assumes under H0.
fn under(truth: Truth, balance: Balance) -> Balance {
    match truth {
        Truth::Null => Balance { alternative: balance.null, ..balance },
        Truth::Alternative | Truth::Prior | Truth::Configuration { .. } => balance,
    }
}

/// Whether all patients of both arms have the same mRS, so that no test has a statistic.
pub(super) fn all_alike(arms: &[MrsDistribution; 2]) -> bool {
    let [control, experimental] = arms.each_ref().map(MrsDistribution::probabilities);
    control.iter().zip(experimental).filter(|(c, e)| **c + **e > 0.0).count() == 1
}
