//! An analysis gives the same result in every command: the same counts give the same statistic, estimate,
//! interval and decision in `run --trials`, `trace` and `monitor`, and `design`, `check` and `run` have
//! the same formula or refuse.

use serde_json::Value;

use crate::util::{self, Row, directory, output, rescuesim, rows};

const SCENARIO: &str = "angel-reboot";

/// Every method with every test and effect, and every option that needs more than the counts of two arms.
const ANALYSES: [&str; 55] = [
    r#"method="two_proportions""#,
    r#"method="two_proportions",test="unpooled_z""#,
    r#"method="two_proportions",test="continuity_corrected""#,
    r#"method="two_proportions",test="fisher""#,
    r#"method="two_proportions",test="fisher_mid_p""#,
    r#"method="two_proportions",effect="log_risk_ratio""#,
    r#"method="two_proportions",effect="log_odds_ratio",cut=1"#,
    r#"method="two_proportions",interval="newcombe""#,
    r#"method="two_proportions",interval="miettinen_nurminen""#,
    r#"method="two_proportions",effect="log_odds_ratio",interval="farrington_manning""#,
    r#"method="proportional_odds""#,
    r#"method="proportional_odds",test="score""#,
    r#"method="proportional_odds",test="likelihood_ratio""#,
    r#"method="proportional_odds",merge_5_and_6=true"#,
    r#"method="proportional_odds",levels=[[0,1],[2],[3],[4,5,6]]"#,
    r#"method="proportional_odds",adjust_for=["nihss"]"#,
    r#"method="logistic""#,
    r#"method="logistic",test="score""#,
    r#"method="logistic",test="likelihood_ratio",cut=3"#,
    r#"method="logistic",adjust_for=["nihss"]"#,
    r#"method="modified_poisson""#,
    r#"method="modified_poisson",cut=1,adjust_for=["nihss"]"#,
    r#"method="wilcoxon""#,
    r#"method="wilcoxon",stratify_by=["nihss"]"#,
    r#"method="wilcoxon",levels=[[0,1],[2],[3],[4,5,6]],stratify_by=["nihss"]"#,
    r#"method="win_odds""#,
    r#"method="win_odds",levels=[[0,1],[2],[3],[4,5,6]]"#,
    r#"method="win_ratio""#,
    r#"method="win_ratio",levels=[[0,1,2],[3,4,5,6]]"#,
    r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0]"#,
    r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0],test="student""#,
    r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0],test="student",adjust_for=["nihss"]"#,
    r#"method="cochran_mantel_haenszel",stratify_by=["nihss"]"#,
    r#"method="sliding_dichotomy",points=[{factor="nihss",of_levels=[0,1]}],cuts=[{from_points=0,cut=1},{from_points=1,cut=3}]"#,
    r#"method="two_proportions",rerandomisations=19"#,
    r#"method="two_proportions",missing={rule="single_value",mrs=6}"#,
    r#"method="two_proportions",missing={rule="by_arm",control=2,experimental=6}"#,
    r#"method="proportional_odds",missing={rule="multiple_imputation",imputations=2}"#,
    r#"method="proportional_odds",missing={rule="multiple_imputation",imputations=2,adjust_for=["nihss"],early=true}"#,
    r#"method="logistic",missing={rule="last_observation"}"#,
    r#"method="cochran_mantel_haenszel",stratify_by=["nihss"],missing={rule="single_value",mrs=6}"#,
    r#"method="two_proportions",missing={rule="complete_case"}"#,
    r#"method="two_proportions",population="per_protocol""#,
    r#"method="proportional_odds",population="as_treated""#,
    r#"method="two_proportions",test="wald",hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}"#,
    r#"method="two_proportions",test="miettinen_nurminen",effect="log_risk_ratio",hypothesis={type="non_inferiority",margin={risk_ratio=0.85}}"#,
    r#"method="two_proportions",test="farrington_manning",effect="log_odds_ratio",hypothesis={type="superiority",margin={odds_ratio=1.1}}"#,
    r#"method="proportional_odds",adjust_for=["nihss"],hypothesis={type="non_inferiority",margin={common_odds_ratio=0.8}}"#,
    r#"method="modified_poisson",cut=1,hypothesis={type="non_inferiority",margin={risk_ratio=0.85}}"#,
    r#"method="win_odds",hypothesis={type="non_inferiority",margin={win_odds=0.85}}"#,
    r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0],hypothesis={type="non_inferiority",margin={utility_difference=-0.05}}"#,
    r#"method="proportional_odds",adjust_for=["nihss"],population="per_protocol""#,
    r#"method="two_proportions",population="intention_to_treat""#,
    r#"method="logistic",adjust_for=["centre"]"#,
    r#"method="proportional_odds",adjust_for=["nihss"],rerandomisations=9"#,
];

/// What an analysis needs of the scenario in addition to what ANGEL-REBOOT has: patients who do not receive
/// their treatment, so that the three populations differ, centres, an early mRS.
const NEEDED: [(&str, &str); 4] = [
    ("population", "adherence.control_crossover={probability=0.1}"),
    ("centre", "centres={number=5}"),
    ("early", EARLY),
    ("last_observation", EARLY),
];

const EARLY: &str = "early_outcome={control=[3,4,12,11,32,38,0],transition=[[85,15,0,0,0,0,0],\
    [30,55,12,3,0,0,0],[8,27,45,15,3,1,1],[2,8,30,40,14,3,3],[0,2,10,25,45,10,8],[0,0,1,4,22,31,42],\
    [0,0,0,0,0,0,100]]}";

fn set(analysis: &str) -> Vec<String> {
    let mut set = vec!["--set".to_owned(), format!("analyses=[{{name=\"it\",{analysis}}}]")];
    let needed = NEEDED.iter().filter(|(key, _)| analysis.contains(key));
    set.extend(needed.flat_map(|(_, value)| ["--set".to_owned(), (*value).to_owned()]));
    set
}

fn json(command: &[&str], analysis: &str) -> Value {
    util::json(rescuesim().args(command).args(set(analysis)))
}

/// Standard error of a command that must exit with code 2.
fn refused(command: &[&str], analysis: &str) -> String {
    util::refused(rescuesim().args(command).args(set(analysis)))
}

#[track_caller]
fn assert_same(what: &str, a: &Value, b: &Value) {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => {
            assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs()), "{what}: {a} {b}");
        }
        _ => assert_eq!(a, b, "{what}"),
    }
}

fn counts(arm: &Value) -> String {
    let counts = arm.as_array().expect("seven counts").iter().map(Value::to_string);
    counts.collect::<Vec<_>>().join(",")
}

/// Name of the option of an analysis that needs more than counts, in the message of `monitor`; `None`
/// if counts are enough.
fn needs_more(analysis: &str) -> Option<&'static str> {
    // In the order of the message: a rule for missing outcomes may have covariates of its own.
    let keys = [
        ("multiple_imputation", "`missing`"),
        ("last_observation", "`missing`"),
        ("adjust_for", "covariates or strata"),
        ("stratify_by", "covariates or strata"),
        ("sliding_dichotomy", "covariates or strata"),
        ("rerandomisations", "`rerandomisations`"),
        ("per_protocol", "`population`"),
        ("as_treated", "`population`"),
    ];
    keys.into_iter().find(|(key, _)| analysis.contains(key)).map(|(_, named)| named)
}

/// The list above contains every method, population and rule for missing outcomes of the scenario's schema.
#[test]
fn every_method_of_the_schema_is_tested() {
    let schema = output(rescuesim().arg("schema"));
    let schema: Value = serde_json::from_str(&schema).expect("valid JSON");
    let methods: Vec<&str> = schema["$defs"]["Analysis"]["oneOf"]
        .as_array()
        .expect("a choice")
        .iter()
        .map(|method| method["properties"]["method"]["const"].as_str().expect("a name"))
        .collect();
    assert!(methods.len() >= 9, "{methods:?}");
    for method in methods {
        let named = format!("method=\"{method}\"");
        assert!(ANALYSES.iter().any(|analysis| analysis.starts_with(&named)), "{method}");
    }
    for (definition, tag) in [("AnalysisSet", None), ("MissingRule", Some("rule"))] {
        let choices = schema["$defs"][definition]["oneOf"].as_array().expect("a choice");
        assert!(choices.len() >= 3, "{choices:?}");
        for choice in choices {
            let choice = tag.map_or(choice, |tag| &choice["properties"][tag]);
            let name = format!("\"{}\"", choice["const"].as_str().expect("a name"));
            assert!(ANALYSES.iter().any(|analysis| analysis.contains(&name)), "{name}");
        }
    }
}

#[test]
fn the_same_counts_give_the_same_result_in_run_trace_and_monitor() {
    let folder = directory();
    for (i, analysis) in ANALYSES.iter().enumerate() {
        let out = folder.path().join(i.to_string());
        let out = out.to_str().expect("the name is UTF-8");
        output(
            rescuesim()
                .args(["run", SCENARIO, "--replicates", "2", "-q", "--trials", "csv", "--out", out])
                .args(set(analysis)),
        );
        let trials = std::fs::read_to_string(format!("{out}/trials.csv"));
        let rows = rows(&trials.expect("the program wrote it"));
        follow(analysis, &rows[i % 2]);
    }
}

/// Compares one trial look by look, from its patients and, if the analysis needs no more, from their counts.
fn follow(analysis: &str, row: &Row) {
    let traced = ["trace", SCENARIO, "--replicate", &row["replicate"], "--truth", &row["truth"]];
    let trace = json(&traced, analysis);
    let trace = &trace["trace"];
    let folder = directory();
    let patients = folder.path().join("patients.csv");
    let csv = output(rescuesim().args(traced).args(["--format", "csv"]).args(set(analysis)));
    std::fs::write(&patients, csv).expect("the folder is writable");
    let patients = patients.to_str().expect("the name is UTF-8");
    let number = |key: &str| row[key].parse::<f64>().map_or(Value::Null, Value::from);
    for key in ["z", "p_one_sided", "estimate", "standard_error", "median_unbiased"] {
        assert_same(&format!("{analysis}: {key}"), &trace["end"][key], &number(key));
    }
    assert_eq!(trace["end"]["conclusion"], row["conclusion"].as_str());
    let mut outcomes = Vec::new();
    for look in trace["looks"].as_array().expect("looks") {
        outcomes.push(look["outcomes_known"].to_string());
        let (number, n) = (look["look"].to_string(), outcomes.join(","));
        let day = look["day"].to_string();
        let monitor = ["monitor", SCENARIO, "--look", &number, "--n", &n];
        let by_patients = [&monitor[..], &["--patients", patients, "--cutoff-day", &day]].concat();
        assert_monitored(analysis, look, trace, &json(&by_patients, analysis));
        let arms = ["control", "experimental"]
            .map(|arm| counts(&look["counts"][usize::from(arm == "experimental")]));
        let lost = lost_by(patients, &day);
        let mut by_counts =
            [&monitor[..], &["--control-mrs", &arms[0], "--experimental-mrs", &arms[1]]].concat();
        if analysis.contains("single_value") || analysis.contains("by_arm") {
            by_counts.extend(["--lost", &lost]);
        }
        if let Some(named) = needs_more(analysis) {
            let error = refused(&by_counts, analysis);
            assert!(error.contains(named), "{analysis}: {error}");
            let (z, estimate) = (look["z"].to_string(), look["estimate"].to_string());
            let given = [&monitor[..], &["--z", &z, "--estimate", &estimate]].concat();
            assert_decision(analysis, look, trace, &json(&given, analysis));
        } else {
            assert_monitored(analysis, look, trace, &json(&by_counts, analysis));
        }
    }
}

/// Patients of both arms, control first, whose follow-up has ended without an mRS by a day, from the rows of a
/// traced trial.
fn lost_by(patients: &str, day: &str) -> String {
    let text = std::fs::read_to_string(patients).expect("the test wrote it");
    let day: f64 = day.parse().expect("a number");
    let lost = ["control", "experimental"].map(|arm| {
        let rows = rows(&text);
        let lost = rows.iter().filter(|row| {
            let followed: f64 = row["followed_until_day"].parse().expect("a day");
            row["arm"] == arm && row["outcome_day"].is_empty() && followed <= day
        });
        lost.count().to_string()
    });
    lost.join(",")
}

/// Compares the test, the effect and the decision of a monitored look with those of the traced one.
fn assert_monitored(analysis: &str, look: &Value, trace: &Value, monitored: &Value) {
    let effects = &monitored["effects"];
    assert_same(&format!("{analysis}: z"), &monitored["z"], &look["z"]);
    assert_same(&format!("{analysis}: p"), &monitored["p_one_sided"], &look["p_one_sided"]);
    for key in ["estimate", "standard_error"] {
        assert_same(&format!("{analysis}: {key}"), &effects[key], &look[key]);
    }
    for end in 0..2 {
        assert_same(
            &format!("{analysis}: interval"),
            &effects["interval"][end],
            &look["interval"][end],
        );
    }
    assert_eq!(effects["scale"], trace["scale"]);
    assert_decision(analysis, look, trace, monitored);
    if look["look"] == trace["end"]["look"] {
        // The simulation interpolates its estimates from a table that is accurate to 1e-7.
        let (found, expected) = (&effects["median_unbiased"], &trace["end"]["median_unbiased"]);
        let difference = found.as_f64().expect("it exists") - expected.as_f64().expect("it exists");
        assert!(difference.abs() < 1e-6, "{analysis}: {found} {expected}");
    }
}

fn assert_decision(analysis: &str, look: &Value, trace: &Value, monitored: &Value) {
    let expected = match look["look"] == trace["end"]["look"] {
        true => trace["end"]["conclusion"].clone(),
        false => "continue".into(),
    };
    assert_eq!(monitored["decision"], expected, "{analysis}");
}

/// `design` has the power of `check` and of the formula of `run`, or the boundaries and the reason why there
/// is no formula.
#[test]
fn design_check_and_run_have_one_formula() {
    for analysis in ANALYSES {
        let run = json(&["run", SCENARIO, "--replicates", "1", "-q"], analysis);
        let formula = |truth: usize| {
            run["truths"][truth]["analyses"][0]["normal_approximation"]["rejection"].clone()
        };
        let checked = output(rescuesim().args(["check", SCENARIO]).args(set(analysis)));
        let line = checked.lines().find(|line| line.starts_with("# it  ")).expect("a row");
        for (truth, cell) in line.split_whitespace().skip(2).enumerate() {
            let expected = formula(truth).as_f64().map_or("–".into(), |p| format!("{p:.4}"));
            assert_eq!(cell, expected, "{analysis}");
        }
        let designed = rescuesim()
            .args(["design", SCENARIO, "--format", "json"])
            .args(set(analysis))
            .output()
            .expect("the program starts");
        let design: Value = serde_json::from_slice(&designed.stdout).expect("valid JSON");
        // Boundaries need no formula.
        let looks = design["looks"].as_array().expect("a list");
        let bound = looks.last().expect("a final look")["efficacy"]["z"].as_f64();
        assert!((1.96..2.1).contains(&bound.expect("a number")), "{analysis}: {bound:?}");
        if formula(0).is_number() {
            assert_same(analysis, &design["power"], &formula(0));
            let none = design["effects"].as_array().expect("a list")[0]["rejection"].clone();
            let difference =
                none.as_f64().expect("it exists") - formula(1).as_f64().expect("it exists");
            assert!(difference.abs() < 2e-3, "{analysis}: {none} {}", formula(1));
        } else {
            let reason = design["no_formula"].as_str().expect("a sentence");
            assert!(reason.contains("has no closed form, as "), "{analysis}: {reason}");
            assert_eq!(design["power"], Value::Null);
        }
    }
}

/// Adverse events, their statistics and the decision of a trial that they stop are the same from its
/// patients.
#[test]
fn the_same_patients_give_the_same_safety_in_trace_and_monitor() {
    const SAFETY: &str = "angel-reboot-safety";
    let folder = directory();
    let patients = folder.path().join("patients.csv");
    for ending in ["safety", "full-run"] {
        let found = ["trace", SAFETY, "--find", ending];
        let trace = util::json(rescuesim().args(found))["trace"].clone();
        let csv = output(rescuesim().args(found).args(["--format", "csv"]));
        std::fs::write(&patients, csv).expect("the folder is writable");
        for look in trace["looks"].as_array().expect("looks") {
            let (number, day) = (look["look"].to_string(), look["day"].to_string());
            let mut monitor = rescuesim();
            monitor.args(["monitor", SAFETY, "--look", &number, "--cutoff-day", &day]);
            let monitored = util::json(monitor.arg("--patients").arg(&patients));
            assert_decision(ending, look, &trace, &monitored);
            let events = look["events"].as_array().expect("a list").iter();
            for (event, check) in events.zip(monitored["safety"].as_array().expect("a list")) {
                assert_eq!((&check["name"], &check["counts"]), (&event["name"], &event["counts"]));
                assert_same("z of an event", &check["z"], &event["z"]);
                assert_same("bound of an event", &check["z_bound"], &event["bound"]);
            }
            let randomised: u64 = monitored["randomised"]
                .as_array()
                .expect("two arms")
                .iter()
                .map(|arm| arm.as_u64().expect("a count"))
                .sum();
            assert_eq!(look["n_randomised"], randomised);
        }
    }
}

/// A look of a running trial may have the same outcome in all patients: it does not stop the trial.
#[test]
fn a_look_with_equal_outcomes_does_not_stop_the_trial() {
    let arms = ["--control", "0/52", "--experimental", "0/52"];
    let look = json(&[&["monitor", SCENARIO, "--look", "1"], &arms[..]].concat(), ANALYSES[0]);
    assert_eq!((&look["z"], &look["decision"]), (&Value::Null, &"continue".into()));
    assert_eq!(look["effects"]["estimate"], 0.0);
    assert_eq!(look["effects"]["median_unbiased"], Value::Null);
    assert!(look["conditional_power"].as_f64().is_some_and(|power| 0.0 < power && power < 1.0));
}
