//! `rescuesim pool` on the command line.

use std::fs;

use serde_json::Value;

use crate::util::{directory, output, rescuesim, shipped_text};

const PREMAT: &str = "scenarios/evidence/premat.toml";
const GUO: &str = "scenarios/evidence/guo.toml";

/// The three printed results of Premat et al. (2020), figure 2, to their digits; for mortality the
/// printed p value is 0.03, and these counts give 0.035.
#[test]
fn premat_is_reproduced_to_the_printed_digits() {
    let json = output(rescuesim().args(["pool", PREMAT, "--format", "json"]));
    let pooled: Value = serde_json::from_str(&json).expect("valid JSON");
    let printed = [(2.87, 1.77, 4.66, 0.0), (0.39, 0.16, 0.93, 43.0), (0.68, 0.37, 1.27, 0.0)];
    for (outcome, (odds_ratio, low, high, i_squared)) in
        pooled["outcomes"].as_array().expect("outcomes").iter().zip(printed)
    {
        let revman = &outcome["methods"][0];
        assert_eq!(revman["method"], "revman_random");
        let number = |value: &Value| value.as_f64().expect("a number");
        assert!((number(&revman["odds_ratio"]) - odds_ratio).abs() < 0.0051);
        assert!((number(&revman["odds_ratio_95"][0]) - low).abs() < 0.0051);
        assert!((number(&revman["odds_ratio_95"][1]) - high).abs() < 0.0051);
        assert!((100.0 * number(&revman["i_squared"]) - i_squared).abs() < 0.51);
    }
    let table = output(rescuesim().args(["pool", PREMAT]));
    assert!(table.contains("2.87 [1.77, 4.66]") && table.contains("Cornelissen 2018"));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

/// Guo et al. (2023), table 2, p values; and compared with failed thrombectomy, which inverts the odds
/// ratio of independence.
#[test]
fn guo_is_reproduced_and_inverted_against_failed_thrombectomy() {
    let json = output(rescuesim().args(["pool", GUO, "--format", "json"]));
    let pooled: Value = serde_json::from_str(&json).expect("valid JSON");
    let outcomes = pooled["outcomes"].as_array().expect("outcomes");
    let p_values: Vec<String> = outcomes
        .iter()
        .map(|outcome| outcome["studies"][0]["pearson_p_two_sided"].as_f64().expect("a number"))
        .map(|p| format!("{p:.3}"))
        .collect();
    assert_eq!(p_values[..6], ["0.910", "0.771", "0.707", "0.944", "0.709", "0.775"]);
    let odds_ratio = |outcome: usize| {
        let log = outcomes[outcome]["studies"][0]["log_odds_ratio"].as_f64().expect("a number");
        format!("{:.2}", libm::exp(log))
    };
    assert_eq!((odds_ratio(4), odds_ratio(6)), ("0.87".to_owned(), "3.65".to_owned()));
    let table = output(rescuesim().args(["pool", GUO]));
    assert!(table.contains("0.7086") && table.contains("3.65 [1.81, 7.35]"), "{table}");
    assert!(!table.contains("NaN"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

/// Studies with extreme odds ratios or estimates fit 80 columns, and the names of methods are not broken
/// within a word.
#[test]
fn extreme_estimates_fit_the_width_of_a_terminal() {
    let directory = directory();
    let header = "study,events_experimental,n_experimental,events_control,n_control";
    let cases = [
        ("A,3,41,0,1000000", "Peto: the odds ratio or a bound of its interval is too large"),
        ("Only,2,13,0,15\nOther,0,15,2,13", "3.4e10"),
        ("A,0,10,5,10\nB,5,10,10,10", "(Σ ad/N = 0), so that the odds ratio is 0"),
        (
            "Registry North,4000,10000,4010,10000\nRegistry South,3990,10000,4000,10000\n\
             Trial A,16,20,4,20\nTrial B,18,24,5,25\nTrial C,14,18,3,17",
            "4.19 [1.10, 15.99]",
        ),
    ];
    for (rows, says) in cases {
        let path = directory.path().join("studies.csv");
        fs::write(&path, format!("{header}\n{rows}\n")).expect("the folder is writable");
        let table = output(rescuesim().arg("pool").arg(&path));
        let on_one_line = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(on_one_line.contains(says), "{says:?} in\n{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.contains("Haenszel"), "{table}");
        let mut words = on_one_line.split([' ', '[', ',', ']']);
        assert!(words.all(|word| !["inf", "-inf", "NaN"].contains(&word)), "{table}");
        let json = output(rescuesim().arg("pool").arg(&path).args(["--format", "json"]));
        let pooled: Value = serde_json::from_str(&json).expect("valid JSON");
        for method in pooled["outcomes"][0]["methods"].as_array().expect("methods") {
            let number = method["odds_ratio"].as_f64().is_some_and(|it| it > 0.0);
            assert!(number != method["error"].is_string(), "{method}");
        }
    }
}

fn json(path: &std::path::Path) -> Value {
    let text = output(rescuesim().arg("pool").arg(path).args(["--format", "json"]));
    serde_json::from_str(&text).expect("valid JSON")
}

fn methods(json: &Value, outcome: usize) -> Value {
    json["outcomes"][outcome]["methods"].clone()
}

#[test]
fn csv_evidence_gives_the_same_result_as_toml() {
    let directory = directory();
    let path = directory.path().join("death.csv");
    let rows = "study,events_experimental,n_experimental,events_control,n_control\n\
                Baracchini 2017, 1, 23, 9, 23\nChang 2018,6,48,19,100\n\
                Cornelissen 2018,0,12,5,14\nPeng 2019,21,66,29,66\n";
    fs::write(&path, rows).expect("the folder is writable");
    assert_eq!(methods(&json(&path), 0), methods(&json(std::path::Path::new(PREMAT)), 1));
}

#[test]
fn impossible_counts_are_reported_with_their_place() {
    let directory = directory();
    let toml = fs::read_to_string(PREMAT).unwrap_or_else(|_| shipped_text(PREMAT));
    let cases = [
        (
            "a.toml",
            toml.replacen("events = 13, n = 23", "events = 24, n = 23", 1),
            "`outcomes[0].studies[0].experimental.events` is 24; allowed: 0 to n (23)",
        ),
        (
            "b.toml",
            toml.replacen("events = 13", "event = 13", 1),
            "`outcomes[0].studies[0].experimental.event` is not a known key (did you mean `events`?)",
        ),
        (
            "c.toml",
            toml.replace("name = \"death\"", "name = \"mRS 0-2 at 90 days\""),
            "repeats ",
        ),
        (
            "d.csv",
            "study,events_experimental,n_experimental,events_control,n_control\nx,5,4,1,9\n".into(),
            "d.csv:2",
        ),
        (
            "e.csv",
            "study,events_experimental,n_experimental,events_control,n_control\nx,many,4,1,9\n"
                .into(),
            "not a row of study",
        ),
        (
            "g.csv",
            "study;events_experimental;n_experimental;events_control;n_control\nA;13;23;4;23\n"
                .into(),
            "columns are separated by semicolons; expected commas",
        ),
        (
            "h.csv",
            "study,events_experimental,n_experimental,event_control,n_control\nA,13,23,4,23\n"
                .into(),
            "the header has no column `events_control` (is it `event_control`?); expected study",
        ),
        (
            "i.csv",
            "study,events_experimental,n_experimental,events_control,n_control,wanted\nA,1,2,1,2,no\n"
                .into(),
            "wanted is no; allowed: true, false or nothing",
        ),
        (
            "j.csv",
            "study,events_experimental,n_experimental,events_control,n_control,wanted\nA,1,2,1,2,true\nB,1,2,1,2,false\n"
                .into(),
            "wanted is not the same as above",
        ),
        (
            "k.csv",
            "study,events_experimental,n_experimental,events_control,n_control,wanted\nA,1,2,1,2,yes\nB,1,2,1,2,true\n"
                .into(),
            "wanted is yes; allowed: true, false or nothing",
        ),
        (
            "f.csv",
            "study,events_experimental,n_experimental,events_control,n_control\n".into(),
            "has no studies",
        ),
    ];
    for (name, text, says) in cases {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the folder is writable");
        let result = rescuesim().arg("pool").arg(&path).output().expect("the program starts");
        let errors = String::from_utf8(result.stderr).expect("text");
        assert_eq!(result.status.code(), Some(2), "{errors}");
        assert!(errors.contains(says), "{name} should say {says:?} and says\n{errors}");
        // The row below one that cannot be read is right.
        assert!(name != "k.csv" || !errors.contains("the same as above"), "{errors}");
    }
    let missing = rescuesim().args(["pool", "missing.csv"]).output().expect("the program starts");
    assert_eq!(missing.status.code(), Some(2));
}
