//! Analyses on the command line: overridden, printed with their defaults, compared, and refused by
//! commands that support only some of them.

use std::fs;

use serde_json::Value;

use crate::util::{
    self, angel_reboot, directory, output, refused, rescuesim, set_options, too_wide,
};

const SCENARIO: &str = "scenarios/angel-reboot.toml";

const FULL: &str = r#"analyses=[{method="two_proportions",cut=1,test="fisher_mid_p",missing={rule="single_value",mrs=6}},{method="proportional_odds",adjust_for=["nihss"],merge_5_and_6=true},{method="logistic"},{method="wilcoxon",stratify_by=["nihss","occlusion_site"],rerandomisations=19},{method="win_odds",missing={rule="by_arm",control=0,experimental=6}},{method="win_ratio"},{method="utility_weighted",utilities=[1,0.91,0.76,0.65,0.33,0,0]},{method="cochran_mantel_haenszel",stratify_by=["nihss"],missing={rule="multiple_imputation",imputations=2}},{method="sliding_dichotomy",points=[{factor="nihss",of_levels=[0,1]}],cuts=[{from_points=0,cut=1},{from_points=1,cut=3}]}]"#;

fn run(set: &[&str], more: &[&str]) -> String {
    let run = ["run", SCENARIO, "--replicates", "60", "--quiet", "--full"];
    output(rescuesim().args(run).args(more).args(set_options(set)))
}

fn json(set: &[&str]) -> Value {
    serde_json::from_str(&run(set, &["--format", "json"])).expect("valid JSON")
}

#[test]
fn analyses_are_overridden_whole_or_by_key() {
    let table = run(&[r#"analyses=[{method="win_odds"}]"#], &[]);
    assert!(table.contains("Monitored by \"win_odds\": win odds (ties split)"), "{table}");
    assert!(table.contains("As win odds under H1"), "{table}");
    let table = run(&["analyses[1].test=likelihood_ratio", "missing.dropout=0.05"], &[]);
    assert!(table.contains("proportional odds, likelihood-ratio test"), "{table}");
    // The keys of the replaced method are dropped; keys of all methods are kept.
    let summary = json(&["analyses[0].method=win_ratio"]);
    let written = &summary["provenance"]["scenario"]["analyses"][0];
    assert_eq!(written["name"], "independence");
    assert!(written["cut"].is_null() && written["method"] == "win_ratio", "{written}");
    let summary =
        json(&["missing.dropout={control=0.1,experimental=0.2}", "missing.log_odds_per_mrs=0.2"]);
    assert_eq!(summary["provenance"]["scenario"]["missing"]["log_odds_per_mrs"], 0.2);
}

#[test]
fn all_methods_run_together_and_are_printed_with_their_defaults() {
    let table = run(&[FULL], &[]);
    assert_eq!(too_wide(&table), Vec::<&str>::new());
    let odd = table.split_whitespace().find(|word| word.contains("NaN") || *word == "inf");
    assert_eq!(odd, None, "{table}");
    let summary = json(&[FULL]);
    let analyses = summary["truths"][0]["analyses"].as_array().expect("analyses");
    assert_eq!(analyses.len(), 9);
    for analysis in analyses {
        assert!(analysis["rejection"]["value"].is_number(), "{analysis}");
        assert!(analysis["estimate"]["truth"].is_number(), "{analysis}");
    }

    let folder = directory();
    let out = folder.path().display().to_string();
    run(&[FULL], &["--out", &out, "--trials", "csv"]);
    let rows = fs::read_to_string(folder.path().join("trials.csv")).expect("the program wrote it");
    // Each replicate has a row for each analysis under both truths.
    assert_eq!(rows.lines().count(), 1 + 60 * 9 * 2);
    for analysis in analyses {
        let name = analysis["name"].as_str().expect("text");
        assert_eq!(rows.matches(&format!(",{name},")).count(), 120, "{name}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn all_methods_have_parquet_rows() {
    let folder = directory();
    run(&[FULL], &["--out", &folder.path().display().to_string(), "--trials", "parquet"]);
    assert!(folder.path().join("trials.parquet").exists());
}

/// The output of `check` is a scenario with the same meaning and all defaults.
#[test]
fn check_prints_the_defaults_of_analyses() {
    let checked = output(rescuesim().args(["check", SCENARIO, "--set", FULL]));
    for text in [
        "name = \"win_odds\"\nmethod = \"win_odds\"\npopulation = \"intention_to_treat\"\nrerandomisations = 0\n",
        "cut = 1\ntest = \"fisher_mid_p\"\neffect = \"risk_difference\"\ninterval = \"wald\"",
        "method = \"logistic\"\ncut = 2\ntest = \"wald\"",
        "rule = \"complete_case\"",
        "imputations = 2\nearly = false\nlog_odds_experimental = 0.0",
        "test = \"student\"",
    ] {
        assert!(checked.contains(text), "{text:?} in\n{checked}");
    }
    let folder = directory();
    let path = folder.path().join("checked.toml");
    fs::write(&path, &checked).expect("the folder is writable");
    assert_eq!(output(rescuesim().arg("check").arg(&path)), checked);
}

#[test]
fn many_analyses_with_long_names_fit_the_width() {
    let analyses: Vec<String> = (0..20)
        .map(|i| {
            let name = format!("an analysis whose name is a whole long sentence, number {i}");
            format!(r#"{{method="two_proportions",name="{name}",test="fisher_mid_p"}}"#)
        })
        .collect();
    let set = format!("analyses=[{}]", analyses.join(","));
    let table = run(&[&set], &[]);
    assert_eq!(too_wide(&table), Vec::<&str>::new());
    assert!(table.contains("number 19"), "{table}");
    let prior = "prior={components=[{log_odds_ratio={mean=0.5,sd=0.3}}]}";
    assert_eq!(too_wide(&run(&[&set, prior], &[])), Vec::<&str>::new());
}

/// ANGEL-REBOOT with its second analysis by the win ratio.
fn with_wins() -> String {
    let shift = "name = \"shift\"\nmethod = \"proportional_odds\"\ntest = \"score\"";
    assert!(angel_reboot().contains(shift));
    angel_reboot().replace(shift, "name = \"wins\"\nmethod = \"win_ratio\"")
}

#[test]
fn scenarios_are_compared_by_their_common_analyses() {
    let folder = directory();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder is writable");
        path.display().to_string()
    };
    let wins = written("wins.toml", &with_wins());
    let compared = output(rescuesim().args([
        "compare",
        SCENARIO,
        &wins,
        "--replicates",
        "50",
        "--quiet",
        "--format",
        "json",
    ]));
    let compared: Value = serde_json::from_str(&compared).expect("valid JSON");
    let quantities = compared["figures"].as_array().expect("figures").iter();
    let powers: Vec<&str> =
        quantities.filter_map(|of| of["figure"].as_str()?.strip_suffix(".power")).collect();
    assert_eq!(powers, ["independence"]);

    let none = written("none.toml", &with_wins().replace("cut = 2", "cut = 1"));
    let errors = refused(rescuesim().args(["compare", SCENARIO, &none, "--replicates", "50"]));
    for text in [
        "the scenarios have no analysis in common",
        "scenario 1 has \"two proportions with mRS 0–2, risk difference\", \"proportional odds",
        "scenario 2 has \"two proportions with mRS 0–1, risk difference\", \"win ratio",
    ] {
        assert!(errors.contains(text), "{text:?} in\n{errors}");
    }
}

fn looks(of: &Value) -> Vec<Value> {
    of["looks"].as_array().expect("a list").clone()
}

/// A command that needs a closed form names the reason why there is none and the analyses that have one;
/// boundaries and decisions need none.
#[test]
fn commands_by_formula_name_the_analyses_that_have_one() {
    let few = r#"analyses=[{name="few",method="two_proportions",rerandomisations=19},
                           {name="independence",method="two_proportions"}]"#;
    let reason = "analysis few has no closed form, as fewer than 999 re-randomisations make p values \
                  coarse; it exists for --analysis independence";
    let design = ["design", SCENARIO, "--set", few];
    let refused_power = refused(rescuesim().args(design).args(["--power", "0.8"]));
    assert!(refused_power.contains(&format!("--power 0.8: {reason}; without --power")));
    let effect = ["--plot", "it.svg", "--scale", "effect"];
    let refused_plot = refused(rescuesim().args(design).args(effect));
    assert!(refused_plot.contains("allowed: z, p"), "{refused_plot}");
    let boundaries = util::json(rescuesim().args(design));
    assert_eq!(boundaries["no_formula"], format!("No power and no sizes: {reason}."));
    let with_formula = util::json(rescuesim().args(design).args(["--analysis", "independence"]));
    for (alone, with) in looks(&boundaries).iter().zip(looks(&with_formula)) {
        for key in
            ["z", "p_one_sided", "p_two_sided", "conditional_power_trend", "predictive_power"]
        {
            assert_eq!(alone["efficacy"][key], with["efficacy"][key], "{key}");
        }
        assert_eq!(alone["efficacy"]["effect"], Value::Null);
    }
    let look = ["--look", "1", "--z", "1", "--n", "104"];
    let monitored = util::json(rescuesim().args(["monitor", SCENARIO, "--set", few]).args(look));
    assert_eq!(
        (&monitored["decision"], &monitored["effects"]["estimate"]),
        (&"continue".into(), &Value::Null)
    );
    assert!(monitored["looks"][0]["p_efficacy"]["two_sided"].as_f64().is_some_and(|p| p < 0.001));
    let all = ["design", SCENARIO, "--set", "outcome.control=[0,0,0,50,50,0,0]"];
    let arms = util::json(
        rescuesim()
            .args([&all[..], &["--set", "outcome.experimental={common_odds_ratio=2}"]].concat()),
    );
    let reason = arms["no_formula"].as_str().expect("a sentence");
    assert!(reason.contains("analysis independence has no closed form, as the arms"), "{reason}");
    assert!(reason.contains("it exists for --analysis shift"), "{reason}");
    for rule in [
        r#"design.futility={rule="effect",bounds=[0,0]}"#,
        r#"design.futility={rule="conditional_power",under="planned",at_most=0.1}"#,
    ] {
        let set = ["check", SCENARIO, "--set", "analyses=[{method=\"win_odds\"}]", "--set", rule];
        let errors = refused(rescuesim().args(set));
        assert!(errors.contains("another primary analysis (two_proportions,"), "{errors}");
    }
}

/// The schema of every variant of an analysis lists all keys it allows, for editors.
#[test]
fn the_schema_of_each_method_is_complete() {
    let schema: Value =
        serde_json::from_str(&output(rescuesim().arg("schema"))).expect("valid JSON");
    let analysis = &schema["$defs"]["Analysis"];
    assert!(analysis["properties"].is_null() && analysis["unevaluatedProperties"].is_null());
    let variants = analysis["oneOf"].as_array().expect("variants");
    assert!(!variants.is_empty());
    for variant in variants {
        assert_eq!(variant["additionalProperties"], false, "{variant}");
        assert_eq!(variant["type"], "object", "{variant}");
        let properties = variant["properties"].as_object().expect("a table");
        for shared in ["method", "name", "rerandomisations", "missing"] {
            assert!(properties.contains_key(shared), "{shared} in {variant}");
        }
        let required = variant["required"].as_array().expect("some are");
        assert!(required.contains(&"method".into()), "{variant}");
        for key in required {
            assert!(properties.contains_key(key.as_str().expect("a key")), "{key}");
        }
        // Every reference resolves.
        for property in properties.values() {
            if let Some(reference) = property["$ref"].as_str() {
                let pointer = reference.strip_prefix('#').expect("within the schema");
                assert!(schema.pointer(pointer).is_some(), "{reference}");
            }
        }
    }
    for rule in schema["$defs"]["MissingRule"]["oneOf"].as_array().expect("variants") {
        assert_eq!(rule["additionalProperties"], false, "{rule}");
    }
}
