//! Sweeps, searches, comparisons and reports that are interrupted keep what they have simulated: resumed,
//! or divided into shards and merged, they give the bytes of an uninterrupted command.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::util::{
    Running, directory, interrupt, only, output, project, refused, rescuesim, wait_until,
};

const SCENARIO: &str = "scenarios/angel-reboot.toml";
const FUNCTIONAL_INDEPENDENCE: &str = "outcome.experimental.functional_independence";
const GRID: [&str; 4] =
    ["--over", "missing.dropout=[0.05,0.1,0.15]", "--over", "sample_size.randomised=[300,348]"];

/// Options that make the trial a small one with one look, which is simulated in little time.
const SMALL: [&str; 4] =
    ["--set", "sample_size={randomised=60,analysed=54}", "--set", "design.looks={analysed=[54]}"];

/// A command of ANGEL-REBOOT with one analysis; `args` are the command and its options.
fn arguments(args: &[&str]) -> Vec<String> {
    let one = only(SCENARIO, &["independence"]);
    let mut all = vec![args[0].to_owned(), SCENARIO.to_owned()];
    all.extend(args[1..].iter().map(ToString::to_string));
    all.extend(["--set".to_owned(), one, "--threads".to_owned(), "2".to_owned()]);
    all
}

/// Number of replicates in a checkpoint, job by job.
fn jobs(file: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(file).expect("there is a checkpoint");
    let part: serde_json::Value = serde_json::from_str(&text).expect("it is whole");
    let jobs = part["content"]["jobs"].as_array().expect("a list").iter();
    let done = jobs.map(|job| ["next", "start"].map(|key| job[key].as_u64().expect("a number")));
    done.map(|[next, start]| next - start).collect()
}

/// Starts a command with a checkpoint that is up to date all the time.
fn started(args: &[String], file: &Path) -> Running {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(project("")).args(args).args(["--quiet", "--resume"]);
    command.args(["--checkpoint-every", "0", "--checkpoint"]).arg(file);
    Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()))
}

/// Replicates in a checkpoint that need not exist yet.
fn kept(file: &Path) -> u64 {
    if file.exists() { jobs(file).iter().sum() } else { 0 }
}

/// Kills a command after its checkpoint has grown, up to three times, and returns how often it did.
fn kills(args: &[String], file: &Path) -> u64 {
    for kill in 0..3 {
        let before = kept(file);
        let mut child = started(args, file);
        wait_until(|| kept(file) > before || child.try_wait().expect("the child exists").is_some());
        std::thread::sleep(Duration::from_millis(40 * kill));
        if child.try_wait().expect("the child exists").is_some() {
            return kill;
        }
        // Killed, or interrupted as a person would.
        if kill % 2 == 0 {
            child.kill().expect("the child exists");
        } else {
            interrupt(&child);
        }
        child.wait().expect("the child exists");
        assert!(kept(file) > before, "{args:?}: nothing more was kept");
    }
    3
}

/// Kills a command, at least once and up to three times, and resumes it.
fn assert_resumed_gives_the_same_bytes(args: &[&str]) {
    let args = arguments(args);
    let folder = directory();
    let file = folder.path().join("begun.json");
    let uninterrupted = output(rescuesim().args(&args));
    // On a busy machine a command may end between two looks at its checkpoint; it is started anew.
    wait_until(|| {
        let killed = kills(&args, &file) > 0;
        if !killed {
            std::fs::remove_file(&file).expect("the command wrote it");
        }
        killed
    });
    let mut resumed = rescuesim();
    resumed.args(&args).arg("--resume").arg("--checkpoint").arg(&file);
    assert!(output(&mut resumed) == uninterrupted, "{args:?}");
    // All is done: the same again, without any simulation.
    assert!(output(&mut resumed) == uninterrupted, "{args:?}");
}

#[test]
fn a_killed_and_resumed_sweep_gives_the_same_bytes() {
    let amount = ["--replicates", "600", "--format", "json"];
    assert_resumed_gives_the_same_bytes(&[&["sweep"], &GRID[..], &amount].concat());
}

#[test]
fn a_killed_and_resumed_sweep_to_a_precision_gives_the_same_bytes() {
    let over = ["sweep", "--over", "missing.dropout=[0.05,0.1]"];
    let amount = ["--precision", "0.003", "--format", "json"];
    assert_resumed_gives_the_same_bytes(&[&over[..], &SMALL, &amount].concat());
}

#[test]
fn a_killed_and_resumed_search_gives_the_same_bytes() {
    let vary = ["solve", "--power", "0.8", "--vary", FUNCTIONAL_INDEPENDENCE];
    let amount = ["--replicates", "3000", "--format", "json"];
    assert_resumed_gives_the_same_bytes(&[&vary[..], &SMALL, &amount].concat());
}

#[test]
fn a_killed_and_resumed_comparison_gives_the_same_bytes() {
    let args = ["compare", "scenarios/angel-rescue.toml", "--replicates", "2000"];
    assert_resumed_gives_the_same_bytes(&[&args[..], &["--format", "json"]].concat());
}

#[test]
fn a_killed_and_resumed_report_gives_the_same_page() {
    let folder = directory();
    let [page, resumed] = ["page.html", "resumed.html"].map(|name| folder.path().join(name));
    let report = [&["report", "--replicates", "800"], &SMALL[..], &["--quiet"]].concat();
    let args = arguments(&report);
    let file = folder.path().join("begun.json");
    output(rescuesim().args(&args).arg("--out").arg(&page));
    let mut command = rescuesim();
    command.args(&args).arg("--out").arg(&resumed).arg("--resume").arg("--checkpoint").arg(&file);
    // After the design itself, during the trial with one look or the power curve.
    let mut killed = arguments(&report[..report.len() - 1]);
    killed.extend(["--out".to_owned(), folder.path().join("killed.html").display().to_string()]);
    let mut child = started(&killed, &file);
    wait_until(|| file.exists() && jobs(&file).len() > 1);
    child.kill().expect("the child exists");
    child.wait().expect("the child exists");
    assert_eq!(jobs(&file)[0], 800);
    output(&mut command);
    let [page, resumed] = [page, resumed].map(|page| std::fs::read(page).expect("it is written"));
    assert!(page == resumed);
}

/// The interrupted sweep says how far it came, and its file has the finished points.
#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_its_finished_points() {
    let folder = directory();
    let file = folder.path().join("begun.json");
    let amount = ["--replicates", "500"];
    let child = started(&arguments(&[&["sweep"], &GRID[..], &amount].concat()), &file);
    wait_until(|| file.exists() && jobs(&file).len() > 2);
    interrupt(&child);
    let ended = child.output();
    let errors = String::from_utf8(ended.stderr).expect("messages are text");
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(errors.contains(" of 3 000 replicates; ") && errors.contains("--resume"), "{errors}");
    assert_eq!(jobs(&file)[..2], [500, 500]);
}

#[test]
fn more_replicates_extend_a_finished_sweep() {
    let folder = directory();
    let file = folder.path().join("begun.json");
    let sweep = |replicates: &str| {
        let amount = ["--replicates", replicates, "--format", "json"];
        arguments(&[&["sweep"], &GRID[..], &amount].concat())
    };
    output(rescuesim().args(sweep("200")).arg("--checkpoint").arg(&file));
    let mut more = rescuesim();
    more.args(sweep("500")).arg("--resume").arg("--checkpoint").arg(&file);
    assert!(output(&mut more) == output(rescuesim().args(sweep("500"))));
    assert_eq!(jobs(&file), [500; 6]);
    let mut fewer = rescuesim();
    let message = refused(fewer.args(sweep("200")).arg("--resume").arg("--checkpoint").arg(&file));
    assert!(message.contains("has 500 replicates; allowed: --replicates 500"), "{message}");
}

#[test]
fn a_checkpoint_of_another_grid_or_command_is_refused_and_unchanged() {
    let folder = directory();
    let file = folder.path().join("begun.json");
    let amount = ["--replicates", "50"];
    let sweep = arguments(&[&["sweep"], &GRID[..], &amount].concat());
    output(rescuesim().args(&sweep).arg("--checkpoint").arg(&file));
    let text = std::fs::read_to_string(&file).expect("the program wrote it");
    for (args, reason) in [
        (vec!["sweep", "--over", "missing.dropout=[0.05,0.2]"], "missing.dropout=[0.05,0.2]`"),
        (vec!["sweep", GRID[0], GRID[1], GRID[2], GRID[3], "--seed", "5"], "is of seed 20211219"),
        (
            vec!["sweep", GRID[0], GRID[1], GRID[2], GRID[3], "--set", "accrual.per_month=9"],
            "is of another scenario",
        ),
        (vec!["run"], "is of `sweep missing.dropout=[0.05,0.1,0.15] sample_size"),
        (vec!["solve", "--power", "0.8"], "not of `solve --vary sample_size.randomised"),
        (vec!["report", "--out", "never.html"], "not of `report`"),
    ] {
        let args = arguments(&[&args[..], &amount].concat());
        let message =
            refused(rescuesim().args(&args).args(["--resume", "--checkpoint"]).arg(&file));
        assert!(message.contains(reason), "{args:?} should say {reason:?} and says\n{message}");
        assert_eq!(std::fs::read_to_string(&file).expect("it exists"), text);
    }
    assert!(!project("never.html").exists());
}

/// Shards of whole points, and shards that divide a point.
#[test]
fn merged_shards_of_a_sweep_give_the_bytes_of_one_sweep() {
    let sweep = arguments(&[&["sweep"], &GRID[..], &["--replicates", "9"]].concat());
    for shards in [3, 8] {
        let folder = directory();
        let files: Vec<_> = (1..=shards)
            .map(|number| {
                let file = folder.path().join(format!("{number}.json"));
                let mut command = rescuesim();
                command.args(&sweep).args(["--shard", &format!("{number}/{shards}")]);
                let message = output(command.arg("--checkpoint").arg(&file));
                assert!(message.starts_with(&format!("shard {number}/{shards}, ")), "{message}");
                file
            })
            .collect();
        for format in ["table", "markdown", "json", "csv"] {
            let merged = output(rescuesim().args(["merge", "--format", format]).args(&files));
            assert!(merged == output(rescuesim().args(&sweep).args(["--format", format])));
        }
        let [merged, whole] = ["merged", "whole"].map(|name| folder.path().join(name));
        output(rescuesim().arg("merge").args(&files).arg("--out").arg(&merged));
        output(rescuesim().args(&sweep).arg("--out").arg(&whole));
        for name in ["sweep.csv", "sweep.json", "power.svg"] {
            let [merged, whole] = [&merged, &whole].map(|folder| {
                std::fs::read_to_string(folder.join(name)).expect("the program wrote it")
            });
            assert!(merged == whole, "{name} of {shards} shards");
        }
        let pictures = folder.path().join("pictures");
        let mut merge = rescuesim();
        merge.arg("merge").args(&files).args(["--figure-formats", "pdf", "--out"]).arg(&pictures);
        if cfg!(feature = "png") {
            output(&mut merge);
            assert!(pictures.join("power.pdf").exists() && !pictures.join("power.svg").exists());
        } else {
            assert!(refused(&mut merge).contains("built without PDF; allowed: SVG figures"));
        }
        let message = refused(rescuesim().arg("merge").args(&files[1..]));
        assert!(message.contains(&format!("missing: shard 1/{shards}")), "{message}");
    }
}

#[test]
fn a_comparison_is_no_shard() {
    let folder = directory();
    let file = folder.path().join("begun.json");
    let args = ["compare", "scenarios/angel-rescue.toml", "--replicates", "20"];
    output(rescuesim().args(arguments(&args)).arg("--checkpoint").arg(&file));
    let message = refused(rescuesim().arg("merge").arg(&file));
    assert!(message.contains("is of `compare`, which has no shards"), "{message}");
}
