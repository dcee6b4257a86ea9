//! Restricted populations: numbers by integration next to simulated ones.

use super::*;
use crate::engine::Accumulator;
use crate::scenario::Scenario;
use crate::summary::{OperatingCharacteristics, Tally};
use crate::trial::Simulator;

/// A trial that may be restricted to one of two levels by either rule.
pub(crate) const RESTRICTED: &str = r#"
title = "Restricted"
[sample_size]
randomised = 120
[accrual]
per_month = 10
[follow_up]
days = 0
window_days = 0
[arms]
control = "control"
experimental = "experimental"
[[factors]]
name = "core"
levels = ["small", "large"]
shares = [0.5, 0.5]
[randomisation]
method = "permuted_blocks"
block_sizes = [4]
[outcome]
control = [4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]
experimental = { common_odds_ratio = 2.0 }
[design]
alpha_one_sided = 0.025
looks = { analysed = [60, 120] }
efficacy = { rule = "none" }
[[analyses]]
name = "shift"
method = "wilcoxon"
[run]
replicates = 6
seed = 1
"#;

/// The two rules that restrict the population; the first is integrated.
pub(crate) const RULES: [&str; 2] = [
    "adaptation.population={rule=\"closed_test\",look=1,factor=\"core\",drop_below=0.4}",
    "adaptation.population={rule=\"nested_selection\",factor=\"core\",effect=0.2,futility=-1.0,efficacy=2.6,\
     last=2.8}",
];

/// A scenario with one of [`RULES`] and other keys.
pub(crate) fn restricted(set: &[&str]) -> Scenario {
    let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
    Scenario::parse(RESTRICTED, &set).expect("a valid scenario")
}

/// Results of a scenario.
pub(crate) fn results(scenario: &Scenario, replicates: u64) -> OperatingCharacteristics {
    let mut tally = Tally::new(scenario);
    let mut simulator = Simulator::new(scenario);
    for replicate in 0..replicates {
        let mut result = Default::default();
        simulator.run_into(replicate..replicate + 1, &mut result);
        tally.add(&[result]);
    }
    OperatingCharacteristics::new(scenario, &tally)
}

/// Distance of the integral from the simulation apart from Monte Carlo error: that of Whitehead's
/// information from the score test at an odds ratio of up to 2.5, see tests/reference/README.md.
const DISTANCE: f64 = 0.012;

fn assert_near(what: &str, simulated: McEstimate, integrated: f64) {
    let McEstimate { value, mcse, n, .. } = simulated;
    // A share that never varied has no error of its own.
    let error = mcse.max((integrated * (1.0 - integrated) / n as f64).sqrt());
    let allowed = 3.5 * error + DISTANCE;
    assert!((value - integrated).abs() < allowed, "{what}: {value} ±{error} against {integrated}");
}

/// Under the alternative, its null twin and an effect in either level alone; without and with patients of
/// the dropped level who have been randomised by the decision.
#[test]
fn integrals_of_a_closed_test_are_those_of_its_simulation() {
    let larger = "sample_size.randomised=312";
    let looks = "design.looks.analysed=[104,312]";
    let method = "analyses[0]={name=\"shift\",method=\"proportional_odds\",test=\"score\"}";
    let slow = "follow_up.days=60";
    let by = "adaptation.population={rule=\"closed_test\",look=1,factor=\"core\",drop_below=0.3,\
              measure=\"predictive_power\"}";
    for set in [
        &[RULES[0], larger, looks, method][..],
        &[RULES[0], larger, looks, method, slow],
        &[by, larger, looks, "factors[0].shares=[0.3,0.7]"],
    ] {
        let scenario = restricted(set);
        let found = results(&scenario, 3000);
        assert_eq!(found.truths.len(), 4);
        for truth in &found.truths {
            let analysis = &truth.analyses[0];
            let of = analysis.population.as_ref().expect("it has a rule");
            let integrated = of.integrated.as_ref().expect("it is integrated");
            let name = |what: &str| format!("{what} under {} with {set:?}", truth.truth);
            assert_near(&name("efficacy"), analysis.rejection, integrated.rejection);
            let errors = integrated.familywise_error;
            assert_near(&name("familywise error"), of.familywise_error, errors);
            assert!(errors <= 0.025 + 1e-7, "{errors}");
            assert_near(&name("restricted"), of.restricted, integrated.restricted);
            assert_near(&name("stopped"), of.stopped, integrated.stopped);
            let right = integrated.right_population;
            assert_near(&name("right population"), of.right_population, right);
            for level in &of.levels {
                let [dropped, shown] = [level.dropped_integrated, level.shown_integrated]
                    .map(|chance| chance.expect("it is integrated"));
                assert_near(&name("dropped"), level.dropped, dropped);
                assert_near(&name("shown"), level.shown, shown);
            }
            let formula = analysis.normal_approximation.as_ref().expect("it is the integral");
            assert_eq!(formula.rejection, integrated.rejection);
            assert_eq!(formula.futility[0], integrated.stopped);
        }
    }
}

/// A nested selection, three levels, an order and other prognostic factors have no integral, and say so.
#[test]
fn other_rules_have_no_integral() {
    let three = ["factors[0].levels=[\"a\",\"b\",\"c\"]", "factors[0].shares=[0.3,0.3,0.4]"];
    let ordered = "adaptation.population={rule=\"closed_test\",look=1,factor=\"core\",drop_below=0.4,\
                   ordered=true}";
    let other = "factors=[{name=\"core\",levels=[\"small\",\"large\"],shares=[0.5,0.5]},{name=\"age\",\
                 levels=[\"young\",\"old\"],shares=[0.5,0.5],log_odds=[0,-1]}]";
    for set in [&[RULES[1]][..], &[RULES[0], three[0], three[1]], &[ordered], &[RULES[0], other]] {
        let scenario = restricted(set);
        let found = results(&scenario, 2);
        let analysis = &found.truths[0].analyses[0];
        assert_eq!(analysis.normal_approximation, None);
        assert!(
            analysis.formula.contains("the population may be restricted"),
            "{}",
            analysis.formula
        );
        let of = analysis.population.as_ref().expect("it has a rule");
        assert_eq!(of.integrated, None);
        let size = Expected::new(&scenario).patients_for_power(&scenario.analyses[0], 0.8);
        assert_eq!(size, Err(crate::expected::NoSize::Population));
    }
}
