//! Tests of the catalogue against the JSON of results and against the documentation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::engine::Accumulator;
use crate::scenario::Scenario;
use crate::summary::population::tests::{RESTRICTED, RULES};
use crate::summary::{NamedQuantity, OperatingCharacteristics, Tally};
use crate::trial::Simulator;

fn simulated(name: &str, set: &[&str], replicates: u64) -> (Scenario, Tally) {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
    let scenario = Scenario::load(path.as_ref(), &set).expect("it is shipped");
    let tally = tally_of(&scenario, replicates);
    (scenario, tally)
}

fn tally_of(scenario: &Scenario, replicates: u64) -> Tally {
    let mut tally = Tally::new(scenario);
    let mut simulator = Simulator::new(scenario);
    for replicate in 0..replicates {
        let mut result = Default::default();
        simulator.run_into(replicate..replicate + 1, &mut result);
        tally.add(&[result]);
    }
    tally
}

/// Every supplementary analysis.
const DESCRIPTION: &str =
    "description={proportional_odds=true,tipping_point=true,subgroups=[\"nihss\"]}";

/// An effect that differs between levels.
const MODIFICATION: &str = "factors[0].effect_log_odds=[0,0.5]";

/// A rule by which the analyses decide together, with a test of proportional odds.
const RULE: &str =
    "success={rule=\"proportional_odds_switch\",shift=\"shift\",dichotomy=\"independence\"}";

/// A re-estimation of the number of patients, which is integrated.
const SIZE: &str =
    "adaptation.size={rule=\"promising_zone\",look=2,at_least=0.3,target=0.9,maximum=500}";

/// Results of trials whose population may be restricted.
fn restricted_results() -> impl Iterator<Item = OperatingCharacteristics> {
    RULES.into_iter().map(|rule| {
        let scenario = Scenario::parse(RESTRICTED, &[rule.to_owned()]).expect("a valid scenario");
        // Enough that each population is left in some trials.
        OperatingCharacteristics::new(&scenario, &tally_of(&scenario, 40))
    })
}

/// A method of pooling that gives the prior degrees of freedom.
const HARTUNG_KNAPP: &str = "prior.components[0].evidence.method=\"revman_random_hartung_knapp\"";

/// Results that together have every object and every field.
fn full_results() -> Vec<OperatingCharacteristics> {
    let everything = [
        ("angel-reboot", &["run.variance_reduction=true"][..]),
        ("angel-reboot", &[DESCRIPTION]),
        ("angel-reboot", &[MODIFICATION]),
        ("angel-reboot-safety", &[]),
        ("angel-reboot-centres", &[]),
        ("premat-assurance", &[HARTUNG_KNAPP]),
        ("early-vs-late", &[]),
        ("angel-reboot", &[RULE]),
        ("angel-reboot", &[SIZE]),
    ];
    let results = everything.into_iter().map(|(name, set)| {
        let (scenario, tally) = simulated(name, set, 6);
        OperatingCharacteristics::new(&scenario, &tally)
    });
    results.chain(restricted_results()).collect()
}

/// Every number of a JSON value by its pointer, but for the numbers that only name an element of a list.
fn numbers(place: &str, value: &Value, found: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => {
            found.insert(place.to_owned(), number.as_f64().expect("it fits"));
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                numbers(&format!("{place}/{i}"), item, found);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                if key != "look" && key != "cut" {
                    numbers(&format!("{place}/{key}"), value, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Adds the numbers of a reading, named as the JSON names them.
fn add(place: &str, reading: &Reading<'_>, found: &mut BTreeMap<String, f64>) {
    match reading {
        Reading::Simulated(McEstimate { value, mcse, n, limit_95 }) => {
            found.insert(format!("{place}/value"), *value);
            found.insert(format!("{place}/mcse"), *mcse);
            found.insert(format!("{place}/n"), *n as f64);
            found.extend(limit_95.map(|limit| (format!("{place}/limit_95"), limit)));
        }
        Reading::Checked(Checked { simulated, exact }) => {
            add(place, &Reading::Simulated(*simulated), found);
            found.insert(format!("{place}/exact"), *exact);
        }
        Reading::Exact(value) => {
            found.insert(place.to_owned(), *value);
        }
        Reading::Count(count) => {
            found.insert(place.to_owned(), *count as f64);
        }
        Reading::List(items) => {
            for (i, item) in items.iter().enumerate() {
                add(&format!("{place}/{i}"), item, found);
            }
        }
        Reading::Text(_) | Reading::Absent => {}
    }
}

#[test]
fn the_catalogue_has_every_number_of_the_json_and_no_other() {
    for result in full_results() {
        let json = serde_json::to_value(&result).expect("plain data");
        let mut written = BTreeMap::new();
        numbers("", &json, &mut written);
        let mut catalogued = BTreeMap::new();
        for (pointer, reading) in readings(&result) {
            add(&pointer, &reading, &mut catalogued);
        }
        // Null in JSON.
        catalogued.retain(|_, value| value.is_finite());
        let places = |of: &BTreeMap<String, f64>| of.keys().cloned().collect::<BTreeSet<_>>();
        let difference: Vec<String> =
            places(&written).symmetric_difference(&places(&catalogued)).cloned().collect();
        assert_eq!(difference, Vec::<String>::new(), "in one and not in the other");
        assert_eq!(written, catalogued);
        assert!(written.len() > 500, "{}", written.len());
    }
    for result in restricted_results() {
        let json = serde_json::to_value(&result).expect("plain data");
        let mut written = BTreeMap::new();
        numbers("", &json, &mut written);
        let of_population = written.keys().filter(|place| place.contains("/population/")).count();
        assert!(of_population > 100, "the rule is in the results: {of_population}");
    }
}

#[test]
fn every_quantity_of_the_catalogue_is_in_some_result() {
    let results = full_results();
    let mut all = BTreeSet::new();
    let mut found = BTreeSet::new();
    for (pointer, reading) in results.iter().flat_map(readings) {
        // Positions in lists differ between results.
        let steps = pointer.split('/').filter(|step| step.parse::<usize>().is_err());
        let place = steps.collect::<Vec<_>>().join("/");
        if reading != Reading::Absent {
            found.insert(place.clone());
        }
        all.insert(place);
    }
    assert_eq!(all.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn names_of_the_command_line_read_what_the_catalogue_reads() {
    let (scenario, tally) = simulated("angel-reboot-safety", &[RULE], 200);
    let result = OperatingCharacteristics::new(&scenario, &tally);
    for named in NamedQuantity::all().filter(|named| named.missing_from(&scenario).is_none()) {
        let truth = &result.truths[named.truth().index()];
        let analysis = &truth.analyses[0];
        let reading = match named.field().strip_prefix("looks[].") {
            _ if named.is_of_rule() => {
                find(SUCCESS, &named.field()).read(truth.success.as_ref().expect("it has a rule"))
            }
            Some(key) => find(LOOK, key).read(&analysis.looks[0]),
            None => find(ANALYSIS, &named.field()).read(analysis),
        };
        assert_eq!(reading, Reading::Simulated(tally.sampled(named, 0).estimate()), "{named}");
    }
}

#[test]
fn the_pages_of_fields_and_names_are_the_generated_ones() {
    let pages = [
        ("README.md", truths_as_markdown()),
        ("adaptations.md", adaptations_as_markdown()),
        ("prior_and_procedure.md", prior_and_procedure_as_markdown()),
        ("names.md", names_as_markdown()),
    ];
    for (page, text) in pages {
        let path = format!("{}/src/summary/quantity/{page}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            std::fs::write(&path, &text).expect("the folder can be written");
        }
        let file = std::fs::read_to_string(&path).expect("the page is shipped");
        assert!(file == text, "{path} is out of date: run this test with UPDATE_DOCUMENTS=1");
    }
}
