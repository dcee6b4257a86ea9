//! Expectations of a design, as `[expect]` of a scenario states them.

use std::fmt;

use super::file::expect::WrittenComparison;
use crate::num::percent_as_fraction;

/// A quantity of one analysis, and the values that it is expected to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Name of the quantity, as `--precision-of` has it.
    pub quantity: String,
    /// Position of the analysis.
    pub analysis: usize,
    /// How the quantity compares with the limit.
    pub comparison: Comparison,
    /// The limit.
    pub limit: f64,
}

/// A comparison with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::AtLeast => "≥",
            Self::MoreThan => ">",
            Self::AtMost => "≤",
            Self::LessThan => "<",
        })
    }
}

impl Comparison {
    /// Reads a comparison and its limit.
    fn of(text: &str) -> Option<(Self, f64)> {
        // Longer signs first, of which shorter ones are the beginning.
        const SIGNS: [(&str, Comparison); 6] = [
            (">=", Comparison::AtLeast),
            ("≥", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            ("≤", Comparison::AtMost),
            (">", Comparison::MoreThan),
            ("<", Comparison::LessThan),
        ];
        let text = text.trim();
        let (limit, comparison) = SIGNS
            .into_iter()
            .find_map(|(sign, comparison)| Some((text.strip_prefix(sign)?, comparison)))?;
        // `< inf` parses as a number, and would be met by every result.
        let limit = limit.trim().parse::<f64>().ok().filter(|limit| limit.is_finite())?;
        Some((comparison, limit))
    }

    /// Returns whether a value is as expected.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtLeast => value >= limit,
            Self::MoreThan => value > limit,
            Self::AtMost => value <= limit,
            Self::LessThan => value < limit,
        }
    }
}

impl Expectation {
    /// Reads an expectation of an analysis.
    ///
    /// # Errors
    /// A fragment that says what is wrong and what is allowed.
    pub(super) fn new(written: WrittenComparison<'_>, analysis: usize) -> Result<Self, String> {
        let WrittenComparison { key, index, text } = written;
        // All other quantities are probabilities, so that their limits lie between 0 and 1.
        let is_number = ["expected_n", "months", "duration", "estimate"].contains(&key);
        let Some((comparison, limit)) = Comparison::of(text) else {
            // The side on which a design succeeds: errors, sizes and durations are to be small.
            let usual = if key == "type_i_error" || is_number { "<=" } else { ">=" };
            let meant = text.trim().parse::<f64>().map_or_else(
                |_| String::new(),
                |number| {
                    let is_percent = !is_number && number > 1.0 && number <= 100.0;
                    let limit = if is_percent { percent_as_fraction(number) } else { number };
                    format!(" (did you mean \"{usual} {limit}\"?)")
                },
            );
            return Err(format!(
                "is \"{text}\"; allowed: >=, >, <= or < and a number, as in \"{usual} {}\"{meant}",
                if is_number { "36" } else { "0.8" }
            ));
        };
        if !is_number && !(0.0..=1.0).contains(&limit) {
            // Percentages from 1 to 100; a limit such as 3000 is of another quantity.
            let meant =
                Some(percent_as_fraction(limit)).filter(|share| (0.01..=1.0).contains(share));
            let meant = meant.map_or_else(String::new, |share| {
                let sign =
                    &text[..text.len() - text.trim_start_matches(['<', '>', '=', '≤', '≥']).len()];
                format!(" (did you mean \"{sign} {share}\"?)")
            });
            return Err(format!("has the limit {limit}; allowed: a probability, 0 to 1{meant}"));
        }
        Ok(Self { quantity: quantity_name(key, index), analysis, comparison, limit })
    }
}

/// Returns the name that `--precision-of` has for the quantity of a key.
fn quantity_name(key: &str, index: Option<usize>) -> String {
    match (key, index) {
        ("months", _) => "duration".to_owned(),
        (_, Some(look)) => format!("efficacy-at-{}", look + 1),
        (_, None) => key.replace('_', "-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &'static str, text: &str) -> Result<(String, Comparison, f64), String> {
        let expectation = Expectation::new(WrittenComparison { key, index: None, text }, 0)?;
        Ok((expectation.quantity, expectation.comparison, expectation.limit))
    }

    #[test]
    fn a_comparison_is_a_sign_and_a_number() {
        for (text, comparison, limit) in [
            (">= 0.8", Comparison::AtLeast, 0.8),
            (">=0.8", Comparison::AtLeast, 0.8),
            (" ≥ 0.8 ", Comparison::AtLeast, 0.8),
            ("> 0", Comparison::MoreThan, 0.0),
            ("<= 0.027", Comparison::AtMost, 0.027),
            ("≤ 1", Comparison::AtMost, 1.0),
            ("<0.5", Comparison::LessThan, 0.5),
        ] {
            assert_eq!(read("power", text), Ok(("power".to_owned(), comparison, limit)));
        }
        let months = read("months", "<= 36");
        assert_eq!(months, Ok(("duration".to_owned(), Comparison::AtMost, 36.0)));
        assert_eq!(read("type_i_error", "< 1").map(|read| read.0), Ok("type-i-error".to_owned()));
    }

    #[test]
    fn other_texts_are_refused_with_what_is_allowed() {
        for (key, text, says) in [
            ("power", "0.8", "(did you mean \">= 0.8\"?)"),
            ("power", "80", "(did you mean \">= 0.8\"?)"),
            ("months", "36", "(did you mean \"<= 36\"?)"),
            ("type_i_error", "0.027", "(did you mean \"<= 0.027\"?)"),
            ("power", ">= 80", "allowed: a probability, 0 to 1 (did you mean \">= 0.8\"?)"),
            ("power", "at least 0.8", "allowed: >=, >, <= or < and a number, as in \">= 0.8\""),
            ("months", "<= many", "as in \"<= 36\""),
            ("power", ">= -1", "has the limit -1"),
        ] {
            let error = read(key, text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
