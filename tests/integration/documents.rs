//! The documents: short pages, links that lead somewhere, commands that the program accepts, and quoted
//! output that it prints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::util::{directory, project, shipped_text};

/// Most lines of the front page.
const LONGEST_FRONT_PAGE: usize = 200;
/// Most lines of another page.
const LONGEST_PAGE: usize = 250;

/// All pages of the project by their path in it, except the changelog.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(project("").join(&folder)).expect("it can be listed") {
            let entry = entry.expect("it can be listed");
            let path = folder.join(entry.file_name());
            let name = path.to_str().expect("the path is UTF-8").to_owned();
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.file_type().expect("it can be listed").is_dir() {
                if !is_hidden && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(".md") && name != "CHANGELOG.md" {
                found.push(name);
            }
        }
    }
    found.sort();
    assert!(found.len() >= 25, "{found:?}");
    found
}

#[test]
fn no_page_is_long() {
    for page in pages() {
        let lines = shipped_text(&page).lines().count();
        let most = if page == "README.md" { LONGEST_FRONT_PAGE } else { LONGEST_PAGE };
        assert!(lines <= most, "{page} has {lines} lines; at most {most} are allowed");
    }
}

/// Text of a page outside of blocks of code.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Anchors that the headings of a page give to links.
fn anchors(page: &str) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchors = headings.map(|heading| {
        let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
    });
    anchors.collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_or_a_heading() {
    let mut seen = 0;
    for page in pages() {
        let text = shipped_text(&page);
        for link in prose(&text).split("](").skip(1) {
            let link = link.split(')').next().expect("a split has a part");
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().expect("a page is in a folder");
            let target = if file.is_empty() { PathBuf::from(&page) } else { folder.join(file) };
            assert!(project("").join(&target).exists(), "{page} links to {link}");
            if !anchor.is_empty() {
                let target = target.to_str().expect("the path is UTF-8");
                assert!(anchors(&shipped_text(target)).contains(anchor), "{page} links to {link}");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} links");
}

/// Pages next to code are part of the documentation of the crate, where a relative link would lead
/// nowhere; they name files in code instead.
#[test]
fn every_file_that_a_page_names_in_code_exists() {
    let mut seen = 0;
    for page in pages() {
        let text = prose(&shipped_text(&page));
        if page.starts_with("src/") {
            let relative = text.split("](").skip(1).find(|link| !link.starts_with("http"));
            assert_eq!(relative, None, "{page} has a relative link");
        }
        for code in text.split('`').skip(1).step_by(2) {
            let is_path = ["scenarios/", "src/", "tests/", "benches/"]
                .into_iter()
                .any(|folder| code.starts_with(folder));
            if is_path && !code.contains([' ', '*', '<']) {
                assert!(project(code).exists(), "{page} names {code}");
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "{seen} files");
}

/// A block of code with the block that follows it.
struct Block<'p> {
    language: &'p str,
    code: &'p str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let fenced = page.split("```").skip(1).step_by(2);
    let blocks = fenced.map(|block| {
        let (language, code) = block.split_once('\n').expect("a block has lines");
        Block { language, code }
    });
    blocks.collect()
}

/// Commands of the program in a block for the shell, each in one line and without comment.
fn commands(block: &Block<'_>) -> Vec<String> {
    if block.language != "sh" {
        return Vec::new();
    }
    let joined = block.code.replace("\\\n", " ").replace("cargo run --release -- ", "rescuesim ");
    let joined = joined.replace("[\n", "[").replace(",\n", ",");
    let lines = joined.lines().map(|line| line.split("  #").next().unwrap_or_default().trim());
    lines.filter(|line| line.starts_with("rescuesim ")).map(str::to_owned).collect()
}

/// Runs a command line of the shell in a folder with the scenarios, and with the program on its path.
fn run(line: &str, folder: &TempDir) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_rescuesim"));
    let programs = program.parent().expect("the program is in a folder");
    let scenarios = folder.path().join("scenarios");
    if !scenarios.exists() {
        std::os::unix::fs::symlink(project("scenarios"), scenarios).expect("a link can be made");
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder.path()).env("PATH", path);
    shell.output().expect("the shell starts")
}

/// An option `--help` at the end is reached only if the arguments before it are valid.
#[test]
fn the_program_accepts_every_documented_command() {
    let folder = directory();
    let mut seen = 0;
    for page in pages() {
        for command in blocks(&shipped_text(&page)).iter().flat_map(commands) {
            if command.contains('$') {
                continue;
            }
            let output = run(&format!("{command} --help"), &folder);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}: {command}\n{errors}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} commands");
}

/// Commands whose examples take long, ask for other files or read what others have written.
const ONLY_PARSED: [&str; 5] = ["solve", "bench", "merge", "completions", "serve"];

/// Examples in the help of a command, each in one line.
fn examples(command: &str, folder: &TempDir) -> Vec<String> {
    let output = run(&format!("rescuesim {command} --help"), folder);
    let help = String::from_utf8(output.stdout).expect("help is text");
    let (_, examples) =
        help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}: {help}"));
    let examples = examples.replace("\\\n", " ");
    let lines = examples.lines().map(str::trim).filter(|line| line.starts_with("rescuesim "));
    lines.map(str::to_owned).collect()
}

#[test]
fn examples_in_the_help_work_as_they_are() {
    let folder = directory();
    let help = String::from_utf8(run("rescuesim --help", &folder).stdout).expect("help is text");
    let commands = help.split("Commands:\n").nth(1).and_then(|text| text.split("\n\n").next());
    let commands = commands.expect("help lists the commands").lines();
    let commands = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut seen = 0;
    for command in commands.filter(|name| !name.is_empty() && *name != "help").chain([""]) {
        for example in examples(command, &folder) {
            let simulates = ["run", "sweep", "compare", "report"].contains(&command);
            let line = if ONLY_PARSED.contains(&command) || example.contains("&&") {
                format!("{} --help", example.split(['>', '&']).next().expect("a split has a part"))
            } else if simulates && !example.contains("--precision") {
                let (line, _) = example.split_once(" --replicates ").unwrap_or((&example, ""));
                format!("{line} --replicates 20")
            } else {
                example.clone()
            };
            let line = line.replace(" --precision 0.0005", " --precision 0.2");
            // A second run of an example must not find the files of the first.
            let output = run(&line, &directory());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}: {line}\n{errors}");
            seen += 1;
        }
    }
    assert!(seen > 35, "{seen} examples");
}

/// A command of a page and the output that the page quotes.
struct Quoted {
    page: String,
    command: String,
    output: String,
}

impl Quoted {
    /// All commands that a quoted output follows.
    fn all() -> Vec<Self> {
        let mut found = Vec::new();
        for page in pages() {
            let text = shipped_text(&page);
            let blocks = blocks(&text);
            for pair in blocks.windows(2).filter(|pair| pair[1].language == "text") {
                if let Some(command) = commands(&pair[0]).pop() {
                    let output = pair[1].code.to_owned();
                    found.push(Self { page: page.clone(), command, output });
                }
            }
        }
        found
    }

    /// Whether the command simulates many trials.
    fn is_slow(&self) -> bool {
        let slow = ["run", "sweep", "solve", "strategies", "compare", "report", "bench"];
        slow.iter().any(|name| self.command.starts_with(&format!("rescuesim {name} ")))
    }

    /// Fails unless the program prints all parts of the quotation, in order.
    fn assert_printed(&self) {
        let Self { page, command, output } = self;
        let printed = run(command, &directory());
        let errors = String::from_utf8_lossy(&printed.stderr);
        assert!(printed.status.success(), "{page}: {command}\n{errors}");
        let printed = String::from_utf8(printed.stdout).expect("output is text");
        let mut rest = printed.as_str();
        for part in output.split("[…]\n") {
            let Some((_, after)) = rest.split_once(part.trim_matches('\n')) else {
                panic!("{page}: {command}\nprints\n{printed}\nand the page has\n{part}");
            };
            rest = after;
        }
    }
}

#[test]
fn quoted_output_is_what_the_program_prints() {
    let quick: Vec<Quoted> = Quoted::all().into_iter().filter(|one| !one.is_slow()).collect();
    assert!(quick.len() >= 4, "{} quotations", quick.len());
    quick.iter().for_each(Quoted::assert_printed);
}

#[test]
#[ignore = "simulates for minutes; .ci/run does it"]
fn quoted_output_of_simulations_is_what_the_program_prints() {
    let slow: Vec<Quoted> = Quoted::all().into_iter().filter(Quoted::is_slow).collect();
    assert!(slow.len() >= 4, "{} quotations", slow.len());
    slow.iter().for_each(Quoted::assert_printed);
}
