//! Wrapping of prose, which keeps numbers and ranges on one line.

use textwrap::core::Word;
use textwrap::{WordSeparator, WordSplitter};

/// Wraps prose between words and after their hyphens; a number with spaces between its thousands is one
/// word, as is a range such as mRS 0-2.
pub(in crate::report) fn filled(text: &str, columns: usize) -> String {
    let options = textwrap::Options::new(columns)
        .word_separator(WordSeparator::Custom(words_and_numbers))
        .word_splitter(WordSplitter::Custom(after_hyphens_of_words));
    textwrap::fill(text, options)
}

/// Places after the hyphens of a word that do not stand before a digit.
fn after_hyphens_of_words(word: &str) -> Vec<usize> {
    let mut places = WordSplitter::HyphenSplitter.split_points(word);
    places.retain(|&at| !word[at..].starts_with(|c: char| c.is_ascii_digit()));
    places
}

/// Splits a line at its spaces, except for those between the thousands of a number.
fn words_and_numbers(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let mut from = 0;
    for (at, _) in line.match_indices(' ') {
        let rest = &line[at + 1..];
        // Several spaces belong to the word before them.
        if rest.starts_with(' ') || is_within_number(&line[..at], rest) {
            continue;
        }
        words.push(Word::from(&line[from..=at]));
        from = at + 1;
    }
    if from < line.len() {
        words.push(Word::from(&line[from..]));
    }
    Box::new(words.into_iter())
}

/// Whether a space separates the thousands of a number: a digit before it and three after it.
fn is_within_number(before: &str, after: &str) -> bool {
    let digits = after.chars().take_while(char::is_ascii_digit).count();
    digits == 3 && before.ends_with(|c: char| c.is_ascii_digit())
}
