"""Children driven in the thread of their parent: under a lease of their own, and handed back when the parent stops."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from orchestration import queue, services
from orchestration.models import Event, Run
from orchestration.runtime import engine, stop
from orchestration.runtime.heartbeat import keeper, renew
from tenants.models import Tenant, User
from tests import people, runs
from tests.children import asks, calls, child_of, ends, made, sets, started
from tests.people import House
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)

LONG = {
    "say": {"type": "sequence", "steps": [{"step_id": "l", "action": "log", "message": "begun"}], "next_node": "wait"},
    "wait": {
        "type": "sequence",
        "steps": [{"step_id": "w", "action": "wait", "duration_ms": 1_900}],
        "next_node": "end",
    },
    "end": {"type": "terminate", "outputs": {"waited": "yes"}},
}
"""A child that works for a while; the wait is too short for being parked."""


@pytest.fixture
def by(house: House) -> User:
    return house.operator


@contextmanager
def driving(run: Run) -> Iterator[Callable[[], Run]]:
    """Drive a run in a thread from when its child sleeps on; call what is given to wait for the end of the drive."""

    def work() -> None:
        engine.drive_one("first")
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()

    def ended() -> Run:
        thread.join(15)
        assert not thread.is_alive()
        return Run.system.get(pk=run.pk)

    child = Run.system.filter(parent_run=run)
    asleep = Event.objects.filter(run__in=child, event_type="node_started", node_id="wait")
    until(asleep.exists, 10, "the child works")
    try:
        yield ended
    finally:
        thread.join(15)


def beat() -> None:
    """Let the heartbeat come at once: it brings cancels and holds."""
    for run_id, lease in keeper.leases().items():
        renew(run_id, lease)


def workers(run: Run) -> list[str]:
    """Who took a run, in order."""
    taken = Event.objects.filter(run=run, event_type__in=("execution_started", "execution_resumed")).order_by("seq")
    return [payload["worker"] for payload in taken.values_list("payload", flat=True)]


def test_the_same_worker_drives_parent_and_child_in_one_go(by: User):
    made(by, "child", {"set": sets("x", 1, "end"), "end": ends(x="x")})
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    assert engine.drive_one("w1")
    run.refresh_from_db()
    assert (run.status, run.output_vars, workers(child_of(run))) == ("completed", {"subflow_output": {"x": 1}}, ["w1"])
    assert not {"run_parked", "node_paused"} & set(runs.told(run.pk))
    assert child_of(run).fence == 1


def test_a_child_that_its_limits_keep_back_is_queued(by: User, tenant: Tenant):
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
    made(by, "child", {"end": ends(x=1)})
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    assert engine.drive_one("w1")
    run.refresh_from_db()
    assert (run.status, child_of(run).status) == ("paused", "created")
    assert engine.drive_one("w2")
    assert engine.drive_one("w3")
    run.refresh_from_db()
    assert (run.status, workers(run), workers(child_of(run))) == ("completed", ["w1", "w3"], ["w2"])


def test_five_are_nested_at_most_and_the_others_queued(by: User):
    made(by, "p7", {"end": ends(deep=7)})
    for number in range(6, -1, -1):
        nodes = {
            "call": calls(f"p{number + 1}", output_mapping={"deep": "deep"}, next_node="end"),
            "end": ends(deep="deep"),
        }
        made(by, f"p{number}", nodes)
    run = started(by, "p0")
    assert engine.drive_one("w1")
    found = dict(Run.system.values_list("depth", "status"))
    assert found == {0: "paused", 1: "paused", 2: "paused", 3: "paused", 4: "paused", 5: "paused", 6: "created"}
    assert runs.drive(run).output_vars == {"deep": 7}


def test_a_child_in_a_branch_is_driven_by_the_thread_of_the_branch(by: User):
    made(
        by,
        "child",
        {"set": sets("x", "{{ n }}", "end"), "end": ends(x="x")},
        variables_schema={"n": {"type": "integer"}},
    )
    branches = [{"branch_id": f"b{n}", "start_node": f"call{n}"} for n in range(4)]
    nodes: dict[str, Any] = {"fork": {"type": "parallel", "branches": branches, "next_node": "end"}}
    for n in range(4):
        nodes[f"call{n}"] = calls(input_mapping={"n": n}, output_mapping={f"x{n}": "x"}, next_node="end")
    made(by, "parent", nodes | {"end": ends(all="{{ [x0, x1, x2, x3] }}")})
    run = started(by)
    assert engine.drive_one("w1")
    run.refresh_from_db()
    assert (run.status, run.output_vars) == ("completed", {"all": [0, 1, 2, 3]})


def test_a_branch_decided_without_its_child_stops_it(by: User):
    made(by, "child", LONG)
    branches = [{"branch_id": "a", "start_node": "call"}, {"branch_id": "b", "start_node": "quick"}]
    nodes = {
        "fork": {"type": "parallel", "branches": branches, "wait_strategy": "any", "next_node": "end"},
        "call": calls(next_node="end"),
        "quick": {"type": "sequence", "steps": [{"action": "wait", "duration_ms": 1_500}], "next_node": "end"},
        "end": ends(),
    }
    made(by, "parent", nodes)
    run = started(by)
    with driving(run) as ended:
        run = ended()
    child = child_of(run)
    assert (run.status, child.status, child.cancel_reason) == ("completed", "canceled", "parent")
    assert "lease_handed_back" in runs.told(child.pk)


def test_cancel_of_the_parent_stops_the_child_at_work(by: User):
    made(by, "child", LONG)
    made(by, "parent", {"call": calls(next_node="end"), "end": ends()})
    run = started(by)
    with driving(run) as ended:
        services.cancel_run(people.actor(by), run, "enough")
        beat()
        run = ended()
    assert (run.status, child_of(run).status) == ("canceled", "canceled")
    assert "subflow_failed" not in runs.told(run.pk)


def test_a_held_parent_gives_its_child_to_another_worker(by: User):
    made(by, "child", LONG)
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    with driving(run) as ended:
        services.pause_run(people.actor(by), run)
        beat()
        run = ended()
    assert (run.status, child_of(run).status) == ("paused", "created")
    run = runs.drive(run, "second")
    assert (run.status, child_of(run).status, workers(child_of(run))) == ("paused", "completed", ["first", "second"])
    services.resume_run(people.actor(by), run)
    assert runs.drive(run).output_vars == {"subflow_output": {"waited": "yes"}}


def test_the_time_of_the_parent_limits_the_child_at_work(by: User):
    made(by, "child", LONG)
    made(by, "parent", {"call": calls(timeout_ms=1_500, next_node="end"), "end": ends()})
    run = started(by)
    with driving(run) as ended:
        run = ended()
    assert (run.status, run.error_class, child_of(run).status) == ("failed", "node_timeout", "canceled")


def test_a_worker_that_stops_hands_both_back(by: User):
    made(by, "child", LONG)
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    with driving(run) as ended:
        stop.requested.set()
        try:
            run = ended()
        finally:
            stop.requested.clear()
    assert (run.status, child_of(run).status) == ("created", "created")
    assert runs.drive(run).output_vars == {"subflow_output": {"waited": "yes"}}


def test_a_child_that_waits_parks_its_parent_too_and_its_end_wakes_it(by: User):
    made(by, "child", {"ask": asks("end"), "end": ends(x=1)})
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    assert engine.drive_one("w1")
    assert not engine.drive_one("w1")
    assert set(Run.system.values_list("status", flat=True)) == {"paused", "waiting_approval"}
    assert runs.told(run.pk).count("node_paused") == 1
    runs.answer(child_of(run), "ask", {"decision": "approved"})
    assert runs.drive(run).status == "completed"


def test_a_parent_whose_lease_is_lost_meanwhile_is_taken_over(by: User):
    made(by, "child", LONG)
    made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
    run = started(by)
    with driving(run) as ended:
        queue.let_leases_run_out()
        queue.sweep()
        beat()
        ended()
    run = runs.drive(run, "second")
    assert (run.status, child_of(run).status) == ("completed", "completed")
    assert runs.told(run.pk).count("run_completed") == runs.told(child_of(run).pk).count("run_completed") == 1
