//! Numbers of a scenario, and a scenario file with some of them changed and everything else, comments
//! included, kept.

use serde_json::Number as Limit;
use toml_edit::{Item, Value};

use super::document::{InputDocument, InputFile};
use super::error::nearest;
use super::path::{KeyPath, NotAPath, PathStep};
use super::problems::did_you_mean;
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

#[cfg(test)]
mod tests {
    use super::*;

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
