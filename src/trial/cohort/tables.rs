//! The tables of a look: whose outcome is known by then, by the arm that counts.

use rand::Rng;

use super::Cohort;
use crate::analysis::{Detail, KnownOutcomes};
use crate::randomisation::{Allocating, Arm};
use crate::scenario::{AnalysisSet, Scenario};

/// Patients whose follow-up has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trial) enum Among {
    /// By a look, by its position among those that take place.
    Look(usize),
    /// In the end, among so many who were randomised first.
    InTheEnd(u32),
}

impl Among {
    fn has(self, patient: usize, due_from: u8) -> bool {
        match self {
            Self::Look(k) => usize::from(due_from) <= k,
            Self::InTheEnd(randomised) => patient < randomised as usize,
        }
    }
}

impl Cohort {
    /// Fills a table for each look with the outcomes due by then.
    pub fn fill_tables(&self, known: &mut [KnownOutcomes], detail: Detail, set: AnalysisSet) {
        known.iter_mut().for_each(|look| look.reset(detail));
        let everyone = set == AnalysisSet::IntentionToTreat && detail == Detail::default();
        for i in 0..self.enrolled.arms.len() {
            let look = &mut known[usize::from(self.due_from[i])];
            if everyone {
                // The usual case, in which nobody's stratum matters. Who is lost cannot be predicted: to
                // count nobody is quicker than to ask.
                let known = u32::from(self.outcome_days[i] < f64::INFINITY);
                look.all.record_many(self.enrolled.arms[i], self.mrs[i], known);
            } else if let Some(arm) = self.arm_in(set, i) {
                self.record((i, arm), detail, look);
            }
        }
        for k in 1..known.len() {
            let (before, after) = known.split_at_mut(k);
            after[0].add(&before[k - 1]);
        }
    }

    /// Fills a table with the outcomes of some patients.
    pub fn fill(
        &self,
        known: &mut KnownOutcomes,
        detail: Detail,
        (among, set): (Among, AnalysisSet),
    ) {
        known.reset(detail);
        for i in (0..self.enrolled.arms.len()).filter(|&i| among.has(i, self.due_from[i])) {
            if let Some(arm) = self.arm_in(set, i) {
                self.record((i, arm), detail, known);
            }
        }
    }

    /// The arm that patient i counts for; `None` for nobody's.
    #[inline]
    fn arm_in(&self, set: AnalysisSet, i: usize) -> Option<Arm> {
        let allocated = self.enrolled.arms[i];
        let received = self.received.get(i).copied().unwrap_or(allocated);
        set.arm(allocated, received)
    }

    /// The same as [`Cohort::fill`] had the patients been allocated anew, from `rng`.
    pub fn fill_reallocated(
        &mut self,
        known: &mut KnownOutcomes,
        (scenario, among): (&Scenario, Among),
        rng: &mut impl Rng,
    ) {
        known.reset(scenario.detail);
        let last = (0..self.due_from.len()).rfind(|&i| among.has(i, self.due_from[i]));
        let strata = &self.enrolled.randomised_by(scenario)[..last.map_or(0, |last| last + 1)];
        let (state, arms) = (&mut self.reallocation, &mut self.reallocated);
        scenario.randomisation.allocate_all([Allocating { strata, state, rng, arms }]);
        for (i, &arm) in self.reallocated.iter().enumerate() {
            if among.has(i, self.due_from[i]) {
                self.record((i, arm), scenario.detail, known);
            }
        }
    }

    /// Adds patient i, as if in `arm`, whose follow-up has ended.
    #[inline]
    fn record(&self, (i, arm): (usize, Arm), detail: Detail, known: &mut KnownOutcomes) {
        let strata = if detail.by_centre {
            self.enrolled.centres.registered()
        } else {
            &self.enrolled.strata
        };
        let cell = detail.cell(strata[i] as usize, self.early.get(i).copied());
        if self.outcome_days[i] < f64::INFINITY {
            known.record(arm, cell, self.mrs[i]);
        } else {
            known.record_missing(arm, cell);
        }
    }
}
