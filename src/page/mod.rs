//! The answers of the local page on which a trial is designed: pure functions from the text of a
//! scenario to JSON, with tables and figures as parts of a page.
//!
//! Nothing here reads a clock, a file or the network. `rescuesim serve` routes requests to these functions;
//! an engine compiled to WebAssembly could answer the same page. All numbers are those of the commands for the
//! same scenario, seed and replicates.

pub mod comparison;
pub mod look;
pub mod report;
pub mod request;
pub mod sensitivity;
pub mod simulation;
pub mod start;
pub mod state;
pub mod strategies;

use std::path::PathBuf;

use serde::Serialize;

use crate::report::gallery::Figure;
use crate::report::html;
use crate::scenario::document::KnownFiles;
use crate::scenario::{InputDocument, Rejection, Scenario};

/// Name of the scenario in messages and commands.
pub const FILE: &str = "scenario.toml";

/// The files that a text may refer to. No other file is ever read for it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Directory that the paths in the text start from.
    pub folder: PathBuf,
    /// Texts of the files.
    pub known: KnownFiles,
}

impl Surroundings {
    /// Parses a text of the page.
    ///
    /// # Errors
    /// When it is not TOML.
    pub fn parse(&self, text: &str) -> Result<InputDocument, Rejection> {
        InputDocument::parse_closed(FILE, text.to_owned(), &self.folder, &self.known)
    }

    /// Reads a text of the page as a scenario.
    ///
    /// # Errors
    /// Same as the command line has for the file.
    pub fn scenario(&self, text: &str) -> Result<Scenario, Rejection> {
        self.parse(text)?.scenario(&[])
    }
}

/// A problem with a text, shown next to its field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownProblem {
    /// Key path; empty for a problem with the whole text.
    pub path: String,
    /// The message of the command line.
    pub message: String,
    /// Line in the text, from 1.
    pub line: Option<usize>,
}

/// Lists the problems of a text.
pub fn problems(rejection: &Rejection) -> Vec<ShownProblem> {
    let problems = rejection.problems.iter().map(|problem| ShownProblem {
        path: problem.path.clone(),
        message: problem.message.clone(),
        line: rejection.line(problem),
    });
    problems.collect()
}

/// A figure as a part of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownFigure {
    /// File name without extension.
    pub name: String,
    /// Title.
    pub title: String,
    /// The figure with title, caption, numbers and links to SVG and data.
    pub html: String,
}

impl ShownFigure {
    /// Shows a figure that a command made.
    pub fn new(figure: &Figure, command: &str) -> Self {
        let origin = format!("rescuesim {}: {command}", env!("CARGO_PKG_VERSION"));
        Self {
            name: figure.name.clone(),
            title: figure.title.clone(),
            html: html::figure_fragment(figure, &origin),
        }
    }
}

/// Writes an answer as JSON in one line.
pub fn to_json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).expect("answers are plain data")
}
