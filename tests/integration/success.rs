//! Rules across analyses of one trial, against `tests/reference/joint.csv` and the laws of multiple testing.
//!
//! The reference trials have two analyses: A, independence by the pooled Z, and B, the shift by the score
//! test. Seeds are fixed. About 140 simulated probabilities are compared at 3.5 combined standard errors:
//! with fresh seeds one of them would fail by chance in one of 15 runs.

use rescuesim::rng::Replicate;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{McEstimate, OperatingCharacteristics, SuccessSummary};
use rescuesim::trial::{RuleResult, Simulator};

use crate::util::{
    angel_reboot, directory, json, output, refused, rescuesim, rows, scenario_file, shipped_text,
    simulate_file, simulate_scenario,
};

const REPLICATES: u64 = 10_000;

/// A value of the reference with its standard error.
#[derive(Debug, Clone, Copy)]
struct Simulated {
    value: f64,
    se: f64,
}

/// The two analyses of the reference.
const A_AND_B: &str = r#"
[[analyses]]
name = "A"
method = "two_proportions"
cut = 2
[[analyses]]
name = "B"
method = "proportional_odds"
test = "score"
"#;

/// Rows of one design of the reference.
struct Reference {
    design: &'static str,
    rows: Vec<crate::util::Row>,
}

impl Reference {
    fn new(design: &'static str) -> Self {
        let mut all = rows(&shipped_text("tests/reference/joint.csv"));
        all.retain(|row| row["design"] == design);
        assert!(!all.is_empty(), "{design}");
        Self { design, rows: all }
    }

    #[track_caller]
    fn find(&self, quantity: &str, source: &str) -> &crate::util::Row {
        let found =
            self.rows.iter().find(|row| row["quantity"] == quantity && row["source"] == source);
        found.unwrap_or_else(|| panic!("{} has no {quantity}", self.design))
    }

    #[track_caller]
    fn input(&self, quantity: &str) -> String {
        self.find(quantity, "input")["value"].clone()
    }

    /// The values of a simulated row: one, or one per look.
    #[track_caller]
    fn simulated(&self, quantity: &str) -> Vec<Simulated> {
        let row = self.find(quantity, "simulation");
        let se = row["se"].parse().expect("a number");
        let values = row["value"].split(' ');
        values.map(|value| Simulated { value: value.parse().expect("a number"), se }).collect()
    }

    /// Fails unless an estimate is within 3.5 combined standard errors of the reference.
    #[track_caller]
    fn assert_agrees(&self, quantity: &str, found: McEstimate) {
        let [expected] = self.simulated(quantity)[..] else { panic!("{quantity} is one value") };
        self.assert_near(quantity, expected, found);
    }

    #[track_caller]
    fn assert_near(&self, quantity: &str, expected: Simulated, found: McEstimate) {
        // The reference's error for a probability at 0 or 1 would be 0.
        let exact = (expected.value * (1.0 - expected.value) / found.n as f64).sqrt();
        let error = libm::hypot(expected.se, found.mcse.max(exact));
        assert!(
            (found.value - expected.value).abs() <= 3.5 * error,
            "{} {quantity}: {} ± {}, expected {expected:?}",
            self.design,
            found.value,
            found.mcse
        );
    }

    /// A scenario of the design whose alternative is the last of these effects and whose others, but for
    /// the null, are configurations.
    fn scenario(&self, effects: &[&str], success: &str) -> Scenario {
        self.scenario_of(effects, success, A_AND_B)
    }

    /// A scenario of the design with these analyses.
    fn scenario_of(&self, effects: &[&str], success: &str, analyses: &str) -> Scenario {
        let list = |name: &str| self.input(name).split(' ').collect::<Vec<_>>().join(", ");
        let n = self.input("n");
        let looks = match self.rows.iter().find(|row| row["quantity"] == "per_arm_at_looks") {
            Some(row) => {
                let per_arm = row["value"].split(' ').map(|n| n.parse::<u32>().expect("a number"));
                per_arm.map(|n| (2 * n).to_string()).collect::<Vec<_>>().join(", ")
            }
            None => n.clone(),
        };
        let (alternative, others) = effects.split_last().expect("one effect or more");
        let mut configurations = String::new();
        for other in others {
            let shares = list(&format!("{other} experimental"));
            configurations += &format!(
                "[[configurations]]\nname = \"{other}\"\nexperimental = {{ distribution = [{shares}] }}\n"
            );
        }
        let text = format!(
            "title = \"{design}\"\n\
             sample_size = {{ randomised = {n} }}\n\
             accrual = {{ per_month = 20 }}\n\
             arms = {{ control = \"c\", experimental = \"e\" }}\n\
             randomisation = {{ method = \"permuted_blocks\", block_sizes = [2] }}\n\
             outcome = {{ control = [{control}], experimental = {{ distribution = [{experimental}] }} }}\n\
             [design]\n\
             alpha_two_sided = 0.05\n\
             looks = {{ analysed = [{looks}] }}\n\
             efficacy = {{ rule = \"lan_demets_obrien_fleming\" }}\n\
             harm = {{ rule = \"{harm}\" }}\n\
             [success]\n{success}\n\
             {configurations}\
             {analyses}",
            design = self.design,
            control = list("control"),
            experimental = list(&format!("{alternative} experimental")),
            // The switch is two-sided in the reference.
            harm = if self.design.starts_with("SW") { "symmetric" } else { "none" },
        );
        Scenario::parse(&text, &[]).unwrap_or_else(|rejection| panic!("{rejection}\n{text}"))
    }

    /// Results of a rule by effect: the last effect is the alternative, `or:1` the null.
    fn results(
        &self,
        effects: &'static [&'static str],
        success: &str,
    ) -> Vec<(&'static str, Results)> {
        let scenario = self.scenario(effects, success);
        let result = simulate_scenario(&scenario, REPLICATES);
        let (alternative, others) = effects.split_last().expect("one effect or more");
        let truths = [("alternative", *alternative), ("null", "or:1")].into_iter();
        let truths = truths.chain(others.iter().map(|&other| (other, other)));
        truths.map(|(truth, effect)| (effect, Results::new(&result, truth))).collect()
    }
}

/// Results under one truth.
struct Results {
    success: SuccessSummary,
    truth: rescuesim::summary::TruthSummary,
}

impl Results {
    fn new(result: &OperatingCharacteristics, truth: &str) -> Self {
        let truth = result.truths.iter().find(|of| of.truth == truth).expect("it is simulated");
        Self { success: truth.success.clone().expect("there is a rule"), truth: truth.clone() }
    }

    /// P(an analysis rejects within the rule).
    fn rejection(&self, name: &str) -> McEstimate {
        let found = self.success.analyses.iter().find(|of| of.name == name);
        found.expect("it is in the rule").rejection
    }
}

const J312_3: &[&str] = &["wmwnull:.42", "or:2"];
const J312_1: &[&str] = &["or:2"];

/// Both designs, with the effects that the reference has for them.
fn designs() -> [(Reference, &'static [&'static str]); 2] {
    [(Reference::new("J312-1"), J312_1), (Reference::new("J312-3"), J312_3)]
}

#[test]
fn co_primary_and_uncorrected_rules_agree_with_the_reference() {
    for (reference, effects) in designs() {
        let looks = reference.input("looks") != "1";
        let both = "rule = \"co_primary\"\nanalyses = [\"A\", \"B\"]\ncrossing = \"any_look\"";
        for (effect, of) in reference.results(effects, both) {
            reference.assert_agrees(&format!("{effect} A_and_B_ever"), of.success.success);
            for (i, name) in ["A", "B"].into_iter().enumerate() {
                let alone = &of.truth.analyses[i];
                reference.assert_agrees(&format!("{effect} {name}"), alone.rejection);
                if looks {
                    let stops = reference.simulated(&format!("{effect} {name} stops"));
                    for (expected, look) in stops.into_iter().zip(&alone.looks) {
                        reference.assert_near(effect, expected, look.efficacy);
                    }
                }
            }
        }
        let any = "rule = \"any\"\nanalyses = [\"A\", \"B\"]";
        for (effect, of) in reference.results(effects, any) {
            reference.assert_agrees(&format!("{effect} A_or_B_ever"), of.success.success);
        }
        if !looks {
            continue;
        }
        let same_look = "rule = \"co_primary\"\nanalyses = [\"B\", \"A\"]";
        for (effect, of) in reference.results(effects, same_look) {
            reference.assert_agrees(&format!("{effect} coprimary_same_look"), of.success.success);
            let stops = reference.simulated(&format!("{effect} coprimary_same_look stops"));
            for (expected, look) in stops.into_iter().zip(&of.success.looks) {
                reference.assert_near(effect, expected, look.success);
            }
        }
    }
}

/// Each analysis has its own boundaries, and may reach them at any look. The simulated values are compared
/// with those of the reference, and those of non-inferiority alone with enumeration.
#[test]
fn non_inferiority_and_then_superiority_agree_with_the_reference() {
    let risk_difference = r#"
[[analyses]]
name = "margin"
method = "two_proportions"
cut = 2
test = "wald"
hypothesis = { type = "non_inferiority", margin = { risk_difference = -0.1 } }
"#;
    let common_odds_ratio = r#"
[[analyses]]
name = "margin"
method = "proportional_odds"
test = "wald"
hypothesis = { type = "non_inferiority", margin = { common_odds_ratio = 0.8 } }
"#;
    let margins = [("rd10", "A", risk_difference), ("cor80", "B", common_odds_ratio)];
    let mut compared = 0;
    for (reference, others) in [
        (Reference::new("J312-1"), &["or:1", "or:2"][..]),
        (Reference::new("J312-3"), &["or:1", "wmwnull:.42", "or:2"][..]),
    ] {
        for (margin, second, analysis) in margins {
            let alone = format!("noninferior_{margin}");
            // The reference has the margin of the common odds ratio at one look.
            if !reference.rows.iter().any(|row| row["quantity"] == format!("or:1 {alone}")) {
                continue;
            }
            let rule = format!(
                "rule = \"hierarchical\"\nanalyses = [\"margin\", \"{second}\"]\ncrossing = \"any_look\""
            );
            let scenario = reference.scenario_of(others, &rule, &format!("{analysis}{A_AND_B}"));
            let result = simulate_scenario(&scenario, 2 * REPLICATES);
            for effect in others {
                let truth = if *effect == "or:2" { "alternative" } else { effect };
                let of = Results::new(&result, truth);
                let first = of.rejection("margin");
                reference.assert_agrees(&format!("{effect} {alone}"), first);
                let then = format!("{effect} {alone}_then_{second}");
                reference.assert_agrees(&then, of.success.all_rejections);
                assert_eq!(of.success.all_rejections, of.rejection(second));
                compared += 2;
                let quantity = format!("{effect} {alone}");
                let exact = reference
                    .rows
                    .iter()
                    .find(|row| row["quantity"] == quantity && row["source"] == "ref");
                if let Some(row) = exact {
                    let value = row["value"].parse().expect("a number");
                    reference.assert_near(&quantity, Simulated { value, se: 0.0 }, first);
                    compared += 1;
                }
            }
        }
    }
    // Every row of the reference with a margin.
    assert_eq!(compared, 19);
}

#[test]
fn bonferroni_and_holm_agree_with_the_reference() {
    for (reference, effects) in designs() {
        let looks = reference.input("looks") != "1";
        let bonferroni = "rule = \"bonferroni\"\nanalyses = [\"A\", \"B\"]";
        for (effect, of) in reference.results(effects, bonferroni) {
            for name in ["A", "B"] {
                reference.assert_agrees(&format!("{effect} bonferroni_{name}"), of.rejection(name));
            }
            reference.assert_agrees(&format!("{effect} bonferroni_any"), of.success.any_rejection);
            if looks {
                let stops = reference.simulated(&format!("{effect} bonferroni_any stops"));
                for (expected, look) in stops.into_iter().zip(&of.success.looks) {
                    reference.assert_near(effect, expected, look.success);
                }
            } else {
                let both = of.success.all_rejections;
                reference.assert_agrees(&format!("{effect} bonferroni_both"), both);
            }
        }
        let holm = "rule = \"holm\"\nanalyses = [\"A\", \"B\"]\nstop = \"first_rejection\"";
        for (effect, of) in reference.results(effects, holm) {
            for name in ["A", "B"] {
                reference.assert_agrees(&format!("{effect} holm_{name}"), of.rejection(name));
            }
            reference.assert_agrees(&format!("{effect} holm_both"), of.success.all_rejections);
        }
    }
}

#[test]
fn hierarchies_that_stop_at_the_first_rejection_agree_with_the_reference() {
    let reference = Reference::new("J312-3");
    for [first, second] in [["A", "B"], ["B", "A"]] {
        for (later, words) in [("own", "own bounds"), ("unadjusted", "unadjusted 1.96")] {
            let rule = format!(
                "rule = \"hierarchical\"\nanalyses = [\"{first}\", \"{second}\"]\nlater = \"{later}\"\nstop = \"first_rejection\""
            );
            for (effect, of) in reference.results(J312_3, &rule) {
                let quantity = format!("{effect} {first}_then_{second} second, {words}");
                reference.assert_agrees(&quantity, of.rejection(second));
                reference.assert_agrees(&format!("{effect} {first}"), of.rejection(first));
            }
        }
    }
}

/// Two-sided: success and harm are the two sides.
#[test]
fn the_proportional_odds_switch_agrees_with_the_reference() {
    for (design, effects) in
        [("SW348", &["fixedmort:.40", "survivors:.40", "or:2"][..]), ("SW563-A", &["or:1.7"][..])]
    {
        let reference = Reference::new(design);
        let statistics = [("likelihood_ratio", "LR"), ("homogeneity_less_score", "G2-Z2")];
        for (statistic, name) in statistics {
            let rule = format!(
                "rule = \"proportional_odds_switch\"\nshift = \"B\"\ndichotomy = \"A\"\nstatistic = \"{statistic}\""
            );
            for (effect, of) in reference.results(effects, &rule) {
                let assert_agrees = |quantity: &str, found| {
                    reference.assert_agrees(&format!("{effect} {name} {quantity}"), found);
                };
                let success = of.success.success;
                assert_agrees("switch benefit", success);
                let harm = of.success.looks[0].harm;
                let value = success.value + harm.value;
                let mcse = (value * (1.0 - value) / success.n as f64).sqrt();
                assert_agrees("switch", McEstimate { value, mcse, ..success });
                let rejected = of.success.proportional_odds_rejected.expect("it is tested");
                assert_agrees("nonproportional", rejected);
            }
        }
    }
}

/// A scenario with three analyses, three looks and the rule.
fn three(success: &str) -> Scenario {
    let analyses = r#"analyses=[{name="a",method="two_proportions",cut=2},{name="b",method="proportional_odds",test="score"},{name="c",method="two_proportions",cut=1}]"#;
    let effect = "outcome.experimental.functional_independence=0.36";
    let rule = format!("success={success}");
    scenario_file("scenarios/angel-reboot.toml", &[analyses, effect, &rule])
}

/// The trials of a rule, truth by truth and replicate by replicate.
fn trials(scenario: &Scenario) -> Vec<RuleResult> {
    let mut simulator = Simulator::new(scenario);
    (0..600).flat_map(|replicate| simulator.run(Replicate(replicate)).rules).collect()
}

#[test]
fn special_graphs_are_the_hierarchical_and_holm_procedures_trial_by_trial() {
    let graph = |weights: &str, transitions: &str, keys: &str| {
        trials(&three(&format!(
            r#"{{rule="graph",analyses=["a","b","c"],weights={weights},transitions={transitions}{keys}}}"#
        )))
    };
    for keys in ["", r#",stop="first_rejection""#, r#",crossing="any_look""#] {
        let chain = graph("[1,0,0]", "[[0,1,0],[0,0,1],[0,0,0]]", keys);
        let rule = format!(r#"{{rule="hierarchical",analyses=["a","b","c"]{keys}}}"#);
        assert_eq!(chain, trials(&three(&rule)), "{keys}");
        let third = "0.3333333333333333";
        let weights = format!("[{third},{third},{third}]");
        let complete = graph(&weights, "[[0,0.5,0.5],[0.5,0,0.5],[0.5,0.5,0]]", keys);
        let rule = format!(r#"{{rule="holm",analyses=["a","b","c"]{keys}}}"#);
        let holm = trials(&three(&rule));
        assert_eq!(complete, holm, "{keys}");
        // The rules differ: neither comparison is of trials that reject nothing.
        assert_ne!(chain, holm);
    }
}

#[test]
fn rules_contain_each_other_trial_by_trial() {
    let of = |rule: &str| trials(&three(&format!(r#"{{rule="{rule}",analyses=["a","b","c"]}}"#)));
    let (bonferroni, holm, any) = (of("bonferroni"), of("holm"), of("any"));
    let scenario = three(r#"{rule="co_primary",analyses=["a","b","c"],crossing="any_look"}"#);
    let both = trials(&scenario);
    let mut simulator = Simulator::new(&scenario);
    let alone: Vec<_> =
        (0..600).flat_map(|replicate| simulator.run(Replicate(replicate)).trials).collect();
    let (mut more, mut less) = (0, 0);
    for (i, (bonferroni, holm)) in bonferroni.iter().zip(&holm).enumerate() {
        for j in 0..3 {
            let alone = alone[3 * i + j].conclusion == rescuesim::trial::Conclusion::Efficacy;
            // Bonferroni rejects a part of what Holm rejects, which rejects a part of what each alone does.
            assert!(
                bonferroni.rejected_at[j] == 0 || holm.rejected_at[j] > 0,
                "{bonferroni:?} {holm:?}"
            );
            assert!(holm.rejected_at[j] == 0 || any[i].rejected_at[j] > 0, "{holm:?}");
            assert_eq!(any[i].rejected_at[j] > 0, alone);
            // Co-primary power is at most the smallest single power, as its successes are a part.
            assert!(both[i].success_at.is_none() || alone);
            more += u32::from(holm.rejected_at[j] > 0 && bonferroni.rejected_at[j] == 0);
            less += u32::from(both[i].success_at.is_none() && alone);
        }
    }
    assert!(more > 20 && less > 20, "{more} {less}");
}

/// Under the global null and where A has an effect and B has none. Two comparisons at 3 standard errors.
#[test]
fn holm_controls_the_familywise_error_and_the_uncorrected_rule_does_not() {
    let reference = Reference::new("J312-3");
    for (rule, controls) in [("holm", true), ("any", false)] {
        let success = format!("rule = \"{rule}\"\nanalyses = [\"A\", \"B\"]");
        for (effect, of) in reference.results(J312_3, &success) {
            let error = of.success.familywise_error.expect("the effects are known");
            match effect {
                "or:2" => assert_eq!(error.value, 0.0),
                "or:1" if !controls => assert!(error.value > 0.025 + 3.0 * error.mcse, "{error:?}"),
                _ if controls => {
                    assert!(error.value < 0.025 + 3.0 * error.mcse, "{effect} {error:?}")
                }
                _ => {}
            }
            let is_null = |i: usize| of.success.analyses[i].null_hypothesis;
            let expected = match effect {
                "or:1" => [Some("true"), Some("true")],
                "or:2" => [Some("false"), Some("false")],
                _ => [Some("false"), Some("true")],
            };
            assert_eq!([is_null(0), is_null(1)], expected, "{effect}");
        }
    }
}

/// Non-inferiority, then superiority: at the margin both null hypotheses are true, without a difference only
/// that of superiority is, and the order keeps the error.
#[test]
fn null_hypotheses_with_a_margin_end_at_it() {
    let analyses = r#"analyses=[
        {name="ni",method="two_proportions",test="wald",
         hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}},
        {name="sup",method="two_proportions"}]"#;
    let set = [
        analyses,
        r#"success={rule="hierarchical",analyses=["ni","sup"]}"#,
        r#"configurations=[{name="equal",experimental={common_odds_ratio=1.0}}]"#,
    ];
    let set = set.map(|one| one.replace('\n', " "));
    let scenario = Scenario::parse(&angel_reboot(), &set).expect("it is valid");
    let result = simulate_scenario(&scenario, 4000);
    let nulls = [
        ("alternative", ["false", "false"]),
        ("null", ["true", "true"]),
        ("equal", ["false", "true"]),
    ];
    for (name, expected) in nulls {
        let truth = scenario.truth_named(name).expect("the scenario has it");
        let success = result.truths[truth.index()].success.as_ref().expect("there is a rule");
        let found = [0, 1].map(|i: usize| success.analyses[i].null_hypothesis);
        assert_eq!(found, expected.map(Some), "{name}");
        let error = success.familywise_error.expect("the effects are known");
        // The share of false alarms of three standard errors above is 0.0013.
        assert!(error.value <= 0.027 + 3.0 * error.mcse, "{name} {error:?}");
    }
}

const HOLM: &str = r#"success={rule="holm",analyses=["shift","independence"]}"#;

#[test]
fn threads_shards_and_resumed_runs_give_the_same_bytes() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let run = |more: &[&str]| {
        let mut command = rescuesim();
        command.args(["run", "scenarios/angel-reboot.toml", "--set", HOLM]);
        command.args(["--format", "json"]).args(more);
        command
    };
    let truths = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("valid JSON");
        value["truths"].to_string()
    };
    let at_once = output(run(&["--replicates", "60", "--threads", "1"]).arg("-q"));
    assert!(truths(&at_once).contains("\"familywise_error\""));
    let threads = output(run(&["--replicates", "60", "--threads", "3"]).arg("-q"));
    assert_eq!(truths(&at_once), truths(&threads));
    let checkpoint = path("checkpoint");
    output(&mut run(&["--replicates", "25", "--checkpoint", &checkpoint]));
    let resumed =
        output(&mut run(&["--replicates", "60", "--checkpoint", &checkpoint, "--resume"]));
    assert_eq!(truths(&at_once), truths(&resumed));
    let shards = [path("1.json"), path("2.json")];
    for (shard, file) in ["1/2", "2/2"].into_iter().zip(&shards) {
        let mut command = rescuesim();
        command.args(["run", "scenarios/angel-reboot.toml", "--set", HOLM, "--replicates", "60"]);
        let status = command.args(["--shard", shard, "--checkpoint", file]).output();
        assert!(status.expect("the program starts").status.success());
    }
    let merged = output(rescuesim().arg("merge").args(&shards).args(["--format", "json"]));
    assert_eq!(truths(&at_once), truths(&merged));
}

#[test]
fn outputs_name_the_rule_and_its_verdict() {
    let run = ["run", "scenarios/angel-reboot.toml", "--replicates", "50", "--set", HOLM];
    let opening = output(rescuesim().args(run));
    assert!(opening.contains("Holm: shift, independence are tested at equal shares"), "{opening}");
    assert!(opening.contains("Power by this rule"), "{opening}");
    let full = output(rescuesim().args(run).arg("--full"));
    assert!(full.contains("Analyses that decide together"), "{full}");
    let result = json(rescuesim().args(run));
    assert_eq!(result["truths"][0]["success"]["rule"], "holm");
    let checked = output(rescuesim().args(["check", "scenarios/angel-reboot.toml", "--set", HOLM]));
    assert!(checked.contains("Analyses that decide together (no closed form)"), "{checked}");
    let trace = ["trace", "scenarios/angel-reboot.toml", "--set", HOLM];
    let traced = output(rescuesim().args(trace));
    assert!(traced.contains("By the rule for several analyses it ends with"), "{traced}");
    // The goal of a search, of an expectation, and of the precision of a run and of a comparison.
    let precise = ["--precision-of", "success", "--precision", "0.1"];
    output(rescuesim().args(["run", "scenarios/angel-reboot.toml", "--set", HOLM]).args(precise));
    let expectation = r#"expect={success=">= 0.5",familywise_error="<= 0.1"}"#;
    let checked = ["check", "scenarios/angel-reboot.toml", "--set", HOLM, "--set", expectation];
    output(rescuesim().args(checked).args(["--expect", "--set", "run.replicates=400"]));
    let compare = ["compare", "scenarios/angel-reboot.toml", "scenarios/angel-reboot.toml"];
    let compared = output(rescuesim().args(compare).args(["--replicates", "50", "--set", HOLM]));
    assert!(compared.contains("success under null"), "{compared}");
    let message = refused(
        rescuesim()
            .args(["run", "scenarios/angel-reboot.toml", "--precision", "0.1"])
            .args(["--precision-of", "familywise-error"]),
    );
    assert!(message.contains("no [success]"), "{message}");
}

#[test]
fn rules_that_cannot_be_applied_are_refused_with_their_place() {
    let directory = directory();
    let path = directory.path().join("scenario.toml");
    for (rule, expected) in [
        ("rule = \"holm\"\nanalyses = [\"shift\", \"independance\"]", "`success.analyses[1]`"),
        (
            "rule = \"holm\"\nanalyses = [\"shift\", \"independance\"]",
            "allowed: \"independence\", \"shift\"",
        ),
        ("rule = \"holm\"\nanalyses = [\"shift\"]", "`success.analyses`"),
        ("rule = \"holm\"\nanalyses = [\"shift\", \"shift\"]", "repeats \"shift\""),
        (
            "rule = \"graph\"\nanalyses = [\"shift\", \"independence\"]\nweights = [0.7, 0.6]\ntransitions = [[0, 1], [1, 0]]",
            "`success.weights` sum to 1.3000",
        ),
        (
            "rule = \"graph\"\nanalyses = [\"shift\", \"independence\"]\nweights = [1.5, 0]\ntransitions = [[0, 1], [1, 0]]",
            "`success.weights[0]` is 1.5",
        ),
        (
            "rule = \"graph\"\nanalyses = [\"shift\", \"independence\"]\nweights = [1, 0]\ntransitions = [[0.5, 0.5], [1, 0]]",
            "`success.transitions[0][0]` is 0.5; allowed on the diagonal: 0",
        ),
        (
            "rule = \"graph\"\nanalyses = [\"shift\", \"independence\"]\nweights = [1, 0]\ntransitions = [[0, 1.5], [1, 0]]",
            "`success.transitions[0][1]` is 1.5; allowed: 0 to 1",
        ),
        (
            "rule = \"graph\"\nanalyses = [\"shift\", \"independence\"]\nweights = [1, 0]\ntransitions = [[0, 1]]",
            "`success.transitions` has 1 values; allowed: 2",
        ),
        (
            "rule = \"bonferroni\"\nanalyses = [\"shift\", \"independence\"]\nweights = [1]",
            "`success.weights` has 1 values; allowed: 2",
        ),
        (
            "rule = \"proportional_odds_switch\"\nshift = \"shift\"\ndichotomy = \"shift\"",
            "`success.dichotomy` repeats \"shift\"",
        ),
        ("rule = \"gatekeeping\"\nanalyses = [\"shift\", \"independence\"]", "`success.rule`"),
    ] {
        let text = format!("{}\n[success]\n{rule}\n", angel_reboot());
        std::fs::write(&path, text).expect("the folder is writable");
        let refusal = refused(rescuesim().arg("check").arg(&path));
        assert!(refusal.contains(expected), "{expected}\n{refusal}");
        assert!(refusal.contains("scenario.toml:"), "{refusal}");
    }
}

/// Removing all from the rule, or the rule itself, changes no trial of the analyses.
#[test]
fn a_rule_changes_no_other_result() {
    let with =
        simulate_scenario(&scenario_file("scenarios/angel-reboot-safety.toml", &[HOLM]), 100);
    let without = simulate_scenario(&scenario_file("scenarios/angel-reboot-safety.toml", &[]), 100);
    for (with, without) in with.truths.iter().zip(&without.truths) {
        assert_eq!(format!("{:?}", with.analyses), format!("{:?}", without.analyses));
        assert!(with.success.is_some() && without.success.is_none());
    }
    let index = Truth::Alternative.index();
    let success = with.truths[index].success.as_ref().expect("there is a rule");
    let ended: f64 = success.looks.iter().map(|look| look.ended.value).sum();
    assert!((ended - 1.0).abs() < 1e-12, "{ended}");
}

/// At looks by month the outcomes differ between trials, and so do the bounds: the first of an order has the
/// whole α, and rejects in the trials in which it rejects alone.
#[test]
fn the_first_of_an_order_rejects_as_if_alone_at_looks_by_month() {
    let set = [
        "design.looks={months=[8,15]}",
        "accrual.per_month=14",
        r#"success={rule="hierarchical",analyses=["independence","shift"]}"#,
    ];
    let found = simulate_file("scenarios/angel-reboot.toml", &set, 2000);
    for truth in &found.truths {
        let rule = truth.success.as_ref().expect("the scenario has a rule");
        assert_eq!(rule.analyses[0].rejection.value, truth.analyses[0].rejection.value);
    }
}
