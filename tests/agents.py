"""Small agents for tests: HTTP servers in threads, registered through the service that people use."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from agents import services
from agents.models import Agent
from orchestration.models import Run
from tenants.actor import system
from tenants.models import Tenant
from tests import runs
from tests.servers import Reply, Request, serving

Action = Callable[[dict[str, Any]], Any]


@dataclass
class SmallAgent:
    """Answers `execute` by its `actions`, which take the parameters and give the result, or a whole `Reply`.

    It remembers what it was sent, the successful answer of each key, and how often each key took effect.
    """

    actions: dict[str, Action] = field(default_factory=dict)
    keeps_keys: bool = False
    calls: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    canceled: list[dict[str, Any]] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    answers: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    healthy: bool = True

    def reply(self, request: Request) -> Reply:
        """What is answered to one request."""
        if request.path == "/health":
            return Reply(200 if self.healthy else 500)
        content = json.loads(request.body)
        if request.path == "/cancel":
            self.canceled.append(content)
            return Reply()
        self.calls.append(content)
        self.headers.append(request.headers)
        self.arrived.set()
        return self._execute(content)

    def _execute(self, call: dict[str, Any]) -> Reply:
        key = call["idempotency_key"]
        if self.keeps_keys and key in self.answers:
            return _success(self.answers[key])
        action = self.actions.get(call["action"])
        if action is None:
            return said(status="error", error=f"unknown action {call['action']}", error_type="NotAllowed")
        result = action(call["params"])
        if isinstance(result, Reply):
            return result
        self.effects.append(key)
        self.answers[key] = result
        return _success(result)

    @property
    def actions_called(self) -> list[str]:
        return [call["action"] for call in self.calls]


def said(**reply: Any) -> Reply:
    """A reply of an agent."""
    return Reply(body=json.dumps(reply).encode())


def failing(message: str = "broken", **more: Any) -> Action:
    """An action that answers with an error."""
    return lambda params: said(status="error", error=message, **more)


def _success(result: Any) -> Reply:
    return said(status="success", result=result)


@contextmanager
def agent(
    tenant: Tenant, channel: str = "web", name: str = "", *, keeps_keys: bool = False, **given: Any
) -> Iterator[SmallAgent]:
    """An agent that serves, registered; actions are given by name, other keywords are those of `Registration`."""
    small = SmallAgent({key: given.pop(key) for key in list(given) if callable(given[key])}, keeps_keys)
    given.setdefault("capabilities", sorted(small.actions))
    with serving(small.reply) as server:
        small.url = server.url
        register(tenant, small, channel, name or channel, **given)
        yield small


def register(tenant: Tenant, small: SmallAgent, channel: str, name: str, **given: Any) -> Agent:
    """Register an agent that serves already."""
    registration = services.Registration(name=name, channel=channel, base_url=small.url, **given)
    return services.register_agent(system(tenant.pk), registration)


def at_work(run: Run) -> threading.Thread:
    """A worker in a thread of its own that drives what is ready."""

    def work() -> None:
        try:
            runs.drive(run)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    return worker
