//! `rescuesim monitor`: an interim analysis as tables and JSON.

mod bounds;
mod changed;
mod effects;
mod figures;
mod population;
mod safety;
mod size;
mod tables;
mod words;

pub use changed::ChangedLookReport;
pub use population::PopulationLookReport;
pub use size::SizeAtLook;

use serde::Serialize;

use super::document::Document;
use crate::bayes::LookProbabilities;
use crate::design::monitor::Evidence;
use crate::explore::monitor::{
    Effects, EvaluatedLook, LookConclusion, LookResult, PathPoint, SafetyCheck,
};
use crate::outcome::LEVELS;
use crate::scenario::file::Arms;
use crate::scenario::{Analysis, Hypothesis, Scenario};
use bounds::{BoundsOfLook, bounds};
use size::SizeData;

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
    /// Whether the analysis decides about the trial, and no rule with others.
    decides_alone: bool,
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
        let EvaluatedLook { trial, result, randomised, counts, successes, path, warnings } = look;
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
            decides_alone: scenario.success.is_none(),
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
                successes,
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

    /// Position of the reported look in the table of looks.
    fn row(&self) -> usize {
        // The analysis with the overrun is the last.
        if self.after_overrun { self.looks.len() - 1 } else { self.look - 1 }
    }
}

/// Describes the method of an analysis of the scenario.
fn describe(scenario: &Scenario, analysis: &Analysis) -> String {
    let file = scenario.file();
    // The resolved analysis no longer has the words of the file; both lists have one order.
    let mut written = file.analyses_primary_first().into_iter().zip(&scenario.analyses);
    let found = written.find(|(_, resolved)| resolved.name == analysis.name);
    found.expect("the analysis is one of the scenario").0.describe()
}

/// Describes each boundary that the design has, and names those that it does not have.
fn rules(scenario: &Scenario, safety: &[SafetyCheck]) -> Vec<String> {
    let design = &scenario.design;
    let mut rules = scenario.decisions_in_words();
    rules.extend(scenario.look_timing_in_words());
    rules.extend(scenario.size_adaptation_in_words());
    rules.extend(scenario.success_in_words());
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
