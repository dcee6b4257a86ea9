//! Efficacy shown with the other reasons to stop heeded and disregarded.

use super::document::Document;
use super::table::with_error;
use crate::summary::{AnalysisSummary, TruthSummary};

/// Type I error and power both ways; nothing where no stop can be disregarded.
pub(super) fn document(effect: &TruthSummary, none: &TruthSummary) -> Document {
    let row = |(effect, none): (&AnalysisSummary, &AnalysisSummary)| {
        let errors = [none.rejection, none.rejection_stops_disregarded?];
        let powers = [effect.rejection, effect.rejection_stops_disregarded?];
        let figures = errors.into_iter().chain(powers).map(|it| with_error(it, 2.0));
        Some(std::iter::once(effect.name.clone()).chain(figures).collect())
    };
    let analyses = effect.analyses.iter().zip(&none.analyses);
    let rows: Vec<Vec<String>> = analyses.filter_map(row).collect();
    if rows.is_empty() {
        return Document::new();
    }
    let header = [
        "stops other\nthan efficacy",
        "type I error,\nheeded",
        "type I error,\ndisregarded",
        "power,\nheeded",
        "power,\ndisregarded",
    ];
    Document::of_table(&header, rows).after_gap().text(
        "Heeded, as everywhere else: trials end for futility, harm and safety. Disregarded: the same trials \
         go on after these, but for binding futility, and end for efficacy alone. The efficacy boundaries \
         spend alpha in trials of the second kind, so their one-sided type I error is to be compared with \
         it.",
    )
}
