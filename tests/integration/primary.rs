//! The primary analysis of a scenario, wherever the file lists it.

use rescuesim::scenario::edit::any_number;
use serde_json::Value;

use crate::util::{self, output, refused, rescuesim};

const SCENARIO: &str = "angel-reboot";

const SHIFT: &str = r#"name="shift",method="proportional_odds""#;
const GOOD: &str = r#"name="independence",method="two_proportions""#;

/// ANGEL-REBOOT with these analyses.
fn with(analyses: &[String]) -> Vec<String> {
    let tables: Vec<String> = analyses.iter().map(|keys| format!("{{{keys}}}")).collect();
    vec!["--set".to_owned(), format!("analyses=[{}]", tables.join(","))]
}

fn primary(keys: &str) -> String {
    format!("{keys},primary=true")
}

fn json(command: &[&str], analyses: &[String]) -> Value {
    util::json(rescuesim().args(command).args(with(analyses)))
}

/// Removes the marks of primary analyses, and what differs by how the scenario is written.
fn without_marks(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("primary");
            fields.remove("provenance");
            fields.remove("command");
            fields.values_mut().for_each(without_marks);
        }
        Value::Array(items) => items.iter_mut().for_each(without_marks),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_marked_analysis_gives_the_results_of_the_same_analysis_listed_first() {
    let marked = [GOOD.to_owned(), primary(SHIFT)];
    let listed = [SHIFT.to_owned(), GOOD.to_owned()];
    let everything = "description={proportional_odds=true}";
    let run = ["run", SCENARIO, "--replicates", "200", "-q", "--set", everything];
    let solve = ["solve", SCENARIO, "--power", "0.8", "--replicates", "200", "-q"];
    let design = ["design", SCENARIO];
    for command in [&run[..], &solve, &design] {
        let mut marked = json(command, &marked);
        if command == &run[..] {
            let analyses = &marked["truths"][0]["analyses"];
            assert_eq!(analyses[0]["name"], "shift");
            assert_eq!(analyses[0]["primary"], true);
            assert!(analyses[1]["primary"].is_null());
        }
        let mut listed = json(command, &listed);
        without_marks(&mut marked);
        without_marks(&mut listed);
        assert_eq!(marked, listed, "{command:?}");
    }
}

#[test]
fn synopsis_and_rows_name_the_primary_analysis() {
    let run = ["run", SCENARIO, "--replicates", "50", "-q"];
    let set = with(&[GOOD.to_owned(), primary(SHIFT)]);
    let shown = output(rescuesim().args(run).args(&set));
    assert!(shown.contains("shift (primary)"), "{shown}");
    let csv = output(rescuesim().args(run).args(["--format", "csv"]).args(&set));
    assert!(csv.contains("alternative,shift,,primary,1.0,,"), "{csv}");
    assert!(!csv.contains("independence,,primary"), "{csv}");
    let check = output(rescuesim().args(["check", SCENARIO]).args(&set));
    assert!(check.contains("primary = true"), "{check}");
}

#[test]
fn boundaries_are_planned_for_the_primary_analysis() {
    let rule = [r#"--set"#, r#"design.futility={rule="effect",bounds=[0,0]}"#];
    let without_formula = primary(r#"name="wins",method="win_odds""#);
    let command = [&["check", SCENARIO], &rule[..]].concat();
    let errors =
        refused(rescuesim().args(&command).args(with(&[GOOD.to_owned(), without_formula.clone()])));
    assert!(errors.contains("the primary analysis has no closed form"), "{errors}");
    output(
        rescuesim()
            .args(&command)
            .args(with(&[primary(GOOD), without_formula.replace(",primary=true", "")])),
    );
}

/// Key paths count the analyses as the file does, also where the primary one is not the first.
#[test]
fn keys_of_analyses_count_as_the_file_does() {
    let second = r#"analyses=[{name="good",method="two_proportions",rerandomisations=100},{name="independence",method="two_proportions",cut=3,primary=true}]"#;
    let scenario = util::scenario_file("scenarios/angel-reboot.toml", &[second]);
    let cut = |index: usize| {
        let path = format!("analyses[{index}].cut").parse().expect("a key path");
        any_number(&scenario, &path).expect("there is a number").value
    };
    assert_eq!([cut(0), cut(1)], [2.0, 3.0]);
    let errors = refused(rescuesim().args(["check", "icarus", "--set", second]));
    assert!(errors.contains("`analyses[0].rerandomisations`"), "{errors}");
    assert!(!errors.contains("analyses[1]"), "{errors}");
    let folder = util::directory();
    let page = folder.path().join("page.md");
    let report = ["report", SCENARIO, "--replicates", "50", "-q", "--set", second, "--out"];
    output(rescuesim().args(report).arg(&page));
    let text = std::fs::read_to_string(&page).expect("it exists");
    assert!(text.contains("| `analyses[0].rerandomisations` | `100` |"), "{text}");
    assert!(text.contains("| `analyses[1].cut` | `3` |"), "{text}");
}

#[test]
fn two_primary_analyses_are_refused() {
    let errors =
        refused(rescuesim().args(["check", SCENARIO]).args(with(&[primary(GOOD), primary(SHIFT)])));
    assert!(
        errors.contains(
            "`analyses[1].primary` conflicts with analyses[0].primary; allowed: true for one analysis"
        ),
        "{errors}"
    );
}
