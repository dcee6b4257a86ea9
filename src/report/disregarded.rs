//! Rejection rates with the other reasons to stop heeded and disregarded.

use super::document::Document;
use super::numeral::with_two_digit_error;
use crate::scenario::file::Decisions;
use crate::summary::{AnalysisSummary, TruthSummary};

/// Tabulates type I error and power both ways; nothing if no stop can be disregarded.
pub(super) fn document(
    effect: &TruthSummary,
    none: &TruthSummary,
    decisions: Decisions,
) -> Document {
    // Type I error first: it is what the alpha of the design refers to.
    let analyses = effect.analyses.iter().zip(&none.analyses);
    let rows: Vec<Vec<String>> = analyses
        .flat_map(|(effect, none)| [row(none, "one-sided type I error"), row(effect, "power")])
        .flatten()
        .collect();
    if rows.is_empty() {
        return Document::new();
    }
    let header = ["stops other than for efficacy", "heeded", "disregarded"];
    let meaning = match decisions {
        Decisions::Frequentist => {
            "Heeded, as in all other tables: trials stop for futility, harm and safety. Disregarded: the same \
             trials continue, except after binding futility, and stop for efficacy alone. Efficacy boundaries \
             spend alpha on the assumption that these stops are disregarded; compare that type I error with \
             alpha."
        }
        Decisions::Bayesian => {
            "Heeded, as in all other tables: trials stop for futility, harm and safety. Disregarded: the same \
             trials continue and stop for success alone."
        }
    };
    Document::of_table(&header, rows).after_gap().text(meaning)
}

/// Writes one probability both ways; `None` if no stop can be disregarded.
fn row(analysis: &AnalysisSummary, what: &str) -> Option<Vec<String>> {
    let figures = [analysis.rejection, analysis.rejection_stops_disregarded?];
    let [heeded, disregarded] = figures.map(with_two_digit_error);
    Some(vec![format!("{}, {what}", analysis.name), heeded, disregarded])
}
