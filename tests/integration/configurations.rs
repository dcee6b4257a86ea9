//! Configurations: truths other than the alternative and its null twin, on the same random numbers.
//!
//! Seeds are fixed; with a fresh seed a comparison would fail by chance once in 370 (3 standard errors).

use rescuesim::expected::Expected;
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::Simulator;

use crate::util::{
    Results, angel_reboot, assert_within, directory, json, output, project, refused, rescuesim,
    rows, scenario_file, shipped_text, simulate,
};

const SCENARIO: &str = "scenarios/angel-reboot.toml";

/// A configuration with half the log odds ratio of a common odds ratio of 2.
const HALF: &str = r#"configurations=[{name="half",experimental={common_odds_ratio=1.41421356}}]"#;

/// Trials of some replicates by truth, without the name of the truth.
fn trials_by_truth(scenario: &Scenario, replicates: u64) -> Vec<Vec<String>> {
    let mut simulator = Simulator::new(scenario);
    let mut by_truth = vec![Vec::new(); scenario.truths().len()];
    for replicate in 0..replicates {
        for trial in simulator.run(Replicate(replicate)).trials {
            let truth = trial.truth.index();
            let same_truth = rescuesim::trial::TrialResult { truth: Truth::Null, ..trial };
            by_truth[truth].push(format!("{same_truth:?}"));
        }
    }
    by_truth
}

/// With dropout by outcome, with centres and drift, with adverse events, with non-adherence, with a prior.
#[test]
fn a_configuration_that_is_the_alternative_or_its_null_twin_has_the_same_trials() {
    let crossover = "adherence.control_crossover.probability=0.1";
    for (path, set) in [
        (SCENARIO, None),
        ("scenarios/angel-reboot-missing.toml", None),
        ("scenarios/angel-reboot-centres.toml", None),
        ("scenarios/angel-reboot-safety.toml", None),
        (SCENARIO, Some(crossover)),
        ("scenarios/premat-assurance.toml", None),
    ] {
        let file: toml::Table = shipped_text(path).parse().expect("valid TOML");
        let outcome = &file["outcome"];
        let experimental = &outcome["experimental"];
        let (control, rescale) = (
            &outcome["control"],
            outcome.get("rescale").is_some_and(|it| it.as_bool() == Some(true)),
        );
        let configurations = format!(
            r#"configurations=[{{name="same",experimental={experimental},rescale={rescale}}},{{name="none",experimental={{distribution={control}}},rescale={rescale}}}]"#
        );
        let set: Vec<&str> = [configurations.as_str()].into_iter().chain(set).collect();
        let scenario = scenario_file(path, &set);
        let [same, none] = ["same", "none"].map(|name| scenario.truth_named(name).expect("one"));
        let trials = trials_by_truth(&scenario, 20);
        assert_eq!(trials[same.index()], trials[Truth::Alternative.index()], "{path}");
        assert_ne!(trials[same.index()], trials[Truth::Null.index()], "{path}");
        // The stated rate of an adverse event in the experimental arm holds under every configuration.
        if scenario.safety.is_none() {
            assert_eq!(trials[none.index()], trials[Truth::Null.index()], "{path}");
        }
        let expected = Expected::new(&scenario);
        for analysis in &scenario.analyses {
            let of = |truth| expected.estimand(truth, analysis);
            assert_eq!(of(same), of(Truth::Alternative), "{path}");
            assert_eq!(of(none), of(Truth::Null), "{path}");
        }
    }
}

#[test]
fn configurations_change_no_other_truth() {
    let (with, without) = (simulate(&[HALF], 200), simulate(&[], 200));
    assert_eq!(with.truths.len(), 3);
    // As text, since an estimate without a value is NaN.
    assert_eq!(format!("{:?}", &with.truths[..2]), format!("{:?}", without.truths));
    let shipped = scenario_file(SCENARIO, &[]);
    assert_eq!(scenario_file(SCENARIO, &["configurations=[]"]).digest(), shipped.digest());
    assert_ne!(scenario_file(SCENARIO, &[HALF]).digest(), shipped.digest());
}

#[test]
fn power_under_a_configuration_is_that_of_its_closed_form() {
    let result = simulate(&[HALF], 20_000);
    let half = &result.truths[2];
    assert_eq!(half.truth, "half");
    for analysis in &half.analyses {
        let formula = analysis.normal_approximation.as_ref().expect("it has one").rejection;
        // The formula is an approximation, whose own error is small next to its distance from the others.
        assert_within(&analysis.name, analysis.rejection, formula - 0.01, formula + 0.01, 3.0);
        let power = result.analysis(Truth::Alternative, &analysis.name).rejection.value;
        assert!(analysis.rejection.value + 0.1 < power, "{}", analysis.name);
    }
    // The estimand is that of the configuration.
    let truth = half.analyses.iter().find(|of| of.name == "shift").expect("an analysis");
    let log_odds_ratio = truth.estimate.truth.expect("it has one");
    assert!((log_odds_ratio - 0.5 * libm::log(2.0)).abs() < 1e-8, "{log_odds_ratio}");
}

#[test]
fn every_output_names_the_configuration() {
    let directory = directory();
    let trials = directory.path().join("out");
    let trials_text = trials.to_str().expect("the path is text");
    let run = ["run", SCENARIO, "--replicates", "40", "--set", HALF];
    let table =
        output(rescuesim().args(run).args(["--full", "--out", trials_text, "--trials", "csv"]));
    assert!(table.contains("Under the configurations"), "{table}");
    let csv = std::fs::read_to_string(trials.join("trials.csv")).expect("it was written");
    let under_half = rows(&csv).into_iter().filter(|row| row["truth"] == "half").count();
    assert_eq!(under_half * 3, rows(&csv).len());
    let result = json(rescuesim().args(run));
    assert_eq!(result["truths"][2]["truth"], "half");
    let quantities = output(rescuesim().args(run).args(["--format", "csv"]));
    assert!(rows(&quantities).iter().any(|row| row["truth"] == "half"), "{quantities}");
    let checked = output(rescuesim().args(["check", SCENARIO, "--set", HALF]));
    assert!(
        checked.contains("# Configurations: P(rejecting H0), normal approximation"),
        "{checked}"
    );
    let trace = ["trace", SCENARIO, "--set", HALF, "--truth"];
    let traced = json(rescuesim().args(trace).arg("half"));
    assert_eq!(traced["trace"]["truth"], "half", "{traced}");
    let message = refused(rescuesim().args(trace).arg("whole"));
    assert!(
        message.contains("no configuration of that name; allowed: alternative, null, half"),
        "{message}"
    );
    let compared = json(
        rescuesim()
            .args(["compare", SCENARIO, SCENARIO, "--replicates", "40"])
            .args(["--set", HALF]),
    );
    assert!(compared.to_string().contains("shift.rejection under half"), "{compared}");
}

#[test]
fn a_resumed_run_with_configurations_gives_the_same_bytes() {
    let directory = directory();
    let checkpoint = directory.path().join("checkpoint");
    let run = |replicates: &str, more: &[&str]| {
        let mut command = rescuesim();
        command.args(["run", SCENARIO, "--format", "json", "--set", HALF]);
        output(command.args(["--replicates", replicates]).args(more))
    };
    let at_once = run("60", &[]);
    let path = checkpoint.to_str().expect("the path is text");
    run("30", &["--checkpoint", path]);
    let resumed = run("60", &["--checkpoint", path, "--resume"]);
    let [at_once, resumed]: [serde_json::Value; 2] =
        [at_once, resumed].map(|text| serde_json::from_str(&text).expect("valid JSON"));
    assert_eq!(at_once["truths"], resumed["truths"]);
}

#[test]
fn impossible_configurations_are_refused_with_their_place() {
    let directory = directory();
    let path = directory.path().join("scenario.toml");
    for (added, messages) in [
        (
            "[[configurations]]\nname = \"null\"\nexperimental = { common_odds_ratio = 1.2 }\n",
            vec![
                "`configurations[0].name` is \"null\", the name of another truth; allowed: any name but alternative, null, prior",
            ],
        ),
        (
            "[[configurations]]\nname = \"a\"\nexperimental = { common_odds_ratio = 1.2 }\n\
             [[configurations]]\nname = \"a\"\nexperimental = { risk_difference = { mrs = 2, value = 0.9 } }\n",
            vec![
                "`configurations[1].name` repeats",
                "`configurations[1].experimental.risk_difference` gives the experimental arm",
            ],
        ),
        (
            "[[configurations]]\nname = \"a\"\nexperimental = { distribution = [10, 20, 30, 10, 10, 10, 9] }\n",
            vec!["configurations[0].rescale = true"],
        ),
    ] {
        std::fs::write(&path, angel_reboot() + "\n" + added).expect("the folder is writable");
        let refusal = refused(rescuesim().arg("check").arg(&path));
        for message in messages {
            assert!(refusal.contains(message), "{refusal}");
        }
        assert!(refusal.contains("scenario.toml:"), "{refusal}");
    }
    let with_procedure = project("scenarios/early-vs-late.toml");
    let refusal = refused(rescuesim().arg("check").arg(with_procedure).args(["--set", HALF]));
    assert!(
        refusal.contains("`configurations[0].experimental` conflicts with [procedure]"),
        "{refusal}"
    );
}
