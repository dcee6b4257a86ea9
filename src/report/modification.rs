//! Effects that differ between the levels of a factor: both arms in each level, exactly, and the power of
//! the test of interaction.

use super::document::Document;
use super::numeral::{number, with_error};
use super::table::under;
use crate::expected::{Expected, LevelOutcomes};
use crate::scenario::Scenario;
use crate::summary::TruthSummary;

/// Lays out what the scenario implies; empty without effect modification.
pub(super) fn expected(scenario: &Scenario) -> Document {
    if scenario.file().effect_modifiers().is_empty() {
        return Document::new();
    }
    let expected = Expected::new(scenario);
    let rows = scenario.truths().iter().flat_map(|&truth| {
        let name = scenario.truth_name(truth);
        expected.outcomes_by_level(truth).into_iter().map(move |level| row(name, &level))
    });
    let mut out = Document::new()
        .heading("Effects that differ between levels (exact)")
        .table(&HEADER, rows.collect())
        .text(composition(scenario));
    let Some(description) = &scenario.description else { return out };
    let rows = scenario.truths().iter().flat_map(|&truth| {
        let powers = expected.interaction_power(truth, description);
        description.subgroups.iter().zip(powers).map(move |(subgroups, power)| {
            vec![
                under(scenario.truth_name(truth)).to_owned(),
                subgroups.factor.clone(),
                number(power),
            ]
        })
    });
    out = out.gap().table(&["under", "factor", "interaction is\nsignificant"], rows.collect());
    out.text(format!(
        "Likelihood-ratio test in the proportional-odds model at a two-sided level of {}, by non-central χ² \
         (Self, Mauritsen & Ohara 1992) if all patients are analysed.",
        description.alpha_two_sided
    ))
}

/// Lays out the levels and the interactions of a run; empty without effect modification.
pub(super) fn simulated(scenario: &Scenario, truths: &[TruthSummary]) -> Document {
    if scenario.file().effect_modifiers().is_empty() {
        return Document::new();
    }
    let levels = truths.iter().flat_map(|of| of.levels.iter().map(|level| row(&of.truth, level)));
    let interactions = truths.iter().flat_map(|of| {
        let subgroups = of.description.iter().flat_map(|description| &description.subgroups);
        subgroups.map(|it| {
            vec![
                under(&of.truth).to_owned(),
                it.factor.clone(),
                with_error(it.interaction),
                number(it.interaction_by_formula),
            ]
        })
    });
    let header = ["under", "factor", "interaction is\nsignificant", "formula"];
    Document::new()
        .heading("Effects that differ between levels (exact)")
        .table(&HEADER, levels.collect())
        .text(composition(scenario))
        .gap()
        .table(&header, interactions.collect())
        .text(
            "Likelihood-ratio test when the trial ends. The formula, non-central χ², is for all patients: a trial \
             that stops early has fewer, and a lower probability under an interaction.",
        )
}

const HEADER: [&str; 7] = [
    "under",
    "factor",
    "level",
    "share, %",
    "mRS 0–2,\ncontrol, %",
    "mRS 0–2,\nexperimental, %",
    "common\nodds ratio",
];

fn row(truth: &str, level: &LevelOutcomes) -> Vec<String> {
    let percent = |share: f64| format!("{:.2}", 100.0 * share);
    let [control, experimental] = level.independent();
    vec![
        under(truth).to_owned(),
        level.factor.clone(),
        level.level.clone(),
        percent(level.share),
        percent(control),
        percent(experimental),
        number(level.common_odds_ratio),
    ]
}

/// How the stated effect and those of the levels go together.
fn composition(scenario: &Scenario) -> String {
    let overall = "The stated effect is that of all patients; effect_log_odds move it between levels without \
                   changing it overall. The common odds ratio of a level is that of a proportional-odds fit of \
                   its patients.";
    let reference = " A conditional_common_odds_ratio is the effect in levels whose effect_log_odds are 0, and \
                     the effect in all patients follows.";
    // Of a key that the scenario does not have, an explanation would only raise questions.
    let conditional = scenario.states_conditional_effect();
    format!("{overall}{}", if conditional { reference } else { "" })
}
