//! The errors of a scenario or another input file, as a person reads them: each with the line it
//! points to.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::scenario::hidden::{visible, visible_in_place};
use crate::scenario::{Origin, Problem, Rejection};

/// Errors shown in full; the others are counted.
const SHOWN: usize = 20;

/// Renders every error of a rejected file and their number; with terminal colours if `colour`.
pub fn rejection(rejection: &Rejection, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    let (name, source) = (visible(&rejection.name), visible_in_place(&rejection.text));
    for problem in rejection.problems.iter().take(SHOWN) {
        text += &renderer.render(&[group(problem, &name, &source)]);
        text += "\n\n";
    }
    let count = rejection.problems.len();
    if count > SHOWN {
        text += &format!("… and {} more\n", count - SHOWN);
    }
    text += &format!("{count} {}\n", if count == 1 { "error" } else { "errors" });
    text
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
