// The form: fields for the values of a scenario, made from the schema of the server and the words of layout.js.

import { CHOICES, FLAT, GROUPS, LABELS, NAMES, NEW, ORDER, RARE, STARTING } from "./layout.js";
import { byId, el, rendered } from "./server.js";

const byPath = new Map();
let state = null;
let change = () => {};
let plot = () => {};
let signature = "";
/** The last state without problems: it has the defaults. */
let lastValid = null;

/** Prepares the form. `onChange` takes edits, `onPlot` the path of a number. */
export function prepare(keys, onChange, onPlot) {
  for (const key of keys) {
    const path = plain(key.key);
    byPath.set(path, [...(byPath.get(path) ?? []), key]);
  }
  change = onChange;
  plot = onPlot;
}

/** Shows a state: all of the form if its fields are others, else their values. */
export function show(next) {
  state = next;
  if (state.valid) lastValid = state.valid;
  if (state.written === null) {
    // Text that is not TOML has no values; the fields keep what they have.
    showProblems();
    return;
  }
  const groups = GROUPS.map(groupNodes).filter((group) => group.nodes.length > 0);
  const own = JSON.stringify(groups, (key, value) => (key === "value" || key === "isWritten" ? undefined : value));
  if (own === signature) update(groups);
  else build(groups);
  signature = own;
  showFigure();
  showProblems();
}

function plain(path) {
  return path.replace(/\[[^\]]*\]/g, "");
}

function parts(path) {
  return path.split(/\.|(?=\[)/).map((part) => (part.startsWith("[") ? Number(part.slice(1, -1)) : part));
}

function at(root, path) {
  return parts(path).reduce((value, part) => (value === null || value === undefined ? undefined : value[part]), root);
}

/** Value as written, or else as the defaults have it. */
function current(path) {
  const written = at(state.written, path);
  return written !== undefined ? written : at(lastValid?.resolved, path);
}

function parent(path) {
  return path.replace(/(\.[^.[]*|\[\d+\])$/, "");
}

/** What the schema says of a key; of several variants, that of the variant that is chosen. */
function help(path) {
  const found = byPath.get(plain(path)) ?? [];
  if (found.length < 2) return found[0];
  const table = current(parent(path)) ?? {};
  const fits = (one) => one.only_with && one.only_with.names.includes(table[one.only_with.tag]);
  return found.find(fits) ?? found.find((one) => !one.only_with) ?? found[0];
}

/** Keys of a table that its variant has, the tag first, then those required. */
function children(path) {
  const prefix = `${plain(path)}.`;
  const names = new Map();
  for (const [key, helps] of byPath) {
    if (!key.startsWith(prefix) || key.slice(prefix.length).includes(".")) continue;
    const name = key.slice(prefix.length);
    const table = current(path) ?? {};
    const fits = helps.filter((one) => !one.only_with || one.only_with.names.includes(table[one.only_with.tag]));
    if (fits.length === 0 || isOfOther(path, name, table)) continue;
    const place = (ORDER[path] ?? []).indexOf(name);
    names.set(name, place >= 0 ? place - 100 : isTag(fits[0]) ? 0 : fits[0].required ? 1 : 2);
  }
  return [...names].sort((a, b) => a[1] - b[1]).map(([name]) => name);
}

/** Whether a key belongs to another way of stating a table than the one that is used. */
function isOfOther(path, name, table) {
  if (path !== "outcome") return false;
  const isStated = ["control", "experimental", "rescale"].includes(name);
  return isStated !== (table.control !== undefined);
}

function isTag(key) {
  return key.meaning.startsWith("Names the variant");
}

function label(path) {
  const own = LABELS[plain(path)];
  if (own) return own;
  const last = plain(path).split(".").pop();
  if (NAMES[last]) return NAMES[last];
  const name = last.replaceAll("_", " ").replace("mrs", "mRS");
  return name[0].toUpperCase() + name.slice(1);
}

function isShare(key) {
  return /^probability/.test(key.unit ?? "") || /P\(|fraction\.?$/.test(key.meaning) && /from 0|e-6|0\.000001/.test(key.allowed);
}

function groupNodes({ id, title, keys, open, ifWritten }) {
  const nodes = ifWritten && keys.every((key) => at(state.written, key) === undefined) ? [] : keys.map(node);
  return { id, title, open, nodes: nodes.filter(Boolean) };
}

/** Describes how a key is shown. */
function node(path) {
  const key = help(path);
  if (!key) return null;
  const value = current(path);
  const { allowed } = key;
  const isWritten = at(state.written, path) !== undefined;
  const field = (kind, more = {}) => ({ type: "field", kind, path, value, isWritten, share: isShare(key), ...more });
  if (path === "outcome.control") return controlNode(path, value);
  if (isTag(key)) return { type: "variant", path: parent(path), tag: path.split(".").pop(), value, choices: key.choices.map(({ name }) => name) };
  if (Array.isArray(value) && value.length > 0 && typeof value[0] === "object" || /^an array .* each a table$/.test(allowed)) return listNode(path, value ?? []);
  if (/or a table/.test(allowed) && (typeof value !== "object" || value === null)) return eitherNode(path, field("number"));
  if (value !== null && typeof value === "object" && !Array.isArray(value) || /a table/.test(allowed)) return tableNode(path, value, isWritten, key);
  if (/^one of /.test(allowed)) return field("choice", { choices: allowed.replace("one of ", "").split(", ") });
  if (allowed === "true or false") return field("truth");
  if (/^an array of 7 values/.test(allowed)) return field("seven");
  if (/^an array .* each text/.test(allowed)) return field("names", { names: factorNames(path) });
  if (/^an array/.test(allowed)) return field("numbers");
  if (/number/.test(allowed)) return field("number");
  return field("text");
}

/** Names that a list may have: those of the factors. */
function factorNames(path) {
  const isOfFactors = ["factors", "stratify_by", "adjust_for", "subgroups"].includes(path.split(".").pop());
  if (!isOfFactors) return null;
  const names = (current("factors") ?? []).map((factor) => factor.name);
  return current("centres") ? [...names, "centre"] : names;
}

function controlNode(path, value) {
  const isShaped = value !== undefined && !Array.isArray(value);
  const nodes = isShaped
    ? ["functional_independence", "shape", "mortality"].map((name) => node(`${path}.${name}`))
    : [{ type: "field", kind: "seven", path, value }];
  return { type: "alternatives", path, choices: ["mRS 0–2 and a published shape", "seven numbers"], chosen: isShaped ? 0 : 1, nodes };
}

function eitherNode(path, single) {
  return { type: "either", path, nodes: [single] };
}

function listNode(path, value) {
  const elements = value.map((_, i) => ({ type: "element", path: `${path}[${i}]`, title: value[i]?.name ?? value[i]?.method ?? `${i + 1}`, nodes: children(`${path}[${i}]`).map((name) => node(`${path}[${i}].${name}`)).filter(Boolean) }));
  return { type: "list", path, nodes: elements };
}

function tableNode(path, value, isWritten, key) {
  const isRequired = key.required || key.default !== null;
  if (value === undefined || value === null) return { type: "absent", path, canAdd: NEW[plain(path)] !== undefined || !isRequired };
  if (/exactly one of/.test(key.allowed)) {
    const choices = key.keys;
    const chosen = Object.keys(value)[0];
    return { type: "alternatives", path, choices, chosen: choices.indexOf(chosen), nodes: chosen ? [node(`${path}.${chosen}`)].filter(Boolean) : [] };
  }
  const nodes = children(path).map((name) => node(`${path}.${name}`)).filter(Boolean);
  return { type: "table", path, nodes, removable: isWritten && !isRequired };
}

// Elements.

function id(path) {
  return `f-${path.replace(/[^a-z0-9]+/gi, "-")}`;
}

function build(groups) {
  const form = byId("form");
  const open = new Set([...form.querySelectorAll("details[open]")].map((one) => one.id));
  const isFirst = form.childElementCount === 0;
  const focused = document.activeElement?.id;
  form.replaceChildren(...groups.map((group) => {
    const name = `group-${group.id}`;
    const isOpen = isFirst ? group.open : open.has(name);
    const figure = group.id === "effect" ? el("div", { id: "mrs", class: "mrs" }) : null;
    return el("details", { id: name, class: "group", open: isOpen }, el("summary", {}, group.title), shown(group.nodes), figure);
  }));
  if (focused) byId(focused)?.focus();
}

/** Shows nodes: those that few designs use are folded, unless they are written. */
function shown(nodes) {
  const isRare = (one) => one.type !== "variant" && (RARE.has(plain(one.path)) || isExcluded(one.path)) && at(state.written, one.path) === undefined;
  const rare = nodes.filter(isRare);
  const common = nodes.filter((one) => !isRare(one)).map(element);
  if (rare.length === 0) return common;
  const name = `more-${id(rare[0].path)}`;
  return [...common, el("details", { class: "more", id: name, open: byId(name)?.open }, el("summary", {}, "More settings"), rare.map(element))];
}

/** Whether the other of two keys that exclude each other is given. */
function isExcluded(path) {
  const other = { "design.alpha_one_sided": "design.alpha_two_sided", "design.alpha_two_sided": "design.alpha_one_sided" }[path];
  return other !== undefined && at(state.written, other) !== undefined;
}

function element(one) {
  const { type, path } = one;
  if (type === "field") return fieldElement(one);
  const title = label(path);
  if (type === "variant") return chooser(path, label(`${path}.${one.tag}`), one.choices, one.choices.indexOf(one.value), (i) => chooseVariant(one, i), `${path}.${one.tag}`);
  if (type === "alternatives") {
    const choose = (i) => change(alternative(path, i, one.choices));
    return el("fieldset", { "data-path": path }, el("legend", {}, title), chooser(path, "stated as", one.choices, one.chosen, choose, path), shown(one.nodes), one.nodes.some((each) => each.path === path) ? "" : error(path));
  }
  if (type === "either") return el("div", {}, shown(one.nodes), el("button", { type: "button", class: "quiet", click: () => change([{ path, value: { control: number(current(path)), experimental: number(current(path)) } }]) }, "State one for each arm"));
  if (type === "absent") return one.canAdd ? el("div", { class: "absent", "data-path": path }, el("button", { type: "button", class: "quiet", id: `add-${id(path)}`, click: () => change([{ path, value: newTable(path) }]) }, `Add: ${title}`), error(path)) : "";
  if (type === "list") {
    // Lists that few files have are added as text.
    if (one.nodes.length === 0 && !NEW[plain(path)]) return "";
    const add = NEW[plain(path)] && el("button", { type: "button", class: "quiet", id: `add-${id(path)}`, click: () => change([{ path: one.nodes.length || at(state.written, path) ? `${path}[${one.nodes.length}]` : path, value: one.nodes.length || at(state.written, path) ? NEW[plain(path)] : [NEW[plain(path)]] }]) }, `Add: ${title.replace(/s$/, "").toLowerCase()}`);
    return el("fieldset", { class: "list", "data-path": path }, el("legend", {}, title), one.nodes.map((each, i) => listElement(one, each, i)), error(path), add);
  }
  const remove = one.removable && el("button", { type: "button", class: "quiet", click: () => change([{ path }]) }, `Remove: ${title}`);
  if (FLAT.has(path)) return el("div", { "data-path": path }, shown(one.nodes), error(path), remove);
  return el("fieldset", { "data-path": path }, el("legend", {}, title), shown(one.nodes), error(path), remove);
}

function listElement(list, one, i) {
  const isPrimary = plain(list.path) === "analyses" && isPrimaryAnalysis(i);
  const value = current(one.path);
  const remove = list.nodes.length > 1 && el("button", { type: "button", class: "quiet", click: () => change([{ path: one.path }]) }, "Remove");
  const makePrimary = plain(list.path) === "analyses" && !isPrimary && el("button", { type: "button", class: "quiet", click: () => change(primaryEdits(i)) }, "Make primary");
  const summary = el("summary", {}, one.title, isPrimary ? el("span", { class: "tag" }, "primary") : "");
  return el("details", { id: `element-${id(one.path)}`, "data-path": one.path, open: list.nodes.length < 2 || value?.open }, summary, shown(one.nodes), makePrimary, remove, error(one.path));
}

/** The primary analysis is the marked one, or else the first. */
function isPrimaryAnalysis(i) {
  const analyses = current("analyses") ?? [];
  const marked = analyses.findIndex((one) => one.primary === true);
  return marked < 0 ? i === 0 : i === marked;
}

function primaryEdits(i) {
  const analyses = at(state.written, "analyses") ?? [];
  if (byPath.has("analyses.primary")) {
    const others = analyses.map((one, k) => one.primary === undefined ? null : { path: `analyses[${k}].primary` }).filter(Boolean);
    return [...others, { path: `analyses[${i}].primary`, value: true }];
  }
  // The first is primary: the two change places.
  return [0, i].flatMap((to, k) => [
    ...Object.keys(analyses[to]).filter((key) => key !== "method").map((key) => ({ path: `analyses[${to}].${key}` })),
    ...Object.entries(analyses[[i, 0][k]]).map(([key, value]) => ({ path: `analyses[${to}].${key}`, value })),
  ]);
}

function chooser(path, title, choices, chosen, choose, described) {
  const name = `${id(described)}-choice`;
  const select = el("select", { id: name, "aria-describedby": `${name}-meaning`, change: (event) => choose(event.target.selectedIndex - (chosen < 0 ? 1 : 0)) },
    chosen < 0 ? el("option", { selected: true }, "choose …") : null,
    choices.map((choice, i) => el("option", { selected: i === chosen }, words(choice))));
  const helps = help(described);
  const meaning = helps?.choices?.[chosen]?.meaning ?? "";
  // The frame around alternatives has the place for their errors.
  const place = described === path ? "" : error(described);
  return el("div", { class: "field", "data-path": described }, el("label", { for: name }, title), el("span", { class: "input" }, select), el("p", { class: "hint", id: `${name}-meaning` }, withCode(meaning)), place);
}

function words(choice) {
  return CHOICES[choice] ?? choice.replaceAll("_", " ").replaceAll("-", " ");
}

/** Edits that state a table by another of its alternatives, with the same meaning as far as that can be. */
function alternative(path, i, choices) {
  const [control, experimental] = lastValid?.mrs ?? [];
  const cut = (mrs, k) => mrs ? mrs.slice(0, k + 1).reduce((sum, p) => sum + p, 0) : undefined;
  if (path === "outcome.control") {
    const value = i === 1 ? seven(control) : { functional_independence: rounded(cut(control, 2) ?? 0.25), shape: "hermes-control" };
    return [{ path, value }];
  }
  const choice = choices[i];
  const odds = (p) => p / (1 - p);
  const [p, q] = [cut(control, 2) ?? 0.25, cut(experimental, 2) ?? 0.4];
  const ratio = rounded(odds(q) / odds(p), 3);
  const values = {
    functional_independence: rounded(q),
    probability_at_most: { mrs: 2, value: rounded(q) },
    risk_difference: { mrs: 2, value: rounded(q - p) },
    risk_ratio: { mrs: 2, value: rounded(q / p, 3) },
    common_odds_ratio: ratio,
    common_odds_ratio_of_worse: rounded(1 / ratio, 3),
    conditional_common_odds_ratio: ratio,
    distribution: seven(experimental),
    analysed: lastValid?.analysed ?? [100, 200],
    equally_spaced: lastValid?.looks ?? 1,
    information_fractions: (lastValid?.analysed ?? [1, 2]).map((n, _, all) => rounded(n / all.at(-1), 4)),
  };
  return [{ path: `${path}.${choice}`, value: values[choice] ?? STARTING[choice] ?? 1 }];
}

/** Percentages with two decimals that sum to 100. */
function seven(mrs) {
  const rates = (mrs ?? Array(7).fill(1 / 7)).map((p) => Math.round(1e4 * p));
  const largest = rates.indexOf(Math.max(...rates));
  rates[largest] += 1e4 - rates.reduce((sum, p) => sum + p, 0);
  return rates.map((p) => p / 100);
}

function rounded(x, decimals = 4) {
  return Number(x.toFixed(decimals));
}

function chooseVariant({ path, tag, choices }, i) {
  const variant = choices[i];
  const prefix = `${plain(path)}.`;
  const edits = [{ path: `${path}.${tag}`, value: variant }];
  for (const [key, helps] of byPath) {
    const name = key.slice(prefix.length);
    if (!key.startsWith(prefix) || name.includes(".")) continue;
    const needed = helps.find((one) => one.required && one.only_with?.names.includes(variant));
    // Bounds of one rule mean something else by another.
    if (needed && (name === "bounds" || at(state.written, `${path}.${name}`) === undefined)) edits.push({ path: `${path}.${name}`, value: starting(name, variant) });
  }
  return change(edits);
}

/** Value with which a required key of a variant begins. */
function starting(name, variant) {
  const interims = Math.max(0, (lastValid?.looks ?? 2) - 1);
  const alpha = lastValid?.alpha_one_sided ?? 0.025;
  if (name === "bounds") return Array(interims).fill(variant === "p" ? 0.5 : 0);
  if (name === "spent") return Array.from({ length: interims + 1 }, (_, k) => rounded(alpha * (k + 1) / (interims + 1), 5));
  if (name === "stratify_by" || name === "adjust_for") return (factorNames("stratify_by") ?? []).slice(0, 1);
  if (name === "cuts") return [{ from_points: 0, cut: 2 }];
  if (name === "points") return (current("factors") ?? []).slice(0, 1).map((one) => ({ factor: one.name, of_levels: one.levels.map((_, k) => k) }));
  return STARTING[name] ?? 0;
}

function newTable(path) {
  const own = NEW[plain(path)];
  if (own !== undefined) return own;
  const key = help(path);
  if (/exactly one of/.test(key.allowed)) return { [key.keys[0]]: STARTING[key.keys[0]] ?? 1 };
  const tag = children(path).map((name) => help(`${path}.${name}`)).find((one) => one && isTag(one));
  if (tag) return { [tag.key.split(".").pop()]: tag.choices[0].name };
  return STARTING[path.split(".").pop()] ?? {};
}

// Fields.

function fieldElement(one) {
  const { path, kind } = one;
  const key = help(path);
  const name = id(path);
  const hint = el("p", { class: "hint", id: `${name}-hint` }, withCode(hintText(key, one)));
  const described = `${name}-hint ${name}-error`;
  if (kind === "seven") return sevenElement(one, hint);
  const input = inputOf(one, name, described);
  const unit = unitOf(key, one);
  const canPlot = kind === "number" && !path.startsWith("run.");
  const button = canPlot && el("button", { type: "button", class: "plot", title: `Power against ${label(path)}`, "aria-label": `Plot power against: ${label(path)}`, click: () => plot(path) }, el("span", { "aria-hidden": "true" }, "↗"));
  return el("div", { class: `field ${kind}`, "data-path": path },
    kind === "names" && one.names ? el("span", { class: "label", id: `${name}-label` }, label(path)) : el("label", { for: name }, label(path)),
    el("span", { class: "input" }, input, unit && el("span", { class: "unit" }, unit), button), hint, error(path));
}

function unitOf(key, one) {
  if (one.share) return "%";
  if (one.kind !== "number") return "";
  const unit = key.unit ?? "";
  return ["patients", "patients per month", "patients with an outcome", "months", "days", "minutes", "passes", "replicates"].includes(unit) ? unit.replace("patients per month", "a month").replace("patients with an outcome", "patients") : "";
}

/** A text whose parts between backticks are keys. */
function withCode(text) {
  return text.split("`").map((part, i) => i % 2 === 1 ? el("code", {}, part) : part);
}

function hintText(key, one) {
  const scaled = (text) => one.share ? text.replace(/-?[\d.]+(e-?\d+)?/g, (n) => String(Number((100 * Number(n)).toPrecision(6)))) + " %" : text;
  const range = one.kind === "number" ? scaled(key.allowed.replace(/^a /, "").split(", or a table")[0]) : one.kind === "numbers" ? "numbers with commas" : "";
  const given = key.default && !/^\{/.test(key.default) ? `default ${one.share && Number(key.default) >= 0 ? `${100 * Number(key.default)} %` : key.default}` : "";
  return [key.meaning, [range, given].filter(Boolean).join("; ")].filter(Boolean).join(" Allowed: ".repeat(range || given ? 1 : 0) || " ");
}

function error(path) {
  return el("p", { class: "error", id: `${id(path)}-error`, "data-error": path });
}

function inputOf(one, name, described) {
  const { path, kind, value } = one;
  const send = (parsed) => change([{ path, value: parsed }]);
  if (kind === "choice") {
    return el("select", { id: name, "aria-describedby": described, change: (event) => send(one.choices[event.target.selectedIndex]) },
      one.choices.map((choice) => el("option", { selected: choice === value }, words(choice))));
  }
  if (kind === "truth") return el("input", { type: "checkbox", id: name, checked: value === true, "aria-describedby": described, change: (event) => send(event.target.checked) });
  if (kind === "names" && one.names) {
    const chosen = new Set(value ?? []);
    const boxes = one.names.map((factor, i) => el("label", { class: "box" }, el("input", { type: "checkbox", id: `${name}-${i}`, checked: chosen.has(factor), change: (event) => {
      if (event.target.checked) chosen.add(factor); else chosen.delete(factor);
      const list = one.names.filter((each) => chosen.has(each));
      send(list.length > 0 ? list : null);
    } }), factor));
    return el("span", { role: "group", "aria-labelledby": `${name}-label` }, boxes.length ? boxes : "no factors");
  }
  const key = help(path);
  return el("input", {
    type: "text", id: name, inputmode: kind === "number" ? "decimal" : null, value: one.isWritten ? textOf(one) : "", placeholder: textOf(one),
    "aria-describedby": described, class: kind === "number" ? "short" : null,
    input: (event) => typed(one, event.target.value, send),
  });
}

/** Seven numbers, one for each level of the mRS. */
function sevenElement(one, hint) {
  const { path } = one;
  const values = Array.isArray(one.value) ? one.value : Array(7).fill("");
  const inputs = values.map((value, i) => el("label", { class: "level" }, String(i), el("input", {
    type: "text", inputmode: "decimal", id: `${id(path)}-${i}`, value: String(value), "aria-label": `mRS ${i}`, "aria-describedby": `${id(path)}-error`,
    input: (event) => typed({ ...one, kind: "number", share: false, path: `${path}[${i}]` }, event.target.value, (parsed) => change([{ path: `${path}[${i}]`, value: parsed ?? 0 }])),
  })));
  const sum = el("span", { class: "unit", id: `${id(path)}-sum` }, sumOf(values));
  // The control arm and a distribution have their titles above.
  const title = ["outcome.control", "outcome.experimental.distribution"].includes(path) ? "" : el("span", { class: "label" }, label(path));
  return el("div", { class: "field seven", "data-path": path, role: "group", "aria-label": `${label(path)}: patients by mRS` }, title, el("span", { class: "levels" }, inputs), sum, hint, error(path));
}

function sumOf(values) {
  const sum = values.reduce((all, value) => all + Number(value), 0);
  return Number.isFinite(sum) ? `sum ${Number(sum.toFixed(4))}` : "";
}

function textOf({ value, kind, share }) {
  if (value === undefined || value === null) return "";
  if (kind === "numbers" || kind === "names") return Array.isArray(value) ? value.join(", ") : String(value);
  if (share && typeof value === "number") return String(Number((100 * value).toPrecision(10)));
  return String(value);
}

/** A number as people type it: with a decimal comma, a per cent sign, thin spaces. "1,250" may be either. */
function number(text) {
  const bare = String(text).replace(/[\s\u00a0\u202f%]/g, "");
  if (/^[+-]?[1-9]\d{0,2},\d{3}$/.test(bare)) return undefined;
  const clean = bare.replace(/^([+-]?\d+),(\d+)$/, "$1.$2").replace("−", "-");
  return clean !== "" && Number.isFinite(Number(clean)) ? Number(clean) : undefined;
}

function typed({ kind, share, path }, text, send) {
  if (text.trim() === "") return send(null);
  if (kind === "numbers") {
    const numbers = text.split(/[;,\s]+/).filter(Boolean).map((each) => number(each) ?? each);
    return send(numbers);
  }
  if (kind === "names") return send(text.split(",").map((each) => each.trim()).filter(Boolean));
  if (kind !== "number") return send(text);
  const parsed = number(text);
  if (parsed === undefined) return send(text);
  return send(share ? Number((parsed / 100).toPrecision(12)) : parsed);
}

// Values and problems of the fields that are there.

function update(groups) {
  const visit = (one) => {
    if (one.type === "field") refresh(one);
    (one.nodes ?? []).forEach(visit);
  };
  groups.forEach((group) => group.nodes.forEach(visit));
}

function refresh(one) {
  const { path, kind, value } = one;
  if (kind === "seven") {
    const values = Array.isArray(value) ? value : [];
    values.forEach((each, i) => set(byId(`${id(path)}-${i}`), String(each)));
    const sum = byId(`${id(path)}-sum`);
    if (sum) sum.textContent = sumOf(values);
    return;
  }
  const input = byId(id(path));
  if (!input) return;
  if (kind === "truth") input.checked = value === true;
  else if (kind === "choice") input.selectedIndex = one.choices.indexOf(value);
  else {
    // What is not written is the default, or follows from other values: it is shown in grey.
    set(input, one.isWritten ? textOf(one) : "");
    input.placeholder = textOf(one);
  }
}

function set(input, text) {
  // What is being typed stays as typed.
  if (input && input !== document.activeElement && input.value !== text) input.value = text;
}

function showFigure() {
  const figure = state.valid?.figures.find((one) => one.name === "mrs");
  const place = byId("mrs");
  if (!figure || !place) return;
  const svg = rendered(figure.html).querySelector("svg");
  svg.removeAttribute("aria-describedby");
  place.replaceChildren(svg);
}

function showProblems() {
  const form = byId("form");
  for (const place of form.querySelectorAll(".error")) place.textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  const list = [];
  for (const { path, message, line } of state.problems) {
    const place = placeOf(path);
    if (place) {
      place.element.textContent = `${place.path === path || path === "" ? "" : `${path} `}${message}`;
      for (let above = place.element; above; above = above.parentElement?.closest("details")) if (above.tagName === "DETAILS") above.open = true;
      const input = byId(id(path)) ?? place.element.parentElement.querySelector("input, select");
      input?.setAttribute("aria-invalid", "true");
      list.push(el("li", {}, el("a", { href: `#${input?.id ?? ""}`, click: (event) => { event.preventDefault(); input?.focus(); } }, label(path || place.path)), `: ${message}`));
    } else {
      list.push(el("li", {}, `${line ? `line ${line}: ` : ""}${path ? `${path} ` : ""}${message}`));
    }
  }
  const problems = byId("problems");
  problems.hidden = list.length === 0;
  problems.replaceChildren(...(list.length === 0 ? [] : [el("strong", {}, list.length === 1 ? "1 error" : `${list.length} errors`), el("ul", {}, list)]));
}

/** Place for a message: that of the key, or of the nearest table above it. */
function placeOf(path) {
  for (let above = path; above; ) {
    const element = byId("form").querySelector(`[data-error="${CSS.escape(above)}"]`);
    if (element) return { element, path: above };
    const next = parent(above);
    if (next === above) return null;
    above = next;
  }
  return null;
}
