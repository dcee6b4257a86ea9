//! One figure a row: what JSON says of a result, as CSV for spreadsheets and data frames.

use serde_json::{Map, Value};

use super::csv;

/// Keys whose value names an element of a list, the first that is there.
const NAMES: [&str; 13] = [
    "name", "truth", "figure", "outcome", "study", "method", "arm", "group", "factor", "look",
    "cut", "threads", "phase",
];

/// The columns `figure,value,mcse,n` of a result in JSON. A figure is named by the keys that lead to
/// it, joined by dots; elements of lists by their name, look or number from 1. Figures without a
/// Monte-Carlo error leave `mcse` and `n` empty, those that do not exist are left out, and of the
/// provenance the scenario is.
///
/// # Panics
/// When `json` is not JSON.
pub fn csv_of(json: &str) -> String {
    let value = serde_json::from_str(json).expect("it was written as JSON");
    let mut rows = Vec::new();
    let mut write = |figure: &str, [value, mcse, n]: [String; 3]| {
        rows.push(vec![figure.to_owned(), value, mcse, n]);
    };
    walk("", &value, &mut write);
    csv::table(&["figure", "value", "mcse", "n"], rows)
}

type Write<'w> = &'w mut dyn FnMut(&str, [String; 3]);

fn walk(path: &str, value: &Value, write: Write<'_>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => object(path, fields, write),
        Value::Array(items) => list(path, items, write),
        plain => write(path, [text(plain), String::new(), String::new()]),
    }
}

fn object(path: &str, fields: &Map<String, Value>, write: Write<'_>) {
    let estimate = ["value", "mcse", "n"].map(|key| fields.get(key));
    let is_estimate = estimate.iter().all(Option::is_some);
    if let ([Some(value), Some(mcse), Some(n)], false) =
        (estimate, fields.get("value").is_some_and(Value::is_null))
    {
        write(path, [value, mcse, n].map(text));
    }
    for (key, value) in fields {
        let is_shown = is_estimate && ["value", "mcse", "n"].contains(&key.as_str());
        let is_scenario = path.starts_with("provenance") && key == "scenario";
        if !is_shown && !is_scenario {
            walk(&joined(path, key), value, write);
        }
    }
}

fn list(path: &str, items: &[Value], write: Write<'_>) {
    let names: Vec<Option<String>> = items.iter().map(name).collect();
    for (i, item) in items.iter().enumerate() {
        let is_unique =
            |name: &&String| names.iter().flatten().filter(|other| other == name).count() == 1;
        match (names[i].as_ref().filter(is_unique), item) {
            (Some(name), Value::Object(fields)) => {
                object(&joined(path, name), &unnamed(fields), write);
            }
            _ => walk(&joined(path, &(i + 1).to_string()), item, write),
        }
    }
}

/// What tells an element of a list from the others.
fn name(item: &Value) -> Option<String> {
    let (key, value) = NAMES.iter().find_map(|&key| Some((key, item.get(key)?)))?;
    match (key, value, item.get("level")) {
        ("factor", Value::String(factor), Some(Value::String(level))) => {
            Some(format!("{factor}={level}"))
        }
        (_, Value::String(name), _) => Some(name.clone()),
        (key, Value::Number(number), _) => Some(format!("{key}_{number}")),
        _ => None,
    }
}

/// The fields without those that are in the name.
fn unnamed(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = fields.clone();
    if let Some(key) = NAMES.iter().find(|key| fields.contains_key(**key)) {
        fields.remove(*key);
        if *key == "factor" {
            fields.remove("level");
        }
    }
    fields
}

fn joined(path: &str, segment: &str) -> String {
    if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_a_row_named_by_its_place() {
        let json = r#"{"provenance": {"seed": 7, "scenario": {"title": "t"}},
            "truths": [{"truth": "null", "looks": [{"look": 1, "z": null,
                "efficacy": {"value": 0.5, "mcse": 0.1, "n": 25}}],
                "levels": [{"factor": "sex", "level": "female", "mean": 1.5}],
                "difference": {"value": 1, "mcse": null, "n": 2, "mcse_ratio": 0.5}}],
            "pair": [1, 2]}"#;
        let expected = "figure,value,mcse,n\npair.1,1,,\npair.2,2,,\nprovenance.seed,7,,\n\
            truths.null.difference,1,,2\ntruths.null.difference.mcse_ratio,0.5,,\n\
            truths.null.levels.sex=female.mean,1.5,,\n\
            truths.null.looks.look_1.efficacy,0.5,0.1,25\n";
        assert_eq!(csv_of(json), expected);
    }
}
