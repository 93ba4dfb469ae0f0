"""The tabs of a run's page and the comparison of two runs, in Chromium: they open, fit a phone, and raise no fault."""

from collections.abc import Callable

import pytest

from tests.e2e.visitors import Visitor, purchase

pytestmark = pytest.mark.browser

TABS = ["events", "variables", "attempts", "approvals", "artifacts", "checkpoints", "diagnostics"]


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_tabs_and_comparison(enter: Callable[..., Visitor], theme: str):
    operator, approver = enter("operator"), enter("approver")
    name = f"tabs-{theme}"
    operator.import_document(purchase(name))
    runs = []
    for item, verb in (("A good desk", "Approve"), ("A bad desk", "Reject")):
        runs.append(operator.start(name, f"{item} {theme}"))
        operator.sees("Needs approval")
        approver.open("/approvals")
        approver.page.get_by_text(f"Buy {item} {theme} for 20?").first.click()
        approver.page.get_by_label("Comment").fill("So be it.")
        approver.page.get_by_role("button", name=verb).click()
        operator.heading("Completed" if verb == "Approve" else "Failed")
    for tab in TABS:
        operator.open(f"{runs[1]}?tab={tab}")
        operator.picture(f"run-{tab}-{theme}")
    operator.page.get_by_text("More", exact=False).first.click()
    operator.page.get_by_role("link", name="Checkpoints").click()
    operator.page.get_by_role("link", name="Previous").click()
    operator.page.get_by_role("link", name="Next").click()

    operator.page.get_by_role("link", name="Compare with it").click()
    operator.heading("They part at")
    operator.picture(f"compare-{theme}")
    operator.open(f"{runs[1]}/fork?path=gate")
    operator.heading("Fork before")
    operator.picture(f"fork-{theme}")
    operator.page.get_by_label("amount").fill("30")
    operator.page.get_by_label("Reason").fill("A better price")
    operator.page.get_by_role("button", name="Fork").click()
    operator.sees("Fork of an earlier run")
