//! When the looks are, and who is in the trial by then.

use super::document::Document;
use super::numeral::fixed;
use super::numeral::{number, with_error};
use super::table::lower_boundaries;
use crate::summary::{AnalysisSummary, LookSummary, McEstimate};

/// A look's bounds and patients in a row, or in two where the decision comes later than the data: every
/// row is of one date.
pub(super) fn document(analysis: &AnalysisSummary) -> Document {
    let [has_futility, has_harm] = lower_boundaries(analysis);
    let lags = analysis.looks.iter().any(|look| look.decision.month.value > look.month.value);
    let rows = analysis.looks.iter().flat_map(|look| {
        let bounds = bounds(look, [has_futility, has_harm]);
        // With three bounds there is no room for the month's error.
        let month = |month: McEstimate| match has_harm {
            true => number(Some(month.value)),
            false => with_error(month),
        };
        let at_data =
            [month(look.month), with_error(look.n_randomised), with_error(look.n_analysed)];
        let at_data = at_data.into_iter().chain([with_error(look.overrun)]);
        let name = if lags { format!("{}, data", look.look) } else { look.look.to_string() };
        let data = std::iter::once(name).chain(bounds.clone()).chain(at_data).collect();
        let decision = || {
            let of = &look.decision;
            let none = bounds.iter().map(|_| String::new());
            let patients = [with_error(of.n_randomised), String::new(), with_error(of.overrun)];
            let name = format!("{}, decision", look.look);
            let row = std::iter::once(name).chain(none).chain([month(of.month)]);
            row.chain(patients).collect()
        };
        std::iter::once(data).chain(lags.then(decision))
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut header = vec!["look", "efficacy\nif Z ≥"];
    header.extend(has_futility.then_some("futility\nif Z ≤"));
    header.extend(has_harm.then_some("harm\nif Z ≤"));
    header.extend(["month", "randomised", "outcomes\nknown", "overrun"]);
    let dates = if lags {
        "A look decides later than the date of its data: each row is of one date. "
    } else {
        ""
    };
    Document::of_table(&header, rows).text(format!(
        "The final bound is that of the planned number of outcomes; it is recomputed for the \
         number that comes. {dates}Means are over the trials with the effect that reach the look, \
         monitored by the first analysis. Overrun: patients randomised by then whose follow-up has not \
         ended."
    ))
}

fn bounds(look: &LookSummary, [has_futility, has_harm]: [bool; 2]) -> Vec<String> {
    let shown = |z: Option<f64>| z.map_or("–".to_owned(), |z| fixed(z, 4));
    let mut bounds = vec![shown(look.z_efficacy)];
    bounds.extend(has_futility.then(|| shown(look.z_futility)));
    bounds.extend(has_harm.then(|| shown(look.z_harm)));
    bounds
}
