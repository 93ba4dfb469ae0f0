"""People at browsers of their own, and what they do again and again."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

SCREENSHOTS = Path(__file__).parent / "screenshots"
RUN_PAGE = re.compile(r"/runs/[0-9a-f-]{36}$")
PATIENCE_MS = 15_000
EXPECTED = ("status of 403", "status of 410", "status of 422", "WebSocket")
"""What Chromium notes as an error although the page means it: refusals, links that were used, a lost connection."""


def purchase(procedure_id: str, **gate: Any) -> dict[str, Any]:
    """A procedure that asks a person before it buys; `gate` are further fields of the question."""
    return {
        "procedure_id": procedure_id,
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
                    **gate,
                },
                "done": {"type": "terminate", "outputs": {"bought": "{{item}}"}},
                "refused": {"type": "terminate", "status": "failed", "message": "Nobody agreed"},
            },
        },
    }


@dataclass(frozen=True)
class Portal:
    """The address of a running portal, its sample users, and its process."""

    url: str
    people: dict[str, dict[str, str]]
    process: subprocess.Popen[bytes]
    var: Path


class Visitor:
    """A person at a browser of their own; faults of pages fail the test."""

    def __init__(self, portal: Portal, context: BrowserContext) -> None:
        self.portal = portal
        self.context = context
        self.page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, line: ConsoleMessage) -> None:
        expected = any(part in line.text for part in EXPECTED)
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
        self.page.goto(path if path.startswith("http") else self.portal.url + path)
        return self.page

    def heading(self, text: str) -> None:
        """Wait until the page's heading has `text`."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text, timeout=PATIENCE_MS)

    def sees(self, text: str) -> None:
        """Wait until `text` can be seen."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def import_text(self, text: str, project: str = "") -> None:
        """Paste a document on the page of imports and import it."""
        self.open("/import")
        self.page.get_by_label("CKP document, JSON").fill(text)
        if project:
            self.page.get_by_label("Project").select_option(label=project)
        self.page.get_by_role("button", name="Import", exact=True).click()

    def import_document(self, document: dict[str, Any], project: str = "") -> None:
        self.import_text(json.dumps(document, indent=2), project)

    def start(self, procedure_id: str, item: str, amount: str = "20") -> str:
        """Start a run of a purchase; the address of its page."""
        self.open(f"/procedures/{procedure_id}/1.0.0/start")
        self.page.get_by_label("What to buy").fill(item)
        self.page.get_by_label("Amount").fill(amount)
        self.page.get_by_role("button", name="Start the run").click()
        self.page.wait_for_url(RUN_PAGE)
        return self.page.url

    def picture(self, name: str) -> None:
        """A screenshot, also at 400 px; the page must not scroll sideways there."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        size = self.page.viewport_size
        assert size is not None
        self.page.set_viewport_size({"width": 400, "height": 860})
        self.page.screenshot(path=SCREENSHOTS / f"{name}-phone.png")
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
        self.page.set_viewport_size(size)
        assert not wide, f"{name} scrolls sideways at 400 px"
