// Further views: comparison with a pinned design, strategies, sensitivity, an interim look, files to take away.

import { announce, ask, byId, el, grouped, joined, percent, rendered, save } from "./server.js";
import { withPng } from "./results.js";

let page = null;
let actions = null;
let open = "overview";
/** Texts for which the views have results. */
const done = {};

export function prepare(shared, given) {
  page = shared;
  actions = given;
}

/** A tab was chosen. */
export function shown(panel) {
  open = panel;
  if (!page?.valid) return;
  if (panel === "compare") compare();
  if (panel === "strategies") strategies();
  if (panel === "sensitivity") sensitivity();
  if (panel === "interim") interim();
  if (panel === "files") files();
}

/** The design has changed. */
export function changed() {
  if (open === "compare") describePair();
  if (open === "interim") interim();
  if (open === "files") files();
  if (open === "sensitivity") sensitivity();
}

/** The simulation of the design has finished. */
export function finished() {
  if (open === "files") files();
}

/** No simulation runs: the open view may have one of its own. */
export function idle() {
  if (open === "compare") compare();
  if (open === "strategies") strategies();
}

export function pinned() {
  delete done.compare;
  byId("pin").textContent = page.pinned ? "Pin this instead" : "Pin to compare";
  if (open === "compare") describePair();
}

// Comparison.

function describePair() {
  const panel = byId("compare");
  if (!page.pinned) {
    panel.replaceChildren(el("p", {}, "Pin a design, change something, and see both next to each other: the same simulated patients, so that small differences show."), el("button", { type: "button", click: () => byId("pin").click() }, "Pin the current design"));
    return false;
  }
  const rows = differences(page.pinned.valid.resolved, page.valid.resolved);
  const list = rows.map(([key, before, after]) => el("tr", {}, el("th", { scope: "row" }, el("code", {}, key)), el("td", {}, before), el("td", {}, after)));
  const head = el("thead", {}, el("tr", {}, ["Assumption", "pinned", "current"].map((name) => el("th", { scope: "col" }, name))));
  panel.replaceChildren(
    el("h2", {}, "Two designs on the same patients"),
    el("p", {}, el("strong", {}, "Pinned: "), page.pinned.valid.sentence),
    el("p", {}, el("strong", {}, "Current: "), page.valid.sentence),
    rows.length ? el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Changed assumptions" }, el("table", { class: "words" }, head, el("tbody", {}, list))) : el("p", { class: "soft" }, "The two are the same so far: change an assumption."),
    el("div", { id: "comparison" }),
  );
  return rows.length > 0;
}

/** Numbers and names that differ between two scenarios. */
function differences(before, after, path = "") {
  const isTable = (value) => value !== null && typeof value === "object";
  if (isTable(before) && isTable(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], Array.isArray(before) ? `${path}[${key}]` : path ? `${path}.${key}` : key));
  }
  const text = (value) => (value === undefined || value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  return text(before) === text(after) || path.startsWith("run.") || path === "title" ? [] : [[path, text(before), text(after)]];
}

function compare() {
  if (!describePair()) return;
  const body = { pinned: page.pinned.text, text: page.text };
  const own = JSON.stringify(body);
  const take = (event) => {
    done.compare = own;
    page.comparison = event;
    byId("comparison")?.replaceChildren(rendered(event.tables));
    if (event.kind === "result") announce("The comparison is complete.");
  };
  if (done.compare === own && page.comparison) take(page.comparison);
  else void actions.run("compare", body, take);
}

// Strategies.

function strategies() {
  const own = page.text;
  const take = (event) => {
    done.strategies = own;
    page.strategies = event;
    showStrategies(event);
  };
  if (done.strategies === own) showStrategies(page.strategies);
  else {
    byId("strategies").replaceChildren(el("p", { class: "soft" }, "Simulating the procedure under each strategy …"));
    void actions.run("strategies", { text: own }, take);
  }
}

function showStrategies({ strategies: list, figure, tables }) {
  const panel = byId("strategies");
  const at = Math.min(Number(byId("passes")?.value ?? 0), list.length - 1);
  const focused = document.activeElement?.id === "passes";
  const said = el("p", { id: "strategy", class: "lead" });
  const tell = (i) => {
    const { stent_after, groups } = list[i];
    const everyone = (groups ?? []).find((group) => group.group === "all") ?? groups?.[0];
    const rate = (name) => percent(everyone?.measures?.[name]?.simulated?.value ?? everyone?.measures?.[name]?.value);
    const rule = stent_after === null ? "No stent" : `Stent after ${stent_after} failed ${stent_after === 1 ? "pass" : "passes"}`;
    said.textContent = `${rule}: mRS 0–2 ${rate("functional_independence")}, dead ${rate("mortality")}, stented ${rate("stented")} of all patients.`;
    return rule;
  };
  const slider = el("input", { type: "range", id: "passes", min: 0, max: list.length - 1, value: at, step: 1, "aria-describedby": "strategy", input: (event) => event.target.setAttribute("aria-valuetext", tell(Number(event.target.value))) });
  slider.setAttribute("aria-valuetext", tell(at));
  panel.replaceChildren(el("h2", {}, "When to stent"), el("div", { class: "field" }, el("label", { for: "passes" }, "Passes before a stent (the last: never)"), slider), said, withPng(rendered(figure.html)), rendered(tables));
  if (focused) slider.focus();
}

// Sensitivity.

function numbers(value, path = "") {
  if (typeof value === "number") return path.startsWith("run.") ? [] : [path];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, each]) => numbers(each, Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key));
}

function sensitivity(path = byId("sensitivity-path")?.value) {
  const panel = byId("sensitivity");
  const paths = numbers(page.valid.resolved);
  const select = el("select", { id: "sensitivity-path", change: (event) => plot(event.target.value) }, el("option", { value: "" }, "choose a number …"), paths.map((each) => el("option", { value: each, selected: each === path }, each)));
  const figure = byId("sensitivity-figure") ?? el("div", { id: "sensitivity-figure" }, el("p", { class: "soft" }, "Choose a number here, or press ↗ next to any number of the form."));
  panel.replaceChildren(el("div", { class: "field" }, el("label", { for: "sensitivity-path" }, "Power against"), el("span", { class: "input" }, select)), figure);
  if (path && done.sensitivity && done.sensitivity !== page.text + path) figure.classList.add("stale");
}

/** Draws power against a number. */
export function plot(path) {
  if (!path) return;
  sensitivity(path);
  const text = page.text;
  byId("sensitivity-figure").replaceChildren(el("p", { class: "soft" }, "Simulating …"));
  byId("sensitivity-figure").classList.remove("stale");
  void actions.run("sensitivity", { text, path }, (event) => {
    done.sensitivity = text + path;
    byId("sensitivity-figure")?.replaceChildren(withPng(rendered(event.figure.html)), el("p", { class: "soft" }, "The same numbers: ", el("code", {}, event.command)));
    if (event.kind === "result") announce(`Power against ${path} is drawn.`);
  });
}

// An interim look.

function interim() {
  const panel = byId("interim");
  const { looks, events } = page.valid;
  const own = JSON.stringify([looks, events]);
  if (panel.dataset.own === own) return;
  panel.dataset.own = own;
  const counts = (arm) => el("fieldset", {}, el("legend", {}, `${arm === "control" ? "Control" : "Experimental"} arm: patients by mRS`), el("span", { class: "levels" }, Array.from({ length: 7 }, (_, i) => el("label", { class: "level" }, String(i), el("input", { type: "text", inputmode: "numeric", id: `${arm}-${i}`, "aria-label": `${arm} arm, mRS ${i}` })))));
  const safety = events.map((name, i) => el("fieldset", { class: "pair" }, el("legend", {}, `${name}: events of patients`), ["control", "experimental"].map((arm) => el("div", { class: "field" }, el("label", { for: `event-${i}-${arm}` }, arm), el("input", { type: "text", id: `event-${i}-${arm}`, placeholder: "1/60", class: "short" })))));
  panel.replaceChildren(el("h2", {}, "A look of the running trial"), el("form", { submit: (event) => { event.preventDefault(); void evaluate(); } },
    el("p", {}, "Enter the outcomes that are known at a look of the running trial. The answer is that of rescuesim monitor."),
    el("div", { class: "field" }, el("label", { for: "look" }, "Look"), el("select", { id: "look", class: "short" }, Array.from({ length: looks }, (_, i) => el("option", { value: i + 1 }, i + 1 === looks ? `${i + 1} (final)` : String(i + 1))))),
    counts("control"), counts("experimental"),
    el("div", { class: "field" }, el("label", { for: "earlier" }, "Z of the looks before, with commas (optional)"), el("input", { type: "text", id: "earlier", class: "short" })),
    safety, el("p", { class: "error", id: "interim-error", role: "alert" }), el("button", { type: "submit", class: "primary" }, "Evaluate the look")),
  el("div", { id: "finding", role: "region", "aria-label": "Result of the look" }));
}

async function evaluate() {
  const mrs = (arm) => Array.from({ length: 7 }, (_, i) => byId(`${arm}-${i}`).value.trim() || "0").join(",");
  const events = page.valid.events.map((name, i) => ({ name, control: byId(`event-${i}-control`).value.trim(), experimental: byId(`event-${i}-experimental`).value.trim() })).filter(({ control, experimental }) => control || experimental);
  const body = { text: page.text, look: Number(byId("look").value), control: mrs("control"), experimental: mrs("experimental"), earlier_z: byId("earlier").value.trim(), events };
  byId("interim-error").textContent = "";
  try {
    const { summary, effect, html, figure } = await ask("monitor", body);
    byId("finding").replaceChildren(el("p", { class: "lead" }, summary), effect ? el("p", {}, joined(effect)) : "", figure ? withPng(rendered(figure)) : "", rendered(html));
    announce(summary);
  } catch (error) {
    byId("interim-error").textContent = error.message;
  }
}

// Files.

/** A file name as a shell reads it; a leading dash would be an option. */
function quoted(name) {
  const path = name.startsWith("-") ? `./${name}` : name;
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function files() {
  // While the text has errors, the result belongs to the text before.
  const result = page.result?.text === page.text ? page.result : null;
  const command = result?.command ?? page.valid.command;
  const button = (id, text, press, isDisabled = false) => el("button", { type: "button", id, click: press, disabled: isDisabled }, text);
  byId("files").replaceChildren(
    el("h2", {}, "Scenario"), el("p", {}, "The design as a file: every command of rescuesim reads it."), button("save-toml", `Save ${page.name}`, () => save(page.name, page.text, "application/toml")),
    el("h2", {}, "Command"), el("p", {}, "The same numbers in a terminal, next to the saved file:"), el("pre", { id: "command" }, command.replace("scenario.toml", () => quoted(page.name))),
    button("copy", "Copy", () => navigator.clipboard?.writeText(byId("command").textContent)),
    el("h2", {}, "Report"), el("p", {}, "One HTML page to share: assumptions, results, figures, example trials. It simulates several times what this page does."), button("save-report", "Save the report", saveReport), el("p", { class: "error", id: "report-error", role: "alert" }),
    el("h2", {}, "Results"), result ? "" : el("p", { class: "soft" }, "When the simulation is complete:"),
    button("save-csv", "Save results.csv", () => save("results.csv", result.csv, "text/csv"), !result), " ",
    button("save-json", "Save summary.json", () => save("summary.json", `${JSON.stringify(result.summary, null, 2)}\n`, "application/json"), !result),
    el("p", { class: "soft" }, "Each figure has links to itself as SVG and PNG, and to its numbers as CSV."),
  );
}

async function saveReport() {
  byId("report-error").textContent = "";
  byId("progress").removeAttribute("value");
  announce("Writing the report");
  await actions.run("report", { text: page.text }, (event) => {
    if (event.kind !== "result") return;
    announce("The report is saved.");
    save(page.name.replace(/\.toml$/, ".html"), event.html, "text/html");
  });
}

export { grouped };
