//! Existing files as outputs and inputs: links, pipes, inputs, the files of other runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::util::{angel_reboot, directory, names_in, output, rescuesim, shipped_text};

/// Options of a design without simulation, with the name of its figure last.
const PLOT: [&str; 8] =
    ["design", "--control", "0.25", "--experimental", "0.4", "--n", "300", "--plot"];
const CALIBRATE: [&str; 6] = [
    "calibrate",
    "angel-reboot",
    "--target",
    "effect.odds_ratio=1.5",
    "--solve",
    "outcome.experimental.functional_independence",
];

fn ran(folder: &Path, args: &[&str]) -> Output {
    let mut command = rescuesim();
    command.current_dir(folder).args(args).output().expect("the program starts")
}

#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = ran(folder, args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}\n{errors}");
    assert!(output.stdout.is_empty() && errors.starts_with("error: "), "{args:?}\n{errors}");
    errors
}

#[track_caller]
fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = ran(folder, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}\n{errors}");
    String::from_utf8(output.stdout).expect("output is text")
}

/// A link is kept and its target is written, whether the target exists or not.
#[cfg(unix)]
#[test]
fn outputs_go_through_links_to_their_target() {
    let directory = directory();
    let folder = directory.path();
    fs::create_dir(folder.join("elsewhere")).expect("a folder");
    let run = ["run", "angel-reboot", "-q", "--replicates", "10"];
    let commands: [(&str, Vec<&str>); 4] = [
        ("plot.svg", [&PLOT[..], &["plot.svg"]].concat()),
        ("solved.toml", [&CALIBRATE[..], &["--out", "solved.toml"]].concat()),
        ("run.json", [&run[..], &["--checkpoint", "run.json"]].concat()),
        ("summary.json", [&run[..], &["--out", "."]].concat()),
    ];
    for (name, args) in commands {
        let (link, target) = (folder.join(name), folder.join("elsewhere").join(name));
        std::os::unix::fs::symlink(format!("elsewhere/{name}"), &link).expect("a link");
        // The target does not exist the first time, and does the second.
        for _ in 0..2 {
            succeeds(folder, &args);
            assert!(link.is_symlink(), "{name}");
            assert!(fs::metadata(&target).expect("the program wrote it").len() > 100, "{name}");
            if name == "run.json" {
                break; // A checkpoint that is there is refused.
            }
        }
        assert_eq!(names_in(&folder.join("elsewhere")).len(), 1, "{name}");
        fs::remove_file(&target).expect("it exists");
    }
    let links = ["elsewhere", "plot.svg", "run.json", "solved.toml", "summary.json"];
    assert_eq!(names_in(folder), links);
}

/// The reader of a pipe gets the bytes that a file would have, and a device remains a device.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_written_to() {
    use std::os::unix::fs::FileTypeExt;
    let directory = directory();
    let folder = directory.path();
    let pipe = folder.join("pipe.svg");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().expect("cat starts");
    succeeds(folder, &[&PLOT[..], &["pipe.svg"]].concat());
    succeeds(folder, &[&PLOT[..], &["file.svg"]].concat());
    let read = reader.wait_with_output().expect("the program ends").stdout;
    assert!(read == fs::read(folder.join("file.svg")).expect("the program wrote it"));
    assert!(fs::metadata(&pipe).expect("it exists").file_type().is_fifo());

    let null = fs::metadata("/dev/null").expect("it exists");
    succeeds(folder, &[&CALIBRATE[..], &["--out", "/dev/null"]].concat());
    assert!(null.file_type().is_char_device());
    assert!(fs::metadata("/dev/null").expect("the file still exists").file_type().is_char_device());
    let message = refused(folder, &["run", "angel-reboot", "--checkpoint", "pipe.svg"]);
    assert!(message.contains("is a pipe or a device; allowed: the name of a file"), "{message}");
}

/// Replacing a file would leave the old content under its second name, and a read-only file must not change.
#[cfg(unix)]
#[test]
fn files_with_two_names_and_read_only_files_are_refused() {
    let directory = directory();
    let folder = directory.path();
    for name in ["two.svg", "locked.svg"] {
        fs::write(folder.join(name), "kept").expect("the folder is writable");
    }
    fs::hard_link(folder.join("two.svg"), folder.join("names.svg")).expect("a second name");
    let mut permissions = fs::metadata(folder.join("locked.svg")).expect("it exists").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.join("locked.svg"), permissions).expect("the child exists");
    for (name, reason) in [("names.svg", "hard links"), ("locked.svg", "is read-only")] {
        let message = refused(folder, &[&PLOT[..], &[name]].concat());
        assert!(message.contains(name) && message.contains(reason), "{message}");
        assert_eq!(fs::read_to_string(folder.join(name)).expect("it exists"), "kept");
    }
    assert_eq!(names_in(folder).len(), 3);
}

/// A replaced file keeps its private permissions.
#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let folder = directory.path();
    let run = ["run", "angel-reboot", "-q", "--checkpoint", "run.json", "--replicates"];
    succeeds(folder, &[&run[..], &["10"]].concat());
    let place = folder.join("run.json");
    let mode = || fs::metadata(&place).expect("it exists").permissions().mode() & 0o777;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).expect("the child exists");
    succeeds(folder, &[&run[..], &["20", "--resume"]].concat());
    assert_eq!(mode(), 0o600);
}

/// Checks every command that reads one file and writes another.
#[test]
fn no_command_replaces_a_file_that_it_reads() {
    let directory = directory();
    let folder = directory.path();
    let text = angel_reboot();
    let few = ["-q", "--replicates", "10"];
    let solve = &CALIBRATE[2..];
    for (name, args) in [
        ("s.toml", [&["calibrate", "s.toml", "--out", "./s.toml"], solve].concat()),
        ("page.html", [&["report", "page.html", "--out", "page.html"], &few[..]].concat()),
        ("summary.json", [&["run", "summary.json", "--out", "."], &few[..]].concat()),
        (
            "sweep.csv",
            [&["sweep", "sweep.csv", "--over", "missing.dropout=[0]", "--out", "."], &few[..]]
                .concat(),
        ),
        ("plot.svg", vec!["trace", "plot.svg", "--plot", "plot.svg"]),
        ("plot.svg", vec!["design", "plot.svg", "--plot", "plot.svg"]),
    ] {
        fs::write(folder.join(name), &text).expect("the folder is writable");
        let message = refused(folder, &args);
        assert!(message.contains("the command reads this file; allowed"), "{args:?}: {message}");
        assert_eq!(fs::read_to_string(folder.join(name)).expect("it exists"), text, "{args:?}");
        assert_eq!(names_in(folder).len(), 1, "{args:?}");
        fs::remove_file(folder.join(name)).expect("it exists");
    }
    let shard = [&["run", "angel-reboot", "--checkpoint", "summary.json"], &few[..]].concat();
    succeeds(folder, &shard);
    let message = refused(folder, &["merge", "summary.json", "--out", "."]);
    assert!(message.contains("the command reads this file"), "{message}");
}

/// Evidence is an input, too.
#[test]
fn a_file_of_evidence_is_not_replaced() {
    let directory = directory();
    let folder = directory.path();
    let table = "study,events_experimental,n_experimental,events_control,n_control\nA,9,20,5,20\n";
    fs::write(folder.join("trials.csv"), table).expect("the folder is writable");
    let prior = r#"prior={components=[{weight=1.0,evidence={file="trials.csv",method="inverse_variance",event="wanted"}}]}"#;
    let text = angel_reboot();
    fs::write(folder.join("s.toml"), text).expect("the folder is writable");
    let run = ["run", "s.toml", "-q", "--replicates", "10", "--set", prior];
    let message = refused(folder, &[&run[..], &["--trials", "csv", "--out", "."]].concat());
    assert!(message.contains("trials.csv: the command reads this file"), "{message}");
    assert_eq!(fs::read_to_string(folder.join("trials.csv")).expect("it exists"), table);
    succeeds(folder, &[&run[..], &["--trials", "csv", "--out", "out"]].concat());
}

#[test]
fn a_folder_does_not_hide_a_shipped_scenario() {
    let directory = directory();
    let folder = directory.path();
    for _ in 0..2 {
        let run = ["run", "angel-reboot", "-q", "--replicates", "10", "--out", "angel-reboot"];
        succeeds(folder, &run);
    }
    fs::create_dir(folder.join("mine")).expect("a folder");
    let message = refused(folder, &["run", "mine"]);
    assert!(message.contains("mine is a directory; expected a file"), "{message}");
}

#[test]
fn the_name_of_a_folder_is_refused_as_a_file() {
    let directory = directory();
    for name in ["d/", "d/."] {
        let message = refused(directory.path(), &["init", name]);
        assert!(message.contains("this is not the name of a file"), "{message}");
    }
    assert!(names_in(directory.path()).is_empty());
    succeeds(directory.path(), &["init", "it's mine.toml"]);
    let message = succeeds(directory.path(), &["init", "other one.toml"]);
    assert!(message.contains("`rescuesim check 'other one.toml'`"), "{message}");
}

/// A pipe can be read only once, so every command must take all it needs from one read.
#[cfg(unix)]
#[test]
fn a_scenario_is_read_once() {
    let directory = directory();
    let folder = directory.path();
    let text = shipped_text("scenarios/angel-rescue.toml");
    fs::write(folder.join("s.toml"), text).expect("the folder is writable");
    let program = env!("CARGO_BIN_EXE_rescuesim");
    let few = "-q --replicates 20 --threads 1 --format json";
    let solve = "--vary missing.dropout --within 0..0.9 --power 0.5";
    for (args, before) in [
        (format!("solve SCENARIO {solve} {few}"), "verified"),
        (format!("sweep SCENARIO --over sample_size.randomised=[300,340] {few}"), "points"),
        ("calibrate SCENARIO --target effect.odds_ratio=1.5 --solve outcome.experimental.functional_independence".to_owned(), "[outcome"),
        ("report SCENARIO --out page.html --replicates 5 --threads 1 2>&1; rm page.html".to_owned(), "Wrote page.html"),
    ] {
        let said = |scenario: &str, script: &str| {
            let script = script.replace("ARGS", &args.replace("SCENARIO", scenario));
            let mut command = Command::new("sh");
            command.args(["-c", &script]).current_dir(folder);
            let output = command.output().expect("a shell starts");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{args}\n{errors}");
            String::from_utf8(output.stdout).expect("text").replace(scenario, "S")
        };
        let of_file = said("s.toml", &format!("{program} ARGS"));
        let of_pipe = said("/dev/stdin", &format!("cat s.toml | {program} ARGS"));
        assert!(of_file.contains(before), "{of_file}");
        assert_eq!(of_pipe, of_file, "{args}");
    }
}

/// Pairs of runs that write to one folder at the same time.
const PAIRS: usize = 40;

#[test]
fn a_folder_has_the_files_of_one_of_two_runs_that_race() {
    let directory = directory();
    let run = |out: &str, seed: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
        command.args(["run", "angel-rescue", "-q", "--threads", "1", "--replicates", "100"]);
        command.args(["--seed", seed, "--trials", "csv", "--out"]);
        command.arg(directory.path().join(out));
        command.stdout(Stdio::null()).spawn().expect("the program starts")
    };
    let file = |out: &str, name: &str| {
        fs::read_to_string(directory.path().join(out).join(name)).expect("the program wrote it")
    };
    for seed in ["1", "2"] {
        assert!(run(seed, seed).wait().expect("the program ends").success());
    }
    for _ in 0..PAIRS {
        let both = ["1", "2"].map(|seed| run("both", seed));
        both.into_iter()
            .for_each(|mut one| assert!(one.wait().expect("the program ends").success()));
        let seed = ["1", "2"]
            .into_iter()
            .find(|seed| file("both", "trials.csv") == file(seed, "trials.csv"));
        let seed = seed.expect("the rows are those of one run");
        assert!(file("both", "summary.json").contains(&format!("\"seed\": {seed},")), "mixed");
        assert_eq!(names_in(&directory.path().join("both")).len(), 2);
    }
}

/// Files under construction in a folder.
#[cfg(unix)]
fn parts(folder: &Path) -> BTreeSet<String> {
    names_in(folder).into_iter().filter(|name| name.ends_with(".part")).collect()
}

/// Starts a run that writes to a folder and does not end by itself.
#[cfg(unix)]
fn endless_run(folder: &Path) -> crate::util::Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
    command.args(["run", "angel-rescue", "-q", "--replicates", "1e12", "--trials", "csv"]);
    command.arg("--out").arg(folder).stderr(Stdio::null()).stdout(Stdio::null());
    crate::util::Running::start(&mut command)
}

/// The next run into a folder removes the files under construction of a killed run, and keeps those of
/// a run in progress.
#[cfg(unix)]
#[test]
fn files_of_a_killed_run_are_removed_and_those_of_a_run_in_progress_are_kept() {
    use crate::util::{interrupt, wait_until};
    let directory = directory();
    let folder = directory.path();
    let mut killed = endless_run(folder);
    wait_until(|| parts(folder).len() == 2);
    killed.kill().expect("the child exists");
    killed.wait().expect("the child exists");
    let left = parts(folder);
    assert_eq!(left.len(), 2);

    let mut in_progress = endless_run(folder);
    wait_until(|| parts(folder).len() == 2 && parts(folder).is_disjoint(&left));
    let written = parts(folder);
    succeeds(folder, &["run", "angel-rescue", "-q", "--replicates", "10", "--out", "."]);
    assert_eq!(parts(folder), written);
    interrupt(&in_progress);
    assert_eq!(in_progress.wait().expect("the program ends").code(), Some(1));
    assert_eq!(names_in(folder), ["summary.json"]);
}

/// If messages cannot be written, only they are lost: the result and the exit code are unchanged.
#[cfg(target_os = "linux")]
#[test]
fn messages_that_cannot_be_written_leave_result_and_exit_code() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let status = |folder: &Path, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rescuesim"));
        command.current_dir(folder).args(args).stderr(full()).stdout(Stdio::null());
        command.status().expect("the program starts").code()
    };
    let directory = directory();
    let folder = directory.path();
    assert_eq!(status(folder, &["run", "nonesuch"]), Some(2));
    assert_eq!(status(folder, &["run", "angel-reboot", "--set", "missing.dropout=2"]), Some(2));
    assert_eq!(status(folder, &["run", "--replicates", "0"]), Some(2));
    fs::write(folder.join("trials.csv"), "earlier").expect("the folder is writable");
    let run = ["run", "angel-reboot", "-q", "--replicates", "10", "--out", "."];
    assert_eq!(status(folder, &run), Some(0), "it warns of trials.csv");
    assert_eq!(names_in(folder), ["summary.json", "trials.csv"]);
}

/// A result, a list, help or the version that cannot be written is a failure, and what goes into files
/// needs no standard output.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_is_closed_or_full_fails() {
    let directory = directory();
    let ends = |args: &str, redirection: &str| {
        let shell = format!("exec \"$0\" {args} {redirection}");
        let mut command = Command::new("sh");
        command.current_dir(directory.path());
        command.args(["-c", &shell, env!("CARGO_BIN_EXE_rescuesim")]);
        let Output { status, stderr, .. } = command.output().expect("the program starts");
        (status.code(), String::from_utf8(stderr).expect("text"))
    };
    let run = "run angel-reboot --quiet --replicates 10";
    for args in [run, "check angel-reboot", "list", "schema", "--help", "run --help", "--version"] {
        for redirection in [">&-", "> /dev/full"] {
            let (code, message) = ends(args, redirection);
            assert_eq!(code, Some(1), "{args} {redirection}: {message}");
            assert!(message.starts_with("error: cannot write to standard output: "), "{message}");
        }
        for redirection in ["> /dev/null", "1<> /dev/null", "<&- > /dev/null"] {
            assert_eq!(ends(args, redirection).0, Some(0), "{args} {redirection}");
        }
    }
    let (code, message) = ends(&format!("{run} --out results"), ">&-");
    assert_eq!(code, Some(0), "{message}");
}

/// Paths may contain any bytes.
#[cfg(unix)]
#[test]
fn paths_that_are_not_text_are_used_unchanged() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let directory = directory();
    let text = angel_reboot();
    let name = OsStr::from_bytes(b"\xff.toml");
    fs::write(directory.path().join(name), text).expect("the folder is writable");
    let look = ["--look", "1", "--z", "1.2", "--n", "104"];
    for (command, args) in [
        ("check", &[][..]),
        ("design", &[]),
        ("monitor", &look),
        ("run", &["--replicates", "10", "-q"]),
    ] {
        let mut program = rescuesim();
        program.current_dir(directory.path()).arg(command).arg(name).args(args);
        let said = output(&mut program);
        if command != "check" {
            let printf = r#""$(printf %b '\0377.toml')""#;
            assert!(said.contains(printf), "{command}: {said}");
        }
        let missing = rescuesim().arg(command).arg(OsStr::from_bytes(b"\xfe")).args(args).output();
        assert_eq!(missing.expect("the program starts").status.code(), Some(2), "{command}");
    }
}

/// A shell that runs the printed command of a result gets the same result.
#[cfg(unix)]
#[test]
fn printed_commands_run_as_pasted() {
    let directory = directory();
    let folder = directory.path();
    let name = "-x $HOME `it's`.toml";
    let text = angel_reboot();
    fs::write(folder.join(name), text).expect("the folder is writable");
    let program = Path::new(env!("CARGO_BIN_EXE_rescuesim"));
    let path = program.parent().expect("it is in a folder").display();
    let title = "title=\"\"\"a 'b' $c \\\\ `d` \"e\" !\"\"\"";
    // The name has two lines.
    let analyses = "analyses=[{name=\"-shift\",\n\tmethod=\"two_proportions\"}]";
    let set = ["--set", title, "--set", analyses, "--format", "json"];
    for (command, args) in [
        ("run", &["--replicates", "10"][..]),
        ("trace", &["--analysis=-shift", "--truth", "null"]),
        ("sweep", &["--replicates", "10", "--over", "title=[\"x;y\", \"a'b\"]"]),
        (
            "solve",
            &[
                "--replicates",
                "20",
                "--vary",
                "missing.dropout",
                "--power",
                "0.5",
                "--analysis=-shift",
            ],
        ),
        ("design", &["--analysis=-shift"]),
        ("monitor", &["--analysis=-shift", "--look", "1", "--z", "1.2", "--n", "104"]),
    ] {
        let mut first = rescuesim();
        first.current_dir(folder).arg(command).args(set).args(args).args(["--", name]);
        let first = output(&mut first);
        let json: serde_json::Value = serde_json::from_str(&first).expect("valid JSON");
        let line = json.pointer("/provenance/command").or(json.pointer("/command"));
        let line = line.and_then(serde_json::Value::as_str).expect("it names its command");
        assert!(!line.contains('\n'), "{line}");
        let json = if line.contains("--format") { "" } else { " --format json" };
        let script = format!("PATH={path}:$PATH; {line}{json}");
        let mut again = Command::new("sh");
        let again = again.args(["-c", &script]).current_dir(folder).output().expect("a shell");
        let errors = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "{line}\n{errors}");
        // The two commands differ in the place of the format and in the hyphen of the path.
        let again = String::from_utf8(again.stdout).expect("text");
        let without_command = |text: &str| text.replace(&escaped_in_json(line), "");
        assert_eq!(without_command(&again).len(), without_command(&first).len(), "{line}");
    }
}

fn escaped_in_json(text: &str) -> String {
    serde_json::to_string(text).expect("text is plain data")
}

fn factor_name(i: usize, name: &str) -> String {
    format!("factors[{i}].name=\"{name}\"")
}

/// A factor with the name of another column gets a prefix.
#[test]
fn no_two_columns_of_a_trace_have_the_same_name() {
    let names = [["arm", "before_control_arm", "day"], ["mrs", "month", "factor_mrs"]];
    for [first, second, third] in names {
        let mut command = rescuesim();
        command.args(["trace", "angel-reboot", "--format", "csv"]);
        command.args(["--set", "randomisation={method=\"complete\"}"]);
        for name in [factor_name(0, first), factor_name(1, second), factor_name(2, third)] {
            command.args(["--set", &name]);
        }
        let text = output(&mut command);
        let columns: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
        let different: BTreeSet<&&str> = columns.iter().collect();
        assert_eq!(different.len(), columns.len(), "{columns:?}");
        assert!(columns.contains(&format!("factor_{first}").as_str()), "{columns:?}");
        let arm = columns.iter().position(|&name| name == "arm").expect("the arm's own column");
        let mut rows = text.lines().skip(1).map(|row| row.split(',').nth(arm));
        assert!(rows.all(|cell| [Some("control"), Some("experimental")].contains(&cell)));
    }
}

/// Text values have no TOML quotes.
#[test]
fn text_in_the_rows_of_a_sweep_has_no_quotes() {
    let over = r#"title=["a,\"b\"","x;y",'"q"']"#;
    let args = ["sweep", "angel-rescue", "--replicates", "10", "--format", "csv", "--over", over];
    let text = output(rescuesim().args(args));
    for (point, cell) in [("1", "\"a,\"\"b\"\"\""), ("2", "x;y"), ("3", "\"\"\"q\"\"\"")] {
        assert!(text.lines().any(|row| row.starts_with(&format!("{point},{cell},"))), "{text}");
    }
}

/// Endless inputs are refused after a limit.
#[cfg(target_os = "linux")]
#[test]
fn endless_inputs_are_refused() {
    for args in [
        vec!["merge", "/dev/zero"],
        vec!["bench", "angel-rescue", "--compare", "/dev/zero"],
        vec!["check", "/dev/zero"],
    ] {
        let mut command = Command::new("sh");
        // Two GiB would not be enough for them.
        command.args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_rescuesim")).args(&args);
        let output = command.output().expect("a shell starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains("/dev/zero") && errors.contains("larger than"), "{errors}");
    }
}

/// HTML is accepted in any capitalisation, like SVG.
#[test]
fn file_extensions_may_be_in_capitals() {
    let directory = directory();
    for name in ["page.HTML", "page.Htm"] {
        let report = ["report", "angel-rescue", "-q", "--replicates", "5", "--out", name];
        succeeds(directory.path(), &report);
    }
    let message = ran(directory.path(), &["report", "angel-rescue", "--out", "page.pdf"]);
    assert_eq!(message.status.code(), Some(2));
    let plot: PathBuf = directory.path().join("plot.SVG");
    succeeds(directory.path(), &[&PLOT[..], &[plot.to_str().expect("text")]].concat());
}
