//! Stopping probabilities, power and assurance by the normal approximation.

use super::Expected;
use super::counts::{Counting, scaled};
use crate::analysis::imputation::{Imputation, SingleImputation};
use crate::analysis::margin::NullEffects;
use crate::analysis::method::{GroupedBy, PatientScore, ReferenceDistribution};
use crate::analysis::{BoundMethod, Counts, TestResult};
use crate::design::comparison::{
    Balance, Comparison, ExpectedPoint, ExpectedStatistic, StandardisedMoments,
};
use crate::design::{EquivalenceDrifts, StoppingProbabilities};
use crate::outcome::MrsDistribution;
use crate::scenario::comparison::{ComparedArms, NoComparison, comparison};
use crate::scenario::{Analysis, AnalysisSet, Truth};

/// Fewest re-randomisations that have a formula.
// With fewer, p values are too coarse for the levels of early looks: with 999 the smallest is 0.001, and
// Z at most 3.09.
const ENOUGH_RERANDOMISATIONS: u32 = 999;

/// Number of patients below which a group is sparse.
// In a trial such a group often lacks an arm or an outcome and contributes nothing, while its expected
// counts always contribute.
const FEW_PATIENTS: f64 = 10.0;

/// The largest share of the patients that may be in sparse groups.
const SPARSE_SHARE: f64 = 0.1;

/// Fewest successes and failures expected in each arm for the nominal level to be the type I error of a test
/// whose [level needs events](crate::analysis::method::Test::level_needs_events).
// In enumerations of two binomials with 1:2 patients and success rates of 10 and 25 % the unpooled test has a type
// I error of 0.036 in place of 0.025 with 10 expected successes in the smaller arm, and the log risk ratio one of
// 0.016 and 0.014; with 15 they are at most 0.009 off.
const FEWEST_EVENTS: f64 = 15.0;

/// Counts of both arms that are enough for an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsNeeded {
    /// Outcomes by mRS.
    Outcomes,
    /// Outcomes by mRS, and the patients whose follow-up has ended without one.
    OutcomesAndLost,
}

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

    /// Checks that an analysis has nearly the nominal level under the null hypothesis.
    ///
    /// # Errors
    /// If its variance is estimated from too few events.
    fn level_is_nominal(&self, analysis: &Analysis) -> Result<(), NoFormula> {
        // Repeated allocations have the level whatever the statistic.
        if !analysis.method.as_test().level_needs_events() || analysis.rerandomisations > 0 {
            return Ok(());
        }
        let PatientScore::Success(cut) = analysis.method.as_test().score() else { return Ok(()) };
        let cells = self.expected_cells(Truth::Null, analysis)?;
        let has_enough = [0, 1].into_iter().all(|arm| {
            let patients: f64 = cells.iter().flat_map(|cell| cell[arm]).sum();
            let successes: f64 = cells.iter().flat_map(|cell| &cell[arm][..=cut.index()]).sum();
            successes.min(patients - successes) >= FEWEST_EVENTS
        });
        if has_enough { Ok(()) } else { Err(NoFormula::FewEvents) }
    }

    /// Stopping probabilities of equivalence, with one look Φ(Z̄_l − b) + Φ(Z̄_u − b) − 1 (Phillips 1990, J
    /// Pharmacokinet Biopharm 18:137).
    fn equivalence(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StoppingProbabilities, NoFormula> {
        let scenario = self.scenario;
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
    fn formula_balance(&self, truth: Truth, analysis: &Analysis) -> Result<Balance, NoFormula> {
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

    /// The comparison by the statistic of the expected data, with the variance reduced by what the
    /// randomisation balances.
    ///
    /// # Errors
    /// The causes of [`Expected::drift`].
    pub(super) fn by_expected_data(&self, analysis: &Analysis) -> Result<Comparison, NoFormula> {
        // Both truths are checked for what the points below do not show, such as few re-randomisations.
        for truth in [Truth::Alternative, Truth::Null] {
            self.drift(truth, analysis)?;
        }
        let null = self.expected_point(Truth::Null, analysis)?;
        let stated = self.expected_point(Truth::Alternative, analysis)?;
        let balance = self.formula_balance(Truth::Alternative, analysis)?;
        let has_margin = analysis.hypothesis.has_margin();
        let statistic = ExpectedStatistic::new(analysis.method.scale(), null, stated, has_margin);
        Ok(Comparison::ExpectedData(statistic).balanced(balance))
    }

    /// Estimate and statistic of the data expected at the final look.
    fn expected_point(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<ExpectedPoint, NoFormula> {
        let outcomes = f64::from(self.scenario.final_analysed());
        let StandardisedMoments { mean, sd } = self.statistic_of_expected_data(truth, analysis)?;
        let statistic = StandardisedMoments { mean: mean / outcomes.sqrt(), sd };
        let cells = self.expected_cells(truth, analysis)?;
        let estimate = analysis.method.estimate_of_expected(cells);
        if !estimate.is_finite() {
            return Err(NoFormula::NoEstimand);
        }
        Ok(ExpectedPoint { estimate, statistic })
    }

    /// The patients expected at the final look, by cell of the analysis.
    fn expected_cells(&self, truth: Truth, analysis: &Analysis) -> Result<Vec<Counts>, NoFormula> {
        let scenario = self.scenario;
        // Shares are per patient randomised; the final look has `final_analysed` patients, all known.
        let outcomes = f64::from(scenario.final_analysed());
        let scale = outcomes / scenario.share_known();
        let counting = Counting::of_analysis(scenario, truth, analysis);
        let cells: Vec<Counts> =
            counting.cells(scenario).into_iter().map(|counts| scaled(counts, scale)).collect();
        if is_sparse(&analysis.method, &cells) {
            return Err(NoFormula::SparseStrata);
        }
        Ok(cells)
    }

    fn statistic_of_expected_data(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StandardisedMoments, NoFormula> {
        let cells = self.expected_cells(truth, analysis)?;
        let reference = if analysis.rerandomisations > 0 {
            ReferenceDistribution::Rerandomisation
        } else {
            ReferenceDistribution::Normal
        };
        let mean = analysis.method.z_of_expected(cells.iter().copied(), reference);
        if !mean.is_finite() {
            return Err(NoFormula::NoEstimand);
        }
        // Without an effect, where differences would only add rounding, it is 1 by design of the test; with
        // very many groups it is taken to be 1.
        let sd =
            if mean.abs() < 1e-9 { None } else { analysis.method.sd_of_expected(cells, reference) };
        Ok(StandardisedMoments { mean, sd: sd.unwrap_or(1.0) })
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

/// Whether too many patients are in groups too small for statistics of expected counts.
fn is_sparse(method: &BoundMethod, cells: &[Counts]) -> bool {
    let grouping = match (method.grouped_by(), method.grouping()) {
        (GroupedBy::Strata(_), Some(grouping)) => grouping,
        (GroupedBy::Strata(_), None)
        | (GroupedBy::Nothing | GroupedBy::Covariates(_) | GroupedBy::Prognosis(_), _) => {
            return false;
        }
    };
    let mut groups = Vec::new();
    grouping.gather(cells.iter().copied(), &mut groups);
    let sizes: Vec<f64> = groups.iter().map(|group| group.iter().flatten().sum()).collect();
    let sparse: f64 = sizes.iter().filter(|&&size| size < FEW_PATIENTS).sum();
    sparse > SPARSE_SHARE * sizes.iter().sum::<f64>()
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
