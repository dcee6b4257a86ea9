//! The vocabulary of errors: one wording for each kind of problem.
//!
//! A message follows the key path of the value it is about, and says what is wrong, then what is
//! allowed: `design.looks is 3; allowed: a table`.

use std::fmt::Display;

use super::error::nearest;

/// Returns the hint that goes with a name that is not known: the known one most like it, if any.
pub fn suggestion(name: &str, known: &[&str]) -> String {
    did_you_mean(&nearest(name, known))
}

/// Returns the hint that a name like the one that is not known may have been meant.
pub fn did_you_mean<T: Display>(near: &Option<T>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// Says that a name is not among the known ones; `what` is what it should be, as in "a method".
pub fn unknown(name: &str, what: &str, known: &[&str]) -> String {
    let hint = suggestion(name, known);
    let allowed = known.join("\", \"");
    format!("is \"{name}\", not {what}{hint}; allowed: \"{allowed}\"")
}

/// Says of a number, as it is written, that no number of the program can hold it.
pub fn unusable_number(written: &str) -> String {
    // The e of a hexadecimal number is a digit.
    let is_float = !written.starts_with("0x") && written.contains(['.', 'e', 'E']);
    let what = if is_float { "is not a finite number" } else { "is too large a number" };
    format!("{written} {what}")
}

/// Says that a value has to be given.
pub fn missing(expected: &str) -> String {
    format!("is missing; expected: {expected}")
}

/// Says that a value excludes another one that is given too.
pub fn conflicts(other: &str) -> String {
    format!("conflicts with `{other}`; give exactly one of them")
}

/// Says that a list of things, each of which may be there once, has one of them again.
pub fn repeats(value: impl Display, thing: &str) -> String {
    format!("repeats {value}; allowed: each {thing} once")
}

/// Says that a list has a wrong number of values; `per` says what there is one for, as in "one per
/// level".
pub fn wrong_length(has: usize, wanted: usize, per: &str) -> String {
    format!("has {has} values; allowed: {wanted} ({per})")
}

/// Says what a value is, and what it may be.
pub fn out_of_range(value: impl Display, allowed: impl Display) -> String {
    format!("is {value}; allowed: {allowed}")
}
