"""A whole portal in a process of its own, and Chromium to look at it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import processes
from tests.e2e.visitors import Portal, Visitor

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """`manage.py portal` with its sample data, on a free port and in a folder of its own."""
    var = tmp_path_factory.mktemp("var")
    with processes.embedded(var, processes.free_port()) as (process, api):
        yield Portal(api.url, api.people, process, var)
        processes.stop(process)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def enter(request: pytest.FixtureRequest, portal: Portal, chromium: Browser) -> Iterator[Callable[..., Any]]:
    """`enter(role)` lets somebody with a role in, with their own cookies; without a role nobody is logged in.

    `scripts=False` is a browser without JavaScript. Colours are those of the fixture `theme`, when there is one.
    """
    theme = request.getfixturevalue("theme") if "theme" in request.fixturenames else "light"
    visitors: list[Visitor] = []

    def come_in(role: str = "", *, scripts: bool = True) -> Visitor:
        size = {"width": 1280, "height": 900}
        context = chromium.new_context(viewport=size, color_scheme=theme, java_script_enabled=scripts)
        visitors.append(Visitor(portal, context))
        if role:
            visitors[-1].log_in(role)
        return visitors[-1]

    yield come_in
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for visitor in visitors:
        visitor.context.close()
    assert faults == []
