// @ts-check
// Rows that open on a click anywhere, and selections whose verbs say how many they apply to.
// <form data-bulk> holds .bulk, a checkbox [data-select-all] and rows <tr data-can="retry cancel"> with `.x input`.

/** @param {Element} form @returns {HTMLInputElement[]} */
const boxes = (form) => [...form.querySelectorAll("tbody .x input")].map((box) => /** @type {any} */ (box));

/** @param {Element} form */
function count(form) {
  const all = boxes(form);
  const chosen = all.filter((box) => box.checked).map((box) => box.closest("tr"));
  const bar = /** @type {HTMLElement | null} */ (form.querySelector(".bulk"));
  if (bar) bar.hidden = chosen.length === 0;
  for (const place of form.querySelectorAll("[data-bulk-count]")) place.textContent = String(chosen.length);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (form.querySelectorAll("button[data-verb]"))) {
    const able = chosen.filter((row) => row?.dataset.can?.split(" ").includes(button.dataset.verb ?? "")).length;
    const label = button.querySelector("[data-label]") ?? button;
    button.dataset.words ??= label.textContent?.replace(/…$/, "").trim() ?? "";
    label.textContent = `${button.dataset.words} ${able === chosen.length ? able : `${able} of ${chosen.length}`}…`;
    button.disabled = able === 0;
  }
  const every = /** @type {HTMLInputElement | null} */ (form.querySelector("[data-select-all]"));
  if (every) {
    every.checked = chosen.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
  }
}

document.addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  const form = box.closest("form[data-bulk]");
  if (!form) return;
  if (box.matches("[data-select-all]")) for (const one of boxes(form)) one.checked = box.checked;
  count(form);
});

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const row = target.closest("tr:has(.rowlink), li:has(> * .rowlink)");
  if (!row || target.closest("a, button, input, label, summary, time, select, textarea")) return;
  if (getSelection()?.isCollapsed === false) return;
  const link = /** @type {HTMLAnchorElement | null} */ (row.querySelector(".rowlink"));
  if (link) event.ctrlKey || event.metaKey ? open(link.href, "_blank", "noopener") : link.click();
});

function countAll() {
  for (const form of document.querySelectorAll("form[data-bulk]")) count(form);
}

document.addEventListener("portal:swapped", countAll);
document.addEventListener("htmx:afterSettle", countAll);
countAll();
