"""Limits of time: of nodes, of what owns them and of the run; found at work and while a run waits (runtime 10)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from approvals.models import Approval
from langorch.lib import clock
from orchestration import holds, queue, waits
from orchestration.models import Event, Run, RunJob, Visit, Wait
from orchestration.runtime import engine
from tenants.models import Tenant
from tests import runs
from tests.children import asks, calls, child_of, made, started
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)

END = {"end": {"type": "terminate"}}


def sleeping(milliseconds: int, **fields: Any) -> dict[str, Any]:
    steps = [{"step_id": "w", "action": "wait", "duration_ms": milliseconds, "output_variable": "slept"}]
    return {"type": "sequence", "steps": steps, "next_node": "end", **fields}


def finished(tenant: Tenant, nodes: dict[str, Any], **root: Any) -> Run:
    return runs.drive(runs.queue(tenant, runs.document({**nodes, **END}, **root)))


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def age(run: Run, **by: float) -> None:
    """Let everything of a run have happened earlier, and let its deadlines come."""
    length = timedelta(**by)
    for visit in Visit.objects.filter(run=run):
        if kept := (visit.data or {}).get("timeout"):
            kept["active_from"] = (datetime.fromisoformat(kept["active_from"]) - length).isoformat()
        Visit.objects.filter(pk=visit.pk).update(started_at=visit.started_at - length, data=visit.data)
    for row in Run.system.filter(pk=run.pk):
        asleep = row.asleep_since and row.asleep_since - length
        Run.system.filter(pk=run.pk).update(active_from=row.active_from - length, asleep_since=asleep)
    for job in RunJob.objects.filter(run=run, due_at__isnull=False):
        RunJob.objects.filter(pk=job.pk).update(due_at=job.due_at - length)


def test_a_node_is_cut_in_its_sleep(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(1_900, timeout_ms=60)})
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "node_timeout", "a")
    assert (run.ended_at - run.started_at).total_seconds() < 1


def test_a_limit_may_be_computed(tenant: Tenant):
    numbers = {"most": {"type": "integer", "default": 60}}
    source = runs.document({"a": sleeping(1_900, timeout_ms="{{most}}"), **END}, variables_schema=numbers)
    run = runs.drive(runs.queue(tenant, source, most=60))
    assert run.error_class == "node_timeout"


def test_on_error_and_handlers_see_the_node_timeout(tenant: Tenant):
    seen = {"step_id": "s", "action": "set_variable", "variable": "seen", "value": "{{error.class}}"}
    note = {"type": "sequence", "steps": [seen], "next_node": "end"}
    run = finished(tenant, {"a": sleeping(1_900, timeout_ms=60, on_error="note"), "note": note})
    assert (run.status, run.output_vars["seen"]) == ("completed", "node_timeout")
    handler = {"error_type": "any_timeout", "action": "fallback", "fallback_node": "note"}
    run = finished(tenant, {"a": sleeping(1_900, timeout_ms=60, error_handlers=[handler]), "note": note})
    assert (run.status, run.output_vars["seen"]) == ("completed", "node_timeout")


def test_fail_open_goes_on_with_null(tenant: Tenant):
    policy = {"timeout_ms": 60, "on_timeout": "fail_open"}
    run = finished(tenant, {"a": sleeping(1_900, timeout_policy=policy, outputs={"part": "json:x"})})
    assert run.status == "completed"
    assert run.output_vars == {"slept": None, "part": None}
    assert payloads(run, "timeout_ignored") == [{"timeout_ms": 60, "scope": "node"}]


def test_the_limit_of_an_owner_binds_what_is_inside(tenant: Tenant):
    loop = {"type": "loop", "iterator": "[1, 2]", "body_node": "nap", "timeout_ms": 90, "next_node": "end"}
    run = finished(tenant, {"each": loop, "nap": sleeping(60, next_node="each")})
    assert (run.error_class, run.error["path"]) == ("node_timeout", "each")
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "l", "start_node": "nap"}, {"branch_id": "r", "start_node": "inner"}],
        "next_node": "end",
        "timeout_ms": 60,
    }
    inner = {"type": "loop", "iterator": "[1, 2]", "body_node": "doze", "next_node": "end", "timeout_ms": 5_000}
    nodes = {"fork": fork, "nap": sleeping(1_900), "inner": inner, "doze": sleeping(1_900, next_node="inner")}
    run = finished(tenant, nodes)
    assert (run.error_class, run.error["path"]) == ("node_timeout", "fork")
    assert (run.ended_at - run.started_at).total_seconds() < 1


def test_a_limit_inside_a_branch_is_that_branch_s_own(tenant: Tenant):
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "l", "start_node": "nap"}, {"branch_id": "r", "start_node": "set"}],
        "next_node": "end",
    }
    step = {"step_id": "s", "action": "set_variable", "variable": "x", "value": 1}
    nodes = {
        "fork": fork,
        "nap": sleeping(1_900, timeout_ms=60),
        "set": {"type": "sequence", "steps": [step], "next_node": "end"},
    }
    run = finished(tenant, nodes)
    assert run.status == "completed"
    assert run.output_vars["parallel_results"]["errors"]["l"]["class"] == "node_timeout"


def test_a_parked_node_is_woken_at_its_deadline(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(60_000, timeout_ms=5_000)})
    assert run.status == "paused"
    due_at = RunJob.objects.get(run=run).due_at
    assert (due_at - run.started_at).total_seconds() == pytest.approx(5, abs=0.5)
    assert waits.fire_due() == 0
    age(run, seconds=5)
    assert waits.fire_due() == 1
    assert Event.objects.filter(run=run, event_type="run_resumed").get().payload["kind"] == "deadline"
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "node_timeout")
    assert not Wait.objects.filter(run=run, state="open").exists()


def test_the_deadline_of_a_parked_owner_closes_the_question_inside(tenant: Tenant):
    fork = {
        "type": "parallel",
        "branches": [{"branch_id": "ask", "start_node": "ask"}, {"branch_id": "nap", "start_node": "nap"}],
        "next_node": "end",
        "timeout_policy": {"timeout_ms": 5_000, "on_timeout": "fail_open"},
    }
    ask = {"type": "human_approval", "prompt": "?", "on_approve": "end", "on_reject": "end"}
    run = finished(tenant, {"fork": fork, "ask": ask, "nap": sleeping(60_000)})
    assert run.status == "waiting_approval"
    age(run, seconds=5)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, run.output_vars["parallel_results"]) == ("completed", None)
    assert Approval.system.get(run_id=run.pk).status == "cancelled"
    assert "approval_canceled" in runs.told(run.pk)


def test_time_that_people_take_does_not_count(tenant: Tenant):
    loop = {"type": "loop", "iterator": "[1]", "body_node": "ask", "timeout_ms": 10_000, "next_node": "end"}
    ask = {"type": "human_approval", "prompt": "?", "on_approve": "nap", "on_reject": "nap"}
    nodes = {"each": loop, "ask": ask, "nap": sleeping(60_000, next_node="each")}
    run = finished(tenant, nodes, global_config={"timeout_ms": 20_000})
    assert run.status == "waiting_approval"
    assert RunJob.objects.get(run=run).due_at is None
    age(run, hours=1)
    assert runs.answer(run, "each[0]/ask", {"decision": "approved"})
    run = runs.drive(run)
    assert run.status == "paused"
    assert (clock.now() - run.active_from).total_seconds() == pytest.approx(0, abs=2)
    due_at = RunJob.objects.get(run=run).due_at
    assert (due_at - clock.now()).total_seconds() == pytest.approx(10, abs=1.5)


def test_time_that_people_take_in_a_child_does_not_count_for_its_parents(house: House):
    made(house.operator, "asking", {"ask": asks("nap"), "nap": sleeping(60_000), **END})
    made(house.operator, "middle", {"call": {**calls("asking"), "next_node": "end"}, **END})
    nodes = {"call": {**calls("middle"), "next_node": "end", "timeout_ms": 10_000}, **END}
    made(house.operator, "parent", nodes, global_config={"timeout_ms": 20_000})
    parent = runs.drive(started(house.operator))
    middle = child_of(parent)
    asking = child_of(middle)
    assert RunJob.objects.get(run=parent).due_at is None
    for one in (parent, middle, asking):
        age(one, hours=1)
    assert runs.answer(asking, "ask", {"decision": "approved"})
    parent = runs.drive(parent)
    assert (parent.status, Run.system.get(pk=asking.pk).status) == ("paused", "paused")
    assert (clock.now() - parent.active_from).total_seconds() == pytest.approx(0, abs=2)
    due_at = RunJob.objects.get(run=parent).due_at
    assert (due_at - clock.now()).total_seconds() == pytest.approx(10, abs=1.5)
    for one in (parent, middle, asking):
        age(one, seconds=10)
    assert waits.fire_due() == 1
    assert runs.drive(parent).error_class == "node_timeout"


def test_the_time_of_a_parent_stands_when_its_queued_child_begins_to_ask(house: House):
    made(house.operator, "child", {"nap": sleeping(60_000, next_node="ask"), "ask": asks("end"), **END})
    made(
        house.operator, "parent", {"call": {**calls(), "next_node": "end"}, **END}, global_config={"timeout_ms": 90_000}
    )
    parent = runs.drive(started(house.operator))
    child = child_of(parent)
    assert Run.system.get(pk=parent.pk).asleep_since is None
    runs.fire(Wait.objects.get(run=child, state="open"))
    runs.drive(child)
    assert Run.system.get(pk=parent.pk).asleep_since is not None
    for one in (parent, child):
        age(one, hours=1)
    waits.fire_due()
    assert runs.drive(parent).status == "paused"
    runs.answer(child, "ask", {"decision": "approved"})
    assert runs.drive(parent).status == "completed"


def test_a_run_has_a_limit_of_active_time(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(1_900, on_error="end")}, global_config={"timeout_ms": 60})
    assert (run.status, run.error_class) == ("failed", "run_timeout")
    told = payloads(run, "run_timeout")[0]
    assert told["timeout_ms"] == 60
    assert 50 < told["active_ms"] < 1_000
    assert runs.told(run.pk)[-3:] == ["run_timeout", "node_error", "run_failed"]


def test_no_region_swallows_the_run_s_limit(tenant: Tenant):
    loop = {
        "type": "loop",
        "iterator": "[1, 2]",
        "body_node": "fork",
        "continue_on_error": True,
        "timeout_policy": {"timeout_ms": 60_000, "on_timeout": "fail_open"},
        "next_node": "end",
    }
    fork = {"type": "parallel", "branches": [{"branch_id": "l", "start_node": "nap"}], "next_node": "meet"}
    meet = {"type": "processing", "operations": [], "next_node": "each"}
    nodes = {"each": loop, "fork": fork, "nap": sleeping(1_900, next_node="meet"), "meet": meet}
    run = finished(tenant, nodes, global_config={"timeout_ms": 60})
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "run_timeout", "each")


def test_on_failure_has_a_minute_after_the_run_s_limit(tenant: Tenant):
    tidy = sleeping(100)
    nodes = {"a": sleeping(1_900), "tidy": tidy}
    run = finished(tenant, nodes, global_config={"timeout_ms": 60, "on_failure": "tidy"})
    assert (run.status, run.recovered_via) == ("completed", "tidy")
    tidy = sleeping(90_000)
    run = finished(tenant, {"a": sleeping(1_900), "tidy": tidy}, global_config={"timeout_ms": 60, "on_failure": "tidy"})
    assert run.status == "paused"
    due_at = RunJob.objects.get(run=run).due_at
    assert (due_at - clock.now()).total_seconds() == pytest.approx(60, abs=2)
    Visit.objects.filter(run=run, outcome="recover").update(ended_at=clock.now() - timedelta(seconds=61))
    age(run, seconds=61)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "run_timeout")


def test_a_parked_run_ends_at_its_limit(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(60_000)}, global_config={"timeout_ms": 5_000})
    age(run, seconds=6)
    assert waits.fire_due() == 1
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "run_timeout")
    assert payloads(run, "run_timeout")[0]["active_ms"] >= 6_000


def test_a_hold_stops_the_clock(tenant: Tenant):
    run = finished(tenant, {"a": sleeping(60_000, timeout_ms=5_000)}, global_config={"timeout_ms": 8_000})
    with transaction.atomic():
        assert holds.place(run.pk)
    age(run, seconds=100)
    assert waits.fire_due() == 0
    with transaction.atomic():
        assert holds.lift(run.pk, "tester")
    run = runs.drive(run)
    assert run.status == "paused"
    due_at = RunJob.objects.get(run=run).due_at
    assert (due_at - clock.now()).total_seconds() == pytest.approx(5, abs=1)


def test_a_retry_has_all_of_its_time_again(tenant: Tenant):
    source = runs.document({"a": sleeping(60_000, timeout_ms=5_000), **END}, global_config={"timeout_ms": 9_000})
    run = runs.drive(runs.queue(tenant, source))
    age(run, seconds=5)
    waits.fire_due()
    run = runs.drive(run)
    assert run.error_class == "node_timeout"
    runs.reopen(run)
    run = runs.drive(run)
    assert run.status == "paused"
    due_at = RunJob.objects.get(run=run).due_at
    assert (due_at - clock.now()).total_seconds() == pytest.approx(5, abs=1)


QUEUED = {"queue_timeout_ms": 5_000}


def wait_for_worker(run: Run, **by: float) -> None:
    """Let a queued run have waited longer."""
    RunJob.objects.filter(run=run).update(due_at=F("due_at") - timedelta(**by))


def test_a_run_that_nobody_takes_fails(tenant: Tenant):
    run = runs.queue(tenant, runs.document(END, global_config=QUEUED))
    assert queue.sweep() == 0
    wait_for_worker(run, seconds=6)
    assert queue.sweep() == 1
    run.refresh_from_db()
    assert (run.status, run.error_class) == ("failed", "queue_timeout")
    told = payloads(run, "run_failed")[0]
    assert told["error"].startswith("The run was not taken up within ")
    assert (told["reason"], told["timeout_minutes"]) == ("queue_timeout", pytest.approx(-1 / 60, abs=0.02))
    assert RunJob.objects.get(run=run).state == "done"


def test_a_worker_does_not_take_what_has_waited_too_long(tenant: Tenant):
    late = [runs.queue(tenant, runs.document(END, global_config=QUEUED)) for _ in range(2)]
    good = runs.queue(tenant, runs.document(END, global_config=QUEUED))
    for run in late:
        wait_for_worker(run, seconds=6)
    assert engine.drive_one("w1")
    assert Run.system.get(pk=good.pk).status == "completed"
    for run in late:
        run.refresh_from_db()
        assert (run.status, run.error_class, run.started_at) == ("failed", "queue_timeout", None)
        assert runs.told(run.pk) == ["run_created", "run_failed"]
    assert not engine.drive_one("w1")
    assert queue.sweep() == 0


def test_a_child_that_has_waited_too_long_is_not_taken_either(house: House, tenant: Tenant):
    Tenant.objects.filter(pk=tenant.pk).update(max_running_runs=1)
    made(house.operator, "child", END, global_config=QUEUED)
    made(house.operator, "parent", {"call": {**calls(), "next_node": "end"}, **END})
    parent = started(house.operator)
    assert engine.drive_one("w1")
    wait_for_worker(child_of(parent), seconds=6)
    parent = runs.drive(parent)
    assert (parent.error_class, parent.error["error_type"]) == ("subflow_failed", "queue_timeout")


def test_only_the_first_claim_is_limited(tenant: Tenant):
    run = runs.drive(runs.queue(tenant, runs.document({"a": sleeping(60_000), **END}, global_config=QUEUED)))
    assert run.status == "paused"
    Run.system.filter(pk=run.pk).update(created_at=F("created_at") - timedelta(seconds=60))
    runs.fire(Wait.objects.get(run=run))
    assert queue.sweep() == 0
    assert runs.drive(run).status == "completed"


def test_a_hold_does_not_use_up_the_time_in_the_queue(tenant: Tenant):
    run = runs.queue(tenant, runs.document(END, global_config=QUEUED))
    with transaction.atomic():
        holds.place(run.pk)
    Wait.objects.filter(run=run).update(since=F("since") - timedelta(seconds=60))
    wait_for_worker(run, seconds=60)
    assert queue.sweep() + waits.fire_due() == 0
    with transaction.atomic():
        holds.lift(run.pk, "tester")
    assert queue.sweep() == 0
    assert runs.drive(run).status == "completed"


def test_a_retry_that_would_come_after_the_run_s_limit_is_not_waited_for(tenant: Tenant):
    policy = {"max_retries": 3, "base_delay_ms": 60_000, "retry_on": ["expression_error"]}
    step = {"step_id": "d", "action": "calculate", "expression": "1 / zero", "output_variable": "x"}
    nodes = {"a": {"type": "sequence", "steps": [{**step, "retry_config": policy}], "next_node": "end"}, **END}
    schema = {"zero": {"type": "integer", "default": 0}}
    source = runs.document(nodes, variables_schema=schema, global_config={"timeout_ms": 30_000})
    run = runs.drive(runs.queue(tenant, source, zero=0))
    assert (run.status, run.error_class, run.error["attempt"]) == ("failed", "expression_error", 1)
    source["global_config"] = {"timeout_ms": 90_000}
    assert runs.drive(runs.queue(tenant, source, zero=0)).status == "paused"


def test_a_wait_that_its_timeout_cuts_fails_however_little_is_left_then(
    tenant: Tenant, standing_clock: clock.FixedClock
):
    wait = {"step_id": "w", "action": "wait_until", "until": "2026-03-02T12:15:00Z", "timeout_ms": 600_000}
    run = finished(tenant, {"a": {"type": "sequence", "steps": [wait], "next_node": "end"}})
    standing_clock.advance(minutes=10)
    runs.fire(Wait.objects.get(run=run, state="open"))
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "timeout")
    assert payloads(run, "step_timeout") == [{"timeout_ms": 600_000.0, "action": "wait_until", "binding": "internal"}]


def test_a_time_that_is_far_too_long_fails_its_step(tenant: Tenant):
    source = runs.document(
        {
            "a": {
                **sleeping(1),
                "steps": [{"step_id": "w", "action": "wait", "duration_ms": "{{ n }}"}],
                "on_error": "end",
            }
        }
        | END,
        variables_schema={"n": {"type": "number", "required": True}},
    )
    assert runs.drive(runs.queue(tenant, source, n=1e15)).status == "completed"
