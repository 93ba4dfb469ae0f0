// @ts-check
// Single keys: search, help, going places, moving through rows. No key decides anything.

import { recall, remember } from "./store.js";

const PLACES = /** @type {Record<string, string>} */ ({ r: "/runs", a: "/approvals", p: "/procedures" });
const CHORD_MS = 1200;

let chordUntil = 0;

const help = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys"));
const toggle = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-keys-on]"));

/** @param {Element | null} place */
function takesText(place) {
  return place instanceof HTMLElement && (place.isContentEditable || place.matches("input:not([type=checkbox], [type=radio]), textarea, select"));
}

/** @param {number} step */
function moveRow(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".rowlink")]);
  const here = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  links[next]?.focus();
}

function search() {
  const fields = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#q, #q-menu")]);
  fields.find((field) => field.offsetParent !== null)?.focus();
}

/**
 * @param {string} key
 * @returns {boolean} whether the key meant something
 */
function act(key) {
  const place = Date.now() < chordUntil ? PLACES[key] : undefined;
  chordUntil = key === "g" ? Date.now() + CHORD_MS : 0;
  if (place) location.assign(place);
  else if (key === "/") search();
  else if (key === "?") help?.showModal();
  else if (key === "j") moveRow(1);
  else if (key === "k") moveRow(-1);
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (takesText(document.activeElement) || document.querySelector("dialog[open]")) return;
  if (recall("keysOff") !== null) return;
  if (act(event.key)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("[data-keys-help]")) help?.showModal();
});

if (toggle) {
  toggle.checked = recall("keysOff") === null;
  toggle.addEventListener("change", () => remember("keysOff", toggle.checked ? null : "1"));
}
