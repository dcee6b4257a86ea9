//! Shares of the trials by how they end.

use serde::Serialize;

use super::McEstimate;
use super::analysis_tally::AnalysisTally;

/// Shares of the trials by how they ended; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OutcomeShares {
    /// Stopped at an interim look for efficacy.
    pub efficacy_early: McEstimate,
    /// Reached the final look, with efficacy there.
    pub efficacy_final: McEstimate,
    /// Stopped for futility.
    pub futility: McEstimate,
    /// Harm is significant, at any look.
    pub harm: McEstimate,
    /// Stopped by adverse events; absent if these cannot stop the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<McEstimate>,
    /// Reached the final look, not significant there.
    pub not_shown: McEstimate,
}

impl OutcomeShares {
    pub(super) fn new(tally: &AnalysisTally, stops_for_safety: bool) -> Self {
        // The complement, so that the shares add up to 1 exactly.
        let ended_by_boundary =
            tally.efficacies() + tally.futilities() + tally.harms() + tally.stopped_for_safety();
        Self {
            efficacy_early: tally.proportion(tally.early_efficacies()),
            efficacy_final: tally.proportion(tally.final_efficacies()),
            futility: tally.proportion(tally.futilities()),
            harm: tally.proportion(tally.harms()),
            safety: stops_for_safety.then(|| tally.proportion(tally.stopped_for_safety())),
            not_shown: tally.proportion(tally.n() - ended_by_boundary),
        }
    }
}
