//! Combinations of features on the command line: no command panics or takes long, and the program reads
//! every file it wrote.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::random_scenarios::{centres, efficacy, lower, method, safety};
use crate::util::{directory, output, overrides, rescuesim};

/// One scenario of each kind: stated outcomes, stated outcomes with centres and a drift, a procedure,
/// missing data, safety, a prior.
const BASES: [&str; 7] = [
    "angel-reboot",
    "angel-rescue",
    "angel-reboot-centres",
    "angel-reboot-mechanistic",
    "angel-reboot-missing",
    "angel-reboot-safety",
    "premat-assurance",
];

/// Longest time that a command on a trial of at most 120 patients may take on a machine that runs other
/// tests at the same time.
const LONGEST: Duration = Duration::from_secs(60);

fn one(set: String) -> Vec<String> {
    vec![set]
}

/// Looks and boundaries: several keys that depend on each other.
fn design() -> impl Strategy<Value = Vec<String>> {
    let p = prop::collection::vec(prop_oneof![Just(1.0), Just(0.025), 0.0..1.0f64], 2);
    let of_p =
        p.prop_map(|p| (format!(r#"{{rule="p",bounds={p:?}}}"#), r#"{rule="none"}"#.to_owned()));
    let alpha = prop_oneof![4 => Just(0.05), 1 => 0.001..0.99f64];
    (efficacy(), prop_oneof![lower(), of_p], any::<bool>(), alpha).prop_map(
        |(efficacy, (futility, harm), binding, alpha)| {
            vec![
                "design.looks={equally_spaced=3}".to_owned(),
                format!("design.alpha_two_sided={alpha}"),
                format!("design.efficacy={efficacy}"),
                format!("design.futility={futility}"),
                format!("design.harm={harm}"),
                format!("design.binding_futility={binding}"),
            ]
        },
    )
}

fn non_adherence() -> impl Strategy<Value = Vec<String>> {
    let of = || {
        (prop_oneof![Just(0.0), Just(0.999), 0.0..0.9f64], prop_oneof![Just(0.0), -8.0..8.0f64])
            .prop_map(|(p, slope)| format!("{{probability={p},log_odds_per_prognosis={slope}}}"))
    };
    (of(), of(), of()).prop_map(|(crossover, refusal, access)| {
        one(format!(
            "adherence={{control_crossover={crossover},experimental_refusal={refusal},\
             experimental_failed_access={access}}}"
        ))
    })
}

fn analyses() -> impl Strategy<Value = Vec<String>> {
    let method = prop::sample::select(vec![
        r#"method="two_proportions",test="fisher""#,
        r#"method="two_proportions",effect="log_odds_ratio",interval="wald""#,
        r#"method="proportional_odds",test="likelihood_ratio""#,
        r#"method="wilcoxon""#,
        r#"method="utility_weighted",utilities=[1,0,0,0,0,0,0],test="welch""#,
        r#"method="logistic",cut=2"#,
        r#"method="win_ratio""#,
    ]);
    let extra = prop::sample::select(vec![
        "",
        r#",population="per_protocol""#,
        r#",population="as_treated""#,
        ",rerandomisations=19",
        r#",missing={rule="multiple_imputation",imputations=2}"#,
        r#",missing={rule="worst_case"}"#,
    ]);
    prop::collection::vec((method, extra), 1..=2).prop_map(|analyses| {
        let analysis = |(k, (method, extra)): (usize, (&str, &str))| {
            format!(r#"{{name="a{k}",{method}{extra}}}"#)
        };
        let all: Vec<String> = analyses.into_iter().enumerate().map(analysis).collect();
        one(format!("analyses=[{}]", all.join(",")))
    })
}

/// One feature: values of keys that belong together.
fn feature() -> impl Strategy<Value = Vec<String>> {
    let any_log_odds = prop_oneof![Just(0.0), -3.0..3.0f64, Just(20.0)];
    prop_oneof![
        2 => design(),
        1 => analyses(),
        1 => non_adherence(),
        1 => safety(),
        1 => centres(),
        1 => method().prop_map(|method| one(format!("randomisation={method}"))),
        1 => (-10.0..10.0f64, 0.0..600.0f64).prop_map(|(slope, month)| one(format!(
            "drift={{log_odds_per_year={slope},stated_at_month={month}}}"
        ))),
        1 => prop_oneof![Just(0.0), 0.0..0.99f64].prop_map(|p| one(format!("missing.dropout={p}"))),
        1 => (1u32..5, 1u32..5).prop_map(|(control, experimental)| one(format!(
            "arms.allocation_ratio={{control={control},experimental={experimental}}}"
        ))),
        1 => any_log_odds.prop_map(|log_odds| one(format!("factors[0].log_odds=[0,{log_odds}]"))),
        1 => Just(one("description={proportional_odds=true,tipping_point=true}".to_owned())),
        1 => (0.0..90.0f64).prop_map(|days| one(format!("design.decision_lag_days={days}"))),
        1 => (-2.0..2.0f64, 0.0..1.0f64).prop_map(|(mean, sd)| one(format!(
            "prior={{components=[{{log_odds_ratio={{mean={mean},sd={sd}}}}}]}}"
        ))),
    ]
}

/// A shipped scenario with few patients and two or three features.
fn combined() -> impl Strategy<Value = (&'static str, Vec<String>)> {
    let patients = prop_oneof![1 => 2u32..12, 3 => 12u32..120];
    let features = prop::collection::vec(feature(), 2..=3);
    (prop::sample::select(&BASES[..]), patients, features).prop_map(|(base, patients, features)| {
        let size = format!("sample_size={{randomised={patients}}}");
        let looks = "design.looks={equally_spaced=1}".to_owned();
        (base, [size, looks].into_iter().chain(features.into_iter().flatten()).collect())
    })
}

/// Runs a command that must succeed or refuse in time, and returns the output if it succeeds.
fn run(arguments: &[&str], set: &[String]) -> Result<Option<String>, TestCaseError> {
    let mut command = rescuesim();
    command.args(arguments).timeout(LONGEST);
    set.iter().for_each(|set| {
        command.arg("--set").arg(set);
    });
    let output = command.output().expect("the program starts");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let shown = || format!("{arguments:?} {set:?}: {:?}\n{message}", output.status.code());
    prop_assert!(!message.contains("panicked"), "{}", shown());
    match output.status.code() {
        Some(0) => Ok(Some(String::from_utf8(output.stdout).expect("output is text"))),
        Some(2) => {
            prop_assert!(!message.trim().is_empty(), "{}", shown());
            Ok(None)
        }
        _ => Err(TestCaseError::fail(shown())),
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Runs every command on a scenario and returns whether the scenario was accepted.
fn try_all(base: &str, set: &[String]) -> Result<bool, TestCaseError> {
    let Some(checked) = run(&["check", base], set)? else { return Ok(false) };
    let folder = directory();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, &checked).expect("the folder is writable");
    let again = run(&["check", path_text(&own)], &[])?;
    prop_assert_eq!(again.as_ref(), Some(&checked), "what `check` prints is the same scenario");

    let checkpoint = folder.path().join("part.json");
    let part = path_text(&checkpoint);
    let simulated = ["run", base, "--replicates", "3", "--threads", "1", "--format", "json"];
    let first = run(&[&simulated[..], &["--checkpoint", part]].concat(), set)?;
    // A run may be refused even if the scenario is valid, for the time or memory it needs.
    if first.is_some() {
        let resumed = run(&[&simulated[..], &["--checkpoint", part, "--resume"]].concat(), set)?;
        prop_assert_eq!(resumed.as_ref(), first.as_ref(), "resumed at its end");
        let merged = run(&["merge", part, "--format", "json"], &[])?;
        prop_assert_eq!(merged.as_ref(), first.as_ref(), "merged alone");
        run(&["run", base, "--replicates", "2", "--threads", "1"], set)?;
    }
    run(&["trace", base], set)?;
    run(&["trace", base, "--format", "json"], set)?;
    run(&["design", base], set)?;
    run(&["monitor", base, "--look", "1", "--control", "1/3", "--experimental", "0/2"], set)?;
    Ok(true)
}

#[test]
fn combined_features_give_a_result_or_a_refusal() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        source_file: Some(file!()),
        cases: cases.unwrap_or(24),
        max_shrink_iters: 40,
        ..ProptestConfig::default()
    };
    let accepted = std::cell::Cell::new(0);
    let tried = TestRunner::new(config.clone()).run(&combined(), |(base, set)| {
        accepted.set(accepted.get() + u32::from(try_all(base, &set)?));
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
    let accepted = accepted.get();
    assert!(
        accepted * 4 >= config.cases,
        "only {accepted} of {} scenarios were valid",
        config.cases
    );
}

/// Each of these combinations once panicked, or was refused by the program that wrote it.
#[test]
fn combinations_that_once_failed_give_a_result_or_a_refusal() {
    // Futility at the level of efficacy leaves exactly the share of trials that may be rejected, so that
    // rounding decides whether the last look has a critical value.
    let no_room = [
        "design.efficacy={rule=\"none\"}",
        "design.futility={rule=\"p\",bounds=[1,0.025]}",
        "design.binding_futility=true",
    ];
    // Log odds of −50 and less: all patients die, and the shares of the other levels are differences of
    // rounding errors.
    let far_drift = ["drift={log_odds_per_year=-1,stated_at_month=600}"];
    // One of two patients is expected to have an outcome, fewer than a comparison needs.
    let two_patients = ["sample_size={randomised=2}", "design.looks={equally_spaced=1}"];
    let cases: [(&str, &[&str], bool); 3] = [
        ("angel-reboot", &no_room, false),
        ("early-vs-late", &far_drift, true),
        ("angel-reboot", &two_patients, true),
    ];
    for (base, set, is_accepted) in cases {
        let set = overrides(set);
        let tried = try_all(base, &set).unwrap_or_else(|failure| panic!("{base}: {failure}"));
        assert_eq!(tried, is_accepted, "{base} {set:?}");
    }
}

/// A million patients under twenty looks took a minute of CPU time, as did centres and non-adherence by
/// prognosis in 150 strata. Both now take about two seconds; the limit is a minute of elapsed time, as
/// the machine may run other tests.
#[test]
fn large_trials_and_many_strata_are_checked_within_seconds() {
    let large = ["sample_size={randomised=1000000}", "design.looks={equally_spaced=20}"];
    let strata = [
        r#"factors=[{name="a",levels=["0","1","2","3","4"],shares=[20,20,20,20,20]},{name="b",levels=["0","1"],shares=[50,50],log_odds=[-0.5,0.5]},{name="c",levels=["0","1","2","3","4"],shares=[20,20,20,20,20]}]"#,
        r#"randomisation={method="complete"}"#,
        "centres={number=200,outcome_sd=2}",
        "adherence={experimental_refusal={probability=0.7},experimental_failed_access={probability=0.01,log_odds_per_prognosis=1}}",
    ];
    for set in [&large[..], &strata[..]] {
        let mut check = rescuesim();
        check.args(["check", "angel-reboot"]).timeout(Duration::from_secs(60));
        set.iter().for_each(|set| {
            check.args(["--set", set]);
        });
        output(&mut check);
    }
}

/// Analyses and factors may have any name; a spreadsheet that opens the files must not run it.
#[test]
fn names_that_a_spreadsheet_would_run_are_written_as_text() {
    let set = [
        r#"analyses=[{name="=cmd|' /C calc'!A0",method="two_proportions"}]"#,
        r#"factors[0].name="@SUM(1+1)""#,
        r#"randomisation.factors=["@SUM(1+1)"]"#,
        "randomisation.weights=[1]",
    ];
    let folder = directory();
    let with_set = |arguments: &[&str]| {
        let mut command = rescuesim();
        command.args(arguments).args(set.iter().flat_map(|set| ["--set", *set]));
        command
    };
    let mut run = with_set(&["run", "angel-reboot", "--replicates", "3", "--trials", "csv"]);
    output(run.arg("--out").arg(folder.path()));
    let rows =
        std::fs::read_to_string(folder.path().join("trials.csv")).expect("the program wrote it");
    assert!(rows.contains(",'=cmd|' /C calc'!A0,") && !rows.contains(",=cmd"), "{rows}");
    let traced = output(&mut with_set(&["trace", "angel-reboot", "--format", "csv"]));
    let heading = traced.lines().next().expect("there is a heading");
    assert!(heading.contains(",'@SUM(1+1),") && !heading.contains(",@SUM"), "{heading}");
}

/// Bidirectional marks and control characters from scenarios, arguments and file names never reach a
/// terminal or a file.
#[test]
fn hidden_characters_are_refused_and_shown_escaped() {
    let refuses = |arguments: &[&str]| {
        let output = rescuesim().args(arguments).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = String::from_utf8(output.stderr).expect("messages are text");
        let hidden =
            |c: &char| c.is_control() && *c != '\n' || ('\u{200b}'..='\u{202e}').contains(c);
        assert_eq!(message.chars().find(hidden), None, "{message}");
        message
    };
    for (hidden, escaped) in [
        ("\u{202e}", r"\u{202e}"),
        ("\u{200b}", r"\u{200b}"),
        ("\u{9b}", r"\u{9b}"),
        ("\u{1b}", r"\u{1b}"),
        ("\u{feff}", r"\u{feff}"),
    ] {
        let code = hidden.chars().map(u32::from).max().expect("it is one character");
        let title = format!("title=\"a\\u{code:04x}b\"");
        let message = refuses(&["check", "angel-reboot", "--set", &title]);
        let expected = format!(
            "`title` is \"a{escaped}b\"; allowed: text without control characters, marks of direction"
        );
        assert!(message.contains(&expected), "{message}");
        let message = refuses(&["check", &format!("no{hidden}file.toml")]);
        assert!(message.contains(&format!("no{escaped}file.toml")), "{message}");
        let folder = directory();
        let studies = folder.path().join("studies.csv");
        let rows = "study,events_experimental,n_experimental,events_control,n_control\n";
        std::fs::write(&studies, format!("{rows}a{hidden}b,1,10,2,10\nc,1,10,2,10\n"))
            .expect("the program wrote it");
        let message = refuses(&["pool", path_text(&studies)]);
        assert!(message.contains(&format!("a{escaped}b")), "{message}");
    }
    let folder = directory();
    let scenario = folder.path().join("a\u{1b}[31m'b.toml");
    std::fs::copy(crate::util::project("scenarios/angel-reboot.toml"), &scenario).expect("copied");
    let message = output(rescuesim().arg("run").arg(&scenario).args(["--replicates", "2"]));
    assert!(!message.contains('\u{1b}') && message.contains(r"a\0033[31m'\''b.toml'"), "{message}");
}

/// Errors of the type of a key are reported at their place: a missing key that all variants of a table
/// need, and a number beyond its type.
#[test]
fn every_refusal_names_its_place() {
    for (set, expected) in [
        ("safety={endpoints=[{event=\"death\"}]}", "`safety.endpoints[0].name` is missing"),
        (
            "design.looks={analysed=[9223372036854775807]}",
            "`design.looks.analysed[0]` is 9223372036854775807; allowed: 1 to 4294967295",
        ),
    ] {
        let output = rescuesim().args(["check", "angel-reboot", "--set", set]).output();
        let output = output.expect("the program starts");
        let message = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(expected) && message.contains("--set on"), "{message}");
    }
}
