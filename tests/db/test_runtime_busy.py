"""Limits of time, cancels and stops reach a node while it computes, and between the parts of its work (runtime 5, 10).

What computes here would take far longer than a test may wait for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from orchestration import transitions
from orchestration.models import Event, Run
from orchestration.runtime import engine, heartbeat, stop
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

END = {"end": {"type": "terminate"}}
ROWS, SMALL, BIG = list(range(60_000)), list(range(1_000)), list(range(30_000))
ADDS = "(small|sum) > item"
"""Takes most of a millisecond for each of the rows, so a minute in all."""
GIVEN = {"rows": ROWS, "small": SMALL, "big": BIG}
SCHEMA = {name: {"type": "array", "default": []} for name in ("rows", "small", "big", "kept")}
SIFT = {"action": "filter", "source": "rows", "expression": ADDS, "output_variable": "kept"}
COUNT = "(big|sum) > 0"
"""Takes some 20 ms."""


def node(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "next_node": "end", **fields}


def sifting(**fields: Any) -> dict[str, Any]:
    """A sequence whose one step takes a minute."""
    return node("sequence", steps=[{"step_id": "sift", **SIFT, **fields}])


def queued(tenant: Tenant, busy: dict[str, Any], **root: Any) -> Run:
    return runs.queue(tenant, runs.document({"busy": busy, **END}, variables_schema=SCHEMA, **root), **GIVEN)


def finished(tenant: Tenant, busy: dict[str, Any], **root: Any) -> Run:
    run = runs.drive(queued(tenant, busy, **root))
    assert (run.ended_at - run.started_at).total_seconds() < 3
    return run


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def test_a_step_is_cut_in_the_midst_of_its_work(tenant: Tenant):
    run = finished(tenant, sifting(timeout_ms=150))
    assert (run.status, run.error_class, run.error["step_id"]) == ("failed", "timeout", "sift")
    assert payloads(run, "step_timeout") == [{"timeout_ms": 150, "action": "filter", "binding": "internal"}]


def test_a_step_that_is_cut_may_be_tried_again_or_done_without(tenant: Tenant):
    policy = {"max_retries": 2, "base_delay_ms": 1}
    run = finished(tenant, sifting(timeout_ms=60, retry_config=policy))
    assert (run.error_class, run.error["attempt"]) == ("timeout", 3)
    run = finished(tenant, sifting(timeout_policy={"timeout_ms": 60, "on_timeout": "fail_open"}))
    assert (run.status, run.output_vars["kept"]) == ("completed", None)
    assert payloads(run, "timeout_ignored") == [{"timeout_ms": 60, "scope": "step"}]


SHEET = "name;amount\n" + "a;1\n" * 90_000


@pytest.mark.parametrize(
    "work",
    [
        pytest.param({"action": "map", "source": "rows", "expression": ADDS}, id="map"),
        pytest.param({"action": "reduce", "source": "rows", "expression": ADDS}, id="reduce"),
        pytest.param(
            {"action": "set_variable", "variable": "kept", "value": ["{{ " + COUNT + " }}"] * 400}, id="value"
        ),
        pytest.param({"action": "format_string", "template": "{% for one in big %}x{% endfor %}"}, id="text"),
    ],
)
def test_whatever_a_step_computes_is_cut(tenant: Tenant, work: dict[str, Any]):
    output = {} if work["action"] == "set_variable" else {"output_variable": "kept"}
    step = {"step_id": "s", "timeout_ms": 1, **work, **output}
    run = finished(tenant, node("sequence", steps=[step]))
    assert (run.status, run.error_class) == ("failed", "timeout")


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param(sifting(), id="sequence"),
        pytest.param(node("processing", operations=[SIFT]), id="processing"),
        pytest.param(
            node(
                "transform",
                transformations=[
                    {"type": "filter", "source_variable": "rows", "expression": ADDS, "output_variable": "kept"}
                ],
            ),
            id="transform",
        ),
        pytest.param(
            node("processing", operations=[{"action": "calculate", "expression": COUNT, "output_variable": "x"}] * 450),
            id="between operations",
        ),
        pytest.param(node("verification", checks=[{"condition": COUNT}] * 450), id="between checks"),
        pytest.param(
            node("sequence", steps=[], validations=[{"check": "custom", "condition": COUNT}] * 450),
            id="between validations",
        ),
        pytest.param(
            {"type": "logic", "rules": [{"condition": f"not {COUNT}", "next_node": "end"}] * 450}, id="between rules"
        ),
    ],
)
def test_a_node_and_a_run_are_cut_in_the_midst_of_their_work(tenant: Tenant, busy: dict[str, Any]):
    run = finished(tenant, {**busy, "timeout_ms": 150})
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "node_timeout", "busy")
    run = finished(tenant, busy, global_config={"timeout_ms": 150})
    assert (run.status, run.error_class) == ("failed", "run_timeout")
    run = finished(tenant, {**busy, "sla": {"max_duration_ms": 150, "on_breach": "fail"}})
    assert (run.status, run.error_class) == ("failed", "sla_breached")


def test_the_branch_that_lost_stops_in_the_midst_of_its_work(tenant: Tenant):
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "long", "start_node": "long"}, {"branch_id": "nap", "start_node": "nap"}],
        "wait_strategy": "any",
        "next_node": "end",
    }
    nap = node("sequence", steps=[{"step_id": "w", "action": "wait", "duration_ms": 100}])
    source = runs.document({"fork": fork, "long": sifting(), "nap": nap, **END}, variables_schema=SCHEMA)
    run = runs.drive(runs.queue(tenant, source, **GIVEN))
    assert run.status == "completed"
    assert (run.ended_at - run.started_at).total_seconds() < 3


@pytest.fixture
def worker() -> Iterator[Callable[[], threading.Thread]]:
    """Start a thread that drives one run; it is joined at the end."""
    threads: list[threading.Thread] = []

    def drive() -> None:
        try:
            engine.drive_one("w1")
        finally:
            connection.close()

    def start() -> threading.Thread:
        threads.append(threading.Thread(target=drive))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def until_told(run: Run, event_type: str) -> None:
    """Wait until something is told of a run. Fails when it is not in time."""
    deadline = time.monotonic() + 5
    while not Event.objects.filter(run=run, event_type=event_type).exists():
        assert time.monotonic() < deadline, "it was not told in time"
        time.sleep(0.01)


def test_a_cancel_reaches_a_step_that_computes(tenant: Tenant, worker: Callable[[], threading.Thread]):
    run = queued(tenant, sifting())
    thread = worker()
    until_told(run, "node_started")
    transitions.request_cancel(run.pk, "tester", "enough")
    heartbeat.renew(run.pk, heartbeat.keeper.leases()[run.pk])
    thread.join(5)
    assert Run.system.get(pk=run.pk).status == "canceled"


def stopped_while_busy(run: Run, worker: Callable[[], threading.Thread]) -> None:
    """Let a worker begin a run, and stop while it computes."""
    thread = worker()
    until_told(run, "node_started")
    stop.requested.set()
    try:
        thread.join(5)
    finally:
        stop.requested.clear()
    assert Run.system.get(pk=run.pk).status == "created"


def test_operations_that_were_done_before_a_stop_are_not_done_again(
    tenant: Tenant, worker: Callable[[], threading.Thread]
):
    operations = [
        {"action": "append_to_array", "array": "kept", "value": 1},
        {"action": "log", "message": "appended"},
        {**SIFT, "output_variable": "sifted"},
    ]
    run = queued(tenant, node("processing", operations=operations, timeout_ms=2_000, on_error="end"))
    stopped_while_busy(run, worker)
    run = runs.drive(run)
    assert (run.status, run.output_vars["kept"]) == ("completed", [1])
    assert [told["message"] for told in payloads(run, "log")] == ["appended"]


def test_checks_that_were_made_before_a_stop_are_not_made_again(tenant: Tenant, worker: Callable[[], threading.Thread]):
    checks = [{"id": "low", "condition": "big|sum < 0", "on_fail": "warn"}, {"id": "high", "condition": COUNT}]
    checks += [{"id": f"more_{number}", "condition": COUNT} for number in range(100)]
    run = queued(tenant, node("verification", checks=checks, output_variable="found"))
    stopped_while_busy(run, worker)
    run = runs.drive(run)
    assert (run.status, run.output_vars["found"]["passed"]) == ("completed", True)
    assert [one["id"] for one in run.output_vars["found"]["warnings"]] == ["low"]
    assert [told["check_id"] for told in payloads(run, "check_failed")] == ["low"]
    passed = [told["check_id"] for told in payloads(run, "check_passed")]
    assert passed == [check["id"] for check in checks[1:]]
