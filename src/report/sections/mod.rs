//! The content of a report, section by section, independent of its format.
//!
//! A summary that can be read alone comes first, then the results, then the assumptions and methods in
//! the order of ADEMP (Morris, White & Crowther 2019, Stat Med 38:2074), with what regulators ask of
//! simulation reports in addition: example trials, a design without interim looks, limitations.
//! [`html`](super::html) and [`markdown`](super::markdown) lay the sections out.

mod assumptions;
mod closing;
mod front;
mod results;
mod rules;

use super::Summary;
use super::document::{Document, capitalised};
use super::figure::FigurePlace;
use super::gallery::Figure;
use super::numeral::grouped;
use super::trace::{ExampleTrial, patients_table};
use crate::expected::Expected;
use crate::scenario::sources::{Paragraph, Parameter};
use crate::scenario::{Scenario, Truth};
use crate::summary::{OperatingCharacteristics, TruthSummary};

/// What a report is made of.
#[derive(Debug)]
pub struct Report<'r> {
    /// Simulated scenario.
    pub scenario: &'r Scenario,
    /// Results.
    pub summary: &'r Summary,
    /// Results of the same trials without interim looks; `None` if the design has none.
    pub fixed: Option<&'r OperatingCharacteristics>,
    /// Figures, each shown in its section.
    pub figures: &'r [Figure],
    /// Example trials.
    pub examples: &'r [Example],
    /// Endings that the design allows and that none of the replicates searched has.
    pub not_found: &'r [String],
    /// Values of the scenario with their comments.
    pub parameters: &'r [Parameter],
    /// Comment at the top of the scenario file.
    pub preamble: &'r [Paragraph],
    /// Command that reproduces the report.
    pub command: &'r str,
    /// Date and author, if they are given.
    pub imprint: Imprint<'r>,
}

/// Date and author of a report, as the user gives them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Imprint<'r> {
    /// Date.
    pub date: Option<&'r str>,
    /// Author.
    pub author: Option<&'r str>,
}

impl Imprint<'_> {
    /// Names author and date in a line; `None` if neither is given.
    pub(super) fn line(self) -> Option<String> {
        let parts: Vec<&str> = self.author.into_iter().chain(self.date).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// One example trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Course of the trial.
    pub story: Document,
    /// Figure of the trial.
    pub figure: Figure,
    /// Command that shows the trial in full.
    pub command: String,
}

impl Example {
    /// An example of a trial with the given ending.
    pub fn new(ending: &str, trial: &ExampleTrial) -> Self {
        let words = ending.replace("-at-", " at look ").replace('-', " ");
        let has_margin = trial.provenance.scenario.analyses[0].has_margin();
        // Examples are of the alternative wherever it has them, so that only the others say so.
        let without = match (trial.trace.truth, has_margin) {
            (Truth::Null, true) => ", with the effect at the margin",
            (Truth::Null, false) => ", without an effect",
            (Truth::Alternative | Truth::Prior | Truth::Configuration { .. }, _) => "",
        };
        Self {
            figure: Figure {
                name: format!("trial-{ending}"),
                title: format!("{}{without}", capitalised(&words)),
                caption: "Z against the boundaries, and patients over the months. ".to_owned(),
                svg: super::figure::trace(trial, FigurePlace::Page),
                data: patients_table(&trial.trace),
            },
            story: trial.story(),
            command: trial.provenance.command.clone(),
        }
    }
}

/// One section of a report, listed in its table of contents.
pub(super) struct Section<'r> {
    /// Identifier in links.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Content in reading order.
    pub content: Vec<Element<'r>>,
}

/// One element of a section.
pub(super) enum Element<'r> {
    /// Prose, headings and tables of numbers.
    Document(Document),
    /// Terms, each with a text.
    Definitions(Vec<Definition>),
    /// A list.
    Items(Vec<String>),
    /// A table whose cells are words.
    Words { header: Vec<&'static str>, rows: Vec<Vec<String>> },
    /// The values of the scenario.
    Parameters(&'r [Parameter]),
    /// The quantities that a reader wants first.
    Cards(Vec<Card>),
    /// A figure with its caption.
    Figure(&'r Figure),
    /// Content that is folded until it is asked for, if the format can do so.
    Fold { title: String, fold: Fold, content: Vec<Element<'r>> },
    /// Files that the report holds, if the format can do so.
    Files(Vec<AttachedFile>),
}

/// State of content that can be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// Unfolded, on paper too.
    Open,
    /// Folded on a screen, unfolded on paper.
    OpenOnPaper,
    /// Folded, and left out on paper.
    Closed,
}

/// A term and its text.
pub(super) struct Definition {
    pub term: String,
    pub text: String,
}

/// A quantity with a label in words.
pub(super) struct Card {
    pub label: String,
    pub value: String,
    /// Simulated value with its places in `summary.json`; `None` for assumptions.
    pub source: Option<CardSource>,
}

/// Origin of the number on a card.
pub(super) struct CardSource {
    /// Error in words, with its unit; `None` if the quantity did not vary.
    pub error: Option<String>,
    /// Value as in `summary.json`.
    pub value: f64,
    /// Pointer to the value in `summary.json`.
    pub pointer: String,
}

/// A file that a report holds.
pub(super) struct AttachedFile {
    pub name: &'static str,
    pub media_type: &'static str,
    pub content: String,
    /// What the file is.
    pub description: &'static str,
}

impl Definition {
    fn new(term: impl Into<String>, text: impl Into<String>) -> Self {
        Self { term: term.into(), text: text.into() }
    }
}

impl From<Document> for Element<'_> {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

impl<'r> Section<'r> {
    fn new(id: &'static str, title: &'static str, content: Vec<Element<'r>>) -> Self {
        Self { id, title, content }
    }
}

impl<'r> Report<'r> {
    /// Returns the assumptions in one sentence.
    pub(super) fn assumptions(&self) -> String {
        Expected::new(self.scenario).assumptions().sentence()
    }

    /// States what was simulated and what the errors mean.
    pub(super) fn errors(&self) -> String {
        let null =
            if self.has_margin() { "with the effect at the margin" } else { "without an effect" };
        format!(
            "{} trials were simulated with the assumed effect (H1), and the same trials {null} (H0). ± \
             is the Monte Carlo standard error.",
            grouped(self.summary.provenance.replicates)
        )
    }

    /// Returns whether the null hypothesis of the primary analysis ends at a margin.
    pub(super) fn has_margin(&self) -> bool {
        self.scenario.primary_hypothesis().has_margin()
    }

    /// Returns what is true under the null hypothesis, after a comma or in a column.
    pub(super) fn null_in_words(&self) -> &'static str {
        if self.has_margin() { "effect at the margin" } else { "no effect" }
    }

    /// Returns the summary at the front.
    pub(super) fn front(&self) -> Vec<Element<'r>> {
        front::elements(self)
    }

    /// Returns the sections after the summary, in their order.
    pub(super) fn sections(&self) -> Vec<Section<'r>> {
        let mut sections = results::sections(self);
        sections.extend(assumptions::sections(self));
        sections.extend(closing::sections(self));
        let glossary = closing::glossary(self, &sections);
        // Made last, as it has only terms that the other sections use, and placed before the reproduction.
        sections.insert(sections.len() - 1, glossary);
        sections
    }

    /// Returns the results under the alternative and under the null.
    fn truths(&self) -> [&'r TruthSummary; 2] {
        let [effect, none, ..] = &self.summary.truths[..] else {
            unreachable!("every run simulates the alternative and the null")
        };
        [effect, none]
    }

    /// Returns whether the design has interim looks.
    fn has_interims(&self) -> bool {
        self.scenario.design.looks().len() > 1
    }

    /// Finds those of the named figures that the report has.
    fn figures(&self, names: &[&str]) -> Vec<Element<'r>> {
        let of_name = |name: &&str| self.figures.iter().find(|figure| figure.name == *name);
        names.iter().filter_map(of_name).map(Element::Figure).collect()
    }
}
