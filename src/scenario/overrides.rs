//! `--set path.to.key=value`: a value put in its place in the tree of a scenario.

use std::ops::Range;

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::error::{Origin, Problem};
use super::tree::{self, Place, Spans, join};
use super::walk::{alternatives, describe, resolve};

/// Puts the value of an argument into the tree. A key that is one of several alternatives (such as
/// `outcome.experimental.common_odds_ratio`) takes the place of the alternative that was there.
pub(super) fn apply(
    text: &str,
    schema: &Value,
    tree: &mut Value,
    spans: &mut Spans,
) -> Result<(), Problem> {
    let origin = Origin::Override(text.to_owned());
    let wrong = |message: &str| Problem::at("", message.to_owned(), origin.clone(), 0..text.len());
    let (path, written) = text
        .split_once('=')
        .map(|(path, value)| (path.trim(), value.trim()))
        .filter(|(path, value)| !path.is_empty() && !value.is_empty())
        .ok_or_else(|| wrong("expected --set path.to.key=value"))?;
    let (json, places) = parse(path, written, text).map_err(|problem| match problem.place {
        Some(_) => problem,
        None => wrong(&problem.message),
    })?;

    let steps = steps(path).ok_or_else(|| wrong("expected keys joined by dots, as in a.b[0].c"))?;
    let (last, parents) = steps.split_last().expect("a path has at least one step");
    let nowhere =
        |at: &str, is: &str| wrong(&format!("there is no `{path}` to set: `{at}` is {is}"));
    // A copy, as tables on the way are made before it is known whether there is a way.
    let mut changed = tree.clone();
    let (mut place, mut place_schema) = (&mut changed, schema);
    let mut made = Vec::new();
    let mut at = String::new();
    for step in parents {
        place_schema = child_schema(schema, place_schema, step);
        let (above, is) = (at.clone(), what(place, &at, &made));
        at = match step {
            Step::Key(key) => join(&at, key),
            Step::Index(index) => format!("{at}[{index}]"),
        };
        if let (Step::Key(key), Value::Object(object)) = (step, &*place)
            && !object.contains_key(key)
        {
            made.push(at.clone());
        }
        place = descend(place, step).ok_or_else(|| nowhere(&above, &is))?;
    }
    match (last, place) {
        (Step::Key(key), Value::Object(object)) => {
            let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
            for gone in replaced(resolve(schema, place_schema), object, key, &json) {
                spans.forget(&join(parent, &gone));
                object.remove(&gone);
            }
            object.insert(key.clone(), json);
        }
        (Step::Index(index), Value::Array(items)) if *index < items.len() => items[*index] = json,
        (_, place) => return Err(nowhere(&at, &what(place, &at, &made))),
    }
    *tree = changed;
    spans.forget(path);
    let whole = Place { origin, key: 0..text.len(), value: 0..text.len() };
    spans.0.extend(made.into_iter().map(|table| (table, whole.clone())));
    spans.0.extend(places.0);
    Ok(())
}

/// What is at a path, to be told to whom it is no place to set anything in.
fn what(place: &Value, at: &str, made: &[String]) -> String {
    if made.iter().any(|table| table == at) { "not given".to_owned() } else { describe(place) }
}

/// The keys of a table that cannot stay beside a key just set: alternatives to it, keys that
/// exclude it, keys that the variant it names does not have.
fn replaced(schema: &Value, object: &Map<String, Value>, key: &str, value: &Value) -> Vec<String> {
    let others = |gone: &dyn Fn(&str) -> bool| -> Vec<String> {
        object.keys().filter(|other| *other != key && gone(other)).cloned().collect()
    };
    let exclusive: Vec<&str> =
        schema["x-exclusive"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if exclusive.contains(&key) {
        return others(&|other| exclusive.contains(&other));
    }
    if alternatives(schema).is_some_and(|names| names.iter().any(|name| name == key)) {
        return others(&|_| true);
    }
    let mut variants = schema["oneOf"].as_array().into_iter().flatten();
    match variants.find(|variant| variant["properties"][key]["const"] == *value) {
        Some(variant) => others(&|other| variant["properties"][other].is_null()),
        None => Vec::new(),
    }
}

/// The value of the argument `text`, and where its parts stand in it. A bare word is a string:
/// `randomisation.imbalance=variance` needs no quotes within quotes.
fn parse(path: &str, written: &str, text: &str) -> Result<(Value, Spans), Problem> {
    let quoted = toml::Value::String(written.to_owned()).to_string();
    let is_word = written.starts_with(char::is_alphabetic);
    let value = DeValue::parse(written).or_else(|error| match is_word {
        true => DeValue::parse(&quoted),
        false => Err(error),
    });
    let value = value.map_err(|error| {
        Problem::general(format!("the value is not valid TOML: {}", error.message()))
    })?;

    let start = text.trim_end().len() - written.len();
    let within = |at: usize| (start + at).min(text.len());
    let shifted = |span: Range<usize>| within(span.start)..within(span.end);
    let origin = Origin::Override(text.to_owned());
    let place = Place { origin, key: value.span(), value: value.span() };
    let (mut places, mut problems) = (Spans::default(), Vec::new());
    let json = tree::of_value(&value, path, place, &mut places, &mut problems);
    if let Some(mut problem) = problems.into_iter().next() {
        problem.place = problem.place.map(|(origin, span)| (origin, shifted(span)));
        return Err(problem);
    }
    for place in places.0.values_mut() {
        place.key = shifted(place.key.clone());
        place.value = shifted(place.value.clone());
    }
    Ok((json, places))
}

/// One step of a key path.
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// `a.b[0].c` as steps.
pub(super) fn steps(path: &str) -> Option<Vec<Step>> {
    let mut out = Vec::new();
    for part in path.split('.') {
        let (key, indices) =
            part.split_once('[').map_or((part, None), |(key, rest)| (key, Some(rest)));
        if key.is_empty() {
            return None;
        }
        out.push(Step::Key(key.to_owned()));
        for index in indices.into_iter().flat_map(|rest| rest.split('[')) {
            out.push(Step::Index(index.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(out)
}

/// One step down the tree; a table that is not there yet is made.
fn descend<'t>(place: &'t mut Value, step: &Step) -> Option<&'t mut Value> {
    match (step, place) {
        (Step::Key(key), Value::Object(object)) => {
            Some(object.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())))
        }
        (Step::Index(index), Value::Array(items)) => items.get_mut(*index),
        _ => None,
    }
}

pub(super) fn child_schema<'s>(root: &'s Value, schema: &'s Value, step: &Step) -> &'s Value {
    let schema = resolve(root, schema);
    let child = |schema: &'s Value| match step {
        Step::Key(key) => &schema["properties"][key],
        Step::Index(_) => &schema["items"],
    };
    let variants = ["anyOf", "oneOf"].map(|several| schema[several].as_array());
    let variants = variants.into_iter().flatten().flatten();
    let found = variants.map(|variant| child(resolve(root, variant))).find(|c| !c.is_null());
    found.unwrap_or_else(|| child(schema))
}
