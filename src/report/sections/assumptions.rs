//! Sections of assumptions and methods.

use super::{Definition, Element, Report, Section, front, rules};
use crate::report::document::{Document, capitalised};
use crate::report::numeral::{MOST_DECIMALS, decimals_of};
use crate::report::{numeral, table};
use crate::scenario::sources::Paragraph;
use crate::summary::AnalysisSummary;

/// Builds the sections of assumptions and methods.
pub(super) fn sections<'r>(report: &Report<'r>) -> Vec<Section<'r>> {
    vec![
        Section::new("aims", "Aims and estimands", aims(report)),
        Section::new("patients", "Patients and outcomes assumed", patients(report)),
        Section::new("design", "Design", design(report)),
        Section::new("methods", "Methods and simulation", methods(report)),
        Section::new("balance", "Treatment balance", balance(report)),
    ]
}

fn aims<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let file = report.scenario.file();
    let [effect, _] = report.truths();
    let mut rows = Vec::new();
    rows.extend(
        file.question
            .as_ref()
            .map(|question| Definition::new("Remark of the scenario", question.clone())),
    );
    rows.push(Definition::new("Assumptions", front::synopsis(report).assumptions.sentence()));
    rows.push(Definition::new(
        "Endpoint",
        format!(
            "Modified Rankin Scale (0 best, 6 dead), {} days after randomisation; death counts as mRS 6.",
            file.follow_up.days
        ),
    ));
    for analysis in &effect.analyses {
        rows.push(Definition::new(format!("Estimand of {}", analysis.name), estimand(analysis)));
    }
    vec![Element::Definitions(rows)]
}

/// Names the effect that an analysis estimates, with its value under the alternative.
fn estimand(analysis: &AnalysisSummary) -> String {
    let scale = analysis.estimate.scale;
    let words = scale.replace('_', " ");
    let Some(truth) = analysis.estimate.truth else {
        return format!("{}.", capitalised(&words));
    };
    // Ratios are analysed as logarithms and read as ratios.
    match (scale.strip_prefix("log_"), scale) {
        (Some(ratio), _) => format!(
            "{}, {} in these patients.",
            capitalised(&ratio.replace('_', " ")),
            numeral::odds_ratio(truth)
        ),
        (None, "risk_difference") => format!(
            "Risk difference, {} percentage points in these patients.",
            numeral::fixed(100.0 * truth, 1)
        ),
        (None, _) => {
            format!("{}, {} in these patients.", capitalised(&words), numeral::fixed(truth, 3))
        }
    }
}

fn patients<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let mut elements = Vec::new();
    let factors = factors(report);
    if !factors.is_empty() {
        elements.push(Document::new().heading("Baseline factors").into());
        elements.push(Element::Definitions(factors));
    }
    if !report.preamble.is_empty() {
        elements.push(Document::new().heading("Sources, as the scenario states them").into());
        elements.extend(paragraphs(report.preamble));
    }
    elements
}

/// Describes the levels of each baseline factor.
fn factors(report: &Report<'_>) -> Vec<Definition> {
    let factors = report.scenario.file().factors.iter();
    factors
        .map(|factor| {
            let levels: Vec<String> = match &factor.shares {
                Some(shares) => {
                    // Shares may be written as fractions or as percentages; the reader sees per cent.
                    let total: f64 = shares.iter().sum();
                    let shares = shares.iter().map(|share| 100.0 * share / total);
                    let levels = factor.levels.iter().zip(shares);
                    levels
                        .map(|(level, share)| format!("{level} ({} %)", numeral::trimmed(share, 1)))
                        .collect()
                }
                None => factor.levels.clone(),
            };
            Definition::new(factor.name.replace('_', " "), levels.join(", "))
        })
        .collect()
}

/// Shows paragraphs of prose, and items as lists.
pub(super) fn paragraphs<'r>(paragraphs: &[Paragraph]) -> Vec<Element<'r>> {
    let mut elements: Vec<Element<'r>> = Vec::new();
    for Paragraph { is_item, text } in paragraphs {
        match (elements.last_mut(), is_item) {
            // Items in a row are one list, not a list each.
            (Some(Element::Items(items)), true) => items.push(text.clone()),
            (_, true) => elements.push(Element::Items(vec![text.clone()])),
            (_, false) => elements.push(Document::new().text(text).into()),
        }
    }
    elements
}

fn design<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, none] = report.truths();
    let conduct = front::conduct(report);
    let mut elements = vec![Element::Definitions(conduct)];
    elements.push(Document::new().heading("Boundaries").into());
    elements.push(crate::report::check::bounds(report.scenario).into());
    // The primary analysis is left out here, as its boundaries are on the front page.
    let others = report.scenario.analyses.iter().zip(&effect.analyses).zip(&none.analyses);
    for ((analysis, with), without) in others.skip(1) {
        elements.push(
            Document::new()
                .heading(format!("What crosses them: {}", analysis.name))
                .and(rules::boundaries(report, analysis, with, without))
                .into(),
        );
    }
    elements.push(
        Document::new()
            .heading("Calendar")
            .and(crate::report::looks::document(&effect.analyses[0]))
            .into(),
    );
    elements.extend(report.figures(&["calendar"]));
    elements
}

fn methods<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, _] = report.truths();
    let written = report.scenario.file().analyses_primary_first();
    let rows = effect.analyses.iter().zip(written).map(|(analysis, written)| {
        // Patients and missing outcomes have columns of their own.
        let mut test = written.describe_test();
        if written.rerandomisations > 0 {
            test += &format!(", p from {} re-randomisations", written.rerandomisations);
        }
        vec![
            analysis.name.clone(),
            test,
            written.population.to_string(),
            written.missing.to_string(),
        ]
    });
    let header = vec!["Analysis", "Test and estimate", "Patients analysed", "Missing outcomes"];
    let mut elements = vec![
        Document::new()
            .heading("Analyses")
            .text("Each analysis monitors the same simulated trials by itself.")
            .into(),
        Element::Words { header, rows: rows.collect() },
        Document::new().heading("Simulation").into(),
        Element::Definitions(simulation(report)),
    ];
    elements.extend(report.figures(&["convergence"]));
    elements
}

fn simulation(report: &Report<'_>) -> Vec<Definition> {
    let provenance = &report.summary.provenance;
    let [effect, none] = report.truths();
    let largest = effect.analyses.iter().map(|it| it.rejection.mcse).fold(0.0, f64::max);
    let null = none.analyses.iter().map(|it| it.rejection.mcse).fold(0.0, f64::max);
    // √(p(1 − p)/n) is largest at p = ½.
    let worst = 0.5 / (provenance.replicates as f64).sqrt();
    let mut truths = if report.has_margin() {
        "H1: the effect as stated. H0: the same patients, with the experimental arm shifted from control \
         to the margin of the primary analysis."
    } else {
        "H1: the effect as stated. H0: the same patients, with the experimental arm drawn as control."
    }
    .to_owned();
    if report.summary.prior.is_some() {
        truths += " Prior: the same patients, with an effect drawn for each trial.";
    }
    let mut rows = vec![
        Definition::new(
            "Replicates",
            format!(
                "{}{}. With this number any proportion has a Monte Carlo standard error of at most {} \
                 percentage points; that of the power is {}, of the false-positive rate {}.",
                numeral::grouped(provenance.replicates),
                table::precision(provenance.precision.as_ref(), ""),
                two_digits(100.0 * worst),
                two_digits(100.0 * largest),
                two_digits(100.0 * null)
            ),
        ),
        Definition::new("Truths", truths),
        Definition::new(
            "Random numbers",
            format!(
                "Seed {}. Every patient of every replicate has random numbers of their own for each \
                 purpose, the same under H1 and H0. The result does not depend on the machine or the \
                 number of threads.",
                provenance.seed
            ),
        ),
    ];
    rows.extend(failures(report));
    rows
}

/// Counts analyses that gave no result; `None` if all did.
fn failures(report: &Report<'_>) -> Option<Definition> {
    let [effect, none] = report.truths();
    let analyses = || effect.analyses.iter().chain(&none.analyses);
    let fits: u64 = analyses().map(|it| it.fit_failures).sum();
    let looks: u64 = analyses().map(|it| it.failed_looks).sum();
    let mut found = Vec::new();
    if fits > 0 {
        found.push(format!("{} trials without an estimate", numeral::grouped(fits)));
    }
    if looks > 0 {
        found.push(format!("{} looks without a statistic", numeral::grouped(looks)));
    }
    (!found.is_empty()).then(|| {
        Definition::new(
            "Failures",
            format!(
                "{}, over all analyses under H1 and H0. A look without a statistic never stops a trial, \
                 and every trial stays in every denominator but the estimate's.",
                capitalised(&found.join(" and "))
            ),
        )
    })
}

fn two_digits(error: f64) -> String {
    if error == 0.0 {
        return "0".to_owned();
    }
    let decimals = decimals_of(error, 2, MOST_DECIMALS);
    numeral::fixed(error, decimals)
}

fn balance<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let [effect, _] = report.truths();
    let mut elements = report.figures(&["balance"]);
    elements.push(table::balance(&effect.balance).into());
    elements
}
