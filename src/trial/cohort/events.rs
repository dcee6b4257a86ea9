//! The adverse events of a replicate's patients: which happen, and in whom they are known.

use super::{Cohort, refill};
use crate::outcome::safety::Event;
use crate::randomisation::Arm;
use crate::rng::PatientDraws;
use crate::scenario::{SafetyEndpoint, Scenario, Truth};
use crate::trial::EventCounts;

impl Cohort {
    /// Every patient's adverse events, from mRS, treatment and procedure under a truth; `drawn` are
    /// the events under the prior's effect.
    pub fn draw_events(&mut self, scenario: &Scenario, truth: Truth, drawn: &[Event]) {
        let Self { enrolled, received, mrs, states, event_draws, events, .. } = self;
        let treated = if received.is_empty() { &enrolled.arms } else { received };
        let of_patient = |(i, draws): (usize, &PatientDraws)| {
            let treatment = if truth == Truth::Null { Arm::Control } else { treated[i] };
            let mut bits = 0;
            for (bit, endpoint) in scenario.safety_endpoints().iter().enumerate() {
                let uniform = || draws.uniform(bit as u64);
                let event = match truth {
                    Truth::Prior => drawn.get(bit).unwrap_or(&endpoint.event),
                    _ => &endpoint.event,
                };
                let happens = event.happens(treatment, mrs[i], states.get(i), uniform);
                bits |= u8::from(happens) << bit;
            }
            bits
        };
        refill(events, event_draws.iter().enumerate().map(of_patient));
    }

    /// An event among those in whom it is known by a look, given by its position and day.
    pub fn events_by_look(
        &self,
        bit: usize,
        endpoint: &SafetyEndpoint,
        (look, day): (usize, f64),
    ) -> [EventCounts; 2] {
        match endpoint.event {
            Event::Death => self.count_events(bit, self.enrolled.arms.len(), |i| {
                usize::from(self.due_from[i]) <= look && self.outcome_days[i] < f64::INFINITY
            }),
            _ => {
                let came_by = day - endpoint.known_after_days;
                let patients =
                    self.enrolled.arrival_days.partition_point(|&arrival| arrival <= came_by);
                self.count_events(bit, patients, |_| true)
            }
        }
    }

    /// An event among so many who were randomised first, when all is known of them.
    pub fn events_in_the_end(
        &self,
        bit: usize,
        endpoint: &SafetyEndpoint,
        randomised: u32,
    ) -> [EventCounts; 2] {
        let patients = randomised as usize;
        match endpoint.event {
            Event::Death => {
                self.count_events(bit, patients, |i| self.outcome_days[i] < f64::INFINITY)
            }
            _ => self.count_events(bit, patients, |_| true),
        }
    }

    /// Among the first patients, of whom it is known in some.
    fn count_events(
        &self,
        bit: usize,
        patients: usize,
        is_known: impl Fn(usize) -> bool,
    ) -> [EventCounts; 2] {
        let mut counts = [EventCounts::default(); 2];
        for i in (0..patients).filter(|&i| is_known(i)) {
            let of_arm = &mut counts[self.enrolled.arms[i].index()];
            of_arm.patients += 1;
            of_arm.events += u32::from(self.events[i] >> bit & 1);
        }
        counts
    }
}
