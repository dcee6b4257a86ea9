//! Key paths: where a value is in an input file, as in `design.looks.analysed[1]`.

use std::fmt;
use std::str::FromStr;

use toml_edit::{InlineTable, Item, Value};

/// One step down a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The value of a key of a table.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// The steps from the root of a document to a value; without steps, the root itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPath(Vec<PathStep>);

/// A text that is not a key path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a key path; expected keys joined by dots, as in outcome.intercept or procedure.pass_success[0]"
)]
pub struct NotAPath(pub String);

impl KeyPath {
    /// Returns the path of a key of the table at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.child(PathStep::Key(key.to_owned()))
    }

    /// Returns the path of an element of the array at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(PathStep::Index(index))
    }

    /// Returns the path one step further down.
    #[must_use]
    pub fn child(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Returns the steps from the root.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// Returns the path of the table or array that the value is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    /// Returns whether the path is the root's.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the way from `above` to here; `None` if this path is not at or below `above`.
    pub fn below(&self, above: &Self) -> Option<Self> {
        self.0.strip_prefix(above.0.as_slice()).map(|steps| Self(steps.to_vec()))
    }

    /// Returns the value at this path; `None` if the document has none.
    pub fn get<'d>(&self, root: &'d Item) -> Option<&'d Item> {
        self.0.iter().try_fold(root, |item, step| step.get(item))
    }

    /// Returns the value at this path, to be changed.
    pub fn get_mut<'d>(&self, root: &'d mut Item) -> Option<&'d mut Item> {
        self.0.iter().try_fold(root, |item, step| match step {
            // Indexing by a key would make one that is missing.
            PathStep::Key(key) => item.as_table_like_mut()?.get_mut(key),
            PathStep::Index(index) => item.get_mut(*index),
        })
    }

    /// Puts a value at this path, in place of one that may be there, and makes the tables on the way
    /// that are missing. Returns `None`, with the document as it was, if an element of an array is
    /// missing or if something on the way is neither a table nor an array.
    pub fn set(&self, root: &mut Item, value: Value) -> Option<()> {
        // Before a table is made: a path that leads nowhere would otherwise leave empty tables
        // behind.
        if !self.can_be_set(root) {
            return None;
        }
        let mut item = root;
        for step in &self.0 {
            item = match step {
                PathStep::Key(key) => item.as_table_like_mut()?.entry(key).or_insert(Item::None),
                PathStep::Index(index) => item.get_mut(*index)?,
            };
            if item.is_none() {
                // A table below an inline table has to be inline too; both can be read.
                *item = Item::Value(Value::InlineTable(InlineTable::new()));
            }
        }
        *item = Item::Value(value);
        Some(())
    }

    fn can_be_set(&self, root: &Item) -> bool {
        let mut item = Some(root);
        self.0.iter().all(|step| {
            let fits = match (step, item) {
                (PathStep::Key(_), Some(item)) => item.is_table_like(),
                // Everything below a table that is yet to be made is in tables.
                (PathStep::Key(_), None) => true,
                (PathStep::Index(_), Some(item)) => step.get(item).is_some(),
                (PathStep::Index(_), None) => false,
            };
            item = item.and_then(|item| step.get(item));
            fits
        })
    }
}

impl PathStep {
    /// Returns the value one step below; `None` if there is none.
    pub fn get<'d>(&self, item: &'d Item) -> Option<&'d Item> {
        match self {
            Self::Key(key) => item.get(key.as_str()),
            Self::Index(index) => item.get(*index),
        }
    }
}

impl FromStr for KeyPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, indices) = match part.split_once('[') {
                Some((key, indices)) => (key, Some(indices)),
                None => (part, None),
            };
            // Keys of scenarios are bare words, so quoted keys of TOML are not supported.
            if key.is_empty() {
                return Err(NotAPath(text.to_owned()));
            }
            steps.push(PathStep::Key(key.to_owned()));
            for index in indices.into_iter().flat_map(|indices| indices.split('[')) {
                let index = index.strip_suffix(']').and_then(|index| index.parse().ok());
                steps.push(PathStep::Index(index.ok_or_else(|| NotAPath(text.to_owned()))?));
            }
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if i == 0 => write!(out, "{key}")?,
                PathStep::Key(key) => write!(out, ".{key}")?,
                PathStep::Index(index) => write!(out, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> KeyPath {
        text.parse().expect("it is a path")
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[1", "a[1]b", "[0]", "a[-1]"] {
            assert_eq!(text.parse::<KeyPath>(), Err(NotAPath(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_value_that_is_set_is_found_and_a_refused_one_changes_nothing() {
        let mut root = Item::Table(toml_edit::Table::new());
        path("a.b.c").set(&mut root, Value::from(1)).expect("tables are made");
        path("a.list").set(&mut root, Value::from_iter([1, 2])).expect("the table is there");
        path("a.list[1]").set(&mut root, Value::from("x")).expect("the element is there");
        assert_eq!(path("a.b.c").get(&root).and_then(Item::as_integer), Some(1));
        assert_eq!(path("a.list[1]").get(&root).and_then(Item::as_str), Some("x"));
        let before = root.clone().into_table().expect("it is one").to_string();
        for refused in ["a.list[2]", "a.b.c.d", "a.new[0]", "a.list.key", "b.c[0].d"] {
            assert_eq!(path(refused).set(&mut root, Value::from(1)), None, "{refused}");
        }
        assert_eq!(root.into_table().expect("it is one").to_string(), before);
    }

    proptest! {
        #[test]
        fn a_path_is_parsed_from_what_it_displays(
            keys in prop::collection::vec(("[a-z_]{1,8}", prop::collection::vec(0usize..30, 0..3)), 1..5)
        ) {
            let path = keys.iter().fold(KeyPath::default(), |path, (key, indices)| {
                indices.iter().fold(path.key(key), |path, index| path.index(*index))
            });
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}
