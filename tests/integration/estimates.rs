//! Estimates after a trial are accurate for their estimands, and simulated probabilities have a valid error.

use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::scenario::Truth::Alternative;

use crate::util::{Results, assert_within, scenario_file, simulate_file, simulate_range};

const ONE_LOOK: &str = "scenarios/angel-rescue.toml";

/// A trial with one look needs no adjustment of its estimate, whatever its statistic.
#[test]
fn one_look_needs_no_adjustment() {
    let analyses = r#"analyses=[{name="rerandomised",method="proportional_odds",rerandomisations=9},
        {name="fisher",method="two_proportions",test="fisher"},
        {name="corrected",method="two_proportions",test="continuity_corrected"},
        {name="score",method="proportional_odds",test="score"},
        {name="ratio",method="proportional_odds",test="likelihood_ratio"},
        {name="wins",method="wilcoxon"}]"#;
    let result = simulate_file(ONE_LOOK, &[&analyses.replace('\n', "")], 200);
    for truth in &result.truths {
        for analysis in &truth.analyses {
            let (plain, adjusted) =
                (&analysis.estimate.overall, &analysis.estimate.median_unbiased);
            let difference = adjusted.mean.value - plain.mean.value;
            assert!(difference.abs() < 1e-6, "{}: {difference}", analysis.name);
        }
    }
}

/// Estimates allow for non-binding futility that the simulation heeds: median and coverage are those of
/// stage-wise ordering, ½ and 95 %. Four comparisons at 3.5 errors fail by chance in one of 540 sets of
/// seeds.
#[test]
fn adjusted_estimates_allow_for_heeded_futility() {
    let set = [
        r#"design.futility={rule="z",bounds=[0.5,1.0]}"#,
        r#"analyses=[{name="shift",method="proportional_odds",test="wald"}]"#,
        "missing.dropout=0",
        "sample_size={randomised=312,analysed=312}",
    ];
    let result = simulate_file("scenarios/angel-reboot.toml", &set, 20_000);
    for truth in &result.truths {
        let adjusted = &truth.analyses[0].estimate.median_unbiased;
        assert_within("above the truth", adjusted.above_truth, 0.49, 0.51, 3.5);
        assert_within("coverage", adjusted.coverage, 0.945, 0.955, 3.5);
    }
}

/// No success in either arm gives a difference of 0, which enters the mean: the risk difference is
/// unbiased for rare successes, too.
#[test]
fn a_difference_without_successes_enters_the_mean() {
    let set = [
        "outcome.control=[2,10,13,16,25,14,20]",
        "outcome.experimental={distribution=[5,10,13,16,24,13,19]}",
        "sample_size={randomised=60}",
        r#"randomisation={method="complete"}"#,
        r#"analyses=[{name="mRS 0",method="two_proportions",cut=0}]"#,
    ];
    let result = simulate_file(ONE_LOOK, &set, 20_000);
    for truth in &result.truths {
        for analysis in &truth.analyses {
            let estimate = &analysis.estimate.overall;
            assert_within(&analysis.name, estimate.bias, 0.0, 0.0, 4.0);
            assert_eq!(estimate.mean.n, 20_000, "{}", analysis.name);
        }
    }
}

/// Power by control variate compared with that of the enumeration: 95 % of the intervals of 1.96 errors
/// contain it, in runs of 400, 1 000 and 10 000 replicates. Bounds at 3.5 binomial errors below, which
/// fail by chance in one of 1 400 sets of seeds.
#[test]
fn errors_by_control_variate_are_valid_at_any_number_of_replicates() {
    let set = [
        r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
        "missing.dropout=0",
        "sample_size={randomised=312}",
        r#"analyses=[{name="it",method="two_proportions"}]"#,
        "run.variance_reduction=true",
    ];
    let scenario = scenario_file(ONE_LOOK, &set);
    let sizes = [ArmSizes { control: 156, experimental: 156 }];
    let (critical, never) = ([scenario.design.looks()[0].efficacy], [f64::NEG_INFINITY]);
    let exact =
        ExactDesign::new(&sizes, ExactStatistic::Pooled, &critical, &never).expect("one look");
    let exact_power = exact.probabilities([0.25, 0.40]).rejection;
    for (replicates, runs) in [(400, 200), (1_000, 120), (10_000, 30)] {
        let covered = (0..runs)
            .filter(|run| {
                let from = 1_000_000 + run * replicates;
                let result = simulate_range(&scenario, from..from + replicates, None);
                let power = result.first_analysis(Alternative).rejection_reduced;
                let reduced = power.expect("it is requested");
                (reduced.estimate.value - exact_power).abs() <= 1.96 * reduced.estimate.mcse
            })
            .count();
        let least = 0.95 * runs as f64 - 3.5 * (0.95 * 0.05 * runs as f64).sqrt();
        assert!(covered as f64 >= least, "{covered} of {runs} with {replicates}");
    }
}

/// Equal results in all replicates are no certainty: for none of n the one-sided 95 % confidence limit is
/// 1 − 0.05^(1/n), which is 0.0295 for n = 100 (Clopper & Pearson 1934).
#[test]
fn proportions_of_0_and_1_have_a_confidence_limit() {
    let set =
        [r#"analyses=[{name="it",method="two_proportions"}]"#, "sample_size={randomised=3000}"];
    let result = simulate_file(ONE_LOOK, &set, 100);
    let power = result.first_analysis(Alternative).rejection;
    assert_eq!((power.value, power.mcse), (1.0, 0.0));
    assert!((power.limit_95.expect("all reject") - 0.970487).abs() < 5e-7, "{power:?}");
    let reversal = result.first_analysis(Alternative).reversal;
    assert!((reversal.limit_95.expect("none") - 0.029513).abs() < 5e-7, "{reversal:?}");
}

/// The share above the true effect is counted in halves, whose number the limit must not have: with all of
/// 10 it is 0.05^(1/10) = 0.7411.
#[test]
fn a_share_above_the_true_effect_has_the_limit_of_its_trials() {
    let result = simulate_file("scenarios/angel-reboot.toml", &[], 20);
    let above = result.first_analysis(Alternative).estimate.stopped_early.above_truth;
    assert_eq!(above.value, 1.0);
    let all = libm::pow(0.05, 1.0 / above.n as f64);
    assert!((above.limit_95.expect("all are above") - all).abs() < 1e-12, "{above:?}");
}
