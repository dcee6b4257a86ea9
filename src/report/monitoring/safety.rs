//! Adverse events at a look of a running trial: counts, statistic, boundary.

use serde::Serialize;

use crate::design::safety::SafetyBoundary;
use crate::report::document::Document;
use crate::report::figure::EventLook;
use crate::report::numeral::{NONE, fixed, number};
use crate::scenario::SafetyEndpoint;
use crate::trial::EventCounts;
use crate::trial::trace::EventTrace;

/// What a look says about an adverse event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SafetyStatus {
    /// Too many events in the experimental arm.
    Crossed,
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
    name: String,
    /// Control and experimental arm, among the patients in whom it is known; null if not given.
    counts: Option<[EventCounts; 2]>,
    /// Statistic, below 0 if the experimental arm has more events; null if there is none.
    z: Option<f64>,
    /// Boundary on that statistic; null if not tested.
    z_bound: Option<f64>,
    /// Boundary if the error rate is spent by the patients in whom the event is known, instead of the planned
    /// ones; null if not tested.
    z_bound_observed: Option<f64>,
    /// Patients in whom the event was planned to be known at this look; null without a boundary.
    planned_patients: Option<u32>,
    /// Rule of the boundary in words; null without one.
    rule: Option<String>,
    status: SafetyStatus,
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

    /// Returns the statistic with its boundary, for a figure.
    pub(super) fn look(&self) -> EventLook {
        EventLook { name: self.name.clone(), z: self.z, bound: self.z_bound }
    }

    /// Returns whether the boundary is crossed.
    pub(super) fn is_crossed(&self) -> bool {
        self.status == SafetyStatus::Crossed
    }

    /// Describes the boundary; `None` if the event has none.
    pub(super) fn rule(&self) -> Option<String> {
        let rule = self.rule.as_ref()?;
        Some(format!("Safety, {}: {rule}, for more events in the experimental arm.", self.name))
    }

    /// States whether the boundary is crossed, without a full stop; `None` for an event without one.
    pub(super) fn finding(&self) -> Option<String> {
        let Self { name, z_bound, z, .. } = self;
        match self.status {
            SafetyStatus::NoBoundary => None,
            SafetyStatus::NotGiven if self.rule.is_none() => None,
            SafetyStatus::NotGiven => Some(format!(
                "adverse events were not given, so the safety boundary for {name} was not checked \
                 (--event {name}=EVENTS/PATIENTS,EVENTS/PATIENTS)"
            )),
            SafetyStatus::NotTested => {
                Some(format!("the safety boundary for {name} is not tested at this look"))
            }
            SafetyStatus::Crossed | SafetyStatus::NotCrossed => {
                let not = if self.is_crossed() { "" } else { "not " };
                let compared = match (z, z_bound) {
                    (Some(z), Some(bound)) => {
                        let (z, bound) = (fixed(*z, 4), fixed(*bound, 4));
                        format!("Z = {z}, boundary {bound}{}", self.for_observed(&bound))
                    }
                    // As many events as patients, or none at all.
                    (None, _) | (_, None) => "the counts give no Z".to_owned(),
                };
                Some(format!(
                    "safety boundary for {name} {not}crossed ({compared}{})",
                    self.rates().map(|rates| format!("; {rates}")).unwrap_or_default()
                ))
            }
        }
    }

    /// States the boundary for the patients in whom the event is known, unless it is printed as the planned
    /// one; the trial stops by the planned one, as simulated trials do.
    fn for_observed(&self, planned: &str) -> String {
        match self.z_bound_observed.map(|bound| fixed(bound, 4)) {
            Some(bound) if bound != planned => {
                format!(", or {bound} if alpha is spent by the patients in whom it is known")
            }
            Some(_) | None => String::new(),
        }
    }

    fn rates(&self) -> Option<String> {
        let [control, experimental] = self.counts?;
        Some(format!(
            "control {} of {}, experimental {} of {}",
            control.events, control.patients, experimental.events, experimental.patients
        ))
    }

    /// Writes the row of the event in [`table`].
    fn row(&self) -> Vec<String> {
        let mut row = vec![self.name.clone()];
        match self.counts {
            Some(counts) => row.extend(counts.map(|arm| {
                // An arm in which the event is not yet known in any patient has 0.0 %, not NaN.
                let share = 100.0 * f64::from(arm.events) / f64::from(arm.patients.max(1));
                format!("{} of {} ({} %)", arm.events, arm.patients, fixed(share, 1))
            })),
            None => row.extend(["not given".to_owned(), "not given".to_owned()]),
        }
        row.extend([number(self.z), number(self.z_bound)]);
        row.push(
            match self.status {
                SafetyStatus::Crossed => "crossed",
                SafetyStatus::NotCrossed => "not crossed",
                SafetyStatus::NotTested => "not tested",
                SafetyStatus::NoBoundary => "no boundary",
                SafetyStatus::NotGiven if self.rule.is_some() => "not checked",
                SafetyStatus::NotGiven => NONE,
            }
            .to_owned(),
        );
        row
    }
}

/// Tabulates the adverse events of a scenario; empty if it follows none.
pub(super) fn table(events: &[SafetyCheck]) -> Document {
    // An empty document rather than an empty table, so that the section is left out with its heading.
    if events.is_empty() {
        return Document::new();
    }
    let rows = events.iter().map(SafetyCheck::row).collect();
    let header =
        ["adverse event", "control", "experimental", "Z", "boundary\nif Z ≤", "boundary\nis"];
    Document::of_table(&header, rows).text(
        "Z below 0: more events in the experimental arm. Patients in whom the event is known.",
    )
}
