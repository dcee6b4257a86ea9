//! `rescuesim monitor`: an interim analysis as tables and JSON.

mod effects;
mod safety;
mod size;
mod words;

pub use size::SizeAtLook;

use serde::Serialize;

use super::csv;
use super::document::Document;
use super::figure::{self, EventLook, InterimLook};
use super::gallery::Figure;
use super::numeral::{NONE, fixed, probability};
use crate::bayes::LookProbabilities;
use crate::design::monitor::{Evidence, RunningTrial};
use crate::explore::monitor::{
    Effects, EvaluatedLook, LookConclusion, LookResult, PathPoint, SafetyCheck,
};
use crate::num::normal::{two_sided, upper_tail};
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::file::Arms;
use crate::scenario::{Analysis, Hypothesis, Scenario};
use size::SizeData;

/// The boundaries of a look for the observed or planned information.
#[derive(Debug, Clone, Serialize)]
struct BoundsOfLook {
    look: usize,
    analysed: u32,
    information_fraction: f64,
    z_efficacy: Option<f64>,
    /// Nominal p values at the boundary for efficacy; null if it is not tested, as its Z.
    p_efficacy: Option<BoundaryP>,
    z_futility: Option<f64>,
    z_harm: Option<f64>,
    alpha_spent: f64,
}

/// Nominal p values of Z at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct BoundaryP {
    one_sided: f64,
    two_sided: f64,
}

/// Origin of a look.
#[derive(Debug, Clone)]
pub struct LookContext<'s> {
    /// Scenario whose design the trial follows.
    pub scenario: &'s Scenario,
    /// Analysis that monitors.
    pub analysis: &'s Analysis,
    /// Command that reproduces the report.
    pub command: String,
    /// Date of the data cut-off, if given.
    pub date: Option<String>,
}

/// The report on a look.
#[derive(Debug, Clone, Serialize)]
pub struct MonitoringReport {
    pub(super) version: &'static str,
    pub(super) command: String,
    pub(super) scenario_digest: String,
    pub(super) title: String,
    pub(super) registration: Option<String>,
    pub(super) arms: Arms,
    pub(super) analysis: String,
    /// Method of the analysis, in words.
    pub(super) method: String,
    /// What the analysis has to show, which its method names too.
    #[serde(skip)]
    hypothesis: Hypothesis,
    /// Date of the data cut-off; null if not given.
    pub(super) date: Option<String>,
    look: usize,
    planned_looks: usize,
    is_final: bool,
    after_overrun: bool,
    /// Rules of the boundaries, a sentence each.
    pub(super) rules: Vec<String>,
    binding_futility: bool,
    looks: Vec<BoundsOfLook>,
    /// Patients randomised by the data cut-off, control first; null if not given.
    pub(super) randomised: Option<[u32; 2]>,
    /// Outcomes by arm and mRS; null if not given.
    counts: Option<[[u32; LEVELS]; 2]>,
    z: Option<f64>,
    /// Z at the looks up to this one that are known.
    path: Vec<PathPoint>,
    decision: LookConclusion,
    /// Conclusion from the outcomes alone.
    without_safety: LookConclusion,
    /// Boundaries that are crossed and the recommendation of the design, in a sentence.
    pub summary: String,
    safety: Vec<SafetyCheck>,
    /// Posterior and predictive probabilities; left out without Bayesian decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    posterior: Option<LookProbabilities>,
    /// What is implausible about the data, a sentence each.
    pub(super) warnings: Vec<String>,
    effects: Effects,
    /// The number of patients that follows, if the look re-estimates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<SizeAtLook>,
    #[serde(flatten)]
    evidence: Evidence,
}

impl MonitoringReport {
    /// Builds the report.
    pub fn new(context: LookContext<'_>, look: EvaluatedLook) -> Self {
        let LookContext { scenario, analysis, command, date } = context;
        let EvaluatedLook { trial, result, randomised, counts, path, warnings } = look;
        let LookResult { without_safety, decision, evidence: found } = result;
        let plan = scenario.design.plan();
        let mut report = Self {
            version: env!("CARGO_PKG_VERSION"),
            command,
            scenario_digest: scenario.digest(),
            title: scenario.file().title.clone(),
            registration: scenario.file().registration.clone(),
            arms: scenario.file().arms.clone(),
            analysis: analysis.name.clone(),
            method: describe(scenario, analysis),
            hypothesis: analysis.hypothesis,
            date,
            // The analysis with the overrun is one more of the running trial but no further look.
            look: found.stopped_at.unwrap_or(trial.look() + 1),
            planned_looks: plan.looks_analysed.len(),
            is_final: trial.is_final(),
            after_overrun: found.stopped_at.is_some(),
            rules: rules(scenario, &found.safety),
            binding_futility: plan.rules.binding_futility,
            looks: bounds(&trial),
            randomised,
            counts,
            z: found.z,
            path,
            decision,
            without_safety,
            summary: String::new(),
            safety: found.safety,
            posterior: found.posterior.map(|posterior| posterior.probabilities),
            warnings,
            effects: found.effects,
            size: None,
            evidence: found.evidence,
        };
        if !report.after_overrun {
            let data = SizeData {
                z: report.z,
                counts: report.counts,
                randomised: report.randomised,
                looks: &report.looks,
                decision: report.decision,
            };
            report.size = SizeAtLook::new(scenario, report.look, data);
        }
        // Last, as the summary is built from all other fields.
        report.summary = report.summarise();
        report
    }

    /// States the treatment effect that holds if the trial stops at this look; `None` if it is unknown.
    pub fn effect_in_words(&self) -> Option<String> {
        self.effects.in_words()
    }

    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a look is plain data") + "\n"
    }

    /// Renders the report as tables.
    pub fn document(&self) -> Document {
        let mut out = Document::new().title(format!("{}, \"{}\"", self.title, self.analysis));
        if let Some(date) = &self.date {
            out = out.text(format!("Data cut-off {date}."));
        }
        out = out.text(&self.summary);
        for sentence in self.remarks() {
            out = out.text(sentence);
        }
        for warning in &self.warnings {
            out = out.text(format!("Warning: {warning}."));
        }
        out = out.heading("Rules of the design").text(self.rules.join(" "));
        if let Some(patients) = self.patients() {
            out = out.heading("Patients").and(patients);
        }
        out = out
            .heading("Boundaries: observed information so far, planned information from here")
            .and(self.bounds());
        if let Some(safety) = self.safety() {
            out = out.heading("Adverse events").and(safety);
        }
        if let Some(size) = &self.size {
            out = out.heading("Re-estimation of the size").text(size.in_words());
        }
        out = out.heading("Evidence").and(self.evidence());
        out = out.heading(self.effect_heading()).and(self.effects());
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }

    pub(super) fn effect_heading(&self) -> String {
        format!("Treatment effect with {} % confidence intervals", self.effects.percent())
    }

    /// Tabulates estimate and intervals.
    pub(super) fn effects(&self) -> Document {
        self.effects.document()
    }

    /// Tabulates the adverse events; `None` if the scenario follows none.
    pub(super) fn safety(&self) -> Option<Document> {
        Some(safety::table(&self.safety)).filter(|table| !table.is_empty())
    }

    /// Draws the boundaries and the path of Z.
    pub(super) fn figure(&self) -> Figure {
        let row = self.row();
        let looks: Vec<InterimLook> = self
            .looks
            .iter()
            .enumerate()
            .map(|(k, look)| InterimLook {
                analysed: look.analysed,
                is_past: k <= row,
                bounds: [look.z_efficacy, look.z_futility, look.z_harm],
                // By number, as the path lacks looks whose Z was not given.
                z: self.path.iter().find(|point| point.look == look.look).map(|point| point.z),
            })
            .collect();
        let rows = looks.iter().zip(&self.looks).map(|(drawn, look)| {
            let mut row = vec![look.look.to_string(), look.analysed.to_string()];
            let numbers = drawn.bounds.into_iter().chain([drawn.z]);
            row.extend(numbers.map(|z| z.map_or(String::new(), |z| z.to_string())));
            row
        });
        let header = ["look", "analysed", "z_efficacy", "z_futility", "z_harm", "z"];
        // Later looks are without a circle anyway.
        let unknown = if looks[..=row].iter().any(|look| look.z.is_none()) {
            " Z of looks without a circle was not given or does not exist."
        } else {
            ""
        };
        Figure {
            name: "interim".to_owned(),
            title: "Z by look, with the boundaries".to_owned(),
            caption: format!(
                "Boundaries up to this look are those of the observed information, pale ones those of \
                 the planned information.{unknown}"
            ),
            svg: figure::interim(&looks),
            data: csv::CsvTable::new(&header, rows),
        }
    }

    /// Draws Z of the adverse events against their boundaries; `None` if no event has one at this look.
    pub(super) fn event_figure(&self) -> Option<Figure> {
        let looks: Vec<EventLook> = self.safety.iter().map(SafetyCheck::look).collect();
        if looks.iter().all(|look| look.z.is_none() && look.bound.is_none()) {
            return None;
        }
        let rows = looks.iter().map(|look| {
            let numbers = [look.z, look.bound].map(|z| z.map_or(String::new(), |z| z.to_string()));
            [vec![look.name.clone()], numbers.to_vec()].concat()
        });
        Some(Figure {
            name: "events".to_owned(),
            title: "Adverse events: Z with the boundaries".to_owned(),
            caption: "Shaded: the trial stops for an excess in the experimental arm. Events without a bar \
                      have no boundary at this look, those without a circle no Z."
                .to_owned(),
            svg: figure::events(&looks),
            data: csv::CsvTable::new(&["event", "z", "z_bound"], rows),
        })
    }

    /// Position of the reported look in the table of looks.
    fn row(&self) -> usize {
        // The analysis with the overrun is the last.
        if self.after_overrun { self.looks.len() - 1 } else { self.look - 1 }
    }

    pub(super) fn bounds(&self) -> Document {
        let has_harm = self.looks.iter().any(|look| look.z_harm.is_some());
        let rows = self.looks.iter().enumerate().map(|(row, look)| {
            let z = |z: Option<f64>| z.map_or(NONE.to_owned(), |z| fixed(z, 4));
            let p = look.p_efficacy.map(|p| [p.one_sided, p.two_sided].map(|p| probability(p, 6)));
            let mut cells = vec![
                self.name_of(row),
                look.analysed.to_string(),
                format!("{:.4}", look.information_fraction),
                z(look.z_efficacy),
            ];
            cells.extend(p.unwrap_or_else(|| [NONE, NONE].map(str::to_owned)));
            cells.push(z(look.z_futility));
            cells.extend(has_harm.then(|| z(look.z_harm)));
            cells.push(probability(look.alpha_spent, 6));
            cells
        });
        let mut header = vec![
            "look",
            "analysed",
            "infor-\nmation",
            "efficacy\nZ ≥",
            "p ≤,\none-sided",
            "p ≤,\ntwo-sided",
            "futility\nZ ≤",
        ];
        header.extend(has_harm.then_some("harm\nZ ≤"));
        header.push("alpha\nspent");
        Document::of_table(&header, rows.collect())
    }

    /// Names the look of a row, with a mark at the one that is reported.
    fn name_of(&self, row: usize) -> String {
        let look = self.looks[row].look;
        match (row == self.row(), self.after_overrun) {
            (true, true) => "end <".to_owned(),
            (true, false) => format!("{look} <"),
            (false, _) => look.to_string(),
        }
    }

    /// Tabulates the patients randomised and the outcomes by arm; `None` without their numbers.
    pub(super) fn patients(&self) -> Option<Document> {
        if self.randomised.is_none() && self.counts.is_none() {
            return None;
        }
        let mut header = vec!["arm"];
        header.extend(self.randomised.map(|_| "randomised"));
        if self.counts.is_some() {
            header.extend(["mRS 0", "1", "2", "3", "4", "5", "6", "all", "0–2, %"]);
        }
        let arms = ["control", "experimental"].into_iter().enumerate();
        let rows = arms.map(|(arm, name)| {
            let mut row = vec![name.to_owned()];
            row.extend(self.randomised.map(|randomised| randomised[arm].to_string()));
            row.extend(self.counts.iter().flat_map(|counts| outcome_cells(&counts[arm])));
            row
        });
        Some(Document::of_table(&header, rows.collect()))
    }

    pub(super) fn evidence(&self) -> Document {
        let Evidence {
            p_one_sided,
            p_two_sided,
            conditional_rejection,
            conditional_power,
            conditional_power_trend,
            predictive_power,
            predictive_power_prior,
            predicted_final_z,
            repeated_p,
            stagewise_p,
            ..
        } = self.evidence;
        // The search ends at 0.5, beyond which no design tests.
        let repeated = if repeated_p >= 0.5 { "≥ 0.5".to_owned() } else { p_value(repeated_p) };
        let mut rows = vec![
            vec!["nominal p value, one-sided".to_owned(), p_value(p_one_sided)],
            vec!["nominal p value, two-sided".to_owned(), p_value(p_two_sided)],
            vec!["repeated p value, one-sided".to_owned(), repeated],
            vec!["stage-wise p value, if the trial stops now".to_owned(), p_value(stagewise_p)],
        ];
        let ahead = [
            ("conditional power, planned effect", conditional_power),
            ("conditional power, current trend", conditional_power_trend),
            (
                if self.hypothesis.has_margin() {
                    "conditional rejection probability at the margin"
                } else {
                    "conditional rejection probability, no effect"
                },
                conditional_rejection,
            ),
            ("predictive power, flat prior", predictive_power),
            ("predictive power, given prior", predictive_power_prior),
        ];
        // At the final look nothing lies ahead.
        rows.extend(
            ahead
                .into_iter()
                .filter_map(|(name, chance)| Some(vec![name.to_owned(), probability(chance?, 4)])),
        );
        // A prediction is an interval and fits in no column of single values.
        let table = Document::of_table(&["", "value"], rows);
        match predicted_final_z {
            Some((low, high)) => table.text(format!(
                "Z of the final look, predicted with a flat prior: {} to {}",
                fixed(low, 4),
                fixed(high, 4)
            )),
            None => table,
        }
    }
}

/// Formats a p value to four decimals, or as below the smallest of these.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { fixed(p, 4) }
}

/// Writes the patients by mRS, all of them, and the share that is functionally independent.
fn outcome_cells(counts: &[u32; LEVELS]) -> Vec<String> {
    let all: u32 = counts.iter().sum();
    let independent: u32 = counts[..=Mrs::INDEPENDENT.index()].iter().sum();
    // An arm without outcomes has 0.0 %, not NaN.
    let share = 100.0 * f64::from(independent) / f64::from(all.max(1));
    let counts = counts.iter().map(u32::to_string);
    counts.chain([all.to_string(), fixed(share, 1)]).collect()
}

/// Describes the method of an analysis of the scenario.
fn describe(scenario: &Scenario, analysis: &Analysis) -> String {
    let file = scenario.file();
    // The resolved analysis no longer has the words of the file; both lists have one order.
    let written = file.analyses.iter().zip(&scenario.analyses);
    let found = written.into_iter().find(|(_, resolved)| resolved.name == analysis.name);
    found.expect("the analysis is one of the scenario").0.describe()
}

/// Describes each boundary that the design has, and names those that it does not have.
fn rules(scenario: &Scenario, safety: &[SafetyCheck]) -> Vec<String> {
    let design = &scenario.design;
    let mut rules = scenario.decisions_in_words();
    rules.extend(scenario.look_timing_in_words());
    rules.extend(scenario.size_adaptation_in_words());
    rules.extend(safety.iter().filter_map(SafetyCheck::rule));
    let looks = design.looks();
    let absent: Vec<&str> = [
        ("futility", looks.iter().any(|look| look.futility.is_finite())),
        ("harm", looks.iter().any(|look| look.harm.is_finite())),
        ("safety", scenario.stops_for_safety()),
    ]
    .into_iter()
    .filter(|(_, exists)| !exists)
    .map(|(name, _)| name)
    .collect();
    // A board would otherwise have to infer from silence that nothing stops the trial for safety.
    if !absent.is_empty() {
        rules.push(format!("No boundary for {}.", listed(&absent)));
    }
    rules
}

/// Writes names as a list with "or" before the last.
fn listed(names: &[&str]) -> String {
    match names {
        [several @ .., last] if !several.is_empty() => format!("{} or {last}", several.join(", ")),
        few => few.concat(),
    }
}

fn bounds(monitored: &RunningTrial) -> Vec<BoundsOfLook> {
    let boundaries = monitored.boundaries();
    let numbers = monitored.numbers().enumerate();
    numbers
        .map(|(k, look)| BoundsOfLook {
            look,
            analysed: monitored.analysed()[k],
            information_fraction: boundaries.information_fractions[k],
            z_efficacy: finite(boundaries.efficacy[k]),
            p_efficacy: finite(boundaries.efficacy[k])
                .map(|z| BoundaryP { one_sided: upper_tail(z), two_sided: two_sided(z) }),
            z_futility: finite(boundaries.futility[k]),
            z_harm: finite(boundaries.harm[k]),
            alpha_spent: boundaries.alpha_spent[k],
        })
        .collect()
}

/// Returns a boundary; `None` if it is infinite, which means that it is not tested.
fn finite(z: f64) -> Option<f64> {
    z.is_finite().then_some(z)
}
