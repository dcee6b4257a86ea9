//! Effects that differ between the levels of a factor: both arms in each level, exactly, and the power of
//! the test of interaction.

use super::document::{Columns, Document};
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
    let by_level = scenario.truths().iter().flat_map(|&truth| {
        let name = scenario.truth_name(truth);
        expected.outcomes_by_level(truth).into_iter().map(move |level| (name, level))
    });
    let mut out = Document::new()
        .heading("Effects that differ between levels (exact)")
        .and(levels(by_level))
        .text(composition(scenario));
    let Some(description) = &scenario.description else { return out };
    let powers = scenario.truths().iter().flat_map(|&truth| {
        let powers = expected.interaction_power(truth, description);
        let name = under(scenario.truth_name(truth));
        description.subgroups.iter().zip(powers).map(move |(of, power)| (name, of, power))
    });
    let interactions = Columns::of(powers)
        .column("under", |(name, ..)| *name)
        .column("factor", |(_, subgroups, _)| subgroups.factor.clone())
        .column("interaction is\nsignificant", |(.., power)| number(*power));
    out = out.gap().and(interactions.document());
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
    let by_level = truths
        .iter()
        .flat_map(|of| of.levels.iter().map(|level| (of.truth.as_str(), level.clone())));
    let subgroups = truths.iter().flat_map(|of| {
        let subgroups = of.description.iter().flat_map(|description| &description.subgroups);
        subgroups.map(|it| (under(&of.truth), it))
    });
    let interactions = Columns::of(subgroups)
        .column("under", |(truth, _)| *truth)
        .column("factor", |(_, it)| it.factor.clone())
        .column("interaction is\nsignificant", |(_, it)| with_error(it.interaction))
        .column("formula", |(_, it)| number(it.interaction_by_formula));
    Document::new()
        .heading("Effects that differ between levels (exact)")
        .and(levels(by_level))
        .text(composition(scenario))
        .gap()
        .and(interactions.document())
        .text(
            "Likelihood-ratio test when the trial ends. The formula, non-central χ², is for all patients: a trial \
             that stops early has fewer, and a lower probability under an interaction.",
        )
}

/// Lays out both arms in each level, under the truth of each.
fn levels<'t>(by_level: impl Iterator<Item = (&'t str, LevelOutcomes)>) -> Document {
    let percent = |share: f64| format!("{:.2}", 100.0 * share);
    Columns::of(by_level)
        .column("under", |(truth, _)| under(truth))
        .column("factor", |(_, level)| level.factor.clone())
        .column("level", |(_, level)| level.level.clone())
        .column("share, %", |(_, level)| percent(level.share))
        .column("mRS 0–2,\ncontrol, %", |(_, level)| percent(level.independent()[0]))
        .column("mRS 0–2,\nexperimental, %", |(_, level)| percent(level.independent()[1]))
        .column("common\nodds ratio", |(_, level)| number(level.common_odds_ratio))
        .document()
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
