//! The command that recreates a result.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use rescuesim::scenario::Scenario;
use rescuesim::scenario::hidden::is_hidden;

/// The command that recreates a result of scenarios, whatever machine and files this one used.
/// `amounts` are the options that say how much was simulated.
pub fn command_line(
    name: &str,
    paths: &[&Path],
    overrides: &[String],
    amounts: &[(&str, u64)],
) -> String {
    let options = amounts.iter().map(|(option, amount)| (*option, amount.to_string()));
    command_line_with(name, paths, overrides, &options.collect::<Vec<_>>())
}

/// The same with any options.
pub fn command_line_with(
    name: &str,
    paths: &[&Path],
    overrides: &[String],
    options: &[(&str, String)],
) -> String {
    let mut words: Vec<OsString> = vec!["rescuesim".into(), name.into()];
    words.extend(paths.iter().map(|path| not_an_option(path).into_owned().into_os_string()));
    for set in overrides {
        words.extend(["--set".into(), set.into()]);
    }
    for (option, value) in options {
        // A value that begins with a hyphen would be taken for another option.
        if value.starts_with('-') {
            words.push(format!("--{option}={value}").into());
        } else {
            words.extend([format!("--{option}").into(), value.into()]);
        }
    }
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The same path, in words that no command takes for an option.
fn not_an_option(path: &Path) -> Cow<'_, Path> {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(path).into()
    } else {
        path.into()
    }
}

/// Replicates and seed of a scenario, as options.
pub fn amounts(scenario: &Scenario) -> [(&'static str, u64); 2] {
    [("replicates", scenario.replicates), ("seed", scenario.seed.0)]
}

/// A word as a POSIX shell needs it, in one line and in characters that can be seen: bytes that are
/// none go through `printf`.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(text) if !text.chars().any(is_hidden) => in_quotes(text),
        _ => {
            let escaped: String = word.as_encoded_bytes().utf8_chunks().map(escaped).collect();
            format!("\"$(printf %b {})\"", in_quotes(&escaped))
        }
    }
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text for the `%b` of `printf`.
fn escaped(chunk: std::str::Utf8Chunk<'_>) -> String {
    let octal = |byte: &u8| format!("\\0{byte:03o}");
    let mut out = String::new();
    for c in chunk.valid().chars() {
        if c == '\\' || is_hidden(c) {
            out.extend(c.to_string().as_bytes().iter().map(octal));
        } else {
            out.push(c);
        }
    }
    out.extend(chunk.invalid().iter().map(octal));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a shell makes of the words of a command line, each in brackets.
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
        let paths = [Path::new("-x.toml"), Path::new("a.toml")];
        let options = [("analysis", "-name".to_owned()), ("seed", "7".to_owned())];
        let line = command_line_with("trace", &paths, &[], &options);
        assert_eq!(line, "rescuesim trace ./-x.toml a.toml --analysis=-name --seed 7");
    }
}
