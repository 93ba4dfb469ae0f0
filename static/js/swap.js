// @ts-check
// Replacing a section by its fresh version without taking anything from the person at work in it.

const SCROLLING = ".scroll, .json, .tabs, .canvas";

/** @param {Element} control */
function isChanged(control) {
  if (control instanceof HTMLSelectElement) {
    const options = [...control.options];
    const original = Math.max(options.findIndex((option) => option.defaultSelected), 0);
    return control.selectedIndex !== original;
  }
  if (control instanceof HTMLTextAreaElement) return control.value !== control.defaultValue;
  if (!(control instanceof HTMLInputElement)) return false;
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  return control.type !== "hidden" && control.value !== control.defaultValue;
}

/**
 * Whether somebody types, chooses, marks text or answers a dialog in the section.
 * @param {Element} section
 */
export function isBusy(section) {
  const active = document.activeElement;
  if (active && section.contains(active) && active.matches("textarea, select, input:not([type=checkbox], [type=radio])")) return true;
  if (section.querySelector("dialog[open]")) return true;
  const selection = getSelection();
  if (selection && !selection.isCollapsed && section.contains(selection.anchorNode)) return true;
  return [...section.querySelectorAll("input, textarea, select")].some(isChanged);
}

/** @param {Element} section */
function focusKey(section) {
  const active = document.activeElement;
  if (!active || !section.contains(active)) return null;
  return { id: active.id, href: active.getAttribute("href"), name: active.getAttribute("name"), at: focusables(section).indexOf(active) };
}

/** @param {Element} section */
const focusables = (section) => [...section.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];

/** @param {Element} section @param {ReturnType<typeof focusKey>} key */
function restoreFocus(section, key) {
  if (!key) return;
  const all = focusables(section);
  const found =
    all.find((one) => key.id && one.id === key.id) ??
    all.find((one) => key.href && one.getAttribute("href") === key.href) ??
    all.find((one) => key.name && one.getAttribute("name") === key.name) ??
    all[key.at];
  /** @type {HTMLElement | undefined} */ (found)?.focus({ preventScroll: true });
}

/** @param {Element} details */
const detailsKey = (details) => details.id || details.querySelector("summary")?.textContent?.trim() || "";

/** The first element with an id that can be seen in the section: it stays where it is on the screen.
 * @param {Element} section */
function anchorOf(section) {
  const seen = [...section.querySelectorAll("[id]")].find((one) => {
    const top = one.getBoundingClientRect().top;
    return top >= 0 && top < innerHeight;
  });
  return seen && section.getBoundingClientRect().top < 0 ? { id: seen.id, top: seen.getBoundingClientRect().top } : null;
}

/**
 * Put `fresh` in the place of `old`; focus, scroll positions and opened details stay.
 * @param {Element} old
 * @param {Element} fresh
 */
export function swap(old, fresh) {
  const focus = focusKey(old);
  const anchor = anchorOf(old);
  const scrolls = [...old.querySelectorAll(SCROLLING)].map((one) => [one.scrollTop, one.scrollLeft]);
  const opened = new Set([...old.querySelectorAll("details[open]")].map(detailsKey));
  old.replaceWith(fresh);
  for (const details of fresh.querySelectorAll("details")) {
    if (opened.has(detailsKey(details))) details.open = true;
  }
  fresh.querySelectorAll(SCROLLING).forEach((one, at) => one.scrollTo(scrolls[at]?.[1] ?? 0, scrolls[at]?.[0] ?? 0));
  restoreFocus(fresh, focus);
  const now = anchor && document.getElementById(anchor.id);
  if (now) scrollBy(0, now.getBoundingClientRect().top - anchor.top);
  /** @type {any} */ (window).htmx?.process(fresh);
  fresh.dispatchEvent(new CustomEvent("portal:swapped", { bubbles: true }));
}
