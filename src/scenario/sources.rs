//! Every value of a scenario with what its file says of where it is from.
//!
//! A scenario says it in comments: at the end of a value's line, above it, or above the table it is
//! in. What the file has before everything else is about all of them.

use toml_edit::{DocumentMut, Item, Table, Value};

use super::Scenario;

/// A value of the resolved scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Key path, as for `--set`.
    pub key: String,
    /// As TOML.
    pub value: String,
    /// Where it is from.
    pub origin: ParameterOrigin,
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// The file, with the comment that is nearest.
    File(Option<String>),
    /// `--set` and options of its kind.
    CommandLine,
    /// Nobody said anything else.
    Default,
}

/// All values of a scenario that `text` and `overrides` (`key=value`) say, in the order of its tables.
pub fn parameters(scenario: &Scenario, text: &str, overrides: &[String]) -> Vec<Parameter> {
    let resolved = toml::to_string(scenario.file()).expect("a scenario is plain data");
    let resolved: DocumentMut = resolved.parse().expect("it was written as TOML");
    let written: DocumentMut = text.parse().unwrap_or_default();
    let mut found = Vec::new();
    leaves("", resolved.as_table(), &mut found);
    let parameter = |(key, value): (String, String)| {
        let origin = origin(&key, &written, overrides);
        Parameter { key, value, origin }
    };
    found.into_iter().map(parameter).collect()
}

/// The comment that a scenario file begins with: its paragraphs, and whether they are indented, as those
/// are that say where a kind of value is from. Deeper indented lines go on with the one above.
pub fn preamble(text: &str) -> Vec<(bool, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines().map_while(|line| line.strip_prefix('#')) {
        let words = line.trim();
        let indent = line.len() - line.trim_start().len();
        match paragraphs.last_mut() {
            Some((above, text)) if goes_on && (indent == 1 || 1 < *above && *above < indent) => {
                *text += " ";
                *text += words;
            }
            _ if words.is_empty() => {}
            _ => paragraphs.push((indent, words.to_owned())),
        }
        goes_on = !words.is_empty();
    }
    paragraphs.into_iter().map(|(indent, text)| (indent > 1, text)).collect()
}

fn leaves(path: &str, table: &Table, found: &mut Vec<(String, String)>) {
    for (key, item) in table {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match item {
            Item::Table(table) => leaves(&path, table, found),
            Item::ArrayOfTables(tables) => {
                for (i, table) in tables.iter().enumerate() {
                    leaves(&format!("{path}[{i}]"), table, found);
                }
            }
            Item::Value(value) => found.push((path, shown(value))),
            Item::None => {}
        }
    }
}

/// On one line.
fn shown(value: &Value) -> String {
    value.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn origin(path: &str, written: &DocumentMut, overrides: &[String]) -> ParameterOrigin {
    let is_set = |set: &String| {
        let key = set.split('=').next().unwrap_or_default().trim();
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if overrides.iter().any(is_set) {
        return ParameterOrigin::CommandLine;
    }
    let (is_written, comment) = look_up(path, written);
    if is_written { ParameterOrigin::File(comment) } else { ParameterOrigin::Default }
}

/// Whether the document has a value there, and the nearest comment on the way.
fn look_up(path: &str, written: &DocumentMut) -> (bool, Option<String>) {
    let mut item = written.as_item();
    let mut nearest = None;
    for part in path.split('.') {
        let (key, index) = part.split_once('[').unwrap_or((part, ""));
        let Some(next) = item.get(key) else { return (false, nearest) };
        nearest = comment(item, key, next).or(nearest);
        item = next;
        if let Ok(index) = index.trim_end_matches(']').parse::<usize>() {
            let Some(next) = item.get(index) else { return (false, nearest) };
            nearest = next.as_table().and_then(table_comment).or(nearest);
            item = next;
        }
    }
    (true, nearest)
}

/// What is said beside or above an item.
fn comment(parent: &Item, key: &str, item: &Item) -> Option<String> {
    if let Some(table) = item.as_table() {
        return table_comment(table);
    }
    let after = item.as_value().and_then(|value| value.decor().suffix()?.as_str());
    let above = parent.as_table().and_then(|table| table.key(key)?.leaf_decor().prefix()?.as_str());
    after.and_then(words).or_else(|| above.and_then(words))
}

fn table_comment(table: &Table) -> Option<String> {
    let [after, above] = [table.decor().suffix(), table.decor().prefix()]
        .map(|decor| decor.and_then(|decor| decor.as_str()));
    after.and_then(words).or_else(|| above.and_then(words))
}

/// The comment in what stands around an item, from the last empty line on.
fn words(around: &str) -> Option<String> {
    let block = around.rsplit("\n\n").next().unwrap_or_default();
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix('#'));
    let text = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_beside_above_and_over_the_table_are_found() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let own = text.replace("days = 90", "days = 90 # by protocol") + "\n# why so many\n";
        let own = own.replace("[accrual]", "\n# of a survey\n[accrual]");
        let set = ["missing.dropout=0.2".to_owned()];
        let scenario = Scenario::parse(&own, &set).expect("valid");
        let found = parameters(&scenario, &own, &set);
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
