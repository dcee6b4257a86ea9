//! A report as one self-contained page.

mod blocks;
pub mod interim;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::Document;
use super::figure;
use super::gallery::Figure;
use super::sections::{Report, Section};

/// The page has one inline style sheet and inline SVG with style attributes; it runs and loads nothing,
/// and its data files are links that hold them.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders the page.
pub fn page(report: &Report<'_>) -> String {
    let scenario = report.scenario.file();
    let sections = report.sections();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&scenario.title, report.summary.provenance.version))
            body {
                // The first element that the tab key reaches: the summary and the contents are long to a
                // screen reader.
                a.skip href="#power" { "Skip to the results" }
                header {
                    h1 { (scenario.title) }
                    @if let Some(registration) = &scenario.registration {
                        p.soft { "Registration: " (registration) }
                    }
                    @if let Some(imprint) = report.imprint.line() { p.soft { (imprint) } }
                }
                (summary(report))
                (contents(&sections))
                main {
                    @for (i, section) in sections.iter().enumerate() { (self::section(report, i + 1, section)) }
                }
                footer.soft { (provenance(report)) }
            }
        }
    };
    page.into_string()
}

/// Renders a document as a part of a page: headings are those of a subsection.
pub fn fragment(document: &Document) -> String {
    blocks::document(document).into_string()
}

/// Renders a figure as a part of a page, with its caption, its numbers and links to its files; `origin` names the
/// version and command that made it.
pub fn figure_fragment(figure: &Figure, origin: &str) -> String {
    blocks::figure(figure, origin).into_string()
}

fn head(title: &str, version: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(CONTENT_SECURITY_POLICY);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="generator" content=(format!("{GENERATOR} {version}"));
            title { (title) }
            // Inline, as the page must be whole when it is mailed or archived.
            style { (PreEscaped(include_str!("style.css"))) (PreEscaped(figure::STYLE)) }
        }
    }
}

/// Name by which pages state that rescuesim wrote them.
const GENERATOR: &str = "rescuesim";

/// Returns whether a page was written by [`page`].
pub fn is_own_page(text: &str) -> bool {
    text.contains(&format!("<meta name=\"generator\" content=\"{GENERATOR} "))
}

fn summary(report: &Report<'_>) -> Markup {
    let origin = report.summary.provenance.line();
    html! {
        section #summary {
            p.lead { (blocks::joined(&report.assumptions())) }
            @if let Some(question) = &report.scenario.file().question {
                p.soft { "Remark of the scenario: " (question) }
            }
            @for element in &report.front() { (blocks::element(element, &origin)) }
            p.soft { (report.errors()) }
        }
    }
}

fn contents(sections: &[Section<'_>]) -> Markup {
    html! {
        nav #contents aria-label="Contents" {
            strong { "Contents" }
            ol { @for section in sections { li { a href=(format!("#{}", section.id)) { (section.title) } } } }
        }
    }
}

fn section(report: &Report<'_>, number: usize, section: &Section<'_>) -> Markup {
    let origin = report.summary.provenance.line();
    html! {
        section id=(section.id) {
            h2 {
                (number) ". " (section.title)
                a.top href="#contents" aria-label="Back to the contents" { "↑" }
            }
            @for element in &section.content { (blocks::element(element, &origin)) }
        }
    }
}

fn provenance(report: &Report<'_>) -> Markup {
    let provenance = &report.summary.provenance;
    html! {
        "rescuesim " (provenance.version) ", scenario " code { (&provenance.scenario_digest[..12]) } ", seed "
        (provenance.seed) ", " (super::numeral::grouped(provenance.replicates)) " replicates."
    }
}
