"""Everything that matters works in a browser without JavaScript: import, start, find failed, retry, approve, cancel."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.visitors import PATIENCE_MS, RUN_PAGE, Visitor, purchase

pytestmark = pytest.mark.browser

Enter = Callable[..., Visitor]


def reload_until(visitor: Visitor, text: str) -> None:
    """Load the page again until its heading has `text`, as people do."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    heading = visitor.page.get_by_role("heading", level=1)
    while text not in heading.inner_text():
        assert time.monotonic() < deadline, f"{text!r} did not come; the page says {heading.inner_text()!r}"
        visitor.page.wait_for_timeout(200)
        visitor.page.reload()


def test_six_tasks_without_scripts(enter: Enter):
    operator, approver = enter("operator", scripts=False), enter("approver", scripts=False)

    operator.import_text('{"procedure_id": "plain",')
    operator.heading("1 error stops this import")
    operator.import_document(purchase("plain"))
    operator.heading("Purchase 1.0.0")

    operator.page.get_by_role("link", name="Start a run").click()
    operator.page.get_by_label("What to buy").fill("A pen")
    operator.page.get_by_label("Amount").fill("20")
    operator.page.get_by_role("button", name="Start the run").click()
    expect(operator.page).to_have_url(RUN_PAGE)
    reload_until(operator, "for a decision")
    first = operator.page.url

    approver.open("/approvals")
    approver.page.get_by_text("Buy A pen for 20?").first.click()
    approver.page.get_by_label("Comment").fill("No")
    approver.page.get_by_role("button", name="Reject").click()
    reload_until(operator, "Failed")

    operator.open("/runs")
    operator.page.get_by_role("textbox", name="Filter").fill("status:failed procedure:plain since:24h")
    operator.page.get_by_role("button", name="Filter").click()
    row = operator.page.get_by_role("row").filter(has_text="Purchase")
    expect(row).to_have_count(1)
    row.get_by_role("link", name="Purchase").click()
    expect(operator.page).to_have_url(first)

    operator.page.get_by_role("link", name="Retry…", exact=True).click()
    operator.page.get_by_label("From the start").check()
    operator.page.get_by_role("button", name="Retry").click()
    expect(operator.page).not_to_have_url(re.compile("retry"))
    reload_until(operator, "for a decision")

    approver.open("/approvals")
    approver.page.get_by_text("Buy A pen for 20?").first.click()
    approver.page.get_by_role("button", name="Approve").click()
    reload_until(operator, "Completed")

    operator.start("plain", "A brush")
    reload_until(operator, "for a decision")
    operator.page.get_by_role("link", name="Cancel…").click()
    operator.page.get_by_role("button", name="Cancel 1 run").click()
    expect(operator.page).to_have_url(re.compile("cancel$"))
    operator.page.get_by_label("Reason").fill("Changed my mind")
    operator.page.get_by_role("button", name="Cancel 1 run").click()
    reload_until(operator, "Canceled by operator: Changed my mind")


def test_what_only_scripts_can_do_is_not_offered(enter: Enter):
    operator = enter("operator", scripts=False)
    operator.open("/procedures/invoice/1.0.0")
    for name in ("Larger", "Smaller", "Keys", "Exact times"):
        expect(operator.page.get_by_role("button", name=name)).to_have_count(0)
    operator.page.get_by_text("As a list").click()
    expect(operator.page.get_by_text("reject, timeout → Note the refusal").first).to_be_visible()
    operator.page.get_by_role("link", name=re.compile("^A clerk decides")).first.click()
    expect(operator.page.get_by_role("heading", name="A clerk decides")).to_be_visible()
    operator.page.get_by_text("Change status").click()
    expect(operator.page.get_by_role("button", name="Deprecate")).to_be_visible()
