"""A database without room: workers begin nothing, say so, and go on by themselves when there is some (runtime 23)."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.db.utils import OperationalError

from langorch import checks
from orchestration import queue, space
from orchestration.models import Run, RunJob, SpaceProbe
from orchestration.runtime import engine, stop
from orchestration.runtime.bell import bell
from tenants.models import Tenant
from tests import agents, runs
from tests.full_database import without_room
from tests.people import ApiClients
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "x" * 90_000


def writing(**first: Any) -> dict[str, Any]:
    """A document whose run needs many pages."""
    steps = [{"step_id": f"s{n}", "action": "set_variable", "variable": f"v{n}", "value": LONG} for n in range(3)]
    node = {"type": "sequence", "steps": [*([first] if first else []), *steps], "next_node": "end"}
    return runs.document({"a": node, "end": {"type": "terminate", "outputs": {"length": "{{ v0.length }}"}}})


@pytest.fixture(autouse=True)
def knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has not met a full database yet, and looks often."""
    monkeypatch.setattr(space, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(space, "space", space.Space())
    monkeypatch.setattr(engine, "space", space.space)
    monkeypatch.setattr(checks, "space_of_database", space.space)


@pytest.fixture
def worker(settings: Any) -> Iterator[Callable[[], None]]:
    """Start a worker of its own; it is stopped at the end."""
    settings.ENV = settings.ENV.model_copy(update={"WORKER_POLL_INTERVAL": 0.02})
    threads: list[threading.Thread] = []

    def start() -> None:
        threads.append(threading.Thread(target=engine.run_worker, args=("w1",)))
        threads[-1].start()

    yield start
    stop.requested.set()
    bell.ring_for_all()
    for thread in threads:
        thread.join(20)
    stop.requested.clear()


def claimed() -> int:
    """How often runs were taken by a worker."""
    return sum(Run.system.values_list("fence", flat=True))


def statuses() -> set[str]:
    return set(Run.system.values_list("status", flat=True))


def test_workers_stop_claiming_and_go_on_when_there_is_room(
    tenant: Tenant, worker: Callable[[], None], api: ApiClients
):
    queued = [runs.queue(tenant, writing()) for _ in range(6)]
    assert api().get("/readyz").status_code == 200
    with without_room():
        worker()
        until(lambda: space.space.is_full, 20, "the database counts as full")
        claims = claimed()
        assert claims <= space.MOST_REFUSED
        answer = api().get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["space"]) == (503, "failed")
        assert answer.json()["checks"]["database"] == "ok"
        assert [fault for fault in checks.faults(["space"]) if "no room" in fault]
        refused = space.space.refusals
        until(lambda: space.space.refusals > refused, 20, "it was looked for room again")
        assert claimed() == claims
        assert statuses() <= {"created", "running"}
    queue.let_leases_run_out()
    until(lambda: statuses() == {"completed"}, 30, "every run is done")
    assert not space.space.is_full
    assert api().get("/readyz").status_code == 200
    for run in queued:
        run.refresh_from_db()
        assert run.output_vars == {"length": len(LONG)}
    assert not SpaceProbe.objects.exists()


def test_nothing_is_sent_to_agents_while_nothing_can_be_recorded(tenant: Tenant, worker: Callable[[], None]):
    pay = {"step_id": "pay", "action": "pay", "agent": "bank", "params": {}}
    with agents.agent(tenant, "bank", keeps_keys=True, pay=lambda params: LONG, concurrency_limit=10) as bank:
        for _ in range(6):
            runs.queue(tenant, writing(**pay))
        with without_room():
            worker()
            until(lambda: space.space.is_full, 20, "the database counts as full")
            assert len(bank.calls) <= 1
        queue.let_leases_run_out()
        until(lambda: statuses() == {"completed"}, 30, "every run is done")
        assert len(set(bank.effects)) == len(bank.effects) == 6


def test_a_run_that_met_a_full_database_loses_no_more_than_a_worker(tenant: Tenant):
    run = runs.queue(tenant, writing())
    with without_room(), pytest.raises(DatabaseError) as refused:
        engine.drive_one("w1")
    assert space.is_full(refused.value)
    connection.close()
    queue.let_leases_run_out()
    queue.sweep()
    assert RunJob.objects.get(run=run).losses <= 1
    assert runs.drive(run).status == "completed"


def test_a_process_that_drives_nothing_finds_out_by_itself(db: None, api: ApiClients):
    with without_room():
        assert api().get("/readyz").json()["checks"]["space"] == "failed"
    until(lambda: api().get("/readyz").status_code == 200, 20, "there is room again")


@pytest.mark.parametrize(
    ("cause", "full"),
    [
        (psycopg.errors.DiskFull("could not extend file: No space left on device"), True),
        (psycopg.errors.SerializationFailure("again"), False),
        (psycopg.OperationalError("the connection is closed"), False),
        (sqlite3.OperationalError("database is locked"), False),
    ],
)
def test_which_errors_say_that_there_is_no_room(cause: Exception, full: bool):
    error = OperationalError(str(cause))
    error.__cause__ = cause
    assert space.is_full(error) is full
    assert space.is_full(cause) is full


def test_a_probe_is_asked_for_after_one_refusal_and_three_in_a_row_are_a_full_database():
    one = space.Space()
    assert one.admits()
    one.refused()
    assert one.admits()
    one.written()
    seen = [one.is_full]
    for _ in range(3):
        one.refused()
        seen.append(one.is_full)
    assert seen == [False, False, False, True]
    assert not one.admits()
    assert not one.is_ready()


def test_a_full_database_that_takes_a_probe_is_on_trial(standing_clock: Any):
    one = space.Space()
    for _ in range(3):
        one.refused()
    assert not one.admits()
    standing_clock.advance(seconds=space.PROBE_SECONDS)
    assert one.admits()
    seen = [one.is_full]
    one.refused()
    assert [*seen, one.is_full] == [False, True]
