"""Portals in processes of their own, as somebody would start them, and the API as their only door."""

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
LEFT_OUT = frozenset(
    "DATABASE_URL REDIS_URL CELERY_BROKER_URL DJANGO_SETTINGS_MODULE ENVIRONMENT SECRET_KEY "
    "DJANGO_ALLOW_ASYNC_UNSAFE".split()
)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**given: str) -> dict[str, str]:
    """This process's environment without what decides where a portal runs, and with `given`."""
    return {name: value for name, value in os.environ.items() if name not in LEFT_OUT} | given


def start(command: str, env: dict[str, str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """`manage.py <command>` as the head of a process group; what it says goes to `log`."""
    out = None if log is None else log.open("ab")
    return subprocess.Popen(
        [sys.executable, "manage.py", command], cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True
    )


def manage(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """`manage.py …` in a process of its own, when it has ended."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(**given), capture_output=True, text=True, timeout=120)


def migrate(database: str) -> None:
    """Give the database at this address every table."""
    env = environment(DATABASE_URL=database, REDIS_URL="redis://127.0.0.1:9/0", ENVIRONMENT="test")
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> float:
    """Send a signal and wait for the end; how many seconds it took."""
    began = time.monotonic()
    if process.poll() is None:
        process.send_signal(number)
    process.wait(timeout=40)
    return time.monotonic() - began


def until(question: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer to `question`. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def wait_until_served(url: str, process: subprocess.Popen[bytes]) -> float:
    """Return when the login page is there; how many seconds it took."""
    began = time.monotonic()
    until(lambda: process.poll() is not None or _answers(f"{url}/login"), START_SECONDS, f"{url} is served")
    assert process.poll() is None, "the portal ended while starting"
    return time.monotonic() - began


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@dataclass
class Api:
    """A caller of the API of one portal; `people` are its first logins."""

    url: str
    people: dict[str, dict[str, str]]
    _tokens: dict[str, str] = field(default_factory=dict)

    def call(self, role: str, method: str, path: str, body: Any = None) -> Any:
        """What the API answers to somebody of that role. Raises `urllib.error.HTTPError` for a refusal."""
        if role not in self._tokens:
            self._tokens[role] = self._send("POST", "/auth/login", self.people[role], None)["access_token"]
        return self._send(method, path, body, self._tokens[role])

    def _send(self, method: str, path: str, body: Any, token: str | None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read() or b"null")

    def publish(self, document: dict[str, Any]) -> None:
        """Import a document as the operator and publish it."""
        made = self.call("operator", "POST", "/procedures", {"ckp_json": document})
        path = f"/procedures/{made['procedure_id']}/{made['version']}/status"
        self.call("operator", "PATCH", path, {"status": "active"})

    def start_run(self, procedure_id: str, **inputs: Any) -> str:
        """Start a run as the operator; its id."""
        body = {"procedure_id": procedure_id, "input_vars": inputs}
        run_id: str = self.call("operator", "POST", "/runs", body)["run_id"]
        return run_id

    def status(self, run_id: str) -> str:
        status: str = self.call("operator", "GET", f"/runs/{run_id}")["status"]
        return status

    def wait_for(self, run_id: str, status: str, seconds: float = 20) -> None:
        """Return when the run is `status`."""
        until(lambda: self.status(run_id) == status, seconds, f"run {run_id} is {status}")

    def events(self, run_id: str, event_type: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("operator", "GET", f"/runs/{run_id}/events?limit=5000")
        return [event for event in found if event_type in ("", event["event_type"])]

    def decide(self, run_id: str, decision: str = "approved") -> None:
        """Decide the open approval of a run as the approver."""
        found = self.call("approver", "GET", "/approvals")
        (asked,) = [one for one in found if one["run_id"] == run_id and one["status"] == "pending"]
        self.call("approver", "POST", f"/approvals/{asked['approval_id']}/decision", {"decision": decision})


@contextmanager
def embedded(var: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], Api]]:
    """A running `manage.py portal` in `var`; killed at the end if it still runs."""
    url = f"http://127.0.0.1:{port}"
    process = start("portal", environment(VAR_DIR=str(var), PORT=str(port)), var / "portal.log")
    try:
        wait_until_served(url, process)
        yield process, Api(url, json.loads((var / "first-login.json").read_text()))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


def slow_document(steps: int, wait_ms: int) -> dict[str, Any]:
    """A procedure `slow` of `steps` steps that write a line each and wait inside the worker."""
    return {
        "procedure_id": "slow",
        "version": "1.0.0",
        "workflow_graph": {
            "start_node": "work",
            "nodes": {
                "work": {
                    "type": "sequence",
                    "steps": [
                        {
                            "step_id": f"s{number}",
                            "action": "log",
                            "message": f"step {number}",
                            "wait_after_ms": wait_ms,
                        }
                        for number in range(1, steps + 1)
                    ],
                    "next_node": "done",
                },
                "done": {"type": "terminate", "outputs": {"steps": steps}},
            },
        },
    }
