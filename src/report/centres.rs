//! Centres and calendar time, in words and as a table.

use super::document::Document;
use super::numeral::with_error;
use crate::scenario::file::ScenarioFile;
use crate::summary::CentreSummary;

/// Describes the centres and the drift of a scenario, a sentence each.
pub(super) fn described(scenario: &ScenarioFile) -> Vec<String> {
    let centres = scenario.centres.as_ref().map(|centres| centres.describe(&scenario.accrual));
    let drift = scenario.drift.as_ref().and_then(|drift| drift.describe());
    centres.into_iter().chain(drift).collect()
}

/// Tabulates the distribution of patients over the centres.
pub(super) fn attendance(centres: &CentreSummary) -> Document {
    let rows = [
        ("patients in the largest centre", centres.largest),
        ("centres without patients", centres.empty),
        ("centres with one arm only", centres.one_arm),
    ];
    let rows = rows.map(|(name, mean)| vec![name.to_owned(), with_error(mean)]);
    let header = format!("of {} centres", centres.number);
    Document::of_table(&[header.as_str(), "mean"], rows.to_vec()).after_gap()
}
