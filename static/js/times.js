// @ts-check
// Relative times stay true while a page is open; a click on one shows exact times on the whole page.
// `data-t` is "ago <units> [suffix]", "due" or "chip"; the wording is that of the server.

import { remember } from "./store.js";

const root = document.documentElement;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const TICK_MS = 15000;

/** @param {number} whole @param {number} size @param {string} word @param {number} small @param {string} smallWord @param {boolean} both */
function pair(whole, size, word, small, smallWord, both) {
  const rest = Math.floor((whole % size) / small);
  const head = `${Math.floor(whole / size)} ${word}`;
  return rest && both ? `${head} ${rest} ${smallWord}` : head;
}

/**
 * @param {number} seconds less than a day
 * @param {number} units
 */
export function span(seconds, units = 2) {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return pair(whole, MINUTE, "min", 1, "s", units > 1 && whole < 10 * MINUTE);
  return pair(whole, HOUR, "h", MINUTE, "min", units > 1 && whole < 10 * HOUR);
}

/** @param {HTMLTimeElement} element @param {number} now @returns {string | null} the words, or null to leave them */
function words(element, now) {
  const [kind, units, suffix] = (element.dataset.t ?? "").split(" ");
  const past = (now - Date.parse(element.dateTime)) / 1000;
  if (Math.abs(past) >= DAY) return null;
  if (kind === "ago") return [span(past, Number(units)), suffix].filter(Boolean).join(" ");
  if (kind === "chip") return chip(past);
  const when = element.title.slice(11, 16);
  return past > 0 ? `${span(past)} overdue, since ${when}` : (element.textContent ?? "").replace(/^in [^,]*/, `in ${span(-past)}`);
}

/** @param {number} past @returns {string | null} */
function chip(past) {
  if (past > 0) return `${span(past)} overdue`;
  return past > -2 * HOUR ? `due in ${span(-past)}` : null;
}

/** @param {ParentNode} place */
function show(place) {
  const exact = root.dataset.times === "exact";
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (place.querySelectorAll("time[data-t]"))) {
    element.dataset.words ??= element.textContent ?? "";
    const fresh = exact ? element.title.replace(/ \S+$/, "") : words(element, Date.now());
    element.textContent = fresh ?? element.dataset.words;
  }
  for (const button of document.querySelectorAll("[data-times-toggle]")) {
    button.setAttribute("aria-pressed", String(exact));
  }
}

function toggle() {
  if (root.dataset.times === "exact") delete root.dataset.times;
  else root.dataset.times = "exact";
  remember("exactTimes", root.dataset.times === "exact" ? "1" : null);
  for (const element of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-words]"))) {
    element.textContent = element.dataset.words ?? "";
  }
  show(document);
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const isTime = target.closest("time[data-t]") && !target.closest("a, button, summary, .rowlink");
  if (isTime || target.closest("[data-times-toggle]")) toggle();
});
document.addEventListener("portal:swapped", (event) => show(/** @type {Element} */ (event.target).parentElement ?? document));
document.addEventListener("htmx:afterSettle", () => show(document));
setInterval(() => show(document), TICK_MS);
if (root.dataset.times === "exact") show(document);
