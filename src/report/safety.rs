//! Adverse events: their rates, the power to show a difference, stopping for safety and the power that
//! it costs.

use super::document::{Columns, Document};
use super::numeral::{number, with_error, with_two_digit_error};
use super::table::look_name;
use crate::expected::Expected;
use crate::scenario::{Scenario, Truth};
use crate::summary::{McEstimate, SafetySummary, TruthSummary};

/// Tabulates the power lost to stopping for safety; nothing if no trial can stop for it.
pub(super) fn price(effect: &TruthSummary, none: &TruthSummary) -> Document {
    price_under("under H1", effect) + price_under("under H0", none)
}

fn price_under(title: &str, truth: &TruthSummary) -> Document {
    let priced: Vec<_> = truth
        .analyses
        .iter()
        .filter_map(|analysis| Some((analysis, analysis.price_of_safety.as_ref()?)))
        .collect();
    // No boundary for safety, so no trial that stops for it.
    if priced.is_empty() {
        return Document::new();
    }
    Columns::of(priced)
        .column(title, |(analysis, _)| analysis.name.clone())
        .column("rejects H0", |(analysis, _)| with_two_digit_error(analysis.rejection))
        .column("without\nsafety stops", |(_, price)| with_two_digit_error(price.rejection_without))
        .column("lost to\nsafety stops", |(_, price)| with_two_digit_error(price.lost))
        .column("stopped\nfor safety", |(_, price)| with_error(price.stopped))
        .document()
        .after_gap()
}

/// Tabulates the adverse events of simulated trials; nothing if the scenario follows none.
pub(super) fn events(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let Some(first) = effect.safety.first() else { return Document::new() };
    let rate = |event: &SafetySummary, arm: usize| {
        // The share that was put in, known unless it follows from the mRS.
        let truth = event.truth.map(|rates| format!(" ({:.2})", 100.0 * rates[arm]));
        with_error(percent(event.rate[arm])) + &truth.unwrap_or_default()
    };
    // Rates under H1 alone; the tables after it compare the arms under both truths.
    let rates = Columns::of(&effect.safety)
        .column("under H1", |event| event.name.clone())
        .column("control, %", |event| rate(event, 0))
        .column("experimental, %", |event| rate(event, 1));
    let out = Document::new().heading(
        "Adverse events of the patients randomised when the primary analysis ends the trial",
    ) + rates.document()
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
    Columns::of(&truth.safety)
        .column(title, |event| event.name.clone())
        .column("more\nevents", |event| with_error(event.more))
        .column("formula", |event| number(event.more_by_formula))
        .column("fewer\nevents", |event| with_error(event.fewer))
        .document()
}

fn percent(share: McEstimate) -> McEstimate {
    McEstimate { value: 100.0 * share.value, mcse: 100.0 * share.mcse, ..share }
}

fn boundaries(effect: &TruthSummary, none: &TruthSummary) -> Document {
    // Both truths list the same events; one without a boundary has no looks.
    let events = effect.safety.iter().zip(&none.safety);
    let looks: Vec<_> = events
        .flat_map(|(with, without)| {
            let looks = with.looks.iter().zip(&without.looks);
            looks.map(move |(look, null)| {
                (format!("{}, {}", with.name, look_name(look.look, with.looks.len())), look, null)
            })
        })
        .collect();
    if looks.is_empty() {
        return Document::new();
    }
    let table = Columns::of(looks)
        .column("boundary", |(name, ..)| name.clone())
        .column("patients", |(_, look, _)| look.planned_patients.to_string())
        .column("stop\nif Z ≤", |(_, look, _)| number(look.z))
        .column("under H1", |(_, look, _)| with_error(look.reached_cumulative))
        .column("formula", |(_, look, _)| number(look.by_formula_cumulative))
        .column("under H0", |(.., null)| with_error(null.reached_cumulative))
        .column("formula", |(.., null)| number(null.by_formula_cumulative));
    table.document().after_gap().text(
            "Probability of crossing the boundary by that look if nothing else stopped the trial; a crossing \
             at the final look is recorded only. Z below 0: more events in the experimental arm.",
        )
}

/// Says whose safety boundaries are crossed.
pub(super) fn crossed_in_words(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => {
            format!("the safety boundaries of {} and {last} are crossed", first.join(", "))
        }
        few => format!("the safety boundary of {} is crossed", few.concat()),
    }
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
