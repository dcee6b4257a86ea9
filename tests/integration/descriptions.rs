//! Supplementary analyses at the end of a trial. Seeds are fixed; with a fresh seed, a comparison within
//! 3 Monte Carlo standard errors would fail by chance once in 370.

use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::DescriptionSummary;

use crate::util::{
    Results, angel_reboot, assert_within, output, rescuesim, simulate, simulate_scenario,
};

/// The seven subgroups of ANGEL-REBOOT's protocol, independent of each other and of the outcome.
fn seven_factors() -> [String; 6] {
    let names = ["sex", "age", "site", "nihss", "onset", "icad", "etici"];
    let factors =
        names.map(|name| format!("{{name=\"{name}\",levels=[\"a\",\"b\"],shares=[60,40]}}"));
    [
        format!("factors=[{}]", factors.join(",")),
        "randomisation={method=\"complete\"}".into(),
        "sample_size={randomised=348,analysed=348}".into(),
        "missing.dropout=0".into(),
        "design.looks.equally_spaced=1".into(),
        format!("description={{subgroups={names:?}}}"),
    ]
}

/// Supplementary analyses under the alternative and the null.
fn described(set: &[String], replicates: u64) -> [DescriptionSummary; 2] {
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let result = simulate(&set, replicates);
    [Truth::Alternative, Truth::Null]
        .map(|truth| result.under(truth).description.clone().expect("it is requested"))
}

/// At least one of seven independent tests at 5 % is significant in 1 − 0.95⁷ = 0.302 of the trials if
/// the effect is the same in all subgroups. Likelihood-ratio tests of 348 patients are slightly above
/// their level, which the upper bounds allow for.
#[test]
fn one_of_seven_subgroups_is_significant_in_three_trials_of_ten() {
    for truth in described(&seven_factors(), 6_000) {
        assert_eq!(truth.subgroups.len(), 7);
        for subgroup in &truth.subgroups {
            assert_within(&subgroup.factor, subgroup.interaction, 0.05, 0.056, 3.0);
        }
        let any = truth.any_interaction.expect("there are subgroups");
        assert_within("any", any, 0.302, 0.33, 3.0);
    }
}

/// If odds are proportional, the test rejects at its level. If mortality is the same in both arms, the
/// test detects it, and cut by cut the odds ratio declines to 1.
#[test]
fn odds_that_are_not_proportional_are_detected() {
    let description = "description={}".to_owned();
    for truth in described(std::slice::from_ref(&description), 10_000) {
        let rejects = truth.rejects_proportional_odds.expect("it is on by default");
        assert_within("proportional odds", rejects, 0.05, 0.058, 3.0);
        assert_eq!((truth.cuts.len(), truth.subgroups.len()), (6, 0));
        assert!(truth.any_interaction.is_none());
    }
    let neutral =
        "outcome.experimental.distribution=[9.66,12.87,17.47,15.85,17.06,7.09,20.00]".to_owned();
    let [alternative, _] = described(&[description, neutral], 10_000);
    let rejects = alternative.rejects_proportional_odds.expect("it is on by default");
    assert!(rejects.value > 0.2, "{rejects:?}");
    let death = alternative.cuts.last().expect("six cuts");
    assert!(death.truth.expect("some die").abs() < 1e-3);
    // Trials stop early for large observed effects, so the mean exceeds the truth.
    assert!(death.log_odds_ratio.value > 0.0 && death.log_odds_ratio.value < 0.1, "{death:?}");
    let independence = alternative.cuts[2].truth.expect("both arms have some");
    assert!((independence - std::f64::consts::LN_2).abs() < 2e-3);
}

#[test]
fn supplementary_analyses_are_printed_and_written() {
    let mut command = rescuesim();
    command.args(["run", "scenarios/angel-reboot.toml", "--replicates", "200", "--full"]);
    let text = output(command.args(["--set", "description={subgroups=[\"nihss\"]}"]));
    for part in ["odds are not proportional", "nihss interacts", "any subgroup", "mRS 0–2"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut tables = text.lines().filter(|line| !line.starts_with("Recreate"));
    assert!(tables.all(|line| line.chars().count() <= 80), "{text}");
    let json = output(command.args(["--format", "json"]));
    let summary: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    let described = &summary["truths"][0]["description"];
    assert_eq!(described["subgroups"][0]["factor"], "nihss");
    assert!(described["cuts"][2]["log_odds_ratio"]["value"].as_f64().is_some_and(|log| log > 0.3));
}

fn imputed_by_arm(e: usize, c: usize) -> String {
    format!(
        r#"{{name="{e}{c}",method="two_proportions",missing={{rule="by_arm",control={c},experimental={e}}}}}"#
    )
}

/// With one look the table agrees with analyses that set these values, trial by trial.
#[test]
fn the_tipping_point_table_equals_analyses_with_single_values() {
    let pairs = [(0, 0), (0, 6), (3, 2), (6, 0), (6, 6)];
    let others: Vec<String> = pairs.iter().map(|&(e, c)| imputed_by_arm(e, c)).collect();
    let set = [
        format!(r#"analyses=[{{method="two_proportions"}},{}]"#, others.join(",")),
        "design.looks.equally_spaced=1".into(),
        "description={proportional_odds=false,tipping_point=true}".into(),
    ];
    let scenario = Scenario::parse(&angel_reboot(), &set).expect("a valid scenario");
    let result = simulate_scenario(&scenario, 2_000);
    for truth in &result.truths {
        let table =
            truth.description.as_ref().and_then(|it| it.tipping_point).expect("it is requested");
        for (analysis, (e, c)) in truth.analyses[1..].iter().zip(pairs) {
            assert_eq!(table[e][c], analysis.rejection, "{e} {c}");
        }
        for e in 0..7 {
            for c in 0..7 {
                let harder = if e < 6 { table[e + 1][c].value } else { 0.0 };
                let easier = if c < 6 { table[e][c + 1].value } else { 1.0 };
                assert!(harder <= table[e][c].value && table[e][c].value <= easier);
            }
        }
    }
}

/// A trial that stopped early is analysed again by the boundary of that look.
#[test]
fn the_tipping_point_table_is_constant_without_missing_outcomes() {
    let set = [
        "missing.dropout=0".to_owned(),
        "sample_size.analysed=348".to_owned(),
        "design.looks={equally_spaced=3}".to_owned(),
        "description={proportional_odds=false,tipping_point=true}".to_owned(),
    ];
    let scenario = Scenario::parse(&angel_reboot(), &set).expect("a valid scenario");
    let result = simulate_scenario(&scenario, 1_000);
    for truth in &result.truths {
        let table =
            truth.description.as_ref().and_then(|it| it.tipping_point).expect("it is requested");
        let alike = table.iter().flatten().all(|shown| *shown == truth.analyses[0].rejection);
        assert!(alike, "{table:?}");
    }
}
