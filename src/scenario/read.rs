//! From the text of an input file to the type it describes, or to all that is wrong with it.
//!
//! The text is parsed with positions kept, `--set` values are put in their places, and the tree is
//! walked beside the JSON Schema of the type: that finds every unknown key, wrong type and value
//! out of range at once, where serde would stop at the first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::DeTable;

use super::error::{Origin, Problem, Rejection};
use super::tree::{self, Spans};
use super::{overrides, shipped, walk};

/// The largest file read; a scenario is some kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// A type that an input file is read into.
pub trait InputFile: DeserializeOwned {
    /// The JSON Schema of the type, built once per process: every parse checks its text against it.
    fn schema() -> &'static Value;
}

/// The texts of input files, each read once however often it is used: a file that changes meanwhile, or
/// a pipe, is the same for all of a command. Clones share the texts.
#[derive(Debug, Clone, Default)]
pub struct Inputs(Rc<RefCell<BTreeMap<PathBuf, String>>>);

impl Inputs {
    /// The text of a file, as [`read_text`] has it when it is first asked for.
    ///
    /// # Errors
    /// As [`read_text`].
    pub fn text(&self, path: &Path) -> Result<String, Rejection> {
        if let Some(text) = self.0.borrow().get(path) {
            return Ok(text.clone());
        }
        let text = read_text(path)?;
        self.0.borrow_mut().insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// The files that have been read, and the names of scenarios of the program.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.borrow().keys().cloned().collect()
    }
}

/// An input file that has the right shape, with its text kept for later messages.
#[derive(Debug)]
pub struct Source<F> {
    /// What the file and the overrides say.
    pub file: F,
    /// Where the paths in it start; empty for the current directory.
    pub folder: PathBuf,
    /// Where the files that it names are read.
    pub inputs: Inputs,
    name: String,
    text: String,
    spans: Spans,
}

impl<F: InputFile> Source<F> {
    /// Reads a file and applies overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with the file's shape.
    pub fn read(inputs: &Inputs, path: &Path, overrides: &[String]) -> Result<Self, Rejection> {
        let text = inputs.text(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = Self::parse(path.display().to_string(), text, overrides)?;
        Ok(Self { folder, inputs: inputs.clone(), ..source })
    }

    /// The same from text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// Everything that is wrong with the text's shape.
    pub fn parse(name: String, text: String, overrides: &[String]) -> Result<Self, Rejection> {
        match Self::try_parse(&name, &text, overrides) {
            Ok((file, spans)) => {
                let (folder, inputs) = (PathBuf::new(), Inputs::default());
                Ok(Self { file, folder, inputs, name, text, spans })
            }
            Err(problems) => Err(Rejection::new(name, text, problems)),
        }
    }

    fn try_parse(name: &str, text: &str, overrides: &[String]) -> Result<(F, Spans), Vec<Problem>> {
        if text.trim().is_empty() {
            return Err(vec![Problem::general(format!("{name} is empty; expected TOML"))]);
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors.iter().map(syntax_problem).collect());
        }
        let mut spans = Spans::default();
        let mut problems = Vec::new();
        let mut tree = tree::of_document(document.get_ref(), &mut spans, &mut problems);
        let schema = F::schema();
        for text in overrides {
            problems.extend(overrides::apply(text, schema, &mut tree, &mut spans).err());
        }
        walk::check(&tree, schema, &spans, &mut problems);
        if !problems.is_empty() {
            problems.sort_by_key(Problem::position);
            return Err(problems);
        }
        // What the schema allows can be read; should a type refuse it all the same, the place is named.
        match serde_path_to_error::deserialize(&tree) {
            Ok(file) => Ok((file, spans)),
            Err(error) => {
                let path = error.path().to_string();
                let message = format!("cannot be read: {}", error.inner());
                Err(vec![match path.as_str() {
                    "." => Problem::general(format!("{name} {message}")),
                    path => spans.problem(path, message),
                }])
            }
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
}

/// The text of a file that is not too large and is UTF-8; where there is none, or a folder, that of a
/// scenario of the program with its name.
///
/// # Errors
/// When it cannot be read, is a directory, is too large or is not text.
pub fn read_text(path: &Path) -> Result<String, Rejection> {
    let reject = |message: String| Rejection::without_text(path.display().to_string(), message);
    let unreadable = |error: std::io::Error| reject(format!("cannot be read: {error}"));
    if path.is_dir() {
        // Such as the folder of its results.
        let shipped = shipped::text(path).map(str::to_owned);
        return shipped.ok_or_else(|| reject("is a directory; expected a file".into()));
    }
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A file comes before a scenario of the program with its name.
            return match (shipped::text(path), shipped::hint(path)) {
                (Some(text), _) => Ok(text.to_owned()),
                (None, Some(hint)) => Err(reject(hint)),
                (None, None) => Err(unreadable(error)),
            };
        }
        opened => opened.map_err(unreadable)?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(reject(format!("is larger than {MAX_BYTES} bytes, the most that is read")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        reject(format!("is not UTF-8 text: line {line} has an invalid byte (offset {valid})"))
    })
}

/// Builds the JSON Schema of a type, with all keys of a table listed for each of its variants.
pub(super) fn build_schema<F: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(F).into();
    spread(&mut schema);
    limit_integers(&mut schema);
    schema
}

/// Gives unsigned integers without a maximum that of their type, which a larger number in a file would
/// only meet when it is read into the type, where its place is not known.
fn limit_integers(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        let most = match fields.get("format").and_then(Value::as_str) {
            Some("uint8") => Some(u64::from(u8::MAX)),
            Some("uint16") => Some(u64::from(u16::MAX)),
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

/// Gives the keys that all variants of a table share to each of them, so that every variant says
/// all that is allowed and required in it.
fn spread(schema: &mut Value) {
    let children: Box<dyn Iterator<Item = &mut Value>> = match schema {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => return,
    };
    children.for_each(spread);
    let Some(fields) = schema.as_object_mut() else { return };
    if !(fields.contains_key("oneOf") && fields.contains_key("properties")) {
        return;
    }
    let shared = fields.remove("properties").expect("it is there");
    let required = fields.remove("required").unwrap_or(Value::Array(Vec::new()));
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

fn syntax_problem(error: &toml::de::Error) -> Problem {
    let message = format!("not valid TOML: {}", error.message());
    match error.span() {
        Some(span) => Problem::at("", message, Origin::File, span),
        None => Problem::general(message),
    }
}
