//! The patients of a traced trial, a row each.

use std::collections::BTreeSet;

use crate::procedure::End;
use crate::randomisation::{Arm, Preference};
use crate::report::csv::{self, CsvTable};
use crate::trial::trace::{PatientProcedure, PatientTrace, Trace};

/// The origin of a column's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameOrigin {
    /// The name is the same in every scenario.
    Always,
    /// The name is that of a factor of the scenario, which may be that of another column.
    AfterFactor,
}

/// A column of the rows of patients.
struct CsvColumn<'t> {
    name: String,
    named: NameOrigin,
    /// Writes a patient's cell.
    cell: Box<dyn Fn(&PatientTrace) -> String + 't>,
}

/// Renders a row for each patient as CSV. A value that does not exist is empty; columns that the scenario does
/// not have are left out. No two columns have the same name.
pub fn patients_csv(trace: &Trace) -> String {
    patients_table(trace).to_csv()
}

/// Tabulates the patients as [`patients_csv`] does.
pub(in crate::report) fn patients_table(trace: &Trace) -> CsvTable {
    let mut columns = columns(trace);
    make_unique(&mut columns);
    let header: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let rows = trace
        .patients
        .iter()
        .map(|patient| columns.iter().map(|column| (column.cell)(patient)).collect());
    CsvTable::new(&header, rows)
}

/// Prefixes the name of a factor's column with `factor_` until no other column has that name.
fn make_unique(columns: &mut [CsvColumn<'_>]) {
    // Fixed names first, as a factor may be called `arm` or `mrs`; they are the same in every file.
    let fixed = columns.iter().filter(|column| column.named == NameOrigin::Always);
    let mut taken: BTreeSet<String> = fixed.map(|column| column.name.clone()).collect();
    for column in columns.iter_mut().filter(|column| column.named == NameOrigin::AfterFactor) {
        // A loop, as a factor may itself be called `factor_arm`.
        while !taken.insert(column.name.clone()) {
            column.name.insert_str(0, "factor_");
        }
    }
}

fn columns(trace: &Trace) -> Vec<CsvColumn<'_>> {
    let patients = &trace.patients;
    let mut columns = arrival(trace);
    columns.extend(before(trace));
    if patients.iter().any(|patient| patient.preferred.is_some()) {
        columns.push(column("preferred", |patient| text(patient.preferred.map(preference_name))));
    }
    columns.push(column("arm", |patient| patient.arm.name().to_owned()));
    if patients.iter().any(|patient| patient.received.is_some()) {
        columns.push(column("received", |patient| text(patient.received.map(Arm::name))));
    }
    // A column that would be empty for all patients does not exist: the scenario does not have it.
    if patients.iter().any(|patient| patient.procedure.is_some()) {
        columns.extend(procedure());
    }
    if patients.iter().any(|patient| patient.early_mrs.is_some()) {
        columns.push(column("early_mrs", |patient| text(patient.early_mrs)));
    }
    columns.push(column("mrs", |patient| patient.mrs.to_string()));
    columns.push(column("followed_until_day", |patient| csv::float(patient.followed_until_day)));
    columns.push(column("outcome_day", |patient| {
        patient.outcome_day.map_or(String::new(), csv::float)
    }));
    if patients.iter().any(|patient| patient.events.is_some()) {
        columns.push(column("events", |patient| {
            patient.events.as_ref().map_or(String::new(), |events| events.join(";"))
        }));
    }
    columns
}

fn arrival(trace: &Trace) -> Vec<CsvColumn<'_>> {
    let mut columns: Vec<CsvColumn<'_>> = vec![
        column("patient", |patient| patient.patient.to_string()),
        column("day", |patient| csv::float(patient.day)),
        column("month", |patient| csv::float(patient.month)),
    ];
    if trace.patients.iter().any(|patient| patient.centre.is_some()) {
        columns.push(column("centre", |patient| text(patient.centre)));
    }
    for (i, name) in trace.factors.iter().enumerate() {
        columns.push(after_factor(name.clone(), move |patient| patient.levels[i].clone()));
    }
    columns
}

/// Lists the columns of patients already in either arm: in the trial, in each factor's own level, in the
/// centre.
fn before(trace: &Trace) -> Vec<CsvColumn<'_>> {
    let mut columns = Vec::new();
    for (arm, name) in ["control", "experimental"].into_iter().enumerate() {
        columns.push(column(&format!("before_{name}"), move |patient| {
            patient.before.trial[arm].to_string()
        }));
        for (i, factor) in trace.factors.iter().enumerate() {
            columns.push(after_factor(format!("before_{name}_{factor}"), move |patient| {
                patient.before.levels[i][arm].to_string()
            }));
        }
        if trace.patients.iter().any(|patient| patient.before.centre.is_some()) {
            columns.push(column(&format!("before_{name}_centre"), move |patient| {
                text(patient.before.centre.map(|n| n[arm]))
            }));
        }
    }
    columns
}

fn procedure() -> Vec<CsvColumn<'static>> {
    type Of = fn(&PatientProcedure) -> String;
    let of: [(&str, Of); 8] = [
        ("passes_before", |it| it.passes_before.to_string()),
        ("passes", |it| (usize::from(it.passes_before) + it.reperfused.len()).to_string()),
        ("reperfused", |it| {
            let passes =
                it.reperfused.iter().map(|&reperfused| if reperfused { "yes" } else { "no" });
            // Not by commas, for which readers of CSV would see a quoted cell.
            passes.collect::<Vec<_>>().join(";")
        }),
        ("end", |it| end_name(it.end).to_owned()),
        ("haemorrhage", |it| csv::flag(it.haemorrhage)),
        ("perforation", |it| csv::flag(it.perforation)),
        ("fatal", |it| csv::flag(it.fatal)),
        ("minutes", |it| it.minutes.map_or(String::new(), csv::float)),
    ];
    let columns = of.map(|(name, cell)| {
        column(name, move |patient| patient.procedure.as_ref().map_or(String::new(), cell))
    });
    columns.into()
}

fn column<'t>(name: &str, cell: impl Fn(&PatientTrace) -> String + 't) -> CsvColumn<'t> {
    CsvColumn { name: name.to_owned(), named: NameOrigin::Always, cell: Box::new(cell) }
}

fn after_factor<'t>(name: String, cell: impl Fn(&PatientTrace) -> String + 't) -> CsvColumn<'t> {
    CsvColumn { name, named: NameOrigin::AfterFactor, cell: Box::new(cell) }
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn preference_name(preference: Preference) -> &'static str {
    match preference {
        Preference::Control => "control",
        Preference::Either => "either",
        Preference::Experimental => "experimental",
    }
}

fn end_name(end: End) -> &'static str {
    // Part of the format of the file, unlike the words of the tables.
    match end {
        End::Reperfused => "reperfused",
        End::StentPatent => "stent_patent",
        End::StentClosed => "stent_closed",
        End::StentFailed => "stent_failed",
        End::AccessFailed => "access_failed",
        End::Stopped => "stopped",
    }
}
