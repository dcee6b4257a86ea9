//! Invalid analyses, dropout and early outcomes, each reported with its key, value and what is allowed;
//! and valid ones that are probably not intended, which cause a warning.

use rescuesim::scenario::Scenario;

use crate::bad_input::{Broken, assert_reported, broken};
use crate::util::{angel_reboot, overrides, scenario};

/// The second analysis of ANGEL-REBOOT, which the tests break.
const SHIFT: &str = "method = \"proportional_odds\"\ntest = \"score\"";

const METHODS: [Broken; 44] = [
    broken(
        SHIFT,
        "method = \"win_ods\"",
        &[
            "`analyses[1].method` is \"win_ods\" (did you mean `win_odds`?); allowed: two_proportions, proportional_odds, logistic, modified_poisson, wilcoxon, win_odds, win_ratio, utility_weighted, cochran_mantel_haenszel, sliding_dichotomy",
        ],
    ),
    broken(
        SHIFT,
        "method = \"wmw\"",
        &["`analyses[1].method` is \"wmw\" (did you mean `wilcoxon`?); allowed: two_proportions"],
    ),
    broken(
        SHIFT,
        "method = \"log_binomial\"",
        &["(did you mean `modified_poisson`, the risk ratio of a log-binomial model"],
    ),
    broken(
        SHIFT,
        "method = \"generalised_odds_ratio\"",
        &[
            "(did you mean `win_odds`, ties split, as Churilov et al. 2014 or `win_ratio`, ties left out, as Agresti 1980?)",
        ],
    ),
    broken(
        SHIFT,
        "method = \"proportional_odds\"\nlevels = [[0, 1], [3], [4, 5, 6]]",
        &["`analyses[1].levels` leaves out mRS 2; allowed: each mRS from 0 to 6 once and in order"],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [1, 0.9, 0.8, 0.7, 0.3, 0, 0]\nlevels = [[0, 1], [2, 3, 4, 5, 6]]",
        &[
            "`analyses[1].levels` is not a known key; levels with equal `utilities` are merged already",
        ],
    ),
    broken(
        SHIFT,
        "method = \"win_ratio\"\nlevels = [[0, 1], [2, 3, 4, 5, 7]]",
        &["`analyses[1].levels[1][4]` is 7; allowed: 0 to 6"],
    ),
    broken(
        SHIFT,
        "method = \"proportional_odds\"\nlevels = [[0, 1, 2, 3, 4], [5, 6]]\nmerge_5_and_6 = true",
        &["`analyses[1].levels` conflicts with merge_5_and_6; give exactly one of them"],
    ),
    broken(SHIFT, "method = 3", &["`analyses[1].method` is 3; allowed: two_proportions"]),
    broken(SHIFT, "", &["`analyses[1].method` is missing; allowed: two_proportions"]),
    broken(
        SHIFT,
        "methd = \"win_odds\"",
        &[
            "`analyses[1].methd` is not a known key (did you mean `method`?); allowed, depending on `method`: adjust_for, cut,",
            "`analyses[1].method` is missing; allowed: two_proportions",
        ],
    ),
    broken(
        SHIFT,
        "method = \"win_odds\"\ncut = 2",
        &[
            "`analyses[1].cut` is not a known key; allowed in `analyses[1]`: hypothesis, levels, method, missing, name, population, primary, rerandomisations",
        ],
    ),
    broken(
        SHIFT,
        "method = \"proportional_odds\"\nstratify_by = [\"nihss\"]",
        &[
            "`analyses[1].stratify_by` is not a known key; allowed in `analyses[1]`: adjust_for, hypothesis, levels, merge_5_and_6, method, missing, name, population, primary, rerandomisations, test",
        ],
    ),
    broken(
        SHIFT,
        "method = \"wilcoxon\"\nadjust_for = [\"nihss\"]",
        &["`analyses[1].adjust_for` is not a known key", "rerandomisations, stratify_by"],
    ),
    broken(
        "test = \"score\"",
        "test = \"likelihood\"",
        &[
            "`analyses[1].test` is \"likelihood\" (did you mean `likelihood_ratio`?); allowed: score, wald, likelihood_ratio",
        ],
    ),
    broken(
        "test = \"score\"",
        "adjust_for = [\"nihs\"]",
        &[
            "`analyses[1].adjust_for[0]` is \"nihs\", not a factor (did you mean `nihss`?); allowed: nihss, onset_to_puncture, occlusion_site",
        ],
    ),
    broken(
        "test = \"score\"",
        "adjust_for = [\"nihss\", \"occlusion_site\", \"nihss\"]",
        &["`analyses[1].adjust_for` repeats \"nihss\"; allowed: each factor once"],
    ),
    broken(
        "test = \"score\"",
        "adjust_for = \"nihss\"",
        &["`analyses[1].adjust_for` is \"nihss\"; allowed: an array, [ … ]"],
    ),
    broken(
        "test = \"score\"",
        "merge_5_and_6 = 1",
        &["`analyses[1].merge_5_and_6` is 1; allowed: true or false"],
    ),
    broken(
        SHIFT,
        "method = \"wilcoxon\"\nstratify_by = [\"occlusion\"]",
        &[
            "`analyses[1].stratify_by[0]` is \"occlusion\", not a factor (did you mean `occlusion_site`?); allowed: nihss",
        ],
    ),
    broken(
        SHIFT,
        "method = \"cochran_mantel_haenszel\"",
        &[
            "`analyses[1].stratify_by` is missing; expected: Factors whose combinations are the strata",
        ],
    ),
    broken(
        SHIFT,
        "method = \"cochran_mantel_haenszel\"\nstratify_by = []",
        &["`analyses[1].stratify_by` has 0 elements; allowed: at least 1"],
    ),
    broken(SHIFT, "method = \"logistic\"\ncut = 6", &["`analyses[1].cut` is 6; allowed: 0 to 5"]),
    broken(
        SHIFT,
        "method = \"utility_weighted\"",
        &["`analyses[1].utilities` is missing; expected: Utility of mRS 0 to 6"],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [1, 0.9, 0.8, 0.7, 0.3, 0]",
        &["`analyses[1].utilities` has 6 elements; allowed: exactly 7"],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [1, 1, 1, 1, 1, 1, 1]",
        &[
            "`analyses[1].utilities` give every mRS the utility 1; allowed: at least two that differ",
        ],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [1, nan, 1, 1, 1, 1, 0]",
        &["`analyses[1].utilities[1]` nan is not a finite number"],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [inf, 1, 1, 1, 1, 1, -inf]",
        &[
            "`analyses[1].utilities[0]` inf is not a finite number",
            "`analyses[1].utilities[6]` is -inf; allowed: -1000000.0 to 1000000.0",
        ],
    ),
    broken(
        SHIFT,
        "method = \"utility_weighted\"\nutilities = [1, 0.91, 0.76, 0.65, 0.33, 0, 0]\ntest = \"welch\"\nadjust_for = [\"nihss\"]",
        &["`analyses[1].test` is \"welch\" with covariates; allowed with `adjust_for`: student"],
    ),
    broken(
        SHIFT,
        "method = \"two_proportions\"\neffect = \"log_risk_ratio\"\ninterval = \"newcombe\"",
        &[
            "`analyses[1].interval` is \"newcombe\", which is for the risk difference; allowed with this effect: wald, miettinen_nurminen, farrington_manning",
        ],
    ),
    broken(
        SHIFT,
        "method = \"two_proportions\"\ntest = \"fischer\"",
        &["`analyses[1].test` is \"fischer\" (did you mean `fisher`?); allowed: pooled_z"],
    ),
    broken(
        SHIFT,
        "method = \"win_odds\"\nrerandomisations = 2_000_000",
        &["`analyses[1].rerandomisations` is 2000000; allowed: 0 to 1000000"],
    ),
    broken(
        SHIFT,
        "method = \"win_odds\"\nrerandomisation = 99",
        &[
            "`analyses[1].rerandomisation` is not a known key (did you mean `rerandomisations`?); allowed",
        ],
    ),
    broken(
        SHIFT,
        "method = \"win_odds\"\nrerandomisations = 99\nmissing = { rule = \"multiple_imputation\" }",
        &["`analyses[1].rerandomisations` is given with multiple imputation; allowed there: 0"],
    ),
    broken("name = \"shift\"", "name = \"\"", &["`analyses[1].name` is empty; allowed: any text"]),
    broken(
        "test = \"score\"",
        "missing = \"complete_case\"",
        &["`analyses[1].missing` is \"complete_case\"; allowed: a table with `rule`"],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"single_values\", mrs = 6 }",
        &[
            "`analyses[1].missing.rule` is \"single_values\" (did you mean `single_value`?); allowed: complete_case, single_value, by_arm, last_observation, multiple_imputation",
        ],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"single_value\", mrs = 7 }",
        &["`analyses[1].missing.mrs` is 7; allowed: 0 to 6"],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"by_arm\", control = 0 }",
        &["`analyses[1].missing.experimental` is missing; expected: Value in the experimental arm"],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"last_observation\" }",
        &[
            "`analyses[1].missing` needs [early_outcome]; allowed without it: complete_case, single_value, by_arm, multiple_imputation without `early`",
        ],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"multiple_imputation\", early = true }",
        &["`analyses[1].missing` needs [early_outcome]; allowed without it"],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"multiple_imputation\", imputations = 1 }",
        &["`analyses[1].missing.imputations` is 1; allowed: 2 to 1000"],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"multiple_imputation\", adjust_for = [\"nihs\"] }",
        &[
            "`analyses[1].missing.adjust_for[0]` is \"nihs\", not a factor (did you mean `nihss`?); allowed: nihss",
        ],
    ),
    broken(
        "test = \"score\"",
        "missing = { rule = \"multiple_imputation\", log_odds_experimental = 30 }",
        &["`analyses[1].missing.log_odds_experimental` is 30; allowed: -20.0 to 20.0"],
    ),
];

#[test]
fn every_invalid_analysis_is_reported() {
    assert_reported(&angel_reboot(), &METHODS);
}

const SLIDING: &str = r#"method = "sliding_dichotomy"
points = [{ factor = "nihss", of_levels = [0, 1] }, { factor = "occlusion_site", of_levels = [-1, 2] }]
cuts = [{ from_points = -1, cut = 1 }, { from_points = 2, cut = 3 }]"#;

const PROGNOSES: [Broken; 10] = [
    broken(
        "points = [",
        "point = [",
        &[
            "`analyses[1].point` is not a known key (did you mean `points`?)",
            "`analyses[1].points` is missing",
        ],
    ),
    broken(
        "factor = \"nihss\", of_levels",
        "factor = \"nihs\", of_levels",
        &[
            "`analyses[1].points[0].factor` is \"nihs\", not a factor (did you mean `nihss`?); allowed: nihss, onset_to_puncture, occlusion_site",
        ],
    ),
    broken(
        "factor = \"occlusion_site\", of_levels",
        "factor = \"nihss\", of_levels",
        &["`analyses[1].points[1].factor` repeats \"nihss\"; allowed: each factor once"],
    ),
    broken(
        "of_levels = [0, 1]",
        "of_levels = [0, 1, 2]",
        &[
            "`analyses[1].points[0].of_levels` has 3 values; allowed: 2 (one for each level of \"nihss\")",
        ],
    ),
    broken(
        "of_levels = [0, 1]",
        "of_levels = [0, 1.5]",
        &[
            "`analyses[1].points[0].of_levels[1]` is 1.5; allowed: a whole number from -1000 to 1000",
        ],
    ),
    broken(
        "of_levels = [0, 1]",
        "of_levels = [0, 1001]",
        &["`analyses[1].points[0].of_levels[1]` is 1001; allowed: -1000 to 1000"],
    ),
    broken(
        "from_points = -1",
        "from_points = 0",
        &[
            "`analyses[1].cuts[0].from_points` is 0; allowed: at most -1, the least that a patient has",
        ],
    ),
    broken(
        "from_points = 2",
        "from_points = -1",
        &["`analyses[1].cuts[1].from_points` is -1; allowed: more than the -1 before it"],
    ),
    broken("cut = 3", "cut = 6", &["`analyses[1].cuts[1].cut` is 6; allowed: 0 to 5"]),
    broken(
        "cuts = [{ from_points = -1, cut = 1 }, { from_points = 2, cut = 3 }]",
        "cuts = []",
        &["`analyses[1].cuts` has 0 elements; allowed: at least 1"],
    ),
];

#[test]
fn every_invalid_dichotomy_is_reported() {
    assert_reported(&angel_reboot().replace(SHIFT, SLIDING), &PROGNOSES);
}

const LOSSES: [Broken; 10] = [
    broken(
        "dropout = 0.10",
        "log_odds_per_mrs = 11",
        &["`missing.log_odds_per_mrs` is 11; allowed: -10.0 to 10.0"],
    ),
    broken(
        "dropout = 0.10",
        "log_odds = 1",
        &[
            "`missing.log_odds` is not a known key (did you mean `log_odds_per_mrs`?); allowed in `missing`: dropout, factors, known_deaths, log_odds_per_mrs",
        ],
    ),
    broken(
        "dropout = 0.10",
        "known_deaths = 1.1",
        &["`missing.known_deaths` is 1.1; allowed: 0.0 to 1.0"],
    ),
    broken(
        "dropout = 0.10",
        "dropout = 0.81\nknown_deaths = 1",
        &[
            "`missing.dropout` cannot be reached: at most 0.8000 of the control arm's outcomes can go missing, as deaths are known; allowed: less than 0.8000",
        ],
    ),
    broken(
        "dropout = 0.10",
        "dropout = { control = 0.1, experimental = 0.9 }\nknown_deaths = 1",
        &["`missing.dropout` cannot be reached"],
    ),
    broken(
        "dropout = 0.10",
        "factors = [{ factor = \"nihs\", log_odds = [0, 1] }]",
        &[
            "`missing.factors[0].factor` is \"nihs\", not a factor (did you mean `nihss`?); allowed: nihss",
        ],
    ),
    broken(
        "dropout = 0.10",
        "factors = [{ factor = \"nihss\", log_odds = [1] }]",
        &[
            "`missing.factors[0].log_odds` has 1 values; allowed: 2 (one for each level of \"nihss\")",
        ],
    ),
    broken(
        "dropout = 0.10",
        "factors = [{ factor = \"nihss\", log_odds = [0, 21] }]",
        &["`missing.factors[0].log_odds[1]` is 21; allowed: -20.0 to 20.0"],
    ),
    broken(
        "dropout = 0.10",
        "factors = [{ factor = \"nihss\", log_odds = [0, nan] }]",
        &["`missing.factors[0].log_odds[1]` nan is not a finite number"],
    ),
    broken(
        "dropout = 0.10",
        "factors = [{ factor = \"nihss\", log_odds = [0, 1] }, { factor = \"nihss\", log_odds = [0, 1] }]",
        &["`missing.factors[1].factor` repeats \"nihss\"; allowed: each factor once"],
    ),
];

#[test]
fn every_invalid_dropout_is_reported() {
    assert_reported(&angel_reboot(), &LOSSES);
}

const EARLY: &str = "[early_outcome]
control = [5, 10, 20, 25, 20, 10, 10]
transition = [
  [60, 20, 10, 5, 2, 1, 2],
  [20, 50, 15, 8, 3, 2, 2],
  [10, 20, 40, 15, 8, 4, 3],
  [5, 10, 20, 35, 15, 8, 7],
  [2, 5, 10, 18, 40, 13, 12],
  [1, 2, 4, 8, 20, 40, 25],
  [0, 0, 0, 0, 0, 0, 100],
]

[design]";

const EARLY_OUTCOMES: [Broken; 7] = [
    broken(
        "control = [5, 10,",
        "control = [4, 10,",
        &[
            "`early_outcome.control` is not a distribution",
            "too little by 1.000000; allowed: a sum of 100",
        ],
    ),
    broken(
        "control = [5, 10, 20, 25, 20, 10, 10]",
        "control = [50, 50]",
        &["`early_outcome.control` has 2 elements; allowed: exactly 7"],
    ),
    broken(
        "[10, 20, 40, 15, 8, 4, 3]",
        "[10, 20, 40, 15, 8, 4, 4]",
        &["`early_outcome.transition[2]` is not a distribution", "too much by 1.000000; allowed"],
    ),
    broken(
        "[10, 20, 40, 15, 8, 4, 3]",
        "[10, 20, 70]",
        &["`early_outcome.transition[2]` has 3 elements; allowed: exactly 7"],
    ),
    broken(
        "transition = [\n  [60, 20, 10, 5, 2, 1, 2],",
        "transition = [",
        &["`early_outcome.transition` has 6 elements; allowed: exactly 7"],
    ),
    broken(
        "[0, 0, 0, 0, 0, 0, 100]",
        "[0, 0, 0, 0, 0, 1, 99]",
        &[
            "`early_outcome.transition[6]` lets the dead recover; allowed for mRS 6: [0, 0, 0, 0, 0, 0, 1]",
        ],
    ),
    broken(
        "control = [5, 10, 20, 25, 20, 10, 10]",
        "control = [100, 0, 0, 0, 0, 0, 0]\ntransitions = []",
        &["`early_outcome.transitions` is not a known key (did you mean `transition`?)"],
    ),
];

#[test]
fn every_invalid_early_outcome_is_reported() {
    let valid = angel_reboot().replace("[design]", EARLY);
    assert!(Scenario::parse(&valid, &[]).is_ok());
    assert_reported(&valid, &EARLY_OUTCOMES);
    // The message refers to the whole transition, whose first line is a different one.
    let no_level_0 = valid.replace("[60, 20, 10,", "[0, 80, 10,").replace("[20, 50,", "[0, 70,");
    let no_level_0 =
        no_level_0.replace("[10, 20, 40,", "[0, 30, 40,").replace("[5, 10, 20,", "[0, 15, 20,");
    let no_level_0 =
        no_level_0.replace("[2, 5, 10,", "[0, 7, 10,").replace("[1, 2, 4,", "[0, 3, 4,");
    let no_level_0 = no_level_0.replace("control = [0, 15, 20,", "control = [5, 10, 20,");
    assert_refused(
        &no_level_0,
        &[],
        "`early_outcome.transition` gives mRS 0 at 90 days zero probability, but it occurs in the outcome; allowed: above 0 somewhere in that column",
    );
    assert_refused(
        &valid,
        &["missing.dropout=0.99"],
        "`missing.dropout` cannot be reached: at most 0.8",
    );
}

#[track_caller]
fn assert_refused(text: &str, set: &[&str], says: &str) {
    let message = Scenario::parse(text, &overrides(set)).expect_err("it is invalid").summary();
    assert!(message.contains(says), "{set:?} should say {says:?} and says\n{message}");
}

#[test]
fn dropout_of_deaths_that_are_all_known_is_refused() {
    let all_die = ["outcome.control=[0,0,0,0,0,0,1]", "outcome.experimental={common_odds_ratio=2}"];
    let set = [all_die[0], all_die[1], "missing.known_deaths=1"];
    assert_refused(&angel_reboot(), &set, "as deaths are known; allowed: 0");
}

/// The same errors in `--set` name their key and point into the argument.
#[test]
fn numbers_that_are_not_finite_are_reported_in_arguments_too() {
    let set = r#"analyses=[{method="utility_weighted",utilities=[1,nan,1,1,1,1,0]}]"#;
    let set = [set.to_owned()];
    let rejection = Scenario::parse(&angel_reboot(), &set).expect_err("nan is no utility");
    let [problem] = &rejection.problems[..] else { panic!("{rejection}") };
    assert_eq!(problem.sentence(), "`analyses[0].utilities[1]` nan is not a finite number");
    let (_, span) = problem.place.clone().expect("in the argument");
    assert_eq!(&set[0][span], "nan");
}

/// Valid settings that are probably not intended, and a part of their warning.
const WARNED: [(&[&str], &str); 9] = [
    (
        &[r#"analyses=[{method="utility_weighted",utilities=[0,0.1,0.2,0.3,0.6,1,1]}]"#],
        "analysis \"utility_weighted\" gives mRS 0 a utility of 0 and death one of 1: higher is better here; reverse the sign of disability weights",
    ),
    (
        &[r#"analyses=[{method="win_odds",rerandomisations=999}]"#],
        "analysis \"win_odds\" can never reject H0 at look 1: its 999 re-randomisations give no Z above 3.0902, and the bound is 3.7103; 9661 are needed",
    ),
    (
        &[r#"analyses=[{method="win_odds",rerandomisations=19}]"#],
        "can never reject H0 at looks 1, 2, 3: its 19 re-randomisations give no Z above 1.6449",
    ),
    (
        &[
            r#"analyses=[{method="win_odds",rerandomisations=999}]"#,
            "design.alpha_two_sided=0.0000001",
        ],
        "no number up to 1000000 is enough",
    ),
    (
        &[
            r#"analyses=[{method="proportional_odds",adjust_for=["nihss","occlusion_site"]}]"#,
            "design.looks={analysed=[20,312]}",
        ],
        "analysis \"proportional_odds\" has 2 covariates and, at look 1, 20 outcomes: more than 10 for each are usual",
    ),
    (
        &[
            r#"analyses=[{method="sliding_dichotomy",points=[{factor="nihss",of_levels=[0,1]}],cuts=[{from_points=0,cut=1},{from_points=2,cut=3}]}]"#,
        ],
        "analysis \"sliding_dichotomy\" has a cut for 2 or more points, but the highest possible score is 1",
    ),
    (
        &[
            r#"analyses=[{method="win_odds",missing={rule="single_value",mrs=6}}]"#,
            "missing.dropout=0",
        ],
        "analysis \"win_odds\" has a rule for missing outcomes, but dropout is 0",
    ),
    (
        &["missing={dropout=0,known_deaths=1}"],
        "the other keys of [missing] have no effect, as `dropout` is 0",
    ),
    (
        &[r#"missing={factors=[{factor="nihss",log_odds=[0,1]}]}"#],
        "the other keys of [missing] have no effect, as `dropout` is 0",
    ),
];

fn warnings(set: &[&str]) -> String {
    rescuesim::expected::warnings(&scenario(set)).join("\n")
}

#[test]
fn settings_that_are_probably_not_intended_cause_a_warning() {
    for (set, says) in WARNED {
        let message = warnings(set);
        assert!(message.contains(says), "{set:?} should say {says:?} and says\n{message}");
    }
}

#[test]
fn usual_settings_cause_no_warning() {
    let usual = [
        r#"analyses=[{method="utility_weighted",utilities=[0.96,0.83,0.72,0.54,0.22,-0.18,0]}]"#,
        r#"analyses=[{method="win_odds",rerandomisations=9661}]"#,
        r#"analyses=[{method="proportional_odds",adjust_for=["nihss","occlusion_site"]}]"#,
        r#"analyses=[{method="win_odds",missing={rule="multiple_imputation"}}]"#,
        "missing={dropout=0.1,known_deaths=1}",
    ];
    for set in usual {
        let message = warnings(&[set]);
        let words = ["analysis", "[missing]"];
        assert!(!words.iter().any(|word| message.contains(word)), "{set} says\n{message}");
    }
}
