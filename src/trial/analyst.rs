//! What an analysis computes from the data of a look: missing outcomes are imputed, then the method tests.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ReplicateStreams;
use super::description::Described;
use super::imputation::{Imputer, IncompleteData};
use crate::analysis::imputation::Imputation;
use crate::analysis::proportional_odds::assumption::ProportionalOddsTest;
use crate::analysis::{
    BoundMethod, Counts, FitStatus, KnownOutcomes, Scratch, Statistic, TestResult,
};
use crate::bayes::{
    DecisionCache, DecisionData, DecisionModel, DecisionRules, LookPlace, LookProbabilities,
};
use crate::design::Decision;
use crate::rng::Purpose;
use crate::scenario::{Analysis, Description};

/// The buffers of the analyses, refilled for every look.
#[derive(Debug, Default)]
pub(super) struct Analyst {
    scratch: Scratch,
    completed: KnownOutcomes,
    imputer: Imputer,
    groups: Vec<Counts>,
    decisions: DecisionCache,
}

impl Analyst {
    /// Computes the statistic of an analysis without its estimate, which is faster. Once `cancelled` is set
    /// there is none, as with [`Analyst::test`].
    pub fn statistic(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        streams: ReplicateStreams,
        cancelled: &AtomicBool,
    ) -> Statistic {
        // A single fit may take seconds, with a thousand centres as covariates and as many looks to come.
        if cancelled.load(Ordering::Relaxed) {
            return Statistic { z: None, test: None };
        }
        // The normal model of a Bayesian decision is one of the estimate.
        if analysis.model.as_ref().is_some_and(DecisionModel::needs_estimate) {
            return self.test(analysis, known, streams, cancelled).into();
        }
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

    /// Computes the statistic of an analysis with its estimate. Once `cancelled` is set there is none, and
    /// multiple imputation ends early: the replicate will not be used.
    pub fn test(
        &mut self,
        analysis: &Analysis,
        known: &KnownOutcomes,
        streams: ReplicateStreams,
        cancelled: &AtomicBool,
    ) -> TestResult {
        if cancelled.load(Ordering::Relaxed) {
            return TestResult::failed(FitStatus::NotConverged);
        }
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

    /// Decides at a look by posterior and predictive probabilities.
    pub fn decide(
        &mut self,
        rules: &DecisionRules,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
    ) -> Decision {
        rules.decide(model, place, data, &mut self.decisions)
    }

    /// Returns whether success at the final analysis is predicted with a probability of at least `least`.
    pub fn predicts(
        &mut self,
        rules: &DecisionRules,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
        least: f64,
    ) -> Option<bool> {
        rules.predicts(model, place, data, least, &mut self.decisions)
    }

    /// Computes the probabilities of a look.
    pub fn probabilities(
        &mut self,
        rules: &DecisionRules,
        model: &DecisionModel,
        place: LookPlace,
        data: DecisionData<'_>,
    ) -> Option<LookProbabilities> {
        rules.probabilities(model, place, data, &mut self.decisions)
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
pub(super) fn missing_rule<'a>(analysis: &'a Analysis, known: &KnownOutcomes) -> &'a Imputation {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Mrs;
    use crate::randomisation::Arm;
    use crate::rng::{Replicate, Streams};
    use crate::scenario::Scenario;

    #[test]
    fn nothing_is_analysed_once_a_simulation_is_cancelled() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let scenario = Scenario::parse(text, &[]).expect("it is shipped");
        let mut known = KnownOutcomes::default();
        known.reset(scenario.detail);
        for (arm, mrs) in [(Arm::Control, 4), (Arm::Control, 2), (Arm::Experimental, 1)] {
            known.record_many(arm, 0, Mrs::new(mrs).expect("0 to 6"), 10);
        }
        let streams =
            ReplicateStreams { streams: Streams::new(scenario.seed), replicate: Replicate(0) };
        let mut analyst = Analyst::default();
        for analysis in &scenario.analyses {
            let mut has_z = |cancelled| {
                let cancelled = AtomicBool::new(cancelled);
                let statistic = analyst.statistic(analysis, &known, streams, &cancelled);
                let test = analyst.test(analysis, &known, streams, &cancelled);
                [statistic.z.is_some(), test.z.is_finite()]
            };
            assert_eq!([has_z(false), has_z(true)], [[true; 2], [false; 2]], "{}", analysis.name);
        }
    }
}
