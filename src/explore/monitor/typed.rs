//! Data of a look as they are typed, in a terminal or on the page.

use super::GivenEvent;
use crate::num::typed::{number, whole};
use crate::trial::EventCounts;

/// Largest number of patients of an arm.
// Sums over arms and mRS levels are then far below the largest u32.
const MOST_PATIENTS: u32 = 1_000_000;

/// Reads a number of patients of an arm.
///
/// # Errors
/// What is allowed.
pub fn patients(text: &str) -> Result<u32, String> {
    whole(text, 0, MOST_PATIENTS.into())
}

/// Reads a statistic.
///
/// # Errors
/// What is allowed.
pub fn z(text: &str) -> Result<f64, String> {
    // Beyond 38.6 a p value is 0 in floating point.
    number(text, |x| x.abs() <= 40.0, "-40 to 40")
}

/// Reads successes and patients of an arm, such as `13/52`.
///
/// # Errors
/// What is expected.
pub fn successes(text: &str) -> Result<EventCounts, String> {
    counts(text, "successes")
}

/// Reads an event with its counts, such as `sICH=3/52,7/52`.
///
/// # Errors
/// What is expected.
pub fn event(text: &str) -> Result<GivenEvent, String> {
    // From the right, as a name may have an equals sign and counts have none.
    let parts = text.rsplit_once('=').and_then(|(name, arms)| Some((name, arms.split_once(',')?)));
    let Some((name, (control, experimental))) = parts else {
        return Err("expected NAME=EVENTS/PATIENTS,EVENTS/PATIENTS, control first, such as \
                    sICH=1/60,5/58"
            .to_owned());
    };
    // Trimmed, as people type a space after a comma.
    let counts = [counts(control.trim(), "events")?, counts(experimental.trim(), "events")?];
    Ok(GivenEvent { name: name.trim().to_owned(), counts })
}

/// Reads the patients of both arms, such as `61,60`.
///
/// # Errors
/// What is expected.
pub fn arms(text: &str) -> Result<[u32; 2], String> {
    let (control, experimental) = text
        .split_once(',')
        .ok_or_else(|| "expected CONTROL,EXPERIMENTAL, such as 61,60".to_owned())?;
    Ok([patients(control.trim())?, patients(experimental.trim())?])
}

/// Reads events and patients of an arm; `what` names the events in errors.
fn counts(text: &str, what: &str) -> Result<EventCounts, String> {
    let expected = format!("expected {}/PATIENTS", what.to_uppercase());
    // Read as larger numbers than are allowed, so that too large ones are refused by what is
    // allowed.
    let parsed = text
        .split_once('/')
        .and_then(|(x, n)| Some((x.trim().parse::<u64>().ok()?, n.trim().parse::<u64>().ok()?)));
    match parsed {
        None => Err(format!("{expected}, such as 13/52")),
        Some((_, n)) if n == 0 || n > u64::from(MOST_PATIENTS) => {
            Err(format!("{n} patients; {expected} with 1 to {MOST_PATIENTS} patients"))
        }
        Some((x, n)) if x > n => {
            Err(format!("{x} {what} of {n} patients; {expected} with 0 to {n} {what}"))
        }
        Some((x, n)) => Ok(EventCounts { events: x as u32, patients: n as u32 }),
    }
}
