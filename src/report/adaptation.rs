//! Re-estimation of the number of patients: the rule in words, its decisions and its results.

use super::document::{Columns, Document};
use super::numeral::{NONE, fixed, grouped, number, with_error};
use super::table::under;
use crate::expected::{Expected, SizeDecisionRow};
use crate::scenario::{Scenario, SizeRule};
use crate::summary::{McEstimate, ReestimationSummary, TruthSummary};

/// States the rule with what it does under the first truths; empty without a re-estimation.
pub(super) fn verdict(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let [alternative, null, ..] = truths else { return Document::new() };
    let (Some(words), Some(effect), Some(none)) = (
        scenario.size_adaptation_in_words(),
        &alternative.analyses[0].reestimation,
        &null.analyses[0].reestimation,
    ) else {
        return Document::new();
    };
    let percent = super::numeral::percent_with_error;
    let mut text = format!(
        "{words} More patients than planned in {} of the trials ({} under H0).",
        percent(effect.increased),
        percent(none.increased)
    );
    if let (Some(weighted), Some(conventional)) = (none.weighted, none.conventional) {
        text += &format!(
            " One-sided type I error {} by the weighted and {} by the conventional statistic{}.",
            percent(weighted),
            percent(conventional),
            none.integrated.as_ref().map_or(String::new(), |it| format!(
                " ({:.2} and {:.2} % by integration)",
                100.0 * it.weighted,
                100.0 * it.conventional
            ))
        );
    }
    Document::new().text(text)
}

/// Shows the rule and which size follows from which result; empty without a re-estimation.
pub(super) fn decisions(scenario: &Scenario) -> Document {
    let (Some(words), Some(size)) =
        (scenario.size_adaptation_in_words(), &scenario.adaptation.size)
    else {
        return Document::new();
    };
    let mut out = Document::new().heading("Re-estimation of the size").text(words);
    let rows = Expected::new(scenario).size_decisions();
    let analysed = grouped(u64::from(scenario.design.looks()[size.look].analysed));
    out = out.text(format!(
        "The look has {analysed} outcomes. Patients randomised by the decision are counted even if fewer \
         are needed; if all {} planned ones have been, recruitment pauses until the decision.",
        grouped(u64::from(size.planned))
    ));
    match &size.rule {
        SizeRule::Unblinded { zone, .. } => {
            let scale = scenario.analyses[0].method.scale().name();
            out += unblinded(&rows, scale);
            // The theorem is of the observed effect, and of a zone that ends at its target.
            if zone.assumed_effect() == crate::design::reestimation::AssumedEffect::Trend
                && zone.aim() == zone.limits().target
            {
                let least = zone.least_for_conventional();
                let is_kept = if zone.limits().at_least >= least {
                    "as here"
                } else {
                    "which is not so here"
                };
                out = out.text(format!(
                    "The conventional statistic keeps the type I error if the zone begins at {least:.4} or \
                     above, {is_kept} (Chen, DeMets & Lan 2004)."
                ));
            }
        }
        SizeRule::Blinded { by, .. } => {
            // What a blinded rule sees, which is no effect.
            let observed = match by {
                crate::scenario::BlindedSize::Rate { .. } => "rate of\nboth arms",
                crate::scenario::BlindedSize::Variance { .. } => "variance of\nboth arms",
            };
            out += Columns::of(&rows)
                .column(observed, |row| fixed(row.observed, 4))
                .column("patients\nrandomised", |row| size_of(row))
                .document();
        }
    }
    out
}

fn unblinded(rows: &[SizeDecisionRow], scale: &str) -> Document {
    // Broken once, so that the column is no wider than its numbers.
    let effect = super::design::effect_name(scale).replacen(' ', "\n", 1);
    Columns::of(rows)
        .column("Z at\nthe look", |row| fixed(row.observed, 4))
        .column(effect, |row| number(row.effect))
        .column("conditional\npower", |row| four_digits(row.conditional_power))
        .column("zone", |row| row.zone.map_or(NONE, |zone| zone.name()))
        .column("patients\nrandomised", |row| size_of(row))
        .document()
}

fn size_of(row: &SizeDecisionRow) -> String {
    row.randomised.map_or("the trial stops".to_owned(), |size| grouped(u64::from(size)))
}

/// Lays out the results of the re-estimation under every truth; empty without one.
pub(super) fn document(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    let Some(words) = scenario.size_adaptation_in_words() else { return Document::new() };
    let mut out = Document::new().heading("Re-estimation of the size").text(words);
    for position in 0..scenario.analyses.len() {
        let results: Vec<Under<'_>> =
            truths.iter().filter_map(|truth| Under::new(truth, position)).collect();
        if scenario.analyses.len() > 1 {
            out = out.gap().text(format!("By \"{}\":", scenario.analyses[position].name));
        }
        out += sizes(&results).after_gap();
        // A blinded rule keeps the ordinary statistic, and has no zones.
        if results.iter().any(|of| of.found.weighted.is_some()) {
            out += errors(&results).after_gap();
            for of in &results {
                out = out.gap().text(format!("Interim results under {}:", of.truth));
                out += zones(of.found);
            }
        }
        out += estimates(&results).after_gap();
    }
    let is_blinded = truths
        .iter()
        .flat_map(|truth| &truth.analyses)
        .all(|analysis| analysis.reestimation.as_ref().is_none_or(|it| it.weighted.is_none()));
    let final_size = "Final size: patients of trials that reach the final look.";
    let selected = "Estimates are those of trials whose size changed, which their interim results have selected";
    out.text(if is_blinded {
        format!("{final_size} {selected}.")
    } else {
        format!(
            "{final_size} Integrated: in the normal model, with sizes not rounded. Zones include trials that \
             stop at the look. {selected}; over all trials the weighted one has no median bias unless a look \
             can stop the trial."
        )
    })
}

/// Results of one analysis under one truth.
struct Under<'r> {
    truth: &'r str,
    found: &'r ReestimationSummary,
}

impl<'r> Under<'r> {
    fn new(truth: &'r TruthSummary, position: usize) -> Option<Self> {
        let analysis = &truth.analyses[position];
        Some(Self { truth: under(&truth.truth), found: analysis.reestimation.as_ref()? })
    }
}

fn sizes(results: &[Under<'_>]) -> Document {
    Columns::of(results)
        .column("under", |of| of.truth)
        .column("increased", |of| with_error(of.found.increased))
        .column("decreased", |of| with_error(of.found.decreased))
        .column("maximum", |of| with_error(of.found.at_maximum))
        .column("final size,\nmean", |of| with_error(of.found.final_size.mean))
        .column("median", |of| whole(of.found.final_size.p50))
        .column("90 %", |of| whole(of.found.final_size.p90))
        .document()
}

fn errors(results: &[Under<'_>]) -> Document {
    Columns::of(results.iter().map(|of| (of, of.found.integrated.as_ref())))
        .column("P(efficacy)\nunder", |(of, _)| of.truth)
        .column("weighted", |(of, _)| of.found.weighted.map_or(NONE.to_owned(), with_error))
        .column("integrated", |(_, it)| four_digits(it.map(|it| it.weighted)))
        .column("conven-\ntional", |(of, _)| {
            of.found.conventional.map_or(NONE.to_owned(), with_error)
        })
        .column("integrated", |(_, it)| four_digits(it.map(|it| it.conventional)))
        .column("not changed,\nintegrated", |(_, it)| four_digits(it.map(|it| it.fixed)))
        .document()
}

fn zones(found: &ReestimationSummary) -> Document {
    Columns::of(&found.zones)
        .column("zone", |zone| zone.zone)
        .column("probability", |zone| with_error(zone.probability))
        .column("integrated", |zone| four_digits(zone.probability_integrated))
        .column("efficacy,\ngiven zone", |zone| if_any(zone.rejection))
        .column("integrated", |zone| four_digits(zone.rejection_integrated))
        .column("mean\npatients", |zone| if_any(zone.n_randomised))
        .document()
}

fn estimates(results: &[Under<'_>]) -> Document {
    let both = results.iter().flat_map(|Under { truth, found }| {
        let weighted = found.weighted.map(|_| (truth, "weighted", &found.weighted_changed));
        [(truth, "naive", &found.naive_changed)].into_iter().chain(weighted)
    });
    Columns::of(both)
        .column("under", |(truth, ..)| **truth)
        .column("estimate", |(_, name, _)| *name)
        .column("mean", |(_, _, of)| if_any(of.mean))
        .column("bias", |(_, _, of)| if_any(of.bias))
        .column("coverage", |(_, _, of)| if_any(of.coverage))
        .column("P(above\ntruth)", |(_, _, of)| if_any(of.above_truth))
        .document()
}

fn four_digits(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| fixed(value, 4))
}

/// Writes an estimate; a dash if it is of no trials.
pub(super) fn if_any(estimate: McEstimate) -> String {
    if estimate.n == 0 || !estimate.value.is_finite() {
        NONE.to_owned()
    } else {
        with_error(estimate)
    }
}

fn whole(estimate: McEstimate) -> String {
    if estimate.value.is_finite() {
        grouped(estimate.value.round() as u64)
    } else {
        NONE.to_owned()
    }
}
