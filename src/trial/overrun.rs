//! What the outcomes still to come when a trial stops show, once they are in.

use super::cohort::Among;
use super::{Conclusion, Seen, Simulator};
use crate::scenario::AnalysisSet;

/// A final look at all who were randomised until the decision of an interim look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    /// Outcomes known in the end.
    pub analysed: u32,
    /// Of the analysis at hand.
    pub z: Option<f64>,
    /// What such a look would have shown.
    pub conclusion: Conclusion,
}

impl Simulator<'_> {
    /// The analysis of look `k` repeated when all who were randomised by its decision have been followed
    /// to their end: `in_the_end` then has the outcomes that became known between its data and the
    /// decision, and those of the overrun. `None` where these bring nothing new.
    pub(super) fn repeat(&mut self, k: usize, seen: Seen<'_>) -> Option<Repeated> {
        let moment = self.result.looks[seen.truth.index()][k];
        let among = Among::InTheEnd(moment.at_decision.randomised);
        let Self { scenario, cohort, in_the_end, .. } = self;
        cohort.fill(in_the_end, scenario.detail, (among, AnalysisSet::IntentionToTreat));
        let analysed = in_the_end.all.total();
        if analysed <= self.everyone()[k].all.total() {
            return None;
        }
        let Self { scenario, cohort, in_the_end, .. } = self;
        if seen.analysis.set != AnalysisSet::IntentionToTreat {
            cohort.fill(in_the_end, scenario.detail, (among, seen.analysis.set));
        }
        let z = self.statistic(seen, among).z;
        Some(Repeated { analysed, z, conclusion: self.conclude(k + 1, analysed, z) })
    }

    /// Whether that would contradict the conclusion of look `k`; a stop for futility is contradicted
    /// by efficacy alone.
    pub(super) fn is_reversed(&mut self, k: usize, conclusion: Conclusion, seen: Seen<'_>) -> bool {
        let Some(repeated) = self.repeat(k, seen) else { return false };
        match conclusion {
            Conclusion::Efficacy | Conclusion::Harm => repeated.conclusion != conclusion,
            _ => repeated.conclusion == Conclusion::Efficacy,
        }
    }
}
