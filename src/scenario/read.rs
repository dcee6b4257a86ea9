//! From the text of a scenario to [`ScenarioFile`], or to all that is wrong with it.
//!
//! The text is parsed with positions kept, `--set` values are put in their places, and the tree is
//! walked beside the JSON Schema of [`ScenarioFile`]: that finds every unknown key, wrong type and
//! value out of range at once, where serde would stop at the first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, Problem, Rejection, nearest};
use super::file::ScenarioFile;

/// The largest file read; a scenario is some kilobytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// A scenario file that has the right shape, with its text kept for later messages.
#[derive(Debug)]
pub struct Source {
    /// What the file and the overrides say.
    pub file: ScenarioFile,
    name: String,
    text: String,
    tree: Value,
    spans: Spans,
}

/// Where each key path stands.
#[derive(Debug, Default)]
struct Spans(BTreeMap<String, Place>);

#[derive(Debug, Clone)]
struct Place {
    origin: Origin,
    /// Of the key; of the value itself for elements of arrays.
    key: Range<usize>,
    value: Range<usize>,
}

impl Source {
    /// Reads a file and applies overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with the file's shape.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, Rejection> {
        let name = path.display().to_string();
        let reject = |message: String| Rejection::without_text(name.clone(), message);
        let metadata =
            std::fs::metadata(path).map_err(|error| reject(format!("cannot be read: {error}")))?;
        if metadata.is_dir() {
            return Err(reject("is a directory; expected a scenario file (TOML)".into()));
        }
        if metadata.len() > MAX_BYTES {
            return Err(reject(format!(
                "has {} bytes; a scenario has at most {MAX_BYTES}",
                metadata.len()
            )));
        }
        let bytes =
            std::fs::read(path).map_err(|error| reject(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
            reject(format!("is not UTF-8 text: line {line} has an invalid byte (offset {valid})"))
        })?;
        Self::parse(name, text, overrides)
    }

    /// The same from text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// Everything that is wrong with the text's shape.
    pub fn parse(name: String, text: String, overrides: &[String]) -> Result<Self, Rejection> {
        match Self::try_parse(&name, &text, overrides) {
            Ok((file, tree, spans)) => Ok(Self { file, name, text, tree, spans }),
            Err(problems) => Err(Rejection::new(name, text, problems)),
        }
    }

    fn try_parse(
        name: &str,
        text: &str,
        overrides: &[String],
    ) -> Result<(ScenarioFile, Value, Spans), Vec<Problem>> {
        if text.trim().is_empty() {
            return Err(vec![Problem::general(format!("{name} is empty; expected a scenario"))]);
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(syntax_problem).collect());
        }
        let mut spans = Spans::default();
        let mut tree = Value::Object(Map::new());
        let mut problems = Vec::new();
        for (key, value) in document.get_ref() {
            let at = Place { origin: Origin::File, key: key.span(), value: value.span() };
            tree[key.get_ref().as_ref()] =
                to_json(value, key.get_ref(), at, &mut spans, &mut problems);
        }
        let schema = schema();
        for text in overrides {
            if let Err(problem) = apply_override(text, &schema, &mut tree, &mut spans) {
                problems.push(problem);
            }
        }
        Walk { schema: &schema, spans: &spans, problems: &mut problems }.check("", &tree, &schema);
        if !problems.is_empty() {
            problems.sort_by_key(Problem::position);
            return Err(problems);
        }
        match ScenarioFile::deserialize(&tree) {
            Ok(file) => Ok((file, tree, spans)),
            Err(error) => Err(vec![Problem::general(error.to_string())]),
        }
    }

    /// A problem with the value at `path`, pointing to where it was written.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        self.spans.problem(path, message.into())
    }

    /// Problems as a rejection of this source.
    pub fn reject(self, problems: Vec<Problem>) -> Rejection {
        Rejection::new(self.name, self.text, problems)
    }

    /// Whether a key is written (in the file or by an override).
    pub fn is_written(&self, path: &str) -> bool {
        self.tree.pointer(&format!("/{}", path.replace('.', "/"))).is_some()
    }
}

/// The JSON Schema of a scenario.
pub fn schema() -> Value {
    schemars::schema_for!(ScenarioFile).into()
}

impl Spans {
    /// Points to the value at the path, or to the key of the nearest table above it.
    fn problem(&self, path: &str, message: String) -> Problem {
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
    fn key_problem(&self, path: &str, message: String) -> Problem {
        match self.0.get(path) {
            Some(place) => Problem::at(path, message, place.origin.clone(), place.key.clone()),
            None => self.problem(path, message),
        }
    }

    /// Forgets a path and all below it.
    fn forget(&mut self, path: &str) {
        let below =
            |at: &str| at.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.0.retain(|at, _| at != path && !below(at));
    }
}

fn syntax_problem(error: &toml::de::Error) -> Problem {
    let message = format!("not valid TOML: {}", error.message());
    match error.span() {
        Some(span) => Problem::at("", message, Origin::File, span),
        None => Problem::general(message),
    }
}

/// The value as JSON, with the position of every key and element noted. Numbers that JSON has not
/// (nan, inf) are kept as strings no schema allows, but for −inf, which stays recognisable.
fn to_json(
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
                    to_json(item, &format!("{path}[{i}]"), at, spans, problems)
                })
                .collect()
        }
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, item) in table {
                let path = format!("{path}.{}", key.get_ref());
                let at = Place { origin: origin.clone(), key: key.span(), value: item.span() };
                object.insert(key.get_ref().to_string(), to_json(item, &path, at, spans, problems));
            }
            Value::Object(object)
        }
    }
}

/// −inf on its way through JSON: the most negative number, far below any range.
const MINUS_INFINITY: f64 = f64::MIN;

/// Puts `path.to.key=value` into the tree. A key that is one of several alternatives (such as
/// `outcome.experimental.common_odds_ratio`) takes the place of the alternative that was there.
fn apply_override(
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
    // A bare word is a string: `--set randomisation.imbalance=variance` needs no quotes in quotes.
    let quoted = toml::Value::String(written.to_owned()).to_string();
    let value = DeValue::parse(written).or_else(|_| DeValue::parse(&quoted));
    let value = value.map_err(|_| wrong("the value is not valid TOML"))?;
    let start = text.len() - text.split_once('=').map_or(0, |(_, value)| value.trim_start().len());

    let mut problems = Vec::new();
    let mut inner = Spans::default();
    let whole = Place { origin: origin.clone(), key: value.span(), value: value.span() };
    let json = to_json(&value, path, whole, &mut inner, &mut problems);
    let shifted = |span: Range<usize>| {
        let end = |at: usize| (start + at).min(text.len());
        end(span.start)..end(span.end)
    };
    if let Some(problem) = problems.into_iter().next() {
        return Err(wrong(&problem.message));
    }

    let mut place = tree;
    let mut place_schema = schema;
    let steps = steps(path).ok_or_else(|| wrong("expected keys joined by dots, as in a.b[0].c"))?;
    let (last, parents) = steps.split_last().expect("a path has at least one step");
    for step in parents {
        place_schema = child_schema(schema, place_schema, step);
        place =
            descend(place, step).ok_or_else(|| wrong(&format!("there is no `{path}` to set")))?;
    }
    match (last, place) {
        (Step::Key(key), Value::Object(object)) => {
            if alternatives(resolve(schema, place_schema)).is_some_and(|names| names.contains(key))
            {
                let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
                for gone in object.keys() {
                    spans.forget(&join(parent, gone));
                }
                object.clear();
            }
            object.insert(key.clone(), json);
        }
        (Step::Index(index), Value::Array(items)) if *index < items.len() => items[*index] = json,
        _ => return Err(wrong(&format!("there is no `{path}` to set"))),
    }
    spans.forget(path);
    spans.0.extend(inner.0.into_iter().map(|(at, place)| {
        let Place { origin, key, value } = place;
        (at, Place { origin, key: shifted(key), value: shifted(value) })
    }));
    Ok(())
}

enum Step {
    Key(String),
    Index(usize),
}

/// `a.b[0].c` as steps.
fn steps(path: &str) -> Option<Vec<Step>> {
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

fn child_schema<'s>(root: &'s Value, schema: &'s Value, step: &Step) -> &'s Value {
    let schema = resolve(root, schema);
    match step {
        Step::Key(key) => &schema["properties"][key],
        Step::Index(_) => &schema["items"],
    }
}

/// Follows a reference into the schema's definitions.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap_or(&Value::Null),
        None => schema,
    }
}

/// The keys of a table that must have exactly one of several keys.
fn alternatives(schema: &Value) -> Option<Vec<String>> {
    let variants = schema["oneOf"].as_array()?;
    variants
        .iter()
        .map(|variant| {
            let properties = variant["properties"].as_object()?;
            let (key, value) = properties.iter().next()?;
            (properties.len() == 1 && value.get("const").is_none()).then(|| key.clone())
        })
        .collect()
}

/// Walks the tree beside the schema and collects what does not fit.
struct Walk<'a> {
    schema: &'a Value,
    spans: &'a Spans,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn push(&mut self, path: &str, message: String) {
        self.problems.push(self.spans.problem(path, message));
    }

    fn check(&mut self, path: &str, value: &Value, schema: &Value) {
        let root = self.schema;
        let schema = resolve(root, schema);
        if value.is_null() {
            // Told already, when the number was read.
        } else if let Some(variants) = schema["oneOf"].as_array() {
            self.check_one_of(path, value, schema, variants);
        } else if let Some(variants) = schema["anyOf"].as_array() {
            self.check_any_of(path, value, variants);
        } else if self.has_type(path, value, schema) {
            match value {
                Value::Object(object) => self.check_object(path, object, schema),
                Value::Array(items) => self.check_array(path, items, schema),
                Value::Number(number) => self.check_range(path, number, schema),
                Value::String(text) if text.is_empty() && !schema["minLength"].is_null() => {
                    self.push(path, "is empty; allowed: any text".into());
                }
                _ => {}
            }
        }
    }

    fn has_type(&mut self, path: &str, value: &Value, schema: &Value) -> bool {
        let allowed = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = allowed.iter().any(|kind| match *kind {
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        });
        if !fits {
            let expected = describe_type(allowed[0], schema);
            self.push(path, format!("is {}; allowed: {expected}", describe(value)));
        }
        fits
    }

    fn check_object(&mut self, path: &str, object: &Map<String, Value>, schema: &Value) {
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        for (key, value) in object {
            let at = join(path, key);
            match properties.get(key) {
                Some(schema) => self.check(&at, value, schema),
                None => {
                    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                    let table =
                        if path.is_empty() { "at the top".into() } else { format!("in `{path}`") };
                    let (hint, known) = (suggestion(key, &known), known.join(", "));
                    let message = format!("is not a known key{hint}; allowed {table}: {known}");
                    self.problems.push(self.spans.key_problem(&at, message));
                }
            }
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                let what = properties[key]["description"].as_str().unwrap_or_default();
                let what = first_sentence(what);
                self.push(&join(path, key), format!("is missing; expected: {what}"));
            }
        }
    }

    fn check_array(&mut self, path: &str, items: &[Value], schema: &Value) {
        let least = schema["minItems"].as_u64().unwrap_or(0);
        let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
        let count = items.len() as u64;
        if count < least || count > most {
            let allowed = match (least == most, most == u64::MAX) {
                (true, _) => format!("exactly {least}"),
                (_, true) => format!("at least {least}"),
                _ => format!("{least} to {most}"),
            };
            self.push(path, format!("has {count} elements; allowed: {allowed}"));
        }
        for (i, item) in items.iter().enumerate() {
            let infinite_allowed = schema["x-minus-infinity"] == true;
            if !(infinite_allowed && item.as_f64() == Some(MINUS_INFINITY)) {
                self.check(&format!("{path}[{i}]"), item, &schema["items"]);
            }
        }
    }

    fn check_range(&mut self, path: &str, number: &serde_json::Number, schema: &Value) {
        let value = number.as_f64().unwrap_or(f64::NAN);
        let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let finite = value != MINUS_INFINITY;
        if finite
            && least.is_none_or(|least| value >= least)
            && most.is_none_or(|most| value <= most)
        {
            return;
        }
        let allowed = match (&schema["minimum"], &schema["maximum"]) {
            (Value::Null, Value::Null) => "a finite number".to_owned(),
            (least, Value::Null) => format!("at least {least}"),
            (Value::Null, most) => format!("at most {most}"),
            (least, most) => format!("{least} to {most}"),
        };
        let value = if finite { number.to_string() } else { "-inf".to_owned() };
        self.push(path, format!("is {value}; allowed: {allowed}"));
    }

    /// One of several strings, of tables told apart by a tag, or of tables with a single key.
    fn check_one_of(&mut self, path: &str, value: &Value, schema: &Value, variants: &[Value]) {
        if let Some(names) = constants(variants, |variant| &variant["const"]) {
            self.check_name(path, value, &names);
        } else if let Some(names) = alternatives(schema) {
            self.check_alternative(path, value, variants, &names);
        } else if let Some(tag) = tag_of(variants) {
            let names = constants(variants, |variant| &variant["properties"][tag]["const"])
                .expect("every variant has the tag");
            let at = join(path, tag);
            match value.get(tag) {
                None if value.is_object() => {
                    self.push(&at, format!("is missing; allowed: {}", names.join(", ")));
                }
                Some(name) => {
                    if self.check_name(&at, name, &names) {
                        let chosen = names.iter().position(|known| Some(*known) == name.as_str());
                        self.check(path, value, &variants[chosen.expect("checked above")]);
                    }
                }
                None => self
                    .push(path, format!("is {}; allowed: a table with `{tag}`", describe(value))),
            }
        }
    }

    fn check_name(&mut self, path: &str, value: &Value, names: &[&str]) -> bool {
        let known = value.as_str().is_some_and(|name| names.contains(&name));
        if !known {
            let hint = value.as_str().map(|name| suggestion(name, names)).unwrap_or_default();
            self.push(path, format!("is {}{hint}; allowed: {}", describe(value), names.join(", ")));
        }
        known
    }

    fn check_alternative(
        &mut self,
        path: &str,
        value: &Value,
        variants: &[Value],
        names: &[String],
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let allowed = format!("exactly one of {}", names.join(", "));
        let Some(object) = value.as_object() else {
            return self.push(path, format!("is {}; allowed: {allowed}", describe(value)));
        };
        for key in object.keys().filter(|key| !names.contains(&key.as_str())) {
            let hint = suggestion(key, &names);
            let message = format!("is not a known key{hint}; allowed: {allowed}");
            self.problems.push(self.spans.key_problem(&join(path, key), message));
        }
        let given: Vec<&str> =
            names.iter().copied().filter(|name| object.contains_key(*name)).collect();
        match given[..] {
            [key] => {
                let variant = names.iter().position(|name| *name == key).expect("one of the names");
                self.check(&join(path, key), &object[key], &variants[variant]["properties"][key]);
            }
            [] if object.is_empty() => {
                self.push(path, format!("is an empty table; allowed: {allowed}"))
            }
            [] => {}
            _ => self.push(path, format!("has {}; allowed: {allowed}", given.join(" and "))),
        }
    }

    /// The first alternative of the value's own type is the one that was meant.
    fn check_any_of(&mut self, path: &str, value: &Value, variants: &[Value]) {
        let kind = |variant: &Value| variant["type"].as_str().unwrap_or("null").to_owned();
        let mine = match value {
            Value::Number(_) => "number",
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "boolean",
        };
        let variants: Vec<&Value> =
            variants.iter().map(|variant| resolve(self.schema, variant)).collect();
        match variants
            .iter()
            .find(|variant| kind(variant) == mine || variant.get("oneOf").is_some())
        {
            Some(variant) => {
                let variant = (*variant).clone();
                self.check(path, value, &variant);
            }
            None => {
                let kinds =
                    variants.iter().map(|variant| kind(variant)).filter(|kind| kind != "null");
                let allowed: Vec<String> =
                    kinds.map(|kind| describe_type(&kind, &Value::Null)).collect();
                self.push(
                    path,
                    format!("is {}; allowed: {}", describe(value), allowed.join(" or ")),
                );
            }
        }
    }
}

/// The constant strings of all variants, when each has one.
fn constants<'v>(
    variants: &'v [Value],
    of: impl Fn(&'v Value) -> &'v Value,
) -> Option<Vec<&'v str>> {
    variants.iter().map(|variant| of(variant).as_str()).collect()
}

/// The key whose constant tells the variants apart.
fn tag_of(variants: &[Value]) -> Option<&str> {
    let properties = variants.first()?["properties"].as_object()?;
    let tag = properties.iter().find(|(_, schema)| schema.get("const").is_some())?;
    Some(tag.0.as_str())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// A value as a person would name it.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.as_f64() == Some(MINUS_INFINITY) => "-inf".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{text}\""),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "a table".into(),
    }
}

fn describe_type(kind: &str, schema: &Value) -> String {
    let range = match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, _) | (_, Value::Null) => String::new(),
        (least, most) => format!(" from {least} to {most}"),
    };
    match kind {
        "number" => format!("a number{range}"),
        "integer" => format!("a whole number{range}"),
        "string" => "text in quotes".into(),
        "boolean" => "true or false".into(),
        "array" => "an array, [ … ]".into(),
        _ => "a table".into(),
    }
}
