//! Valid scenarios of every kind run to their end, and their results are consistent.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::engine::Accumulator;
use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::{Alternative, Null};
use rescuesim::summary::{OperatingCharacteristics, Tally};

use crate::util::{Results, accumulate, angel_reboot, simulate_scenario};

pub fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{method="complete"}"#.to_owned()),
        Just(r#"{method="permuted_blocks",block_sizes=[60],stratify_by=["nihss"]}"#.to_owned()),
        (0.5..=1.0f64, prop_oneof![Just(""), Just("\"nihss\"")]).prop_map(|(p, by)| format!(
            r#"{{method="efron",biased_coin_p={p},stratify_by=[{by}]}}"#
        )),
        (1u32..20, prop_oneof![Just(""), Just("\"occlusion_site\",\"nihss\"")]).prop_map(
            |(most, by)| format!(
                r#"{{method="big_stick",maximum_imbalance={most},stratify_by=[{by}]}}"#
            )
        ),
        (1u32..20, prop_oneof![Just(""), Just("\"nihss\"")]).prop_map(|(sets, by)| format!(
            r#"{{method="block_urn",balanced_sets={sets},stratify_by=[{by}]}}"#
        )),
        (0.001..=1.0f64, 0.5..=1.0f64, 0u32..50).prop_map(|(threshold, p, burn_in)| format!(
            r#"{{method="minimal_sufficient_balance",p_threshold={threshold},biased_coin_p={p},burn_in={burn_in}}}"#
        )),
        (prop_oneof!["range", "variance", "sd"], 0.5..1.0f64, any::<bool>()).prop_map(
            |(imbalance, p, preserve)| format!(
                r#"{{method="minimisation",imbalance="{imbalance}",biased_coin_p={p},preserve_ratio={preserve}}}"#
            )
        ),
    ]
}

pub fn efficacy() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{rule="none"}"#.to_owned()),
        Just(r#"{rule="pocock"}"#.to_owned()),
        Just(r#"{rule="obrien_fleming"}"#.to_owned()),
        Just(r#"{rule="haybittle_peto"}"#.to_owned()),
        (0.0..0.5f64).prop_map(|delta| format!(r#"{{rule="wang_tsiatis",delta={delta}}}"#)),
        Just(r#"{rule="lan_demets_pocock"}"#.to_owned()),
        (-20.0..10.0f64).prop_map(|gamma| format!(r#"{{rule="hwang_shih_decani",gamma={gamma}}}"#)),
        (0.2..6.0f64).prop_map(|rho| format!(r#"{{rule="kim_demets",rho={rho}}}"#)),
    ]
}

fn spending() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{rule="lan_demets_obrien_fleming"}"#.to_owned()),
        Just(r#"{rule="lan_demets_pocock"}"#.to_owned()),
        (-20.0..10.0f64).prop_map(|gamma| format!(r#"{{rule="hwang_shih_decani",gamma={gamma}}}"#)),
        (0.2..6.0f64).prop_map(|rho| format!(r#"{{rule="kim_demets",rho={rho}}}"#)),
    ]
}

/// Futility and harm.
pub fn lower() -> impl Strategy<Value = (String, String)> {
    let none = || Just(r#"{rule="none"}"#.to_owned());
    let at_most = 0.01..0.5f64;
    let futility = prop_oneof![
        none(),
        (spending(), 0.3..0.95f64).prop_map(|(spending, power)| format!(
            r#"{{rule="beta_spending",spending={spending},power={power}}}"#
        )),
        at_most.clone().prop_map(|p| format!(r#"{{rule="conditional_power",at_most={p}}}"#)),
        at_most
            .clone()
            .prop_map(|p| format!(r#"{{rule="conditional_power",under="planned",at_most={p}}}"#)),
        at_most.prop_map(|p| format!(r#"{{rule="predictive_power",at_most={p}}}"#)),
    ];
    let harm = prop_oneof![
        none(),
        Just(r#"{rule="symmetric"}"#.to_owned()),
        Just(r#"{rule="symmetric",spending="both_sides"}"#.to_owned()),
        (spending(), 0.001..0.3f64).prop_map(|(spending, alpha)| format!(
            r#"{{rule="spending",spending={spending},alpha_one_sided={alpha}}}"#
        )),
    ];
    (futility, harm)
}

fn sd() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..3.0f64]
}

/// Centres, in three of four scenarios, with a randomisation method that may use them.
pub fn centres() -> impl Strategy<Value = Vec<String>> {
    let opening = prop_oneof![
        Just(String::new()),
        (0.0..40.0f64).prop_map(|months| format!(",opening={{over_months={months}}}")),
    ];
    let given = (1u32..40, 0.1..5.0f64, opening, sd(), sd(), any::<bool>()).prop_map(
        |(number, shape, opening, outcome, dropout, by_centre)| {
            let centres = format!(
                "centres={{number={number},rate_shape={shape}{opening},outcome_sd={outcome},dropout_sd={dropout}}}"
            );
            let by = r#"analyses=[{method="two_proportions"},{method="cochran_mantel_haenszel",cut=2,stratify_by=["centre"]}]"#;
            std::iter::once(centres).chain(by_centre.then(|| by.to_owned())).collect()
        },
    );
    prop_oneof![1 => Just(Vec::new()), 3 => given]
}

/// Adverse events and the tipping-point table.
pub fn safety() -> impl Strategy<Value = Vec<String>> {
    let stopping = (spending(), 0.001..0.3f64).prop_map(|(spending, alpha)| {
        format!(",stopping={{spending={spending},alpha_one_sided={alpha}}}")
    });
    let rates = (0.0..=1.0f64, 0.0..=1.0f64, -2.0..2.0f64, 0.0..30.0f64);
    let tests = prop_oneof!["pooled_z", "unpooled_z", "continuity_corrected", "fisher_mid_p"];
    let endpoints = (rates, tests, prop_oneof![Just(String::new()), stopping]);
    let endpoints = endpoints.prop_map(|((control, experimental, slope, days), test, stopping)| {
        vec![
            format!(
                r#"safety={{endpoints=[{{name="a",event="stated",control={control},experimental={experimental},log_odds_per_mrs={slope},known_after_days={days},test="{test}"{stopping}}},{{name="b",event="death"}}]}}"#
            ),
            "description={tipping_point=true}".to_owned(),
        ]
    });
    prop_oneof![Just(Vec::new()), endpoints]
}

/// Overrides of ANGEL-REBOOT.
fn settings() -> impl Strategy<Value = Vec<String>> {
    let shares = prop::array::uniform7(prop_oneof![Just(0.0), 0.0..1.0f64])
        .prop_filter("some level has patients", |shares| shares.iter().sum::<f64>() > 0.1)
        .prop_map(|shares| {
            let sum: f64 = shares.iter().sum();
            shares.map(|share| share / sum)
        });
    let size = (2u32..250, 1u32..6).prop_filter("looks fit in", |(n, looks)| n / 3 >= *looks);
    let prior = (-2.0..2.0f64, prop_oneof![Just(0.0), 0.0..1.0f64]);
    let numbers = (size, 0.0..0.9f64, 0.0..0.9f64, 0.1..10.0f64, 0.0..60.0f64);
    let rules = (method(), efficacy(), lower(), any::<bool>());
    // Half of the ratios are equal, as some methods require.
    let ratio = prop_oneof![Just((1, 1)), (1u32..6, 1u32..6)];
    (numbers, ratio, shares, rules, (prior, centres(), safety()), any::<u32>()).prop_map(
        |((size, dropout_c, dropout_e, odds, lag), ratio, shares, rules, others, seed)| {
            let (method, efficacy, (futility, harm), binding) = rules;
            let ((mean, sd), centres, safety) = others;
            let set = vec![
                format!("prior={{components=[{{log_odds_ratio={{mean={mean},sd={sd}}}}}]}}"),
                format!("sample_size={{randomised={},analysed={}}}", size.0, size.0),
                format!("design.looks.equally_spaced={}", size.1),
                format!("missing.dropout={{control={dropout_c},experimental={dropout_e}}}"),
                format!("outcome.control={shares:?}"),
                format!("outcome.experimental.common_odds_ratio={odds}"),
                format!("design.decision_lag_days={lag}"),
                format!("arms.allocation_ratio={{control={},experimental={}}}", ratio.0, ratio.1),
                format!("randomisation={method}"),
                format!("design.efficacy={efficacy}"),
                format!("design.futility={futility}"),
                format!("design.harm={harm}"),
                format!("design.binding_futility={binding}"),
                format!("run.seed={seed}"),
            ];
            set.into_iter().chain(centres).chain(safety).collect()
        },
    )
}

/// Possible refusals, each with the settings of which at least one must be present.
const REFUSALS: [(&str, &[&str]); 10] = [
    ("block_sizes", &["permuted_blocks"]),
    ("allowed with randomisation.method = ", &["efron", "big_stick", "minimal_sufficient_balance"]),
    ("`prior` shifts nothing", &["prior="]),
    ("a symmetric two-sided test", &["rule=\"symmetric\""]),
    (
        "cannot be reached by these looks",
        &["obrien_fleming", "pocock", "haybittle", "wang_tsiatis"],
    ),
    ("has no efficacy boundary that goes with it", &["design.harm={rule="]),
    ("below the efficacy bound of look", &["design.futility={rule="]),
    ("has no closed form with these arms", &["conditional_power", "predictive_power"]),
    ("allowed with interim looks", &["design.looks.equally_spaced=1"]),
    ("is never tested before the final look", &["stopping="]),
];

#[test]
fn every_valid_scenario_runs_and_its_quantities_are_consistent() {
    let accepted = AtomicU32::new(0);
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(300) };
    let checked = TestRunner::new(config).run(&settings(), |settings| {
        let scenario = match Scenario::parse(&angel_reboot(), &settings) {
            Ok(scenario) => scenario,
            Err(rejection) => {
                let (message, all) = (rejection.summary(), settings.join(" "));
                let is_expected = REFUSALS.iter().any(|(text, causes)| {
                    message.contains(text) && causes.iter().any(|cause| all.contains(cause))
                });
                prop_assert!(is_expected, "{}", message);
                return Ok(());
            }
        };
        accepted.fetch_add(1, Ordering::Relaxed);
        check_sums(&scenario)
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
    let accepted = accepted.into_inner();
    assert!(accepted >= 90, "only {accepted} of 300 scenarios were valid");
}

/// Checks the quantities of one scenario, and that two parts of its replicates merge to the same result.
fn check_sums(scenario: &Scenario) -> Result<(), TestCaseError> {
    let result = simulate_scenario(scenario, 40);
    let [first, second] =
        [0..23, 23..40].map(|part| accumulate(scenario, part, Some(1), || Tally::new(scenario)));
    let mut both_parts = second;
    both_parts.merge(first);
    let of_parts = OperatingCharacteristics::new(scenario, &both_parts);
    let [of_parts, of_whole] =
        [&of_parts, &result].map(|it| serde_json::to_string(it).expect("results are plain data"));
    prop_assert_eq!(of_parts, of_whole);
    for analysis in result.truths.iter().flat_map(|truth| &truth.analyses) {
        let efficacy: f64 = analysis.looks.iter().map(|look| look.efficacy.value).sum();
        prop_assert!((efficacy - analysis.rejection.value).abs() < 1e-12);
        let last = analysis.looks.last().expect("there is a look");
        prop_assert!((last.efficacy_cumulative.value - efficacy).abs() < 1e-12);
        let size = &analysis.n_randomised;
        let ends_early = analysis.looks.split_last().expect("there is a look").1;
        let ends_early = ends_early
            .iter()
            .map(|look| look.efficacy.value + look.futility.value + look.harm.value);
        if ends_early.sum::<f64>() == 0.0 && scenario.safety.is_none() {
            prop_assert_eq!(size.mean.value, f64::from(scenario.randomised));
        }
        prop_assert!(size.max.value <= f64::from(scenario.randomised));
        prop_assert!(analysis.n_analysed.mean.value <= size.mean.value);
        if let Some(closed_form) = &analysis.normal_approximation {
            let below: f64 = closed_form.futility.iter().chain(&closed_form.harm).sum();
            prop_assert!((-1e-9..=1.0 + 1e-9).contains(&(closed_form.rejection + below)));
            prop_assert_eq!(closed_form.efficacy.len(), analysis.looks.len());
        }
    }
    if let Some(centres) = &result.under(Alternative).balance.centres {
        prop_assert!(centres.largest.value <= f64::from(scenario.randomised));
        let others = centres.empty.value + centres.one_arm.value;
        prop_assert!(others <= f64::from(centres.number));
    }
    for analysis in &result.prior.as_ref().expect("there is a prior").analyses {
        let given = [
            analysis.probability_benefit_given_rejection,
            analysis.probability_benefit_given_no_rejection,
        ];
        prop_assert_eq!(given.map(|quantity| quantity.n).iter().sum::<u64>(), 40);
        let formula = analysis.assurance_by_formula.unwrap_or(0.5);
        prop_assert!((-1e-9..=1.0 + 1e-9).contains(&formula), "{}", formula);
    }
    // By formula, the type I error never exceeds α.
    let alpha = scenario.design.plan().rules.alpha_one_sided;
    for analysis in &result.under(Null).analyses {
        if let Some(closed_form) = &analysis.normal_approximation {
            prop_assert!(closed_form.rejection <= alpha + 1e-8, "{}", closed_form.rejection);
        }
    }
    Ok(())
}

/// One-arm sizes, looks, rates and rules of trials whose counts at every look are known: blocks that
/// close at each look, no dropout, outcomes in the order of arrival.
fn known_counts() -> impl Strategy<Value = (u32, u32, f64, f64, String, u32)> {
    let rates = (0.1..0.9f64, 0.1..0.9f64);
    ((5u32..30, 1u32..5), rates, efficacy(), any::<u32>()).prop_map(
        |((per_arm_and_look, looks), (control, experimental), efficacy, seed)| {
            (per_arm_and_look, looks, control, experimental, efficacy, seed)
        },
    )
}

/// Compares 200 such trials with the enumeration: each power and error rate within six standard errors,
/// which fails by chance for one set of seeds in a thousand, as rare rejections are skewed, and the sum
/// of all squared standardised differences within its 99.99 % quantile.
#[test]
fn random_trials_have_the_power_of_the_enumeration() {
    const REPLICATES: u64 = 400;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut sum, mut quantities) = (0.0, 0.0);
    for _ in 0..200 {
        let tree = known_counts().new_tree(&mut runner).expect("every value is taken");
        let (per_arm, looks, control, experimental, efficacy, seed) = tree.current();
        let patients = 2 * per_arm * looks;
        let (bad_c, bad_e) = (1.0 - control, 1.0 - experimental);
        let settings = [
            format!("sample_size={{randomised={patients},analysed={patients}}}"),
            format!("design.looks.equally_spaced={looks}"),
            format!("design.efficacy={efficacy}"),
            "missing.dropout=0".to_owned(),
            "follow_up.window_days=0".to_owned(),
            format!(r#"randomisation={{method="permuted_blocks",block_sizes=[{}]}}"#, 2 * per_arm),
            format!("outcome.control=[0,0,{control},{bad_c},0,0,0]"),
            format!("outcome.experimental={{distribution=[0,0,{experimental},{bad_e},0,0,0]}}"),
            r#"analyses=[{method="two_proportions"}]"#.to_owned(),
            format!("run.seed={seed}"),
        ];
        let scenario = match Scenario::parse(&angel_reboot(), &settings) {
            Ok(scenario) => scenario,
            Err(rejection) => panic!("{settings:?}: {}", rejection.summary()),
        };
        let sizes: Vec<ArmSizes> = (1..=looks)
            .map(|look| ArmSizes { control: look * per_arm, experimental: look * per_arm })
            .collect();
        let upper: Vec<f64> = scenario.design.looks().iter().map(|look| look.efficacy).collect();
        let lower = vec![f64::NEG_INFINITY; upper.len()];
        let exact =
            ExactDesign::new(&sizes, ExactStatistic::Pooled, &upper, &lower).expect("they grow");
        let result = simulate_scenario(&scenario, REPLICATES);
        for (truth, rates) in
            result.truths.iter().zip([[control, experimental], [control, control]])
        {
            let expected: f64 = exact.probabilities(rates).upper.iter().sum();
            let variance = expected * (1.0 - expected) / REPLICATES as f64;
            // The normal approximation of a share needs a share that is neither 0 nor 1.
            if variance * REPLICATES as f64 > 0.01 {
                let distance = truth.analyses[0].rejection.value - expected;
                sum += distance * distance / variance;
                quantities += 1.0;
                assert!(
                    distance * distance < 36.0 * variance,
                    "{settings:?}: {expected}, {distance}"
                );
            }
        }
    }
    // χ² with this number of degrees of freedom, by normal approximation: 3.9 standard deviations, and a
    // tenth for the skewness of rare rejections.
    let bound = 1.1 * (quantities + 3.9 * (2.0_f64 * quantities).sqrt());
    assert!(quantities > 250.0 && sum < bound && sum > 0.6 * quantities, "{sum} of {quantities}");
}
