//! `rescuesim trace`: one simulated trial as text, as JSON, and its patients as rows.

mod looks;
mod patients;
mod population;
mod rows;

pub use patients::Shown;
pub use rows::patients_csv;
pub(in crate::report) use rows::patients_table;

use serde::Serialize;

use super::Provenance;
use super::document::Document;
use super::numeral::fixed;
use crate::scenario::Truth;
use crate::trial::Conclusion;
use crate::trial::trace::{PlannedLook, Trace};

/// A traced trial with its provenance.
#[derive(Debug, Clone, Serialize)]
pub struct ExampleTrial {
    /// Provenance; its command traces this replicate, also if a search has found it.
    pub provenance: Provenance,
    /// The trial.
    pub trace: Trace,
}

impl ExampleTrial {
    /// Renders the trial as JSON, ending in a newline. Numbers that do not exist are null.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a trial is plain data") + "\n"
    }

    /// Renders the trial as short paragraphs and tables, with some or all of the patients.
    pub fn document(&self, shown: Shown) -> Document {
        let Self { provenance, trace } = self;
        Document::new()
            .title(&provenance.scenario.title)
            .gap()
            .text(self.introduction())
            .text(plan(&trace.plan, provenance.scenario.sample_size.randomised))
            .text(ending(trace))
            .and(by_rule(trace))
            .and(by_size(trace))
            .and(population::story(trace))
            .heading("Looks")
            .and(looks::overview(trace))
            .and(looks::one_by_one(trace))
            .and(looks::overrun(trace))
            .and(looks::estimates(trace))
            .and(patients::tables(trace, shown))
            .gap()
            .verbatim(format!(
                "rescuesim {}, scenario {}\nRecreate: {}",
                provenance.version,
                // Twelve digits distinguish scenarios; all 64 would fill the line.
                &provenance.scenario_digest[..12],
                provenance.command
            ))
    }

    /// Describes the course of the trial without its title, its patients and its provenance, which a report
    /// has elsewhere.
    pub(super) fn story(&self) -> Document {
        let trace = &self.trace;
        Document::new()
            .text(self.introduction())
            .text(plan(&trace.plan, self.provenance.scenario.sample_size.randomised))
            .text(ending(trace))
            .and(by_rule(trace))
            .and(by_size(trace))
            .and(population::story(trace))
            .and(looks::overview(trace))
            .and(looks::one_by_one(trace))
            .and(looks::overrun(trace))
            .and(looks::estimates(trace))
    }

    fn introduction(&self) -> String {
        let Self { provenance, trace } = self;
        let arms = &provenance.scenario.arms;
        format!(
            "{}, monitored by \"{}\": {}. Control: {}. Experimental: {}.",
            self.which(),
            trace.analysis,
            trace.method,
            arms.control,
            arms.experimental
        )
    }

    fn which(&self) -> String {
        let Self { provenance, trace } = self;
        // Every trial under the prior has a drawn effect.
        let truth = match (trace.truth, trace.log_odds_ratio) {
            (Truth::Alternative, _) => "under H1 (assumed effect)".to_owned(),
            (Truth::Null, _) if provenance.scenario.analyses[0].has_margin() => {
                "under H0 (effect at the margin)".to_owned()
            }
            (Truth::Null, _) => "under H0 (no effect)".to_owned(),
            (Truth::Configuration { .. }, _) => format!("under \"{}\"", trace.truth_name),
            (Truth::Prior, drawn) => format!(
                "with an odds ratio of {:.3} drawn from the prior",
                libm::exp(drawn.unwrap_or(f64::NAN))
            ),
        };
        format!("Trial {} of seed {}, {truth}", trace.replicate, provenance.seed)
    }

    /// Returns the caption of a figure: the trial and its conclusion.
    pub(super) fn caption(&self) -> String {
        let end = &self.trace.end;
        let reversed = if end.reversed { ", reversed by the overrun" } else { "" };
        // One decimal is enough under a figure; the table has more.
        let month = decimals(end.duration_months, 1);
        format!("{}: {} in month {month}{reversed}", self.which(), concluded(&self.trace))
    }

    /// Returns the provenance in a line.
    pub(super) fn source(&self) -> String {
        let Provenance { version, scenario_digest, command, .. } = &self.provenance;
        format!("rescuesim {version}, scenario {}: {command}", &scenario_digest[..12])
    }
}

fn plan(looks: &[PlannedLook], randomised: u32) -> String {
    let outcomes: Vec<String> = looks.iter().map(|look| look.analysed.to_string()).collect();
    // "looks at 116, 232 and 348", without a comma before the last.
    match &outcomes[..] {
        [only] => format!("Planned: {randomised} patients, one look at {only} outcomes."),
        [first @ .., last] => format!(
            "Planned: {randomised} patients, looks at {} and {last} outcomes.",
            first.join(", ")
        ),
        [] => unreachable!("a plan has a final look"),
    }
}

/// Describes the end of the trial in one sentence.
fn ending(trace: &Trace) -> String {
    let end = &trace.end;
    let reversed =
        if end.reversed { ", and the outcomes of the overrun reverse the conclusion" } else { "" };
    format!(
        "The trial ended with {} in month {:.2}, {} patients randomised and {} analysed{reversed}.",
        concluded(trace),
        end.duration_months,
        end.n_randomised,
        end.n_analysed
    )
}

/// Describes how the analyses decide together; empty without a rule.
fn by_rule(trace: &Trace) -> Document {
    let Some(rule) = &trace.success else { return Document::new() };
    let rejections: Vec<String> = rule
        .rejections
        .iter()
        .map(|rejection| format!("{} rejects at look {}", rejection.analysis, rejection.look))
        .collect();
    let rejections = if rejections.is_empty() {
        "no analysis rejects".to_owned()
    } else {
        rejections.join(", ")
    };
    let switch = match rule.proportional_odds_rejected {
        Some(true) => "; proportional odds are rejected",
        Some(false) => "; proportional odds are not rejected",
        None => "",
    };
    Document::new().text(format!(
        "By the rule for several analyses it ends with {} at look {}, {} patients randomised: {rejections}{switch}.",
        conclusion_word(rule.conclusion),
        rule.look,
        rule.n_randomised
    ))
}

/// Describes the re-estimation of the number of patients; empty without one.
fn by_size(trace: &Trace) -> Document {
    let Some(size) = &trace.size else { return Document::new() };
    let observed = match size.zone {
        Some(zone) => {
            format!(
                "the conditional power at the planned size was {} ({zone})",
                decimals(size.observed, 4)
            )
        }
        None => {
            let what = size.measure.trim_start_matches("pooled_");
            format!("both arms together had a {what} of {}", decimals(size.observed, 4))
        }
    };
    let (planned, decided) = (size.planned, size.decided);
    let then = match decided {
        None => "the trial stopped".to_owned(),
        Some(decided) if decided == planned => format!("the size stayed at {planned}"),
        Some(decided) => format!("the size was changed from {planned} to {decided} patients"),
    };
    let mut text = format!("At look {} {observed}, and {then}.", size.look);
    if size.paused_days > 0.0 {
        text += &format!(
            " Recruitment had paused for {} days until the decision.",
            decimals(size.paused_days, 1)
        );
    }
    if let (Some(weighted), Some(conventional)) = (size.weighted_z, size.conventional_z) {
        text += &format!(
            " At the final look the weighted Z was {}, that of all patients together {}.",
            decimals(weighted, 4),
            decimals(conventional, 4)
        );
    }
    Document::new().text(text)
}

/// Names the conclusion and its look.
fn concluded(trace: &Trace) -> String {
    let what = conclusion_word(trace.end.conclusion);
    let last = if trace.is_full_run() { ", the final one," } else { "" };
    format!("{what} at look {}{last}", trace.end.look)
}

/// Names a conclusion in a word or two.
pub(super) fn conclusion_word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Efficacy => "efficacy",
        Conclusion::Futility => "futility",
        Conclusion::Harm => "harm",
        Conclusion::Safety => "a stop for safety",
        Conclusion::NotSignificant => "no significant result",
    }
}

/// Writes a number with this many decimals, never as −0; a dash if it is not finite.
fn decimals(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    fixed(value, digits)
}
