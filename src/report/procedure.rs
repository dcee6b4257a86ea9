//! Procedures as tables, for `run` (simulated beside exact) and `check` (exact alone).

use super::document::Document;
use super::numeral::with_error;
use crate::outcome::flow::{Group, MEASURES, Measure};
use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::summary::McEstimate;
use crate::summary::procedure::{ArmSummary, Checked, GroupSummary, ProcedureSummary};

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// The simulated figure with its error.
    Simulated,
    /// The exact value.
    Exact,
}

impl Show {
    pub(super) fn cell(self, checked: &Checked, scale: f64) -> String {
        let McEstimate { value, mcse, n, .. } = checked.simulated;
        match self {
            Self::Simulated => with_error(McEstimate {
                value: scale * value,
                mcse: scale * mcse,
                n,
                limit_95: None,
            }),
            Self::Exact if checked.exact.is_finite() => format!("{:.2}", scale * checked.exact),
            Self::Exact => "–".to_owned(),
        }
    }
}

/// Everything about the procedure.
pub(super) fn document(
    summary: &ProcedureSummary,
    scenario: &ScenarioFile,
    show: Show,
) -> Document {
    let mut out = screening(summary, scenario);
    out = out.heading("Both arms, per 100 patients");
    out += arms(summary, show);
    if let Some(definition) = &summary.haemorrhage_definition {
        out = out.text(format!("Haemorrhage: symptomatic, {definition}."));
    }
    out = out.heading("By how the procedure ended, per 100 patients of the row");
    out += groups(summary, show);
    out += stents(summary, show);
    out = out.heading("Pass by pass, per 100 patients of the arm; success per 100 of these passes");
    out += passes(summary, show);
    out + decomposition(summary)
}

/// What screening yields, where not everyone is randomised.
fn screening(summary: &ProcedureSummary, scenario: &ScenarioFile) -> Document {
    let share = summary.screening_yield;
    if share >= 1.0 {
        return Document::new();
    }
    let mut text = format!(
        "Of 100 patients screened {:.1} are unresolved when their turn comes and randomised: {} \
         randomised need about {:.0} screened",
        100.0 * share,
        scenario.sample_size.randomised,
        summary.screened
    );
    if let Some(rate) = scenario.accrual.screened_per_month {
        let randomised = summary.randomised_per_month;
        text += &format!("; {rate} screened a month are {randomised:.2} randomised");
    }
    Document::new().text(format!("{text}."))
}

/// Counts are per 100 patients, passes and minutes per patient.
fn scale(measure: Measure) -> f64 {
    if measure == Measure::Passes { 1.0 } else { 100.0 }
}

fn label(measure: Measure) -> &'static str {
    match measure {
        Measure::FunctionalIndependence => "mRS 0–2",
        Measure::Mortality => "dead",
        Measure::Haemorrhage => "haemorrhage",
        Measure::Perforation => "perforation",
        Measure::Reperfusion => "open at the end",
        Measure::Patency => "opened stent patent",
        Measure::Stented => "stented",
        Measure::Passes => "passes each",
    }
}

/// A measure's label by its key.
pub(super) fn measure_name(key: &str) -> &'static str {
    MEASURES.iter().find(|(_, name)| *name == key).map_or("", |(measure, _)| label(*measure))
}

fn group_label(group: Group) -> &'static str {
    match group {
        Group::All => "all",
        Group::Reperfused => "by passes alone",
        Group::Stented => "stented",
        Group::StentedEarly => "stented early",
        Group::StentedLate => "stented late",
        Group::Unopened => "not opened",
    }
}

pub(super) fn everyone(arm: &ArmSummary) -> &GroupSummary {
    arm.groups.iter().find(|group| group.group == Group::All).expect("everyone is in a group")
}

fn arms(summary: &ProcedureSummary, show: Show) -> Document {
    let [control, experimental] = &summary.arms[..] else { unreachable!("there are two arms") };
    let mut rows = Vec::new();
    let mut push = |name: &str, of: &dyn Fn(&GroupSummary) -> Option<Checked>, scale: f64| {
        let cells = [control, experimental].map(|arm| of(everyone(arm)));
        if !cells.iter().flatten().any(|checked| checked.exact > 0.0) {
            return;
        }
        let mut row = vec![name.to_owned()];
        for checked in cells {
            let exact = checked.map_or("–".to_owned(), |c| Show::Exact.cell(&c, scale));
            if show == Show::Simulated {
                row.push(checked.map_or("–".to_owned(), |c| show.cell(&c, scale)));
            }
            row.push(exact);
        }
        rows.push(row);
    };
    for (measure, name) in MEASURES {
        push(label(measure), &|group| group.measures.get(name).copied(), scale(measure));
    }
    push("minutes, mean", &|group| group.minutes.as_ref().map(|minutes| minutes.mean), 1.0);
    push("minutes, median", &|group| group.minutes.as_ref().map(|minutes| minutes.median), 1.0);
    match show {
        Show::Simulated => {
            Document::of_table(&["", "control", "exact", "experimental", "exact"], rows)
        }
        Show::Exact => Document::of_table(&["", "control", "experimental"], rows),
    }
}

/// The groups of an arm that say more than another: not all, and not early or late stents where
/// these are all the stents.
fn told_apart(arm: &ArmSummary) -> impl Iterator<Item = &GroupSummary> {
    let stented = arm.groups.iter().find(|group| group.group == Group::Stented);
    arm.groups.iter().filter(move |group| match group.group {
        Group::All => false,
        Group::StentedEarly | Group::StentedLate => {
            stented.is_none_or(|all| all.share.exact - group.share.exact > 1e-12)
        }
        _ => true,
    })
}

fn groups(summary: &ProcedureSummary, show: Show) -> Document {
    let mut out = Document::new();
    for arm in &summary.arms {
        let row = |group: &GroupSummary| {
            let mut row = vec![group_label(group.group).to_owned()];
            row.push(show.cell(&group.share, 100.0));
            for name in ["functional_independence", "mortality"] {
                row.push(show.cell(&group.measures[name], 100.0));
            }
            row.push(match summary.haemorrhage_definition {
                Some(_) => show.cell(&group.measures["haemorrhage"], 100.0),
                None => "–".to_owned(),
            });
            row.push(group.minutes.as_ref().map_or("–".into(), |m| show.cell(&m.median, 1.0)));
            row
        };
        let rows = told_apart(arm).map(row).collect();
        out = out.table(&[arm.arm, "share", "mRS 0–2", "dead", "bleed", "minutes"], rows);
    }
    out
}

/// What became of the stents.
fn stents(summary: &ProcedureSummary, show: Show) -> Document {
    let mut rows = Vec::new();
    for arm in &summary.arms {
        let all = [Group::Stented, Group::StentedEarly, Group::StentedLate];
        let stented = told_apart(arm).filter(|group| all.contains(&group.group));
        for group in stented {
            let mut row = vec![format!("{}, {}", arm.arm, group_label(group.group))];
            row.push(show.cell(&group.share, 100.0));
            row.extend(["reperfusion", "patency"].map(|m| show.cell(&group.measures[m], 100.0)));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Document::new();
    }
    let header = [
        "",
        "per 100\npatients",
        "opened,\nper 100 stents",
        "patent at follow-up,\nper 100 opened",
    ];
    Document::new().heading("Stents").table(&header, rows)
}

fn passes(summary: &ProcedureSummary, show: Show) -> Document {
    let mut rows = Vec::new();
    for arm in &summary.arms {
        for pass in &arm.passes {
            let figures =
                [&pass.attempted, &pass.success, &pass.reperfused, &pass.stented, &pass.unopened];
            let mut row = vec![format!("{}, {}", arm.arm, pass.passes)];
            row.extend(figures.map(|checked| show.cell(checked, 100.0)));
            rows.push(row);
        }
    }
    let ended = ["reper-\nfused", "stented", "not\nopened"];
    let header = [["pass", "made after\nrandomisation", "success"], ended].concat();
    Document::of_table(&header, rows)
}

fn decomposition(summary: &ProcedureSummary) -> Document {
    // Plus 0.0, as nothing is not less than nothing.
    let points = |part: f64| format!("{:+.2}", (1e4 * part).round() / 100.0 + 0.0);
    let parts = summary.decomposition.iter().filter(|(_, part)| part.abs() > 5e-7);
    let mut rows: Vec<Vec<String>> =
        parts.map(|(way, part)| vec![(*way).to_owned(), points(*part)]).collect();
    rows.push(vec!["all together".to_owned(), points(summary.difference)]);
    Document::new()
        .heading("Where the difference in mRS 0–2 comes from (experimental less control)")
        .table(&["exact", "points"], rows)
        .text(
            "Each way by which the procedure reaches the outcome is shut in turn, so that both \
             arms get the control arm's average of it; a way's part is what opening it adds, \
             averaged over all orders (Shapley value). Another reference than the control arm's \
             average gives other parts of the same difference.",
        )
}

/// The exact part, without simulation; nothing where there is no procedure.
pub(super) fn exact(scenario: &Scenario) -> Option<Document> {
    let summary = ProcedureSummary::exact(scenario)?;
    Some(document(&summary, scenario.file(), Show::Exact))
}
