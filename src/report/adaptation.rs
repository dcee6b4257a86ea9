//! Re-estimation of the number of patients: the rule in words, its decisions and its results.

use super::document::Document;
use super::numeral::{NONE, fixed, grouped, number, with_error};
use super::table::under;
use crate::expected::{Expected, SizeDecisionRow};
use crate::scenario::{Scenario, SizeRule};
use crate::summary::{EstimatePerformance, McEstimate, ReestimationSummary, TruthSummary};

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
            let rows = rows.iter().map(|row| vec![fixed(row.observed, 4), size_of(row)]);
            out += Document::of_table(&[observed, "patients\nrandomised"], rows.collect());
        }
    }
    out
}

fn unblinded(rows: &[SizeDecisionRow], scale: &str) -> Document {
    // Broken once, so that the column is no wider than its numbers.
    let effect = super::design::effect_name(scale).replacen(' ', "\n", 1);
    let rows = rows.iter().map(|row| {
        vec![
            fixed(row.observed, 4),
            number(row.effect),
            row.conditional_power.map_or(NONE.to_owned(), |power| fixed(power, 4)),
            row.zone.map_or(NONE, |zone| zone.name()).to_owned(),
            size_of(row),
        ]
    });
    let header = ["Z at\nthe look", &effect, "conditional\npower", "zone", "patients\nrandomised"];
    Document::of_table(&header, rows.collect())
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
    out.text(
        "Final size: patients of trials that reach the final look. Integrated: in the normal model, with \
         sizes not rounded. Zones include trials that stop at the look. Estimates are those of trials \
         whose size changed, which their interim results have selected; over all trials the weighted one \
         has no median bias unless a look can stop the trial.",
    )
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
    let rows = results.iter().map(|Under { truth, found }| {
        let size = &found.final_size;
        vec![
            (*truth).to_owned(),
            with_error(found.increased),
            with_error(found.decreased),
            with_error(found.at_maximum),
            with_error(size.mean),
            whole(size.p50),
            whole(size.p90),
        ]
    });
    let header =
        ["under", "increased", "decreased", "maximum", "final size,\nmean", "median", "90 %"];
    Document::of_table(&header, rows.collect())
}

fn errors(results: &[Under<'_>]) -> Document {
    let rows = results.iter().map(|Under { truth, found }| {
        let integrated = found.integrated.as_ref();
        vec![
            (*truth).to_owned(),
            found.weighted.map_or(NONE.to_owned(), with_error),
            integrated.map_or(NONE.to_owned(), |it| fixed(it.weighted, 4)),
            found.conventional.map_or(NONE.to_owned(), with_error),
            integrated.map_or(NONE.to_owned(), |it| fixed(it.conventional, 4)),
            integrated.map_or(NONE.to_owned(), |it| fixed(it.fixed, 4)),
        ]
    });
    let header = [
        "P(efficacy)\nunder",
        "weighted",
        "integrated",
        "conven-\ntional",
        "integrated",
        "not changed,\nintegrated",
    ];
    Document::of_table(&header, rows.collect())
}

fn zones(found: &ReestimationSummary) -> Document {
    let exact = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| fixed(value, 4));
    let rows = found.zones.iter().map(|zone| {
        vec![
            zone.zone.to_owned(),
            with_error(zone.probability),
            exact(zone.probability_integrated),
            if_any(zone.rejection),
            exact(zone.rejection_integrated),
            if_any(zone.n_randomised),
        ]
    });
    let header = [
        "zone",
        "probability",
        "integrated",
        "efficacy,\ngiven zone",
        "integrated",
        "mean\npatients",
    ];
    Document::of_table(&header, rows.collect())
}

fn estimates(results: &[Under<'_>]) -> Document {
    let rows = results.iter().flat_map(|Under { truth, found }| {
        let both = [("naive", &found.naive_changed), ("weighted", &found.weighted_changed)];
        both.map(|(name, of): (&str, &EstimatePerformance)| {
            vec![
                (*truth).to_owned(),
                name.to_owned(),
                if_any(of.mean),
                if_any(of.bias),
                if_any(of.coverage),
                if_any(of.above_truth),
            ]
        })
    });
    let header = ["under", "estimate", "mean", "bias", "coverage", "P(above\ntruth)"];
    Document::of_table(&header, rows.collect())
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
