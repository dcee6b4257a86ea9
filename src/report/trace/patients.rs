//! The patients of a traced trial as tables: allocation, procedure, outcome.

use super::decimals;
use crate::procedure::End;
use crate::randomisation::{Arm, Preference};
use crate::report::document::Document;
use crate::trial::trace::{PatientProcedure, PatientTrace, Trace};

/// The patients that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All patients.
    All,
    /// This number of patients from the first on, and those around each look.
    Excerpt(usize),
}

/// Number of patients shown at each look: the last to be randomised by its decision, and those with the
/// last outcomes.
const AT_A_LOOK: usize = 2;

/// Rows of a table; `None` for a gap of patients that are left out.
type PatientRows<'t> = Vec<Option<&'t PatientTrace>>;

/// Tabulates allocation, procedures and outcomes.
pub(super) fn tables(trace: &Trace, shown: Shown) -> Document {
    let rows = picked(trace, shown);
    let document = Document::new().heading(format!("The {} patients", trace.patients.len()));
    let document = match shown {
        Shown::All => document,
        Shown::Excerpt(_) => document.text(
            "The first patients and, for each look, the last ones randomised by then and those with the \
             latest outcomes; --patients all lists every patient, as JSON and CSV do.",
        ),
    };
    document
        .and(allocation(trace, &rows))
        .and(procedures(trace, &rows))
        .heading("From arrival to outcome")
        .and(outcomes(trace, &rows))
}

/// Picks the patients in the rows of a table.
fn picked(trace: &Trace, shown: Shown) -> PatientRows<'_> {
    let Shown::Excerpt(first) = shown else { return trace.patients.iter().map(Some).collect() };
    let mut wanted: Vec<usize> = (0..first.min(trace.patients.len())).collect();
    for look in &trace.looks {
        let randomised = look.decision.n_randomised as usize;
        wanted.extend(randomised.saturating_sub(AT_A_LOOK)..randomised);
        // Those whose outcomes are the last that the look has.
        let mut known: Vec<(f64, usize)> = trace.patients[..randomised]
            .iter()
            .filter(|patient| first_look(trace, patient) == Some(look.look))
            .filter_map(|patient| Some((patient.outcome_day?, patient.patient as usize - 1)))
            .collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        wanted.extend(known.iter().rev().take(AT_A_LOOK).map(|&(_, i)| i));
    }
    // A patient may be among the first, and at more than one look.
    wanted.sort_unstable();
    wanted.dedup();
    let mut rows = Vec::new();
    let mut next = 0;
    for i in wanted {
        // One row stands for all patients between two that are shown.
        rows.extend((i > next).then_some(None));
        rows.push(Some(&trace.patients[i]));
        next = i + 1;
    }
    rows.extend((next < trace.patients.len()).then_some(None));
    rows
}

/// Returns the number of the first look that has the patient's outcome.
fn first_look(trace: &Trace, patient: &PatientTrace) -> Option<usize> {
    // By the day of the data: an outcome between data and decision is not analysed.
    let day = patient.outcome_day?;
    trace.looks.iter().find(|look| day <= look.day).map(|look| look.look)
}

/// A column: its header, and the function that writes a patient's cell.
type PatientColumn<'t> = (&'static str, Box<dyn Fn(&PatientTrace) -> String + 't>);

fn table(columns: &[PatientColumn<'_>], rows: &PatientRows<'_>) -> Document {
    let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let rows = rows.iter().map(|row| match row {
        Some(patient) => columns.iter().map(|(_, cell)| cell(patient)).collect(),
        None => vec!["…".to_owned()],
    });
    Document::new().table(&header, rows.collect())
}

fn allocation(trace: &Trace, rows: &PatientRows<'_>) -> Document {
    let mut columns: Vec<PatientColumn> = vec![
        ("patient", Box::new(named)),
        ("all\nso far", Box::new(|patient| pair(patient.before.trial))),
    ];
    let has_groups = !trace.factors.is_empty() || trace.patients.iter().any(|p| p.centre.is_some());
    if has_groups {
        columns.push(("of these like\nthe patient", Box::new(counts_of_groups)));
    }
    // Only methods that balance have a preferred arm.
    let has_preference = trace.patients.iter().any(|patient| patient.preferred.is_some());
    if has_preference {
        columns.push(("balance\nasks for", Box::new(|patient| preference(patient.preferred))));
    }
    columns.push(("allo-\ncated", Box::new(|patient| letter(patient.arm).to_owned())));
    let mut text =
        "C: control arm, E: experimental arm. Pairs such as 2/1 are the patients already in each"
            .to_owned();
    if has_groups {
        text += &format!(", then of these the ones with the patient's own {}", groups(trace));
    }
    text += if has_preference { "; – is a tie." } else { "." };
    table(&columns, rows).text(text)
}

/// Names the factors of the randomisation.
fn groups(trace: &Trace) -> String {
    let centre = trace.patients.iter().any(|p| p.centre.is_some()).then_some("centre");
    let names: Vec<&str> = trace.factors.iter().map(String::as_str).chain(centre).collect();
    names.join(", ")
}

/// Names a patient by number, levels and centre.
fn named(patient: &PatientTrace) -> String {
    let centre = patient.centre.map(|centre| format!("centre {centre}"));
    let levels: Vec<String> = patient.levels.iter().cloned().chain(centre).collect();
    format!("{} {}", patient.patient, levels.join(", ")).trim_end().to_owned()
}

/// Writes the patients already in either arm.
fn pair([control, experimental]: [u32; 2]) -> String {
    format!("{control}/{experimental}")
}

/// Writes the patients of each of the patient's groups already in either arm.
fn counts_of_groups(patient: &PatientTrace) -> String {
    let counts = patient.before.levels.iter().copied().chain(patient.before.centre);
    let counts: Vec<String> = counts.map(pair).collect();
    // A few counts in each line, so that many factors do not make a wide table.
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

fn procedures(trace: &Trace, rows: &PatientRows<'_>) -> Document {
    let all: Vec<&PatientProcedure> =
        trace.patients.iter().filter_map(|patient| patient.procedure.as_ref()).collect();
    if all.is_empty() {
        return Document::new();
    }
    let mut columns: Vec<PatientColumn> = vec![
        ("patient", Box::new(|patient| patient.patient.to_string())),
        ("allocated", Box::new(|patient| patient.arm.name().to_owned())),
        ("passes", of_procedure(passes)),
        ("end", of_procedure(|it| end_name(it.end).to_owned())),
    ];
    // Columns that would be empty for all patients are left out, to keep the table within 80 columns.
    if all.iter().any(|it| it.haemorrhage || it.perforation) {
        columns.push(("complications", of_procedure(complications)));
    }
    if all.iter().any(|it| it.minutes.is_some()) {
        columns.push(("minutes", of_procedure(|it| or_dash(it.minutes.map(f64::round)))));
    }
    Document::new().heading("Procedures").and(table(&columns, rows)).text(
        "Passes: × without reperfusion, ○ reperfused and closed again, ● reperfused; | randomised. \
         Those before are only known to have failed.",
    )
}

/// Builds a column that is empty for patients without a procedure.
fn of_procedure(cell: fn(&PatientProcedure) -> String) -> Box<dyn Fn(&PatientTrace) -> String> {
    Box::new(move |patient| patient.procedure.as_ref().map_or(String::new(), cell))
}

/// Writes a sign for each pass.
fn passes(procedure: &PatientProcedure) -> String {
    let mut signs = "×".repeat(usize::from(procedure.passes_before)) + "|";
    for (i, &reperfused) in procedure.reperfused.iter().enumerate() {
        let is_last = i + 1 == procedure.reperfused.len();
        signs += match reperfused {
            // Only the last pass can have left the vessel open; an earlier one was followed by others.
            true if is_last && procedure.end == End::Reperfused => "●",
            true => "○",
            false => "×",
        };
    }
    signs
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

fn outcomes(trace: &Trace, rows: &PatientRows<'_>) -> Document {
    let patients = &trace.patients;
    let mut columns: Vec<PatientColumn> = vec![
        ("patient", Box::new(|patient| patient.patient.to_string())),
        ("day", Box::new(|patient| decimals(patient.day, 0))),
        ("month", Box::new(|patient| decimals(patient.month, 2))),
        ("allocated", Box::new(|patient| patient.arm.name().to_owned())),
    ];
    if patients.iter().any(|patient| patient.received.is_some()) {
        columns.push(("treated as", Box::new(|it| or_dash(it.received.map(Arm::name)))));
    }
    if patients.iter().any(|patient| patient.early_mrs.is_some()) {
        columns.push(("early\nmRS", Box::new(|patient| or_dash(patient.early_mrs))));
    }
    columns.push(("mRS", Box::new(mrs)));
    columns.push(("known\non day", Box::new(|it| or_dash(it.outcome_day.map(f64::round)))));
    columns.push(("from\nlook", Box::new(|patient| from_look(trace, patient))));
    if patients.iter().any(|patient| patient.events.is_some()) {
        columns.push(("adverse events", Box::new(events)));
    }
    table(&columns, rows)
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

fn mrs(patient: &PatientTrace) -> String {
    // A simulated patient has an mRS even if no one learns it.
    match patient.outcome_day {
        Some(_) => patient.mrs.to_string(),
        None => "lost".to_owned(),
    }
}

fn from_look(trace: &Trace, patient: &PatientTrace) -> String {
    match (first_look(trace, patient), patient.outcome_day) {
        (Some(look), _) => look.to_string(),
        // After the last look that took place.
        (None, Some(_)) => "later".to_owned(),
        (None, None) => "–".to_owned(),
    }
}

/// Writes an event in each line.
fn events(patient: &PatientTrace) -> String {
    patient.events.as_ref().map_or(String::new(), |events| events.join(",\n"))
}
