"""Cancel: what a worker does not carry out is forced; what waits is closed; children follow (runtime 14)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from approvals.models import Approval
from orchestration import queue, transitions
from orchestration.models import Event, Run, RunJob
from orchestration.runtime import engine
from orchestration.runtime.claims import claim
from orchestration.runtime.records import Batch, Fenced
from orchestration.runtime.store import writer
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

ASK = {"type": "human_approval", "prompt": "?", "on_approve": "end", "on_reject": "end"}
ASKING = runs.document({"ask": ASK, "end": {"type": "terminate"}})


def test_a_worker_that_does_not_stop_is_left_behind(tenant: Tenant):
    run = runs.queue(tenant, ASKING)
    slow = claim("slow")
    transitions.request_cancel(run.pk, "tester", "enough")
    assert queue.sweep() == 0
    Run.system.filter(pk=run.pk).update(cancel_asked_at=F("cancel_asked_at") - timedelta(seconds=61))
    assert queue.sweep() == 1
    run.refresh_from_db()
    assert run.status == "canceled"
    told = Event.objects.get(run=run, event_type="run_canceled").payload
    assert told == {"by": "tester", "reason": "forced"}
    connection.ensure_connection()
    with pytest.raises(Fenced):
        writer()(connection.connection, run.pk, slow.lease.fence, Batch(closed=["x"]), calm=False)


def test_cancel_while_the_run_is_being_parked(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    run = runs.queue(tenant, ASKING)
    parked = engine.ending.park

    def cancel_first(*arguments: Any) -> bool:
        transitions.request_cancel(run.pk, "tester", "enough")
        return parked(*arguments)

    monkeypatch.setattr(engine.ending, "park", cancel_first)
    assert engine.drive_one("w")
    run.refresh_from_db()
    assert (run.status, Approval.system.get().status) == ("canceled", "cancelled")


def test_a_run_that_was_handed_back_uncanceled_is_canceled(tenant: Tenant):
    run = runs.queue(tenant, ASKING)
    claimed = claim("w")
    transitions.request_cancel(run.pk, "tester", "enough")
    engine.ending.hand_back(claimed, "worker stops")
    assert queue.sweep() == 1
    run.refresh_from_db()
    assert (run.status, RunJob.objects.get(run=run).state) == ("canceled", "done")
    assert Event.objects.get(run=run, event_type="run_canceled").payload["reason"] == "enough"


def test_children_follow_their_parent_however_it_ended(tenant: Tenant):
    parent, child, grandchild = (runs.queue(tenant, ASKING) for _ in range(3))
    Run.system.filter(pk=child.pk).update(parent_run=parent, parent_path="sub")
    Run.system.filter(pk=grandchild.pk).update(parent_run=child, parent_path="sub")
    runs.drive(parent)
    assert runs.answer(parent, "ask", {"decision": "approved"})
    assert runs.drive(parent).status == "completed"
    assert queue.sweep() == 0
    assert set(Run.system.filter(pk__in=[child.pk, grandchild.pk]).values_list("status", flat=True)) == {"canceled"}
    told = Event.objects.get(run=child, event_type="run_canceled").payload
    assert told["reason"] == "parent"


def test_a_branch_that_is_stopped_asks_nobody_any_more(tenant: Tenant):
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "ask", "start_node": "ask"}, {"branch_id": "quick", "start_node": "quick"}],
        "wait_strategy": "any",
        "next_node": "meet",
    }
    nodes = {
        "fork": fork,
        "ask": {**ASK, "on_approve": "meet", "on_reject": "meet"},
        "quick": {
            "type": "sequence",
            "steps": [{"step_id": "w", "action": "wait", "duration_ms": 100}],
            "next_node": "meet",
        },
        "meet": {
            "type": "sequence",
            "steps": [{"step_id": "w", "action": "wait", "duration_ms": 60_000}],
            "next_node": "end",
        },
        "end": {"type": "terminate"},
    }
    run = runs.drive(runs.queue(tenant, runs.document(nodes)))
    assert run.status == "paused"
    assert Approval.system.get(run_id=run.pk).status == "cancelled"
    assert Event.objects.get(run=run, event_type="approval_canceled").payload["reason"] == "branch_stopped"
