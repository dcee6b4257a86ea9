//! What is known of a scenario without simulating it.

use super::balance::Balanced;
use super::{Analysis, AnalysisSet, Scenario, Truth};
use crate::analysis::imputation::{MissingRule, SingleImputation};
use crate::analysis::wins::WinMeasure;
use crate::analysis::{AnalysisMethod, Counts, Scratch};
use crate::design::StoppingProbabilities;
use crate::design::comparison::ordinal::limit_of_fit;
use crate::design::comparison::{Balance, Comparison, Means, Ordinal, OrdinalTest, TwoProportions};
use crate::outcome::{Adherence, EarlyOutcome, LEVELS, Mrs, MrsDistribution};
use crate::randomisation::{AllocationRatio, Arm};

/// The analyses whose sizes and effects have a closed form, for messages.
pub(crate) const WITH_CLOSED_FORM: &str = "two_proportions, proportional_odds (mRS 5 and 6 apart), \
     wilcoxon and utility_weighted have one, without covariates or strata";

impl Scenario {
    /// Share of all patients whose outcome becomes known, on average.
    pub fn share_known(&self) -> f64 {
        known(self.ratio, self.dropout).0
    }

    /// Share of the experimental arm among the patients whose outcome becomes known.
    pub fn share_experimental_known(&self) -> f64 {
        known(self.ratio, self.dropout).1
    }

    /// Outcomes expected to be known when everyone's follow-up has ended, rounded down.
    pub fn expected_known(&self) -> u32 {
        expected_known(self.randomised, self.share_known())
    }

    /// The value that an analysis's estimate approaches in a trial of ever larger size, with ever more
    /// centres, that loses nobody: of all who were randomised, as they adhere; of patients picked by
    /// the treatment they got, what it aims at, the effect if everyone adhered. `None` where it has
    /// none (the arms do not overlap, or all outcomes are alike), by centre where there is an effect,
    /// and under the prior, where every replicate has its own.
    ///
    /// Where odds are not proportional, the common odds ratio's limit depends on the arms' shares
    /// among the known outcomes.
    pub fn estimand(&self, truth: Truth, analysis: &Analysis) -> Option<f64> {
        let (method, set) = (&analysis.method, analysis.set);
        let [control, experimental] = match (truth, set) {
            (Truth::Alternative, AnalysisSet::PerProtocol | AnalysisSet::AsTreated) => {
                &self.of_treatments
            }
            _ => self.marginal(truth)?,
        };
        let limit = match method {
            _ if control == experimental => 0.0,
            _ if analysis.by_centre => return None,
            AnalysisMethod::ProportionalOdds { .. } => limit_of_fit(
                control.probabilities(),
                experimental.probabilities(),
                self.share_experimental_known(),
            ),
            AnalysisMethod::TwoProportions { cut, proportions } => {
                proportions.effect.of(control.at_most(*cut), experimental.at_most(*cut))
            }
            _ => {
                let everyone = set == AnalysisSet::IntentionToTreat;
                let adhere = self.adherence.as_ref().filter(|_| everyone);
                let cells = self.expected_cells(truth, Losses::None, (set, adhere));
                let cells = cells.map(|of| scaled(of, EVER_LARGER));
                method.test_expected(cells, &mut Scratch::default()).estimate
            }
        };
        limit.is_finite().then_some(limit)
    }

    /// What one analysis compares, for closed forms of sizes and effects: its test and its measure of
    /// effect, of the arms as it sees them.
    ///
    /// # Errors
    /// Where two distributions of the mRS do not say it all.
    pub fn comparison(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Comparison, NoComparison> {
        let arms = self.marginal(truth).ok_or(NoComparison::Arms)?;
        let circumstances = Circumstances {
            arms,
            share_experimental: self.share_experimental_known(),
            departs: self.adherence.is_some(),
            loses: self.loses(),
            loss_is_selective: self.loss_is_selective(),
        };
        comparison(analysis, circumstances)
    }

    /// Why [`Scenario::comparison`] has none of an analysis, and which analyses have one.
    pub fn no_comparison(&self, analysis: &Analysis, cause: NoComparison) -> String {
        let has_one = |other: &&Analysis| self.comparison(Truth::Alternative, other).is_ok();
        let names: Vec<&str> =
            self.analyses.iter().filter(has_one).map(|other| other.name.as_str()).collect();
        let allowed = match names[..] {
            [] => "a scenario with such an analysis".to_owned(),
            _ => format!("--analysis {}", names.join(" or ")),
        };
        format!("analysis {} has no closed form {cause}; allowed: {allowed}", analysis.name)
    }

    /// Whether the outcomes of two arms are all that an analysis goes by.
    ///
    /// # Errors
    /// The key, or keys, of what it goes by besides.
    pub fn needs_only_counts(&self, analysis: &Analysis) -> Result<(), &'static str> {
        if analysis.method.grouping().is_some() {
            return Err("covariates or strata");
        }
        if analysis.rerandomisations > 0 {
            return Err("`rerandomisations`");
        }
        if analysis.set != AnalysisSet::IntentionToTreat && self.adherence.is_some() {
            return Err("`population`");
        }
        if analysis.missing != MissingRule::CompleteCase && self.loses() {
            return Err("`missing`");
        }
        Ok(())
    }

    /// The comparison with what the randomisation leaves of its variance.
    ///
    /// # Errors
    /// As [`Scenario::comparison`], and where that is not known.
    pub fn balanced_comparison(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<Comparison, NoComparison> {
        let comparison = self.comparison(truth, analysis)?;
        match self.balance(analysis) {
            Balanced::By(balance) => Ok(comparison.balanced(of_truth(balance, truth))),
            Balanced::Unknown => Err(NoComparison::Randomisation),
        }
    }

    /// Stopping probabilities of one analysis by the normal approximation, with as many outcomes
    /// at the final look as are expected to be known.
    ///
    /// # Errors
    /// Where there is none; [`Scenario::expected_drift`] has the reasons, safety one more.
    pub fn normal_approximation(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Result<StoppingProbabilities, NoFormula> {
        let stopping = self.stopping(self.expected_drift(truth, analysis)?);
        self.with_safety(truth, stopping).ok_or(NoFormula::Safety)
    }

    /// Outcomes at the final look of a trial that runs to its end.
    pub fn final_analysed(&self) -> u32 {
        self.expected_known().max(1)
    }

    /// Mean of Z at the planned maximum where it is `drift` at the final look.
    pub fn drift_at_maximum(&self, drift: f64) -> f64 {
        drift / self.design.information(self.final_analysed()).sqrt()
    }

    fn stopping(&self, drift: f64) -> StoppingProbabilities {
        self.design.stopping(self.drift_at_maximum(drift), self.final_analysed())
    }

    /// Mean of an analysis's Z at the final look, as that of a normal variable with variance 1:
    /// that of [`Scenario::balanced_comparison`]; where there is none the statistic of the data that
    /// are expected (O'Brien 1986, SAS SUGI 11:778; Self, Mauritsen & Ohara 1992, Biometrics 48:31).
    ///
    /// # Errors
    /// Where neither says what a trial shows.
    pub fn expected_drift(&self, truth: Truth, analysis: &Analysis) -> Result<f64, NoFormula> {
        let marginal = self.marginal(truth).ok_or(NoFormula::Prior)?;
        if analysis.by_centre {
            return Err(NoFormula::ByCentre);
        }
        if matches!(analysis.missing, MissingRule::Multiple(_)) && self.loses() {
            return Err(NoFormula::MultipleImputation);
        }
        if (1..ENOUGH_RERANDOMISATIONS).contains(&analysis.rerandomisations) {
            return Err(NoFormula::FewRerandomisations);
        }
        if all_alike(marginal) {
            return Err(NoFormula::AllAlike);
        }
        self.estimand(truth, analysis).ok_or(NoFormula::NoEstimand)?;
        let Balanced::By(balance) = self.balance(analysis) else {
            return Err(NoFormula::Randomisation);
        };
        let balance = of_truth(balance, truth);
        let share = self.share_experimental_known();
        let (alpha, total) = (self.alpha_one_sided(), f64::from(self.final_analysed()));
        let drift = match self.comparison(truth, analysis) {
            Ok(comparison) => comparison.balanced(balance).drift(alpha, share, total),
            Err(_) => balance.drift(self.z_of_expected_data(truth, analysis)?, alpha),
        };
        if drift.is_finite() { Ok(drift) } else { Err(NoFormula::NoEstimand) }
    }

    /// How [`Scenario::normal_approximation`] comes about, or why there is none, for a reader.
    pub fn formula_in_words(&self, truth: Truth, analysis: &Analysis) -> String {
        if let Err(cause) = self.normal_approximation(truth, analysis) {
            return format!("none, {cause}");
        }
        if let Ok(comparison) = self.balanced_comparison(truth, analysis) {
            return comparison.to_string();
        }
        let is_balanced = self.balance(analysis) != Balanced::By(Balance::NONE);
        let balanced = if is_balanced { Balance::WORDS } else { "" };
        format!("The statistic of the expected data{balanced}")
    }

    fn z_of_expected_data(&self, truth: Truth, analysis: &Analysis) -> Result<f64, NoFormula> {
        let scale = f64::from(self.final_analysed()) / self.share_known();
        let cells: Vec<Counts> =
            self.cells_as_analysed(truth, analysis).map(|counts| scaled(counts, scale)).collect();
        if is_sparse(&analysis.method, &cells) {
            return Err(NoFormula::SparseStrata);
        }
        let method = if analysis.rerandomisations > 0 {
            analysis.method.by_uncorrected_z()
        } else {
            analysis.method.by_z()
        };
        let z = method.test_expected(cells, &mut Scratch::default()).z;
        if z.is_finite() { Ok(z) } else { Err(NoFormula::NoEstimand) }
    }

    /// [`Scenario::expected_cells`] of an analysis with its losses and its patients.
    fn cells_as_analysed(&self, truth: Truth, analysis: &Analysis) -> impl Iterator<Item = Counts> {
        let losses = match analysis.missing {
            MissingRule::Single(rule) if self.loses() => Losses::Imputed(rule),
            _ => Losses::Left,
        };
        self.expected_cells(truth, losses, (analysis.set, self.adherence.as_ref()))
    }

    /// The first cell of each stratum, which has all of its patients that are expected.
    pub(super) fn expected_strata(&self, truth: Truth, analysis: &Analysis) -> Vec<Counts> {
        self.cells_as_analysed(truth, analysis).step_by(self.cells_per_stratum()).collect()
    }

    fn alpha_one_sided(&self) -> f64 {
        self.design.plan().rules.alpha_one_sided
    }

    /// P(efficacy at any look) by the same approximation, averaged over the prior; `None` without
    /// a prior, where the approximation has no value, and for methods with covariates or strata.
    pub fn assurance_by_formula(&self, analysis: &Analysis) -> Option<f64> {
        let prior = self.prior.as_ref()?;
        self.comparison(Truth::Alternative, analysis).ok()?;
        if self.stops_for_safety() {
            return None;
        }
        let Balanced::By(balance) = self.balance(analysis) else { return None };
        let [control, _] = *self.marginal(Truth::Alternative)?;
        let share = self.share_experimental_known();
        let (alpha, total) = (self.alpha_one_sided(), f64::from(self.final_analysed()));
        let power = |log_odds_ratio: f64| {
            let arms = [control, control.shifted_by(log_odds_ratio)];
            comparison(analysis, Circumstances::of_arms(&arms, share))
                .ok()
                .map(|comparison| comparison.balanced(balance).drift(alpha, share, total))
                .filter(|drift| drift.is_finite())
                .map(|drift| self.stopping(drift))
                .map_or(f64::NAN, |stopping| stopping.rejection())
        };
        // N outcomes hold no more information on a log odds ratio than N/12 (Whitehead 1993).
        let least_error = (12.0 / f64::from(self.design.maximum_analysed())).sqrt();
        Some(prior.average(power, least_error)).filter(|assurance| assurance.is_finite())
    }

    fn loses(&self) -> bool {
        self.dropout != [0.0; 2]
    }

    /// Whether the patients known differ from those randomised in more than their number.
    fn loss_is_selective(&self) -> bool {
        let by_factors = !self.file.missing.factors.is_empty();
        self.loses() && (self.missingness.depends_on_outcome() || by_factors)
    }

    fn cells_per_stratum(&self) -> usize {
        let early = if self.detail.by_early { LEVELS } else { 1 };
        match (&self.centres, self.detail.by_centre) {
            (Some(centres), true) => centres.number as usize * early,
            _ => early,
        }
    }

    /// Patients expected per patient randomised, by cell, arm and mRS as an analysis sees them.
    pub(super) fn expected_cells<'s>(
        &'s self,
        truth: Truth,
        losses: Losses,
        (set, adherence): (AnalysisSet, Option<&'s Adherence>),
    ) -> impl Iterator<Item = Counts> + 's {
        let cells_per_stratum = self.cells_per_stratum();
        let of_stratum = move |(stratum, (share, _)): (usize, (f64, f64))| {
            let mut counts = [[0.0; LEVELS]; 2];
            for (part, treatments) in self.treatments_in(truth, stratum) {
                let share = share * part;
                for arm in [Arm::Control, Arm::Experimental] {
                    let received = received_by((arm, stratum), &treatments, adherence);
                    let lost = self.missingness.on_average(arm, stratum);
                    let treated = [Arm::Control, Arm::Experimental].into_iter().zip(received);
                    for (treatment, mrs) in treated {
                        let Some(seen_in) = set.arm(arm, treatment) else { continue };
                        let seen = losses.seen(seen_in, &mrs, &lost, self.early_outcome.as_ref());
                        let share = share * self.share_of(arm);
                        let sums = counts[seen_in.index()].iter_mut();
                        sums.zip(seen).for_each(|(sum, p)| *sum += share * p);
                    }
                }
            }
            // All that grouping needs, but by centre, is in the first cell of a stratum.
            let rest = std::iter::repeat_n([[0.0; LEVELS]; 2], cells_per_stratum - 1);
            std::iter::once(counts).chain(rest)
        };
        self.population.prognosis().enumerate().flat_map(of_stratum)
    }

    /// Shares of a stratum with the mRS they have under control and experimental treatment.
    pub(super) fn treatments_in(
        &self,
        truth: Truth,
        stratum: usize,
    ) -> impl Iterator<Item = (f64, [MrsDistribution; 2])> {
        let of_part = move |(share, [control, experimental]): (f64, [MrsDistribution; 2])| {
            (share, [control, if truth == Truth::Null { control } else { experimental }])
        };
        self.treatments.in_stratum(stratum).map(of_part)
    }

    /// Of an arm among the randomised.
    fn share_of(&self, arm: Arm) -> f64 {
        match arm {
            Arm::Control => 1.0 - self.ratio.share_experimental(),
            Arm::Experimental => self.ratio.share_experimental(),
        }
    }
}

/// P(mRS = j and received treatment), by treatment received, of patients of an arm and stratum.
pub(super) fn received_by(
    (arm, stratum): (Arm, usize),
    treatments: &[MrsDistribution; 2],
    adherence: Option<&Adherence>,
) -> [[f64; LEVELS]; 2] {
    match adherence {
        Some(adherence) => adherence.expected((arm, stratum), treatments),
        None => of_adherent(arm, &treatments[arm.index()]),
    }
}

/// Everyone of an arm got its treatment.
fn of_adherent(arm: Arm, mrs: &MrsDistribution) -> [[f64; LEVELS]; 2] {
    let mut received = [[0.0; LEVELS]; 2];
    received[arm.index()] = *mrs.probabilities();
    received
}

/// What becomes of the outcomes that are lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Losses {
    /// Nobody is lost.
    None,
    /// They are left out.
    Left,
    /// Each has a value put in its place.
    Imputed(SingleImputation),
}

impl Losses {
    /// The distribution of the mRS as it is seen in an arm of the analysis, which is the one whose
    /// value is imputed: a sum of less than 1 where some are left out.
    fn seen(
        self,
        arm: Arm,
        mrs: &[f64; LEVELS],
        lost: &[f64; LEVELS],
        early: Option<&EarlyOutcome>,
    ) -> [f64; LEVELS] {
        let known = |level: usize| mrs[level] * (1.0 - lost[level]);
        let missing = |level: usize| mrs[level] * lost[level];
        match (self, early) {
            (Self::None, _) => *mrs,
            (Self::Left, _) => std::array::from_fn(known),
            (Self::Imputed(SingleImputation::Value(values)), _) => {
                let all: f64 = (0..LEVELS).map(missing).sum();
                let value = values[arm.index()].index();
                std::array::from_fn(|level| known(level) + if level == value { all } else { 0.0 })
            }
            (Self::Imputed(SingleImputation::LastObservation), Some(early)) => {
                let mut seen = std::array::from_fn(known);
                for (later, mrs) in Mrs::all().enumerate() {
                    let given = early.given_loss(mrs);
                    seen.iter_mut().zip(given).for_each(|(p, first)| *p += missing(later) * first);
                }
                seen
            }
            (Self::Imputed(SingleImputation::LastObservation), None) => {
                unreachable!("the resolver wants an early mRS")
            }
        }
    }
}

/// Patients of a trial so large that its estimate is what the method aims at.
const EVER_LARGER: f64 = 1e9;

fn scaled(counts: Counts, scale: f64) -> Counts {
    counts.map(|arm| arm.map(|count| count * scale))
}

/// Fewer repeats leave p values too coarse for the levels of early looks.
const ENOUGH_RERANDOMISATIONS: u32 = 999;

/// A group of fewer patients than this is a sparse one.
const FEW_PATIENTS: f64 = 10.0;

/// The largest share of the patients in sparse groups.
const SPARSE_SHARE: f64 = 0.1;

/// Whether too many patients are in groups too small for statistics of expected numbers.
fn is_sparse(method: &AnalysisMethod, cells: &[Counts]) -> bool {
    let stratified =
        matches!(method, AnalysisMethod::MantelHaenszel { .. } | AnalysisMethod::VanElteren(_));
    let Some(grouping) = method.grouping().filter(|_| stratified) else { return false };
    let mut groups = Vec::new();
    grouping.gather(cells.iter().copied(), &mut groups);
    let sizes: Vec<f64> = groups.iter().map(|group| group.iter().flatten().sum()).collect();
    let sparse: f64 = sizes.iter().filter(|&&size| size < FEW_PATIENTS).sum();
    sparse > SPARSE_SHARE * sizes.iter().sum::<f64>()
}

fn of_truth(balance: Balance, truth: Truth) -> Balance {
    match truth {
        Truth::Null => Balance { alternative: balance.null, ..balance },
        Truth::Alternative | Truth::Prior => balance,
    }
}

/// What an analysis's comparison depends on besides the analysis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    /// The mRS of control and experimental arm as allocated.
    pub arms: &'a [MrsDistribution; 2],
    /// Share of the experimental arm among the known outcomes.
    pub share_experimental: f64,
    /// Whether some patients do not get the treatment of their arm.
    pub departs: bool,
    /// Whether some outcomes are never known.
    pub loses: bool,
    /// Whether those known differ from the others.
    pub loss_is_selective: bool,
}

impl<'a> Circumstances<'a> {
    /// Of a trial in which everyone adheres and nobody is lost.
    pub fn of_arms(arms: &'a [MrsDistribution; 2], share_experimental: f64) -> Self {
        let (departs, loses, loss_is_selective) = (false, false, false);
        Self { arms, share_experimental, departs, loses, loss_is_selective }
    }
}

/// Why an analysis is no comparison of two distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoComparison {
    /// Of its method, covariates or strata.
    #[error("({WITH_CLOSED_FORM})")]
    Method,
    /// An arm has no success or only successes, or the odds ratio is 0 or infinite.
    #[error("with these arms")]
    Arms,
    /// Of a key of the analysis.
    #[error("with its `{0}`")]
    Key(&'static str),
    /// Of losses by outcome or factor.
    #[error("with `missing` that depends on the outcome or on factors")]
    SelectiveLoss,
    /// Of a randomisation that keeps prognostic factors in a balance of unknown strength.
    #[error("with prognostic factors and this `randomisation`")]
    Randomisation,
}

/// Why an analysis has no normal approximation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFormula {
    /// The prior's every replicate has an effect of its own.
    #[error("as every replicate has its own effect")]
    Prior,
    /// It adjusts for the centre, or is stratified by it.
    #[error("as it goes by centre")]
    ByCentre,
    /// It imputes more than once.
    #[error("as missing outcomes are imputed several times")]
    MultipleImputation,
    /// Its p values are coarse.
    #[error("as fewer than {ENOUGH_RERANDOMISATIONS} re-randomisations make p values coarse")]
    FewRerandomisations,
    /// There is nothing to compare.
    #[error("as all patients have the same outcome")]
    AllAlike,
    /// What it aims at is infinite, or the expected data give no statistic.
    #[error("as the arms as expected have no finite effect or statistic")]
    NoEstimand,
    /// Prognostic factors are balanced to an unknown degree, or adjusted for in part.
    #[error(
        "as the randomisation balances prognostic factors that the analysis ignores, to a degree that is not known"
    )]
    Randomisation,
    /// Statistics of expected numbers say nothing of strata of a few patients.
    #[error("as most strata have a few patients")]
    SparseStrata,
    /// Adverse events that go with the outcome may stop the trial.
    #[error("as an event that can stop the trial goes with the outcome")]
    Safety,
}

/// What an analysis compares.
pub(super) fn comparison(
    analysis: &Analysis,
    circumstances: Circumstances<'_>,
) -> Result<Comparison, NoComparison> {
    let Circumstances { arms, share_experimental, departs, loses, loss_is_selective } =
        circumstances;
    if analysis.set != AnalysisSet::IntentionToTreat && departs {
        return Err(NoComparison::Key("population"));
    }
    if analysis.missing != MissingRule::CompleteCase && loses {
        return Err(NoComparison::Key("missing"));
    }
    if loss_is_selective {
        return Err(NoComparison::SelectiveLoss);
    }
    if analysis.rerandomisations > 0 {
        return Err(NoComparison::Key("rerandomisations"));
    }
    let [control, experimental] = arms.each_ref().map(MrsDistribution::probabilities);
    let ordinal = |test: OrdinalTest| {
        Ordinal::fitted(control, experimental, share_experimental, test)
            .map_err(|_| NoComparison::Arms)
    };
    Ok(match &analysis.method {
        AnalysisMethod::TwoProportions { cut, proportions } => {
            let [control, experimental] = arms.each_ref().map(|mrs| mrs.at_most(*cut));
            let rates = TwoProportions::new(control, experimental);
            let rates = rates.map_err(|_| NoComparison::Arms)?;
            let tested = rates.tested_by(proportions.test).measured_by(proportions.effect);
            Comparison::TwoProportions(tested)
        }
        AnalysisMethod::ProportionalOdds { .. } => {
            Comparison::Ordinal(ordinal(OrdinalTest::ProportionalOdds)?)
        }
        AnalysisMethod::Wins(WinMeasure::NetBenefit) => {
            Comparison::Ordinal(ordinal(OrdinalTest::MannWhitney)?.measured_by_net_benefit())
        }
        AnalysisMethod::Utilities { utilities, .. } => {
            let means = Means::of_utilities(utilities.by_mrs(), control, experimental);
            Comparison::Means(means.map_err(|_| NoComparison::Arms)?)
        }
        AnalysisMethod::Regression(_)
        | AnalysisMethod::Wins(WinMeasure::WinOdds | WinMeasure::WinRatio)
        | AnalysisMethod::VanElteren(_)
        | AnalysisMethod::AdjustedUtilities { .. }
        | AnalysisMethod::MantelHaenszel { .. }
        | AnalysisMethod::SlidingDichotomy { .. } => return Err(NoComparison::Method),
    })
}

/// Whether all patients of both arms have the same mRS, so that no test has a statistic.
fn all_alike(arms: &[MrsDistribution; 2]) -> bool {
    let [control, experimental] = arms.each_ref().map(MrsDistribution::probabilities);
    control.iter().zip(experimental).filter(|(c, e)| **c + **e > 0.0).count() == 1
}

/// Share of all patients whose outcome becomes known, and of the experimental arm among them.
pub(super) fn known(ratio: AllocationRatio, dropout: [f64; 2]) -> (f64, f64) {
    let experimental = ratio.share_experimental();
    let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
    (known, experimental * (1.0 - dropout[1]) / known)
}

/// What an analysis's estimate aims at when the experimental arm is control shifted by a log odds
/// ratio, in a trial of equal arms; NaN for methods with covariates or strata, whose aim depends on
/// more than the arms.
pub fn estimand_of_shift(
    method: &AnalysisMethod,
    [control, experimental]: &[MrsDistribution; 2],
    log_odds_ratio: f64,
) -> f64 {
    match method {
        AnalysisMethod::TwoProportions { cut, proportions } => {
            proportions.effect.of(control.at_most(*cut), experimental.at_most(*cut))
        }
        AnalysisMethod::ProportionalOdds { .. } => log_odds_ratio,
        _ if method.grouping().is_some() => f64::NAN,
        _ => {
            let counts = [*control.probabilities(), *experimental.probabilities()];
            let counts = scaled(counts, EVER_LARGER);
            method.test_expected(std::iter::once(counts), &mut Scratch::default()).estimate
        }
    }
}

/// A whole number that rounding left a hair below itself must not lose a patient.
pub(super) fn expected_known(randomised: u32, share_known: f64) -> u32 {
    (f64::from(randomised) * share_known + 1e-9).floor() as u32
}
