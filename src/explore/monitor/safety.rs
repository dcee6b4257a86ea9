//! Adverse events at a look of a running trial: counts, statistic, boundary.

use serde::Serialize;

use crate::design::safety::SafetyBoundary;
use crate::scenario::SafetyEndpoint;
use crate::trial::EventCounts;
use crate::trial::trace::EventTrace;

/// What a look says about an adverse event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyStatus {
    /// Too many events in the experimental arm.
    Crossed,
    /// The boundary is not reached.
    NotCrossed,
    /// The boundary is not tested at this look.
    NotTested,
    /// The scenario has no boundary for the event.
    NoBoundary,
    /// The counts were not given.
    NotGiven,
}

/// An adverse event at a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SafetyCheck {
    /// Name in the scenario.
    pub name: String,
    /// Control and experimental arm, among the patients in whom it is known; null if not given.
    pub counts: Option<[EventCounts; 2]>,
    /// Statistic, below 0 if the experimental arm has more events; null if there is none.
    pub z: Option<f64>,
    /// Boundary on that statistic; null if not tested.
    pub z_bound: Option<f64>,
    /// Boundary if the error rate is spent by the patients in whom the event is known, instead of the planned
    /// ones; null if not tested.
    pub z_bound_observed: Option<f64>,
    /// Patients in whom the event was planned to be known at this look; null without a boundary.
    pub planned_patients: Option<u32>,
    /// Rule of the boundary in words; null without one.
    pub rule: Option<String>,
    /// Whether the boundary is crossed.
    pub status: SafetyStatus,
}

impl SafetyCheck {
    /// Checks an event at look `k` of the plan, from 0; `None` after the trial has stopped, when
    /// nothing is tested.
    pub fn new(
        endpoint: &SafetyEndpoint,
        counts: Option<[EventCounts; 2]>,
        k: Option<usize>,
    ) -> Self {
        let boundary = endpoint.boundary.as_ref();
        let compared = counts.map(|counts| match k {
            Some(k) => EventTrace::at_look(endpoint, counts, k),
            None => EventTrace::untested(endpoint, counts),
        });
        let bound = boundary.zip(k).map(|(boundary, k)| boundary.bound(k));
        // An infinite bound is how a plan says that a look does not test the event.
        let bound = bound.filter(|bound| bound.is_finite());
        let known = counts.map(|counts| counts.iter().map(|arm| arm.patients).sum());
        let observed = boundary.zip(k).zip(known);
        let observed = observed.and_then(|((boundary, k), known)| boundary.bound_for(k, known));
        let z = compared.map(|event| event.z).filter(|z| z.is_finite());
        let status = match (boundary, bound, counts) {
            (None, _, Some(_)) => SafetyStatus::NoBoundary,
            // With and without counts: a request for counts that are not tested would mislead.
            (Some(_), None, _) => SafetyStatus::NotTested,
            (_, _, None) => SafetyStatus::NotGiven,
            // Without a Z, as with no events in either arm, there is no excess to stop for.
            (Some(_), Some(bound), Some(_)) if z.is_some_and(|z| z <= bound) => {
                SafetyStatus::Crossed
            }
            (Some(_), Some(_), Some(_)) => SafetyStatus::NotCrossed,
        };
        Self {
            name: endpoint.name.clone(),
            counts,
            z,
            z_bound: bound,
            z_bound_observed: observed,
            planned_patients: boundary.zip(k).map(|(boundary, k)| boundary.patients()[k]),
            rule: boundary.map(SafetyBoundary::to_string),
            status,
        }
    }

    /// Returns whether the boundary is crossed.
    pub fn is_crossed(&self) -> bool {
        self.status == SafetyStatus::Crossed
    }
}
