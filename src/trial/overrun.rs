//! What the outcomes still to come when a trial stops show, once they are in.

use super::cohort::Among;
use super::{Conclusion, Seen, Simulator};
use crate::analysis::{Statistic, TestResult};
use crate::scenario::AnalysisSet;

/// A final look at all who were randomised until the decision of an interim look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    /// Outcomes known in the end.
    pub analysed: u32,
    /// What the analysis makes of them; its Z is that of the re-randomisations, where there are any.
    pub test: TestResult,
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
        let Statistic { z, test } = self.statistic(seen, among);
        let draws = self.draws(seen.replicate);
        let test =
            test.unwrap_or_else(|| self.analyst.test(seen.analysis, &self.in_the_end, draws));
        let conclusion = self.conclude(k + 1, analysed, z);
        let test = TestResult { z: z.unwrap_or(f64::NAN), ..test };
        Some(Repeated { analysed, test, conclusion })
    }
}

impl Repeated {
    /// Whether it contradicts the conclusion of the look before; a stop for futility is contradicted
    /// by efficacy alone, one for adverse events by nothing.
    pub fn reverses(&self, conclusion: Conclusion) -> bool {
        match conclusion {
            Conclusion::Efficacy | Conclusion::Harm => self.conclusion != conclusion,
            Conclusion::Futility => self.conclusion == Conclusion::Efficacy,
            Conclusion::Safety | Conclusion::NotSignificant => false,
        }
    }
}
