// @ts-check
// Long lists show their end and load earlier rows while one scrolls. <div class="scroll" data-follow> stays at its end
// until somebody scrolls up; <a data-earlier hx-get=…> in it is replaced by the rows before it, and nothing jumps.

const NEAR_PX = 40;

/** Which lists have left their end, by the id of their section. @type {Set<string>} */
const left = new Set();

/** @param {Element} list */
const keyOf = (list) => list.closest("[id]")?.id ?? "";
/** @param {Element} list */
const isAtEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
/** @returns {Element[]} */
const lists = () => [...document.querySelectorAll("[data-follow]")];

function follow() {
  for (const list of lists()) if (!left.has(keyOf(list))) list.scrollTop = list.scrollHeight;
}

document.addEventListener(
  "scroll",
  (event) => {
    const list = event.target;
    if (!(list instanceof Element) || !list.matches("[data-follow]")) return;
    if (isAtEnd(list)) left.delete(keyOf(list));
    else left.add(keyOf(list));
  },
  true,
);

document.addEventListener("htmx:beforeSwap", (event) => {
  const list = /** @type {Element} */ (event.target).closest("[data-follow]");
  if (!list) return;
  const below = list.scrollHeight - list.scrollTop;
  document.addEventListener("htmx:afterSwap", () => (list.scrollTop = list.scrollHeight - below), { once: true });
});

document.addEventListener("portal:swapped", follow);
follow();
