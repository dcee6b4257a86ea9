//! What all stages of the resolution share: the file, and the problems found so far.

use crate::outcome::{MrsDistribution, NotADistribution};
use crate::scenario::document::Places;
use crate::scenario::error::Problem;
use crate::scenario::file;
use crate::scenario::problems::{repeats, wrong_length};

/// The sign that something was wrong and is among the problems of the [`Resolver`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

// A part that is needed by several others is lent to each of them.
impl From<&Self> for Reported {
    fn from(reported: &Self) -> Self {
        *reported
    }
}

/// A value, unless problems with it have been reported.
pub(super) type Checked<T> = Result<T, Reported>;

/// Builds the stages of a scenario, or of another file, and collects problems on the way.
pub(super) struct Resolver<'s, F = file::ScenarioFile> {
    pub(super) file: &'s F,
    /// Where the values of the file are written; `None` for a scenario that is not from a document.
    pub(super) places: Option<&'s Places<'s>>,
    pub(super) problems: Vec<Problem>,
}

impl<F> Resolver<'_, F> {
    /// Reports a problem with the value at a path.
    pub(super) fn report(&mut self, path: &str, message: impl Into<String>) {
        // Paths are those of this program, so they parse; a message is better than none if one did not.
        self.problems.push(match (self.places, path.parse()) {
            (Some(places), Ok(path)) => places.problem(&path, message.into()),
            (None, _) | (_, Err(_)) => {
                Problem { path: path.to_owned(), ..Problem::general(message.into()) }
            }
        });
    }

    /// Reports a problem that leaves no value.
    pub(super) fn fail<T>(&mut self, path: &str, message: impl Into<String>) -> Checked<T> {
        self.report(path, message);
        Err(Reported)
    }

    pub(super) fn wrong_length<T>(
        &mut self,
        path: &str,
        has: usize,
        wanted: usize,
        per: &str,
    ) -> Checked<T> {
        self.fail(path, wrong_length(has, wanted, per))
    }

    /// Reports a name in a list, each of which may be there once, that is there again.
    pub(super) fn report_repeated(&mut self, path: &str, name: &str, thing: &str) {
        self.report(path, repeats(format!("\"{name}\""), thing));
    }

    /// Reads seven shares at a `path` in a table whose key `rescale` says whether rounded shares are
    /// divided by their sum; `None` for tables without that key.
    pub(super) fn distribution(
        &mut self,
        path: &str,
        shares: [f64; 7],
        rescale: Option<bool>,
    ) -> Checked<MrsDistribution> {
        let read = match rescale {
            Some(true) => MrsDistribution::from_rounded(shares),
            Some(false) | None => MrsDistribution::new(shares),
        };
        let error = match read {
            Ok(distribution) => return Ok(distribution),
            Err(error) => error,
        };
        let hint = match error {
            NotADistribution::Sum(sum) if rescale == Some(false) && sum.may_be_rounding() => {
                let table = path.split('.').next().unwrap_or(path);
                format!(
                    "; if the shares were rounded, set {table}.rescale = true to divide them by their sum"
                )
            }
            NotADistribution::Sum(_) | NotADistribution::Impossible { .. } => String::new(),
        };
        self.fail(path, format!("is not a distribution: {error}{hint}"))
    }
}
