//! Tables of supplementary analyses: odds ratios cut by cut, subgroups, tipping point.

use super::document::{Columns, Document};
use super::numeral::{number, with_error};
use crate::summary::{DescriptionSummary, TruthSummary};

/// Lays out the supplementary analyses; empty if none are asked for.
pub(super) fn described(truths: &[TruthSummary]) -> Document {
    let [effect, none, ..] = truths else {
        unreachable!("every run simulates the alternative and the null")
    };
    let (Some(effect), Some(none)) = (&effect.description, &none.description) else {
        return Document::new();
    };
    let mut out = Document::new().heading(
        "Supplementary analyses at the end of the trial, on the data of the primary analysis",
    );
    if !effect.cuts.is_empty() {
        out += Columns::of(effect.cuts.iter().zip(&none.cuts))
            .column("log odds ratio", |(effect, _)| format!("mRS 0–{}", effect.cut))
            .column("true,\nH1", |(effect, _)| number(effect.truth))
            .column("mean,\nH1", |(effect, _)| with_error(effect.log_odds_ratio))
            .column("true,\nH0", |(_, none)| number(none.truth))
            .column("mean,\nH0", |(_, none)| with_error(none.log_odds_ratio))
            .document();
        out = out.gap();
    }
    let tests = [
        (
            "odds are not proportional",
            effect.rejects_proportional_odds,
            none.rejects_proportional_odds,
        ),
        ("any subgroup interacts", effect.any_interaction, none.any_interaction),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (what, effect, none) in tests {
        if let (Some(effect), Some(none)) = (effect, none) {
            rows.push(vec![what.to_owned(), with_error(effect), with_error(none)]);
        }
    }
    for (effect, none) in effect.subgroups.iter().zip(&none.subgroups) {
        let name = format!("{} interacts", effect.factor);
        rows.push(vec![name, with_error(effect.interaction), with_error(none.interaction)]);
    }
    if !rows.is_empty() {
        out = out.table(&["probability of significance", "under H1", "under H0"], rows);
        out = out.text(format!(
            "Each test alone, at a two-sided level of {}: likelihood-ratio tests in the proportional-odds model.",
            effect.alpha_two_sided
        ));
    }
    out + tipping_point(effect)
}

/// Lays out the tipping-point table under the alternative; empty if it is not asked for.
fn tipping_point(effect: &DescriptionSummary) -> Document {
    let Some(table) = &effect.tipping_point else { return Document::new() };
    let rows = table.iter().enumerate().map(|(mrs, efficacy)| {
        let mut row = vec![format!("experimental {mrs}")];
        row.extend(efficacy.iter().map(|efficacy| number(Some(efficacy.value))));
        row
    });
    let most = table.iter().flatten().map(|shown| shown.mcse).fold(0.0, f64::max);
    let header = ["missing as mRS", "control 0", "1", "2", "3", "4", "5", "6"];
    Document::of_table(&header, rows.collect()).after_gap().text(format!(
            "Power if every missing outcome counts as these mRS, by the boundary of the look that ended the \
             trial; Monte Carlo standard errors up to {most:.4}."
        ))
}
