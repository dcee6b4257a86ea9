//! What each key of a scenario means and may be, read from the JSON Schema: the answers of
//! `rescuesim explain` cannot differ from what the reader of scenarios accepts.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Number, Value};
use toml_edit::Item;

use super::file::ScenarioFile;
use super::item::elements;
use super::path::KeyPath;
use super::schema::{self, ListShape, NumberShape, ValueShape};
use super::shipped::SCENARIOS;
use super::{InputDocument, InputFile};

/// A key of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyHelp {
    /// Key path, with `[]` for the elements of an array.
    pub key: String,
    /// The variants of the table that have the key; `None` if it does not depend on a tag.
    pub only_with: Option<Variants>,
    /// Meaning, in whole sentences.
    pub meaning: String,
    /// Type and range.
    pub allowed: String,
    /// Unit of a number, if it has one.
    pub unit: Option<&'static str>,
    /// Value if the key is left out, as TOML.
    pub default: Option<String>,
    /// Whether the key must be given, where its table is.
    pub required: bool,
    /// Names that the key may have, or that its table may have as a tag.
    pub choices: Vec<Choice>,
    /// Names of the keys of its table.
    pub keys: Vec<String>,
}

/// Variants of a table that depends on a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variants {
    /// Key that names the variant.
    pub tag: String,
    /// Names of the variants.
    pub names: Vec<String>,
    /// Number of variants that the table has.
    #[serde(skip)]
    of: usize,
}

/// A name that a key may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The name.
    pub name: String,
    /// Meaning, in whole sentences.
    pub meaning: String,
}

/// A line of a shipped scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Key path and value, as TOML.
    pub line: String,
    /// Name of the scenario.
    pub scenario: &'static str,
}

impl KeyHelp {
    /// Lists every key of a scenario, in the order of the schema.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<KeyHelp>> = LazyLock::new(|| {
            let mut keys = Keys { root: ScenarioFile::schema(), found: Vec::new() };
            keys.collect(keys.root, "", None);
            for key in &mut keys.found {
                // A key that all variants share does not depend on the tag.
                key.only_with = key.only_with.take().filter(|only| only.names.len() < only.of);
            }
            keys.found
        });
        &ALL
    }

    /// Returns whether the key takes a number, or numbers.
    pub fn is_number(&self) -> bool {
        // Of an array or an alternative, in words.
        self.allowed.starts_with("a number") || self.allowed.starts_with("a whole number")
    }

    /// Returns the path with the keys alone, such as `analyses.cut`.
    pub fn plain_path(&self) -> String {
        without_indices(&self.key)
    }

    /// Finds a short value of the key in the scenarios of the program.
    pub fn example(&self) -> Option<Example> {
        SCENARIOS.iter().find_map(|shipped| {
            let document = InputDocument::parse(shipped.name, shipped.text.to_owned())
                .expect("shipped scenarios are valid");
            let path = self.path_in(document.root())?;
            let Item::Value(value) = path.get(document.root())? else { return None };
            let written = document.text().get(value.span()?)?;
            // A longer value would not be read as an example of this key.
            let is_short = written.len() <= 60 && !written.contains('\n');
            is_short
                .then(|| Example { line: format!("{path} = {written}"), scenario: shipped.name })
        })
    }

    /// Returns the path of the first value that a document has for the key.
    fn path_in(&self, root: &Item) -> Option<KeyPath> {
        let mut paths = vec![KeyPath::default()];
        for step in self.key.split('.') {
            let (key, dimensions) = match step.find('[') {
                Some(at) => (&step[..at], step[at..].matches("[]").count()),
                None => (step, 0),
            };
            paths = paths.iter().map(|path| path.key(key)).collect();
            for _ in 0..dimensions {
                paths = paths.iter().flat_map(|path| indexed(root, path)).collect();
            }
        }
        paths.into_iter().find(|path| path.get(root).is_some() && self.has_variant(root, path))
    }

    /// Returns whether the table of a path is of a variant that this key belongs to.
    fn has_variant(&self, root: &Item, path: &KeyPath) -> bool {
        self.only_with.as_ref().is_none_or(|only| {
            let tag = path.parent().and_then(|parent| parent.key(&only.tag).get(root)?.as_str());
            tag.is_some_and(|tag| only.names.iter().any(|name| name == tag))
        })
    }
}

/// Returns the paths of the elements of an array.
fn indexed(root: &Item, path: &KeyPath) -> Vec<KeyPath> {
    let count = path.get(root).map_or(0, |item| elements(item).count());
    (0..count).map(|index| path.index(index)).collect()
}

/// Removes the indices, or names in brackets, from a key path.
pub fn without_indices(path: &str) -> String {
    let mut depth = 0;
    let kept = path.chars().filter(|&c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => return depth == 0,
        }
        false
    });
    kept.collect()
}

/// Keys found so far in a schema.
struct Keys {
    root: &'static Value,
    found: Vec<KeyHelp>,
}

impl Keys {
    /// Follows a reference.
    fn target(&self, schema: &'static Value) -> &'static Value {
        let reference = schema["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
        reference.and_then(|at| self.root.pointer(at)).map_or(schema, |schema| self.target(schema))
    }

    /// Adds the keys of a table, or of the tables in an array.
    fn collect(&mut self, schema: &'static Value, path: &str, only_with: Option<&Variants>) {
        let schema = self.target(schema);
        for variant in schema["anyOf"].as_array().into_iter().flatten() {
            self.collect(variant, path, None);
        }
        if let Some(items) = schema.get("items") {
            self.collect(items, &format!("{path}[]"), None);
        }
        let variants = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
        for variant in variants {
            let tag = tag_of(variant);
            let only_with = tag.map(|(tag, name)| Variants {
                tag: tag.to_owned(),
                names: vec![name.to_owned()],
                of: variants.len(),
            });
            let before = self.found.len();
            self.collect(variant, path, only_with.as_ref());
            // The key of an alternative has its description where the alternative does, and is required
            // only if no other is given.
            if let (None, Some(key)) = (tag, self.found.get_mut(before)) {
                key.required = false;
                key.meaning = description(variant);
            }
        }
        for (name, of_key) in schema["properties"].as_object().into_iter().flatten() {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            // The schema of a tagged enum has its tag as a property with one constant value.
            let is_tag = of_key.get("const").is_some();
            let help = if is_tag {
                self.tag(key.clone(), path)
            } else {
                self.help(key.clone(), of_key, schema, only_with)
            };
            self.add(help);
            if !is_tag {
                self.collect(of_key, &key, None);
            }
        }
    }

    /// Adds a key, or the variant to the same key of other variants.
    fn add(&mut self, help: KeyHelp) {
        let same = self.found.iter_mut().find(|found| {
            let KeyHelp { key, meaning, allowed, default, .. } = found;
            *key == help.key
                && *meaning == help.meaning
                && *allowed == help.allowed
                && *default == help.default
        });
        match (same, help.only_with) {
            (Some(found), Some(variants)) => {
                for name in variants.names {
                    let known =
                        found.only_with.as_mut().filter(|known| !known.names.contains(&name));
                    if let Some(known) = known {
                        known.names.push(name);
                    }
                }
            }
            (Some(_), None) => {}
            (None, only_with) => self.found.push(KeyHelp { only_with, ..help }),
        }
    }

    /// Describes a key that is not a tag.
    fn help(
        &self,
        key: String,
        of_key: &'static Value,
        table: &Value,
        only_with: Option<&Variants>,
    ) -> KeyHelp {
        let target = self.target(of_key);
        let shape = schema::shape_within(self.root, of_key);
        let own = description(of_key);
        // The description of a key is about this use of a type that several keys may share.
        let meaning = if own.is_empty() { description(target) } else { own };
        let name = key.rsplit('.').next().unwrap_or(&key);
        let required = table["required"].as_array().into_iter().flatten().any(|it| it == name);
        KeyHelp {
            only_with: only_with.cloned(),
            allowed: allowed(&shape),
            unit: unit(name, &meaning).filter(|_| is_of_numbers(&shape)),
            default: of_key.get("default").filter(|it| !it.is_null()).map(toml_text),
            required,
            choices: self.choices(target),
            keys: key_names(&shape),
            meaning,
            key,
        }
    }

    /// Describes the tag of a table, whose variants have been or will be met by the caller.
    fn tag(&self, key: String, path: &str) -> KeyHelp {
        let of_table = self
            .found
            .iter()
            .rev()
            .find(|found| found.key.trim_end_matches("[]") == path.trim_end_matches("[]"));
        let choices = of_table.map_or_else(Vec::new, |found| found.choices.clone());
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        KeyHelp {
            only_with: None,
            meaning: "Names the variant; the other keys of the table depend on it.".to_owned(),
            allowed: format!("one of {}", names.join(", ")),
            unit: None,
            default: None,
            required: true,
            choices,
            keys: Vec::new(),
            key,
        }
    }

    /// Lists the names that a value may have, or the tag of its tables.
    fn choices(&self, schema: &'static Value) -> Vec<Choice> {
        let schema = self.target(schema);
        if let Some(items) = schema.get("items") {
            return self.choices(items);
        }
        let any_of = schema["anyOf"].as_array().into_iter().flatten();
        let mut choices: Vec<Choice> = any_of.flat_map(|schema| self.choices(schema)).collect();
        for variant in schema["oneOf"].as_array().into_iter().flatten() {
            let name = variant["const"].as_str().or_else(|| Some(tag_of(variant)?.1));
            let meaning = description(variant);
            choices.extend(name.map(|name| Choice { name: name.to_owned(), meaning }));
        }
        choices
    }
}

/// Returns the tag of a variant and its value.
fn tag_of(variant: &Value) -> Option<(&str, &str)> {
    let mut properties = variant["properties"].as_object()?.iter();
    properties.find_map(|(key, of)| Some((key.as_str(), of["const"].as_str()?)))
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// Returns a JSON value as it is written in TOML.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                // TOML has no null: a key without a value is left out.
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("{key} = {}", toml_text(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Says in words which values are allowed.
fn allowed(shape: &ValueShape) -> String {
    match shape {
        ValueShape::Boolean => "true or false".to_owned(),
        ValueShape::Text { .. } => "text in quotes".to_owned(),
        ValueShape::Number(number) => format!("a {}", range(number)),
        ValueShape::Name(names) => format!("one of {}", names.join(", ")),
        ValueShape::List(list) => allowed_in_list(list),
        ValueShape::Table(_) => "a table".to_owned(),
        ValueShape::Alternatives(keys) => {
            let keys: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
            format!("a table with exactly one of {}", keys.join(", "))
        }
        ValueShape::Tagged { tag, variants } => {
            let names: Vec<&str> = variants.iter().map(|(name, _)| name.as_str()).collect();
            format!("a table whose `{tag}` is one of {}", names.join(", "))
        }
        ValueShape::AnyOf(shapes) => {
            let mut words: Vec<String> = shapes.iter().map(allowed).collect();
            words.dedup();
            words.join(", or ")
        }
    }
}

fn allowed_in_list(list: &ListShape) -> String {
    let count = match (list.least, list.most) {
        (least, Some(most)) if least == most => format!("{least} values"),
        (0, None) => "values".to_owned(),
        (least, None) => format!("at least {least} values"),
        (least, Some(most)) => format!("{least} to {most} values"),
    };
    format!("an array of {count}, each {}", allowed(&list.items))
}

fn range(number: &NumberShape) -> String {
    let kind = if number.whole { "whole number" } else { "number" };
    match (&number.least, &number.most) {
        (Some(least), Some(most)) => format!("{kind} from {} to {}", limit(least), limit(most)),
        (Some(least), None) => format!("{kind}, at least {}", limit(least)),
        (None, Some(most)) => format!("{kind}, at most {}", limit(most)),
        (None, None) => kind.to_owned(),
    }
}

/// Returns a limit without the decimals of a whole one.
fn limit(number: &Number) -> String {
    match number.as_f64() {
        // Integers beyond 2^53 are exact as they are.
        Some(float) if number.is_f64() && float.abs() < 1e15 => float.to_string(),
        Some(_) | None => number.to_string(),
    }
}

/// Returns the names of the keys of a table, or of the tables in an array.
fn key_names(shape: &ValueShape) -> Vec<String> {
    let mut names: Vec<String> = match shape {
        ValueShape::Table(table) => table.names().into_iter().map(str::to_owned).collect(),
        ValueShape::Alternatives(keys) => keys.iter().map(|key| key.name.clone()).collect(),
        ValueShape::Tagged { variants, .. } => {
            variants.iter().flat_map(|(_, table)| table.names()).map(str::to_owned).collect()
        }
        ValueShape::AnyOf(shapes) => shapes.iter().flat_map(key_names).collect(),
        ValueShape::List(list) => key_names(&list.items),
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Number(_)
        | ValueShape::Name(_) => Vec::new(),
    };
    // Variants share keys.
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Returns whether a value is a number, or an array of them.
fn is_of_numbers(shape: &ValueShape) -> bool {
    match shape {
        ValueShape::Number(_) => true,
        ValueShape::List(list) => is_of_numbers(&list.items),
        ValueShape::AnyOf(shapes) => shapes.iter().any(is_of_numbers),
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Name(_)
        | ValueShape::Table(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. } => false,
    }
}

/// Names of keys whose values have a unit.
// By name, as a JSON Schema has no place for units; a test refuses names that no key has.
const UNITS: [(&str, &str); 26] = [
    ("per_month", "patients per month"),
    ("screened_per_month", "patients per month"),
    ("ramp_up_months", "months"),
    ("over_months", "months"),
    ("months", "months"),
    ("stated_at_month", "months"),
    ("days", "days"),
    ("window_days", "days"),
    ("decision_lag_days", "days"),
    ("known_after_days", "days"),
    ("base", "minutes"),
    ("randomised", "patients"),
    ("analysed", "patients with an outcome"),
    ("block_sizes", "patients"),
    ("maximum_imbalance", "patients"),
    ("burn_in", "patients"),
    ("replicates", "replicates"),
    ("common_odds_ratio", "odds ratio, above 1 favours the experimental arm"),
    ("odds_ratio_per_pass", "odds ratio"),
    ("mean", "log odds ratio"),
    ("sd", "log odds ratio"),
    ("passes", "passes"),
    ("max_passes", "passes"),
    ("more_passes", "passes"),
    ("cut", "mRS"),
    ("functional_independence", "probability"),
];

/// Returns the unit of a number: that of its name, or that with which its meaning begins.
fn unit(name: &str, meaning: &str) -> Option<&'static str> {
    let by_name = UNITS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit);
    // A description begins with its noun, which of a share or of log odds is the unit too.
    by_name.or_else(|| match meaning.split_whitespace().next()? {
        "Probability" | "Chance" | "Share" => Some("probability, from 0 to 1"),
        "Log" => Some("log odds"),
        "Outcomes" => Some("patients with an outcome"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str) -> Vec<&'static KeyHelp> {
        KeyHelp::all().iter().filter(|help| help.plain_path() == key).collect()
    }

    #[test]
    fn every_key_has_a_meaning_and_says_what_is_allowed() {
        assert!(KeyHelp::all().len() > 150);
        for help in KeyHelp::all() {
            assert!(!help.meaning.is_empty() && !help.allowed.is_empty(), "{}", help.key);
            let first = help.meaning.trim_start_matches("mRS").chars().next();
            assert!(!first.is_some_and(char::is_lowercase), "{}: {}", help.key, help.meaning);
        }
        for (name, unit) in UNITS {
            let named = |help: &&KeyHelp| help.plain_path().rsplit('.').next() == Some(name);
            assert!(
                KeyHelp::all().iter().filter(named).any(|help| help.unit == Some(unit)),
                "{name}"
            );
        }
    }

    #[test]
    fn an_example_is_a_line_that_a_scenario_accepts() {
        let examples = KeyHelp::all().iter().filter_map(|help| Some((help, help.example()?)));
        let mut tried = 0;
        for (help, example) in examples {
            let shipped = SCENARIOS.iter().find(|shipped| shipped.name == example.scenario);
            let text = shipped.expect("it is shipped").text;
            let document = InputDocument::parse("text", text.to_owned()).expect("it is TOML");
            let set = super::super::Set::parse(&example.line).expect("it is an argument of --set");
            let draft = document.with(std::slice::from_ref(&set)).read::<ScenarioFile>();
            assert!(draft.is_ok(), "{}: {}", help.key, example.line);
            tried += 1;
        }
        assert!(tried > 60, "{tried}");
    }

    #[test]
    fn a_key_of_some_variants_names_them() {
        let [at_most] = of("design.futility.at_most")[..] else { panic!("one meaning") };
        let only = at_most.only_with.as_ref().expect("it depends on the rule");
        assert_eq!(only.tag, "rule");
        assert_eq!(only.names, ["conditional_power", "predictive_power"]);
        // Four kinds of bounds.
        assert!(of("design.futility.bounds").len() >= 3);
        // Each analysis has it.
        assert_eq!(of("analyses.missing")[0].only_with, None);
    }

    #[test]
    fn indices_of_a_path_do_not_matter() {
        assert_eq!(without_indices("analyses[0].cut"), "analyses.cut");
        assert_eq!(without_indices("analyses[shift].cuts[].cut"), "analyses.cuts.cut");
        assert_eq!(without_indices("missing.dropout"), "missing.dropout");
    }
}
