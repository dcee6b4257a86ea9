//! `rescuesim report`: a page that a browser shows completely, with the numbers of a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::Alternative;
use rescuesim::scenario::shipped::SCENARIOS;
use serde_json::Value;

use crate::util::{Results, directory, output, rescuesim, scenario, simulate, simulate_scenario};

/// Programs that can render a page.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Name of an installed browser. Without one, the tests that need it are skipped, except with `CI` set.
pub fn browser() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found = BROWSERS.into_iter().find(|name| runs(name));
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "no browser; apt has chromium");
    found
}

/// Measurements of a page by a browser at some width.
pub struct Seen {
    /// Width of the content beyond that of the page.
    pub excess: i64,
    pub drawings: i64,
    /// Figures without a height, and references outside the page.
    pub missing: i64,
    pub links: Vec<String>,
    /// JSON pointers with the value and the printed text.
    pub figures: Vec<(String, String, String)>,
    /// Errors reported by the browser.
    pub complaints: Vec<String>,
    /// Headings of the sections.
    pub titles: Vec<String>,
    /// Entries of the table of contents.
    pub contents: Vec<String>,
    /// Tables wider than the page that do not show that they scroll.
    pub unmarked: Vec<String>,
    /// Parts of keys that are broken between lines.
    pub broken: Vec<String>,
    /// Smallest contrast of a text with the page.
    pub contrast: f64,
    /// Links within the page that lead nowhere.
    pub dead: Vec<String>,
    pub cards: i64,
}

/// Measures the page in a frame of the width, as windows have a minimum width.
const MEASURE: &str = r##"
<body style="margin:0"><iframe id="page" src="PAGE" style="border:0;width:WIDTHpx;height:900px"></iframe>
<script>
document.getElementById("page").addEventListener("load", (event) => {
  const page = event.target.contentDocument;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const style = (element) => page.defaultView.getComputedStyle(element);
  all("details").forEach((details) => { details.open = true; });
  const outside = all("[src], link[href], use, image").length;
  const flat = all("svg").filter((svg) => svg.getBoundingClientRect().height < 40).length;
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance(style(page.body).backgroundColor);
  const contrast = (element) => {
    const ink = luminance(style(element).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  const lines = (node) => {
    const range = page.createRange();
    range.selectNodeContents(node);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
  };
  const seen = {
    excess: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    drawings: all("figure svg").length,
    missing: outside + flat + all("figure").filter((one) => !one.querySelector("svg")).length,
    links: all("a").map((a) => a.getAttribute("href").slice(0, 30)),
    figures: all("data[data-pointer]").map((d) => [d.dataset.pointer, d.value, d.textContent]),
    titles: all("h2").map((h) => h.firstChild.textContent),
    contents: all("nav li").map((li) => li.textContent),
    unmarked: all("table").filter((table) => table.scrollWidth > page.documentElement.clientWidth)
      .filter((table) => !style(table.parentElement).backgroundImage.includes("gradient"))
      .map((table) => table.textContent.slice(0, 60)),
    broken: all(".keys th code").flatMap((code) => [...code.childNodes])
      .filter((node) => node.nodeType === 3 && lines(node) > 1).map((node) => node.textContent),
    contrast: Math.min(...all("p, li, td, th, dt, dd, h1, h2, h3, figcaption, a, .what").map(contrast)),
    dead: all("a[href^='#']").map((a) => a.getAttribute("href"))
      .filter((id) => !page.getElementById(id.slice(1))),
    cards: all(".card").length,
  };
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.replaceChildren(out);
});
</script>
"##;

/// Colours of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    fn option(self) -> &'static str {
        // As `prefers-color-scheme` of the page.
        match self {
            Self::Dark => "--blink-settings=preferredColorScheme=0",
            Self::Light => "--blink-settings=preferredColorScheme=1",
        }
    }
}

pub fn look_at(page: &Path, width: u32, theme: Theme, browser: &str) -> Seen {
    let folder = directory();
    let harness = folder.path().join("harness.html");
    let address = format!("file://{}", page.display());
    let text = MEASURE.replace("PAGE", &address).replace("WIDTH", &width.to_string());
    std::fs::write(&harness, text).expect("the folder is writable");
    let result = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(theme.option())
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", harness.display()))
        .output()
        .expect("the browser runs");
    let dom = String::from_utf8_lossy(&result.stdout);
    let json = dom.split("id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let json = json.unwrap_or_else(|| panic!("the page was not measured: {dom}"));
    let json: Value = serde_json::from_str(json).expect("the harness writes JSON");
    let log = String::from_utf8_lossy(&result.stderr);
    let figures = json["figures"].as_array().into_iter().flatten();
    Seen {
        excess: whole(&json["excess"]),
        drawings: whole(&json["drawings"]),
        missing: whole(&json["missing"]),
        links: texts(&json["links"]),
        figures: figures.map(figure).collect(),
        complaints: log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect(),
        titles: texts(&json["titles"]),
        contents: texts(&json["contents"]),
        unmarked: texts(&json["unmarked"]),
        broken: texts(&json["broken"]),
        contrast: json["contrast"].as_f64().expect("a number"),
        dead: texts(&json["dead"]),
        cards: whole(&json["cards"]),
    }
}

fn whole(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("text").to_owned()).collect()
}

fn figure(value: &Value) -> (String, String, String) {
    let [pointer, value, words] = &texts(value)[..] else { panic!("three texts") };
    (pointer.clone(), value.clone(), words.clone())
}

fn report(scenario: &str, replicates: &str, folder: &Path) -> PathBuf {
    let page = folder.join("report.html");
    let mut command = rescuesim();
    command.args(["report", scenario, "--replicates", replicates, "--quiet", "--out"]).arg(&page);
    output(command.arg("--figures").arg(folder.join("figures")));
    page
}

/// Compares a number on a card with the value in the summary.
fn assert_is_rounded(words: &str, expected: f64, pointer: &str) {
    let (number, value) = match words.strip_suffix(" %") {
        Some(percent) => (percent, 100.0 * expected),
        None => (words, expected),
    };
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    assert_eq!(number, format!("{value:.decimals$}"), "{pointer}");
}

fn assert_a_browser_shows_the_whole_page(scenario: &str, replicates: &str, drawings: i64) {
    let Some(browser) = browser() else { return };
    let folder = directory();
    let page = report(scenario, replicates, folder.path());
    let summary = output(rescuesim().args([
        "run",
        scenario,
        "--replicates",
        replicates,
        "--quiet",
        "--format",
        "json",
    ]));
    let summary: Value = serde_json::from_str(&summary).expect("valid JSON");
    for (width, theme) in
        [(390, Theme::Light), (390, Theme::Dark), (1280, Theme::Dark), (1280, Theme::Light)]
    {
        let seen = look_at(&page, width, theme, browser);
        assert_eq!(seen.complaints, Vec::<String>::new(), "{width}");
        assert!(seen.excess <= 0, "scrolls by {} at {width}", seen.excess);
        assert_eq!(seen.missing, 0, "{width}");
        assert!(seen.drawings >= drawings, "{} at {width}", seen.drawings);
        let inside = |link: &&String| link.starts_with('#') || link.starts_with("data:");
        let outside = seen.links.iter().find(|link| !inside(link));
        assert_eq!(outside, None, "a link that needs a network");
        assert_eq!(seen.dead, Vec::<String>::new());
        let numbered = seen.contents.iter().enumerate();
        let numbered: Vec<String> =
            numbered.map(|(i, title)| format!("{}. {title}", i + 1)).collect();
        assert!(numbered.len() >= 12, "{numbered:?}");
        assert_eq!(seen.titles, numbered, "headings are numbered as the contents");
        assert_eq!(seen.unmarked, Vec::<String>::new(), "{width}");
        assert_eq!(seen.broken, Vec::<String>::new(), "words broken at {width}");
        assert!(seen.contrast >= 4.5, "contrast of {} with {theme:?}", seen.contrast);
        assert!((5..=8).contains(&seen.cards), "{} cards", seen.cards);
        assert!(seen.figures.len() >= 3, "{:?}", seen.figures);
        for (pointer, value, words) in &seen.figures {
            let expected = summary.pointer(pointer).and_then(Value::as_f64).expect("it exists");
            assert_eq!(value.parse::<f64>().expect("a number"), expected, "{pointer}");
            assert_is_rounded(words, expected, pointer);
        }
    }
}

#[test]
fn a_browser_shows_the_whole_page_of_angel_reboot() {
    assert_a_browser_shows_the_whole_page("scenarios/angel-reboot.toml", "2000", 11);
}

#[test]
fn a_browser_shows_the_whole_page_of_early_vs_late() {
    assert_a_browser_shows_the_whole_page("scenarios/early-vs-late.toml", "1000", 10);
}

#[test]
fn a_page_that_cannot_be_written_is_reported_before_any_simulation() {
    let folder = directory();
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").expect("the folder is writable");
    let out = file.join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]).arg(&out);
    let result = command.output().expect("the program starts");
    assert_eq!(result.status.code(), Some(2));
    let error = String::from_utf8_lossy(&result.stderr);
    assert!(error.contains("cannot write") && error.contains("report.html"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("it exists"), "kept");

    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]).arg(&page);
    let result = command.arg("--figures").arg(&file).output().expect("the program starts");
    assert_eq!(result.status.code(), Some(2));
    assert!(!page.exists());
}

/// Sections of every page.
const SECTIONS: [&str; 12] = [
    "aims",
    "patients",
    "design",
    "methods",
    "power",
    "early",
    "estimates",
    "balance",
    "limits",
    "values",
    "glossary",
    "recreate",
];

#[test]
fn every_shipped_scenario_has_a_complete_page() {
    for scenario in SCENARIOS {
        let folder = directory();
        let page = report(scenario.name, "30", folder.path());
        let text = std::fs::read_to_string(page).expect("the program wrote it");
        for section in SECTIONS {
            assert!(text.contains(&format!("<section id=\"{section}\">")), "{}", scenario.name);
        }
        for figure in
            ["mrs", "z-paths", "outcomes", "duration", "calendar", "convergence", "balance"]
        {
            let id = format!("<figure id=\"figure-{figure}\">");
            assert!(text.contains(&id), "{figure} of {}", scenario.name);
        }
        let of_procedures = scenario.text.contains("\n[procedure]\n");
        for figure in ["flow-control", "flow-experimental", "strategies"] {
            assert_eq!(
                text.contains(&format!("figure-{figure}")),
                of_procedures,
                "{}",
                scenario.name
            );
        }
        let looks = Scenario::parse(scenario.text, &[]);
        // Scenarios with evidence need their folder.
        let Ok(scenario_alone) = looks else { continue };
        let several = scenario_alone.design.looks().len() > 1;
        assert_eq!(text.contains("<section id=\"fixed\">"), several, "{}", scenario.name);
        assert!(!text.contains("NaN"), "{}", scenario.name);
    }
}

#[test]
fn names_with_markup_are_shown_as_text() {
    let folder = directory();
    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "30", "--quiet", "--out"]).arg(&page);
    command.args(["--set", r#"title="<b>A & \"B\"</b>""#]);
    command.args(["--set", r#"arms.control="<script>alert(1)</script>""#]);
    command.args(["--set", r#"analyses[0].name="p < 0.05 & \"q\"""#]);
    output(&mut command);
    let text = std::fs::read_to_string(page).expect("the program wrote it");
    assert!(!text.contains("<b>") && !text.contains("<script>"));
    assert!(text.contains("&lt;b&gt;A &amp;") && text.contains("p &lt; 0.05 &amp;"));
}

#[test]
fn the_trial_with_one_look_differs_only_in_its_interim_looks() {
    for scenario in SCENARIOS {
        let Ok(scenario) = Scenario::parse(scenario.text, &[]) else { continue };
        let fixed = scenario.with_one_look().expect("a trial may look once");
        assert_eq!(fixed.design.looks().len(), 1);
        assert_eq!(fixed.design.maximum_analysed(), scenario.design.maximum_analysed());
        assert_eq!(fixed.analyses.len(), scenario.analyses.len());
        assert_eq!((fixed.seed, fixed.randomised), (scenario.seed, scenario.randomised));
    }
    let fixed = simulate(&["design.looks={equally_spaced=1}"], 300);
    let alone = scenario(&[]).with_one_look().expect("a trial may look once");
    let written = simulate_scenario(&alone, 300);
    let [written, fixed] =
        [&written, &fixed].map(|result| result.first_analysis(Alternative).rejection);
    assert_eq!(written, fixed);
}
