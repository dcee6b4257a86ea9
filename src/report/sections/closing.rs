//! Closing sections: limitations, all values, glossary, how to reproduce the report.

use super::{AttachedFile, Definition, Element, Fold, Report, Section, assumptions};
use crate::expected::{self, AssumedEffect, Expected};
use crate::report::document::{Block, Document, capitalised};
use crate::report::glossary;
use crate::report::numeral::grouped;
use crate::scenario::sources::Paragraph;

/// Builds the closing sections but the glossary.
pub(super) fn sections<'r>(report: &Report<'r>) -> Vec<Section<'r>> {
    vec![
        Section::new("limits", "Limitations", limits(report)),
        Section::new("values", "Every value of the scenario", values(report)),
        Section::new("recreate", "Reproducing this report", recreate(report)),
    ]
}

fn limits<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let mut elements = Vec::new();
    let own = own_limits(report.preamble);
    if !own.is_empty() {
        elements.push(Document::new().heading("Stated by the scenario").into());
        elements.extend(assumptions::paragraphs(&own));
        elements.push(Document::new().heading("Of the simulation").into());
    }
    let warnings = expected::warnings(report.scenario);
    let warnings = warnings.iter().map(|warning| format!("{}.", capitalised(warning)));
    elements.push(Element::Items(warnings.chain(general_limits(report)).collect()));
    elements
}

/// Selects the paragraphs of a preamble that concern assumptions: items that say so, and what follows the
/// items.
fn own_limits(preamble: &[Paragraph]) -> Vec<Paragraph> {
    let last_item = preamble.iter().rposition(|paragraph| paragraph.is_item);
    let Some(last_item) = last_item else { return Vec::new() };
    let is_limit = |(position, paragraph): &(usize, &Paragraph)| {
        let opening = paragraph.text.to_lowercase();
        let names_assumption =
            ["assum", "limit", "not "].iter().any(|word| opening.starts_with(word));
        // A comment has no markup for limitations: shipped scenarios list their sources as items, and say
        // what is assumed in items that begin so or in prose after them.
        *position > last_item || names_assumption
    };
    preamble.iter().enumerate().filter(is_limit).map(|(_, paragraph)| paragraph.clone()).collect()
}

/// Lists what the simulation assumes beyond the values of the scenario.
fn general_limits(report: &Report<'_>) -> Vec<String> {
    let scenario = report.scenario;
    let file = scenario.file();
    let mut limits = Vec::new();
    let effect = Expected::new(scenario).assumptions().effect;
    if matches!(effect, AssumedEffect::Proportional { .. }) {
        limits.push("The effect is the same odds ratio at every cut of the mRS.".to_owned());
    }
    if scenario.has_dropout() && !scenario.dropout_is_selective() {
        limits.push("Dropout depends neither on the outcome nor on baseline factors.".to_owned());
    }
    if file.centres.as_ref().is_none_or(|centres| centres.outcome_sd == 0.0) {
        limits.push("Outcomes do not differ between centres.".to_owned());
    }
    if file.drift.as_ref().is_none_or(|drift| drift.log_odds_per_year == 0.0) {
        limits.push("Outcomes do not change over calendar time.".to_owned());
    }
    if report.has_interims() {
        limits.push(
            "Interim results stay confidential: they change neither accrual nor treatment."
                .to_owned(),
        );
        if scenario.stops_for_safety() {
            limits
                .push("Adjusted estimates do not account for stops by adverse events.".to_owned());
        }
    }
    limits.push(
        "± is the error of the simulation alone. Results hold for the assumptions listed; see \
         Sensitivity for others."
            .to_owned(),
    );
    limits
}

fn values<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let values = report.parameters.iter().filter(|parameter| !parameter.value.is_empty()).count();
    vec![Element::Fold {
        title: format!("{values} values with the comments of the scenario file"),
        fold: Fold::OpenOnPaper,
        content: vec![Element::Parameters(report.parameters)],
    }]
}

fn recreate<'r>(report: &Report<'r>) -> Vec<Element<'r>> {
    let provenance = &report.summary.provenance;
    // Resolved, with overrides and defaults: the original with its comments might not give these results.
    let scenario = toml::to_string(report.scenario.file()).expect("a scenario is plain data");
    let commands = format!("{}\n{}", report.command, provenance.command);
    vec![
        Document::new()
            .text("This report, and the same results on a terminal:")
            .verbatim(commands)
            .into(),
        Element::Definitions(vec![
            Definition::new("Version", format!("rescuesim {}", provenance.version)),
            Definition::new("Scenario", provenance.scenario_digest.clone()),
            Definition::new("", "SHA-256 of the resolved scenario, without comments and layout."),
            Definition::new(
                "Seed, replicates",
                format!("{}, {}", provenance.seed, grouped(provenance.replicates)),
            ),
        ]),
        Element::Files(vec![
            AttachedFile {
                name: "summary.json",
                media_type: "application/json",
                content: report.summary.to_json(),
                description: "every result with its error",
            },
            AttachedFile {
                name: "scenario.toml",
                media_type: "text/plain",
                content: scenario,
                description: "every value written out",
            },
        ]),
    ]
}

/// Defines the terms that the report uses.
pub(super) fn glossary<'r>(report: &Report<'r>, sections: &[Section<'r>]) -> Section<'r> {
    // From the built elements, not from a list of terms per section, which new sentences would outdate.
    let mut text = String::new();
    for element in report.front().iter().chain(sections.iter().flat_map(|of| &of.content)) {
        add_words(element, &mut text);
    }
    let terms = glossary::used_in(&text);
    let rows =
        terms.iter().map(|term| Definition::new(capitalised(&term.name), term.definition.as_str()));
    Section::new("glossary", "Glossary", vec![Element::Definitions(rows.collect())])
}

/// Adds the words of an element, but not those of the scenario's own values.
fn add_words(element: &Element<'_>, text: &mut String) {
    match element {
        Element::Document(document) => {
            for block in document.blocks() {
                add_block(block, text);
            }
        }
        Element::Definitions(rows) => {
            rows.iter().for_each(|Definition { term, text: of }| add(text, [term, of]));
        }
        Element::Items(items) => add(text, items),
        Element::Words { header, rows } => {
            add(text, header);
            rows.iter().for_each(|row| add(text, row));
        }
        Element::Cards(cards) => add(text, cards.iter().map(|card| &card.label)),
        Element::Figure(figure) => add(text, [&figure.title, &figure.caption]),
        Element::Fold { title, content, .. } => {
            add(text, [title]);
            content.iter().for_each(|element| add_words(element, text));
        }
        Element::Parameters(_) | Element::Files(_) => {}
    }
}

fn add_block(block: &Block, text: &mut String) {
    match block {
        Block::Title(words) | Block::Heading(words) | Block::Text(words) => add(text, [words]),
        Block::Table { header, rows, .. } => {
            add(text, header);
            rows.iter().for_each(|row| add(text, row));
        }
        Block::Verbatim(_) | Block::Gap => {}
    }
}

/// Adds texts, apart so that no term spans two of them.
fn add<T: AsRef<str>>(text: &mut String, parts: impl IntoIterator<Item = T>) {
    for part in parts {
        *text += part.as_ref();
        // No term has it, so that none is found across two parts.
        *text += " . ";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::sources::preamble;

    #[test]
    fn limitations_are_what_a_scenario_assumes_and_adds_after_its_sources() {
        let text = include_str!("../../../scenarios/early-vs-late.toml");
        let limits = own_limits(&preamble(text));
        let [assumed, added] = &limits[..] else { panic!("{limits:?}") };
        assert!(assumed.text.starts_with("Assumed: 82.4 %"), "{assumed:?}");
        assert!(added.text.contains("may arise without any effect of timing"), "{added:?}");
        assert_eq!(own_limits(&preamble("# Is it enough?\n#\n# A trial.\n")), []);
    }
}
