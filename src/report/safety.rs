//! Adverse events: what trials show of them, when they stop a trial, and what that costs.

use super::document::Document;
use super::numeral::{number, with_error, with_two_digit_error};
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::summary::{AnalysisSummary, McEstimate, SafetyLook, SafetySummary, TruthSummary};

/// What stopping for safety does to the power; nothing where it cannot happen.
pub(super) fn price(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let of_truth = |(title, truth): (&str, &TruthSummary)| {
        let row = |analysis: &AnalysisSummary| {
            let price = analysis.price_of_safety.as_ref()?;
            let shown = [analysis.rejection, price.rejection_without, price.lost];
            let figures = shown.map(|it| with_two_digit_error(it)).into_iter();
            let stopped = [with_error(price.stopped)];
            Some(std::iter::once(analysis.name.clone()).chain(figures).chain(stopped).collect())
        };
        let rows: Vec<Vec<String>> = truth.analyses.iter().filter_map(row).collect();
        let header = [
            title,
            "efficacy\nshown",
            "without stops\nfor safety",
            "lost by\nthem",
            "stopped\nfor safety",
        ];
        if rows.is_empty() {
            Document::new()
        } else {
            Document::of_table(&header, rows).after_gap()
        }
    };
    of_truth(("with the effect", effect)) + of_truth(("without it", none))
}

/// Nothing where no adverse events are followed.
pub(super) fn events(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let Some(first) = effect.safety.first() else { return Document::new() };
    let rates = |event: &SafetySummary| {
        let rate = |(arm, rate): (usize, McEstimate)| {
            let truth = event.truth.map(|rates| format!(" ({:.2})", 100.0 * rates[arm]));
            with_error(percent(rate)) + &truth.unwrap_or_default()
        };
        std::iter::once(event.name.clone())
            .chain(event.rate.into_iter().enumerate().map(rate))
            .collect()
    };
    let header = ["with the effect", "control, %", "experimental, %"];
    let seen = Document::of_table(&header, effect.safety.iter().map(rates).collect());
    let of_truth = |(title, truth): (&str, &TruthSummary)| {
        let row = |event: &SafetySummary| {
            let shown =
                [with_error(event.more), number(event.more_by_formula), with_error(event.fewer)];
            std::iter::once(event.name.clone()).chain(shown).collect()
        };
        let header = [title, "more\nshown", "by\nformula", "fewer\nshown"];
        Document::of_table(&header, truth.safety.iter().map(row).collect())
    };
    let out = Document::new()
        .heading("Adverse events, of all randomised when the first analysis ends the trial")
        + seen
        + of_truth(("with the effect", effect)).after_gap()
        + of_truth(("without it", none)).after_gap();
    let out = out.text(format!(
        "In brackets the share of all patients; a trial that an event stops has seen more of it. More, \
         fewer: in the experimental arm, each event compared as if it were the only one and had \
         stopped nothing, at a two-sided level of {}. By formula: more shown in trials that run to their \
         end with arms of the planned sizes, by enumeration (above 1000 patients by the normal \
         approximation).",
        first.alpha_two_sided
    ));
    out + boundaries(effect, none)
}

fn percent(share: McEstimate) -> McEstimate {
    McEstimate { value: 100.0 * share.value, mcse: 100.0 * share.mcse, ..share }
}

fn boundaries(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let mut rows = Vec::new();
    let bounded = |event: &&SafetySummary| !event.looks.is_empty();
    for (with, without) in
        effect.safety.iter().filter(bounded).zip(none.safety.iter().filter(bounded))
    {
        for (look, null) in with.looks.iter().zip(&without.looks) {
            let mut row = vec![format!("{}, look {}", with.name, look.look)];
            row.push(look.planned_patients.to_string());
            row.push(number(look.z));
            row.extend([look, null].iter().flat_map(|look| reached(look)));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Document::new();
    }
    let header = [
        "boundary",
        "known",
        "too many\nif Z ≤",
        "effect,\nso far",
        "by\nformula",
        "no effect,\nso far",
        "by\nformula",
    ];
    Document::of_table(&header, rows).after_gap().text(
            "The boundary is reached by then, were nothing else to stop the trial. Reached at the final \
             look it stops nothing.",
        )
}

/// What is reached here, and what the formula has for it.
fn reached(look: &SafetyLook) -> [String; 2] {
    [with_error(look.reached_cumulative), number(look.by_formula_cumulative)]
}

/// The events of a scenario before anything is simulated.
pub(super) fn expected(scenario: &Scenario) -> Document {
    let Some(safety) = &scenario.safety else { return Document::new() };
    let expected = Expected::new(scenario);
    let percent = |rate: f64| format!("{:.2}", 100.0 * rate);
    let rows = safety.endpoints.iter().map(|endpoint| {
        let rates = expected.event_rates(Truth::Alternative, &endpoint.event);
        let mut row = vec![endpoint.name.clone()];
        row.extend(rates.into_iter().flatten().map(percent));
        row.push(number(expected.power_to_show_more(Truth::Alternative, endpoint)));
        row
    });
    let header = ["adverse event", "control, %", "experimental, %", "more shown"];
    let mut out = Document::new()
        .heading("Adverse events when all are randomised")
        .table(&header, rows.collect());
    let rows = safety.endpoints.iter().filter_map(|endpoint| {
        let boundary = endpoint.boundary.as_ref()?;
        Some((0..boundary.patients().len()).map(|k| {
            vec![
                format!("{}, look {}", endpoint.name, k + 1),
                boundary.patients()[k].to_string(),
                number(Some(boundary.bound(k))),
            ]
        }))
    });
    let rows: Vec<Vec<String>> = rows.flatten().collect();
    if !rows.is_empty() {
        out = out.gap().table(&["boundary", "patients known", "too many if Z ≤"], rows);
    }
    out
}
