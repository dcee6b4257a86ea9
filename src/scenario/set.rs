//! A value put in the place of the one that an input file has, as `--set path.to.key=value` does.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use toml::de::DeValue;
use toml_edit::{Item, TableLike, TomlError, Value};

pub use toml_edit::{InlineTable as TomlTable, Value as TomlValue};

use super::error::{Origin, Problem};
use super::item::{describe, elements, number, plain, span_of};
use super::path::{KeyPath, PathStep};
use super::problems::{did_you_mean, unusable_number};
use super::schema::ValueShape;
use super::slips;

/// A value for a key path.
#[derive(Debug, Clone)]
pub struct Set {
    path: KeyPath,
    value: Value,
    /// The argument of `--set`, as typed or as it would be typed; or another option with its value.
    text: String,
    /// Whether the text is another option.
    is_option: bool,
    /// The problem with an argument that is not of the form of a set.
    problem: Option<Problem>,
}

impl Set {
    /// Sets a value from within the program.
    pub fn new(path: KeyPath, value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = format!("{path}={}", value.to_string().trim());
        Self { path, value, text, is_option: false, problem: None }
    }

    /// Sets a value that an option states, which is named as typed in problems with it.
    pub fn option(option: &str, typed: &str, path: KeyPath, value: impl Into<Value>) -> Self {
        let text = format!("--{option} {typed}").trim_end().to_owned();
        Self { path, value: value.into(), text, is_option: true, problem: None }
    }

    /// Reads a value as it is typed after an option: a number, true or false, or else text.
    pub fn typed(text: &str) -> TomlValue {
        // TOML has no .5 and 5., which people type.
        let number = text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::from);
        let value = Value::from_str(text).ok().or(number);
        value.unwrap_or_else(|| Value::from(text))
    }

    /// Sets a number, which is written without decimals if it is `whole`.
    pub fn number(path: KeyPath, number: f64, whole: bool) -> Self {
        // Whole numbers of a scenario are far below 2^53.
        if whole { Self::new(path, number as i64) } else { Self::new(path, number) }
    }

    /// Reads arguments of `--set`. Problems with them are reported with those of the document that they
    /// are set in.
    pub fn all(arguments: &[String]) -> Vec<Self> {
        let sets = arguments.iter().map(|argument| {
            Self::parse(argument).unwrap_or_else(|problem| Self {
                path: KeyPath::default(),
                value: Value::from(""),
                text: argument.clone(),
                is_option: false,
                problem: Some(problem),
            })
        });
        sets.collect()
    }

    /// Reads an argument of `--set`. A bare word is text: `randomisation.imbalance=variance` needs no
    /// quotes within the quotes of a shell.
    ///
    /// # Errors
    /// When it is not a key path, `=` and a value in TOML.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let (path, written) = text
            // At the first sign: keys have none, but a value may, as `{ probability = 0.1 }` does.
            .split_once('=')
            .map(|(path, value)| (path.trim(), value.trim()))
            .filter(|(path, value)| !path.is_empty() && !value.is_empty())
            .ok_or_else(|| wrong(text, "expected --set path.to.key=value"))?;
        let value = match Value::from_str(written) {
            Ok(value) => value,
            // A word alone: what begins like a number or an array is one with a slip, and must not
            // become text.
            Err(_) if written.starts_with(char::is_alphabetic) => Value::from(written),
            Err(error) => return Err(invalid(text, path, written, &error)),
        };
        let path = path.parse();
        let path = path.map_err(|_| wrong(text, "expected keys joined by dots, as in a.b[0].c"))?;
        Ok(Self { path, value, text: text.to_owned(), is_option: false, problem: None })
    }

    /// Reads the values of a TOML array, in the plainest form: values that are the same are written in
    /// the same way.
    ///
    /// # Errors
    /// The message of the parser for a text that is no array.
    pub fn list(text: &str) -> Result<Vec<TomlValue>, String> {
        // The text around values and the way numbers are written do not matter to a grid.
        let array = Value::from_str(text).map_err(|error| error.message().to_owned())?;
        let array = Item::Value(array);
        let values = elements(&array).map(|item| {
            let mut value = plain(item, "");
            sort_keys(&mut value);
            value
        });
        Ok(values.collect())
    }

    /// Returns the place of the value.
    pub fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Returns the value.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the value as TOML.
    pub fn value_text(&self) -> String {
        self.value.to_string().trim().to_owned()
    }

    /// Returns the number that is set; `None` for another value.
    pub fn as_number(&self) -> Option<f64> {
        number(&Item::Value(self.value.clone()))
    }

    /// Returns the argument of `--set` that does the same.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where the value is stated.
    pub(super) fn origin(&self) -> Origin {
        let text = self.text.clone();
        if self.is_option { Origin::Option(text) } else { Origin::Override(text) }
    }

    /// Puts the value into a document. A key that is one of several alternatives (such as
    /// `outcome.experimental.common_odds_ratio`) takes the place of the alternative that was there.
    /// Returns the first of the tables that had to be made for it, or the path itself.
    ///
    /// # Errors
    /// When there is no such place, or the argument is not of the form of a set; then the document is as
    /// it was.
    pub(super) fn apply(&self, shape: &ValueShape, root: &mut Item) -> Result<KeyPath, Problem> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        // Asked before, as all of the path is there afterwards.
        let made = self.first_missing(root);
        if self.path.set(root, self.value.clone()).is_none() {
            let place = 0..self.text.len();
            return Err(Problem::at("", self.obstacle(root), self.origin(), place));
        }
        let (Some(PathStep::Key(key)), Some(parent)) =
            (self.path.steps().last(), self.path.parent())
        else {
            return Ok(made);
        };
        let shape = parent.steps().iter().try_fold(shape, |shape, step| match step {
            PathStep::Key(key) => shape.key(key),
            PathStep::Index(_) => shape.element(),
        });
        // Only now, as a set that is refused must leave the alternatives as they were.
        let table = parent.get_mut(root).and_then(Item::as_table_like_mut);
        if let (Some(shape), Some(table)) = (shape, table) {
            // Otherwise the document would have two of them, and be refused for that.
            for replaced in replaced(shape, table, key, self.value.as_str()) {
                table.remove(&replaced);
            }
        }
        Ok(made)
    }

    /// Returns the first path on the way that the document does not have, or the path itself.
    fn first_missing(&self, root: &Item) -> KeyPath {
        let mut path = KeyPath::default();
        for step in self.path.steps() {
            path = path.child(step.clone());
            if path.get(root).is_none() {
                break;
            }
        }
        path
    }

    /// Says why the value cannot be put into the document: what is in the way.
    fn obstacle(&self, root: &Item) -> String {
        let mut at = KeyPath::default();
        let mut item = Some(root);
        let mut hint = String::new();
        for (position, step) in self.path.steps().iter().enumerate() {
            let fits = match step {
                PathStep::Key(_) => item.is_none_or(Item::is_table_like),
                PathStep::Index(_) => item.is_some_and(|item| step.get(item).is_some()),
            };
            if !fits {
                if let (PathStep::Key(name), Some(item)) = (step, item) {
                    let rest = &self.path.steps()[position + 1..];
                    let meant = named(item, name).map(|index| {
                        rest.iter().fold(at.index(index), |path, step| path.child(step.clone()))
                    });
                    hint = did_you_mean(&meant);
                }
                break;
            }
            item = item.and_then(|item| step.get(item));
            at = at.child(step.clone());
        }
        let is = item.map_or_else(|| "not given".to_owned(), |item| describe(item, ""));
        format!("there is no `{}` to set: `{at}` is {is}{hint}", self.path)
    }

    /// Returns the part of the text that says the value at a path below that of the value.
    pub(super) fn span(&self, below: &KeyPath) -> Range<usize> {
        let end = self.text.trim_end().len();
        let before = if self.is_option { ' ' } else { '=' };
        let written = self.text.split_once(before).map_or("", |(_, value)| value.trim());
        let start = end - written.len();
        if self.is_option && written.is_empty() {
            return 0..end;
        } else if self.is_option {
            let found = listed(written, below).unwrap_or(0..written.len());
            return found.start + start..found.end + start;
        }
        // Values forget their places when they leave their document, so the text is parsed again; a
        // bare word is not TOML and is pointed to as a whole.
        const KEY: &str = "value=";
        let found =
            toml_edit::Document::parse(format!("{KEY}{written}")).ok().and_then(|document| {
                let value = document.as_table().get("value")?;
                span_of(value, below).or_else(|| value.span())
            });
        match found {
            Some(span) => span.start - KEY.len() + start..span.end - KEY.len() + start,
            None => start..end,
        }
    }
}

/// Formats the set as an argument of `--set`.
impl fmt::Display for Set {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Two sets are the same if they are written in the same way.
impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Returns the position of the table with a name in an array of tables.
fn named(array: &Item, name: &str) -> Option<usize> {
    elements(array).position(|table| table.get("name").and_then(Item::as_str) == Some(name))
}

/// Returns the place of an element in the value of an option, which lists its elements with commas,
/// after a name if any, as in `z:0,1`; `None` if the path is not that of one of several elements.
fn listed(written: &str, below: &KeyPath) -> Option<Range<usize>> {
    let Some(PathStep::Index(index)) = below.steps().last() else { return None };
    let start = written.rfind([':', '=']).map_or(0, |before| before + 1);
    let before: usize = written[start..].split(',').take(*index).map(|text| text.len() + 1).sum();
    let length = written[start..].split(',').nth(*index)?.len();
    Some(start + before..start + before + length)
}

/// Sorts the keys of tables, at every depth.
fn sort_keys(value: &mut Value) {
    match value {
        Value::InlineTable(table) => {
            table.sort_values();
            table.iter_mut().for_each(|(_, value)| sort_keys(value));
        }
        Value::Array(items) => items.iter_mut().for_each(sort_keys),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}

/// Explains why the value of an argument, as `written`, cannot be read.
fn invalid(text: &str, path: &str, written: &str, error: &TomlError) -> Problem {
    // The parser of the toml crate leaves numbers as text. What it can read is TOML, with a number that
    // toml_edit cannot hold.
    if DeValue::parse(written).is_err() {
        let key = path.rsplit('.').next().unwrap_or(path);
        if let Some(slip) = slips::in_value(key, written) {
            let message = format!("the value is not valid TOML: {}", slip.message);
            return wrong(text, &message);
        }
        return wrong(text, &format!("the value is not valid TOML: {}", error.message()));
    }
    let all = 0..written.len();
    let span = error.span().filter(|span| !span.is_empty() && written.get(span.clone()).is_some());
    let span = span.unwrap_or(all);
    let message = unusable_number(&written[span.clone()]);
    let start = text.trim_end().len() - written.len();
    let origin = Origin::Override(text.to_owned());
    Problem::at(path, message, origin, span.start + start..span.end + start)
}

fn wrong(text: &str, message: &str) -> Problem {
    Problem::at("", message.to_owned(), Origin::Override(text.to_owned()), 0..text.len())
}

/// Returns the keys of a table that a key just set takes the place of: alternatives to it, keys that
/// exclude it, keys that the variant it names does not have.
fn replaced(
    shape: &ValueShape,
    table: &dyn TableLike,
    key: &str,
    value: Option<&str>,
) -> Vec<String> {
    let others = table.iter().map(|(other, _)| other).filter(|other| *other != key);
    let others = others.map(str::to_owned);
    match shape {
        ValueShape::Table(of) if of.exclusive.iter().any(|one| one == key) => {
            others.filter(|other| of.exclusive.contains(other)).collect()
        }
        ValueShape::Alternatives(keys) if keys.iter().any(|one| one.name == key) => {
            others.collect()
        }
        ValueShape::Tagged { tag, variants } if tag == key => {
            let chosen = variants.iter().find(|(name, _)| Some(name.as_str()) == value);
            chosen.map_or_else(Vec::new, |(_, variant)| {
                others.filter(|other| variant.key(other).is_none()).collect()
            })
        }
        ValueShape::Table(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. }
        | ValueShape::AnyOf(_)
        | ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Number(_)
        | ValueShape::Name(_)
        | ValueShape::List(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_set_is_an_argument_that_does_the_same() {
        let path: KeyPath = "a.b[0]".parse().expect("it is a path");
        for set in [
            Set::number(path.clone(), 300.0, true),
            Set::number(path.clone(), 0.1 + 0.2, false),
            Set::new(path.clone(), "a word"),
            Set::new(path.clone(), toml_edit::Array::from_iter([0.25, 1.0])),
        ] {
            let again = Set::parse(set.text()).expect("it is an argument");
            assert_eq!(again.path, path);
            assert_eq!(again.value.to_string().trim(), set.value.to_string().trim());
        }
        assert_eq!(Set::number(path.clone(), 300.0, true).text(), "a.b[0]=300");
        assert_eq!(Set::number(path, 300.0, false).text(), "a.b[0]=300.0");
    }

    #[test]
    fn a_number_that_does_not_fit_is_reported_at_its_place_in_the_argument() {
        for (text, number, message) in [
            ("a.b=99999999999999999999", "99999999999999999999", "is too large a number"),
            ("a.b = 1e400 ", "1e400", "is not a finite number"),
            ("a.b=0xeeeeeeeeeeeeeeeeeeee", "0xeeeeeeeeeeeeeeeeeeee", "is too large a number"),
            ("a.b=[1, 99999999999999999999]", "99999999999999999999", "is too large a number"),
        ] {
            let problem = Set::parse(text).expect_err(text);
            assert_eq!(problem.sentence(), format!("`a.b` {number} {message}"));
            let (_, span) = problem.place.expect("it has a place");
            assert_eq!(&text[span], number);
        }
    }

    #[test]
    fn an_element_is_found_in_the_value_of_an_option() {
        let set = |typed: &str| Set::option("rule", typed, KeyPath::default(), "");
        let part =
            |set: &Set, below: &str| set.text[set.span(&below.parse().expect("a path"))].to_owned();
        assert_eq!(part(&set("0.5,0.75,1"), "fractions[1]"), "0.75");
        assert_eq!(part(&set("z:0,-1.5"), "bounds[1]"), "-1.5");
        assert_eq!(part(&set("cumulative=0.025"), "spent[0]"), "0.025");
        assert_eq!(part(&set("cumulative=0.025"), "spent[1]"), "cumulative=0.025");
        assert_eq!(part(&set("cp:0.2"), "at_most"), "cp:0.2");
        let flag = Set::option("flag", "", KeyPath::default(), true);
        assert_eq!(&flag.text[flag.span(&KeyPath::default())], "--flag");
    }

    #[test]
    fn numbers_of_options_are_those_of_toml_and_those_that_people_type() {
        for (text, value) in [("3", "3"), (".5", "0.5"), ("-inf", "-inf"), ("1e1", "1e1")] {
            assert_eq!(Set::typed(text).to_string(), value);
        }
        assert_eq!(Set::typed("1e400").as_str(), Some("1e400"));
        assert_eq!(Set::typed("many").as_str(), Some("many"));
    }

    #[test]
    fn a_part_of_the_value_is_found_in_the_argument() {
        let set = Set::parse(" a.b = { c = [1, 22], d = \"x\" } ").expect("it is an argument");
        let part = |below: &str| &set.text[set.span(&below.parse().expect("a path"))];
        assert_eq!(part("c[1]"), "22");
        assert_eq!(part("d"), "\"x\"");
        assert_eq!(&set.text[set.span(&KeyPath::default())], "{ c = [1, 22], d = \"x\" }");
        // A key that is not there is pointed to by the value that should have it.
        assert_eq!(part("e"), "{ c = [1, 22], d = \"x\" }");
        let word = Set::parse("a=big_stick").expect("it is an argument");
        assert_eq!(&word.text[word.span(&KeyPath::default())], "big_stick");
    }
}
