//! `rescuesim strategies`: outcomes under each strategy.

use super::Provenance;
use super::document::Document;
use super::numeral::grouped;
use super::procedure::{Show, everyone};
use super::table::precision;
use crate::explore::strategies::StrategySummary;

/// Tabulates two rows for each strategy: simulated and exact.
pub fn document(
    provenance: &Provenance,
    rules: &[StrategySummary],
    patients: u64,
    max_passes: u32,
) -> Document {
    let mut out = Document::new().title(&provenance.scenario.title).gap();
    out = out.text(format!(
        "A stent for patients with persistent occlusion after the given number of passes, or none and \
         {max_passes} passes at most. {} simulated patients under each strategy, the same ones, \
         from the first pass on, seed {}{}; ± is the Monte Carlo standard error. Per 100 patients, but for minutes (means) \
         and passes.",
        grouped(patients),
        provenance.seed,
        precision(provenance.precision.as_ref(), "")
    ));
    out = out.gap();
    let haemorrhage = provenance.scenario.procedure.as_ref().and_then(|p| p.haemorrhage.as_ref());
    let rows = rules.iter().flat_map(|rule| {
        let name = match rule.stent_after {
            Some(passes) => format!("after {passes}"),
            None => "never".to_owned(),
        };
        [(name, Show::Simulated), ("  exact".to_owned(), Show::Exact)]
            .map(|(name, show)| row(rule, name, show, haemorrhage.is_some()))
    });
    out = out.table(
        &["stent", "mRS 0–2", "dead", "bleed", "minutes", "passes", "stents"],
        rows.collect(),
    );
    if let Some(haemorrhage) = haemorrhage {
        out = out.text(format!("Bleed: symptomatic haemorrhage, {}.", haemorrhage.definition));
    }
    out = out.text("Patients stented early are assumed to be like the others at later passes.");
    out.gap().verbatim(format!("Recreate: {}", provenance.command))
}

fn row(rule: &StrategySummary, name: String, show: Show, bleeds: bool) -> Vec<String> {
    let everyone = everyone(&rule.patients);
    let measures = &everyone.measures;
    // A model may state no minutes.
    let minutes = everyone.minutes.as_ref();
    vec![
        name,
        show.cell(&measures["functional_independence"], 100.0),
        show.cell(&measures["mortality"], 100.0),
        if bleeds { show.cell(&measures["haemorrhage"], 100.0) } else { "–".to_owned() },
        minutes.map_or("–".to_owned(), |minutes| show.cell(&minutes.mean, 1.0)),
        show.cell(&measures["passes"], 1.0),
        show.cell(&measures["stented"], 100.0),
    ]
}

/// Renders the strategies as JSON, ending in a newline.
pub fn to_json(provenance: &Provenance, rules: &[StrategySummary], patients: u64) -> String {
    let json =
        serde_json::json!({ "provenance": provenance, "patients": patients, "rules": rules });
    serde_json::to_string_pretty(&json).expect("plain data") + "\n"
}
