//! `rescuesim trace` on the command line: text, rows, figure, errors.

use rescuesim::report::Provenance;
use rescuesim::report::trace::{ExampleTrial, Shown, patients_csv};
use rescuesim::scenario::shipped::SCENARIOS;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::trace::{Trace, Viewpoint};
use serde_json::Value;

use crate::trace::{FIRST, NULL, shipped, traced};
use crate::util::{directory, output, project, rescuesim, rows};

fn example_trial(scenario: &Scenario, trace: Trace) -> ExampleTrial {
    ExampleTrial { provenance: Provenance::new(scenario, "rescuesim trace".into()), trace }
}

#[test]
fn errors_are_reported_with_what_is_allowed() {
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["--find", "futility"], 2, &["--find futility", "allowed: efficacy, efficacy-at-1"]),
        (&["--find", "efficacy-at-4"], 2, &["efficacy-at-3, not-significant, full-run, reversal"]),
        (&["--find", "success"], 2, &["allowed: efficacy, futility, harm or safety"]),
        (&["--find", "full-run", "--replicate", "3"], 2, &["cannot be used with"]),
        (&["--truth", "prior"], 2, &["no [prior]; allowed: alternative, null"]),
        (&["--analysis", "shifts"], 2, &["allowed: independence, shift"]),
        (&["--patients", "some"], 2, &["allowed: all, or a whole number"]),
        (&["--plot", "trial.gif"], 2, &["ends in .svg, .pdf or .png"]),
        (
            &["--find", "reversal", "--set", "run.replicates=20", "--truth", "null"],
            1,
            &["none of the first 20 replicates ended with reversal"],
        ),
    ];
    for (args, code, texts) in cases {
        let mut command = rescuesim();
        let failed = command.args(["trace", "angel-reboot"]).args(args).assert().code(code);
        let errors = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(texts.iter().all(|text| errors.contains(text)), "{args:?}: {errors}");
    }
}

/// The printed command needs no search and gives the same bytes.
#[test]
fn the_printed_command_shows_the_same_trial() {
    let found = [
        "trace",
        "premat-assurance",
        "--set",
        "missing.dropout=0.05",
        "--truth",
        "prior",
        "--analysis",
        "shift",
        "--find",
        "full-run",
        "--seed",
        "7",
        "--format",
        "json",
    ];
    let first = output(rescuesim().args(found));
    let json: Value = serde_json::from_str(&first).expect("valid JSON");
    let command = json["provenance"]["command"].as_str().expect("the file is text");
    assert!(command.contains("--replicate") && !command.contains("--find"), "{command}");
    let words = command.split(' ').skip(1);
    assert_eq!(output(rescuesim().args(words).args(["--format", "json"])), first);
    assert_eq!(json["trace"]["truth"], "prior");
    assert!(json["trace"]["log_odds_ratio"].is_number());
    let patients = json["trace"]["patients"].as_array().map(Vec::len);
    assert_eq!(patients.map(|n| n as u64), json["trace"]["end"]["n_randomised"].as_u64());
}

fn is_not_finite(word: &str) -> bool {
    word.contains("NaN") || word.trim_matches('-') == "inf"
}

#[test]
fn tables_are_no_wider_than_a_terminal() {
    for shipped in SCENARIOS {
        let name = format!("scenarios/{}.toml", shipped.name);
        let scenario = Scenario::load(&project(&name), &[]).expect("the file is shipped");
        for (truth, shown) in [(Truth::Alternative, Shown::Excerpt(10)), (Truth::Null, Shown::All)]
        {
            let trace = traced(&scenario, 0, Viewpoint { truth, analysis: 0 });
            let patients = trace.patients.len();
            let text = example_trial(&scenario, trace).document(shown).to_terminal();
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(80), "{}: {widest:?}\n{text}", shipped.name);
            assert!(!text.split_whitespace().any(is_not_finite), "{text}");
            if shown == Shown::All {
                let rows = text.split("From arrival to outcome").nth(1).expect("the last table");
                assert!(rows.contains(&format!("\n{patients} ")) && !rows.contains('…'), "{text}");
            }
        }
    }
}

#[test]
fn the_trace_of_a_small_trial_is_unchanged() {
    let set = [
        "sample_size={randomised=40,analysed=36}",
        "design.looks={analysed=[18,36]}",
        r#"design.futility={rule="z",bounds=[0.3]}"#,
        r#"adherence={control_crossover={probability=0.2}}"#,
    ];
    let scenario = shipped("angel-reboot-safety", &set);
    let trial = example_trial(&scenario, traced(&scenario, 4, FIRST));
    let text = trial.document(Shown::Excerpt(5)).to_terminal();
    let (trace_text, _) = text.split_once("\nrescuesim ").expect("the version follows");
    insta::assert_snapshot!(trace_text);
}

#[test]
fn the_trace_of_procedures_is_unchanged() {
    let scenario = shipped("early-vs-late", &[]);
    let trial = example_trial(&scenario, traced(&scenario, 0, NULL));
    let text = trial.document(Shown::Excerpt(8)).to_terminal();
    let (_, patients) = text.split_once("\nProcedures\n").expect("it has procedures");
    let (procedures, _) = patients.split_once("\nFrom arrival").expect("outcomes follow");
    insta::assert_snapshot!(procedures);
}

#[test]
fn rows_of_patients_are_those_of_the_trace() {
    for name in ["angel-reboot-mechanistic", "angel-reboot-centres", "angel-reboot-safety"] {
        let scenario = shipped(name, &[]);
        let trace = traced(&scenario, 2, FIRST);
        let rows = rows(&patients_csv(&trace));
        assert_eq!(rows[0].contains_key("centre"), name.ends_with("centres"));
        assert_eq!(rows[0].contains_key("end"), name.ends_with("mechanistic"));
        assert_eq!(rows[0].contains_key("events"), name.ends_with("safety"));
        assert_eq!(rows.len(), trace.patients.len());
        for (row, patient) in rows.iter().zip(&trace.patients) {
            assert_eq!(row["patient"], patient.patient.to_string());
            assert_eq!(row["arm"], patient.arm.name());
            assert_eq!(row["nihss"], patient.levels[0]);
            assert_eq!(row["mrs"], patient.mrs.to_string());
            assert_eq!(row["outcome_day"].parse().ok(), patient.outcome_day);
            let before = patient.before.levels[2][1].to_string();
            assert_eq!(row["before_experimental_occlusion_site"], before);
        }
    }
}

/// Every element is closed in turn; the path has a mark for each look, in addition to the legend.
#[test]
fn the_figure_has_a_point_for_each_look() {
    let folder = directory();
    let path = folder.path().join("trial.svg");
    for (ending, marks) in [("full-run", 3), ("efficacy-at-2", 2), ("efficacy-at-1", 1)] {
        let mut command = rescuesim();
        command.args(["trace", "angel-reboot", "--find", ending, "--plot"]).arg(&path);
        output(&mut command);
        let svg = std::fs::read_to_string(&path).expect("the program wrote it");
        assert_well_formed(&svg);
        let points = svg
            .lines()
            .filter(|line| line.starts_with("<circle") && line.contains("fill=\"#333333\""));
        assert_eq!(points.count(), marks + 1, "{ending}");
        let names = ["look 1", "look 2", "final"];
        for (look, name) in names.into_iter().enumerate() {
            assert_eq!(svg.contains(&format!(">{name}<")), look < marks, "{ending}: {name}");
        }
        let concluded = if ending == "full-run" { ": not significant" } else { ": efficacy" };
        assert!(
            svg.contains(concluded) && svg.contains("rescuesim trace angel-reboot"),
            "{ending}"
        );
    }
}

fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("every tag ends");
        assert!(!text.contains('&') || text.contains(';'), "{text}");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("it has a name");
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{svg}"),
            (false, false) => open.push(name),
            (false, true) => {}
        }
    }
    assert!(svg.starts_with("<svg") && open.is_empty(), "{open:?}");
}
