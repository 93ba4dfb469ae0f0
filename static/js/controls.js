// @ts-check
// Menus, toasts, copying, colours.

import { recall, remember } from "./store.js";

const root = document.documentElement;
const COPIED_MS = 1500;

/** @returns {HTMLDetailsElement[]} */
const openMenus = () => [...document.querySelectorAll("details.menu[open]")].map((menu) => /** @type {any} */ (menu));

/** @param {Element | null} except */
function closeMenus(except = null) {
  for (const menu of openMenus()) {
    if (menu !== except && !(except && menu.contains(except))) menu.open = false;
  }
}

/** @param {HTMLElement} button */
async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  const use = button.querySelector("use");
  const before = use?.getAttribute("href") ?? "";
  use?.setAttribute("href", before.replace(/#.*/, "#check"));
  setTimeout(() => use?.setAttribute("href", before), COPIED_MS);
}

/** @param {string} choice "auto", "light" or "dark" */
function chooseTheme(choice) {
  if (choice === "auto") delete root.dataset.theme;
  else root.dataset.theme = choice;
  remember("adminTheme", JSON.stringify(choice));
  markTheme();
}

function markTheme() {
  const choice = root.dataset.theme ?? "auto";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-theme-choice") === choice));
  }
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  closeMenus(target);
  const dismiss = target.closest("[data-dismiss]");
  if (dismiss) {
    event.preventDefault();
    dismiss.closest(".toast")?.remove();
  }
  const copyButton = target.closest("[data-copy]");
  if (copyButton) copy(/** @type {HTMLElement} */ (copyButton));
  const choice = target.closest("[data-theme-choice]")?.getAttribute("data-theme-choice");
  if (choice) chooseTheme(choice);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
    menu.open = false;
  }
});

document.addEventListener("focusin", (event) => closeMenus(/** @type {Element} */ (event.target)));
window.addEventListener("storage", (event) => {
  if (event.key === "adminTheme") chooseTheme(JSON.parse(recall("adminTheme") ?? '"auto"'));
});

for (const tab of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tabs > [aria-current]"))) {
  const strip = tab.parentElement;
  if (strip) strip.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - strip.offsetLeft - strip.clientWidth / 2;
}
if (!navigator.clipboard) root.classList.add("no-clipboard");
markTheme();
