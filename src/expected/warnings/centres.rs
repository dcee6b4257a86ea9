//! Centres that do not do what they seem to be meant for.

use crate::accrual::DAYS_PER_MONTH;
use crate::centres::{Centres, Opening};
use crate::scenario::Scenario;

/// Patients for each centre below which hardly anything can be told within them.
const PATIENTS_PER_CENTRE: u32 = 4;

pub(super) fn of(scenario: &Scenario) -> Vec<String> {
    let Some(centres) = &scenario.centres else { return Vec::new() };
    let warnings = [
        few_patients(scenario, centres),
        endless_accrual(centres),
        late_openings(scenario, centres),
        idle_dropout(scenario, centres),
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

/// The time to a number of patients is a gamma variable over another, whose shape is the sum of the
/// centres': its mean is infinite when that is 1 or less, its variance when it is 2 or less.
fn endless_accrual(centres: &Centres) -> Option<String> {
    let shape = centres.rate_shape? * f64::from(centres.number);
    let lacks = match shape {
        shape if shape > 2.0 => return None,
        shape if shape > 1.0 => "standard deviation",
        _ => "mean",
    };
    Some(format!(
        "centres.number × centres.rate_shape is {shape}: rates may be so low that the duration of a \
         trial has no finite {lacks}"
    ))
}

fn late_openings(scenario: &Scenario, centres: &Centres) -> Option<String> {
    let ends = scenario.expected_day(f64::from(scenario.randomised));
    let late = match &centres.opening {
        Opening::Planned(days) => days.iter().filter(|day| **day >= ends).count(),
        _ => 0,
    };
    (late > 0).then(|| {
        format!(
            "{late} of the centres open after the last patient is expected (month {:.1})",
            ends / DAYS_PER_MONTH
        )
    })
}

fn idle_dropout(scenario: &Scenario, centres: &Centres) -> Option<String> {
    (centres.sd.dropout > 0.0 && scenario.dropout == [0.0; 2])
        .then(|| "centres.dropout_sd does nothing, as `dropout` is 0".to_owned())
}
