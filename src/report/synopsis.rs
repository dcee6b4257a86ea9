//! The synopsis of a run: the assumptions in one sentence and the verdict in a few lines, which open
//! every output.

mod assumptions;
mod course;

pub use course::{CourseOfTrials, EarlyStops, StopReason};

use super::document::Document;
use super::numeral::{NONE, fixed, grouped, percent, percent_with_error, trimmed};
use crate::expected::{self, Assumptions, Expected, NoSize};
use crate::scenario::Scenario;
use crate::summary::{McEstimate, PriorSummary, TruthSummary};

/// Powers for which a synopsis gives the number of patients.
pub const POWERS: [f64; 2] = [0.8, 0.9];

/// Lines of title, sentence and verdict on a terminal of default width.
const LINES: usize = 10;

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
                // Stated boundaries of Z are not derived from a level.
                None if scenario.has_boundaries_of_its_own() => None,
                None => Some(scenario.alpha_one_sided()),
            },
            analyses: verdicts
                .map(|(i, (effect, none))| AnalysisVerdict {
                    name: effect.name.clone(),
                    method: scenario.file().analyses_primary_first()[i].describe(),
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
