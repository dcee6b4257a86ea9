//! Numbers that are not written as TOML does, and what they mean.

use std::fmt;

use crate::num::percent_as_fraction;

/// A number that is not written as TOML does.
#[derive(Debug, PartialEq)]
pub(super) struct MeantNumber {
    /// The number as TOML, without a percent sign.
    pub(super) written: String,
    pub(super) slips: Vec<NumberSlip>,
}

/// What is wrong with the way a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberSlip {
    DecimalComma,
    Thousands,
    /// A comma that can be either.
    Comma,
    Percent,
    Minus,
    Point,
}

impl fmt::Display for NumberSlip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::DecimalComma => "a decimal comma",
            Self::Thousands => "separators between thousands",
            Self::Comma => "a comma",
            Self::Percent => "a percent sign",
            Self::Minus => "a minus sign other than the hyphen",
            Self::Point => "a point without a digit on each side",
        })
    }
}

impl MeantNumber {
    /// Reads a number as people write it; `None` if the text is no number.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut slips = Vec::new();
        let text = text.trim();
        let number = match text.strip_suffix('%') {
            Some(number) => {
                slips.push(NumberSlip::Percent);
                number.trim_end()
            }
            None => text,
        };
        // The minus sign and the dash that word processors put in place of a hyphen.
        let (minus, digits) = match number.strip_prefix(['−', '–']) {
            Some(digits) => {
                slips.push(NumberSlip::Minus);
                ("-", digits)
            }
            None => number.strip_prefix('-').map_or(("", number), |digits| ("-", digits)),
        };
        let is_group_separator = |c: char| c.is_whitespace() || matches!(c, '\'' | '’');
        let is_number = digits
            .chars()
            .all(|c| c.is_ascii_digit() || is_group_separator(c) || matches!(c, ',' | '.'));
        if !is_number || !digits.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut digits = digits.to_owned();
        if digits.contains(is_group_separator) {
            slips.push(NumberSlip::Thousands);
            digits.retain(|c| !is_group_separator(c));
        }
        let digits = without_commas(&digits, &mut slips)?;
        let (whole, decimals) =
            digits.split_once('.').map_or((&*digits, None), |(a, b)| (a, Some(b)));
        let mut written = format!("{minus}{}", if whole.is_empty() { "0" } else { whole });
        if let Some(decimals) = decimals {
            written += &format!(".{}", if decimals.is_empty() { "0" } else { decimals });
        }
        if whole.is_empty() || decimals.is_some_and(str::is_empty) {
            slips.push(NumberSlip::Point);
        }
        // Version numbers and dates such as 1.2.3 have got this far.
        written.parse::<f64>().ok()?;
        Some(Self { written, slips })
    }

    /// Returns the value, a percentage as a fraction.
    pub(super) fn value(&self) -> f64 {
        let value = self.written.parse().expect("it was read as a number");
        if self.slips.contains(&NumberSlip::Percent) { percent_as_fraction(value) } else { value }
    }

    /// Says what is wrong with the number and how it is written, as a percentage or a fraction if it has a
    /// percent sign.
    pub(super) fn message(&self, typed: &str, as_percentage: bool) -> String {
        let Self { written, slips } = self;
        let names: Vec<String> = slips.iter().map(ToString::to_string).collect();
        let names = names.join(" and ");
        let meant = if as_percentage { written.clone() } else { self.to_string() };
        if slips.contains(&NumberSlip::Comma) {
            let whole = written.replace('.', "");
            return format!("{typed} has {names} (did you mean `{whole}` or `{meant}`?)");
        }
        format!("{typed} has {names} (did you mean `{meant}`?)")
    }
}

/// Formats the number as TOML, a percentage as a fraction.
impl fmt::Display for MeantNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.slips.contains(&NumberSlip::Percent) {
            write!(out, "{}", self.value())
        } else {
            out.write_str(&self.written)
        }
    }
}

/// Turns commas into a decimal point or removes them; `None` if they are at places of neither.
fn without_commas(digits: &str, slips: &mut Vec<NumberSlip>) -> Option<String> {
    let groups: Vec<&str> = digits.split(',').collect();
    let (first, others) = groups.split_first()?;
    let are_thousands = others.iter().all(|group| group.len() == 3) && !first.starts_with('0');
    match others {
        [] => Some(digits.to_owned()),
        // 1,250 is 1250 to some and 1.25 to others.
        [decimals] if !decimals.contains('.') && !first.contains('.') => {
            slips.push(if are_thousands { NumberSlip::Comma } else { NumberSlip::DecimalComma });
            Some(format!("{first}.{decimals}"))
        }
        _ => {
            let (last, middle) = others.split_last()?;
            // Decimals may follow the last group, as in 1,250,000.5.
            let last = last.split('.').next().unwrap_or_default();
            let are_groups = middle.iter().chain([&last]).all(|group| group.len() == 3);
            slips.push(NumberSlip::Thousands);
            are_groups.then(|| groups.concat())
        }
    }
}
