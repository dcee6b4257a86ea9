//! The scenarios that come with the program, so that `rescuesim run angel-reboot` works anywhere.

use std::path::Path;

use super::problems::suggestion;

/// A file in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Name: that of its file without `.toml`.
    pub name: &'static str,
    /// Text of the file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(Shipped {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

/// Every scenario, in the order of a first reading.
pub const SCENARIOS: [Shipped; 29] = shipped![
    "angel-reboot",
    "angel-reboot-analyses",
    "angel-reboot-missing",
    "angel-reboot-safety",
    "angel-reboot-centres",
    "angel-rescue",
    "icarus-fixed",
    "icarus",
    "moste",
    "moste-reestimated",
    "resilient",
    "ims-iii",
    "act",
    "direct-mt",
    "mr-clean-no-iv",
    "taste",
    "oriental-mevo",
    "dawn-coprimary",
    "tesla-like",
    "dawn-like",
    "defuse-3",
    "rescue-by-cause",
    "premat-assurance",
    "guo-cohort",
    "lee-cohort",
    "lee-selection",
    "early-vs-late",
    "angel-rescue-mechanistic",
    "angel-reboot-mechanistic",
];

/// A commented scenario to start from.
pub const STARTING: &str = include_str!("starting.toml");

/// Evidence that scenarios refer to, by its path from theirs.
const EVIDENCE: [Shipped; 2] = shipped!["evidence/guo", "evidence/premat"];

/// Returns the text of a path that names a scenario in the program, with or without `.toml`, or
/// evidence of one.
pub(super) fn text(path: &Path) -> Option<&'static str> {
    let path = path.to_str()?;
    let name = path.strip_suffix(".toml").unwrap_or(path);
    // Evidence is a file that scenarios refer to, so it always has its ending.
    let evidence = EVIDENCE.iter().filter(|_| name != path);
    SCENARIOS.iter().chain(evidence).find(|shipped| shipped.name == name).map(|it| it.text)
}

/// Returns what to say of a path that is no file; `None` unless it looks like a name.
pub(super) fn hint(path: &Path) -> Option<String> {
    let name = path.to_str()?.trim_end_matches(".toml");
    // A path in a folder is meant as a file, so the list of scenarios would not help.
    if name.contains(['/', '\\']) {
        return None;
    }
    let names = SCENARIOS.map(|shipped| shipped.name);
    let beginning: Vec<&str> =
        names.into_iter().filter(|known| !name.is_empty() && known.starts_with(name)).collect();
    let file = path.with_extension("toml");
    let hint = match (&beginning[..], path.extension()) {
        // The ending was forgotten, as in `run scenario`.
        (_, None) if file.is_file() => format!(" (did you mean `{}`?)", file.display()),
        ([], _) => suggestion(name, &names),
        (beginning, _) => {
            format!("; built-in scenarios that begin with it: {}", beginning.join(", "))
        }
    };
    // As typed: with the ending, a file was meant.
    let typed = path.display();
    Some(format!(
        "no file or built-in scenario named \"{typed}\"{hint}; `rescuesim list` shows the built-in scenarios"
    ))
}
