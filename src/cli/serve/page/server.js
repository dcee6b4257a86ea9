// Calls of the server that serves this page, and small helpers for the document.

/** Asks the server; the answer is JSON. Throws an error with the server's sentence. */
export async function ask(name, body = {}, signal = undefined) {
  const response = await call(name, body, signal);
  return response.json();
}

/** Asks for something that takes long; yields its events, a line of JSON each. */
export async function* events(name, body, signal) {
  const response = await call(name, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function call(name, body, signal) {
  let response;
  try {
    response = await fetch(`api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("rescuesim serve has ended. Start it again, and open the new address.");
  }
  if (!response.ok) throw new Error((await response.text()).trim());
  return response;
}

/** Makes an element. Attributes that are functions listen to events; false and null leave one out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Makes nodes of a part of a page that the server has rendered and escaped. */
export function rendered(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

export const byId = (id) => document.getElementById(id);

/** Says something to people who do not see the page. */
export function announce(text) {
  byId("live").textContent = text;
}

/** Makes the buttons of a list of tabs show their panels; arrow keys move between them. */
export function tabs(list, shown = () => {}) {
  const all = () => [...list.querySelectorAll("[role=tab]")].filter((tab) => !tab.hidden);
  const show = (chosen) => {
    for (const tab of list.querySelectorAll("[role=tab]")) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
    shown(chosen.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) show(tab);
  });
  list.addEventListener("keydown", (event) => {
    const tabs = all();
    const at = tabs.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    tab.focus();
    show(tab);
  });
  show(all()[0]);
  return { show: (panel) => show(list.querySelector(`[aria-controls=${panel}]`)) };
}

/** Saves a text as a file. */
export function save(name, content, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Writes a whole number with thin spaces between thousands. */
export function grouped(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Writes a share as a percentage, with as many decimals as its error supports. */
export function percent(value, error = 0) {
  if (value === null || value === undefined) return "–";
  const decimals = error > 0 ? Math.min(4, Math.max(0, -Math.floor(Math.log10(100 * error)))) : 1;
  return `${(100 * value).toFixed(decimals)}\u00a0%`;
}

/** Writes an estimated share with its Monte Carlo error. */
export function estimated({ value, mcse }) {
  if (value === null) return "–";
  if (!(mcse > 0)) return percent(value, 0.001);
  const decimals = Math.min(4, Math.max(0, -Math.floor(Math.log10(100 * mcse))));
  return `${(100 * value).toFixed(decimals)} ±${(100 * mcse).toFixed(decimals)}\u00a0%`;
}

/** Joins numbers with their units, so that no line ends between them. */
export function joined(text) {
  return text.replaceAll(" %", "\u00a0%");
}
