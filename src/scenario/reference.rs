//! Reference of the keys of a scenario, in Markdown, generated from the JSON Schema.
//!
//! The pages `scenarios/reference.md` and its neighbours have this text, and a test compares them with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::InputFile;
use super::file::ScenarioFile;

/// A page of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Name of the file in the folder `scenarios`.
    pub file: &'static str,
    /// Heading of the page, with a sentence on its contents.
    opening: &'static str,
    /// Keys of the top level that the page describes, in order.
    tables: &'static [&'static str],
}

/// Rules for values that hold on every page.
const RULES: &str = "Keys without a default are required unless the table says otherwise. Whole numbers may be written as \
     `1e6`. Distributions and shares are percentages that sum to 100 or fractions that sum to 1, within one part \
     in a million. `…[]` stands for each element of a list.\n\
     \n\
     This page is the output of `rescuesim schema --format markdown`, which is made from the descriptions in \
     `src/scenario/file.rs`.\n";

/// All pages, in the order in which a definition is described in full; later uses refer to it.
pub const PAGES: [Page; 3] = [
    Page {
        file: "reference.md",
        opening: "# Keys: patients, recruitment, allocation\n\n\
             Who is recruited, where and when, and how patients are allocated. The other keys are on \
             [outcomes and procedures](reference-outcomes.md) and [design and analyses](reference-design.md).\n",
        tables: &[
            "title",
            "registration",
            "question",
            "sample_size",
            "accrual",
            "centres",
            "drift",
            "follow_up",
            "arms",
            "factors",
            "strata",
            "randomisation",
            "run",
        ],
    },
    Page {
        file: "reference-design.md",
        opening: "# Keys: design and analyses\n\n\
             When the data are analysed, which boundaries stop the trial, and by which methods. The other keys \
             are on [patients, recruitment, allocation](reference.md) and \
             [outcomes and procedures](reference-outcomes.md).\n",
        tables: &["design", "analyses", "description", "expect"],
    },
    Page {
        file: "reference-outcomes.md",
        opening: "# Keys: outcomes and procedures\n\n\
             The truth that the simulator knows and the analyses do not: outcomes, dropout, adherence, adverse \
             events, the procedure. The other keys are on [patients, recruitment, allocation](reference.md) and \
             [design and analyses](reference-design.md).\n",
        tables: &[
            "outcome",
            "prior",
            "missing",
            "early_outcome",
            "adherence",
            "safety",
            "procedure",
        ],
    },
];

/// Describes every key of a scenario in Markdown, one text per page.
pub fn pages() -> Vec<(Page, String)> {
    let schema = ScenarioFile::schema();
    let mut writer =
        Writer { schema, described: BTreeMap::new(), table: String::new(), rows: Vec::new() };
    PAGES.into_iter().map(|page| (page, writer.page(page))).collect()
}

/// Writes rows of the reference and remembers which definitions have been described.
struct Writer<'s> {
    schema: &'s Value,
    /// Path of the first key whose value has a definition, by the definition: later keys refer to it.
    described: BTreeMap<&'s str, String>,
    /// Table of the top level whose keys are written.
    table: String,
    rows: Vec<String>,
}

/// A key with its schema and what is known about its place.
struct Key<'s> {
    path: String,
    schema: &'s Value,
    is_required: bool,
    /// Methods or rules that have the key, if not all of the table's.
    only_with: Option<String>,
}

impl<'s> Writer<'s> {
    fn page(&mut self, page: Page) -> String {
        let mut text = format!("{}\n{RULES}", page.opening);
        let keys = properties(self.schema);
        let present = page.tables.iter().filter_map(|name| Some((*name, keys.get(*name)?)));
        let required = strings(&self.schema["required"]);
        let (mut single, mut tables) = (Vec::new(), Vec::new());
        for (name, schema) in present {
            let key = Key {
                path: name.to_owned(),
                schema,
                is_required: required.contains(&name),
                only_with: None,
            };
            if self.has_keys(schema) { tables.push(key) } else { single.push(key) }
        }
        if !single.is_empty() {
            text += "\n## Top level\n\n";
            single.iter().for_each(|key| self.row(key));
            self.take_rows(&mut text);
        }
        for key in tables {
            self.table.clone_from(&key.path);
            let is_list = resolved(self.schema, key.schema)["type"] == "array";
            let [open, close] = if is_list { ["[[", "]]"] } else { ["[", "]"] };
            let needed = if key.is_required { " Required." } else { "" };
            let description = self.description(key.schema);
            text += &format!("\n## `{open}{}{close}`\n\n{description}{needed}\n\n", key.path);
            self.contents("", key.schema, None);
            self.take_rows(&mut text);
        }
        text
    }

    fn take_rows(&mut self, text: &mut String) {
        *text += "| key | value | default | meaning |\n|---|---|---|---|\n";
        self.rows.drain(..).for_each(|row| *text += &row);
    }

    fn has_keys(&self, schema: &'s Value) -> bool {
        let schema = resolved(self.schema, schema);
        let parts = ["oneOf", "anyOf"].into_iter().filter_map(|of| schema[of].as_array()).flatten();
        !properties(schema).is_empty()
            || parts.chain(schema.get("items")).any(|part| self.has_keys(part))
    }

    /// Adds the row of a key, then those of the keys within its value.
    fn row(&mut self, key: &Key<'s>) {
        let Key { path, schema, is_required, only_with } = key;
        let (value, default) = (self.value(schema), default(schema, *is_required));
        let described = definition(schema).or_else(|| definition(&schema["items"]));
        let described = described.and_then(|name| self.described.get(name)).cloned();
        let value = described.iter().fold(value, |value, at| format!("{value}, as `{at}`"));
        let only_with = only_with.as_ref().map_or(String::new(), |names| format!("{names}: "));
        let meaning = format!("{only_with}{}", self.description(schema));
        self.rows.push(format!("| `{path}` | {value} | {default} | {} |\n", in_a_cell(&meaning)));
        if described.is_none() {
            self.contents(path, schema, None);
        }
    }

    /// Adds the rows of the keys within a value.
    fn contents(&mut self, path: &str, schema: &'s Value, only_with: Option<&str>) {
        let target = resolved(self.schema, schema);
        if let Some(name) = definition(schema)
            && !path.is_empty()
            && self.has_keys(target)
        {
            self.described.entry(name).or_insert_with(|| format!("{}.{path}", self.table));
        }
        if let Some(items) = target.get("items") {
            let path = if path.is_empty() { String::new() } else { format!("{path}[]") };
            return self.contents(&path, items, only_with);
        }
        if let Some(variants) = target["oneOf"].as_array() {
            return self.variants(path, variants);
        }
        if let Some(variants) = target["anyOf"].as_array() {
            for variant in variants {
                self.contents(path, variant, None);
            }
            return;
        }
        let required = strings(&target["required"]);
        for (name, schema) in properties(target) {
            let exclusive = strings(&target["x-exclusive"]).contains(&name.as_str());
            self.row(&Key {
                path: joined(path, name),
                schema,
                is_required: required.contains(&name.as_str()) && !exclusive,
                only_with: only_with.map(str::to_owned),
            });
        }
    }

    /// Adds the rows of a table that has one of several forms.
    fn variants(&mut self, path: &str, variants: &'s [Value]) {
        if let Some(tag) = tag(variants) {
            for variant in variants {
                let value = properties(variant)[tag]["const"].as_str().unwrap_or_default();
                let meaning = in_a_cell(&self.description(variant));
                let key = joined(path, tag);
                self.rows.push(format!("| `{key} = \"{value}\"` | | | {meaning} |\n"));
            }
            return self.keys_of_variants(path, tag, variants);
        }
        for variant in variants {
            let Some((name, schema)) = properties(variant).iter().next() else { continue };
            let value = self.value(schema);
            let meaning = in_a_cell(&self.description(variant));
            self.rows.push(format!("| `{}` | {value} | | {meaning} |\n", joined(path, name)));
            self.contents(&joined(path, name), schema, None);
        }
    }

    /// Adds the keys that tagged tables have besides the tag, each once, with the names that have it.
    fn keys_of_variants(&mut self, path: &str, tag: &str, variants: &'s [Value]) {
        let mut keys: Vec<(&str, &Value, Vec<String>)> = Vec::new();
        let mut required = BTreeSet::new();
        for variant in variants {
            let name = properties(variant)[tag]["const"].as_str().unwrap_or_default();
            for (key, schema) in properties(variant).iter().filter(|(key, _)| *key != tag) {
                if strings(&variant["required"]).contains(&key.as_str()) {
                    required.insert(key.as_str());
                }
                match keys.iter_mut().find(|known| known.0 == key && known.1 == schema) {
                    Some(known) => known.2.push(name.to_owned()),
                    None => keys.push((key, schema, vec![name.to_owned()])),
                }
            }
        }
        keys.sort_by_key(|(key, _, names)| (names.len() < variants.len(), key.to_string()));
        for (key, schema, names) in keys {
            self.row(&Key {
                path: joined(path, key),
                schema,
                is_required: required.contains(key),
                only_with: (names.len() < variants.len()).then(|| {
                    let names: Vec<String> = names.iter().map(|name| format!("*{name}*")).collect();
                    names.join(", ")
                }),
            });
        }
    }

    /// Describes what a value may be.
    fn value(&self, schema: &'s Value) -> String {
        let schema = resolved(self.schema, schema);
        if let Some(variants) = schema["oneOf"].as_array() {
            let names: Option<Vec<&str>> = variants.iter().map(|of| of["const"].as_str()).collect();
            return match (names, tag(variants)) {
                (Some(names), _) => alternatives(names.iter().map(|name| format!("`\"{name}\"`"))),
                (None, Some(tag)) => format!("table with `{tag}`"),
                (None, None) => "table with one key".to_owned(),
            };
        }
        if let Some(variants) = schema["anyOf"].as_array() {
            return alternatives(variants.iter().map(|variant| self.value(variant)));
        }
        let kind = match &schema["type"] {
            Value::Array(names) => names[0].as_str(),
            kind => kind.as_str(),
        };
        match kind {
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("string") => "text".to_owned(),
            Some("integer") => format!("whole number{}", range(schema)),
            Some("number") => format!("number{}", range(schema)),
            Some("array") => {
                let (least, most) = (&schema["minItems"], &schema["maxItems"]);
                let count = match (least.as_u64(), most.as_u64()) {
                    (Some(least), Some(most)) if least == most => format!("{least} × "),
                    (Some(least), Some(most)) => format!("{least} to {most} × "),
                    (Some(_), None) | (None, Some(_)) | (None, None) => String::new(),
                };
                format!("list: {count}{}", self.value(&schema["items"]))
            }
            _ => "table".to_owned(),
        }
    }

    /// Returns the description of a key, or of its definition.
    fn description(&self, schema: &'s Value) -> String {
        let own = schema["description"].as_str();
        let text =
            own.or(resolved(self.schema, schema)["description"].as_str()).unwrap_or_default();
        text.replace('\n', " ")
    }
}

/// Returns a schema, or the definition that it refers to; of an optional one the schema of its value.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    if let Some(name) = definition(schema) {
        return resolved(root, &root["$defs"][name]);
    }
    match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([value, null]) if null["type"] == "null" => resolved(root, value),
        _ => schema,
    }
}

/// Name of the definition that a schema refers to, directly or as an optional value.
fn definition(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str();
    let name = direct.or_else(|| match schema["anyOf"].as_array().map(Vec::as_slice) {
        Some([value, null]) if null["type"] == "null" => value["$ref"].as_str(),
        _ => None,
    });
    name?.strip_prefix("#/$defs/")
}

/// Key whose name distinguishes the forms of a table.
fn tag(variants: &[Value]) -> Option<&str> {
    let first = variants.first()?["properties"].as_object()?;
    first.iter().find(|(_, schema)| schema["const"].is_string()).map(|(key, _)| key.as_str())
}

fn properties(schema: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema["properties"].as_object().unwrap_or(&NONE)
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Joins alternatives with commas and "or".
fn alternatives(all: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = all.filter(|one| one != "table").collect();
    match all.pop() {
        None => "table".to_owned(),
        Some(last) if all.is_empty() => last,
        Some(last) => format!("{} or {last}", all.join(", ")),
    }
}

/// Range of a number in words, after a comma.
fn range(schema: &Value) -> String {
    let limit = |key: &str| schema[key].as_f64();
    // The most that fits in 32 bits is no limit that a reader needs.
    let most = limit("maximum").filter(|most| *most < f64::from(u32::MAX));
    match (limit("minimum"), most) {
        (Some(least), Some(most)) => format!(", {} to {}", numeral(least), numeral(most)),
        (Some(least), None) => format!(", {} or more", numeral(least)),
        (None, Some(most)) => format!(", at most {}", numeral(most)),
        (None, None) => String::new(),
    }
}

fn numeral(number: f64) -> String {
    let thirds = number * 3.0;
    if number != 0.0 && number.abs() < 1e-4 {
        format!("{number:e}")
    } else if thirds.fract() == 0.0 && number.fract() != 0.0 {
        format!("{thirds}/3")
    } else if number.fract() == 0.0 && number.abs() >= 10_000.0 {
        grouped(number as i64)
    } else {
        number.to_string().replace('-', "−")
    }
}

/// Digits in groups of three, separated by spaces that do not break.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

/// Default of a key as it would be written, or what applies without one.
fn default(schema: &Value, is_required: bool) -> String {
    match schema.get("default") {
        Some(default) => format!("`{}`", as_toml(default)),
        None if is_required => "required".to_owned(),
        None => "–".to_owned(),
    }
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map_or(String::new(), numeral),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(as_toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key} = {}", as_toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Text that a cell of a table can hold.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_top_level_is_on_exactly_one_page() {
        let listed: Vec<&str> = PAGES.iter().flat_map(|page| page.tables).copied().collect();
        for key in properties(ScenarioFile::schema()).keys() {
            assert_eq!(listed.iter().filter(|name| *name == key).count(), 1, "{key}");
        }
    }

    #[test]
    fn the_pages_in_the_folder_of_scenarios_are_the_generated_ones() {
        for (page, text) in pages() {
            let path = format!("{}/scenarios/{}", env!("CARGO_MANIFEST_DIR"), page.file);
            if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
                std::fs::write(&path, &text).expect("the folder can be written");
            }
            let file = std::fs::read_to_string(&path).expect("the page is shipped");
            assert!(file == text, "{path} is out of date: run this test with UPDATE_DOCUMENTS=1");
        }
    }

    #[test]
    fn numbers_are_written_as_a_reader_would() {
        assert_eq!(numeral(2.0 / 3.0), "2/3");
        assert_eq!(numeral(100_000.0), "100\u{a0}000");
        assert_eq!(numeral(1e-6), "1e-6");
        assert_eq!(numeral(-0.5), "−0.5");
        assert_eq!(as_toml(&serde_json::json!({ "rule": "none" })), "{ rule = \"none\" }");
    }
}
