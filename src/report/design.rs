//! `rescuesim design`: a group-sequential design as tables, CSV and JSON.

mod boundaries;

pub use boundaries::BoundariesReport;
pub(super) use boundaries::BoundaryKind;

use serde::Serialize;

use super::document::{Document, Rows};
use super::numeral::{self, fixed};
use super::numeral::{grouped, trimmed};
use super::{enrichment, reestimation};
use crate::design::characteristics::{DesignCharacteristics, EffectCharacteristics};
use crate::design::enrichment::EnrichedDesign;
use crate::design::reestimation::ReestimatedDesign;
use crate::design::sample_size::ArmSizes;

/// A design with its title and conventions.
#[derive(Debug, Clone, Serialize)]
pub struct DesignReport {
    /// Version of the program.
    pub version: &'static str,
    /// Command that reproduces the report.
    pub command: String,
    /// Name of the trial, or the comparison.
    pub title: String,
    /// Comparison, test and rounding of sizes, a sentence each.
    pub conventions: Vec<String>,
    /// Scale of the effect: `risk_difference`, `log_common_odds_ratio`,
    /// `difference_of_means`.
    pub effect_scale: &'static str,
    /// Whether the null hypothesis is a margin instead of no effect.
    #[serde(skip)]
    pub has_margin: bool,
    /// Boundaries, sizes and probabilities.
    #[serde(flatten)]
    pub design: DesignCharacteristics,
    /// Re-estimation of the size, if one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reestimation: Option<ReestimatedDesign>,
    /// Enrichment, if one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<EnrichedDesign>,
}

impl DesignReport {
    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a design is plain data") + "\n"
    }

    /// Renders the boundaries as CSV, a row per look and boundary.
    pub fn to_csv(&self) -> String {
        boundaries::csv(&self.design.looks)
    }

    /// Renders the report as tables.
    pub fn document(&self) -> Document {
        let design = &self.design;
        let mut out = Document::new().title(&self.title);
        for sentence in &self.conventions {
            out = out.text(sentence);
        }
        out = out.heading("Size");
        out += sizes(design);
        out = out.heading(boundaries::HEADING);
        out += boundaries::bounds(&design.looks);
        out = out.heading("At the boundary");
        out += boundaries::at_boundaries(&design.looks, Some(self.effect_scale));
        out =
            out.heading("Performance of the design (stopping probabilities, normal approximation)");
        out += performance(self);
        if let Some(exact) = exact(self) {
            out += exact;
        }
        if let Some(reestimation) = &self.reestimation {
            out += reestimation::document(reestimation, self.effect_scale);
        }
        if let Some(enrichment) = &self.enrichment {
            out += enrichment::document(enrichment);
        }
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }
}

fn sizes(design: &DesignCharacteristics) -> Document {
    let mut rows = vec![size_row("analysed", design.analysed)];
    // They differ by dropout.
    if design.randomised != design.analysed {
        rows.push(size_row("to randomise", design.randomised));
    }
    let mut out = Document::of_table(&["patients", "control", "experimental", "total"], rows);
    if let Some(required) = &design.required {
        let compared = if design.looks.len() == 1 {
            String::new()
        } else {
            let (fixed, factor) = (required.fixed_total, required.inflation_factor);
            format!(", {fixed:.3} with one look, inflation factor {factor:.6}")
        };
        out = out.text(format!(
            "For a power of {}: {:.3} patients before rounding{compared}.",
            required.power, required.total
        ));
    }
    out = out.text(format!("Power at these sizes: {:.4}", design.power));
    // The inflation factor is that of equal variances; rounding up alone only adds power.
    if design.required.as_ref().is_some_and(|it| design.power < it.power - SHORTFALL) {
        out = out.text(
            "The size is that of one look times the inflation factor. It misses the power a little, as the              variance differs between the hypotheses; `rescuesim solve` finds the size by simulation.",
        );
    }
    let fixed = &design.fixed;
    if let (None, 2.., Some(total), Some(factor)) =
        (&design.required, design.looks.len(), fixed.total, fixed.inflation_factor)
    {
        out = out.text(format!(
            "With one look: power {:.4} at this size, {total:.1} patients for the same power \
             (inflation factor {factor:.4}).",
            fixed.power
        ));
    }
    out
}

fn size_row(name: &str, sizes: ArmSizes) -> Vec<String> {
    let counts = [sizes.control, sizes.experimental, sizes.total()];
    let counts = counts.map(|count| grouped(u64::from(count)));
    [vec![name.to_owned()], counts.to_vec()].concat()
}

/// Difference between the power asked for and that of the size from which it is explained.
const SHORTFALL: f64 = 0.0005;

/// Largest number of effects in a table: more columns exceed the width of a terminal.
const MOST_EFFECTS: usize = 4;

fn performance(report: &DesignReport) -> Document {
    report
        .design
        .effects
        .chunks(MOST_EFFECTS)
        .map(|effects| performance_under(report, effects))
        .reduce(|above, below| above.gap() + below)
        .unwrap_or_default()
}

/// Tabulates the stopping probabilities under a few effects.
fn performance_under(report: &DesignReport, effects: &[EffectCharacteristics]) -> Document {
    let DesignReport { design, effect_scale: scale, has_margin, .. } = report;
    let several = design.looks.len() > 1;
    let share = |effect: &EffectCharacteristics| share_name(effect.fraction, *has_margin);
    let mut table = Rows::of(effects, "true effect", share)
        .row(&effect_name(scale), |effect| fixed(effect.effect, 4));
    for kind in BoundaryKind::ALL.into_iter().filter(|kind| kind.is_in(&design.looks)) {
        let name = kind.name();
        for k in (0..design.looks.len()).filter(|&k| kind.at(&design.looks[k]).is_some()) {
            let name = format!("{name}, look {}", k + 1);
            table = table.row(&name, |effect| probability(kind.stopping(effect)[k]));
        }
        // With one look the sum is the row above.
        table =
            table.row_if(several, name, |effect| probability(kind.stopping(effect).iter().sum()));
    }
    if several {
        table = table
            .row("expected information", |effect| format!("{:.4}", effect.expected_information))
            .row("expected patients analysed", |effect| format!("{:.1}", effect.expected_total))
            .row("median", |effect| grouped(u64::from(effect.median_total)))
            .row("90th percentile", |effect| grouped(u64::from(effect.p90_total)));
    }
    table.document()
}

pub(super) fn share_name(fraction: f64, margin: bool) -> String {
    // Exact comparisons: 0, ½ and 1 are given or typed, not computed.
    if fraction == 0.0 {
        if margin { "the margin" } else { "none" }.to_owned()
    } else if fraction == 0.5 {
        if margin { "halfway" } else { "half the planned" }.to_owned()
    } else if fraction == 1.0 {
        "planned".to_owned()
    } else {
        format!("{} × planned", trimmed(fraction, 4))
    }
}

/// Describes a scale of effects, see [`Comparison::scale_name`](crate::design::comparison::Comparison).
pub(super) fn effect_name(scale: &str) -> String {
    match scale {
        "log_common_odds_ratio" => "log odds ratio".to_owned(),
        "difference_of_means" => "mean difference".to_owned(),
        named => named.replace('_', " "),
    }
}

fn exact(report: &DesignReport) -> Option<Document> {
    let design = &report.design;
    let exact = design.exact.as_ref()?;
    let null = if report.has_margin { "the margin" } else { "none" };
    let both = [(null, &exact.null), ("planned", &exact.alternative)];
    let mut table = Rows::of(&both, "true effect", |(name, _)| (*name).to_owned());
    for look in design.looks.iter().filter(|look| look.efficacy.is_some()) {
        let name = format!("efficacy, look {}", look.look);
        table = table.row(&name, |(_, found)| probability(found.upper[look.look - 1]));
    }
    let several = design.looks.len() > 1;
    let table = table
        .row_if(several, "efficacy", |(_, found)| probability(found.rejection))
        .row_if(several, "expected patients analysed", |(_, found)| {
            format!("{:.1}", found.expected_total)
        });
    // Exact probabilities are those of a trial that obeys its boundaries, also non-binding ones.
    let has_lower =
        BoundaryKind::Futility.is_in(&design.looks) || BoundaryKind::Harm.is_in(&design.looks);
    let also = if has_lower { "; lower boundaries treated as binding" } else { "" };
    let document =
        Document::new().heading(format!("Exact binomial calculation{also}")).and(table.document());
    let Some((maximum, at)) = exact.maximum_type_one_error.zip(exact.maximum_at) else {
        return Some(document);
    };
    Some(document.text(format!(
        "Largest one-sided type I error over all control rates: {}, at {at:.3}.",
        numeral::probability(maximum, 6)
    )))
}

/// Writes a probability of any size with enough digits.
pub(super) fn probability(p: f64) -> String {
    // From 0.000095 on, five decimals show two digits or round to 0.0001.
    if p != 0.0 && p.abs() < 0.000_095 { format!("{p:.1e}") } else { fixed(p, 5) }
}
