//! The errors of a scenario or another input file, as a person reads them: each with the line it
//! points to.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::scenario::{Origin, Problem, Rejection};

/// Errors shown in full; the others are counted.
const SHOWN: usize = 20;

/// Renders every error of a rejected file and their number; with terminal colours if `colour`.
pub fn rejection(rejection: &Rejection, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for problem in rejection.problems.iter().take(SHOWN) {
        text += &renderer.render(&[group(rejection, problem)]);
        text += "\n\n";
    }
    let count = rejection.problems.len();
    if count > SHOWN {
        text += &format!("… and {} more\n", count - SHOWN);
    }
    text += &format!("{count} {}\n", if count == 1 { "mistake" } else { "mistakes" });
    text
}

/// One problem, with the line it points to.
fn group<'p>(rejection: &'p Rejection, problem: &'p Problem) -> Group<'p> {
    let title = Level::ERROR.primary_title(problem.sentence());
    match &problem.place {
        Some((Origin::File, span)) => title.element(
            Snippet::source(&rejection.text)
                .path(&rejection.name)
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        Some((Origin::Override(text), span)) => title.element(
            Snippet::source(text)
                .path(format!("--set on {}", rejection.name))
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        None if problem.path.is_empty() => Group::with_title(title),
        None => title.element(annotate_snippets::Origin::path(&rejection.name)),
    }
}
