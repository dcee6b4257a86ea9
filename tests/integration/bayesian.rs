//! Bayesian decisions from the scenario to the result.
//!
//! Seeds are fixed; with a fresh seed each comparison within 3 standard errors would fail by chance once
//! in 370 times.

use std::path::Path;

use rescuesim::bayes::{BetaBinomial, FutilityBelow, ProportionRules};
use rescuesim::design::exact::ExactDesign;
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::num::beta::Beta;
use rescuesim::num::normal::upper_tail;
use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::trial::Simulator;

use crate::util::{
    Results, angel_reboot, assert_within, directory, json, number, output, project, refused,
    rescuesim, simulate_scenario,
};

const REPLICATES: u64 = 40_000;

/// ANGEL-REBOOT with other looks and decisions, and one analysis.
fn text(design: &str, analysis: &str) -> String {
    let text = angel_reboot();
    let (before, after) = text.split_once("[design]").expect("the design has a table");
    let (_, run) = after.split_once("[run]").expect("the run has a table");
    format!("{before}[design]\n{design}\n\n[[analyses]]\n{analysis}\n\n[run]{run}")
}

fn scenario(design: &str, analysis: &str, set: &[&str]) -> Scenario {
    let set: Vec<String> = set.iter().map(|set| (*set).to_owned()).collect();
    Scenario::parse(&text(design, analysis), &set).expect("a valid scenario")
}

const PROPORTIONS: &str = "method = \"two_proportions\"";

/// Blocks, quick accrual, exact follow-up and no losses: 52, 104 and 156 outcomes per arm, and every patient is randomised
/// before the first look.
const BALANCED: [&str; 6] = [
    "follow_up.window_days=0",
    "sample_size.randomised=312",
    "sample_size.analysed=312",
    "missing.dropout=0",
    "accrual.per_month=1e6",
    r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
];

/// Returns the exact design of the looks of BC-1 with one threshold for all.
fn exact_design(threshold: f64) -> ExactDesign {
    let uniform = Beta { a: 1.0, b: 1.0 };
    let model = BetaBinomial { control: uniform, experimental: uniform, difference: 0.0 };
    let futility = Some(FutilityBelow::Predictive(0.05));
    let rules = ProportionRules { model, success: vec![threshold; 3], futility };
    let sizes = [52, 104, 156].map(|n| ArmSizes { control: n, experimental: n });
    ExactDesign::of_regions(rules.regions(&sizes)).expect("sizes that grow")
}

/// Returns the exact type I error at the rate of the control arm.
fn exact_type_one_error(threshold: f64) -> f64 {
    exact_design(threshold).probabilities([0.25, 0.25]).rejection
}

/// The looks of BC-1 in tests/reference/bayes.csv.
const BAYESIAN: &str = "decisions = \"bayesian\"
looks = { analysed = [104, 208, 312] }
[design.bayesian]
success = { posterior_at_least = 0.99 }
futility = { predictive_below = 0.05 }";

#[test]
fn simulated_decisions_are_those_of_the_exact_recursion() {
    let simulated = simulate_scenario(&scenario(BAYESIAN, PROPORTIONS, &BALANCED), REPLICATES);
    let exact = exact_design(0.99);
    for (truth, rates) in [(Truth::Alternative, [0.25, 0.4]), (Truth::Null, [0.25, 0.25])] {
        let expected = exact.probabilities(rates);
        let analysis = simulated.analysis(truth, "two_proportions");
        assert_within("success", analysis.rejection, expected.rejection, expected.rejection, 3.0);
        for (k, look) in analysis.looks.iter().enumerate() {
            assert_within("look", look.efficacy, expected.upper[k], expected.upper[k], 3.0);
            assert_within("look", look.futility, expected.lower[k], expected.lower[k], 3.0);
        }
        let mean = analysis.n_analysed.mean;
        assert_within("outcomes", mean, expected.expected_total, expected.expected_total, 3.0);
    }
}

/// With a flat prior the posterior probability is Φ(Z), so that equal thresholds are Pocock's bounds.
#[test]
fn vague_prior_decides_every_trial_as_the_z_test() {
    const WALD: &str = "method = \"proportional_odds\"\ntest = \"wald\"";
    let pocock = "alpha_one_sided = 0.025\nlooks = { analysed = [104, 208, 312] }\n\
                  efficacy = { rule = \"pocock\" }";
    let by_z = scenario(pocock, WALD, &BALANCED);
    let least = 1.0 - upper_tail(by_z.design.looks()[0].efficacy);
    let bayesian = format!(
        "decisions = \"bayesian\"\nlooks = {{ analysed = [104, 208, 312] }}\n\
         bayesian = {{ success = {{ posterior_at_least = {least:?} }} }}"
    );
    let by_probability = scenario(&bayesian, WALD, &BALANCED);
    for (look, other) in by_z.design.looks().iter().zip(by_probability.design.looks()) {
        assert!((look.efficacy - other.efficacy).abs() < 1e-6, "{look:?} {other:?}");
    }
    let (mut one, mut other) = (Simulator::new(&by_z), Simulator::new(&by_probability));
    let mut early = 0;
    for r in 0..300 {
        let (one, other) = (one.run(Replicate(r)), other.run(Replicate(r)));
        for (one, other) in one.trials.iter().zip(&other.trials) {
            assert_eq!((one.conclusion, one.look), (other.conclusion, other.look), "{r}");
            early += usize::from(one.look < 3);
        }
    }
    assert!(early > 50, "{early}");
}

/// A sceptical prior with heavy tails, utilities, and several models in one trial.
#[test]
fn all_models_decide_trials() {
    let design = "decisions = \"bayesian\"\nlooks = { analysed = [104, 208, 312] }\n\
        [design.bayesian]\nsuccess = { posterior_at_least = [0.995, 0.99, 0.975] }\n\
        futility = { posterior_below = 0.3 }\nharm = { posterior_at_least = 0.95 }\n\
        prior = { components = [\
            { weight = 0.7, log_odds_ratio = { mean = 0.0, sd = 0.35 } },\
            { weight = 0.3, log_odds_ratio = { mean = 0.3, sd = 0.5, degrees_of_freedom = 4 } }] }";
    let analyses = "name = \"shift\"\nmethod = \"proportional_odds\"\n[[analyses]]\n\
        name = \"utility\"\nmethod = \"utility_weighted\"\n\
        utilities = [10, 9.1, 7.6, 6.5, 3.3, 0, 0]\n[[analyses]]\nmethod = \"two_proportions\"";
    let result = simulate_scenario(&scenario(design, analyses, &[]), 4000);
    for name in ["shift", "utility", "two_proportions"] {
        let power = result.analysis(Truth::Alternative, name).rejection.value;
        let error = result.analysis(Truth::Null, name).rejection.value;
        assert!((0.6..0.99).contains(&power) && (0.001..0.06).contains(&error), "{power} {error}");
        let harm: f64 =
            result.analysis(Truth::Null, name).looks.iter().map(|look| look.harm.value).sum();
        assert!((0.01..0.15).contains(&harm), "{name} {harm}");
    }
}

#[test]
fn results_and_looks_state_rules_and_probabilities() {
    let folder = directory();
    let path = folder.path().join("bayes.toml");
    std::fs::write(&path, text(BAYESIAN, PROPORTIONS)).expect("a writable folder");
    let shown = output(rescuesim().arg("run").arg(&path).args(["--replicates", "200", "--full"]));
    assert!(shown.contains("P(effect > 0 | data) is at least"), "{shown}");
    assert!(shown.contains("Bayesian decisions"), "{shown}");
    let checked = output(rescuesim().arg("check").arg(&path));
    assert!(checked.contains("beta-binomial,"), "{checked}");
    // The default is written out, and the text read again is the same scenario.
    assert!(checked.contains("prior_control = [1.0, 1.0]"), "{checked}");
    let again = Scenario::parse(&checked, &[]).expect("`check` prints a scenario");
    assert_eq!(again.to_text(), scenario(BAYESIAN, PROPORTIONS, &[]).to_text());
    // Under a sceptical prior, some successes are of no benefit.
    let sceptical = "prior={components=[{log_odds_ratio={mean=0.0,sd=0.354}}]}";
    let shown = output(rescuesim().arg("run").arg(&path).args([
        "--replicates",
        "200",
        "--full",
        "--set",
        sceptical,
    ]));
    assert!(shown.contains("P(no benefit | success) of \"two_proportions\""), "{shown}");
    let traced = output(rescuesim().arg("trace").arg(&path));
    // A sentence may continue on the next line.
    let traced = traced.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(traced.contains("The posterior probability of the effect is"), "{traced}");
    // BA-1 in tests/reference/bayes.csv has a final threshold of 0.975; this one is 0.99.
    let look = json(rescuesim().arg("monitor").arg(&path).args([
        "--look",
        "1",
        "--control",
        "13/52",
        "--experimental",
        "21/52",
        "--set",
        "design.bayesian.success.posterior_at_least=0.975",
    ]));
    assert!((number(&look["posterior"]["posterior"]) - 0.951099149294092).abs() < 1e-12);
    assert!((number(&look["posterior"]["predictive"]) - 0.736403596969464).abs() < 1e-12);
    assert_eq!(look["decision"], "continue");
}

#[test]
fn solve_calibrates_a_threshold_to_a_type_i_error() {
    let folder = directory();
    let path = folder.path().join("bayes.toml");
    std::fs::write(&path, text(BAYESIAN, PROPORTIONS)).expect("a writable folder");
    let key = "design.bayesian.success.posterior_at_least";
    let mut command = rescuesim();
    command.arg("solve").arg(&path).args(["--vary", key, "--reach", "type-i-error=0.05"]);
    command.args(["--within", "0.9..0.999", "--replicates", "4000"]);
    for set in BALANCED {
        command.args(["--set", set]);
    }
    let solution = json(&mut command);
    let solved = &solution["solved"];
    // The exact errors at the ends of the interval, of 95 % confidence, enclose the one wanted.
    let [low, high] = [0, 1].map(|end| exact_type_one_error(number(&solved["interval"][end])));
    assert!(high < 0.05 && 0.05 < low, "{low} {high} {solution}");
    // The answer keeps the error.
    assert!(exact_type_one_error(number(&solved["answer"])) < 0.05, "{solution}");
}

/// The exact recursion of `design` is that of the decisions, not of the boundaries of Z that they amount to.
#[test]
fn design_has_the_exact_error_rates_of_the_decisions() {
    let folder = directory();
    let path = folder.path().join("bayes.toml");
    std::fs::write(&path, text(BAYESIAN, PROPORTIONS)).expect("a writable folder");
    let mut command = rescuesim();
    command.arg("design").arg(&path);
    for set in BALANCED {
        command.args(["--set", set]);
    }
    let design = json(&mut command);
    let exact = &design["exact"];
    let expected = exact_design(0.99).probabilities([0.25, 0.4]);
    assert!((number(&exact["alternative"]["rejection"]) - expected.rejection).abs() < 1e-14);
    assert!((number(&exact["null"]["rejection"]) - exact_type_one_error(0.99)).abs() < 1e-14);
    // BC-1 in tests/reference/bayes.csv: the largest one on a grid of common rates, at 0.5.
    let maximum = number(&exact["maximum_type_one_error"]);
    assert!((maximum - 0.0243030459527761).abs() < 1e-12, "{maximum}");
}

/// The result of 3000 replicates on a number of threads.
fn on_threads(scenario: &Path, threads: &str) -> String {
    let mut command = rescuesim();
    command.arg("run").arg(scenario).args(["--replicates", "3000", "--format", "json"]);
    output(command.args(["--threads", threads]))
}

/// Number of threads must not enter a result, whatever tables of counts each thread has seen before.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let one = on_threads("tesla-like".as_ref(), "1");
    assert!(one.contains("decisions"), "{one}");
    assert_eq!(one, on_threads("tesla-like".as_ref(), "7"));
    let folder = directory();
    let path = folder.path().join("bayes.toml");
    std::fs::write(&path, text(BAYESIAN, PROPORTIONS)).expect("a writable folder");
    assert_eq!(on_threads(&path, "1"), on_threads(&path, "7"));
}

/// Tables seen before and bounds of estimates differ between shards, and after a resumed run they are empty.
#[test]
fn shards_merged_and_resumed_runs_give_the_bytes_of_one_run() {
    let sceptical = "prior = { components = [{ log_odds_ratio = { mean = 0.0, sd = 0.4, \
                     degrees_of_freedom = 4 } }] }";
    let designs = [
        text(BAYESIAN, PROPORTIONS),
        text(&format!("{BAYESIAN}\n{sceptical}"), "method = \"proportional_odds\""),
        text(BAYESIAN, UTILITIES),
        longitudinal("longitudinal = { early_known_after_days = 7 }", PREDICTIVE, PROPORTIONS),
    ];
    for (position, design) in designs.iter().enumerate() {
        let folder = directory();
        let path = folder.path().join("bayes.toml");
        std::fs::write(&path, design).expect("a writable folder");
        let run = |replicates: &str| {
            let mut command = rescuesim();
            command.arg("run").arg(&path).args(["--replicates", replicates]);
            command
        };
        let whole = output(run("600").args(["--format", "json"]));
        let shards = [1, 2, 3].map(|shard| {
            let file = folder.path().join(format!("{shard}.json"));
            output(run("600").args(["--shard", &format!("{shard}/3"), "--checkpoint"]).arg(&file));
            file
        });
        let merged = output(rescuesim().args(["merge", "--format", "json"]).args(&shards));
        assert!(merged == whole, "design {position}, merged");
        // A finished run of fewer replicates, extended.
        let checkpoint = folder.path().join("checkpoint.json");
        output(run("250").args(["--format", "json", "--checkpoint"]).arg(&checkpoint));
        let resumed = output(
            run("600").args(["--format", "json", "--resume", "--checkpoint"]).arg(&checkpoint),
        );
        assert!(resumed == whole, "design {position}, resumed");
    }
}

/// Keys below [design], and parts of the expected message.
const BROKEN: [(&str, &str); 15] = [
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }",
        "`design.bayesian` is missing; expected: the rules",
    ),
    (
        "alpha_one_sided = 0.025\nlooks = { equally_spaced = 2 }\nefficacy = { rule = \"pocock\" }\nbayesian = { success = { posterior_at_least = 0.9 } }",
        "`design.bayesian` has no effect; allowed with design.decisions = \"bayesian\"",
    ),
    ("alpha_one_sided = 0.025\nlooks = { equally_spaced = 2 }", "`design.efficacy` is missing"),
    (
        "decisions = \"bayesian\"\nalpha_one_sided = 0.025\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 } }",
        "`design.alpha_one_sided` is for boundaries of Z",
    ),
    (
        "decisions = \"bayesian\"\nefficacy = { rule = \"pocock\" }\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 } }",
        "`design.efficacy` is for boundaries of Z",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 1.2 } }",
        "`design.bayesian.success.posterior_at_least` is 1.2",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = [0.9, 0.9, 0.9] } }",
        "has 3 values; allowed: 2 (one per look)",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 }, futility = { posterior_below = 0.95 } }",
        "`design.bayesian.futility.posterior_below` is 0.95; allowed: below the least probability for success (0.9)",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9, predictive_at_least = 0.8 }, futility = { predictive_below = 0.9 } }",
        "allowed: below success.predictive_at_least (0.8)",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 1 }\nbayesian = { success = { posterior_at_least = 0.9 }, futility = { predictive_below = 0.05 } }",
        "`design.bayesian.futility` is given for one look",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 }, harm = { posterior_at_least = 0.9, effect_below = 0.1 } }",
        "`design.bayesian.harm.effect_below` is 0.1; allowed: at most success.effect_above (0)",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 }, prior_per_level = 1.0 }",
        "`design.bayesian.prior_per_level` has no effect: no analysis has the Dirichlet model",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 }, prior_control = [0.0, 1.0] }",
        "`design.bayesian.prior_control[0]` is 0",
    ),
    (
        "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.3 } }",
        "`design.bayesian.success` amounts to a one-sided type I error of",
    ),
    (
        "decisions = \"bayes\"\nlooks = { equally_spaced = 2 }\nbayesian = { success = { posterior_at_least = 0.9 } }",
        "`design.decisions` is \"bayes\"",
    ),
];

#[test]
fn broken_rules_are_reported_with_their_key() {
    let by_probability = "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\n\
                          bayesian = { success = { posterior_at_least = 0.9 } }";
    let margin = "hypothesis={type=\"non_inferiority\",margin={risk_difference=-0.05}}";
    let error = Scenario::parse(&text(by_probability, PROPORTIONS), &[margin.to_owned()]);
    let summary = error.expect_err("two rules").summary();
    assert!(
        summary.contains("`hypothesis` has a margin for Z, and design.decisions = \"bayesian\""),
        "{summary}"
    );
    let two =
        format!("{PROPORTIONS}\n[[analyses]]\nname = \"shift\"\nmethod = \"proportional_odds\"");
    let together = "success={rule=\"co_primary\",analyses=[\"two_proportions\",\"shift\"]}";
    let error = Scenario::parse(&text(by_probability, &two), &[together.to_owned()]);
    let summary = error.expect_err("two rules").summary();
    assert!(summary.contains("`success` lets analyses decide together by boundaries"), "{summary}");
    for (design, expected) in BROKEN {
        let error = Scenario::parse(&text(design, PROPORTIONS), &[]).expect_err(design);
        let summary = error.summary();
        assert!(summary.contains(expected), "{design}\n{summary}");
    }
    let design = "decisions = \"bayesian\"\nlooks = { equally_spaced = 2 }\n\
                  bayesian = { success = { posterior_at_least = 0.9 } }";
    for analysis in
        ["method = \"wilcoxon\"", "method = \"two_proportions\"\neffect = \"log_risk_ratio\""]
    {
        let error = Scenario::parse(&text(design, analysis), &[]).expect_err(analysis);
        assert!(
            error.summary().contains("`analyses[0].method` has no Bayesian model"),
            "{analysis}"
        );
    }
    let imputed = format!("{PROPORTIONS}\nmissing = {{ rule = \"worst\" }}");
    assert!(Scenario::parse(&text(design, &imputed), &[]).is_err());
}

/// ANGEL-REBOOT with an early mRS, and looks that predict the patients in the pipeline from it; `after` in
/// days.
fn longitudinal(after: &str, futility: &str, analysis: &str) -> String {
    let text = std::fs::read_to_string(project("scenarios/angel-reboot-missing.toml"))
        .expect("it is shipped");
    let (before, after_design) = text.split_once("[design]").expect("the design has a table");
    let (_, run) = after_design.split_once("[run]").expect("the run has a table");
    format!(
        "{before}[design]\ndecisions = \"bayesian\"\nlooks = {{ analysed = [104, 208, 312] }}\n\
         [design.bayesian]\nsuccess = {{ posterior_at_least = 0.99 }}\n{futility}\n{after}\n\n\
         [[analyses]]\n{analysis}\n\n[run]{run}"
    )
}

const PREDICTIVE: &str = "futility = { predictive_below = 0.2 }";
const UTILITIES: &str = "method = \"utility_weighted\"\nutilities = [10, 9.1, 7.6, 6.5, 3.3, 0, 0]";

/// Conclusions and looks of trials of a scenario.
fn ends(text: &str, set: &[String]) -> Vec<String> {
    let scenario = Scenario::parse(text, set).expect("valid");
    let mut simulator = Simulator::new(&scenario);
    let trials = (0..400).flat_map(|r| simulator.run(Replicate(r)).trials);
    trials.map(|trial| format!("{:?} {}", trial.conclusion, trial.look)).collect()
}

#[test]
fn early_mrs_changes_decisions_only_where_it_is_known() {
    for analysis in [PROPORTIONS, UTILITIES] {
        let of = |after: &str| {
            // Without a window no pending patient has reached day 90.
            ends(&longitudinal(after, PREDICTIVE, analysis), &["follow_up.window_days=0".into()])
        };
        let without = of("");
        assert_eq!(without, of("longitudinal = { early_known_after_days = 90 }"), "{analysis}");
        let with = of("longitudinal = { early_known_after_days = 7 }");
        let differing = without.iter().zip(&with).filter(|(one, other)| one != other).count();
        assert!((5..200).contains(&differing), "{analysis}: {differing}");
    }
}

/// The look of an example trial and the same patients as a file have the same predictive probability.
#[test]
fn monitor_predicts_from_the_early_mrs_as_a_trial_does() {
    let folder = directory();
    let path = folder.path().join("early.toml");
    let after = "longitudinal = { early_known_after_days = 7 }";
    std::fs::write(&path, longitudinal(after, PREDICTIVE, PROPORTIONS)).expect("a folder");
    // Equal arms and no dropout, so that the trial expects the outcomes that are planned.
    let set = [
        "missing.dropout=0",
        "sample_size.analysed=348",
        "design.looks.analysed=[116, 232, 348]",
        r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
    ];
    let command = |name: &str| {
        let mut command = rescuesim();
        command.arg(name).arg(&path);
        for set in set {
            command.args(["--set", set]);
        }
        command
    };
    let trace = json(command("trace").args(["--replicate", "3"]))["trace"].clone();
    let rows = output(command("trace").args(["--replicate", "3", "--format", "csv"]));
    let patients = folder.path().join("patients.csv");
    std::fs::write(&patients, rows).expect("a folder");
    let look = &trace["looks"][0];
    let mut monitor = command("monitor");
    monitor.args(["--look", "1", "--patients"]).arg(&patients);
    monitor.args(["--cutoff-day", &look["day"].to_string()]);
    let observed = json(&mut monitor);
    let predictive = number(&look["probabilities"]["predictive"]);
    assert!((number(&observed["posterior"]["predictive"]) - predictive).abs() < 1e-12, "{look}");
    // Counts say nothing about the early mRS.
    let counts = ["--look", "1", "--control", "13/52", "--experimental", "21/52"];
    let message = refused(command("monitor").args(counts));
    assert!(message.contains("uses the early mRS of patients in the pipeline"), "{message}");
}

/// Exact posterior probabilities of a few patients' mean utilities would take seconds each.
#[test]
fn a_first_look_with_hardly_any_utilities_is_refused() {
    let set = ["design.bayesian.prior_per_level=0.01", "design.looks={analysed=[12,291]}"];
    let set = set.iter().flat_map(|set| ["--set", set]);
    let rules = ["--set", "design.bayesian={success={posterior_at_least=0.975}}"];
    let message = refused(rescuesim().args(["check", "tesla-like"]).args(rules).args(set));
    assert!(message.contains("`design.looks` has 6 outcomes in an arm"), "{message}");
    assert!(message.contains("weigh 6.07; allowed: 10 or more"), "{message}");
}

#[test]
fn impossible_longitudinal_models_are_refused() {
    let after = "longitudinal = { early_known_after_days = 7 }";
    let refusal = |text: &str| {
        let rejection = Scenario::parse(text, &[]).expect_err("it is not valid");
        rejection.to_string()
    };
    let normal = "method = \"proportional_odds\"";
    let message = refusal(&longitudinal(after, PREDICTIVE, normal));
    assert!(message.contains("has the normal model of an estimate"), "{message}");
    let message = refusal(&longitudinal(after, "", PROPORTIONS));
    assert!(message.contains("has no effect: no rule is predictive"), "{message}");
    let late = "longitudinal = { early_known_after_days = 77 }";
    let message = refusal(&longitudinal(late, PREDICTIVE, PROPORTIONS));
    assert!(message.contains("early_known_after_days` is 77; allowed: 0 to 76"), "{message}");
    let message = refusal(&text(&format!("{BAYESIAN}\n{after}"), PROPORTIONS));
    assert!(message.contains("`design.bayesian.longitudinal` needs [early_outcome]"), "{message}");
}

/// A trial of 120 patients with refusal, crossover and unequal dropout.
fn with_losses(futility: &str, analysis: &str) -> String {
    format!(
        "title = \"losses\"\n[sample_size]\nrandomised = 120\n[accrual]\nper_month = 20\n\
         [arms]\ncontrol = \"c\"\nexperimental = \"e\"\n[randomisation]\nmethod = \"complete\"\n\
         [outcome]\ncontrol = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]\n\
         experimental = {{ common_odds_ratio = 1.6 }}\n\
         [missing]\ndropout = {{ control = 0.0, experimental = 0.3 }}\n\
         [adherence]\ncontrol_crossover = {{ probability = 0.2 }}\n\
         experimental_refusal = {{ probability = 0.3 }}\n\
         [design]\ndecisions = \"bayesian\"\nlooks = {{ randomised = [60, 120] }}\n\
         [design.bayesian]\nsuccess = {{ posterior_at_least = 0.95 }}\n{futility}\n\
         [[analyses]]\nname = \"a\"\n{analysis}\n[run]\nreplicates = 100\n"
    )
}

/// The final analysis that is predicted has the patients whom the analysis sees, in the arms in which it sees
/// them, from the trial's own patients.
#[test]
fn monitor_predicts_the_final_analysis_of_each_analysis_set_as_a_trial_does() {
    let folder = crate::util::directory();
    let file = folder.path().join("losses.toml");
    let patients = folder.path().join("patients.csv");
    for population in ["intention_to_treat", "per_protocol", "as_treated"] {
        let analysis = format!("method = \"two_proportions\"\npopulation = {population:?}");
        let text = with_losses("futility = { predictive_below = 0.3 }", &analysis);
        std::fs::write(&file, text).expect("a writable folder");
        for replicate in ["0", "1", "2", "3", "4", "5", "6", "7"] {
            let mut command = rescuesim();
            let trace = json(command.arg("trace").arg(&file).args(["--replicate", replicate]));
            let look = trace["trace"]["looks"][0].clone();
            let mut command = rescuesim();
            command.arg("trace").arg(&file).args(["--replicate", replicate, "--format", "csv"]);
            std::fs::write(&patients, output(&mut command)).expect("a writable folder");
            let mut command = rescuesim();
            command.arg("monitor").arg(&file).args(["--look", "1", "--patients"]).arg(&patients);
            let found =
                json(command.args(["--cutoff-day", &(number(&look["day"]) + 1e-6).to_string()]));
            for probability in ["posterior", "predictive"] {
                let [traced, seen] = [&look["probabilities"], &found["posterior"]]
                    .map(|of| number(&of[probability]));
                assert!(
                    (traced - seen).abs() < 1e-9,
                    "{population} {replicate} {probability}: {traced} {seen}"
                );
            }
        }
    }
}

/// The boundaries that a model of the log odds ratio amounts to are those of the odds ratio it estimates.
#[test]
fn logistic_regression_has_the_boundaries_of_its_odds_ratio() {
    let design = "decisions = \"bayesian\"\nlooks = { equally_spaced = 1 }\n[design.bayesian]\nsuccess = { posterior_at_least = 0.975 }\nprior = { components = [{ log_odds_ratio = { mean = 0, sd = 0.2 } }] }";
    let bound = |analysis: &str| {
        let scenario = scenario(design, analysis, &[]);
        scenario.planned_efficacy_bound(0).expect("a boundary")
    };
    let logistic = bound("method = \"logistic\"");
    let wald = "method = \"two_proportions\"\ntest = \"wald\"\neffect = \"log_odds_ratio\"";
    let proportions = bound(wald);
    assert!((logistic - proportions).abs() < 1e-9, "{logistic} {proportions}");
    assert!(logistic > bound("method = \"proportional_odds\"\ntest = \"wald\"") + 0.1);
}
