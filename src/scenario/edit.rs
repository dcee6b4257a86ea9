//! A scenario file with some of its numbers changed and everything else, comments included, kept.

use serde_json::Value;
use toml_edit::{Document, Item};

use super::error::{did_you_mean, nearest};
use super::overrides::{Step, child_schema, steps};
use super::read::InputFile;
use super::tree::join;
use super::walk::resolve;
use super::{Scenario, ScenarioFile};

/// Why a number cannot be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not keys joined by dots.
    #[error(
        "`{0}` is no key path; expected keys joined by dots, as in outcome.intercept or procedure.pass_success[0]"
    )]
    Path(String),
    /// The scenario has no number there.
    #[error("`{0}` is not a number of this scenario; allowed: a key whose value is a number")]
    NotANumber(String),
    /// There is no such key.
    #[error("there is no `{path}`{}; allowed: a key whose value the scenario has", did_you_mean(.near))]
    NotThere {
        /// As asked for.
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
    /// The text is not TOML.
    #[error("not valid TOML: {0}")]
    Toml(String),
}

/// A number of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// As it stands.
    pub value: f64,
    /// The least and the greatest that are allowed by themselves.
    pub range: (f64, f64),
    /// Whether it must be whole.
    pub whole: bool,
}

/// The number at a key path of the resolved scenario, with the least and the greatest that are
/// allowed there.
///
/// # Errors
/// When there is no number, or one that must be whole.
pub fn number(scenario: &Scenario, path: &str) -> Result<(f64, (f64, f64)), EditError> {
    let Number { value, range, whole } = any_number(scenario, path)?;
    if whole { Err(EditError::Whole(path.to_owned())) } else { Ok((value, range)) }
}

/// The number at a key path of the resolved scenario, whole or not.
///
/// # Errors
/// When there is no number.
pub fn any_number(scenario: &Scenario, path: &str) -> Result<Number, EditError> {
    let steps = steps(path).ok_or_else(|| EditError::Path(path.to_owned()))?;
    let tree = serde_json::to_value(scenario.file()).expect("a scenario is plain data");
    let schema = ScenarioFile::schema();
    let (mut value, mut place) = (&tree, schema);
    let mut before = String::new();
    for step in &steps {
        place = child_schema(schema, place, step);
        let next = match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        };
        value = next.ok_or_else(|| not_there(path, &before, value, step))?;
        before = match step {
            Step::Key(key) => join(&before, key),
            Step::Index(index) => format!("{before}[{index}]"),
        };
    }
    let value = value.as_f64().ok_or_else(|| EditError::NotANumber(path.to_owned()))?;
    let place = number_schema(schema, place);
    let of_type = |kind: &str| {
        place["type"] == kind
            || place["type"].as_array().is_some_and(|kinds| kinds.contains(&kind.into()))
    };
    let low = place["minimum"].as_f64().unwrap_or(f64::NEG_INFINITY);
    let high = place["maximum"].as_f64().unwrap_or(f64::INFINITY);
    Ok(Number { value, range: (low, high), whole: of_type("integer") })
}

/// `step` leads nowhere from `value`, which is at the path `before`.
fn not_there(path: &str, before: &str, value: &Value, step: &Step) -> EditError {
    let known: Vec<&str> =
        value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let near = match step {
        Step::Key(key) => nearest(key, &known).map(|key| join(before, key)),
        Step::Index(_) => None,
    };
    EditError::NotThere { path: path.to_owned(), near }
}

/// Of several alternatives, the one that is a number.
fn number_schema<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let schema = resolve(root, schema);
    let mut variants = schema["anyOf"].as_array().into_iter().flatten();
    let is_number = |of: &&Value| of["type"] == "number" || of["type"] == "integer";
    variants.find(is_number).unwrap_or(schema)
}

/// The text with numbers put in the place of those that are there, and every other byte as it was.
///
/// # Errors
/// When one of them is not written in the text.
pub fn with_numbers(text: &str, numbers: &[(String, f64)]) -> Result<String, EditError> {
    let document = Document::parse(text).map_err(|error| EditError::Toml(error.to_string()))?;
    let mut places = Vec::new();
    for (path, number) in numbers {
        let steps = steps(path).ok_or_else(|| EditError::Path(path.clone()))?;
        let mut item = document.as_item();
        for step in &steps {
            let next = match step {
                Step::Key(key) => item.get(key.as_str()),
                Step::Index(index) => item.get(*index),
            };
            item = next.ok_or_else(|| EditError::NotWritten(path.clone()))?;
        }
        let value = match item {
            Item::Value(value) => value,
            Item::None => return Err(EditError::NotWritten(path.clone())),
            _ => return Err(EditError::NotANumber(path.clone())),
        };
        let span = value.span().ok_or_else(|| EditError::NotWritten(path.clone()))?;
        places.push((span, toml_edit::Value::from(*number).to_string()));
    }
    // From the last, so that those before keep their places.
    places.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut edited = text.to_owned();
    for (span, number) in places {
        edited.replace_range(span, &number);
    }
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line ends of Windows, a byte order mark and no end of the last line are kept too.
    #[test]
    fn every_other_byte_is_kept() {
        let text = "\u{feff}# why\r\na = 1.0 # here\r\nb = [\r\n  2,\t3 ]\n\r\nc = \"x\"  ";
        let numbers = [("a".into(), 0.5), ("b[1]".into(), -4.0)];
        let edited = with_numbers(text, &numbers).expect("both are there");
        let expected = text.replace("1.0", "0.5").replace("3 ]", "-4.0 ]");
        assert_eq!(edited, expected);
    }

    #[test]
    fn only_the_numbers_change() {
        let text = "# why\n[a]\nb = [1, 2.5] # here\nc = { d = 1 }\n[[e]]\nf = 0 # last\n";
        let numbers = [("a.b[1]".into(), 0.25), ("a.c.d".into(), -3.5), ("e[0].f".into(), 1.0)];
        let edited = with_numbers(text, &numbers).expect("all are there");
        let expected =
            "# why\n[a]\nb = [1, 0.25] # here\nc = { d = -3.5 }\n[[e]]\nf = 1.0 # last\n";
        assert_eq!(edited, expected);
        let missing = with_numbers(text, &[("a.x".into(), 1.0)]);
        assert_eq!(missing, Err(EditError::NotWritten("a.x".into())));
    }
}
