//! The command that recreates a result.

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
    let mut words = vec!["rescuesim".to_owned(), name.to_owned()];
    words.extend(paths.iter().map(|path| path.display().to_string()));
    for set in overrides {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    for (option, value) in options {
        words.extend([format!("--{option}"), value.clone()]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Replicates and seed of a scenario, as options.
pub fn amounts(scenario: &Scenario) -> [(&'static str, u64); 2] {
    [("replicates", scenario.replicates), ("seed", scenario.seed.0)]
}

/// A word as a POSIX shell needs it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains(is_hidden) {
        // POSIX.1-2024, 2.2.4: the line must be safe to print.
        let escaped = |c: char| match c {
            '\\' | '\'' => format!("\\{c}"),
            c if is_hidden(c) => {
                c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")).collect()
            }
            c => c.to_string(),
        };
        format!("$'{}'", word.chars().map(escaped).collect::<String>())
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
