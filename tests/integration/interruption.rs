//! Interruption loses nothing: a run that was killed resumes, and its result is that of an
//! uninterrupted run.
//!
//! Each test expects the same bytes for every timing of the kills, so that no clock can fail it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::util::{Running, directory, interrupt, output, project, refused, rescuesim, wait_until};

const SCENARIO: &str = "scenarios/angel-reboot.toml";
/// A small trial with one look, which simulates many replicates in little time.
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

/// Number of replicates in a checkpoint, in all of its jobs.
fn next(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).expect("there is a checkpoint");
    let part: serde_json::Value = serde_json::from_str(&text).expect("it is whole");
    let jobs = part["content"]["jobs"].as_array().expect("a list").iter();
    let done = jobs.map(|job| ["next", "start"].map(|key| job[key].as_u64().expect("a number")));
    done.map(|[next, start]| next - start).sum()
}

fn started(amount: [&str; 2], file: &Path) -> Running {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(project("")).args(["run", SCENARIO, "--quiet"]).args(SMALL).args(amount);
    command.args(["--resume", "--checkpoint-every", "0", "--checkpoint"]).arg(file);
    Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Number of kills before a run may end.
const KILLS: u32 = 12;

/// Kills a run at twelve moments, spread over the start of the program and over the time after
/// its checkpoint has grown, as fractions of the measured time of a run.
fn assert_kills_leave_the_result_unchanged(amount: [&str; 2]) {
    let directory = directory();
    let file = directory.path().join("run.json");
    let replicates_kept = || if file.exists() { next(&file) } else { 0 };
    #[expect(clippy::disallowed_methods, reason = "kills are timed, results are not")]
    let begin = std::time::Instant::now();
    let uninterrupted = summary(amount);
    let whole_run = begin.elapsed();
    let (mut kills, mut kills_after_growth) = (0, 0);
    while kills < KILLS {
        let before = replicates_kept();
        let mut child = started(amount, &file);
        if kills % 2 == 1 {
            wait_until(|| {
                replicates_kept() > before || child.try_wait().expect("the child exists").is_some()
            });
        }
        std::thread::sleep(whole_run * kills / (8 * KILLS));
        let over = child.try_wait().expect("the child exists");
        child.kill().expect("the child exists");
        child.wait().expect("the child exists");
        if let Some(status) = over {
            // This run was faster than the measured one: kill another one from the start.
            assert!(status.success(), "{status}");
            std::fs::remove_file(&file).expect("the checkpoint exists");
        } else {
            kills += 1;
            kills_after_growth += u32::from(replicates_kept() > before);
        }
    }
    assert!(kills_after_growth >= KILLS / 2, "{kills_after_growth} of {KILLS}");
    let resumed = output(run(amount, &file).arg("--resume"));
    assert!(resumed == uninterrupted);
    let left = std::fs::read_dir(directory.path()).expect("it exists").count();
    assert!(left <= 1 + KILLS as usize, "{left} files");
}

#[test]
fn a_killed_and_resumed_run_gives_the_same_bytes() {
    assert_kills_leave_the_result_unchanged(["--replicates", "1000000"]);
}

#[test]
fn a_killed_and_resumed_run_to_a_precision_gives_the_same_bytes() {
    assert_kills_leave_the_result_unchanged(["--precision", "0.0005"]);
}

#[test]
fn a_larger_number_of_replicates_extends_a_finished_run() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let few = output(&mut run(["--replicates", "1000"], &file));
    assert!(few == summary(["--replicates", "1000"]));
    assert_eq!(next(&file), 1000);
    let more = output(run(["--replicates", "3000"], &file).arg("--resume"));
    assert!(more == summary(["--replicates", "3000"]));
    // All replicates are done already.
    assert!(output(run(["--replicates", "3000"], &file).arg("--resume")) == more);

    // A run to a precision continues from any checkpoint, at the ends of its own waves.
    let precise = output(run(["--precision", "0.004"], &file).arg("--resume"));
    assert!(precise == summary(["--precision", "0.004"]));

    let mut fewer = run(["--replicates", "2000"], &file);
    let message = refused(fewer.arg("--resume"));
    assert!(
        message.contains("has 16384 replicates; allowed: --replicates 16384 or more"),
        "{message}"
    );
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_unchanged() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let amount = ["--replicates", "500"];
    output(&mut run(amount, &file));
    let text = std::fs::read_to_string(&file).expect("the program wrote it");

    let message = refused(&mut run(amount, &file));
    assert!(message.contains("the file exists; allowed: --resume"), "{message}");
    for (more, reason) in [
        (["--set", "missing.dropout=0.2"], "is of another scenario"),
        (["--set", "run.variance_reduction=true"], "is of another scenario"),
        (["--seed", "5"], "is of seed 20211219, not 5"),
        (["--shard", "2/2"], "is of all of 500 replicates, not of shard 2/2 of 500 replicates"),
    ] {
        let mut command = rescuesim();
        command.args(["run", SCENARIO]).args(SMALL).args(amount).args(more);
        let message = refused(command.args(["--resume", "--checkpoint"]).arg(&file));
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it exists"), text);

    for (damaged, reason) in [
        (text.replacen("\"n\":500", "\"n\":501", 1), "is damaged: the checksum does not match"),
        (text[..text.len() / 2].to_owned(), "is not a checkpoint or shard, or not all of one"),
        (String::new(), "is not a checkpoint or shard, or not all of one"),
        ("{}".to_owned(), "is not a checkpoint or shard, or not all of one"),
    ] {
        assert_ne!(damaged, text);
        std::fs::write(&file, &damaged).expect("the folder is writable");
        let message = refused(run(amount, &file).arg("--resume"));
        assert!(message.contains(reason), "{message}");
        assert_eq!(std::fs::read_to_string(&file).expect("it exists"), damaged);
    }
}

#[test]
fn checkpoints_that_cannot_be_written_are_reported_before_any_simulation() {
    let directory = directory();
    let message = refused(&mut run(["--replicates", "1e12"], directory.path()));
    assert!(message.contains("cannot be read") || message.contains("is a directory"), "{message}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("the folder is writable");
    let message = refused(&mut run(["--replicates", "1e12"], &file.join("run.json")));
    assert!(message.contains("--checkpoint"), "{message}");
}

/// An interrupted run saves its replicates even if its next save is far away. It is interrupted later
/// and later, until it has simulated something by then.
#[cfg(unix)]
#[test]
fn a_signal_leaves_a_checkpoint_of_all_finished_replicates() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let mut delay = Duration::from_millis(10);
    loop {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
        command.current_dir(project("")).args(["run", SCENARIO, "--quiet"]).args(SMALL);
        command.args(["--replicates", "1e9", "--checkpoint-every", "86400", "--checkpoint"]);
        command.arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = Running::start(&mut command);
        wait_until(|| file.exists());
        std::thread::sleep(delay);
        interrupt(&child);
        let output = child.output();
        let errors = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(" of 1 000 000 000 replicates; "), "{errors}");
        let kept = "run.json has those before the first that was not finished, and --resume";
        assert!(errors.contains(kept), "{errors}");
        if next(&file) > 0 {
            break;
        }
        std::fs::remove_file(&file).expect("the program wrote it");
        delay *= 2;
        assert!(delay < Duration::from_secs(60), "a minute of simulation left nothing");
    }
}

/// A run whose replicates take hours or days.
#[cfg(unix)]
fn endless(args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.current_dir(project("")).args(["run", SCENARIO, "--quiet", "--threads", "1"]);
    command.args(["--set", "sample_size={randomised=100000,analysed=90000}"]);
    command.args(["--set", "design.looks={equally_spaced=2}"]);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A signal ends a replicate within any of its long phases.
#[cfg(unix)]
#[test]
fn a_long_replicate_ends_at_an_interruption() {
    let rerandomised = r#"analyses=[{method="two_proportions",rerandomisations=1000000}]"#;
    let imputed = r#"analyses=[{method="two_proportions",missing={rule="multiple_imputation",imputations=1000}}]"#;
    for analyses in [rerandomised, imputed] {
        let directory = directory();
        let file = directory.path().join("run.json");
        let mut command = endless(&["--set", analyses, "--checkpoint"]);
        let child = Running::start(command.arg(&file));
        wait_until(|| file.exists());
        // Long enough for the first replicate to begin.
        std::thread::sleep(Duration::from_millis(500));
        interrupt(&child);
        let output = child.output();
        let errors = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("interrupted after 0 of "), "{errors}");
        assert_eq!(next(&file), 0);
    }
}

/// The first signal cannot end this run: it waits for a reader of the pipe of its summary.
#[cfg(unix)]
#[test]
fn a_second_interruption_ends_the_program_at_once() {
    let directory = directory();
    let pipe = directory.path().join("summary.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command
        .current_dir(project(""))
        .args(["run", SCENARIO, "--quiet", "--trials", "csv"])
        .args(SMALL);
    command.args(["--replicates", "10", "--out"]).arg(directory.path()).stdout(Stdio::null());
    let mut child = Running::start(&mut command);
    // Rows are put in place before the summary.
    wait_until(|| directory.path().join("trials.csv").exists());
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(600));
    assert!(child.try_wait().expect("the child exists").is_none(), "it waits for a reader");
    interrupt(&child);
    assert_eq!(child.wait().expect("the child exists").code(), Some(1));
}

/// `env` undoes that Ctrl-C is ignored, as it is by all that a shell starts in the background.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_run() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let mut command = std::process::Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_rescuesim"), "run", SCENARIO]);
    command.current_dir(project("")).args(["--replicates", "1e12", "--checkpoint"]).arg(&file);
    let child = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    wait_until(|| file.exists());
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill starts").success());
    let output = child.output();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted after"));
}

/// `nohup`, and a shell without job control for commands in the background, start programs like this.
#[cfg(target_os = "linux")]
#[test]
fn signals_ignored_at_the_start_are_ignored() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_rescuesim")).current_dir(project(""));
    command.args(["run", SCENARIO, "--quiet", "--replicates", "1e12", "--checkpoint"]).arg(&file);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Running::start(&mut command);
    wait_until(|| file.exists());
    let send = |signal: &str| {
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill starts").success());
    };
    send("-HUP");
    send("-INT");
    let before = next(&file);
    // The run continues: its file grows.
    wait_until(|| next(&file) > before);
    let id = child.id().to_string();
    assert!(child.try_wait().expect("the child exists").is_none());
    let sent = std::process::Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.expect("kill starts").success());
    let output = child.output();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted after"));
}

/// The checkpoint of one run is refused to another, in either order of their starts.
#[test]
fn two_runs_do_not_share_a_checkpoint() {
    let directory = directory();
    let file = directory.path().join("run.json");
    let mut first = started(["--replicates", "1000000000"], &file);
    wait_until(|| file.exists());
    for _ in 0..20 {
        let mut second = run(["--replicates", "1000000000"], &file);
        let message = refused(second.arg("--resume"));
        assert!(message.contains("another run has this file"), "{message}");
    }
    first.kill().expect("the child exists");
    first.wait().expect("the child exists");
    // The lock ends with the process.
    let reached = next(&file);
    let amount = (reached + 1000).to_string();
    output(run(["--replicates", &amount], &file).arg("--resume"));
    assert_eq!(next(&file), reached + 1000);

    // Of several runs that start together, exactly one continues.
    std::fs::remove_file(&file).expect("it exists");
    let both = [(); 4].map(|()| started(["--replicates", "1000000000"], &file));
    let mut both = both.map(Some);
    wait_until(|| {
        for slot in &mut both {
            if let Some(child) = slot
                && let Some(status) = child.try_wait().expect("the child exists")
            {
                assert_eq!(status.code(), Some(2));
                *slot = None;
            }
        }
        both.iter().flatten().count() == 1
    });
    for child in both.iter_mut().flatten() {
        child.kill().expect("the child exists");
        child.wait().expect("the child exists");
    }
}

/// Limits files to the given number of blocks of 512 bytes, which acts like a full disk.
#[cfg(unix)]
fn with_little_room(blocks: u32, directory: &Path, args: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("ulimit -f {blocks}; exec \"$@\""), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_rescuesim")).args(["run", SCENARIO, "--quiet"]).args(SMALL);
    command.current_dir(project("")).args(args).arg("--out").arg(directory);
    command.output().expect("a shell starts")
}

/// Rows that do not fit are discarded, and the summary of all replicates is still written.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_the_rows_and_keeps_the_summary() {
    let formats: &[&str] =
        if cfg!(feature = "parquet") { &["csv", "parquet", "csv,parquet"] } else { &["csv"] };
    for format in formats {
        let directory = directory();
        let args = ["--replicates", "3000", "--trials", format];
        let output = with_little_room(200, directory.path(), &args);
        let message = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("cannot write") && message.contains("trials."), "{message}");
        assert!(
            message.contains("no rows were written") && message.contains("summary.json"),
            "{message}"
        );
        let left: Vec<_> = std::fs::read_dir(directory.path()).expect("it exists").collect();
        assert_eq!(left.len(), 1, "{left:?}");
        let written = std::fs::read_to_string(directory.path().join("summary.json"));
        assert!(written.expect("it exists") == summary(["--replicates", "3000"]));
    }
}

/// Without room for the summary, the results of an earlier run are kept.
#[cfg(unix)]
#[test]
fn a_disk_without_room_for_the_summary_keeps_earlier_results() {
    let directory = directory();
    let place = directory.path().join("summary.json");
    std::fs::write(&place, "earlier").expect("the folder is writable");
    let output = with_little_room(1, directory.path(), &["--replicates", "50"]);
    let message = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cannot finish the files of --out"), "{message}");
    assert_eq!(std::fs::read_to_string(&place).expect("it exists"), "earlier");
    assert_eq!(std::fs::read_dir(directory.path()).expect("it exists").count(), 1);
}
