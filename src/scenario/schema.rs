//! Schemas of input files: the JSON Schema of a type, and its contents as a type that the reader walks.
//!
//! Contract with schemars. [`ValueShape::of`] understands the schemas that schemars emits for the types of
//! input files, after `build` has given the shared keys of a table to each of its variants:
//!
//! - `type` with one name, or with one name and `null`, for numbers, text, `boolean`, arrays and tables;
//! - `minimum`, `maximum`, `minLength`, `minItems`, `maxItems`, one schema for all `items`;
//! - `properties` and `required` of tables that have no other keys, with our `x-exclusive`;
//! - `oneOf` with a `const` in every variant (one of several names), with a single key in every variant
//!   (exactly one of several keys), or with a `const` for the same key in every variant (a tag);
//! - `anyOf` for a value that may be absent (with `null`) and for untagged alternatives;
//! - `$ref` to a definition, without a circle; words that only inform: `description`, `default`, `title`,
//!   `format`.
//!
//! Anything else is an [`UnknownSchema`]: the test below fails for a release of schemars, or a type of
//! ours, that needs more, before a file is checked wrongly.

use schemars::JsonSchema;
use serde_json::{Map, Number, Value};

/// Builds the JSON Schema of a type, with all keys of a table listed for each of its variants.
pub(super) fn build<F: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(F).into();
    spread(&mut schema);
    limit_integers(&mut schema);
    schema
}

/// Gives unsigned integers without a maximum that of their type. Without it a larger number in a file
/// would be found by serde, which does not report the place.
fn limit_integers(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        let most = match fields.get("format").and_then(Value::as_str) {
            Some("uint8") => Some(u64::from(u8::MAX)),
            Some("uint16") => Some(u64::from(u16::MAX)),
            // An unsigned integer of 64 bits needs none: the largest of TOML is 2^63 − 1.
            Some("uint32") => Some(u64::from(u32::MAX)),
            _ => None,
        };
        if let Some(most) = most
            && !fields.contains_key("maximum")
        {
            fields.insert("maximum".to_owned(), most.into());
        }
    }
    match schema {
        Value::Array(items) => items.iter_mut().for_each(limit_integers),
        Value::Object(fields) => fields.values_mut().for_each(limit_integers),
        _ => {}
    }
}

/// Gives the keys that all variants of a table share to each of them, so that every variant lists
/// all that is allowed and required in it. schemars lists them once, next to `oneOf`, for a flattened
/// enum.
fn spread(schema: &mut Value) {
    let children: Box<dyn Iterator<Item = &mut Value>> = match schema {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => return,
    };
    // Inner tables first, so that the keys that are copied are complete.
    children.for_each(spread);
    let Some(fields) = schema.as_object_mut() else { return };
    if !(fields.contains_key("oneOf") && fields.contains_key("properties")) {
        return;
    }
    let shared = fields.remove("properties").expect("it is there");
    let required = fields.remove("required").unwrap_or(Value::Array(Vec::new()));
    // Each variant now refuses other keys by itself, and an editor would apply these to all of them.
    for key in ["type", "unevaluatedProperties", "additionalProperties"] {
        fields.remove(key);
    }
    for variant in fields["oneOf"].as_array_mut().into_iter().flatten() {
        let properties = variant["properties"].as_object_mut().expect("a variant is a table");
        properties.extend(shared.as_object().expect("properties are a table").clone());
        variant["additionalProperties"] = Value::Bool(false);
        let Some(variant) = variant.as_object_mut() else { continue };
        let own = variant.entry("required").or_insert(Value::Array(Vec::new()));
        if let (Value::Array(own), Value::Array(shared)) = (own, &required) {
            own.extend(shared.iter().cloned());
        }
    }
}

/// The values that are allowed for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueShape {
    /// `true` or `false`.
    Boolean,
    /// Text.
    Text {
        /// Whether it may be empty.
        empty: bool,
    },
    /// A number.
    Number(NumberShape),
    /// One of several names.
    Name(Vec<String>),
    /// An array.
    List(Box<ListShape>),
    /// A table with known keys.
    Table(TableShape),
    /// A table with exactly one of several keys.
    Alternatives(Vec<KeyShape>),
    /// A table whose other keys depend on the name that one key has.
    Tagged {
        /// The key.
        tag: String,
        /// The names, each with all keys of its table.
        variants: Vec<(String, TableShape)>,
    },
    /// A value of one of several types, or one of several tables.
    AnyOf(Vec<ValueShape>),
}

/// The numbers that are allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberShape {
    /// Whether it must be whole.
    pub whole: bool,
    /// The least that is allowed.
    pub least: Option<Number>,
    /// The most that is allowed.
    pub most: Option<Number>,
}

/// The arrays that are allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct ListShape {
    /// The values of each element.
    pub items: ValueShape,
    /// The fewest elements.
    pub least: usize,
    /// The most elements, if there is a limit.
    pub most: Option<usize>,
}

/// The tables that are allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct TableShape {
    /// All keys.
    pub keys: Vec<KeyShape>,
    /// Keys that must be given.
    pub required: Vec<String>,
    /// Keys of which exactly one must be given.
    pub exclusive: Vec<String>,
}

/// A key of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyShape {
    /// The key.
    pub name: String,
    /// Description in words.
    pub description: String,
    /// The values that are allowed.
    pub shape: ValueShape,
}

/// A schema that the contract of this module does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a schema of an input file has {0}, which the reader does not know")]
pub struct UnknownSchema(String);

/// Words of a schema that change nothing about what is allowed.
const INFORMATION: [&str; 6] = ["$schema", "$defs", "title", "description", "default", "format"];

/// Reads a part of the schema of an input file of this program.
pub(super) fn shape_within(root: &Value, part: &Value) -> ValueShape {
    Reader { root }.shape(part, 0).expect("a test holds the schemas of input files to the contract")
}

impl ValueShape {
    /// Reads a whole schema.
    ///
    /// # Errors
    /// When it has something that is not in the contract of this module.
    pub fn of(schema: &Value) -> Result<Self, UnknownSchema> {
        Reader { root: schema }.shape(schema, 0)
    }

    /// Reads the schema of an input file of this program.
    pub(super) fn known(schema: &Value) -> Self {
        Self::of(schema).expect("a test holds the schemas of input files to the contract")
    }

    /// Returns what the keys of a table may have: those of all variants, in case there are several.
    pub fn key(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Table(table) => table.key(name),
            Self::Alternatives(keys) => find(keys, name),
            Self::Tagged { variants, .. } => {
                variants.iter().find_map(|(_, variant)| variant.key(name))
            }
            Self::AnyOf(shapes) => shapes.iter().find_map(|shape| shape.key(name)),
            Self::Boolean | Self::Text { .. } | Self::Number(_) | Self::Name(_) | Self::List(_) => {
                None
            }
        }
    }

    /// Returns what the elements of an array may be.
    pub fn element(&self) -> Option<&Self> {
        match self {
            Self::List(list) => Some(&list.items),
            Self::AnyOf(shapes) => shapes.iter().find_map(Self::element),
            Self::Boolean
            | Self::Text { .. }
            | Self::Number(_)
            | Self::Name(_)
            | Self::Table(_)
            | Self::Alternatives(_)
            | Self::Tagged { .. } => None,
        }
    }

    /// Returns what a number may be here; `None` if no number is allowed.
    pub fn number(&self) -> Option<&NumberShape> {
        match self {
            Self::Number(number) => Some(number),
            Self::AnyOf(shapes) => shapes.iter().find_map(Self::number),
            Self::Boolean
            | Self::Text { .. }
            | Self::Name(_)
            | Self::List(_)
            | Self::Table(_)
            | Self::Alternatives(_)
            | Self::Tagged { .. } => None,
        }
    }
}

impl NumberShape {
    /// Returns whether a number is within the limits.
    pub fn allows(&self, value: f64) -> bool {
        let [least, most] =
            [&self.least, &self.most].map(|limit| limit.as_ref().and_then(Number::as_f64));
        least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
    }
}

impl TableShape {
    /// Returns what the value of a key may be; `None` if the table has no such key.
    pub fn key(&self, name: &str) -> Option<&ValueShape> {
        find(&self.keys, name)
    }

    /// Returns the names of all keys.
    pub fn names(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.name.as_str()).collect()
    }
}

fn find<'k>(keys: &'k [KeyShape], name: &str) -> Option<&'k ValueShape> {
    keys.iter().find(|key| key.name == name).map(|key| &key.shape)
}

/// Definitions are no deeper than this in one another. A circle of references would be endless.
const DEEPEST: usize = 32;

/// Reads the schemas in a document of schemas.
struct Reader<'s> {
    root: &'s Value,
}

impl<'s> Reader<'s> {
    fn shape(&self, schema: &'s Value, depth: usize) -> Result<ValueShape, UnknownSchema> {
        if depth > DEEPEST {
            return Err(UnknownSchema("references in a circle".to_owned()));
        }
        let depth = depth + 1;
        if let Some(reference) = schema["$ref"].as_str() {
            only(schema, &["$ref"])?;
            let definition = reference.strip_prefix('#').and_then(|at| self.root.pointer(at));
            match definition {
                Some(definition) => self.shape(definition, depth),
                None => Err(UnknownSchema(format!("the reference {reference}"))),
            }
        } else if let Some(variants) = schema["oneOf"].as_array() {
            only(schema, &["oneOf"])?;
            self.one_of(variants, depth)
        } else if let Some(variants) = schema["anyOf"].as_array() {
            only(schema, &["anyOf"])?;
            // An optional table: see above.
            let present = variants.iter().filter(|variant| variant["type"] != "null");
            let mut shapes =
                present.map(|of| self.shape(of, depth)).collect::<Result<Vec<_>, _>>()?;
            Ok(if shapes.len() == 1 { shapes.remove(0) } else { ValueShape::AnyOf(shapes) })
        } else {
            self.typed(schema, depth)
        }
    }

    fn typed(&self, schema: &'s Value, depth: usize) -> Result<ValueShape, UnknownSchema> {
        let name = match &schema["type"] {
            Value::String(name) => Some(name.as_str()),
            // An optional key. TOML has no null, so a value that is there is of the other type.
            Value::Array(names) if names.len() == 2 && names[1] == "null" => names[0].as_str(),
            _ => None,
        };
        match name {
            Some("boolean") => only(schema, &["type"]).map(|()| ValueShape::Boolean),
            Some("string") => {
                only(schema, &["type", "minLength"])?;
                Ok(ValueShape::Text { empty: schema["minLength"].is_null() })
            }
            Some(kind @ ("number" | "integer")) => {
                only(schema, &["type", "minimum", "maximum"])?;
                let least = schema["minimum"].as_number().cloned();
                let most = schema["maximum"].as_number().cloned();
                Ok(ValueShape::Number(NumberShape { whole: kind == "integer", least, most }))
            }
            Some("array") => {
                only(schema, &["type", "items", "minItems", "maxItems"])?;
                Ok(ValueShape::List(Box::new(ListShape {
                    items: self.shape(&schema["items"], depth)?,
                    least: count(&schema["minItems"]).unwrap_or(0),
                    most: count(&schema["maxItems"]),
                })))
            }
            Some("object") => self.table(schema, depth).map(ValueShape::Table),
            _ => Err(UnknownSchema(format!("the type {}", schema["type"]))),
        }
    }

    fn table(&self, schema: &'s Value, depth: usize) -> Result<TableShape, UnknownSchema> {
        only(schema, &["type", "properties", "required", "additionalProperties", "x-exclusive"])?;
        // Without `deny_unknown_fields` serde would ignore a misspelt key, and its default would
        // apply.
        if schema["type"] != "object" || schema["additionalProperties"] != false {
            return Err(UnknownSchema("a table with other keys than its own".to_owned()));
        }
        Ok(TableShape {
            keys: self.keys(properties(schema)?, None, depth)?,
            required: strings(&schema["required"]),
            exclusive: strings(&schema["x-exclusive"]),
        })
    }

    /// Reads the keys of a table but for its tag.
    fn keys(
        &self,
        properties: &'s Map<String, Value>,
        tag: Option<&str>,
        depth: usize,
    ) -> Result<Vec<KeyShape>, UnknownSchema> {
        properties
            .iter()
            .map(|(name, schema)| {
                let shape = if Some(name.as_str()) == tag {
                    ValueShape::Name(
                        schema["const"].as_str().map(str::to_owned).into_iter().collect(),
                    )
                } else {
                    self.shape(schema, depth)?
                };
                let description = schema["description"].as_str().unwrap_or_default().to_owned();
                Ok(KeyShape { name: name.clone(), description, shape })
            })
            .collect()
    }

    fn one_of(&self, variants: &'s [Value], depth: usize) -> Result<ValueShape, UnknownSchema> {
        // Names first, as they have no keys to distinguish them by.
        let names: Option<Vec<&str>> = variants.iter().map(|of| of["const"].as_str()).collect();
        if let Some(names) = names {
            variants.iter().try_for_each(|variant| only(variant, &["type", "const"]))?;
            return Ok(ValueShape::Name(names.into_iter().map(str::to_owned).collect()));
        }
        let mut single = Vec::new();
        let mut tagged = Vec::new();
        for variant in variants {
            let properties = properties(variant)?;
            let tag = properties.iter().find_map(|(key, of)| Some((key, of["const"].as_str()?)));
            // Before the number of keys is asked: a variant without data has its tag as its only
            // key.
            if let Some((key, name)) = tag {
                tagged.push((key, name, properties, variant));
            } else if properties.len() == 1 {
                single.push(self.table(variant, depth)?.keys.remove(0));
            }
        }
        if single.len() == variants.len() {
            return Ok(ValueShape::Alternatives(single));
        }
        let Some((tag, ..)) = tagged.first().copied() else {
            return Err(UnknownSchema("tables that nothing distinguishes".to_owned()));
        };
        if tagged.len() < variants.len() || tagged.iter().any(|(key, ..)| *key != tag) {
            return Err(UnknownSchema("a table without the tag of its neighbours".to_owned()));
        }
        let tables = tagged.into_iter().map(|(_, name, properties, variant)| {
            only(variant, &["type", "properties", "required", "additionalProperties"])?;
            let keys = self.keys(properties, Some(tag), depth)?;
            let required = strings(&variant["required"]);
            Ok((name.to_owned(), TableShape { keys, required, exclusive: Vec::new() }))
        });
        Ok(ValueShape::Tagged { tag: tag.clone(), variants: tables.collect::<Result<_, _>>()? })
    }
}

/// Refuses a schema with other words than these and those that only inform.
fn only(schema: &Value, words: &[&str]) -> Result<(), UnknownSchema> {
    let Some(fields) = schema.as_object() else {
        return Err(UnknownSchema(format!("{schema} in place of a schema")));
    };
    match fields
        .keys()
        .find(|key| !words.contains(&key.as_str()) && !INFORMATION.contains(&key.as_str()))
    {
        None => Ok(()),
        Some(word) => Err(UnknownSchema(format!("`{word}` with {}", words.join(", ")))),
    }
}

fn properties(schema: &Value) -> Result<&Map<String, Value>, UnknownSchema> {
    // A variant without data has no `properties` in newer drafts, but schemars writes the tag's.
    schema["properties"].as_object().ok_or_else(|| UnknownSchema("a table without keys".to_owned()))
}

fn count(number: &Value) -> Option<usize> {
    number.as_u64().map(|count| count as usize)
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::DesignFile;
    use crate::scenario::published::EvidenceFile;
    use crate::scenario::{InputFile, ScenarioFile};
    use serde_json::json;

    #[test]
    fn the_schemas_of_input_files_have_nothing_that_the_reader_does_not_know() {
        for schema in [ScenarioFile::schema(), EvidenceFile::schema(), DesignFile::schema()] {
            assert!(
                matches!(ValueShape::of(schema), Ok(ValueShape::Table(_))),
                "{:?}",
                ValueShape::of(schema)
            );
        }
    }

    #[test]
    fn a_schema_beyond_the_contract_is_refused() {
        for schema in [
            json!({ "type": "string", "pattern": "a+" }),
            json!({ "type": "number", "multipleOf": 2 }),
            json!({ "type": "array", "prefixItems": [] }),
            json!({ "type": ["string", "number"] }),
            json!({ "type": "object", "properties": {} }),
            json!({ "allOf": [{ "type": "string" }] }),
            json!({ "$ref": "#/$defs/Missing" }),
            json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A" } } }),
            json!({ "enum": ["a", "b"] }),
            json!({ "oneOf": [{ "type": "object", "properties": { "a": {}, "b": {} } }] }),
            json!(true),
        ] {
            assert!(ValueShape::of(&schema).is_err(), "{schema}");
        }
    }
}
