//! `rescuesim report`: a page that a browser shows whole, with the numbers of a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::util::{directory, output, rescuesim};

/// Programs that open pages.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser; on a machine without one the tests that need it are left out, but not where everything
/// is tested.
fn browser() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found = BROWSERS.into_iter().find(|name| runs(name));
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "no browser; apt has chromium");
    found
}

/// What a browser finds on a page of some width.
struct Seen {
    /// Width of the content beyond that of the page.
    excess: i64,
    drawings: i64,
    /// Drawings without a height, and references to anything outside the page.
    missing: i64,
    links: Vec<String>,
    /// JSON pointers with the value and the words shown.
    figures: Vec<(String, String, String)>,
    /// What the browser complained of.
    complaints: Vec<String>,
    titles: Vec<String>,
}

/// Measures the page in a frame of the width, as windows have a least width of their own.
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
    std::fs::write(&harness, text).expect("the folder can be written");
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

fn a_browser_shows_all_of_it(scenario: &str, replicates: &str, drawings: i64) {
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
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    for width in [390, 1280] {
        let seen = look_at(&page, width, browser);
        assert_eq!(seen.complaints, Vec::<String>::new(), "{width}");
        assert!(seen.excess <= 0, "scrolls by {} at {width}", seen.excess);
        assert_eq!(seen.missing, 0, "{width}");
        assert!(seen.drawings >= drawings, "{} at {width}", seen.drawings);
        let outside = seen.links.iter().find(|link| !link.starts_with(['#', 'd']));
        assert_eq!(outside, None, "a link that needs a network");
        assert!(seen.titles.len() >= 10, "{:?}", seen.titles);
        assert!(seen.figures.len() >= 11, "{:?}", seen.figures);
        for (pointer, value, words) in &seen.figures {
            let expected = summary.pointer(pointer).and_then(Value::as_f64).expect("it is there");
            assert_eq!(value.parse::<f64>().expect("a number"), expected, "{pointer}");
            let decimals = words.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert_eq!(*words, format!("{expected:.decimals$}"), "{pointer}");
        }
    }
}

#[test]
fn a_browser_shows_all_of_angel_reboot() {
    a_browser_shows_all_of_it("scenarios/angel-reboot.toml", "2000", 11);
}

#[test]
fn a_browser_shows_all_of_early_against_late() {
    a_browser_shows_all_of_it("scenarios/early-vs-late.toml", "1000", 10);
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_any_work() {
    let folder = directory();
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").expect("the folder can be written");
    let out = file.join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]).arg(&out);
    let result = command.output().expect("it runs");
    assert_eq!(result.status.code(), Some(2));
    let error = String::from_utf8_lossy(&result.stderr);
    assert!(error.contains("cannot write") && error.contains("report.html"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "kept");

    let page = folder.path().join("report.html");
    let mut command = rescuesim();
    command.args(["report", "angel-reboot", "--replicates", "1e9", "--out"]).arg(&page);
    let result = command.arg("--figures").arg(&file).output().expect("it runs");
    assert_eq!(result.status.code(), Some(2));
    assert!(!page.exists());
}
