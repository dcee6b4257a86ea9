//! Sections of results.

use super::{Element, Fold, Report, Section};
use crate::report::document::Document;
use crate::report::{numeral, table};
use crate::summary::{AnalysisSummary, McEstimate};

/// Builds the sections of results, the primary analysis first in each.
pub(super) fn sections<'r>(report: &Report<'r>) -> Vec<Section<'r>> {
    let mut sections = vec![Section::new("power", "Power and false-positive rate", power(report))];
    // A design with one look has nothing to say of stopping, and its heading should not promise it.
    let early = if report.has_interims() {
        "Early stopping, size and duration"
    } else {
        "Size and duration"
    };
    sections.push(Section::new("early", early, course(report)));
    sections.push(Section::new("estimates", "Estimates", estimates(report)));
    if let Some(compared) = fixed(report) {
        sections.push(Section::new("fixed", "Comparison with a single look", compared));
    }
    if let Some(figure) = report.figures.iter().find(|figure| figure.name == "power-curve") {
        let of = if report.scenario.procedural().is_some() {
            "Sensitivity to the sample size"
        } else {
            "Sensitivity to the effect size"
        };
        sections.push(Section::new("sensitivity", of, vec![Element::Figure(figure)]));
    }
    if let Some(content) = procedure(report) {
        sections.push(Section::new("procedure", "Procedure", content));
    }
    if !report.examples.is_empty() {
        sections.push(Section::new("examples", "Example trials", examples(report)));
    }
    sections
}

fn power<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let mut tables = table::rejection(effect, none, report.has_margin());
    tables += table::reduced(effect, none);
    tables += table::by_formula(effect, report.scenario.file());
    tables += table::within_stratum(report.scenario.file(), effect);
    tables += crate::report::modification::simulated(report.scenario, &report.summary.truths);
    tables +=
        crate::report::disregarded::document(effect, none, report.scenario.file().design.decisions);
    tables += crate::report::safety::price(effect, none);
    tables += table::over_prior(report.summary);
    tables += crate::report::configurations::simulated(&report.summary.truths);
    tables += crate::report::success::document(report.scenario, &report.summary.truths);
    tables += crate::report::adaptation::document(report.scenario, &report.summary.truths);
    tables += crate::report::population::document(report.scenario, &report.summary.truths);
    let mut elements = vec![tables.into()];
    elements.extend(report.figures(&["z-paths", "outcomes"]));
    elements
}

fn course<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let mut elements = report.figures(&["population-rule", "size-rule", "sample-size", "duration"]);
    let mut tables = Document::new();
    for (i, (with, without)) in effect.analyses.iter().zip(&none.analyses).enumerate() {
        tables = tables.heading(monitored_by(report, i));
        if report.has_interims() {
            tables += table::stops(with, without);
        }
        tables += table::sizes(with, without);
    }
    if report.has_interims() {
        tables = tables.text(
            "Reversal: the trial stopped early, and once the outcomes of the overrun are included the \
             conclusion changes.",
        );
    }
    tables += crate::report::safety::events(effect, none);
    elements.push(tables.into());
    elements
}

/// Names the analysis whose decisions a table is of.
fn monitored_by(report: &Report<'_>, index: usize) -> String {
    let [effect, _] = report.truths();
    let name = &effect.analyses[index].name;
    match (effect.analyses.len(), index) {
        (1, _) => format!("Monitored by {name}"),
        (_, 0) => format!("Monitored by {name} (primary)"),
        (_, _) => format!("The same trials, monitored by {name}"),
    }
}

fn estimates<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let mut tables = Document::new();
    for (with, without) in effect.analyses.iter().zip(&none.analyses) {
        tables = tables.heading(&with.name);
        tables += table::estimates(with, without);
    }
    if report.has_interims() {
        tables = tables.text(format!(
            "Estimate and 95 % interval are not adjusted for interim looks; \"early\" are trials that \
             stopped at an interim look; \"followed\" is the estimate once the patients of the overrun \
             have completed follow-up. \"Adjusted\" is {}.",
            table::adjusted_in_words(&effect.analyses[0])
        ));
    }
    tables += crate::report::description::described(&report.summary.truths);
    vec![tables.into()]
}

/// Compares the design with a single analysis of the same trials; `None` if the design has one look.
fn fixed<'r>(report: &Report<'r>) -> Option<Vec<Element<'r>>> {
    let [one_effect, one_none, ..] = &report.fixed?.truths[..] else { return None };
    let [effect, none] = report.truths();
    let mut tables = Document::new().text(
        "The same simulated patients in a trial of the same size that looks once, when all outcomes are \
         known, and tests efficacy alone.",
    );
    for (i, (with, without)) in effect.analyses.iter().zip(&none.analyses).enumerate() {
        let rows = compared(report, with, &one_effect.analyses[i], without, &one_none.analyses[i]);
        let rows = rows.into_iter().map(Vec::from).collect();
        let header = [with.name.as_str(), "this design", "one look"];
        tables = tables.heading(&with.name).table(&header, rows);
    }
    Some(vec![tables.into()])
}

/// Compares an analysis with the same one at a single look, under the alternative and under the null.
fn compared(
    report: &Report<'_>,
    effect: &AnalysisSummary,
    effect_once: &AnalysisSummary,
    none: &AnalysisSummary,
    none_once: &AnalysisSummary,
) -> Vec<[String; 3]> {
    vec![
        [
            "power".to_owned(),
            numeral::percent_with_error(effect.rejection),
            numeral::percent_with_error(effect_once.rejection),
        ],
        [
            "false-positive rate (one-sided)".to_owned(),
            numeral::percent_with_error(none.rejection),
            numeral::percent_with_error(none_once.rejection),
        ],
        with_errors(
            "patients randomised, assumed effect",
            effect.n_randomised.mean,
            effect_once.n_randomised.mean,
        ),
        with_errors(
            &format!("patients randomised, {}", report.null_in_words()),
            none.n_randomised.mean,
            none_once.n_randomised.mean,
        ),
        with_errors(
            "months to the decision, assumed effect",
            effect.duration_months,
            effect_once.duration_months,
        ),
        with_errors(
            "bias of the estimate, assumed effect",
            effect.estimate.overall.bias,
            effect_once.estimate.overall.bias,
        ),
        [
            "coverage of its 95 % interval".to_owned(),
            numeral::percent_with_error(effect.estimate.overall.coverage),
            numeral::percent_with_error(effect_once.estimate.overall.coverage),
        ],
    ]
}

/// Row of a quantity with this design and with one look.
fn with_errors(name: &str, design: McEstimate, once: McEstimate) -> [String; 3] {
    [name.to_owned(), numeral::with_error(design), numeral::with_error(once)]
}

fn procedure<'r>(report: &Report<'r>) -> Option<Vec<Element<'r>>> {
    let summary = report.summary.procedure.as_ref()?;
    let file = report.scenario.file();
    let tables = crate::report::procedure::document(
        summary,
        file,
        crate::report::procedure::Show::Simulated,
    );
    let mut elements = report.figures(&["flow-control", "flow-experimental", "strategies"]);
    elements.push(tables.into());
    Some(elements)
}

fn examples<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let mut text = Document::new()
        .text("The first simulated trial with each kind of ending, of the primary analysis.");
    if !report.not_found.is_empty() {
        text = text.text(format!(
            "No simulated trial among those searched ended with {}.",
            report.not_found.join(", ").replace("-at-", " at look ").replace('-', " ")
        ));
    }
    let mut elements = vec![text.into()];
    for (i, example) in report.examples.iter().enumerate() {
        elements.push(Element::Figure(&example.figure));
        // The command rather than the patients: a table of hundreds of rows for each story would be most of
        // the page.
        let story = example.story.clone().text("The whole trial:").verbatim(&example.command);
        elements.push(Element::Fold {
            title: format!("The story of this trial: {}", lower(&example.figure.title)),
            // On paper one story is enough to see how a trial goes.
            fold: if i == 0 { Fold::Open } else { Fold::Closed },
            content: vec![story.into()],
        });
    }
    elements
}

/// Writes the first letter small.
fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
