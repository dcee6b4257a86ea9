//! The report of an interim analysis to a monitoring board, as one self-contained page.
//!
//! In the order of the outline of the NINDS for such reports: study and cut-off, stopping guidelines,
//! results, safety, recommendation.

use maud::{DOCTYPE, Markup, html};

use super::blocks::{document, element};
use super::head;
use crate::report::monitoring::MonitoringReport;
use crate::report::sections::{Definition, Element};

/// Lines to sign on.
const SIGNATURES: [&str; 3] = ["Trial statistician", "Chair of the board", "Member of the board"];

/// What the board may recommend.
const CHOICES: [&str; 4] = [
    "continue as planned",
    "continue with changes (describe)",
    "stop the trial (give the reason)",
    "further information needed (describe)",
];

/// Renders the page.
pub fn page(report: &MonitoringReport) -> String {
    let title = format!("{}: interim report", report.title);
    let origin = format!("rescuesim {}: {}", report.version, report.command);
    let body = html! {
        header {
            h1 { (report.title) }
            p.lead {
                "Interim report"
                @if let Some(date) = &report.date { ", data cut-off " (date) }
            }
            p.soft { "Confidential: comparison of the arms, for the monitoring board only." }
        }
        main.interim {
            (finding(report))
            section id="study" { h2 { "Study and data" } (study(report)) }
            section id="rules" {
                h2 { "Stopping rules" }
                ul { @for rule in &report.rules { li { (rule) } } }
                (document(&report.bounds()))
                (drawn(report))
            }
            div.beside {
                section id="effect" {
                    h2 { (report.effect_heading()) }
                    (document(&report.effects()))
                    p.soft {
                        "Unadjusted: ignores the looks. Repeated: valid at every look, whether or not \
                         the trial stops. Stage-wise: valid if the trial stops at this look."
                    }
                }
                section id="evidence" {
                    h2 { "Evidence and chance of success" }
                    (document(&report.evidence()))
                }
            }
            @if let Some(safety) = report.safety() {
                section id="safety" {
                    h2 { "Adverse events" }
                    (document(&safety))
                    @if let Some(events) = report.event_figure() { (super::blocks::figure(&events, &origin)) }
                }
            }
            section id="recommendation" { h2 { "Recommendation of the board" } (signatures()) }
            section id="recreate" {
                h2 { "Reproducing this report" }
                pre { (report.command) }
                p.soft {
                    "rescuesim " (report.version) ", scenario "
                    code.checksum { (report.scenario_digest) }
                }
            }
        }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" { (head(&title, report.version)) body { (body) } }
    };
    page.into_string()
}

/// Renders the figure of Z on its boundaries as a part of a page.
pub fn figure(report: &MonitoringReport) -> String {
    drawn(report).into_string()
}

fn drawn(report: &MonitoringReport) -> Markup {
    let origin = format!("rescuesim {}: {}", report.version, report.command);
    super::blocks::figure(&report.figure(), &origin)
}

/// States the result of the look, what was not checked, and what is implausible.
fn finding(report: &MonitoringReport) -> Markup {
    html! {
        section.finding id="finding" {
            p.verdict { (report.summary) }
            @for remark in report.remarks() { p { (remark) } }
            @for warning in &report.warnings { p.warning { strong { "Warning: " } (warning) "." } }
            // Stated explicitly: the absence of warnings might also mean that nothing was checked.
            @if report.warnings.is_empty() {
                p.soft { "The numbers agree with each other and with the plan." }
            }
        }
    }
}

fn study(report: &MonitoringReport) -> Markup {
    let rows = [
        ("Registration", report.registration.clone()),
        ("Control arm", Some(report.arms.control.clone())),
        ("Experimental arm", Some(report.arms.experimental.clone())),
        ("Data cut-off", Some(report.date.clone().unwrap_or_else(|| "not given".to_owned()))),
        ("Analysis", Some(format!("{}: {}", report.analysis, report.method))),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(term, text)| Some(Definition { term: term.to_owned(), text: text? }));
    html! {
        (element(&Element::Definitions(rows.collect()), ""))
        @if let Some(patients) = report.patients() { (document(&patients)) }
    }
}

fn signatures() -> Markup {
    html! {
        ul.choices { @for choice in CHOICES { li { (choice) } } }
        p.line { "Remarks" }
        p.line {}
        table.signatures {
            thead { tr { th scope="col" { "" } th scope="col" { "Name" } th scope="col" { "Signature" } th scope="col" { "Date" } } }
            tbody {
                @for role in SIGNATURES { tr { th scope="row" { (role) } td {} td {} td {} } }
            }
        }
    }
}
