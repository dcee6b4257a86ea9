// The results: the closed form at once, then the simulation as it proceeds.

import { byId, el, estimated, grouped, joined, percent, rendered, save } from "./server.js";

let page = null;
let actions = null;

export function prepare(shared, given) {
  page = shared;
  actions = given;
}

/** Shows what is known without simulation. */
export function closedForm(valid) {
  const [primary] = valid.formula;
  headline({
    power: primary.power === null ? "…" : percent(primary.power),
    error: primary.type_i_error === null ? "…" : percent(primary.type_i_error, 1e-4),
    note: primary.power === null ? "no formula; simulating" : "by formula; simulating",
    patients: grouped(valid.resolved.sample_size.randomised),
    patientsNote: "randomised at most",
    months: "…",
    alpha: valid.alpha_one_sided,
  });
  overview(valid, null);
}

function headline(of) {
  const card = (what, value, note, name) => el("div", { class: "card", id: name }, el("span", { class: "what" }, what), el("span", { class: "value" }, withError(value)), el("span", { class: "note" }, note));
  byId("headline").replaceChildren(
    card("Power", of.power, of.note, "card-power"),
    card("Type I error", of.error, `one-sided, planned ${percent(of.alpha, 1e-3)}`, "card-error"),
    card("Patients", of.patients, of.patientsNote, "card-patients"),
    card("Months to decision", of.months, "mean under H1", "card-months"),
  );
}

/** Writes the Monte Carlo error of a value smaller than the value. */
function withError(value) {
  const [, rate, error] = /^(\S+) (±\S+)\u00a0%$/.exec(value) ?? [];
  return rate ? [`${rate}\u00a0%`, el("span", { class: "mcse" }, ` ${error}`)] : value;
}

/** Sentence, needed patients, warnings, rates, boundaries and, with a result, figures and tables. */
function overview(valid, result) {
  const remarks = valid.remarks.map(({ is_warning, text }) => el("li", { class: is_warning ? "warning" : "note" }, el("strong", {}, is_warning ? "Warning: " : "Note: "), `${text}.`));
  // Figures of the design before stay until there are others, so that nothing jumps.
  const before = byId("figures");
  const stay = result === null && before?.querySelector("figure");
  before?.classList.toggle("stale", Boolean(stay));
  byId("overview").replaceChildren(
    el("p", { class: "lead" }, joined(valid.sentence)),
    el("p", { class: "verdict", id: "verdict" }, result ? joined(`${conclusion(result)} ${result.verdict}`) : ""),
    el("div", { id: "needed" }, needed(valid)),
    remarks.length ? el("ul", { class: "remarks" }, remarks) : "",
    el("h2", {}, "Analyses"),
    el("div", { id: "rates" }, rates(valid, result?.analyses)),
    el("h2", {}, "Boundaries"),
    figureOf(valid.figures, "boundaries", result !== null || stay),
    rendered(valid.boundaries),
    stay ? before : el("div", { id: "figures" }, result ? figures(result) : el("p", { class: "soft" }, "The figures follow when the trials are simulated.")),
  );
}

/** States power and type I error of the primary analysis. */
function conclusion({ analyses: [{ name, power, type_i_error }] }) {
  return `“${name}” has a power of ${percent(power.value, power.mcse)} and a one-sided type I error of ${percent(type_i_error.value, type_i_error.mcse)}.`;
}

function needed(valid) {
  const target = valid.patients.filter(({ randomised }) => randomised !== null);
  if (target.length === 0) {
    const { problem } = valid.patients[0];
    return el("p", { class: "soft" }, `Patients for a given power: ${problem}.`);
  }
  return el("p", { class: "needed" }, "By formula ", target.map(({ power, randomised }, i) => [
    i > 0 ? ", " : "", el("strong", {}, `${grouped(randomised)} patients`), ` for ${100 * power} % power `,
    randomised === valid.resolved.sample_size.randomised ? "(this design)" : el("button", { type: "button", class: "quiet", id: `use-${100 * power}`, click: () => actions.use(randomised) }, `Use ${grouped(randomised)}`),
  ]), ".");
}

function rates(valid, analyses) {
  const header = ["Analysis", "Power", "by formula", "Type I error", "by formula"];
  const rows = valid.formula.map((formula, i) => {
    const simulated = analyses?.[i];
    return el("tr", {},
      el("th", { scope: "row" }, formula.name, formula.is_primary && valid.formula.length > 1 ? el("span", { class: "tag" }, "primary") : "", el("span", { class: "method" }, formula.method)),
      el("td", { "data-power": simulated ? String(simulated.power.value) : null }, simulated ? estimated(simulated.power) : "…"),
      el("td", {}, percent(formula.power)),
      el("td", {}, simulated ? estimated(simulated.type_i_error) : "…"),
      el("td", {}, percent(formula.type_i_error, 1e-4)));
  });
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Power and type I error by analysis" },
    el("table", {}, el("thead", {}, el("tr", {}, header.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows)));
}

function figureOf(list, name, isReplaced) {
  const figure = list.find((one) => one.name === name);
  // The paths of simulated trials show the same boundaries.
  return figure && !isReplaced ? withPng(rendered(figure.html)) : "";
}

function figures(result) {
  const shown = result.figures.filter(({ name }) => name !== "mrs");
  return [
    el("h2", {}, "Simulated trials"),
    shown.map((figure) => withPng(rendered(figure.html))),
    el("details", {}, el("summary", {}, "All tables, as of rescuesim run --full"), rendered(result.tables)),
  ];
}

/** Adds a link that saves the figure as PNG. */
export function withPng(fragment) {
  for (const figure of fragment.querySelectorAll("figure")) {
    const links = figure.querySelector(".links");
    const name = figure.id.replace("figure-", "");
    links?.append(" · ", el("button", { type: "button", class: "link", click: () => savePng(figure.querySelector("svg"), name) }, "PNG"));
  }
  return fragment;
}

/** Draws a figure on paper of its own, at three times its size. */
async function savePng(svg, name) {
  const copy = svg.cloneNode(true);
  const { width, height } = svg.viewBox.baseVal.width ? svg.viewBox.baseVal : svg.getBoundingClientRect();
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const address = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = el("canvas", { width: 3 * width, height: 3 * height });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  canvas.toBlob((blob) => save(`${name}.png`, blob, "image/png"));
}

export function begin() {
  byId("progress").value = 0;
  byId("progress-text").textContent = "";
}

/** Shows that a simulation runs, or that it has ended. */
export function busy(isRunning) {
  byId("stop").textContent = isRunning ? "Stop" : "Simulate again";
  byId("results").setAttribute("aria-busy", String(isRunning));
}

export function share(done, of) {
  byId("progress").value = of > 0 ? done / of : 0;
  byId("progress-text").textContent = `${grouped(done)} of ${grouped(of)}`;
}

/** Shows rates so far. */
export function progress(event) {
  simulated(event, page.valid, "simulated so far");
  byId("rates").replaceChildren(rates(page.valid, event.analyses));
}

export function finish(event) {
  simulated(event, page.valid, "simulated");
  const done = event.replicates === event.of ? "" : ", stopped";
  byId("progress-text").textContent = `${grouped(event.replicates)} of ${grouped(event.of)} replicates${done}`;
  overview(page.valid, event);
}

function simulated(event, valid, note) {
  const [primary] = event.analyses;
  headline({
    power: estimated(primary.power),
    error: estimated(primary.type_i_error),
    note: primary.formula === null ? note : `${note}; by formula ${percent(primary.formula)}`,
    patients: grouped(event.patients.value),
    patientsNote: `on average, at most ${grouped(valid.resolved.adaptation?.size?.maximum ?? valid.resolved.sample_size.randomised)}`,
    months: event.months.value.toFixed(1),
    alpha: valid.alpha_one_sided,
  });
}
