"""The first whole path through the product, in Chromium: import, start, watch, decide by mail and inbox, finish."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Portal

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parent / "screenshots"
DOCUMENT = {
    "procedure_id": "purchase",
    "version": "1.0.0",
    "name": "Purchase",
    "description": "Buys what was asked for, once a person agrees.",
    "variables_schema": {
        "item": {"type": "string", "required": True, "label": "What to buy", "validation": {"max_length": 40}},
        "amount": {"type": "number", "required": True, "label": "Amount", "validation": {"min": 1, "max": 500}},
    },
    "workflow_graph": {
        "start_node": "prepare",
        "nodes": {
            "prepare": {
                "type": "sequence",
                "steps": [{"step_id": "say", "action": "log", "message": "Somebody wants {{item}}"}],
                "next_node": "gate",
            },
            "gate": {
                "type": "human_approval",
                "title": "Buy {{item}} for {{amount}}?",
                "prompt": "Somebody asked for {{item}}.",
                "context_data": {"item": "{{item}}", "amount": "{{amount}}"},
                "on_approve": "done",
                "on_reject": "refused",
            },
            "done": {"type": "terminate", "outputs": {"bought": "{{item}}"}},
            "refused": {"type": "terminate", "status": "failed", "message": "Nobody agreed"},
        },
    },
}


class Visitor:
    """A person at a browser of their own; faults of pages fail the test."""

    def __init__(self, portal: Portal, context: BrowserContext, role: str) -> None:
        self.portal = portal
        self.page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)
        self.log_in(role)

    def _heard(self, line) -> None:
        expected = "status of 422" in line.text or "status of 403" in line.text
        if line.type == "error" and not expected:
            self.faults.append(line.text)

    def log_in(self, role: str) -> None:
        person = self.portal.people[role]
        self.open("/login")
        self.page.get_by_label("Username").fill(person["username"])
        self.page.get_by_label("Password").fill(person["password"])
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def open(self, path: str) -> Page:
        self.page.goto(self.portal.url + path)
        return self.page

    def picture(self, name: str) -> None:
        """A screenshot, also at 400 px; the page must not scroll sideways there."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": 400, "height": 860})
        self.page.screenshot(path=SCREENSHOTS / f"{name}-phone.png")
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
        self.page.set_viewport_size(size)
        assert not wide, f"{name} scrolls sideways at 400 px"


Enter = Callable[[str], Visitor]


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def enter(portal: Portal, chromium: Browser, theme: str) -> Iterator[Enter]:
    """Let somebody with a role in, with their own cookies."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def come_in(role: str) -> Visitor:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme)
        contexts.append(context)
        visitors.append(Visitor(portal, context, role))
        return visitors[-1]

    yield come_in
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for context in contexts:
        context.close()
    assert faults == []


def document(theme: str) -> dict[str, Any]:
    return DOCUMENT | {"procedure_id": f"purchase-{theme}"}


def paste(visitor: Visitor, text: str) -> None:
    visitor.open("/import")
    visitor.page.get_by_label("CKP document, JSON").fill(text)
    visitor.page.get_by_role("button", name="Import").click()


def start(visitor: Visitor, theme: str, item: str) -> str:
    """Start a run of the imported procedure; the address of its page."""
    visitor.open(f"/procedures/purchase-{theme}/1.0.0/start")
    visitor.page.get_by_label("What to buy").fill(item)
    visitor.page.get_by_label("Amount").fill("20")
    visitor.page.get_by_role("button", name="Start the run").click()
    visitor.page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    return visitor.page.url


def test_the_whole_path(enter: Enter, theme: str):
    operator = enter("operator")
    operator.picture(f"now-{theme}")

    broken = json.loads(json.dumps(document(theme)))
    broken["workflow_graph"]["nodes"]["prepare"]["next_node"] = "gaet"
    paste(operator, json.dumps(broken, indent=2))
    expect(operator.page.get_by_role("heading", level=1)).to_contain_text("error")
    expect(operator.page.get_by_text("CKP205").first).to_be_visible()
    expect(operator.page.get_by_text("/workflow_graph/nodes/prepare/next_node").first).to_be_visible()
    operator.picture(f"import-broken-{theme}")

    paste(operator, json.dumps(document(theme), indent=2))
    expect(operator.page.get_by_role("heading", level=1)).to_have_text("Purchase 1.0.0")
    operator.picture(f"version-{theme}")
    operator.open("/procedures")
    operator.picture(f"procedures-{theme}")

    operator.open(f"/procedures/purchase-{theme}/1.0.0/start")
    operator.page.get_by_label("What to buy").fill("A lamp")
    operator.page.get_by_label("Amount").fill("900")
    operator.page.get_by_role("button", name="Start the run").click()
    assert operator.page.url.endswith("/start"), "the browser itself refuses 900"
    operator.page.evaluate("document.querySelector('main form').noValidate = true")
    operator.page.get_by_role("button", name="Start the run").click()
    expect(operator.page.get_by_text("Nothing was started.")).to_be_visible()
    operator.picture(f"start-refused-{theme}")

    run = start(operator, theme, "A lamp")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible(timeout=10_000)
    operator.picture(f"run-waiting-{theme}")
    operator.open("/runs")
    operator.picture(f"runs-{theme}")
    operator.page.goto(run)

    approver = enter("approver")
    approver.open("/approvals")
    expect(approver.page.get_by_text("Buy A lamp for 20?").first).to_be_visible()
    approver.picture(f"approvals-{theme}")
    approver.page.get_by_text("Buy A lamp for 20?").first.click()
    approver.page.get_by_role("button", name="Approve").click()
    expect(approver.page.get_by_text("Approved").first).to_be_visible()
    approver.picture(f"approval-decided-{theme}")

    expect(operator.page.get_by_role("heading", level=1)).to_contain_text("Completed", timeout=5_000)
    expect(operator.page.get_by_text("bought").first).to_be_visible()
    operator.picture(f"run-{theme}")


def test_the_link_in_the_mail_shows_and_the_button_decides(enter: Enter, theme: str):
    operator = enter("operator")
    paste(operator, json.dumps(document(theme), indent=2))
    run = start(operator, theme, f"A chair {theme}")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible(timeout=10_000)

    admin = enter("admin")
    admin.open("/mailbox")
    expect(admin.page.get_by_text(f"Buy A chair {theme} for 20?").first).to_be_visible(timeout=10_000)
    admin.picture(f"mailbox-{theme}")

    approver = enter("approver")
    approver.open("/approvals")
    approver.page.get_by_text(f"Buy A chair {theme} for 20?").first.click()
    approver.picture(f"approval-{theme}")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible()
    approver.page.get_by_label("Comment").fill("We have chairs.")
    approver.page.get_by_role("button", name="Reject").click()
    expect(operator.page.get_by_role("heading", level=1)).to_contain_text("Failed", timeout=5_000)
    operator.picture(f"run-failed-{theme}")

    operator.page.get_by_role("link", name="Retry…").click()
    operator.page.get_by_label("From the start").check()
    operator.page.get_by_role("button", name="Retry").click()
    operator.page.wait_for_url(lambda url: re.search(r"/runs/[0-9a-f-]{36}$", url) and url != run)
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible(timeout=10_000)
    operator.page.get_by_role("link", name="Cancel…").click()
    operator.picture(f"confirm-{theme}")
    operator.page.get_by_label("Reason").fill("Only a test")
    operator.page.get_by_role("button", name="Cancel 1 run").click()
    expect(operator.page.get_by_role("heading", level=1)).to_contain_text("Canceled", timeout=5_000)
