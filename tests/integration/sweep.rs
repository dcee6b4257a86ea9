//! A grid of scenarios on the same random numbers.
//!
//! Seeds are fixed. With fresh ones the ratio of noise below, which is near 0.2, would exceed 0.5 less
//! than once in 100 000: its logarithm has a standard deviation near 0.2.

use std::fs;
use std::time::Duration;

use assert_cmd::Command;
use rescuesim::scenario::Truth::Alternative;
use serde_json::Value;

use crate::util::{
    Results, Running, directory, interrupt, json, names_in, number, only, output, refused,
    rescuesim, rows, simulate, wait_until,
};

const SCENARIO: &str = "scenarios/angel-reboot.toml";
const EFFECT: &str = "outcome.experimental.functional_independence";

/// Command `sweep`, which must end within a minute.
fn sweep(args: &[&str]) -> Command {
    let mut command = rescuesim();
    command.arg("sweep").args(args).arg("--quiet").timeout(Duration::from_secs(60));
    command
}

#[test]
fn every_point_is_the_run_with_its_values_for_any_number_of_threads() {
    let over = [format!("{EFFECT}=0.30..0.40:0.1"), "missing.dropout=[0.05, 0.1]".to_owned()];
    let args = [SCENARIO, "--over", &over[0], "--over", &over[1], "--replicates", "700"];
    let [swept, by_three] =
        ["1", "3"].map(|threads| json(&mut sweep(&[&args[..], &["--threads", threads]].concat())));
    assert!(swept == by_three);
    let points = swept["points"].as_array().expect("points");
    assert_eq!(points.len(), 4);
    let values = [(0.3, 0.05), (0.3, 0.1), (0.4, 0.05), (0.4, 0.1)];
    for (point, (effect, dropout)) in points.iter().zip(values) {
        assert_eq!(
            [&point["values"][EFFECT], &point["values"]["missing.dropout"]],
            [effect, dropout]
        );
        let set = [format!("{EFFECT}={effect}"), format!("missing.dropout={dropout}")];
        let alone = simulate(&[&set[0], &set[1]], 700);
        // Through text, as the last digit may change when it is parsed.
        let alone = serde_json::to_string(&alone.truths).expect("plain data");
        let alone: Value = serde_json::from_str(&alone).expect("valid JSON");
        assert!(point["truths"] == alone, "{effect}, {dropout}");
    }
}

/// Root mean square of the second differences of a curve without its smooth part, which the formula
/// gives.
fn noise(residuals: &[f64]) -> f64 {
    let second = residuals.windows(3).map(|of| of[0] - 2.0 * of[1] + of[2]);
    let squares: Vec<f64> = second.map(|difference| difference * difference).collect();
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}

#[test]
fn a_curve_of_27_points_is_smoother_than_independent_runs() {
    let one = only(SCENARIO, &["independence"]);
    let over = format!("{EFFECT}=0.30..0.43:0.005");
    let swept =
        json(&mut sweep(&[SCENARIO, "--set", &one, "--over", &over, "--replicates", "400"]));
    let points = swept["points"].as_array().expect("points");
    assert_eq!(points.len(), 27);
    let shared: Vec<f64> = points
        .iter()
        .map(|point| {
            let analysis = &point["truths"][0]["analyses"][0];
            let [power, formula] =
                [&analysis["rejection"]["value"], &analysis["normal_approximation"]["rejection"]]
                    .map(|value| value.as_f64().expect("a number"));
            power - formula
        })
        .collect();
    let independent: Vec<f64> = points
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let value = format!("{EFFECT}={}", point["values"][EFFECT]);
            let result = simulate(&[&one, &value, &format!("run.seed={}", 1000 + i)], 400);
            let analysis = result.first_analysis(Alternative);
            let formula = analysis.normal_approximation.as_ref().expect("it exists").rejection;
            analysis.rejection.value - formula
        })
        .collect();
    let (shared, independent) = (noise(&shared), noise(&independent));
    println!("noise of a shared curve {shared:.5}, of independent runs {independent:.5}");
    // Second differences of independent errors have √6 times the error of one, about 0.022.
    assert!((0.035..0.08).contains(&independent), "{independent}");
    assert!(shared < 0.5 * independent, "{shared} {independent}");
}

#[test]
fn the_shares_of_conclusions_add_up_to_1() {
    let safety = "scenarios/angel-reboot-safety.toml";
    let swept =
        json(&mut sweep(&[safety, "--over", "missing.dropout=[0.0,0.1]", "--replicates", "300"]));
    for point in swept["points"].as_array().expect("points") {
        for truth in point["truths"].as_array().expect("truths") {
            for analysis in truth["analyses"].as_array().expect("analyses") {
                let shares = analysis["outcomes"].as_object().expect("a table");
                assert_eq!(shares.len(), 6, "{shares:?}");
                let sum: f64 =
                    shares.values().map(|of| of["value"].as_f64().expect("a number")).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{shares:?}");
                let efficacy =
                    ["efficacy_early", "efficacy_final"].map(|end| shares[end]["value"].as_f64());
                let rejection = analysis["rejection"]["value"].as_f64().expect("a number");
                assert!((efficacy.iter().flatten().sum::<f64>() - rejection).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn files_have_a_row_per_point_truth_and_analysis_and_a_power_curve() {
    let folder = directory();
    let out = folder.path().join("new");
    let args = ["sweep", SCENARIO, "--over", "missing.dropout=0..0.1:0.05", "--replicates", "200"];
    let mut command = rescuesim();
    command.args(args).args(["--over", "design.looks=[{equally_spaced=2},{equally_spaced=3}]"]);
    let table = output(command.arg("--out").arg(&out));
    let widest =
        table.lines().filter(|l| !l.starts_with("Recreate")).map(|l| l.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}\n{table}");
    for text in
        ["6 points, 200 replicates", "Monitored by \"shift\"", "--over missing.dropout=0..0.1:0.05"]
    {
        assert!(table.contains(text), "{text:?} in\n{table}");
    }
    let mut names = names_in(&out);
    names.retain(|name| name != "sweep.parquet");
    assert_eq!(names, ["power.svg", "sweep.csv", "sweep.json"]);

    let json = fs::read_to_string(out.join("sweep.json")).expect("the program wrote it");
    let json: Value = serde_json::from_str(&json).expect("valid JSON");
    let rows = rows(&fs::read_to_string(out.join("sweep.csv")).expect("the program wrote it"));
    assert_eq!(rows.len(), 6 * 2 * 2);
    for (i, row) in rows.iter().enumerate() {
        let point = &json["points"][i / 4];
        let analysis = &point["truths"][i / 2 % 2]["analyses"][i % 2];
        assert_eq!(row["point"], (1 + i / 4).to_string());
        assert_eq!(row["analysis"], *analysis["name"].as_str().expect("text"));
        // Designs with two looks have no values at a third.
        let third = &analysis["looks"][2]["efficacy"]["value"];
        assert_eq!(third.is_null(), i / 4 % 2 == 0);
        for (column, in_json) in [
            ("missing.dropout", &point["values"]["missing.dropout"]),
            ("rejection", &analysis["rejection"]["value"]),
            ("rejection_mcse", &analysis["rejection"]["mcse"]),
            ("estimate_coverage", &analysis["estimate"]["coverage"]["value"]),
            ("look_3_efficacy", third),
        ] {
            match (row[column].parse::<f64>().ok(), in_json.as_f64()) {
                // Numbers parsed from JSON may differ in the last digit.
                (Some(one), Some(other)) => assert!((one - other).abs() < 1e-14, "{column}"),
                (one, other) => assert_eq!(one, other, "{column}"),
            }
        }
    }
    let svg = fs::read_to_string(out.join("power.svg")).expect("the program wrote it");
    for text in
        ["equally spaced 2", "dashed: normal approximation", "dropout", "planned", "seed 20211219"]
    {
        assert!(svg.contains(text), "{text}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_rows_equal_csv_rows() {
    let folder = directory();
    let over = "randomisation.method=[\"complete\",\"permuted_blocks\"]";
    let mut command = rescuesim();
    command.args(["sweep", "scenarios/early-vs-late.toml", "--over", over, "--replicates", "50"]);
    output(command.args(["--quiet", "--out"]).arg(folder.path()));
    assert_eq!(crate::parquet_files::assert_same_as_csv(folder.path(), "sweep"), 8);
}

#[test]
fn each_point_runs_the_replicates_its_precision_needs() {
    let over = format!("{EFFECT}=[0.4,0.6]");
    let one = only(SCENARIO, &["independence"]);
    let args = [SCENARIO, "--set", &one, "--over", &over, "--precision", "0.004"];
    let swept = json(&mut sweep(&args));
    let replicates = |i: usize| swept["points"][i]["replicates"].as_u64();
    // The errors are √(0.19 · 0.81 / 8192) = 0.0043 and nearly 0.
    assert_eq!([replicates(0), replicates(1)], [Some(2 * 8192), Some(8192)]);
    let reached = swept["points"][0]["precision"]["reached"].as_f64().expect("a number");
    assert!((0.003..0.004).contains(&reached));
    let command = swept["provenance"]["command"].as_str().expect("text");
    assert!(
        command.ends_with("--precision 0.004 --precision-of power --seed 20211219"),
        "{command}"
    );
}

/// Removes the adjusted estimates from the results of all points.
fn without_adjusted(mut swept: Value) -> Value {
    for point in swept["points"].as_array_mut().expect("points") {
        for truth in point["truths"].as_array_mut().expect("truths") {
            for analysis in truth["analyses"].as_array_mut().expect("analyses") {
                let estimate = analysis["estimate"].as_object_mut().expect("a table");
                let adjusted = estimate.remove("median_unbiased").expect("it is always there");
                estimate.remove("median_unbiased_stopped_early").expect("it is always there");
                assert_eq!(adjusted["mean"]["n"] == 0, adjusted["mean"]["value"].is_null());
            }
        }
    }
    swept["provenance"]["command"].take();
    swept
}

#[test]
fn a_sweep_without_estimates_has_all_other_results() {
    let args = [SCENARIO, "--over", "missing.dropout=[0.0,0.1]", "--replicates", "100"];
    let with = json(&mut sweep(&args));
    let mean = |swept: &Value| {
        let analysis = &swept["points"][1]["truths"][0]["analyses"][0];
        analysis["estimate"]["median_unbiased"]["mean"].clone()
    };
    let without = json(&mut sweep(&[&args[..], &["--no-estimates"]].concat()));
    assert!(mean(&with)["value"].is_number() && mean(&without)["value"].is_null());
    let command = without["provenance"]["command"].as_str().expect("text").to_owned();
    assert!(command.contains(" --no-estimates "), "{command}");
    assert!(without_adjusted(with) == without_adjusted(without));
}

/// Outcomes and looks that the file states as counts keep their shares, as if they were overridden.
#[test]
fn outcomes_and_looks_follow_the_number_of_patients() {
    let over = ["--over", "sample_size.randomised=[300,348,400]"];
    let amounts = ["--replicates", "200", "--quiet", "--format", "json"];
    let text = output(rescuesim().args(["sweep", SCENARIO]).args(over).args(amounts));
    let json: Value = serde_json::from_str(&text).expect("valid JSON");
    let points = json["points"].as_array().expect("points");
    assert_eq!(points.len(), 3);
    for (point, analysed) in points.iter().zip([269, 312, 359]) {
        let set: Vec<&str> = point["following"]
            .as_array()
            .expect("what was set")
            .iter()
            .map(|set| set.as_str().expect("text"))
            .collect();
        assert_eq!(set[0], format!("sample_size.analysed={analysed}"));
        let randomised =
            format!("sample_size.randomised={}", point["values"]["sample_size.randomised"]);
        let found = simulate(&[&randomised, set[0], set[1]], 200);
        let (found, point) =
            (found.first_analysis(Alternative), &point["truths"][0]["analyses"][0]);
        for (swept, simulated) in [
            (&point["rejection"], found.rejection),
            (&point["n_randomised"]["mean"], found.n_randomised.mean),
            (&point["duration_months"], found.duration_months),
        ] {
            assert!((number(&swept["value"]) - simulated.value).abs() < 1e-9, "{point}");
        }
    }
}

#[test]
fn errors_are_reported_before_any_simulation() {
    let folder = directory();
    let file = folder.path().join("a-file");
    fs::write(&file, "kept").expect("the folder is writable");
    let file = file.display().to_string();
    let good = "missing.dropout=[0.05,0.1]";
    // The number of replicates is so large that only an early error can end the command in time.
    let many = ["--replicates", "1e12"];
    for (args, says) in [
        (vec!["--over", good, "--out", &file], vec!["cannot write to --out"]),
        (
            vec![
                "--over",
                "missing.dropout=0..0.999:0.001",
                "--over",
                "accrual.per_month=1..1000:1",
            ],
            vec!["the grid has 1000000 points (1000 × 1000)", "at most 10000"],
        ),
        (vec!["--over", "run.seed=[1,2]"], vec!["--over run: all points", "allowed", "--seed"]),
        (
            vec!["--over", "run=[{seed=1,replicates=10},{seed=2,replicates=10}]"],
            vec!["--over run: all points", "allowed", "--seed"],
        ),
        (
            vec!["--over", "outcome.experimantal.functional_independence=[0.3]"],
            vec![
                "point 1 of 1",
                "--over outcome.experimantal",
                "is not a known key",
                "experimental",
            ],
        ),
        (
            vec!["--over", good, "--over", "sample_size.analysed=[312,400]"],
            vec![
                "point 2 of 4, missing.dropout=0.05, sample_size.analysed=400, is not a valid scenario",
                "`sample_size.analysed` is 400; allowed: at most",
            ],
        ),
        (
            vec![
                "--over",
                "outcome.experimental.common_odds_ratio=[1.5,2]",
                "--over",
                "outcome.experimental.functional_independence=[0.3,0.4]",
            ],
            vec!["takes its place; allowed: one of them"],
        ),
        (vec!["--over", "analyses=[[{method=\"wilcoxon\"}],[]]"], vec!["analyses"]),
        (
            vec!["--over", "missing.dropout=[0.1,2]"],
            vec!["point 2 of 2", "--over missing.dropout=[0.1,2]: `missing.dropout` is 2; allowed"],
        ),
        (
            vec!["--over", good, "--over", good],
            vec!["--over repeats missing.dropout; allowed: each key once"],
        ),
        (
            vec!["--over", "missing.dropout=0..0.1:0.03"],
            vec!["0..0.1 is not a multiple of 0.03", "the nearest are 0.09 and 0.12"],
        ),
        (vec!["--over", good, "--set", "missing.dropuot=1"], vec!["missing.dropuot"]),
        (vec![], vec!["--over <KEY=VALUES>"]),
    ] {
        let message = refused(&mut sweep(&[&[SCENARIO], &args[..], &many[..]].concat()));
        for text in says {
            assert!(message.contains(text), "{args:?} should say {text:?} and says\n{message}");
        }
    }
    assert_eq!(fs::read_to_string(&file).expect("the file still exists"), "kept");
    assert_eq!(names_in(folder.path()).len(), 1);
}

/// The replaced key is a problem of the grid, the quantity one of the options for any grid.
#[test]
fn a_quantity_that_no_point_has_is_reported_before_a_key_that_another_replaces() {
    let message = refused(&mut sweep(&[
        SCENARIO,
        "--over",
        "outcome.experimental.common_odds_ratio=[1.5,2]",
        "--over",
        "outcome.experimental.functional_independence=[0.3,0.4]",
        "--precision",
        "0.001",
        "--precision-of",
        "assurance",
    ]));
    assert!(message.contains("--precision-of assurance"), "{message}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_earlier_files() {
    let folder = directory();
    let kept = folder.path().join("sweep.csv");
    fs::write(&kept, "earlier").expect("the folder is writable");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "sweep",
            SCENARIO,
            "--over",
            "missing.dropout=[0.05,0.1]",
            "--replicates",
            "1e12",
            "--out",
        ])
        .arg(folder.path())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null());
    let mut child = Running::start(&mut command);
    // The sweep opens its files before it simulates.
    wait_until(|| {
        assert_eq!(child.try_wait().expect("it can be asked"), None, "it ended by itself");
        names_in(folder.path()).len() >= 4
    });
    interrupt(&child);
    assert_eq!(child.wait().expect("the program ends").code(), Some(1));
    assert_eq!(fs::read_to_string(&kept).expect("the file still exists"), "earlier");
    assert_eq!(names_in(folder.path()).len(), 1, "nothing half-written");
}

/// The planned value of a key with an index is marked in the figure, as that of any other key.
#[test]
fn the_figure_of_a_key_with_an_index_has_the_planned_value() {
    let directory = directory();
    for over in ["design.looks.analysed[0]=[90,110]", "missing.dropout=[0.1,0.2]"] {
        let out = directory.path().join("swept");
        let mut sweep = rescuesim();
        sweep.args(["sweep", "scenarios/angel-reboot.toml", "--replicates", "20", "-q"]);
        output(sweep.args(["--over", over, "--out"]).arg(&out));
        let svg = fs::read_to_string(out.join("power.svg")).expect("the program wrote it");
        assert!(svg.contains(">planned<"), "{over}");
    }
}
