//! Adverse events of a look as given.

use crate::expected::plausibility::KnownEvent;
use crate::outcome::safety::Event;
use crate::scenario::{SafetyEndpoint, Scenario, nearest};
use crate::trial::EventCounts;

use super::outcomes::GivenOutcomes;
use super::{InvalidLook, LookInput, SafetyCheck};

/// Counts of an adverse event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEvent {
    /// Name in the scenario.
    pub name: String,
    /// Events and patients in whom it is known, control first.
    pub counts: [EventCounts; 2],
}

impl LookInput {
    /// Checks every adverse event of the scenario against its boundary; `given` are the outcomes.
    ///
    /// # Errors
    /// When a given event is unknown, repeated or contradicts other numbers.
    pub fn safety(
        &self,
        scenario: &Scenario,
        given: Option<&GivenOutcomes>,
    ) -> Result<Vec<SafetyCheck>, InvalidLook> {
        let endpoints = scenario.safety_endpoints();
        for (i, event) in self.events.iter().enumerate() {
            if !endpoints.iter().any(|endpoint| endpoint.name == event.name) {
                return Err(unknown(&event.name, endpoints));
            }
            // The second would be ignored without a word, and might be the one that was meant.
            if self.events[..i].iter().any(|other| other.name == event.name) {
                return Err(InvalidLook(format!(
                    "--event {}: given twice; allowed: once for each event",
                    event.name
                )));
            }
            self.check_event(scenario, event)?;
        }
        // Boundaries for safety are for planned looks, of which the analysis with the overrun is none.
        let k = (!self.overrun).then(|| self.look - 1);
        let mut checks = Vec::with_capacity(endpoints.len());
        for (position, endpoint) in endpoints.iter().enumerate() {
            let counts = self.counts_of_event(endpoint, position, given)?;
            checks.push(SafetyCheck::new(endpoint, counts, k));
        }
        Ok(checks)
    }

    /// Lists the patients in whom each event is known; of deaths these are the patients with an outcome.
    pub fn known_events<'s>(
        &self,
        scenario: &'s Scenario,
        given: Option<&GivenOutcomes>,
    ) -> Vec<KnownEvent<'s>> {
        let endpoints = scenario.safety_endpoints().iter().enumerate();
        endpoints
            // Deaths are known in exactly those with an mRS, whose number is compared with the plan already.
            .filter(|(_, endpoint)| !is_death(endpoint))
            .filter_map(|(position, endpoint)| {
                // Contradictions were refused before.
                let counts = self.counts_of_event(endpoint, position, given).ok()??;
                Some(KnownEvent { endpoint, patients: counts.map(|arm| arm.patients) })
            })
            .collect()
    }

    /// Refuses an event with more patients than there can be.
    fn check_event(&self, scenario: &Scenario, event: &GivenEvent) -> Result<(), InvalidLook> {
        let patients = event.counts.map(|arm| arm.patients);
        // Each may be any u32.
        let total = patients[0].saturating_add(patients[1]);
        if total > scenario.randomised {
            return Err(InvalidLook(format!(
                "--event {}: {total} patients, more than the {} who are to be randomised",
                event.name, scenario.randomised
            )));
        }
        let Some(randomised) = self.randomised else { return Ok(()) };
        self.within(&format!("--event {}", event.name), "in whom it is known", patients, randomised)
    }

    /// Returns the counts of the event at a position of the scenario: as given, from the patients, or
    /// those of deaths from the mRS.
    fn counts_of_event(
        &self,
        endpoint: &SafetyEndpoint,
        position: usize,
        given: Option<&GivenOutcomes>,
    ) -> Result<Option<[EventCounts; 2]>, InvalidLook> {
        let typed = self.events.iter().find(|event| event.name == endpoint.name);
        let typed = typed.map(|event| event.counts);
        let by_mrs = given.filter(|_| is_death(endpoint)).and_then(GivenOutcomes::by_mrs);
        let deaths = by_mrs.map(|counts| {
            counts.map(|arm| EventCounts { events: arm[6], patients: arm.iter().sum() })
        });
        let of_patients = given.and_then(|given| given.events.get(position).copied().flatten());
        // The mRS comes first, so that deaths here are those that the analysis counts as mRS 6.
        let counted = deaths.or(of_patients);
        match (typed, counted) {
            // Equal numbers are accepted: a script may give every event, deaths included.
            (Some(typed), Some(counted)) if typed != counted => {
                let [control, experimental] =
                    counted.map(|arm| format!("{}/{}", arm.events, arm.patients));
                let source = match deaths {
                    Some(_) => "the mRS, in which level 6 is death",
                    None => "the patients of --patients",
                };
                Err(InvalidLook(format!(
                    "--event {}: contradicts {source}; expected {control},{experimental}, or no \
                     --event for it",
                    endpoint.name
                )))
            }
            (typed, counted) => Ok(typed.or(counted)),
        }
    }
}

fn is_death(endpoint: &SafetyEndpoint) -> bool {
    matches!(endpoint.event, Event::Death)
}

fn unknown(name: &str, endpoints: &[SafetyEndpoint]) -> InvalidLook {
    let known: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    if known.is_empty() {
        return InvalidLook(format!(
            "--event {name}: the scenario follows no adverse events; allowed: none, or a scenario \
             with [[safety.endpoints]]"
        ));
    }
    let near = nearest(name, &known).map(|near| format!(" (did you mean {near}?)"));
    InvalidLook(format!(
        "--event {name} is unknown{}; allowed: {}",
        near.unwrap_or_default(),
        known.join(", ")
    ))
}
