//! Results under the configurations: truths other than the alternative, its null twin and the prior.

use super::document::Document;
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
    let rows = configurations.iter().flat_map(|truth| {
        truth.analyses.iter().map(|analysis| {
            let formula = analysis.normal_approximation.as_ref().map(|it| it.rejection);
            vec![
                truth.truth.clone(),
                analysis.name.clone(),
                with_error(analysis.rejection),
                number(formula),
                with_error(analysis.n_randomised.mean),
                with_error(analysis.duration_months),
            ]
        })
    });
    let header = ["configuration", "analysis", "rejects H0", "formula", "mean\nn", "mean\nmonths"];
    Document::new().heading("Under the configurations").table(&header, rows.collect())
}

/// Lays out the configurations with power by formula; empty without configurations.
pub(super) fn expected(scenario: &Scenario) -> Document {
    if scenario.configurations.is_empty() {
        return Document::new();
    }
    let expected = Expected::new(scenario);
    let truths = scenario.truths().iter().copied();
    let configurations = truths.filter(|&truth| scenario.configuration(truth).is_some());
    let rows = configurations.map(|truth| {
        let independent = scenario.marginal(truth).map(|arms| arms[1].at_most(Mrs::INDEPENDENT));
        let mut row = vec![
            scenario.truth_name(truth).to_owned(),
            independent.map_or_else(String::new, |share| format!("{:.2}", 100.0 * share)),
        ];
        row.extend(scenario.analyses.iter().map(|analysis| {
            let closed_form = expected.normal_approximation(truth, analysis).ok();
            number(closed_form.map(|closed_form| closed_form.rejection()))
        }));
        row
    });
    let analyses = scenario.analyses.iter().map(|analysis| analysis.name.as_str());
    let header: Vec<&str> =
        ["configuration", "mRS 0–2,\nexperimental, %"].into_iter().chain(analyses).collect();
    Document::new()
        .heading("Configurations: P(rejecting H0), normal approximation")
        .table(&header, rows.collect())
}
