//! `rescuesim design`: a design as tables, CSV and JSON.

use serde::Serialize;

use super::csv;
use super::document::Document;
use super::numeral::{self, fixed};
use super::table::{chance, grouped, number};
use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, EffectCharacteristics, LookCharacteristics,
};
use crate::design::exact::ExactProbabilities;
use crate::design::sample_size::ArmSizes;

/// A design with the words that explain it.
#[derive(Debug, Clone, Serialize)]
pub struct DesignReport {
    /// Version of the program.
    pub version: &'static str,
    /// The command that makes it again.
    pub command: String,
    /// Name of the trial, or what is compared.
    pub title: String,
    /// What is compared, how it is tested and how sizes are rounded, a sentence each.
    pub conventions: Vec<String>,
    /// What the effect is measured as: `risk_difference`, `log_common_odds_ratio`,
    /// `difference_of_means`.
    pub effect_scale: &'static str,
    /// What the design says.
    #[serde(flatten)]
    pub design: DesignCharacteristics,
}

impl DesignReport {
    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a design is plain data") + "\n"
    }

    /// One row per look and boundary.
    ///
    /// # Panics
    /// Never: rows are written to memory.
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
        let rows = self.design.looks.iter().flat_map(|look| {
            boundaries(look).map(move |(name, boundary)| csv_row(look, name, boundary))
        });
        csv::table(&header, rows)
    }

    /// As tables.
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
        out = out
            .heading("How the design performs (probabilities of stopping, normal approximation)");
        out += performance(design, self.effect_scale);
        if let Some(exact) = exact(design) {
            out += exact;
        }
        out.gap().verbatim(format!("rescuesim {}\nRecreate: {}", self.version, self.command))
    }
}

fn boundaries(
    look: &LookCharacteristics,
) -> impl Iterator<Item = (&'static str, &BoundaryCharacteristics)> {
    let named = [("efficacy", &look.efficacy), ("futility", &look.futility), ("harm", &look.harm)];
    named.into_iter().filter_map(|(name, boundary)| Some((name, boundary.as_ref()?)))
}

fn csv_row(look: &LookCharacteristics, name: &str, at: &BoundaryCharacteristics) -> Vec<String> {
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    vec![
        look.look.to_string(),
        look.information_fraction.to_string(),
        look.analysed.control.to_string(),
        look.analysed.experimental.to_string(),
        name.to_owned(),
        at.z.to_string(),
        at.p_one_sided.to_string(),
        optional(at.effect),
        optional(at.odds_ratio),
        optional(at.conditional_power),
        optional(at.conditional_power_trend),
        optional(at.predictive_power),
        look.alpha_spent.to_string(),
        look.beta_spent.to_string(),
    ]
}

fn sizes(design: &DesignCharacteristics) -> Document {
    let row = |name: &str, sizes: ArmSizes| {
        let counts = [sizes.control, sizes.experimental, sizes.total()];
        let counts = counts.map(|count| grouped(u64::from(count)));
        [vec![name.to_owned()], counts.to_vec()].concat()
    };
    let mut rows = vec![row("analysed", design.analysed)];
    if design.randomised != design.analysed {
        rows.push(row("to randomise", design.randomised));
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

type At = fn(&LookCharacteristics) -> Option<&BoundaryCharacteristics>;

const EFFICACY: At = |look| look.efficacy.as_ref();
const FUTILITY: At = |look| look.futility.as_ref();
const HARM: At = |look| look.harm.as_ref();

fn bounds(design: &DesignCharacteristics) -> Document {
    let has = |of: At| design.looks.iter().any(|look| of(look).is_some());
    let (has_futility, has_harm) = (has(FUTILITY), has(HARM));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let z = |at: Option<&BoundaryCharacteristics>| or_dash(at.map(|at| fixed(at.z, 4)));
    let p =
        |at: Option<&BoundaryCharacteristics>| or_dash(at.map(|at| probability(at.p_one_sided)));
    let rows = design.looks.iter().map(|look| {
        let mut row = vec![
            look.look.to_string(),
            grouped(u64::from(look.analysed.total())),
            format!("{:.4}", look.information_fraction),
            z(EFFICACY(look)),
            p(EFFICACY(look)),
        ];
        if has_futility {
            row.extend([z(FUTILITY(look)), p(FUTILITY(look))]);
        }
        if has_harm {
            row.push(z(HARM(look)));
        }
        row.push(probability(look.alpha_spent));
        if has_futility || has_harm {
            row.push(probability(look.beta_spent));
        }
        row
    });
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
    Document::of_table(&header, rows.collect())
}

fn at_boundaries(design: &DesignCharacteristics, scale: &str) -> Document {
    let several = design.looks.len() > 1;
    let all: Vec<(String, &BoundaryCharacteristics)> = design
        .looks
        .iter()
        .flat_map(|look| {
            boundaries(look).map(move |(name, at)| (format!("look {}, {name}", look.look), at))
        })
        .collect();
    let has_odds_ratio = scale != "difference_of_means";
    let row = |(name, at): &(String, &BoundaryCharacteristics)| {
        let mut row = vec![name.clone(), number(at.effect)];
        if has_odds_ratio {
            row.push(number(at.odds_ratio));
        }
        if several {
            let [planned, trend, predictive] =
                [at.conditional_power, at.conditional_power_trend, at.predictive_power];
            row.extend([planned, trend, predictive].map(chance));
        }
        row
    };
    let effect = effect_name(scale).replacen(' ', "\n", 1);
    let mut header = vec!["boundary", &effect];
    if has_odds_ratio {
        header.push("odds\nratio");
    }
    if several {
        header.extend(["conditional\npower", "under\nthe trend", "predictive\npower"]);
    }
    Document::of_table(&header, all.iter().map(row).collect()).text(legend(&all, several))
}

fn legend(all: &[(String, &BoundaryCharacteristics)], several: bool) -> String {
    let mut out = "What has to be seen, with control as planned".to_owned();
    let out_of_reach = all.iter().any(|(_, at)| at.effect.is_none());
    out += if out_of_reach { " (–: no effect is large enough)." } else { "." };
    if several {
        out += " Conditional power: the chance of efficacy later, under the planned effect and \
                under the one seen; predictive power averages over what the data say of the effect \
                (flat prior).";
    }
    out
}

/// More columns do not fit the width.
const MOST_EFFECTS: usize = 4;

fn performance(design: &DesignCharacteristics, scale: &str) -> Document {
    let tables = design.effects.chunks(MOST_EFFECTS).map(|effects| under(design, effects, scale));
    tables.reduce(|above, below| above.gap() + below).unwrap_or_default()
}

type Probabilities = fn(&EffectCharacteristics) -> &[f64];

/// The design under a few effects.
fn under(
    design: &DesignCharacteristics,
    effects: &[EffectCharacteristics],
    scale: &str,
) -> Document {
    let mut rows = Vec::new();
    let mut row = |name: String, of: &dyn Fn(&EffectCharacteristics) -> String| {
        rows.push([vec![name], effects.iter().map(of).collect()].concat());
    };
    row(effect_name(scale).to_owned(), &|effect| fixed(effect.effect, 4));
    let kinds: [(&str, At, Probabilities); 3] = [
        ("efficacy", EFFICACY, |effect| &effect.efficacy),
        ("futility", FUTILITY, |effect| &effect.futility),
        ("harm", HARM, |effect| &effect.harm),
    ];
    for (name, at, of) in kinds {
        let tested: Vec<usize> =
            (0..design.looks.len()).filter(|&k| at(&design.looks[k]).is_some()).collect();
        if tested.is_empty() {
            continue;
        }
        for k in tested {
            row(format!("{name}, look {}", k + 1), &|effect| probability(of(effect)[k]));
        }
        if design.looks.len() > 1 {
            row(name.to_owned(), &|effect| probability(of(effect).iter().sum()));
        }
    }
    if design.looks.len() > 1 {
        row("expected information".to_owned(), &|effect| {
            format!("{:.4}", effect.expected_information)
        });
        row("expected patients analysed".to_owned(), &|effect| {
            format!("{:.1}", effect.expected_total)
        });
    }
    let margin = design.effects.iter().any(|effect| effect.fraction == 0.0 && effect.effect != 0.0);
    let names: Vec<String> =
        effects.iter().map(|effect| share_name(effect.fraction, margin)).collect();
    let header: Vec<&str> =
        std::iter::once("if there is").chain(names.iter().map(String::as_str)).collect();
    Document::of_table(&header, rows)
}

fn share_name(fraction: f64, margin: bool) -> String {
    match (fraction, margin) {
        (0.0, false) => "no effect".to_owned(),
        (0.5, false) => "half of it".to_owned(),
        (1.0, false) => "the effect".to_owned(),
        (0.0, true) => "the margin".to_owned(),
        (0.5, true) => "half way".to_owned(),
        (1.0, true) => "the effect".to_owned(),
        _ => {
            let multiple = format!("{fraction:.4}");
            format!("{} × effect", multiple.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// A scale of effects in words.
pub(super) fn effect_name(scale: &str) -> &'static str {
    match scale {
        "risk_difference" => "risk difference",
        "log_common_odds_ratio" => "log odds ratio",
        _ => "mean difference",
    }
}

fn exact(design: &DesignCharacteristics) -> Option<Document> {
    let exact = design.exact.as_ref()?;
    let both = [&exact.null, &exact.alternative];
    let row = |name: String, of: &dyn Fn(&ExactProbabilities) -> String| {
        [vec![name], both.map(of).to_vec()].concat()
    };
    let tested = design.looks.iter().filter(|look| look.efficacy.is_some());
    let mut rows: Vec<Vec<String>> = tested
        .map(|look| {
            let k = look.look - 1;
            row(format!("efficacy, look {}", look.look), &|found| probability(found.upper[k]))
        })
        .collect();
    let heeded = design.looks.iter().any(|look| look.futility.is_some() || look.harm.is_some());
    if design.looks.len() > 1 {
        rows.push(row("efficacy".to_owned(), &|found| probability(found.rejection)));
        rows.push(row("expected patients analysed".to_owned(), &|found| {
            format!("{:.1}", found.expected_total)
        }));
    }
    let also = if heeded { "; lower boundaries heeded" } else { "" };
    let (maximum, at) = (exact.maximum_type_one_error, exact.maximum_at);
    let document = Document::new()
        .heading(format!("Exactly, by recursion over the successes in both arms{also}"))
        .table(&["if there is", "no effect", "the effect"], rows)
        .text(format!(
            "Largest one-sided type I error over control rates of 0.01 to 0.99: {}, at {at:.3}.",
            numeral::probability(maximum, 6)
        ));
    Some(document)
}

/// Enough digits for a probability of any size.
fn probability(p: f64) -> String {
    if p != 0.0 && p.abs() < 0.000_095 { format!("{p:.1e}") } else { format!("{p:.5}") }
}
