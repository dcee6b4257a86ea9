//! The errors of a scenario or another input file, as a person reads them: each with the line it
//! points to.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use textwrap::WordSplitter;

use crate::scenario::hidden::{visible, visible_in_place};
use crate::scenario::{Origin, Problem, Rejection};

/// Errors shown in full; the others are counted.
const SHOWN: usize = 20;

/// Renders every error of a rejected file and their number; with terminal colours if `colour`, and within
/// `columns` if the width is known.
pub fn rejection(rejection: &Rejection, colour: bool, columns: Option<usize>) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = match columns {
        Some(columns) => renderer.term_width(columns),
        None => renderer,
    };
    let mut text = String::new();
    let (name, source) = (visible(&rejection.name), visible_in_place(&rejection.text));
    for problem in rejection.problems.iter().take(SHOWN) {
        text += &within(&renderer.render(&[group(problem, &name, &source)]), columns);
        text += "\n\n";
    }
    let count = rejection.problems.len();
    if count > SHOWN {
        text += &format!("… and {} more\n", count - SHOWN);
    }
    text += &format!("{count} {}\n", if count == 1 { "error" } else { "errors" });
    text
}

/// Wraps the first line of an error, its sentence, between words; the lines of the file below it stay as
/// they are.
fn within(error: &str, columns: Option<usize>) -> String {
    let (Some(columns), Some((sentence, lines))) = (columns, error.split_once('\n')) else {
        return error.to_owned();
    };
    // A key such as biased_coin_p is one word.
    let options = textwrap::Options::new(columns)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    format!("{}\n{lines}", textwrap::fill(sentence, options))
}

/// One problem, with the line it points to, in the file of this name and text.
fn group<'p>(problem: &'p Problem, name: &'p str, source: &'p str) -> Group<'p> {
    let title = Level::ERROR.primary_title(visible(&problem.sentence()).into_owned());
    match &problem.place {
        Some((Origin::File, span)) => title.element(
            Snippet::source(source)
                .path(name)
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        Some((Origin::Override(text), span)) => title.element(
            Snippet::source(visible_in_place(text))
                .path(format!("--set on {name}"))
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        Some((Origin::Option(text), span)) => title.element(
            Snippet::source(visible_in_place(text))
                .path("command line")
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        None if problem.path.is_empty() => Group::with_title(title),
        None => title.element(annotate_snippets::Origin::path(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn sentences_of_errors_are_wrapped_to_the_terminal() {
        let text = include_str!("../../scenarios/angel-reboot.toml");
        let set = ["randomisation.biased_coin_p=1.5".to_owned()];
        let rejected = Scenario::parse(text, &set).expect_err("the probability is above 1");
        let one_line = rejection(&rejected, false, None);
        let sentence = one_line.lines().next().expect("a sentence");
        assert!(sentence.chars().count() > 40, "{sentence}");
        for colour in [false, true] {
            let wrapped = rejection(&rejected, colour, Some(40));
            let longest = wrapped.lines().map(textwrap::core::display_width).max();
            assert!(longest.is_some_and(|longest| longest <= 40), "{wrapped}");
        }
        let wrapped = rejection(&rejected, false, Some(40)).replace('\n', " ");
        assert!(wrapped.starts_with(sentence), "{wrapped}");
    }
}
