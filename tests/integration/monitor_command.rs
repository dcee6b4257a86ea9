//! `rescuesim monitor` on the command line.

use serde_json::Value;

use crate::util::{directory, json, number, output, refused, rescuesim};

const PLAN: &str = "scenarios/angel-reboot.toml";

fn monitor(arguments: &[&str]) -> Value {
    json(rescuesim().arg("monitor").arg(PLAN).args(arguments))
}

#[track_caller]
fn assert_near(value: &Value, expected: f64, tolerance: f64) {
    let value = number(value);
    assert!((value - expected).abs() <= tolerance, "{value} for {expected}");
}

/// rpact 4.5's analysis of 26/104 v 50/104 at the second of three planned looks of 104, 208, 312
/// (tests/reference/estimation.csv, S2 of asOF).
#[test]
fn counts_as_planned_give_the_results_of_rpact() {
    let look = monitor(&["--look", "2", "--control", "26/104", "--experimental", "50/104"]);
    assert_eq!(look["decision"], "efficacy");
    assert_near(&look["z"], 3.45580435384549, 1e-12);
    let repeated = &look["effects"]["repeated_score_interval"];
    assert_near(&repeated[0], 0.0637458945393529, 1e-6);
    assert_near(&repeated[1], 0.386146407049179, 1e-6);
    assert_near(&look["repeated_p"], 0.00297168955421448, 1e-6);
    assert_near(&look["stagewise_p"], 0.000359186767374564, 1e-9);
    assert_near(&look["conditional_rejection"], 0.924382932376825, 1e-6);
}

/// A look with fewer outcomes than planned has the boundaries of its information.
#[test]
fn fewer_outcomes_than_planned_move_the_boundaries() {
    let look = monitor(&["--look", "2", "--z", "2.1", "--n", "201"]);
    assert_eq!(look["decision"], "continue");
    let bounds = look["looks"].as_array().expect("looks");
    let analysed: Vec<u64> =
        bounds.iter().map(|look| look["analysed"].as_u64().expect("a count")).collect();
    assert_eq!(analysed, [104, 201, 312]);
    // Lan-DeMets spending at 201/312, from the spending function itself.
    assert_near(&bounds[1]["alpha_spent"], 0.005230, 5e-7);
    assert!(bounds[1]["z_efficacy"].as_f64() > Some(2.5114));
    assert_near(&bounds[2]["alpha_spent"], 0.025, 0.0);
}

#[test]
fn the_final_look_is_significant_exactly_beyond_its_boundary() {
    let shown = monitor(&["--look", "3", "--z", "2.1", "--n", "331", "--analysis", "shift"]);
    assert_eq!(shown["decision"], "efficacy");
    assert_eq!(shown["effects"]["scale"], "log_common_odds_ratio");
    assert!(shown["conditional_power"].is_null());
    let interval = &shown["effects"]["stagewise_interval"];
    assert!(interval[0].as_f64() > Some(0.0), "the interval agrees with the test");
    let not_shown = monitor(&["--look", "3", "--z", "1.9", "--n", "312"]);
    assert_eq!(not_shown["decision"], "not_significant");
    let low = not_shown["effects"]["stagewise_interval"][0].as_f64();
    assert!(low.is_some_and(|low| low < 0.0), "{low:?}");
}

#[test]
fn a_given_estimate_and_a_given_prior_are_used() {
    let arguments = ["--look", "1", "--z", "2", "--n", "104", "--estimate", "0.2"];
    let prior = ["--prior-mean", "0.15", "--prior-sd", "0.05"];
    let look = monitor(&[&arguments[..], &prior].concat());
    assert_near(&look["effects"]["standard_error"], 0.1, 1e-12);
    let given = look["predictive_power_prior"].as_f64().expect("there is a prior");
    let flat = look["predictive_power"].as_f64().expect("a probability");
    // By quadrature of conditional power over the posterior, in Python.
    assert_near(&look["predictive_power_prior"], 0.85979585, 1e-8);
    assert!(given != flat);
}

#[test]
fn the_table_fits_and_marks_the_current_look() {
    let text =
        output(rescuesim().args(["monitor", PLAN, "--look", "2", "--z", "2.1", "--n", "201"]));
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("Recreate")));
    assert!(text.contains("2 <") && text.contains("recommends continuing"), "{text}");
}

#[test]
fn invalid_input_is_reported() {
    let cases: [(&[&str], &str); 22] = [
        (&["--look", "4", "--z", "2", "--n", "300"], "--look is 4; allowed: 1 to 3"),
        (&["--look", "0", "--z", "2", "--n", "300"], "--look is 0; allowed: 1 to 3"),
        (
            &["--look", "2", "--z", "2", "--n", "100"],
            "look 2 has 100 outcomes; allowed: more than the 104",
        ),
        (
            &["--look", "2", "--z", "2", "--n", "1,2,3"],
            "--n 1,2,3: expected the outcomes at look 2",
        ),
        (&["--look", "2", "--z", "x", "--n", "201"], "allowed: -40 to 40"),
        (&["--look", "2", "--z", "2"], "--n"),
        (&["--look", "2", "--n", "201"], "--z"),
        (
            &["--look", "2", "--control", "60/50", "--experimental", "1/50"],
            "60 successes of 50 patients; expected SUCCESSES/PATIENTS with 0 to 50 successes",
        ),
        (
            &["--look", "2", "--control", "4963/2460001", "--experimental", "1/50"],
            "2460001 patients; expected SUCCESSES/PATIENTS with 1 to 1000000 patients",
        ),
        (
            &["--look", "2", "--control", "60", "--experimental", "1/50"],
            "expected SUCCESSES/PATIENTS, such as 13/52",
        ),
        (
            &[
                "--look",
                "2",
                "--control",
                "20/104",
                "--experimental",
                "40/104",
                "--analysis",
                "shift",
            ],
            "analysis shift does not compare proportions",
        ),
        (
            &["--look", "1", "--z", "2", "--n", "104", "--estimate", "0"],
            "allowed: the same sign, and 0 with 0",
        ),
        (
            &["--look", "1", "--z", "2", "--n", "104", "--prior-mean", "0", "--prior-sd", "1e200"],
            "allowed: 0.000001 to 100",
        ),
        (&["--look", "1", "--z", "0", "--n", "104", "--estimate", "0.2"], "0 with 0"),
        (&["--look", "1", "--z", "2", "--n", "104", "--estimate", "inf"], "allowed: a number"),
        (
            &["--look", "1", "--n", "90", "--control", "20/52", "--experimental", "30/52"],
            "--n 90: expected 104 at look 1",
        ),
        (
            &["--look", "1", "--z", "2", "--n", "104", "--estimate", "-0.1"],
            "allowed: the same sign",
        ),
        (
            &["--look", "1", "--z", "2", "--n", "104", "--analysis", "x"],
            "allowed: independence, shift",
        ),
        (
            &["--look", "1", "--control", "20/52", "--experimental", "30/52", "--lost", "1,2"],
            "--lost: analysis independence imputes no outcomes; allowed: no --lost",
        ),
        (
            &[
                "--look",
                "1",
                "--control",
                "20/52",
                "--experimental",
                "30/52",
                "--set",
                r#"analyses=[{name="worst",method="two_proportions",missing={rule="single_value",mrs=6}}]"#,
            ],
            "analysis worst imputes missing outcomes; expected: --lost with the patients",
        ),
        (
            &[
                "--look",
                "1",
                "--control",
                "20/52",
                "--experimental",
                "30/52",
                "--lost",
                "9,0",
                "--randomised",
                "60,60",
                "--set",
                r#"analyses=[{name="worst",method="two_proportions",missing={rule="single_value",mrs=6}}]"#,
            ],
            "the counts of the arms and --lost: 61 patients with an outcome or lost in the control arm, more than the 60",
        ),
        (&["--look", "1", "--z", "39", "--n", "104"], "no effect gives it with control as planned"),
    ];
    for (arguments, message) in cases {
        let output = rescuesim()
            .arg("monitor")
            .arg(PLAN)
            .args(arguments)
            .output()
            .expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
    }
}

/// Haybittle and Peto's interim bound does not depend on the observed numbers; the final look spends the
/// remaining alpha.
#[test]
fn the_interim_bound_of_haybittle_and_peto_is_fixed() {
    let rule = r#"design.efficacy={rule="haybittle_peto",interim_z=3}"#;
    for n in ["104", "90", "120"] {
        let look = monitor(&["--look", "1", "--z", "2", "--n", n, "--set", rule]);
        let bound = |k: usize| look["looks"][k]["z_efficacy"].as_f64().expect("tested");
        assert_eq!([bound(0), bound(1)], [3.0, 3.0], "{n}");
        assert!((1.96..2.0).contains(&bound(2)), "{n}");
    }
}

/// A trial stopped by a look, analysed with the patients of its overrun: by the deletion method the
/// analysis replaces that look, so that after a stop at the first look it is a single look, and after a
/// stop at the second only the first precedes it.
#[test]
fn the_analysis_after_the_overrun_replaces_the_look_that_stopped() {
    let first = monitor(&["--look", "1", "--overrun", "--n", "104,170", "--z", "3.2"]);
    assert_eq!((&first["after_overrun"], &first["decision"]), (&true.into(), &"efficacy".into()));
    assert_near(&first["stagewise_p"], 0.000687138, 1e-9);
    assert_eq!(first["effects"]["median_unbiased"], first["effects"]["estimate"]);
    let second = monitor(&["--look", "2", "--overrun", "--n", "104,208,260", "--z", "2.4"]);
    let single = monitor(&["--look", "2", "--n", "104,260", "--z", "2.4"]);
    assert_near(&second["stagewise_p"], single["stagewise_p"].as_f64().expect("it exists"), 1e-12);
    let [low, high] = [0, 1].map(|end| {
        let of =
            |look: &Value| look["effects"]["stagewise_interval"][end].as_f64().expect("it exists");
        of(&second) - of(&single)
    });
    assert!(low.abs() < 1e-9 && high.abs() < 1e-9, "{low} {high}");
    // It spends all remaining alpha: the bound is that of a final look at 260 outcomes.
    let last = second["looks"].as_array().expect("looks").last().expect("it exists").clone();
    assert_near(&last["alpha_spent"], 0.025, 1e-12);
}

/// Empties, or with `None` removes, a column of a CSV file.
fn with_column(rows: &str, column: &str, cell: Option<&str>) -> String {
    let place =
        rows.lines().next().and_then(|header| header.split(',').position(|it| it == column));
    let place = place.unwrap_or_else(|| panic!("no column {column}"));
    let mut out = String::new();
    for (i, line) in rows.lines().enumerate() {
        let mut cells: Vec<&str> = line.split(',').collect();
        match cell {
            Some(cell) if i > 0 => cells[place] = cell,
            Some(_) => {}
            None => {
                cells.remove(place);
            }
        }
        out += &(cells.join(",") + "\n");
    }
    out
}

/// A cell that the analysis needs is asked for, and one that it does not need changes nothing.
#[test]
fn patients_without_a_value_that_the_analysis_needs_are_refused() {
    let folder = directory();
    let file = folder.path().join("patients.csv");
    let analyses = r#"analyses=[{name="last",method="two_proportions",missing={rule="last_observation"}},{name="adjusted",method="logistic",adjust_for=["nihss"]}]"#;
    let missing = ["angel-reboot-missing", "--set", analyses];
    let centres = ["angel-reboot-centres", "--set", "run.seed=20211219"];
    let rows = |scenario: &[&str]| {
        output(rescuesim().arg("trace").args(scenario).args(["--format", "csv"]))
    };
    let monitor = |scenario: &[&str], analysis: &str, rows: &str| {
        std::fs::write(&file, rows).expect("the folder is writable");
        let mut command = rescuesim();
        command.arg("monitor").args(scenario).args(["--look", "1", "--analysis", analysis]);
        command.args(["--cutoff-day", "320", "--patients"]).arg(&file);
        command
    };
    let complete = rows(&missing);
    let z = |rows: &str| json(&mut monitor(&missing, "adjusted", rows))["z"].clone();
    let (blank, none) =
        (with_column(&complete, "early_mrs", Some("")), with_column(&complete, "early_mrs", None));
    assert!(z(&complete).is_number());
    assert_eq!([z(&blank), z(&none)], [z(&complete), z(&complete)]);
    output(&mut monitor(&missing, "last", &complete));
    let refusal = |scenario: &[&str], analysis: &str, rows: &str| {
        refused(&mut monitor(scenario, analysis, rows))
    };
    assert!(refusal(&missing, "last", &blank).contains("`early_mrs` is empty; allowed: 0 to 6"));
    assert!(refusal(&missing, "last", &none).contains("has no column `early_mrs`"));
    let of_centres = rows(&centres);
    let blank = with_column(&of_centres, "centre", Some(""));
    let message = refusal(&centres, "within centres", &blank);
    assert!(message.contains("`centre` is empty; allowed: 1 to 36"), "{message}");
    let blank = with_column(&of_centres, "day", Some(""));
    let message = refusal(&centres, "within centres", &blank);
    assert!(message.contains("`day` is empty; allowed: a number of days"), "{message}");
}
