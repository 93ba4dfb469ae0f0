"""Several workers share few slots of agents: never more at once than allowed, nobody forgotten (protocols 5)."""

import threading
import time
from typing import Any

import pytest
from django.db import connection

from agents.models import AgentLease
from orchestration import queue
from orchestration.models import Run, Wait
from orchestration.runtime import engine
from tenants.models import Tenant
from tests import agents, runs

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = 24
WORKERS = 4


class Counting:
    """An action that remembers how many were at it at once."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, params: dict[str, Any]) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1


def branching() -> dict[str, Any]:
    """Two branches of two steps each, all at one channel."""
    steps = [{"step_id": name, "action": "navigate"} for name in ("s", "t")]
    one = {"type": "sequence", "agent": "web", "steps": steps, "next_node": "end"}
    branches = [{"branch_id": name, "start_node": name} for name in ("a", "b")]
    fork = {"type": "parallel", "branches": branches, "next_node": "end"}
    return runs.document({"fork": fork, "a": one, "b": one, "end": {"type": "terminate"}})


def work(deadline: float) -> None:
    try:
        while time.monotonic() < deadline and Run.system.exclude(status="completed").exists():
            if not engine.drive_one(threading.current_thread().name):
                queue.urgent()
                time.sleep(0.01)
    finally:
        connection.close()


def test_slots_are_never_shared_and_everybody_gets_one(tenant: Tenant):
    one, two = Counting(), Counting()
    with (
        agents.agent(tenant, "web", "one", navigate=one, pool_id="p") as first,
        agents.agent(tenant, "web", "two", navigate=two, concurrency_limit=2, affinity="none") as second,
    ):
        for _ in range(RUNS):
            runs.queue(tenant, branching())
        deadline = time.monotonic() + 100
        workers = [threading.Thread(target=work, args=(deadline,)) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert set(Run.system.values_list("status", flat=True)) == {"completed"}
    assert (one.most, two.most <= 2) == (1, True)
    assert len(first.calls) + len(second.calls) == RUNS * 4
    assert not Wait.objects.filter(state="open").exists()
    assert not AgentLease.system.filter(released_at=None).exists()
