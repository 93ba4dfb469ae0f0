"""SLAs: breaches are found while a node works and while it waits, and are told once (runtime 10)."""

from datetime import timedelta
from typing import Any

import pytest

from approvals.models import Approval
from orchestration import waits
from orchestration.models import Event, Run, RunJob, Visit
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

ASK = {"type": "human_approval", "prompt": "?", "on_approve": "end", "on_reject": "end"}


def sla(milliseconds: int, on_breach: str = "warn", **fields: Any) -> dict[str, Any]:
    return {"sla": {"max_duration_ms": milliseconds, "on_breach": on_breach, **fields}}


NOTE = {
    "type": "sequence",
    "steps": [{"step_id": "n", "action": "set_variable", "variable": "seen", "value": "{{error.class}}"}],
    "next_node": "end",
}


def sleeping(milliseconds: int, next_node: str = "end", **fields: Any) -> dict[str, Any]:
    steps = [{"step_id": "w", "action": "wait", "duration_ms": milliseconds}]
    return {"type": "sequence", "steps": steps, "next_node": next_node, **fields}


def finished(tenant: Tenant, nodes: dict[str, Any], **root: Any) -> Run:
    return runs.drive(runs.queue(tenant, runs.document({**nodes, "end": {"type": "terminate"}}, **root)))


def breaches(run: Run) -> list[dict[str, Any]]:
    told = Event.objects.filter(run=run, event_type="sla_breached").order_by("seq")
    return list(told.values_list("payload", flat=True))


def later(run: Run, seconds: float) -> None:
    """Let the visits of a parked run have begun earlier, and its deadline come."""
    length = timedelta(seconds=seconds)
    for visit in Visit.objects.filter(run=run):
        Visit.objects.filter(pk=visit.pk).update(started_at=visit.started_at - length)
    job = RunJob.objects.get(run=run)
    RunJob.objects.filter(run=run).update(due_at=job.due_at and job.due_at - length)


def test_a_breach_is_told_while_the_node_works(tenant: Tenant):
    loop = {"type": "loop", "iterator": "[1]", "body_node": "nap", "next_node": "end", **sla(100)}
    run = finished(tenant, {"each": loop, "nap": sleeping(900, "each", **sla(150, "escalate"))})
    assert run.status == "completed"
    outer, inner = breaches(run)
    assert (outer["limit_ms"], outer["on_breach"], outer["in_flight"]) == (100, "warn", True)
    assert (inner["on_breach"], inner["escalation_handler"]) == ("escalate", None)
    assert 100 <= outer["elapsed_ms"] < 800
    told = runs.told(run.pk)
    assert told.index("sla_breached") < told.index("step_completed")


@pytest.mark.parametrize("durable", ["inside", "at the end"])
def test_a_breach_is_told_before_the_node_ends(tenant: Tenant, durable: str):
    nap = sleeping(30, **sla(20 if durable == "inside" else 0))
    run = finished(tenant, {"a": nap})
    assert (run.status, len(breaches(run))) == ("completed", 1)


def test_fail_ends_the_visit_now(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(1_900, **sla(100, "fail"))})
    assert (run.status, run.error_class) == ("failed", "sla_breached")
    assert (run.ended_at - run.started_at).total_seconds() < 1.5
    assert len(breaches(run)) == 1
    run = finished(tenant, {"a": sleeping(1_900, **sla(100, "fail"), on_error="note"), "note": NOTE})
    assert run.output_vars["seen"] == "sla_breached"


def test_escalate_goes_to_its_handler(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(1_900, **sla(100, "escalate", escalation_handler="note")), "note": NOTE})
    assert (run.status, run.output_vars["seen"]) == ("completed", "sla_breached")
    assert breaches(run)[0]["escalation_handler"] == "note"


def test_a_parked_visit_warns_once_and_waits_on(tenant: Tenant):
    run = finished(tenant, {"ask": {**ASK, **sla(60_000)}})
    assert run.status == "waiting_approval"
    assert waits.fire_due() == 0
    later(run, 61)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, RunJob.objects.get(run=run).due_at) == ("waiting_approval", None)
    assert [told["in_flight"] for told in breaches(run)] == [False]
    assert breaches(run)[0]["elapsed_ms"] >= 60_000
    later(run, 61)
    assert waits.fire_due() == 0
    assert runs.answer(run, "ask", {"decision": "approved"})
    assert runs.drive(run).status == "completed"
    assert len(breaches(run)) == 1


def test_a_parked_visit_is_ended(tenant: Tenant):
    run = finished(tenant, {"ask": {**ASK, **sla(60_000, "escalate", escalation_handler="note")}, "note": NOTE})
    later(run, 61)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, run.output_vars["seen"]) == ("completed", "sla_breached")
    assert Approval.system.get(run_id=run.pk).status == "cancelled"


def test_the_sla_of_an_owner_ends_what_waits_inside(tenant: Tenant):
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "ask", "start_node": "ask"}, {"branch_id": "nap", "start_node": "nap"}],
        "next_node": "end",
        **sla(60_000, "fail"),
    }
    run = finished(tenant, {"fork": fork, "ask": ASK, "nap": sleeping(90_000)})
    later(run, 61)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, run.error_class, run.error["path"]) == ("failed", "sla_breached", "fork")
    assert Approval.system.get(run_id=run.pk).status == "cancelled"


def test_each_visit_has_an_sla_of_its_own_and_a_retry_begins_anew(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(60_000, **sla(30_000, "fail"))})
    later(run, 31)
    waits.fire_due()
    run = runs.drive(run)
    assert run.status == "failed"
    runs.reopen(run)
    run = runs.drive(run)
    assert run.status == "paused"
    assert (
        RunJob.objects.get(run=run).due_at - Visit.objects.get(run=run).started_at
    ).total_seconds() == pytest.approx(30)
    later(run, 31)
    waits.fire_due()
    assert runs.drive(run).status == "failed"
    assert len(breaches(run)) == 2
