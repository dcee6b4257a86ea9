//! The last levels of an ordered factor, dropped one by one while success in the population is improbable.

use crate::design::enrichment::{LevelSet, MOST_LEVELS};
use crate::design::{Decision, MAX_LOOKS};
use crate::scenario::{Analysis, PopulationAdaptation};
use crate::trial::cohort::PatientSelection;
use crate::trial::monitoring::{FinalTable, MonitoringEnd};
use crate::trial::{Conclusion, FollowedCohort, LookIndex, PhaseObserver};

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Monitors a trial that drops its last level while the predictive probability of success is below
    /// `drop_below`, and decides about the population that is left by the rules of the design.
    pub(super) fn monitor_by_prediction(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        drop_below: f64,
    ) -> MonitoringEnd {
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut position = 0;
        loop {
            let look = self.current_population().looks.taken(position);
            let before = self.current_population().levels;
            self.fill_population(adaptation, look, before);
            if !look.is_final {
                self.drop_last_levels(analysis, adaptation, look, drop_below);
            }
            // The levels left, of which the table has the outcomes now.
            let levels = self.current_population().levels;
            let statistic = self.population_z(analysis);
            z[look.planned] = statistic.unwrap_or(f64::NAN);
            failed_looks += u32::from(statistic.is_none());
            let decision = statistic.map(|z| self.decide_in_population(analysis, look, z));
            let conclusion = match decision {
                Some(Decision::Efficacy) => {
                    if let Some(population) = &mut self.population {
                        population.rejected = levels;
                    }
                    Some(Conclusion::Efficacy)
                }
                Some(Decision::Harm) => Some(Conclusion::Harm),
                Some(Decision::Futility) if !look.is_final => Some(Conclusion::Futility),
                // A look without a statistic decides nothing.
                Some(Decision::Futility | Decision::Continue) | None if look.is_final => {
                    Some(Conclusion::NotSignificant)
                }
                Some(Decision::Futility | Decision::Continue) | None => None,
            };
            // A trial whose levels left have no patients cannot go on.
            let continues = conclusion.is_none()
                && (levels == before || self.restrict(analysis, adaptation, look, levels));
            if !continues {
                let conclusion = conclusion.unwrap_or(Conclusion::Futility);
                return MonitoringEnd { look, conclusion, test: None, z, failed_looks };
            }
            position += 1;
        }
    }

    fn drop_last_levels(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        drop_below: f64,
    ) {
        loop {
            let levels = self.current_population().levels;
            if levels.len() == 1 {
                return;
            }
            let test = self.population_test(analysis);
            // Without a probability there is no reason to drop a level.
            if self.predicts(analysis, look, test, drop_below).unwrap_or(true) {
                return;
            }
            let fewer = LevelSet::first(levels.len() - 1);
            self.set_levels(fewer);
            if let Some(population) = &mut self.population {
                population.restricted_at.get_or_insert(look);
            }
            self.fill_population(adaptation, look, fewer);
        }
    }

    /// Decides about the current population at a look with this Z.
    fn decide_in_population(&mut self, analysis: &Analysis, look: LookIndex, z: f64) -> Decision {
        let test = Some(self.population_test(analysis));
        if look.is_final {
            let looks = self.analysed_by(look);
            let of = PatientSelection::DueBy(look);
            self.decide_finally(analysis, FinalTable { looks, of }, z, test)
        } else {
            self.decide(analysis, look, z, test)
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
        let left = self.current_population().levels;
        // From the levels left to all, each as it was judged.
        for number in left.len()..=adaptation.levels {
            let levels = LevelSet::first(number);
            self.set_levels(levels);
            self.fill_population(adaptation, look, levels);
            let test = self.population_test(analysis);
            let found = self.probabilities(analysis, look, test);
            predictions[number - 1] = found.and_then(|it| it.predictive).unwrap_or(f64::NAN);
        }
        self.set_levels(left);
        predictions
    }
}
