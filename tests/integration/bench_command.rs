//! `rescuesim bench`: the measured times depend on the machine, the relations between them do not.

use serde_json::Value;

use crate::util::{directory, output, rescuesim};

const FEW: [&str; 6] = ["--replicates", "20", "--repeats", "3", "--threads", "2"];

fn bench(scenario: &str, args: &[&str]) -> String {
    output(rescuesim().args(["bench", scenario]).args(FEW).args(args))
}

fn json(scenario: &str) -> Value {
    serde_json::from_str(&bench(scenario, &["--format", "json"])).expect("valid JSON")
}

#[test]
fn times_of_threads_and_phases_are_consistent() {
    for (scenario, phases) in [
        (
            "angel-reboot",
            vec!["accrual", "baseline", "allocation", "outcome", "looks", "analysis", "summary"],
        ),
        (
            "early-vs-late",
            vec![
                "accrual",
                "baseline",
                "allocation",
                "procedure",
                "outcome",
                "looks",
                "analysis",
                "summary",
            ],
        ),
    ] {
        let found = json(scenario);
        let threads = found["throughput"].as_array().expect("a list");
        assert_eq!(threads.len(), 2);
        for (i, of) in threads.iter().enumerate() {
            assert_eq!(of["threads"], i + 1);
            let time = |key: &str| of["microseconds_per_trial"][key].as_f64().expect("a number");
            assert!(0.0 < time("min") && time("min") <= time("median"));
            assert!(time("median") <= time("max"));
            let speed = of["trials_per_second"]["median"].as_f64().expect("a number");
            assert!((speed * time("median") / 1e6 - 1.0).abs() < 1e-9);
        }
        assert_eq!(threads[0]["efficiency"], 1.0);
        let found_phases = found["phases"].as_array().expect("a list");
        let names: Vec<_> =
            found_phases.iter().map(|of| of["phase"].as_str().expect("text")).collect();
        assert_eq!(names, phases);
        let sum = |of: &dyn Fn(&Value) -> f64| found_phases.iter().map(of).sum::<f64>();
        assert!((sum(&|of| of["share"].as_f64().expect("a number")) - 1.0).abs() < 1e-9);
        // Times of phases are scaled to the time without clocks.
        let together =
            sum(&|of| of["microseconds_per_trial"]["median"].as_f64().expect("a number"));
        let alone = threads[0]["microseconds_per_trial"]["median"].as_f64().expect("a number");
        assert!((together / alone - 1.0).abs() < 1e-9);
        if cfg!(target_os = "linux") {
            assert!(found["peak_memory_bytes"].as_u64().expect("Linux says") > 1 << 20);
        }
    }
}

#[test]
fn a_benchmark_is_compared_with_an_earlier_one() {
    let directory = directory();
    let file = directory.path().join("earlier.json");
    let path = file.to_str().expect("a plain path");
    std::fs::write(&file, bench("angel-rescue", &["--format", "json"]))
        .expect("the folder is writable");
    let table = bench("angel-rescue", &["--compare", path]);
    assert!(table.contains("change") && table.contains('×'), "{table}");
    assert!(
        table.contains("Measure again: rescuesim bench angel-rescue --replicates 20 --repeats 3")
    );
    assert!(!bench("angel-rescue", &[]).contains("change"));
    let csv = bench("angel-rescue", &["--format", "csv"]);
    for figure in
        ["throughput.threads_2.efficiency,", "phases.looks.microseconds_per_trial.median,"]
    {
        assert!(csv.contains(figure), "{csv}");
    }
    let both: Value =
        serde_json::from_str(&bench("angel-rescue", &["--compare", path, "--format", "json"]))
            .expect("valid JSON");
    assert_eq!(both["earlier"]["scenario_digest"], both["scenario_digest"]);

    for (scenario, file, reason) in [
        (
            "angel-reboot",
            path,
            "is of another scenario; it was made by: rescuesim bench angel-rescue",
        ),
        ("angel-rescue", "Cargo.toml", "is not what bench --format json writes"),
        ("angel-rescue", "none.json", "cannot be read"),
    ] {
        let mut command = rescuesim();
        let output = command
            .args(["bench", scenario, "--compare", file])
            .output()
            .expect("the program starts");
        let message = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}
