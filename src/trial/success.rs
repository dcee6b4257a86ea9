//! Several analyses of one trial that decide together.

use super::cohort::PatientSelection;
use super::{Conclusion, FollowedCohort, LookIndex, PhaseObserver, RuleResult, Simulator, safety};
use crate::accrual::DAYS_PER_MONTH;
use crate::analysis::proportional_odds::assumption::{
    ProportionalOddsStatistic, ProportionalOddsTest,
};
use crate::design::multiplicity::{Graph, MAX_HYPOTHESES};
use crate::design::{LookBounds, MAX_LOOKS};
use crate::scenario::SuccessRule;
use crate::scenario::file::success::{Crossing, RuleStop};
use crate::scenario::success::{BoundaryOf, Needed, ProportionalOddsSwitch};

/// The state of a rule during a trial.
struct Progress<'r> {
    rule: &'r SuccessRule,
    /// Shares of α left, of the analyses that have not rejected.
    graph: Graph,
    /// Number of the look at which each analysis has rejected, from 1; 0 before.
    rejected_at: [u8; MAX_HYPOTHESES],
    /// Z of each analysis by look taken; NaN if there is none.
    z: [[f64; MAX_LOOKS]; MAX_HYPOTHESES],
    /// Looks so far, by look taken.
    looks: [Option<BoundaryOf>; MAX_LOOKS],
    /// Position of the only analysis that may reject, if a test has chosen it.
    chosen: Option<usize>,
    /// Number of the first look at which the rule was satisfied, from 1.
    success_at: Option<u8>,
}

impl<O: PhaseObserver> FollowedCohort<'_, '_, O> {
    /// Lets the analyses of the scenario's rule decide together, from look to look.
    pub(super) fn decide_together(&mut self, rule: &SuccessRule) -> RuleResult {
        let mut progress = Progress::new(rule);
        let mut not_proportional = None;
        let stopped_for_safety =
            safety::stop(&self.simulator.safety, self.looks).map(|look| look.taken);
        for look in self.looks.all() {
            if stopped_for_safety == Some(look.taken) {
                return self.rule_result(&progress, look, Conclusion::Safety, not_proportional);
            }
            let boundary_of = BoundaryOf { looks: self.analysed_by(look), is_final: look.is_final };
            self.add_statistics(&mut progress, look);
            if let Needed::Chosen(switch) = rule.needed {
                let rejected =
                    self.rejects_proportional_odds(switch, progress.z[0][look.taken], look);
                not_proportional = Some(rejected);
                progress.chosen = Some(usize::from(rejected));
            }
            progress.decide(look, boundary_of);
            if let Some(conclusion) = self.ends(&progress, look, boundary_of) {
                return self.rule_result(&progress, look, conclusion, not_proportional);
            }
        }
        unreachable!("the final look ends the trial")
    }

    /// Computes the Z of the analyses at a look.
    fn add_statistics(&mut self, progress: &mut Progress<'_>, look: LookIndex) {
        let per_truth = self.simulator.scenario.analyses.len();
        for (i, &position) in progress.rule.analyses.iter().enumerate() {
            if progress.rejected_at[i] > 0 {
                continue;
            }
            // The analysis may have monitored this trial by itself until it stopped.
            let alone = self.result.trials.get(self.truth.index() * per_truth + position);
            let known = alone.map_or(f64::NAN, |trial| trial.z[look.planned]);
            progress.z[i][look.taken] = if known.is_nan() {
                let analysis = self.analysis(position);
                self.statistic(analysis, PatientSelection::DueBy(look)).z.unwrap_or(f64::NAN)
            } else {
                known
            };
        }
    }

    /// Whether the test of proportional odds rejects on the outcomes of a look; not if it has no value.
    fn rejects_proportional_odds(
        &mut self,
        switch: ProportionalOddsSwitch,
        z: f64,
        look: LookIndex,
    ) -> bool {
        let Simulator { scenario, known, analyst, .. } = &mut *self.simulator;
        let Some(rule) = &scenario.success else { return false };
        let set = scenario.analyses[rule.analyses[0]].set;
        let counts = known[set as usize][look.taken].all.weights();
        let test = match switch.statistic {
            ProportionalOddsStatistic::LikelihoodRatio => analyst.proportional_odds(&counts),
            ProportionalOddsStatistic::HomogeneityLessScore => {
                ProportionalOddsTest::from_homogeneity(&counts, z)
            }
        };
        test.is_some_and(|test| test.p() <= switch.alpha_two_sided)
    }

    /// Whether and how the trial ends at a look.
    fn ends(
        &self,
        progress: &Progress<'_>,
        look: LookIndex,
        boundary_of: BoundaryOf,
    ) -> Option<Conclusion> {
        let LookBounds { futility, harm, .. } = boundary_of.bounds(&self.simulator.scenario.design);
        let succeeded = progress.success_at.is_some();
        if succeeded && progress.is_decided() {
            return Some(Conclusion::Efficacy);
        }
        let stopped = if progress.open_z(look).any(|z| z <= harm) {
            Some(Conclusion::Harm)
        } else if look.is_final {
            Some(Conclusion::NotSignificant)
        } else {
            let mut reach = progress.open_z(look).map(|z| z <= futility);
            let is_futile = match progress.rule.needed {
                // One that cannot reject is enough.
                Needed::All => reach.any(|reaches| reaches),
                Needed::One | Needed::Chosen(_) => reach.all(|reaches| reaches),
            };
            is_futile.then_some(Conclusion::Futility)
        };
        // A trial that has succeeded stays a success, whatever ends it.
        stopped.map(|conclusion| if succeeded { Conclusion::Efficacy } else { conclusion })
    }

    fn rule_result(
        &self,
        progress: &Progress<'_>,
        look: LookIndex,
        conclusion: Conclusion,
        not_proportional: Option<bool>,
    ) -> RuleResult {
        let moment = self.moment(look);
        RuleResult {
            look: look.number(),
            conclusion: match progress.success_at {
                Some(_) => Conclusion::Efficacy,
                None => conclusion,
            },
            stopped_for_safety: conclusion == Conclusion::Safety,
            success_at: progress.success_at,
            rejected_at: progress.rejected_at,
            not_proportional,
            n_randomised: moment.at_decision.randomised,
            overrun: moment.at_decision.overrun,
            duration_months: moment.decision_day / DAYS_PER_MONTH,
        }
    }
}

impl<'r> Progress<'r> {
    fn new(rule: &'r SuccessRule) -> Self {
        Self {
            rule,
            graph: rule.graph,
            rejected_at: [0; MAX_HYPOTHESES],
            z: [[f64::NAN; MAX_LOOKS]; MAX_HYPOTHESES],
            looks: [None; MAX_LOOKS],
            chosen: None,
            success_at: None,
        }
    }

    /// Lists the analyses that can still reject.
    fn open(&self) -> impl Iterator<Item = usize> {
        (0..self.rule.len()).filter(|&i| {
            self.rejected_at[i] == 0
                && self.graph.weight(i) > 0.0
                && self.chosen.is_none_or(|chosen| chosen == i)
        })
    }

    /// Lists the Z of these analyses at a look.
    fn open_z(&self, look: LookIndex) -> impl Iterator<Item = f64> {
        self.open().map(move |i| self.z[i][look.taken])
    }

    /// Rejects what can be rejected at a look, until no share of α that is passed on rejects more.
    fn decide(&mut self, look: LookIndex, boundary_of: BoundaryOf) {
        self.looks[look.taken] = Some(boundary_of);
        let number = look.number() as u8;
        if self.rule.needed == Needed::All && self.rule.crossing == Crossing::CurrentLook {
            // All at one look, or none.
            if self.open().all(|i| self.reaches(i, look.taken)) {
                self.rejected_at[..self.rule.len()].fill(number);
            }
        } else {
            loop {
                // From the first again after each rejection: the share passed on may let an earlier
                // one reject.
                let next = self.open().find(|&i| self.reaches(i, look.taken));
                let Some(rejected) = next else { break };
                self.rejected_at[rejected] = number;
                self.graph = self.graph.without(rejected);
            }
        }
        let rejected = self.rejected_at[..self.rule.len()].iter().filter(|at| **at > 0).count();
        let succeeds = match self.rule.needed {
            Needed::All => rejected == self.rule.len(),
            Needed::One | Needed::Chosen(_) => rejected > 0,
        };
        if succeeds && self.success_at.is_none() {
            self.success_at = Some(number);
        }
    }

    /// Whether an analysis is at its boundary: at the current look, or at any look so far.
    fn reaches(&self, i: usize, current: usize) -> bool {
        // With a share gained since, an analysis may be beyond its new bound at a look that has
        // passed.
        let from = match self.rule.crossing {
            Crossing::CurrentLook => current,
            Crossing::AnyLook => 0,
        };
        let share = self.graph.weight(i);
        (from..=current).any(|taken| {
            let bound = self.looks[taken].map(|look| self.rule.bound(i, share, look));
            bound.is_some_and(|bound| self.z[i][taken] >= bound)
        })
    }

    /// Whether a trial that has succeeded stops.
    fn is_decided(&self) -> bool {
        match self.rule.stop {
            RuleStop::FirstRejection => true,
            RuleStop::AllDecided => self.open().next().is_none(),
        }
    }
}
