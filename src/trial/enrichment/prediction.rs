//! The last levels of an ordered factor, dropped one by one while success in the population is improbable.

use super::{CurrentPopulation, JudgedLook, PopulationDecision};
use crate::analysis::TestResult;
use crate::design::Decision;
use crate::design::enrichment::{LevelSet, MOST_LEVELS};
use crate::scenario::{Analysis, PopulationAdaptation};
use crate::trial::cohort::PatientSelection;
use crate::trial::monitoring::FinalTable;
use crate::trial::{Conclusion, FollowedCohort, LookIndex, PhaseObserver};

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Drops the last level at a look while the predictive probability of success is below `drop_below`,
    /// and decides about the population that is left by the rules of the design.
    pub(super) fn judge_by_prediction(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        drop_below: f64,
        look: LookIndex,
    ) -> JudgedLook {
        let before = self.current_population().levels;
        let test = if look.is_final {
            self.population_test(analysis)
        } else {
            self.drop_last_levels(analysis, adaptation, look, drop_below)
        };
        // The levels left, of which the table has the outcomes now.
        let levels = self.current_population().levels;
        let z = self.population_z(analysis);
        let continued = if levels == before {
            PopulationDecision::Continue
        } else {
            PopulationDecision::Restrict(levels)
        };
        let unless_stopped = if look.is_final {
            PopulationDecision::End(Conclusion::NotSignificant)
        } else {
            continued
        };
        let (decision, unless_stopped) =
            match z.map(|z| self.decide_in_population(analysis, look, z, test)) {
                Some(Decision::Efficacy) => {
                    self.reject_in(levels);
                    let success = PopulationDecision::End(Conclusion::Efficacy);
                    (success, success)
                }
                Some(Decision::Harm) => (PopulationDecision::End(Conclusion::Harm), unless_stopped),
                Some(Decision::Futility) if !look.is_final => {
                    (PopulationDecision::End(Conclusion::Futility), unless_stopped)
                }
                // A look without a statistic decides nothing.
                Some(Decision::Futility | Decision::Continue) | None => {
                    (unless_stopped, unless_stopped)
                }
            };
        JudgedLook { z, is_failed: z.is_none(), decision, unless_stopped }
    }

    /// Drops the last level until success in the others is probable, and returns the test in them.
    fn drop_last_levels(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        drop_below: f64,
    ) -> TestResult {
        loop {
            let levels = self.current_population().levels;
            let test = self.population_test(analysis);
            // Without a probability there is no reason to drop a level.
            if levels.len() == 1 || self.predicts(analysis, look, test, drop_below).unwrap_or(true)
            {
                return test;
            }
            let fewer = LevelSet::first(levels.len() - 1);
            if let Some(population) = &mut self.population {
                population.restrict(look, fewer);
            }
            self.fill_population(analysis, adaptation, look, fewer);
        }
    }

    /// Decides about the current population at a look with this Z and test.
    fn decide_in_population(
        &mut self,
        analysis: &Analysis,
        look: LookIndex,
        z: f64,
        test: TestResult,
    ) -> Decision {
        if look.is_final {
            let looks = self.analysed_by(look);
            let of = PatientSelection::DueBy(look);
            self.decide_finally(analysis, FinalTable { looks, of }, z, Some(test))
        } else {
            self.decide(analysis, look, z, Some(test))
        }
    }

    /// Computes the predictive probability of success in each population that was judged at the look which
    /// first dropped a level, by its number of levels less one; NaN for the others.
    pub(in crate::trial) fn predictions(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
    ) -> [f64; MOST_LEVELS] {
        let mut predictions = [f64::NAN; MOST_LEVELS];
        let at_end = self.current_population();
        // From the levels left there to all, each as it was judged.
        for number in at_end.left_after[look.taken].len()..=adaptation.levels {
            let levels = LevelSet::first(number);
            self.population = Some(CurrentPopulation { levels, ..at_end });
            self.fill_population(analysis, adaptation, look, levels);
            let test = self.population_test(analysis);
            let found = self.probabilities(analysis, look, test);
            predictions[number - 1] = found.and_then(|it| it.predictive).unwrap_or(f64::NAN);
        }
        self.population = Some(at_end);
        predictions
    }
}
