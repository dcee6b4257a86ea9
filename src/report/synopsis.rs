//! The synopsis of a run: the assumptions in one sentence and the verdict in a few lines, which open
//! every output.

use super::document::Document;
use super::numeral::{NONE, fixed, grouped, percent, percent_with_error, trimmed};
use crate::expected::{self, AssumedEffect, Assumptions, Expected, NoSize, StatedAlpha};
use crate::scenario::Scenario;
use crate::summary::{AnalysisSummary, LookSummary, McEstimate, PriorSummary, TruthSummary};

/// Powers for which a synopsis gives the number of patients.
pub const POWERS: [f64; 2] = [0.8, 0.9];

/// Lines of title, sentence and verdict on a terminal of default width.
const LINES: usize = 10;

/// Interim looks whose probabilities are named one by one.
const FEW_LOOKS: usize = 3;

/// Interim looks whose probabilities are listed.
const MOST_LOOKS: usize = 6;

/// Assumptions and verdict of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Synopsis {
    /// Title of the trial.
    pub title: String,
    /// What is assumed.
    pub assumptions: Assumptions,
    /// One-sided level of the test of efficacy; `None` for Bayesian decisions and for stated boundaries of
    /// Z, which have none.
    pub alpha_one_sided: Option<f64>,
    /// Power and false-positive rate of each analysis, the primary one first.
    pub analyses: Vec<AnalysisVerdict>,
    /// Course of trials under the alternative, monitored by the primary analysis.
    pub alternative: CourseOfTrials,
    /// Course of the same trials without an effect.
    pub null: CourseOfTrials,
    /// Patients that the primary analysis needs for each of [`POWERS`], by closed form.
    pub patients_for_power: [Result<u32, NoSize>; POWERS.len()],
    /// Whether the closed form disregards that adverse events can stop the trial.
    pub disregards_safety: bool,
}

/// Power and false-positive rate of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisVerdict {
    /// Name in the scenario.
    pub name: String,
    /// Method in words.
    pub method: String,
    /// Whether it is the primary analysis of the scenario.
    pub is_primary: bool,
    /// P(efficacy) under the alternative.
    pub power: McEstimate,
    /// P(efficacy) without an effect, one-sided.
    pub false_positive: McEstimate,
    /// Power averaged over the prior; `None` without a prior.
    pub assurance: Option<McEstimate>,
}

/// What a synopsis says of the analyses that it does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherAnalyses {
    /// Their number and the range of their rates, in a row.
    Range,
    /// Their number.
    Number,
}

/// How trials under one truth go, monitored by one analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseOfTrials {
    /// Reasons for which the design can stop the trial at an interim look.
    pub early_stops: Vec<EarlyStops>,
    /// Mean number of patients randomised by the decision.
    pub patients: McEstimate,
    /// Mean months from the opening of the trial to the decision.
    pub months: McEstimate,
}

/// Stops at interim looks for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStops {
    /// Reason to stop.
    pub reason: StopReason,
    /// P(the trial stops at an interim look for this reason).
    pub total: McEstimate,
    /// P(the trial stops at this look for this reason), for each interim look.
    pub by_look: Vec<McEstimate>,
}

impl Synopsis {
    /// Gathers the synopsis of a scenario from its results under the alternative, the null and, with a
    /// prior, the prior.
    ///
    /// # Panics
    /// If the results are not those of the scenario.
    pub fn new(scenario: &Scenario, truths: &[TruthSummary], prior: Option<&PriorSummary>) -> Self {
        let [alternative, null, ..] = truths else {
            unreachable!("every run simulates the alternative and the null")
        };
        let expected = Expected::new(scenario);
        let primary = &scenario.analyses[0];
        let verdicts = alternative.analyses.iter().zip(&null.analyses).enumerate();
        Self {
            title: scenario.file().title.clone(),
            assumptions: expected.assumptions(),
            alpha_one_sided: match scenario.bayesian {
                Some(_) => None,
                None if scenario.has_boundaries_of_its_own() => None,
                None => Some(scenario.alpha_one_sided()),
            },
            analyses: verdicts
                .map(|(i, (effect, none))| AnalysisVerdict {
                    name: effect.name.clone(),
                    method: scenario.file().analyses[i].describe(),
                    is_primary: i == 0,
                    power: effect.rejection,
                    false_positive: none.rejection,
                    assurance: prior.map(|prior| prior.analyses[i].assurance),
                })
                .collect(),
            alternative: CourseOfTrials::new(&alternative.analyses[0]),
            null: CourseOfTrials::new(&null.analyses[0]),
            patients_for_power: POWERS.map(|power| expected.patients_for_power(primary, power)),
            disregards_safety: scenario.stops_for_safety(),
        }
    }

    /// Lays out title, assumptions and verdict in at most ten lines of 80 columns, with the primary
    /// analysis and as many others as fit.
    pub fn document(&self) -> Document {
        // Laid out and counted rather than computed: how many lines the sentence of assumptions takes depends
        // on the title, names and numbers in it.
        (1..=self.analyses.len())
            .rev()
            .map(|shown| self.laid_out(shown, OtherAnalyses::Range))
            .find(|document| document.to_terminal().lines().count() <= LINES)
            // A long sentence leaves no line for the range; the number of the others then joins the header.
            .unwrap_or_else(|| self.laid_out(1, OtherAnalyses::Number))
    }

    /// Lays out title, assumptions and verdict with the first analyses and the range of the others.
    fn laid_out(&self, shown: usize, others: OtherAnalyses) -> Document {
        let mut out = Document::new().title(&self.title).text(self.assumptions.sentence());
        out += self.rejection(shown, others);
        out = out.text(self.course());
        out.text(self.sizes())
    }

    /// Lays out power and false-positive rate of the first analyses, and what there is of the others.
    fn rejection(&self, shown: usize, mention: OtherAnalyses) -> Document {
        let (first, others) = self.analyses.split_at(shown);
        let mut rows: Vec<Vec<String>> = first
            .iter()
            .map(|analysis| {
                // A single analysis is primary without being called so.
                let mark = analysis.is_primary && self.analyses.len() > 1;
                let mut row =
                    vec![format!("{}{}", analysis.name, if mark { " (primary)" } else { "" })];
                row.push(percent_with_error(analysis.power));
                row.push(percent_with_error(analysis.false_positive));
                row.extend(analysis.assurance.map(percent_with_error));
                row
            })
            .collect();
        let mut names = "analysis".to_owned();
        if !others.is_empty() && mention == OtherAnalyses::Number {
            names += &format!(" ({} more: --full)", others.len());
        } else if !others.is_empty() {
            let of = |rate: fn(&AnalysisVerdict) -> McEstimate| range(others.iter().map(rate));
            let mut row = vec![format!("… {} more: --full", others.len())];
            row.push(of(|analysis| analysis.power));
            row.push(of(|analysis| analysis.false_positive));
            rows.push(row);
        }
        let level = self.alpha_one_sided.map(|alpha| trimmed(alpha, 6));
        let false_positive = match (self.assumptions.hypothesis.has_margin(), level) {
            (true, Some(alpha)) => format!("type I error at the margin ({alpha})"),
            (false, Some(alpha)) => format!("false positive (one-sided {alpha})"),
            (true, None) => "type I error at the margin".to_owned(),
            (false, None) => "false positive".to_owned(),
        };
        let mut header = vec![&names[..], "power", &false_positive];
        header.extend(self.analyses[0].assurance.map(|_| "assurance"));
        Document::new().plain_table(&header, rows)
    }

    /// States the chance of stopping early and why, and the expected patients and months.
    pub fn course(&self) -> String {
        let stops_only_for_efficacy =
            self.alternative.early_stops.iter().all(|stops| stops.reason == StopReason::Efficacy);
        let mut text = match (self.assumptions.interim_looks, &self.alternative.early_stops[..]) {
            (0, _) => String::new(),
            (_, []) => "No boundary can stop the trial early. ".to_owned(),
            (_, stops) => {
                let stops: Vec<String> = stops.iter().map(EarlyStops::by_look_in_words).collect();
                // Stops for efficacy under H0 are part of the false-positive rate above, and are not
                // repeated.
                let truth = if stops_only_for_efficacy { "" } else { "under H1 " };
                format!("Stops early {truth}{}", stops.join(", "))
            }
        };
        if !stops_only_for_efficacy {
            let null: Vec<String> =
                self.null.early_stops.iter().map(EarlyStops::in_words).collect();
            text += &format!("; under H0 {}", null.join(", "));
        }
        if !self.alternative.early_stops.is_empty() {
            text += ". ";
        }
        let CourseOfTrials { patients, months, .. } = &self.alternative;
        text += &format!("On average {} patients and {} months", whole(*patients), month(*months));
        if self.alternative.early_stops.is_empty() {
            return text + ".";
        }
        let CourseOfTrials { patients, months, .. } = &self.null;
        text + &format!(" ({} and {} under H0).", whole(*patients), month(*months))
    }

    /// States the numbers of patients for the usual powers.
    pub(super) fn sizes(&self) -> String {
        let [low, high] = POWERS.map(|power| trimmed(100.0 * power, 1));
        let by_formula = match (self.disregards_safety, &self.analyses[..]) {
            (true, _) => "Without safety stops, by formula",
            (false, [_]) => "By formula",
            (false, _) => "Primary analysis by formula",
        };
        match self.patients_for_power {
            [Ok(least), Ok(most)] => format!(
                "{by_formula}: {} patients for {low} % power, {} for {high} %.",
                grouped(u64::from(least)),
                grouped(u64::from(most))
            ),
            [Ok(least), Err(_)] => format!(
                "{by_formula}: {} patients for {low} % power; no number reaches {high} %.",
                grouped(u64::from(least)),
            ),
            [Err(NoSize::Formula(cause)), _] => {
                format!(
                    "Patients for {low} or {high} % power: no formula, {cause}; see rescuesim solve."
                )
            }
            [
                Err(
                    cause @ (NoSize::NoBenefit
                    | NoSize::NotBeyondMargin
                    | NoSize::Reestimation
                    | NoSize::Population
                    | NoSize::Unreachable),
                ),
                _,
            ] => {
                format!("{by_formula}, patients for {low} or {high} % power: {cause}.")
            }
        }
    }
}

/// Lays out the warnings and notes about a scenario, a paragraph each.
pub fn remarks(scenario: &Scenario) -> Document {
    let warnings = expected::warnings(scenario).into_iter().map(|text| format!("Warning: {text}."));
    let notes = expected::notes(scenario).into_iter().map(|text| format!("Note: {text}."));
    warnings.chain(notes).fold(Document::new(), Document::text)
}

impl CourseOfTrials {
    fn new(primary: &AnalysisSummary) -> Self {
        // The final look ends the trial without stopping it early.
        let interims = &primary.looks[..primary.looks.len() - 1];
        let early_stops = StopReason::possible(primary).filter_map(|reason| {
            let last = interims.last()?;
            // A reason that only the final look knows does not stop a trial early.
            // A trial with no level left stops for futility without a boundary for all patients.
            let possible = reason == StopReason::Safety
                || (reason == StopReason::Futility && primary.population.is_some())
                || interims.iter().any(|look| reason.bound(look).is_some());
            possible.then(|| EarlyStops {
                reason,
                // The cumulative share has an error of its own; a sum of the looks' shares would have none.
                total: reason.cumulative(last),
                by_look: interims.iter().map(|look| reason.at(look)).collect(),
            })
        });
        Self {
            early_stops: early_stops.collect(),
            patients: primary.n_randomised.mean,
            months: primary.duration_months,
        }
    }
}

impl EarlyStops {
    /// States reason and probability.
    fn in_words(&self) -> String {
        format!("for {} in {} %", self.reason.name(), percent(self.total))
    }

    /// States reason and probability, in all and look by look.
    fn by_look_in_words(&self) -> String {
        let shares: Vec<String> = self.by_look.iter().map(|share| percent(*share)).collect();
        let looks = match shares.len() {
            // "0 % (look 1: 0 %, look 2: 0 %)" would say nothing more.
            _ if self.total.value == 0.0 => return self.in_words(),
            1 => "at look 1".to_owned(),
            2..=FEW_LOOKS => {
                let looks = shares.iter().enumerate();
                let looks: Vec<String> =
                    looks.map(|(k, share)| format!("look {}: {share} %", k + 1)).collect();
                format!("({})", looks.join(", "))
            }
            looks if looks <= MOST_LOOKS => format!("(looks 1–{looks}: {} %)", shares.join(", ")),
            looks => format!("(looks 1–{looks})"),
        };
        format!("{} {looks}", self.in_words())
    }
}

/// Reason for which a trial stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The efficacy boundary is reached.
    Efficacy,
    /// The futility boundary is reached.
    Futility,
    /// The harm boundary is reached.
    Harm,
    /// Adverse events reach a boundary.
    Safety,
}

impl StopReason {
    /// Lists the reasons that can stop a trial, efficacy first.
    pub(super) fn possible(analysis: &AnalysisSummary) -> impl Iterator<Item = Self> {
        let shown = [
            (Self::Efficacy, true),
            (
                Self::Futility,
                analysis.population.is_some()
                    || analysis.looks.iter().any(|look| look.z_futility.is_some()),
            ),
            (Self::Harm, analysis.looks.iter().any(|look| look.z_harm.is_some())),
            (Self::Safety, analysis.price_of_safety.is_some()),
        ];
        shown.into_iter().filter(|(_, shown)| *shown).map(|(reason, _)| reason)
    }

    /// Returns the name, as in the columns of tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Efficacy => "efficacy",
            Self::Futility => "futility",
            Self::Harm => "harm",
            Self::Safety => "safety",
        }
    }

    /// Returns the Z bound of a look; `None` for safety and for rules of the population, which have bounds
    /// of their own.
    fn bound(self, look: &LookSummary) -> Option<f64> {
        match self {
            Self::Efficacy => look.z_efficacy,
            Self::Futility => look.z_futility,
            Self::Harm => look.z_harm,
            Self::Safety => None,
        }
    }

    /// Returns P(stop at the look for this reason).
    pub(super) fn at(self, look: &LookSummary) -> McEstimate {
        match self {
            Self::Efficacy => look.efficacy,
            Self::Futility => look.futility,
            Self::Harm => look.harm,
            Self::Safety => look.safety.expect("safety can stop the trial"),
        }
    }

    /// Returns P(stop by the look for this reason).
    pub(super) fn cumulative(self, look: &LookSummary) -> McEstimate {
        match self {
            Self::Efficacy => look.efficacy_cumulative,
            Self::Futility => look.futility_cumulative,
            Self::Harm => look.harm_cumulative,
            Self::Safety => look.safety_cumulative.expect("safety can stop the trial"),
        }
    }
}

impl Assumptions {
    /// States the assumptions in one sentence.
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!(
            "{} patients {} ({})",
            grouped(u64::from(self.randomised)),
            self.ratio_in_words(),
            self.outcomes_in_words()
        )];
        if self.most_randomised > self.randomised {
            let most = grouped(u64::from(self.most_randomised));
            parts.push(format!("up to {most} after re-estimation"));
        }
        let [control, experimental] = self.rates.map(|rate| trimmed(100.0 * rate, 1));
        parts.push(format!(
            "mRS 0–{} {control} % v {experimental} % ({})",
            self.cut,
            self.effect.words()
        ));
        parts.push(match self.interim_looks {
            0 => "one look".to_owned(),
            1 => "one interim look and the final".to_owned(),
            looks => format!("{} interim looks and the final", small_number(looks)),
        });
        parts.push(self.alpha.words());
        parts.extend(self.hypothesis.margin().map(|_| self.hypothesis.to_string()));
        parts.extend(self.centres.map(|number| match number {
            1 => "1 centre".to_owned(),
            _ => format!("{number} centres"),
        }));
        parts.push(format!("{} patients a month", trimmed(self.patients_per_month, 1)));
        if self.after_procedure {
            parts.push("outcomes after a simulated procedure".to_owned());
        }
        if self.non_adherence {
            parts.push("with non-adherence".to_owned());
        }
        if self.drift_per_year != 0.0 {
            parts.push("outcomes that change over time".to_owned());
        }
        let benefit = self.prior_benefit.map(|p| format!("prior P(benefit) {}", chance(p)));
        parts.extend(benefit);
        format!("{}.", parts.join(", "))
    }

    fn ratio_in_words(&self) -> String {
        match (self.ratio.control, self.ratio.experimental) {
            (1, 1) => "1:1".to_owned(),
            (control, experimental) => format!("{control}:{experimental} control to experimental"),
        }
    }

    /// States the outcomes that the final look is planned with, and dropout.
    fn outcomes_in_words(&self) -> String {
        let [planned, expected] = [self.planned_outcomes, self.expected_outcomes];
        let dropout = match self.dropout.map(|share| trimmed(100.0 * share, 2)) {
            _ if self.dropout == [0.0; 2] => "no dropout".to_owned(),
            [control, experimental] if control == experimental => format!("{control} % dropout"),
            [control, experimental] => format!("{control} % v {experimental} % dropout"),
        };
        if self.dropout == [0.0; 2] && planned == expected {
            dropout
        } else if planned == expected {
            format!("{} outcomes after {dropout}", grouped(u64::from(expected)))
        } else {
            format!(
                "{} outcomes planned, {} expected after {dropout}",
                grouped(u64::from(planned)),
                grouped(u64::from(expected))
            )
        }
    }
}

impl AssumedEffect {
    /// States the effect as an odds ratio of a better mRS.
    pub fn words(self) -> String {
        match self {
            Self::None => "no effect".to_owned(),
            Self::Proportional { odds_ratio } => format!("common odds ratio {odds_ratio:.2}"),
            Self::NotProportional { fitted, least, largest } => {
                // Without proportional odds no single ratio is the effect; the fitted one is what a
                // proportional odds analysis would estimate.
                let fitted = fitted
                    .map_or(String::new(), |fitted| format!("common odds ratio {fitted:.2}, "));
                format!("{fitted}not proportional: {least:.2} to {largest:.2} by cut")
            }
            Self::Separated => "no finite odds ratio".to_owned(),
        }
    }
}

impl StatedAlpha {
    /// States the level and its sides.
    pub fn words(self) -> String {
        match self {
            Self::OneSided(alpha) => format!("one-sided alpha {}", level(alpha)),
            Self::TwoSided(alpha) => format!("two-sided alpha {}", level(alpha)),
            Self::Boundaries => "stated boundaries of Z".to_owned(),
            Self::None => "Bayesian decisions".to_owned(),
        }
    }
}

/// Writes an error rate as people state it: without zeros at the end, however small it is.
fn level(alpha: f64) -> String {
    // Six decimals would show a level below 0.000001 as 0.
    if alpha < 1e-6 { format!("{alpha:e}") } else { trimmed(alpha, 6) }
}

/// Writes a number up to ten as a word.
fn small_number(number: usize) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(number).map_or_else(|| number.to_string(), |&word| word.to_owned())
}

/// Writes the smallest and largest of several shares as percentages.
fn range(shares: impl Iterator<Item = McEstimate>) -> String {
    // An analysis without any result has NaN, which sorts above every share and would be the largest.
    let shares: Vec<McEstimate> = shares.filter(|share| share.value.is_finite()).collect();
    let ends = [
        shares.iter().min_by(|a, b| a.value.total_cmp(&b.value)),
        shares.iter().max_by(|a, b| a.value.total_cmp(&b.value)),
    ];
    match ends {
        [Some(least), Some(largest)] => format!("{} to {} %", percent(*least), percent(*largest)),
        [None, _] | [_, None] => NONE.to_owned(),
    }
}

/// Writes a mean number of patients, rounded to whole ones.
fn whole(mean: McEstimate) -> String {
    if mean.value.is_finite() { grouped(mean.value.round() as u64) } else { NONE.to_owned() }
}

/// Writes a mean number of months.
fn month(mean: McEstimate) -> String {
    // Centres may be so slow that the mean does not exist.
    if mean.value.is_finite() { fixed(mean.value, 1) } else { NONE.to_owned() }
}

/// Writes a probability that may round to 0 or 1 without being so.
fn chance(p: f64) -> String {
    match p {
        p if p > 0.999 && p < 1.0 => ">0.999".to_owned(),
        p if p < 0.001 && p > 0.0 => "<0.001".to_owned(),
        p => trimmed(p, 3),
    }
}
