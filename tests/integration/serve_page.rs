//! The page of `rescuesim serve` in a browser: a designer's tasks, by keyboard too, at both widths and in both
//! colours.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::browser::Page;
use crate::report_page::browser;
use crate::serve::Server;
use crate::util::{directory, output, rescuesim};

/// Waits for the simulation of the current design and returns the primary power that the page shows.
fn simulated_power(page: &mut Page, replicates: &str) -> f64 {
    let done = format!(
        "document.getElementById('progress-text').textContent.replace(/\\s/g, '') === '{replicates}of{replicates}replicates'"
    );
    // A change clears the power and the progress at once, so that both belong to the same design.
    let power = "document.querySelector('[data-power]')?.dataset.power";
    page.wait(&format!("{done} && {power}"));
    let value = page.text(power);
    value.parse().expect("a number")
}

/// Waits until the server has answered all changes.
fn settled(page: &mut Page, problems: usize) {
    page.wait(&format!("document.querySelectorAll('#problems li').length === {problems}"));
}

fn power_of_the_command(arguments: &[&str]) -> f64 {
    let mut run = rescuesim();
    run.args(["run"]).args(arguments).args(["--quiet", "--format", "json"]);
    let summary: Value = serde_json::from_str(&output(&mut run)).expect("JSON");
    summary["truths"][0]["analyses"][0]["rejection"]["value"].as_f64().expect("a number")
}

/// Opens ANGEL-REBOOT from its card, with few replicates.
fn open_angel_reboot(page: &mut Page, server: &Server) {
    page.go(&server.address);
    page.wait("document.querySelectorAll('#cards button').length > 10");
    page.evaluate("[...document.querySelectorAll('#cards button')].find((card) => card.textContent.startsWith('ANGEL-REBOOT: bailout')).click()");
    page.wait("document.getElementById('f-run-replicates')");
    page.fill("f-run-replicates", "3000");
    simulated_power(page, "3000");
}

/// Evaluates the first look with counts of the mRS.
fn fill_look(page: &mut Page) {
    page.click("tab-interim");
    for (arm, counts) in
        [("control", [2, 3, 6, 8, 14, 8, 11]), ("experimental", [9, 12, 12, 7, 6, 2, 4])]
    {
        for (mrs, count) in counts.iter().enumerate() {
            page.fill(&format!("{arm}-{mrs}"), &count.to_string());
        }
    }
    page.evaluate("document.querySelector('#interim form').requestSubmit()");
    page.wait("document.querySelector('#finding figure svg')");
}

/// Fails if the page complained, or asked another host for something.
#[track_caller]
fn assert_is_quiet(page: &mut Page, server: &Server) {
    assert_eq!(page.complaints(), Vec::<String>::new());
    let own = |address: &String| {
        address.starts_with(&server.address)
            || address.starts_with("data:")
            || address.starts_with("blob:")
            || address == "about:blank"
    };
    let requested = page.requested();
    assert!(requested.len() > 8 && requested.iter().all(own), "{requested:?}");
}

#[test]
fn a_designer_changes_assumptions_and_sees_the_numbers_of_the_command() {
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let mut page = Page::open(browser, 1280, 900);
    open_angel_reboot(&mut page, &server);
    page.picture("designer");
    let planned = power_of_the_command(&["angel-reboot", "--replicates", "3000"]);
    assert_eq!(simulated_power(&mut page, "3000").to_bits(), planned.to_bits());

    page.fill("f-outcome-experimental-functional-independence", "35");
    page.wait("document.querySelector('#overview .lead').textContent.replaceAll('\\u00a0', ' ').includes('35 %')");
    let changed = simulated_power(&mut page, "3000");
    let target = "outcome.experimental.functional_independence=0.35";
    let expected = power_of_the_command(&["angel-reboot", "--replicates", "3000", "--set", target]);
    assert_eq!(changed.to_bits(), expected.to_bits());
    assert!(changed < planned - 0.1);

    // An impossible value: the message of the command line, at the field.
    page.fill("f-missing-dropout", "120");
    settled(&mut page, 1);
    let message = page.text("document.getElementById('f-missing-dropout-error').textContent");
    assert!(message.starts_with("is 1.2; allowed: "), "{message}");
    assert_eq!(
        page.text("document.getElementById('f-missing-dropout').getAttribute('aria-invalid')"),
        "true"
    );
    page.picture("error");
    page.fill("f-missing-dropout", "12");
    settled(&mut page, 0);

    // The text has the change and all comments; a change of the text is in the form.
    let text = page.text("document.getElementById('text').value");
    assert!(
        text.contains("dropout = 0.12\n")
            && text.contains("# Is a trial of 348 patients large enough")
    );
    page.click("tab-toml");
    page.evaluate("(() => { const area = document.getElementById('text'); area.focus(); area.value = area.value.replace('dropout = 0.12', 'dropout = 0.2'); area.dispatchEvent(new Event('input')); })()");
    page.wait("document.getElementById('f-missing-dropout').value === '20'");
    page.picture("text");
    page.click("tab-form");
    assert_is_quiet(&mut page, &server);
}

#[test]
fn pinned_designs_strategies_and_looks_are_shown() {
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let mut page = Page::open(browser, 1280, 900);
    open_angel_reboot(&mut page, &server);
    page.click("pin");
    page.fill("f-missing-dropout", "25");
    page.wait("document.querySelector('#compare tbody')?.textContent.includes('missing.dropout')");
    page.wait("document.querySelector('#comparison table')");
    page.wait("document.getElementById('results').getAttribute('aria-busy') === 'false'");
    let tables = page.text("document.getElementById('comparison').textContent");
    assert!(tables.contains("000 replicates of each scenario"), "{tables}");
    page.picture("compare");

    page.click("tab-sensitivity");
    page.evaluate("document.querySelector('[data-path=\"missing.dropout\"] .plot').click()");
    page.wait("document.querySelector('#sensitivity figure svg')");
    page.picture("sensitivity");

    fill_look(&mut page);
    assert!(page.text("document.querySelector('#finding .lead').textContent").contains("Look 1"));
    page.picture("interim");

    page.click("home");
    page.evaluate("[...document.querySelectorAll('#cards button')].find((card) => card.textContent.startsWith('Early against late rescue stenting')).click()");
    page.wait("!document.getElementById('tab-strategies').hidden");
    page.click("tab-strategies");
    page.wait("document.querySelector('#strategies figure svg')");
    page.evaluate("(() => { const slider = document.getElementById('passes'); slider.value = 1; slider.dispatchEvent(new Event('input')); })()");
    assert!(
        page.text("document.getElementById('strategy').textContent")
            .starts_with("Stent after 2 failed passes: mRS 0–2 ")
    );
    page.picture("strategies");
    assert_is_quiet(&mut page, &server);
}

#[test]
fn a_saved_scenario_runs_and_gives_the_numbers_of_the_page() {
    let Some(browser) = browser() else { return };
    let folder = directory();
    let server = Server::start(&["angel-reboot-centres"]);
    let mut page = Page::open(browser, 1280, 900);
    let downloads = json!({ "behavior": "allow", "downloadPath": folder.path() });
    page.go(&server.address);
    page.call("Page.setDownloadBehavior", &downloads);
    page.wait("document.getElementById('f-run-replicates')");
    page.fill("f-run-replicates", "1500");
    let shown = simulated_power(&mut page, "1500");
    page.click("tab-files");
    page.picture("files");
    page.click("save-toml");
    let file = folder.path().join("angel-reboot-centres.toml");
    crate::util::wait_until(|| {
        file.is_file() && std::fs::metadata(&file).is_ok_and(|data| data.len() > 0)
    });
    let path = file.to_str().expect("the path is text");
    assert_eq!(power_of_the_command(&[path]).to_bits(), shown.to_bits());
    let command = page.text("document.getElementById('command').textContent");
    assert_eq!(
        command,
        "rescuesim run angel-reboot-centres.toml --replicates 1500 --seed 20211219"
    );
    page.click("save-csv");
    let csv = folder.path().join("results.csv");
    crate::util::wait_until(|| {
        csv.is_file() && std::fs::metadata(&csv).is_ok_and(|data| data.len() > 0)
    });
    page.evaluate("document.getElementById('save-report').click()");
    let report = folder.path().join("angel-reboot-centres.html");
    crate::util::wait_until(|| {
        report.is_file() && std::fs::metadata(&report).is_ok_and(|data| data.len() > 100_000)
    });
    assert_is_quiet(&mut page, &server);
}

/// What a person with a screen reader, a keyboard or little contrast would miss.
const BARRIERS: &str = r#"(() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const described = (element) => `${element.tagName} ${element.id} ${element.textContent.slice(0, 40)}`;
  const found = [];
  for (const field of all("input, select, textarea")) {
    const name = field.labels?.length || field.getAttribute("aria-label");
    if (!name) found.push(`no label: ${described(field)}`);
  }
  for (const button of all("button, a[href]")) {
    if (!button.textContent.trim() && !button.getAttribute("aria-label")) found.push(`no name: ${described(button)}`);
  }
  for (const svg of all("figure svg, #mrs svg")) if (!svg.getAttribute("aria-label")) found.push("a figure without a name");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i && !id.startsWith("caption-") && !id.startsWith("figure-"));
  if (twice.length) found.push(`identifiers that are there twice: ${twice}`);
  for (const element of all("[aria-describedby], [aria-controls], [aria-labelledby]")) {
    for (const attribute of ["aria-describedby", "aria-controls", "aria-labelledby"]) {
      for (const id of (element.getAttribute(attribute) ?? "").split(" ").filter(Boolean)) if (!document.getElementById(id)) found.push(`${attribute} of ${described(element)} names ${id}, which is not there`);
    }
  }
  if (all("h1, h2").length === 0 && document.getElementById("designer").hidden) found.push("no heading");
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const paper = (element) => {
    for (let above = element; above; above = above.parentElement) {
      const colour = channels(getComputedStyle(above).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return luminance(colour);
    }
    return 1;
  };
  for (const element of all("p, li, td, th, label, legend, summary, button, a, h1, h2, h3, span, figcaption, input, select")) {
    if (!element.textContent.trim() || element.closest("svg, :disabled, .skip, .hidden, .plot")) continue;
    const [ink, ground] = [luminance(channels(getComputedStyle(element).color)), paper(element)];
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${described(element)}`);
  }
  for (const button of all("button, select, input[type=text], summary")) {
    if (button.getBoundingClientRect().height < 20 && !button.matches(".link")) found.push(`too small to press: ${described(button)}`);
  }
  return [...new Set(found)];
})()"#;

/// Shows every view of the opened design in both colours and at both widths.
fn for_every_view(page: &mut Page, tabs: &[&str], mut check: impl FnMut(&mut Page, &str)) {
    page.evaluate(
        "document.querySelectorAll('#form details').forEach((one) => { one.open = true; })",
    );
    for scheme in ["light", "dark"] {
        for width in [390, 1280] {
            page.prefer(scheme);
            page.resize(width, 900);
            for tab in tabs {
                for look in ["design", "results"] {
                    page.click(&format!("show-{look}"));
                    page.click(&format!("tab-{tab}"));
                    check(page, &format!("{tab}-{look}-{scheme}-{width}"));
                }
            }
        }
    }
}

/// Shows the start of the page in both colours and at both widths.
fn for_every_start(page: &mut Page, server: &Server, mut check: impl FnMut(&mut Page, &str)) {
    page.go(&server.address);
    page.wait("document.querySelectorAll('#cards button').length > 10");
    for scheme in ["light", "dark"] {
        for width in [390, 1280] {
            page.prefer(scheme);
            page.resize(width, 900);
            check(page, &format!("start-{scheme}-{width}"));
        }
    }
}

/// Fails if a view has a barrier or must be scrolled sideways.
fn assert_fits(page: &mut Page, view: &str) {
    page.picture(view);
    let excess = page
        .evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(excess, json!(0), "{view}");
    assert_eq!(page.evaluate(BARRIERS), json!([]), "{view}");
}

#[test]
fn every_view_fits_and_has_no_barriers_in_light_and_dark() {
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let mut page = Page::open(browser, 1280, 900);
    for_every_start(&mut page, &server, assert_fits);
    open_angel_reboot(&mut page, &server);
    let tabs = ["overview", "compare", "sensitivity", "interim", "files"];
    for_every_view(&mut page, &tabs, assert_fits);
    assert_is_quiet(&mut page, &server);
}

/// Runs axe-core on the page: its violations, and the identifiers of the rules that passed.
const AXE: &str = r#"axe.run(document).then(({ violations, incomplete, passes }) => ({
  violations: violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)}: ${failureSummary}`) })),
  incomplete: incomplete.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).slice(0, 3)}`),
  passes: passes.map(({ id }) => id),
}))"#;

/// The library is on npm as axe-core, under a licence (MPL) by which it is not shipped here.
#[test]
#[ignore = "needs axe-core: set AXE to the path of its axe.min.js"]
fn axe_finds_no_violation_in_any_view() {
    let library = std::env::var("AXE").expect("AXE is the path of axe.min.js");
    let library = std::fs::read_to_string(library).expect("axe.min.js can be read");
    let browser = browser().expect("a browser is installed");
    let server = Server::start(&[]);
    let mut page = Page::open(browser, 1280, 900);
    let (mut found, mut passed, mut unsure) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut check = |page: &mut Page, view: &str| {
        page.evaluate(&format!("window.axe || (() => {{ {library} }})(), 0"));
        let result = page.evaluate(AXE);
        for violation in result["violations"].as_array().expect("a list") {
            found.push(format!("{view}: {violation:#}"));
        }
        for (list, rules) in [("passes", &mut passed), ("incomplete", &mut unsure)] {
            let names = result[list].as_array().expect("a list");
            rules.extend(names.iter().map(|name| name.as_str().expect("a name").to_owned()));
        }
    };
    for_every_start(&mut page, &server, &mut check);
    open_angel_reboot(&mut page, &server);
    page.click("pin");
    page.fill("f-missing-dropout", "25");
    page.wait("document.querySelector('#comparison table')");
    page.wait("document.getElementById('results').getAttribute('aria-busy') === 'false'");
    page.evaluate("document.querySelector('[data-path=\"missing.dropout\"] .plot').click()");
    page.wait("document.querySelector('#sensitivity figure svg')");
    fill_look(&mut page);
    let tabs = ["overview", "compare", "sensitivity", "interim", "files"];
    for_every_view(&mut page, &tabs, &mut check);
    page.click("home");
    page.evaluate("[...document.querySelectorAll('#cards button')].find((card) => card.textContent.startsWith('Early against late rescue stenting')).click()");
    page.wait("!document.getElementById('tab-strategies').hidden");
    page.click("tab-strategies");
    page.wait("document.querySelector('#strategies figure svg')");
    for_every_view(&mut page, &["strategies", "overview"], &mut check);
    println!("passed: {passed:?}\nfor a person to judge: {unsure:#?}");
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(passed.len() > 20, "{passed:?}");
}

#[test]
fn the_keyboard_alone_is_enough() {
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let mut page = Page::open(browser, 1280, 900);
    page.go(&server.address);
    page.wait("document.querySelectorAll('#cards button').length > 10");
    let focused = "document.activeElement.id || document.activeElement.textContent.slice(0, 20)";
    // Past the link that skips to the results and the name of the program.
    for _ in 0..6 {
        page.press("Tab");
        if page.text(focused) == "new" {
            break;
        }
    }
    assert_eq!(page.text(focused), "new");
    page.press("Enter");
    page.wait("document.getElementById('f-outcome-control-functional-independence')");
    // From the first group to the rate of the control arm, and a value is typed.
    let mut seen = Vec::new();
    for _ in 0..12 {
        page.press("Tab");
        seen.push(page.text(focused));
        if page.text(focused) == "f-outcome-control-functional-independence" {
            break;
        }
    }
    assert_eq!(page.text(focused), "f-outcome-control-functional-independence", "{seen:?}");
    page.evaluate("document.activeElement.select()");
    page.call("Input.insertText", &json!({ "text": "27" }));
    page.wait("document.querySelector('#overview .lead').textContent.replaceAll('\\u00a0', ' ').includes('27 %')");
    // What is typed keeps the focus, and is announced.
    assert_eq!(page.text(focused), "f-outcome-control-functional-independence");
    page.wait("document.getElementById('live').textContent.includes('ower')");
    // Arrow keys move between tabs.
    page.evaluate("document.getElementById('tab-overview').focus()");
    page.press("ArrowRight");
    assert_eq!(page.text(focused), "tab-compare");
    assert_eq!(page.evaluate("document.getElementById('compare').hidden"), json!(false));
    assert_is_quiet(&mut page, &server);
}
