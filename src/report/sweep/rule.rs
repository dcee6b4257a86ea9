//! The table of a sweep of analyses that decide together.

use super::{SweepColumn, SweptPoint, cell, fitted, keys};
use crate::explore::grid::ParameterGrid;
use crate::report::document::Document;
use crate::report::numeral::NONE;
use crate::scenario::Truth;
use crate::summary::quantity::{SUCCESS, find};

/// A quantity of the rule in the table.
struct RuleHighlight {
    header: &'static str,
    /// See [`SweepColumn::expendable`].
    expendable: u32,
    truth: Truth,
    /// Key in the catalogue of a rule.
    key: &'static str,
    shows_error: bool,
}

const HIGHLIGHTS: [RuleHighlight; 6] = [
    probability("success", 0, Truth::Alternative, "success"),
    probability("any\nrejects", 2, Truth::Alternative, "any_rejection"),
    probability("all\nreject", 3, Truth::Alternative, "all_rejections"),
    probability("familywise\nerror, H0", 1, Truth::Null, "familywise_error"),
    mean("mean\nn", 4, "n_randomised.mean"),
    mean("mean\nmonths", 5, "duration_months"),
];

const fn probability(
    header: &'static str,
    expendable: u32,
    truth: Truth,
    key: &'static str,
) -> RuleHighlight {
    RuleHighlight { header, expendable, truth, key, shows_error: true }
}

const fn mean(header: &'static str, expendable: u32, key: &'static str) -> RuleHighlight {
    RuleHighlight { header, expendable, truth: Truth::Alternative, key, shows_error: false }
}

/// Lays out a table of the results of the rule within a number of columns; empty if no point has a rule.
pub(super) fn document(grid: &ParameterGrid, points: &[SweptPoint], most: usize) -> Document {
    if points.iter().all(|point| point.truths[0].success.is_none()) {
        return Document::new();
    }
    let mut columns = keys(grid, points);
    columns.extend(HIGHLIGHTS.iter().map(|highlight| column(highlight, points)));
    let has_dash = columns.iter().any(|column| column.cells.iter().any(|cell| cell == NONE));
    let out = Document::new().heading("Analyses that decide together");
    let out = out.and(fitted(columns, points.len(), most));
    if !has_dash {
        return out;
    }
    out.text("A dash: it is not known which null hypotheses are true, or the point has no rule.")
}

fn column(highlight: &RuleHighlight, points: &[SweptPoint]) -> SweepColumn {
    let quantity = find(SUCCESS, highlight.key);
    let cells = points.iter().map(|point| {
        let rule = point.truths[highlight.truth.index()].success.as_ref();
        rule.map_or(NONE.to_owned(), |rule| cell(&quantity.read(rule), highlight.shows_error))
    });
    SweepColumn {
        header: highlight.header.to_owned(),
        cells: cells.collect(),
        expendable: highlight.expendable,
    }
}
