//! Warnings: what causes one, and what never does.

use rescuesim::expected;
use rescuesim::scenario::Scenario;
use rescuesim::scenario::shipped::{SCENARIOS, STARTING};

use crate::util::{angel_reboot, output, rescuesim};

const FUTILITY: &str = r#"design.futility={rule="conditional_power",at_most=0.2}"#;

/// Values of the main scenario and a part of the only warning that they cause.
const WARNED: [(&[&str], &str); 8] = [
    (
        &["outcome.experimental={functional_independence=0.20}"],
        "the experimental arm is worse than control: mRS 0–2 in 20.0 % v 25.0 % in control, a common odds \
         ratio of 0.75, a mean mRS of",
    ),
    (&["outcome.experimental={common_odds_ratio=0.55}"], "a common odds ratio of 0.55"),
    (
        &["outcome.experimental={distribution=[4.7,7.4,13.9,16.0,18.9,14.1,25.0]}"],
        "a common odds ratio of 0.91, a mean mRS of 3.79 v 3.71",
    ),
    (
        &[
            "outcome.control=[20.0,14.1,24.9,16.0,12.9,7.4,4.7]",
            "outcome.experimental={functional_independence=0.70}",
        ],
        "the mRS of the control arm is probably reversed: death (mRS 6) has 4.7 %",
    ),
    (
        &[FUTILITY],
        "the futility rule lowers the power by more than 5 points: independence from 81 to",
    ),
    (
        &[
            "outcome.experimental={functional_independence=0.35}",
            r#"design.futility={rule="beta_spending",spending={rule="kim_demets",rho=3},power=0.9}"#,
        ],
        "the futility rule is built for a power of 0.9, but the primary analysis has 0.",
    ),
    (
        &["sample_size={randomised=35}", "design.looks={equally_spaced=1}"],
        "35 patients give a power of at most 1",
    ),
    (
        &["missing.dropout=0.2"],
        "20 % dropout of 348 leaves 278 outcomes, 34 fewer than the 312 planned",
    ),
];

fn warnings(text: &str, set: &[&str]) -> Vec<String> {
    let set: Vec<String> = set.iter().map(|&set| set.to_owned()).collect();
    expected::warnings(&Scenario::parse(text, &set).expect("a valid scenario"))
}

#[test]
fn probable_slips_cause_a_warning() {
    for (set, says) in WARNED {
        let found = warnings(&angel_reboot(), set);
        assert!(found.iter().any(|warning| warning.contains(says)), "{set:?} says\n{found:?}");
    }
}

#[test]
fn shipped_scenarios_and_the_template_cause_no_warning() {
    for shipped in SCENARIOS {
        let scenario = Scenario::load(shipped.name.as_ref(), &[]).expect("a valid scenario");
        assert_eq!(expected::warnings(&scenario), Vec::<String>::new(), "{}", shipped.name);
    }
    assert_eq!(warnings(STARTING, &[]), Vec::<String>::new());
}

/// Without `analysed` the looks follow the outcomes that are expected.
#[test]
fn the_default_number_of_outcomes_never_causes_a_warning() {
    for dropout in [0.0, 0.05, 0.1, 0.35] {
        for randomised in [200, 333, 1000] {
            let set = [
                format!("missing.dropout={dropout}"),
                format!("sample_size={{randomised={randomised}}}"),
                "design.looks={equally_spaced=3}".to_owned(),
            ];
            let set: Vec<&str> = set.iter().map(String::as_str).collect();
            assert_eq!(warnings(&angel_reboot(), &set), Vec::<String>::new(), "{set:?}");
        }
    }
}

#[test]
fn run_and_check_print_the_same_warnings() {
    let set = ["angel-reboot", "--set", "outcome.experimental={common_odds_ratio=0.5}"];
    let run = output(rescuesim().arg("run").args(set).args(["--replicates", "20", "--quiet"]));
    let check = output(rescuesim().arg("check").args(set));
    for text in [run, check] {
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "#").collect();
        let text = words.join(" ");
        assert!(text.contains("Warning: the experimental arm is worse than control"), "{text}");
    }
}
