//! `--format`: the same result as a table, Markdown, JSON and CSV.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::util::{directory, output, rescuesim};

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
    for command in COMMANDS.into_iter().filter(|command| *command != ["list"]) {
        let csv = formatted(command, "csv");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().expect("a header").clone();
        let names = if command[0] == "run" { 4 } else { 1 };
        let expected = ["truth", "analysis", "look", "quantity", "value", "mcse", "n"];
        assert_eq!(header, expected[4 - names..], "{command:?}");
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.expect("whole")).collect();
        let places: BTreeSet<Vec<&str>> =
            rows.iter().map(|row| row.iter().take(names).collect()).collect();
        assert_eq!(places.len(), rows.len(), "{command:?}");
        let mut written: Vec<(f64, f64)> = rows
            .iter()
            .filter_map(|row| Some((row[names].parse().ok()?, row[names + 1].parse().ok()?)))
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

/// What the cells of a column have in common.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
enum ColumnType {
    Empty,
    Flag,
    Whole,
    Float,
    Text,
}

fn type_of(cell: &str) -> ColumnType {
    match cell {
        "" => ColumnType::Empty,
        "TRUE" | "FALSE" => ColumnType::Flag,
        _ if cell.parse::<i64>().is_ok() => ColumnType::Whole,
        _ if cell.parse::<f64>().is_ok() => ColumnType::Float,
        _ => ColumnType::Text,
    }
}

/// Checks that the cells of each column are of one type, and that a float has a point.
fn assert_typed(what: &str, csv: &str) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let mut types = vec![BTreeSet::new(); header.len()];
    for row in reader.records() {
        for (seen, cell) in types.iter_mut().zip(row.expect("whole").iter()) {
            let of_cell = type_of(cell);
            assert!(of_cell != ColumnType::Float || cell.contains('.'), "{what}: {cell}");
            if of_cell != ColumnType::Empty {
                seen.insert(of_cell);
            }
        }
    }
    for (name, seen) in header.iter().zip(types) {
        assert!(seen.len() <= 1, "{what}: {name} has {seen:?}");
    }
}

#[test]
fn every_column_of_csv_has_one_type_and_floats_have_a_point() {
    for command in COMMANDS {
        assert_typed(&format!("{command:?}"), &formatted(command, "csv"));
    }
    for command in [
        &["design", "angel-reboot"][..],
        &["trace", "early-vs-late", "--replicate", "3"],
        // Whole values of a float come before others.
        &[
            "sweep",
            "angel-reboot",
            "--over",
            "sample_size.randomised=300..400:50",
            "-q",
            "--replicates",
            "20",
        ],
        &[
            "sweep",
            "angel-reboot",
            "--over",
            "design.looks=[{equally_spaced=1},{equally_spaced=3}]",
            "-q",
            "--replicates",
            "20",
        ],
    ] {
        assert_typed(&format!("{command:?}"), &formatted(command, "csv"));
    }
    let folder = directory();
    let out = folder.path().display().to_string();
    let run =
        ["run", "premat-assurance", "--replicates", "20", "-q", "--trials", "csv", "--out", &out];
    output(rescuesim().args(run));
    let trials = std::fs::read_to_string(folder.path().join("trials.csv")).expect("it is written");
    assert_typed("trials.csv", &trials);
}

#[test]
fn csv_on_standard_output_leaves_the_provenance_to_standard_error() {
    let mut command = rescuesim();
    command.args(["run", "angel-reboot", "--replicates", "20", "-q", "--format", "csv"]);
    let printed = command.output().expect("the program starts");
    let errors = String::from_utf8(printed.stderr).expect("messages are text");
    assert!(
        errors
            .starts_with("Recreate: rescuesim run angel-reboot --replicates 20 --seed 20211219 ("),
        "{errors}"
    );
    assert!(!String::from_utf8_lossy(&printed.stdout).contains("provenance"));
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
