//! Non-adherence and crossover. Seeds are fixed; with a fresh seed, a comparison within 3 Monte Carlo
//! standard errors would fail by chance once in 370.

use rescuesim::expected::Expected;
use rescuesim::scenario::{Scenario, Truth};
use rescuesim::summary::{AnalysisSummary, OperatingCharacteristics};

use crate::util::{angel_reboot, assert_within, simulate_scenario};

const SETS: [&str; 3] = ["intention_to_treat", "per_protocol", "as_treated"];

/// ANGEL-REBOOT with one look and the binary analysis in each analysis set.
fn scenario(adherence: &str) -> Scenario {
    let analysis =
        |set: &&str| format!(r#"{{name="{set}",method="two_proportions",population="{set}"}}"#);
    let analyses: Vec<String> = SETS.iter().map(analysis).collect();
    let set = [
        format!("analyses=[{}]", analyses.join(",")),
        format!("adherence={adherence}"),
        "design.looks.equally_spaced=1".into(),
        "missing.dropout=0".into(),
        "sample_size={randomised=312,analysed=312}".into(),
    ];
    Scenario::parse(&angel_reboot(), &set).expect("a valid scenario")
}

fn of(result: &OperatingCharacteristics, truth: Truth, set: usize) -> &AnalysisSummary {
    &result.truths[truth.index()].analyses[set]
}

/// Crossover of control patients raises independence in the control arm from 25 % by 15 points times
/// their share: 25.75, 26.5 and 28 % at 5, 10 and 20 %. Power by formula decreases with it.
#[test]
fn crossover_dilutes_the_effect_and_the_power() {
    let mut powers = vec![1.0];
    for (crossover, independence) in [(0.05, 0.2575), (0.1, 0.265), (0.2, 0.28)] {
        let scenario = scenario(&format!("{{control_crossover={{probability={crossover}}}}}"));
        let [control, experimental] =
            scenario.marginal(Truth::Alternative).expect("the scenario states it");
        let good = |mrs: &[f64; 7]| mrs[..3].iter().sum::<f64>();
        assert!((good(control.probabilities()) - independence).abs() < 1e-9);
        assert!((good(experimental.probabilities()) - 0.4).abs() < 1e-9);
        let expected = Expected::new(&scenario);
        let target = |set: usize| expected.estimand(Truth::Alternative, &scenario.analyses[set]);
        assert!((target(0).expect("it exists") - (0.4 - independence)).abs() < 1e-9);
        // The estimand of the other populations is the effect of the treatment.
        assert!((target(1).expect("it exists") - 0.15).abs() < 1e-9);
        let formula = |set: usize| {
            expected
                .normal_approximation(Truth::Alternative, &scenario.analyses[set])
                .expect("it exists")
                .rejection()
        };
        let result = simulate_scenario(&scenario, 20_000);
        for (set, name) in SETS.iter().enumerate() {
            let power = of(&result, Truth::Alternative, set).rejection;
            let near = formula(set);
            assert_within(name, power, near - 0.012, near + 0.012, 3.0);
        }
        powers.push(of(&result, Truth::Alternative, 0).rejection.value);
    }
    assert!(powers.windows(2).all(|pair| pair[1] < pair[0]), "{powers:?}");
}

/// Non-adherence completely at random leaves every population unbiased for its estimand, which is
/// smaller for intention to treat.
#[test]
fn non_adherence_completely_at_random_leaves_no_bias() {
    let non_adherence = "{control_crossover={probability=0.15},experimental_refusal={probability=0.09},experimental_failed_access={probability=0.05}}";
    let result = simulate_scenario(&scenario(non_adherence), 20_000);
    for truth in [Truth::Alternative, Truth::Null] {
        for (set, name) in SETS.iter().enumerate() {
            let summary = of(&result, truth, set);
            assert_within(name, summary.estimate.overall.bias, 0.0, 0.0, 3.0);
            assert_within(name, summary.estimate.overall.coverage, 0.94, 0.955, 3.0);
            if truth == Truth::Null {
                assert_within(name, summary.rejection, 0.0245, 0.0265, 3.0);
            }
        }
    }
    let aim = |set: usize| {
        of(&result, Truth::Alternative, set).estimate.truth.expect("the scenario states it")
    };
    assert!(aim(0) < 0.12 && aim(1) > 0.1499 && aim(2) > 0.1499);
    // A sixth of one arm and an eighth of the other are not per protocol.
    let analysed = |set: usize| of(&result, Truth::Alternative, set).n_analysed.mean.value;
    assert_eq!((analysed(0), analysed(2)), (312.0, 312.0));
    assert!((analysed(1) - 312.0 * (1.0 - 0.5 * (0.15 + 0.1355))).abs() < 0.5);
}

/// Control patients with a poor prognosis are stented, and experimental patients with a poor prognosis
/// are not reached: per protocol both arms look better than they are, and as treated the patients with
/// a poor prognosis change sides. Only intention to treat keeps its level under H0.
#[test]
fn non_adherence_by_prognosis_biases_all_but_intention_to_treat() {
    let non_adherence = "{control_crossover={probability=0.2,log_odds_per_prognosis=-1.5},experimental_failed_access={probability=0.05,log_odds_per_prognosis=-1.5}}";
    let scenario = scenario(non_adherence);
    let result = simulate_scenario(&scenario, 20_000);
    let itt = of(&result, Truth::Null, 0);
    assert_within("intention to treat", itt.rejection, 0.0245, 0.0265, 3.0);
    assert_within("intention to treat", itt.estimate.overall.bias, 0.0, 0.0, 3.0);
    let itt = of(&result, Truth::Alternative, 0);
    assert_within("intention to treat", itt.estimate.overall.bias, 0.0, 0.0, 3.0);
    for set in [1, 2] {
        for truth in [Truth::Null, Truth::Alternative] {
            let bias = of(&result, truth, set).estimate.overall.bias;
            assert!(bias.value < -0.02, "{}: {bias:?}", SETS[set]);
        }
        // The formula includes the effect of selection under H0.
        let by_formula = Expected::new(&scenario)
            .normal_approximation(Truth::Null, &scenario.analyses[set])
            .expect("it exists")
            .rejection();
        let rejects = of(&result, Truth::Null, set).rejection;
        assert!(rejects.value < 0.015 && by_formula < 0.015, "{rejects:?} {by_formula}");
    }
}

/// Crossover between the strategies of a procedure is completely at random, so every population is
/// unbiased for its estimand: for intention to treat a smaller one than for the others, whose estimand
/// is that of the trial without crossover.
#[test]
fn each_population_is_unbiased_for_its_estimand_under_crossover_of_a_procedure() {
    let analysis =
        |set: &&str| format!(r#"{{name="{set}",method="two_proportions",population="{set}"}}"#);
    let analyses: Vec<String> = SETS.iter().map(analysis).collect();
    let one_look = [
        format!("analyses=[{}]", analyses.join(",")),
        "design={alpha_two_sided=0.05,looks={equally_spaced=1},efficacy={rule=\"none\"}}".into(),
    ];
    let crossover =
        ["control", "experimental"].map(|arm| format!("procedure.{arm}.crossover=0.15"));
    let load = |set: &[String]| {
        Scenario::load(&crate::util::project("scenarios/early-vs-late.toml"), set)
            .expect("a valid scenario")
    };
    let full = load(&one_look);
    let full =
        Expected::new(&full).estimand(Truth::Alternative, &full.analyses[0]).expect("it exists");
    let crossed = load(&[&one_look[..], &crossover].concat());
    let result = simulate_scenario(&crossed, 10_000);
    for truth in [Truth::Alternative, Truth::Null] {
        for (set, name) in SETS.iter().enumerate() {
            let summary = of(&result, truth, set);
            let aim = match (truth, *name) {
                (Truth::Null, _) => 0.0,
                (_, "intention_to_treat") => 0.7 * full,
                _ => full,
            };
            assert!((summary.estimate.truth.expect("it exists") - aim).abs() < 1e-9, "{name}");
            assert_within(name, summary.estimate.overall.bias, 0.0, 0.0, 4.0);
            let formula = summary.normal_approximation.as_ref().expect("it exists").rejection;
            assert_within(name, summary.rejection, formula - 0.01, formula + 0.01, 4.0);
        }
    }
}
