//! Output of `rescuesim run`: assumptions and verdict, and all results on request.

use super::Summary;
use super::description::described;
use super::document::Document;
use super::numeral::grouped;
use super::procedure::Show;
use super::synopsis::{Synopsis, remarks};
use super::{
    adaptation, centres, configurations, disregarded, looks, population, procedure, safety,
    success, table,
};
use crate::scenario::Scenario;
use crate::summary::AnalysisSummary;

/// Lays out assumptions, verdict and warnings of a run.
pub fn verdict(summary: &Summary, scenario: &Scenario) -> Document {
    let provenance = &summary.provenance;
    // Twelve of 64 digits are enough to notice another scenario by eye; the JSON has all.
    let digest = &provenance.scenario_digest[..12];
    let version = provenance.version;
    opening(summary, scenario)
        .and(success::verdict(scenario, &summary.truths))
        .and(adaptation::verdict(scenario, &summary.truths))
        .and(population::verdict(scenario, &summary.truths))
        .text(format!("{}; rescuesim {version}, scenario {digest}.", simulated(summary)))
        // Verbatim: a wrapped command could not be copied to a shell.
        .verbatim(format!("Recreate: {}", provenance.command))
        .text("More: --full prints all results, `rescuesim report` writes them as a page.")
}

/// Lays out all results of a run, assumptions and verdict first.
pub fn document(summary: &Summary, scenario: &Scenario) -> Document {
    let provenance = &summary.provenance;
    let written = &provenance.scenario;
    let [alternative, null, ..] = &summary.truths[..] else {
        unreachable!("every run simulates the alternative and the null")
    };
    let mut out = opening(summary, scenario).gap();
    if let Some(question) = &written.question {
        out = out.text(format!("Remark of the scenario: {question}"));
    }
    out = out.text(format!("{}.", simulated(summary)));
    for text in centres::described(written) {
        out = out.text(&text);
    }
    out = out.heading("Power and type I error");
    out += table::rejection(alternative, null, written.analyses[written.primary()].has_margin());
    out += table::by_formula(alternative, written);
    out += table::reduced(alternative, null);
    out += table::within_stratum(written, alternative);
    out += super::modification::simulated(scenario, &summary.truths);
    out += disregarded::document(alternative, null, written.design.decisions);
    out += safety::price(alternative, null);
    out += table::over_prior(summary);
    out += configurations::simulated(&summary.truths);
    out += success::document(scenario, &summary.truths);
    out += adaptation::document(scenario, &summary.truths);
    out += population::document(scenario, &summary.truths);
    out = out.heading("Looks").text(scenario.decisions_in_words().join(" "));
    if let Some(timing) = scenario.look_timing_in_words() {
        out = out.text(timing);
    }
    out += looks::document(&alternative.analyses[0]);
    let analyses =
        alternative.analyses.iter().zip(&null.analyses).zip(written.analyses_primary_first());
    for ((effect, none), analysis) in analyses {
        out = out.heading(format!("Monitored by \"{}\": {}", effect.name, analysis.describe()));
        out += of_analysis(effect, none);
    }
    if has_interim_looks(&alternative.analyses[0]) {
        out = out.gap().text(REVERSAL).text(ESTIMATES);
        let adjusted = table::adjusted_in_words(&alternative.analyses[0]);
        out = out.text(format!("Adjusted: {adjusted}."));
    }
    if let Some(summary) = &summary.procedure {
        out = out.heading("The procedure, in all patients of trials that run to their end");
        out += procedure::document(summary, written, Show::Simulated);
    }
    out += safety::events(alternative, null);
    out += described(&summary.truths);
    out = out.heading("Treatment balance after the last patient");
    out += table::balance(&alternative.balance);
    out.gap().verbatim(format!(
        "rescuesim {}, scenario {}\nRecreate: {}",
        provenance.version,
        &provenance.scenario_digest[..12],
        provenance.command
    ))
}

/// Definition of a reversal.
const REVERSAL: &str = "Reversal: the trial stopped early, and the conclusion changes once the outcomes of \
    the overrunning patients are included. Overrun: patients randomised but still in follow-up when the \
    decision is made.";

/// Definitions of the estimates that are not adjusted.
const ESTIMATES: &str = "Estimates: ordinary ones and their 95 % intervals are not adjusted for interim \
    looks; \"early\" are those of trials that stopped at an interim look; \"followed\" is the ordinary \
    estimate once the overrunning patients have been followed to their end.";

/// Lays out title, assumptions, verdict and warnings.
fn opening(summary: &Summary, scenario: &Scenario) -> Document {
    // Named in full, so that a new part of a summary is not forgotten here.
    let Summary { truths, prior, provenance: _, procedure: _ } = summary;
    Synopsis::new(scenario, truths, prior.as_ref()).document() + remarks(scenario)
}

/// States how much was simulated.
fn simulated(summary: &Summary) -> String {
    let provenance = &summary.provenance;
    let null = provenance.scenario.analyses[0].null_in_words();
    let truths = match summary.prior {
        Some(_) => format!(
            "under H1 (assumed effect), as many under H0 ({null}) and with effects drawn from the prior"
        ),
        None => format!("under H1 (assumed effect) and as many under H0 ({null})"),
    };
    let (replicates, seed) = (grouped(provenance.replicates), provenance.seed);
    let reached = table::precision(provenance.precision.as_ref(), "");
    format!(
        "{replicates} simulated trials {truths}, seed {seed}{reached}; ± Monte Carlo standard error"
    )
}

/// Lays out stopping, size and estimates of the trials that one analysis monitors.
fn of_analysis(effect: &AnalysisSummary, none: &AnalysisSummary) -> Document {
    let mut out = Document::new();
    // With one look the probabilities are power and type I error, which the first table has.
    if has_interim_looks(effect) || effect.looks.iter().any(|look| look.z_harm.is_some()) {
        out += table::stops(effect, none);
        out = out.gap();
    }
    out += table::sizes(effect, none);
    out.gap() + table::estimates(effect, none)
}

fn has_interim_looks(analysis: &AnalysisSummary) -> bool {
    analysis.looks.len() > 1
}
