//! How trials end, in shares that no two have in common.

use serde::Serialize;

use super::McEstimate;
use super::named::NamedFigure;
use super::tally::AnalysisTally;

/// Shares of the trials by how they ended; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OutcomeShares {
    /// Stopped at an interim look for efficacy.
    pub efficacy_early: McEstimate,
    /// Efficacy is shown at the final look.
    pub efficacy_final: McEstimate,
    /// Stopped for futility.
    pub futility: McEstimate,
    /// Harm is shown, at any look.
    pub harm: McEstimate,
    /// Stopped by adverse events, where these can stop the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<McEstimate>,
    /// Ran to the end and showed nothing.
    pub not_shown: McEstimate,
}

impl OutcomeShares {
    pub(super) fn new(tally: &AnalysisTally, stops_for_safety: bool) -> Self {
        let share = |figure| tally.sampled(figure).estimate();
        let futility_and_harm = tally.looks.iter().map(|look| look.futility + look.harm);
        let shown =
            tally.efficacies() + tally.stopped_for_safety() + futility_and_harm.sum::<u64>();
        Self {
            efficacy_early: share(NamedFigure::EarlyEfficacy),
            efficacy_final: share(NamedFigure::FinalEfficacy),
            futility: share(NamedFigure::Futility),
            harm: share(NamedFigure::Harm),
            safety: stops_for_safety.then(|| share(NamedFigure::Safety)),
            not_shown: McEstimate::proportion(tally.n() - shown, tally.n()),
        }
    }
}
