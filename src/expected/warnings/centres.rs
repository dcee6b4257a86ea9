//! Centres that are probably not meant as they are written.

use crate::accrual::DAYS_PER_MONTH;
use crate::centres::{Centres, Opening};
use crate::scenario::Scenario;

/// Patients per centre below which comparisons within centres have hardly any information.
const PATIENTS_PER_CENTRE: u32 = 4;

/// Warnings about the centres; empty without centres.
pub(super) fn warnings(scenario: &Scenario) -> Vec<String> {
    let Some(centres) = &scenario.centres else { return Vec::new() };
    let warnings = [
        few_patients(scenario, centres),
        unbounded_accrual(centres),
        late_openings(scenario, centres),
        unused_dropout_sd(scenario, centres),
    ];
    warnings.into_iter().flatten().collect()
}

fn few_patients(scenario: &Scenario, centres: &Centres) -> Option<String> {
    let (number, patients) = (centres.number, scenario.randomised);
    (patients < PATIENTS_PER_CENTRE * number).then(|| {
        format!(
            "{number} centres for {patients} patients are fewer than {PATIENTS_PER_CENTRE} patients each"
        )
    })
}

/// Rates so variable that the duration of accrual has no mean or no variance.
fn unbounded_accrual(centres: &Centres) -> Option<String> {
    // The time to a number of patients is the ratio of two gamma variables, and the shape of the
    // denominator is the sum of the centres' shapes: its mean is infinite for a shape of 1 or less,
    // its variance for 2 or less.
    let shape = centres.rate_shape? * f64::from(centres.number);
    let lacks = if shape > 2.0 {
        return None;
    } else if shape > 1.0 {
        "standard deviation"
    } else {
        "mean"
    };
    Some(format!(
        "centres.number × centres.rate_shape is {shape}: rates may be so low that the duration of a \
         trial has no finite {lacks}"
    ))
}

/// Centres that open after accrual is expected to end.
fn late_openings(scenario: &Scenario, centres: &Centres) -> Option<String> {
    let ends = scenario.expected_day(f64::from(scenario.randomised));
    let late = match &centres.opening {
        Opening::Planned(days) => days.iter().filter(|day| **day >= ends).count(),
        Opening::WithTheTrial | Opening::Over(_) => 0,
    };
    (late > 0).then(|| {
        format!(
            "{late} of the centres open after the last patient is expected (month {:.1})",
            ends / DAYS_PER_MONTH
        )
    })
}

fn unused_dropout_sd(scenario: &Scenario, centres: &Centres) -> Option<String> {
    (centres.sd.dropout > 0.0 && !scenario.has_dropout())
        .then(|| "centres.dropout_sd has no effect, as `dropout` is 0".to_owned())
}
