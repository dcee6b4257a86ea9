//! Every shipped scenario states its question, is valid without an unintended warning, and
//! runs.

use std::collections::{BTreeMap, BTreeSet};

use rescuesim::scenario::{InputFile, Scenario, ScenarioFile};
use serde_json::Value;

use crate::util::{angel_reboot, output, project, rescuesim, shipped_text};

#[test]
fn every_shipped_scenario_opens_with_its_question_and_runs() {
    let mut seen = 0;
    for entry in std::fs::read_dir(project("scenarios")).expect("the folder is shipped") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the file is text");
        let opening: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(opening.contains('?'), "{path:?} opens with its question");
        let mut command = rescuesim();
        let run = output(command.arg("run").arg(&path).args(["--replicates", "200", "--quiet"]));
        assert!(run.contains("Does the trial show an effect?"), "{run}");
        let checked = output(rescuesim().arg("check").arg(&path));
        assert!(checked.contains("Boundaries"), "{checked}");
        let lines = run.lines().filter(|line| !line.starts_with("Recreate"));
        let widest = lines.max_by_key(|line| line.chars().count()).expect("it says something");
        assert!(widest.chars().count() <= 80, "{path:?}: {widest}");
        seen += 1;
    }
    assert!(seen >= 9, "{seen} scenarios");
}

/// The page on scenarios names every file and every key.
#[test]
fn the_page_on_scenarios_names_every_file_and_every_key() {
    let page = shipped_text("scenarios/README.md");
    for entry in std::fs::read_dir(project("scenarios")).expect("the folder is shipped") {
        let name = entry
            .expect("the folder can be listed")
            .file_name()
            .into_string()
            .expect("the name is UTF-8");
        assert!(!name.ends_with(".toml") || page.contains(&format!("({name})")), "{name}");
    }
    // Names are in code, between backquotes.
    let code = page.split('`').skip(1).step_by(2);
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let named: BTreeSet<&str> =
        code.flat_map(|code| code.split(move |c| !part_of_name(c))).collect();
    let schema = output(rescuesim().arg("schema"));
    let schema: Value = serde_json::from_str(&schema).expect("valid JSON");
    let mut seen = 0;
    keys(&schema, &mut |key| {
        seen += 1;
        assert!(named.contains(key), "{key}");
    });
    assert!(seen > 80, "{seen}");
}

/// The keys of each table of a scenario are in the first column below the name of that table.
#[test]
fn every_key_of_a_table_has_a_row_below_its_name() {
    let page = shipped_text("scenarios/README.md");
    let reference = page.split_once("## Every key").expect("it exists").1;
    let reference = reference.split("\n## ").next().expect("the program ends");
    let mut rows: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut table = String::new();
    for row in reference.lines().filter(|line| line.starts_with('|')) {
        let cell = row.split('|').nth(1).expect("a first column");
        if cell.contains("**`[") {
            table = cell.replace(['*', '`', '[', ']', ' '], "");
        }
        rows.entry(table.clone()).or_default().extend(cell.split('`').skip(1).step_by(2));
    }
    let schema = ScenarioFile::schema();
    let mut seen = 0;
    for (table, place) in schema["properties"].as_object().expect("there are keys") {
        for key in keys_of_table(schema, place) {
            let named = rows.get(table).is_some_and(|rows| rows.contains(key.as_str()));
            let has_table = rows.keys().any(|name| name.contains(&format!("{table}.{key}")));
            assert!(named || has_table, "`{key}` has no row below [{table}]");
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

/// The keys of a table, of the elements of an array of tables, or of all variants of one.
fn keys_of_table(schema: &Value, place: &Value) -> BTreeSet<String> {
    if let Some(reference) = place["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").expect("a definition");
        return keys_of_table(schema, &schema["$defs"][name]);
    }
    let own = place["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone());
    let variants = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|of| place[of].as_array());
    let inner = variants.flatten().chain(place.get("items"));
    own.chain(inner.flat_map(|variant| keys_of_table(schema, variant))).collect()
}

/// Every key of a schema.
fn keys(schema: &Value, see: &mut impl FnMut(&str)) {
    if let Some(properties) = schema["properties"].as_object() {
        properties.keys().for_each(|key| see(key));
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| keys(field, see)),
        Value::Array(items) => items.iter().for_each(|item| keys(item, see)),
        _ => {}
    }
}

/// ANGEL-REBOOT with correlated factors, by the joint shares of their levels.
fn with_joint_table(rows: &[(&str, &str, &str, f64)]) -> String {
    let text = angel_reboot();
    let without_shares: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("shares = ")).collect();
    let strata: String = rows
        .iter()
        .map(|(a, b, c, share)| {
            format!("[[strata]]\nlevels = [\"{a}\", \"{b}\", \"{c}\"]\nshare = {share}\n")
        })
        .collect();
    without_shares.join("\n") + "\n" + &strata
}

#[test]
fn correlated_factors_follow_their_joint_shares() {
    let rows = [
        ("6-15", "6-24 h", "anterior", 50.0),
        (">=16", "<6 h", "anterior", 29.0),
        (">=16", "<6 h", "posterior", 21.0),
    ];
    let scenario = Scenario::parse(&with_joint_table(&rows), &[]).expect("a valid scenario");
    let shares: Vec<f64> = scenario.population.prognosis().map(|(share, _)| share).collect();
    assert_eq!(shares, [0.5, 0.29, 0.21]);
    assert_eq!(scenario.population.levels(2), [1, 1, 1]);

    let says = |rows: &[(&str, &str, &str, f64)], text: &str| {
        let rejection = Scenario::parse(&with_joint_table(rows), &[]).expect_err("it is invalid");
        assert!(rejection.summary().contains(text), "{rejection}");
    };
    says(&[rows[0], rows[0]], "`strata[1].levels` repeats ");
    says(&[rows[0], rows[1]], "`strata` sum to 79, too little by 21.000000");
    says(&[("6-15", "never", "anterior", 100.0)], "has \"never\"; allowed for `onset_to_puncture`");
    let both =
        angel_reboot() + "[[strata]]\nlevels = [\"6-15\", \"<6 h\", \"anterior\"]\nshare = 1\n";
    let rejection = Scenario::parse(&both, &[]).expect_err("shares are given twice");
    assert!(rejection.summary().contains("`factors[0].shares` conflicts with `strata`"));
}
