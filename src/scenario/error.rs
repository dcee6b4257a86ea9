//! What is wrong with a scenario, for the person at the keyboard.

use std::ops::Range;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the scenario file.
    File,
    /// On the command line, as this `--set` argument.
    Override(String),
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key path, such as `design.looks.analysed[1]`; empty when it is about the whole.
    pub path: String,
    /// A lowercase fragment that follows the path: what is there and what is allowed.
    pub message: String,
    /// Where to point: bytes of the file or of the argument.
    pub place: Option<(Origin, Range<usize>)>,
}

impl Problem {
    /// About the scenario as a whole.
    pub fn general(message: String) -> Self {
        Self { path: String::new(), message, place: None }
    }

    /// About something written.
    pub fn at(path: &str, message: String, origin: Origin, span: Range<usize>) -> Self {
        Self { path: path.to_owned(), message, place: Some((origin, span)) }
    }

    /// The order in which a reader meets it: file positions first.
    pub(super) fn position(&self) -> usize {
        match &self.place {
            Some((Origin::File, span)) => span.start,
            _ => usize::MAX,
        }
    }

    /// `path message`, with the path quoted.
    pub fn sentence(&self) -> String {
        if self.path.is_empty() {
            self.message.clone()
        } else {
            format!("`{}` {}", self.path, self.message)
        }
    }
}

/// A scenario that cannot be used, with every mistake found in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Rejection {
    /// The file, as it was named.
    pub name: String,
    /// Its text, to point into; empty when it could not be read.
    pub text: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl Rejection {
    pub(super) fn new(name: String, text: String, problems: Vec<Problem>) -> Self {
        Self { name, text, problems }
    }

    pub(super) fn without_text(name: String, message: String) -> Self {
        let problem = Problem::general(format!("{name} {message}"));
        Self { name, text: String::new(), problems: vec![problem] }
    }

    /// The line of a problem in the file, from 1.
    pub fn line(&self, problem: &Problem) -> Option<usize> {
        match &problem.place {
            Some((Origin::File, span)) => {
                let start = span.start.min(self.text.len());
                Some(1 + self.text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count())
            }
            _ => None,
        }
    }

    /// One line per problem: `file:line: sentence`.
    pub fn summary(&self) -> String {
        let lines =
            self.problems.iter().map(|problem| match (self.line(problem), &problem.place) {
                (Some(line), _) => format!("{}:{line}: {}", self.name, problem.sentence()),
                (None, Some((Origin::Override(text), _))) => {
                    format!("--set {text}: {}", problem.sentence())
                }
                (None, _) if problem.path.is_empty() => problem.sentence(),
                (None, _) => format!("{}: {}", self.name, problem.sentence()),
            });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The hint that goes with a name like the one that was not known.
pub(crate) fn did_you_mean(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

/// The known name most like `name`, if any is alike enough to be what was meant: a slip of the
/// keyboard, or a name that is part of the other.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let likeness = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let part = name.len() > 3 && (candidate.contains(&name) || name.contains(&candidate));
        strsim::jaro_winkler(&name, &candidate).max(if part { 0.9 } else { 0.0 })
    };
    known
        .iter()
        .map(|candidate| (likeness(candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
