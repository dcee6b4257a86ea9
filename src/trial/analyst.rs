//! What an analysis computes from the data of a look: missing outcomes are imputed, then the method tests.

use std::sync::atomic::AtomicBool;

use super::ReplicateStreams;
use super::description::Described;
use super::imputation::{Imputer, IncompleteData};
use crate::analysis::imputation::Imputation;
use crate::analysis::proportional_odds::assumption::ProportionalOddsTest;
use crate::analysis::{BoundMethod, Counts, KnownOutcomes, Scratch, Statistic, TestResult};
use crate::rng::Purpose;
use crate::scenario::{Analysis, Description};

/// The buffers of the analyses, refilled for every look.
#[derive(Debug, Default)]
pub(super) struct Analyst {
    scratch: Scratch,
    completed: KnownOutcomes,
    imputer: Imputer,
    groups: Vec<Counts>,
}

impl Analyst {
    /// Computes the statistic of an analysis without its estimate, which is faster.
    pub fn statistic(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        streams: ReplicateStreams,
        cancelled: &AtomicBool,
    ) -> Statistic {
        match missing_rule(analysis, known) {
            Imputation::None => analysis.method.statistic(known, &mut self.scratch),
            Imputation::Single(rule) => {
                rule.complete(known, &mut self.completed);
                analysis.method.statistic(&self.completed, &mut self.scratch)
            }
            // Rubin's rules combine estimates: there is no shorter way.
            Imputation::Multiple(_) => self.test(analysis, known, streams, cancelled).into(),
        }
    }

    /// Computes the statistic of an analysis with its estimate. Multiple imputation ends early once
    /// `cancelled` is set.
    pub fn test(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        streams: ReplicateStreams,
        cancelled: &AtomicBool,
    ) -> TestResult {
        let Self { scratch, completed, imputer, .. } = self;
        match missing_rule(analysis, known) {
            Imputation::None => analysis.method.test(known, scratch),
            Imputation::Single(rule) => {
                rule.complete(known, completed);
                analysis.method.test(completed, scratch)
            }
            Imputation::Multiple(rule) => {
                // The same stream for every look, truth and analysis, so that they are compared on the same
                // draws.
                let mut rng = streams.stream(Purpose::Imputation);
                let data = IncompleteData { known, rule, cancelled };
                imputer.analyse(data, &analysis.method, scratch, &mut rng)
            }
        }
    }

    /// Computes the supplementary analyses of a trial that has ended.
    pub fn describe(
        &mut self,
        description: &Description,
        known: &KnownOutcomes,
        described: &mut Described,
    ) {
        described.refill(description, known, &mut self.scratch, &mut self.groups);
    }

    /// Tests a table for proportional odds; `None` if the test has no value.
    pub fn proportional_odds(&mut self, counts: &Counts) -> Option<ProportionalOddsTest> {
        ProportionalOddsTest::new(counts, self.scratch.ordinal())
    }

    /// Fills the tipping-point table of an analysis, see [`Described::tip`].
    pub fn tip(
        &mut self,
        method: &BoundMethod,
        known: &KnownOutcomes,
        described: &mut Described,
        rejects: impl Fn(f64) -> bool,
    ) {
        described.tip(method, known, &mut self.scratch, &mut self.completed, rejects);
    }
}

/// Returns what an analysis does about missing outcomes at a look.
fn missing_rule<'a>(analysis: &'a Analysis, known: &KnownOutcomes) -> &'a Imputation {
    // A look without any known outcome has no information and so no boundary: nothing is imputed there.
    if known.all.total() == 0 { &Imputation::None } else { &analysis.missing }
}

/// Counts the patients whose outcome an analysis has or imputes.
pub(super) fn patients_analysed(analysis: &Analysis, known: &KnownOutcomes) -> u32 {
    let imputed = match missing_rule(analysis, known) {
        Imputation::None => 0,
        Imputation::Single(_) | Imputation::Multiple(_) => known.missing.iter().flatten().sum(),
    };
    known.all.total() + imputed
}
