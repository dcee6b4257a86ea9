//! Every shipped scenario states its question, is valid without an unintended warning, and
//! runs.

use std::collections::{BTreeMap, BTreeSet};

use rescuesim::scenario::{InputFile, Scenario, ScenarioFile, reference};
use serde_json::Value;

use crate::util::{
    angel_reboot, output, project, rescuesim, shipped_scenarios, shipped_text, too_wide,
};

#[test]
fn every_shipped_scenario_opens_with_its_question_and_runs() {
    let paths = shipped_scenarios();
    assert!(paths.len() >= 20, "{} scenarios", paths.len());
    for path in paths.iter().map(|path| project(path)) {
        let text = std::fs::read_to_string(&path).expect("the file is text");
        let opening: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(opening.contains('?'), "{path:?} opens with its question");
        let mut command = rescuesim();
        let few = ["--replicates", "200", "--quiet", "--full"];
        let run = output(command.arg("run").arg(&path).args(few));
        let name = path.file_stem().and_then(|name| name.to_str()).expect("the name is UTF-8");
        let opening = run.lines().take(10).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(format!("opening__{name}"), opening);
        assert!(run.contains("Power and type I error"), "{run}");
        let checked = output(rescuesim().arg("check").arg(&path));
        assert!(checked.contains("Boundaries"), "{checked}");
        assert_eq!(too_wide(&run), Vec::<&str>::new(), "{path:?}");
    }
}

#[test]
fn the_page_on_scenarios_links_to_every_file() {
    let page = shipped_text("scenarios/README.md");
    for path in shipped_scenarios() {
        let name = path.strip_prefix("scenarios/").expect("it is in the folder");
        assert!(page.contains(&format!("({name})")), "{name}");
    }
}

/// Names of the keys that the pages of the reference list, by table of the top level.
fn documented_keys() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for page in reference::PAGES {
        let text = shipped_text(&format!("scenarios/{}", page.file));
        let mut current = "";
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                current = heading.trim_matches(['`', '[', ']']);
            } else if let Some(row) = line.strip_prefix("| `") {
                let path = row.split(['`', ' ']).next().expect("a split has a part");
                let names = path.split(['.', '[', ']']).map(str::to_owned);
                tables.entry(current.to_owned()).or_default().extend(names);
            }
        }
    }
    tables
}

/// The keys of each table are in its section; keys within values are in that section, or in another one
/// to which it refers.
#[test]
fn every_key_of_a_table_is_documented_in_its_section() {
    let tables = documented_keys();
    let schema = ScenarioFile::schema();
    let mut seen = 0;
    for (table, place) in schema["properties"].as_object().expect("there are keys") {
        for (key, place) in keys_of_table(schema, place) {
            seen += 1;
            assert!(tables[table].contains(&key), "`{key}` has no row below [{table}]");
            assert_named(&tables, schema, &format!("{table}.{key}"), place, &mut seen);
        }
    }
    assert!(seen > 150, "{seen}");
}

/// Fails unless the keys within a value are documented in some section.
fn assert_named(
    tables: &BTreeMap<String, BTreeSet<String>>,
    schema: &Value,
    path: &str,
    place: &Value,
    seen: &mut usize,
) {
    for (key, place) in keys_of_table(schema, place) {
        *seen += 1;
        let is_named = tables.values().any(|names| names.contains(&key));
        assert!(is_named, "`{key}` of `{path}` is not documented");
        assert_named(tables, schema, &format!("{path}.{key}"), place, seen);
    }
}

/// The keys, with their schemas, of a table, of the elements of an array of tables, or of all variants
/// of one.
fn keys_of_table<'s>(schema: &'s Value, place: &'s Value) -> BTreeMap<String, &'s Value> {
    if let Some(reference) = place["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").expect("a definition");
        return keys_of_table(schema, &schema["$defs"][name]);
    }
    let own = place["properties"].as_object().into_iter().flatten();
    let own = own.map(|(key, place)| (key.clone(), place));
    let variants = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|of| place[of].as_array());
    let inner = variants.flatten().chain(place.get("items"));
    own.chain(inner.flat_map(|variant| keys_of_table(schema, variant))).collect()
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
