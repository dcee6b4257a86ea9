//! Effects stated at any cut, or within strata, compared with an independent calculation
//! (tests/reference/README.md).

use std::collections::BTreeMap;

use rescuesim::outcome::Mrs;
use rescuesim::scenario::Truth;

use crate::util::{refused, rescuesim, scenario_file};

/// Values by design and quantity; a list is per mRS or per stratum.
fn reference() -> BTreeMap<(String, String), Vec<f64>> {
    let text = include_str!("../reference/cuts.csv");
    let mut values = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        if matches!(&record[4], "ref" | "input") {
            let numbers = record[2].split(' ').filter_map(|number| number.parse().ok()).collect();
            values.insert((record[0].to_owned(), record[1].to_owned()), numbers);
        }
    }
    values
}

/// P(mRS ≤ j), j = 0 … 6, in both arms of ANGEL-REBOOT with overrides.
fn cumulative(set: &[&str]) -> [Vec<f64>; 2] {
    let scenario = scenario_file("scenarios/angel-reboot.toml", set);
    let marginal = scenario.marginal(Truth::Alternative).expect("there is no prior");
    marginal.map(|mrs| Mrs::all().map(|cut| mrs.at_most(cut)).collect())
}

#[test]
fn effects_at_a_cut_are_those_of_an_independent_calculation() {
    let values = reference();
    let mut compared = 0;
    for ((design, quantity), expected) in &values {
        let Some((stated, "experimental")) = quantity.rsplit_once(' ') else { continue };
        let Some((cut, effect)) = stated.strip_prefix("0-").and_then(|text| text.split_once(' '))
        else {
            continue;
        };
        let (how, value) = effect.split_once('=').expect("how=value");
        let key = match how {
            "p" => "probability_at_most",
            "diff" => "risk_difference",
            "rr" => "risk_ratio",
            // An odds ratio at a cut is the common odds ratio.
            _ => continue,
        };
        let control = &values[&(design.clone(), "control".to_owned())];
        let control = format!("outcome.control={control:?}");
        let effect =
            format!("outcome.experimental={{ {key} = {{ mrs = {cut}, value = {value} }} }}");
        let [_, experimental] = cumulative(&[&control, &effect]);
        let mut below = 0.0;
        for (level, (at_most, percent)) in experimental.iter().zip(expected).enumerate() {
            below += percent / 100.0;
            assert!((at_most - below).abs() < 1e-12, "{design} {quantity}, mRS {level}");
        }
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}

#[test]
fn conditional_odds_ratios_are_those_of_an_independent_calculation() {
    let values = reference();
    let mut compared = 0;
    for design in ["COND-A", "COND-H"] {
        let of = |quantity: &str| &values[&(design.to_owned(), quantity.to_owned())];
        let (shares, log_odds) = (of("shares"), of("logodds"));
        let levels: Vec<String> = (0..shares.len()).map(|level| format!("l{level}")).collect();
        let factor = format!(
            "factors=[{{ name = \"site\", levels = {levels:?}, shares = {shares:?}, log_odds = {log_odds:?} }}]"
        );
        let control = format!("outcome.control={:?}", of("control"));
        let odds_ratio = of("conditional_or")[0];
        let effect =
            format!("outcome.experimental={{ conditional_common_odds_ratio = {odds_ratio} }}");
        let method = "randomisation={ method = \"complete\" }";
        let [_, experimental] = cumulative(&[&factor, &control, &effect, method]);
        let mut below = 0.0;
        for (at_most, percent) in experimental.iter().zip(of("marginal experimental")) {
            below += percent / 100.0;
            assert!((at_most - below).abs() < 1e-11, "{design}: {at_most} {below}");
            compared += 1;
        }
    }
    assert_eq!(compared, 14);
}

/// The odds ratio of a worse outcome is the inverse of that of a better one.
#[test]
fn an_odds_ratio_of_worse_is_inverse() {
    let worse = cumulative(&["outcome.experimental={ common_odds_ratio_of_worse = 0.5 }"]);
    let better = cumulative(&["outcome.experimental={ common_odds_ratio = 2.0 }"]);
    assert_eq!(worse, better);
}

/// Functional independence is the share of patients with mRS 0–2.
#[test]
fn functional_independence_is_the_probability_of_at_most_two() {
    let by_name = cumulative(&["outcome.experimental={ functional_independence = 0.4 }"]);
    let by_cut =
        cumulative(&["outcome.experimental={ probability_at_most = { mrs = 2, value = 0.4 } }"]);
    assert_eq!(by_name, by_cut);
}

#[test]
fn a_control_arm_may_follow_a_published_shape() {
    let control = "outcome.control={ functional_independence = 0.27, shape = \"hermes-control\", mortality = 0.15 }";
    let [control, _] = cumulative(&[control]);
    assert!((control[2] - 0.27).abs() < 1e-12 && (control[5] - 0.85).abs() < 1e-12, "{control:?}");
}

/// 20.6 + 23.3 + … sum to 99.9, as published percentages may.
#[test]
fn rounded_percentages_are_rescaled_on_request() {
    let control = "outcome.control=[4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 19.5]";
    let text = refused(rescuesim().args(["check", "angel-reboot", "--set", control]));
    assert!(text.contains("set outcome.rescale = true"), "{text}");
    let [rescaled, _] = cumulative(&[control, "outcome.rescale=true"]);
    assert!((rescaled[0] - 4.7 / 99.5).abs() < 1e-12, "{rescaled:?}");
    let far = "outcome.control=[4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 18.9]";
    let text = refused(rescuesim().args([
        "check",
        "angel-reboot",
        "--set",
        far,
        "--set",
        "outcome.rescale=true",
    ]));
    assert!(text.contains("allowed: a sum of 99 to 101"), "{text}");
    let without = refused(rescuesim().args(["check", "angel-reboot", "--set", far]));
    assert!(!without.contains("rescale"), "{without}");
}

#[test]
fn effects_that_no_odds_ratio_gives_are_refused() {
    let cases = [
        (
            "outcome.experimental={ risk_difference = { mrs = 2, value = 0.8 } }",
            "P(mRS 0–2) = 1.0500",
        ),
        ("outcome.experimental={ risk_ratio = { mrs = 3, value = 3.0 } }", "P(mRS 0–3) = 1.2300"),
        ("outcome.experimental={ probability_at_most = { mrs = 6, value = 0.5 } }", "0 to 5"),
        ("outcome.experimental={ probability_at_most = { value = 0.5 } }", "mrs"),
        (
            "outcome.control={ functional_independence = 0.5, shape = \"hermes-control\", mortality = 0.6 }",
            "leaves -0.1000 for mRS 3–5",
        ),
        ("outcome.control={ functional_independence = 0.5, shape = \"hermes\" }", "hermes-control"),
    ];
    for (set, expected) in cases {
        let text = refused(rescuesim().args(["check", "angel-reboot", "--set", set]));
        assert!(text.contains(expected), "{set}: {text}");
    }
}
