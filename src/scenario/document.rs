//! An input file, parsed once and read any number of times with other values set in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_edit::{Item, TomlError};

use super::error::{Origin, Problem, Rejection};
use super::item::{key_span, plain, span_of};
use super::path::KeyPath;
use super::problems::unusable_number;
use super::schema::ValueShape;
use super::set::Set;
use super::{shipped, slips, walk};

/// The largest document read; a scenario is some kilobytes.
// A larger file is a slip, such as a file of rows, which would be parsed for minutes.
const MAX_BYTES: u64 = 1 << 20;

/// The largest file of patients read, of about a million.
const MAX_BYTES_OF_PATIENTS: u64 = 1 << 27;

/// A type that an input file is read into.
pub trait InputFile: DeserializeOwned {
    /// Returns the JSON Schema of the type, which is built once per process.
    fn schema() -> &'static Value;

    /// Returns what the schema says, for the reader, which is built once per process too: a search
    /// reads its document thousands of times.
    fn shape() -> &'static ValueShape;
}

/// The texts of input files, each read once however often it is used: a file that changes meanwhile, or
/// a pipe, is the same for all of a command. Clones share the texts.
#[derive(Debug, Clone, Default)]
// Drafts of a document are resolved on one thread and share what was read.
pub(super) struct InputTexts {
    read: Rc<RefCell<BTreeMap<PathBuf, String>>>,
    /// Whether no other file may be read.
    is_closed: bool,
}

/// Texts of files that a document may refer to in the place of the file system, by their paths.
pub type KnownFiles = BTreeMap<PathBuf, String>;

impl InputTexts {
    /// Returns the text of a file, as [`read_text`] has it when it is first asked for.
    ///
    /// # Errors
    /// Same as [`read_text`].
    pub(super) fn text(&self, path: &Path) -> Result<String, Rejection> {
        if let Some(text) = self.read.borrow().get(path) {
            return Ok(text.clone());
        }
        let text = if self.is_closed { shipped_text(path)? } else { read_text(path)? };
        self.read.borrow_mut().insert(path.to_owned(), text.clone());
        Ok(text)
    }
}

/// An input file: its text, and every key and value with its place in the text.
#[derive(Debug, Clone)]
pub struct InputDocument {
    /// The file as it was named, for messages.
    name: String,
    /// Directory that the paths in it start from; empty for the current one.
    folder: PathBuf,
    /// Texts of this file, and of the files that it names.
    inputs: InputTexts,
    parsed: toml_edit::Document<String>,
}

impl InputDocument {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML.
    pub fn read(path: &Path) -> Result<Self, Rejection> {
        Self::read_from(&InputTexts::default(), path)
    }

    /// Parses a file that may have been read before.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML.
    pub(super) fn read_from(inputs: &InputTexts, path: &Path) -> Result<Self, Rejection> {
        let document = Self::parse(&path.display().to_string(), inputs.text(path)?)?;
        // Evidence is named from the scenario's folder, wherever the command runs.
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { folder, inputs: inputs.clone(), ..document })
    }

    /// Parses a text; `name` is the name of the file in messages. Paths in it start at the current
    /// directory.
    ///
    /// # Errors
    /// When the text is not TOML.
    pub fn parse(name: &str, text: String) -> Result<Self, Rejection> {
        // Empty text is TOML, but every key would be reported as missing.
        if text.trim().is_empty() {
            let problem = Problem::general(format!("{name} is empty; expected TOML"));
            return Err(Rejection::new(name.to_owned(), text, vec![problem]));
        }
        // The parser keeps the text or drops it, and a rejection points into it.
        match toml_edit::Document::parse(text.clone()) {
            Ok(parsed) => Ok(Self {
                name: name.to_owned(),
                folder: PathBuf::new(),
                inputs: InputTexts::default(),
                parsed,
            }),
            Err(error) => {
                let problems = syntax_problems(&text, &error);
                Err(Rejection::new(name.to_owned(), text, problems))
            }
        }
    }

    /// Parses a text that may come from elsewhere: the files that it names are those known, from the
    /// given folder, and those of the program. No other file is read.
    ///
    /// # Errors
    /// When the text is not TOML.
    pub fn parse_closed(
        name: &str,
        text: String,
        folder: &Path,
        known: &KnownFiles,
    ) -> Result<Self, Rejection> {
        let read = Rc::new(RefCell::new(known.clone()));
        let inputs = InputTexts { read, is_closed: true };
        let document = Self::parse(name, text)?;
        Ok(Self { folder: folder.to_owned(), inputs, ..document })
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.parsed.raw()
    }

    /// Returns the document, to be changed with its comments kept.
    pub(super) fn to_mutable(&self) -> toml_edit::DocumentMut {
        self.parsed.clone().into_mut()
    }

    /// Returns the keys and values as written, in JSON.
    pub fn to_json(&self) -> Value {
        let value = plain(self.root(), self.text());
        let value = serde::de::IntoDeserializer::into_deserializer(value);
        // JSON has every type of TOML but infinity, which becomes null.
        <Value as serde::Deserialize>::deserialize::<toml_edit::de::ValueDeserializer>(value)
            .unwrap_or(Value::Null)
    }

    /// Returns the directory that the paths in the document start from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the texts of the files that were read for the document so far, evidence included.
    pub fn known_files(&self) -> KnownFiles {
        self.inputs.read.borrow().clone()
    }

    /// Returns the root table, as written.
    pub(super) fn root(&self) -> &Item {
        self.parsed.as_item()
    }

    /// Returns the files that were read for the document so far, evidence included, and the names of
    /// scenarios of the program: what a command must not write over.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.inputs.read.borrow().keys().cloned().collect()
    }

    /// Returns the document with values set in it, one after another.
    pub fn with<'d>(&'d self, sets: &'d [Set]) -> Draft<'d> {
        Draft { document: self, sets }
    }

    fn reject(&self, problems: Vec<Problem>) -> Rejection {
        Rejection::new(self.name.clone(), self.text().to_owned(), problems)
    }
}

/// A document with values set in it.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'d> {
    document: &'d InputDocument,
    sets: &'d [Set],
}

impl<'d> Draft<'d> {
    /// Reads the document into its type.
    ///
    /// # Errors
    /// All unknown keys, wrong types and values out of range, and sets that are not of their form or
    /// have no place.
    pub fn read<F: InputFile>(self) -> Result<Source<'d, F>, Rejection> {
        let document = self.document;
        let shape = F::shape();
        // The document stays as it is, for the next that is read with other values.
        let mut root = document.root().clone();
        let mut places = Places { document, applied: Vec::new() };
        let mut problems = Vec::new();
        for set in self.sets {
            match set.apply(shape, &mut root) {
                Ok(made) => places.applied.push(Applied { set, made }),
                Err(problem) => problems.push(problem),
            }
        }
        // Before serde, which stops at its first error and does not know where a value is written.
        walk::check(&root, shape, &places, &mut problems);
        if !problems.is_empty() {
            // Problems are found table by table, those of sets first; they are reported from top to bottom.
            problems.sort_by_key(Problem::position);
            return Err(document.reject(problems));
        }
        let value = plain(&root, document.text());
        // Numbers and dates are in the form that serde expects; places are kept apart from them.
        let deserializer = serde::de::IntoDeserializer::into_deserializer(value);
        // What the shape allows can be read; should a type refuse it all the same, the place is named.
        match serde_path_to_error::deserialize::<toml_edit::de::ValueDeserializer, F>(deserializer)
        {
            Ok(file) => Ok(Source { file, places }),
            Err(error) => {
                let message = format!("cannot be read: {}", error.inner());
                let problem = match error.path().to_string().parse::<KeyPath>() {
                    Ok(path) => places.problem(&path, message),
                    Err(_) => Problem::general(format!("{} {message}", document.name)),
                };
                Err(document.reject(vec![problem]))
            }
        }
    }
}

/// A document that has the right shape, as its type.
#[derive(Debug)]
pub struct Source<'d, F> {
    /// The document, with the values that are set in it.
    pub file: F,
    /// Places of its keys and values.
    pub places: Places<'d>,
}

impl<F> Source<'_, F> {
    /// Returns the problems as a rejection of the document.
    pub fn reject(&self, problems: Vec<Problem>) -> Rejection {
        self.places.document.reject(problems)
    }
}

/// Places where the values of a draft are written: in the document, or in arguments of `--set` and other options.
#[derive(Debug)]
pub struct Places<'d> {
    document: &'d InputDocument,
    applied: Vec<Applied<'d>>,
}

/// A value that was set.
#[derive(Debug)]
struct Applied<'d> {
    set: &'d Set,
    /// Path of the first table that was created for the value; the path of the value if none was.
    made: KeyPath,
}

impl Places<'_> {
    /// Returns the text of the document.
    pub(super) fn text(&self) -> &str {
        self.document.text()
    }

    /// Returns the path of a file that the document names.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.document.folder.join(name)
    }

    /// Returns where the files that the document names are read.
    pub(super) fn inputs(&self) -> &InputTexts {
        &self.document.inputs
    }

    /// Describes a problem with the value at a path: points to the value or, if it is missing, to the
    /// key of the nearest table above it.
    pub fn problem(&self, path: &KeyPath, message: String) -> Problem {
        let place = self
            .argument(path)
            .or_else(|| Some((Origin::File, span_of(self.document.root(), path)?)));
        Problem { path: path.to_string(), message, place }
    }

    /// Describes a problem with a key: points to the key.
    pub(super) fn key_problem(&self, path: &KeyPath, message: String) -> Problem {
        let place = self
            .argument(path)
            .or_else(|| Some((Origin::File, key_span(self.document.root(), path)?)));
        Problem { path: path.to_string(), message, place }
    }

    /// Returns the last argument that says something of a path, and where.
    fn argument(&self, path: &KeyPath) -> Option<(Origin, Range<usize>)> {
        // From the last, which replaces what an earlier argument set.
        self.applied.iter().rev().find_map(|Applied { set, made }| {
            let span = match path.below(set.path()) {
                Some(below) => set.span(&below),
                // A table that was made for it has no other place.
                None => path.below(made).map(|_| 0..set.text().len())?,
            };
            Some((set.origin(), span))
        })
    }
}

/// Returns the text of a scenario or of evidence in the program.
///
/// # Errors
/// When the program has none of this name.
fn shipped_text(path: &Path) -> Result<String, Rejection> {
    let text = shipped::text(path).map(str::to_owned);
    text.ok_or_else(|| unreadable(path, "cannot be read from here; allowed: a file of the program"))
}

/// Returns the text of a file that is not too large and is UTF-8; if there is none, or a folder, that of
/// a scenario of the program with its name.
///
/// # Errors
/// When it cannot be read, is a directory, is too large or is not text.
fn read_text(path: &Path) -> Result<String, Rejection> {
    read_text_up_to(MAX_BYTES, path)
}

/// Returns the text of a file of patients.
///
/// # Errors
/// When it cannot be read, is a directory, is too large or is not text.
pub(super) fn read_patients_text(path: &Path) -> Result<String, Rejection> {
    read_text_up_to(MAX_BYTES_OF_PATIENTS, path)
}

fn read_text_up_to(most: u64, path: &Path) -> Result<String, Rejection> {
    // Unix opens a folder as a file, and fails only when it is read.
    if path.is_dir() {
        // Such as the folder of its results.
        let shipped = shipped::text(path).map(str::to_owned);
        return shipped.ok_or_else(|| unreadable(path, "is a directory; expected a file"));
    }
    let mut bytes = Vec::new();
    match std::fs::File::open(path) {
        // A file comes before a scenario of the program with its name.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match (shipped::text(path), shipped::hint(path)) {
                (Some(text), _) => Ok(text.to_owned()),
                (None, Some(hint)) => {
                    let problem = Problem::general(hint);
                    Err(Rejection::new(path.display().to_string(), String::new(), vec![problem]))
                }
                (None, None) => Err(unreadable(path, &format!("cannot be read: {error}"))),
            };
        }
        // One byte more than is allowed shows that a file is too large. An endless one, such as a device,
        // is not read further.
        opened => opened.and_then(|file| file.take(most + 1).read_to_end(&mut bytes)),
    }
    .map_err(|error| unreadable(path, &format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > most {
        let message = format!("is larger than {most} bytes, the most that is read");
        return Err(unreadable(path, &message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        let message =
            format!("is not UTF-8 text: line {line} has an invalid byte (offset {valid})");
        unreadable(path, &message)
    })
}

fn unreadable(path: &Path, message: &str) -> Rejection {
    Rejection::without_text(path.display().to_string(), message)
}

/// Returns all that makes a text no TOML; `error` is what toml_edit reports.
fn syntax_problems(text: &str, error: &TomlError) -> Vec<Problem> {
    // toml_edit reports the first error alone, the parser of the toml crate all of them.
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Problem> =
        errors.iter().map(|error| syntax_problem(text, error.message(), error.span())).collect();
    // A slip can make several errors of a line.
    problems.dedup();
    if problems.is_empty() {
        // Numbers that do not fit are an error to toml_edit alone.
        for (key, value) in root.get_ref() {
            let path = KeyPath::default().key(key.get_ref());
            large_numbers(&path, value, text, &mut problems);
        }
        problems.sort_by_key(Problem::position);
    }
    if problems.is_empty() {
        problems.push(syntax_problem(text, error.message(), error.span()));
    }
    problems
}

fn syntax_problem(text: &str, message: &str, span: Option<Range<usize>>) -> Problem {
    if let Some(slip) = span.as_ref().and_then(|span| slips::in_line(text, span.start)) {
        let message = format!("not valid TOML: {}", slip.message);
        return Problem::at("", message, Origin::File, slip.span);
    }
    let message = format!("not valid TOML: {message}");
    match span {
        Some(span) => Problem::at("", message, Origin::File, span),
        None => Problem::general(message),
    }
}

/// Reports the numbers in a value that do not fit the types of numbers.
fn large_numbers(
    path: &KeyPath,
    value: &Spanned<DeValue<'_>>,
    text: &str,
    problems: &mut Vec<Problem>,
) {
    let fits = match value.get_ref() {
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix()).is_ok(),
        // inf and nan are values of TOML; the schema decides on them.
        DeValue::Float(float) => {
            float.as_str().contains('n') || float.as_str().parse().is_ok_and(f64::is_finite)
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                large_numbers(&path.index(index), item, text, problems);
            }
            true
        }
        DeValue::Table(table) => {
            for (key, item) in table {
                large_numbers(&path.key(key.get_ref()), item, text, problems);
            }
            true
        }
        DeValue::String(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
    };
    if !fits {
        let message = unusable_number(&text[value.span()]);
        problems.push(Problem::at(&path.to_string(), message, Origin::File, value.span()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<(String, String)> {
        let rejection = InputDocument::parse("text", text.to_owned()).expect_err("it is refused");
        let problems = rejection.problems.into_iter();
        problems.map(|problem| (problem.path, problem.message)).collect()
    }

    #[test]
    fn every_number_that_does_not_fit_is_reported_with_its_key() {
        let text = "b = [1, 1e400]\n[a]\nc = 99999999999999999999\nd = 0xeeeeeeeeeeeeeeeeeeee\n";
        let expected = [
            ("b[1]", "1e400 is not a finite number"),
            ("a.c", "99999999999999999999 is too large a number"),
            ("a.d", "0xeeeeeeeeeeeeeeeeeeee is too large a number"),
        ];
        assert_eq!(problems(text), expected.map(|(key, says)| (key.to_owned(), says.to_owned())));
    }

    #[test]
    fn a_file_of_numbers_that_do_not_fit_is_refused_in_one_pass() {
        let text = format!("a = [{}]", "99999999999999999999, ".repeat(20_000));
        assert_eq!(problems(&text).len(), 20_000);
    }
}
