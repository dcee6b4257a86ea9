//! One quantity a row: the JSON of a result as CSV for spreadsheets and data frames.

use serde_json::{Map, Value};

use super::csv;
use crate::summary::quantity::LISTS;

/// Lists of other results than summaries, each with the fields that name its elements.
const OTHER_LISTS: &[(&str, &[&str])] = &[
    ("figures", &["figure"]),
    ("outcomes", &["outcome"]),
    ("studies", &["study"]),
    ("methods", &["method"]),
    ("throughput", &["threads"]),
    ("phases", &["phase"]),
    // The list of shipped scenarios is all of its JSON and has no key.
    ("", &["name"]),
];

/// Keys of a simulated quantity, which fill the columns of one row.
const ESTIMATE: [&str; 3] = ["value", "mcse", "n"];

/// Converts the JSON of a result to CSV with the columns `figure,value,mcse,n`.
///
/// A quantity is named by the keys that lead to it, joined by dots; elements of lists are named by their
/// name or look, or by their number from 1. `mcse` and `n` are empty for quantities without a Monte Carlo
/// error, and quantities that do not exist are left out. Of the provenance, the scenario is left out.
///
/// # Panics
/// If `json` is not JSON.
pub fn csv_of_json(json: &str) -> String {
    let value = serde_json::from_str(json).expect("it was written as JSON");
    let mut rows = QuantityRows(Vec::new());
    rows.value("", "", &value);
    csv::table(&["figure", "value", "mcse", "n"], rows.0)
}

/// Rows of the CSV, in the order of the JSON.
struct QuantityRows(Vec<Vec<String>>);

impl QuantityRows {
    /// Adds the rows of a value, given its path and its own key.
    fn value(&mut self, path: &str, key: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(fields) => self.object(path, fields, &[]),
            Value::Array(items) => self.list(path, key, items),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.0.push(vec![path.to_owned(), text(value), String::new(), String::new()]);
            }
        }
    }

    /// Adds the rows of an object, but for the fields that are part of its name.
    fn object(&mut self, path: &str, fields: &Map<String, Value>, in_name: &[&str]) {
        let estimate = ESTIMATE.map(|key| fields.get(key));
        let is_estimate = estimate.iter().all(Option::is_some);
        if let [Some(value), Some(mcse), Some(n)] = estimate
            && !value.is_null()
        {
            self.0.push(vec![path.to_owned(), text(value), text(mcse), text(n)]);
        }
        for (key, value) in fields {
            let is_written =
                in_name.contains(&key.as_str()) || is_estimate && ESTIMATE.contains(&key.as_str());
            // A scenario is an input with hundreds of values, not a result.
            let is_scenario = path.starts_with("provenance") && key == "scenario";
            if !is_written && !is_scenario {
                self.value(&joined(path, key), key, value);
            }
        }
    }

    fn list(&mut self, path: &str, key: &str, items: &[Value]) {
        let list = LISTS.iter().chain(OTHER_LISTS).find(|(list, _)| *list == key);
        let named_by = list.map_or(&[][..], |(_, fields)| fields);
        let names: Vec<Option<String>> = items.iter().map(|item| name(item, named_by)).collect();
        for (i, item) in items.iter().enumerate() {
            // Studies may share a name, which would give two rows the same one.
            let name = names[i]
                .as_ref()
                .filter(|name| names.iter().flatten().filter(|other| other == name).count() == 1);
            match (name, item) {
                (Some(name), Value::Object(fields)) => {
                    self.object(&joined(path, name), fields, named_by);
                }
                (Some(_) | None, _) => {
                    let number = (i + 1).to_string();
                    self.value(&joined(path, &number), &number, item);
                }
            }
        }
    }
}

/// The name of an element of a list by the given fields, as in `shift`, `look_1` or `sex=female`.
fn name(item: &Value, named_by: &[&str]) -> Option<String> {
    match named_by {
        [] => None,
        [field] => match item.get(field)? {
            Value::String(name) => Some(name.clone()),
            Value::Number(number) => Some(format!("{field}_{number}")),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        },
        several => {
            let names: Option<Vec<&str>> =
                several.iter().map(|&field| item.get(field)?.as_str()).collect();
            Some(names?.join("="))
        }
    }
}

fn joined(path: &str, segment: &str) -> String {
    if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_is_a_row_named_by_its_place() {
        let json = r#"{"provenance": {"seed": 7, "scenario": {"title": "t"}},
            "truths": [{"truth": "null", "looks": [{"look": 1, "z": null,
                "efficacy": {"value": 0.5, "mcse": 0.1, "n": 25}}],
                "levels": [{"factor": "sex", "level": "female", "mean": 1.5}],
                "cuts": [{"cut": 0, "truth": 0.7}, {"cut": 1, "truth": null}],
                "difference": {"value": 1, "mcse": null, "n": 2, "mcse_ratio": 0.5}}],
            "pair": [1, 2]}"#;
        let expected = "figure,value,mcse,n\npair.1,1,,\npair.2,2,,\nprovenance.seed,7,,\n\
            truths.null.cuts.cut_0.truth,0.7,,\n\
            truths.null.difference,1,,2\ntruths.null.difference.mcse_ratio,0.5,,\n\
            truths.null.levels.sex=female.mean,1.5,,\n\
            truths.null.looks.look_1.efficacy,0.5,0.1,25\n";
        assert_eq!(csv_of_json(json), expected);
    }
}
