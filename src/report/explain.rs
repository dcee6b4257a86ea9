//! `rescuesim explain`: what a key of a scenario, a quantity of the output or a term means.

mod documents;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::glossary::{self, Term};
use crate::scenario::key_help::{Choice, Example, KeyHelp, without_indices};
use crate::scenario::{nearest, synonyms};
use crate::summary::quantity::{CatalogueEntry, entries};

pub use documents::topics;

/// Everything that has the name asked for.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The name.
    asked: String,
    /// The term of the glossary, if any.
    term: Option<&'static Term>,
    /// Keys of a scenario.
    keys: Vec<ExplainedKey>,
    /// Keys that may have the name as their value.
    values: Vec<ExplainedValue>,
    /// Quantities of the output.
    quantities: Vec<CatalogueEntry>,
}

/// A key with an example.
#[derive(Debug, Serialize)]
struct ExplainedKey {
    #[serde(flatten)]
    help: &'static KeyHelp,
    example: Option<Example>,
}

/// A name that is a value of a key.
#[derive(Debug, Serialize)]
struct ExplainedValue {
    key: &'static str,
    #[serde(flatten)]
    choice: &'static Choice,
}

/// A name that nothing has, or several methods.
#[derive(Debug, thiserror::Error)]
pub struct UnknownName {
    name: String,
    /// Names like it, the most alike first.
    near: Vec<String>,
    /// The methods that the name may mean, each with what distinguishes it from the others.
    several: Option<String>,
}

impl UnknownName {
    fn new(name: &str, near: Vec<String>) -> Self {
        Self { name: name.to_owned(), near, several: None }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, near, several } = self;
        match several {
            Some(methods) => {
                write!(f, "`{name}` is the name of several methods: {methods}{}", hint(near))
            }
            None => write!(
                f,
                "`{name}` is neither a key of a scenario, nor a quantity, nor a term{}; `rescuesim explain` lists all topics",
                hint(near)
            ),
        }
    }
}

fn hint(near: &[String]) -> String {
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => format!(" (did you mean {only}?)"),
        Some((last, others)) => format!(" (did you mean {} or {last}?)", others.join(", ")),
    }
}

impl Explanation {
    /// Explains a name: a key path, with or without indices; the beginning of one, or its last key; the
    /// value of a key; a quantity by its field, its column or its name on the command line; a term; or
    /// another name of a method.
    ///
    /// # Errors
    /// If nothing has the name, or several methods do.
    pub fn of(name: &str) -> Result<Self, UnknownName> {
        let name = name.trim();
        if let Some(explanation) = Self::known(name) {
            return Ok(explanation);
        }
        match synonyms::meanings(name) {
            [meant] => Self::known(meant.name).ok_or_else(|| UnknownName::new(name, near(name))),
            [] => Err(UnknownName::new(name, near(name))),
            several => {
                let names = several.iter().map(|meaning| meaning.name.to_owned());
                let notes = several.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                Err(UnknownName { several: Some(notes), ..UnknownName::new(name, names.collect()) })
            }
        }
    }

    /// Explains a name that something has; `None` if nothing does.
    fn known(name: &str) -> Option<Self> {
        let explanation = Self {
            asked: name.to_owned(),
            term: glossary::lookup(name),
            keys: keys(name)
                .into_iter()
                .map(|help| ExplainedKey { help, example: help.example() })
                .collect(),
            values: values(name),
            quantities: quantities(name),
        };
        let Self { term, keys, values, quantities, .. } = &explanation;
        let is_known =
            term.is_some() || !keys.is_empty() || !values.is_empty() || !quantities.is_empty();
        is_known.then_some(explanation)
    }

    /// Formats the explanation as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an explanation is plain data") + "\n"
    }
}

/// Finds keys by their whole path, or else by the end or the beginning of it.
fn keys(name: &str) -> Vec<&'static KeyHelp> {
    let path = without_indices(name);
    let found = |is_found: &dyn Fn(&str) -> bool| -> Vec<&'static KeyHelp> {
        KeyHelp::all().iter().filter(|key| is_found(&key.plain_path())).collect()
    };
    let whole = found(&|known| known == path);
    // `design` alone must explain the table, not every key whose path ends so.
    if !whole.is_empty() {
        return whole;
    }
    // With the dot: "sd" must not find every key whose last word ends in these letters.
    let end = format!(".{path}");
    let by_end = found(&|known| known.ends_with(&end));
    // Without a dot any word would find keys that happen to begin with it.
    if by_end.is_empty() && path.contains('.') {
        return found(&|known| known.starts_with(&path));
    }
    by_end
}

fn values(name: &str) -> Vec<ExplainedValue> {
    let mut seen = BTreeSet::new();
    let keys = KeyHelp::all().iter().filter(|key| key.keys.is_empty());
    keys.flat_map(|key| key.choices.iter().map(move |choice| (key, choice)))
        .filter(|(key, choice)| choice.name == name && seen.insert(&key.key))
        .map(|(key, choice)| ExplainedValue { key: &key.key, choice })
        .collect()
}

/// Finds quantities by their field, place, column or name on the command line, or else by the last key.
fn quantities(name: &str) -> Vec<CatalogueEntry> {
    let path = without_indices(name);
    let as_option = name.replace(['_', ' '], "-");
    // The columns of look 2 are described as those of look k.
    let of_look = name
        .strip_prefix("look_")
        .map(|rest| format!("look_k{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())));
    let exact = |entry: &CatalogueEntry| {
        let place = without_indices(&format!("{}.{}", entry.object, entry.field));
        entry.field == name
            || place == path
            || entry.column.as_deref() == Some(name)
            || (of_look.is_some() && entry.column == of_look)
            || entry.names.contains(&as_option)
    };
    let all = entries();
    let found: Vec<CatalogueEntry> = all.iter().filter(|entry| exact(entry)).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    all.into_iter().filter(|entry| entry.field.rsplit('.').next() == Some(name)).collect()
}

/// Returns up to three names like the one asked for.
fn near(name: &str) -> Vec<String> {
    let keys = KeyHelp::all().iter().map(KeyHelp::plain_path);
    let last_keys = KeyHelp::all()
        .iter()
        .filter_map(|key| key.plain_path().rsplit('.').next().map(str::to_owned));
    let terms = glossary::terms().flat_map(|term| term.names().map(str::to_owned));
    let quantities = entries().into_iter().flat_map(|entry| {
        let CatalogueEntry { field, names, .. } = entry;
        names.into_iter().chain([field.to_owned()])
    });
    let names: BTreeSet<String> = keys.chain(last_keys).chain(terms).chain(quantities).collect();
    let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut near = Vec::new();
    while near.len() < 3
        && let Some(name) = nearest(name, &known)
    {
        near.push(name.to_owned());
        // The nearest is taken out, so that the next search finds the second nearest.
        known.retain(|known| *known != name);
    }
    near
}

/// Lists everything that can be explained as JSON: every term, key and quantity.
pub fn topics_json() -> String {
    #[derive(Serialize)]
    struct All {
        terms: Vec<&'static Term>,
        keys: &'static [KeyHelp],
        quantities: Vec<CatalogueEntry>,
    }
    let all =
        All { terms: glossary::terms().collect(), keys: KeyHelp::all(), quantities: entries() };
    serde_json::to_string_pretty(&all).expect("explanations are plain data") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_listed_can_be_explained() {
        let keys = KeyHelp::all().iter().map(|key| key.key.clone());
        let terms = glossary::terms().map(|term| term.name.clone());
        let quantities = entries().into_iter().flat_map(|entry| {
            let place = format!("{}.{}", entry.object, entry.field);
            entry.names.into_iter().chain(entry.column).chain([place])
        });
        for name in keys.chain(terms).chain(quantities) {
            let explanation = Explanation::of(&name).unwrap_or_else(|error| panic!("{error}"));
            assert!(!explanation.document().is_empty(), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_names_like_it() {
        let error = Explanation::of("missing.droput").expect_err("a slip").to_string();
        assert!(error.contains("(did you mean `missing.dropout`"), "{error}");
        let error = Explanation::of("qqqq").expect_err("no name").to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }
}
