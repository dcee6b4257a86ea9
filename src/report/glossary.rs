//! The terms of the output and of the documentation, each defined in one place.
//!
//! `rescuesim explain` prints a definition, and the report lists those of the terms that a page uses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A term and its definition.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Name, as in a sentence.
    pub name: String,
    /// Other names and spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Definition, in one or two sentences.
    pub definition: String,
    /// Names of related terms.
    #[serde(default)]
    pub see: Vec<String>,
    /// Publication, if the term has one.
    pub source: Option<String>,
}

/// Terms that belong together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Heading.
    pub title: String,
    /// The terms, from general to special.
    pub terms: Vec<Term>,
}

impl Term {
    /// Iterates over the name and all aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }
}

/// Lists all topics, in the order of reading.
pub fn topics() -> &'static [Topic] {
    static TOPICS: LazyLock<Vec<Topic>> = LazyLock::new(|| {
        // Apart from the code, so that somebody who writes no Rust can improve a definition.
        let mut tables: BTreeMap<String, Vec<Topic>> =
            toml::from_str(include_str!("glossary.toml")).expect("a test reads the glossary");
        tables.remove("topics").expect("a test reads the glossary")
    });
    &TOPICS
}

/// Iterates over all terms, topic by topic.
pub fn terms() -> impl Iterator<Item = &'static Term> {
    topics().iter().flat_map(|topic| &topic.terms)
}

/// Finds the term with a name or alias, whatever the case, the kind of dash, and underscores for spaces.
pub fn lookup(name: &str) -> Option<&'static Term> {
    let asked = words(name);
    terms().find(|term| {
        term.names().any(|known| {
            let known = words(known);
            known.len() == asked.len()
                && known.iter().zip(&asked).all(|(known, asked)| is_form_of(asked, known))
        })
    })
}

/// Lists the terms that a text uses, in alphabetical order.
///
/// A term is used where its words follow one another, in singular or plural, and are not part of a longer
/// name: "non-binding" does not use "binding". Abbreviations in capitals (Z, H0, MAR) count in capitals
/// only.
pub fn used_in(text: &str) -> Vec<&'static Term> {
    let names: Vec<(Vec<&str>, &Term)> =
        terms().flat_map(|term| term.names().map(move |name| (words(name), term))).collect();
    let mut used = BTreeMap::new();
    let mut rest = &words(text)[..];
    while !rest.is_empty() {
        let here =
            names.iter().filter(|(name, _)| rest.len() >= name.len() && is_phrase(rest, name));
        // The longest name that begins here, so that no part of it is found as a term of its own.
        let longest = here.max_by_key(|(name, _)| name.len());
        if let Some((_, term)) = longest {
            used.insert(term.name.to_lowercase(), *term);
        }
        rest = &rest[longest.map_or(1, |(name, _)| name.len())..];
    }
    used.into_values().collect()
}

/// Returns whether words begin with those of a name.
fn is_phrase(words: &[&str], name: &[&str]) -> bool {
    words.iter().zip(name).all(|(found, known)| {
        let is_abbreviation = !known.contains(char::is_lowercase);
        is_form_of(found, known) && (!is_abbreviation || found.starts_with(known))
    })
}

/// Returns whether a word is a known one or its plural, in any case.
fn is_form_of(found: &str, known: &str) -> bool {
    let singular = [Some(found), found.strip_suffix('s'), found.strip_suffix("es")];
    singular.into_iter().flatten().any(|found| found.to_lowercase() == known.to_lowercase())
}

/// Splits a text at everything but letters and digits.
// "O'Brien" has two words in each of its spellings, which differ in the apostrophe.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_belongs_to_one_term_and_every_reference_leads_to_a_term() {
        let mut seen = BTreeSet::new();
        for term in terms() {
            for name in term.names() {
                assert_eq!(lookup(name), Some(term), "{name}");
                assert!(seen.insert(name.to_lowercase()), "{name} is there twice");
            }
            for see in &term.see {
                let other = lookup(see).unwrap_or_else(|| panic!("{}: no {see}", term.name));
                assert_eq!(other.name, *see, "{}", term.name);
                assert_ne!(other, term);
            }
        }
    }

    #[test]
    fn a_definition_is_sentences_of_moderate_length() {
        for Term { name, definition, .. } in terms() {
            assert!(definition.ends_with('.'), "{name}");
            assert!(definition.chars().next().is_some_and(char::is_uppercase), "{name}");
            let length = definition.chars().count();
            assert!((30..=420).contains(&length), "{name}: {length} characters");
        }
    }

    fn named(name: &str) -> Option<&str> {
        lookup(name).map(|term| term.name.as_str())
    }

    #[test]
    fn case_dashes_underscores_and_plurals_do_not_matter_in_a_lookup() {
        for name in ["overrun", "Overrun", "OVERRUN", "overruns"] {
            assert_eq!(named(name), Some("overrun"), "{name}");
        }
        for name in ["O'Brien–Fleming-type", "O’Brien-Fleming-type", "o_brien_fleming_type"] {
            assert_eq!(named(name), Some("O’Brien–Fleming-type"), "{name}");
        }
        assert_eq!(named("type-i-error"), Some("type I error"));
        assert_eq!(named("z"), Some("Z"));
        assert_eq!(named("looks"), Some("look"));
        assert_eq!(named("nothing of the kind"), None);
        assert_eq!(named(""), None);
    }

    #[test]
    fn a_page_uses_the_terms_whose_words_follow_one_another() {
        let text = "Type I errors at 3 looks (Z ≥ 2.0); the z axis. A futility rule, non-binding, \
                    the truths, repeated confidence\nintervals and spending functions.";
        let names: Vec<&str> = used_in(text).iter().map(|term| term.name.as_str()).collect();
        let expected = [
            "futility",
            "look",
            "non-binding",
            "repeated confidence interval",
            "spending function",
            "truth",
            "type I error",
            "Z",
        ];
        assert_eq!(names, expected);
        assert_eq!(used_in("a z and a mar, blooks, spending of functions"), Vec::<&Term>::new());
    }
}
