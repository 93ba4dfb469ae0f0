// @ts-check
// Graphs that are larger than their frame: they open at the node that matters, are dragged, and zoom by buttons.
// <div class="scroll"><svg data-graph width="640">…</svg></div> <button data-zoom="in">: "in", "out" or "fit".

const STEPS = [0.5, 0.65, 0.8, 1, 1.25, 1.6, 2];
const DRAG_PX = 4;
const MATTERS = ['a[aria-current="true"]', "g.n-warn", "g.n-bad", "g.n-live"];

/** The zoom that was chosen, by the name of the graph; without one a graph fits its frame. @type {Map<string, number>} */
const chosen = new Map();

/** @param {Element} svg */
const nameOf = (svg) => svg.closest("[aria-label]:not(svg)")?.getAttribute("aria-label") ?? "";
/** @param {Element} svg */
const naturalWidth = (svg) => Number(svg.getAttribute("viewBox")?.split(" ")[2]);

/** @param {Element} svg */
function resize(svg) {
  const zoom = chosen.get(nameOf(svg));
  svg.classList.toggle("zoomed", zoom !== undefined);
  svg.setAttribute("width", String(Math.round(naturalWidth(svg) * (zoom ?? 1))));
}

/** @param {Element} svg */
function showWhatMatters(svg) {
  const frame = svg.closest(".scroll");
  const target = MATTERS.map((kind) => svg.querySelector(kind)).find(Boolean) ?? svg.querySelector("a, g");
  if (!frame || !target) return;
  const [outer, inner] = [frame.getBoundingClientRect(), target.getBoundingClientRect()];
  frame.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

/** The zoom at which the whole width can be seen, at most the natural one. @param {Element} svg */
function fitting(svg) {
  const frame = svg.closest(".scroll");
  const padding = frame ? parseFloat(getComputedStyle(frame).paddingLeft) * 2 : 0;
  return Math.min(1, ((frame?.clientWidth ?? Infinity) - padding) / naturalWidth(svg));
}

/** @param {Element} svg @param {string} way */
function zoom(svg, way) {
  const name = nameOf(svg);
  const now = svg.getBoundingClientRect().width / naturalWidth(svg);
  const next = way === "in" ? STEPS.find((step) => step > now + 0.01) : STEPS.findLast((step) => step < now - 0.01);
  if (way === "fit") chosen.set(name, fitting(svg));
  else if (next) chosen.set(name, next);
  resize(svg);
  showWhatMatters(svg);
}

/** @param {PointerEvent} down */
function drag(down) {
  const frame = /** @type {Element} */ (down.target).closest(".scroll:has(> svg[data-graph])");
  if (!frame || down.button !== 0 || down.pointerType !== "mouse") return;
  const [left, top] = [frame.scrollLeft, frame.scrollTop];
  let moved = false;
  /** @param {PointerEvent} move */
  const follow = (move) => {
    const [x, y] = [move.clientX - down.clientX, move.clientY - down.clientY];
    moved ||= Math.hypot(x, y) > DRAG_PX;
    if (moved) frame.scrollTo(left - x, top - y);
  };
  const release = () => {
    document.removeEventListener("pointermove", follow);
    if (moved) document.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
  };
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerup", release, { once: true });
}

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-zoom]");
  const svg = button?.closest("[data-graph-frame]")?.querySelector("svg[data-graph]");
  if (svg) zoom(svg, button?.getAttribute("data-zoom") ?? "fit");
});
document.addEventListener("pointerdown", drag);
document.addEventListener("dragstart", (event) => {
  if (/** @type {Element} */ (event.target).closest?.("svg[data-graph]")) event.preventDefault();
});
document.addEventListener("portal:swapped", (event) => {
  for (const svg of /** @type {Element} */ (event.target).querySelectorAll("svg[data-graph]")) resize(svg);
});
for (const svg of document.querySelectorAll("svg[data-graph]")) showWhatMatters(svg);
