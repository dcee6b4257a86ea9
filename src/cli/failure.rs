//! What went wrong, printed for the person at the keyboard.

use std::io::IsTerminal;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use rescuesim::scenario::{Origin, Problem, Rejection};

/// Mistakes shown; a file with more is best mended from the top.
const SHOWN: usize = 20;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense or cannot be followed here.
    #[error("{0}")]
    Usage(String),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] Rejection),
    /// It started and did not finish.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// Prints to standard error, in colour where that is a terminal.
    pub fn print(&self) {
        match self {
            Self::Usage(message) | Self::Running(message) => eprintln!("error: {message}"),
            Self::Scenario(rejection) => {
                let colour =
                    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
                for problem in rejection.problems.iter().take(SHOWN) {
                    eprintln!("{}\n", renderer.render(&[group(rejection, problem)]));
                }
                let count = rejection.problems.len();
                if count > SHOWN {
                    eprintln!("… and {} more", count - SHOWN);
                }
                let mistakes = if count == 1 { "mistake" } else { "mistakes" };
                eprintln!("{count} {mistakes}");
            }
        }
    }
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
