"""The queue: who is served first, leases and what becomes of lost ones, stopping, canceling, timers."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from langorch.lib import clock
from orchestration import queue, transitions, waits
from orchestration.choices import WaitKind
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.runtime import engine, heartbeat, stop
from orchestration.runtime.boundary import Lease
from orchestration.runtime.claims import claim
from orchestration.runtime.records import Batch, Fenced
from orchestration.runtime.store import writer
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = {"a": {"type": "processing", "operations": [], "next_node": "end"}, "end": {"type": "terminate"}}


def waiting(**step: Any) -> dict[str, Any]:
    steps = [{"step_id": "w", "action": "wait", **step}]
    return runs.document({"a": {"type": "sequence", "steps": steps, "next_node": "end"}, "end": {"type": "terminate"}})


def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until something holds. Fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


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
        thread = threading.Thread(target=drive)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_higher_priority_and_age_come_first(tenant: Tenant):
    source = runs.document(NOTHING)
    old, young, urgent = (runs.queue(tenant, source) for _ in range(3))
    RunJob.objects.filter(run=urgent).update(priority=10)
    order = [claim("w").run.pk for _ in range(3)]
    assert order == [urgent.pk, old.pk, young.pk]
    assert claim("w") is None


def test_tenants_take_turns(tenant: Tenant):
    other = Tenant.objects.create(slug="other", name="Other")
    source = runs.document(NOTHING)
    for _ in range(4):
        runs.queue(tenant, source)
    for _ in range(2):
        runs.queue(other, source)
    served = []
    for _ in range(4):
        claimed = claim("w")
        served.append(claimed.run.tenant_id)
        transitions.try_move(claimed.run.pk, _completed(claimed.run))
    assert served.count(tenant.pk) == served.count(other.pk) == 2


def _completed(run: Run) -> transitions.Move:
    event = transitions.NewEvent("run_completed", {})
    return transitions.Move(frozenset({transitions.RunStatus.RUNNING}), transitions.RunStatus.COMPLETED, [event])


def test_a_tenant_has_at_most_its_number_of_running_runs(tenant: Tenant):
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
    for _ in range(2):
        runs.queue(tenant, runs.document(NOTHING))
    assert claim("w") is not None
    assert claim("w") is None


def test_a_late_worker_cannot_write(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    first = claim("slow")
    expire(run)
    assert queue.sweep() == 1
    second = claim("quick")
    assert second.lease.fence == first.lease.fence + 2
    connection.ensure_connection()
    with pytest.raises(Fenced):
        writer()(connection.connection, run.pk, first.lease.fence, Batch(closed=["x"]), calm=False)
    writer()(connection.connection, run.pk, second.lease.fence, Batch(closed=["x"]), calm=False)


def expire(run: Run) -> None:
    RunJob.objects.filter(run=run).update(lease_until=clock.now() - timedelta(seconds=1))


def test_a_renewal_that_counts_no_row_loses_the_lease(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    claimed = claim("slow")
    expire(run)
    queue.sweep()
    heartbeat.renew(run.pk, claimed.lease)
    with pytest.raises(Fenced):
        claimed.lease.look()


def test_giving_a_run_back_does_not_let_go_of_the_lease_of_the_thread_that_has_it_now(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    first, second = Lease("w/1", 1, 30), Lease("w/2", 2, 30)
    giving_back, holding = heartbeat.keeper.keeping(run.pk, first), heartbeat.keeper.keeping(run.pk, second)
    giving_back.__enter__()
    with holding:
        giving_back.__exit__(None, None, None)
        assert heartbeat.keeper.leases()[run.pk] is second
    assert run.pk not in heartbeat.keeper.leases()


def test_a_run_whose_workers_are_lost_too_often_fails(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    for losses in range(1, 4):
        assert claim("w") is not None
        expire(run)
        queue.sweep()
        job = RunJob.objects.get(run=run)
        assert (job.state, job.losses) == ("ready", losses)
        delay = (job.available_at - clock.now()).total_seconds()
        assert delay == pytest.approx(5 * (losses - 1), abs=1)
        RunJob.objects.filter(run=run).update(available_at=clock.now() - timedelta(seconds=1))
    assert claim("w") is not None
    expire(run)
    queue.sweep()
    run.refresh_from_db()
    assert (run.status, run.error_class) == ("failed", "worker_lost")
    assert runs.told(run.pk)[-2:] == ["worker_lease_expired", "run_failed"]


def test_a_takeover_resets_the_losses(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    claim("w")
    expire(run)
    queue.sweep()
    assert runs.drive(run).status == "completed"
    assert RunJob.objects.get(run=run).losses == 0
    resumed = Event.objects.get(run=run, event_type="execution_resumed")
    assert resumed.payload["resume_reason"] == "takeover"


def test_a_long_wait_parks_and_fires_once(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, waiting(duration_ms=60_000)))
    assert run.status == "paused"
    wait = Wait.objects.get(run=run)
    assert (wait.kind, wait.state) == ("timer", "open")
    assert waits.fire_due() == 0
    runs.fire(wait)
    assert waits.fire_due() == 0
    run = runs.drive(run)
    assert run.status == "completed"
    assert StepRecord.objects.get(run=run).attempt == 1


def test_a_short_wait_sleeps_in_the_worker(tenant: Tenant):
    began = time.monotonic()
    run = runs.drive(runs.queue(tenant, waiting(duration_ms=150)))
    assert run.status == "completed"
    assert time.monotonic() - began > 0.15
    assert not Wait.objects.filter(run=run).exists()


@pytest.mark.parametrize("until_text", ["2020-01-01", "2020-01-01T10:00:00Z", "00:00"])
def test_a_time_in_the_past_goes_on_at_once(tenant: Tenant, until_text: str):
    run = runs.drive(runs.queue(tenant, waiting(action="wait_until", until=until_text)))
    assert run.status == "completed", run.error


def test_a_time_too_far_ahead_is_refused(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, waiting(action="wait_until", until="2999-01-01")))
    assert (run.status, run.error_class) == ("failed", "invalid_value")


def test_stopping_hands_the_run_back_within_a_moment(tenant: Tenant, worker: Callable[[], threading.Thread]):
    run = runs.queue(tenant, waiting(duration_ms=1900))
    thread = worker()
    try:
        until(lambda: Run.system.get(pk=run.pk).status == "running")
        until(lambda: Event.objects.filter(run=run, event_type="node_started").exists())
        began = time.monotonic()
        stop.requested.set()
        thread.join(2)
        assert time.monotonic() - began < 0.5
    finally:
        stop.requested.clear()
    run.refresh_from_db()
    job = RunJob.objects.get(run=run)
    assert (run.status, job.state, job.losses) == ("created", "ready", 0)
    assert runs.told(run.pk)[-1] == "lease_handed_back"
    assert runs.drive(run).status == "completed"


def test_cancel_cuts_a_running_step(tenant: Tenant, worker: Callable[[], threading.Thread]):
    run = runs.queue(tenant, waiting(duration_ms=1900))
    thread = worker()
    until(lambda: Event.objects.filter(run=run, event_type="node_started").exists())
    assert transitions.request_cancel(run.pk, "tester", "enough") == "running"
    claimed = Run.system.get(pk=run.pk)
    assert claimed.cancel_requested
    lease = next(iter(heartbeat.keeper.leases().values()))
    heartbeat.renew(run.pk, lease)
    thread.join(1)
    run.refresh_from_db()
    assert (run.status, run.cancel_reason) == ("canceled", "enough")
    assert runs.told(run.pk)[-2:] == ["run_cancel_requested", "run_canceled"]


def test_cancel_of_a_run_whose_worker_is_gone_is_forced(tenant: Tenant):
    run = runs.queue(tenant, runs.document(NOTHING))
    claim("w")
    transitions.request_cancel(run.pk, "tester")
    expire(run)
    queue.sweep()
    run.refresh_from_db()
    assert run.status == "canceled"


def test_an_answer_while_the_run_is_being_parked_is_not_lost(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    nodes = {
        "ask": {"type": "human_approval", "prompt": "?", "on_approve": "end"},
        "end": {"type": "terminate"},
    }
    run = runs.queue(tenant, runs.document(nodes))
    parked = engine.ending.park

    def answer_first(*arguments: Any) -> bool:
        waits.signal(waits.Signal(run.pk, "ask", WaitKind.APPROVAL, {"decision": "approved"}))
        return parked(*arguments)

    monkeypatch.setattr(engine.ending, "park", answer_first)
    assert engine.drive_one("w")
    run.refresh_from_db()
    assert run.status == "completed"
    assert "run_parked" not in runs.told(run.pk)


def test_ended_runs_are_woken_by_nothing(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, runs.document(NOTHING)))
    assert not waits.signal(waits.Signal(run.pk, "a", WaitKind.TIMER, None))
    assert claim("w") is None
