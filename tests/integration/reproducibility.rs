//! Reproducible results: with any number of threads and any number of requested replicates.

use std::path::Path;

use crate::util::{directory, output, project, rescuesim};

const PRIOR: &str = "prior={components=[{log_odds_ratio={mean=0.5,sd=0.3}}]}";

fn run_into(directory: &Path, threads: &str, replicates: &str) -> (String, String) {
    let mut command = rescuesim();
    command.args(["run", "scenarios/angel-reboot.toml", "--quiet", "--trials", "csv"]);
    command.args(["--set", PRIOR]);
    command.args(["--threads", threads, "--replicates", replicates, "--out"]).arg(directory);
    output(&mut command);
    let read =
        |name: &str| std::fs::read_to_string(directory.join(name)).expect("the program wrote it");
    (read("summary.json"), read("trials.csv"))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let directory = directory();
    let one = run_into(directory.path(), "1", "3000");
    for threads in ["2", "7"] {
        let many = run_into(directory.path(), threads, "3000");
        assert_eq!(one.0, many.0, "summary.json with {threads} threads");
        assert_eq!(one.1, many.1, "trials.csv with {threads} threads");
    }
}

#[test]
fn more_replicates_start_with_the_same_ones() {
    let directory = directory();
    let few = run_into(directory.path(), "2", "1000").1;
    let many = run_into(directory.path(), "2", "20000").1;
    assert_eq!(few.lines().count(), 1 + 6 * 1000);
    assert_eq!(many.lines().count(), 1 + 6 * 20_000);
    assert!(many.starts_with(&few));
}

/// Compares replicates with stored summaries, which pin every stream and formula, in debug and in
/// release builds. After a change that is meant to alter results, `UPDATE_GOLDEN=1 cargo test golden`
/// rewrites them.
#[test]
fn golden_summaries_are_unchanged() {
    let folder = project("tests/reference/golden");
    for entry in std::fs::read_dir(folder).expect("it is kept") {
        let path = entry.expect("the folder can be listed").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let (scenario, replicates) = stem.rsplit_once('-').expect("scenario-replicates.json");
        let scenario = format!("scenarios/{scenario}.toml");
        let mut command = rescuesim();
        command.args(["run", &scenario, "--replicates", replicates, "--format", "json"]);
        let now = output(&mut command);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &now).expect("the project is writable");
        }
        let golden = std::fs::read_to_string(&path).expect("it is kept");
        assert!(now == golden, "results differ from {}", path.display());
    }
}
