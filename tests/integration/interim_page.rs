//! `rescuesim monitor --out`: a page for the monitoring board.

use std::path::Path;
use std::process::Command;

use crate::report_page::{Theme, browser, look_at};
use crate::util::{directory, output, refused, rescuesim};

const LOOK: [&str; 16] = [
    "monitor",
    "angel-reboot-safety",
    "--look",
    "2",
    "--control-mrs",
    "5,8,13,17,26,15,20",
    "--experimental-mrs",
    "9,12,21,18,20,10,15",
    "--event",
    "sICH=1/149,5/147",
    "--randomised",
    "149,147",
    "--earlier-z",
    "1.1",
    "--date",
    "2026-11-30",
];

fn write(page: &Path, more: &[&str]) -> String {
    output(rescuesim().args(LOOK).args(more).arg("--out").arg(page));
    std::fs::read_to_string(page).expect("the program wrote it")
}

#[test]
fn the_page_has_what_a_board_decides_on() {
    let folder = directory();
    let page = folder.path().join("look2.html");
    let text = write(&page, &[]);
    for section in
        ["finding", "study", "rules", "effect", "evidence", "safety", "recommendation", "recreate"]
    {
        assert!(text.contains(&format!("id=\"{section}\"")), "{section}");
    }
    for words in [
        "Look 2 of 3: efficacy boundary not crossed (Z = 2.3143, boundary 2.5043): the design recommends continuing.",
        "data cut-off 2026-11-30",
        "Safety boundary for sICH not crossed",
        "Lan-DeMets spending, O'Brien-Fleming type",
        "bailout angioplasty or stenting",
        "Chair of the board",
        "The numbers agree with each other and with the plan.",
    ] {
        assert!(text.contains(words), "{words}");
    }
    assert!(text.contains("figure-events"));
    assert!(text.contains("--earlier-z 1.1") && !text.contains("NaN"));
}

#[test]
fn a_browser_shows_the_whole_page_of_a_look() {
    let Some(browser) = browser() else { return };
    let folder = directory();
    let page = folder.path().join("look2.html");
    write(&page, &[]);
    for (width, theme) in [(390, Theme::Dark), (1280, Theme::Light)] {
        let seen = look_at(&page, width, theme, browser);
        assert_eq!(seen.complaints, Vec::<String>::new(), "{width}");
        assert!(seen.excess <= 0, "scrolls by {} at {width}", seen.excess);
        // Z by look, and the adverse events.
        assert_eq!((seen.missing, seen.drawings), (0, 2), "{width}");
        assert!(seen.links.iter().all(|link| link.starts_with("data:")), "{:?}", seen.links);
        assert_eq!(seen.unmarked, Vec::<String>::new(), "{width}");
        assert!(seen.contrast >= 4.5, "contrast of {} with {theme:?}", seen.contrast);
        assert_eq!(seen.titles.len(), 7, "{:?}", seen.titles);
    }
}

/// Number of pages in a PDF, without a library: every page is an object of this type.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
}

#[test]
fn a_printed_look_has_two_pages() {
    let Some(browser) = browser() else { return };
    let folder = directory();
    let (page, pdf) = (folder.path().join("look2.html"), folder.path().join("look2.pdf"));
    write(&page, &[]);
    let mut print = Command::new(browser);
    print.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]);
    print.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
    print.arg(format!("--print-to-pdf={}", pdf.display()));
    let printed = print.arg(format!("file://{}", page.display())).output();
    assert!(printed.expect("the browser runs").status.success());
    assert_eq!(pages(&std::fs::read(pdf).expect("the browser wrote it")), 2);
}

#[test]
fn a_page_names_itself_and_never_replaces_an_input() {
    let folder = directory();
    let page = folder.path().join("look.html");
    let mut command = rescuesim();
    command.args(LOOK).args(["--format", "json", "--out"]).arg(&page);
    let result = command.output().expect("the program starts");
    let message = String::from_utf8_lossy(&result.stderr).into_owned();
    assert_eq!(message, format!("Wrote {}.\n", page.display()));
    serde_json::from_slice::<serde_json::Value>(&result.stdout).expect("nothing but JSON");

    output(rescuesim().args(LOOK).arg("--out").arg(&page));
    let notes = folder.path().join("notes.html");
    std::fs::write(&notes, "<p>minutes</p>").expect("the folder is writable");
    let error = refused(rescuesim().args(LOOK).arg("--out").arg(&notes));
    assert!(error.contains("the file is not a report of rescuesim"), "{error}");

    let scenario = folder.path().join("plan.html");
    std::fs::copy("scenarios/angel-reboot.toml", &scenario).expect("the folder is writable");
    let kept = std::fs::read(&scenario).expect("it exists");
    let look = ["--look", "1", "--z", "1", "--n", "104", "--out"];
    let error = refused(rescuesim().arg("monitor").arg(&scenario).args(look).arg(&scenario));
    assert!(error.contains("the command reads this file"), "{error}");
    assert_eq!(std::fs::read(&scenario).expect("it exists"), kept);
    let error = refused(rescuesim().args(LOOK).args(["--out", "look.txt"]));
    assert!(error.contains("ending in .html"), "{error}");
}

#[test]
fn names_with_markup_are_shown_as_text() {
    let folder = directory();
    let more =
        ["--set", r#"title="<b>A & B</b>""#, "--set", r#"arms.control="<script>x</script>""#];
    let text = write(&folder.path().join("look.html"), &more);
    assert!(!text.contains("<b>") && !text.contains("<script>"), "{text}");
}
