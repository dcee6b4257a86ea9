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
fn browser() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found = BROWSERS.into_iter().find(|name| runs(name));
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "no browser; apt has chromium");
    found
}

/// Measurements of a page by a browser at some width.
struct Seen {
    /// Width of the content beyond that of the page.
    excess: i64,
    drawings: i64,
    /// Figures without a height, and references outside the page.
    missing: i64,
    links: Vec<String>,
    /// JSON pointers with the value and the printed text.
    figures: Vec<(String, String, String)>,
    /// Errors reported by the browser.
    complaints: Vec<String>,
    titles: Vec<String>,
}

/// Measures the page in a frame of the width, as windows have a minimum width.
const MEASURE: &str = r#"
<body style="margin:0"><iframe id="page" src="PAGE" style="border:0;width:WIDTHpx;height:900px"></iframe>
<script>
document.getElementById("page").addEventListener("load", (event) => {
  const page = event.target.contentDocument;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const outside = all("[src], link[href], use, image").length;
  const flat = all("svg").filter((svg) => svg.getBoundingClientRect().height < 40).length;
  const seen = {
    excess: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    drawings: all("figure svg").length,
    missing: outside + flat + all("figure").filter((one) => !one.querySelector("svg")).length,
    links: all("a").map((a) => a.getAttribute("href").slice(0, 30)),
    figures: all("data[data-pointer]").map((d) => [d.dataset.pointer, d.value, d.textContent]),
    titles: all("h2").map((h) => h.textContent),
  };
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.replaceChildren(out);
});
</script>
"#;

fn look_at(page: &Path, width: u32, browser: &str) -> Seen {
    let folder = directory();
    let harness = folder.path().join("harness.html");
    let address = format!("file://{}", page.display());
    let text = MEASURE.replace("PAGE", &address).replace("WIDTH", &width.to_string());
    std::fs::write(&harness, text).expect("the folder is writable");
    let result = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", harness.display()))
        .output()
        .expect("the browser runs");
    let dom = String::from_utf8_lossy(&result.stdout);
    let json = dom.split("id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let json = json.unwrap_or_else(|| panic!("the page was not measured: {dom}"));
    let json: Value = serde_json::from_str(json).expect("the harness writes JSON");
    let log = String::from_utf8_lossy(&result.stderr);
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.map(|item| item.as_str().expect("text").to_owned()).collect()
    };
    let figure = |value: &Value| {
        let [pointer, value, words] = &texts(value)[..] else { panic!("three texts") };
        (pointer.clone(), value.clone(), words.clone())
    };
    let number = |key: &str| json[key].as_i64().expect("a number");
    Seen {
        excess: number("excess"),
        drawings: number("drawings"),
        missing: number("missing"),
        links: texts(&json["links"]),
        figures: json["figures"].as_array().into_iter().flatten().map(figure).collect(),
        complaints: log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect(),
        titles: texts(&json["titles"]),
    }
}

fn report(scenario: &str, replicates: &str, folder: &Path) -> PathBuf {
    let page = folder.join("report.html");
    let mut command = rescuesim();
    command.args(["report", scenario, "--replicates", replicates, "--quiet", "--out"]).arg(&page);
    output(command.arg("--figures").arg(folder.join("figures")));
    page
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
    for width in [390, 1280] {
        let seen = look_at(&page, width, browser);
        assert_eq!(seen.complaints, Vec::<String>::new(), "{width}");
        assert!(seen.excess <= 0, "scrolls by {} at {width}", seen.excess);
        assert_eq!(seen.missing, 0, "{width}");
        assert!(seen.drawings >= drawings, "{} at {width}", seen.drawings);
        let inside = |link: &&String| link.starts_with('#') || link.starts_with("data:");
        let outside = seen.links.iter().find(|link| !inside(link));
        assert_eq!(outside, None, "a link that needs a network");
        assert!(seen.titles.len() >= 10, "{:?}", seen.titles);
        assert!(seen.figures.len() >= 11, "{:?}", seen.figures);
        for (pointer, value, words) in &seen.figures {
            let expected = summary.pointer(pointer).and_then(Value::as_f64).expect("it exists");
            assert_eq!(value.parse::<f64>().expect("a number"), expected, "{pointer}");
            let decimals = words.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert_eq!(*words, format!("{expected:.decimals$}"), "{pointer}");
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
const SECTIONS: [&str; 10] = [
    "aims",
    "patients",
    "design",
    "methods",
    "power",
    "early",
    "estimates",
    "balance",
    "limits",
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
