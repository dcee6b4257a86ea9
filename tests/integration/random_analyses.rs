//! Valid analyses, dropout and early outcomes of every kind, also in very small trials, run to their end
//! and give consistent results.

use proptest::prelude::*;
use rescuesim::report::{Provenance, Summary};
use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::Alternative;
use serde_json::Value;

use crate::util::{Results, angel_reboot, simulate, simulate_range};

const REPLICATES: u64 = 6;
const FACTORS: [&str; 3] = ["nihss", "onset_to_puncture", "occlusion_site"];

/// Some of the factors, as the elements of an array.
fn some_factors(least: usize) -> impl Strategy<Value = String> {
    prop::sample::subsequence(&FACTORS[..], least..=3).prop_map(|names| {
        names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",")
    })
}

fn proportion_test() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("pooled_z"),
        Just("unpooled_z"),
        Just("continuity_corrected"),
        Just("fisher"),
        Just("fisher_mid_p"),
    ]
}

fn shift_test() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("score"), Just("wald"), Just("likelihood_ratio")]
}

fn two_proportions() -> impl Strategy<Value = String> {
    let effect = prop_oneof![
        (Just("risk_difference"), prop_oneof![Just("newcombe"), Just("wald")]),
        (
            prop_oneof![Just("risk_difference"), Just("log_risk_ratio"), Just("log_odds_ratio")],
            prop_oneof![Just("wald"), Just("miettinen_nurminen"), Just("farrington_manning")],
        ),
    ];
    (0u8..6, proportion_test(), effect).prop_map(|(cut, test, (effect, interval))| {
        format!(
            r#"method="two_proportions",cut={cut},test="{test}",effect="{effect}",interval="{interval}""#
        )
    })
}

fn regression() -> impl Strategy<Value = String> {
    (0u8..6, shift_test(), some_factors(0), any::<bool>(), any::<bool>()).prop_map(
        |(cut, test, by, is_logistic, merged)| match is_logistic {
            true => format!(r#"method="logistic",cut={cut},test="{test}",adjust_for=[{by}]"#),
            false => format!(
                r#"method="proportional_odds",merge_5_and_6={merged},test="{test}",adjust_for=[{by}]"#
            ),
        },
    )
}

fn utility_weighted() -> impl Strategy<Value = String> {
    // Squared errors beyond 2.7e11 have no mean, so larger utilities give no RMSE.
    let utilities = prop::array::uniform7(prop_oneof![-1.0..1.0f64, Just(0.0), -1e5..1e5f64])
        .prop_filter("some differ", |values| values.iter().any(|value| *value != values[0]));
    let adjusted = prop_oneof![
        some_factors(0).prop_map(|by| format!(r#"test="student",adjust_for=[{by}]"#)),
        Just(r#"test="welch""#.to_owned()),
    ];
    (utilities, adjusted).prop_map(|(utilities, adjusted)| {
        format!(r#"method="utility_weighted",utilities={utilities:?},{adjusted}"#)
    })
}

fn sliding() -> impl Strategy<Value = String> {
    let points = prop::array::uniform6(-3i32..4);
    (points, prop::collection::vec(0u8..6, 1..4), proportion_test()).prop_map(
        |([a, b, c, d, e, f], cuts, test)| {
            let least = a.min(b) + c.min(d) + e.min(f);
            let cuts: Vec<String> = (least..)
                .zip(cuts)
                .map(|(from, cut)| format!("{{from_points={from},cut={cut}}}"))
                .collect();
            let of =
                |name: &str, x: i32, y: i32| format!("{{factor=\"{name}\",of_levels=[{x},{y}]}}");
            let points =
                [of(FACTORS[0], a, b), of(FACTORS[1], c, d), of(FACTORS[2], e, f)].join(",");
            let cuts = cuts.join(",");
            format!(r#"method="sliding_dichotomy",points=[{points}],cuts=[{cuts}],test="{test}""#)
        },
    )
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        two_proportions(),
        regression(),
        regression(),
        (0u8..6, some_factors(0)).prop_map(|(cut, by)| format!(
            r#"method="modified_poisson",cut={cut},adjust_for=[{by}]"#
        )),
        some_factors(0).prop_map(|by| format!(r#"method="wilcoxon",stratify_by=[{by}]"#)),
        Just(r#"method="win_odds""#.to_owned()),
        Just(r#"method="win_ratio""#.to_owned()),
        utility_weighted(),
        (0u8..6, some_factors(1)).prop_map(|(cut, by)| format!(
            r#"method="cochran_mantel_haenszel",cut={cut},stratify_by=[{by}]"#
        )),
        sliding(),
    ]
}

/// Rule for missing outcomes, and re-randomisations if the rule allows them; the first value is whether
/// the rule needs an early outcome.
fn rule() -> impl Strategy<Value = (bool, String)> {
    let repeats = prop_oneof![3 => Just(0u32), 1 => 1u32..20];
    let multiple =
        (2u32..4, some_factors(0), any::<bool>(), prop_oneof![Just(0.0), -20.0..20.0f64]);
    prop_oneof![
        repeats.clone().prop_map(|m| (false, format!("rerandomisations={m}"))),
        (repeats.clone(), 0u8..7).prop_map(|(m, mrs)| (
            false,
            format!(r#"rerandomisations={m},missing={{rule="single_value",mrs={mrs}}}"#)
        )),
        (repeats.clone(), 0u8..7, 0u8..7).prop_map(|(m, c, e)| (
            false,
            format!(
                r#"rerandomisations={m},missing={{rule="by_arm",control={c},experimental={e}}}"#
            )
        )),
        repeats.prop_map(|m| (
            true,
            format!(r#"rerandomisations={m},missing={{rule="last_observation"}}"#)
        )),
        multiple.prop_map(|(m, by, early, shift)| (
            early,
            format!(
                r#"missing={{rule="multiple_imputation",imputations={m},adjust_for=[{by}],early={early},log_odds_experimental={shift:?}}}"#
            )
        )),
    ]
}

/// Analyses with distinct names; rules that need an early mRS only if there is one.
fn analyses(early: bool) -> impl Strategy<Value = String> {
    prop::collection::vec((method(), rule()), 1..6).prop_map(move |analyses| {
        let one = |(i, (method, (needs_early, rule))): (usize, (String, (bool, String)))| {
            let rule = if needs_early && !early { "rerandomisations=0".to_owned() } else { rule };
            format!("{{name=\"a{i}\",{method},{rule}}}")
        };
        let analyses: Vec<String> = analyses.into_iter().enumerate().map(one).collect();
        format!("analyses=[{}]", analyses.join(","))
    })
}

fn early_outcome() -> impl Strategy<Value = String> {
    let row = || {
        prop::array::uniform7(0.01..1.0f64).prop_map(|shares| {
            let sum: f64 = shares.iter().sum();
            format!("{:?}", shares.map(|share| share / sum))
        })
    };
    (row(), prop::collection::vec(row(), 6)).prop_map(|(control, rows)| {
        let rows = rows.join(",");
        format!("early_outcome={{control={control},transition=[{rows},[0,0,0,0,0,0,1]]}}")
    })
}

fn dropout() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..0.95f64]
}

fn log_odds() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), -10.0..10.0f64]
}

fn missing() -> impl Strategy<Value = String> {
    let deaths = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64];
    (dropout(), dropout(), log_odds(), prop::array::uniform2(-20.0..20.0f64), deaths).prop_map(
        |(control, experimental, per_mrs, of_levels, deaths)| {
            format!(
                "missing={{dropout={{control={control:?},experimental={experimental:?}}},log_odds_per_mrs={per_mrs:?},factors=[{{factor=\"nihss\",log_odds={of_levels:?}}}],known_deaths={deaths:?}}}"
            )
        },
    )
}

/// Numbers of patients and of looks: tiny trials, one look, or the most looks that are possible.
fn sizes() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![2u32..21, 21u32..150].prop_flat_map(|n| {
        let most = (n / 2).clamp(1, 20);
        // Twenty looks in every trial would take too long.
        let few = most.min(3);
        (Just(n), prop_oneof![6 => Just(1), 12 => 1..=few, 1 => Just(most)])
    })
}

/// mRS of the control arm, in which levels may have no patients.
fn shares() -> impl Strategy<Value = String> {
    prop::array::uniform7(prop_oneof![Just(0.0), 0.0..1.0f64])
        .prop_filter("some level has patients", |shares| shares.iter().sum::<f64>() > 0.1)
        .prop_map(|shares| {
            let sum: f64 = shares.iter().sum();
            format!("outcome.control={:?}", shares.map(|share| share / sum))
        })
}

/// Overrides of ANGEL-REBOOT.
fn settings() -> impl Strategy<Value = Vec<String>> {
    let of_level = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64];
    let prognosis = prop_oneof![Just(0.0), -2.0..2.0f64, -20.0..20.0f64];
    let ratio = prop_oneof![Just((1u32, 1u32)), (1u32..6, 1u32..6)];
    let early = prop_oneof![early_outcome().prop_map(Some), Just(None)];
    let lost_and_analysed = (early, missing())
        .prop_flat_map(|(early, missing)| (analyses(early.is_some()), Just(early), Just(missing)));
    let prior = prop_oneof![
        3 => Just(None),
        1 => (-2.0..2.0f64).prop_map(|mean| Some(format!(
            "prior={{components=[{{log_odds_ratio={{mean={mean:?},sd=0.5}}}}]}}"
        ))),
    ];
    let population = (of_level, prognosis, ratio, shares(), -3.0..3.0f64);
    (sizes(), population, lost_and_analysed, prior, any::<u32>()).prop_map(
        |((n, looks), (share, log_odds, ratio, control, log_or), lost, prior, seed)| {
            let (analyses, early, missing) = lost;
            let mut set = vec![
                format!("sample_size={{randomised={n},analysed={n}}}"),
                format!("design.looks.equally_spaced={looks}"),
                format!("factors[0].shares=[{share:?},{:?}]", 1.0 - share),
                format!("factors[0].log_odds=[0,{log_odds:?}]"),
                format!("arms.allocation_ratio={{control={},experimental={}}}", ratio.0, ratio.1),
                control,
                format!("outcome.experimental.common_odds_ratio={:?}", libm::exp(log_or)),
                missing,
                analyses,
                format!("run.seed={seed}"),
            ];
            set.extend(early.into_iter().chain(prior));
            set
        },
    )
}

/// Refusals that are possible for these settings.
const REFUSED: [&str; 2] = ["`missing.dropout` cannot be reached", "`prior` shifts nothing"];

fn summary(scenario: &Scenario, threads: usize) -> Value {
    let result = simulate_range(scenario, 0..REPLICATES, Some(threads));
    let summary = Summary::new(Provenance::new(scenario, "run".to_owned()), result);
    serde_json::from_str(&summary.to_json()).expect("valid JSON")
}

const PROBABILITIES: [&str; 14] = [
    "rejection",
    "efficacy",
    "futility",
    "harm",
    "efficacy_cumulative",
    "futility_cumulative",
    "harm_cumulative",
    "reached",
    "reversal",
    "coverage",
    "above_truth",
    "whole_trial",
    "within_strata",
    "probability_benefit_given_rejection",
];

/// Checks every simulated quantity: it is a number if replicates contribute to it, and null otherwise;
/// the number of replicates is at most the total, and a probability is between 0 and 1.
fn check_quantities(name: &str, value: &Value) -> Result<(), TestCaseError> {
    if let (Some(quantity), Some(n)) = (value.get("value"), value.get("n").and_then(Value::as_u64))
    {
        prop_assert!(n <= REPLICATES, "{}: {}", name, value);
        prop_assert_eq!(quantity.is_null(), n == 0, "{}: {}", name, value);
        let error = value["mcse"].as_f64().unwrap_or(0.0);
        prop_assert!(error >= 0.0, "{}: {}", name, value);
        if let (true, Some(p)) = (PROBABILITIES.contains(&name), quantity.as_f64()) {
            prop_assert!((0.0..=1.0).contains(&p), "{}: {}", name, value);
        }
        return Ok(());
    }
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(key, of)| check_quantities(key, of)),
        Value::Array(items) => items.iter().try_for_each(|item| check_quantities(name, item)),
        _ => Ok(()),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Checks the sums within the result of one analysis.
fn check_analysis(analysis: &Value, randomised: f64) -> Result<(), TestCaseError> {
    let looks = analysis["looks"].as_array().expect("looks");
    let sum = |key: &str| looks.iter().map(|look| number(&look[key]["value"])).sum::<f64>();
    let stops = sum("efficacy") + sum("futility") + sum("harm");
    prop_assert!((-1e-9..=1.0 + 1e-9).contains(&stops), "{}", stops);
    prop_assert!((sum("efficacy") - number(&analysis["rejection"]["value"])).abs() < 1e-9);
    let mean = |key: &str| number(&analysis[key]["mean"]["value"]);
    prop_assert!(mean("n_randomised") <= randomised);
    prop_assert!(mean("n_analysed") <= mean("n_randomised"), "{}", analysis);
    let failures = analysis["fit_failures"].as_u64().expect("a count");
    let estimates = analysis["estimate"]["mean"]["n"].as_u64();
    prop_assert!(estimates.is_none_or(|n| n + failures == REPLICATES), "{}", analysis);
    let by_formula = &analysis["normal_approximation"]["rejection"];
    prop_assert!(by_formula.is_null() || (-1e-9..=1.0 + 1e-9).contains(&number(by_formula)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_valid_analysis_runs_and_its_quantities_are_consistent(settings in settings()) {
        let scenario = match Scenario::parse(&angel_reboot(), &settings) {
            Ok(scenario) => scenario,
            Err(rejection) => {
                let message = rejection.summary();
                prop_assert!(REFUSED.iter().any(|text| message.contains(text)), "{}", message);
                return Ok(());
            }
        };
        let [one, several] = [1, 3].map(|threads| summary(&scenario, threads));
        prop_assert_eq!(&one, &several);
        check_quantities("", &one["truths"])?;
        for truth in one["truths"].as_array().expect("truths") {
            for analysis in truth["analyses"].as_array().expect("analyses") {
                check_analysis(analysis, f64::from(scenario.randomised))?;
            }
        }
    }
}

/// Without known outcomes in an arm there is no distribution to impute from. An earlier version set all
/// missing outcomes of such an arm to mRS 0, and so found an effect.
#[test]
fn nothing_is_imputed_into_an_arm_without_known_outcomes() {
    let set = [
        "sample_size={randomised=20,analysed=2}",
        "design.looks.equally_spaced=1",
        "outcome.experimental.common_odds_ratio=1",
        "missing={dropout={control=0,experimental=0.99}}",
        r#"analyses=[{method="win_odds",missing={rule="multiple_imputation",imputations=3}}]"#,
    ];
    let result = simulate(&set, 200);
    let analysis = result.first_analysis(Alternative);
    // One of ten outcomes is known in one trial of ten.
    assert!(analysis.fit_failures > 150, "{}", analysis.fit_failures);
    assert!(analysis.rejection.value < 0.15, "{:?}", analysis.rejection);
}

/// Without known outcomes there is no boundary with which single values could be compared.
#[test]
fn a_trial_without_known_outcomes_is_not_significant() {
    let rule = r#"missing={rule="by_arm",control=6,experimental=0}"#;
    let set = [
        "sample_size={randomised=6,analysed=6}".to_owned(),
        "design.looks.equally_spaced=1".to_owned(),
        "missing.dropout=0.99".to_owned(),
        format!(r#"analyses=[{{method="win_odds",{rule}}},{{method="two_proportions",{rule}}}]"#),
    ];
    let result = simulate(&set.each_ref().map(String::as_str), 200);
    for analysis in &result.under(Alternative).analyses {
        // At least one of six outcomes is known in 6 % of the trials.
        assert!(analysis.fit_failures > 150, "{}", analysis.fit_failures);
        assert!(analysis.failed_looks > 150, "{}", analysis.failed_looks);
    }
}
