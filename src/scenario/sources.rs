//! Every value of a scenario with the comment that its file has on it.
//!
//! A comment belongs to the key on whose line it is, or to the key or table right below it. The comments
//! of the template that `rescuesim init` writes are instructions, not sources, and belong to nothing; nor
//! do settings that are commented out.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use toml_edit::{Item, RawString, Table};

use super::Scenario;
use super::document::InputDocument;
use super::path::{KeyPath, PathStep};
use super::set::Set;
use super::shipped;

/// A value of the resolved scenario, or a table that the file has a comment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Key path, as for `--set`.
    pub key: String,
    /// The value as TOML; empty for a table.
    pub value: String,
    /// Origin of the value.
    pub origin: ParameterOrigin,
}

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// The file, with the comment on the key.
    File(Option<String>),
    /// `--set` and options of its kind.
    CommandLine,
    /// The default: neither the file nor the command line says anything else.
    Default,
}

/// Lists all values of a scenario that `document` and `sets` describe, in the order of its tables, each
/// table that has a comment before its values.
pub fn parameters(scenario: &Scenario, document: &InputDocument, sets: &[Set]) -> Vec<Parameter> {
    // Written and parsed, as the text has the order and the layout that are shown.
    let resolved = InputDocument::parse("scenario", scenario.to_text());
    let resolved = resolved.expect("the text of a scenario is TOML");
    let mut leaves = Vec::new();
    add_leaves(&resolved, &KeyPath::default(), resolved.root(), &mut leaves);
    let mut shown = BTreeSet::new();
    let mut found = Vec::new();
    for Leaf { path, value } in leaves {
        for (table, comment) in table_comments(&path, document) {
            if shown.insert(table.to_string()) {
                let origin = ParameterOrigin::File(Some(comment));
                found.push(Parameter { key: table.to_string(), value: String::new(), origin });
            }
        }
        let origin = origin(&path, document, sets);
        found.push(Parameter { key: path.to_string(), value, origin });
    }
    found
}

/// A value of a scenario with its key path.
struct Leaf {
    path: KeyPath,
    value: String,
}

/// One paragraph of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// Whether it is indented, as paragraphs are that state where a kind of value is from.
    pub is_item: bool,
    /// The text on one line.
    pub text: String,
}

/// Returns the comment that a scenario file begins with, by paragraphs, without the lines of the template.
/// A line that is indented further continues the one above.
pub fn preamble(text: &str) -> Vec<Paragraph> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut follows_words = false;
    for line in text.lines().map_while(|line| line.strip_prefix('#')) {
        let words = if is_of_template(line) { "" } else { line.trim() };
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
    paragraphs.into_iter().map(|(indent, text)| Paragraph { is_item: indent > 1, text }).collect()
}

/// Returns whether a comment is one of the template's, whatever its spaces.
fn is_of_template(comment: &str) -> bool {
    static COMMENTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let lines = shipped::STARTING.lines();
        lines.filter_map(|line| Some(on_one_line(line.split_once('#')?.1))).collect()
    });
    COMMENTS.contains(&on_one_line(comment))
}

/// Returns whether a comment is a setting that is switched off.
fn is_setting(comment: &str) -> bool {
    comment.parse::<toml_edit::DocumentMut>().is_ok_and(|document| !document.is_empty())
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds the values in a table, and in tables below it, each on one line.
fn add_leaves(document: &InputDocument, path: &KeyPath, item: &Item, found: &mut Vec<Leaf>) {
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
            let value = on_one_line(written.unwrap_or_default());
            found.push(Leaf { path: path.clone(), value });
        }
        Item::None => {}
    }
}

/// Returns the tables that a value is in and the file comments on, with the comments.
fn table_comments(path: &KeyPath, document: &InputDocument) -> Vec<(KeyPath, String)> {
    let mut found = Vec::new();
    let mut item = document.root();
    let mut above = KeyPath::default();
    for step in path.steps() {
        let Some(next) = step.get(item) else { break };
        above = above.child(step.clone());
        if let Some(comment) = next.as_table().and_then(|table| table_comment(document, table)) {
            found.push((above.clone(), comment));
        }
        item = next;
    }
    found
}

fn origin(path: &KeyPath, document: &InputDocument, sets: &[Set]) -> ParameterOrigin {
    // Before the file, whose comment is about the value that was replaced.
    if sets.iter().any(|set| path.below(set.path()).is_some()) {
        return ParameterOrigin::CommandLine;
    }
    if path.get(document.root()).is_none() {
        return ParameterOrigin::Default;
    }
    let mut own = None;
    let mut item = document.root();
    for step in path.steps() {
        let Some(next) = step.get(item) else { break };
        // A value in an inline table has the comment of the line that both are on.
        if let (PathStep::Key(key), Item::Value(_)) = (step, next) {
            own = comment(document, item, key, next).or(own);
        }
        item = next;
    }
    ParameterOrigin::File(own)
}

/// Returns the comment on the line of a value, or right above it.
fn comment(document: &InputDocument, parent: &Item, key: &str, item: &Item) -> Option<String> {
    let after = item.as_value().and_then(|value| value.decor().suffix());
    let above = parent.as_table().and_then(|table| table.key(key)?.leaf_decor().prefix());
    // The comment on the line first: one above may be about the keys that follow as well.
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
    // What follows the last end of a line indents the item.
    let complete = around.rfind('\n').map_or(around, |end| &around[..=end]);
    let lines: Vec<&str> = complete.lines().map(str::trim).collect();
    // Before an empty line a comment is about something else.
    let block = lines.rsplit(|line| line.is_empty()).next().unwrap_or_default();
    let lines = block.iter().filter_map(|line| line.strip_prefix('#')).map(str::trim);
    let own: Vec<&str> = lines.filter(|line| !is_of_template(line) && !is_setting(line)).collect();
    let text = own.join(" ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the origins of the values of a text.
    fn origins(text: &str, overrides: &[&str]) -> Vec<Parameter> {
        let document = InputDocument::parse("scenario", text.to_owned()).expect("it is TOML");
        let overrides: Vec<String> = overrides.iter().map(|&set| set.to_owned()).collect();
        let sets = Set::all(&overrides);
        let scenario = document.with(&sets).resolve().expect("valid");
        parameters(&scenario, &document, &sets)
    }

    fn origin<'p>(found: &'p [Parameter], key: &str) -> &'p ParameterOrigin {
        let parameter = found.iter().find(|parameter| parameter.key == key);
        &parameter.unwrap_or_else(|| panic!("{key} in {found:?}")).origin
    }

    fn commented(text: &str) -> ParameterOrigin {
        ParameterOrigin::File(Some(text.to_owned()))
    }

    const ANGEL_REBOOT: &str = include_str!("../../scenarios/angel-reboot.toml");

    #[test]
    fn a_comment_belongs_to_its_line_or_to_the_key_or_table_right_below() {
        let text = ANGEL_REBOOT
            .replace("days = 90", "days = 90 # by protocol")
            .replace("window_days", "# 10 by the registry\nwindow_days")
            .replace("looks = { analysed", "# by the board\nlooks = { analysed")
            .replace("[accrual]", "# of a survey\n[accrual]");
        let found = origins(&text, &["missing.dropout=0.2"]);
        assert_eq!(*origin(&found, "follow_up.days"), commented("by protocol"));
        assert_eq!(*origin(&found, "follow_up.window_days"), commented("10 by the registry"));
        assert_eq!(*origin(&found, "design.looks.analysed"), commented("by the board"));
        assert_eq!(*origin(&found, "accrual"), commented("of a survey"));
        assert_eq!(*origin(&found, "accrual.per_month"), ParameterOrigin::File(None));
        assert_eq!(*origin(&found, "missing.dropout"), ParameterOrigin::CommandLine);
        assert_eq!(*origin(&found, "design.decision_lag_days"), ParameterOrigin::Default);
        // The table comes right before its first value.
        let at = found.iter().position(|parameter| parameter.key == "accrual");
        assert_eq!(at.map(|at| found[at + 1].key.as_str()), Some("accrual.per_month"));
    }

    #[test]
    fn an_empty_line_separates_a_comment_whatever_ends_the_lines() {
        let text = ANGEL_REBOOT
            .replace("randomised = 348", "# about something else\n  \nrandomised = 348")
            .replace("window_days", "# about something else\n\n  # by the registry\n  window_days");
        for text in [text.replace('\n', "\r\n"), text] {
            let found = origins(&text, &[]);
            assert_eq!(*origin(&found, "sample_size.randomised"), ParameterOrigin::File(None));
            assert_eq!(*origin(&found, "follow_up.window_days"), commented("by the registry"));
        }
    }

    #[test]
    fn comments_of_the_template_and_settings_switched_off_belong_to_nothing() {
        let template = shipped::STARTING;
        for parameter in origins(template, &[]) {
            let is_comment = matches!(parameter.origin, ParameterOrigin::File(Some(_)));
            assert!(!is_comment, "{parameter:?}");
        }
        assert_eq!(preamble(template), []);
        let own = template
            .replace("[follow_up]\n", "[follow_up]\n# days = 120\n# six weeks later\n")
            .replacen('#', "# Registry data of 2024.\n#\n#", 1);
        let found = origins(&own, &[]);
        assert_eq!(*origin(&found, "follow_up.days"), commented("six weeks later"));
        let words = Paragraph { is_item: false, text: "Registry data of 2024.".to_owned() };
        assert_eq!(preamble(&own), [words]);
    }

    #[test]
    fn the_preamble_is_read_by_paragraphs_and_items() {
        let preamble = preamble(ANGEL_REBOOT);
        assert!(preamble[0].text.ends_with("from 25 % to 40 %?"), "{preamble:?}");
        let Paragraph { is_item, text } = &preamble[2];
        assert!(*is_item && text.starts_with("From the protocol: 348"), "{preamble:?}");
        assert!(text.ends_with("(22.39 per month)."), "{preamble:?}");
        assert_eq!(preamble.len(), 5, "{preamble:?}");
    }
}
