//! Results under the configurations: truths other than the alternative, its null twin and the prior.

use super::document::{Columns, Document};
use super::numeral::{number, with_error};
use crate::expected::Expected;
use crate::outcome::Mrs;
use crate::scenario::{Scenario, Truth};
use crate::summary::TruthSummary;

/// Lays out rejection, size and duration under each configuration; empty without configurations.
pub(super) fn simulated(truths: &[TruthSummary]) -> Document {
    let configurations: Vec<&TruthSummary> =
        // Validation refuses configurations with the name of another truth.
        truths.iter().filter(|of| !Truth::NAMES.contains(&of.truth.as_str())).collect();
    if configurations.is_empty() {
        return Document::new();
    }
    let analyses =
        configurations.iter().flat_map(|truth| truth.analyses.iter().map(move |it| (truth, it)));
    let table = Columns::of(analyses)
        .column("configuration", |(truth, _)| truth.truth.clone())
        .column("analysis", |(_, analysis)| analysis.name.clone())
        .column("rejects H0", |(_, analysis)| with_error(analysis.rejection))
        .column("formula", |(_, analysis)| {
            number(analysis.normal_approximation.as_ref().map(|it| it.rejection))
        })
        .column("mean\nn", |(_, analysis)| with_error(analysis.n_randomised.mean))
        .column("mean\nmonths", |(_, analysis)| with_error(analysis.duration_months));
    Document::new().heading("Under the configurations").and(table.document())
}

/// Lays out the configurations with power by formula; empty without configurations.
pub(super) fn expected(scenario: &Scenario) -> Document {
    if scenario.configurations.is_empty() {
        return Document::new();
    }
    let expected = Expected::new(scenario);
    let truths = scenario.truths().iter().copied();
    let configurations = truths.filter(|&truth| scenario.configuration(truth).is_some());
    let table = Columns::of(configurations)
        .column("configuration", |&truth| scenario.truth_name(truth))
        .column("mRS 0–2,\nexperimental, %", |&truth| {
            let share = scenario.marginal(truth).map(|arms| arms[1].at_most(Mrs::INDEPENDENT));
            share.map_or_else(String::new, |share| format!("{:.2}", 100.0 * share))
        });
    let table = scenario.analyses.iter().fold(table, |table, analysis| {
        table.column(&analysis.name, |&truth| {
            let closed_form = expected.normal_approximation(truth, analysis).ok();
            number(closed_form.map(|closed_form| closed_form.rejection()))
        })
    });
    Document::new()
        .heading("Configurations: P(rejecting H0), normal approximation")
        .and(table.document())
}
