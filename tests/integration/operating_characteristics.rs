//! The simulation of ANGEL-REBOOT agrees with known results.
//!
//! Seeds are fixed, so a test always passes or always fails; with a fresh seed, each comparison would
//! fail by chance with the probability of its number of standard errors (3: one in 370; 4: one in
//! 16 000). Published values are allowed half a unit of their last digit.

use std::sync::LazyLock;

use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::scenario::Truth::{self, Alternative, Null};
use rescuesim::summary::OperatingCharacteristics;

use crate::util::{Results, assert_within, scenario, simulate, simulate_file, simulate_scenario};

const REPLICATES: u64 = 100_000;

/// Results of the shipped ANGEL-REBOOT, shared by its tests.
static AS_SHIPPED: LazyLock<OperatingCharacteristics> = LazyLock::new(|| simulate(&[], REPLICATES));

#[track_caller]
fn assert_rejection(
    result: &OperatingCharacteristics,
    truth: Truth,
    name: &str,
    low: f64,
    high: f64,
) {
    let rejection = result.analysis(truth, name).rejection;
    assert_within(name, rejection, low, high, 3.0);
}

const WITHOUT_DROPOUT: [&str; 2] = ["sample_size.randomised=312", "missing.dropout=0"];

/// 25 % v 40 %, common odds ratio 2, 312 analysed, under minimisation.
#[test]
fn power_without_dropout_is_as_planned() {
    let result = simulate(&WITHOUT_DROPOUT, REPLICATES);
    assert_rejection(&result, Alternative, "independence", 0.807, 0.808);
    assert_rejection(&result, Alternative, "shift", 0.9305, 0.9315);
    let shift = result.analysis(Alternative, "shift");
    for (look, expected) in shift.looks.iter().zip([0.034, 0.584, 0.313]) {
        assert_within("shift by look", look.efficacy, expected - 5e-4, expected + 5e-4, 3.0);
    }
    assert_within("shift, analysed", shift.n_analysed.mean, 243.5, 244.5, 3.0);

    assert_rejection(&result, Null, "independence", 0.0250, 0.0250);
    assert_rejection(&result, Null, "shift", 0.0246, 0.0246);
    for name in ["independence", "shift"] {
        let null = result.analysis(Null, name);
        for (look, expected) in null.looks.iter().zip([0.0001, 0.006, 0.019]) {
            let half = if expected < 0.001 { 5e-5 } else { 5e-4 };
            assert_within(name, look.efficacy, expected - half, expected + half, 3.0);
        }
    }
}

/// Estimates after a group-sequential trial: the estimate that ignores the looks is too large on
/// average and more often than not; the median-unbiased estimate is above and below the truth equally
/// often, and its interval covers the truth with 95 %. Both are normal approximations, accurate to half
/// a percentage point here, where dropout varies the sample sizes and so the possible values of a
/// difference of counts.
#[test]
fn estimates_that_allow_for_the_looks_are_median_unbiased() {
    let result = &*AS_SHIPPED;
    for (truth, name) in
        [(Alternative, "independence"), (Alternative, "shift"), (Null, "independence")]
    {
        let estimate = &result.analysis(truth, name).estimate;
        let adjusted = &estimate.median_unbiased;
        assert_within("above", adjusted.above_truth, 0.495, 0.505, 3.0);
        assert_within("coverage", adjusted.coverage, 0.945, 0.955, 3.0);
        if truth == Alternative {
            assert_within("naive", estimate.overall.above_truth, 0.55, 0.57, 3.0);
            assert!(adjusted.bias.value < 0.7 * estimate.overall.bias.value);
            assert!(adjusted.rmse.value < estimate.overall.rmse.value);
        }
    }
    // A trial with one look has no looks to allow for.
    let one_look = [&WITHOUT_DROPOUT[..], &["design.looks={equally_spaced=1}"]].concat();
    let fixed = simulate(&one_look, 2_000);
    let fixed = &fixed.analysis(Alternative, "shift").estimate;
    assert!((fixed.median_unbiased.mean.value - fixed.overall.mean.value).abs() < 1e-7);
}

/// For all boundaries, with equal numbers of patients in each arm at every look, a simulation agrees with
/// the exact recursion over the successes in both arms: upper and lower stops, look by look.
#[test]
fn every_boundary_stops_as_often_as_the_exact_recursion() {
    let boundaries: [&[&str]; 4] = [
        &[r#"design.harm={rule="symmetric"}"#],
        &[
            r#"design.futility={rule="beta_spending",spending={rule="kim_demets",rho=2.0}}"#,
            "design.binding_futility=true",
            "design.futility_looks=[2]",
        ],
        &[
            r#"design.harm={rule="spending",spending={rule="lan_demets_pocock"},alpha_one_sided=0.1}"#,
            r#"design.futility={rule="p",bounds=[0.8,0.4]}"#,
            r#"design.efficacy={rule="haybittle_peto"}"#,
        ],
        &[
            r#"design.efficacy={rule="cumulative",spent=[0.001,0.01,0.025]}"#,
            "design.efficacy_looks=[2]",
            r#"design.harm={rule="spending",spending={rule="hwang_shih_decani",gamma=1.0},alpha_one_sided=0.05}"#,
            "design.harm_looks=[1]",
        ],
    ];
    for (experimental, set) in boundaries.iter().flat_map(|set| [(0.33, set), (0.16, set)]) {
        let independence = format!("outcome.experimental.functional_independence={experimental}");
        let blocks = r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#;
        let fixed = [blocks, "follow_up.window_days=0", &independence];
        let set = [&WITHOUT_DROPOUT[..], &fixed, set].concat();
        let scenario = scenario(&set);
        let found = scenario.design.boundaries();
        let sizes = [52, 104, 156].map(|n| ArmSizes { control: n, experimental: n });
        let exact =
            ExactDesign::new(&sizes, ExactStatistic::Pooled, &found.efficacy, &found.lower());
        let exact = exact.expect("three looks").probabilities([0.25, experimental]);
        let result = simulate_scenario(&scenario, 20_000);
        let binary = result.analysis(Alternative, "independence");
        for (k, look) in binary.looks.iter().enumerate() {
            let below = look.futility.value + look.harm.value;
            for (seen, exact) in [(look.efficacy.value, exact.upper[k]), (below, exact.lower[k])] {
                // Fails by chance once in 2 000 under normality.
                let reach = 3.5 * (exact * (1.0 - exact) / 20_000.0).sqrt();
                assert!((seen - exact).abs() <= reach, "{set:?}, look {k}: {seen} for {exact}");
            }
        }
    }
}

/// With 52 patients per arm at every look the counts are two independent binomials per look, for
/// which the power is known by enumeration: a recursion over the counts of both arms, in R.
#[test]
fn blocks_of_two_give_the_exact_binomial_power() {
    let set = [
        WITHOUT_DROPOUT.as_slice(),
        &[
            r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
            // Outcomes become known in the order of randomisation.
            "follow_up.window_days=0",
        ],
    ]
    .concat();
    let result = simulate(&set, REPLICATES);
    let binary = result.analysis(Alternative, "independence");
    let exact = 0.808138740495668;
    assert_within("power", binary.rejection, exact, exact, 3.0);
    let looks = [0.0159779301599609, 0.405689003, 0.386471807455054];
    for (look, exact) in binary.looks.iter().zip(looks) {
        assert_within("by look", look.efficacy, exact, exact, 3.0);
    }
    assert_within("analysed", binary.n_analysed.mean, 266.48493422714, 266.48493422714, 3.0);
    let null = result.analysis(Null, "independence");
    assert_within("type I error", null.rejection, 0.024975817544209, 0.024975817544209, 3.0);
    assert_within("analysed", null.n_analysed.mean, 311.365846465889, 311.365846465889, 3.0);
}

/// The planned trial: 348 randomised, 10 % dropout, follow-up completed at the final look.
#[test]
fn the_planned_trial_has_its_power_calendar_and_balance() {
    let result = &*AS_SHIPPED;
    assert_rejection(result, Alternative, "independence", 0.8085, 0.8095);
    assert_rejection(result, Alternative, "shift", 0.9315, 0.9325);
    assert_rejection(result, Null, "independence", 0.0252, 0.0252);
    assert_rejection(result, Null, "shift", 0.0245, 0.0245);

    let looks = &result.analysis(Null, "shift").looks;
    for (look, month, randomised) in [(&looks[0], 8.1, 182.0), (&looks[1], 13.3, 297.0)] {
        assert_within("month", look.month, month - 0.05, month + 0.05, 3.0);
        assert_within("randomised", look.n_randomised, randomised - 0.5, randomised + 0.5, 3.0);
    }

    // Mean absolute arm difference: whole trial; NIHSS ≥ 16, < 6 h, posterior.
    assert_balance(result, [1.025, 1.205, 1.200, 1.199]);
}

/// Checks the balance against a simulation of 200 000 replicates, so that the error of the difference is
/// √1.5 times that of the simulation here; 3 such errors are 3.7 of the latter.
#[track_caller]
fn assert_balance(result: &OperatingCharacteristics, expected: [f64; 4]) {
    let balance = &result.under(Alternative).balance;
    let second_levels = balance.levels.iter().skip(1).step_by(2);
    let measured = std::iter::once(&balance.arm_difference)
        .chain(second_levels.map(|level| &level.arm_difference));
    for (measured, expected) in measured.zip(expected) {
        let digit = if expected > 5.0 { 0.05 } else { 0.0005 };
        assert_within("balance", measured.mean, expected - digit, expected + digit, 3.7);
    }
}

#[test]
fn balance_by_variance_and_without_minimisation_agrees_with_r() {
    let replicates = 50_000;
    let variance = simulate(&["randomisation.imbalance=variance"], replicates);
    assert_balance(&variance, [0.979, 1.148, 1.145, 1.142]);
    let complete = simulate(&[r#"randomisation={method="complete"}"#], replicates);
    assert_balance(&complete, [14.87, 10.3, 8.4, 6.8]);
}

/// The shift analysis loses power if mortality does not follow the other cuts.
#[test]
fn the_shift_analysis_loses_power_without_proportional_odds() {
    let neutral = "outcome.experimental.distribution=[9.66,12.87,17.47,15.85,17.06,7.09,20.00]";
    let result = simulate(&[WITHOUT_DROPOUT.as_slice(), &[neutral]].concat(), REPLICATES);
    assert_rejection(&result, Alternative, "independence", 0.8065, 0.8075);
    assert_rejection(&result, Alternative, "shift", 0.6855, 0.6865);
    // The common odds ratio that the estimate approaches in large trials of this truth.
    let estimand = result.analysis(Alternative, "shift").estimate.truth.expect("it exists");
    assert!((libm::exp(estimand) - 1.64).abs() < 0.005, "{estimand}");
}

/// If the final number of outcomes differs from the plan, the type I error is still α: half the
/// patients of one arm drop out, and some trials never reach the last interim look.
#[test]
fn the_type_i_error_holds_for_any_final_number_of_outcomes() {
    let cases: [&[&str]; 3] = [
        &["missing.dropout={control=0.2,experimental=0.5}"],
        &["missing.dropout=0.40"],
        &["sample_size.analysed=250", "design.looks.equally_spaced=4", "missing.dropout=0"],
    ];
    for set in cases {
        let result = simulate(set, REPLICATES / 2);
        let shift = result.analysis(Null, "shift").rejection;
        assert_within(&format!("{set:?}"), shift, 0.0240, 0.0252, 3.0);
    }
}

/// O'Brien–Fleming-type β-spending, non-binding, at 312: power 0.771, expected
/// outcomes 177 under H0.
#[test]
fn non_binding_futility_costs_the_power_of_the_closed_form() {
    let futility =
        r#"design.futility={rule="beta_spending",spending={rule="lan_demets_obrien_fleming"}}"#;
    let result = simulate(&[WITHOUT_DROPOUT.as_slice(), &[futility]].concat(), REPLICATES);
    let shift = result.analysis(Alternative, "independence");
    let bounds: Vec<f64> = shift.looks.iter().filter_map(|look| look.z_futility).collect();
    assert!((bounds[0] + 0.236144607736061).abs() < 1e-6);
    assert!((bounds[1] - 1.17037203195904).abs() < 1e-6);
    let closed_form = shift.normal_approximation.as_ref().expect("it exists");
    assert!((closed_form.rejection - 0.771).abs() < 0.003);
    let null = result.analysis(Null, "independence");
    assert_within("futility at look 1", null.looks[0].futility, 0.397, 0.417, 3.0);
    let rejections = null.rejection;
    assert!(rejections.value < 0.025, "non-binding futility can only lower the type I error");
    assert_within("analysed", null.n_analysed.mean, 175.5, 178.5, 3.0);
}

/// With very unequal dropout, the closed form and the estimand follow the known outcomes. In a large
/// fixed trial the estimate is close to its estimand even without proportional odds.
#[test]
fn unequal_dropout_moves_closed_form_and_estimand() {
    let dropout = "missing.dropout={control=0,experimental=0.9}";
    let result = simulate(&[dropout], 20_000);
    for name in ["independence", "shift"] {
        let analysis = result.analysis(Alternative, name);
        let closed_form = analysis.normal_approximation.as_ref().expect("it exists").rejection;
        assert!((analysis.rejection.value - closed_form).abs() < 0.03, "{name}: {closed_form}");
    }
    let large = [
        dropout,
        "sample_size={randomised=20000}",
        "design.looks.equally_spaced=1",
        "outcome.experimental.distribution=[9.66,12.87,17.47,15.85,17.06,7.09,20]",
    ];
    let large = simulate(&large, 2_000);
    let shift = large.analysis(Alternative, "shift");
    assert_within("bias", shift.estimate.overall.bias, 0.0, 0.0, 4.0);
}

/// Levels without patients, and cuts that include all patients, give correct values or none.
#[test]
fn degenerate_outcomes_have_no_closed_form() {
    let no_deaths = "outcome.control=[20.6,23.3,8.7,21.1,19.8,6.5,0.0]";
    let odds = "outcome.experimental.common_odds_ratio=1.3";
    let result = simulate(&[no_deaths, odds, "analyses[0].cut=5"], 2_000);
    let shift = result.analysis(Alternative, "shift");
    let truth = shift.estimate.truth.expect("odds are proportional");
    assert!((libm::exp(truth) - 1.3).abs() < 1e-9);
    assert!(shift.normal_approximation.is_some());
    let all_succeed = result.analysis(Alternative, "independence");
    assert_eq!(all_succeed.rejection.value, 0.0);
    assert!(all_succeed.normal_approximation.is_none());
    // Every table of these patients has a difference of 0, without a statistic.
    assert_eq!((all_succeed.fit_failures, all_succeed.estimate.overall.mean.value), (0, 0.0));
    assert!(all_succeed.failed_looks >= 2_000, "{}", all_succeed.failed_looks);

    let apart = [
        "outcome.control=[0,0,0,0.1,0.1,0.1,0.7]",
        "outcome.experimental.distribution=[0.3,0.3,0.4,0,0,0,0]",
    ];
    let apart = simulate(&apart, 500);
    let shift = apart.analysis(Alternative, "shift");
    assert!(shift.estimate.truth.is_none() && shift.normal_approximation.is_none());
    assert!(shift.estimate.overall.bias.value.is_nan());

    // Outcomes are equal at the cut, or for the utilities.
    let of_one_kind = [
        "outcome.control=[0,0,0,50,50,0,0]",
        odds,
        r#"analyses=[{name="cmh",method="cochran_mantel_haenszel",stratify_by=["nihss"]},{method="logistic",adjust_for=["nihss"]},{method="utility_weighted",utilities=[1,0.9,0.8,0.5,0.5,0,0],adjust_for=["nihss"]}]"#,
    ];
    let of_one_kind = simulate(&of_one_kind, 100);
    for truth in [Alternative, Null] {
        for name in ["cmh", "logistic", "utility_weighted"] {
            let analysis = of_one_kind.analysis(truth, name);
            assert_eq!(analysis.rejection.value, 0.0);
            assert!(analysis.normal_approximation.is_none());
        }
    }

    let all_die = simulate(&["outcome.control=[0,0,0,0,0,0,100]", odds], 500);
    for truth in [Alternative, Null] {
        let shift = all_die.analysis(truth, "shift");
        assert_eq!(shift.fit_failures, 500);
        assert!(shift.normal_approximation.is_none());
    }
}

/// Estimates are unbiased in a fixed design and too large after an early stop.
#[test]
fn early_stopping_causes_bias() {
    let fixed = simulate(
        &[WITHOUT_DROPOUT.as_slice(), &["design.looks.equally_spaced=1"]].concat(),
        REPLICATES / 2,
    );
    let estimate = &fixed.analysis(Alternative, "independence").estimate;
    assert_within("bias", estimate.overall.bias, 0.0, 0.0, 3.0);
    assert_within("coverage", estimate.overall.coverage, 0.945, 0.952, 3.0);
    assert_eq!(estimate.stopped_early.mean.n, 0);
    let sequential = simulate(&WITHOUT_DROPOUT, REPLICATES / 2);
    let estimate = &sequential.analysis(Alternative, "independence").estimate;
    assert!(estimate.overall.bias.value > 10.0 * estimate.overall.bias.mcse);
    assert!(estimate.stopped_early.bias.value > estimate.overall.bias.value);
}

/// Fixed designs with fixed arm sizes, whose power is a sum over two binomials: ANGEL-RESCUE, 156
/// per arm, and Guo's 41 v 86 at four differences (pooled Z, enumerated with SciPy).
#[test]
fn fixed_designs_have_their_exact_power() {
    let rescue = simulate_file("scenarios/angel-rescue.toml", &[], REPLICATES);
    let (power, error) = (0.8121018387292762, 0.025114557043607842);
    assert_rejection(&rescue, Alternative, "independence", power, power);
    assert_rejection(&rescue, Null, "independence", error, error);
    let closed_form = &rescue.analysis(Alternative, "independence").normal_approximation;
    assert!((closed_form.as_ref().expect("it exists").rejection - 0.811).abs() < 0.0015);

    let differences = [
        ("0.623", 0.1826107847),
        ("0.673", 0.3605763103),
        ("0.723", 0.5851014210),
        ("0.773", 0.7942530167),
    ];
    for (experimental, power) in differences {
        let set = format!("outcome.experimental.functional_independence={experimental}");
        let guo = simulate_file("scenarios/guo-cohort.toml", &[&set], REPLICATES / 2);
        assert_rejection(&guo, Alternative, "independence", power, power);
    }
}
