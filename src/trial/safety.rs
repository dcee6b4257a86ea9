//! Adverse events as they become known, and whether they stop the trial.

use super::cohort::Cohort;
use super::look::{LookIndex, LookSequence};
use super::result::{EventCounts, LookMoment, SafetyResult};
use crate::analysis::two_proportions::{self, Arms};
use crate::scenario::{SafetyEndpoint, Scenario};

/// Returns the look at which adverse events stop the trial: the first whose boundary is reached, unless it
/// is the final one.
pub(super) fn stop(results: &[SafetyResult], looks: LookSequence) -> Option<LookIndex> {
    let first = results.iter().filter_map(|result| result.reached).min()?;
    // The final look ends the trial anyway, by its outcomes.
    looks.numbered(first + 1).filter(|look| !look.is_final)
}

/// Finds the look at which each event's boundary is first reached if nothing stops the trial. Counts and
/// comparison are left to [`compare`], as they depend on where the trial ends.
pub(super) fn follow(
    scenario: &Scenario,
    cohort: &Cohort,
    moments: &[LookMoment],
    looks: LookSequence,
    results: &mut Vec<SafetyResult>,
) {
    results.clear();
    for (event, endpoint) in scenario.safety_endpoints().iter().enumerate() {
        let first = endpoint.boundary.as_ref().and_then(|boundary| {
            looks.all().find(|&look| {
                let counts = counts(scenario, cohort, event, look, moments[look.taken].day);
                z(&counts, endpoint).is_some_and(|z| z <= boundary.bound(look.planned))
            })
        });
        let reached = first.map(|look| look.planned);
        results.push(SafetyResult { reached, ..SafetyResult::default() });
    }
}

/// Compares the arms among the patients randomised first, when all is known of them.
pub(super) fn compare(
    scenario: &Scenario,
    cohort: &Cohort,
    randomised: u32,
    results: &mut [SafetyResult],
) {
    for (event, (endpoint, result)) in scenario.safety_endpoints().iter().zip(results).enumerate() {
        result.counts = cohort.events_of_first(event, endpoint, randomised);
        result.z = z(&result.counts, endpoint).unwrap_or(f64::NAN);
    }
}

/// Counts an event, given by its position, among the patients in whom it is known at a look on a
/// day.
pub(super) fn counts(
    scenario: &Scenario,
    cohort: &Cohort,
    event: usize,
    look: LookIndex,
    day: f64,
) -> [EventCounts; 2] {
    let endpoint = &scenario.safety_endpoints()[event];
    if look.is_final {
        cohort.events_of_first(event, endpoint, scenario.randomised)
    } else {
        cohort.events_by_look(event, endpoint, look, day)
    }
}

/// Computes the statistic of an event's absence: above 0 the experimental arm has fewer events.
pub(super) fn z(counts: &[EventCounts; 2], endpoint: &SafetyEndpoint) -> Option<f64> {
    // Patients without the event count, as z > 0 favours the experimental arm everywhere.
    let arms: Arms = counts.map(|EventCounts { events, patients }| two_proportions::ArmEvents {
        events: f64::from(patients - events),
        patients: f64::from(patients),
    });
    two_proportions::z(&arms, endpoint.test)
}
