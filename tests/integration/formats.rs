//! `--format`: the same result as a table, Markdown, JSON and CSV.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::util::{output, rescuesim};

/// Every command with a choice of formats except `design`, whose CSV has a row per boundary.
const COMMANDS: [&[&str]; 9] = [
    &["run", "scenarios/angel-reboot-safety.toml", "--replicates", "200", "--quiet", "--full"],
    &["run", "scenarios/early-vs-late.toml", "--replicates", "100", "--quiet", "--full"],
    &["run", "scenarios/angel-reboot-centres.toml", "--replicates", "50", "--quiet", "--full"],
    &["run", "scenarios/angel-reboot-analyses.toml", "--replicates", "20", "--quiet"],
    &["compare", "angel-reboot", "angel-rescue", "--replicates", "100", "--quiet"],
    &["strategies", "lee-cohort", "--patients", "500"],
    &["monitor", "angel-reboot", "--look", "2", "--control", "26/104", "--experimental", "44/105"],
    &["pool", "scenarios/evidence/premat.toml"],
    &["list"],
];

fn formatted(command: &[&str], format: &str) -> String {
    output(rescuesim().args(command).args(["--format", format]))
}

/// Collects value and error of every estimate in a JSON value.
fn estimates(value: &Value, found: &mut Vec<(f64, f64)>) {
    if let (Some(quantity), Some(mcse)) = (value["value"].as_f64(), value["mcse"].as_f64()) {
        found.push((quantity, mcse));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| estimates(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| estimates(field, found)),
        _ => {}
    }
}

#[test]
fn csv_has_every_quantity_of_the_json_once_and_under_a_unique_name() {
    for command in COMMANDS {
        let csv = formatted(command, "csv");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(reader.headers().expect("a header"), &["figure", "value", "mcse", "n"][..]);
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("whole")).collect();
        let names: BTreeSet<&str> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(names.len(), rows.len(), "{command:?}");
        let mut written: Vec<(f64, f64)> = rows
            .iter()
            .filter_map(|row| Some((row[1].parse().ok()?, row[2].parse().ok()?)))
            .collect();
        let json: Value = serde_json::from_str(&formatted(command, "json")).expect("valid JSON");
        let mut expected = Vec::new();
        estimates(&json, &mut expected);
        let order = |a: &(f64, f64), b: &(f64, f64)| a.partial_cmp(b).expect("finite");
        written.sort_by(order);
        expected.sort_by(order);
        assert_eq!(written, expected, "{command:?}");
    }
}

#[test]
fn all_rows_of_a_markdown_table_have_the_same_number_of_cells() {
    for command in COMMANDS.into_iter().chain([&["design", "angel-reboot"][..]]) {
        let text = formatted(command, "markdown");
        let mut cells = None;
        let mut tables = 0;
        for line in text.lines() {
            let count = line.replace("\\|", "").matches('|').count();
            if !line.starts_with('|') {
                cells = None;
                continue;
            }
            tables += usize::from(cells.is_none());
            assert_eq!(*cells.get_or_insert(count), count, "{command:?}: {line}");
        }
        assert!(tables > 0 || command == ["list"], "{command:?}\n{text}");
        assert!(!text.contains('±') || text.contains("Monte Carlo"), "{command:?}");
    }
}

#[test]
fn tables_on_the_terminal_fit_80_columns() {
    for command in COMMANDS.into_iter().chain([&["design", "angel-reboot"][..]]) {
        for line in formatted(command, "table").lines() {
            let is_command = line.starts_with("Recreate: ");
            assert!(is_command || line.chars().count() <= 80, "{command:?}: {line}");
        }
    }
}
