//! Helpers of the tests: the program, the shipped scenarios, short simulations.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use rescuesim::engine::{self, Job};
use rescuesim::scenario::Scenario;
use rescuesim::summary::{AnalysisSummary, McEstimate, OperatingCharacteristics, Tally};
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

/// The shipped scenarios with a procedure.
pub fn with_procedure() -> Vec<String> {
    let entries = std::fs::read_dir(project("scenarios")).expect("the folder is shipped");
    let names = entries.map(|entry| entry.expect("the folder can be listed").file_name());
    let paths =
        names.map(|name| format!("scenarios/{}", name.to_str().expect("the name is UTF-8")));
    let mut paths: Vec<String> = paths
        .filter(|path| path.ends_with(".toml"))
        .filter(|path| {
            let text = std::fs::read_to_string(project(path)).expect("the file is text");
            text.lines().any(|line| line == "[procedure]")
        })
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths
}

/// The text of the main scenario.
pub fn angel_reboot() -> String {
    std::fs::read_to_string(project("scenarios/angel-reboot.toml")).expect("the file is shipped")
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

/// Sends Ctrl-C to a program.
pub fn interrupt(program: &std::process::Child) {
    let id = program.id().to_string();
    let status = std::process::Command::new("kill").args(["-INT", &id]).status();
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

/// Operating characteristics of ANGEL-REBOOT with overrides.
pub fn simulate(set: &[&str], replicates: u64) -> OperatingCharacteristics {
    simulate_file("scenarios/angel-reboot.toml", set, replicates)
}

/// Operating characteristics of a shipped scenario with overrides.
pub fn simulate_file(path: &str, set: &[&str], replicates: u64) -> OperatingCharacteristics {
    let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
    let scenario = Scenario::load(&project(path), &set).expect("a valid scenario");
    simulate_scenario(&scenario, replicates)
}

/// Operating characteristics of a scenario.
pub fn simulate_scenario(scenario: &Scenario, replicates: u64) -> OperatingCharacteristics {
    let job = Job::of(0..replicates);
    let folded = engine::fold([scenario], job, || Tally::new(scenario));
    OperatingCharacteristics::new(scenario, &folded.expect("the run is not cancelled").total)
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
    let text = std::fs::read_to_string(project(path)).expect("the file is shipped");
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

/// Result of one analysis under one truth: 0 the alternative, 1 the null.
pub fn analysis_of<'r>(
    result: &'r OperatingCharacteristics,
    truth: usize,
    name: &str,
) -> &'r AnalysisSummary {
    let analyses = &result.truths[truth].analyses;
    analyses.iter().find(|analysis| analysis.name == name).expect("it is monitored")
}
