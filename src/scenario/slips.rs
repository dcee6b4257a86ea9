//! Slips that people make in TOML, and what they meant: decimal commas, percent signs, separators between
//! thousands, typographic quotes, odd spaces, ratios, text without quotes, percentages for fractions.

use std::fmt;
use std::ops::Range;

use toml_edit::{Item, TableLike};

use super::hidden::is_hidden;
use super::item::{elements, float_text, number, whole_number, words};
use super::schema::{ListShape, NumberShape, TableShape, ValueShape};
use crate::num::percent_as_fraction;

/// A slip in a text that is not valid TOML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// A fragment that says what is wrong and what was probably meant.
    pub message: String,
}

/// Finds the first slip in the line of a position in a text.
pub(super) fn in_line(text: &str, at: usize) -> Option<Slip> {
    let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at))?;
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let line = &text[start..end];
    // Everything is allowed in a text of several lines, of which this could be one.
    if line.contains("\"\"\"") || line.contains("'''") {
        return None;
    }
    let masked = without_texts(line);
    let slip = match masked.split_once('=') {
        Some((key, value)) => {
            in_value(key.trim(), value).map(|slip| slip.moved(masked.len() - value.len()))
        }
        None => in_elements(&masked),
    };
    slip.or_else(|| odd_character(&masked)).map(|slip| slip.moved(start))
}

/// Finds the first number that is a slip in a line of an array of several lines.
// Words may be anything there, such as a key whose equals sign is missing.
fn in_elements(line: &str) -> Option<Slip> {
    elements_of(line).find_map(|span| {
        let number =
            MeantNumber::of(&line[span.clone()]).filter(|number| !number.slips.is_empty())?;
        let message = number.message(&line[span.clone()], true);
        Some(Slip { span, message })
    })
}

/// Finds the first slip in the value of a key.
pub(super) fn in_value(key: &str, value: &str) -> Option<Slip> {
    let value_start = value.len() - value.trim_start().len();
    let trimmed = value.trim().trim_end_matches(',').trim_end();
    if let Some(slip) = typographic_quotes(value) {
        return Some(slip);
    }
    let is_list = trimmed.contains(['[', '{', '"']);
    let found = if is_list {
        // Spaces and commas separate the elements, so that each is looked at by itself.
        elements_of(value).find_map(|span| {
            let is_key = value[span.end..].trim_start().starts_with('=');
            if is_key { None } else { Some((span.clone(), meant(key, &value[span], is_list)?)) }
        })
    } else {
        let span = value_start..value_start + trimmed.len();
        meant(key, trimmed, is_list).map(|message| (span, message))
    };
    found.map(|(span, message)| Slip { span, message })
}

impl Slip {
    fn moved(self, by: usize) -> Self {
        Self { span: self.span.start + by..self.span.end + by, ..self }
    }
}

/// Returns a line with quotation marks in place of all bytes of texts, and spaces in place of a comment.
fn without_texts(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut quote = None;
    let mut before = ' ';
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        // As in 1'250, where an apostrophe begins no literal text.
        let is_separator = c == '\''
            && before.is_ascii_digit()
            && characters.peek().is_some_and(char::is_ascii_digit);
        match quote {
            Some(open) => {
                // Byte for byte, so that a place in the result is the same place in the line.
                out.extend(std::iter::repeat_n('"', c.len_utf8()));
                if c == open && (open == '\'' || before != '\\') {
                    quote = None;
                }
            }
            None if c == '#' => {
                let rest = line.len() - out.len();
                out.extend(std::iter::repeat_n(' ', rest));
                break;
            }
            None if (c == '"' || c == '\'') && !is_separator => {
                quote = Some(c);
                out.push('"');
            }
            None => out.push(c),
        }
        before = c;
    }
    out
}

/// Returns the places of the elements in an array or inline table.
fn elements_of(value: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}' | '=');
    let mut at = 0;
    value.split(is_between).filter_map(move |word| {
        let start = at;
        // Separators differ in length.
        let end = start + word.len();
        at = end + value[end..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then_some(start..end)
    })
}

/// Says what is wrong with one value, and what was meant; `None` if nothing is recognised.
fn meant(key: &str, value: &str, in_list: bool) -> Option<String> {
    if let Some(number) = MeantNumber::of(value).filter(|number| !number.slips.is_empty()) {
        // Shares of mRS levels may be percentages, which have no sign.
        const SHARES: [&str; 6] =
            ["control", "distribution", "shares", "share", "shape", "mrs_of_affected"];
        let as_percentage = SHARES.contains(&key) && (in_list || key == "share");
        return Some(number.message(value, as_percentage));
    }
    if let Some((control, experimental)) = ratio(value) {
        return Some(format!(
            "{value} is not a value of TOML (did you mean \
             `{{ control = {control}, experimental = {experimental} }}`?)"
        ));
    }
    let word = value.trim_matches('"');
    match word {
        "" | "true" | "false" | "inf" | "nan" => return None,
        // Truth values as Python, R and YAML write them.
        "True" | "TRUE" | "yes" | "Yes" => {
            return Some(format!("{word} is not a value of TOML (did you mean `true`?)"));
        }
        "False" | "FALSE" | "no" | "No" => {
            return Some(format!("{word} is not a value of TOML (did you mean `false`?)"));
        }
        _ => {}
    }
    let is_text = value.starts_with(char::is_alphabetic) && !value.contains(['=', '"']);
    is_text.then(|| format!("{value} is text without quotes (did you mean `\"{value}\"`?)"))
}

/// Finds text between typographic quotes.
fn typographic_quotes(value: &str) -> Option<Slip> {
    const QUOTES: [char; 10] = ['“', '”', '„', '‟', '‘', '’', '‚', '«', '»', '″'];
    let start = value.find(QUOTES)?;
    // An apostrophe between digits separates thousands.
    if value[..start].ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let open = value[start..].chars().next()?.len_utf8();
    let inner = &value[start + open..];
    let end = inner.find(|c| QUOTES.contains(&c) || c == '"').unwrap_or(inner.trim_end().len());
    let close =
        inner[end..].chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
    let span = start..start + open + end + close;
    let message = format!(
        "{} has typographic quotes (did you mean `\"{}\"`?)",
        &value[span.clone()],
        &inner[..end]
    );
    Some(Slip { span, message })
}

/// Finds a space or a sign that looks like one of ASCII.
fn odd_character(line: &str) -> Option<Slip> {
    let (at, odd) = line
        .char_indices()
        .find(|&(_, c)| (c.is_whitespace() || is_hidden(c)) && !matches!(c, ' ' | '\t' | '\r'))?;
    let name = match odd {
        '\u{a0}' | '\u{202f}' => "a no-break space",
        _ if odd.is_whitespace() => "an unusual space",
        _ => "an invisible character",
    };
    let message =
        format!("{name} (U+{:04X}); expected an ordinary space or nothing", u32::from(odd));
    Some(Slip { span: at..at + odd.len_utf8(), message })
}

/// Reads a ratio such as 1:2.
fn ratio(value: &str) -> Option<(u32, u32)> {
    let (control, experimental) = value.split_once(':')?;
    Some((control.trim().parse().ok()?, experimental.trim().parse().ok()?))
}

/// A number that is not written as TOML does.
#[derive(Debug, PartialEq)]
struct MeantNumber {
    /// The number as TOML, without a percent sign.
    written: String,
    slips: Vec<NumberSlip>,
}

/// What is wrong with the way a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberSlip {
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
    fn of(text: &str) -> Option<Self> {
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
    fn value(&self) -> f64 {
        let value = self.written.parse().expect("it was read as a number");
        if self.slips.contains(&NumberSlip::Percent) { percent_as_fraction(value) } else { value }
    }

    /// Says what is wrong with the number and how it is written, as a percentage or a fraction if it has a
    /// percent sign.
    fn message(&self, typed: &str, as_percentage: bool) -> String {
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

/// Returns a hint on what a value that a key does not allow may have been meant as; empty without an idea.
pub(super) fn hint(item: &Item, text: &str, shape: &ValueShape) -> String {
    meant_value(item, text, shape)
        .map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"))
}

fn meant_value(item: &Item, text: &str, shape: &ValueShape) -> Option<String> {
    if let Some(range) = shape.number() {
        return match (words(item), number(item)) {
            (Some(words), _) => {
                let meant = MeantNumber::of(&words)?;
                let fits = range.allows(meant.value());
                fits.then(|| format!("{meant}, without quotes"))
            }
            (None, Some(value)) => meant_in_range(item, text, value, range),
            (None, None) => None,
        };
    }
    match shape {
        ValueShape::Table(table) => ratio_as_table(&words(item)?, table),
        ValueShape::Alternatives(keys) => {
            let mut fitting = keys.iter().filter(|key| is_plausible(item, text, &key.shape));
            let key = fitting.next()?;
            let written = written(item, text)?;
            fitting.next().is_none().then(|| format!("`{{ {} = {written} }}`", key.name))
        }
        ValueShape::Tagged { tag, variants } => {
            let name = item.as_str()?;
            let is_variant = variants.iter().any(|(known, _)| known == name);
            is_variant.then(|| format!("`{{ {tag} = \"{name}\" }}`"))
        }
        ValueShape::AnyOf(shapes) => shapes.iter().find_map(|shape| meant_value(item, text, shape)),
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Number(_)
        | ValueShape::Name(_)
        | ValueShape::List(_) => None,
    }
}

/// Returns a number within the range that the value may stand for: a percentage, or thousands with a point.
fn meant_in_range(item: &Item, text: &str, value: f64, range: &NumberShape) -> Option<String> {
    if range.whole && whole_number(item, text).is_none() {
        let written = float_text(item, text);
        let (whole, decimals) = written.split_once('.')?;
        let meant = format!("{whole}{decimals}");
        // 1.250 is 1250 where a point separates thousands; 1.25 is not a whole number in any notation.
        let fits = decimals.len() == 3 && range.allows(meant.parse().ok()?);
        return fits.then_some(meant);
    }
    let most = range.most.as_ref()?.as_f64()?;
    // Below 1 a value is a fraction already, only one out of range: 0.9 hardly means 0.009.
    let is_percentage = most <= 1.0 && value >= 1.0 && range.allows(percent_as_fraction(value));
    is_percentage.then(|| percent_as_fraction(value).to_string())
}

/// Returns whether a value could be the one of an alternative.
fn is_plausible(item: &Item, text: &str, shape: &ValueShape) -> bool {
    match shape {
        ValueShape::Number(range) => {
            let is_kind = !range.whole || whole_number(item, text).is_some();
            is_kind && number(item).is_some_and(|value| range.allows(value))
        }
        ValueShape::List(list) => {
            let count = elements(item).count();
            let is_length = count >= list.least && list.most.is_none_or(|most| count <= most);
            item.is_array()
                && is_length
                && elements(item).all(|item| is_plausible(item, text, &list.items))
        }
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Name(_)
        | ValueShape::Table(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. }
        | ValueShape::AnyOf(_) => false,
    }
}

/// Returns a value as it is written, if it is short.
fn written(item: &Item, text: &str) -> Option<String> {
    let Item::Value(value) = item else { return None };
    let written = match value.span().and_then(|span| text.get(span)) {
        Some(written) => written.to_owned(),
        None => value.to_string().trim().to_owned(),
    };
    // A hint that repeats a table of many lines would hide the message.
    (written.len() <= 60 && !written.contains('\n')).then_some(written)
}

fn ratio_as_table(words: &str, table: &TableShape) -> Option<String> {
    let (control, experimental) = ratio(words)?;
    let has_both = table.key("control").is_some() && table.key("experimental").is_some();
    has_both.then(|| format!("`{{ control = {control}, experimental = {experimental} }}`"))
}

/// Returns a hint on an array of a wrong length, whose decimal commas may have made two elements of each.
pub(super) fn length_hint(item: &Item, list: &ListShape) -> String {
    let digits: Option<Vec<i64>> = elements(item).map(Item::as_integer).collect();
    match digits {
        Some(digits) if Some(digits.len()) == list.most.map(|most| 2 * most) && list.least > 0 => {
            let numbers: Vec<String> =
                digits.chunks(2).take(2).map(|pair| format!("{}.{}", pair[0], pair[1])).collect();
            format!(" (decimal commas? did you mean [{}, …]?)", numbers.join(", "))
        }
        Some(_) | None => String::new(),
    }
}

/// Returns a hint on a key that is not known, but by which a number is meant that another key has in
/// another form; `table` is the table that it is in.
pub(super) fn key_hint(key: &str, item: &Item, table: &dyn TableLike) -> Option<String> {
    match key {
        "odds_ratio" | "or" | "OR" => {
            let mean = libm::log(number(item).filter(|&ratio| ratio > 0.0)?);
            let sd = interval(table).map_or_else(
                || "(ln of the upper limit − ln of the lower limit) / 3.92".to_owned(),
                // A 95 % interval has a width of 2 · 1.96 standard errors.
                |[low, high]| format!("{:.3}", (libm::log(high) - libm::log(low)) / 3.92),
            );
            Some(format!(
                "; a prior is a distribution of the log odds ratio: write \
                 `log_odds_ratio = {{ mean = {mean:.3}, sd = {sd} }}`"
            ))
        }
        "per_arm" | "n_per_arm" => {
            let per_arm = item.as_integer()?;
            Some(format!(
                "; `randomised` is the total of both arms, {} with equal arms",
                per_arm.checked_mul(2)?
            ))
        }
        "levels" | "merge_5_and_6" => levels_hint(table.get("method")?.as_str()?),
        "phi" | "φ" if table.get("rule")?.as_str() == Some("kim_demets") => {
            Some(" (did you mean `rho`?)".to_owned())
        }
        _ => None,
    }
}

/// Says why a method has no key for merged levels; `None` for other methods.
fn levels_hint(method: &str) -> Option<String> {
    let hint = match method {
        "utility_weighted" => {
            "; levels with equal `utilities` are merged already, as the test depends on these alone"
        }
        "sliding_dichotomy" => "; success and failure are the levels, as `cuts` divide them",
        "two_proportions" | "logistic" | "modified_poisson" | "cochran_mantel_haenszel" => {
            "; success and failure are the levels, as `cut` divides them"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns the limits of a 95 % confidence interval that a table has for an odds ratio.
fn interval(table: &dyn TableLike) -> Option<[f64; 2]> {
    let of = |key: &str| table.get(key).and_then(number);
    let pairs = [("low", "high"), ("lower", "upper"), ("from", "to")];
    let pair = pairs.iter().find_map(|(low, high)| Some([of(low)?, of(high)?]));
    let array = ["interval", "ci", "ci95", "confidence_interval"].iter().find_map(|key| {
        let limits: Option<Vec<f64>> = elements(table.get(key)?).map(number).collect();
        limits?.try_into().ok()
    });
    pair.or(array).filter(|&[low, high]| 0.0 < low && low < high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text that is pointed to, and the message.
    fn found(line: &str) -> Option<(&str, String)> {
        let slip = in_line(line, 0)?;
        Some((&line[slip.span], slip.message))
    }

    #[test]
    fn slips_in_a_line_are_recognised_and_corrected() {
        for (line, at, says) in [
            ("dropout = 0,05", "0,05", "a decimal comma (did you mean `0.05`?)"),
            ("dropout = 12%", "12%", "a percent sign (did you mean `0.12`?)"),
            (
                "dropout = 12,5 % # lost",
                "12,5 %",
                "a percent sign and a decimal comma (did you mean `0.125`?)",
            ),
            ("dropout = .1", ".1", "each side (did you mean `0.1`?)"),
            ("dropout = 5.", "5.", "each side (did you mean `5.0`?)"),
            ("effect = −0.5", "−0.5", "other than the hyphen (did you mean `-0.5`?)"),
            ("replicates = 20,000", "20,000", "a comma (did you mean `20000` or `20.000`?)"),
            ("replicates = 1,000,000", "1,000,000", "between thousands (did you mean `1000000`?)"),
            ("replicates = 20 000", "20 000", "between thousands (did you mean `20000`?)"),
            ("replicates = 20\u{a0}000", "20\u{a0}000", "(did you mean `20000`?)"),
            ("replicates = 20\u{2009}000", "20\u{2009}000", "(did you mean `20000`?)"),
            ("replicates = 20'000", "20'000", "between thousands (did you mean `20000`?)"),
            ("randomised =\u{a0}348", "\u{a0}", "a no-break space (U+00A0)"),
            ("randomised\u{a0}= 348", "\u{a0}", "a no-break space (U+00A0)"),
            ("randomised =\u{3000}348", "\u{3000}", "an unusual space (U+3000)"),
            ("randomised\u{200b} = 348", "\u{200b}", "an invisible character (U+200B)"),
            (
                "title = “A trial” # “x”",
                "“A trial”",
                "typographic quotes (did you mean `\"A trial\"`?)",
            ),
            ("title = „A trial“", "„A trial“", "(did you mean `\"A trial\"`?)"),
            ("title = «A trial»", "«A trial»", "(did you mean `\"A trial\"`?)"),
            ("method = ‘wilcoxon’", "‘wilcoxon’", "(did you mean `\"wilcoxon\"`?)"),
            ("ratio = 1:2", "1:2", "(did you mean `{ control = 1, experimental = 2 }`?)"),
            (
                "method = two_proportions",
                "two_proportions",
                "(did you mean `\"two_proportions\"`?)",
            ),
            ("title = A trial of stents", "A trial of stents", "text without quotes"),
            ("factors = [nihss, \"age\"]", "nihss", "(did you mean `\"nihss\"`?)"),
            ("futility = { rule = none }", "none", "(did you mean `\"none\"`?)"),
            ("futility = { rule = \"z\", at_most = 20% }", "20%", "(did you mean `0.2`?)"),
            ("control = [4.7%, 7.4%]", "4.7%", "(did you mean `4.7`?)"),
            ("information_fractions = [50%, 100%]", "50%", "(did you mean `0.5`?)"),
            ("    4.7%, 7.4%,", "4.7%", "(did you mean `4.7`?)"),
            ("binding_futility = True", "True", "(did you mean `true`?)"),
        ] {
            let found = found(line).map(|(place, message)| (place.trim(), message));
            let Some((place, message)) = found else { panic!("{line}") };
            assert_eq!(place, at.trim(), "{line}");
            assert!(message.ends_with(says) || message.contains(says), "{line}: {message}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_no_slip() {
        for line in [
            "dropout = 0.05",
            "replicates = 100_000",
            "title = \"20,000 patients, 5 % of them “lost”\"",
            "a = [1, 2.5, -3, inf] # 0,5 and 12%",
            "futility = { rule = \"z\", bounds = [-0.5] }",
            "date = 2026-11-30",
            "x = 0x1F",
            "",
            "[design",
            "missing dropout 0.05",
            "a = \"\"\" 12%",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
