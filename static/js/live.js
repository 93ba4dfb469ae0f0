// @ts-check
// One WebSocket per page says which sections are stale; each is fetched again from its own address, so access is
// checked again. Without the socket the page looks every ten seconds. <body data-live="/ws/live/"> turns it on;
// <section id="timeline" data-section="run:7:timeline" data-version="41" data-src="?tab=timeline"> takes part.

import { isBusy, swap } from "./swap.js";

const BACK_OFF_MS = [1000, 2000, 5000, 10000, 30000];
const POLL_MS = 10000;
const PING_MS = 25000;
const SIGNED_OUT = 4401;
const NO_ACCESS = 4403;

/** @type {WebSocket | null} */
let socket = null;
let failures = 0;
let fetching = false;
let over = "";

/** Names of sections that are known to be stale. @type {Set<string>} */
const stale = new Set();
/** The newest version the server has named, so that one version is fetched once. @type {Map<string, number>} */
const named = new Map();
/** Ids of sections that the person has paused. @type {Set<string>} */
const paused = new Set();

/** @returns {HTMLElement[]} */
const sections = () => [...document.querySelectorAll("[data-version]")].map((one) => /** @type {any} */ (one));
/** @param {HTMLElement} section */
const nameOf = (section) => section.dataset.section ?? section.id;
/** @param {HTMLElement} section */
const sourceOf = (section) => new URL(section.dataset.src ?? "", location.href).href;

/** @param {HTMLElement} section */
const versionOf = (section) => Math.max(Number(section.dataset.version), named.get(nameOf(section)) ?? 0);

/** @param {Record<string, number>} versions */
function noteStale(versions) {
  for (const section of sections()) {
    const name = nameOf(section);
    if (!(versions[name] > versionOf(section))) continue;
    named.set(name, versions[name]);
    stale.add(name);
  }
  refresh();
}

/** Fetch what is stale and free, one request per address. */
async function refresh() {
  if (fetching || over) return;
  const due = sections().filter((one) => stale.has(nameOf(one)) && !paused.has(one.id) && !isBusy(one));
  if (due.length === 0) return;
  fetching = true;
  const sources = new Set(due.map(sourceOf));
  try {
    for (const source of sources) await fetchSections(source, due.filter((one) => sourceOf(one) === source));
  } finally {
    fetching = false;
  }
  watch();
}

/**
 * @param {string} source
 * @param {HTMLElement[]} due
 */
async function fetchSections(source, due) {
  const response = await fetch(source, { headers: { "HX-Request": "true", "HX-Target": due.length === 1 ? due[0].id : "" } }).catch(() => null);
  if (!response) return;
  if (response.redirected || response.status === 401) return end("signed out");
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of due) {
    const fresh = page.getElementById(old.id);
    stale.delete(nameOf(old));
    if (fresh && old.isConnected && !isBusy(old)) swap(old, fresh);
  }
  if (page.title) document.title = page.title;
}

function watch() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const versions = Object.fromEntries(sections().map((one) => [nameOf(one), versionOf(one)]));
  socket.send(JSON.stringify({ type: "watch", sections: versions }));
}

/** @param {string} url */
function connect(url) {
  socket = new WebSocket(url);
  socket.addEventListener("open", () => {
    failures = 0;
    watch();
    showState();
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    if (event.code === SIGNED_OUT) return end("signed out");
    if (event.code === NO_ACCESS) return end("no access");
    const pause = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)];
    failures += 1;
    setTimeout(() => connect(url), pause * (0.8 + 0.4 * Math.random()));
    showState();
  });
}

/** @param {{type?: string, sections?: Record<string, number>}} message */
function receive(message) {
  if (message.type === "reload") {
    if (!sections().some(isBusy)) location.reload();
  } else if (message.sections) {
    noteStale(message.sections);
  }
}

function poll() {
  if (socket?.readyState === WebSocket.OPEN || document.hidden || over) return;
  for (const section of sections()) stale.add(nameOf(section));
  refresh();
}

/** @param {string} reason */
function end(reason) {
  over = reason;
  socket?.close();
  showState();
}

function showState() {
  const open = socket?.readyState === WebSocket.OPEN;
  for (const chip of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-live-state]"))) {
    const still = paused.has(chip.closest("[data-version]")?.id ?? "");
    chip.hidden = false;
    chip.classList.toggle("live", open && !still && !over);
    const word = chip.querySelector("span");
    if (word) word.textContent = over || (still ? "paused" : open ? "live" : "every 10 s");
  }
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-pause]"))) {
    const still = paused.has(button.dataset.pause ?? "");
    button.setAttribute("aria-pressed", String(still));
    button.textContent = still ? "Go on" : "Pause";
  }
}

/** @param {string} id */
function togglePause(id) {
  if (!paused.delete(id)) paused.add(id);
  showState();
  refresh();
}

/** A section in which earlier rows were loaded stays as it is until somebody lets it go on.
 * @param {Event} event */
function hold(event) {
  const link = /** @type {Element} */ (event.target).closest("[data-earlier]");
  const id = link?.closest("[data-version]")?.id;
  if (!id) return;
  paused.add(id);
  showState();
}

/** @param {string} path */
function start(path) {
  connect(new URL(path, location.href.replace(/^http/, "ws")).href);
  setInterval(poll, POLL_MS);
  setInterval(() => socket?.readyState === WebSocket.OPEN && socket.send('{"type": "ping"}'), PING_MS);
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-pause]");
    if (button) togglePause(button.getAttribute("data-pause") ?? "");
  });
  for (const name of ["focusout", "change", "selectionchange", "visibilitychange"]) {
    document.addEventListener(name, () => setTimeout(refresh, 0));
  }
  document.addEventListener("htmx:beforeRequest", hold);
  document.addEventListener("portal:swapped", showState);
  document.addEventListener("htmx:afterSettle", watch);
  showState();
}

const path = document.body.dataset.live;
if (path) start(path);
