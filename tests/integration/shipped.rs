//! Scenarios included in the program, and the template of `init`.

use std::fs;

use rescuesim::scenario::shipped::{SCENARIOS, STARTING};
use rescuesim::scenario::{Scenario, Truth};

use crate::util::{directory, output, project, rescuesim, shipped_scenarios};

#[test]
fn every_shipped_scenario_is_included_in_the_program() {
    let mut ours = SCENARIOS.map(|shipped| shipped.name.to_owned());
    ours.sort();
    let mut paths = ours.clone().map(|name| format!("scenarios/{name}.toml"));
    paths.sort();
    assert_eq!(shipped_scenarios(), paths);
    let listed = output(rescuesim().arg("list"));
    assert!(ours.iter().all(|name| listed.lines().any(|line| line == name)), "{listed}");
    assert!(listed.lines().all(|line| line.chars().count() <= 80));
    let json: serde_json::Value =
        serde_json::from_str(&output(rescuesim().args(["list", "--format", "json"])))
            .expect("valid JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(ours.len()));
}

/// A name works in any folder, evidence included, and gives the result of the file.
#[test]
fn a_name_of_a_shipped_scenario_runs_in_any_folder() {
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
fn an_unknown_name_is_reported_with_the_nearest_name() {
    let elsewhere = directory();
    let mut command = rescuesim();
    command.args(["check", "angel-rebot"]).current_dir(elsewhere.path());
    let errors = command.assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("no file or built-in scenario named \"angel-rebot\""), "{errors}");
    assert!(errors.contains("did you mean `angel-reboot`?"), "{errors}");
    let mut command = rescuesim();
    let errors = command.args(["run", "lee"]).current_dir(elsewhere.path()).assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("that begin with it: lee-cohort, lee-selection;"), "{errors}");
    assert!(errors.ends_with("\n1 error\n"), "{errors}");
    // A file whose ending was forgotten.
    fs::write(elsewhere.path().join("mine.toml"), "").expect("the folder is writable");
    let mut command = rescuesim();
    let errors = command.args(["run", "mine"]).current_dir(elsewhere.path()).assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("(did you mean `mine.toml`?)"), "{errors}");
    let mut command = rescuesim();
    let errors = command.args(["check", "nowhere/angel-reboot.toml"]).assert().code(2);
    let errors = String::from_utf8_lossy(&errors.get_output().stderr).into_owned();
    assert!(errors.contains("cannot be read"), "{errors}");
}

fn holds_a_key(line: &str) -> bool {
    line.starts_with('[') || line.contains(" = ")
}

/// The template is also valid with every commented key included.
#[test]
fn the_template_is_valid() {
    let scenario = Scenario::parse(STARTING, &[]).expect("a valid scenario");
    assert!(scenario.analyses.len() == 2);
    let full: Vec<String> = STARTING
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if holds_a_key(key) => key.to_owned(),
            _ => line.to_owned(),
        })
        // The template has two ways to state the outcome; equal slots and a coin belong to the ratio.
        .filter(|line| !line.starts_with("experimental = { functional"))
        .filter(|line| !line.starts_with("ramp_up_months"))
        .collect();
    let full = Scenario::parse(&full.join("\n"), &[]).expect("a valid scenario");
    assert!(full.safety.is_some() && full.centres.is_some() && full.adherence.is_some());
}

#[test]
fn init_writes_a_scenario_and_never_overwrites_one() {
    let folder = directory();
    let init = |args: &[&str]| {
        let mut command = rescuesim();
        command.arg("init").args(args).current_dir(folder.path());
        command
    };
    let message = output(&mut init(&[]));
    assert!(message.contains("scenario.toml"), "{message}");
    let written = fs::read_to_string(folder.path().join("scenario.toml")).expect("it exists");
    assert_eq!(written, STARTING);
    let again = init(&[]).assert().code(2);
    let errors = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(errors.contains("scenario.toml exists"), "{errors}");
    output(&mut init(&["mine.toml", "--from", "early-vs-late"]));
    let mine = fs::read_to_string(folder.path().join("mine.toml")).expect("it exists");
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
fn shell_completions_and_manuals_include_every_command() {
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
        let page = page.expect("each has one");
        assert!(page.starts_with(".ie"), "{name}");
        for section in ["SYNOPSIS", "EXAMPLES", "\"EXIT STATUS\"", "FILES", "\"SEE ALSO\""] {
            assert!(page.contains(&format!(".SH {section}")), "{name} has no {section}");
        }
    }
    let run = fs::read_to_string(folder.path().join("rescuesim-run.1")).expect("it is written");
    assert!(run.replace('\\', "").contains("[--set KEY=VALUE]"), "{run}");
    assert!(output(rescuesim().arg("man")).contains("rescuesim"));
}

/// Names of scenarios, keys and quantities are completed; bash runs the script.
#[test]
fn completions_know_scenarios_keys_and_quantities() {
    let script = output(rescuesim().args(["completions", "bash"]));
    let completed = |words: &[&str]| {
        let last = words.last().expect("there are words");
        let before = words[words.len() - 2];
        let run = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _rescuesim rescuesim '{last}' '{before}'\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
        );
        let shell = std::process::Command::new("bash").args(["-c", &run]).output();
        // A system without bash has nothing to test.
        shell.ok().map(|shell| String::from_utf8(shell.stdout).expect("it is text"))
    };
    for (words, expected) in [
        (&["rescuesim", "run", "angel-reb"][..], "angel-reboot-safety"),
        (&["rescuesim", "init", "--from", "early"], "early-vs-late"),
        (&["rescuesim", "run", "--set", "missing.dr"], "missing.dropout="),
        (&["rescuesim", "run", "--precision-of", "type"], "type-i-error"),
        (&["rescuesim", "trace", "--find", "rev"], "reversal"),
    ] {
        if let Some(completed) = completed(words) {
            assert!(completed.lines().any(|line| line == expected), "{words:?}\n{completed}");
        }
    }
}

/// The counterpart of early-vs-late in the benchmarks has the same patients and outcomes.
#[test]
fn the_benchmark_with_stated_outcomes_matches_early_vs_late() {
    let load = |name: &str| Scenario::load(name.as_ref(), &[]).expect("a valid scenario");
    let twin = load(&project("benches/early_vs_late_stated.toml").to_string_lossy());
    let original = load("early-vs-late");
    assert_eq!(twin.randomised, original.randomised);
    // Bound tests cannot be compared by themselves; their debug text has all of their parameters.
    assert_eq!(format!("{:?}", twin.analyses), format!("{:?}", original.analyses));
    let [stated, made] = [&twin, &original]
        .map(|scenario| *scenario.marginal(Truth::Alternative).expect("there is no prior"));
    for (stated, made) in stated.iter().zip(&made) {
        for (stated, made) in stated.probabilities().iter().zip(made.probabilities()) {
            assert!((stated - made).abs() < 1e-6, "{stated} {made}");
        }
    }
}
