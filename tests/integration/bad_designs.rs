//! Invalid designs in a scenario, each reported with its key, value and what is allowed.

use rescuesim::scenario::Scenario;

use crate::util::angel_reboot;

const SET: &str = "design.";

/// Overrides, and parts of the expected message.
const BROKEN: [(&[&str], &[&str]); 31] = [
    (
        &["looks={randomised=[116,232,312]}"],
        &[
            "`design.looks.randomised[2]` is 312; allowed: sample_size.randomised (348) for the final look",
        ],
    ),
    (
        &["looks={randomised=[232,116,348]}"],
        &["`design.looks.randomised[1]` is 116; allowed: more than the 232 before it"],
    ),
    (
        &["looks={randomised=[4,5,348]}"],
        &["`design.looks.randomised[1]` puts look 2 at 4 outcomes", "more than the 4 before it"],
    ),
    (
        &["looks={months=[12,9,24]}"],
        &["`design.looks.months[1]` is 9; allowed: more than the 12 before it"],
    ),
    (
        &["looks={months=[2,12,24]}"],
        &[
            "`design.looks.months[0]` is month 2, by which no outcomes are expected",
            "a later month",
        ],
    ),
    (
        &["looks={months=[12,30,36]}"],
        &["`design.looks.months[1]` is month 30, by which all outcomes are expected"],
    ),
    (&["looks={months=[-1,12]}"], &["`design.looks.months[0]` is -1; allowed: 0.01 to 1200"]),
    (
        &["looks={months=[12,24],randomised=[348]}"],
        &[
            "`design.looks`",
            "exactly one of analysed, information_fractions, equally_spaced, randomised, months",
        ],
    ),
    (
        &["looks={randomised=[116,232,348]}", r#"efficacy={rule="pocock"}"#],
        &["`design.efficacy.rule`", "design.looks.randomised leaves open", "haybittle_peto"],
    ),
    (
        &["looks={months=[8,13,22]}", r#"futility={rule="effect",bounds=[0.0,0.0]}"#],
        &["`design.futility.rule` is on the effect scale", "design.looks.months leaves open"],
    ),
    (&["efficacy_looks=[4]"], &["`design.efficacy_looks[0]` is 4; allowed: 1 to 3"]),
    (&["efficacy_looks=[0]"], &["`design.efficacy_looks[0]` is 0"]),
    (
        &[r#"futility={rule="z",bounds=[0.0,0.0]}"#, "futility_looks=[3]"],
        &["`design.futility_looks[0]` is 3; allowed: 1 to 2"],
    ),
    (
        &[r#"efficacy={rule="cumulative",spent=[0.01,0.025]}"#],
        &["`design.efficacy.spent` has 2 values; allowed: 3 (one per look)"],
    ),
    (
        &[r#"efficacy={rule="cumulative",spent=[0.02,0.01,0.025]}"#],
        &["`design.efficacy.spent[1]` is 0.01; allowed: no less than the 0.02 before it"],
    ),
    (
        &[r#"efficacy={rule="cumulative",spent=[0.001,0.01,0.03]}"#],
        &["`design.efficacy.spent[2]` is 0.03; allowed: the whole error rate, 0.025"],
    ),
    (
        &[r#"efficacy={rule="haybittle_peto",interim_z=2.0}"#, "alpha_two_sided=0.02"],
        &["`design.efficacy` spends more than alpha before the final look"],
    ),
    (&[r#"efficacy={rule="wang_tsiatis"}"#], &["`design.efficacy.delta` is missing"]),
    (&[r#"efficacy={rule="wang_tsiatis",delta=3.0}"#], &["`design.efficacy.delta` is 3"]),
    (
        &[r#"futility={rule="beta_spending",spending={rule="pocock"}}"#],
        &[
            "`design.futility.spending.rule` is a boundary and spends nothing by itself",
            "kim_demets",
        ],
    ),
    (
        &[
            r#"futility={rule="beta_spending",spending={rule="lan_demets_pocock"},power=0.05}"#,
            "alpha_two_sided=0.2",
        ],
        &["`design.futility.power` cannot be reached"],
    ),
    (
        &[r#"futility={rule="p",bounds=[0.5]}"#],
        &["`design.futility.bounds` has 1 values; allowed: 2 (one per interim look)"],
    ),
    (&[r#"futility={rule="p",bounds=[0.5,2.0]}"#], &["`design.futility.bounds[1]` is 2"]),
    (
        &[r#"futility={rule="effect",bounds=[0.0,0.9]}"#],
        &["`design.futility.bounds[1]` is", "below the efficacy bound of look 2"],
    ),
    (
        &[r#"futility={rule="conditional_power",at_most=1.5}"#],
        &["`design.futility.at_most` is 1.5"],
    ),
    (
        &[r#"futility={rule="z",bounds=[0.0,0.0]}"#, r#"harm={rule="symmetric"}"#],
        &["`design.futility` is given for a symmetric two-sided test"],
    ),
    (
        &[r#"harm={rule="spending",spending={rule="lan_demets_pocock"},alpha_one_sided=0.6}"#],
        &["`design.harm.alpha_one_sided` is 0.6"],
    ),
    (&[r#"harm={rule="mirrored"}"#], &["`design.harm.rule` is \"mirrored\"", "symmetric"]),
    // P(Z ≥ z₀.₀₂) = 0.02 of the trials continue to the last look, which must reject 0.025.
    (
        &[
            r#"efficacy={rule="none"}"#,
            r#"futility={rule="p",bounds=[1,0.02]}"#,
            "binding_futility=true",
        ],
        &["`design.binding_futility` has no efficacy boundary that goes with it"],
    ),
    (
        &[r#"harm={rule="symmetric"}"#, "harm_looks=[3]"],
        &["`design.harm_looks` is given without a harm boundary that spends an error rate"],
    ),
    (&["futility_looks=[1]"], &["`design.futility_looks` is given without `design.futility`"]),
];

#[test]
fn every_invalid_design_is_reported() {
    for (set, message) in BROKEN {
        let set: Vec<String> = set.iter().map(|value| format!("{SET}{value}")).collect();
        let Err(rejection) = Scenario::parse(&angel_reboot(), &set) else {
            panic!("{set:?} is accepted");
        };
        let summary = rejection.summary();
        for text in message {
            assert!(summary.contains(text), "{set:?}: {summary}");
        }
    }
}

/// Asserts that a scenario is refused with all of these messages.
fn assert_reports(text: &str, set: &[&str], messages: &[&str]) {
    let set: Vec<String> = set.iter().map(|set| (*set).to_owned()).collect();
    let summary = Scenario::parse(text, &set).expect_err("it is wrong").summary();
    for message in messages {
        assert!(summary.contains(message), "{message:?} is not in:\n{summary}");
    }
}

#[test]
fn problems_of_different_parts_of_a_scenario_are_reported_together() {
    let both = "alpha_one_sided = 0.025\nalpha_two_sided = 0.05\n";
    let text = angel_reboot().replace("alpha_two_sided = 0.05\n", both);
    assert!(text.contains(both));
    assert_reports(
        &text,
        &[
            "follow_up.window_days=200",
            r#"prior.components=[{weight=1,log_odds_ratio={mean=0.3,sd=0.2},evidence={file="x",method="x"}}]"#,
            "accrual.screened_per_month=10",
            r#"randomisation.factors=["colour"]"#,
            r#"safety.endpoints=[{name="torn",event="perforation"}]"#,
            "missing.dropout=0.95",
            "missing.known_deaths=1",
        ],
        &[
            "`follow_up.window_days` is 200",
            "`design.alpha_two_sided` conflicts with `design.alpha_one_sided`",
            "`prior.components[0].evidence` conflicts",
            "`accrual.screened_per_month` needs [procedure]",
            "`randomisation.factors[0]` is \"colour\"",
            "`safety.endpoints[0].event` is one of a procedure",
            "`missing.dropout`",
        ],
    );
}

#[test]
fn a_conflict_over_the_drift_and_a_wrong_outcome_hide_no_other_problem() {
    let row = "[0,0,0,0,0,0,1]";
    let early = format!(
        "early_outcome={{control=[1,1,1,1,1,1,1],transition=[{}{row}]}}",
        "[1,1,1,1,1,1,1],".repeat(6)
    );
    assert_reports(
        &angel_reboot(),
        &[
            "drift.log_odds_per_year=0.1",
            "prior.components=[{weight=1,log_odds_ratio={mean=0.3,sd=0.2}}]",
            "outcome.control=[1,1,1,1,1,1,1]",
            r#"randomisation.factors=["colour"]"#,
            &early,
        ],
        &[
            "`drift` conflicts with `prior`",
            "`outcome.control` is not a distribution",
            "`randomisation.factors[0]` is \"colour\"",
            "`early_outcome.control` is not a distribution",
            "`early_outcome.transition[0]` is not a distribution",
        ],
    );
}

#[test]
fn malformed_overrides_are_reported_with_the_problems_of_the_file() {
    assert_reports(
        &angel_reboot().replace("[missing]", "[mising]"),
        &["run.seed", "run.seed.x=1", "run.seed=99999999999999999999"],
        &[
            "--set run.seed: expected --set path.to.key=value",
            "there is no `run.seed.x` to set",
            "`run.seed` 99999999999999999999 is too large a number",
            "`mising` is not a known key",
        ],
    );
}
