//! Simulation until a quantity is precise enough; the number of replicates is a result like any other.
//!
//! Seeds are fixed, and the tests compare bytes, so that none of them depends on chance.

use std::path::Path;

use serde_json::Value;

use crate::util::{directory, json, only, output, refused, rescuesim};

const SCENARIO: &str = "scenarios/angel-reboot.toml";
const PRIOR: &str = "prior={components=[{log_odds_ratio={mean=0.5,sd=0.3}}]}";

/// The largest Monte Carlo error of the power.
fn error_of_power(summary: &Value) -> f64 {
    let analyses = summary["truths"][0]["analyses"].as_array().expect("analyses").iter();
    analyses.map(|of| of["rejection"]["mcse"].as_f64().expect("a number")).fold(0.0, f64::max)
}

#[test]
fn a_run_stops_at_the_first_wave_that_is_precise_enough_and_reports_it() {
    let found = json(rescuesim().args(["run", SCENARIO, "--precision", "0.003"]));
    let replicates = found["provenance"]["replicates"].as_u64().expect("a number");
    // 0.81 · 0.19 / 0.003² = 17 100 are needed, in waves of 8192.
    assert_eq!(replicates, 3 * 8192);
    let precision = &found["provenance"]["precision"];
    assert_eq!([&precision["figure"], &precision["asked"]], [&Value::from("power"), &0.003.into()]);
    // The error includes two events and two non-events.
    let reached = precision["reached"].as_f64().expect("a number");
    assert!((0.0..1e-6).contains(&(reached - error_of_power(&found))), "{reached}");
    let before = json(rescuesim().args(["run", SCENARIO, "--replicates", "16384"]));
    assert!(error_of_power(&before) > 0.003 && error_of_power(&found) <= 0.003);

    // The printed command recreates the result, except the reason for its number of replicates.
    let command = found["provenance"]["command"].as_str().expect("text");
    assert!(command.ends_with("--replicates 24576 --seed 20211219"), "{command}");
    let stated = json(rescuesim().args(["run", SCENARIO, "--replicates", "24576"]));
    let mut same = found.clone();
    same["provenance"].as_object_mut().expect("a table").remove("precision");
    assert_eq!(same, stated);

    let table = output(rescuesim().args(["run", SCENARIO, "--precision", "0.003"]));
    let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "24 576 simulated trials under H1 (assumed effect) and as many under H0 (no effect), seed \
         20211219, after which the standard error of power is 0.0025 (asked for: 0.003)",
        "--replicates 24576 --seed 20211219",
    ] {
        assert!(text.contains(part), "{part:?} in\n{table}");
    }
}

fn run_into(directory: &Path, how_many: [&str; 2], threads: &str) -> [String; 2] {
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--quiet", "--trials", "csv"]);
    command.args(["--set", &only(SCENARIO, &["independence"])]);
    command.args(how_many).args(["--threads", threads, "--out"]).arg(directory);
    output(&mut command);
    ["summary.json", "trials.csv"]
        .map(|name| std::fs::read_to_string(directory.join(name)).expect("the program wrote it"))
}

#[test]
fn files_equal_those_of_the_stated_number_with_any_number_of_threads() {
    let directory = directory();
    let [summary, rows] = run_into(directory.path(), ["--precision", "0.005"], "1");
    for threads in ["2", "7"] {
        let again = run_into(directory.path(), ["--precision", "0.005"], threads);
        assert!(again[0] == summary && again[1] == rows, "{threads} threads");
    }
    let [stated, stated_rows] = run_into(directory.path(), ["--replicates", "8192"], "2");
    assert!(rows == stated_rows);
    let start = summary.find("    \"precision\"").expect("the output contains it");
    let end = start + summary[start..].find("},\n").expect("a table") + 3;
    assert!(summary.replace(&summary[start..end], "") == stated);
}

#[test]
fn every_quantity_can_be_requested_and_the_least_precise_analysis_counts() {
    let one = only(SCENARIO, &["independence"]);
    for (quantity, asked) in [
        ("type-i-error", "0.0018"),
        ("assurance", "0.006"),
        ("expected-n", "0.4"),
        ("duration", "0.03"),
        ("estimate", "0.0045"),
        ("coverage", "0.0028"),
        ("efficacy-at-2", "0.006"),
    ] {
        let mut args = vec!["run", SCENARIO, "--set", &one];
        if quantity == "assurance" {
            args.extend(["--set", PRIOR]);
        }
        args.extend(["--precision", asked, "--precision-of", quantity]);
        let found = json(rescuesim().args(&args));
        let precision = &found["provenance"]["precision"];
        assert_eq!(precision["figure"], quantity);
        let reached = precision["reached"].as_f64().expect("a number");
        assert!(reached > 0.0 && reached <= asked.parse().expect("a number"), "{precision}");
        assert_eq!(found["provenance"]["replicates"].as_u64().map(|n| n % 8192), Some(0));
    }
}

#[test]
fn an_event_that_never_happened_has_an_error() {
    // Without futility no trial stops for it; √(2 · 8194 / 8196³) = 0.000173 after the first wave.
    let one = only(SCENARIO, &["independence"]);
    let waves = |asked| {
        let args = ["run", SCENARIO, "--set", &one, "--precision", asked];
        let found = json(rescuesim().args([&args[..], &["--precision-of", "futility"]].concat()));
        found["provenance"]["replicates"].as_u64().map(|n| n / 8192)
    };
    assert_eq!([waves("0.000174"), waves("0.000172")], [Some(1), Some(2)]);
}

#[test]
fn a_comparison_is_as_precise_as_its_differences() {
    let folder = directory();
    let path = folder.path().join("other.toml");
    let text = crate::util::angel_reboot();
    std::fs::write(
        &path,
        text.replace("functional_independence = 0.40", "common_odds_ratio = 1.9"),
    )
    .expect("the folder is writable");
    let other = path.display().to_string();
    let args = ["compare", SCENARIO, &other, "--precision", "0.0021"];
    let found = json(rescuesim().args(args));
    let quantities = found["figures"].as_array().expect("figures").iter();
    let powers =
        quantities.filter(|of| of["figure"].as_str().is_some_and(|f| f.ends_with(".power")));
    let errors = powers.map(|of| of["differences"][0]["mcse"].as_f64().expect("a number"));
    let largest = errors.fold(0.0, f64::max);
    let precision = &found["provenance"][1]["precision"];
    let reached = precision["reached"].as_f64().expect("a number");
    assert!(largest <= reached && reached <= 0.0021 && reached < 1.01 * largest, "{precision}");
    let replicates = found["provenance"][0]["replicates"].to_string();
    let stated = json(rescuesim().args(["compare", SCENARIO, &other, "--replicates", &replicates]));
    assert_eq!(stated["figures"], found["figures"]);

    // A scenario never differs from itself, which gives no certainty after the first wave.
    let args = ["compare", SCENARIO, SCENARIO, "--precision", "0.0002"];
    let table = output(rescuesim().args(args));
    assert!(table.contains("16 384 replicates of each scenario"), "{table}");
    let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("standard error of the differences in power is 0.00012"), "{text}");
    let message = refused(rescuesim().args([
        "compare",
        SCENARIO,
        SCENARIO,
        "--precision",
        "0.1",
        "--precision-of",
        "coverage",
    ]));
    assert!(message.contains("allowed: power, type-i-error, expected-n, duration"), "{message}");
}

#[test]
fn strategies_are_simulated_to_a_precision() {
    let cohort = "scenarios/lee-cohort.toml";
    let found = json(rescuesim().args(["strategies", cohort, "--precision", "0.004"]));
    let patients = found["patients"].as_u64().expect("a number");
    let per_replicate = found["provenance"]["scenario"]["sample_size"]["randomised"].as_u64();
    assert_eq!(patients % per_replicate.expect("a number"), 0);
    let errors = found["rules"].as_array().expect("rules").iter().map(|rule| {
        let measures = &rule["groups"][0]["measures"];
        measures["functional_independence"]["mcse"].as_f64().expect("a number")
    });
    let largest = errors.fold(0.0, f64::max);
    let precision = &found["provenance"]["precision"];
    let reached = precision["reached"].as_f64().expect("a number");
    assert!(largest <= reached && reached <= 0.004, "{precision}");
    let stated =
        json(rescuesim().args(["strategies", cohort, "--patients", &patients.to_string()]));
    assert_eq!(stated["rules"], found["rules"]);

    let table = output(rescuesim().args([
        "strategies",
        cohort,
        "--precision",
        "0.02",
        "--precision-of",
        "passes",
    ]));
    let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("the standard error of passes is 0.0"), "{table}");
    let args = ["strategies", cohort, "--precision", "0.1", "--precision-of", "luck"];
    assert!(refused(rescuesim().args(args)).contains("functional-independence, mortality"));
    assert!(
        refused(rescuesim().args(["strategies", cohort, "--precision", "1e-9"]))
            .contains("1e9 are the most")
    );
}

#[test]
fn invalid_precisions_are_reported_with_what_is_allowed() {
    let run = |more: &[&str]| {
        refused(rescuesim().args([&["run", SCENARIO, "--precision"], more].concat()))
    };
    for (args, says) in [
        (vec!["0"], "allowed: a number above 0, such as 0.0005"),
        (vec!["-1"], "allowed: a number above 0"),
        (vec!["nan"], "allowed: a number above 0"),
        (vec!["0.01", "--replicates", "100"], "cannot be used with"),
        (vec!["0.01", "--precision-of", "powr"], "did you mean `power`?"),
        (vec!["0.01", "--precision-of", "assurance"], "the scenario has no [prior]"),
        (
            vec!["0.01", "--precision-of", "efficacy-at-4"],
            "allowed: efficacy-at-1 to efficacy-at-3",
        ),
        (vec!["0.01", "--precision-of", "safety"], "no adverse event stops"),
    ] {
        let message = run(&args);
        assert!(message.contains(says), "{args:?} should say {says:?} and says\n{message}");
    }
    let message = run(&["1e-7"]);
    for part in [
        "after 8192 the standard error is 4.3",
        "would need about 1.5e13",
        "1e10 are the most; allowed: 4.0e-6 or more",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let alone = refused(rescuesim().args(["run", SCENARIO, "--precision-of", "power"]));
    assert!(alone.contains("--precision"), "{alone}");
}
