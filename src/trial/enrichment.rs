//! Trials whose population may be restricted to some levels of a factor at an interim look.
//!
//! The trial goes on with the planned number of patients, who after the decision come from the levels that
//! are left. Patients of other levels who were randomised before are followed, and their outcomes count
//! towards the looks, but not in the analyses.

use super::cohort::{Cohort, PatientSelection};
use super::monitoring::MonitoringEnd;
use super::overrun::Repeated;
use super::{
    Conclusion, FollowedCohort, LookIndex, LookMoment, LookSequence, PhaseObserver, Simulator,
};
use crate::analysis::{KnownOutcomes, TestResult};
use crate::design::MAX_LOOKS;
use crate::design::enrichment::{
    Enrichment, LevelSet, LevelStages, MOST_LEVELS, NestedDecision, NestedSelection,
};
use crate::scenario::{Analysis, PopulationAdaptation, PopulationRule};

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
    restricted_at: Option<LookIndex>,
    /// The looks that take place, those after a restriction among them.
    looks: LookSequence,
}

/// What a rule does with the population at a look.
enum PopulationDecision {
    Continue,
    Restrict(LevelSet),
    End(Conclusion),
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
        });
        match adaptation.rule {
            PopulationRule::ClosedTest { look, test, ordered } => {
                let stages = ClosedTest { at: look, test, ordered };
                self.monitor_closed_test(analysis, adaptation, stages)
            }
            PopulationRule::NestedSelection { selection, effect } => {
                self.monitor_nested(analysis, adaptation, selection, effect)
            }
        }
    }

    fn monitor_closed_test(
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
            self.fill_population(analysis, adaptation, look, all);
            z[look.planned] = self.population_z(analysis).unwrap_or(f64::NAN);
            failed_looks += u32::from(z[look.planned].is_nan());
            if look.planned != rule.at {
                continue;
            }
            let levels = self.first_stage(analysis, adaptation, look);
            first = Some(levels);
            let seen = &levels[..adaptation.levels];
            let left = PopulationAdaptation::continuing(&rule.test, rule.ordered, seen);
            let continues =
                left == all || (!left.is_empty() && self.restrict(adaptation, look, left));
            if !continues {
                // What is estimated at the end is the effect in all patients.
                self.fill_population(analysis, adaptation, look, all);
                self.set_levels(LevelSet::NONE);
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
        let first = first.unwrap_or([f64::NEG_INFINITY; MOST_LEVELS]);
        let stages = self.both_stages(analysis, adaptation, look, &first);
        let adjusted = rule.test.adjusted(&stages[..adaptation.levels]);
        let rejected: LevelSet =
            left.iter().filter(|&level| adjusted[level] >= rule.test.critical()).collect();
        // The Z of the level that is nearest to a rejection, or furthest beyond it.
        let best = adjusted.into_iter().fold(f64::NEG_INFINITY, f64::max);
        z[look.planned] = if best.is_finite() { best } else { f64::NAN };
        failed_looks += u32::from(!best.is_finite());
        self.fill_population(analysis, adaptation, look, left);
        if let Some(population) = &mut self.population {
            population.rejected = rejected;
        }
        let conclusion =
            if rejected.is_empty() { Conclusion::NotSignificant } else { Conclusion::Efficacy };
        MonitoringEnd { look, conclusion, test: None, z, failed_looks }
    }

    /// Computes the Z of each level at the look of a closed test, and keeps its outcomes. A level without
    /// a statistic has no evidence of an effect.
    fn first_stage(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
    ) -> [f64; MOST_LEVELS] {
        let mut first = [f64::NEG_INFINITY; MOST_LEVELS];
        self.simulator.first_stage.resize_with(adaptation.levels, KnownOutcomes::default);
        for level in 0..adaptation.levels {
            self.fill_population(analysis, adaptation, look, LevelSet::NONE.with(level));
            first[level] = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
            let Simulator { first_stage, in_population, .. } = &mut *self.simulator;
            first_stage[level].clone_from(in_population);
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
        first: &[f64; MOST_LEVELS],
    ) -> [LevelStages; MOST_LEVELS] {
        let left = self.current_population().levels;
        let mut stages = first.map(|first| LevelStages { first, second: None });
        for level in left.iter() {
            // Without a first stage, as the look did not take place, nothing can be combined.
            if first[level] == f64::NEG_INFINITY {
                continue;
            }
            self.fill_population(analysis, adaptation, last, LevelSet::NONE.with(level));
            let Simulator { first_stage, in_population, .. } = &mut *self.simulator;
            in_population.remove(&first_stage[level]);
            let has_patients = in_population.all.total() > 0;
            // Patients without a statistic are no evidence of an effect.
            let z = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
            stages[level].second = has_patients.then_some(z);
        }
        stages
    }

    fn monitor_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        effect: f64,
    ) -> MonitoringEnd {
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut position = 0;
        loop {
            let look = self.current_population().looks.taken(position);
            let levels = self.current_population().levels;
            self.fill_population(analysis, adaptation, look, levels);
            let statistic = self.population_z(analysis);
            z[look.planned] = statistic.unwrap_or(f64::NAN);
            failed_looks += u32::from(statistic.is_none());
            let decision = self.judge_nested(analysis, adaptation, selection, effect, look);
            // The Z of the population that was selected, if one was.
            if let Some(selected) = self.population_z(analysis) {
                z[look.planned] = selected;
            }
            let conclusion = match decision {
                PopulationDecision::Continue => None,
                PopulationDecision::Restrict(levels) => {
                    let is_possible = self.restrict(adaptation, look, levels);
                    (!is_possible).then_some(Conclusion::Futility)
                }
                PopulationDecision::End(conclusion) => Some(conclusion),
            };
            if let Some(conclusion) = conclusion {
                return MonitoringEnd { look, conclusion, test: None, z, failed_looks };
            }
            position += 1;
        }
    }

    /// Judges the current population at a look, and the one that takes its place if it is futile.
    fn judge_nested(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: NestedSelection,
        effect: f64,
        look: LookIndex,
    ) -> PopulationDecision {
        let before = self.current_population().levels;
        loop {
            let levels = self.current_population().levels;
            let is_whole = levels == adaptation.all();
            let Some(z) = self.population_z(analysis) else {
                // A look without a statistic decides nothing.
                return if look.is_final {
                    PopulationDecision::End(Conclusion::NotSignificant)
                } else {
                    PopulationDecision::Continue
                };
            };
            let decision = if look.is_final {
                selection.at_final(z, is_whole)
            } else {
                let against = self.z_against(analysis, effect).unwrap_or(f64::INFINITY);
                selection.at_interim(z, against, is_whole)
            };
            match decision {
                NestedDecision::Efficacy => {
                    if let Some(population) = &mut self.population {
                        population.rejected = levels;
                    }
                    return PopulationDecision::End(Conclusion::Efficacy);
                }
                NestedDecision::Continue if levels == before => {
                    return PopulationDecision::Continue;
                }
                NestedDecision::Continue => return PopulationDecision::Restrict(levels),
                NestedDecision::Futility if look.is_final => {
                    return PopulationDecision::End(Conclusion::NotSignificant);
                }
                NestedDecision::Futility => return PopulationDecision::End(Conclusion::Futility),
                NestedDecision::Select => {
                    let mut nested = [f64::NEG_INFINITY; MOST_LEVELS];
                    let sizes = 1..adaptation.levels;
                    for size in sizes.clone() {
                        let first = LevelSet::first(size);
                        self.fill_population(analysis, adaptation, look, first);
                        nested[size - 1] = self.population_z(analysis).unwrap_or(f64::NEG_INFINITY);
                    }
                    let Some(selected) = selection.selected(&nested[..sizes.len()]) else {
                        // A factor with one level has no smaller population.
                        let conclusion = if look.is_final {
                            Conclusion::NotSignificant
                        } else {
                            Conclusion::Futility
                        };
                        return PopulationDecision::End(conclusion);
                    };
                    let selected = LevelSet::first(selected + 1);
                    self.fill_population(analysis, adaptation, look, selected);
                    self.set_levels(selected);
                    if let Some(population) = &mut self.population {
                        population.restricted_at.get_or_insert(look);
                    }
                }
            }
        }
    }

    /// Computes the Z of the current population against an effect on the scale of the analysis; `None` if
    /// its estimate has no error.
    fn z_against(&mut self, analysis: &Analysis, effect: f64) -> Option<f64> {
        let test = self.population_test(analysis);
        let (z, standard_error) = analysis.estimate_over_error(&test)?;
        Some(z - effect / standard_error)
    }

    /// Restricts the population after a look: later patients are of these levels. Returns whether there
    /// are such patients.
    fn restrict(
        &mut self,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        levels: LevelSet,
    ) -> bool {
        let kept = self.moment(look).at_decision.randomised;
        let current = self.current_population();
        let (truth, streams) = (self.truth, self.streams);
        let Simulator { scenario, restricted, drawn, .. } = &mut *self.simulator;
        let is_eligible = |stratum: usize| adaptation.includes(levels, stratum);
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
        let looks = LookSequence::new(restricted.moments.len(), scenario.design.looks().len());
        if let Some(population) = &mut self.population {
            population.looks = looks;
        }
        true
    }

    /// Fills the table of the population with the outcomes of some levels at a look.
    fn fill_population(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        levels: LevelSet,
    ) {
        self.fill_population_of(analysis, adaptation, PatientSelection::DueBy(look), levels);
    }

    fn fill_population_of(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        selection: PatientSelection,
        levels: LevelSet,
    ) {
        let is_drawn = self.is_drawn;
        let Simulator { scenario, cohort, restricted, in_population, .. } = &mut *self.simulator;
        let cohort: &Cohort = if is_drawn { &restricted.cohort } else { cohort };
        cohort.fill_strata(in_population, scenario.detail, selection, analysis.set, |stratum| {
            adaptation.includes(levels, stratum)
        });
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
        let levels = self.current_population().levels;
        let last = match adaptation.rule {
            // It stops only once no level is left.
            PopulationRule::ClosedTest { .. } => return None,
            PopulationRule::NestedSelection { selection, .. } => selection.last,
        };
        let selection = PatientSelection::FirstRandomised(self.moment(look).at_decision.randomised);
        let before = self.simulator.in_population.all.total();
        self.fill_population_of(analysis, adaptation, selection, levels);
        let analysed = self.simulator.in_population.all.total();
        let test = self.population_test(analysis);
        self.fill_population(analysis, adaptation, look, levels);
        if analysed <= before {
            return None;
        }
        let conclusion =
            if test.z >= last { Conclusion::Efficacy } else { Conclusion::NotSignificant };
        Some(Repeated { analysed, test, conclusion })
    }

    /// Returns the moment of a look of a trial whose population has been restricted; `None` for others.
    pub(super) fn moment_if_restricted(&self, look: LookIndex) -> Option<LookMoment> {
        self.is_drawn.then(|| self.simulator.restricted.moments[look.taken])
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

/// A closed test, with the position of its look in the plan.
#[derive(Debug, Clone, Copy)]
struct ClosedTest {
    at: usize,
    test: Enrichment,
    ordered: bool,
}
