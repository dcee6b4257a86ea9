//! Numbers of a scenario, and a scenario file with some values changed and everything else, comments
//! included, kept.

use serde::Deserialize;
use serde_json::Number as Limit;
use serde_json::Value as Json;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::document::{InputDocument, InputFile};
use super::error::nearest;
use super::path::{KeyPath, NotAPath, PathStep};
use super::problems::did_you_mean;
use super::set::Set;
use super::{Scenario, ScenarioFile};

/// Why a number cannot be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not keys joined by dots.
    #[error(transparent)]
    Path(#[from] NotAPath),
    /// The scenario has no number there.
    #[error("`{0}` is not a number of this scenario; allowed: a key whose value is a number")]
    NotANumber(String),
    /// There is no such key.
    #[error("there is no `{path}`{}; allowed: a key whose value the scenario has", did_you_mean(.near))]
    NotThere {
        /// The path asked for.
        path: String,
        /// The path with the key most like it.
        near: Option<String>,
    },
    /// It takes whole numbers only.
    #[error("`{0}` is a whole number; allowed: a key whose value may have decimals")]
    Whole(String),
    /// It is not written in the file itself.
    #[error("`{0}` is not written in the file; allowed: a key that is there")]
    NotWritten(String),
    /// A value cannot be put into the document.
    #[error("{0}")]
    NoPlace(String),
}

/// A change of one value of a document.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Edit {
    /// Key path. The index behind the last element of a list adds an element.
    pub path: String,
    /// New value, in JSON; null, or none, removes the key or element.
    #[serde(default)]
    pub value: Option<Json>,
}

/// A number of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The current value.
    pub value: f64,
    /// The least and the greatest value that are allowed by themselves.
    pub range: (f64, f64),
    /// Whether it must be whole.
    pub whole: bool,
}

/// Returns the number at a key path of the resolved scenario, with the least and the greatest that are
/// allowed there.
///
/// # Errors
/// When there is no number, or one that must be whole.
pub fn number(scenario: &Scenario, path: &KeyPath) -> Result<(f64, (f64, f64)), EditError> {
    let Number { value, range, whole } = any_number(scenario, path)?;
    if whole { Err(EditError::Whole(path.to_string())) } else { Ok((value, range)) }
}

/// Returns the number at a key path of the resolved scenario, whole or not.
///
/// # Errors
/// When there is no number.
pub fn any_number(scenario: &Scenario, path: &KeyPath) -> Result<Number, EditError> {
    // The resolved scenario, in which defaults are numbers too.
    let document = toml_edit::ser::to_document(scenario.file()).expect("a scenario is plain data");
    let (mut item, mut shape) = (document.as_item(), Some(ScenarioFile::shape()));
    let mut above = KeyPath::default();
    for step in path.steps() {
        shape = shape.and_then(|shape| match step {
            PathStep::Key(key) => shape.key(key),
            PathStep::Index(_) => shape.element(),
        });
        item = step.get(item).ok_or_else(|| match inside(&document, path) {
            Some(near) => EditError::NotThere { path: path.to_string(), near: Some(near) },
            None => not_there(path, &above, item, step),
        })?;
        above = above.child(step.clone());
    }
    let (Some(value), Some(allowed)) =
        (super::item::number(item), shape.and_then(|shape| shape.number()))
    else {
        return Err(EditError::NotANumber(path.to_string()));
    };
    let least = allowed.least.as_ref().and_then(Limit::as_f64).unwrap_or(f64::NEG_INFINITY);
    let most = allowed.most.as_ref().and_then(Limit::as_f64).unwrap_or(f64::INFINITY);
    Ok(Number { value, range: (least, most), whole: allowed.whole })
}

/// Names that people give the number of patients.
const PATIENTS: [&str; 6] = ["n", "n_max", "patients", "sample_size", "size", "total"];

/// Finds the number that a path of one key means, inside some table; `None` if several have that key.
fn inside(document: &toml_edit::DocumentMut, path: &KeyPath) -> Option<String> {
    let [PathStep::Key(key)] = path.steps() else { return None };
    // Of all numbers this is the one that most questions are about.
    if PATIENTS.contains(&key.to_lowercase().as_str()) {
        return Some(super::size::randomised().to_string());
    }
    let mut found = Vec::new();
    collect(document.as_item(), key, &KeyPath::default(), &mut found);
    // Of several, none is more likely than the others.
    match &found[..] {
        [only] => Some(only.to_string()),
        _ => None,
    }
}

/// Collects the paths of the numbers that have a key, in tables at any depth.
fn collect(item: &Item, key: &str, at: &KeyPath, found: &mut Vec<KeyPath>) {
    for (name, child) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
        let path = at.key(name);
        if name == key && super::item::number(child).is_some() {
            found.push(path);
        } else {
            collect(child, key, &path, found);
        }
    }
}

/// Describes a step that leads nowhere from `item`, which is at the path `above`.
fn not_there(path: &KeyPath, above: &KeyPath, item: &Item, step: &PathStep) -> EditError {
    let keys = item.as_table_like().into_iter().flat_map(|table| table.iter());
    let known: Vec<&str> = keys.map(|(key, _)| key).collect();
    let near = match step {
        PathStep::Key(key) => nearest(key, &known).map(|key| above.key(key).to_string()),
        PathStep::Index(_) => None,
    };
    EditError::NotThere { path: path.to_string(), near }
}

/// Returns the text of a document with numbers in place of those that are there, and every other byte
/// as it was.
///
/// # Errors
/// When one of them is not written in the text.
pub fn with_numbers(
    document: &InputDocument,
    numbers: &[(KeyPath, f64)],
) -> Result<String, EditError> {
    let mut places = Vec::with_capacity(numbers.len());
    for (path, number) in numbers {
        let span = match path.get(document.root()) {
            Some(Item::Value(value)) => value.span(),
            Some(Item::None) | None => None,
            Some(Item::Table(_) | Item::ArrayOfTables(_)) => {
                return Err(EditError::NotANumber(path.to_string()));
            }
        };
        let span = span.ok_or_else(|| EditError::NotWritten(path.to_string()))?;
        places.push((span, Value::from(*number).to_string()));
    }
    // From the last, so that those before keep their places.
    places.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut edited = document.text().to_owned();
    for (span, number) in places {
        edited.replace_range(span, &number);
    }
    Ok(edited)
}

/// Replaces, adds and removes values of a document, one after another. A key that is one of several
/// alternatives takes the place of the alternative that was there, as with `--set`. Values may be
/// such that the result is not a valid scenario: a form is filled in step by step.
///
/// # Errors
/// When a path is not one, or leads through a value that is no table.
pub fn with_edits(document: &InputDocument, edits: &[Edit]) -> Result<String, EditError> {
    let mut edited = document.to_mutable();
    for Edit { path, value } in edits {
        let path: KeyPath = path.parse()?;
        let root = edited.as_item_mut();
        match value {
            None => remove(root, &path),
            Some(value) => put(root, &path, &toml_value(value))?,
        }
    }
    Ok(text_like(document, &edited))
}

/// Writes values of sets into a document, one after another.
///
/// # Errors
/// When a path leads through a value that is no table.
pub fn with_sets(document: &InputDocument, sets: &[Set]) -> Result<String, EditError> {
    let mut edited = document.to_mutable();
    for set in sets {
        put(edited.as_item_mut(), set.path(), set.value())?;
    }
    Ok(text_like(document, &edited))
}

/// Returns the text of a changed document, with the line ends of the document.
fn text_like(document: &InputDocument, edited: &DocumentMut) -> String {
    let text = edited.to_string();
    // toml_edit ends the lines that it writes with a line feed, and keeps the others as they were.
    let has_crlf = document.text().contains("\r\n");
    if has_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text }
}

/// Removes a key or an element; nothing if it is not there.
fn remove(root: &mut Item, path: &KeyPath) {
    let (Some(last), Some(parent)) = (path.steps().last(), path.parent()) else { return };
    let Some(parent) = parent.get_mut(root) else { return };
    match last {
        PathStep::Key(key) => {
            parent.as_table_like_mut().and_then(|table| table.remove(key));
        }
        PathStep::Index(index) => {
            if last.get(parent).is_none() {
                return;
            }
            if let Some(tables) = parent.as_array_of_tables_mut() {
                tables.remove(*index);
            } else if let Some(array) = parent.as_array_mut() {
                array.remove(*index);
            }
        }
    }
}

/// Puts a value in its place, with the comments around the value that was there.
fn put(root: &mut Item, path: &KeyPath, value: &Value) -> Result<(), EditError> {
    // First, as a set refuses an index that the list does not have.
    if add_element(root, path, value) {
        return Ok(());
    }
    if let ([PathStep::Key(key)], Value::InlineTable(fields)) = (path.steps(), value)
        && let Some(table) = root.as_table_like_mut()
        && !table.get(key).is_some_and(Item::is_value)
    {
        // A table of the top level is written with a header, as in all scenarios of the program.
        table.insert(key, Item::Table(headed(fields)));
        return Ok(());
    }
    if let [PathStep::Key(first), _, ..] = path.steps()
        && let Some(table) = root.as_table_like_mut()
        && table.get(first).is_none()
    {
        // A set would make the missing table an inline one, all on a line however many keys follow.
        table.insert(first, Item::Table(headed(&InlineTable::new())));
    }
    // A comment at the end of the line belongs to the value in the document, and would go with it.
    let before = path.get(root).and_then(Item::as_value).map(|value| value.decor().clone());
    let set = Set::new(path.clone(), value.clone());
    set.apply(ScenarioFile::shape(), root)
        .map_err(|problem| EditError::NoPlace(problem.sentence()))?;
    if let Some(table) = path.parent().and_then(|parent| inline_table(root, &parent)) {
        // The first and last key have the spaces at the braces; another may now be in their place.
        table.fmt();
    } else if let Some(before) = before
        && let Some(value) = path.get_mut(root).and_then(Item::as_value_mut)
    {
        *value.decor_mut() = before;
    }
    Ok(())
}

fn inline_table<'r>(root: &'r mut Item, path: &KeyPath) -> Option<&'r mut InlineTable> {
    path.get_mut(root)?.as_inline_table_mut()
}

/// Adds an element to the end of a list, if that is what the path names.
fn add_element(root: &mut Item, path: &KeyPath, value: &Value) -> bool {
    let (Some(PathStep::Index(index)), Some(parent)) = (path.steps().last(), path.parent()) else {
        return false;
    };
    let Some(list) = parent.get_mut(root) else { return false };
    if let (Some(tables), Some(fields)) = (list.as_array_of_tables_mut(), value.as_inline_table())
        && tables.len() == *index
    {
        tables.push(headed(fields));
        return true;
    }
    if let Some(array) = list.as_array_mut()
        && array.len() == *index
    {
        array.push(value.clone());
        return true;
    }
    false
}

/// Makes a table with a header of its own, after an empty line.
fn headed(fields: &InlineTable) -> Table {
    let mut table = fields.clone().into_table();
    table.decor_mut().set_prefix("\n");
    table
}

/// Writes a JSON value in TOML, which has no null: a table omits it, a list has an empty text.
fn toml_value(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(""),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, float) => Value::from(float.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(toml_value).collect(),
        Json::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(key, value)| (key.as_str(), toml_value(value)));
            Value::InlineTable(InlineTable::from_iter(fields))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, edits: Json) -> Result<String, EditError> {
        let document = InputDocument::parse("text", text.to_owned()).expect("it is TOML");
        let edits: Vec<Edit> = serde_json::from_value(edits).expect("edits");
        with_edits(&document, &edits)
    }

    #[test]
    fn edits_keep_comments_and_replace_alternatives() {
        let text = "# why\ntitle = \"a\"\n\n[missing] # losses\ndropout = 0.1 # assumed\n\n[outcome]\n\
                    experimental = { functional_independence = 0.40 } # hoped for\n";
        let edits = serde_json::json!([
            { "path": "missing.dropout", "value": 0.12 },
            { "path": "outcome.experimental.common_odds_ratio", "value": 2 },
            { "path": "centres", "value": { "number": 40, "rate_shape": null } },
            { "path": "run.replicates", "value": 1000 },
        ]);
        let expected = "# why\ntitle = \"a\"\n\n[missing] # losses\ndropout = 0.12 # assumed\n\n[outcome]\n\
                        experimental = { common_odds_ratio = 2 } # hoped for\n\n[centres]\nnumber = 40\n\n\
                        [run]\nreplicates = 1000\n";
        assert_eq!(changed(text, edits), Ok(expected.to_owned()));
        let with_crlf = changed(
            &text.replace('\n', "\r\n"),
            serde_json::json!([{ "path": "run.seed", "value": 3 }, { "path": "title" }]),
        );
        let with_crlf = with_crlf.expect("it can be edited");
        assert!(with_crlf.ends_with("\r\n\r\n[run]\r\nseed = 3\r\n"), "{with_crlf:?}");
        assert!(!with_crlf.replace("\r\n", "").contains('\n') && !with_crlf.contains("title"));
    }

    #[test]
    fn elements_are_added_and_removed_and_a_variant_drops_keys_of_another() {
        let text = "[design]\nefficacy = { rule = \"kim_demets\", rho = 3 } # spending\nfutility = { rule = \"predictive_power\", at_most = 0.1 }\n\n# first\n[[analyses]]\n\
                    method = \"two_proportions\"\ncut = 2\n\n# second\n[[analyses]]\nmethod = \"wilcoxon\"\n";
        let edits = serde_json::json!([
            { "path": "design.efficacy.rule", "value": "wang_tsiatis" },
            { "path": "design.efficacy.delta", "value": 0.25 },
            { "path": "design.futility.rule", "value": "none" },
            { "path": "analyses[2]", "value": { "method": "win_odds" } },
            { "path": "analyses[0]" },
            { "path": "analyses[7]" },
        ]);
        let expected = "[design]\nefficacy = { rule = \"wang_tsiatis\", delta = 0.25 } # spending\nfutility = { rule = \"none\" }\n\n# second\n[[analyses]]\n\
                        method = \"wilcoxon\"\n\n[[analyses]]\nmethod = \"win_odds\"\n";
        assert_eq!(changed(text, edits), Ok(expected.to_owned()));
        let through_a_value = serde_json::json!([{ "path": "design.efficacy.rule.x", "value": 1 }]);
        assert!(matches!(changed(text, through_a_value), Err(EditError::NoPlace(_))));
    }

    fn edited(text: &str, numbers: &[(&str, f64)]) -> Result<String, EditError> {
        let document = InputDocument::parse("text", text.to_owned()).expect("it is TOML");
        let numbers = numbers.iter().map(|(path, number)| (path.parse().expect("a path"), *number));
        with_numbers(&document, &numbers.collect::<Vec<_>>())
    }

    /// Line ends of Windows, a byte order mark and no end of the last line are kept too.
    #[test]
    fn every_other_byte_is_kept() {
        let text = "\u{feff}# why\r\na = 1.0 # here\r\nb = [\r\n  2,\t3 ]\n\r\nc = \"x\"  ";
        let expected = text.replace("1.0", "0.5").replace("3 ]", "-4.0 ]");
        assert_eq!(edited(text, &[("a", 0.5), ("b[1]", -4.0)]), Ok(expected));
    }

    #[test]
    fn only_the_numbers_change() {
        let text = "# why\n[a]\nb = [1, 2.5] # here\nc = { d = 1 }\n[[e]]\nf = 0 # last\n";
        let expected =
            "# why\n[a]\nb = [1, 0.25] # here\nc = { d = -3.5 }\n[[e]]\nf = 1.0 # last\n";
        let numbers = [("a.b[1]", 0.25), ("a.c.d", -3.5), ("e[0].f", 1.0)];
        assert_eq!(edited(text, &numbers), Ok(expected.to_owned()));
        assert_eq!(edited(text, &[("a.x", 1.0)]), Err(EditError::NotWritten("a.x".into())));
    }
}
