//! Every value of a scenario with what its file says of where it is from.
//!
//! A scenario says it in comments: at the end of a value's line, above it, or above the table it is
//! in. What the file has before everything else is about all of them.

use toml_edit::{Item, RawString, Table};

use super::Scenario;
use super::document::InputDocument;
use super::path::{KeyPath, PathStep};
use super::set::Set;

/// A value of the resolved scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Key path, as for `--set`.
    pub key: String,
    /// The value as TOML.
    pub value: String,
    /// Origin of the value.
    pub origin: ParameterOrigin,
}

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// The file, with the comment that is nearest.
    File(Option<String>),
    /// `--set` and options of its kind.
    CommandLine,
    /// The default: neither the file nor the command line says anything else.
    Default,
}

/// Lists all values of a scenario that `document` and `sets` describe, in the order of its tables.
pub fn parameters(scenario: &Scenario, document: &InputDocument, sets: &[Set]) -> Vec<Parameter> {
    // Written and parsed, as the text has the order and the layout that are shown.
    let resolved = InputDocument::parse("scenario", scenario.to_text());
    let resolved = resolved.expect("the text of a scenario is TOML");
    let mut found = Vec::new();
    add_leaves(&resolved, &KeyPath::default(), resolved.root(), &mut found);
    found
        .into_iter()
        .map(|(path, value)| Parameter {
            key: path.to_string(),
            value,
            origin: origin(&path, document, sets),
        })
        .collect()
}

/// Returns the comment that a scenario file begins with: its paragraphs, and whether they are indented,
/// as those are that say where a kind of value is from. A line that is indented further continues the
/// one above.
pub fn preamble(text: &str) -> Vec<(bool, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut follows_words = false;
    for line in text.lines().map_while(|line| line.strip_prefix('#')) {
        let words = line.trim();
        let indent = line.len() - line.trim_start().len();
        match paragraphs.last_mut() {
            Some((above, text))
                if follows_words && (indent == 1 || 1 < *above && *above < indent) =>
            {
                *text += " ";
                *text += words;
            }
            _ if words.is_empty() => {}
            _ => paragraphs.push((indent, words.to_owned())),
        }
        follows_words = !words.is_empty();
    }
    paragraphs.into_iter().map(|(indent, text)| (indent > 1, text)).collect()
}

/// Adds the values in a table, and in tables below it, each on one line.
fn add_leaves(
    document: &InputDocument,
    path: &KeyPath,
    item: &Item,
    found: &mut Vec<(KeyPath, String)>,
) {
    match item {
        Item::Table(table) => {
            table.iter().for_each(|(key, item)| add_leaves(document, &path.key(key), item, found));
        }
        Item::ArrayOfTables(tables) => {
            for index in 0..tables.len() {
                if let Some(table) = PathStep::Index(index).get(item) {
                    add_leaves(document, &path.index(index), table, found);
                }
            }
        }
        Item::Value(value) => {
            let written = value.span().and_then(|span| document.text().get(span));
            let words: Vec<&str> = written.unwrap_or_default().split_whitespace().collect();
            found.push((path.clone(), words.join(" ")));
        }
        Item::None => {}
    }
}

fn origin(path: &KeyPath, document: &InputDocument, sets: &[Set]) -> ParameterOrigin {
    if sets.iter().any(|set| path.below(set.path()).is_some()) {
        return ParameterOrigin::CommandLine;
    }
    if path.get(document.root()).is_none() {
        return ParameterOrigin::Default;
    }
    let mut nearest = None;
    let mut item = document.root();
    for step in path.steps() {
        let Some(next) = step.get(item) else { break };
        let comment = match step {
            PathStep::Key(key) => comment(document, item, key, next),
            PathStep::Index(_) => next.as_table().and_then(|table| table_comment(document, table)),
        };
        nearest = comment.or(nearest);
        item = next;
    }
    ParameterOrigin::File(nearest)
}

/// Returns the comment on the line of an item, or above it.
fn comment(document: &InputDocument, parent: &Item, key: &str, item: &Item) -> Option<String> {
    if let Some(table) = item.as_table() {
        return table_comment(document, table);
    }
    // A comment on the line is about the value, one above it may be about the lines that follow too.
    let after = item.as_value().and_then(|value| value.decor().suffix());
    let above = parent.as_table().and_then(|table| table.key(key)?.leaf_decor().prefix());
    after.and_then(|raw| words(document, raw)).or_else(|| words(document, above?))
}

fn table_comment(document: &InputDocument, table: &Table) -> Option<String> {
    let decor = table.decor();
    let after = decor.suffix().and_then(|raw| words(document, raw));
    after.or_else(|| words(document, decor.prefix()?))
}

/// Returns the comment in the text around an item, from the last empty line on.
fn words(document: &InputDocument, around: &RawString) -> Option<String> {
    let around = around.as_str().or_else(|| document.text().get(around.span()?))?;
    // Before an empty line a comment is about something else.
    let block = around.rsplit("\n\n").next().unwrap_or_default();
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix('#'));
    let text = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comment_is_that_of_the_line_then_above_it_then_above_the_table() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let own = text.replace("days = 90", "days = 90 # by protocol") + "\n# why so many\n";
        let own = own.replace("[accrual]", "\n# of a survey\n[accrual]");
        let document = InputDocument::parse("scenario", own.clone()).expect("it is TOML");
        let sets = Set::all(&["missing.dropout=0.2".to_owned()]);
        let scenario = document.with(&sets).resolve().expect("valid");
        let found = parameters(&scenario, &document, &sets);
        let origin = |key: &str| {
            let parameter = found.iter().find(|parameter| parameter.key == key);
            parameter.unwrap_or_else(|| panic!("{key} in {found:?}")).origin.clone()
        };
        assert_eq!(origin("follow_up.days"), ParameterOrigin::File(Some("by protocol".into())));
        assert_eq!(origin("accrual.per_month"), ParameterOrigin::File(Some("of a survey".into())));
        assert_eq!(origin("missing.dropout"), ParameterOrigin::CommandLine);
        assert_eq!(origin("design.decision_lag_days"), ParameterOrigin::Default);
        let preamble = preamble(&own);
        let (is_indented, source) = &preamble[2];
        assert!(preamble[0].1.ends_with("from 25 % to 40 %?"), "{preamble:?}");
        assert!(*is_indented && source.starts_with("From the protocol: 348"), "{preamble:?}");
        assert!(source.ends_with("(22.39 per month)."), "{preamble:?}");
        assert_eq!(preamble.len(), 5, "{preamble:?}");
    }
}
