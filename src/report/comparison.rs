//! Results of `rescuesim compare`: each scenario against the first.

use super::Provenance;
use super::document::Document;
use super::numeral::{NONE, grouped, value_and_error, with_error};
use super::table::precision;
use crate::explore::compare::{ComparedQuantity, Difference};
use crate::scenario::file::ScenarioFile;
use crate::summary::McEstimate;

/// Scenarios that have been compared.
#[derive(Debug)]
pub struct Comparison<'c> {
    /// Short names of the scenarios, all different.
    pub names: &'c [String],
    /// Origins of their results.
    pub provenance: &'c [Provenance],
    /// Warnings about each scenario.
    pub warnings: &'c [Vec<String>],
    /// Quantities that they have in common.
    pub quantities: &'c [ComparedQuantity],
}

/// Least width of the name of a scenario in the head of a table.
// Two names, a difference and two errors leave this much of 80 columns.
const NAME_WIDTH: usize = 13;

/// Lays out tables for every scenario but the first, within a number of columns.
pub fn document(comparison: &Comparison<'_>, columns: usize) -> Document {
    let Comparison { names, provenance, quantities, .. } = comparison;
    let mut out = introduction(comparison);
    for other in 1..provenance.len() {
        let (first, second) = (&names[0], &names[other]);
        out = out.heading(format!("{second} minus {first}"));
        let header = [first, second].map(|name| head(name, columns));
        // Quantities of one analysis or arm are adjacent and share a table.
        for (i, group) in quantities.chunk_by(|a, b| prefix(a) == prefix(b)).enumerate() {
            if i > 0 {
                out = out.gap();
            }
            let rows = group.iter().map(|compared| {
                let [first, second] = [0, other].map(|i| &compared.values[i]);
                row(compared, first, second, &compared.differences[other - 1])
            });
            let header = [
                &title(&provenance[0].scenario, &group[0]),
                &header[0],
                &header[1],
                "difference",
                "SE if\nunpaired",
                "SE\nratio",
            ];
            out = out.table(&header, rows.collect());
        }
    }
    out = out.gap();
    out = out.text(
        "Proportions of patients are of trials that run to their end: mRS 0–2 and mortality among \
         patients with an outcome, all others among the randomised.",
    );
    if !quantities.iter().any(|compared| compared.quantity.ends_with(".haemorrhage"))
        && provenance.iter().any(|of| of.scenario.procedure.is_some())
    {
        out = out.text(
            "Haemorrhage is omitted: it is compared only if all scenarios define it in the same way.",
        );
    }
    out.gap().verbatim(format!("Recreate: {}", provenance[0].command))
}

/// Breaks the name of a scenario for the head of a column: a path after its folders, other names anywhere.
fn head(name: &str, columns: usize) -> String {
    // Half of what a wide terminal has beyond 80 columns, as there are two names.
    let width = NAME_WIDTH + columns.saturating_sub(80).min(160) / 2;
    let mut lines = vec![String::new()];
    for part in name.split_inclusive('/') {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() || last.chars().count() + part.chars().count() <= width {
            last.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    let lines = lines.iter().map(|line| textwrap::fill(line, width));
    lines.collect::<Vec<_>>().join("\n")
}

/// Names the scenarios, warns about them, and explains the columns.
fn introduction(comparison: &Comparison<'_>) -> Document {
    let Comparison { names, provenance, warnings, .. } = comparison;
    let mut out = Document::new();
    for (name, of) in names.iter().zip(*provenance) {
        out = out.text(format!("{name}: {}", of.scenario.title));
    }
    // A warning about several scenarios is printed once.
    let mut seen: Vec<&String> = Vec::new();
    for warning in warnings.iter().flatten() {
        // Already printed with the first scenario that has it.
        if seen.contains(&warning) {
            continue;
        }
        seen.push(warning);
        let concerned: Vec<&str> = names
            .iter()
            .zip(*warnings)
            .filter(|(_, warnings)| warnings.contains(warning))
            .map(|(name, _)| name.as_str())
            .collect();
        let all = concerned.len() == names.len();
        let whom = if all { "all scenarios".to_owned() } else { concerned.join(" and ") };
        out = out.text(format!("Warning on {whom}: {warning}."));
    }
    out.gap().text(format!(
        "{} replicates of each scenario on the same random numbers, seed {}{}. ± is the Monte Carlo \
         standard error (SE) of the paired difference; SE if unpaired: with independent random numbers; \
         SE ratio: paired over unpaired.",
        grouped(provenance[0].replicates),
        provenance[0].seed,
        precision(provenance[0].precision.as_ref(), "the differences in ")
    ))
}

/// The analysis or arm that a quantity belongs to.
fn prefix(compared: &ComparedQuantity) -> &str {
    compared.quantity.rsplit_once('.').map_or("", |(prefix, _)| prefix)
}

/// The heading of a table: the analysis or arm, a method in words where the scenario gives no name.
fn title(scenario: &ScenarioFile, compared: &ComparedQuantity) -> String {
    let name = prefix(compared);
    let is_method = scenario.analyses.iter().any(|analysis| {
        analysis.name.as_deref() == Some(name) && analysis.method.parameters().key() == name
    });
    if is_method { name.replace('_', " ") } else { name.to_owned() }
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
pub fn to_json(comparison: &Comparison<'_>) -> String {
    let Comparison { names, provenance, quantities, .. } = comparison;
    let json = serde_json::json!({
        "provenance": provenance,
        "scenarios": names,
        // The name in files, which were first written with it; in words a figure is a drawing.
        "figures": quantities,
    });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}
