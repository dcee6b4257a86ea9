//! Comparisons and strategies: paired differences, and the same patients under every strategy.
//!
//! Seeds are fixed; with fresh seeds the comparison of the strategies with their exact values would fail
//! by chance less than once in 1 000 (about 40 quantities, 4.5 Monte Carlo errors each).

use serde_json::Value;

use rescuesim::scenario::Truth::Alternative;

use crate::util::{
    Results, angel_reboot, directory, json, number, output, project, refused, rescuesim,
    shipped_text, simulate, too_wide,
};

fn quantity<'j>(compared: &'j Value, name: &str) -> &'j Value {
    let quantities = compared["figures"].as_array().expect("figures");
    quantities.iter().find(|quantity| quantity["figure"] == name).expect("the figure is there")
}

/// ANGEL-REBOOT with odds ratios of 2.0 and 1.9: the paired error of the difference in power is at
/// most half of the unpaired one, and every value is that of a separate run.
#[test]
fn pairing_halves_the_error_between_odds_ratios_of_2_and_1_9() {
    let folder = directory();
    let files = ["2.0", "1.9"].map(|odds_ratio| {
        let path = folder.path().join(format!("{odds_ratio}.toml"));
        let text = angel_reboot().replace(
            "functional_independence = 0.40",
            &format!("common_odds_ratio = {odds_ratio}"),
        );
        std::fs::write(&path, text).expect("the folder is writable");
        path.display().to_string()
    });
    let compared = json(rescuesim().args([
        "compare",
        &files[0],
        &files[1],
        "--replicates",
        "20000",
        "--quiet",
    ]));
    for analysis in ["independence", "shift"] {
        let power = quantity(&compared, &format!("{analysis}.power"));
        let difference = &power["differences"][0];
        assert!(number(&difference["mcse_ratio"]) <= 0.5, "{difference}");
        let (paired, unpaired) =
            (number(&difference["mcse"]), number(&difference["mcse_unpaired"]));
        assert!((paired / unpaired - number(&difference["mcse_ratio"])).abs() < 1e-12);
        let values: Vec<f64> = ["2.0", "1.9"]
            .iter()
            .map(|odds_ratio| {
                let set = format!("outcome.experimental.common_odds_ratio={odds_ratio}");
                let alone = simulate(&[&set], 20_000);
                alone.analysis(Alternative, analysis).rejection.value
            })
            .collect();
        // Means are rounded to a grid of 2^-24.
        for (compared, alone) in power["values"].as_array().expect("two").iter().zip(&values) {
            assert!((number(&compared["value"]) - alone).abs() < 1e-7);
        }
        assert!((number(&difference["value"]) - (values[1] - values[0])).abs() < 1e-7);
    }
    let control = quantity(&compared, "control.functional_independence");
    assert_eq!(number(&control["differences"][0]["value"]), 0.0);
    assert_eq!(number(&control["differences"][0]["mcse"]), 0.0);
}

/// Compares early-vs-late with randomisation after one pass and after two.
#[test]
fn every_scenario_is_compared_with_the_first_with_any_number_of_threads() {
    let folder = directory();
    let path = folder.path().join("after-one.toml");
    let early = "scenarios/early-vs-late.toml";
    let text = shipped_text(early);
    std::fs::write(&path, text.replace("randomised_after = 2", "randomised_after = 1"))
        .expect("the folder is writable");
    let path = path.display().to_string();
    let run = |threads: &str| {
        let args = ["compare", early, early, &path, "--replicates", "3000", "--quiet"];
        output(rescuesim().args(args).args(["--threads", threads, "--format", "json"]))
    };
    let text = run("1");
    assert_eq!(text, run("3"));

    let compared: Value = serde_json::from_str(&text).expect("valid JSON");
    for quantity in compared["figures"].as_array().expect("figures") {
        assert_eq!(quantity["differences"][0]["value"], 0.0, "a scenario differs from itself");
    }
    let passes = &quantity(&compared, "experimental.passes")["differences"][1];
    assert_eq!(number(&passes["value"]), -1.0);
    let minutes = &quantity(&compared, "experimental.minutes")["differences"][1];
    // One pass has a median of 10.9 minutes; the log-normal draws are shared.
    assert!((number(&minutes["value"]) + 10.9 * libm::exp(0.5 * 0.26 * 0.26)).abs() < 0.05);
    assert!(number(&minutes["mcse_ratio"]) < 0.3);

    let table = output(rescuesim().args(["compare", early, &path, "--replicates", "500"]));
    for text in ["early-vs-late: ", "after-one: ", "\nafter-one minus early-vs-late", "SE if"] {
        assert!(table.contains(text), "{text:?} in\n{table}");
    }
    assert!(too_wide(&table).is_empty(), "{table}");
}

/// Two equivalent scenarios with difficulty give the same patients. Haemorrhages by different
/// definitions are not compared.
#[test]
fn patients_do_not_depend_on_how_the_scenario_is_written() {
    let folder = directory();
    let text = std::fs::read_to_string(project("scenarios/early-vs-late.toml"));
    let text = text.expect("the file is shipped");
    let write = |name: &str, after: &str| {
        let path = folder.path().join(name);
        let changed = text.replace("randomised_after = 2", &format!("randomised_after = {after}"))
            + "\n[procedure.difficulty]\npass_success = 1\noutcome = 2\n";
        std::fs::write(&path, changed).expect("the folder is writable");
        path.display().to_string()
    };
    let increasing = write("a.toml", "{ passes = [1, 2], shares = [40, 60] }");
    let decreasing = write("b.toml", "{ passes = [2, 1], shares = [60, 40] }");
    let compared = json(rescuesim().args([
        "compare",
        &increasing,
        &decreasing,
        "--replicates",
        "500",
        "--quiet",
    ]));
    for quantity in compared["figures"].as_array().expect("figures") {
        assert_eq!(quantity["differences"][0]["value"], 0.0, "{quantity}");
    }

    let reboot = "scenarios/angel-reboot-mechanistic.toml";
    let compared =
        json(rescuesim().args(["compare", reboot, &increasing, "--replicates", "50", "--quiet"]));
    let quantities = compared["figures"].as_array().expect("figures");
    assert!(quantities.iter().any(|quantity| quantity["figure"] == "control.minutes"));
    assert!(quantities.iter().all(|quantity| quantity["figure"] != "control.haemorrhage"));
}

/// A note about both scenarios is printed once, and files are named where they are written.
#[test]
fn a_comparison_writes_what_it_prints_and_says_so() {
    let folder = directory();
    let out = folder.path().join("new");
    let args = ["compare", "angel-reboot", "scenarios/angel-reboot.toml", "--replicates", "20"];
    let printed = output(rescuesim().args(args).args(["--format", "json"]));
    let written = rescuesim().args(args).arg("--out").arg(&out).output().expect("it starts");
    assert!(written.status.success());
    let message = String::from_utf8(written.stderr).expect("messages are text");
    assert!(
        message.contains("compare.json and ") && message.contains("compare.csv.\n"),
        "{message}"
    );
    let json = std::fs::read_to_string(out.join("compare.json")).expect("it is written");
    assert!(json == printed);
    let csv = output(rescuesim().args(args).args(["--format", "csv"]));
    assert!(csv == std::fs::read_to_string(out.join("compare.csv")).expect("it is written"));
    let table = String::from_utf8(written.stdout).expect("text");
    let heading = "scenarios/angel-reboot minus angel-reboot";
    assert!(table.contains(heading) && table.matches("Warning on").count() <= 1, "{table}");
}

#[test]
fn scenarios_without_a_common_analysis_are_refused_with_the_reason() {
    let folder = directory();
    let path = folder.path().join("shift.toml");
    let text = angel_reboot();
    let (head, rest) = text.split_once("[[analyses]]").expect("analyses");
    let (_, run) = rest.split_once("[run]").expect("run");
    let shift = format!("{head}[[analyses]]\nmethod = \"proportional_odds\"\n[run]{run}");
    std::fs::write(&path, shift).expect("the folder is writable");
    let path = path.display().to_string();
    let message = refused(rescuesim().args(["compare", "scenarios/lee-cohort.toml", &path]));
    assert!(
        message.contains(
            "no analysis in common; scenario 1 has \"two proportions with mRS 0–2, risk difference\"; scenario 2 has \"proportional odds, score test"
        ),
        "{message}"
    );
    refused(rescuesim().args(["compare", "scenarios/lee-cohort.toml"]));
}

/// Lee's cohort under several strategies: stents per 100 as derived from its flow, 86 of 126 with
/// persistent occlusion after the first pass, then 49 of 70, 32 of 38, 15 of 18.
#[test]
fn strategies_have_their_exact_quantities_and_the_published_stents() {
    let result =
        json(rescuesim().args(["strategies", "scenarios/lee-cohort.toml", "--patients", "60000"]));
    let rules = result["rules"].as_array().expect("rules");
    let stents = [Some((1, 68.3)), Some((2, 47.8)), Some((3, 40.2)), Some((4, 33.5)), None];
    assert_eq!(rules.len(), stents.len());
    for (rule, expected) in rules.iter().zip(stents) {
        assert_eq!(rule["stent_after"].as_u64(), expected.map(|(after, _)| after));
        let all_patients = &rule["groups"][0];
        let stented = &all_patients["measures"]["stented"];
        let percent = expected.map_or(0.0, |(_, percent)| percent);
        assert!((100.0 * number(&stented["exact"]) - percent).abs() < 0.05, "{stented}");
        let measures = all_patients["measures"].as_object().expect("measures").values();
        let minutes = all_patients["minutes"].as_object().expect("minutes").values();
        for quantity in measures.chain(minutes).filter(|quantity| !quantity["value"].is_null()) {
            let miss = (number(&quantity["value"]) - number(&quantity["exact"])).abs();
            assert!(miss <= 4.5 * number(&quantity["mcse"]) + 1e-9, "{quantity}");
        }
    }
    let after = |passes: u64| {
        let measures = |rule: &Value| rule["groups"][0]["measures"]["passes"]["exact"].clone();
        let rule = rules.iter().find(|rule| rule["stent_after"] == passes);
        number(&measures(rule.expect("it exists")))
    };
    for (passes, mean) in [(1, 1.0), (2, 1.68), (3, 2.16), (4, 2.56)] {
        assert!((after(passes) - mean).abs() < 0.005, "{passes}");
    }

    let table = output(rescuesim().args(["strategies", "scenarios/early-vs-late.toml"]));
    assert!(table.contains("never") && table.contains("exact"), "{table}");
    assert!(too_wide(&table).is_empty(), "{table}");
    let message = refused(rescuesim().args(["strategies", "scenarios/angel-reboot.toml"]));
    assert!(message.contains("has no [procedure]"), "{message}");
}
