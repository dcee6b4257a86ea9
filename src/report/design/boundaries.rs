//! Boundaries of a design as tables, CSV and JSON, with an effect or without one.

use serde::Serialize;

use super::{effect_name, probability};
use crate::design::characteristics::{
    BoundaryCharacteristics, EffectCharacteristics, LookCharacteristics,
};
use crate::design::sample_size::ArmSizes;
use crate::report::csv;
use crate::report::document::Document;
use crate::report::numeral::{chance, fixed, grouped, number};

/// Heading of the boundaries.
pub(super) const HEADING: &str =
    "Boundaries (Z above 0 favours the experimental arm; alpha one-sided)";

/// Boundaries of a trial for an analysis whose power no formula gives.
#[derive(Debug, Clone, Serialize)]
pub struct BoundariesReport {
    /// Version of the program.
    pub version: &'static str,
    /// Command that reproduces the report.
    pub command: String,
    /// Name of the trial.
    pub title: String,
    /// Rules of the boundaries, a sentence each.
    pub conventions: Vec<String>,
    /// Why sizes and powers are missing, in a sentence.
    pub no_formula: String,
    /// One-sided error rate.
    pub alpha_one_sided: f64,
    /// Patients analysed at the final look.
    pub analysed: ArmSizes,
    /// Patients randomised.
    pub randomised: ArmSizes,
    /// Look by look; the last is the final one.
    pub looks: Vec<LookCharacteristics>,
}

impl BoundariesReport {
    /// Renders the report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("boundaries are plain data") + "\n"
    }

    /// Renders the boundaries as CSV, a row per look and boundary.
    pub fn to_csv(&self) -> String {
        csv(&self.looks)
    }

    /// Renders the report as tables.
    pub fn document(&self) -> Document {
        let mut out = Document::new().title(&self.title);
        // Why there is no power comes first, as that is what most readers look for.
        for sentence in std::iter::once(&self.no_formula).chain(&self.conventions) {
            out = out.text(sentence);
        }
        out = out.heading(HEADING);
        out += bounds(&self.looks);
        // At the last look no trial continues.
        let continuing = self.looks.iter().flat_map(|it| [&it.efficacy, &it.futility, &it.harm]);
        if continuing.flatten().any(|bound| bound.predictive_power.is_some()) {
            out = out.heading("At the boundary");
            out += at_boundaries(&self.looks, None);
        }
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }
}

/// A kind of boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum BoundaryKind {
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
    pub(super) fn is_in(self, looks: &[LookCharacteristics]) -> bool {
        looks.iter().any(|look| self.at(look).is_some())
    }

    /// Returns the probability of stopping at each look.
    pub(super) fn stopping(self, effect: &EffectCharacteristics) -> &[f64] {
        match self {
            Self::Efficacy => &effect.efficacy,
            Self::Futility => &effect.futility,
            Self::Harm => &effect.harm,
        }
    }
}

/// Renders boundaries as CSV, a row per look and boundary.
pub(super) fn csv(looks: &[LookCharacteristics]) -> String {
    let header = [
        "look",
        "information_fraction",
        "n_control",
        "n_experimental",
        "boundary",
        "z",
        "p_one_sided",
        "p_two_sided",
        "effect",
        "odds_ratio",
        "conditional_power",
        "conditional_power_trend",
        "predictive_power",
        "alpha_spent",
        "beta_spent",
    ];
    let mut rows = Vec::new();
    for look in looks {
        for (kind, boundary) in boundaries(look) {
            rows.push(csv_row(look, kind, boundary));
        }
    }
    csv::table(&header, rows)
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
        csv::float(at.p_two_sided),
        optional(at.effect),
        optional(at.odds_ratio),
        optional(at.conditional_power),
        optional(at.conditional_power_trend),
        optional(at.predictive_power),
        csv::float(look.alpha_spent),
        optional(look.beta_spent),
    ]
}

/// Writes a value, or an empty cell.
fn optional(value: Option<f64>) -> String {
    value.map_or(String::new(), csv::float)
}

/// Tabulates the boundaries with their p values.
pub(super) fn bounds(looks: &[LookCharacteristics]) -> Document {
    // With harm the p values need a table of their own within 80 columns.
    if BoundaryKind::Harm.is_in(looks) {
        return z_table(looks, false).gap() + p_table(looks);
    }
    z_table(looks, true)
}

fn z_table(looks: &[LookCharacteristics], with_p: bool) -> Document {
    let [has_futility, has_harm] =
        [BoundaryKind::Futility, BoundaryKind::Harm].map(|kind| kind.is_in(looks));
    let has_beta = (has_futility || has_harm) && looks.iter().all(|look| look.beta_spent.is_some());
    let mut rows = Vec::new();
    for look in looks {
        let mut row = vec![
            look.look.to_string(),
            grouped(u64::from(look.analysed.total())),
            format!("{:.4}", look.information_fraction),
            z(look.efficacy.as_ref()),
        ];
        if with_p {
            row.extend(p_values(look.efficacy.as_ref()));
        }
        if has_futility {
            row.push(z(look.futility.as_ref()));
            // Futility has one side, and so no two-sided p value.
            row.extend(with_p.then(|| p_values(look.futility.as_ref())[0].clone()));
        }
        if has_harm {
            row.push(z(look.harm.as_ref()));
        }
        row.push(probability(look.alpha_spent));
        row.extend(look.beta_spent.filter(|_| has_beta).map(probability));
        rows.push(row);
    }
    let mut header = vec!["look", "analysed", "infor-\nmation", "efficacy\nif Z ≥"];
    if with_p {
        header.extend(["p ≤,\n1-sided", "p ≤,\n2-sided"]);
    }
    if has_futility {
        header.push("futility\nif Z ≤");
        header.extend(with_p.then_some("p ≥,\n1-sided"));
    }
    if has_harm {
        header.push("harm\nif Z ≤");
    }
    header.push("alpha\nspent");
    if has_beta {
        header.push("beta\nspent");
    }
    Document::of_table(&header, rows)
}

/// Tabulates p values of designs with a boundary for harm.
fn p_table(looks: &[LookCharacteristics]) -> Document {
    let has_futility = BoundaryKind::Futility.is_in(looks);
    let rows = looks.iter().map(|look| {
        let mut row = vec![look.look.to_string()];
        row.extend(p_values(look.efficacy.as_ref()));
        if has_futility {
            row.push(p_values(look.futility.as_ref())[0].clone());
        }
        row.extend(p_values(look.harm.as_ref()));
        row
    });
    let mut header = vec!["look", "efficacy\n1-sided p ≤", "efficacy\n2-sided p ≤"];
    if has_futility {
        header.push("futility\n1-sided p ≥");
    }
    header.extend(["harm\n1-sided p ≥", "harm\n2-sided p ≤"]);
    Document::of_table(&header, rows.collect())
}

/// Writes Z of a boundary, or a dash.
fn z(boundary: Option<&BoundaryCharacteristics>) -> String {
    boundary.map_or("–".to_owned(), |at| fixed(at.z, 4))
}

/// Writes the one-sided and the two-sided p value of a boundary, or dashes.
fn p_values(boundary: Option<&BoundaryCharacteristics>) -> [String; 2] {
    match boundary {
        Some(at) => [at.p_one_sided, at.p_two_sided].map(probability),
        None => ["–", "–"].map(str::to_owned),
    }
}

/// Tabulates what the boundaries mean; without the scale of an effect, what does not depend on one.
pub(super) fn at_boundaries(looks: &[LookCharacteristics], scale: Option<&str>) -> Document {
    let several = looks.len() > 1;
    let all = || looks.iter().flat_map(boundaries);
    // Means and risk ratios have no odds.
    let has_odds_ratio = scale.is_some() && all().any(|(_, at)| at.odds_ratio.is_some());
    // With few patients no proportion is large enough for the first boundaries.
    let out_of_reach = scale.is_some() && all().any(|(_, at)| at.effect.is_none());
    let mut rows = Vec::new();
    for look in looks {
        for (kind, at) in boundaries(look) {
            let mut row = vec![format!("look {}, {}", look.look, kind.name())];
            if scale.is_some() {
                row.push(number(at.effect));
            }
            if has_odds_ratio {
                row.push(number(at.odds_ratio));
            }
            if several {
                // It is that under the planned effect, which is unknown without a formula.
                row.extend(scale.map(|_| chance(at.conditional_power)));
                row.extend([at.conditional_power_trend, at.predictive_power].map(chance));
            }
            rows.push(row);
        }
    }
    let effect = scale.map(|scale| effect_name(scale).replacen(' ', "\n", 1));
    let mut header = vec!["boundary"];
    header.extend(effect.as_deref());
    if has_odds_ratio {
        header.push("odds\nratio");
    }
    if several {
        header.extend(scale.map(|_| "conditional\npower"));
        header.extend(["current\ntrend", "predictive\npower"]);
    }
    Document::of_table(&header, rows).text(match scale {
        Some(_) => legend(out_of_reach, several),
        None => "Current trend: the probability of efficacy at a later look if the effect is the observed \
                 one; predictive power averages it over the posterior of the effect (flat prior)."
            .to_owned(),
    })
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
