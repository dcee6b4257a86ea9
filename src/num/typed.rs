//! Numbers as people type them.

/// Reads a number that fulfils a condition.
///
/// # Errors
/// A fragment of a sentence that says what is allowed.
pub fn number(text: &str, ok: impl Fn(f64) -> bool, allowed: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|&number| ok(number));
    number.ok_or_else(|| format!("allowed: {allowed}"))
}

/// Reads a whole number of a range, also written as 1e6 or 100_000.
///
/// # Errors
/// A fragment of a sentence that says what is allowed.
pub fn whole<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let plain = text.replace('_', "");
    // Not as a float at first, which would change the last digits of a seed above 2^53.
    let number = plain.parse::<u64>().ok().or_else(|| {
        let number: f64 = plain.parse().ok()?;
        (number.fract() == 0.0 && number >= 0.0).then_some(number as u64)
    });
    number
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("allowed: a whole number from {least} to {most}"))
}
