"""The browsable schema in Chromium, under the same content policy as every page."""

import os

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps a loop in the main thread


def test_operations_are_shown_and_can_be_tried(house, live_server, chromium, browser):
    context = chromium.new_context()
    session = browser(house.viewer).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page, faults = context.new_page(), []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{live_server.url}/api/docs")
    operation = page.locator("#operations-auth-get_auth_me")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"identity": "viewer"', timeout=15_000)
    assert faults == []
    context.close()
