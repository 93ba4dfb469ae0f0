"""A child has at most the time that the visits above it have left, at work, queued and parked (runtime 10 and 15)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from langorch.lib import clock
from orchestration import queue, services, waits
from orchestration.models import Event, Run, RunJob, Wait
from orchestration.runtime import engine
from tenants.models import Tenant, User
from tests import agents, people, runs
from tests.children import calls, child_of, ends, made, started
from tests.db.test_runtime_deadlines import age
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by(house: House) -> User:
    return house.operator


@pytest.fixture
def one_at_a_time(tenant: Tenant) -> None:
    """Nothing is driven inline: a child waits in the queue for a worker of its own."""
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)


def waiting(milliseconds: int, next_node: str = "end") -> dict[str, Any]:
    steps = [{"step_id": "w", "action": "wait", "duration_ms": milliseconds}]
    return {"type": "sequence", "steps": steps, "next_node": next_node}


def family(by: User, child: dict[str, Any], call: dict[str, Any], child_root: Any = None, **root: Any) -> Run:
    """A queued parent with one subflow."""
    made(by, "child", {"work": child, "end": ends()}, **(child_root or {}))
    made(by, "parent", {"call": {**call, "next_node": "end"}, "end": {"type": "terminate"}}, **root)
    return started(by)


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def limits(milliseconds: int) -> list[Any]:
    """The limits that end a subflow's visit: of the node, its SLA and the run."""
    return [
        pytest.param({"timeout_ms": milliseconds}, {}, "node_timeout", id="node"),
        pytest.param({"sla": {"max_duration_ms": milliseconds, "on_breach": "fail"}}, {}, "sla_breached", id="sla"),
        pytest.param({}, {"global_config": {"timeout_ms": milliseconds}}, "run_timeout", id="run"),
    ]


@pytest.mark.parametrize(("call", "root", "error_class"), limits(1_000))
def test_a_child_at_work_elsewhere_ends_with_the_time_of_its_parent(
    by: User, one_at_a_time: None, call: dict[str, Any], root: dict[str, Any], error_class: str
):
    run = family(by, waiting(1_900), calls(on_failure="continue", **call), **root)
    assert engine.drive_one("w1")
    assert child_of(run).status == "created"
    assert engine.drive_one("w2")
    child = child_of(run)
    assert (child.status, child.cancel_reason) == ("canceled", "parent")
    assert "step_completed" not in runs.told(child.pk)
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", error_class)
    assert "subflow_failed" not in runs.told(run.pk)


@pytest.mark.parametrize("parked", [True, False], ids=["parked", "queued"])
@pytest.mark.parametrize(("call", "root", "error_class"), limits(10_000))
def test_no_worker_is_needed_to_end_a_child_with_the_time_of_its_parent(
    by: User, tenant: Tenant, parked: bool, call: dict[str, Any], root: dict[str, Any], error_class: str
):
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=None if parked else 1)
    run = family(by, waiting(60_000), calls(**call), **root)
    assert engine.drive_one("w1")
    assert child_of(run).status == ("paused" if parked else "created")
    age(run, seconds=8)
    assert waits.fire_due() == 0
    age(run, seconds=2)
    assert waits.fire_due()
    child = child_of(run)
    assert (child.status, child.cancel_reason) == ("canceled", "parent")
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", error_class)


def test_the_time_of_whoever_is_further_up_ends_all_below(by: User, one_at_a_time: None):
    made(by, "child", {"work": waiting(60_000), "end": ends()})
    made(by, "middle", {"call": calls("child", next_node="end"), "end": ends()})
    made(by, "parent", {"call": calls("middle", timeout_ms=10_000, next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    for worker in ("w1", "w2", "w3"):
        assert engine.drive_one(worker)
    middle = child_of(run)
    assert (middle.status, child_of(middle).status) == ("paused", "paused")
    age(run, seconds=10)
    waits.fire_due()
    assert (child_of(run).status, child_of(middle).status) == ("canceled", "canceled")
    assert runs.drive(run).error_class == "node_timeout"


def test_a_grandchild_at_work_ends_with_the_time_of_whoever_is_furthest_up(by: User, one_at_a_time: None):
    made(by, "child", {"work": waiting(1_900), "end": ends()})
    made(by, "middle", {"call": calls("child", next_node="end"), "end": ends()})
    made(by, "parent", {"call": calls("middle", timeout_ms=1_200, next_node="end"), "end": {"type": "terminate"}})
    run = runs.drive(started(by))
    middle = child_of(run)
    assert (run.error_class, middle.status, child_of(middle).status) == ("node_timeout", "canceled", "canceled")


def test_a_call_of_a_child_carries_the_time_that_its_parent_has_left(by: User, tenant: Tenant, one_at_a_time: None):
    step = {"step_id": "go", "action": "navigate", "agent": "web", "params": {"url": "x"}, "timeout_ms": 60_000}
    with agents.agent(tenant, navigate=lambda params: "there") as small:
        run = family(
            by, {"type": "sequence", "steps": [step], "next_node": "end"}, calls(timeout_ms=20_000, next_node="end")
        )
        assert runs.drive(run).status == "completed"
    deadline = datetime.fromisoformat(small.calls[0]["deadline"])
    assert (deadline - run.created_at).total_seconds() == pytest.approx(20, abs=5)


def test_a_retry_that_would_come_after_the_time_of_the_parent_is_not_waited_for(by: User, one_at_a_time: None):
    retry = {"max_retries": 3, "base_delay_ms": 60_000, "retry_on": ["expression_error"]}
    step = {"step_id": "d", "action": "calculate", "expression": "1 / zero", "output_variable": "x"}
    node = {"type": "sequence", "steps": [{**step, "retry_config": retry}], "next_node": "end"}
    schema = {"variables_schema": {"zero": {"type": "integer", "default": 0}}}
    run = runs.drive(family(by, node, calls(timeout_ms=20_000), schema))
    assert (run.error_class, child_of(run).error_class) == ("subflow_failed", "expression_error")


def test_the_time_of_a_parent_that_is_held_does_not_end_its_child(by: User, one_at_a_time: None):
    run = family(by, waiting(1_500), calls(timeout_ms=1_000))
    assert engine.drive_one("w1")
    services.pause_run(people.actor(by), run)
    assert engine.drive_one("w2")
    assert child_of(run).status == "completed"
    services.resume_run(people.actor(by), run)
    assert runs.drive(run).status == "completed"


def test_a_parent_may_go_on_without_what_its_child_did_not_give_in_time(by: User, one_at_a_time: None):
    policy = {"timeout_ms": 1_000, "on_timeout": "fail_open"}
    run = runs.drive(family(by, waiting(1_900), calls(timeout_policy=policy)))
    assert (run.status, run.output_vars["subflow_output"]) == ("completed", None)
    assert child_of(run).status == "canceled"


def test_a_child_that_is_undone_has_the_time_it_takes(by: User, one_at_a_time: None):
    undo = {"step_id": "u", "action": "wait", "duration_ms": 100}
    done = {"step_id": "s", "action": "set_variable", "variable": "x", "value": 1, "compensate_with": undo}
    wait = {"step_id": "w", "action": "wait", "duration_ms": 1_900}
    child = {"type": "sequence", "steps": [done, wait], "next_node": "end"}
    config = {"global_config": {"compensation": "on_failure_or_cancel"}}
    run = runs.drive(family(by, child, calls(timeout_ms=1_000), config))
    child_run = child_of(run)
    assert (run.error_class, child_run.status) == ("node_timeout", "canceled")
    assert payloads(child_run, "compensation_completed")[0]["done"] == 1


def test_a_queued_child_has_its_own_time_in_the_queue_too(by: User, one_at_a_time: None):
    run = family(by, waiting(10), calls(timeout_ms=60_000), {"global_config": {"queue_timeout_ms": 5_000}})
    assert engine.drive_one("w1")
    child = child_of(run)
    RunJob.objects.filter(run=child).update(due_at=F("due_at") - timedelta(seconds=6))
    assert queue.sweep() == 1
    run = runs.drive(run)
    assert (run.error_class, run.error["error_type"], child_of(run).error_class) == (
        "subflow_failed",
        "queue_timeout",
        "queue_timeout",
    )


def test_a_retried_parent_and_its_child_have_all_of_their_time_again(by: User, one_at_a_time: None):
    run = family(by, waiting(60_000), calls(timeout_ms=10_000))
    assert engine.drive_one("w1")
    assert engine.drive_one("w2")
    age(run, seconds=10)
    waits.fire_due()
    run = runs.drive(run)
    assert run.error_class == "node_timeout"
    runs.reopen(run)
    run = runs.drive(run)
    child = child_of(run)
    assert (run.status, child.status) == ("paused", "paused")
    Wait.objects.filter(run=child, state="open").update(until=clock.now() - timedelta(seconds=1))
    waits.fire_due()
    assert runs.drive(run).status == "completed"
