//! Slips that people make in TOML, and what they meant: decimal commas, percent signs, separators between
//! thousands, typographic quotes, odd spaces, ratios, text without quotes, percentages for fractions.

use std::ops::Range;

use super::hidden::is_hidden;
use super::meant_number::MeantNumber;

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
pub(super) fn ratio(value: &str) -> Option<(u32, u32)> {
    let (control, experimental) = value.split_once(':')?;
    Some((control.trim().parse().ok()?, experimental.trim().parse().ok()?))
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
