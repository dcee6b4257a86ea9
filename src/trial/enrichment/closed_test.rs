//! Levels that are dropped at one look, and a closed test of the others at the final look.

use crate::design::MAX_LOOKS;
use crate::design::enrichment::{Enrichment, LevelSet, LevelStages, MOST_LEVELS};
use crate::scenario::{Analysis, PopulationAdaptation};
use crate::trial::monitoring::MonitoringEnd;
use crate::trial::{Conclusion, FollowedCohort, LookIndex, PhaseObserver};

/// A closed test, with the position of its look in the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClosedTest {
    pub at: usize,
    pub test: Enrichment,
    pub ordered: bool,
}

/// The look of a closed test, and the Z of each level there; −∞ without a statistic.
#[derive(Debug, Clone, Copy)]
struct FirstStage {
    look: LookIndex,
    z: [f64; MOST_LEVELS],
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Monitors a trial by a closed test.
    pub(super) fn monitor_closed_test(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        rule: ClosedTest,
    ) -> MonitoringEnd {
        let all = adaptation.all();
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut first = None;
        for look in self.looks.interims() {
            // The Z of all patients decides nothing, but rows and figures show the course of the trial.
            self.fill_population(analysis, adaptation, look, all);
            z[look.planned] = self.population_z(analysis).unwrap_or(f64::NAN);
            failed_looks += u32::from(z[look.planned].is_nan());
            if look.planned != rule.at {
                continue;
            }
            let levels = self.first_stage(analysis, adaptation, look);
            first = Some(FirstStage { look, z: levels });
            let seen = &levels[..adaptation.levels];
            if let Some(population) = &mut self.population {
                population.evidence.at_look[..adaptation.levels].copy_from_slice(seen);
            }
            let left = PopulationAdaptation::continuing(&rule.test, rule.ordered, seen);
            let continues = left == all
                || (!left.is_empty() && self.restrict(analysis, adaptation, look, left));
            if !continues {
                // What is estimated at the end is the effect in all patients.
                self.fill_population(analysis, adaptation, look, all);
                if let Some(population) = &mut self.population {
                    population.leave(look, LevelSet::NONE);
                }
                let conclusion = Conclusion::Futility;
                return MonitoringEnd { look, conclusion, test: None, z, failed_looks };
            }
            // Looks between this one and the final one decide nothing.
            break;
        }
        let (look, left) = {
            let current = self.current_population();
            (current.looks.last(), current.levels)
        };
        let stages = match first {
            Some(first) => self.both_stages(analysis, adaptation, look, first),
            // The look is left out if hardly any outcome is known after it: nothing can be combined then.
            None => [LevelStages { first: f64::NEG_INFINITY, second: None }; MOST_LEVELS],
        };
        let adjusted = rule.test.adjusted(&stages[..adaptation.levels]);
        // A level that was dropped has no second stage, and so never a finite Z.
        let rejected: LevelSet =
            left.iter().filter(|&level| adjusted[level] >= rule.test.critical()).collect();
        // The Z of the level that is nearest to a rejection, or furthest beyond it.
        let best = adjusted.into_iter().fold(f64::NEG_INFINITY, f64::max);
        z[look.planned] = if best.is_finite() { best } else { f64::NAN };
        failed_looks += u32::from(!best.is_finite());
        self.fill_population(analysis, adaptation, look, left);
        if let Some(population) = &mut self.population {
            population.rejected = rejected;
            population.evidence.combined = adjusted;
        }
        let conclusion =
            if rejected.is_empty() { Conclusion::NotSignificant } else { Conclusion::Efficacy };
        MonitoringEnd { look, conclusion, test: None, z, failed_looks }
    }

    /// Computes the Z of each level at the look of a closed test. A level without a statistic has no evidence
    /// of an effect.
    fn first_stage(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
    ) -> [f64; MOST_LEVELS] {
        let mut first = [f64::NEG_INFINITY; MOST_LEVELS];
        for (level, z) in first[..adaptation.levels].iter_mut().enumerate() {
            self.fill_population(analysis, adaptation, look, LevelSet::NONE.with(level));
            *z = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
        }
        first
    }

    /// Computes the Z of each level in both stages at the final look. Patients with an outcome at the look
    /// of the closed test are the first stage, all others of the level the second.
    fn both_stages(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        last: LookIndex,
        first: FirstStage,
    ) -> [LevelStages; MOST_LEVELS] {
        let left = self.current_population().levels;
        let mut stages = first.z.map(|first| LevelStages { first, second: None });
        for level in left.iter() {
            // Without a statistic in the first stage nothing can be combined.
            if first.z[level] == f64::NEG_INFINITY {
                continue;
            }
            self.fill_population(analysis, adaptation, last, LevelSet::NONE.with(level));
            let mut second = std::mem::take(&mut self.simulator.in_population);
            second.remove(&self.levels_at(analysis, adaptation, first.look)[level]);
            let has_patients = second.all.total() > 0;
            self.simulator.in_population = second;
            // Patients without a statistic are no evidence of an effect.
            let z = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
            stages[level].second = has_patients.then_some(z);
        }
        stages
    }
}
