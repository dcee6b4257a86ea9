//! The patients of a traced trial, as tables: allocation, procedure, outcome.

use super::decimals;
use crate::procedure::End;
use crate::randomisation::{Arm, Preference};
use crate::report::document::Document;
use crate::trial::trace::{PatientProcedure, PatientTrace, Trace};

/// Which patients are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everyone.
    All,
    /// So many who came first, and those around each look.
    Excerpt(usize),
}

/// Patients that are shown at each look, the last to be randomised by its decision.
const AT_A_LOOK: usize = 2;

/// Rows of a table; `None` where patients are left out.
type Rows<'t> = Vec<Option<&'t PatientTrace>>;

/// Everything about the patients.
pub(super) fn tables(trace: &Trace, shown: Shown) -> Document {
    let rows = picked(trace, shown);
    let document = Document::new().heading(format!("The {} patients", trace.patients.len()));
    let document = match shown {
        Shown::All => document,
        Shown::Excerpt(_) => document.text(
            "The first to come, and at each look the last that are randomised and those whose \
             outcomes are the last it has; --patients all shows all, as JSON and CSV do.",
        ),
    };
    document
        .and(allocation(trace, &rows))
        .and(procedures(trace, &rows))
        .heading("From arrival to outcome")
        .and(outcomes(trace, &rows))
}

/// The patients in the rows of a table.
fn picked(trace: &Trace, shown: Shown) -> Rows<'_> {
    let Shown::Excerpt(first) = shown else { return trace.patients.iter().map(Some).collect() };
    let mut wanted: Vec<usize> = (0..first.min(trace.patients.len())).collect();
    for look in &trace.looks {
        let randomised = look.decision.n_randomised as usize;
        wanted.extend(randomised.saturating_sub(AT_A_LOOK)..randomised);
        let mut known: Vec<&PatientTrace> = trace.patients[..randomised]
            .iter()
            .filter(|patient| first_look(trace, patient) == Some(look.look))
            .collect();
        let day = |patient: &PatientTrace| patient.outcome_day.unwrap_or(f64::INFINITY);
        known.sort_by(|a, b| day(a).total_cmp(&day(b)));
        wanted.extend(known.iter().rev().take(AT_A_LOOK).map(|it| it.patient as usize - 1));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut rows = Vec::new();
    let mut next = 0;
    for i in wanted {
        rows.extend((i > next).then_some(None));
        rows.push(Some(&trace.patients[i]));
        next = i + 1;
    }
    rows.extend((next < trace.patients.len()).then_some(None));
    rows
}

/// The first look of those that took place that has the patient's outcome, by its number.
fn first_look(trace: &Trace, patient: &PatientTrace) -> Option<usize> {
    let day = patient.outcome_day?;
    trace.looks.iter().find(|look| day <= look.day).map(|look| look.look)
}

/// A column: its header, and what it has of a patient.
type Column<'t> = (&'static str, Box<dyn Fn(&PatientTrace) -> String + 't>);

fn table(columns: &[Column<'_>], rows: &Rows<'_>) -> Document {
    let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let cells = |row: &Option<&PatientTrace>| match row {
        Some(patient) => columns.iter().map(|(_, cell)| cell(patient)).collect(),
        None => vec!["…".to_owned()],
    };
    Document::new().table(&header, rows.iter().map(cells).collect())
}

fn allocation(trace: &Trace, rows: &Rows<'_>) -> Document {
    let pair = |[control, experimental]: [u32; 2]| format!("{control}/{experimental}");
    let mut columns: Vec<Column> = vec![
        ("patient", Box::new(named)),
        ("all\nso far", Box::new(move |patient| pair(patient.before.trial))),
    ];
    let has_groups = !trace.factors.is_empty() || trace.patients.iter().any(|p| p.centre.is_some());
    if has_groups {
        let of_levels = move |patient: &PatientTrace| {
            let counts = patient.before.levels.iter().copied().chain(patient.before.centre);
            in_lines(counts.map(pair).collect())
        };
        columns.push(("of these like\nthe patient", Box::new(of_levels)));
    }
    let has_preference = trace.patients.iter().any(|patient| patient.preferred.is_some());
    if has_preference {
        columns.push(("balance\nasks for", Box::new(|patient| preference(patient.preferred))));
    }
    columns.push(("allo-\ncated", Box::new(|patient| letter(patient.arm).to_owned())));
    let mut text = "C control, E experimental arm; C/E are the patients already in them".to_owned();
    if has_groups {
        text += &format!(", in turn those with the patient's own {}", groups(trace));
    }
    text += if has_preference { ". – for a tie." } else { "." };
    table(&columns, rows).text(text)
}

/// What patients are told apart by.
fn groups(trace: &Trace) -> String {
    let centre = trace.patients.iter().any(|p| p.centre.is_some()).then_some("centre");
    let names: Vec<&str> = trace.factors.iter().map(String::as_str).chain(centre).collect();
    names.join(", ")
}

/// The number, and what the patient has at baseline.
fn named(patient: &PatientTrace) -> String {
    let centre = patient.centre.map(|centre| format!("centre {centre}"));
    let levels: Vec<String> = patient.levels.iter().cloned().chain(centre).collect();
    format!("{} {}", patient.patient, levels.join(", ")).trim_end().to_owned()
}

/// With a few counts in each line, so that many factors do not make a wide table.
fn in_lines(counts: Vec<String>) -> String {
    counts.chunks(3).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

fn letter(arm: Arm) -> &'static str {
    match arm {
        Arm::Control => "C",
        Arm::Experimental => "E",
    }
}

fn preference(preferred: Option<Preference>) -> String {
    match preferred {
        Some(Preference::Control) => "C",
        Some(Preference::Experimental) => "E",
        Some(Preference::Either) | None => "–",
    }
    .to_owned()
}

fn procedures(trace: &Trace, rows: &Rows<'_>) -> Document {
    let all = || trace.patients.iter().filter_map(|patient| patient.procedure.as_ref());
    if all().next().is_none() {
        return Document::new();
    }
    let of = |cell: fn(&PatientProcedure) -> String| {
        move |patient: &PatientTrace| patient.procedure.as_ref().map_or(String::new(), cell)
    };
    let mut columns: Vec<Column> = vec![
        ("patient", Box::new(|patient| patient.patient.to_string())),
        ("allocated", Box::new(|patient| patient.arm.name().to_owned())),
        ("passes", Box::new(of(passes))),
        ("end", Box::new(of(|it| end_name(it.end).to_owned()))),
    ];
    if all().any(|it| it.haemorrhage || it.perforation) {
        columns.push(("complications", Box::new(of(complications))));
    }
    if all().any(|it| it.minutes.is_some()) {
        columns.push(("minutes", Box::new(of(|it| or_dash(it.minutes.map(f64::round))))));
    }
    Document::new().heading("Procedures").and(table(&columns, rows)).text(
        "Passes: × without reperfusion, ○ reperfused and closed again, ● reperfused; | randomised. \
         Those before are only known to have failed.",
    )
}

/// One sign for each.
fn passes(procedure: &PatientProcedure) -> String {
    let before = "×".repeat(usize::from(procedure.passes_before));
    let last = procedure.reperfused.len();
    let sign = |(i, &reperfused): (usize, &bool)| match reperfused {
        true if i + 1 == last && procedure.end == End::Reperfused => "●",
        true => "○",
        false => "×",
    };
    let after: String = procedure.reperfused.iter().enumerate().map(sign).collect();
    format!("{before}|{after}")
}

fn end_name(end: End) -> &'static str {
    match end {
        End::Reperfused => "reperfused",
        End::StentPatent => "stent, open",
        End::StentClosed => "stent, closed later",
        End::StentFailed => "stent, not opened",
        End::AccessFailed => "no access for a stent",
        End::Stopped => "given up",
    }
}

fn complications(procedure: &PatientProcedure) -> String {
    let PatientProcedure { haemorrhage, perforation, fatal, .. } = *procedure;
    let named = [(haemorrhage, "bleed"), (perforation, "perforation"), (fatal, "fatal")];
    let names = named.into_iter().filter(|(happened, _)| *happened).map(|(_, name)| name);
    names.collect::<Vec<_>>().join(", ")
}

fn outcomes(trace: &Trace, rows: &Rows<'_>) -> Document {
    let any = |of: fn(&PatientTrace) -> bool| trace.patients.iter().any(of);
    let mut columns: Vec<Column> = vec![
        ("patient", Box::new(|patient| patient.patient.to_string())),
        ("day", Box::new(|patient| decimals(patient.day, 0))),
        ("month", Box::new(|patient| decimals(patient.month, 2))),
        ("allocated", Box::new(|patient| patient.arm.name().to_owned())),
    ];
    if any(|patient| patient.received.is_some()) {
        columns.push(("treated as", Box::new(|it| or_dash(it.received.map(Arm::name)))));
    }
    if any(|patient| patient.early_mrs.is_some()) {
        columns.push(("early\nmRS", Box::new(|patient| or_dash(patient.early_mrs))));
    }
    columns.push(("mRS", Box::new(mrs)));
    columns.push(("known\non day", Box::new(|it| or_dash(it.outcome_day.map(f64::round)))));
    columns.push(("from\nlook", Box::new(|patient| from_look(trace, patient))));
    if any(|patient| patient.events.is_some()) {
        columns.push(("adverse events", Box::new(events)));
    }
    table(&columns, rows)
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

fn mrs(patient: &PatientTrace) -> String {
    match patient.outcome_day {
        Some(_) => patient.mrs.to_string(),
        None => "lost".to_owned(),
    }
}

fn from_look(trace: &Trace, patient: &PatientTrace) -> String {
    match (first_look(trace, patient), patient.outcome_day) {
        (Some(look), _) => look.to_string(),
        (None, Some(_)) => "later".to_owned(),
        (None, None) => "–".to_owned(),
    }
}

/// One in each line.
fn events(patient: &PatientTrace) -> String {
    patient.events.as_ref().map_or(String::new(), |events| events.join(",\n"))
}
