//! `rescuesim monitor` in trials whose population may be restricted.

use rescuesim::rng::Replicate;
use rescuesim::trial::{Simulator, TrialResult};
use serde_json::Value;

use crate::util::{
    directory, json, number, output, refused, rescuesim, scenario_file, set_options,
};

const RESCUE: &str = "scenarios/rescue-by-cause.toml";
const DEFUSE: &str = "scenarios/defuse-3.toml";
const DAWN: &str = "scenarios/dawn-like.toml";

/// Bleeding that stops many trials.
const BLEEDING: &str = "safety={endpoints=[{name=\"bleeding\",event=\"stated\",control=0.05,experimental=0.12,known_after_days=2,stopping={spending={rule=\"lan_demets_pocock\"},alpha_one_sided=0.04}}]}";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("names").iter().map(|name| name.as_str().expect("a name")).collect()
}

/// Names of the levels of a trace of which something is true.
fn levels_that(trace: &Value, are: &str) -> Vec<String> {
    let levels = trace["population"]["levels"].as_array().expect("levels").iter();
    let chosen = levels.filter(|level| level[are] == true);
    chosen.map(|level| level["level"].as_str().expect("a name").to_owned()).collect()
}

/// A time just after the data of a look, as a number in JSON may be read a little too small.
fn after(look: &Value) -> String {
    (number(&look["day"]) + 1e-6).to_string()
}

fn same(found: &Value, expected: f64) -> bool {
    (number(found) - expected).abs() < 1e-12
}

/// Follows a trial from look to look by its patients, and compares every look with the trial.
fn follow(path: &str, set: &[&str], trial: &TrialResult, truth: &str) {
    let folder = directory();
    let replicate = trial.replicate.to_string();
    let trace = |format: &str| {
        let mut command = rescuesim();
        command.args(["trace", path, "--replicate", &replicate, "--truth", truth]);
        command.args(set_options(set));
        if format == "csv" {
            command.args(["--format", "csv"]);
        }
        command
    };
    let file = folder.path().join("patients.csv");
    std::fs::write(&file, output(&mut trace("csv"))).expect("a writable folder");
    let trace = json(&mut trace("json"))["trace"].clone();
    let looks = trace["looks"].as_array().expect("looks");
    let planned = trace["plan"].as_array().expect("looks").len();
    let mut left: Vec<String> = Vec::new();
    for (k, look) in looks.iter().enumerate() {
        let number_of_look = look["look"].to_string();
        let is_final = look["look"] == planned;
        let is_last = k + 1 == looks.len();
        let mut command = rescuesim();
        command.args(["monitor", path, "--look", &number_of_look, "--patients"]).arg(&file);
        command.args(set_options(set));
        if is_final {
            if path == RESCUE {
                command.args(["--interim-day", &after(&looks[0])]);
            }
        } else {
            command.args(["--cutoff-day", &after(look)]);
        }
        // A closed test knows the levels left from its first look.
        if path != RESCUE && !left.is_empty() {
            command.args(["--levels", &left.join(",")]);
        }
        let found = json(&mut command);
        let context = format!("{path} {set:?} {truth} {replicate} {number_of_look}: {found}");
        left = names(&found["left"]).into_iter().map(str::to_owned).collect();
        let is_stopped_for_safety = found["decision"] == "safety";
        if is_last {
            assert_eq!(found["decision"], trace["end"]["conclusion"], "{context}");
            // A stop for safety leaves the levels that were left before the look.
            let shown =
                if is_stopped_for_safety { Vec::new() } else { levels_that(&trace, "shown") };
            assert_eq!(names(&found["shown"]), shown, "{context}");
            assert_eq!(left, levels_that(&trace, "left"), "{context}");
            let estimate = trial.test.estimate;
            assert!(!estimate.is_finite() || same(&found["estimate"], estimate), "{context}");
        } else {
            assert_eq!(found["decision"], "continue", "{context}");
        }
        if is_stopped_for_safety {
            continue;
        }
        let z = trial.z[number_of_look.parse::<usize>().expect("a number") - 1];
        if path == RESCUE {
            // The trial's Z of an interim look is that of all patients, which decides nothing.
            if is_final && z.is_finite() {
                let levels = found["levels"].as_array().expect("levels").iter();
                let combined = levels.filter_map(|level| level["combined_z"].as_f64());
                let best = combined.fold(f64::NEG_INFINITY, f64::max);
                assert!((best - z).abs() < 1e-12, "{context}");
            }
            for (level, traced) in found["levels"]
                .as_array()
                .expect("levels")
                .iter()
                .zip(trace["population"]["levels"].as_array().expect("levels"))
            {
                assert!(same(&level["first_z"], number(&traced["z_at_look"])), "{context}");
                assert!(same(&level["power"], number(&traced["power"])), "{context}");
            }
        } else if z.is_finite() {
            let judged = found["populations"].as_array().expect("populations");
            assert!(same(&judged[judged.len() - 1]["z"], z), "{context}");
        }
        let probabilities = &look["probabilities"];
        if probabilities.is_object() && !is_final {
            let judged = found["populations"].as_array().expect("populations");
            let last = &judged[judged.len() - 1]["probabilities"];
            for kind in ["posterior", "predictive"] {
                assert!(same(&last[kind], number(&probabilities[kind])), "{kind} {context}");
            }
        }
    }
}

/// From the patients of simulated trials, the same decisions, levels, statistics and estimates at every look.
#[test]
fn monitor_judges_the_looks_of_a_trial_as_the_trial_does() {
    let defuse_looks = "design.looks={analysed=[100,200,300,400,476]}";
    let sets: [(&str, &[&str], &str); 4] = [
        (RESCUE, &["adaptation.population.drop_below=0.4"], "closed test"),
        (RESCUE, &["adaptation.population.drop_below=0.4", BLEEDING], "with adverse events"),
        (DEFUSE, &["adaptation.population.futility=-0.5", defuse_looks], "nested selection"),
        (DAWN, &["adaptation.population.drop_below=0.5"], "predictions"),
    ];
    for (path, set, name) in sets {
        let scenario = scenario_file(path, set);
        let mut simulator = Simulator::new(&scenario);
        let (mut followed, mut restricted) = (0, 0);
        for r in 0..8 {
            for trial in simulator.run(Replicate(r)).trials {
                let population = trial.population.expect("there is a rule");
                restricted += u32::from(population.restricted_at.is_some());
                if followed < 16 {
                    follow(path, set, &trial, scenario.truth_name(trial.truth));
                    followed += 1;
                }
            }
        }
        assert!(restricted >= 3, "{name}: {restricted}");
    }
}

/// Levels that continued against the rule are tested all the same: a closed test allows any selection.
#[test]
fn a_closed_test_takes_the_levels_that_continued() {
    let folder = directory();
    let rows = output(rescuesim().args([
        "trace",
        RESCUE,
        "--replicate",
        "3",
        "--format",
        "csv",
        "--set",
        "adaptation.population.drop_below=0",
    ]));
    let file = folder.path().join("patients.csv");
    std::fs::write(&file, rows).expect("a writable folder");
    let look = |args: &[&str]| {
        let mut command = rescuesim();
        command.args(["monitor", RESCUE, "--look", "2", "--interim-day", "500", "--patients"]);
        json(command.arg(&file).args(args))
    };
    let both = look(&["--levels", "atherosclerosis,embolism"]);
    let one = look(&["--levels", "embolism"]);
    assert_eq!(names(&both["left"]).len(), 2);
    assert_eq!(names(&one["left"]), ["embolism"]);
    assert!(one["levels"][0]["combined_z"].is_null() && one["levels"][0]["second_z"].is_null());
    // The later patients of the other level no longer count for the intersection.
    assert!(same(&both["levels"][1]["second_z"], number(&one["levels"][1]["second_z"])));
}

#[test]
fn looks_that_are_no_such_looks_are_refused() {
    let folder = directory();
    let rows = output(rescuesim().args(["trace", RESCUE, "--replicate", "0", "--format", "csv"]));
    let file = folder.path().join("patients.csv");
    std::fs::write(&file, &rows).expect("a writable folder");
    let file = file.to_str().expect("UTF-8");
    let without = folder.path().join("without.csv");
    std::fs::write(&without, rows.replacen(",cause", ",reason", 1)).expect("a writable folder");
    let without = without.to_str().expect("UTF-8");
    let patients = &["--patients", file][..];
    let early = &["--look", "1", "--cutoff-day", "500"][..];
    let defuse = folder.path().join("defuse.csv");
    let rows = output(rescuesim().args(["trace", DEFUSE, "--replicate", "0", "--format", "csv"]));
    std::fs::write(&defuse, rows).expect("a writable folder");
    let defuse = ["--patients", defuse.to_str().expect("UTF-8")];
    let cases: [(&str, &[&[&str]], &str); 14] = [
        (
            RESCUE,
            &[&["--look", "1", "--n", "120", "--z", "1"]],
            "--patients: a population that may be",
        ),
        (RESCUE, &[early, &["--patients", without]], "no column cause"),
        (RESCUE, &[&["--look", "3"], patients], "--look is 3; allowed: 1 to 2"),
        (
            RESCUE,
            &[&["--look", "2"], patients],
            "--interim-day: the final look combines both stages",
        ),
        (
            RESCUE,
            &[early, patients, &["--interim-day", "400"]],
            "--interim-day is for the final look",
        ),
        (RESCUE, &[early, patients, &["--levels", "embolism"]], "all levels are left until look 1"),
        (
            RESCUE,
            &[&["--look", "2", "--interim-day", "500", "--levels", "other"], patients],
            "cause has no level \"other\"; allowed: atherosclerosis, embolism",
        ),
        (
            RESCUE,
            &[early, patients, &["--overrun"]],
            "--overrun: the scenario has adaptation.population",
        ),
        (
            DEFUSE,
            &[&["--look", "3", "--interim-day", "500"], &defuse],
            "tests all outcomes together",
        ),
        (
            RESCUE,
            &[&["--look", "2", "--interim-day", "9000"], patients],
            "no outcome in the levels left is later",
        ),
        (
            RESCUE,
            &[&["--look", "2", "--interim-day", "150"], patients],
            "no level continues after that look",
        ),
        (
            DEFUSE,
            &[&["--look", "1", "--levels", "1,2", "--cutoff-day", "900"], &defuse],
            "all levels are left until look 1",
        ),
        (
            DEFUSE,
            &[&["--look", "3", "--levels", "2,3"], &defuse],
            "leaves only first levels of group",
        ),
        (
            "angel-reboot",
            &[early, patients, &["--levels", "a"]],
            "--levels: the scenario restricts no population",
        ),
    ];
    for (path, args, expected) in cases {
        let refusal = refused(rescuesim().args(["monitor", path]).args(args.concat()));
        let words = refusal.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
        assert!(words.contains(expected), "{args:?}: {refusal}");
    }
}
