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
];

/// Keys of a simulated quantity, which fill the columns of one row.
const ESTIMATE: [&str; 3] = ["value", "mcse", "n"];

/// Converts the JSON of a result to CSV.
///
/// The summary of a run is a tidy table `truth,analysis,look,quantity,value,mcse,n`; other results have the
/// columns `quantity,value,mcse,n`, and a list of texts a column for each of its fields. A quantity is named
/// by the keys that lead to it, joined by dots; elements of other lists than truths, analyses and looks are
/// named by their name, or by their number from 1.
///
/// Every column has one type: `value` and `mcse` are floats with a point, `look` and `n` are whole numbers,
/// truth values are 1.0 and 0.0. Cells of what does not exist are empty; quantities without a value are left
/// out, as are texts and the provenance, which have their place in the JSON.
///
/// # Panics
/// If `json` is not JSON.
pub fn csv_of_json(json: &str) -> String {
    let value: Value = serde_json::from_str(json).expect("it was written as JSON");
    if let Value::Array(items) = &value {
        return table_of(items);
    }
    let is_summary = value.get("truths").is_some();
    let mut rows = QuantityRows { is_summary, rows: Vec::new() };
    rows.value(&RowPlace::default(), "", &value);
    let cells = rows.rows.into_iter().map(|row| {
        let RowPlace { truth, analysis, look, quantity } = row.place;
        let numbers = [quantity, row.value, row.mcse, row.n];
        let names = [truth, analysis, look].into_iter().filter(|_| is_summary);
        names.chain(numbers).collect()
    });
    if is_summary {
        csv::table(&["truth", "analysis", "look", "quantity", "value", "mcse", "n"], cells)
    } else {
        csv::table(&["quantity", "value", "mcse", "n"], cells)
    }
}

/// Returns the line that says how to recreate a result, with version and digest; `None` for a result
/// without provenance.
///
/// # Panics
/// If `json` is not JSON.
pub fn recreate(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).expect("it was written as JSON");
    let provenance = &value["provenance"];
    let command = provenance["command"].as_str()?;
    let version = provenance["version"].as_str()?;
    let digest = provenance["scenario_digest"].as_str();
    let digest = digest.map_or_else(String::new, |digest| format!(", scenario digest {digest}"));
    Some(format!("Recreate: {command} (rescuesim {version}{digest})\n"))
}

/// Formats a list of objects of texts, with the fields of the first as columns.
fn table_of(items: &[Value]) -> String {
    let first = items.first().and_then(Value::as_object);
    let columns: Vec<&String> = first.into_iter().flat_map(Map::keys).collect();
    let rows = items.iter().map(|item| {
        columns.iter().map(|&column| item[column].as_str().unwrap_or_default().to_owned()).collect()
    });
    csv::table(&columns, rows)
}

/// Names of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RowPlace {
    truth: String,
    analysis: String,
    look: String,
    quantity: String,
}

impl RowPlace {
    /// Returns the place of a key below this one.
    fn key(&self, key: &str) -> Self {
        let quantity = match self.quantity.as_str() {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        Self { quantity, ..self.clone() }
    }
}

/// A row under construction.
struct QuantityRow {
    place: RowPlace,
    value: String,
    mcse: String,
    n: String,
}

/// Rows of the CSV, in the order of the JSON.
struct QuantityRows {
    /// Whether truths, analyses and looks have columns.
    is_summary: bool,
    rows: Vec<QuantityRow>,
}

impl QuantityRows {
    /// Adds the rows of a value, given its place and its own key.
    fn value(&mut self, place: &RowPlace, key: &str, value: &Value) {
        match value {
            // Text is no quantity, and null is one that does not exist.
            Value::Null | Value::String(_) => {}
            Value::Object(fields) => self.object(place, fields, &[]),
            Value::Array(items) => self.list(place, key, items),
            Value::Bool(_) | Value::Number(_) => {
                let [mcse, n] = [String::new(), String::new()];
                self.rows.push(QuantityRow { place: place.clone(), value: number(value), mcse, n });
            }
        }
    }

    /// Adds the rows of an object, but for the fields that are part of its name.
    fn object(&mut self, place: &RowPlace, fields: &Map<String, Value>, in_name: &[&str]) {
        let estimate = ESTIMATE.map(|key| fields.get(key));
        let is_estimate = estimate.iter().all(Option::is_some);
        if let [Some(value), Some(mcse), Some(n)] = estimate
            // An estimate that does not exist has no row, as it would have no number to read.
            && !value.is_null()
        {
            self.rows.push(QuantityRow {
                place: place.clone(),
                value: number(value),
                mcse: number(mcse),
                n: n.to_string(),
            });
        }
        for (key, value) in fields {
            let is_written =
                in_name.contains(&key.as_str()) || is_estimate && ESTIMATE.contains(&key.as_str());
            // Seed and digest are no quantities.
            let is_provenance = place.quantity.is_empty() && key == "provenance";
            if !is_written && !is_provenance {
                let is_list_with_columns = self.is_summary
                    && value.is_array()
                    && ["truths", "analyses", "looks"].contains(&key.as_str());
                // Their elements have a column in place of a part of the name.
                let below = if is_list_with_columns { place.clone() } else { place.key(key) };
                self.value(&below, key, value);
            }
        }
    }

    fn list(&mut self, place: &RowPlace, key: &str, items: &[Value]) {
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
                    self.object(&self.element(place, key, name, i), fields, named_by);
                }
                (Some(_) | None, _) => {
                    let number = (i + 1).to_string();
                    self.value(&self.element(place, key, &number, i), &number, item);
                }
            }
        }
    }

    /// Returns the place of an element of a list.
    fn element(&self, place: &RowPlace, list: &str, name: &str, index: usize) -> RowPlace {
        let place = place.clone();
        match list {
            "truths" if self.is_summary => RowPlace { truth: name.to_owned(), ..place },
            "analyses" if self.is_summary => RowPlace { analysis: name.to_owned(), ..place },
            "looks" if self.is_summary => RowPlace { look: (index + 1).to_string(), ..place },
            _ => place.key(name),
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

/// Formats a number or truth value as a float.
fn number(value: &Value) -> String {
    let number =
        // A truth value too, as the column has numbers alone.
        value.as_f64().or_else(|| value.as_bool().map(|is_true| f64::from(u8::from(is_true))));
    number.map_or_else(String::new, csv::float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_of_a_summary_is_a_row_with_its_truth_analysis_and_look() {
        let json = r#"{"provenance": {"seed": 7, "scenario": {"title": "t"}},
            "truths": [{"truth": "null", "months": 3,
                "analyses": [{"name": "shift", "method": "text", "looks": [{"look": 1, "z": null,
                    "efficacy": {"value": 0.5, "mcse": 0.1, "n": 25}}]}],
                "levels": [{"factor": "sex", "level": "female", "mean": 1.5}],
                "cuts": [{"cut": 0, "truth": 0.7}, {"cut": 1, "truth": null}],
                "difference": {"value": 1, "mcse": null, "n": 2, "mcse_ratio": 0.5}}],
            "prior": {"analyses": [{"name": "shift", "assurance": 1}]}}"#;
        let expected = "truth,analysis,look,quantity,value,mcse,n\n\
            ,shift,,prior.assurance,1.0,,\n\
            null,shift,1,efficacy,0.5,0.1,25\n\
            null,,,cuts.cut_0.truth,0.7,,\n\
            null,,,difference,1.0,,2\n\
            null,,,difference.mcse_ratio,0.5,,\n\
            null,,,levels.sex=female.mean,1.5,,\n\
            null,,,months,3.0,,\n";
        assert_eq!(csv_of_json(json), expected);
    }

    #[test]
    fn another_result_has_a_row_per_quantity_and_a_list_a_row_per_element() {
        let json = r#"{"looks": [{"look": 2, "z": 2}], "crossed": true, "pair": [1, 2], "t": "x"}"#;
        let expected = "quantity,value,mcse,n\ncrossed,1.0,,\nlooks.look_2.z,2.0,,\n\
            pair.1,1.0,,\npair.2,2.0,,\n";
        assert_eq!(csv_of_json(json), expected);
        let list = r#"[{"name": "a", "title": "x, y"}, {"name": "b", "title": null}]"#;
        assert_eq!(csv_of_json(list), "name,title\na,\"x, y\"\nb,\n");
    }
}
