"""The scripts of the shell in Chromium, with made-up pages and a made-up socket, under the real content policy."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, WebSocketRoute, expect

from langorch.middleware import POLICY

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parent.parent.parent / "static"
ORIGIN = "http://portal.test"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEAD = """<!doctype html><html lang="en"><head><title>Test</title><script src="/static/js/theme.js"></script>
<link rel="stylesheet" href="/static/css/tokens.css"><link rel="stylesheet" href="/static/css/portal.css">
<script src="/static/vendor/htmx.min.js" defer></script><script type="module" src="/static/js/portal.js"></script>
<meta name="htmx-config" content='{"includeIndicatorStyles": false, "allowEval": false}'></head>"""

AWAY = '<button id="away">Away</button>'


class Site:
    """Pages by path, what was asked for, and the socket that the page opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[dict[str, Any]] = []
        page.route(f"{ORIGIN}/**", self._answer)
        page.route_web_socket(re.compile("/ws/live/"), self._socket)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note)

    def _note(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.faults.append(line.text)

    def _answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            route.fulfill(body=file.read_text(), content_type=KINDS[file.suffix])
            return
        self.asked.append(route.request.url.removeprefix(ORIGIN))
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"}
        route.fulfill(body=HEAD + self.pages[path], headers=headers)

    def _socket(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.heard.append(json.loads(text)))

    def open(self, path: str, body: str) -> Page:
        self.pages[path] = body
        self.page.goto(ORIGIN + path)
        return self.page

    def say(self, **message) -> None:
        self.sockets[-1].send(json.dumps(message))


@pytest.fixture
def site(chromium: Browser) -> Iterator[Site]:
    context = chromium.new_context(viewport={"width": 1280, "height": 700})
    made = Site(context.new_page())
    yield made
    context.close()
    assert made.faults == []


def live(*sections: str) -> str:
    return f'<body data-live="/ws/live/"><main id="main">{"".join(sections)}</main></body></html>'


def section(name: str, version: int, content: str, source: str = "") -> str:
    return f'<section id="{name}" data-version="{version}" data-src="{source}">{content}</section>'


def until(page: Page, condition: str) -> None:
    page.wait_for_function(condition, timeout=5000)


def wait_for_watch(site: Site, count: int = 1) -> None:
    """Until the page has told the server `count` times what it shows."""
    for _ in range(100):
        if sum(message["type"] == "watch" for message in site.heard) >= count:
            return
        site.page.wait_for_timeout(50)
    raise AssertionError(f"watched {site.heard}")


def test_stale_sections_are_fetched_once_per_address(site):
    page = site.open("/run", live(section("graph", 1, "old graph"), section("timeline", 1, "old timeline")))
    wait_for_watch(site)
    assert site.heard[0] == {"type": "watch", "sections": {"graph": 1, "timeline": 1}}
    site.pages["/run"] = live(section("graph", 2, "new graph"), section("timeline", 2, "new timeline"))
    site.say(type="stale", sections={"graph": 2, "timeline": 2})
    expect(page.locator("#graph")).to_have_text("new graph")
    expect(page.locator("#timeline")).to_have_text("new timeline")
    assert site.asked == ["/run", "/run"]
    wait_for_watch(site, 2)
    assert site.heard[-1]["sections"] == {"graph": 2, "timeline": 2}


def test_a_version_already_shown_is_not_fetched(site):
    site.open("/run", live(section("graph", 5, "graph")))
    wait_for_watch(site)
    site.say(type="stale", sections={"graph": 5, "unknown": 9})
    site.pages["/run"] = live(section("graph", 6, "newer"))
    site.say(type="stale", sections={"graph": 6})
    expect(site.page.locator("#graph")).to_have_text("newer")
    assert site.asked == ["/run", "/run"]


def test_a_section_has_its_own_address_and_name(site):
    named = '<section id="mine" data-section="approvals:inbox" data-version="1" data-src="/part?tab=1">old</section>'
    page = site.open("/page", live(named))
    wait_for_watch(site)
    assert site.heard[0]["sections"] == {"approvals:inbox": 1}
    site.pages["/part"] = live('<section id="mine" data-section="approvals:inbox" data-version="2">new</section>')
    site.say(sections={"approvals:inbox": 2})
    expect(page.locator("#mine")).to_have_text("new")
    assert site.asked[-1] == "/part?tab=1"


def test_focus_details_and_scroll_survive(site):
    rows = "".join(f'<p id="row-{number}"><a href="#{number}">row {number}</a></p>' for number in range(100))
    box = '<div class="scroll" id="box"><div class="tall-test">content</div></div>'
    fold = "<details><summary>More</summary><p>inside</p></details>"
    page = site.open("/run", live(section("list", 1, fold + rows)))
    wait_for_watch(site)
    page.locator("summary").click()
    page.locator("#row-60 a").focus()
    top = page.locator("#row-60").bounding_box()["y"]
    site.pages["/run"] = live(section("list", 2, "<h2>A new line above</h2>" + fold + rows + box))
    site.say(type="stale", sections={"list": 2})
    expect(page.locator("h2")).to_be_attached()
    assert page.evaluate("document.activeElement.textContent") == "row 60"
    assert page.locator("details").get_attribute("open") is not None
    assert abs(page.locator("#row-60").bounding_box()["y"] - top) < 2


def test_typed_text_is_waited_for(site):
    field = '<form><textarea id="comment"></textarea></form>'
    page = site.open("/run", live(section("decision", 1, field + "one"), section("other", 1, "one"), AWAY))
    wait_for_watch(site)
    page.locator("#comment").fill("half a sentence")
    site.pages["/run"] = live(section("decision", 2, field + "two"), section("other", 2, "two"), AWAY)
    site.say(type="stale", sections={"decision": 2, "other": 2})
    expect(page.locator("#other")).to_have_text("two")
    assert page.locator("#comment").input_value() == "half a sentence"
    page.locator("#comment").fill("")
    page.locator("#away").focus()
    expect(page.locator("#decision")).to_contain_text("two")


def test_a_paused_section_waits_until_it_goes_on(site):
    pause = '<button data-pause="events">Pause</button><span class="st" data-live-state hidden><span></span></span>'
    page = site.open("/run", live(section("events", 1, pause + "<p>one</p>"), section("other", 1, "one")))
    wait_for_watch(site)
    expect(page.locator("[data-live-state]")).to_have_text("live")
    page.locator("[data-pause]").click()
    expect(page.locator("[data-live-state]")).to_have_text("paused")
    site.pages["/run"] = live(section("events", 2, pause + "<p>two</p>"), section("other", 2, "two"))
    site.say(type="stale", sections={"events": 2, "other": 2})
    expect(page.locator("#other")).to_have_text("two")
    expect(page.locator("p")).to_have_text("one")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("p")).to_have_text("two")
    expect(page.locator("[data-pause]")).to_have_text("Pause")


def test_a_lost_socket_comes_back_and_says_what_the_page_shows(site):
    state = '<span class="st" data-live-state hidden><span></span></span>'
    page = site.open("/run", live(section("graph", 7, state)))
    wait_for_watch(site)
    site.sockets[0].close(code=1012)
    expect(page.locator("[data-live-state]")).to_have_text("every 10 s")
    wait_for_watch(site, 2)
    assert len(site.sockets) == 2
    assert site.heard[-1] == {"type": "watch", "sections": {"graph": 7}}
    expect(page.locator("[data-live-state]")).to_have_text("live")


def test_without_a_socket_the_page_looks_every_ten_seconds(site):
    site.page.clock.install()
    page = site.open("/run", live(section("graph", 1, "old")))
    wait_for_watch(site)
    site.sockets[0].close(code=1012)
    site.pages["/run"] = live(section("graph", 2, "new"))
    site.page.route_web_socket(re.compile("/ws/live/"), lambda socket: socket.close(code=1012))
    page.clock.run_for(11_000)
    expect(page.locator("#graph")).to_have_text("new")


def test_somebody_signed_out_is_told_and_left_alone(site):
    site.page.clock.install()
    state = '<span class="st" data-live-state hidden><span></span></span>'
    page = site.open("/run", live(section("graph", 1, state)))
    wait_for_watch(site)
    site.sockets[0].close(code=4401)
    expect(page.locator("[data-live-state]")).to_have_text("signed out")
    page.clock.run_for(60_000)
    assert len(site.sockets) == 1
    assert site.asked == ["/run"]


def test_keys_search_go_and_move(site):
    body = """<body><main id="main"><form><input id="q"></form>
    <ul><li><a class="rowlink" href="#one">one</a></li><li><a class="rowlink" href="#two">two</a></li></ul></main>
    <dialog id="keys"><form method="dialog"><button>Close</button></form></dialog></body></html>"""
    page = site.open("/list", body)
    site.pages["/runs"] = "<body><h1>Runs</h1></body></html>"
    focused = "document.activeElement.id || document.activeElement.textContent"
    page.keyboard.press("j")
    assert page.evaluate(focused) == "one"
    page.keyboard.press("j")
    assert page.evaluate(focused) == "two"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    until(page, "location.hash === '#one'")
    page.keyboard.press("/")
    assert page.evaluate(focused) == "q"
    page.keyboard.type("?gr")
    assert page.locator("#q").input_value() == "?gr"
    page.locator("#q").blur()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def test_keys_can_be_switched_off(site):
    body = """<body><input id="q"><button id="help" data-keys-help>Keys</button>
    <dialog id="keys"><input type="checkbox" data-keys-on></dialog>"""
    page = site.open("/list", body)
    page.locator("#help").click()
    page.locator("[data-keys-on]").uncheck()
    page.reload()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "q"


def test_menus_close_on_escape_and_on_a_click_elsewhere(site):
    menu = '<details class="menu"><summary class="btn">Account</summary><div class="pop">Log out</div></details>'
    page = site.open("/page", f"<body>{menu}<p id='away'>Away</p></body></html>")
    page.locator("summary").click()
    expect(page.locator(".pop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".pop")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.locator("summary").click()
    page.locator("#away").click(force=True)
    expect(page.locator(".pop")).to_be_hidden()


def test_the_theme_is_chosen_kept_and_shared_with_the_admin(site):
    buttons = '<button data-theme-choice="dark">Dark</button><button data-theme-choice="auto">Auto</button>'
    page = site.open("/page", f"<body>{buttons}</body></html>")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(background) != light
    assert page.evaluate("localStorage.getItem('adminTheme')") == '"dark"'
    page.reload()
    assert page.evaluate(background) != light
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Auto").click()
    assert page.evaluate(background) == light


def test_times_turn_exact_and_back_and_keep_true(site):
    site.page.clock.install(time="2026-11-20T13:32:00Z")
    attributes = 'datetime="2026-11-20T13:30:00+00:00" title="2026-11-20 14:30:00 Europe/Oslo"'
    page = site.open("/page", f'<body><p><time {attributes} data-t="ago 2 ago">2 min ago</time></p></body></html>')
    page.clock.run_for(60_000)
    expect(page.locator("time")).to_have_text("3 min ago")
    page.locator("time").click()
    expect(page.locator("time")).to_have_text("2026-11-20 14:30:00")
    page.locator("time").click()
    expect(page.locator("time")).to_have_text("3 min ago")


def test_due_times_count_down_until_they_are_overdue(site):
    site.page.clock.install(time="2026-11-20T13:32:00Z")
    attributes = 'datetime="2026-11-20T13:33:00+00:00" title="2026-11-20 14:33:00 Europe/Oslo"'
    long = f'<time id="long" {attributes} data-t="due">in 1 min, at 14:33</time>'
    chip = f'<time id="chip" {attributes} data-t="chip">due in 1 min</time>'
    page = site.open("/page", f"<body>{long}{chip}</body></html>")
    page.clock.run_for(31_000)
    expect(page.locator("#long")).to_have_text(re.compile(r"^in (29|30) s, at 14:33$"))
    expect(page.locator("#chip")).to_have_text(re.compile(r"^due in (29|30) s$"))
    page.clock.run_for(90_000)
    expect(page.locator("#long")).to_have_text("1 min overdue, since 14:33")
    expect(page.locator("#chip")).to_have_text("1 min overdue")


def test_a_selection_says_how_many_each_verb_applies_to(site):
    row = """<tr data-can="{can}"><td class="x"><input type="checkbox" name="run" value="{n}"></td>
    <td><a class="rowlink" href="#{n}">run</a> text</td></tr>"""
    body = f"""<body><form data-bulk><div class="bulk"><b data-bulk-count>0</b>
    <button data-verb="retry"><span data-label>Retry…</span></button><button data-verb="cancel">Cancel…</button></div>
    <table><thead><tr><th><input type="checkbox" data-select-all></th></tr></thead>
    <tbody>{row.format(n=1, can="retry")}{row.format(n=2, can="")}</tbody></table></form></body></html>"""
    page = site.open("/runs", body)
    expect(page.locator(".bulk")).to_be_hidden()
    page.locator("[data-select-all]").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("2")
    expect(page.locator("[data-verb=retry]")).to_have_text("Retry 1 of 2…")
    expect(page.locator("[data-verb=cancel]")).to_be_disabled()
    page.locator("tbody tr").nth(1).locator("input").uncheck()
    expect(page.locator("[data-verb=retry]")).to_have_text("Retry 1…")
    page.locator("tbody tr").first.locator("td").nth(1).click(position={"x": 100, "y": 8})
    until(page, "location.hash === '#1'")


def test_an_id_is_copied_whole_and_a_toast_goes_away(site):
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    body = """<body><button data-copy="0197c3e2-whole">copy</button>
    <div class="toast"><a href="" data-dismiss>x</a></div></body></html>"""
    page = site.open("/page", body)
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => { window.copied = text }}})"
    )
    page.locator("[data-dismiss]").click()
    expect(page.locator(".toast")).to_have_count(0)
    page.evaluate("document.documentElement.classList.remove('no-clipboard')")
    page.locator("[data-copy]").click()
    until(page, "window.copied === '0197c3e2-whole'")


TEXTS = [
    *[("text", on) for on in ("bg", "surface", "sunk", "accent-soft", "bad-soft", "warn-soft", "ok-soft")],
    *[("muted", on) for on in ("bg", "surface", "sunk", "accent-soft")],
    *[("accent", on) for on in ("bg", "surface", "sunk", "accent-soft", "bad-soft")],
    *[(tone, on) for tone in ("ok", "bad", "warn", "hold") for on in ("surface", f"{tone}-soft")],
    ("on-go", "go"),
    ("on-go", "go-over"),
    ("surface", "bad"),
    ("hold", "sunk"),
    ("ok", "sunk"),
]
SHAPES = [
    *[
        (shape, "surface")
        for shape in ("line-strong", "accent", "go", "ok-bar", "bad-bar", "warn-bar", "t-det", "t-int", "t-ctl")
    ],
    *[
        ("line-strong", "bg"),
        ("t-ctl", "bg"),
        ("ok-bar", "accent-soft"),
        ("warn-bar", "accent-soft"),
        ("t-ctl", "warn-soft"),
    ],
]
LUMINANCES = """(names) => Object.fromEntries(names.map((name) => {
  document.body.style.setProperty("background-color", `var(--${name})`);
  const parts = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
  const [r, g, b] = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return [name, 0.2126 * r + 0.7152 * g + 0.0722 * b];
}))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_enough_contrast(site, scheme):
    page = site.open("/page", "<body></body></html>")
    page.emulate_media(color_scheme=scheme)
    names = sorted({name for pair in TEXTS + SHAPES for name in pair})
    light = page.evaluate(LUMINANCES, names)

    def ratio(pair: tuple[str, str]) -> float:
        low, high = sorted(float(light[name]) for name in pair)
        return (high + 0.05) / (low + 0.05)

    assert {pair: ratio(pair) for pair in TEXTS if ratio(pair) < 4.5} == {}
    assert {pair: ratio(pair) for pair in SHAPES if ratio(pair) < 3} == {}
