//! A re-estimation of the size as tables: which size follows from which result, and what that does.

use super::design::effect_name;
use super::document::{Columns, Document, Rows};
use super::numeral::{NONE, fixed, grouped, number};
use crate::design::reestimation::{
    EnumeratedCharacteristics, ReestimatedDesign, ReestimationUnder, Zone,
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
    let effect = effect_name(scale).replacen(' ', "\n", 1);
    Columns::of(&design.decisions)
        .column("Z at\nlook 1", |decision| fixed(decision.z, 4))
        .column(effect, |decision| number(decision.effect))
        .column("conditional\npower", |decision| fixed(decision.conditional_power, 4))
        .column("zone", |decision| decision.zone.name())
        .column("patients\nanalysed", |decision| {
            // A trial of no more than the outcomes of the look is one that ends there.
            if decision.size == design.interim {
                "stop for efficacy".to_owned()
            } else {
                grouped(u64::from(decision.size))
            }
        })
        .document()
}

/// Largest number of effects in a table: more columns exceed the width of a terminal.
const MOST_EFFECTS: usize = 4;

fn performance(design: &ReestimatedDesign, scale: &str) -> Document {
    let tables = design.effects.chunks(MOST_EFFECTS).map(|effects| {
        // With all alpha kept for the end no trial stops at the look.
        let stops = effects.iter().any(|effect| effect.normal.early > 0.0);
        let mut table = Rows::of(effects, "true effect", share)
            .row(&effect_name(scale), |effect| fixed(effect.effect, 4))
            .row("efficacy, weighted", |effect| chance(effect.normal.weighted))
            .row("efficacy, conventional", |effect| chance(effect.normal.conventional))
            .row("efficacy without re-estimation", |effect| chance(effect.normal.fixed))
            .row("expected patients analysed", |effect| {
                format!("{:.1}", effect.normal.expected_size)
            })
            .row("P(maximum)", |effect| chance(effect.normal.at_maximum))
            .row_if(stops, "P(stop at look 1)", |effect| chance(effect.normal.early));
        for zone in Zone::ALL {
            let (k, name) = (zone as usize, zone.name());
            table = table
                .row(&format!("P({name})"), |effect| chance(effect.normal.zones[k].probability))
                .row(&format!("  efficacy, weighted, if {name}"), |effect| {
                    chance(effect.normal.zones[k].weighted)
                })
                .row(&format!("  patients, if {name}"), |effect| {
                    let size = effect.normal.zones[k].expected_size;
                    // A zone that no trial reaches has none.
                    if size.is_nan() { NONE.to_owned() } else { format!("{size:.1}") }
                });
        }
        table.document()
    });
    tables.reduce(|above, below| above.gap() + below).unwrap_or_default()
}

fn exact(design: &ReestimatedDesign, scale: &str) -> Document {
    // One table: the tables above have all effects, by integration.
    let effects: Vec<(&ReestimationUnder, &EnumeratedCharacteristics)> = design
        .effects
        .iter()
        .filter_map(|effect| Some((effect, effect.exact.as_ref()?)))
        .take(MOST_EFFECTS)
        .collect();
    Rows::of(&effects, "true effect", |(effect, _)| share(effect))
        .row(&effect_name(scale), |(effect, _)| fixed(effect.effect, 4))
        .row("efficacy, weighted", |(_, exact)| chance(exact.weighted))
        .row("efficacy, conventional", |(_, exact)| chance(exact.conventional))
        .row("efficacy without re-estimation", |(_, exact)| chance(exact.fixed))
        .row("expected patients analysed", |(_, exact)| format!("{:.1}", exact.expected_size))
        .row("P(promising)", |(_, exact)| chance(exact.zones[Zone::Promising as usize]))
        .document()
}

fn share(effect: &ReestimationUnder) -> String {
    super::design::share_name(effect.fraction, false)
}

/// Writes a probability; a dash if it is of something that never happens.
fn chance(p: f64) -> String {
    if p.is_nan() { NONE.to_owned() } else { format!("{p:.5}") }
}
