//! Non-adherence and crossover. Seeds are fixed; with a fresh seed, a comparison within 3 Monte Carlo
//! standard errors would fail by chance once in 370.

use rescuesim::expected::Expected;
use rescuesim::outcome::Mrs;
use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::{self, Alternative, Null};

use crate::util::{Results, assert_within, scenario, scenario_file, simulate_scenario};

const POPULATIONS: [&str; 3] = ["intention_to_treat", "per_protocol", "as_treated"];

/// Override with the binary analysis in each population, named after it.
fn analyses() -> String {
    let analyses = POPULATIONS
        .map(|name| format!(r#"{{name="{name}",method="two_proportions",population="{name}"}}"#));
    format!("analyses=[{}]", analyses.join(","))
}

/// ANGEL-REBOOT with one look and the binary analysis in each population.
fn with_adherence(adherence: &str) -> Scenario {
    scenario(&[
        &analyses(),
        &format!("adherence={adherence}"),
        "design.looks.equally_spaced=1",
        "missing.dropout=0",
        "sample_size={randomised=312,analysed=312}",
    ])
}

/// Estimand of the analysis of each population under the alternative.
fn estimands(scenario: &Scenario) -> [f64; 3] {
    let expected = Expected::new(scenario);
    std::array::from_fn(|i| {
        expected.estimand(Alternative, &scenario.analyses[i]).expect("it exists")
    })
}

/// Rejection probability of the analysis of each population by closed form.
fn by_formula(scenario: &Scenario, truth: Truth) -> [f64; 3] {
    let expected = Expected::new(scenario);
    std::array::from_fn(|i| {
        let formula = expected.normal_approximation(truth, &scenario.analyses[i]);
        formula.expect("it exists").rejection()
    })
}

/// Crossover of control patients raises independence in the control arm from 25 % by 15 points times
/// their share: 25.75, 26.5 and 28 % at 5, 10 and 20 %. Power by formula decreases with it.
#[test]
fn crossover_dilutes_the_effect_and_the_power() {
    let mut last_power = 1.0;
    for (crossover, independence) in [(0.05, 0.2575), (0.1, 0.265), (0.2, 0.28)] {
        let crossover = format!("{{control_crossover={{probability={crossover}}}}}");
        let scenario = with_adherence(&crossover);
        let arms = scenario.marginal(Alternative).expect("the scenario states it");
        let [control, experimental] = arms.map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
        assert!((control - independence).abs() < 1e-9);
        assert!((experimental - 0.4).abs() < 1e-9);
        let [intention_to_treat, per_protocol, _] = estimands(&scenario);
        assert!((intention_to_treat - (0.4 - independence)).abs() < 1e-9);
        // The estimand of the other populations is the effect of the treatment.
        assert!((per_protocol - 0.15).abs() < 1e-9);
        let result = simulate_scenario(&scenario, 20_000);
        for (name, formula) in POPULATIONS.into_iter().zip(by_formula(&scenario, Alternative)) {
            let power = result.analysis(Alternative, name).rejection;
            assert_within(name, power, formula - 0.012, formula + 0.012, 3.0);
        }
        let power = result.analysis(Alternative, "intention_to_treat").rejection.value;
        assert!(power < last_power, "{power} after {last_power}");
        last_power = power;
    }
}

/// Non-adherence completely at random leaves every population unbiased for its estimand, which is
/// smaller for intention to treat.
#[test]
fn non_adherence_completely_at_random_leaves_no_bias() {
    let non_adherence = "{control_crossover={probability=0.15},experimental_refusal={probability=0.09},experimental_failed_access={probability=0.05}}";
    let scenario = with_adherence(non_adherence);
    let result = simulate_scenario(&scenario, 20_000);
    for name in POPULATIONS {
        for truth in [Alternative, Null] {
            let estimate = &result.analysis(truth, name).estimate.overall;
            assert_within(name, estimate.bias, 0.0, 0.0, 3.0);
            assert_within(name, estimate.coverage, 0.94, 0.955, 3.0);
        }
        assert_within(name, result.analysis(Null, name).rejection, 0.0245, 0.0265, 3.0);
    }
    let [intention_to_treat, per_protocol, as_treated] = estimands(&scenario);
    assert!(intention_to_treat < 0.12 && per_protocol > 0.1499 && as_treated > 0.1499);
    let [intention_to_treat, per_protocol, as_treated] =
        POPULATIONS.map(|name| result.analysis(Alternative, name).n_analysed.mean.value);
    assert_eq!((intention_to_treat, as_treated), (312.0, 312.0));
    // Per protocol excludes 15 % of the control and 1 − 0.91 · 0.95 of the experimental arm.
    assert!((per_protocol - 312.0 * (1.0 - 0.5 * (0.15 + 0.1355))).abs() < 0.5);
}

/// Control patients with a poor prognosis are stented, and experimental patients with a poor prognosis
/// are not reached: per protocol both arms look better than they are, and as treated the patients with
/// a poor prognosis change sides. Only intention to treat keeps its level under H0.
#[test]
fn non_adherence_by_prognosis_biases_all_but_intention_to_treat() {
    let non_adherence = "{control_crossover={probability=0.2,log_odds_per_prognosis=-1.5},experimental_failed_access={probability=0.05,log_odds_per_prognosis=-1.5}}";
    let scenario = with_adherence(non_adherence);
    let result = simulate_scenario(&scenario, 20_000);
    let name = "intention_to_treat";
    assert_within(name, result.analysis(Null, name).rejection, 0.0245, 0.0265, 3.0);
    for truth in [Null, Alternative] {
        assert_within(name, result.analysis(truth, name).estimate.overall.bias, 0.0, 0.0, 3.0);
    }
    // The formula includes the effect of selection under H0.
    let formulas = by_formula(&scenario, Null);
    for (name, formula) in POPULATIONS.into_iter().zip(formulas).skip(1) {
        for truth in [Null, Alternative] {
            let bias = result.analysis(truth, name).estimate.overall.bias;
            assert!(bias.value < -0.02, "{name}: {bias:?}");
        }
        let rejection = result.analysis(Null, name).rejection;
        assert!(rejection.value < 0.015 && formula < 0.015, "{rejection:?} {formula}");
    }
}

/// Crossover between the strategies of a procedure is completely at random, so every population is
/// unbiased for its estimand: for intention to treat a smaller one than for the others, whose estimand
/// is that of the trial without crossover.
#[test]
fn each_population_is_unbiased_for_its_estimand_under_crossover_of_a_procedure() {
    const EARLY_VS_LATE: &str = "scenarios/early-vs-late.toml";
    let analyses = analyses();
    let one_look = [
        analyses.as_str(),
        "design={alpha_two_sided=0.05,looks={equally_spaced=1},efficacy={rule=\"none\"}}",
    ];
    let crossover = ["procedure.control.crossover=0.15", "procedure.experimental.crossover=0.15"];
    let [full, ..] = estimands(&scenario_file(EARLY_VS_LATE, &one_look));
    let crossed = scenario_file(EARLY_VS_LATE, &[one_look, crossover].concat());
    let result = simulate_scenario(&crossed, 10_000);
    let under_alternative = [0.7 * full, full, full];
    for (truth, aims) in [(Alternative, under_alternative), (Null, [0.0; 3])] {
        for (name, aim) in POPULATIONS.into_iter().zip(aims) {
            let analysis = result.analysis(truth, name);
            assert!((analysis.estimate.truth.expect("it exists") - aim).abs() < 1e-9, "{name}");
            assert_within(name, analysis.estimate.overall.bias, 0.0, 0.0, 4.0);
            let formula = analysis.normal_approximation.as_ref().expect("it exists").rejection;
            assert_within(name, analysis.rejection, formula - 0.01, formula + 0.01, 4.0);
        }
    }
}
