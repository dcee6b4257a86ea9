//! A run split among processes and merged: the bytes are those of one run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::util::{directory, output, project, refused, rescuesim};

const SHARDS: u32 = 5;

/// Runs shards at the same time, each in its own process.
fn run_shards(scenario: &str, replicates: &str, shards: &[u32], folder: &Path) -> Vec<PathBuf> {
    let file = |shard: &u32| folder.join(format!("{shard}.json"));
    let start = |shard: &u32| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
        command.current_dir(project("")).args(["run", scenario, "--replicates", replicates]);
        command.args(["--shard", &format!("{shard}/{SHARDS}"), "--checkpoint"]).arg(file(shard));
        command.stdout(Stdio::piped()).spawn().expect("the program starts")
    };
    let running: Vec<_> = shards.iter().map(start).collect();
    for child in running {
        let output = child.wait_with_output().expect("the child exists");
        assert!(output.status.success());
        let message = String::from_utf8(output.stdout).expect("text");
        assert!(message.starts_with("shard ") && message.contains("rescuesim merge"), "{message}");
    }
    shards.iter().map(file).collect()
}

/// Compares totals of every kind: a prior, a procedure, centres, adverse events, supplementary analyses.
#[test]
fn merged_shards_give_the_bytes_of_one_run() {
    for name in ["angel-reboot", "premat-assurance", "early-vs-late", "angel-reboot-centres"] {
        let directory = directory();
        let scenario = format!("scenarios/{name}.toml");
        let shards: Vec<u32> = (1..=SHARDS).rev().collect();
        let files = run_shards(&scenario, "203", &shards, directory.path());
        for (format, detail) in [
            ("table", &[][..]),
            ("table", &["--full"]),
            ("markdown", &["--full"]),
            ("json", &[]),
            ("csv", &[]),
        ] {
            let merged =
                output(rescuesim().args(["merge", "--format", format]).args(detail).args(&files));
            let mut run = rescuesim();
            run.args(["run", &scenario, "--replicates", "203", "--format", format]).args(detail);
            assert!(merged == output(&mut run), "{name} as {format}");
        }
        let out = directory.path().join("merged");
        output(rescuesim().arg("merge").args(&files).arg("--out").arg(&out));
        let mut run = rescuesim();
        run.args(["run", &scenario, "--replicates", "203", "--format", "json"]);
        let written =
            std::fs::read_to_string(out.join("summary.json")).expect("the program wrote it");
        assert!(written == output(&mut run), "{name}");
    }
}

#[test]
fn missing_duplicated_and_foreign_shards_are_named() {
    let directory = directory();
    let scenario = "scenarios/angel-reboot.toml";
    let mut files = run_shards(scenario, "50", &[1, 2, 4], directory.path());
    let message = refused(rescuesim().arg("merge").args(&files));
    assert!(message.contains("missing: shard 3/5 (replicates 20 to 29)"), "{message}");
    assert!(message.contains("missing: shard 5/5 (replicates 40 to 49)"), "{message}");

    let copy = directory.path().join("copy.json");
    std::fs::copy(&files[1], &copy).expect("it can be copied");
    let elsewhere = directory.path().join("elsewhere");
    let foreign = run_shards("scenarios/angel-rescue.toml", "50", &[3], &elsewhere);
    files.extend([copy, foreign[0].clone()]);
    let message = refused(rescuesim().arg("merge").args(&files));
    assert!(message.contains("duplicate: shard 2/5 is in "), "{message}");
    assert!(message.contains("2.json and in ") && message.contains("copy.json"), "{message}");
    assert!(
        message.contains("elsewhere/3.json is not of the same run: another scenario"),
        "{message}"
    );
    assert!(message.contains("rescuesim run scenarios/angel-rescue.toml"), "{message}");

    let none = directory.path().join("none.json");
    assert!(refused(rescuesim().arg("merge").args(&[none])).contains("none.json: cannot be read"));
    let message = refused(rescuesim().arg("merge").args(&[project("Cargo.toml")]));
    assert!(message.contains("Cargo.toml: the file is not a checkpoint or shard"), "{message}");
}

#[test]
fn an_invalid_shard_is_refused() {
    let refusal = |args: &[&str]| {
        refused(rescuesim().args(["run", "angel-reboot", "--replicates", "10"]).args(args))
    };
    for shard in ["0/4", "5/4", "3", "a/b", "1/0"] {
        let message = refusal(&["--shard", shard, "--checkpoint", "x.json"]);
        assert!(
            message.contains("expected a shard number and the number of shards, such as 3/16"),
            "{message}"
        );
    }
    let message = refusal(&["--shard", "1/11", "--checkpoint", "x.json"]);
    assert!(message.contains("10 replicates cannot be divided into more shards"), "{message}");
    assert!(refusal(&["--shard", "1/2"]).contains("--checkpoint"));
    for conflicting in [["--out", "x"], ["--format", "json"]] {
        let args = [["--shard", "1/2"], ["--checkpoint", "x.json"], conflicting].concat();
        assert!(refusal(&args).contains("cannot be used with"), "{conflicting:?}");
    }
    assert!(!project("x.json").exists());
}
