//! The problems of an input file, for the person at the keyboard.

use std::ops::Range;

/// The text that a value is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The input file.
    File,
    /// This argument of `--set`.
    Override(String),
    /// This option, with its value.
    Option(String),
}

/// One error in an input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key path, such as `design.looks.analysed[1]`; empty for a problem with the whole file.
    pub path: String,
    /// A lowercase fragment that follows the path: what is wrong and what is allowed.
    pub message: String,
    /// The text to point into, and the bytes of it.
    pub place: Option<(Origin, Range<usize>)>,
}

impl Problem {
    /// Describes a problem with the whole file.
    pub fn general(message: String) -> Self {
        Self { path: String::new(), message, place: None }
    }

    /// Describes a problem with something written.
    pub fn at(path: &str, message: String, origin: Origin, span: Range<usize>) -> Self {
        Self { path: path.to_owned(), message, place: Some((origin, span)) }
    }

    /// Returns the position in the order in which a reader meets problems: those of the file first.
    pub(super) fn position(&self) -> usize {
        match &self.place {
            Some((Origin::File, span)) => span.start,
            Some((Origin::Override(_) | Origin::Option(_), _)) | None => usize::MAX,
        }
    }

    /// Returns the path in quotes, if there is one, and the message.
    pub fn sentence(&self) -> String {
        if self.path.is_empty() {
            self.message.clone()
        } else {
            format!("`{}` {}", self.path, self.message)
        }
    }
}

/// A file that cannot be used, with all problems found in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Rejection {
    /// The file, as it was named.
    pub name: String,
    /// Text of the file, to point into; empty if it could not be read.
    pub text: String,
    /// One problem or more.
    pub problems: Vec<Problem>,
}

impl Rejection {
    pub(super) fn new(name: String, text: String, problems: Vec<Problem>) -> Self {
        Self { name, text, problems }
    }

    /// Describes a file that cannot be read.
    pub(super) fn without_text(name: String, message: &str) -> Self {
        let problem = Problem::general(format!("{name} {message}"));
        Self { name, text: String::new(), problems: vec![problem] }
    }

    /// Returns the line of a problem in the file, from 1; `None` if it is not in the file.
    pub fn line(&self, problem: &Problem) -> Option<usize> {
        match &problem.place {
            Some((Origin::File, span)) => {
                // The place of a missing end is behind the last byte.
                let start = span.start.min(self.text.len());
                Some(1 + self.text.as_bytes()[..start].iter().filter(|&&b| b == b'\n').count())
            }
            Some((Origin::Override(_) | Origin::Option(_), _)) | None => None,
        }
    }

    /// Returns one line per problem: `file:line: sentence`.
    pub fn summary(&self) -> String {
        // In the form that editors and compilers use, so that a terminal can link to the line.
        let lines = self.problems.iter().map(|problem| {
            let sentence = problem.sentence();
            match (self.line(problem), &problem.place) {
                (Some(line), _) => format!("{}:{line}: {sentence}", self.name),
                (None, Some((Origin::Override(text), _))) => format!("--set {text}: {sentence}"),
                (None, Some((Origin::Option(text), _))) => format!("{text}: {sentence}"),
                (None, _) if problem.path.is_empty() => sentence,
                (None, _) => format!("{}: {sentence}", self.name),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The likeness from which on a name may be what was meant; 1 is the same name.
const ALIKE: f64 = 0.8;

/// Returns the known name most like `name`, if any is alike enough to be what was meant: a slip of the
/// keyboard, or a name that is part of the other.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (likeness(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > ALIKE)
        // Of the names that contain what was written, the one that adds least.
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.len().cmp(&a.1.len())))
        .map(|(_, candidate)| candidate)
}

fn likeness(name: &str, candidate: &str) -> f64 {
    // Keys of TOML differ by their case, so that `Title` is unknown, but its meaning is clear.
    let (name, candidate) = (name.to_lowercase(), candidate.to_lowercase());
    // Up to three letters are part of too many names.
    let is_part = name.len() > 3 && (candidate.contains(&name) || name.contains(&candidate));
    let likeness = strsim::jaro_winkler(&name, &candidate);
    if is_part { likeness.max(0.9) } else { likeness }
}
