//! Adverse events as they become known, and whether they stop the trial.

use super::cohort::Cohort;
use super::result::{EventCounts, LookMoment, SafetyResult};
use crate::analysis::two_proportions::{self, Arms};
use crate::scenario::{SafetyEndpoint, Scenario};

/// The look, by its position among those that take place, at which adverse events stop the trial:
/// the first whose boundary is reached, unless it is the final one.
pub(super) fn stop(results: &[SafetyResult], interims: usize) -> Option<usize> {
    results.iter().filter_map(|result| result.reached).min().filter(|&k| k < interims)
}

/// The position at which each event's boundary is first reached, were nothing else to stop the
/// trial; counts and comparison are left to [`compare`].
pub(super) fn follow(
    (scenario, cohort): (&Scenario, &Cohort),
    looks: &[LookMoment],
    results: &mut Vec<SafetyResult>,
) {
    results.clear();
    let planned = scenario.design.looks().len();
    for (bit, endpoint) in scenario.safety_endpoints().iter().enumerate() {
        let reached = endpoint.boundary.as_ref().and_then(|boundary| {
            (0..looks.len()).find(|&k| {
                let is_final = k + 1 == looks.len();
                let bound = boundary.bound(if is_final { planned - 1 } else { k });
                let counts = counts((scenario, cohort), (bit, endpoint), looks, k);
                z(&counts, endpoint).is_some_and(|z| z <= bound)
            })
        });
        results.push(SafetyResult { reached, ..SafetyResult::default() });
    }
}

/// Compares the arms among those who were randomised first, when all is known of them.
pub(super) fn compare(
    (scenario, cohort): (&Scenario, &Cohort),
    randomised: u32,
    results: &mut [SafetyResult],
) {
    for (bit, (endpoint, result)) in scenario.safety_endpoints().iter().zip(results).enumerate() {
        result.counts = cohort.events_in_the_end(bit, endpoint, randomised);
        result.z = z(&result.counts, endpoint).unwrap_or(f64::NAN);
    }
}

/// An event among those in whom it is known at a look, given by its position among those that take
/// place.
pub(super) fn counts(
    (scenario, cohort): (&Scenario, &Cohort),
    (bit, endpoint): (usize, &SafetyEndpoint),
    looks: &[LookMoment],
    k: usize,
) -> [EventCounts; 2] {
    if k + 1 == looks.len() {
        cohort.events_in_the_end(bit, endpoint, scenario.randomised)
    } else {
        cohort.events_by_look(bit, endpoint, (k, looks[k].day))
    }
}

/// Of the event's absence: above 0 the experimental arm has fewer.
pub(super) fn z(counts: &[EventCounts; 2], endpoint: &SafetyEndpoint) -> Option<f64> {
    let arms: Arms = counts.map(|EventCounts { events, patients }| two_proportions::ArmEvents {
        events: f64::from(patients - events),
        patients: f64::from(patients),
    });
    two_proportions::z(&arms, endpoint.test)
}
