//! The catalogue as tables of the documentation.

use serde::Serialize;

use super::list::{
    ANALYSIS, ARM, BALANCE, CENTRES, COMPONENT, CUT, DESCRIPTION, GROUP, LEVEL, LOOK, MODIFIED,
    PASS, POPULATION, POPULATION_CHOICE, POPULATION_LEVEL, PRIOR, PRIOR_ANALYSIS, PROCEDURE,
    REESTIMATION, SAFETY, SAFETY_LOOK, SUBGROUP, SUCCESS, SUCCESS_ANALYSIS, SUCCESS_LOOK, TRUTH,
    ZONE,
};
use super::{Kind, Quantity};
use crate::summary::NamedQuantity;

/// A quantity as the documentation has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogueEntry {
    /// Object of the JSON that it is a field of.
    pub object: &'static str,
    /// Keys that lead to it from there, joined by dots.
    pub field: &'static str,
    /// Name in words.
    pub meaning: &'static str,
    /// Whether it is simulated, exact, a count …
    pub kind: &'static str,
    /// Unit; empty without one.
    pub unit: String,
    /// Column of `sweep.csv`, if it has one; k is the number of a look.
    pub column: Option<String>,
    /// Names that `--precision-of`, `solve --reach` and `[expect]` have for it.
    pub names: Vec<String>,
}

/// Lists every quantity of a result, object by object.
pub fn entries() -> Vec<CatalogueEntry> {
    let mut out = Vec::new();
    section(&mut out, "truths[]", TRUTH);
    section(&mut out, "truths[].analyses[]", ANALYSIS);
    section(&mut out, "truths[].analyses[].looks[]", LOOK);
    section(&mut out, "truths[].analyses[].reestimation", REESTIMATION);
    section(&mut out, "truths[].analyses[].reestimation.zones[]", ZONE);
    section(&mut out, "truths[].analyses[].population", POPULATION);
    section(&mut out, "truths[].analyses[].population.levels[]", POPULATION_LEVEL);
    section(&mut out, "truths[].analyses[].population.populations[]", POPULATION_CHOICE);
    section(&mut out, "truths[].description", DESCRIPTION);
    section(&mut out, "truths[].description.cuts[]", CUT);
    section(&mut out, "truths[].description.subgroups[]", SUBGROUP);
    section(&mut out, "truths[].levels[]", MODIFIED);
    section(&mut out, "truths[].safety[]", SAFETY);
    section(&mut out, "truths[].safety[].looks[]", SAFETY_LOOK);
    section(&mut out, "truths[].success", SUCCESS);
    section(&mut out, "truths[].success.analyses[]", SUCCESS_ANALYSIS);
    section(&mut out, "truths[].success.looks[]", SUCCESS_LOOK);
    section(&mut out, "truths[].balance", BALANCE);
    section(&mut out, "truths[].balance.levels[]", LEVEL);
    section(&mut out, "truths[].balance.centres", CENTRES);
    section(&mut out, "prior", PRIOR);
    section(&mut out, "prior.components[]", COMPONENT);
    section(&mut out, "prior.analyses[]", PRIOR_ANALYSIS);
    section(&mut out, "procedure", PROCEDURE);
    section(&mut out, "procedure.arms[]", ARM);
    section(&mut out, "procedure.arms[].groups[]", GROUP);
    section(&mut out, "procedure.arms[].passes[]", PASS);
    for named in NamedQuantity::all() {
        let field = named.field();
        let object = if named.is_of_rule() { "truths[].success" } else { "truths[].analyses[]" };
        let entry = out.iter_mut().find(|entry| {
            let path = format!("{}.{}", entry.object, entry.field);
            path == format!("{object}.{field}")
        });
        // Power, type I error and assurance are one field under three truths: it has three names.
        entry.expect("the catalogue has every named quantity").names.push(named.to_string());
    }
    out
}

fn section<T>(out: &mut Vec<CatalogueEntry>, object: &'static str, catalogue: &[Quantity<T>]) {
    let prefix = if object.ends_with("looks[]") { "look_k_" } else { "" };
    out.extend(catalogue.iter().map(|quantity| CatalogueEntry {
        object,
        field: quantity.key,
        meaning: quantity.label,
        kind: kind_in_words(quantity.kind()),
        unit: quantity.unit.to_string(),
        column: quantity.column.map(|column| format!("{prefix}{column}")),
        names: Vec::new(),
    }));
}

/// Opening of the page of `truths`.
const OPENING_OF_TRUTHS: &str = "# Every field of a result under a truth\n\n\
    For analysts who read results with a program. The tables are made from the catalogue of quantities in \
    `src/summary/quantity/list`; `src/summary/README.md` explains how the JSON is built. \
    `src/summary/quantity/adaptations.md` has the fields of trials that adapt, \
    `src/summary/quantity/prior_and_procedure.md` those of the prior and of the procedure, \
    `src/summary/quantity/names.md` lists the names that options take.\n\n";

/// Opening of the page of adaptations.
const OPENING_OF_ADAPTATIONS: &str = "# Every field of a trial that adapts\n\n\
    For analysts who read results with a program. `src/summary/quantity/README.md` has the other fields under each truth.\n\n";

/// Opening of the page of `prior` and `procedure`.
const OPENING_OF_PRIOR_AND_PROCEDURE: &str = "# Every field of the prior and of the procedure\n\n\
    For analysts who read results with a program. `src/summary/quantity/README.md` has the fields under each truth.\n\n";

/// Opening of the page of names.
const OPENING_OF_NAMES: &str = "# Quantities that options name\n\n\
    For users of `--precision-of` and `solve --reach`; `src/summary/quantity/README.md` has their meanings and units.\n\n";

/// Describes every field under a truth in Markdown, a table for each object of the JSON.
/// `src/summary/quantity/README.md` has this text.
pub fn truths_as_markdown() -> String {
    let truths = entries().into_iter().filter(|it| is_under_truth(it) && !is_of_adaptation(it));
    tables(OPENING_OF_TRUTHS, truths.collect())
}

/// Describes every field of a re-estimated size and of a restricted population in Markdown.
/// `src/summary/quantity/adaptations.md` has this text.
pub fn adaptations_as_markdown() -> String {
    tables(OPENING_OF_ADAPTATIONS, entries().into_iter().filter(is_of_adaptation).collect())
}

/// Describes every field of the prior and of the procedure in Markdown.
/// `src/summary/quantity/prior_and_procedure.md` has this text.
pub fn prior_and_procedure_as_markdown() -> String {
    let (_, others) = entries().into_iter().partition(is_under_truth);
    tables(OPENING_OF_PRIOR_AND_PROCEDURE, others)
}

fn is_under_truth(entry: &CatalogueEntry) -> bool {
    entry.object.starts_with("truths[]")
}

// On a page of their own: with all others the page would be longer than a reader can search.
fn is_of_adaptation(entry: &CatalogueEntry) -> bool {
    ["truths[].analyses[].reestimation", "truths[].analyses[].population"]
        .iter()
        .any(|object| entry.object.starts_with(object))
}

fn tables(opening: &str, entries: Vec<CatalogueEntry>) -> String {
    let mut out = opening.to_owned();
    for entries in entries.chunk_by(|one, next| one.object == next.object) {
        let has_columns = entries.iter().any(|entry| entry.column.is_some());
        out += &format!("| field of `{}` | meaning | kind | unit |", entries[0].object);
        out += if has_columns { " column of `sweep.csv` |\n" } else { "\n" };
        out += if has_columns { "|---|---|---|---|---|\n" } else { "|---|---|---|---|\n" };
        for CatalogueEntry { field, meaning, kind, unit, column, .. } in entries {
            // A bar would end the cell.
            let meaning = meaning.replace('|', "\\|");
            out += &format!("| `{field}` | {meaning} | {kind} | {unit} |");
            if has_columns {
                out += &column.as_ref().map_or(" |".to_owned(), |column| format!(" `{column}` |"));
            }
            out.push('\n');
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Lists the names of `--precision-of` and `solve --reach` in Markdown, with the fields that they stand
/// for. `src/summary/quantity/names.md` has this text.
pub fn names_as_markdown() -> String {
    let mut out = OPENING_OF_NAMES.to_owned();
    out += "| name for `--precision-of` and `solve --reach` | field | of |\n|---|---|---|\n";
    for named in NamedQuantity::all() {
        let truth = named.truth().own_name().expect("no configuration is common to all scenarios");
        out += &format!("| `{named}` | `{}` | `{truth}` |\n", named.field());
    }
    out
}

fn kind_in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Simulated => "simulated",
        Kind::Checked => "simulated, exact",
        Kind::Number => "number",
        Kind::Count => "count",
        Kind::Text => "text",
        Kind::List => "list",
    }
}
