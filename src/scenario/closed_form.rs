//! What is known of a scenario without simulating it.

use super::{Analysis, AnalysisSet, Scenario, Truth};
use crate::analysis::imputation::{MissingRule, SingleImputation};
use crate::analysis::wins::WinMeasure;
use crate::analysis::{AnalysisMethod, Counts, Scratch};
use crate::design::StoppingProbabilities;
use crate::design::comparison::ordinal::{limit_of_fit, proportional_odds_drift};
use crate::design::comparison::two_proportions::two_proportions_drift;
use crate::design::comparison::{Comparison, Means, Ordinal, OrdinalTest, TwoProportions};
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

    /// What one analysis compares, for closed forms of sizes and effects; `None` where it has none:
    /// with covariates or strata, under the prior, when an arm has no success or only successes, and
    /// where the odds ratio is 0 or infinite.
    pub fn comparison(&self, truth: Truth, method: &AnalysisMethod) -> Option<Comparison> {
        comparison(self.marginal(truth)?, self.share_experimental_known(), method)
    }

    /// Why [`Scenario::comparison`] has none of an analysis, and which analyses have one.
    pub fn no_comparison(&self, analysis: &Analysis) -> String {
        let has_one =
            |other: &&Analysis| self.comparison(Truth::Alternative, &other.method).is_some();
        let names: Vec<&str> =
            self.analyses.iter().filter(has_one).map(|other| other.name.as_str()).collect();
        let allowed = match names[..] {
            [] => "a scenario with such an analysis".to_owned(),
            _ => format!("--analysis {}", names.join(" or ")),
        };
        let cause = match analysis.method {
            AnalysisMethod::TwoProportions { .. }
            | AnalysisMethod::ProportionalOdds { .. }
            | AnalysisMethod::Wins(WinMeasure::NetBenefit)
            | AnalysisMethod::Utilities { .. } => "with these arms".to_owned(),
            _ => format!("({WITH_CLOSED_FORM})"),
        };
        let name = &analysis.name;
        format!("analysis {name} has no closed form {cause}; allowed: {allowed}")
    }

    /// Stopping probabilities of one analysis by the normal approximation, with as many outcomes
    /// at the final look as are expected to be known; `None` where it has none, as when everyone
    /// has a success, with multiple imputation, by centre, under the prior, and where safety may stop the
    /// trial by an event that goes with the mRS.
    ///
    /// Two proportions: pooled variance under the null, unpooled under the alternative (rpact's
    /// convention). Proportional odds: Whitehead's information with the log odds ratio that the
    /// estimate approaches, which is the true one where odds are proportional. Other methods, and
    /// data with other losses than completely at random: the statistic of the data that are expected
    /// at the maximum size (O'Brien 1986, SAS SUGI 11:778; Self, Mauritsen & Ohara 1992, Biometrics
    /// 48:31).
    pub fn normal_approximation(
        &self,
        truth: Truth,
        analysis: &Analysis,
    ) -> Option<StoppingProbabilities> {
        if analysis.by_centre {
            return None;
        }
        let marginal = self.marginal(truth)?;
        if all_alike(marginal) {
            return None;
        }
        let estimand = self.estimand(truth, analysis)?;
        let loses = self.dropout != [0.0; 2];
        let losses = match analysis.missing {
            MissingRule::Multiple(_) if loses => return None,
            MissingRule::Single(rule) if loses => Losses::Imputed(rule),
            _ => Losses::Left,
        };
        let adhere = self.adherence.as_ref();
        let everyone = analysis.set == AnalysisSet::IntentionToTreat || adhere.is_none();
        let alike = everyone && losses == Losses::Left && !self.loss_is_selective();
        let by_formula =
            if alike { self.drift(marginal, estimand, &analysis.method) } else { None };
        let drift = by_formula.unwrap_or_else(|| {
            let scale = f64::from(self.design.maximum_analysed()) / self.share_known();
            let cells = self.expected_cells(truth, losses, (analysis.set, adhere));
            let cells = cells.map(|of| scaled(of, scale));
            let z = expected_z(&analysis.method, cells);
            // Without effect, Z has a mean of 0 to the last bit, or there is none.
            if alike && estimand == 0.0 && z.is_finite() { 0.0 } else { z }
        });
        self.with_safety(truth, self.stopping_probabilities(drift)?)
    }

    /// P(efficacy at any look) by the same approximation, averaged over the prior; `None` without
    /// a prior, where the approximation has no value, and for methods with covariates or strata.
    pub fn assurance_by_formula(&self, analysis: &Analysis) -> Option<f64> {
        let prior = self.prior.as_ref()?;
        let complete = analysis.missing == MissingRule::CompleteCase;
        if !complete || self.loss_is_selective() || self.stops_for_safety() {
            return None;
        }
        let [control, _] = *self.marginal(Truth::Alternative)?;
        let power = |log_odds_ratio: f64| {
            let marginal = [control, control.shifted_by(log_odds_ratio)];
            let estimand = estimand_of_shift(&analysis.method, &marginal, log_odds_ratio);
            self.drift(&marginal, estimand, &analysis.method)
                .and_then(|drift| self.stopping_probabilities(drift))
                .map_or(f64::NAN, |stopping| stopping.rejection())
        };
        // N outcomes hold no more information on a log odds ratio than N/12 (Whitehead 1993).
        let least_error = libm::sqrt(12.0 / f64::from(self.design.maximum_analysed()));
        Some(prior.average(power, least_error)).filter(|assurance| assurance.is_finite())
    }

    /// Mean of Z at the maximum size of an analysis of arms with these marginal distributions, whose
    /// estimate aims at `estimand`; `None` for methods that need more than the marginals.
    fn drift(
        &self,
        [control, experimental]: &[MrsDistribution; 2],
        estimand: f64,
        method: &AnalysisMethod,
    ) -> Option<f64> {
        let share = self.share_experimental_known();
        let maximum = f64::from(self.design.maximum_analysed());
        let mrs = [control.probabilities(), experimental.probabilities()];
        match method {
            AnalysisMethod::TwoProportions { cut, proportions } if proportions.is_by_z() => {
                let rates = (control.at_most(*cut), experimental.at_most(*cut));
                let alpha = self.design.plan().rules.alpha_one_sided;
                Some(two_proportions_drift(rates, share, maximum, alpha))
            }
            AnalysisMethod::ProportionalOdds { .. } => {
                Some(proportional_odds_drift(mrs[0], mrs[1], estimand, share, maximum))
            }
            _ if method.grouping().is_some() => None,
            _ => {
                let weights = [(1.0 - share) * maximum, share * maximum];
                let counts = [0, 1].map(|arm| mrs[arm].map(|p| p * weights[arm]));
                Some(expected_z(method, std::iter::once(counts)))
            }
        }
    }

    fn stopping_probabilities(&self, drift: f64) -> Option<StoppingProbabilities> {
        drift.is_finite().then(|| self.design.stopping(drift, self.expected_known().max(1)))
    }

    /// Whether the patients known differ from those randomised in more than their number.
    fn loss_is_selective(&self) -> bool {
        let missing = &self.file.missing;
        self.dropout != [0.0; 2]
            && (self.missingness.depends_on_outcome() || !missing.factors.is_empty())
    }

    /// Patients expected per patient randomised, by cell, arm and mRS as an analysis sees them.
    pub(super) fn expected_cells<'s>(
        &'s self,
        truth: Truth,
        losses: Losses,
        (set, adherence): (AnalysisSet, Option<&'s Adherence>),
    ) -> impl Iterator<Item = Counts> + 's {
        let early = if self.detail.by_early { LEVELS } else { 1 };
        let centres = match (&self.centres, self.detail.by_centre) {
            (Some(centres), true) => centres.number as usize,
            _ => 1,
        };
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
                        let seen = losses.seen(arm, &mrs, &lost, self.early_outcome.as_ref());
                        let share = share * self.share_of(arm);
                        let sums = counts[seen_in.index()].iter_mut();
                        sums.zip(seen).for_each(|(sum, p)| *sum += share * p);
                    }
                }
            }
            // All that grouping needs, but by centre, is in the first cell of a stratum.
            let rest = std::iter::repeat_n([[0.0; LEVELS]; 2], centres * early - 1);
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
    /// The distribution of the mRS as it is seen: a sum of less than 1 where some are left out.
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

/// The Z of expected data; NaN where there is none.
fn expected_z(method: &AnalysisMethod, cells: impl Iterator<Item = Counts>) -> f64 {
    method.by_z().test_expected(cells, &mut Scratch::default()).z
}

/// As [`Scenario::comparison`], from the arms and the share of the experimental one among the known
/// outcomes.
pub(super) fn comparison(
    [control, experimental]: &[MrsDistribution; 2],
    share_experimental: f64,
    method: &AnalysisMethod,
) -> Option<Comparison> {
    let (control_mrs, experimental_mrs) = (control.probabilities(), experimental.probabilities());
    let proportions = |cut: Mrs| {
        let rates = TwoProportions::new(control.at_most(cut), experimental.at_most(cut));
        Some(Comparison::TwoProportions(rates.ok()?))
    };
    let ordinal = |test: OrdinalTest| {
        let fitted = Ordinal::fitted(control_mrs, experimental_mrs, share_experimental, test);
        Some(Comparison::Ordinal(fitted.ok()?))
    };
    match method {
        _ if method.grouping().is_some() => None,
        AnalysisMethod::TwoProportions { cut, .. } => proportions(*cut),
        AnalysisMethod::ProportionalOdds { .. } => ordinal(OrdinalTest::ProportionalOdds),
        AnalysisMethod::Wins(WinMeasure::NetBenefit) => ordinal(OrdinalTest::MannWhitney),
        AnalysisMethod::Utilities { utilities, .. } => {
            let means = Means::of_utilities(utilities.by_mrs(), control_mrs, experimental_mrs);
            Some(Comparison::Means(means.ok()?))
        }
        _ => None,
    }
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
