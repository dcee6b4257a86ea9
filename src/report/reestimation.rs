//! A re-estimation of the size as tables: which size follows from which result, and what that does.

use super::design::effect_name;
use super::document::Document;
use super::numeral::{fixed, grouped, number};
use crate::design::reestimation::{
    EnumeratedCharacteristics, ReestimatedDesign, ReestimationCharacteristics, ReestimationUnder,
    Zone,
};

/// Renders the rule, its decisions and its operating characteristics; `scale` is that of the effect.
pub(super) fn document(design: &ReestimatedDesign, scale: &str) -> Document {
    let mut out = Document::new().heading(format!(
        "Re-estimation of the size at look 1, from {} to at most {} patients analysed",
        grouped(u64::from(design.planned)),
        grouped(u64::from(design.maximum))
    ));
    out = out.text(rule(design));
    out += decisions(design, scale);
    out = out.heading("Performance with re-estimation (numerical integration, normal model)");
    out += performance(design, scale);
    if design.effects.iter().any(|effect| effect.exact.is_some()) {
        out = out.heading("Exact binomial enumeration with re-estimation");
        out += exact(design, scale);
    }
    out
}

fn rule(design: &ReestimatedDesign) -> String {
    let step = match design.step {
        1 => String::new(),
        step => format!(", rounded up to multiples of {step}"),
    };
    let least = design.least_for_conventional;
    let is_kept = if design.zone.at_least >= least {
        "so that it does in this design"
    } else {
        "so that it does not here, and the weighted statistic is needed"
    };
    format!(
        "With {} patients at look 1, a conditional power at the planned size (current trend) from {} to \
         below {} is promising: the size is then the one with a conditional power of {}{step}. The \
         weighted statistic combines the Z of the stages by their planned information and keeps the type \
         I error. The conventional statistic keeps it if the zone begins at {least:.4} or above, \
         {is_kept}.",
        grouped(u64::from(design.interim)),
        design.zone.at_least,
        design.zone.target,
        design.zone.target,
    )
}

fn decisions(design: &ReestimatedDesign, scale: &str) -> Document {
    let rows = design.decisions.iter().map(|decision| {
        // A trial of no more than the outcomes of the look is one that ends there.
        let size = if decision.size == design.interim {
            "stop for efficacy".to_owned()
        } else {
            grouped(u64::from(decision.size))
        };
        vec![
            fixed(decision.z, 4),
            number(decision.effect),
            fixed(decision.conditional_power, 4),
            decision.zone.name().to_owned(),
            size,
        ]
    });
    let effect = effect_name(scale).replacen(' ', "\n", 1);
    let header = ["Z at\nlook 1", &effect, "conditional\npower", "zone", "patients\nanalysed"];
    Document::of_table(&header, rows.collect())
}

/// Largest number of effects in a table: more columns exceed the width of a terminal.
const MOST_EFFECTS: usize = 4;

fn performance(design: &ReestimatedDesign, scale: &str) -> Document {
    let tables = design.effects.chunks(MOST_EFFECTS).map(|effects| {
        let mut rows = vec![
            row(&effect_name(scale), effects, |effect| fixed(effect.effect, 4)),
            normal_row("efficacy, weighted", effects, |found| chance(found.weighted)),
            normal_row("efficacy, conventional", effects, |found| chance(found.conventional)),
            normal_row("efficacy without re-estimation", effects, |found| chance(found.fixed)),
            normal_row("expected patients analysed", effects, |found| {
                format!("{:.1}", found.expected_size)
            }),
            normal_row("P(maximum)", effects, |found| chance(found.at_maximum)),
        ];
        // With all alpha kept for the end no trial stops at the look.
        if effects.iter().any(|effect| effect.normal.early > 0.0) {
            rows.push(normal_row("P(stop at look 1)", effects, |found| chance(found.early)));
        }
        for zone in Zone::ALL {
            let (k, name) = (zone as usize, zone.name());
            rows.push(normal_row(&format!("P({name})"), effects, |found| {
                chance(found.zones[k].probability)
            }));
            rows.push(normal_row(&format!("  efficacy, weighted, if {name}"), effects, |found| {
                chance(found.zones[k].weighted)
            }));
            rows.push(normal_row(&format!("  patients, if {name}"), effects, |found| {
                format!("{:.1}", found.zones[k].expected_size)
            }));
        }
        let header: Vec<String> = effects.iter().map(share).collect();
        let header: Vec<&str> =
            std::iter::once("true effect").chain(header.iter().map(String::as_str)).collect();
        Document::of_table(&header, rows)
    });
    tables.reduce(|above, below| above.gap() + below).unwrap_or_default()
}

fn exact(design: &ReestimatedDesign, scale: &str) -> Document {
    // One table: the tables above have all effects, by integration.
    let effects: Vec<&ReestimationUnder> =
        design.effects.iter().filter(|effect| effect.exact.is_some()).take(MOST_EFFECTS).collect();
    let mut rows = vec![row(&effect_name(scale), &effects, |effect| fixed(effect.effect, 4))];
    rows.extend([
        exact_row("efficacy, weighted", &effects, |it| chance(it.weighted)),
        exact_row("efficacy, conventional", &effects, |it| chance(it.conventional)),
        exact_row("efficacy without re-estimation", &effects, |it| chance(it.fixed)),
        exact_row("expected patients analysed", &effects, |it| format!("{:.1}", it.expected_size)),
        exact_row("P(promising)", &effects, |it| chance(it.zones[Zone::Promising as usize])),
    ]);
    let header: Vec<String> = effects.iter().map(|effect| share(effect)).collect();
    let header: Vec<&str> =
        std::iter::once("true effect").chain(header.iter().map(String::as_str)).collect();
    Document::of_table(&header, rows)
}

fn row<T>(name: &str, items: &[T], cell: impl Fn(&T) -> String) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(items.iter().map(cell)).collect()
}

fn normal_row(
    name: &str,
    effects: &[ReestimationUnder],
    cell: impl Fn(&ReestimationCharacteristics) -> String,
) -> Vec<String> {
    row(name, effects, |effect| cell(&effect.normal))
}

fn exact_row(
    name: &str,
    effects: &[&ReestimationUnder],
    cell: impl Fn(&EnumeratedCharacteristics) -> String,
) -> Vec<String> {
    row(name, effects, |effect| effect.exact.as_ref().map_or("–".to_owned(), &cell))
}

fn share(effect: &ReestimationUnder) -> String {
    super::design::share_name(effect.fraction, false)
}

/// Writes a probability; a dash if it is of something that never happens.
fn chance(p: f64) -> String {
    if p.is_nan() { "–".to_owned() } else { format!("{p:.5}") }
}
