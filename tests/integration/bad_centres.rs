//! Broken scenarios with centres and drift.

use crate::bad_input::{Broken, assert_reported, broken};
use crate::util::{angel_reboot, scenario, shipped_text};

const ACCRUAL: &str = "per_month = 22.39";
const FACTORS: &str = r#"factors = ["nihss", "onset_to_puncture", "occlusion_site"]"#;

const TABLE: [Broken; 15] = [
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 0",
        &["`centres.number` is 0; allowed: 1 to 1000"],
    ),
    broken(ACCRUAL, "per_month = 9\n[centres]\nrate_shape = 1", &["`centres.number` is missing"]),
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 3\nrate_shape = 0",
        &["`centres.rate_shape` is 0; allowed: 0.1 to 1000000"],
    ),
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 3\noutcome_sd = -1",
        &["`centres.outcome_sd` is -1; allowed: 0.0 to 5.0"],
    ),
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 3\nsd_outcome = 1",
        &["`centres.sd_outcome` is not a known key", "outcome_sd"],
    ),
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 3\nopening = { months = [0, 1] }",
        &["`centres.opening.months` has 2 values; allowed: 3 (one per centre)"],
    ),
    broken(
        ACCRUAL,
        "per_month = 9\nramp_up_months = 3\n[centres]\nnumber = 3\nopening = { over_months = 6 }",
        &["`centres.opening` conflicts with `accrual.ramp_up_months`; give exactly one of them"],
    ),
    broken(
        ACCRUAL,
        "per_month = 9\n[centres]\nnumber = 3\nprocedure_sd = 0.4",
        &[
            "`centres.procedure_sd` is 0.4, and there is no [procedure] to succeed; allowed without it: 0",
        ],
    ),
    broken(
        "[[factors]]\nname = \"nihss\"",
        "[centres]\nnumber = 3\n[[factors]]\nname = \"centre\"",
        &["`factors[0].name` is \"centre\", which is the factor that [centres] makes"],
    ),
    broken(
        FACTORS,
        r#"factors = ["nihss", "centre", "occlusion_site"]"#,
        &[
            "`randomisation.factors[1]` is \"centre\", not a factor (which needs [centres]); allowed: nihss, onset_to_puncture, occlusion_site",
        ],
    ),
    broken(
        "dropout = 0.10",
        "dropout = 0.10\nfactors = [{ factor = \"centre\", log_odds = [0, 1] }]\n[centres]\nnumber = 2",
        &[
            "`missing.factors[0].factor` is \"centre\", not a factor here (centres differ by [centres], not level by level)",
        ],
    ),
    broken(
        "[missing]",
        "[drift]\nstated_at_month = 3\n[missing]",
        &["`drift.log_odds_per_year` is missing"],
    ),
    broken(
        "[missing]",
        "[drift]\nlog_odds_per_year = 11\n[missing]",
        &["`drift.log_odds_per_year` is 11; allowed: -10.0 to 10.0"],
    ),
    broken(
        "[missing]",
        "[drift]\nlog_odds_per_year = 0.1\n[[prior.components]]\nlog_odds_ratio = { mean = 0.3, sd = 0.1 }\n[missing]",
        &["`drift` conflicts with `prior`; give exactly one of them"],
    ),
    broken(
        "[missing]",
        "[drift]\nlog_odds_per_year = 0.1\nstated_at_month = -1\n[missing]",
        &["`drift.stated_at_month` is -1; allowed: 0.0 to 1200.0"],
    ),
];

#[test]
fn every_error_is_reported_with_its_place_and_what_is_allowed() {
    assert_reported(&angel_reboot(), &TABLE);
}

#[test]
fn names_and_numbers_of_centres_are_checked() {
    let text = shipped_text("scenarios/angel-reboot-centres.toml");
    let table = [broken(
        r#"stratify_by = ["centre"]"#,
        r#"stratify_by = ["center"]"#,
        &["`analyses[1].stratify_by[0]` is \"center\", not a factor (did you mean `centre`?)"],
    )];
    assert_reported(&text, &table);
    let many = [
        "centres.number=1000",
        r#"factors=[{name="nihss",levels=["a","b","c","d","e","f","g","h","i","j","k"],shares=[0.5,0.05,0.05,0.05,0.05,0.05,0.05,0.05,0.05,0.05,0.05]}]"#,
        r#"randomisation={method="minimisation"}"#,
    ];
    let rejection = rescuesim::scenario::Scenario::parse(&text, &many.map(String::from));
    let message = rejection.expect_err("too many").summary();
    assert!(message.contains("which makes 11000 combinations"), "{message}");
}

#[test]
fn warnings_name_the_possible_effect_of_centres() {
    let warned = |set: &[&str], text: &str| {
        let warnings = rescuesim::expected::warnings(&scenario(set)).join("\n");
        assert!(warnings.contains(text), "{warnings}");
    };
    warned(
        &["centres={number=100}"],
        "100 centres for 348 patients are fewer than 4 patients each",
    );
    warned(&["centres={number=3,rate_shape=0.3}"], "duration of a trial has no finite mean");
    warned(&["centres={number=5,rate_shape=0.3}"], "has no finite standard deviation");
    warned(&["centres={number=2,opening={months=[0,90]}}"], "1 of the centres open after the last");
    warned(
        &["centres={number=3,dropout_sd=0.2}", "missing.dropout=0"],
        "centres.dropout_sd has no effect",
    );
}
