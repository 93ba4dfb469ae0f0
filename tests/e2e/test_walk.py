"""The whole path through the product, in Chromium: import, start, watch, decide by inbox and mail, mend, finish."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.visitors import PATIENCE_MS, SCREENSHOTS, Visitor, purchase

pytestmark = pytest.mark.browser

PICTURE = Path(__file__).resolve().parent.parent.parent / "docs" / "images" / "run.png"
Enter = Callable[..., Visitor]


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(operator: Visitor, procedure_id: str, item: str, project: str = "", **gate: Any) -> str:
    """Import a purchase and start a run of it, which waits for a person then; the address of its page."""
    operator.import_document(purchase(procedure_id, **gate), project)
    run = operator.start(procedure_id, item)
    operator.sees("Needs approval")
    return run


def mail_about(admin: Visitor, subject: str, to: str) -> str:
    """The address in the mail that asks somebody to decide."""
    deadline_page = admin.open("/mailbox")
    row = deadline_page.get_by_role("row").filter(has_text=subject).filter(has_text=to)
    for _ in range(20):
        if row.count():
            break
        deadline_page.wait_for_timeout(250)
        deadline_page.reload()
    row.get_by_role("link").click()
    link = deadline_page.get_by_role("article").get_by_role("link").filter(has_text="/approve/")
    return str(link.get_attribute("href"))


def test_the_whole_path(enter: Enter, theme: str):
    operator = enter("operator")
    operator.picture(f"now-{theme}")
    name = f"purchase-{theme}"

    broken = json.loads(json.dumps(purchase(name)))
    broken["workflow_graph"]["nodes"]["prepare"]["next_node"] = "gaet"
    operator.import_document(broken)
    operator.heading("error")
    operator.sees("CKP205")
    operator.sees("/workflow_graph/nodes/prepare/next_node")
    operator.picture(f"import-broken-{theme}")

    operator.import_document(purchase(name))
    operator.heading("Purchase 1.0.0")
    operator.picture(f"version-{theme}")
    operator.open("/procedures")
    operator.picture(f"procedures-{theme}")

    operator.open(f"/procedures/{name}/1.0.0/start")
    operator.page.get_by_label("What to buy").fill("A lamp")
    operator.page.get_by_label("Amount").fill("900")
    operator.page.get_by_role("button", name="Start the run").click()
    assert operator.page.url.endswith("/start"), "the browser itself refuses 900"
    operator.page.evaluate("document.querySelector('main form').noValidate = true")
    operator.page.get_by_role("button", name="Start the run").click()
    operator.sees("Nothing was started.")
    operator.picture(f"start-refused-{theme}")

    run = operator.start(name, f"A lamp {theme}")
    operator.sees("Needs approval")
    operator.picture(f"run-waiting-{theme}")
    operator.open("/runs")
    operator.picture(f"runs-{theme}")
    operator.open(run)

    approver = enter("approver")
    approver.open("/approvals")
    approver.sees(f"Buy A lamp {theme} for 20?")
    approver.picture(f"approvals-{theme}")
    approver.page.get_by_text(f"Buy A lamp {theme} for 20?").first.click()
    approver.page.get_by_role("button", name="Approve").click()
    approver.sees("Approved")
    approver.picture(f"approval-decided-{theme}")

    operator.heading("Completed")
    operator.sees("bought")
    operator.picture(f"run-{theme}")


def test_a_rejection_fails_the_run_which_is_tried_again_and_canceled(enter: Enter, theme: str):
    operator = enter("operator")
    run = ask(operator, f"chairs-{theme}", f"A chair {theme}")

    approver = enter("approver")
    approver.open("/approvals")
    approver.page.get_by_text(f"Buy A chair {theme} for 20?").first.click()
    approver.picture(f"approval-{theme}")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible()
    approver.page.get_by_label("Comment").fill("We have chairs.")
    approver.page.get_by_role("button", name="Reject").click()
    operator.heading("Failed")
    operator.picture(f"run-failed-{theme}")

    operator.page.get_by_role("link", name="Retry…", exact=True).click()
    operator.page.get_by_label("From the start").check()
    operator.page.get_by_role("button", name="Retry").click()
    operator.page.wait_for_url(lambda url: bool(re.search(r"/runs/[0-9a-f-]{36}$", url)) and url != run)
    operator.sees("Needs approval")
    operator.page.get_by_role("link", name="Cancel…").click()
    operator.picture(f"confirm-{theme}")
    operator.page.get_by_label("Reason").fill("Only a test")
    operator.page.get_by_role("button", name="Cancel 1 run").click()
    operator.heading("Canceled")


def test_the_link_in_the_mail_shows_and_the_button_decides(enter: Enter, theme: str):
    operator = enter("operator")
    ask(operator, f"desks-{theme}", f"A desk {theme}")
    admin = enter("admin")
    link = mail_about(admin, f"Buy A desk {theme} for 20?", "approver@")
    admin.picture(f"mail-{theme}")

    stranger = enter()
    stranger.open(link)
    assert "/login" in stranger.page.url, "without the link mode the link stands for nobody"

    approver = enter("approver")
    approver.open(link)
    approver.sees(f"Buy A desk {theme} for 20?")
    approver.picture(f"approval-by-mail-{theme}")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible()
    approver.page.get_by_role("button", name="Approve").click()
    approver.sees("Approved")
    operator.heading("Completed")


def test_in_a_project_with_link_mode_the_link_decides_without_a_login(enter: Enter, theme: str):
    operator = enter("operator")
    ask(operator, f"shelves-{theme}", f"A shelf {theme}", project="Accounts payable")
    link = mail_about(enter("admin"), f"Buy A shelf {theme} for 20?", "approver@")

    guest = enter()
    guest.open(link)
    assert "/login" not in guest.page.url
    guest.sees(f"Buy A shelf {theme} for 20?")
    guest.picture(f"approval-of-a-guest-{theme}")
    expect(operator.page.get_by_text("Needs approval").first).to_be_visible()
    guest.page.get_by_role("button", name="Approve").click()
    guest.sees("Approved")
    operator.heading("Completed")
    operator.sees("approved by approver")


def test_who_started_a_run_does_not_decide_it_where_four_eyes_are_asked(enter: Enter, theme: str):
    admin = enter("admin")
    run = ask(admin, f"safes-{theme}", f"A safe {theme}", four_eyes=True)
    admin.page.get_by_role("link", name="Open approval").click()
    admin.sees(f"Buy A safe {theme} for 20?")
    expect(admin.page.get_by_role("button", name="Approve")).to_have_count(0)
    admin.sees("Somebody else has to decide this.")
    admin.sees("Not admin, who asked for this")
    admin.picture(f"approval-four-eyes-{theme}")
    question = admin.page.url

    refused = admin.page.evaluate(
        """address => fetch(address, {method: 'POST', body: new URLSearchParams({
               decision: 'approve', csrfmiddlewaretoken: document.querySelector('[name=csrfmiddlewaretoken]').value,
           })}).then(answer => answer.status)""",
        question,
    )
    assert refused == 403
    admin.open(run)
    admin.sees("Needs approval")

    approver = enter("approver")
    approver.open(question)
    approver.page.get_by_role("button", name="Approve").click()
    admin.heading("Completed")


def test_a_page_catches_up_after_its_connection_was_lost(enter: Enter, theme: str):
    operator = enter("operator")
    lines: list[WebSocketRoute] = []
    away = False

    def connect(line: WebSocketRoute) -> None:
        lines.append(line)
        if away:
            line.close(code=1012)
        else:
            line.connect_to_server()

    operator.page.route_web_socket(re.compile("/ws/live/"), connect)
    run = ask(operator, f"lamps-{theme}", f"A torch {theme}")
    operator.open(run)
    state = operator.page.locator("[data-live-state]").first
    expect(state).to_contain_text("live")

    away = True
    lines[-1].close(code=1012)
    expect(state).to_contain_text("every 10 s")
    approver = enter("approver")
    approver.open("/approvals")
    approver.page.get_by_text(f"Buy A torch {theme} for 20?").first.click()
    approver.page.get_by_role("button", name="Approve").click()
    approver.sees("Approved")

    away = False
    operator.heading("Completed")
    operator.sees("Decided approved by approver")
    numbers = operator.page.locator("#events .num").all_inner_texts()
    assert [int(number) for number in numbers] == list(range(len(numbers), 0, -1)), "every event once, in order"


def test_the_sample_runs_from_the_first_screen(enter: Enter, theme: str):
    operator = enter("operator")
    operator.open("/procedures/invoice/1.0.0/start?fill=examples")
    operator.page.get_by_text("How it runs").click()
    operator.page.get_by_label("Title").fill("Paper for the third floor")
    operator.page.get_by_role("button", name="Start the run").click()
    operator.heading("for a decision by an approver")
    operator.page.get_by_role("link", name="Dismiss").click()
    operator.picture(f"run-sample-{theme}")
    if theme == "light" and os.environ.get("KEEP_PICTURE") == "1":
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.copyfile(SCREENSHOTS / f"run-sample-{theme}.png", PICTURE)


def test_a_page_moves_while_the_run_goes_on(enter: Enter, theme: str):
    operator = enter("operator")
    waits = [{"step_id": f"w{number}", "action": "wait", "duration_ms": 700} for number in range(3)]
    nodes = {
        "first": {"type": "sequence", "description": "First stretch", "steps": waits, "next_node": "second"},
        "second": {"type": "sequence", "description": "Second stretch", "steps": waits, "next_node": "done"},
        "done": {"type": "terminate"},
    }
    graph = {"start_node": "first", "nodes": nodes}
    operator.import_document({"procedure_id": f"walk-{theme}", "version": "1.0.0", "workflow_graph": graph})
    operator.open(f"/procedures/walk-{theme}/1.0.0/start")
    operator.page.get_by_role("button", name="Start the run").click()
    operator.heading("Running for")
    operator.sees("Driven by")
    expect(operator.page.locator("#graph .n-live").first).to_be_visible(timeout=PATIENCE_MS)
    operator.heading("at Second stretch")
    operator.heading("Completed in")
    expect(operator.page.locator("#graph .n-ok")).to_have_count(3)
