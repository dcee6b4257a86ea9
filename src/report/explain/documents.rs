//! Explanations and topics as text.

use super::{ExplainedKey, ExplainedValue, Explanation};
use crate::report::document::{Document, filled, sentence};
use crate::report::glossary::{self, Term};
use crate::scenario::key_help::{Example, KeyHelp};
use crate::summary::quantity::{CatalogueEntry, entries};

impl Explanation {
    /// Formats the explanation for people.
    pub fn document(&self) -> Document {
        let mut parts: Vec<Document> = self.term.into_iter().map(term_document).collect();
        // More than a few keys are a list to choose from.
        if self.keys.len() > 6 {
            parts.push(key_list(
                &format!("Keys with `{}`", self.asked),
                self.keys.iter().map(|key| key.help),
            ));
        } else {
            parts.extend(self.keys.iter().map(key_document));
        }
        if !self.values.is_empty() {
            parts.push(values_document(&self.asked, &self.values));
        }
        parts.extend(self.quantities.iter().map(quantity_document));
        parts.into_iter().reduce(|all, part| all.gap() + part).unwrap_or_default()
    }
}

fn term_document(term: &Term) -> Document {
    let mut document =
        Document::new().title(format!("{} (term)", term.name)).text(&term.definition);
    if !term.aliases.is_empty() {
        document = document.text(format!("Also: {}", term.aliases.join(", ")));
    }
    if !term.see.is_empty() {
        document = document.text(format!("See also: {}", term.see.join(", ")));
    }
    match &term.source {
        Some(source) => document.text(format!("Source: {source}")),
        None => document,
    }
}

fn key_document(key: &ExplainedKey) -> Document {
    let ExplainedKey { help, example } = key;
    let KeyHelp { key, only_with, meaning, allowed, unit, default, required, choices, keys } = help;
    let mut document = Document::new().title(format!("{key} (key of a scenario)")).text(meaning);
    if let Some(only) = only_with {
        let names = only.names.join(", ");
        document = document.text(format!("Only with {}: {names}", only.tag));
    }
    // Names with a meaning follow in a list of their own.
    let has_choices = choices.iter().any(|choice| !choice.meaning.is_empty());
    if !has_choices {
        document = document.text(format!("Allowed: {allowed}"));
    }
    if let Some(unit) = unit {
        document = document.text(format!("Unit: {unit}"));
    }
    document = document.text(match (default, required) {
        (Some(default), _) => format!("Default: {default}"),
        (None, true) => "Default: none (required)".to_owned(),
        (None, false) => "Default: none (may be left out)".to_owned(),
    });
    if let Some(Example { line, scenario }) = example {
        document = document.text(format!("Example: {line} (in {scenario})"));
    }
    if has_choices {
        let tag = if keys.is_empty() { "Values" } else { "Variants" };
        document = document.gap().text(format!("{tag}:")).verbatim(lines(
            choices.iter().map(|choice| (choice.name.clone(), choice.meaning.as_str())),
        ));
    }
    if !keys.is_empty() {
        let prefix = format!("{key}.");
        let below = KeyHelp::all().iter().filter(|other| {
            let below = other.key.replace("[].", ".");
            below.strip_prefix(&prefix.replace("[].", ".")).is_some_and(|rest| !rest.contains('.'))
        });
        document = document.gap() + key_list("Keys:", below);
    }
    document
}

fn key_list<'k>(heading: &str, keys: impl Iterator<Item = &'k KeyHelp>) -> Document {
    let keys: Vec<&KeyHelp> = keys.collect();
    Document::new()
        .text(heading)
        .verbatim(lines(keys.iter().map(|key| (with_variants(key), key.meaning.as_str()))))
}

/// Returns the path of a key, with the variants of its table that have it.
fn with_variants(key: &KeyHelp) -> String {
    match &key.only_with {
        Some(only) => format!("{} ({}: {})", key.key, only.tag, only.names.join(", ")),
        None => key.key.clone(),
    }
}

fn values_document(name: &str, values: &[ExplainedValue]) -> Document {
    let mut document = Document::new().title(format!("{name} (value of a key)"));
    // The same choice of several keys has one meaning.
    let mut meanings: Vec<&str> =
        values.iter().map(|value| value.choice.meaning.as_str()).collect();
    meanings.dedup();
    for meaning in meanings.into_iter().filter(|meaning| !meaning.is_empty()) {
        document = document.text(meaning);
    }
    let keys: Vec<&str> = values.iter().map(|value| value.key).collect();
    document.text(format!("Value of: {}", keys.join(", ")))
}

fn quantity_document(entry: &CatalogueEntry) -> Document {
    let CatalogueEntry { object, field, meaning, kind, unit, column, names } = entry;
    let title = names.first().map_or(*field, |name| name.as_str());
    let mut document = Document::new()
        .title(format!("{title} (quantity of the output)"))
        .text(sentence(&without_links(meaning)))
        .text(format!("Kind: {kind}"));
    if !unit.is_empty() {
        document = document
            .text(format!("Unit: {}", unit.replace("`scale`", "the scale of the analysis")));
    }
    document = document.text(format!("JSON: {object}.{field}"));
    if let Some(column) = column {
        document = document.text(format!("Column of sweep.csv: {column}"));
    }
    if !names.is_empty() {
        document =
            document.text(format!("--precision-of, --reach and [expect]: {}", names.join(", ")));
    }
    document
}

/// Lines of a name and its meaning, wrapped behind the name.
fn lines<'n>(named: impl Iterator<Item = (String, &'n str)>) -> String {
    let lines = named.map(|(name, meaning)| {
        format!("  {name}\n{}", textwrap::indent(&filled(meaning, 74), "      "))
    });
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Removes the links of Markdown, `[text](target)`, and keeps their text.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[')
        && let Some((label, after)) = link.split_once("](")
        && let Some((_, after)) = after.split_once(')')
    {
        out += before;
        out += label;
        rest = after;
    }
    out + rest
}

/// Lists what can be explained.
pub fn topics() -> Document {
    let mut document = Document::new().title("Terms");
    for topic in glossary::topics() {
        let names: Vec<&str> = topic.terms.iter().map(|term| term.name.as_str()).collect();
        document = document.text(format!("{}: {}", topic.title, names.join(", ")));
    }
    let tables = KeyHelp::all().iter().filter(|key| !key.key.contains('.'));
    let tables: Vec<&str> = tables.map(|key| key.key.as_str()).collect();
    let entries = entries();
    let named: Vec<&str> =
        entries.iter().flat_map(|entry| &entry.names).map(String::as_str).collect();
    document
        .gap()
        .title("Keys of a scenario")
        .text(tables.join(", "))
        .gap()
        .title("Quantities of the output")
        .text(format!("{}, and every field of the JSON", named.join(", ")))
        .gap()
        .text(
            "`rescuesim explain NAME` explains one of them, such as `rescuesim explain overrun`, \
             `rescuesim explain design.futility` or `rescuesim explain n_randomised.mean`.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_catalogue_become_plain_text() {
        assert_eq!(without_links("by [closed form](#closed-forms); none"), "by closed form; none");
        assert_eq!(without_links("looks[] and (this)"), "looks[] and (this)");
    }
}
