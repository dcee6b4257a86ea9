//! Boundaries of a design as tables, CSV and JSON, with an effect or without one.

use serde::Serialize;

use super::{effect_name, probability};
use crate::design::characteristics::{
    BoundaryCharacteristics, EffectCharacteristics, LookCharacteristics,
};
use crate::design::sample_size::ArmSizes;
use crate::report::csv;
use crate::report::document::{Columns, Document};
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
    Columns::of(
        looks.iter().flat_map(|look| boundaries(look).map(move |(kind, at)| (look, kind, at))),
    )
    .column("look", |(look, ..)| look.look.to_string())
    .column("information_fraction", |(look, ..)| csv::float(look.information_fraction))
    .column("n_control", |(look, ..)| look.analysed.control.to_string())
    .column("n_experimental", |(look, ..)| look.analysed.experimental.to_string())
    .column("boundary", |(_, kind, _)| kind.name())
    .column("z", |(.., at)| csv::float(at.z))
    .column("p_one_sided", |(.., at)| csv::float(at.p_one_sided))
    .column("p_two_sided", |(.., at)| csv::float(at.p_two_sided))
    .column("effect", |(.., at)| optional(at.effect))
    .column("odds_ratio", |(.., at)| optional(at.odds_ratio))
    .column("conditional_power", |(.., at)| optional(at.conditional_power))
    .column("conditional_power_trend", |(.., at)| optional(at.conditional_power_trend))
    .column("predictive_power", |(.., at)| optional(at.predictive_power))
    .column("alpha_spent", |(look, ..)| csv::float(look.alpha_spent))
    .column("beta_spent", |(look, ..)| optional(look.beta_spent))
    .csv()
    .to_csv()
}

/// Iterates over the boundaries of a look.
fn boundaries(
    look: &LookCharacteristics,
) -> impl Iterator<Item = (BoundaryKind, &BoundaryCharacteristics)> {
    BoundaryKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.at(look)?)))
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
    Columns::of(looks)
        .column("look", |look| look.look.to_string())
        .column("analysed", |look| grouped(u64::from(look.analysed.total())))
        .column("infor-\nmation", |look| format!("{:.4}", look.information_fraction))
        .column("efficacy\nif Z ≥", |look| z(look.efficacy.as_ref()))
        .column_if(with_p, "p ≤,\n1-sided", |look| p_one_sided(look.efficacy.as_ref()))
        .column_if(with_p, "p ≤,\n2-sided", |look| p_two_sided(look.efficacy.as_ref()))
        .column_if(has_futility, "futility\nif Z ≤", |look| z(look.futility.as_ref()))
        // Futility has one side, and so no two-sided p value.
        .column_if(has_futility && with_p, "p ≥,\n1-sided", |look| {
            p_one_sided(look.futility.as_ref())
        })
        .column_if(has_harm, "harm\nif Z ≤", |look| z(look.harm.as_ref()))
        .column("alpha\nspent", |look| probability(look.alpha_spent))
        .column_if(has_beta, "beta\nspent", |look| {
            look.beta_spent.map_or_else(String::new, probability)
        })
        .document()
}

/// Tabulates p values of designs with a boundary for harm.
fn p_table(looks: &[LookCharacteristics]) -> Document {
    let has_futility = BoundaryKind::Futility.is_in(looks);
    Columns::of(looks)
        .column("look", |look| look.look.to_string())
        .column("efficacy\n1-sided p ≤", |look| p_one_sided(look.efficacy.as_ref()))
        .column("efficacy\n2-sided p ≤", |look| p_two_sided(look.efficacy.as_ref()))
        .column_if(has_futility, "futility\n1-sided p ≥", |look| {
            p_one_sided(look.futility.as_ref())
        })
        .column("harm\n1-sided p ≥", |look| p_one_sided(look.harm.as_ref()))
        .column("harm\n2-sided p ≤", |look| p_two_sided(look.harm.as_ref()))
        .document()
}

/// Writes Z of a boundary, or a dash.
fn z(boundary: Option<&BoundaryCharacteristics>) -> String {
    boundary.map_or("–".to_owned(), |at| fixed(at.z, 4))
}

/// Writes the one-sided p value of a boundary, or a dash.
fn p_one_sided(boundary: Option<&BoundaryCharacteristics>) -> String {
    boundary.map_or("–".to_owned(), |at| probability(at.p_one_sided))
}

/// Writes the two-sided p value of a boundary, or a dash.
fn p_two_sided(boundary: Option<&BoundaryCharacteristics>) -> String {
    boundary.map_or("–".to_owned(), |at| probability(at.p_two_sided))
}

/// Tabulates what the boundaries mean; without the scale of an effect, what does not depend on one.
pub(super) fn at_boundaries(looks: &[LookCharacteristics], scale: Option<&str>) -> Document {
    let several = looks.len() > 1;
    let all: Vec<_> = looks
        .iter()
        .flat_map(|look| boundaries(look).map(|(kind, at)| (look.look, kind, at)))
        .collect();
    let has_effect = scale.is_some();
    // Means and risk ratios have no odds.
    let has_odds_ratio = has_effect && all.iter().any(|(_, _, at)| at.odds_ratio.is_some());
    // With few patients no proportion is large enough for the first boundaries.
    let out_of_reach = has_effect && all.iter().any(|(_, _, at)| at.effect.is_none());
    let effect = scale.map_or_else(String::new, effect_name).replacen(' ', "\n", 1);
    let table = Columns::of(all)
        .column("boundary", |(look, kind, _)| format!("look {look}, {}", kind.name()))
        .column_if(has_effect, effect, |(_, _, at)| number(at.effect))
        .column_if(has_odds_ratio, "odds\nratio", |(_, _, at)| number(at.odds_ratio))
        // It is that under the planned effect, which is unknown without a formula.
        .column_if(several && has_effect, "conditional\npower", |(_, _, at)| {
            chance(at.conditional_power)
        })
        .column_if(several, "current\ntrend", |(_, _, at)| chance(at.conditional_power_trend))
        .column_if(several, "predictive\npower", |(_, _, at)| chance(at.predictive_power));
    table.document().text(match scale {
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
