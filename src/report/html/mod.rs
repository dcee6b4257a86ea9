//! A report as one self-contained page: the question, the assumptions and their sources, the results, and
//! how to reproduce them.
//!
//! The order is that of ADEMP (Morris, White & Crowther 2019, Stat Med 38:2074): aims, data-generating
//! mechanisms, estimands, methods, performance measures; with what regulators ask of simulation
//! reports in addition: example trials, a design without interim looks, limitations.

mod blocks;
mod sections;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Summary;
use super::document::Document;
use super::gallery::Figure;
use super::trace::{ExampleTrial, Shown, patients_csv};
use crate::scenario::sources::Parameter;
use crate::scenario::{Scenario, Truth};
use crate::summary::OperatingCharacteristics;

/// Content of a page.
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
    /// Values of the scenario with their sources.
    pub parameters: &'r [Parameter],
    /// Comment at the top of the scenario file: paragraphs, each with whether it is an item of a list.
    pub preamble: &'r [(bool, String)],
    /// Command that reproduces the page.
    pub command: &'r str,
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
        let mut title = words;
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let without =
            if trial.trace.truth == Truth::Null { ", in a trial without effect" } else { "" };
        Self {
            figure: Figure {
                name: format!("trial-{ending}"),
                title: format!("{title}{without}"),
                caption: "The path of Z against the boundaries, and the calendar. ".to_owned(),
                svg: super::figure::trace(trial),
                data: patients_csv(&trial.trace),
            },
            story: trial.document(Shown::Excerpt(10)),
            command: trial.provenance.command.clone(),
        }
    }
}

/// The page has one inline style sheet and inline SVG with style attributes; it runs and loads nothing,
/// and its data files are links that hold them.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders the page.
pub fn page(report: &Report<'_>) -> String {
    let scenario = report.scenario.file();
    let sections = sections::all(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_SECURITY_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(format!("rescuesim {}", report.summary.provenance.version));
                title { (scenario.title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { (scenario.title) }
                    @if let Some(question) = &scenario.question { p.lead { (question) } }
                    @if let Some(registration) = &scenario.registration {
                        p.soft { "Registration: " (registration) }
                    }
                }
                (sections::answer(report))
                nav aria-label="contents" {
                    ol { @for section in &sections { li { a href=(format!("#{}", section.id)) { (section.title) } } } }
                }
                main {
                    @for section in &sections {
                        section id=(section.id) { h2 { (section.title) } (section.content) }
                    }
                }
                footer.soft { (provenance(report)) }
            }
        }
    };
    page.into_string()
}

fn provenance(report: &Report<'_>) -> Markup {
    let provenance = &report.summary.provenance;
    html! {
        "rescuesim " (provenance.version) ", scenario " code { (provenance.scenario_digest) } ", seed "
        (provenance.seed) ", " (super::numeral::grouped(provenance.replicates)) " replicates."
    }
}
