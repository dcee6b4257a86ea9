//! The text of a scenario as a tree of JSON values, with the place of every key kept.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, Problem};

/// Where each key path stands.
#[derive(Debug, Default)]
pub(super) struct Spans(pub(super) BTreeMap<String, Place>);

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub origin: Origin,
    /// Of the key; of the value itself for elements of arrays.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

impl Spans {
    /// Points to the value at the path, or to the key of the nearest table above it.
    pub fn problem(&self, path: &str, message: String) -> Problem {
        if let Some(place) = self.0.get(path) {
            return Problem::at(path, message, place.origin.clone(), place.value.clone());
        }
        let mut at = path;
        while let Some(end) = at.rfind(['.', '[']) {
            at = &at[..end];
            if let Some(place) = self.0.get(at) {
                return Problem::at(path, message, place.origin.clone(), place.key.clone());
            }
        }
        Problem { path: path.into(), ..Problem::general(message) }
    }

    /// Points to the key itself.
    pub fn key_problem(&self, path: &str, message: String) -> Problem {
        match self.0.get(path) {
            Some(place) => Problem::at(path, message, place.origin.clone(), place.key.clone()),
            None => self.problem(path, message),
        }
    }

    /// Forgets a path and all below it.
    pub fn forget(&mut self, path: &str) {
        let below =
            |at: &str| at.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.0.retain(|at, _| at != path && !below(at));
    }
}

/// A whole document as a tree.
pub(super) fn of_document(
    document: &DeTable<'_>,
    spans: &mut Spans,
    problems: &mut Vec<Problem>,
) -> Value {
    let mut tree = Map::new();
    for (key, value) in document {
        let place = Place { origin: Origin::File, key: key.span(), value: value.span() };
        let json = of_value(value, key.get_ref(), place, spans, problems);
        tree.insert(key.get_ref().to_string(), json);
    }
    Value::Object(tree)
}

/// The value as JSON, with the position of every key and element noted. Numbers that JSON has not
/// (nan, inf) are kept as strings no schema allows, but for −inf, which stays recognisable.
pub(super) fn of_value(
    value: &Spanned<DeValue<'_>>,
    path: &str,
    place: Place,
    spans: &mut Spans,
    problems: &mut Vec<Problem>,
) -> Value {
    let origin = place.origin.clone();
    spans.0.insert(path.to_owned(), place);
    match value.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::from(number),
            Err(_) => {
                let message = format!("{} is too large a number", integer.as_str());
                problems.push(spans.problem(path, message));
                Value::Null
            }
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            Ok(f64::NEG_INFINITY) => Value::from(MINUS_INFINITY),
            Ok(number) if is_count(float.as_str(), number) => Value::from(number as i64),
            Ok(number) if number.is_finite() => Value::from(number),
            _ => {
                problems.push(
                    spans.problem(path, format!("{} is not a finite number", float.as_str())),
                );
                Value::Null
            }
        },
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(i, item)| {
                    let at = Place { origin: origin.clone(), key: item.span(), value: item.span() };
                    of_value(item, &format!("{path}[{i}]"), at, spans, problems)
                })
                .collect()
        }
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, item) in table {
                let path = format!("{path}.{}", key.get_ref());
                let at = Place { origin: origin.clone(), key: key.span(), value: item.span() };
                object
                    .insert(key.get_ref().to_string(), of_value(item, &path, at, spans, problems));
            }
            Value::Object(object)
        }
    }
}

/// Whether a number is written as people write large counts, such as 1e6, which to TOML is no whole
/// number.
fn is_count(written: &str, number: f64) -> bool {
    let fits = number.abs() < -(i64::MIN as f64);
    written.contains(['e', 'E']) && fits && number.fract() == 0.0
}

/// −inf on its way through JSON: the most negative number, far below any range.
pub(super) const MINUS_INFINITY: f64 = f64::MIN;

/// A key below a path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
