//! A document compared with what its type may contain: everything that does not fit is collected.
//!
//! serde would stop at the first error, and does not report places.

use std::collections::BTreeSet;

use toml_edit::{Item, TableLike};

use super::document::Places;
use super::error::Problem;
use super::hidden::{is_hidden, visible};
use super::hints;
use super::item::{
    describe, elements, float_text, is_list, number, whole_number, words as text_of,
};
use super::path::KeyPath;
use super::problems::{missing, out_of_range, suggestion};
use super::schema::{KeyShape, ListShape, NumberShape, TableShape, ValueShape};
use super::synonyms;

/// Checks a whole document.
pub(super) fn check(
    root: &Item,
    shape: &ValueShape,
    places: &Places<'_>,
    problems: &mut Vec<Problem>,
) {
    Walk { places, text: places.text(), problems }.check(&KeyPath::default(), root, shape);
}

/// Walks the document next to its shape and collects what does not fit.
struct Walk<'a, 'd> {
    places: &'a Places<'d>,
    /// Text that the document was parsed from.
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_, '_> {
    fn report(&mut self, path: &KeyPath, message: String) {
        self.problems.push(self.places.problem(path, message));
    }

    /// Reports a key that is not known, at the key itself.
    fn report_key(&mut self, path: &KeyPath, message: String) {
        self.problems.push(self.places.key_problem(path, message));
    }

    fn check(&mut self, path: &KeyPath, item: &Item, shape: &ValueShape) {
        if let Some(float) = item.as_float()
            && (float.is_nan() || float == f64::INFINITY)
        {
            // No range has a place for it. −∞ is below any least value, and fits where there is none.
            let written = float_text(item, self.text);
            return self.report(path, format!("{written} is not a finite number"));
        }
        match shape {
            ValueShape::Name(names) => {
                self.check_name(path, item, names);
            }
            ValueShape::Alternatives(keys) => match item.as_table_like() {
                Some(table) => self.check_alternatives(path, table, keys),
                None => self.report_no_table(path, item, shape, one_of_keys(keys)),
            },
            ValueShape::Tagged { tag, variants } => match item.as_table_like() {
                Some(table) => self.check_tagged(path, table, tag, variants),
                None => self.report_no_table(path, item, shape, format!("a table with `{tag}`")),
            },
            ValueShape::AnyOf(shapes) => self.check_any_of(path, item, shapes),
            // Guards send values of another type to the last arm.
            ValueShape::Boolean if item.is_bool() => {}
            ValueShape::Text { empty } if text_of(item).is_some() => {
                self.check_text(path, &text_of(item).unwrap_or_default(), *empty);
            }
            ValueShape::Number(range)
                if number(item).is_some()
                    && (!range.whole || whole_number(item, self.text).is_some()) =>
            {
                self.check_range(path, item, range);
            }
            ValueShape::List(list) if is_list(item) => self.check_list(path, item, list),
            ValueShape::Table(table) => match item.as_table_like() {
                Some(found) => self.check_table(path, found, table),
                None => self.report_type(path, item, shape),
            },
            ValueShape::Boolean
            | ValueShape::Text { .. }
            | ValueShape::Number(_)
            | ValueShape::List(_) => {
                self.report_type(path, item, shape);
            }
        }
    }

    fn report_type(&mut self, path: &KeyPath, item: &Item, shape: &ValueShape) {
        let allowed = describe_shape(shape, true);
        let hint = hints::hint(item, self.text, shape);
        self.report(path, out_of_range(describe(item, self.text), allowed) + &hint);
    }

    /// Reports a value where there should be a table.
    fn report_no_table(
        &mut self,
        path: &KeyPath,
        item: &Item,
        shape: &ValueShape,
        allowed: String,
    ) {
        let hint = hints::hint(item, self.text, shape);
        self.report(path, out_of_range(describe(item, self.text), allowed) + &hint);
    }

    fn check_text(&mut self, path: &KeyPath, words: &str, may_be_empty: bool) {
        if words.is_empty() && !may_be_empty {
            self.report(path, "is empty; allowed: any text".to_owned());
        } else if words.contains(is_hidden) {
            // It would reach the terminal, and every file.
            let message = format!(
                "is \"{}\"; allowed: text without control characters, marks of direction and \
                 characters of no width",
                visible(words).replace('\n', "\\n")
            );
            self.report(path, message);
        }
    }

    fn check_table(&mut self, path: &KeyPath, found: &dyn TableLike, table: &TableShape) {
        for (key, item) in found.iter() {
            let at = path.key(key);
            match table.key(key) {
                Some(shape) => self.check(&at, item, shape),
                None => {
                    let known = table.names();
                    let place =
                        if path.is_root() { "at the top".into() } else { format!("in `{path}`") };
                    let message = match hints::key_hint(key, item, found) {
                        Some(hint) => format!("is not a known key{hint}"),
                        None => {
                            let (hint, known) = (suggestion(key, &known), known.join(", "));
                            format!("is not a known key{hint}; allowed {place}: {known}")
                        }
                    };
                    self.report_key(&at, message);
                }
            }
        }
        // After the keys that are there: a misspelt key is reported before the one that it should be.
        let absent = table.required.iter().filter(|key| !found.contains_key(key));
        for key in absent {
            let of_key = table.keys.iter().find(|known| known.name == *key);
            let description = of_key.map_or("", |of_key| &of_key.description);
            self.report(&path.key(key), missing(&first_sentence(description)));
        }
    }

    fn check_list(&mut self, path: &KeyPath, item: &Item, list: &ListShape) {
        let count = elements(item).count();
        if count < list.least || list.most.is_some_and(|most| count > most) {
            let allowed = match list.most {
                Some(most) if most == list.least => format!("exactly {most}"),
                Some(most) => format!("{} to {most}", list.least),
                None => format!("at least {}", list.least),
            };
            let hint = hints::length_hint(item, list);
            self.report(path, format!("has {count} elements; allowed: {allowed}{hint}"));
        }
        // Whatever their number: that of a list and the values in it can both be wrong.
        for (i, item) in elements(item).enumerate() {
            self.check(&path.index(i), item, &list.items);
        }
    }

    fn check_range(&mut self, path: &KeyPath, item: &Item, range: &NumberShape) {
        let Some(value) = number(item) else { return };
        if range.allows(value) {
            return;
        }
        let allowed = match (&range.least, &range.most) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "any".to_owned(),
        };
        let hint = hints::hint(item, self.text, &ValueShape::Number(range.clone()));
        self.report(path, out_of_range(describe(item, self.text), allowed) + &hint);
    }

    /// Returns whether the value is one of the names.
    fn check_name(&mut self, path: &KeyPath, item: &Item, names: &[String]) -> bool {
        let name = item.as_str();
        let is_known = name.is_some_and(|name| names.iter().any(|known| known == name));
        if !is_known {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let hint = name.map(|name| {
                synonyms::hint(name, &known).unwrap_or_else(|| suggestion(name, &known))
            });
            let hint = hint.unwrap_or_default();
            let is = describe(item, self.text) + &hint;
            self.report(path, out_of_range(is, known.join(", ")));
        }
        is_known
    }

    fn check_tagged(
        &mut self,
        path: &KeyPath,
        table: &dyn TableLike,
        tag: &str,
        variants: &[(String, TableShape)],
    ) {
        let names: Vec<String> = variants.iter().map(|(name, _)| name.clone()).collect();
        let Some(name) = table.get(tag) else {
            self.check_untagged(path, table, tag, variants);
            return self
                .report(&path.key(tag), format!("is missing; allowed: {}", names.join(", ")));
        };
        if self.check_name(&path.key(tag), name, &names)
            && let Some((_, variant)) =
                variants.iter().find(|(known, _)| Some(known.as_str()) == name.as_str())
        {
            self.check_table(path, table, variant);
        }
    }

    /// Reports those keys of a table without its tag that no variant has: they are wrong whatever the
    /// tag would be.
    fn check_untagged(
        &mut self,
        path: &KeyPath,
        table: &dyn TableLike,
        tag: &str,
        variants: &[(String, TableShape)],
    ) {
        // Most variants share keys, which are listed once.
        let known: BTreeSet<&str> =
            variants.iter().flat_map(|(_, variant)| variant.names()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        for (key, _) in table.iter() {
            if !known.contains(&key) {
                let (hint, allowed) = (suggestion(key, &known), known.join(", "));
                let message =
                    format!("is not a known key{hint}; allowed, depending on `{tag}`: {allowed}");
                self.report_key(&path.key(key), message);
            }
        }
    }

    fn check_alternatives(&mut self, path: &KeyPath, table: &dyn TableLike, keys: &[KeyShape]) {
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let allowed = one_of_keys(keys);
        for (key, _) in table.iter().filter(|(key, _)| !names.contains(key)) {
            let hint = suggestion(key, &names);
            let message = format!("is not a known key{hint}; allowed: {allowed}");
            self.report_key(&path.key(key), message);
        }
        // All that are given, so that the message names those that exclude one another.
        let given: Vec<&KeyShape> =
            keys.iter().filter(|key| table.contains_key(&key.name)).collect();
        match given[..] {
            [key] => {
                if let Some(item) = table.get(&key.name) {
                    self.check(&path.key(&key.name), item, &key.shape);
                }
            }
            [] if table.is_empty() => {
                self.report(path, format!("is an empty table; allowed: {allowed}"));
            }
            // An unknown key was reported, and is probably the one that is missing.
            [] => {}
            _ => {
                let given: Vec<&str> = given.iter().map(|key| key.name.as_str()).collect();
                self.report(path, format!("has {}; allowed: {allowed}", given.join(" and ")));
            }
        }
    }

    /// Checks the alternative of the value's own type. Of several tables it is the one that knows most
    /// of the keys that are there, so that a slip in one key is not reported for all of them.
    fn check_any_of(&mut self, path: &KeyPath, item: &Item, shapes: &[ValueShape]) {
        // The last of the greatest is taken, so that from behind it is the first.
        let fitting = shapes.iter().filter(|shape| is_of_type(item, shape)).rev();
        match fitting.max_by_key(|shape| keys_known(item, shape)) {
            Some(shape) => self.check(path, item, shape),
            None => {
                let allowed: Vec<String> =
                    shapes.iter().map(|shape| describe_shape(shape, false)).collect();
                let hint = hints::hint(item, self.text, &ValueShape::AnyOf(shapes.to_vec()));
                let is = describe(item, self.text);
                self.report(path, out_of_range(is, allowed.join(" or ")) + &hint);
            }
        }
    }
}

/// Returns how many keys of a table a shape has.
fn keys_known(item: &Item, shape: &ValueShape) -> usize {
    let keys = item.as_table_like().into_iter().flat_map(|table| table.iter());
    keys.filter(|(key, _)| shape.key(key).is_some()).count()
}

/// Returns whether a value has the type that a shape is of.
fn is_of_type(item: &Item, shape: &ValueShape) -> bool {
    match shape {
        ValueShape::Boolean => item.is_bool(),
        ValueShape::Text { .. } => text_of(item).is_some(),
        ValueShape::Number(_) => number(item).is_some(),
        ValueShape::List(_) => is_list(item),
        ValueShape::Table(_) => item.is_table_like(),
        // They say themselves what they are.
        ValueShape::Name(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. }
        | ValueShape::AnyOf(_) => true,
    }
}

fn one_of_keys(keys: &[KeyShape]) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    format!("exactly one of {}", names.join(", "))
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    // Descriptions are doc comments. Their first sentence says what a key is, the others how it is used.
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn describe_shape(shape: &ValueShape, with_range: bool) -> String {
    match shape {
        ValueShape::Number(NumberShape { whole, least, most }) => {
            let kind = if *whole && with_range { "a whole number" } else { "a number" };
            match (least, most) {
                (Some(least), Some(most)) if with_range => format!("{kind} from {least} to {most}"),
                _ => kind.to_owned(),
            }
        }
        ValueShape::Text { .. } | ValueShape::Name(_) => "text in quotes".to_owned(),
        ValueShape::Boolean => "true or false".to_owned(),
        ValueShape::List(_) => "an array, [ … ]".to_owned(),
        ValueShape::Table(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. }
        | ValueShape::AnyOf(_) => "a table".to_owned(),
    }
}
