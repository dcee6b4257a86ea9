//! `rescuesim design`: a design as tables, CSV and JSON.

use serde::Serialize;

use super::table::{grid, grouped, number, wrapped};
use crate::design::characteristics::{
    BoundaryCharacteristics, DesignCharacteristics, EffectCharacteristics, LookCharacteristics,
};
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
        let mut out = csv::Writer::from_writer(Vec::new());
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
        out.write_record(header).expect("memory takes everything");
        for look in &self.design.looks {
            for (name, boundary) in boundaries(look) {
                out.write_record(csv_row(look, name, boundary)).expect("memory takes everything");
            }
        }
        let bytes = out.into_inner().expect("memory takes everything");
        String::from_utf8(bytes).expect("it was text")
    }

    /// As tables.
    pub fn render(&self) -> String {
        let design = &self.design;
        let mut out = wrapped(&self.title);
        for sentence in &self.conventions {
            out += &wrapped(sentence);
        }
        out += "\nSize\n";
        out += &sizes(design);
        out += "\nBoundaries (Z above 0 favours the experimental arm; p and alpha one-sided)\n";
        out += &bounds(design);
        out += "\nAt the boundary\n";
        out += &at_boundaries(design, self.effect_scale);
        out += "\nHow the design performs\n";
        out += &performance(design, self.effect_scale);
        if let Some(exact) = exact(design) {
            out += "\nExactly, by recursion over the successes in both arms\n";
            out += &exact;
        }
        out += &format!("\nrescuesim {}\nRecreate: {}\n", self.version, self.command);
        out
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

fn sizes(design: &DesignCharacteristics) -> String {
    let row = |name: &str, sizes: ArmSizes| {
        let counts = [sizes.control, sizes.experimental, sizes.total()];
        let counts = counts.map(|count| grouped(u64::from(count)));
        [vec![name.to_owned()], counts.to_vec()].concat()
    };
    let mut rows = vec![row("analysed", design.analysed)];
    if design.randomised != design.analysed {
        rows.push(row("randomised", design.randomised));
    }
    let mut out = grid(&["patients", "control", "experimental", "total"], rows);
    if let Some(required) = &design.required {
        out += &wrapped(&format!(
            "For a power of {}: {:.3} patients before rounding, {:.3} with one look, inflation \
             factor {:.6}.",
            required.power, required.total, required.fixed_total, required.inflation_factor
        ));
    }
    out + &format!("Power at these sizes: {:.4}\n", design.power)
}

fn bounds(design: &DesignCharacteristics) -> String {
    let has = |of: fn(&LookCharacteristics) -> bool| design.looks.iter().any(of);
    let has_futility = has(|look| look.futility.is_some());
    let has_harm = has(|look| look.harm.is_some());
    let z = |at: &Option<BoundaryCharacteristics>| {
        at.as_ref().map_or("–".to_owned(), |at| format!("{:.4}", at.z))
    };
    let p = |at: &Option<BoundaryCharacteristics>| {
        at.as_ref().map_or("–".to_owned(), |at| probability(at.p_one_sided))
    };
    let rows = design.looks.iter().map(|look| {
        let mut row = vec![
            look.look.to_string(),
            look.analysed.total().to_string(),
            format!("{:.4}", look.information_fraction),
            z(&look.efficacy),
            p(&look.efficacy),
        ];
        if has_futility {
            row.extend([z(&look.futility), p(&look.futility)]);
        }
        if has_harm {
            row.push(z(&look.harm));
        }
        row.extend([probability(look.alpha_spent), probability(look.beta_spent)]);
        row
    });
    let mut header = vec!["look", "analysed", "infor-\nmation", "efficacy\nif Z ≥", "p ≤"];
    if has_futility {
        header.extend(["futility\nif Z ≤", "p ≥"]);
    }
    if has_harm {
        header.push("harm\nif Z ≤");
    }
    header.extend(["alpha\nspent", "beta\nspent"]);
    grid(&header, rows.collect())
}

fn at_boundaries(design: &DesignCharacteristics, scale: &str) -> String {
    let rows = design.looks.iter().flat_map(|look| {
        boundaries(look).map(|(name, at)| {
            let mut row = vec![format!("look {}, {name}", look.look)];
            row.extend([at.effect, at.odds_ratio].map(number));
            row.extend(
                [at.conditional_power, at.conditional_power_trend, at.predictive_power].map(number),
            );
            row
        })
    });
    let effect = effect_name(scale).replacen(' ', "\n", 1);
    let header = [
        "boundary",
        &effect,
        "odds\nratio",
        "conditional\npower",
        "under\nthe trend",
        "predictive\npower",
    ];
    grid(&header, rows.collect())
        + &wrapped(
            "Effect and odds ratio: what has to be seen, with control as planned. Conditional \
             power: the chance of efficacy later, under the planned effect and under the one seen; \
             predictive power averages over what the data say of the effect (flat prior).",
        )
}

fn performance(design: &DesignCharacteristics, scale: &str) -> String {
    let effects = &design.effects;
    let mut rows = Vec::new();
    let mut row = |name: String, of: &dyn Fn(&EffectCharacteristics) -> String| {
        rows.push([vec![name], effects.iter().map(of).collect()].concat());
    };
    row(effect_name(scale).to_owned(), &|effect| format!("{:.4}", effect.effect));
    for k in 0..design.looks.len() {
        row(format!("efficacy, look {}", k + 1), &|effect| probability(effect.efficacy[k]));
    }
    row("efficacy".to_owned(), &|effect| probability(effect.rejection));
    type Of = fn(&EffectCharacteristics) -> &[f64];
    let below: [(&str, Of); 2] =
        [("futility", |effect| &effect.futility), ("harm", |effect| &effect.harm)];
    for (name, of) in below {
        if effects.iter().all(|effect| of(effect).iter().all(|&p| p == 0.0)) {
            continue;
        }
        for k in 0..design.looks.len() {
            row(format!("{name}, look {}", k + 1), &|effect| probability(of(effect)[k]));
        }
        row(name.to_owned(), &|effect| probability(of(effect).iter().sum()));
    }
    row("expected information".to_owned(), &|effect| format!("{:.4}", effect.expected_information));
    row("expected patients analysed".to_owned(), &|effect| format!("{:.1}", effect.expected_total));
    let names: Vec<String> = effects.iter().map(|effect| share_name(effect.fraction)).collect();
    let header: Vec<&str> =
        std::iter::once("probability of").chain(names.iter().map(String::as_str)).collect();
    grid(&header, rows)
}

fn share_name(fraction: f64) -> String {
    match fraction {
        0.0 => "no effect".to_owned(),
        0.5 => "half of it".to_owned(),
        1.0 => "the effect".to_owned(),
        _ => format!("{fraction} × effect"),
    }
}

fn effect_name(scale: &str) -> &'static str {
    match scale {
        "risk_difference" => "risk difference",
        "log_common_odds_ratio" => "log odds ratio",
        _ => "mean difference",
    }
}

fn exact(design: &DesignCharacteristics) -> Option<String> {
    let exact = design.exact.as_ref()?;
    let mut rows: Vec<Vec<String>> = (0..design.looks.len())
        .map(|k| {
            let of = |p: &[f64]| probability(p[k]);
            vec![
                format!("efficacy, look {}", k + 1),
                of(&exact.null.upper),
                of(&exact.alternative.upper),
            ]
        })
        .collect();
    let pair = |name: &str, of: &dyn Fn(usize) -> String| vec![name.to_owned(), of(0), of(1)];
    let both = [&exact.null, &exact.alternative];
    rows.push(pair("efficacy", &|i| probability(both[i].upper.iter().sum())));
    rows.push(pair("expected patients analysed", &|i| format!("{:.1}", both[i].expected_total)));
    let table = grid(&["probability of", "no effect", "the effect"], rows);
    Some(
        table
            + &wrapped(&format!(
                "Largest type I error over control rates of 0.01 to 0.99: {:.6}, at {:.2}.",
                exact.maximum_type_one_error, exact.maximum_at
            )),
    )
}

/// Enough digits for a probability of any size.
fn probability(p: f64) -> String {
    if p != 0.0 && p.abs() < 0.000_095 { format!("{p:.1e}") } else { format!("{p:.5}") }
}
