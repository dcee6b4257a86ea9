//! Values of an input file, as toml_edit parses them.

use std::ops::Range;

use serde_json::Number;
use toml_edit::{Array, InlineTable, Item, Value};

use super::path::{KeyPath, PathStep};

/// Returns the place of the value at a path in the text that the root was parsed from, or else that of
/// the key of the nearest table or element above it; `None` if only the root is.
pub(super) fn span_of(root: &Item, path: &KeyPath) -> Option<Range<usize>> {
    match path.get(root) {
        Some(item) if path.is_root() => item.span(),
        Some(item) => value_span(item),
        None => {
            let above = path.parent().filter(|above| !above.is_root())?;
            match above.get(root) {
                Some(_) => key_span(root, &above),
                None => span_of(root, &above),
            }
        }
    }
}

/// Returns the place of the key at a path, or of an element of an array.
pub(super) fn key_span(root: &Item, path: &KeyPath) -> Option<Range<usize>> {
    match path.steps().last()? {
        PathStep::Key(key) => path.parent()?.get(root)?.as_table_like()?.key(key)?.span(),
        PathStep::Index(_) => value_span(path.get(root)?),
    }
}

fn value_span(item: &Item) -> Option<Range<usize>> {
    match item.as_array_of_tables() {
        // Its own place goes to the last table. The header of the first is what a reader looks for.
        Some(tables) => tables.get(0)?.span(),
        None => item.span(),
    }
}

/// Returns the elements of an array, or the tables of an array of tables.
pub(super) fn elements(item: &Item) -> impl Iterator<Item = &Item> {
    // The same for both kinds of arrays, which toml_edit iterates by different types.
    (0..).map_while(|index: usize| item.get(index))
}

/// Returns whether a value is an array, of tables or of other values.
pub(super) fn is_list(item: &Item) -> bool {
    item.is_array() || item.is_array_of_tables()
}

/// Returns a number; `None` if the value is none.
pub(super) fn number(item: &Item) -> Option<f64> {
    // Exact up to 2^53, beyond all ranges but that of the seed, which is read as an integer.
    item.as_float().or_else(|| item.as_integer().map(|whole| whole as f64))
}

/// Returns a whole number, also one that is written as people write large counts, such as 1e6, which
/// TOML takes for a float. `text` is what the value was parsed from.
pub(super) fn whole_number(item: &Item, text: &str) -> Option<i64> {
    let Some(float) = item.as_float() else { return item.as_integer() };
    // 2^63 exactly. i64::MAX as a float would be rounded up to it.
    let fits = float.abs() < -(i64::MIN as f64);
    let is_count = float_text(item, text).contains(['e', 'E']) && fits && float.fract() == 0.0;
    is_count.then_some(float as i64)
}

/// Returns a float as it is written.
pub(super) fn float_text<'t>(item: &'t Item, text: &'t str) -> &'t str {
    let repr = match item {
        Item::Value(Value::Float(float)) => float.as_repr(),
        _ => None,
    };
    // A value that has left its document has its text with it, others a place in that of the document.
    let own = repr.and_then(|repr| repr.as_raw().as_str());
    own.or_else(|| text.get(item.span()?)).unwrap_or_default()
}

/// Returns text, also that of a date, which needs no quotes in TOML.
pub(super) fn words(item: &Item) -> Option<String> {
    let date = item.as_datetime().map(ToString::to_string);
    item.as_str().map(str::to_owned).or(date)
}

/// Names a value as a person would.
pub(super) fn describe(item: &Item, text: &str) -> String {
    if let Some(words) = words(item) {
        format!("\"{words}\"")
    } else if let Some(whole) = whole_number(item, text) {
        whole.to_string()
    } else if let Some(float) = item.as_float() {
        // JSON writes numbers as the ranges of the schema are written; it has no infinity.
        Number::from_f64(float).map_or_else(|| float.to_string(), |number| number.to_string())
    } else if let Some(boolean) = item.as_bool() {
        boolean.to_string()
    } else if is_list(item) {
        format!("an array of {}", elements(item).count())
    } else {
        "a table".to_owned()
    }
}

/// Returns a value for serde, with counts such as 1e6 as integers and dates as text.
pub(super) fn plain(item: &Item, text: &str) -> Value {
    if let Some(table) = item.as_table_like() {
        let keys = table.iter().map(|(key, item)| (key, plain(item, text)));
        Value::InlineTable(InlineTable::from_iter(keys))
    } else if is_list(item) {
        Value::Array(elements(item).map(|item| plain(item, text)).collect::<Array>())
    } else if let Some(whole) = whole_number(item, text) {
        Value::from(whole)
    } else if let Some(float) = item.as_float() {
        Value::from(float)
    } else if let Some(boolean) = item.as_bool() {
        Value::from(boolean)
    } else {
        // The rest is text or a date; the root of a document is never nothing.
        Value::from(words(item).unwrap_or_default())
    }
}
