"""A whole portal in a process of its own, and Chromium to look at it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.visitors import Portal, Visitor

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def embedded_environment(var: Path, port: int) -> dict[str, str]:
    left_out = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "ENVIRONMENT"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"VAR_DIR": str(var), "PORT": str(port)}


def wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the portal ended while starting"
        try:
            with urllib.request.urlopen(f"{url}/login", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the portal did not answer within {START_SECONDS} s")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """`manage.py portal` with its sample data, on a free port and in a folder of its own."""
    var, port = tmp_path_factory.mktemp("var"), free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "portal"], cwd=ROOT, env=embedded_environment(var, port), start_new_session=True
    )
    try:
        wait_until_served(url, process)
        people = json.loads((var / "first-login.json").read_text())
        yield Portal(url, people, process, var)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=15)


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
