//! `rescuesim report` on paper, in Word, and the files that it writes and keeps.

use std::path::Path;
use std::process::Command;

use crate::report_page::browser;
use crate::util::{directory, output, rescuesim};

/// Whether a program is installed. Without it, the tests that need it are skipped, except with `CI` set.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "no {program}; apt has it");
    found
}

fn is_marked(row: &[u8]) -> bool {
    row.iter().any(|&pixel| pixel < 200)
}

/// Simulates a report and prints it to a PDF file of the folder.
fn printed(scenario: &str, folder: &Path, browser: &str) -> Vec<PrintedPage> {
    let page = folder.join("report.html");
    let mut command = rescuesim();
    command.args(["report", scenario, "--replicates", "300", "--quiet", "--out"]).arg(&page);
    output(&mut command);
    let pdf = folder.join("report.pdf");
    let result = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser runs");
    assert!(pdf.exists(), "{}", String::from_utf8_lossy(&result.stderr));
    PrintedPage::all(&pdf)
}

/// One page of a PDF file.
struct PrintedPage {
    text: String,
    /// Share of the page down to the last mark on it.
    filled: f64,
    /// Height over width.
    shape: f64,
}

impl PrintedPage {
    fn all(pdf: &Path) -> Vec<Self> {
        let text = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output();
        let text = String::from_utf8(text.expect("it runs").stdout).expect("UTF-8");
        let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
        let images = pdf.with_extension("");
        let mut command = Command::new("pdftoppm");
        let drawn = command.args(["-r", "30", "-gray"]).arg(pdf).arg(&images).status();
        assert!(drawn.expect("it runs").success());
        let folder = pdf.parent().expect("a file is in a folder");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("it exists")
            .map(|entry| entry.expect("it can be read").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "pgm"))
            .collect();
        files.sort();
        assert_eq!(files.len(), pages.len());
        let pages = files.iter().zip(pages);
        pages.map(|(file, text)| Self::new(&std::fs::read(file).expect("drawn"), text)).collect()
    }

    /// Measures a page drawn as PGM.
    fn new(image: &[u8], text: &str) -> Self {
        // "P5", width, height and 255, each followed by one white space, then a byte per pixel.
        let mut fields = image.splitn(4, |byte| byte.is_ascii_whitespace());
        let mut number = || -> usize {
            let field = fields.next().expect("a header of four fields");
            String::from_utf8_lossy(field).parse().unwrap_or(0)
        };
        let (_, width, height) = (number(), number(), number());
        let pixels = &image[image.len() - width * height..];
        let last = pixels.chunks(width).rposition(is_marked).map_or(0, |row| row + 1);
        Self {
            text: text.to_owned(),
            filled: last as f64 / height as f64,
            shape: height as f64 / width as f64,
        }
    }
}

fn assert_prints_well(scenario: &str, most_pages: usize) {
    let Some(browser) = browser() else { return };
    if !installed("pdftotext") || !installed("pdftoppm") {
        return;
    }
    let folder = directory();
    let pages = printed(scenario, folder.path(), browser);
    assert!((6..=most_pages).contains(&pages.len()), "{} pages", pages.len());
    for (i, page) in pages.iter().enumerate() {
        // A4, whatever the printer's default.
        assert!((page.shape - 297.0 / 210.0).abs() < 0.01, "{}", page.shape);
        let filled = page.filled;
        assert!(i + 1 == pages.len() || filled > 1.0 / 3.0, "page {}: {filled:.2}", i + 1);
    }
    let page_of = |words: &str| pages.iter().position(|page| page.text.contains(words));
    let contents = page_of("Contents").expect("the contents are printed");
    assert!(contents <= 2, "the summary takes {contents} pages");
    assert!(page_of("Rules for stopping").is_some_and(|page| page < 2));
    assert!(page_of("Size and duration, primary analysis").is_some_and(|page| page < 2));
    // The first story is printed, and so are the values that a screen folds.
    let story = page_of("The story of this trial");
    assert!(story.is_some_and(|page| {
        pages[page..].iter().any(|of| of.text.contains("The trial ended with"))
    }));
    assert!(pages.iter().any(|page| page.text.contains("sample_size.randomised")));
    assert!(pages.iter().any(|page| page.text.contains("Glossary")));
}

#[test]
fn angel_reboot_prints_without_nearly_empty_pages() {
    assert_prints_well("angel-reboot", 18);
}

#[test]
fn a_single_look_after_a_procedure_prints_without_nearly_empty_pages() {
    assert_prints_well("early-vs-late", 20);
}

#[test]
fn adverse_events_and_boundaries_print_without_nearly_empty_pages() {
    assert_prints_well("angel-reboot-safety", 20);
}

#[cfg(feature = "png")]
#[test]
fn pandoc_makes_a_word_document_with_every_figure() {
    if !installed("pandoc") {
        return;
    }
    let folder = directory();
    let page = folder.path().join("report.md");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "100", "--out"]).arg(&page);
    let said = output(&mut command);
    // The command that is printed, as a user copies it.
    let pandoc = said.lines().find_map(|line| line.strip_prefix("For Word: ")).expect("printed");
    let status = Command::new("sh").args(["-c", pandoc]).status().expect("a shell");
    assert!(status.success(), "{pandoc}");
    let word = std::fs::read(folder.path().join("report.docx")).expect("pandoc wrote it");
    let markdown = std::fs::read_to_string(&page).expect("it exists");
    let figures = markdown.matches("\n![").count();
    assert!(figures >= 10, "{figures} figures");
    // A Word document is a ZIP archive, which lists the names of its files at the end of it.
    let names = String::from_utf8_lossy(&word);
    let held = (1..=figures * 10).filter(|id| names.contains(&format!("word/media/rId{id}.png")));
    assert_eq!(held.count(), figures);
}

#[test]
fn markdown_refers_to_figures_that_exist() {
    let folder = directory();
    let page = folder.path().join("a report.md");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    output(&mut command);
    let text = std::fs::read_to_string(&page).expect("the program wrote it");
    let figures: Vec<&str> = text.lines().filter(|line| line.starts_with("![")).collect();
    assert!(figures.len() >= 10, "{figures:?}");
    for figure in figures {
        let (_, address) = figure.rsplit_once("](").expect("an address");
        let name = address.trim_end_matches(')').replace("%20", " ");
        assert!(folder.path().join(&name).is_file(), "{name}");
    }
    for heading in
        ["## 1. Power and false-positive rate", "Glossary", "| `sample_size.randomised` |"]
    {
        assert!(text.contains(heading), "{heading}");
    }
}

#[test]
fn a_file_that_is_no_report_is_not_replaced() {
    let folder = directory();
    for name in ["index.html", "notes.md"] {
        let page = folder.path().join(name);
        std::fs::write(&page, "my own page").expect("the folder is writable");
        let mut command = rescuesim();
        command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]).arg(&page);
        let result = command.output().expect("the program starts");
        assert_eq!(result.status.code(), Some(2));
        let error = String::from_utf8_lossy(&result.stderr);
        assert!(error.contains("is not a report of rescuesim"), "{error}");
        assert_eq!(std::fs::read_to_string(&page).expect("it exists"), "my own page");
    }
}

#[test]
fn an_earlier_report_is_replaced_and_the_message_says_so() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let report = || {
        let mut command = rescuesim();
        command.args(["report", "angel-reboot", "--replicates", "30", "--out"]).arg(&page);
        output(&mut command)
    };
    assert_eq!(report(), format!("Wrote {}.\n", page.display()));
    assert_eq!(report(), format!("Wrote {}, replacing an earlier report.\n", page.display()));
}

#[cfg(unix)]
#[test]
fn no_folder_is_made_at_the_root_of_the_file_system() {
    let folder = Path::new("/rescuesim-test-folder");
    assert!(!folder.exists());
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]);
    let result = command.arg(folder.join("a/report.html")).output().expect("the program starts");
    assert_eq!(result.status.code(), Some(2));
    let error = String::from_utf8_lossy(&result.stderr);
    assert!(error.contains("/rescuesim-test-folder does not exist"), "{error}");
    assert!(!folder.exists());
}

#[test]
fn date_and_author_are_printed_and_repeated_in_the_command() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    output(command.args(["--date", "2026-11-30", "--author", "A <B>"]));
    let text = std::fs::read_to_string(&page).expect("the program wrote it");
    assert!(text.contains("A &lt;B&gt;, 2026-11-30"));
    assert!(text.contains("--date 2026-11-30 --author 'A &lt;B&gt;'"));
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--date", "2026-02-30"]);
    assert_eq!(command.output().expect("the program starts").status.code(), Some(2));
}

#[test]
fn instructions_of_the_template_are_not_printed_as_sources() {
    let folder = directory();
    let scenario = folder.path().join("own.toml");
    output(rescuesim().arg("init").arg(&scenario));
    let template = std::fs::read_to_string(&scenario).expect("it exists");
    let text = template.replace("per_month = 20 ", "per_month = 18 # survey of 2025\n#");
    std::fs::write(&scenario, text).expect("the folder is writable");
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.arg("report").arg(&scenario).args(["--replicates", "30", "--quiet", "--out"]);
    output(command.arg(&page));
    let text = std::fs::read_to_string(&page).expect("the program wrote it");
    for comment in template.lines().filter_map(|line| line.strip_prefix("# ")) {
        let shown = comment.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        assert!(!text.contains(&shown), "{comment}");
    }
    assert!(text.contains("<td>survey of 2025</td>"));
    assert!(!text.contains("as the scenario states them"));
}

#[test]
fn every_analysis_states_its_patients_and_its_missing_outcomes() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    command.args(["--set", "analyses[0].population=\"per_protocol\""]);
    command.args(["--set", "adherence.control_crossover.probability=0.1"]);
    output(command.args(["--set", "analyses[1].missing={rule=\"single_value\", mrs=6}"]));
    let text = std::fs::read_to_string(&page).expect("the program wrote it");
    let methods = text.split("<section id=\"methods\">").nth(1).expect("there is one");
    for words in [
        "patients who got the treatment of their arm (per protocol)",
        "left out (complete cases)",
        "all patients, as allocated (intention to treat)",
        "count as mRS 6",
    ] {
        assert!(methods.contains(words), "{words}");
    }
}

/// A boundary for harm with an error rate of its own.
const HARM: &str =
    "design.harm={rule=\"spending\", spending={rule=\"lan_demets_pocock\"}, alpha_one_sided=0.02}";

#[test]
fn the_summary_states_every_rule_in_words() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    command.args(["--set", "design.futility={rule=\"conditional_power\", at_most=0.2}"]);
    command.args(["--set", HARM, "--set", "design.decision_lag_days=21"]);
    command.args(["--set", "arms.allocation_ratio={control=1, experimental=2}"]);
    output(command.args(["--set", "missing.dropout={control=0.1, experimental=0.05}"]));
    let text = std::fs::read_to_string(page).expect("the program wrote it");
    let summary = text.split("<section id=\"summary\">").nth(1).expect("there is one");
    let summary = summary.split("</section>").next().expect("a beginning").replace('\u{a0}', " ");
    for words in [
        "one-sided alpha 0.025 (two-sided 0.05)",
        "O'Brien-Fleming type",
        "Futility, non-binding: conditional power at most 0.2",
        "Harm: Lan-DeMets spending, Pocock type, alpha 0.02.",
        "1:2 (control:experimental)",
        "22.39 patients randomised per month",
        "mRS 90 days after randomisation, ± 14 days",
        "10 % of outcomes in the control arm and 5 % in the experimental arm are never known",
        "21 days after the last of these outcomes",
        "(intention to treat)",
        " points)",
    ] {
        assert!(summary.contains(words), "{words}");
    }
}

#[test]
fn a_single_look_has_no_words_on_early_stops() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "early-vs-late", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    output(&mut command);
    let text = std::fs::read_to_string(&page).expect("the program wrote it");
    let results = text.split("<section id=\"power\">").nth(1).expect("there is one");
    let results = results.split("<section id=\"procedure\">").next().expect("a beginning");
    for word in ["verrun", "eversal", "djusted", "stops for", "interim look"] {
        assert!(!results.contains(word), "{word}");
    }
    assert!(!text.contains("Stops early") && !text.contains("<section id=\"fixed\">"));
}

#[test]
fn sensitivity_is_named_after_the_quantity_that_is_varied() {
    let folder = directory();
    let page = folder.path().join("report.html");
    for (scenario, title, wrong) in [
        ("angel-reboot", "Sensitivity to the effect size", "Sensitivity to the sample size"),
        ("early-vs-late", "Sensitivity to the sample size", "An odds ratio shifts"),
    ] {
        let mut command = rescuesim();
        command.args(["report", scenario, "--replicates", "30", "--quiet", "--out"]).arg(&page);
        output(&mut command);
        let text = std::fs::read_to_string(&page).expect("the program wrote it");
        assert!(text.contains(title), "{scenario}");
        assert!(!text.contains(wrong), "{scenario}");
    }
}
