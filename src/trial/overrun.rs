//! What the outcomes that are still missing when a trial stops show once they are known.

use super::cohort::PatientSelection;
use super::monitoring::FinalTable;
use super::{Conclusion, FollowedCohort, LookIndex, PhaseObserver, Simulator};
use crate::analysis::{Statistic, TestResult};
use crate::scenario::{Analysis, AnalysisSet};

/// A final look at all patients randomised until the decision of an interim look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    /// Outcomes finally known.
    pub analysed: u32,
    /// The test of them; its Z is that of the re-randomisations, if any.
    pub test: TestResult,
    /// The conclusion that such a look would have reached.
    pub conclusion: Conclusion,
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Repeats the analysis of an interim look when all patients randomised by its decision have been
    /// followed to their end: `with_overrun` then has the outcomes that became known between its data and
    /// the decision, and those of the overrunning patients. `None` if there are no further outcomes.
    pub(super) fn repeat(&mut self, look: LookIndex, analysis: &Analysis) -> Option<Repeated> {
        let randomised = self.moment(look).at_decision.randomised;
        // Whether there are further outcomes, and what boundaries they meet, depends on all patients by the
        // arm allocated, whatever set the analysis sees.
        self.fill_with_overrun(randomised, AnalysisSet::IntentionToTreat);
        let analysed = self.simulator.with_overrun.all.total();
        if analysed <= self.outcomes_known(look) {
            return None;
        }
        if analysis.set != AnalysisSet::IntentionToTreat {
            self.fill_with_overrun(randomised, analysis.set);
        }
        let of = PatientSelection::FirstRandomised(randomised);
        let statistic = self.statistic(analysis, of);
        let outcomes = FinalTable { looks: self.analysed_by(look).then(analysed), of };
        let conclusion = self.conclude(analysis, outcomes, statistic);
        let Statistic { z, test } = statistic;
        let Simulator { analyst, with_overrun, cancelled, .. } = &mut *self.simulator;
        let test =
            test.unwrap_or_else(|| analyst.test(analysis, with_overrun, self.streams, cancelled));
        let test = TestResult { z: z.unwrap_or(f64::NAN), ..test };
        Some(Repeated { analysed, test, conclusion })
    }
}

impl Repeated {
    /// Whether the repeated look contradicts the conclusion of the one before. A stop for futility is
    /// contradicted by efficacy alone, one for adverse events by nothing.
    pub fn reverses(&self, conclusion: Conclusion) -> bool {
        match conclusion {
            Conclusion::Efficacy | Conclusion::Harm => self.conclusion != conclusion,
            Conclusion::Futility => self.conclusion == Conclusion::Efficacy,
            Conclusion::Safety | Conclusion::NotSignificant => false,
        }
    }
}
