"""The admin in Chromium: its pages say nothing on the console, and a run is canceled with a reason."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.processes import Api

pytestmark = pytest.mark.browser

LISTS = ["orchestration/run", "procedures/procedureversion", "approvals/approval", "tenants/user", "tenants/auditentry"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_admin_pages_show_themselves(enter: Callable[..., Any], theme: str) -> None:
    admin = enter("admin")
    admin.open("/admin/")
    expect(admin.page.get_by_role("link", name="Portal")).to_be_visible()
    admin.picture(f"admin-{theme}")
    for table in LISTS:
        admin.open(f"/admin/{table}/")
        expect(admin.page.locator("input[name=q]")).to_be_visible()
    admin.open("/admin/tenants/user/add/")
    expect(admin.page.get_by_label("Password")).to_be_visible()
    admin.picture(f"admin-person-{theme}")


def test_a_run_is_canceled_with_a_reason(enter: Callable[..., Any], portal: Any) -> None:
    api = Api(portal.url, portal.people)
    run = api.start_run("invoice", supplier="Paper Mill", invoice_number="PM-9", total=1428)
    api.wait_for(run, "waiting_approval")
    operator = enter("operator")
    operator.open("/admin/orchestration/run/")
    operator.page.locator(f"input.action-select[value='{run}']").check()
    operator.page.get_by_label("Select action to run").select_option("cancel")
    operator.page.get_by_role("button", name="Run", exact=True).click()
    operator.page.get_by_label("Reason").fill("ordered twice")
    operator.page.get_by_role("button", name="Cancel 1").click()
    operator.sees("Cancel: 1 done")
    assert api.status(run) == "canceled"
