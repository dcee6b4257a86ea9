//! A design that may drop a level, as tables: the rule, and its operating characteristics.

use super::document::{Columns, Document};
use super::numeral::{fixed, grouped};
use crate::design::enrichment::{EnrichedDesign, EnrichedUnder};

/// Renders the rule and its operating characteristics.
pub(super) fn document(design: &EnrichedDesign) -> Document {
    let [one, other] = design.shares.map(|share| format!("{:.1} %", 100.0 * share));
    Document::new()
        .heading(format!(
            "Enrichment at look 1: levels of {one} and {other} of the patients, either of which may be dropped"
        ))
        .text(rule(design))
        .heading("Performance with enrichment (numerical integration, normal model)")
        .and(performance(design))
        .text(format!(
            "Effects are multiples of the stated one, in level 1 and level 2. The right population is that of \
             exactly the levels with an effect; without any, the trial should stop. The familywise error is \
             P(at least one true null hypothesis is rejected). Over all null configurations (no effect in \
             one level, none to four times the stated effect in the other) it is at most {:.5}.",
            design.largest_familywise_error
        ))
}

fn rule(design: &EnrichedDesign) -> String {
    let dropped = match design.drop_boundary {
        Some(z) => format!(
            "A level whose conditional power under the current trend is below {} (a Z of its patients below \
             {}) is dropped, and all later patients come from the other; if both are, the trial stops.",
            design.drop_below,
            fixed(z, 4)
        ),
        None => "No level is dropped.".to_owned(),
    };
    format!(
        "{} patients are analysed at look 1 and {} in all. {dropped} Each level is tested by the inverse \
         normal combination of both stages with their planned weights, and rejected if the intersection of \
         both null hypotheses is rejected as well (closed testing), by Simes' test in each stage.",
        grouped(u64::from(design.interim)),
        grouped(u64::from(design.planned)),
    )
}

fn performance(design: &EnrichedDesign) -> Document {
    Columns::of(&design.effects)
        .column("effects", |EnrichedUnder { fractions: [one, other], .. }| {
            format!("{one}, {other}")
        })
        .column("rejects\nlevel 1", |under| fixed(under.normal.rejected[0], 4))
        .column("rejects\nlevel 2", |under| fixed(under.normal.rejected[1], 4))
        .column("rejects\nany", |under| fixed(under.normal.any, 4))
        .column("drops\nonly 1", |under| fixed(under.normal.dropped[0], 4))
        .column("drops\nonly 2", |under| fixed(under.normal.dropped[1], 4))
        .column("stops", |under| fixed(under.normal.stopped, 4))
        .column("right\npopulation", |under| fixed(under.right_population, 4))
        .column("familywise\nerror", |under| {
            // Only where a level has no effect can a rejection be an error.
            if under.fractions.contains(&0.0) {
                fixed(under.normal.familywise_error, 5)
            } else {
                "–".to_owned()
            }
        })
        .document()
}
