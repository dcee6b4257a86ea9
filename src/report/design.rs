//! `rescuesim design`: a group-sequential design as tables, CSV and JSON.

use serde::Serialize;

use super::csv;
use super::document::Document;
use super::numeral::{self, fixed};
use super::numeral::{chance, grouped, number, trimmed};
use super::reestimation;
use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, EffectCharacteristics, LookCharacteristics,
};
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
    /// Boundaries, sizes and probabilities.
    #[serde(flatten)]
    pub design: DesignCharacteristics,
    /// Re-estimation of the size, if one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reestimation: Option<ReestimatedDesign>,
}

impl DesignReport {
    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a design is plain data") + "\n"
    }

    /// Renders the boundaries as CSV, a row per look and boundary.
    pub fn to_csv(&self) -> String {
        let header = [
            "look",
            "information_fraction",
            "n_control",
            "n_experimental",
            "boundary",
            "z",
            "p_one_sided",
            "effect",
            "odds_ratio",
            "conditional_power",
            "conditional_power_trend",
            "predictive_power",
            "alpha_spent",
            "beta_spent",
        ];
        let mut rows = Vec::new();
        for look in &self.design.looks {
            for (kind, boundary) in boundaries(look) {
                rows.push(csv_row(look, kind, boundary));
            }
        }
        csv::table(&header, rows)
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
        out = out
            .heading("Boundaries (Z above 0 favours the experimental arm; p and alpha one-sided)");
        out += bounds(design);
        out = out.heading("At the boundary");
        out += at_boundaries(design, self.effect_scale);
        out =
            out.heading("Performance of the design (stopping probabilities, normal approximation)");
        out += performance(design, self.effect_scale);
        if let Some(exact) = exact(design) {
            out += exact;
        }
        if let Some(reestimation) = &self.reestimation {
            out += reestimation::document(reestimation, self.effect_scale);
        }
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }
}

/// A kind of boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BoundaryKind {
    Efficacy,
    Futility,
    Harm,
}

impl BoundaryKind {
    /// All kinds, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Efficacy, Self::Futility, Self::Harm];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Efficacy => "efficacy",
            Self::Futility => "futility",
            Self::Harm => "harm",
        }
    }

    /// Returns the boundary of this kind at a look; `None` if the look does not have it.
    pub fn at(self, look: &LookCharacteristics) -> Option<&BoundaryCharacteristics> {
        match self {
            Self::Efficacy => look.efficacy.as_ref(),
            Self::Futility => look.futility.as_ref(),
            Self::Harm => look.harm.as_ref(),
        }
    }

    /// Returns whether any look has a boundary of this kind.
    fn is_in(self, design: &DesignCharacteristics) -> bool {
        design.looks.iter().any(|look| self.at(look).is_some())
    }

    /// Returns the probability of stopping at each look.
    fn stopping(self, effect: &EffectCharacteristics) -> &[f64] {
        match self {
            Self::Efficacy => &effect.efficacy,
            Self::Futility => &effect.futility,
            Self::Harm => &effect.harm,
        }
    }
}

/// Iterates over the boundaries of a look.
fn boundaries(
    look: &LookCharacteristics,
) -> impl Iterator<Item = (BoundaryKind, &BoundaryCharacteristics)> {
    BoundaryKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.at(look)?)))
}

fn csv_row(
    look: &LookCharacteristics,
    kind: BoundaryKind,
    at: &BoundaryCharacteristics,
) -> Vec<String> {
    vec![
        look.look.to_string(),
        csv::float(look.information_fraction),
        look.analysed.control.to_string(),
        look.analysed.experimental.to_string(),
        kind.name().to_owned(),
        csv::float(at.z),
        csv::float(at.p_one_sided),
        optional(at.effect),
        optional(at.odds_ratio),
        optional(at.conditional_power),
        optional(at.conditional_power_trend),
        optional(at.predictive_power),
        csv::float(look.alpha_spent),
        csv::float(look.beta_spent),
    ]
}

/// Writes a value, or an empty cell.
fn optional(value: Option<f64>) -> String {
    value.map_or(String::new(), csv::float)
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

fn bounds(design: &DesignCharacteristics) -> Document {
    let has_futility = BoundaryKind::Futility.is_in(design);
    let has_harm = BoundaryKind::Harm.is_in(design);
    let mut rows = Vec::new();
    for look in &design.looks {
        let mut row = vec![
            look.look.to_string(),
            grouped(u64::from(look.analysed.total())),
            format!("{:.4}", look.information_fraction),
        ];
        row.extend(z_and_p(look.efficacy.as_ref()));
        if has_futility {
            row.extend(z_and_p(look.futility.as_ref()));
        }
        if has_harm {
            // No room for the p value of the harm boundary within 80 columns.
            let [z, _] = z_and_p(look.harm.as_ref());
            row.push(z);
        }
        row.push(probability(look.alpha_spent));
        if has_futility || has_harm {
            row.push(probability(look.beta_spent));
        }
        rows.push(row);
    }
    let mut header = vec!["look", "analysed", "infor-\nmation", "efficacy\nif Z ≥", "p ≤"];
    if has_futility {
        header.extend(["futility\nif Z ≤", "p ≥"]);
    }
    if has_harm {
        header.push("harm\nif Z ≤");
    }
    header.push("alpha\nspent");
    if has_futility || has_harm {
        header.push("beta\nspent");
    }
    Document::of_table(&header, rows)
}

/// Writes Z and p value of a boundary, or dashes.
fn z_and_p(boundary: Option<&BoundaryCharacteristics>) -> [String; 2] {
    match boundary {
        Some(at) => [fixed(at.z, 4), probability(at.p_one_sided)],
        None => ["–", "–"].map(str::to_owned),
    }
}

fn at_boundaries(design: &DesignCharacteristics, scale: &str) -> Document {
    let several = design.looks.len() > 1;
    // Means have no odds.
    let has_odds_ratio = scale != "difference_of_means";
    let mut rows = Vec::new();
    let mut out_of_reach = false;
    for look in &design.looks {
        for (kind, at) in boundaries(look) {
            // With few patients no proportion is large enough for the first boundaries.
            out_of_reach |= at.effect.is_none();
            let mut row = vec![format!("look {}, {}", look.look, kind.name()), number(at.effect)];
            if has_odds_ratio {
                row.push(number(at.odds_ratio));
            }
            if several {
                let [planned, trend, predictive] =
                    [at.conditional_power, at.conditional_power_trend, at.predictive_power];
                row.extend([planned, trend, predictive].map(chance));
            }
            rows.push(row);
        }
    }
    let effect = effect_name(scale).replacen(' ', "\n", 1);
    let mut header = vec!["boundary", &effect];
    if has_odds_ratio {
        header.push("odds\nratio");
    }
    if several {
        header.extend(["conditional\npower", "current\ntrend", "predictive\npower"]);
    }
    Document::of_table(&header, rows).text(legend(out_of_reach, several))
}

fn legend(out_of_reach: bool, several: bool) -> String {
    let mut out = "Observed effect needed to cross, if control is as planned".to_owned();
    out += if out_of_reach { " (–: no effect is large enough)." } else { "." };
    if several {
        out += " Conditional power: the probability of efficacy at a later look, under the planned \
                effect and under the current trend; predictive power averages it over the posterior \
                of the effect (flat prior).";
    }
    out
}

/// Largest number of effects in a table: more columns exceed the width of a terminal.
const MOST_EFFECTS: usize = 4;

fn performance(design: &DesignCharacteristics, scale: &str) -> Document {
    design
        .effects
        .chunks(MOST_EFFECTS)
        .map(|effects| performance_under(design, effects, scale))
        .reduce(|above, below| above.gap() + below)
        .unwrap_or_default()
}

/// Tabulates the stopping probabilities under a few effects.
fn performance_under(
    design: &DesignCharacteristics,
    effects: &[EffectCharacteristics],
    scale: &str,
) -> Document {
    let several = design.looks.len() > 1;
    let mut rows = vec![row(effect_name(scale), effects, |effect| fixed(effect.effect, 4))];
    for kind in BoundaryKind::ALL.into_iter().filter(|kind| kind.is_in(design)) {
        let name = kind.name();
        for k in (0..design.looks.len()).filter(|&k| kind.at(&design.looks[k]).is_some()) {
            let name = format!("{name}, look {}", k + 1);
            rows.push(row(&name, effects, |effect| probability(kind.stopping(effect)[k])));
        }
        // With one look the sum is the row above.
        if several {
            rows.push(row(name, effects, |effect| probability(kind.stopping(effect).iter().sum())));
        }
    }
    if several {
        rows.push(row("expected information", effects, |effect| {
            format!("{:.4}", effect.expected_information)
        }));
        rows.push(row("expected patients analysed", effects, |effect| {
            format!("{:.1}", effect.expected_total)
        }));
    }
    let margin = design.has_margin();
    let names: Vec<String> =
        effects.iter().map(|effect| share_name(effect.fraction, margin)).collect();
    let header: Vec<&str> =
        std::iter::once("true effect").chain(names.iter().map(String::as_str)).collect();
    Document::of_table(&header, rows)
}

/// Writes a row with a cell for each item.
fn row<T>(name: &str, items: &[T], cell: impl Fn(&T) -> String) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(items.iter().map(cell)).collect()
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

/// Describes a scale of effects.
pub(super) fn effect_name(scale: &str) -> &'static str {
    // The names are those of `EffectScale`, of which a design has these.
    match scale {
        "risk_difference" => "risk difference",
        "log_common_odds_ratio" | "log_odds_ratio" => "log odds ratio",
        "log_risk_ratio" => "log risk ratio",
        "net_benefit" => "net benefit",
        _ => "mean difference",
    }
}

fn exact(design: &DesignCharacteristics) -> Option<Document> {
    let exact = design.exact.as_ref()?;
    let both = [&exact.null, &exact.alternative];
    let mut rows = Vec::new();
    for look in design.looks.iter().filter(|look| look.efficacy.is_some()) {
        let name = format!("efficacy, look {}", look.look);
        rows.push(row(&name, &both, |found| probability(found.upper[look.look - 1])));
    }
    let has_lower = BoundaryKind::Futility.is_in(design) || BoundaryKind::Harm.is_in(design);
    if design.looks.len() > 1 {
        rows.push(row("efficacy", &both, |found| probability(found.rejection)));
        rows.push(row("expected patients analysed", &both, |found| {
            format!("{:.1}", found.expected_total)
        }));
    }
    // Exact probabilities are those of a trial that obeys its boundaries, also non-binding ones.
    let also = if has_lower { "; lower boundaries treated as binding" } else { "" };
    let null = if design.has_margin() { "the margin" } else { "none" };
    let document = Document::new()
        .heading(format!("Exact binomial calculation{also}"))
        .table(&["true effect", null, "planned"], rows);
    let Some((maximum, at)) = exact.maximum_type_one_error.zip(exact.maximum_at) else {
        return Some(document);
    };
    Some(document.text(format!(
        "Largest one-sided type I error over all control rates: {}, at {at:.3}.",
        numeral::probability(maximum, 6)
    )))
}

/// Writes a probability of any size with enough digits.
fn probability(p: f64) -> String {
    // From 0.000095 on, five decimals show two digits or round to 0.0001.
    if p != 0.0 && p.abs() < 0.000_095 { format!("{p:.1e}") } else { format!("{p:.5}") }
}
