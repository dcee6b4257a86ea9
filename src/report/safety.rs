//! Adverse events: their rates, the power to show a difference, stopping for safety and the power that
//! it costs.

use super::document::Document;
use super::numeral::{number, with_error, with_two_digit_error};
use super::table::look_name;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::summary::{McEstimate, TruthSummary};

/// Tabulates the power lost to stopping for safety; nothing if no trial can stop for it.
pub(super) fn price(effect: &TruthSummary, none: &TruthSummary) -> Document {
    price_under("under H1", effect) + price_under("under H0", none)
}

fn price_under(title: &str, truth: &TruthSummary) -> Document {
    let mut rows = Vec::new();
    for analysis in &truth.analyses {
        let Some(price) = &analysis.price_of_safety else { continue };
        let mut row = vec![analysis.name.clone()];
        row.extend(
            [analysis.rejection, price.rejection_without, price.lost].map(with_two_digit_error),
        );
        row.push(with_error(price.stopped));
        rows.push(row);
    }
    // No boundary for safety, so no trial that stops for it.
    if rows.is_empty() {
        return Document::new();
    }
    let header = [
        title,
        "rejects H0",
        "without\nsafety stops",
        "lost to\nsafety stops",
        "stopped\nfor safety",
    ];
    Document::of_table(&header, rows).after_gap()
}

/// Tabulates the adverse events of simulated trials; nothing if the scenario follows none.
pub(super) fn events(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let Some(first) = effect.safety.first() else { return Document::new() };
    let mut rows = Vec::new();
    for event in &effect.safety {
        let mut row = vec![event.name.clone()];
        for (arm, rate) in event.rate.into_iter().enumerate() {
            // The share that was put in, known unless it follows from the mRS.
            let truth = event.truth.map(|rates| format!(" ({:.2})", 100.0 * rates[arm]));
            row.push(with_error(percent(rate)) + &truth.unwrap_or_default());
        }
        rows.push(row);
    }
    // Rates under H1 alone; the tables after it compare the arms under both truths.
    let header = ["under H1", "control, %", "experimental, %"];
    let out = Document::new().heading(
        "Adverse events of the patients randomised when the primary analysis ends the trial",
    ) + Document::of_table(&header, rows)
        + shown_under("under H1", effect).after_gap()
        + shown_under("under H0", none).after_gap();
    let out = out.text(format!(
        "In brackets the true rate; where safety stops are possible the simulated rate is higher, because \
         they select trials with many events. More, fewer: a significant difference in the experimental \
         arm, each event compared on its own and without its own stops, at a two-sided level of {}. \
         Formula: more events in trials that run to their end with the planned arms, by enumeration (above \
         1000 patients by the normal approximation).",
        first.alpha_two_sided
    ));
    out + boundaries(effect, none)
}

/// Tabulates the probability that a trial shows more, or fewer, of each event.
fn shown_under(title: &str, truth: &TruthSummary) -> Document {
    let rows = truth.safety.iter().map(|event| {
        vec![
            event.name.clone(),
            with_error(event.more),
            number(event.more_by_formula),
            with_error(event.fewer),
        ]
    });
    Document::of_table(&[title, "more\nevents", "formula", "fewer\nevents"], rows.collect())
}

fn percent(share: McEstimate) -> McEstimate {
    McEstimate { value: 100.0 * share.value, mcse: 100.0 * share.mcse, ..share }
}

fn boundaries(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let mut rows = Vec::new();
    // Both truths list the same events; one without a boundary has no looks.
    for (with, without) in effect.safety.iter().zip(&none.safety) {
        for (look, null) in with.looks.iter().zip(&without.looks) {
            let mut row =
                vec![format!("{}, {}", with.name, look_name(look.look, with.looks.len()))];
            row.push(look.planned_patients.to_string());
            row.push(number(look.z));
            for look in [look, null] {
                row.push(with_error(look.reached_cumulative));
                row.push(number(look.by_formula_cumulative));
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Document::new();
    }
    let header =
        ["boundary", "patients", "stop\nif Z ≤", "under H1", "formula", "under H0", "formula"];
    Document::of_table(&header, rows).after_gap().text(
            "Probability of crossing the boundary by that look if nothing else stopped the trial; a crossing \
             at the final look is recorded only. Z below 0: more events in the experimental arm.",
        )
}

/// Tabulates the events of a scenario before anything is simulated.
pub(super) fn expected(scenario: &Scenario) -> Document {
    let Some(safety) = &scenario.safety else { return Document::new() };
    let expected = Expected::new(scenario);
    let rows = safety.endpoints.iter().map(|endpoint| {
        let rates = expected.event_rates(Truth::Alternative, &endpoint.event);
        let mut row = vec![endpoint.name.clone()];
        row.extend(rates.into_iter().flatten().map(|rate| format!("{:.2}", 100.0 * rate)));
        row.push(number(expected.power_to_show_more(Truth::Alternative, endpoint)));
        row
    });
    let header = ["adverse event", "control, %", "experimental, %", "power to show more"];
    let mut out = Document::new()
        .heading("Adverse events when all are randomised")
        .table(&header, rows.collect());
    let mut rows = Vec::new();
    for endpoint in &safety.endpoints {
        let Some(boundary) = &endpoint.boundary else { continue };
        for (k, patients) in boundary.patients().iter().enumerate() {
            rows.push(vec![
                format!("{}, {}", endpoint.name, look_name(k + 1, boundary.patients().len())),
                patients.to_string(),
                number(Some(boundary.bound(k))),
            ]);
        }
    }
    if !rows.is_empty() {
        out = out.gap().table(&["boundary", "patients", "stop for excess events if Z ≤"], rows);
    }
    out
}
