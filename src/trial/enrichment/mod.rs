//! Trials whose population may be restricted to some levels of a factor at an interim look.
//!
//! The trial goes on with the planned number of patients, who after the decision come from the levels that
//! are left. Patients of other levels who were randomised before are followed, and their outcomes count
//! towards the looks, but not in the analyses.

mod closed_test;
mod nested;
mod prediction;

use super::cohort::{Cohort, PatientSelection, RestrictedCohort, Restriction};
use super::monitoring::{FinalTable, MonitoringEnd};
use super::overrun::Repeated;
use super::{
    Conclusion, FollowedCohort, LookIndex, LookMoment, LookSequence, PhaseObserver, Simulator,
};
use crate::analysis::{KnownOutcomes, TestResult};
use crate::design::enrichment::{LevelSet, MOST_LEVELS};
use crate::design::{Decision, MAX_LOOKS};
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

/// What a rule decides about the population at a look.
#[derive(Debug, Clone, Copy)]
enum PopulationDecision {
    Continue,
    Restrict(LevelSet),
    End(Conclusion),
}

impl PopulationDecision {
    /// Returns the decision of a look without a statistic, which is none unless the look is the last.
    fn without_statistic(look: LookIndex) -> Self {
        if look.is_final { Self::End(Conclusion::NotSignificant) } else { Self::Continue }
    }
}

/// A look that was judged by the population left there.
#[derive(Debug, Clone, Copy)]
struct JudgedLook {
    /// Z of the population left; `None` if neither it nor the population before the look has one.
    z: Option<f64>,
    /// Whether the look counts as one whose statistic could not be computed.
    is_failed: bool,
    decision: PopulationDecision,
    /// The decision of a trial that does not stop for futility or harm by the rules of the design.
    unless_stopped: PopulationDecision,
}

/// Whether a trial heeds the rules of the design for futility and harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DesignStops {
    Heeded,
    Disregarded,
}

/// The population of a trial while it is analysed.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurrentPopulation {
    pub levels: LevelSet,
    rejected: LevelSet,
    /// Levels left after each look that takes place; those of the last decision also after later looks.
    left_after: [LevelSet; MAX_LOOKS],
    /// The look that first restricted it.
    pub restricted_at: Option<LookIndex>,
    /// The looks that take place, those after a restriction among them.
    pub looks: LookSequence,
    /// What decided on the levels.
    pub evidence: LevelEvidence,
}

impl CurrentPopulation {
    /// Leaves some levels at a look.
    fn leave(&mut self, look: LookIndex, levels: LevelSet) {
        self.levels = levels;
        self.left_after[look.taken..].fill(levels);
    }

    /// Restricts the population at a look, unless it was restricted before, and leaves some levels.
    fn restrict(&mut self, look: LookIndex, levels: LevelSet) {
        self.leave(look, levels);
        self.restricted_at.get_or_insert(look);
    }

    /// Returns the levels that were left before a look.
    fn before(&self, look: LookIndex, adaptation: &PopulationAdaptation) -> LevelSet {
        look.taken.checked_sub(1).map_or(adaptation.all(), |before| self.left_after[before])
    }

    /// Returns the levels that were judged at a look. By a closed test these are the ones before it.
    fn judged_at(&self, look: LookIndex, adaptation: &PopulationAdaptation) -> LevelSet {
        match adaptation.rule {
            PopulationRule::ClosedTest { .. } => self.before(look, adaptation),
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => self.left_after[look.taken],
        }
    }
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
            left_after: [all; MAX_LOOKS],
            restricted_at: None,
            looks: self.looks,
            evidence: LevelEvidence::NONE,
        });
        match adaptation.rule {
            PopulationRule::ClosedTest { look, test, ordered } => {
                let stages = ClosedTest { at: look, test, ordered };
                self.monitor_closed_test(analysis, adaptation, stages)
            }
            PopulationRule::NestedSelection { selection, effect } => {
                self.monitor_by(analysis, adaptation, 0, DesignStops::Heeded, |trial, look| {
                    trial.judge_nested(analysis, adaptation, selection, effect, look)
                })
            }
            PopulationRule::PredictiveProbability { drop_below } => {
                self.monitor_by(analysis, adaptation, 0, DesignStops::Heeded, |trial, look| {
                    trial.judge_by_prediction(analysis, adaptation, drop_below, look)
                })
            }
        }
    }

    /// Whether a trial that adverse events do not stop shows an effect if it also continues after futility
    /// and harm by the rules of the design. A population that is futile by its own rule, or of which no
    /// level is left, does not continue.
    pub(super) fn reaches_efficacy_in_population(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        end: &MonitoringEnd,
    ) -> bool {
        let stopped = match end.conclusion {
            Conclusion::Futility => !self.simulator.scenario.design.plan().rules.binding_futility,
            Conclusion::Harm => true,
            Conclusion::Efficacy => return true,
            Conclusion::Safety | Conclusion::NotSignificant => false,
        };
        let PopulationRule::PredictiveProbability { drop_below } = adaptation.rule else {
            return false;
        };
        if !stopped || end.look.is_final {
            return false;
        }
        let (at_end, was_drawn) = (self.current_population(), self.is_drawn);
        // Judged again from the look that ended the trial.
        self.undo_from(adaptation, end.look);
        let position = end.look.taken;
        let disregarded = DesignStops::Disregarded;
        let continued =
            self.monitor_by(analysis, adaptation, position, disregarded, |trial, look| {
                trial.judge_by_prediction(analysis, adaptation, drop_below, look)
            });
        // What the continuation drew replaces only patients after the end of the trial, and later looks.
        let looks = if was_drawn {
            let planned = self.simulator.scenario.design.looks().len();
            LookSequence::new(self.simulator.restricted.moments.len(), planned)
        } else {
            at_end.looks
        };
        self.population = Some(CurrentPopulation { looks, ..at_end });
        self.is_drawn = was_drawn;
        self.fill_population(analysis, adaptation, end.look, at_end.levels);
        continued.conclusion == Conclusion::Efficacy
    }

    /// Monitors a trial whose rule judges the population at every look from a position on, the final one at
    /// the latest, until it ends the trial.
    fn monitor_by(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        from: usize,
        stops: DesignStops,
        mut judge: impl FnMut(&mut Self, LookIndex) -> JudgedLook,
    ) -> MonitoringEnd {
        let mut z = [f64::NAN; MAX_LOOKS];
        let mut failed_looks = 0;
        let mut position = from;
        loop {
            // The looks after a restriction are others, but begin with the same ones.
            let look = self.current_population().looks.taken(position);
            let levels = self.current_population().levels;
            self.fill_population(analysis, adaptation, look, levels);
            let judged = judge(self, look);
            z[look.planned] = judged.z.unwrap_or(f64::NAN);
            failed_looks += u32::from(judged.is_failed);
            let decision = match stops {
                DesignStops::Heeded => judged.decision,
                DesignStops::Disregarded => judged.unless_stopped,
            };
            let conclusion = match decision {
                PopulationDecision::Continue => None,
                PopulationDecision::Restrict(levels) => {
                    // A trial whose levels left have no patients cannot go on.
                    let is_possible = self.restrict(analysis, adaptation, look, levels);
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
        let (truth, streams) = (self.truth, self.streams);
        let Simulator { scenario, cohort, by_level, restricted, drawn, .. } = &mut *self.simulator;
        if let Some(population) = &mut self.population {
            population.restrict(look, levels);
        }
        // A level may have no patients in the population, so that recruitment would never end.
        if adaptation.share(levels) == 0.0 {
            return false;
        }
        let restriction = Restriction { replicate: streams.replicate, kept, levels };
        // Looks that have taken place remain, with all that is known at them.
        let filled = look.taken + 1;
        let tables = filled * adaptation.levels;
        if self.is_drawn {
            restricted.restrict_again(cohort, scenario, streams, adaptation, restriction);
            restricted.moments.truncate(filled);
        } else {
            restricted.begin(cohort, scenario, streams, adaptation, restriction);
            restricted.moments.clone_from(&self.result.looks[truth.index()]);
            restricted.moments.truncate(filled);
            restricted.by_level.resize_with(tables, KnownOutcomes::default);
            restricted.by_level.clone_from_slice(&by_level[analysis.set as usize][..tables]);
            self.is_drawn = true;
        }
        let RestrictedCohort { cohort, moments, by_level, .. } = restricted;
        // Drawn under this truth alone: others may have kept other patients.
        super::enrolled::draw_stated(cohort, scenario, drawn.as_ref(), truth, kept as usize);
        cohort.lose(scenario, kept as usize);
        if scenario.safety.is_some() {
            let events = super::enrolled::events_of(scenario, drawn.as_ref(), truth);
            cohort.draw_events(scenario, truth, events);
        }
        // Fewer outcomes may be lost, or more, than in the unrestricted trial, and with them looks.
        cohort.find_looks(scenario, moments);
        // All looks at once: a patient is counted once, and sets of levels are sums.
        by_level.resize_with(moments.len() * adaptation.levels, KnownOutcomes::default);
        cohort.place_by_level(adaptation, filled);
        cohort.fill_by_level(by_level, scenario.detail, analysis.set, adaptation, filled);
        let looks = LookSequence::new(moments.len(), scenario.design.looks().len());
        if let Some(population) = &mut self.population {
            population.looks = looks;
        }
        true
    }

    /// Returns the outcomes of each level at a look, as an analysis sees them.
    fn levels_at(
        &self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
    ) -> &[KnownOutcomes] {
        let Simulator { restricted, by_level, .. } = &*self.simulator;
        let tables =
            if self.is_drawn { &restricted.by_level } else { &by_level[analysis.set as usize] };
        &tables[look.taken * adaptation.levels..][..adaptation.levels]
    }

    /// Fills the table of the population with the outcomes of some levels at a look.
    fn fill_population(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        levels: LevelSet,
    ) {
        self.simulator.in_population.reset(self.simulator.scenario.detail);
        for level in levels.iter() {
            self.add_level(analysis, adaptation, look, level);
        }
    }

    /// Adds the outcomes of a level at a look to the table of the population.
    fn add_level(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
        level: usize,
    ) {
        // Taken out, as the tables of the levels are parts of the same simulator.
        let mut in_population = std::mem::take(&mut self.simulator.in_population);
        in_population.add(&self.levels_at(analysis, adaptation, look)[level]);
        self.simulator.in_population = in_population;
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

    /// Notes that an effect is shown in some levels.
    fn reject_in(&mut self, levels: LevelSet) {
        if let Some(population) = &mut self.population {
            population.rejected = levels;
        }
    }

    /// Returns the look at which adverse events stop the restricted trial that has been drawn.
    pub(super) fn safety_stop_if_restricted(&mut self) -> Option<LookIndex> {
        let looks = self.current_population().looks;
        let Simulator { scenario, restricted, .. } = &mut *self.simulator;
        let RestrictedCohort { cohort, moments, safety, .. } = restricted;
        super::safety::follow(scenario, cohort, moments, looks, safety);
        super::safety::stop(safety, looks)
    }

    /// Undoes what was decided about the population at a look and later.
    fn undo_from(&mut self, adaptation: &PopulationAdaptation, look: LookIndex) {
        let mut population = self.current_population();
        population.leave(look, population.before(look, adaptation));
        population.rejected = LevelSet::NONE;
        population.restricted_at = population.restricted_at.filter(|at| at.taken < look.taken);
        if population.restricted_at.is_none() {
            population.looks = self.looks;
            self.is_drawn = false;
        }
        self.population = Some(population);
    }

    /// Undoes what was decided at a look and later, because the trial stops at the look for another reason,
    /// and fills the table of the population as it was before. `z` has the Z of the looks until then, which
    /// are computed where only the population before counts, or nothing was decided.
    pub(super) fn return_to(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        stop: LookIndex,
        z: &mut [f64; MAX_LOOKS],
    ) {
        let evidence = self.current_population().evidence;
        self.undo_from(adaptation, stop);
        let mut population = self.current_population();
        let (is_decided, undecided_from) = match adaptation.rule {
            PopulationRule::ClosedTest { look, .. } => (look < stop.planned, look + 1),
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => {
                (population.restricted_at.is_some(), stop.planned)
            }
        };
        let at_look = if is_decided { evidence.at_look } else { LevelEvidence::NONE.at_look };
        population.evidence = LevelEvidence { at_look, ..LevelEvidence::NONE };
        self.population = Some(population);
        for look in population.looks.interims().take(stop.taken + 1) {
            if look == stop || look.planned >= undecided_from {
                let levels = population.before(look, adaptation);
                self.fill_population(analysis, adaptation, look, levels);
                z[look.planned] = self.population_z(analysis).unwrap_or(f64::NAN);
            }
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
        if levels.is_empty() {
            return None;
        }
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
            // It rejects at the final look only.
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

    /// Returns to the population as it was judged at a look of a trial that has ended, and fills its table.
    pub(super) fn recall_population(
        &mut self,
        analysis: &Analysis,
        adaptation: &PopulationAdaptation,
        look: LookIndex,
    ) {
        let current = self.current_population();
        let levels = current.judged_at(look, adaptation);
        // A prediction counts the patients of these levels.
        self.population = Some(CurrentPopulation { levels, ..current });
        self.fill_population(analysis, adaptation, look, levels);
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
        let excluded = if levels.is_empty() || levels == adaptation.all() {
            0
        } else {
            let strata = &self.cohort().enrolled.strata[..randomised as usize];
            let excluded =
                strata.iter().filter(|&&stratum| !adaptation.includes(levels, stratum as usize));
            excluded.count() as u32
        };
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
