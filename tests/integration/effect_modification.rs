//! Laws of effects that differ between the levels of a factor.
//!
//! Seeds are fixed; with a fresh seed a comparison would fail by chance once in 370 (3 standard errors).

use rescuesim::analysis::proportional_odds::assumption::cut_log_odds_ratios;
use rescuesim::expected::{Expected, LevelOutcomes};
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::Simulator;

use crate::util::{angel_reboot, directory, json, rescuesim, scenario, set_options, simulate};

const OPPOSITE: &str = r#"configurations=[{name="opposite",experimental={common_odds_ratio=1},effect_log_odds=[{factor="nihss",log_odds=[0.7,0.0]}]}]"#;

fn trials(scenario: &Scenario, truth: Truth, replicates: u64) -> Vec<String> {
    let mut simulator = Simulator::new(scenario);
    let mut found = Vec::new();
    for replicate in 0..replicates {
        let trials = simulator.run(Replicate(replicate)).trials;
        found.extend(trials.iter().filter(|it| it.truth == truth).map(|it| format!("{it:?}")));
    }
    found
}

fn levels(scenario: &Scenario, truth: Truth) -> Vec<LevelOutcomes> {
    Expected::new(scenario).outcomes_by_level(truth)
}

#[test]
fn no_modification_in_any_level_changes_no_byte() {
    let written = |set: &[&str]| {
        let mut command = rescuesim();
        command.args(["run", "scenarios/angel-reboot.toml", "--replicates", "40"]);
        command.args(set_options(set));
        // The scenario and the command that recreates it have the key.
        json(&mut command)["truths"].to_string()
    };
    let without = written(&[]);
    assert_eq!(written(&["factors[0].effect_log_odds=[0,0]"]), without);
    assert_ne!(written(&["factors[0].effect_log_odds=[0,0.5]"]), without);
}

fn arms(of: &Scenario) -> [rescuesim::outcome::MrsDistribution; 2] {
    *of.marginal(Truth::Alternative).expect("it is stated")
}

#[test]
fn the_same_modification_of_every_level_is_a_shifted_conditional_effect() {
    let moved = scenario(&[
        "factors[0].log_odds=[0,-1]",
        "factors[0].effect_log_odds=[0.3,0.3]",
        "outcome.experimental={conditional_common_odds_ratio=2.0}",
    ]);
    let odds_ratio = 2.0 * libm::exp(0.3);
    let shifted = scenario(&[
        "factors[0].log_odds=[0,-1]",
        &format!("outcome.experimental={{conditional_common_odds_ratio={odds_ratio}}}"),
    ]);
    let (moved, shifted) = (arms(&moved), arms(&shifted));
    for (moved, shifted) in moved.iter().zip(&shifted) {
        for (one, other) in moved.probabilities().iter().zip(shifted.probabilities()) {
            assert!((one - other).abs() < 1e-12, "{one} and not {other}");
        }
    }
    // The effect in all patients is as stated, whatever every level adds.
    let stated = scenario(&["factors[0].effect_log_odds=[0.3,0.3]"]);
    assert_eq!(stated.marginal(Truth::Alternative), scenario(&[]).marginal(Truth::Alternative));
}

/// With prognosis, and with effects that differ by two factors of four levels in all.
#[test]
fn levels_average_to_the_stated_arms_and_differ_by_the_stated_odds() {
    let scenario = scenario(&[
        "factors[0].log_odds=[0,-1]",
        "factors[0].effect_log_odds=[0,0.8]",
        "factors[2].effect_log_odds=[-0.3,0.4]",
        "outcome.experimental={conditional_common_odds_ratio=1.5}",
    ]);
    let found = levels(&scenario, Truth::Alternative);
    assert_eq!(found.len(), 4);
    let [control, experimental] = scenario.marginal(Truth::Alternative).expect("it is stated");
    for factor in ["nihss", "occlusion_site"] {
        let of_factor = || found.iter().filter(move |level| level.factor == factor);
        for mrs in 0..7 {
            let mean = |arm: &dyn Fn(&LevelOutcomes) -> f64| -> f64 {
                of_factor().map(|level| level.share * arm(level)).sum()
            };
            assert!((mean(&|it| it.control[mrs]) - control.probabilities()[mrs]).abs() < 1e-12);
            let mean = mean(&|it| it.experimental[mrs]);
            assert!((mean - experimental.probabilities()[mrs]).abs() < 1e-12);
        }
    }
    // Enumerated: within a stratum the odds ratio is 1.5 · exp(the sum of its levels) at every cut.
    let mut most: f64 = 0.0;
    for stratum in 0..scenario.population.strata() {
        let of = scenario.population.levels(stratum);
        let log = libm::log(1.5) + [0.0, 0.8][of[0]] + [-0.3, 0.4][of[2]];
        for (share, [control, experimental]) in scenario.treatments_in(Truth::Alternative, stratum)
        {
            assert_eq!(share, 1.0);
            let arms = [*control.probabilities(), *experimental.probabilities()];
            let logs = cut_log_odds_ratios(&arms);
            most = logs.iter().map(|it| (it - log).abs()).fold(most, f64::max);
        }
    }
    assert!(most < 1e-9, "{most}");
}

#[test]
fn a_null_twin_has_no_effect_in_any_level_and_the_trials_of_one_without_modification() {
    let modified = scenario(&["factors[0].effect_log_odds=[0,0.8]"]);
    for level in levels(&modified, Truth::Null) {
        assert_eq!(level.control, level.experimental);
    }
    assert_eq!(trials(&modified, Truth::Null, 20), trials(&scenario(&[]), Truth::Null, 20));
    // At a margin every level has the margin.
    let margin = r#"hypothesis={type="non_inferiority",margin={common_odds_ratio=0.8}}"#;
    let wald = r#"analyses=[{name="shift",method="proportional_odds"}]"#;
    let at_margin = scenario(&[wald, "factors[0].effect_log_odds=[0,0.8]", margin]);
    let found = levels(&at_margin, Truth::Null);
    assert_eq!(found.len(), 2);
    for level in found {
        let ratio = level.common_odds_ratio.expect("it is finite");
        assert!((ratio - 0.8).abs() < 1e-6, "{ratio}");
    }
}

#[test]
fn opposite_effects_may_have_no_effect_overall() {
    let scenario = scenario(&[OPPOSITE]);
    let opposite = scenario.truth_named("opposite").expect("it is configured");
    let [control, experimental] = scenario.marginal(opposite).expect("it is stated");
    let mut same = control.probabilities().iter().zip(experimental.probabilities());
    assert!(same.all(|(c, e)| (c - e).abs() < 1e-14));
    let found = levels(&scenario, opposite);
    let ratios: Vec<f64> =
        found.iter().map(|level| level.common_odds_ratio.expect("it is finite")).collect();
    assert!(ratios[0] > 1.3 && ratios[1] < 0.75, "{ratios:?}");
    assert!(
        levels(&scenario, Truth::Alternative).iter().all(|it| it.common_odds_ratio > Some(1.9))
    );
}

/// The rate of rejection stays α; the interaction is found as often as the formula says, in trials that
/// do not stop early.
#[test]
fn interactions_are_found_as_often_as_the_formula_says() {
    let set = ["design.looks={equally_spaced=1}", "design.efficacy={rule=\"none\"}", OPPOSITE];
    let found = simulate(&set, 4000);
    for (truth, low, high) in [("null", 0.035, 0.065), ("opposite", 0.2, 0.5)] {
        let of = found.truths.iter().find(|it| it.truth == truth).expect("it is simulated");
        let subgroup = &of.description.as_ref().expect("it is described").subgroups[0];
        assert_eq!(subgroup.factor, "nihss");
        let formula = subgroup.interaction_by_formula.expect("it has one");
        assert!(formula > low && formula < high, "{truth}: {formula}");
        let (value, mcse) = (subgroup.interaction.value, subgroup.interaction.mcse);
        // The likelihood-ratio test is slightly liberal in 312 patients.
        assert!((value - formula).abs() < 3.0 * mcse + 0.004, "{truth}: {value} {formula}");
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_results() {
    let run = |threads: &str| {
        let mut command = rescuesim();
        command.args(["run", "scenarios/angel-reboot.toml", "--replicates", "300"]);
        command.args(set_options(&["factors[0].effect_log_odds=[0,0.8]", OPPOSITE]));
        json(command.args(["--threads", threads]))["truths"].to_string()
    };
    assert_eq!(run("1"), run("7"));
}

#[test]
fn bad_modifications_are_refused_with_their_key() {
    let directory = directory();
    let scenario = directory.path().join("scenario.toml");
    std::fs::write(&scenario, angel_reboot()).expect("the folder can be written");
    let procedure = "scenarios/angel-reboot-mechanistic.toml";
    let path = scenario.to_str().expect("UTF-8");
    let configured = |effects: &str| {
        format!(
            r#"configurations=[{{name="c",experimental={{common_odds_ratio=1}},effect_log_odds={effects}}}]"#
        )
    };
    for (file, set, says) in [
        (path, "factors[0].effect_log_odds=[0]".into(), "`factors[0].effect_log_odds` has 1"),
        (path, "factors[0].effect_log_odds=[0,99]".into(), "factors[0].effect_log_odds[1]"),
        (
            procedure,
            "factors[0].effect_log_odds=[0,1]".into(),
            "`factors[0].effect_log_odds` conflicts with [procedure]",
        ),
        (
            path,
            configured(r#"[{factor="site",log_odds=[0,1]}]"#),
            "`configurations[0].effect_log_odds[0].factor`",
        ),
        (
            path,
            configured(r#"[{factor="nihss",log_odds=[0,1,2]}]"#),
            "`configurations[0].effect_log_odds[0].log_odds` has 3",
        ),
        (
            path,
            configured(r#"[{factor="nihss",log_odds=[0,1]},{factor="nihss",log_odds=[0,1]}]"#),
            "`configurations[0].effect_log_odds[1].factor`",
        ),
    ] {
        let output = rescuesim().args(["check", file, "--set", &set]).output().expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{set}: {message}");
        assert!(message.contains(says), "{set}: {message}");
    }
}
