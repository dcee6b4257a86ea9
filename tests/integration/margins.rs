//! Analyses against a margin: non-inferiority, superiority by a margin and equivalence. Seeds are fixed;
//! with a fresh seed, a comparison within 3 standard errors would fail by chance once in 370.

use rescuesim::analysis::margin::NullEffects;
use rescuesim::analysis::two_proportions::{ProportionEffect, ProportionStatistic, ProportionTest};
use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::ArmSizes;
use rescuesim::expected::Expected;
use rescuesim::outcome::Mrs;
use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::{self, Alternative, Null};

use crate::util::{
    Results, assert_within, json, number, overrides, refused, rescuesim, scenario,
    simulate_scenario,
};

/// 312 patients in blocks of two and looks at 104, 208 and 312 outcomes, of whom all are known.
const BLOCKS: [&str; 4] = [
    "missing.dropout=0",
    "sample_size={randomised=312,analysed=312}",
    r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#,
    "follow_up.window_days=0",
];

fn in_blocks(set: &[&str]) -> Scenario {
    scenario(&[&BLOCKS[..], set].concat())
}

fn hypothesis(kind: &str, margin: &str) -> String {
    format!(r#"hypothesis={{type="{kind}",margin={{{margin}}}}}"#)
}

fn analyses(analyses: &[&str]) -> String {
    let named =
        analyses.iter().enumerate().map(|(i, analysis)| format!("{{name=\"{i}\",{analysis}}}"));
    format!("analyses=[{}]", named.collect::<Vec<_>>().join(","))
}

/// Probabilities by enumeration of a test of mRS 0–2 in [`in_blocks`].
fn exact(scenario: &Scenario, statistic: ProportionStatistic, truth: Truth) -> f64 {
    let sizes = [52, 104, 156].map(|n| ArmSizes { control: n, experimental: n });
    let boundaries = scenario.design.boundaries();
    let statistic = ExactStatistic::Against(statistic);
    let exact = ExactDesign::new(&sizes, statistic, &boundaries.efficacy, &[f64::NEG_INFINITY; 3]);
    let arms = scenario.marginal(truth).expect("it is stated");
    let rates = arms.each_ref().map(|mrs| mrs.at_most(Mrs::INDEPENDENT));
    exact.expect("growing looks").probabilities(rates).rejection
}

/// Simulated power and type I error at the margin are those of enumeration, for every scale and test.
#[test]
fn proportions_against_a_margin_reject_as_often_as_by_enumeration() {
    let cases = [
        ("risk_difference=-0.1", "risk_difference", ProportionEffect::RiskDifference, -0.1),
        ("risk_ratio=0.75", "log_risk_ratio", ProportionEffect::LogRiskRatio, libm::log(0.75)),
        ("odds_ratio=0.7", "log_odds_ratio", ProportionEffect::LogOddsRatio, libm::log(0.7)),
    ];
    let tests = [
        ("wald", ProportionTest::Wald),
        ("farrington_manning", ProportionTest::FarringtonManning),
        ("miettinen_nurminen", ProportionTest::MiettinenNurminen),
        ("pooled_z", ProportionTest::FarringtonManning),
    ];
    for (margin, name, effect, lower) in cases {
        let methods = tests
            .map(|(test, _)| format!(r#"method="two_proportions",effect="{name}",test="{test}""#));
        let methods = methods.each_ref().map(String::as_str);
        let scenario = in_blocks(&[
            &hypothesis("non_inferiority", margin),
            &analyses(&methods),
            "outcome.experimental={functional_independence=0.27}",
        ]);
        let result = simulate_scenario(&scenario, 20_000);
        for (i, (_, test)) in tests.iter().enumerate() {
            let null = NullEffects { lower, upper: None };
            let statistic = ProportionStatistic { test: *test, effect, null };
            for truth in [Alternative, Null] {
                let expected = exact(&scenario, statistic, truth);
                let found = result.analysis(truth, &i.to_string()).rejection;
                assert_within(&format!("{margin} {test:?}"), found, expected, expected, 3.0);
            }
        }
    }
}

/// Every analysis that tests a margin.
const METHODS: [[&str; 2]; 15] = [
    [r#"method="two_proportions",test="wald""#, "risk_difference=-0.08"],
    [r#"method="two_proportions",cut=1"#, "risk_difference=-0.04"],
    [r#"method="two_proportions",effect="log_risk_ratio""#, "risk_ratio=0.8"],
    [r#"method="two_proportions",effect="log_odds_ratio",cut=3"#, "odds_ratio=0.74"],
    [r#"method="logistic""#, "odds_ratio=0.74"],
    [r#"method="logistic",adjust_for=["nihss","occlusion_site"]"#, "odds_ratio=0.74"],
    [r#"method="modified_poisson""#, "risk_ratio=0.8"],
    [r#"method="modified_poisson",cut=1,adjust_for=["nihss"]"#, "risk_ratio=0.8"],
    [r#"method="proportional_odds""#, "common_odds_ratio=0.8"],
    [r#"method="proportional_odds",merge_5_and_6=true"#, "common_odds_ratio=0.8"],
    [r#"method="proportional_odds",adjust_for=["nihss"]"#, "common_odds_ratio=0.8"],
    [
        r#"method="proportional_odds",adjust_for=["nihss","onset_to_puncture","occlusion_site"]"#,
        "common_odds_ratio=0.8",
    ],
    [r#"method="win_odds""#, "win_odds=0.85"],
    [
        r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0]"#,
        "utility_difference=-0.05",
    ],
    [
        r#"method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0],adjust_for=["nihss"]"#,
        "utility_difference=-0.05",
    ],
];

/// The null twin has the margin as its estimand, and the assumed effect is its own.
#[test]
fn the_null_twin_is_at_the_margin_of_every_analysis() {
    for [analysis, margin] in METHODS {
        let set = [&hypothesis("non_inferiority", margin)[..], &analyses(&[analysis])];
        let scenario = scenario(&set);
        let analysis = &scenario.analyses[0];
        let estimand = Expected::new(&scenario).estimand(Null, analysis).expect("it is finite");
        let lower = analysis.method.null_effects().lower;
        assert!((estimand - lower).abs() < 1e-8, "{set:?}: {estimand} {lower}");
        let [control, experimental] = scenario.marginal(Null).expect("it is stated");
        let [stated, _] = scenario.marginal(Alternative).expect("it is stated");
        assert_eq!(control, stated);
        assert!(experimental.at_most(Mrs::INDEPENDENT) < control.at_most(Mrs::INDEPENDENT));
    }
}

/// In a trial of 1 200 patients every analysis has its level at the margin, and its formula is near the
/// simulation; counts of successes move it by some 0.002.
#[test]
fn every_analysis_keeps_its_level_at_the_margin() {
    for [analysis, margin] in METHODS {
        let set = [
            "missing.dropout=0",
            "sample_size={randomised=1200,analysed=1200}",
            r#"randomisation={method="complete"}"#,
            "design.looks={equally_spaced=2}",
            "outcome.experimental={common_odds_ratio=1.05}",
            &hypothesis("non_inferiority", margin),
            &analyses(&[analysis]),
        ];
        let scenario = scenario(&set);
        let result = simulate_scenario(&scenario, 10_000);
        let error = result.first_analysis(Null);
        assert_within(analysis, error.rejection, 0.0235, 0.0265, 3.0);
        let formula = error.normal_approximation.as_ref().expect("it has a formula").rejection;
        assert!((formula - 0.025).abs() < 2e-4, "{analysis}: {formula}");
        let power = result.first_analysis(Alternative);
        let formula = power.normal_approximation.as_ref().expect("it has a formula").rejection;
        assert_within(analysis, power.rejection, formula - 0.012, formula + 0.012, 3.0);
    }
}

/// A margin of no effect is superiority, to the last bit.
#[test]
fn a_margin_of_no_effect_is_superiority() {
    for (none, analysis) in [
        ("risk_difference=0.0", r#"method="two_proportions""#),
        ("common_odds_ratio=1.0", r#"method="proportional_odds""#),
        ("odds_ratio=1", r#"method="logistic",adjust_for=["nihss"]"#),
    ] {
        let set = [analyses(&[analysis])];
        let plain = simulate_scenario(&scenario(&[&set[0]]), 300);
        for kind in ["non_inferiority", "superiority"] {
            let with = simulate_scenario(&scenario(&[&set[0], &hypothesis(kind, none)]), 300);
            for truth in [Alternative, Null] {
                let [plain, with] = [&plain, &with].map(|it| it.first_analysis(truth));
                assert_eq!(plain.rejection, with.rejection);
                assert_eq!(plain.estimate, with.estimate);
            }
        }
    }
}

/// If the truth is the margin, power is the level: the two truths are the same trials.
#[test]
fn a_truth_at_the_margin_is_its_own_null_twin() {
    let at_margin = scenario(&[
        &hypothesis("non_inferiority", "common_odds_ratio=0.8"),
        &analyses(&[r#"method="proportional_odds""#]),
        "outcome.experimental={common_odds_ratio=0.8}",
    ]);
    let result = simulate_scenario(&at_margin, 2_000);
    let [power, error] = [Alternative, Null].map(|truth| result.first_analysis(truth).rejection);
    assert_eq!(power, error);
    assert_within("level", error, 0.0235, 0.0265, 3.0);
}

/// Superiority by a margin is harder to show than superiority, and its null twin is on the other side.
#[test]
fn superiority_by_a_margin_has_its_level_there() {
    let by_margin = in_blocks(&[
        &hypothesis("superiority", "risk_difference=0.05"),
        &analyses(&[r#"method="two_proportions",test="wald""#]),
    ]);
    let result = simulate_scenario(&by_margin, 20_000);
    let null = NullEffects { lower: 0.05, upper: None };
    let (test, effect) = (ProportionTest::Wald, ProportionEffect::RiskDifference);
    let statistic = ProportionStatistic { test, effect, null };
    for truth in [Alternative, Null] {
        let expected = exact(&by_margin, statistic, truth);
        assert_within(
            "by a margin",
            result.first_analysis(truth).rejection,
            expected,
            expected,
            3.0,
        );
    }
}

/// Stage-wise estimates of trials with looks are those of the effect, not of its distance from the margin:
/// half of them are above the truth, and 95 % of the intervals contain it.
#[test]
fn adjusted_estimates_are_on_the_scale_of_the_effect() {
    let scenario = scenario(&[
        "missing.dropout=0",
        "sample_size={randomised=600,analysed=600}",
        "design.looks={equally_spaced=3}",
        r#"randomisation={method="complete"}"#,
        &hypothesis("non_inferiority", "common_odds_ratio=0.7"),
        &analyses(&[r#"method="proportional_odds""#]),
        "outcome.experimental={common_odds_ratio=1.1}",
    ]);
    let result = simulate_scenario(&scenario, 20_000);
    for truth in [Alternative, Null] {
        let adjusted = &result.first_analysis(truth).estimate.median_unbiased;
        assert_within("above the truth", adjusted.above_truth, 0.49, 0.51, 3.0);
        assert_within("coverage", adjusted.coverage, 0.945, 0.955, 3.0);
    }
}

#[test]
fn equivalence_rejects_only_between_both_margins() {
    let scenario = in_blocks(&[
        r#"hypothesis={type="equivalence",margin={risk_difference=-0.2},upper_margin=0.2}"#,
        &analyses(&[r#"method="two_proportions",test="wald""#]),
        "outcome.experimental={common_odds_ratio=1.0}",
    ]);
    let result = simulate_scenario(&scenario, 20_000);
    let null = NullEffects { lower: -0.2, upper: Some(0.2) };
    let (test, effect) = (ProportionTest::Wald, ProportionEffect::RiskDifference);
    let statistic = ProportionStatistic { test, effect, null };
    for truth in [Alternative, Null] {
        let expected = exact(&scenario, statistic, truth);
        assert_within(
            "equivalence",
            result.first_analysis(truth).rejection,
            expected,
            expected,
            3.0,
        );
    }
}

/// The formula of equivalence is near the simulation, for counts and for a regression, with one look and with
/// three, at which most trials stop in the middle of the estimates, and with futility.
#[test]
fn equivalence_has_a_formula() {
    const FUTILITY: &str = r#"design.futility={rule="z",bounds=[-0.5,0.3]}"#;
    let wald = r#"method="two_proportions",test="wald""#;
    for (analysis, margin, looks, futility) in [
        (wald, "risk_difference=0.1", 1, None),
        (r#"method="proportional_odds""#, "common_odds_ratio=0.75", 1, None),
        (wald, "risk_difference=0.1", 3, None),
        (r#"method="proportional_odds""#, "common_odds_ratio=0.75", 3, Some(FUTILITY)),
    ] {
        let looks = format!("design.looks={{equally_spaced={looks}}}");
        let set = [
            "missing.dropout=0",
            "sample_size={randomised=1000,analysed=1000}",
            r#"randomisation={method="complete"}"#,
            &looks,
            "outcome.experimental={common_odds_ratio=1.02}",
            &hypothesis("equivalence", margin),
            &analyses(&[analysis]),
        ];
        let set = [&set[..], futility.as_slice()].concat();
        let result = simulate_scenario(&scenario(&set), 10_000);
        for truth in [Alternative, Null] {
            let found = result.first_analysis(truth);
            let formula = found.normal_approximation.as_ref().expect("it has a formula").rejection;
            assert_within(analysis, found.rejection, formula - 0.01, formula + 0.01, 3.0);
            let formula = found.normal_approximation.as_ref().expect("it has a formula");
            for (k, look) in found.looks.iter().enumerate() {
                let [stops, gives_up] = [formula.efficacy[k], formula.futility[k]];
                assert_within(analysis, look.efficacy, stops - 0.012, stops + 0.012, 3.0);
                assert_within(analysis, look.futility, gives_up - 0.012, gives_up + 0.012, 3.0);
            }
        }
    }
}

/// The size by formula for a power has it by formula but for rounding, and four patients fewer have less.
#[test]
fn the_size_of_equivalence_has_its_power() {
    for looks in ["design.looks={equally_spaced=1}", "design.looks={equally_spaced=3}"] {
        let set = |size: u32| {
            scenario(&[
                "missing.dropout=0",
                &format!("sample_size={{randomised={size}}}"),
                r#"randomisation={method="complete"}"#,
                "outcome.experimental={common_odds_ratio=1.02}",
                &hypothesis("equivalence", "risk_difference=0.1"),
                &analyses(&[r#"method="two_proportions",test="wald""#]),
                looks,
            ])
        };
        let scenario = set(800);
        let size = Expected::new(&scenario).patients_for_power(&scenario.analyses[0], 0.9);
        let size = size.expect("the effect is between the margins");
        let [enough, fewer] = [size, size - 4].map(|size| {
            let scenario = set(size);
            let stopping =
                Expected::new(&scenario).normal_approximation(Alternative, &scenario.analyses[0]);
            stopping.expect("it has a formula").rejection()
        });
        let is_near = (0.8995..0.903).contains(&enough) && fewer < enough;
        assert!(is_near, "{size}: {fewer} {enough}");
    }
}

/// `design` has the power that `check` has, by the same formula, and sizes for usual powers.
#[test]
fn design_and_check_have_the_same_power_of_equivalence() {
    let set = [
        "--set",
        r#"hypothesis={type="equivalence",margin={risk_difference=-0.09}}"#,
        "--set",
        r#"analyses=[{name="it",method="two_proportions"}]"#,
        "--set",
        "sample_size.randomised=1600",
        "--set",
        "outcome.experimental={functional_independence=0.26}",
    ];
    let one_look = ["--set", "design.looks={equally_spaced=1}"];
    let text = |command: &str, looks: &[&str]| {
        let mut program = rescuesim();
        let text =
            crate::util::output(program.args([command, "angel-reboot"]).args(set).args(looks));
        text.split_whitespace().filter(|word| *word != "#").collect::<Vec<_>>().join(" ")
    };
    let check = text("check", &one_look);
    let powers = check.split("type I error at the margin ").nth(1).expect("a table of powers");
    let powers = powers.split("it ").nth(1).expect("a row of the analysis");
    let [power, error] = [0, 1].map(|i: usize| powers.split(' ').nth(i).expect("a number"));
    assert!(power.parse::<f64>().expect("a number") > 0.5, "{power}");
    let design = text("design", &one_look);
    let stated = format!("Power {power}, type I error at the margin {error}. Two one-sided tests");
    assert!(design.contains(&stated), "{stated}: {design}");
    assert!(check.contains("Two one-sided tests"), "{check}");
    for looks in [&one_look[..], &[]] {
        let design = text("design", looks);
        assert!(design.contains("patients for 80 % power"), "{design}");
        // The smaller of two statistics does not tell how the trial continues.
        assert!(!design.contains("trend"), "{design}");
        let mut program = rescuesim();
        program.args(["design", "angel-reboot", "--power", "0.9"]).args(set).args(looks);
        let errors = refused(&mut program);
        assert!(errors.contains("by formula"), "{errors}");
        assert!(errors.contains("--set sample_size.randomised="), "{errors}");
    }
}

#[test]
fn the_hypothesis_is_named_in_run_trace_check_and_design() {
    let set = [
        "--set",
        r#"hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}"#,
        "--set",
        r#"analyses=[{name="it",method="two_proportions"}]"#,
    ];
    let words = "non-inferiority, margin −0.1 on the risk difference";
    let text = |command: &[&str]| {
        let text = crate::util::output(rescuesim().args(command).args(set));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let run = text(&["run", "angel-reboot", "--replicates", "20", "-q", "--full"]);
    for expected in [words, "type I error at the margin", "under H0 (at the margin)"] {
        assert!(run.contains(expected), "{expected}: {run}");
    }
    let trace = text(&["trace", "angel-reboot", "--replicate", "0", "--truth", "null"]);
    assert!(trace.contains(words) && trace.contains("under H0 (effect at the margin)"), "{trace}");
    let check = text(&["check", "angel-reboot"]);
    assert!(check.contains("type I error at the margin"), "{check}");
    let design = text(&["design", "angel-reboot"]);
    assert!(design.contains("margin -0.1 on the risk difference"), "{design}");
}

/// AcT's size, and that of an ordinal trial with the information of its fit, from options.
#[test]
fn design_takes_margins_on_every_scale() {
    let size = |options: &[&str]| {
        let design = json(rescuesim().arg("design").args(options));
        number(&design["required"]["total"])
    };
    let act =
        ["--control", "0.35", "--experimental", "0.38", "--margin", "-0.05", "--power", "0.9"];
    assert!((size(&act) - 1520.26740155752).abs() < 1e-6);
    let wald = [&act[..], &["--variance", "wald"]].concat();
    assert!((size(&wald) - 1520.62113117286).abs() < 1e-6);
    let odds = [
        "--control",
        "0.4",
        "--experimental",
        "0.44",
        "--margin-odds-ratio",
        "0.7",
        "--ratio",
        "1:2",
        "--power",
        "0.8",
    ];
    assert!((size(&odds) - 530.832197888112).abs() < 1e-6);
    let wald = [&odds[..], &["--variance", "wald"]].concat();
    assert!((size(&wald) - 537.518837331882).abs() < 1e-6);
    let shift = [
        "--control-mrs",
        "10,17,19,17,16,6,15",
        "--common-odds-ratio",
        "1.16",
        "--margin-odds-ratio",
        "0.8",
        "--power",
        "0.8",
    ];
    assert!((size(&shift) - 700.130820782755).abs() < 1e-6);
    let fit = [&shift[..], &["--test", "wald"]].concat();
    assert!((size(&fit) - 701.174963319088).abs() < 1e-6);
    let exact = json(rescuesim().args([
        "design",
        "--control",
        "0.25",
        "--experimental",
        "0.25",
        "--margin",
        "-0.1",
        "--n",
        "312",
        "--looks",
        "3",
        "--variance",
        "wald",
    ]));
    let null = number(&exact["exact"]["null"]["rejection"]);
    assert!((0.02..0.03).contains(&null), "{null}");
    assert!(exact["exact"]["maximum_type_one_error"].is_null());
}

#[test]
fn margins_that_cannot_be_tested_are_refused_with_what_is_allowed() {
    let cases = [
        (
            hypothesis("non_inferiority", "risk_difference=0.05"),
            r#"method="two_proportions""#,
            "`hypothesis.margin.risk_difference` is 0.05, on the side of benefit; allowed for non-inferiority: at most 0; did you mean -0.05?",
        ),
        (
            hypothesis("non_inferiority", "common_odds_ratio=1.25"),
            r#"method="proportional_odds""#,
            "`hypothesis.margin.common_odds_ratio` is 1.25, on the side of benefit; allowed for non-inferiority: at most 1; did you mean 0.8?",
        ),
        (
            hypothesis("superiority", "risk_difference=-0.05"),
            r#"method="two_proportions""#,
            "`hypothesis.margin.risk_difference` is -0.05, on the side of harm",
        ),
        (
            r#"hypothesis={type="non_inferiority"}"#.to_owned(),
            r#"method="two_proportions""#,
            "`hypothesis.margin` is missing; expected: exactly one scale with a value",
        ),
        (
            r#"hypothesis={type="non_inferiority",margin=-0.05}"#.to_owned(),
            r#"method="two_proportions""#,
            "`hypothesis.margin` is -0.05; allowed: ",
        ),
        (
            hypothesis("non_inferiority", "risk_ratio=0.9"),
            r#"method="two_proportions""#,
            "is a margin on the risk ratio, while analysis 0 estimates the risk difference; allowed for it: margin = { risk_difference = … }, effect = \"log_risk_ratio\", or a hypothesis of its own",
        ),
        (
            hypothesis("non_inferiority", "common_odds_ratio=0.8"),
            r#"method="wilcoxon""#,
            "is a margin, which analysis 0 does not test",
        ),
        (
            hypothesis("non_inferiority", "common_odds_ratio=0.8"),
            r#"method="proportional_odds",test="score""#,
            "`analyses[0].test` is \"score\", which has no margin; allowed with this hypothesis: wald",
        ),
        (
            hypothesis("non_inferiority", "risk_difference=-0.05"),
            r#"method="two_proportions",test="fisher""#,
            "allowed with this hypothesis: wald, farrington_manning, miettinen_nurminen",
        ),
        (
            hypothesis("non_inferiority", "risk_difference=-0.05"),
            r#"method="two_proportions",rerandomisations=99"#,
            "`analyses[0].rerandomisations` is given with a margin",
        ),
        (
            hypothesis("non_inferiority", "risk_difference=-0.6"),
            r#"method="two_proportions""#,
            "that no common odds ratio gives the experimental arm with this control arm",
        ),
        (
            hypothesis("non_inferiority", "risk_difference=-0.1,risk_ratio=0.9"),
            r#"method="two_proportions""#,
            "`hypothesis.margin`",
        ),
        (
            r#"hypothesis={type="superiority",upper_margin=0.1}"#.to_owned(),
            r#"method="two_proportions""#,
            "`hypothesis.upper_margin` is given without equivalence",
        ),
        (
            r#"hypothesis={type="equivalence",margin={risk_difference=-0.1},upper_margin=-0.05}"#
                .to_owned(),
            r#"method="two_proportions""#,
            "`hypothesis.upper_margin` is -0.05, not on the side of benefit; allowed: above 0",
        ),
    ];
    for (hypothesis, analysis, says) in cases {
        let set = [hypothesis.as_str(), &analyses(&[analysis])];
        let file =
            Scenario::load(&crate::util::project("scenarios/angel-reboot.toml"), &overrides(&set));
        let rejection = file.expect_err("it is refused").to_string();
        assert!(rejection.contains(says), "{set:?}\n{says}\n{rejection}");
    }
    let options = [
        "check",
        "early-vs-late",
        "--set",
        r#"hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}"#,
        "--set",
        r#"analyses=[{method="two_proportions"}]"#,
    ];
    let message = refused(rescuesim().args(options));
    assert!(message.contains("a procedure does not determine"), "{message}");
}
