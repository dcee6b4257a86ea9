//! Tables of `rescuesim compare`: each scenario against the first.

use super::Provenance;
use super::document::Document;
use super::numeral::{NONE, grouped, value_and_error, with_error};
use super::table::precision;
use crate::explore::compare::{ComparedQuantity, Difference};
use crate::summary::McEstimate;

/// Lays out a table for every scenario but the first, given the names of the files and the warnings of each
/// scenario.
pub fn document(
    names: &[String],
    provenance: &[Provenance],
    warnings: &[Vec<String>],
    figures: &[ComparedQuantity],
) -> Document {
    let mut out = Document::new();
    for (i, (name, of)) in names.iter().zip(provenance).enumerate() {
        out = out.text(format!("{} is {name}: {}", i + 1, of.scenario.title));
        for warning in &warnings[i] {
            out = out.text(format!("  Note on {}: {warning}.", i + 1));
        }
    }
    out = out.gap().text(format!(
        "{} simulated trials of each on the same random numbers, seed {}{}. Differences are paired: \
         their Monte Carlo error (±) is that of the differences within replicates; unpaired is the \
         error that two runs on random numbers of their own would have.",
        grouped(provenance[0].replicates),
        provenance[0].seed,
        precision(provenance[0].precision.as_ref(), "the differences in ")
    ));
    for other in 1..provenance.len() {
        let second = (other + 1).to_string();
        let difference = format!("{second} less 1");
        // Quantities of one analysis or arm are adjacent and share a table.
        for group in figures.chunk_by(|a, b| prefix(a) == prefix(b)) {
            let rows = group.iter().map(|compared| {
                let [first, second] = [0, other].map(|i| &compared.values[i]);
                row(compared, first, second, &compared.differences[other - 1])
            });
            let header = [prefix(&group[0]), "1", &second, &difference, "unpaired", "ratio"];
            out = out.gap();
            out = out.table(&header, rows.collect());
        }
    }
    out = out.gap();
    out = out.text(
        "Shares of patients are those of trials that run to their end: of mRS 0–2 and mortality \
         among known outcomes, of all else among the randomised.",
    );
    if !figures.iter().any(|compared| compared.quantity.ends_with(".haemorrhage"))
        && provenance.iter().any(|of| of.scenario.procedure.is_some())
    {
        out = out.text(
            "Haemorrhage is left out: it is compared where all scenarios have it by the same \
             definition.",
        );
    }
    out.gap().verbatim(format!("Recreate: {}", provenance[0].command))
}

/// The analysis or arm that a quantity belongs to.
fn prefix(compared: &ComparedQuantity) -> &str {
    compared.quantity.rsplit_once('.').map_or("", |(prefix, _)| prefix)
}

fn row(
    compared: &ComparedQuantity,
    first: &McEstimate,
    second: &McEstimate,
    difference: &Difference,
) -> Vec<String> {
    let name = compared.quantity.rsplit('.').next().unwrap_or_default();
    let (label, scale) = match name {
        "stented" => ("stents per 100".to_owned(), 100.0),
        "type_i_error" => ("type I error".to_owned(), 1.0),
        other => (other.replace('_', " "), 1.0),
    };
    let Difference { paired, mcse_unpaired, mcse_ratio } = *difference;
    let unpaired = McEstimate { mcse: mcse_unpaired, ..paired }.scaled(scale);
    vec![
        label,
        value_and_error(first.scaled(scale), 1).0,
        value_and_error(second.scaled(scale), 1).0,
        with_error(paired.scaled(scale)),
        value_and_error(unpaired, 1).1.unwrap_or_else(|| NONE.to_owned()),
        if mcse_ratio.is_finite() { format!("{mcse_ratio:.2}") } else { NONE.to_owned() },
    ]
}

/// Formats the comparison as JSON, ending in a newline.
pub fn to_json(provenance: &[Provenance], figures: &[ComparedQuantity]) -> String {
    let json = serde_json::json!({ "provenance": provenance, "figures": figures });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}
