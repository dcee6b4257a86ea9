//! The command that recreates a result.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::path::Path;

use crate::scenario::Scenario;
use crate::scenario::hidden::is_hidden;

/// The command that recreates a result, whatever machine and files the first one used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<OsString>);

impl CommandLine {
    /// Begins a command without arguments.
    pub fn new(name: &str) -> Self {
        Self(vec!["rescuesim".into(), name.into()])
    }

    /// Begins a command on a scenario with its overrides.
    pub fn of(name: &str, scenario: &Path, overrides: &[String]) -> Self {
        Self::new(name).path(scenario).overrides(overrides)
    }

    /// Adds a file.
    pub fn path(mut self, path: &Path) -> Self {
        self.0.push(not_an_option(path).into_owned().into());
        self
    }

    /// Adds a `--set` for each override.
    pub fn overrides(mut self, overrides: &[String]) -> Self {
        self.0.extend(overrides.iter().flat_map(|set| ["--set".into(), set.into()]));
        self
    }

    /// Adds an option with its value.
    pub fn option(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        // A value that begins with a hyphen would be taken for another option.
        if value.starts_with('-') {
            self.0.push(format!("--{name}={value}").into());
        } else {
            self.0.extend([format!("--{name}").into(), value.into()]);
        }
        self
    }

    /// Adds an option without a value.
    pub fn flag(mut self, name: &str) -> Self {
        self.0.push(format!("--{name}").into());
        self
    }

    /// Adds the replicates and the seed of a scenario.
    pub fn amounts(self, scenario: &Scenario) -> Self {
        self.option("replicates", scenario.replicates).option("seed", scenario.seed.0)
    }
}

impl Display for CommandLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(quoted).collect();
        out.write_str(&words.join(" "))
    }
}

/// Writes a path so that no command takes it for an option.
fn not_an_option(path: &Path) -> Cow<'_, Path> {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(path).into()
    } else {
        path.into()
    }
}

/// Quotes a word for a POSIX shell, in one line of visible characters.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if !text.chars().any(is_hidden) => in_quotes(text),
        Some(_) | None => {
            // Line breaks, control characters and bytes that are no text go through printf: a terminal would
            // act on them or show nothing.
            let escaped: String = word.as_encoded_bytes().utf8_chunks().map(escaped).collect();
            format!("\"$(printf %b {})\"", in_quotes(&escaped))
        }
    }
}

/// Whether no shell gives the character a meaning.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c)
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Escapes text and other bytes for the `%b` of `printf`.
fn escaped(chunk: std::str::Utf8Chunk<'_>) -> String {
    let mut out = String::new();
    for c in chunk.valid().chars() {
        if c == '\\' || is_hidden(c) {
            out += &in_octal(c.to_string().as_bytes());
        } else {
            out.push(c);
        }
    }
    out + &in_octal(chunk.invalid())
}

fn in_octal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\0{byte:03o}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints the words that a shell reads from a command line, each in brackets.
    #[cfg(unix)]
    fn read_by_a_shell(line: &str) -> Vec<u8> {
        let script = format!("for word in {line}; do printf '[%s]' \"$word\"; done");
        std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell").stdout
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_that_were_quoted() {
        use std::os::unix::ffi::OsStrExt;
        for word in [
            &b"plain"[..],
            b"",
            b"it's",
            b"a b  c",
            b"$HOME `id` $(id) \\ \" ! * ? ~ # & | ; < > ( ) [a] {b}",
            b"title=\"\"\"two\nlines\"\"\"",
            b"tab\tand \\n and \\\\0101 and \x1b[31m",
            "bidi \u{202e} and \u{9b}".as_bytes(),
            b"\xff.toml",
            b"it's \xc3( broken\n'",
            b"-x",
            b"100% %s %b",
        ] {
            let line = quoted(OsStr::from_bytes(word));
            assert!(!line.chars().any(is_hidden), "{line:?}");
            assert_eq!(read_by_a_shell(&line), [b"[", word, b"]"].concat(), "{line}");
        }
    }

    #[test]
    fn no_path_or_value_is_taken_for_an_option() {
        let line = CommandLine::new("trace")
            .path(Path::new("-x.toml"))
            .path(Path::new("a.toml"))
            .option("analysis", "-name")
            .option("seed", 7);
        let expected = "rescuesim trace ./-x.toml a.toml --analysis=-name --seed 7";
        assert_eq!(line.to_string(), expected);
    }
}
