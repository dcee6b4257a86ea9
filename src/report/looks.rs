//! The looks: boundaries, months and patients.

use super::document::Document;
use super::numeral::{fixed, number, with_error};
use super::table::{look_name, lower_boundaries};
use crate::summary::{AnalysisSummary, LookSummary, McEstimate};

/// Tabulates the bounds and patients of each look in a row, or in two if the decision is made later than
/// the data are collected: every row is of one date.
pub(super) fn document(analysis: &AnalysisSummary) -> Document {
    let [has_futility, has_harm] = lower_boundaries(analysis);
    // Without a delay of decisions the second row would repeat the first.
    let lags = analysis.looks.iter().any(|look| look.decision.month.value > look.month.value);
    let mut rows = Vec::new();
    for look in &analysis.looks {
        let bounds = bounds(look, has_futility, has_harm);
        let blank = vec![String::new(); bounds.len()];
        let look_name = look_name(look.look, analysis.looks.len());
        let name = if lags { format!("{look_name}, data") } else { look_name.clone() };
        rows.push(
            [
                vec![name],
                bounds,
                vec![
                    month(look.month, has_harm),
                    with_error(look.n_randomised),
                    with_error(look.n_analysed),
                    with_error(look.overrun),
                ],
            ]
            .concat(),
        );
        if lags {
            let decision = &look.decision;
            rows.push(
                [
                    vec![format!("{look_name}, decision")],
                    // The boundary and the outcomes are those of the data.
                    blank,
                    vec![
                        month(decision.month, has_harm),
                        with_error(decision.n_randomised),
                        String::new(),
                        with_error(decision.overrun),
                    ],
                ]
                .concat(),
            );
        }
    }
    let mut header = vec!["look", "efficacy\nif Z ≥"];
    header.extend(has_futility.then_some("futility\nif Z ≤"));
    header.extend(has_harm.then_some("harm\nif Z ≤"));
    header.extend(["month", "randomised", "outcomes", "overrun"]);
    let mut overrun = " Overrun: patients randomised but still in follow-up.";
    // A final look waits for all outcomes, so that a trial without interim looks has no overrun.
    if analysis.looks.len() == 1 {
        header.pop();
        rows.iter_mut().for_each(|row: &mut Vec<String>| {
            row.pop();
        });
        overrun = "";
    }
    let dates = if lags {
        "The decision of a look is later than its data: each row is of one date. "
    } else {
        ""
    };
    Document::of_table(&header, rows).text(format!(
        "The final boundary is shown for the planned number of outcomes and is recalculated for the \
         number observed. {dates}Means over trials under H1 that reach the look, with the primary analysis \
         monitoring.{overrun}"
    ))
}

/// Writes a mean month, without its error if the table has three bounds and no room for it.
fn month(month: McEstimate, has_harm: bool) -> String {
    if has_harm { number(Some(month.value)) } else { with_error(month) }
}

fn bounds(look: &LookSummary, has_futility: bool, has_harm: bool) -> Vec<String> {
    let mut bounds = vec![look.z_efficacy];
    bounds.extend(has_futility.then_some(look.z_futility));
    bounds.extend(has_harm.then_some(look.z_harm));
    bounds.into_iter().map(|z| z.map_or("–".to_owned(), |z| fixed(z, 4))).collect()
}
