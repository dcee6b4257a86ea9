//! The program on the command line.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::util::{
    Running, angel_reboot, directory, interrupt, names_in, number, output, rescuesim, rows,
    wait_until,
};

const SCENARIO: &str = "scenarios/angel-reboot.toml";

#[test]
fn the_table_begins_with_the_verdict_and_has_the_rest_on_request() {
    let run = ["run", SCENARIO, "--replicates", "200"];
    let [brief, table] =
        [&[][..], &["--full"]].map(|more| output(rescuesim().args(run).args(more)));
    let verdict: Vec<&str> = brief.lines().take_while(|line| !line.contains("simulated")).collect();
    assert!(verdict.len() <= 10, "{brief}");
    assert!(table.starts_with(&verdict.join("\n")), "{table}");
    assert!(brief.contains("More: --full") && !brief.contains("Are 348 patients"), "{brief}");
    for text in [
        "ANGEL-REBOOT",
        "348 patients 1:1",
        "Remark of the scenario: Are 348 patients enough",
        "200 simulated trials under H1 (assumed effect) and as many under H0 (no effect)",
        "one-sided",
        "Monitored by \"shift\"",
        "--replicates 200 --seed 20211219",
    ] {
        assert!(table.contains(text), "{text:?} in\n{table}");
    }
    let widest =
        table.lines().filter(|l| !l.starts_with("Recreate")).map(|l| l.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?} columns");
}

#[test]
fn the_json_names_its_provenance() {
    let json =
        output(rescuesim().args(["run", SCENARIO, "--replicates", "500", "--format", "json"]));
    let summary: Value = serde_json::from_str(&json).expect("valid JSON");
    let provenance = &summary["provenance"];
    assert_eq!(provenance["seed"], 20211219);
    assert_eq!(provenance["replicates"], 500);
    assert_eq!(provenance["scenario_digest"].as_str().map(str::len), Some(64));
    assert_eq!(provenance["version"], env!("CARGO_PKG_VERSION"));
    let truths = summary["truths"].as_array().expect("truths");
    assert_eq!([&truths[0]["truth"], &truths[1]["truth"]], ["alternative", "null"]);
    for analysis in truths.iter().flat_map(|truth| truth["analyses"].as_array().expect("a list")) {
        assert_eq!(analysis["rejection"]["n"], 500);
        assert_eq!(analysis["looks"].as_array().map(Vec::len), Some(3));
        // Shares of mutually exclusive conclusions add up to one.
        let outcomes = analysis["outcomes"].as_object().expect("a table").values();
        let shares = outcomes.filter_map(|share| share["value"].as_f64());
        assert!((shares.sum::<f64>() - 1.0).abs() < 1e-12, "{}", analysis["outcomes"]);
    }
}

#[test]
fn out_writes_the_summary_and_the_requested_rows() {
    let directory = directory();
    let out = directory.path().join("new/results");
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--replicates", "300", "--quiet", "--trials", "csv"]);
    assert_eq!(output(command.arg("--out").arg(&out)), "", "--quiet with --out prints nothing");
    assert_eq!(names_in(&out), ["summary.json", "trials.csv"]);

    let summary: Value = serde_json::from_str(
        &fs::read_to_string(out.join("summary.json")).expect("the program wrote it"),
    )
    .expect("valid JSON");
    let rows = rows(&fs::read_to_string(out.join("trials.csv")).expect("the program wrote it"));
    assert_eq!(rows[0].keys().filter(|name| name.starts_with("z_")).count(), 3);
    // The shares of efficacy among the rows are those of the summary.
    for truth in summary["truths"].as_array().expect("truths") {
        for analysis in truth["analyses"].as_array().expect("analyses") {
            let of_analysis = rows.iter().filter(|row| {
                row["truth"] == *truth["truth"].as_str().expect("a name")
                    && row["analysis"] == *analysis["name"].as_str().expect("a name")
            });
            let efficacy = of_analysis.filter(|row| row["conclusion"] == "efficacy").count();
            assert_eq!(number(&analysis["rejection"]["value"]), efficacy as f64 / 300.0);
        }
    }
}

#[test]
fn rows_left_by_an_earlier_run_cause_a_warning() {
    let directory = directory();
    let errors = |trials: &[&str]| {
        let mut command = rescuesim();
        command.args(["run", SCENARIO, "--replicates", "10", "--quiet", "--out"]);
        let output =
            command.arg(directory.path()).args(trials).output().expect("the program starts");
        assert!(output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert_eq!(errors(&["--trials", "csv"]), "");
    assert_eq!(errors(&["--trials", "csv"]), "", "they are of this run");
    let message = errors(&[]);
    assert!(
        message.starts_with("warning: ")
            && message.ends_with("trials.csv is left over from an earlier run\n")
    );
    assert!(directory.path().join("trials.csv").exists());
}

/// Options of a feature that the build lacks are refused before any simulation or output.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_refuses_rows_as_parquet() {
    let directory = directory();
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--replicates", "1e12", "--trials", "parquet", "--out"]);
    let output = command.arg(directory.path()).output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("was built without Parquet; allowed: --trials csv"), "{errors}");
    assert_eq!(fs::read_dir(directory.path()).expect("the folder can be listed").count(), 0);
}

#[cfg(not(feature = "png"))]
#[test]
fn a_build_without_png_refuses_figures_as_png() {
    let directory = directory();
    let mut command = rescuesim();
    command.args(["report", SCENARIO, "--replicates", "1e12", "--png", "--figures"]);
    command.arg(directory.path().join("figures")).arg("--out");
    let output =
        command.arg(directory.path().join("page.html")).output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("was built without PNG; allowed: SVG figures"), "{errors}");
    assert_eq!(fs::read_dir(directory.path()).expect("the folder can be listed").count(), 0);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_rows_equal_the_csv_rows() {
    let directory = directory();
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--replicates", "300", "--quiet", "--trials", "csv,parquet"]);
    output(command.arg("--out").arg(directory.path()));
    assert_eq!(crate::parquet_files::assert_same_as_csv(directory.path(), "trials"), 1200);
}

fn truths(json: &str) -> Value {
    serde_json::from_str::<Value>(json).expect("valid JSON")["truths"].clone()
}

#[test]
fn options_are_equivalent_to_overrides() {
    let by_option = output(rescuesim().args([
        "run",
        SCENARIO,
        "--replicates",
        "1e3",
        "--seed",
        "7",
        "--format",
        "json",
    ]));
    let by_set = output(rescuesim().args([
        "run",
        SCENARIO,
        "--set",
        "run.replicates=1e3",
        "--set",
        "run.seed=7",
        "--format",
        "json",
    ]));
    assert_eq!(truths(&by_option), truths(&by_set));
}

#[test]
fn check_prints_a_scenario_with_the_same_meaning() {
    let directory = directory();
    let checked = output(rescuesim().args(["check", SCENARIO]));
    assert!(
        checked.contains("3.710303")
            && checked.contains("2.511427")
            && checked.contains("1.993047")
    );
    assert!(!checked.contains("Warning"), "{checked}");
    let few = output(rescuesim().args(["check", SCENARIO, "--set", "missing.dropout=0.2"]));
    assert!(few.contains("leaves 278 outcomes, 34 fewer than the 312"), "{few}");
    assert!(checked.contains("decision_lag_days = 0.0"), "defaults are written out");
    let path = directory.path().join("checked.toml");
    fs::write(&path, &checked).expect("the folder is writable");
    let digest = |path: &std::path::Path| {
        let mut command = rescuesim();
        command.arg("run").arg(path).args(["--replicates", "10", "--format", "json"]);
        let summary: Value = serde_json::from_str(&output(&mut command)).expect("valid JSON");
        summary["provenance"]["scenario_digest"].clone()
    };
    assert_eq!(digest(&path), digest(std::path::Path::new(SCENARIO)));
    let again = output(rescuesim().arg("check").arg(&path));
    assert_eq!(again, checked);
}

#[test]
fn a_look_without_futility_survives_check() {
    let directory = directory();
    let set = r#"design.futility={rule="z",bounds=[-inf,0.5]}"#;
    let checked = output(rescuesim().args(["check", SCENARIO, "--set", set]));
    assert!(checked.contains("bounds = [-inf, 0.5]"), "{checked}");
    let path = directory.path().join("checked.toml");
    fs::write(&path, &checked).expect("the folder is writable");
    assert_eq!(output(rescuesim().arg("check").arg(&path)), checked);
}

#[test]
fn check_prints_conditional_odds_ratios_for_prognostic_factors() {
    let checked = output(rescuesim().args([
        "check",
        SCENARIO,
        "--set",
        "factors[0].log_odds=[0, -1.0]",
        "--set",
        "factors[1].log_odds=[0, 0.4]",
        "--set",
        "factors[2].log_odds=[0, -0.4]",
    ]));
    let within = checked.lines().find(|line| line.contains("within a stratum")).expect("a row");
    assert!(within.contains("2.09"), "{within}");
}

#[test]
fn the_schema_is_json_and_lists_the_keys() {
    let schema: Value =
        serde_json::from_str(&output(rescuesim().arg("schema"))).expect("valid JSON");
    assert!(schema["properties"]["sample_size"]["description"].is_string());
    assert_eq!(schema["$defs"]["SampleSize"]["required"], serde_json::json!(["randomised"]));
}

const BETA_SPENDING: &str =
    r#"design.futility={rule="beta_spending",spending={rule="lan_demets_obrien_fleming"}}"#;

/// Common variations of a design all run.
#[test]
fn common_variations_of_a_design_run() {
    let variations: [&[&str]; 18] = [
        &["arms.allocation_ratio.experimental=2"],
        &["arms.allocation_ratio={control=3,experimental=2}", "randomisation.preserve_ratio=false"],
        &["design.looks.equally_spaced=1"],
        &["design.looks.information_fractions=[0.5,1.0]", "design.efficacy={rule=\"pocock\"}"],
        &["missing.dropout=0"],
        &["missing.dropout={control=0.05,experimental=0.2}"],
        &["sample_size={randomised=60}", "design.looks.equally_spaced=20"],
        &["follow_up={days=0,window_days=0}", "design.decision_lag_days=30"],
        &["accrual.ramp_up_months=6"],
        &["outcome.experimental.common_odds_ratio=1"],
        &["design.efficacy={rule=\"none\"}", "design.futility={rule=\"z\",bounds=[-inf,0.5]}"],
        &["randomisation={method=\"permuted_blocks\",block_sizes=[2,4],stratify_by=[\"nihss\"]}"],
        &["randomisation.imbalance=sd", "randomisation.weights=[0.5,0.3,0.2]"],
        &["analyses[1].test=wald", "analyses[0].cut=1"],
        &["design.alpha_one_sided=0.025", "randomisation.method=complete"],
        &["design.efficacy={rule=\"hwang_shih_decani\",gamma=40}", BETA_SPENDING],
        &["sample_size={randomised=2}", "design.looks.equally_spaced=1"],
        &["missing.dropout=0.45"],
    ];
    for set in variations {
        let mut command = rescuesim();
        command.args(["run", SCENARIO, "--replicates", "300", "--quiet"]);
        for value in set {
            command.args(["--set", value]);
        }
        let table = output(&mut command);
        let odd = |word: &&str| word.contains("NaN") || word.trim_start_matches('-') == "inf";
        assert_eq!(table.split_whitespace().find(odd), None, "{set:?}\n{table}");
    }
}

#[test]
fn an_unwritable_directory_is_found_before_simulating() {
    let directory = directory();
    let file = directory.path().join("a-file");
    fs::write(&file, "kept").expect("the folder is writable");
    let mut command = rescuesim();
    // The number of replicates is so large that only an early error can end the command in time.
    command.args(["run", SCENARIO, "--replicates", "1e12", "--out"]).arg(&file);
    let output =
        command.timeout(std::time::Duration::from_secs(20)).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to --out"));
    assert_eq!(fs::read_to_string(file).expect("the file still exists"), "kept");
}

/// For every command, an output that cannot be written is a wrong argument, and the message names it.
#[test]
fn an_output_that_cannot_be_written_is_a_wrong_argument() {
    let directory = directory();
    let file = directory.path().join("a-file");
    fs::write(&file, "kept").expect("the folder is writable");
    let within = file.join("out.toml").display().to_string();
    for arguments in [
        vec!["init", &within],
        vec!["man", "--out", &within],
        vec!["trace", SCENARIO, "--plot", &within],
        vec!["design", SCENARIO, "--plot", &within],
        vec!["report", SCENARIO, "--out", &within],
        vec!["run", SCENARIO, "--checkpoint", &within],
        vec!["run", SCENARIO, "--out", &within],
        vec!["sweep", SCENARIO, "--over", "missing.dropout=[0]", "--out", &within],
    ] {
        let output = rescuesim().args(&arguments).output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{errors}");
        assert!(errors.contains(&within) && !errors.contains(".part"), "{arguments:?}\n{errors}");
    }
}

/// An existing folder without write permission is a wrong argument, too.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_reported_by_its_name_alone() {
    for arguments in [
        vec!["man", "--out", "/proc"],
        vec!["run", SCENARIO, "--out", "/proc"],
        vec!["trace", SCENARIO, "--plot", "/proc/plot.svg"],
        vec!["sweep", SCENARIO, "--over", "missing.dropout=[0]", "--out", "/proc"],
    ] {
        let output = rescuesim().args(&arguments).output().expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{errors}");
        assert!(errors.contains("/proc") && !errors.contains(".part"), "{arguments:?}\n{errors}");
    }
}

/// A run that fails leaves no folder, whatever the reason and with more than one file under construction.
#[test]
fn a_failed_run_leaves_no_folder() {
    let directory = directory();
    let out = directory.path().join("new/within").display().to_string();
    for arguments in [
        vec!["run", SCENARIO, "--precision", "1e-9", "--trials", "csv"],
        vec!["sweep", SCENARIO, "--over", "missing.dropout=[0]", "--precision", "1e-9"],
        vec!["run", SCENARIO, "--precision", "1e-9", "--out", &format!("{out}/../other")],
    ] {
        let mut command = rescuesim();
        command.args(&arguments);
        if !arguments.contains(&"--out") {
            command.args(["--out", &out]);
        }
        let output = command.output();
        let output = output.expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{errors}");
        assert!(!directory.path().join("new").exists(), "{arguments:?}\n{errors}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_earlier_results() {
    let directory = directory();
    let summary = directory.path().join("summary.json");
    fs::write(&summary, "earlier").expect("the folder is writable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", SCENARIO, "--replicates", "1e12", "--trials", "csv", "--out"])
        .arg(directory.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = Running::start(&mut command);
    // The run opens its files before it simulates.
    wait_until(|| fs::read_dir(directory.path()).expect("the folder can be listed").count() >= 3);
    interrupt(&child);
    assert_eq!(child.wait().expect("the program ends").code(), Some(1));
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut stderr, &mut errors).expect("text");
    assert!(errors.contains("interrupted after"), "{errors}");
    assert_eq!(fs::read_to_string(&summary).expect("the file still exists"), "earlier");
    assert_eq!(
        fs::read_dir(directory.path()).expect("the folder can be listed").count(),
        1,
        "nothing half-written"
    );
}

/// First line of a slow search on a terminal: the binding boundaries of a thousand designs with 20 uneven
/// looks each, which take seconds on any machine. The search is then ended.
fn first_line_of_a_slow_search() -> String {
    let looks =
        "0.02,0.05,0.11,0.13,0.2,0.22,0.3,0.33,0.4,0.45,0.5,0.52,0.6,0.66,0.7,0.75,0.8,0.88,0.95,1";
    let sweep = format!(
        "{} sweep {SCENARIO} --over sample_size.randomised=2000..2999:1 --replicates 1 \
         --set 'design.looks={{information_fractions=[{looks}]}}' --set design.binding_futility=true \
         --set 'design.futility={{rule=\"conditional_power\",at_most=0.3}}'",
        env!("CARGO_BIN_EXE_rescuesim")
    );
    // Gives the program a terminal.
    let mut script = Command::new("script");
    script.args(["-qec", &sweep, "/dev/null"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    script.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Running::start(&mut script);
    let mut line = String::new();
    let mut printed = BufReader::new(child.stdout.take().expect("piped"));
    printed.read_line(&mut line).expect("text");
    child.kill().expect("it still searches");
    child.wait().expect("it ended");
    line
}

#[test]
fn a_slow_search_for_boundaries_is_announced_on_a_terminal() {
    assert_eq!(first_line_of_a_slow_search(), "note: computing the boundaries…\r\n");
}

#[test]
fn a_reader_that_closes_the_pipe_causes_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rescuesim"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", SCENARIO, "--replicates", "100"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Comments and layout do not change the digest of a scenario; its values do.
#[test]
fn the_digest_depends_on_the_meaning_of_a_scenario() {
    let directory = directory();
    let digest = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the folder is writable");
        let mut command = rescuesim();
        command.arg("run").arg(&path).args(["--replicates", "1", "--format", "json"]);
        let summary: Value = serde_json::from_str(&output(&mut command)).expect("valid JSON");
        summary["provenance"]["scenario_digest"].as_str().expect("text").to_owned()
    };
    let text = angel_reboot();
    let original = digest("a.toml", &text);
    let commented = text.replace("per_month = 22.39", "per_month = 22.390 # a comment");
    assert_eq!(digest("b.toml", &commented), original);
    let reseeded = text.replace("seed = 20211219", "seed = 1");
    assert_eq!(digest("c.toml", &reseeded), original);
    let changed = text.replace("biased_coin_p = 0.8", "biased_coin_p = 0.85");
    assert_ne!(digest("d.toml", &changed), original);
}
