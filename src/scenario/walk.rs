//! The tree of a scenario beside its JSON Schema: everything that does not fit is collected.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::{Problem, nearest};
use super::hidden::{is_hidden, visible};
use super::tree::{MINUS_INFINITY, Spans, join};

/// Checks a whole tree against the schema of the whole.
pub(super) fn check(tree: &Value, schema: &Value, spans: &Spans, problems: &mut Vec<Problem>) {
    Walk { schema, spans, problems }.check("", tree, schema);
}

/// Follows a reference into the schema's definitions; a value that may be absent is that value.
pub(super) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let schema = match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([present, absent]) if absent["type"] == "null" => present,
        _ => schema,
    };
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).unwrap_or(&Value::Null),
        None => schema,
    }
}

/// The keys of a table that must have exactly one of several keys.
pub(super) fn alternatives(schema: &Value) -> Option<Vec<String>> {
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
                // It would reach the terminal, and every file.
                Value::String(text) if text.contains(is_hidden) => {
                    let message = format!(
                        "is \"{}\"; allowed: text without control characters, marks of direction and \
                         characters of no width",
                        visible(text).replace('\n', "\\n")
                    );
                    self.push(path, message);
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
            self.check(&format!("{path}[{i}]"), item, &schema["items"]);
        }
    }

    fn check_range(&mut self, path: &str, number: &serde_json::Number, schema: &Value) {
        let value = number.as_f64().unwrap_or(f64::NAN);
        // −∞ is below any least value, and fits where there is none.
        let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most) {
            return;
        }
        let allowed = match (&schema["minimum"], &schema["maximum"]) {
            (least, Value::Null) => format!("at least {least}"),
            (Value::Null, most) => format!("at most {most}"),
            (least, most) => format!("{least} to {most}"),
        };
        self.push(
            path,
            format!("is {}; allowed: {allowed}", describe(&Value::from(number.clone()))),
        );
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
                    self.check_untagged(path, value, tag, variants);
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

    /// A table without its tag: of its keys those that no variant has are wrong whatever was meant.
    fn check_untagged(&mut self, path: &str, value: &Value, tag: &str, variants: &[Value]) {
        let properties = variants.iter().filter_map(|variant| variant["properties"].as_object());
        let known: BTreeSet<&str> = properties.flat_map(Map::keys).map(String::as_str).collect();
        let known: Vec<&str> = known.into_iter().collect();
        for key in value.as_object().into_iter().flat_map(Map::keys) {
            if !known.contains(&key.as_str()) {
                let (hint, allowed) = (suggestion(key, &known), known.join(", "));
                let message =
                    format!("is not a known key{hint}; allowed, depending on `{tag}`: {allowed}");
                self.problems.push(self.spans.key_problem(&join(path, key), message));
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

    /// The alternative of the value's own type is the one that was meant; of several tables, the
    /// one that knows most of its keys.
    fn check_any_of(&mut self, path: &str, value: &Value, variants: &[Value]) {
        let kind = |variant: &Value| match variant["type"].as_str().unwrap_or("null") {
            "integer" => "number".to_owned(),
            other => other.to_owned(),
        };
        let mine = match value {
            Value::Number(_) => "number",
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "boolean",
        };
        let variants: Vec<&Value> =
            variants.iter().map(|variant| resolve(self.schema, variant)).collect();
        let known = |variant: &Value| {
            let keys = value.as_object().into_iter().flat_map(Map::keys);
            keys.filter(|key| !variant["properties"][key.as_str()].is_null()).count()
        };
        let fitting = variants
            .iter()
            .filter(|variant| kind(variant) == mine || variant.get("oneOf").is_some())
            .rev()
            .max_by_key(|variant| known(variant));
        match fitting {
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

fn suggestion(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// A value as a person would name it.
pub(super) fn describe(value: &Value) -> String {
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
