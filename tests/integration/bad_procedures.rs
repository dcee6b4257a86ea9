//! Broken procedures, and outcomes that do not fit them: exit code 2, the place, the key, the value
//! and what is allowed.

use rescuesim::scenario::Scenario;

use crate::bad_input::{Broken, assert_reported, broken};
use crate::util::{angel_reboot, overrides, shipped_text, simulate_file};

const SUCCESS: &str = "pass_success = [0.373016, 0.328571, 0.157895, 0.166667, 0.0]";
const REOCCLUSION: &str = "reocclusion = [0.148936, 0.086957, 0.0]";
const AFTER: &str = "randomised_after = 0";
const PRACTICE: &str =
    r#"{ rule = "practice", rescue_after_pass = [0.186047, 0.224490, 0.4375, 0.666667, 1.0] }"#;
const CONTINUE: &str = r#"{ rule = "continue_then_rescue", more_passes = 1 }"#;
const RESCUE: &str = "success = [0.925926, 0.925926, 0.862069]";
const PATENCY: &str = "patency = { intercept = 2.866, per_pass = -0.597 }";
const DEFINITION: &str = "definition = \"ICH with NIHSS 4 or more above baseline, to 3 days\"";
const SHAPE: &str = "shape = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]";
const TEN_TENTHS: &str = "pass_success = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]";

/// Edits of `lee-cohort.toml`.
const TABLE: [Broken; 57] = [
    // Strategies that never end, or exceed the number of passes.
    broken(
        CONTINUE,
        r#"{ rule = "continue_then_rescue" }"#,
        &[
            "`procedure.experimental.strategy` can never end: neither its more_passes nor procedure.max_passes is given; allowed: one of them",
        ],
    ),
    broken(
        CONTINUE,
        r#"{ rule = "continue_then_stop" }"#,
        &["`procedure.experimental.strategy` can never end"],
    ),
    broken(
        "0.666667, 1.0] }",
        "0.666667] }",
        &[
            "`procedure.control.strategy.rescue_after_pass` can never end: its last value is 0.666667 and procedure.max_passes is not given; allowed: a last value of 1, or max_passes",
        ],
    ),
    broken(
        CONTINUE,
        r#"{ rule = "continue_then_stop", more_passes = 11 }"#,
        &["`procedure.experimental.strategy.more_passes` is 11; allowed: 0 to 10"],
    ),
    broken(
        CONTINUE,
        r#"{ rule = "continue_then_rescu" }"#,
        &[
            "`procedure.experimental.strategy.rule` is \"continue_then_rescu\" (did you mean `continue_then_rescue`?)",
            "allowed: rescue_now, continue_then_rescue, continue_then_stop, practice",
        ],
    ),
    broken(
        CONTINUE,
        r#"{ rule = "rescue_now", more_passes = 1 }"#,
        &[
            "`procedure.experimental.strategy.more_passes` is not a known key; allowed in `procedure.experimental.strategy`: rule",
        ],
    ),
    broken(
        CONTINUE,
        r#""rescue_now""#,
        &["`procedure.experimental.strategy` is \"rescue_now\"; allowed: a table with `rule`"],
    ),
    broken(CONTINUE, "{ more_passes = 1 }", &["`procedure.experimental.strategy.rule` is missing"]),
    broken(
        PRACTICE,
        r#"{ rule = "practice" }"#,
        &["`procedure.control.strategy.rescue_after_pass` is missing; expected"],
    ),
    broken(
        PRACTICE,
        r#"{ rule = "practice", rescue_after_pass = [] }"#,
        &["`procedure.control.strategy.rescue_after_pass` has 0 elements; allowed: 1 to 10"],
    ),
    // When patients are randomised.
    broken(
        AFTER,
        "randomised_after = 11",
        &["`procedure.randomised_after` is 11; allowed: 0 to 10"],
    ),
    broken(
        AFTER,
        "randomised_after = 1.5",
        &["`procedure.randomised_after` is 1.5; allowed: a whole number from 0 to 10"],
    ),
    broken(
        AFTER,
        "max_passes = 3\nrandomised_after = 4",
        &["`procedure.randomised_after` is 4; allowed: 0 to max_passes (3)"],
    ),
    broken(
        AFTER,
        "max_passes = 3\nrandomised_after = { passes = [1, 4], shares = [50, 50] }",
        &["`procedure.randomised_after.passes[1]` is 4; allowed: 0 to max_passes (3)"],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [1, 2], shares = [50, 40] }",
        &[
            "`procedure.randomised_after.shares` sum to 90, too little by 10.000000; allowed: a sum of 100",
        ],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [1, 2], shares = [50] }",
        &[
            "`procedure.randomised_after.shares` has 1 values; allowed: 2 (one per number of passes)",
        ],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [1, 2, 1], shares = [50, 40, 10] }",
        &["`procedure.randomised_after.passes[2]` repeats 1; allowed: each number of passes once"],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [1, 2], shares = [120, -20] }",
        &["`procedure.randomised_after.shares[0]` is 120; allowed: 0.0 to 100.0"],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [], shares = [] }",
        &["`procedure.randomised_after.passes` has 0 elements; allowed: 1 to 11"],
    ),
    broken(
        AFTER,
        "randomised_after = { passes = [1, 2] }",
        &["`procedure.randomised_after.shares` is missing; expected: Their shares"],
    ),
    broken("randomised_after = 0\n", "", &["`procedure.randomised_after` is missing; expected"]),
    // Probabilities.
    broken(
        SUCCESS,
        "pass_success = [0.3, 1.2]",
        &["`procedure.pass_success[1]` is 1.2; allowed: 0.0 to 1.0"],
    ),
    broken(
        SUCCESS,
        "pass_success = -0.1",
        &["`procedure.pass_success` is -0.1; allowed: 0.0 to 1.0"],
    ),
    broken(
        SUCCESS,
        "pass_success = []",
        &["`procedure.pass_success` has 0 elements; allowed: 1 to 10"],
    ),
    broken(SUCCESS, TEN_TENTHS, &["`procedure.pass_success` has 11 elements; allowed: 1 to 10"]),
    broken(
        SUCCESS,
        "pass_success = { first = 0.4 }",
        &["`procedure.pass_success.odds_ratio_per_pass` is missing; expected"],
    ),
    broken(
        SUCCESS,
        "pass_success = { first = 0.4, odds_ratio_per_pas = 0.7 }",
        &[
            "`procedure.pass_success.odds_ratio_per_pas` is not a known key (did you mean `odds_ratio_per_pass`?)",
        ],
    ),
    broken(
        SUCCESS,
        "pass_success = { first = 0.4, odds_ratio_per_pass = 0 }",
        &["`procedure.pass_success.odds_ratio_per_pass` is 0; allowed: 0.001 to 1000.0"],
    ),
    broken(
        SUCCESS,
        "pass_success = \"high\"",
        &["`procedure.pass_success` is \"high\"; allowed: a number or an array, [ … ] or a table"],
    ),
    broken(
        REOCCLUSION,
        "reocclusion = [0.1, -0.2]",
        &["`procedure.reocclusion[1]` is -0.2; allowed: 0.0 to 1.0"],
    ),
    broken(
        REOCCLUSION,
        "reocclusion = 0.1",
        &["`procedure.reocclusion` is 0.1; allowed: an array"],
    ),
    broken(
        "[0.186047, 0.224490",
        "[18.6, 0.224490",
        &["`procedure.control.strategy.rescue_after_pass[0]` is 18.6; allowed: 0.0 to 1.0"],
    ),
    broken(
        "[procedure.rescue]",
        "crossover = 2\n[procedure.rescue]",
        &["`procedure.experimental.crossover` is 2; allowed: 0.0 to 1.0"],
    ),
    broken(
        RESCUE,
        "success = [0.9, 1.1]",
        &["`procedure.rescue.success[1]` is 1.1; allowed: 0.0 to 1.0"],
    ),
    broken(
        "success = [0.925926, 0.925926, 0.862069]\n",
        "failed_access = 0.1\n",
        &["`procedure.rescue.success` is missing; expected: Probability that a stent placed"],
    ),
    broken(
        RESCUE,
        "success = [1]\nfailed_access = 10",
        &["`procedure.rescue.failed_access` is 10; allowed: 0.0 to 1.0"],
    ),
    broken(
        RESCUE,
        "success = [1]\nfailed_acces = 0.1",
        &["`procedure.rescue.failed_acces` is not a known key (did you mean `failed_access`?)"],
    ),
    broken(
        PATENCY,
        "patency = { per_pass = 1 }",
        &["`procedure.rescue.patency.intercept` is missing"],
    ),
    broken(
        "log_sd = 0.26",
        "log_sd = 5",
        &["`procedure.minutes.log_sd` is 5; allowed: 0.0 to 1.0"],
    ),
    broken(
        "definition = \"ICH with NIHSS 4 or more above baseline, to 3 days\"\n",
        "",
        &[
            "`procedure.haemorrhage.definition` is missing; expected: Definition of the event, such as",
        ],
    ),
    broken(
        DEFINITION,
        "definition = \"\"",
        &["`procedure.haemorrhage.definition` is empty; allowed: any text"],
    ),
    broken(
        "fatality = 1.0",
        "fatality = 45.05803",
        &["`procedure.perforation.fatality` is 45.05803; allowed: 0.0 to 1.0"],
    ),
    broken(
        "[procedure.perforation]\n",
        "[procedure.perforation]\nthrombectomy = 14\n",
        &["`procedure.perforation.thrombectomy` is 14; allowed: 0.0 to 1.0"],
    ),
    broken(
        "[procedure.haemorrhage]",
        "[procedure.difficulty]\npass_success = 11\n[procedure.haemorrhage]",
        &["`procedure.difficulty.pass_success` is 11; allowed: -10.0 to 10.0"],
    ),
    // Keys that do not exist, or are missing.
    broken(
        "[procedure.rescue]",
        "[procedure.resuce]",
        &[
            "`procedure.resuce` is not a known key (did you mean `rescue`?)",
            "`procedure.rescue` is missing",
        ],
    ),
    broken(
        "early_until",
        "early_untill",
        &[
            "`procedure.early_untill` is not a known key (did you mean `early_until`?); allowed in `procedure`: control, difficulty",
        ],
    ),
    broken(
        "early_until = 2",
        "early_until = -1",
        &["`procedure.early_until` is -1; allowed: 0 to 10"],
    ),
    broken(
        AFTER,
        "randomised_after = 0\nmax_passes = 0",
        &["`procedure.max_passes` is 0; allowed: 1 to 10"],
    ),
    broken(
        "per_pass = -0.6770844",
        "per_passes = -0.6770844",
        &[
            "`outcome.per_passes` is not a known key (did you mean `per_pass`?); allowed in `outcome`",
        ],
    ),
    broken(
        "intercept = 1.921491",
        "intercept = 30",
        &["`outcome.intercept` is 30; allowed: -20.0 to 20.0"],
    ),
    // Shapes without mRS 0–2, or with mRS 0–2 only.
    broken(
        SHAPE,
        "shape = [0, 0, 0, 16.0, 44.9, 19.1, 20.0]",
        &["`outcome.shape` has P(mRS 0–2) = 0; allowed: between 0 and 1"],
    ),
    broken(
        SHAPE,
        "shape = [50, 20, 30, 0, 0, 0, 0]",
        &["`outcome.shape` has P(mRS 0–2) = 1; allowed: between 0 and 1"],
    ),
    broken(
        SHAPE,
        "shape = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 19.0]",
        &["`outcome.shape` is not a distribution", "too little by 1.000000"],
    ),
    // Contradictions between keys.
    broken(
        "[design]",
        "[prior]\ncomponents = [{ log_odds_ratio = { mean = 1, sd = 1 } }]\n[design]",
        &["`prior` conflicts with [procedure], whose strategies make the effect"],
    ),
    broken(
        "per_month = 10",
        "per_month = 10\nscreened_per_month = 20",
        &[
            "`accrual.screened_per_month` conflicts with `accrual.per_month`; give exactly one of them",
        ],
    ),
    broken(
        "per_month = 10\n",
        "",
        &["`accrual` has no rate; expected: exactly one of per_month, screened_per_month"],
    ),
    broken(
        "per_month = 10",
        "screened_per_month = 0",
        &["`accrual.screened_per_month` is 0; allowed: 0.001 to 1000000000.0"],
    ),
];

#[test]
fn every_error_in_a_procedure_is_reported_with_its_place() {
    assert_reported(&shipped_text("scenarios/lee-cohort.toml"), &TABLE);
}

/// Edits of `angel-reboot.toml`, which has no procedure.
const WITHOUT_PROCEDURE: [Broken; 3] = [
    broken(
        "control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]\nexperimental = { functional_independence = 0.40 }",
        "shape = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]\nintercept = -1",
        &[
            "`outcome.shape` needs [procedure]; allowed in [outcome] without it: control, experimental",
        ],
    ),
    broken(
        "per_month = 22.39",
        "screened_per_month = 22.39",
        &[
            "`accrual.screened_per_month` needs [procedure], which says how many of the screened are randomised; allowed without it: accrual.per_month",
        ],
    ),
    broken(
        "[missing]",
        "[procedure]\n[missing]",
        &["`procedure.randomised_after` is missing", "`procedure.pass_success` is missing"],
    ),
];

#[test]
fn keys_that_need_a_procedure_are_refused_without_one() {
    let without = angel_reboot();
    // The keys of the outcome are adjacent, apart from comments.
    let lines: Vec<&str> = without.lines().filter(|line| !line.starts_with('#')).collect();
    assert_reported(&(lines.join("\n") + "\n"), &WITHOUT_PROCEDURE);
    let with = shipped_text("scenarios/lee-cohort.toml");
    let (start, end) = (with.find("[outcome]"), with.find("[design]"));
    let after = &with[start.expect("a table")..end.expect("a table")];
    let stated = "[outcome]\ncontrol = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]\nexperimental = { common_odds_ratio = 2 }\n\n";
    let rejection = Scenario::parse(&with.replace(after, stated), &[]).expect_err("it is invalid");
    let line = 1 + with[..start.expect("a table")].matches('\n').count() + 1;
    let message = format!(
        "scenario:{line}: `outcome.control` conflicts with [procedure], from which the outcome follows; allowed in [outcome]: shape, intercept, per_pass"
    );
    assert!(rejection.summary().contains(&message), "{rejection}");
}

/// Errors that involve more than one key; `--set` points to one of them.
#[test]
fn contradictions_between_keys_are_reported() {
    let certain = "procedure.pass_success=[0.5,1]";
    let cases: [(&[&str], &str); 4] = [
        // All vessels are durably open after the second pass.
        (
            &[certain, "procedure.reocclusion=[0]", "procedure.randomised_after=2"],
            "`procedure.randomised_after` is 2; allowed: a number of passes after which some patients have a persistent occlusion",
        ),
        (
            &[
                certain,
                "procedure.reocclusion=[0]",
                "procedure.randomised_after={passes=[1,3],shares=[50,50]}",
            ],
            "`procedure.randomised_after` is 3; allowed: a number of passes after which some patients",
        ),
        // A stent is certain after one pass, but patients are randomised after two.
        (
            &[
                "procedure.control.strategy.rescue_after_pass=[1.0,0.5]",
                "procedure.randomised_after=2",
            ],
            "`procedure.control.strategy.rescue_after_pass` can never end: its last value is 0.5",
        ),
        (
            &[
                r#"procedure.experimental.strategy={rule="continue_then_stop",more_passes=9}"#,
                "procedure.randomised_after={passes=[1,2],shares=[50,50]}",
            ],
            "`procedure.experimental.strategy.more_passes` is 9, which makes 11 passes",
        ),
    ];
    for (set, says) in cases {
        let rejection =
            Scenario::parse(&shipped_text("scenarios/lee-cohort.toml"), &overrides(set));
        let message = rejection.expect_err("it is invalid").summary();
        assert!(message.contains(says), "{set:?} should say {says:?} and says\n{message}");
    }
}

/// Extreme values that are allowed run, and quickly: certain and impossible passes, ten passes,
/// no vessel opened, the longest procedures.
#[test]
fn extreme_values_that_are_allowed_run() {
    let practice = r#"procedure.control.strategy={rule="practice",rescue_after_pass=[0.2]}"#;
    let go_on = r#"procedure.experimental.strategy={rule="continue_then_stop"}"#;
    let cases: [&[&str]; 9] = [
        &["procedure.pass_success=[0.5,1]"],
        &[
            "procedure.pass_success=1",
            "procedure.randomised_after=3",
            "procedure.reocclusion=[0.1]",
        ],
        &["procedure.pass_success=0", go_on, "procedure.max_passes=10"],
        &[practice, go_on, "procedure.max_passes=10", "procedure.randomised_after=10"],
        &["procedure.pass_success={first=1,odds_ratio_per_pass=0.5}"],
        &["procedure.rescue={success=[0]}"],
        &["procedure.difficulty={pass_success=10,rescue_choice=-10,outcome=10}"],
        &["procedure.haemorrhage.intercept=20", "procedure.haemorrhage.fatality=1"],
        &["procedure.minutes={base=600,per_pass=120,stenting=600,log_sd=1}"],
    ];
    for set in cases {
        let result = simulate_file("scenarios/lee-cohort.toml", set, 20);
        let procedure = result.procedure.expect("it exists");
        for arm in &procedure.arms {
            let sum: f64 = arm.mrs.iter().map(|level| level.exact).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{set:?}: {sum}");
        }
    }
}
