//! The adverse events of a replicate's patients: which happen, and in whom they are known.

use super::{Cohort, refill};
use crate::outcome::safety::Event;
use crate::randomisation::Arm;
use crate::scenario::{SafetyEndpoint, Scenario, Truth};
use crate::trial::{EventCounts, LookIndex};

impl Cohort {
    /// Draws every patient's adverse events, from mRS, treatment and procedure under a truth; `events_of_truth`
    /// are the events of a truth other than the alternative and its null twin.
    pub fn draw_events(
        &mut self,
        scenario: &Scenario,
        truth: Truth,
        events_of_truth: Option<&[Event]>,
    ) {
        let Self { enrolled, received, mrs, states, event_draws, events, .. } = self;
        let treated = if received.is_empty() { &enrolled.arms } else { received };
        refill(
            events,
            // People who are not in the trial may have draws as well.
            treated.iter().zip(&*event_draws).enumerate().map(|(i, (&treated, draws))| {
                // Under the null truth the experimental treatment is the control treatment.
                let treatment = if truth == Truth::Null { Arm::Control } else { treated };
                // One bit for each event: there are at most eight.
                let mut bits = 0;
                for (bit, endpoint) in scenario.safety_endpoints().iter().enumerate() {
                    let event = events_of_truth.map_or(&endpoint.event, |events| &events[bit]);
                    // Drawn only if the event needs it: an event of the procedure has happened or not.
                    let happens = event
                        .happens(treatment, mrs[i], states.get(i), || draws.uniform(bit as u64));
                    bits |= u8::from(happens) << bit;
                }
                bits
            }),
        );
    }

    /// Counts an event among the patients in whom it is known by an interim look on a day.
    pub fn events_by_look(
        &self,
        bit: usize,
        endpoint: &SafetyEndpoint,
        look: LookIndex,
        day: f64,
    ) -> [EventCounts; 2] {
        if is_death(endpoint) {
            self.count_events(bit, self.planned, |i| {
                usize::from(self.due_from[i]) <= look.taken && self.outcome_days[i] < f64::INFINITY
            })
        } else {
            let arrived_by = day - endpoint.known_after_days;
            let days = &self.enrolled.arrival_days[..self.planned];
            let patients = days.partition_point(|&arrival| arrival <= arrived_by);
            self.count_events(bit, patients, |_| true)
        }
    }

    /// Counts an event among the patients randomised first, when all is known of them.
    pub fn events_of_first(
        &self,
        bit: usize,
        endpoint: &SafetyEndpoint,
        randomised: u32,
    ) -> [EventCounts; 2] {
        let is_by_outcome = is_death(endpoint);
        self.count_events(bit, randomised as usize, |i| {
            !is_by_outcome || self.outcome_days[i] < f64::INFINITY
        })
    }

    /// Counts an event among the first patients, of whom it is known in some.
    fn count_events(
        &self,
        bit: usize,
        patients: usize,
        is_known: impl Fn(usize) -> bool,
    ) -> [EventCounts; 2] {
        let mut counts = [EventCounts::default(); 2];
        for i in (0..patients).filter(|&i| is_known(i)) {
            let arm = &mut counts[self.enrolled.arms[i].index()];
            arm.patients += 1;
            arm.events += u32::from(self.events[i] >> bit & 1);
        }
        counts
    }
}

/// Whether the event is death, which is known with the outcome and lost with it.
fn is_death(endpoint: &SafetyEndpoint) -> bool {
    match endpoint.event {
        Event::Death => true,
        Event::Stated(_) | Event::Haemorrhage | Event::Perforation => false,
    }
}
