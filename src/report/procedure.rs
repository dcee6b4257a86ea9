//! Procedures as tables, for `run` (simulated and exact) and `check` (exact alone).

use super::document::{Columns, Document};
use super::numeral::with_error;
use crate::outcome::flow::{Group, MEASURES, Measure};
use crate::scenario::Scenario;
use crate::scenario::file::ScenarioFile;
use crate::summary::McEstimate;
use crate::summary::procedure::{ArmSummary, Checked, GroupSummary, ProcedureSummary};

/// The value in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// The simulated value with its error.
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
            // No patient is in a group of share 0: its rates are NaN.
            Self::Exact if checked.exact.is_finite() => format!("{:.2}", scale * checked.exact),
            Self::Exact => "–".to_owned(),
        }
    }
}

/// Renders all tables of the procedure.
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
    out = out.heading("By end of procedure (per 100 patients in each row)");
    out += groups(summary, show);
    out += stents(summary, show);
    out =
        out.heading("Pass by pass (per 100 patients of the arm; success per 100 of these passes)");
    out += passes(summary, show);
    out + decomposition(summary)
}

/// Describes the yield of screening; nothing if all patients screened are randomised.
fn screening(summary: &ProcedureSummary, scenario: &ScenarioFile) -> Document {
    let share = summary.screening_yield;
    // Without screening all patients are randomised on arrival.
    if share >= 1.0 {
        return Document::new();
    }
    let mut text = format!(
        "Of 100 screened patients {:.1} have a persistent occlusion at the time of randomisation and are \
         randomised: {} randomised need about {:.0} screened",
        100.0 * share,
        scenario.sample_size.randomised,
        summary.screened
    );
    if let Some(rate) = scenario.accrual.screened_per_month {
        let randomised = summary.randomised_per_month;
        text += &format!("; {rate} screened a month give {randomised:.2} randomised");
    }
    Document::new().text(format!("{text}."))
}

/// Returns the factor of a measure: counts are per 100 patients, passes and minutes per patient.
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

/// Returns the label of a measure, given its key.
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
    let everyone = [control, experimental].map(everyone);
    for (measure, name) in MEASURES {
        let cells = everyone.map(|group| group.measures.get(name).copied());
        rows.extend(arms_row(label(measure), cells, scale(measure), show));
    }
    let minutes = everyone.map(|group| group.minutes.as_ref());
    let means = minutes.map(|minutes| minutes.map(|minutes| minutes.mean));
    rows.extend(arms_row("minutes, mean", means, 1.0, show));
    let medians = minutes.map(|minutes| minutes.map(|minutes| minutes.median));
    rows.extend(arms_row("minutes, median", medians, 1.0, show));
    match show {
        Show::Simulated => {
            Document::of_table(&["", "control", "exact", "experimental", "exact"], rows)
        }
        Show::Exact => Document::of_table(&["", "control", "experimental"], rows),
    }
}

/// Writes a value of both arms; `None` if it is 0 in both, such as haemorrhage in a model without it.
fn arms_row(name: &str, arms: [Option<Checked>; 2], scale: f64, show: Show) -> Option<Vec<String>> {
    // A measure of 0 in both arms is not a part of the model.
    if !arms.iter().flatten().any(|checked| checked.exact > 0.0) {
        return None;
    }
    let mut row = vec![name.to_owned()];
    for checked in arms {
        if show == Show::Simulated {
            row.push(checked.map_or("–".to_owned(), |c| Show::Simulated.cell(&c, scale)));
        }
        row.push(checked.map_or("–".to_owned(), |c| Show::Exact.cell(&c, scale)));
    }
    Some(row)
}

/// Iterates over the groups of an arm that differ from one another: without the group of all patients, and
/// without early or late stents if these are all the stents.
fn distinct_groups(arm: &ArmSummary) -> impl Iterator<Item = &GroupSummary> {
    let stented = arm.groups.iter().find(|group| group.group == Group::Stented);
    arm.groups.iter().filter(move |group| match group.group {
        Group::All => false,
        Group::StentedEarly | Group::StentedLate => {
            // Where all stents are early, or all late, the group repeats that of all stents.
            stented.is_none_or(|all| all.share.exact - group.share.exact > 1e-12)
        }
        Group::Reperfused | Group::Stented | Group::Unopened => true,
    })
}

fn groups(summary: &ProcedureSummary, show: Show) -> Document {
    let mut out = Document::new();
    // A table for each arm, as groups differ between them.
    for arm in &summary.arms {
        out += Columns::of(distinct_groups(arm))
            .column(arm.arm, |group| group_label(group.group))
            .column("share", |group| show.cell(&group.share, 100.0))
            .column("mRS 0–2", |group| {
                show.cell(&group.measures["functional_independence"], 100.0)
            })
            .column("dead", |group| show.cell(&group.measures["mortality"], 100.0))
            .column("bleed", |group| match summary.haemorrhage_definition {
                Some(_) => show.cell(&group.measures["haemorrhage"], 100.0),
                None => "–".to_owned(),
            })
            .column("minutes", |group| {
                group.minutes.as_ref().map_or("–".into(), |m| show.cell(&m.median, 1.0))
            })
            .document();
    }
    out
}

/// Tabulates the success of stents; nothing if there are none.
fn stents(summary: &ProcedureSummary, show: Show) -> Document {
    let all = [Group::Stented, Group::StentedEarly, Group::StentedLate];
    let stented: Vec<_> = summary
        .arms
        .iter()
        .flat_map(|arm| distinct_groups(arm).map(move |group| (arm, group)))
        .filter(|(_, group)| all.contains(&group.group))
        .collect();
    if stented.is_empty() {
        return Document::new();
    }
    let table = Columns::of(stented)
        .column("", |(arm, group)| format!("{}, {}", arm.arm, group_label(group.group)))
        .column("per 100\npatients", |(_, group)| show.cell(&group.share, 100.0))
        .column("opened,\nper 100 stents", |(_, group)| {
            show.cell(&group.measures["reperfusion"], 100.0)
        })
        .column("patent at follow-up,\nper 100 opened", |(_, group)| {
            show.cell(&group.measures["patency"], 100.0)
        });
    Document::new().heading("Stents").and(table.document())
}

fn passes(summary: &ProcedureSummary, show: Show) -> Document {
    let passes = summary.arms.iter().flat_map(|arm| arm.passes.iter().map(move |pass| (arm, pass)));
    Columns::of(passes)
        .column("pass", |(arm, pass)| format!("{}, {}", arm.arm, pass.passes))
        .column("made after\nrandomisation", |(_, pass)| show.cell(&pass.attempted, 100.0))
        .column("success", |(_, pass)| show.cell(&pass.success, 100.0))
        .column("reperfused", |(_, pass)| show.cell(&pass.reperfused, 100.0))
        .column("stented", |(_, pass)| show.cell(&pass.stented, 100.0))
        .column("not\nopened", |(_, pass)| show.cell(&pass.unopened, 100.0))
        .document()
}

fn decomposition(summary: &ProcedureSummary) -> Document {
    let mut rows = Vec::new();
    for (way, part) in &summary.decomposition {
        // A way that the procedure does not have has a part of 0, but for rounding.
        if part.abs() > 5e-7 {
            rows.push(vec![(*way).to_owned(), points(*part)]);
        }
    }
    rows.push(vec!["total".to_owned(), points(summary.difference)]);
    Document::new()
        .heading("Where the difference in mRS 0–2 comes from (experimental less control)")
        .table(&["exact", "points"], rows)
        .text(
            "Each pathway is blocked in turn by giving both arms the control arm's average; its part is \
             what unblocking it adds, averaged over all orders (Shapley value). With a reference \
             other than the control arm's average the same difference is divided differently.",
        )
}

/// Writes a difference of shares in percentage points.
fn points(difference: f64) -> String {
    // The sum of −0 and 0 is 0.
    format!("{:+.2}", (1e4 * difference).round() / 100.0 + 0.0)
}

/// Renders the exact tables, without simulation; `None` without a procedure.
pub(super) fn exact(scenario: &Scenario) -> Option<Document> {
    // A summary without replicates, of which only the exact values are shown.
    let summary = ProcedureSummary::exact(scenario)?;
    Some(document(&summary, scenario.file(), Show::Exact))
}
