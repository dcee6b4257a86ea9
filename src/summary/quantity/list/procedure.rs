//! Quantities of procedures.

use super::{checked, checked_if_any, count, exact, list, text};
use crate::summary::procedure::{ArmSummary, GroupSummary, PassSummary, ProcedureSummary};
use crate::summary::quantity::{Quantity, Reading, Unit};

/// Quantities of the procedures under the alternative, over all patients of trials that run to their end.
pub const PROCEDURE: &[Quantity<ProcedureSummary>] = &[
    exact("screening_yield", Unit::Probability, "share of the screened who are randomised", |it| {
        Some(it.screening_yield)
    }),
    exact(
        "screened",
        Unit::Patients,
        "expected number screened for all patients randomised",
        |it| Some(it.screened),
    ),
    exact("randomised_per_month", Unit::Patients, "accrual per month at its full rate", |it| {
        Some(it.randomised_per_month)
    }),
    text(
        "haemorrhage_definition",
        "definition of haemorrhage, as in the scenario; null without haemorrhage",
        |it| it.haemorrhage_definition.as_deref(),
    ),
    exact(
        "difference",
        Unit::Probability,
        "P(mRS 0–2) in the experimental arm minus that in the control arm",
        |it| Some(it.difference),
    ),
    exact(
        "decomposition.reperfusion",
        Unit::Probability,
        "part of `difference` by reperfusion",
        |it| part(it, "reperfusion"),
    ),
    exact("decomposition.passes", Unit::Probability, "part by the number of passes", |it| {
        part(it, "passes")
    }),
    exact("decomposition.patency", Unit::Probability, "part by patency at follow-up", |it| {
        part(it, "patency")
    }),
    exact("decomposition.stent itself", Unit::Probability, "part by the stent itself", |it| {
        part(it, "stent itself")
    }),
    exact(
        "decomposition.haemorrhage and perforation, survived",
        Unit::Probability,
        "part by haemorrhages and perforations that patients survive",
        |it| part(it, "haemorrhage and perforation, survived"),
    ),
    exact(
        "decomposition.fatal complications",
        Unit::Probability,
        "part by fatal complications; the parts add up to `difference`",
        |it| part(it, "fatal complications"),
    ),
];

fn part(summary: &ProcedureSummary, name: &str) -> Option<f64> {
    summary.decomposition.iter().find(|(way, _)| *way == name).map(|&(_, value)| value)
}

/// Quantities of one arm's procedures.
pub const ARM: &[Quantity<ArmSummary>] =
    &[list("mrs", Unit::Probability, "shares of mRS 0 to 6", |it| {
        it.mrs.map(Reading::Checked).to_vec()
    })];

/// Quantities of one group of an arm's patients. Measures are means within the group.
pub const GROUP: &[Quantity<GroupSummary>] =
    &[
        checked("share", Unit::Probability, "share of the arm's patients", |it| it.share),
        checked("measures.functional_independence", Unit::Probability, "P(mRS 0–2)", |it| {
            it.measures["functional_independence"]
        }),
        checked("measures.mortality", Unit::Probability, "P(mRS 6)", |it| it.measures["mortality"]),
        checked(
            "measures.haemorrhage",
            Unit::Probability,
            "P(haemorrhage)",
            |it| it.measures["haemorrhage"],
        ),
        checked(
            "measures.perforation",
            Unit::Probability,
            "P(perforation)",
            |it| it.measures["perforation"],
        ),
        checked(
            "measures.reperfusion",
            Unit::Probability,
            "P(open at the end of the procedure)",
            |it| it.measures["reperfusion"],
        ),
        checked(
            "measures.patency",
            Unit::Probability,
            "P(open at follow-up), of the stents that opened",
            |it| it.measures["patency"],
        ),
        checked("measures.stented", Unit::Probability, "P(stented)", |it| it.measures["stented"]),
        checked("measures.passes", Unit::Passes, "mean number of passes in all", |it| {
            it.measures["passes"]
        }),
        checked_if_any(
            "minutes.mean",
            Unit::Minutes,
            "mean time from puncture to end; null without times",
            |it| it.minutes.as_ref().map(|minutes| minutes.mean),
        ),
        checked_if_any("minutes.p25", Unit::Minutes, "its lower quartile", |it| {
            it.minutes.as_ref().map(|minutes| minutes.p25)
        }),
        checked_if_any("minutes.median", Unit::Minutes, "its median", |it| {
            it.minutes.as_ref().map(|minutes| minutes.median)
        }),
        checked_if_any("minutes.p75", Unit::Minutes, "its upper quartile", |it| {
            it.minutes.as_ref().map(|minutes| minutes.p75)
        }),
    ];

/// Quantities after one number of passes. Shares are of the arm's patients unless stated otherwise.
pub const PASS: &[Quantity<PassSummary>] = &[
    count("passes", Unit::Passes, "number of passes in all", |it| it.passes as u64),
    checked("attempted", Unit::Probability, "share with this pass after randomisation", |it| {
        it.attempted
    }),
    checked(
        "success",
        Unit::Probability,
        "share of these passes that reperfuse, lasting or not",
        |it| it.success,
    ),
    checked("reperfused", Unit::Probability, "share whose procedure ends here, reperfused", |it| {
        it.reperfused
    }),
    checked("stented", Unit::Probability, "share stented here", |it| it.stented),
    checked(
        "unopened",
        Unit::Probability,
        "share whose procedure ends here with the vessel closed",
        |it| it.unopened,
    ),
];
