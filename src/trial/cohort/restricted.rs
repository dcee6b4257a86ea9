//! The patients of a trial whose population is restricted at an interim look.
//!
//! Patients randomised before the decision remain. Afterwards everybody arrives as before, but only the
//! eligible are randomised, up to the planned number: the people who arrive are the same in all trials of a
//! replicate, with the same draws.

use super::{Cohort, copy_first, replace_after};
use crate::analysis::KnownOutcomes;
use crate::design::enrichment::LevelSet;
use crate::rng::{Purpose, Replicate, uniform};
use crate::scenario::{PopulationAdaptation, Scenario};
use crate::trial::{LookMoment, ReplicateStreams, SafetyResult};

/// People who are drawn at least when more are needed.
// With a fraction of a person expected to be missing, one by one would take many calls.
const FEWEST_DRAWN: f64 = 8.0;

/// Columns of the restricted trial.
#[derive(Debug, Default)]
pub(in crate::trial) struct RestrictedCohort {
    /// Positions of the trial's patients among the people who arrive.
    positions: Vec<u32>,
    /// The trial.
    pub cohort: Cohort,
    /// When its looks take place.
    pub moments: Vec<LookMoment>,
    /// Its outcomes by look and level.
    pub by_level: Vec<KnownOutcomes>,
    /// Its adverse events.
    pub safety: Vec<SafetyResult>,
    /// The restriction that its patients are enrolled by; `None` after a second one.
    enrolled_by: Option<Restriction>,
}

/// The first restriction of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::trial) struct Restriction {
    pub replicate: Replicate,
    /// Patients randomised by the decision.
    pub kept: u32,
    /// Levels of later patients, whose share of the population is above 0.
    pub levels: LevelSet,
}

impl RestrictedCohort {
    /// Restricts the unrestricted trial, whose people are drawn as far as they are needed.
    pub fn begin(
        &mut self,
        unrestricted: &mut Cohort,
        scenario: &Scenario,
        streams: ReplicateStreams,
        adaptation: &PopulationAdaptation,
        restriction: Restriction,
    ) {
        // Most truths and analyses of a replicate choose the same levels at the same look.
        if self.enrolled_by != Some(restriction) {
            let kept = restriction.kept as usize;
            let Self { positions, cohort, .. } = self;
            cohort.planned = unrestricted.planned;
            positions.clear();
            positions.extend(0..restriction.kept);
            cohort.enrolled.begin(&unrestricted.enrolled, kept);
            for (column, from) in cohort.columns_of(unrestricted) {
                copy_first(column, from, kept);
            }
            copy_first(&mut cohort.event_draws, &unrestricted.event_draws, kept);
            copy_first(&mut cohort.received, &unrestricted.received, kept);
            self.enrol(unrestricted, scenario, streams, adaptation, restriction);
            self.enrolled_by = Some(restriction);
        }
        // Those of the current truth.
        let cohort = &mut self.cohort;
        let kept = restriction.kept as usize;
        copy_first(&mut cohort.mrs, &unrestricted.mrs, kept);
        copy_first(&mut cohort.early, &unrestricted.early, kept);
        copy_first(&mut cohort.outcome_days, &unrestricted.outcome_days, kept);
        copy_first(&mut cohort.known_so_far, &unrestricted.known_so_far, kept);
    }

    /// Restricts a trial that has been restricted before.
    pub fn restrict_again(
        &mut self,
        unrestricted: &mut Cohort,
        scenario: &Scenario,
        streams: ReplicateStreams,
        adaptation: &PopulationAdaptation,
        restriction: Restriction,
    ) {
        // Its patients also depend on the restriction before, which another truth may not have had.
        self.enrolled_by = None;
        self.enrol(unrestricted, scenario, streams, adaptation, restriction);
    }

    /// Returns how many people had arrived, eligible or not, when this many were randomised.
    pub fn screened(&self, randomised: u32) -> u32 {
        self.positions[randomised as usize - 1] + 1
    }

    /// Keeps the first patients and enrols eligible people who arrive later in place of the others.
    fn enrol(
        &mut self,
        people: &mut Cohort,
        scenario: &Scenario,
        streams: ReplicateStreams,
        adaptation: &PopulationAdaptation,
        restriction: Restriction,
    ) {
        let kept = restriction.kept as usize;
        self.choose(people, scenario, streams, adaptation, restriction);
        let Self { positions, cohort, .. } = self;
        let drawn = positions.last().map_or(0, |&last| last as usize + 1);
        // Another truth may have needed more people, who are drawn already.
        if drawn > people.due_days.len() {
            people.draw_follow_up(scenario, drawn);
            people.draw_quantiles(scenario, drawn);
        }
        let later = &positions[kept..];
        cohort.enrolled.enrol(scenario, &people.enrolled, kept, later);
        for (column, from) in cohort.columns_of(people) {
            replace_after(column, kept, from, later);
        }
        replace_after(&mut cohort.event_draws, kept, &people.event_draws, later);
        if let Some(adherence) = &scenario.adherence {
            let mut rng = streams.stream(Purpose::Adherence);
            let mut chosen = positions.iter().zip(&cohort.enrolled.arms).peekable();
            cohort.received.clear();
            let everybody = people.drawn_quantiles.iter().zip(&people.enrolled.strata);
            for (at, (&quantile, &stratum)) in everybody.enumerate() {
                // Drawn for everybody, so that each has the same draws in all trials.
                let draws = [uniform(&mut rng), uniform(&mut rng)];
                if let Some((_, &arm)) = chosen.next_if(|&(&position, _)| position as usize == at) {
                    let received = adherence.draw(arm, stratum as usize, quantile, draws);
                    cohort.received.push(received.arm(arm));
                }
            }
        }
    }

    /// Chooses the eligible people who arrive after the patients kept, up to the planned number.
    fn choose(
        &mut self,
        people: &mut Cohort,
        scenario: &Scenario,
        streams: ReplicateStreams,
        adaptation: &PopulationAdaptation,
        Restriction { kept, levels, .. }: Restriction,
    ) {
        let Self { positions, .. } = self;
        // Earlier arrivals have been decided on: the eligible ones are kept, the others were turned away.
        positions.truncate(kept as usize);
        let mut next = positions.last().map_or(0, |&last| last as usize + 1);
        // The plan stays: patients who are not eligible are replaced by later ones.
        let planned = scenario.randomised as usize;
        loop {
            // Each is written, and kept if eligible: whether is hard to predict, so that a branch would
            // take longer.
            let strata = &people.enrolled.strata[next..];
            let mut end = positions.len();
            positions.resize(end + strata.len(), 0);
            for (at, &stratum) in strata.iter().enumerate() {
                positions[end] = (next + at) as u32;
                end += usize::from(adaptation.includes(levels, stratum as usize));
            }
            positions.truncate(end.min(planned));
            let missing = planned - positions.len();
            if missing == 0 {
                return;
            }
            next = people.enrolled.strata.len();
            let expected = missing as f64 / adaptation.share(levels);
            let more = expected.max(FEWEST_DRAWN) as u32;
            people.enrolled.draw_further(scenario, streams, more);
        }
    }
}

impl Cohort {
    /// Pairs the columns of what is drawn for everybody with those of other people.
    fn columns_of<'c>(&'c mut self, people: &'c Self) -> [(&'c mut Vec<f64>, &'c [f64]); 4] {
        [
            (&mut self.due_days, &people.due_days),
            (&mut self.dropout_draws, &people.dropout_draws),
            (&mut self.early_draws, &people.early_draws),
            (&mut self.quantiles, &people.quantiles),
        ]
    }
}
