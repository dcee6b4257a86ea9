//! Every formula is close to the simulation in random scenarios: minimised, blocked or complete
//! randomisation, prognostic factors, dropout, arms of 1:1, 1:2 and 2:1, looks, and every method with a formula.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::{self, Alternative, Null};

use crate::util::{Results, angel_reboot, scenario, simulate, simulate_scenario};

const SCENARIOS: usize = 220;
const REPLICATES: u64 = 1_000;

/// Largest difference of a power, and of a type I error, from its formula.
const POWER: f64 = 0.03;
const TYPE_I_ERROR: f64 = 0.01;

/// Further tolerance in standard errors of the simulation: with 440 comparisons whose true difference
/// is the largest allowed one, 0.1 false alarms are expected.
const ERRORS: f64 = 3.7;

fn randomisation() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#"{method="complete"}"#),
        Just(r#"{method="permuted_blocks",block_sizes=[6],stratify_by=["nihss"]}"#),
        Just(r#"{method="minimisation",biased_coin_p=0.8}"#),
        Just(r#"{method="minimisation",biased_coin_p=0.9,factors=["nihss"]}"#),
        Just(r#"{method="minimisation",biased_coin_p=0.7}"#),
    ]
}

fn analysis() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            r#"method="two_proportions""#,
            r#"method="two_proportions",test="unpooled_z",effect="log_odds_ratio""#,
            r#"method="two_proportions",test="fisher",cut=3"#,
            r#"method="two_proportions",test="fisher_mid_p",cut=1"#,
            r#"method="two_proportions",test="continuity_corrected""#,
            r#"method="proportional_odds""#,
            r#"method="proportional_odds",test="score""#,
            r#"method="proportional_odds",merge_5_and_6=true"#,
            r#"method="proportional_odds",levels=[[0,1],[2],[3],[4,5,6]]"#,
            r#"method="wilcoxon",levels=[[0,1],[2,3],[4,5,6]]"#,
            r#"method="win_odds",levels=[[0,1],[2],[3],[4,5,6]]"#,
            r#"method="proportional_odds",adjust_for=["nihss","occlusion_site"]"#,
            r#"method="logistic""#,
            r#"method="logistic",adjust_for=["nihss","onset_to_puncture","occlusion_site"]"#,
            r#"method="modified_poisson""#,
            r#"method="modified_poisson",cut=3,adjust_for=["nihss","occlusion_site"]"#,
            r#"method="wilcoxon""#,
            r#"method="wilcoxon",stratify_by=["nihss"]"#,
            r#"method="win_odds""#,
            r#"method="win_ratio""#,
            r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0]"#,
            r#"method="cochran_mantel_haenszel",stratify_by=["nihss","occlusion_site"]"#,
            r#"method="sliding_dichotomy",points=[{factor="nihss",of_levels=[0,1]}],cuts=[{from_points=0,cut=1},{from_points=1,cut=3}]"#,
            r#"method="two_proportions",missing={rule="single_value",mrs=5}"#,
            r#"method="two_proportions",population="per_protocol""#,
            r#"method="proportional_odds",population="as_treated""#,
        ][..],
    )
}

/// Overrides of ANGEL-REBOOT.
fn settings() -> impl Strategy<Value = Vec<String>> {
    let prognosis =
        prop::sample::select(&[[0.0, 0.0], [-0.8, 0.0], [-1.5, -1.0], [-2.0, -1.5]][..]);
    let dropout = prop::sample::select(&[0.0, 0.05, 0.15][..]);
    let looks = prop::sample::select(&[1, 1, 2, 3][..]);
    let ratio = prop::sample::select(
        &["{control=1,experimental=1}", "{control=1,experimental=2}", "{control=2,experimental=1}"]
            [..],
    );
    (randomisation(), analysis(), prognosis, dropout, looks, ratio, 160u32..600, 0.30..0.42f64).prop_map(
        |(randomisation, analysis, [first, last], dropout, looks, ratio, n, rate)| {
            let mut set = vec![
                format!("sample_size={{randomised={n}}}"),
                format!("design.looks={{equally_spaced={looks}}}"),
                format!("randomisation={randomisation}"),
                format!("analyses=[{{{analysis}}}]"),
                format!("factors[0].log_odds=[0,{first}]"),
                format!("factors[2].log_odds=[0,{last}]"),
                format!("missing.dropout={dropout}"),
                format!("arms.allocation_ratio={ratio}"),
                format!("outcome.experimental={{functional_independence={rate:.3}}}"),
            ];
            if analysis.contains("population") {
                set.push("adherence={control_crossover={probability=0.1},experimental_refusal={probability=0.1}}".into());
            }
            set
        },
    )
}

#[test]
fn every_formula_is_close_to_the_simulation() {
    let config = Config { rng_seed: RngSeed::Fixed(20_261_129), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let (mut with_formula, mut excess) = (0, [0.0; 2]);
    let mut failures = Vec::new();
    for _ in 0..SCENARIOS {
        let set = settings().new_tree(&mut runner).expect("a strategy without filters").current();
        let scenario = Scenario::parse(&angel_reboot(), &set).expect("a valid scenario");
        let result = simulate_scenario(&scenario, REPLICATES);
        let mut all = true;
        for (truth, allowed) in [(Alternative, POWER), (Null, TYPE_I_ERROR)] {
            let analysis = result.first_analysis(truth);
            let Some(formula) = &analysis.normal_approximation else {
                all = false;
                continue;
            };
            let difference = analysis.rejection.value - formula.rejection;
            let error = (formula.rejection * (1.0 - formula.rejection) / REPLICATES as f64).sqrt();
            excess[truth.index()] += difference * difference - error * error;
            if difference.abs() > allowed + ERRORS * error {
                failures.push(format!(
                    "{difference:.4} ±{error:.4} of {} under {truth:?}: {set:?}",
                    formula.rejection
                ));
            }
        }
        with_formula += usize::from(all);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(with_formula >= 200, "{with_formula} of {SCENARIOS} have a formula");
    // Over all scenarios, the mean square of the difference without Monte Carlo error: a hundredth of power.
    let root = excess.map(|sum| (sum.max(0.0) / with_formula as f64).sqrt());
    assert!(root[0] < 0.012 && root[1] < 0.004, "{root:?}");
}

/// With 38 control patients, of whom 9.5 have a success, the nominal level of 0.025 would be the formula. By
/// enumeration of both binomials in Python the unpooled test has 0.036 and Katz's test of the log risk ratio, which
/// is modified Poisson regression without covariates, 0.013; logistic regression has 0.019, the pooled test 0.022.
#[test]
fn tests_far_from_their_level_have_no_formula_of_the_type_i_error() {
    let trial = [
        "sample_size={randomised=114}",
        "design.looks={equally_spaced=1}",
        "missing.dropout=0",
        r#"randomisation={method="permuted_blocks",block_sizes=[3]}"#,
        "arms.allocation_ratio={control=1,experimental=2}",
        "outcome.experimental={common_odds_ratio=3.0}",
        r#"analyses=[{name="unpooled",method="two_proportions",test="unpooled_z"},
            {name="katz",method="modified_poisson"},
            {name="logistic",method="logistic"},{name="pooled",method="two_proportions"}]"#,
    ];
    let result = simulate(&trial, 20_000);
    for (name, exact, has_formula) in [
        ("unpooled", 0.0362, false),
        ("katz", 0.0133, false),
        ("logistic", 0.0192, true),
        ("pooled", 0.0223, true),
    ] {
        let [power, error] = [Alternative, Null].map(|truth| result.analysis(truth, name));
        assert!((error.rejection.value - exact).abs() < 4.0 * error.rejection.mcse, "{name}");
        assert!(power.normal_approximation.is_some(), "{name}");
        assert_eq!(error.normal_approximation.is_some(), has_formula, "{name}");
        assert_eq!(power.formula.contains("; none for the type I error, as an arm"), !has_formula);
        assert_eq!(error.formula.starts_with("none, as an arm"), !has_formula, "{}", error.formula);
    }
    // With 60 control patients 15 have a success.
    let larger = [&trial[..], &["sample_size={randomised=180}"]].concat();
    let error = simulate(&larger, 1).analysis(Null, "unpooled").normal_approximation.is_some();
    assert!(error);
}

fn formula(set: &[&str], truth: Truth) -> (Option<f64>, String) {
    let result = simulate(set, 1);
    let analysis = result.first_analysis(truth);
    (analysis.normal_approximation.as_ref().map(|it| it.rejection), analysis.formula.clone())
}

/// Powers of 100 control and 200 experimental patients, 25 % v 40 %, by enumeration of both binomials
/// in Python. With a variance of 1 the formulas would be 0.019 and 0.032 lower.
#[test]
fn statistics_of_expected_data_have_their_variance_under_the_alternative() {
    let trial = [
        "sample_size={randomised=300}",
        "design.looks={equally_spaced=1}",
        "missing.dropout=0",
        r#"randomisation={method="permuted_blocks",block_sizes=[3]}"#,
        "arms.allocation_ratio={control=1,experimental=2}",
    ];
    for (method, exact) in [("logistic", 0.7400), ("modified_poisson", 0.7120)] {
        let analyses = format!("analyses=[{{method=\"{method}\"}}]");
        let (power, words) = formula(&[&trial[..], &[&analyses]].concat(), Alternative);
        let power = power.expect("it has a formula");
        assert!((power - exact).abs() < 0.003, "{method}: {power}");
        assert!(words.contains("by the delta method"), "{words}");
    }
}

/// Under H0 minimisation on prognostic factors leaves two proportions a type I error of 0.0167 (an
/// independent simulation; 0.0178 ±0.0009 in 20 000 trials here) instead of 0.025, and `check` warns
/// about it. Re-randomisation keeps its level.
#[test]
fn tests_that_ignore_balanced_factors_are_conservative() {
    let prognostic = ["factors[0].log_odds=[0,-2.0]", "factors[2].log_odds=[0,-1.5]"];
    let (error, words) = formula(&prognostic, Null);
    assert!((0.0160..0.0180).contains(&error.expect("it exists")), "{error:?}");
    assert!(words.contains("the variance that the randomisation balances"), "{words}");
    let free = [&prognostic[..], &[r#"randomisation={method="complete"}"#]].concat();
    assert!((formula(&free, Null).0.expect("it exists") - 0.025).abs() < 1e-6);
    let again =
        [&prognostic[..], &[r#"analyses=[{method="two_proportions",rerandomisations=999}]"#]]
            .concat();
    assert!((formula(&again, Null).0.expect("it exists") - 0.025).abs() < 1e-3);
    let few = [&prognostic[..], &[r#"analyses=[{method="two_proportions",rerandomisations=99}]"#]]
        .concat();
    assert_eq!(formula(&few, Null).0, None);
    let warnings = rescuesim::expected::warnings(&scenario(&prognostic));
    let warned = warnings.iter().any(|warning| warning.contains("adjust for the factors"));
    assert!(warned, "{warnings:?}");
}

/// As treated, with missing outcomes set by arm: by the arm of the treatment received, as simulated
/// (0.511 under H0; the allocated arm gives 0.219).
#[test]
fn imputation_by_arm_uses_the_arm_of_the_analysis() {
    let set = [
        "adherence={control_crossover={probability=0.2},experimental_refusal={probability=0.2}}",
        "sample_size={randomised=312}",
        "design.looks={equally_spaced=1}",
        r#"analyses=[{method="two_proportions",population="as_treated",missing={rule="by_arm",control=3,experimental=1}}]"#,
    ];
    let error = formula(&set, Null).0.expect("it exists");
    assert!((error - 0.511).abs() < 0.01, "{error}");
}

/// Strata of one or two patients have no formula, since expected numbers do not describe them.
#[test]
fn sparse_strata_have_no_formula() {
    let levels: Vec<String> = (0..200).map(|level| format!("\"s{level}\"")).collect();
    let site = format!(
        "factors=[{{name=\"site\",levels=[{}],shares=[{}]}}]",
        levels.join(","),
        vec!["0.005"; 200].join(",")
    );
    for method in [
        r#"{method="cochran_mantel_haenszel",stratify_by=["site"]}"#,
        r#"{method="wilcoxon",stratify_by=["site"]}"#,
    ] {
        let analyses = format!("analyses=[{method}]");
        let set = [&site, r#"randomisation={method="complete"}"#, &analyses];
        let (power, words) = formula(&set, Alternative);
        assert_eq!((power, words.as_str()), (None, "none, as most strata have a few patients"));
    }
}

/// Tests of successes within strata, in unequal arms or of imputed outcomes differ from two proportions in
/// the formula as they do in the simulation, in which both see the same trials: the paired difference of two
/// powers has an error of 0.0006, and the largest true difference from the formula seen is 0.004.
#[test]
fn analyses_of_successes_differ_from_two_proportions_by_formula_as_in_trials() {
    let analyses = r#"analyses=[{name="plain",method="two_proportions"},
        {name="cmh",method="cochran_mantel_haenszel",stratify_by=["nihss"]},
        {name="wald",method="logistic"},
        {name="adjusted",method="logistic",adjust_for=["nihss"]},
        {name="worst",method="two_proportions",missing={rule="single_value",mrs=6}}]"#;
    for ratio in ["{control=1,experimental=2}", "{control=2,experimental=1}"] {
        let ratio = format!("arms.allocation_ratio={ratio}");
        let result = simulate(&[analyses, &ratio], 20_000);
        let powers = |name: &str| {
            let analysis = result.analysis(Alternative, name);
            let formula = analysis.normal_approximation.as_ref().expect("it has a formula");
            [analysis.rejection.value, formula.rejection]
        };
        let [plain, plain_by_formula] = powers("plain");
        for name in ["cmh", "wald", "adjusted", "worst"] {
            let [simulated, by_formula] = powers(name);
            let difference = (simulated - plain) - (by_formula - plain_by_formula);
            assert!(difference.abs() < 0.006, "{ratio} {name}: {difference}");
        }
    }
}

/// Large effects, few patients and unequal arms: the distances that `src/expected/README.md` lists, measured in
/// 100 000 trials, with half a point of tolerance and 3.7 standard errors. With a fresh seed one of 15
/// comparisons would fail by chance in one of 300 runs, if all distances were at their limits.
#[test]
fn formulas_of_a_large_effect_in_unequal_arms_are_as_far_from_the_simulation_as_stated() {
    let analyses = r#"analyses=[{name="shift",method="proportional_odds",test="score"},
        {name="ranks",method="wilcoxon"},
        {name="utilities",method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0]},
        {name="strata",method="cochran_mantel_haenszel",stratify_by=["nihss","occlusion_site"]},
        {name="successes",method="two_proportions"}]"#;
    let stated = [
        ("shift", [0.008, 0.009, 0.008]),
        ("ranks", [0.003, 0.002, 0.001]),
        ("utilities", [-0.003, -0.001, 0.001]),
        ("strata", [0.004, 0.000, 0.003]),
        ("successes", [-0.002, -0.008, -0.002]),
    ];
    for (i, ratio) in
        ["control=1,experimental=1", "control=1,experimental=2", "control=2,experimental=1"]
            .into_iter()
            .enumerate()
    {
        let ratio = format!("arms.allocation_ratio={{{ratio}}}");
        let set = [
            analyses,
            &ratio,
            "sample_size={randomised=114}",
            "design.looks={equally_spaced=1}",
            "missing.dropout=0",
            "factors[0].log_odds=[0,-2.0]",
            "factors[2].log_odds=[0,-1.0]",
            r#"randomisation={method="permuted_blocks",block_sizes=[6]}"#,
            "outcome.experimental={common_odds_ratio=3.0}",
        ];
        let result = simulate(&set, 20_000);
        for (name, distances) in stated {
            let analysis = result.analysis(Alternative, name);
            let formula = analysis.normal_approximation.as_ref().expect("it has a formula");
            let found = formula.rejection - analysis.rejection.value;
            let allowed = 0.005 + 3.7 * analysis.rejection.mcse;
            assert!((found - distances[i]).abs() < allowed, "{ratio} {name}: {found}");
        }
    }
}

/// A conservative test has a type I error by formula where its correction is known, and none elsewhere.
#[test]
fn conservative_tests_have_no_nominal_type_i_error() {
    for test in ["fisher", "continuity_corrected"] {
        let plain = format!("analyses=[{{method=\"two_proportions\",test={test:?}}}]");
        let (error, _) = formula(&[&plain], Null);
        assert!(error.is_some_and(|error| error < 0.022), "{test} {error:?}");
        for analysis in [
            format!(
                "method=\"two_proportions\",test={test:?},missing={{rule=\"single_value\",mrs=6}}"
            ),
            format!(
                "method=\"sliding_dichotomy\",test={test:?},points=[{{factor=\"nihss\",of_levels=[0,1]}}],cuts=[{{from_points=0,cut=1}},{{from_points=1,cut=3}}]"
            ),
        ] {
            let (error, words) = formula(&[&format!("analyses=[{{{analysis}}}]")], Null);
            assert!(
                error.is_none() && words.contains("conservative"),
                "{analysis}: {error:?} {words}"
            );
        }
    }
}

/// With few events the variance of a test against a margin is not that of the expected arms.
#[test]
fn equivalence_with_few_events_has_no_formula() {
    let few = [
        "sample_size={randomised=160}",
        "arms.allocation_ratio={control=3,experimental=1}",
        "randomisation={method=\"complete\"}",
        "missing.dropout=0",
        "design.looks={equally_spaced=1}",
        "outcome.experimental.common_odds_ratio=1.0",
        "hypothesis={type=\"equivalence\",margin={risk_ratio=0.4}}",
        "analyses=[{method=\"two_proportions\",cut=2,test=\"miettinen_nurminen\",effect=\"log_risk_ratio\"}]",
    ];
    let (power, words) = formula(&few, Alternative);
    assert!(power.is_none() && words.contains("fewer than"), "{power:?} {words}");
    let (power, words) =
        formula(&[&["sample_size={randomised=1600}"], &few[1..]].concat(), Alternative);
    assert!(power.is_some(), "{words}");
}
