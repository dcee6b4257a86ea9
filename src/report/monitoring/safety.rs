//! Adverse events at a look of a running trial, in words and as a table.

use crate::explore::monitor::{SafetyCheck, SafetyStatus};
use crate::report::document::Document;
use crate::report::figure::EventLook;
use crate::report::numeral::{NONE, fixed, number};

impl SafetyCheck {
    /// Returns the statistic with its boundary, for a figure.
    pub(super) fn look(&self) -> EventLook {
        EventLook { name: self.name.clone(), z: self.z, bound: self.z_bound }
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
