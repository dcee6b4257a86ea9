//! Every analysis on the trials of ANGEL-REBOOT: power compared with an independent simulation, type I
//! error, and the effect of minimisation on strong prognostic factors.
//!
//! Seeds are fixed, so a test always passes or always fails; with a fresh seed, each comparison would
//! fail by chance with the probability of its number of standard errors (3: one in 370; 4: one in
//! 16 000).

use rescuesim::engine::Accumulator;
use rescuesim::num::normal::upper_quantile;
use rescuesim::scenario::Truth::{self, Alternative, Null};
use rescuesim::summary::OperatingCharacteristics;
use rescuesim::trial::ReplicateResult;

use crate::util::{Results, accumulate, assert_within, only, scenario_file, simulate_file};

const ANALYSES: &str = "scenarios/angel-reboot-analyses.toml";
const NO_LOSS: &str = "missing.dropout=0";
const ONE_LOOK: &str = "design.looks={equally_spaced=1}";

/// Blocks of two and the same length of follow-up for all patients: 52 patients per arm at every look.
const EQUAL_ARMS: [&str; 4] = [
    "sample_size={randomised=312,analysed=312}",
    NO_LOSS,
    r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
    "follow_up.window_days=0",
];

const MORTALITY_NEUTRAL: &str =
    "outcome.experimental={distribution=[9.66,12.87,17.47,15.85,17.06,7.09,20.00]}";

/// Fails unless every named analysis rejects as often as expected, within `half` and the given number of
/// Monte Carlo errors.
fn assert_rejections(
    result: &OperatingCharacteristics,
    truth: Truth,
    expected: &[(&str, f64)],
    half: f64,
    errors: f64,
) {
    for (name, rejection) in expected {
        let found = result.analysis(truth, name).rejection;
        assert_within(name, found, rejection - half, rejection + half, errors);
    }
}

/// Rejection rates in R from 1 000 000 trials: counts of both arms by `rmultinom`, 52 + 52 per look, the
/// statistics implemented independently from textbook formulas on the counts (`phyper` for
/// Fisher's test, `pt` and `qnorm` for the t tests, Woolf's error for the logistic model, the variances
/// of ranks and U statistics for the others), stopped at Z of 3.7103, 2.5114 or 1.9930. Their errors are
/// below 0.0005, a quarter of those here.
const UNADJUSTED: [&str; 12] = [
    "pooled",
    "unpooled",
    "Yates",
    "Fisher",
    "mid-p",
    "logistic",
    "PO score",
    "Wilcoxon",
    "win odds",
    "win ratio",
    "utility t",
    "utility Welch",
];

/// Fails unless every rejection rate is that of R for [`UNADJUSTED`], within 3.5 Monte Carlo errors (one
/// in 2 000 fails by chance) and half a digit.
fn assert_as_in_r(result: &OperatingCharacteristics, truth: Truth, rejections: [f64; 12]) {
    let expected: Vec<_> = UNADJUSTED.into_iter().zip(rejections).collect();
    assert_rejections(result, truth, &expected, 5e-4, 3.5);
}

/// 25 % v 40 % at a common odds ratio of 2, 312 analysed at three looks: the whole mRS has more power
/// than a cut. Planned: shift 0.931, utilities 0.927 (with one look; 0.925 with three).
#[test]
fn the_whole_scale_gains_power_under_proportional_odds() {
    let names = only(ANALYSES, &UNADJUSTED);
    let set = [&EQUAL_ARMS[..], &[&names]].concat();
    let result = simulate_file(ANALYSES, &set, 20_000);
    let power = [
        0.80783, 0.81084, 0.77083, 0.77315, 0.80441, 0.80539, 0.93112, 0.93066, 0.92935, 0.92925,
        0.92520, 0.92519,
    ];
    assert_as_in_r(&result, Alternative, power);
    let error = [
        0.02504, 0.02624, 0.01828, 0.01845, 0.02403, 0.02459, 0.02521, 0.02499, 0.02438, 0.02434,
        0.02529, 0.02528,
    ];
    assert_as_in_r(&result, Null, error);
}

/// The same increase of mRS 0–2 without an effect on mortality turns the gain into a loss.
#[test]
fn the_whole_scale_loses_power_if_mortality_is_unchanged() {
    let names = only(ANALYSES, &UNADJUSTED);
    let set = [&EQUAL_ARMS[..], &[MORTALITY_NEUTRAL, &names]].concat();
    let result = simulate_file(ANALYSES, &set, 20_000);
    let power = [
        0.80793, 0.81100, 0.77125, 0.77356, 0.80460, 0.80560, 0.68859, 0.68732, 0.67951, 0.67954,
        0.74916, 0.74915,
    ];
    assert_as_in_r(&result, Alternative, power);
}

/// Methods whose approximation is accurate enough at 600 patients.
const AT_NOMINAL: [&str; 17] = [
    "pooled",
    "mid-p",
    "logistic",
    "logistic adj",
    "CMH",
    "sliding",
    "PO score",
    "PO Wald",
    "PO LR",
    "PO merged",
    "PO adj score",
    "PO adj Wald",
    "PO adj LR",
    "Wilcoxon",
    "van Elteren",
    "utility t",
    "utility adj",
];

/// 600 patients allocated by complete randomisation, with prognostic factors: every analysis has its
/// nominal level, adjusted or not, except those that are conservative by construction. At this size the
/// error of the normal approximation is below 0.0006.
#[test]
fn every_analysis_has_its_type_i_error_in_large_trials() {
    let set = ["sample_size={randomised=600,analysed=600}", BY_COIN, NO_LOSS, ONE_LOOK];
    let set = [&set[..], &STRONG].concat();
    let result = simulate_file(ANALYSES, &set, 8_000);
    for name in AT_NOMINAL.iter().chain(&["unpooled", "win odds", "win ratio", "utility Welch"]) {
        assert_within(name, result.analysis(Null, name).rejection, 0.0244, 0.0256, 3.0);
    }
    // Tests conditional on the margins reject a fifth less often, on the same trials.
    let pooled = result.analysis(Null, "pooled").rejection.value;
    for name in ["Yates", "Fisher"] {
        let rejection = result.analysis(Null, name).rejection.value;
        assert!(rejection < 0.9 * pooled, "{name}: {rejection} of {pooled}");
    }
}

/// 30 patients per arm: tests that estimate the variance under the alternative reject too often on the
/// risk scale (unpooled Z) and too rarely on the log odds scale (Wald; win odds and ratio); tests
/// conditional on the margins reject too rarely. Compared with R, 1 000 000 trials, as above.
#[test]
fn approximate_tests_miss_their_level_in_small_trials() {
    let names = only(ANALYSES, &UNADJUSTED);
    let small = "sample_size={randomised=60,analysed=60}";
    let set = [&EQUAL_ARMS[..], &[small, ONE_LOOK, &names]].concat();
    let result = simulate_file(ANALYSES, &set, 30_000);
    let error = [
        0.02468, 0.03017, 0.01278, 0.01278, 0.02140, 0.01983, 0.02559, 0.02464, 0.02212, 0.02180,
        0.02517, 0.02514,
    ];
    assert_as_in_r(&result, Null, error);
    let unpooled = result.analysis(Null, "unpooled").rejection;
    assert!(unpooled.value - 3.0 * unpooled.mcse > 0.025, "{unpooled:?}");
    for name in ["Yates", "Fisher", "mid-p", "logistic", "win odds", "win ratio"] {
        let rejection = result.analysis(Null, name).rejection;
        assert!(rejection.value + 3.0 * rejection.mcse < 0.025, "{name}: {rejection:?}");
    }
}

/// Factors whose odds ratios are 4.5, 2.7 and 2.7.
const STRONG: [&str; 3] =
    ["factors[0].log_odds=[0,-1.5]", "factors[1].log_odds=[0,1]", "factors[2].log_odds=[0,-1]"];

const BY_COIN: &str = r#"randomisation={method="complete"}"#;

const ONCE_312: [&str; 3] = ["sample_size={randomised=312,analysed=312}", NO_LOSS, ONE_LOOK];

const MINIMISED: [(&str, f64); 6] = [
    ("pooled", 0.01780),
    ("PO score", 0.01322),
    ("win odds", 0.01280),
    ("utility t", 0.01360),
    ("CMH", 0.02456),
    ("van Elteren", 0.02452),
];

/// Minimisation makes the arms more similar than chance, so an analysis that ignores the factors
/// assumes too large a variance; stratified by them it keeps its level. The reference is R, which
/// repeats the minimisation in 350 000 trials.
#[test]
fn unadjusted_analyses_are_conservative_after_minimisation() {
    let names = MINIMISED.map(|(name, _)| name);
    let analyses = only(ANALYSES, &names);
    let set = [&ONCE_312[..], &STRONG, &[&analyses]].concat();
    let minimised = simulate_file(ANALYSES, &set, 100_000);
    // R's errors are half of those here, so 3.5 errors of the difference are 4 of the simulation.
    assert_rejections(&minimised, Null, &MINIMISED, 0.0, 4.0);
    let by_coin = simulate_file(ANALYSES, &[&set[..], &[BY_COIN]].concat(), 20_000);
    for name in names {
        assert_within(name, by_coin.analysis(Null, name).rejection, 0.0243, 0.0257, 3.0);
    }
}

/// After minimisation, an analysis adjusted for the balanced factors has its nominal level and more
/// power; the likelihood ratio of eleven parameters is slightly above the level at this size.
#[test]
fn adjusted_analyses_have_their_level_after_minimisation() {
    let adjusted = ["logistic adj", "PO adj score", "PO adj LR", "utility adj"];
    let analyses = only(ANALYSES, &[&["PO score"], &adjusted[..]].concat());
    let set = [&ONCE_312[..], &STRONG, &[&analyses]].concat();
    let minimised = simulate_file(ANALYSES, &set, 8_000);
    for name in adjusted {
        assert_within(name, minimised.analysis(Null, name).rejection, 0.0245, 0.0265, 3.0);
    }
    let [unadjusted, adjusted] =
        ["PO score", "PO adj score"].map(|name| minimised.analysis(Alternative, name).rejection);
    assert!(adjusted.value > unadjusted.value + 5.0 * unadjusted.mcse);
}

/// Z of the analyses under the null, replicate by replicate.
struct NullZ(Vec<Vec<f64>>);

impl Accumulator for NullZ {
    fn add(&mut self, results: &[ReplicateResult]) {
        for trial in results[0].trials.iter().filter(|trial| trial.truth == Truth::Null) {
            self.0[trial.analysis].push(trial.z[0]);
        }
    }
    fn merge(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(all, of)| all.extend(of));
    }
}

/// Variance of statistics whose mean is 0.
fn variance(z: &[f64]) -> f64 {
    z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64
}

/// Repeating the minimisation for the same patients gives the test its level at any α, on either
/// side, although the statistic's own distribution does not: with 199 repeats P(p ≤ α) is at most α,
/// and equal to α without ties.
#[test]
fn rerandomisation_restores_the_level_after_minimisation() {
    const REPLICATES: u64 = 1_000;
    let analyses = r#"analyses=[
        {name="by chance",method="proportional_odds"},
        {name="anew",method="proportional_odds",rerandomisations=199}]"#;
    let set = [&ONCE_312[..], &STRONG, &[analyses]].concat();
    let scenario = scenario_file(ANALYSES, &set);
    let z = accumulate(&scenario, 0..REPLICATES, None, || NullZ(vec![Vec::new(); 2])).0;
    let [by_chance, anew] = <[Vec<f64>; 2]>::try_from(z).expect("two analyses");
    for alpha in [0.025, 0.05, 0.1] {
        // p is a multiple of 1/200; the tolerance below its normal score includes no other p.
        let boundary = upper_quantile(alpha) - 1e-9;
        let mcse = (alpha * (1.0 - alpha) / REPLICATES as f64).sqrt();
        for side in [1.0, -1.0] {
            let rejections = anew.iter().filter(|&&z| side * z >= boundary).count();
            let share = rejections as f64 / REPLICATES as f64;
            assert!((share - alpha).abs() < 3.0 * mcse, "{alpha}: {share}");
        }
    }
    // The error is √(2/1 000) = 0.045. R has a variance of 0.883² = 0.780 under minimisation.
    assert!((variance(&anew) - 1.0).abs() < 0.135, "{}", variance(&anew));
    assert!((variance(&by_chance) - 0.780).abs() < 0.105, "{}", variance(&by_chance));
}
