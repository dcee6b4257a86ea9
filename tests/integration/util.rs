//! Helpers of the tests: the program, the shipped scenarios, short simulations.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut, Range};
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use assert_cmd::Command;
use rescuesim::analysis::Counts;
use rescuesim::engine::{self, Accumulator, Job};
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{
    AnalysisSummary, McEstimate, OperatingCharacteristics, Tally, TruthSummary,
};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test, with the project's root as its working directory.
pub fn rescuesim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Path of a file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Names of the files and folders in a folder, in their order.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder exists");
    let names = entries.map(|entry| entry.expect("the folder can be listed").file_name());
    let mut names: Vec<String> =
        names.map(|name| name.into_string().expect("the name is UTF-8")).collect();
    names.sort();
    names
}

/// Paths of the shipped scenarios, in their order.
pub fn shipped_scenarios() -> Vec<String> {
    let names = names_in(&project("scenarios")).into_iter();
    names.filter(|name| name.ends_with(".toml")).map(|name| format!("scenarios/{name}")).collect()
}

/// The shipped scenarios with a procedure.
pub fn with_procedure() -> Vec<String> {
    let mut paths = shipped_scenarios();
    paths.retain(|path| {
        let text = std::fs::read_to_string(project(path)).expect("the file is text");
        text.lines().any(|line| line == "[procedure]")
    });
    assert!(paths.len() >= 5, "{paths:?}");
    paths
}

/// Text of a file of the project.
pub fn shipped_text(path: &str) -> String {
    std::fs::read_to_string(project(path)).expect("the file is shipped")
}

/// Text of the main scenario.
pub fn angel_reboot() -> String {
    shipped_text("scenarios/angel-reboot.toml")
}

/// A row of a CSV table, by column.
pub type Row = BTreeMap<String, String>;

/// Rows of a CSV table with a header.
pub fn rows(csv: &str) -> Vec<Row> {
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_deserialize();
    rows.map(|row| row.expect("a row")).collect()
}

/// A directory for one test.
pub fn directory() -> TempDir {
    tempfile::tempdir().expect("the system gives temporary directories")
}

/// Standard output of a run that must succeed.
pub fn output(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("output is text")
}

/// JSON of a command that must succeed.
#[track_caller]
pub fn json(command: &mut Command) -> Value {
    serde_json::from_str(&output(command.args(["--format", "json"]))).expect("valid JSON")
}

/// Error message of a command that must exit with code 2 and print nothing else.
#[track_caller]
pub fn refused(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(2), "{command:?}\n{errors}");
    assert!(output.stdout.is_empty(), "{command:?} prints on standard output");
    errors
}

/// Options `--set` with overrides.
pub fn set_options<'s>(set: &[&'s str]) -> Vec<&'s str> {
    set.iter().flat_map(|&value| ["--set", value]).collect()
}

/// A number of a JSON value.
#[track_caller]
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A whole number in a cell of a reference.
#[track_caller]
pub fn whole_number(record: &csv::StringRecord, column: usize) -> usize {
    record[column].parse().expect("a whole number")
}

/// Counts of each data set of the reference for ordinal outcomes, by stratum of its three binary covariates:
/// the first is the lowest bit.
pub fn ordinal_data() -> BTreeMap<String, [Counts; 8]> {
    let text = include_str!("../reference/ordinal_data.csv");
    let mut data: BTreeMap<String, [Counts; 8]> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let bits = [3, 4, 5].map(|column| whole_number(&record, column));
        let stratum = bits[0] + 2 * bits[1] + 4 * bits[2];
        let [arm, mrs] = [2, 6].map(|column| whole_number(&record, column));
        data.entry(record[0].to_owned()).or_default()[stratum][arm][mrs] += 1.0;
    }
    data
}

/// Lines beyond 80 columns, except for the command that recreates the result.
pub fn too_wide(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with("Recreate: "));
    lines.filter(|line| line.chars().count() > 80).collect()
}

/// A program in the background, which is killed when the test ends or fails before it.
pub struct Running(Option<Child>);

impl Running {
    /// Starts a program.
    pub fn start(command: &mut std::process::Command) -> Self {
        Self(Some(command.spawn().expect("the program starts")))
    }

    /// Waits for the end of the program.
    pub fn output(mut self) -> Output {
        let child = self.0.take().expect("only this takes it");
        child.wait_with_output().expect("the program exists")
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.0.as_ref().expect("only the end takes it")
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        self.0.as_mut().expect("only the end takes it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails if the program has ended, as it should have.
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a program a signal that it treats as Ctrl-C. Ctrl-C itself is ignored by programs that a test in
/// the background of a shell starts.
pub fn interrupt(program: &Child) {
    let id = program.id().to_string();
    let status = std::process::Command::new("kill").args(["-TERM", &id]).status();
    assert!(status.expect("kill starts").success());
}

/// Waits until a condition holds, and fails after a minute.
#[track_caller]
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("it did not happen within a minute");
}

/// Overrides of a scenario, as [`Scenario::parse`] takes them.
pub fn overrides(set: &[&str]) -> Vec<String> {
    set.iter().map(|&text| text.to_owned()).collect()
}

/// ANGEL-REBOOT with overrides.
pub fn scenario(set: &[&str]) -> Scenario {
    scenario_file("scenarios/angel-reboot.toml", set)
}

/// A shipped scenario with overrides.
pub fn scenario_file(path: &str, set: &[&str]) -> Scenario {
    let loaded = Scenario::load(&project(path), &overrides(set));
    loaded.unwrap_or_else(|rejection| panic!("{path} {set:?} is not valid: {rejection}"))
}

/// Operating characteristics of ANGEL-REBOOT with overrides.
pub fn simulate(set: &[&str], replicates: u64) -> OperatingCharacteristics {
    simulate_scenario(&scenario(set), replicates)
}

/// Operating characteristics of a shipped scenario with overrides.
pub fn simulate_file(path: &str, set: &[&str], replicates: u64) -> OperatingCharacteristics {
    simulate_scenario(&scenario_file(path, set), replicates)
}

/// Operating characteristics of a scenario.
pub fn simulate_scenario(scenario: &Scenario, replicates: u64) -> OperatingCharacteristics {
    simulate_range(scenario, 0..replicates, None)
}

/// Operating characteristics of some replicates of a scenario, on a given number of threads.
pub fn simulate_range(
    scenario: &Scenario,
    replicates: Range<u64>,
    threads: Option<usize>,
) -> OperatingCharacteristics {
    let tally = accumulate(scenario, replicates, threads, || Tally::new(scenario));
    OperatingCharacteristics::new(scenario, &tally)
}

/// Simulates some replicates of a scenario into an accumulator.
pub fn accumulate<A: Accumulator>(
    scenario: &Scenario,
    replicates: Range<u64>,
    threads: Option<usize>,
    new: impl Fn() -> A + Sync,
) -> A {
    let job = Job { threads, ..Job::of(replicates) };
    engine::fold([scenario], job, new).expect("the run is not cancelled").total
}

/// Parts of a result by name.
pub trait Results {
    /// Results under one truth.
    fn under(&self, truth: Truth) -> &TruthSummary;

    /// The first analysis under one truth.
    fn first_analysis(&self, truth: Truth) -> &AnalysisSummary {
        &self.under(truth).analyses[0]
    }

    /// The analysis with this name under one truth.
    #[track_caller]
    fn analysis(&self, truth: Truth, name: &str) -> &AnalysisSummary {
        let named = self.under(truth).analyses.iter().find(|analysis| analysis.name == name);
        named.unwrap_or_else(|| panic!("the scenario has no analysis {name:?}"))
    }
}

impl Results for OperatingCharacteristics {
    fn under(&self, truth: Truth) -> &TruthSummary {
        &self.truths[truth.index()]
    }
}

/// Fails unless the quantity is within `errors` Monte Carlo standard errors of `low..=high`.
#[track_caller]
pub fn assert_within(what: &str, quantity: McEstimate, low: f64, high: f64, errors: f64) {
    let McEstimate { value, mcse, .. } = quantity;
    let reach = errors * mcse;
    assert!(
        (low - reach..=high + reach).contains(&value),
        "{what}: {value} ± {mcse}, expected {low} to {high}"
    );
}

/// Override `analyses=[…]` with the named analyses of a shipped scenario, for runs that need only a few.
pub fn only(path: &str, names: &[&str]) -> String {
    let text = shipped_text(path);
    let file: toml::Table = text.parse().expect("valid TOML");
    let analyses = file["analyses"].as_array().expect("a list");
    let named = |name: &&str| {
        analyses
            .iter()
            .find(|of| of["name"].as_str() == Some(name))
            .expect("the analysis exists")
            .to_string()
    };
    format!("analyses=[{}]", names.iter().map(named).collect::<Vec<_>>().join(","))
}
