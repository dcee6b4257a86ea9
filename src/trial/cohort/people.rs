//! What is drawn for everybody who arrives, whatever their arm. More people may be drawn later.

use super::{Cohort, Enrolment};
use crate::rng::{PatientDraws, Purpose, Stream, uniform};
use crate::scenario::Scenario;
use crate::trial::ReplicateStreams;

/// Streams of what is drawn for everybody who arrives, whatever their arm.
#[derive(Debug)]
pub(super) struct PersonStreams {
    follow_up: Stream,
    dropout: Stream,
    early: Stream,
    outcome: Stream,
    safety: Stream,
}

impl PersonStreams {
    pub(super) fn new(streams: ReplicateStreams) -> Self {
        Self {
            follow_up: streams.stream(Purpose::FollowUp),
            dropout: streams.stream(Purpose::Dropout),
            early: streams.stream(Purpose::EarlyOutcome),
            outcome: streams.stream(Purpose::Outcome),
            safety: streams.stream(Purpose::Safety),
        }
    }
}

impl Cohort {
    /// Draws the days on which follow-up ends, and what decides on dropout and the early mRS, of the people
    /// after those drawn before, up to this many.
    pub(super) fn draw_follow_up(&mut self, scenario: &Scenario, people: usize) {
        let Some(streams) = &mut self.streams else { return };
        let first = self.due_days.len();
        // Copied: a stream that is written to memory at every draw is slower.
        let mut rng = streams.follow_up.clone();
        let arrivals = self.enrolled.arrival_days[first..people].iter();
        self.due_days.extend(arrivals.map(|&day| scenario.follow_up.outcome_day(day, &mut rng)));
        streams.follow_up = rng;
        let mut rng = streams.dropout.clone();
        self.dropout_draws.extend((first..people).map(|_| uniform(&mut rng)));
        streams.dropout = rng;
        let centres = &self.enrolled.centres;
        centres.move_dropout(scenario.centres.as_ref(), &mut self.dropout_draws, first);
        if scenario.early_outcome.is_some() {
            let mut rng = streams.early.clone();
            self.early_draws.extend((first..people).map(|_| uniform(&mut rng)));
            streams.early = rng;
        }
    }

    /// Draws the part of the outcome that all truths share, its quantile, and what decides on adverse
    /// events, of the people after those drawn before, up to this many.
    pub(super) fn draw_quantiles(&mut self, scenario: &Scenario, people: usize) {
        let Some(streams) = &mut self.streams else { return };
        let first = self.quantiles.len();
        let mut rng = streams.outcome.clone();
        self.quantiles.extend((first..people).map(|_| uniform(&mut rng)));
        streams.outcome = rng;
        // Non-adherence depends on a patient's rank among patients of the same centre and time, which is
        // the quantile as drawn.
        if scenario.variance_reduction || scenario.adherence.is_some() {
            self.drawn_quantiles.extend_from_slice(&self.quantiles[first..]);
        }
        if scenario.safety.is_some() {
            let draws = (first..people).map(|_| PatientDraws::new(&mut streams.safety));
            self.event_draws.extend(draws);
        }
        let Self { enrolled: Enrolment { arrival_days, centres, .. }, quantiles, .. } = self;
        let drift = scenario.drift.as_ref();
        centres.move_outcomes(scenario.centres.as_ref(), drift, arrival_days, quantiles, first);
    }
}
