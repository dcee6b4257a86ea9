//! Sweeps of analyses that decide together: columns, table and figure of their rule.

use crate::util::{Row, directory, json, output, rescuesim, rows};

const HOLM: &str = r#"success={rule="holm",analyses=["shift","independence"]}"#;
const SIZES: &str = "sample_size.randomised=[300,348]";

fn sweep(set: &[&str], more: &[&str]) -> String {
    let mut command = rescuesim();
    command.args(["sweep", "angel-reboot", "--over", SIZES, "--replicates", "200", "-q"]);
    for one in set {
        command.args(["--set", one]);
    }
    output(command.args(more))
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {:?}", row[column]))
}

/// The rows of a point have the numbers that `run` has for the same trials.
#[test]
fn rows_of_a_sweep_have_the_results_of_the_rule() {
    let rows = rows(&sweep(&[HOLM], &["--format", "csv"]));
    assert_eq!(rows.len(), 8, "two sizes, truths and analyses");
    let mut run = rescuesim();
    run.args(["run", "angel-reboot", "--replicates", "200", "--set", HOLM, "-q"]);
    let result = json(run.args(["--set", "sample_size.randomised=348"]));
    for row in rows.iter().filter(|row| row["point"] == "2") {
        let truths = result["truths"].as_array().expect("an array");
        let truth = truths.iter().find(|truth| truth["truth"] == row["truth"].as_str());
        let rule = &truth.expect("it is simulated")["success"];
        assert_eq!(row["rule"], "holm");
        for (column, field) in [
            ("rule_success", &rule["success"]),
            ("rule_any_rejection", &rule["any_rejection"]),
            ("rule_all_rejections", &rule["all_rejections"]),
            ("rule_familywise_error", &rule["familywise_error"]),
            ("rule_n_randomised_mean", &rule["n_randomised"]["mean"]),
            ("look_2_rule_success", &rule["looks"][1]["success"]),
        ] {
            for (suffix, key) in [("", "value"), ("_mcse", "mcse")] {
                let expected = field[key].as_f64().expect("a number");
                assert_eq!(number(row, &format!("{column}{suffix}")), expected, "{column}");
            }
        }
        let within = rule["analyses"].as_array().expect("an array");
        let within = within.iter().find(|of| of["name"] == row["analysis"].as_str());
        let rejection = &within.expect("it is in the rule")["rejection"]["value"];
        assert_eq!(number(row, "rule_rejection"), rejection.as_f64().expect("a number"));
        // The switch alone tests proportional odds.
        assert_eq!(row["rule_proportional_odds_rejected"], "");
    }
    assert!(rows.iter().any(|row| number(row, "rule_success") > 0.5));
}

#[test]
fn an_analysis_outside_the_rule_has_no_rejection_within_it() {
    let three = r#"analyses=[{name="a",method="two_proportions"},{name="b",method="wilcoxon"},{name="c",method="win_odds"}]"#;
    let rule = r#"success={rule="co_primary",analyses=["a","b"]}"#;
    for row in rows(&sweep(&[three, rule], &["--format", "csv"])) {
        assert_eq!(row["rule_rejection"].is_empty(), row["analysis"] == "c", "{row:?}");
        assert!(!row["rule_success"].is_empty());
    }
}

#[test]
fn a_sweep_without_a_rule_has_neither_its_columns_nor_its_figure() {
    let text = sweep(&[], &["--format", "csv"]);
    assert!(!text.lines().next().expect("a header").contains("rule"));
    let directory = directory();
    let out = directory.path().display().to_string();
    sweep(&[], &["--out", &out]);
    assert!(directory.path().join("power.svg").exists());
    assert!(!directory.path().join("rule.svg").exists());
}

#[test]
fn the_table_and_the_figure_show_success_by_the_rule() {
    let directory = directory();
    let out = directory.path().display().to_string();
    let mut command = rescuesim();
    command.args(["sweep", "angel-reboot", "--over", SIZES, "--replicates", "200"]);
    let text = output(command.args(["--set", HOLM, "--out", &out]));
    let table = text.split("Analyses that decide together").nth(1).expect("a table of the rule");
    for size in ["300", "348"] {
        assert!(table.contains(size), "{table}");
    }
    assert!(table.contains("familywise"), "{table}");
    let path = directory.path().join("rule.svg");
    let figure = std::fs::read_to_string(path).expect("it is written");
    for name in ["by the rule", "shift alone", "independence alone", "Success by the rule"] {
        assert!(figure.contains(name), "{name}: {figure}");
    }
}
