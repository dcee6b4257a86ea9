//! `rescuesim calibrate`: a calibrated scenario reaches its targets, and a failed calibration writes no
//! file.

use std::fs;
use std::path::Path;

use rescuesim::explore::quantities;
use rescuesim::scenario::Scenario;

use crate::util::{directory, output, project, rescuesim, shipped_text};

const RESCUE: &str = "scenarios/angel-rescue-mechanistic.toml";
const LEE: &str = "scenarios/lee-cohort.toml";
const REBOOT: &str = "scenarios/angel-reboot-mechanistic.toml";

fn quantity(path: &Path, name: &str) -> f64 {
    let scenario = Scenario::load(path, &[]).expect("a valid scenario");
    let all = quantities::exact(&scenario);
    all.into_iter().find(|(other, _)| other == name).expect("a quantity of the scenario").1
}

fn arguments<'a>(scenario: &'a str, targets: &[&'a str], solve: &[&'a str]) -> Vec<&'a str> {
    let targets = targets.iter().flat_map(|&target| ["--target", target]);
    let solve = solve.iter().flat_map(|&key| ["--solve", key]);
    ["calibrate", scenario].into_iter().chain(targets).chain(solve).collect()
}

/// Scenario, targets, and keys to solve for.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Targets of every kind: of an arm, a group, a pass, the effect, minutes, a stated outcome.
const SOLVED: [Case; 7] = [
    (RESCUE, &["experimental.functional_independence=0.552"], &["outcome.stenting"]),
    (RESCUE, &["effect.odds_ratio=2.87"], &["outcome.stenting"]),
    (
        LEE,
        &[
            "control.stented_early.functional_independence=0.75",
            "control.stented_late.functional_independence=0.6",
            "control.stented.mortality=0.12",
        ],
        &["outcome.intercept", "outcome.per_pass", "procedure.perforation.stenting"],
    ),
    (
        LEE,
        &["control.after_pass[1].reperfused=0.25", "control.after_pass[2].stented=0.2"],
        &["procedure.pass_success[0]", "procedure.control.strategy.rescue_after_pass[1]"],
    ),
    (LEE, &["control.stented_late.minutes.median=80"], &["procedure.minutes.per_pass"]),
    (
        REBOOT,
        &["screening_yield=0.6", "effect.risk_difference=0.1"],
        &["procedure.pass_success[0]", "outcome.open_vessel"],
    ),
    (
        "scenarios/angel-reboot.toml",
        &["experimental.mortality=0.1"],
        &["outcome.experimental.functional_independence"],
    ),
];

#[test]
fn a_calibrated_scenario_reaches_its_targets() {
    let directory = directory();
    let out = directory.path().join("new/solved.toml");
    for (scenario, targets, solve) in SOLVED {
        let before = shipped_text(scenario);
        let message =
            output(rescuesim().args(arguments(scenario, targets, solve)).arg("--out").arg(&out));
        for target in targets {
            let (name, value) = target.split_once('=').expect("quantity=value");
            let value: f64 = value.parse().expect("a number");
            let reached = quantity(&out, name);
            assert!((reached - value).abs() <= 1e-5, "{target}: {reached}");
            assert!(
                (quantity(&project(scenario), name) - value).abs() > 1e-3,
                "{target} is not yet reached"
            );
            assert!(message.contains(name), "{message}");
        }
        // Only the lines of the solved keys change.
        let after = fs::read_to_string(&out).expect("the program wrote it");
        assert_eq!(before.lines().count(), after.lines().count());
        let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after);
        let changed: Vec<&str> = changed.map(|(before, _)| before).collect();
        assert!((1..=solve.len()).contains(&changed.len()), "{changed:?}");
        assert!(changed.iter().all(|line| !line.starts_with('#')), "{changed:?}");
        assert_eq!(fs::read_to_string(project(scenario)).expect("the file still exists"), before);
        let files =
            fs::read_dir(directory.path().join("new")).expect("the folder can be listed").count();
        assert_eq!(files, 1, "nothing half-written");
    }
}

/// Without `--out` the scenario is printed, with the summary as comments, and is a valid scenario.
#[test]
fn the_printed_output_is_a_scenario() {
    let (scenario, targets, solve) = SOLVED[0];
    let printed = output(rescuesim().args(arguments(scenario, targets, solve)));
    assert!(printed.starts_with("# solved for"), "{printed}");
    let solved = Scenario::parse(&printed, &[]).expect("a valid scenario");
    let all = quantities::exact(&solved);
    let name = "experimental.functional_independence";
    let reached = all.iter().find(|(other, _)| other == name).expect("a quantity").1;
    assert!((reached - 0.552).abs() <= 1e-5, "{reached}");
}

/// Checks more targets than unknowns, all of which can be reached together.
#[test]
fn more_targets_than_unknowns_may_agree() {
    let (scenario, _, solve) = SOLVED[0];
    let targets = ["experimental.functional_independence=0.45", "effect.risk_difference=0.2057947"];
    let message = output(rescuesim().args(arguments(scenario, &targets, solve)));
    assert!(message.contains("0.205795"), "{message}");
}

const INDEPENDENT: &str = "experimental.functional_independence=0.43";

/// Scenario, targets, keys to solve for, and parts of the expected message.
type Refused =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const REFUSED: [Refused; 21] = [
    // No odds give more than complete independence.
    (
        RESCUE,
        &["experimental.functional_independence=1.5"],
        &["outcome.stenting"],
        &["the targets cannot be met", "misses by 0.5", "outcome.stenting", "1.500000"],
    ),
    // The unknown does not affect the target.
    (
        RESCUE,
        &["control.passes=3"],
        &["outcome.stenting"],
        &["the targets cannot be met", "misses by 2.27", "control.passes", "5.270000"],
    ),
    // The two targets exclude each other.
    (
        RESCUE,
        &[INDEPENDENT, "effect.risk_difference=0.3"],
        &["outcome.stenting"],
        &["the targets cannot be met", "effect.risk_difference"],
    ),
    (
        RESCUE,
        &["experimental.functional_independance=0.43"],
        &["outcome.stenting"],
        &[
            "there is no quantity `experimental.functional_independance`",
            "(did you mean `experimental.functional_independence`?)",
            "allowed: control.mrs[0], ",
        ],
    ),
    (
        "scenarios/angel-reboot.toml",
        &["control.stented=0.4"],
        &["outcome.experimental.functional_independence"],
        &["there is no quantity `control.stented`", "allowed: control.mrs[0]", "effect.odds_ratio"],
    ),
    // No patient is stented there, so the quantity does not exist.
    (
        RESCUE,
        &["control.stented_early.mortality=0.1"],
        &["outcome.stenting"],
        &["there is no quantity `control.stented_early.mortality`"],
    ),
    (
        RESCUE,
        &[INDEPENDENT],
        &["outcome.stenting", "outcome.intercept"],
        &["2 unknowns need at least as many targets; there is 1"],
    ),
    (
        RESCUE,
        &[INDEPENDENT, "control.functional_independence=0.25"],
        &["outcome.stenting", "outcome.stenting"],
        &["`outcome.stenting` is given twice; allowed: once"],
    ),
    (
        RESCUE,
        &[INDEPENDENT],
        &["title"],
        &["--solve `title` is not a number of this scenario; allowed: a key whose value"],
    ),
    (RESCUE, &[INDEPENDENT], &["outcome"], &["--solve `outcome` is not a number"]),
    (
        RESCUE,
        &[INDEPENDENT],
        &["outcome.stentign"],
        &["--solve there is no `outcome.stentign` (did you mean `outcome.stenting`?)"],
    ),
    (
        RESCUE,
        &[INDEPENDENT],
        &["procedure.pass_success[7]"],
        &["--solve there is no `procedure.pass_success[7]`"],
    ),
    // The key has a default, but is not in the file.
    (
        RESCUE,
        &[INDEPENDENT],
        &["outcome.per_pass"],
        &["--solve `outcome.per_pass` is not written in the file"],
    ),
    (
        RESCUE,
        &[INDEPENDENT],
        &["sample_size.randomised"],
        &["--solve `sample_size.randomised` is a whole number; allowed"],
    ),
    (
        RESCUE,
        &[INDEPENDENT],
        &["procedure.control.strategy.more_passes"],
        &["--solve `procedure.control.strategy.more_passes` is a whole number; allowed"],
    ),
    (
        RESCUE,
        &[INDEPENDENT, INDEPENDENT],
        &["outcome.stenting", "outcome.intercept"],
        &["`experimental.functional_independence` is given twice; allowed: once"],
    ),
    // For patients without further passes the intercept and the stent have the same effect.
    (
        RESCUE,
        &[INDEPENDENT, "experimental.mrs[6]=0.1029409"],
        &["outcome.stenting", "outcome.intercept"],
        &[
            "the targets do not determine the unknowns: several values of outcome.stenting, outcome.intercept",
        ],
    ),
    (
        RESCUE,
        &["effect.odds_ratio=2"],
        &["outcome.shape[2]"],
        &["cannot be calibrated", "shares that must add up cannot be solved one by one"],
    ),
    (RESCUE, &[INDEPENDENT], &["outcome..stenting"], &["is not a key path"]),
    (
        RESCUE,
        &["experimental.functional_independence=many"],
        &["outcome.stenting"],
        &["expected a quantity and a number, as in control.functional_independence=0.25"],
    ),
    (RESCUE, &["experimental.functional_independence=nan"], &["outcome.stenting"], &["a number"]),
];

#[test]
fn a_failed_calibration_is_reported_and_writes_no_file() {
    let directory = directory();
    let out = directory.path().join("new/solved.toml");
    for (scenario, targets, solve, says) in REFUSED {
        let mut command = rescuesim();
        command.args(arguments(scenario, targets, solve)).arg("--out").arg(&out);
        let output = command.output().expect("the program starts");
        let errors = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(output.stdout.is_empty() && !errors.contains("panicked"), "{errors}");
        for text in says {
            assert!(errors.contains(text), "{solve:?} should say {text:?} and says\n{errors}");
        }
        assert_eq!(
            fs::read_dir(directory.path()).expect("the folder can be listed").count(),
            0,
            "{solve:?}"
        );
    }
}

/// Evidence is named by its path from the scenario's folder, so that a copy in another folder would not
/// find it.
#[test]
fn a_copy_that_would_not_find_its_evidence_is_refused() {
    let directory = directory();
    let mut command = rescuesim();
    command.args(arguments(
        "scenarios/premat-assurance.toml",
        &["effect.odds_ratio=2"],
        &["outcome.experimental.common_odds_ratio"],
    ));
    let output = command.arg("--out").arg(directory.path().join("copy.toml")).output();
    let output = output.expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("not written to") && errors.contains("cannot be read"), "{errors}");
    assert_eq!(fs::read_dir(directory.path()).expect("the folder can be listed").count(), 0);
}

#[test]
fn an_output_that_cannot_be_written_is_reported_and_keeps_the_old_file() {
    let directory = directory();
    let file = directory.path().join("kept.toml");
    fs::write(&file, "kept").expect("the folder is writable");
    let (scenario, targets, solve) = SOLVED[0];
    let refused = |out: &Path| {
        let mut command = rescuesim();
        command.args(arguments(scenario, targets, solve)).arg("--out").arg(out);
        let output = command.output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("cannot write") && !errors.contains("panicked"), "{errors}");
    };
    refused(&file.join("below-a-file.toml"));
    refused(directory.path());
    assert_eq!(fs::read_to_string(&file).expect("the file still exists"), "kept");
    assert_eq!(fs::read_dir(directory.path()).expect("the folder can be listed").count(), 1);
    // A target that cannot be reached leaves an existing file unchanged.
    let mut command = rescuesim();
    command.args(arguments(RESCUE, &["control.passes=3"], solve)).arg("--out").arg(&file);
    assert_eq!(command.output().expect("the program starts").status.code(), Some(2));
    assert_eq!(fs::read_to_string(&file).expect("the file still exists"), "kept");
}
