// The page: one scenario text, its state from the server, and a simulation that follows it.

import * as form from "./form.js";
import * as results from "./results.js";
import * as views from "./views.js";
import { announce, ask, byId, el, events, percent, tabs } from "./server.js";

/** Pause after a change before trials are simulated. */
const PAUSE = 100;

export const page = {
  name: "scenario.toml",
  text: "",
  state: null,
  /** The last state without problems. */
  valid: null,
  /** Last results, with the text that they belong to. */
  result: null,
  pinned: null,
};

let pending = [];
let replaced = null;
let patients = null;
let isAsking = false;
let timer = 0;
let running = null;

function start(begin) {
  const card = ({ title, question, text, name }) =>
    el("li", {}, el("button", { type: "button", class: "card", click: () => open(text, `${name}.toml`) }, el("strong", {}, title), el("span", {}, question)));
  byId("cards").replaceChildren(...begin.scenarios.map(card));
  byId("new").addEventListener("click", () => openNew(begin.template));
  byId("file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) open(await file.text(), file.name);
    event.target.value = "";
  });
  byId("home").addEventListener("click", home);
  for (const which of ["design", "results"]) byId(`show-${which}`).addEventListener("click", () => look(which));
  const sides = tabs(document.querySelector(".design .tabs"), (panel) => {
    if (panel === "toml") byId("text").value = page.text;
  });
  const panels = tabs(document.querySelector(".results .tabs"), (panel) => views.shown(panel));
  byId("text").addEventListener("input", (event) => {
    replaced = event.target.value;
    pending = [];
    later();
  });
  byId("stop").addEventListener("click", () => (running ? ask("stop") : simulate()));
  byId("pin").addEventListener("click", () => {
    page.pinned = { text: page.text, valid: page.valid };
    views.pinned();
    panels.show("compare");
  });
  form.prepare(begin.keys, edit, (path) => {
    look("results");
    panels.show("sensitivity");
    views.plot(path);
  });
  views.prepare(page, { run, use: usePatients, load: (text) => change({ text }) });
  results.prepare(page, { use: usePatients });
  if (begin.opened) open(begin.opened.text, begin.opened.name);
  else home();
  void sides;
}

function home() {
  running?.abort();
  byId("designer").hidden = true;
  byId("start").hidden = false;
  byId("trial").hidden = true;
  document.title = "rescuesim";
  byId("start").focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** On a narrow screen either the design or the results are shown. */
function look(which) {
  byId("designer").dataset.look = which;
  byId("show-design").setAttribute("aria-pressed", String(which === "design"));
  byId("show-results").setAttribute("aria-pressed", String(which === "results"));
}

async function open(text, name) {
  page.name = name;
  page.result = null;
  page.pinned = null;
  pending = [];
  replaced = null;
  byId("start").hidden = true;
  byId("designer").hidden = false;
  look("design");
  views.pinned();
  await change({ text });
  byId("design").querySelector("summary")?.focus();
}

/** Opens the template with a control arm that is stated by a percentage, which is what most people have. */
async function openNew(template) {
  const control = { functional_independence: 0.25, shape: "hermes-control" };
  const edits = [{ path: "title", value: "A new trial" }, { path: "outcome.control", value: control }, { path: "analyses[0].name", value: "independence" }];
  // The comments of the template are for people who edit the file.
  const { text } = await ask("state", { text: template, edits });
  const lines = text.split("\n").filter((line) => !/^#/.test(line));
  const clean = lines.map((line) => line.replace(/\s+#.*$/, "")).join("\n").replace(/\n{3,}/g, "\n\n").trim();
  await open(`${clean}\n`, "trial.toml");
}

function edit(edits) {
  for (const one of edits) {
    if (one.path === "sample_size.randomised" && Number.isInteger(one.value) && one.value >= 2 && one.value <= 1e6 && page.state?.valid) patients = one.value;
    else {
      if (one.path === "sample_size.randomised") patients = null;
      // Only the last value of a field that is being typed in matters.
      pending = pending.filter((earlier) => earlier.path !== one.path || edits.includes(earlier));
      pending.push(one);
    }
  }
  later();
}

function usePatients(number) {
  patients = number;
  later();
}

function later() {
  if (!isAsking) void next();
}

/** Sends what has changed; while it is answered, further changes are collected. */
async function next() {
  isAsking = true;
  // Letters that are typed in one go are one change.
  await new Promise((resolve) => setTimeout(resolve, 30));
  while (pending.length > 0 || replaced !== null || patients !== null) {
    const body = { text: replaced ?? page.text, edits: pending, randomised: patients };
    pending = [];
    replaced = null;
    patients = null;
    await change(body);
  }
  isAsking = false;
}

async function change(body) {
  let state;
  const began = performance.now();
  try {
    state = await ask("state", body);
  } catch (error) {
    fail(error);
    return;
  }
  document.documentElement.dataset.milliseconds = String(Math.round(performance.now() - began));
  page.state = state;
  page.text = state.text;
  form.show(state);
  const area = byId("text");
  if (document.activeElement !== area) area.value = state.text;
  byId("text-problems").replaceChildren(...state.problems.map(({ path, message, line }) => el("li", {}, `${line ? `Line ${line}: ` : ""}${path ? `${path} ` : ""}${message}`)));
  byId("notice").hidden = true;
  byId("results").classList.toggle("stale", state.valid === null);
  if (state.valid === null) {
    running?.abort();
    clearTimeout(timer);
    announce(`${state.problems.length} errors`);
    return;
  }
  page.valid = state.valid;
  byId("trial").textContent = state.valid.resolved.title;
  byId("trial").hidden = false;
  document.title = `${state.valid.resolved.title} – rescuesim`;
  byId("tab-strategies").hidden = !state.valid.has_procedure;
  // The results of the same design stay.
  if (page.result?.text === page.text) return;
  // Numbers of the design before must not appear under the new one.
  running?.abort();
  page.result = null;
  results.begin();
  results.closedForm(state.valid);
  const [primary] = state.valid.formula;
  if (primary.power !== null) announce(`Power by formula ${percent(primary.power)}`);
  views.changed();
  clearTimeout(timer);
  timer = setTimeout(simulate, PAUSE);
}

/** Simulates the current design, unless a view with a simulation of its own is open. */
async function simulate() {
  if (page.state?.valid === null || byId("designer").hidden) return;
  const { text } = page;
  results.begin();
  await run("simulate", { text }, (event) => {
    if (event.kind === "progress") results.progress(event);
    if (event.kind === "result") {
      page.result = { text, ...event };
      results.finish(event);
      views.finished();
      const [primary] = event.analyses;
      announce(`Simulated power ${percent(primary.power.value, primary.power.mcse)}, type I error ${percent(primary.type_i_error.value, primary.type_i_error.mcse)}`);
    }
  });
  views.idle();
}

/** Runs one simulation, ending the one before. */
export async function run(name, body, take) {
  running?.abort();
  const own = new AbortController();
  running = own;
  results.busy(true);
  try {
    for await (const event of events(name, body, own.signal)) {
      if (own.signal.aborted) break;
      if (event.kind === "refused" || event.kind === "error") fail(new Error(event.message));
      else {
        results.share(event.replicates, event.of);
        take(event);
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (running === own) {
      running = null;
      results.busy(false);
      // What the view has interrupted continues.
      if (name !== "simulate" && page.result === null) void simulate();
    }
  }
}

function fail(error) {
  const notice = byId("notice");
  notice.textContent = error.message;
  notice.hidden = false;
}

ask("start").then(start, (error) => document.body.prepend(el("p", { class: "failure", role: "alert" }, error.message)));
