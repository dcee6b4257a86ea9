//! Interruption loses nothing: a run that is killed goes on where it was, and ends as if it had not
//! been.
//!
//! What is compared must be the same bytes; when the kills come is as random as the machine.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::util::{directory, output, project, rescuesim};

const SCENARIO: &str = "scenarios/angel-reboot.toml";
/// A small trial with one look, so that there are soon many.
const SMALL: [&str; 6] = [
    "--set",
    r#"analyses=[{method="two_proportions"}]"#,
    "--set",
    r#"sample_size={randomised=60,analysed=54}"#,
    "--set",
    r#"design.looks={analysed=[54]}"#,
];

fn run(amount: [&str; 2], file: &Path) -> assert_cmd::Command {
    let mut command = rescuesim();
    command.args(["run", SCENARIO, "--format", "json", "--quiet"]).args(SMALL).args(amount);
    command.arg("--checkpoint").arg(file);
    command
}

fn summary(amount: [&str; 2]) -> String {
    let mut command = rescuesim();
    output(command.args(["run", SCENARIO, "--format", "json"]).args(SMALL).args(amount))
}

fn refused(command: &mut assert_cmd::Command) -> String {
    let output = command.output().expect("the program starts");
    let told = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty(), "{told}");
    told
}

/// The number of the next replicate, as a checkpoint says it.
fn next(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).expect("there is a checkpoint");
    let part: serde_json::Value = serde_json::from_str(&text).expect("it is whole");
    part["content"]["next"].as_u64().expect("a number")
}

fn started(amount: [&str; 2], file: &Path) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(project("")).args(["run", SCENARIO, "--quiet"]).args(SMALL).args(amount);
    command.args(["--resume", "--checkpoint-every", "0", "--checkpoint"]).arg(file);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Kills the run at 50 moments, wherever it is, before it is let end.
fn end_after_kills(amount: [&str; 2]) {
    let directory = directory();
    let file = directory.path().join("run.json");
    let (mut kills, mut grew, mut before) = (0, 0, 0);
    // A linear congruence is random enough for when.
    let mut random: u64 = 20_211_219;
    while kills < 50 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut child = started(amount, &file);
        std::thread::sleep(Duration::from_millis(5 + (random >> 40) % 150));
        let over = child.try_wait().expect("it is ours");
        assert!(over.is_none_or(|status| status.success()), "{over:?}");
        let over = over.is_some();
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        kills += u32::from(!over);
        if over {
            // It was done: kill another from the beginning.
            std::fs::remove_file(&file).expect("it was done");
        }
        let now = if file.exists() { next(&file) } else { 0 };
        grew += u32::from(now > before);
        before = now;
    }
    assert!(grew >= 5, "{grew} of 50 got any further");
    let resumed = output(run(amount, &file).arg("--resume"));
    assert!(resumed == summary(amount));
    let left = std::fs::read_dir(directory.path()).expect("it is there").count();
    assert!(left <= 51, "{left} files");
}

#[test]
fn a_run_killed_at_fifty_moments_ends_as_if_it_had_not_been() {
    end_after_kills(["--replicates", "200000"]);
}

#[test]
fn so_does_a_run_until_a_precision() {
    end_after_kills(["--precision", "0.001"]);
}

#[test]
fn a_finished_run_is_extended() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let few = output(&mut run(["--replicates", "1000"], &file));
    assert!(few == summary(["--replicates", "1000"]));
    assert_eq!(next(&file), 1000);
    let more = output(run(["--replicates", "3000"], &file).arg("--resume"));
    assert!(more == summary(["--replicates", "3000"]));
    // There is nothing left to do.
    assert!(output(run(["--replicates", "3000"], &file).arg("--resume")) == more);

    // A precision goes on from whatever there is, at the ends of its own waves.
    let precise = output(run(["--precision", "0.004"], &file).arg("--resume"));
    assert!(precise == summary(["--precision", "0.004"]));

    let mut fewer = run(["--replicates", "2000"], &file);
    let told = refused(fewer.arg("--resume"));
    assert!(told.contains("has 16384 replicates; allowed: --replicates 16384 or more"), "{told}");
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_left_alone() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let amount = ["--replicates", "500"];
    output(&mut run(amount, &file));
    let text = std::fs::read_to_string(&file).expect("it is written");

    let told = refused(&mut run(amount, &file));
    assert!(told.contains("there already; allowed: --resume"), "{told}");
    for (more, reason) in [
        (["--set", "missing.dropout=0.2"], "is of another scenario"),
        (["--set", "run.variance_reduction=true"], "is of another scenario"),
        (["--seed", "5"], "is of seed 20211219, not 5"),
        (
            ["--shard", "2/2"],
            "is of shard 1/1 of 500 replicates, not of shard 2/2 of 500 replicates",
        ),
    ] {
        let mut command = rescuesim();
        command.args(["run", SCENARIO]).args(SMALL).args(amount).args(more);
        let told = refused(command.args(["--resume", "--checkpoint"]).arg(&file));
        assert!(told.contains(reason), "{told}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);

    for (damaged, reason) in [
        (text.replacen("\"n\":500", "\"n\":501", 1), "is damaged: its checksum does not fit"),
        (text[..text.len() / 2].to_owned(), "is not a checkpoint or shard, or not all of one"),
        (String::new(), "is not a checkpoint or shard, or not all of one"),
        ("{}".to_owned(), "is not a checkpoint or shard, or not all of one"),
    ] {
        assert_ne!(damaged, text);
        std::fs::write(&file, &damaged).expect("it can be written");
        let told = refused(run(amount, &file).arg("--resume"));
        assert!(told.contains(reason), "{told}");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), damaged);
    }
}

#[test]
fn places_that_cannot_be_written_are_told_before_any_work() {
    let directory = directory();
    let told = refused(&mut run(["--replicates", "1e12"], directory.path()));
    assert!(told.contains("cannot be read") || told.contains("is a directory"), "{told}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("it can be written");
    let told = refused(&mut run(["--replicates", "1e12"], &file.join("run.json")));
    assert!(told.contains("--checkpoint"), "{told}");
}

/// A run that is interrupted keeps what it has, however rarely it would have written it.
#[cfg(unix)]
#[test]
fn a_signal_leaves_a_checkpoint_of_all_whole_waves() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(project("")).args(["run", SCENARIO, "--quiet"]).args(SMALL);
    command.args(["--replicates", "1e9", "--checkpoint-every", "86400", "--checkpoint"]).arg(&file);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // A wave of so small a trial takes a fraction of that.
    std::thread::sleep(Duration::from_secs(3));
    let id = child.id().to_string();
    let status = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(status.expect("there is kill").success());
    let output = child.wait_with_output().expect("it is ours");
    let told = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(" of 1000000000 replicates; "), "{told}");
    assert!(told.contains("run.json has all but the last of them, and --resume goes on"), "{told}");
    assert!(next(&file) > 0);
}

/// Files may grow to so many blocks of 512 bytes, as on a disk that is full.
#[cfg(unix)]
fn with_little_room(blocks: u32, directory: &Path, args: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_rescuesim")).args(["run", SCENARIO, "--quiet"]).args(SMALL);
    command.current_dir(project("")).args(args).arg("--out").arg(directory);
    command.output().expect("a shell starts")
}

/// Rows that do not fit are given up, and the summary of all replicates is written nevertheless.
#[cfg(unix)]
#[test]
fn a_full_disk_takes_the_rows_and_leaves_the_summary() {
    let formats: &[&str] =
        if cfg!(feature = "parquet") { &["csv", "parquet", "csv,parquet"] } else { &["csv"] };
    for format in formats {
        let directory = directory();
        let args = ["--replicates", "3000", "--trials", format];
        let output = with_little_room(200, directory.path(), &args);
        let told = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("cannot write") && told.contains("trials."), "{told}");
        assert!(told.contains("no rows were written") && told.contains("summary.json"), "{told}");
        let left: Vec<_> = std::fs::read_dir(directory.path()).expect("it is there").collect();
        assert_eq!(left.len(), 1, "{left:?}");
        let written = std::fs::read_to_string(directory.path().join("summary.json"));
        assert!(written.expect("it is there") == summary(["--replicates", "3000"]));
    }
}

/// Without room even for that, what an earlier run left stays.
#[cfg(unix)]
#[test]
fn a_fuller_disk_leaves_what_there_was() {
    let directory = directory();
    let place = directory.path().join("summary.json");
    std::fs::write(&place, "earlier").expect("it can be written");
    let output = with_little_room(1, directory.path(), &["--replicates", "50"]);
    let told = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot finish the files of --out"), "{told}");
    assert_eq!(std::fs::read_to_string(&place).expect("it is there"), "earlier");
    assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 1);
}
