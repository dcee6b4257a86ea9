//! Trials whose population may be restricted to some levels of a factor at an interim look.
//!
//! The trial goes on with the planned number of patients, who after the decision come from the levels that
//! are left. Patients of other levels who were randomised before are followed, and their outcomes count
//! towards the looks, but not in the analyses.

mod closed_test;
mod nested;
mod prediction;

use super::cohort::{Cohort, PatientSelection};
use super::monitoring::{FinalTable, MonitoringEnd};
use super::overrun::Repeated;
use super::{
    Conclusion, FollowedCohort, LookIndex, LookMoment, LookSequence, PhaseObserver, Simulator,
};
use crate::analysis::{KnownOutcomes, TestResult};
use crate::design::Decision;
use crate::design::enrichment::{LevelSet, MOST_LEVELS};
use crate::scenario::{Analysis, PopulationAdaptation, PopulationRule};
use closed_test::ClosedTest;

/// The population of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PopulationResult {
    /// Levels that were left when the trial ended.
    pub levels: LevelSet,
    /// Levels in which the experimental treatment was shown to be better.
    pub rejected: LevelSet,
    /// Number of the look at which the population was first restricted, from 1; `None` if it was not.
    pub restricted_at: Option<u8>,
    /// Patients randomised until the decision who are of other levels than those left; 0 if none is.
    pub excluded: u32,
    /// People who had arrived by then, eligible or not.
    pub screened: u32,
    /// Place of the looks of a restricted trial in [`ReplicateResult::own_looks`]: the first of them, and
    /// how many.
    ///
    /// [`ReplicateResult::own_looks`]: super::ReplicateResult::own_looks
    pub own_looks: (u32, u32),
}

/// The population of a trial while it is analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurrentPopulation {
    pub levels: LevelSet,
    rejected: LevelSet,
    /// The look that first restricted it.
    pub restricted_at: Option<LookIndex>,
    /// The looks that take place, those after a restriction among them.
    pub looks: LookSequence,
    /// What decided on the levels.
    pub evidence: LevelEvidence,
}

/// What decided on the levels of a trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelEvidence {
    /// Z of each level at the look of a closed test; of nested levels, that of each level together with
    /// those before it when they were compared. −∞ without a statistic, NaN if not computed.
    pub at_look: [f64; MOST_LEVELS],
    /// Z against the effect assumed, of the population judged last; NaN if none was judged by it.
    pub against_effect: f64,
    /// Z of each level at the end of a closed test, by the intersection that counts; −∞ for a level that
    /// cannot be rejected, NaN before the end.
    pub combined: [f64; MOST_LEVELS],
}

impl LevelEvidence {
    const NONE: Self = Self {
        at_look: [f64::NAN; MOST_LEVELS],
        against_effect: f64::NAN,
        combined: [f64::NAN; MOST_LEVELS],
    };
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Monitors a trial whose population may be restricted. Leaves the outcomes of the look that ended it,
    /// in the population that was left, as those that the analysis sees.
    pub(super) fn monitor_population(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
    ) -> MonitoringEnd {
        let all = adaptation.all();
        self.population = Some(CurrentPopulation {
            levels: all,
            rejected: LevelSet::NONE,
            restricted_at: None,
            looks: self.looks,
            evidence: LevelEvidence::NONE,
        });
        self.fill_levels(analysis, adaptation);
        match adaptation.rule {
            PopulationRule::ClosedTest { look, test, ordered } => {
                let stages = ClosedTest { at: look, test, ordered };
                self.monitor_closed_test(analysis, adaptation, stages)
            }
            PopulationRule::NestedSelection { selection, effect } => {
                self.monitor_nested(analysis, adaptation, selection, effect)
            }
            PopulationRule::PredictiveProbability { drop_below } => {
                self.monitor_by_prediction(analysis, adaptation, drop_below)
            }
        }
    }

    /// Restricts the population after a look: later patients are of these levels. Returns whether there
    /// are such patients.
    fn restrict(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        levels: LevelSet,
    ) -> bool {
        let kept = self.moment(look).at_decision.randomised;
        let current = self.current_population();
        let (truth, streams) = (self.truth, self.streams);
        let Simulator { scenario, restricted, drawn, .. } = &mut *self.simulator;
        let is_eligible = |stratum: usize| adaptation.includes(levels, stratum);
        // A level may have no patients in the population: nobody would ever come.
        let mut shares = scenario.population.prognosis().map(|(share, _)| share).enumerate();
        self.population = Some(CurrentPopulation {
            levels,
            restricted_at: current.restricted_at.or(Some(look)),
            ..current
        });
        if !shares.any(|(stratum, share)| is_eligible(stratum) && share > 0.0) {
            return false;
        }
        if !self.is_drawn {
            restricted.begin(scenario.randomised);
            self.is_drawn = true;
        }
        // Drawn under this truth alone: others may have kept other patients.
        restricted.restrict(scenario, streams, kept, is_eligible);
        super::enrolled::draw_stated(&mut restricted.cohort, scenario, drawn.as_ref(), truth);
        restricted.cohort.lose(scenario);
        restricted.cohort.find_looks(scenario, &mut restricted.moments);
        // Looks that have taken place remain, even if hardly any outcome is known after them.
        let before = &self.result.looks[truth.index()];
        if restricted.moments.len() < look.taken + 2 {
            let last = restricted.moments.pop().expect("a trial has a final look");
            restricted.moments.truncate(0);
            restricted.moments.extend_from_slice(&before[..=look.taken]);
            restricted.moments.push(last);
        }
        // Fewer outcomes may be lost, or more, than in the unrestricted trial, and with them looks.
        let looks = LookSequence::new(restricted.moments.len(), scenario.design.looks().len());
        if let Some(population) = &mut self.population {
            population.looks = looks;
        }
        self.fill_levels(analysis, adaptation);
        true
    }

    /// Fills the tables of all levels at all looks, as an analysis sees them.
    fn fill_levels(&mut self, analysis: &Analysis, adaptation: &PopulationAdaptation) {
        let looks = self.looks_of_trial().all().count();
        let is_drawn = self.is_drawn;
        let Simulator { scenario, cohort, restricted, by_level, .. } = &mut *self.simulator;
        let cohort = if is_drawn { &restricted.cohort } else { &*cohort };
        // All looks at once: a patient is counted once, and sets of levels are sums.
        by_level.resize_with(looks * adaptation.levels, KnownOutcomes::default);
        cohort.fill_by_level(by_level, scenario.detail, analysis.set, adaptation);
    }

    /// Fills the table of the population with the outcomes of some levels at a look.
    fn fill_population(
        &mut self,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        levels: LevelSet,
    ) {
        let Simulator { scenario, in_population, by_level, .. } = &mut *self.simulator;
        in_population.reset(scenario.detail);
        for level in levels.iter() {
            in_population.add(&by_level[look.taken * adaptation.levels + level]);
        }
    }

    /// Computes the statistic of the outcomes in the table of the population.
    fn population_z(&mut self, analysis: &Analysis) -> Option<f64> {
        let Simulator { analyst, in_population, cancelled, .. } = &mut *self.simulator;
        analyst.statistic(analysis, in_population, self.streams, cancelled).z
    }

    fn population_test(&mut self, analysis: &Analysis) -> TestResult {
        let Simulator { analyst, in_population, cancelled, .. } = &mut *self.simulator;
        analyst.test(analysis, in_population, self.streams, cancelled)
    }

    fn current_population(&self) -> CurrentPopulation {
        self.population.expect("the scenario has a rule for the population")
    }

    fn set_levels(&mut self, levels: LevelSet) {
        if let Some(population) = &mut self.population {
            population.levels = levels;
        }
    }

    /// Repeats the analysis of an interim look in the population that was left, when all patients
    /// randomised by its decision have been followed to their end. `None` if there are no further
    /// outcomes, or if no level was left.
    pub(super) fn repeat_in_population(
        &mut self,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        analysis: &Analysis,
    ) -> Option<Repeated> {
        // A closed test stops only once no level is left.
        if matches!(adaptation.rule, PopulationRule::ClosedTest { .. }) {
            return None;
        }
        let levels = self.current_population().levels;
        let of = PatientSelection::FirstRandomised(self.moment(look).at_decision.randomised);
        let (streams, is_drawn) = (self.streams, self.is_drawn);
        let Simulator { scenario, cohort, restricted, in_population, with_overrun, .. } =
            &mut *self.simulator;
        let cohort = if is_drawn { &restricted.cohort } else { &*cohort };
        cohort.fill_strata(with_overrun, scenario.detail, of, analysis.set, |stratum| {
            adaptation.includes(levels, stratum)
        });
        let analysed = with_overrun.all.total();
        if analysed <= in_population.all.total() {
            return None;
        }
        let Simulator { with_overrun, analyst, cancelled, .. } = &mut *self.simulator;
        let test = analyst.test(analysis, with_overrun, streams, cancelled);
        let is_shown = match adaptation.rule {
            PopulationRule::ClosedTest { .. } => false,
            PopulationRule::NestedSelection { selection, .. } => test.z >= selection.last,
            PopulationRule::PredictiveProbability { .. } => {
                let outcomes = FinalTable { looks: self.analysed_by(look).then(analysed), of };
                !test.z.is_nan()
                    && self.decide_finally(analysis, outcomes, test.z, Some(test))
                        == Decision::Efficacy
            }
        };
        let conclusion = if is_shown { Conclusion::Efficacy } else { Conclusion::NotSignificant };
        Some(Repeated { analysed, test, conclusion })
    }

    /// Fills the table of the population as it was at a look of a trial that has ended.
    pub(super) fn recall_population(&mut self, adaptation: &PopulationAdaptation, look: LookIndex) {
        let current = self.current_population();
        // Only what decided is kept while the trial is simulated; a trace needs the looks before as well.
        let was_restricted = current.restricted_at.is_some_and(|at| match adaptation.rule {
            // The levels left after the look are analysed at the final one.
            PopulationRule::ClosedTest { .. } => look.taken > at.taken,
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => look.taken >= at.taken,
        });
        let levels = if was_restricted { current.levels } else { adaptation.all() };
        self.fill_population(adaptation, look, levels);
    }

    /// Returns the moment of a look of a trial whose population has been restricted; `None` for others.
    pub(super) fn moment_if_restricted(&self, look: LookIndex) -> Option<LookMoment> {
        self.is_drawn.then(|| self.simulator.restricted.moments[look.taken])
    }

    /// Returns whether a patient of the current analysis's trial is in its population.
    pub(super) fn is_in_population(&self, i: usize) -> bool {
        let adaptation = self.simulator.scenario.adaptation.population.as_ref();
        match (adaptation, self.population) {
            (Some(adaptation), Some(population)) => {
                adaptation.includes(population.levels, self.cohort().enrolled.strata[i] as usize)
            }
            (None, _) | (_, None) => true,
        }
    }

    /// Returns the cohort of the current analysis's trial.
    pub(super) fn cohort(&self) -> &Cohort {
        if self.is_drawn { &self.simulator.restricted.cohort } else { &self.simulator.cohort }
    }

    /// Describes the population of a trial that has ended at a look; `None` if the scenario has no rule
    /// for it.
    pub(super) fn population_at_end(&mut self, look: LookIndex) -> Option<PopulationResult> {
        let adaptation = self.simulator.scenario.adaptation.population.as_ref()?;
        let population = self.population?;
        let randomised = self.moment(look).at_decision.randomised;
        let levels = population.levels;
        let strata = &self.cohort().enrolled.strata[..randomised as usize];
        let excluded =
            strata.iter().filter(|&&stratum| !adaptation.includes(levels, stratum as usize));
        let excluded = if levels.is_empty() { 0 } else { excluded.count() as u32 };
        let screened =
            if self.is_drawn { self.simulator.restricted.screened(randomised) } else { randomised };
        // Copied to one list of the replicate, so that a result holds no list and can be copied.
        let own_looks = if self.is_drawn {
            let moments = &self.simulator.restricted.moments;
            let first = self.result.own_looks.len() as u32;
            self.result.own_looks.extend_from_slice(moments);
            (first, moments.len() as u32)
        } else {
            (0, 0)
        };
        Some(PopulationResult {
            levels,
            rejected: population.rejected,
            restricted_at: population.restricted_at.map(|look| look.number() as u8),
            excluded,
            screened,
            own_looks,
        })
    }
}
