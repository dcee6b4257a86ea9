//! Characters that change how a line is shown without being seen in it.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns whether a character controls a terminal, the direction of text, or nothing that is seen: the control
/// characters of ASCII and Latin-1 (C0, C1), the bidirectional controls of Unicode (UAX #9), and those
/// of no width. A name with one of them can read as another, or as a command to the terminal.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // The code points that Unicode calls default ignorable, which fonts do not show, with
            // the separators of lines (U+2028, U+2029) and the marks of annotations (U+FFF9 to
            // U+FFFB).
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

fn is_hidden_in_line(c: char) -> bool {
    is_hidden(c) && c != '\n'
}

fn is_hidden_in_file(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\n' | '\r' | '\t')
}

/// Returns the text with every hidden character but line feeds written as Rust and TOML escape it, such
/// as `\u{202e}`: for messages that quote what a user typed.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden_in_line) {
        return Cow::Borrowed(text);
    }
    // Room for one escape; more are rare.
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden_in_line(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Returns the text with a sign of the same number of bytes in place of every hidden character but tabs
/// and ends of lines, so that places in the one are places in the other.
pub(crate) fn visible_in_place(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden_in_file) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_hidden_in_file(c) { sign(c) } else { c }).collect())
}

/// Returns a visible sign that has as many bytes in UTF-8 as the character.
fn sign(c: char) -> char {
    match c.len_utf8() {
        1 => '?',
        2 => '¿',
        3 => '\u{fffd}',
        _ => '\u{1f6ab}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_out() {
        assert_eq!(
            visible("a\u{202e}b\u{9b}31m\u{1b}[0m\u{200b}\n"),
            r"a\u{202e}b\u{9b}31m\u{1b}[0m\u{200b}".to_owned() + "\n"
        );
        for seen in ["≥16 h, NIHSS 6–15", "Ärzte", "日本語", "ע", ""] {
            assert!(matches!(visible(seen), Cow::Borrowed(_)), "{seen}");
            assert!(!seen.contains(is_hidden));
        }
        let text = "a\u{202e}b\u{9b}c\u{1b}d\u{e0041}e\tf\r\n";
        let shown = visible_in_place(text);
        assert_eq!(shown, "a\u{fffd}b¿c?d\u{1f6ab}e\tf\r\n");
        assert_eq!(shown.len(), text.len());
    }
}
