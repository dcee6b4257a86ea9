//! Scenarios that come with the program, and the one to start from.

use std::fs;

use rescuesim::scenario::shipped::{SCENARIOS, STARTING};
use rescuesim::scenario::{Scenario, Truth};

use crate::util::{directory, output, project, rescuesim};

#[test]
fn every_shipped_scenario_is_in_the_program() {
    let files = fs::read_dir(project("scenarios")).expect("the folder is shipped");
    let names = files.map(|file| file.expect("it can be listed").file_name());
    let mut names: Vec<String> =
        names.filter_map(|name| Some(name.to_str()?.strip_suffix(".toml")?.to_owned())).collect();
    names.sort();
    let mut ours = SCENARIOS.map(|shipped| shipped.name.to_owned());
    ours.sort();
    assert_eq!(names, ours);
    let listed = output(rescuesim().arg("list"));
    assert!(ours.iter().all(|name| listed.lines().any(|line| line == name)), "{listed}");
    assert!(listed.lines().all(|line| line.chars().count() <= 80));
    let json: serde_json::Value =
        serde_json::from_str(&output(rescuesim().args(["list", "--format", "json"])))
            .expect("it is JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(ours.len()));
}

/// Anywhere, evidence included, with the same result as from the file.
#[test]
fn a_name_runs_where_no_file_is() {
    let elsewhere = directory();
    let run = |path: &str| {
        let mut command = rescuesim();
        command.args(["run", path, "--replicates", "50", "--format", "json"]);
        command
    };
    for name in ["angel-reboot", "premat-assurance.toml"] {
        let there = output(run(name).current_dir(elsewhere.path()));
        let file = format!("scenarios/{}.toml", name.trim_end_matches(".toml"));
        let here = output(run(&file).arg("--quiet"));
        assert_eq!(there, here.replace(&file, name));
    }
}

#[test]
fn a_name_that_is_unknown_is_told_with_its_neighbour() {
    let elsewhere = directory();
    let mut command = rescuesim();
    command.args(["check", "angel-rebot"]).current_dir(elsewhere.path());
    let errors = command.assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("is neither a file nor a scenario of the program"), "{errors}");
    assert!(errors.contains("did you mean angel-reboot?"), "{errors}");
    let mut command = rescuesim();
    let errors = command.args(["check", "nowhere/angel-reboot.toml"]).assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("cannot be read"), "{errors}");
}

/// Also with every key that is commented out put in.
#[test]
fn the_starting_scenario_is_valid() {
    let scenario = Scenario::parse(STARTING, &[]).expect("valid");
    assert!(scenario.analyses.len() == 2);
    let holds_a_key = |line: &str| line.starts_with('[') || line.contains(" = ");
    let full: Vec<String> = STARTING
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if holds_a_key(key) => key.to_owned(),
            _ => line.to_owned(),
        })
        // One of two ways to state the outcome; equal slots and a coin come with the ratio.
        .filter(|line| !line.starts_with("experimental = { functional"))
        .filter(|line| !line.starts_with("ramp_up_months"))
        .collect();
    let full = Scenario::parse(&full.join("\n"), &[]).expect("valid");
    assert!(full.safety.is_some() && full.centres.is_some() && full.adherence.is_some());
}

#[test]
fn init_writes_a_scenario_once() {
    let folder = directory();
    let init = |args: &[&str]| {
        let mut command = rescuesim();
        command.arg("init").args(args).current_dir(folder.path());
        command
    };
    let told = output(&mut init(&[]));
    assert!(told.contains("scenario.toml"), "{told}");
    let written = fs::read_to_string(folder.path().join("scenario.toml")).expect("it is there");
    assert_eq!(written, STARTING);
    let again = init(&[]).assert().code(2);
    let errors = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(errors.contains("scenario.toml exists"), "{errors}");
    output(&mut init(&["mine.toml", "--from", "early-vs-late"]));
    let mine = fs::read_to_string(folder.path().join("mine.toml")).expect("it is there");
    assert_eq!(
        Some(mine.as_str()),
        SCENARIOS.iter().find(|it| it.name == "early-vs-late").map(|it| it.text)
    );
    let unknown = init(&["x.toml", "--from", "early-v-late"]).assert().code(2);
    let errors = String::from_utf8_lossy(&unknown.get_output().stderr).into_owned();
    assert!(errors.contains("did you mean early-vs-late?"), "{errors}");
    assert!(!folder.path().join("x.toml").exists());
}

/// Every command is in the scripts of every shell and has a manual page.
#[test]
fn shells_and_manuals_know_every_command() {
    let help = output(rescuesim().arg("--help"));
    let commands = help.split("Commands:").nth(1).and_then(|text| text.split("Options:").next());
    let commands: Vec<&str> = commands
        .expect("help lists the commands")
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = output(rescuesim().args(["completions", shell]));
        assert!(commands.iter().all(|name| script.contains(name)), "{shell}");
    }
    let folder = directory();
    output(rescuesim().args(["man", "--out"]).arg(folder.path()));
    for name in &commands {
        let page = fs::read_to_string(folder.path().join(format!("rescuesim-{name}.1")));
        assert!(page.expect("each has one").starts_with(".ie"), "{name}");
    }
    assert!(output(rescuesim().arg("man")).contains("rescuesim"));
}

/// What benchmarks measure early-vs-late beside has its patients and its outcomes.
#[test]
fn the_twin_with_stated_outcomes_is_in_step() {
    let load = |name: &str| Scenario::load(name.as_ref(), &[]).expect("the scenario is valid");
    let twin = load(&project("benches/early_vs_late_stated.toml").to_string_lossy());
    let original = load("early-vs-late");
    assert_eq!(twin.randomised, original.randomised);
    assert_eq!(twin.analyses, original.analyses);
    let [stated, made] = [&twin, &original]
        .map(|scenario| *scenario.marginal(Truth::Alternative).expect("there is no prior"));
    for (stated, made) in stated.iter().zip(&made) {
        for (stated, made) in stated.probabilities().iter().zip(made.probabilities()) {
            assert!((stated - made).abs() < 1e-6, "{stated} {made}");
        }
    }
}
