//! Efficacy with the other stops disregarded: non-binding futility, harm, adverse events.
//! Seeds are fixed; with a fresh seed a comparison within 4 Monte Carlo standard errors would fail by
//! chance once in 16 000.

use rescuesim::rng::Replicate;
use rescuesim::scenario::Truth::{Alternative, Null};
use rescuesim::trial::{Conclusion, Simulator, TrialResult};
use serde_json::Value;

use crate::util::{Results, assert_within, output, rescuesim, scenario, set_options, simulate};

const FUTILITY: &str =
    r#"design.futility={rule="beta_spending",spending={rule="kim_demets",rho=2.0},power=0.8}"#;
const HARM: &str =
    r#"design.harm={rule="spending",spending={rule="lan_demets_pocock"},alpha_one_sided=0.1}"#;
const BINDING: &str = "design.binding_futility=true";
const SAFETY: &str = r#"safety={endpoints=[{name="sICH",event="stated",control=0.05,experimental=0.15,log_odds_per_mrs=0.5,stopping={spending={rule="lan_demets_pocock"},alpha_one_sided=0.05}}]}"#;
const CONDITIONAL: &str = r#"design.futility={rule="conditional_power",at_most=0.3,under="trend"}"#;

fn trials(set: &[&str], replicates: u64) -> Vec<TrialResult> {
    let scenario = scenario(set);
    let mut simulator = Simulator::new(&scenario);
    (0..replicates).flat_map(|r| simulator.run(Replicate(r)).trials.clone()).collect()
}

/// Trial by trial: a rule that the efficacy boundaries do not rely on leaves them unchanged, so the
/// trials are those of the design without the rule. Heeding it can only lose efficacy.
#[test]
fn disregarded_stops_leave_the_trials_of_the_design_without_them() {
    let cases: [(&[&str], &[&str]); 6] = [
        (&[FUTILITY], &[]),
        (&[CONDITIONAL], &[]),
        (&[HARM], &[]),
        (&[SAFETY], &[]),
        (&[FUTILITY, HARM, SAFETY, "missing.dropout=0.05"], &["missing.dropout=0.05"]),
        (&[FUTILITY, BINDING, HARM, SAFETY], &[FUTILITY, BINDING]),
    ];
    for (with, without) in cases {
        let (mut stopped, mut lost) = (0, 0);
        for (trial, plain) in trials(with, 300).iter().zip(trials(without, 300)) {
            let shown = plain.conclusion == Conclusion::Efficacy;
            assert_eq!(trial.efficacy_stops_disregarded, shown, "{with:?}: {trial:?}");
            let heeded = trial.conclusion == Conclusion::Efficacy;
            assert!(shown || !heeded, "{with:?}: {trial:?}");
            stopped += u32::from(trial.conclusion != plain.conclusion);
            lost += u32::from(shown && !heeded);
        }
        assert!(stopped > 10, "{with:?}: {stopped} stops are heeded");
        if with.contains(&SAFETY) || with.contains(&CONDITIONAL) {
            assert!(lost > 0, "{with:?}: no stop costs efficacy");
        }
    }
}

/// The final look may be the only one left, and the efficacy boundaries of a symmetric test rely on
/// their mirror image.
#[test]
fn heeding_stops_never_adds_efficacy() {
    let symmetric = r#"design.harm={rule="symmetric"}"#;
    let sets: [&[&str]; 3] = [
        &[symmetric, "outcome.experimental={common_odds_ratio=0.5}"],
        &[symmetric, SAFETY, "missing.dropout=0.6"],
        &[BINDING, FUTILITY, HARM, "missing.dropout=0.6"],
    ];
    for set in sets {
        for trial in trials(set, 300) {
            let heeded = trial.conclusion == Conclusion::Efficacy;
            assert!(trial.efficacy_stops_disregarded || !heeded, "{set:?}: {trial:?}");
        }
    }
}

/// With the stops disregarded, the boundaries spend the design's one-sided 0.025; with them heeded, the
/// recursion gives the smaller type I error. 0.0005 allows for the normal approximation to the score
/// (without such stops its type I error is 0.02533 ± 0.00050 in 100 000 trials).
#[test]
fn type_i_error_is_alpha_when_the_stops_are_disregarded() {
    let shift = r#"analyses=[{name="shift",method="proportional_odds"}]"#;
    let result = simulate(&[FUTILITY, HARM, shift], 40_000);
    let null = result.first_analysis(Null);
    let disregarded = null.rejection_stops_disregarded.expect("there is futility");
    assert_within("disregarded", disregarded, 0.025, 0.0255, 4.0);
    let formula = null.normal_approximation.as_ref().expect("one common odds ratio").rejection;
    assert!(formula < 0.0235, "{formula}");
    assert_within("heeded", null.rejection, formula, formula + 0.0005, 4.0);
    let effect = result.first_analysis(Alternative);
    let disregarded = effect.rejection_stops_disregarded.expect("there is futility");
    assert!(disregarded.value > effect.rejection.value);
}

fn run(set: &[&str], format: &str) -> String {
    let run =
        ["run", "angel-reboot", "--replicates", "200", "--format", format, "--quiet", "--full"];
    output(rescuesim().args(run).args(set_options(set)))
}

#[test]
fn the_table_is_shown_only_for_designs_with_a_stop_to_disregard() {
    let path = "/truths/1/analyses/0/rejection_stops_disregarded/value";
    for (set, is_shown) in [
        (&[][..], false),
        (&[FUTILITY], true),
        (&[HARM], true),
        (&[SAFETY], true),
        (&[FUTILITY, BINDING], false),
        (&[FUTILITY, BINDING, HARM], true),
        (&[HARM, "design.harm_looks=[]"], false),
    ] {
        let json: Value = serde_json::from_str(&run(set, "json")).expect("valid JSON");
        assert_eq!(json.pointer(path).is_some(), is_shown, "{set:?}");
        let csv = run(set, "csv");
        let row = "null,shift,,rejection_stops_disregarded,";
        assert_eq!(csv.lines().any(|line| line.starts_with(row)), is_shown, "{set:?}");
        let table = run(set, "table");
        assert_eq!(table.contains("disregarded"), is_shown, "{set:?}");
        let row = "shift, one-sided type I error";
        assert_eq!(table.lines().any(|line| line.starts_with(row)), is_shown, "{table}");
    }
}
