"""Compensation: what a run has done is undone in reverse order before it ends (runtime 11, CKP 2.13)."""

from datetime import timedelta
from typing import Any

import pytest

from approvals.models import Approval
from langorch.lib import clock
from langorch.lib.errors import Conflict
from orchestration import queue, transitions
from orchestration.models import Event, Run, RunJob, StepRecord, Wait
from orchestration.runtime import engine
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {"zero": {"type": "integer", "default": 0}}
LOSE = {
    "type": "sequence",
    "steps": [{"step_id": "d", "action": "calculate", "expression": "1 / zero", "output_variable": "x"}],
}


def undo(name: str, **fields: Any) -> dict[str, Any]:
    message = f"undo {name} {{{{compensates.result}}}}"
    return {"step_id": f"undo_{name}", "action": "log", "message": message, **fields}


def doing(*names: str, next_node: str | None = "lose", **fields: Any) -> dict[str, Any]:
    steps = [
        {
            "step_id": name,
            "action": "calculate",
            "expression": f"'{name}-done'",
            "output_variable": name,
            "compensate_with": undo(name),
        }
        for name in names
    ]
    return {"type": "sequence", "steps": steps, "next_node": next_node, **fields}


def source(nodes: dict[str, Any], compensation: str = "on_failure", **config: Any) -> dict[str, Any]:
    return runs.document(nodes, variables_schema=SCHEMA, global_config={"compensation": compensation, **config})


def finished(tenant: Tenant, nodes: dict[str, Any], compensation: str = "on_failure", **config: Any) -> Run:
    return runs.drive(runs.queue(tenant, source(nodes, compensation, **config), zero=0))


def said(run: Run) -> list[str]:
    logs = Event.objects.filter(run=run, event_type="log").order_by("seq")
    return [payload["message"] for payload in logs.values_list("payload", flat=True)]


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def test_what_is_done_is_undone_in_reverse_order(tenant: Tenant):
    run = finished(tenant, {"a": doing("one", "two", next_node="b"), "b": doing("three"), "lose": LOSE})
    assert (run.status, run.error_class, run.compensation) == ("failed", "expression_error", "done")
    assert said(run) == ["undo three three-done", "undo two two-done", "undo one one-done"]
    assert set(StepRecord.objects.filter(run=run, path__contains="~").values_list("path", "step_id", "state")) == {
        ("a~undo", "undo_one", "completed"),
        ("a~undo", "undo_two", "completed"),
        ("b~undo", "undo_three", "completed"),
    }
    told = runs.told(run.pk)
    assert told[-2:] == ["compensation_completed", "run_failed"]
    assert payloads(run, "compensation_started") == [{"count": 3}]
    assert payloads(run, "compensation_completed") == [{"done": 3, "failed": 0}]
    assert told.count("run_failed") == 1
    assert run.error["node_id"] == "lose"


def test_nothing_is_undone_without_a_failure_or_without_anything_done(tenant: Tenant):
    run = finished(tenant, {"a": doing("one", next_node=None)})
    assert (run.status, run.compensation, said(run)) == ("completed", "", [])
    run = finished(tenant, {"lose": {**LOSE, "next_node": "a"}, "a": doing("one", next_node=None)})
    assert (run.status, run.compensation) == ("failed", "")
    assert "compensation_started" not in runs.told(run.pk)


def test_undoing_sees_the_original_and_the_variables_where_it_was_done(tenant: Tenant):
    note = undo("each") | {"message": "{{compensates.path}} {{compensates.step_id}} {{compensates.node_id}} {{got}}"}
    body = {
        "type": "sequence",
        "steps": [
            {
                "step_id": "get",
                "action": "calculate",
                "expression": "n * 10",
                "output_variable": "got",
                "compensate_with": note,
            }
        ],
        "next_node": "each",
    }
    loop = {"type": "loop", "iterator": "[1, 2]", "iterator_variable": "n", "body_node": "body", "next_node": "lose"}
    run = finished(tenant, {"each": loop, "body": body, "lose": LOSE})
    assert said(run) == ["each[1]/body get body 20", "each[0]/body get body 10"]


def test_undoing_sees_what_the_loops_around_it_bind(tenant: Tenant):
    note = undo("each") | {"message": "{{outer.name}} {{inner}} {{i}}"}
    step = {"step_id": "get", "action": "calculate", "expression": "inner", "compensate_with": note}
    items = [{"name": "a", "parts": [1]}, {"name": "b", "parts": [2, 3]}]
    loop = {"type": "loop", "iterator": "items", "iterator_variable": "outer", "body_node": "each", "next_node": "lose"}
    each = {"type": "loop", "iterator": "outer.parts", "iterator_variable": "inner", "index_variable": "i"}
    body = {"type": "sequence", "steps": [step]}
    nodes = {"loop": loop, "each": each | {"body_node": "body"}, "body": body, "lose": LOSE}
    document = source(nodes) | {"variables_schema": SCHEMA | {"items": {"type": "array"}}}
    run = runs.drive(runs.queue(tenant, document, zero=0, items=items))
    assert said(run) == ["b 3 1", "b 2 0", "a 1 0"]


def test_branches_are_undone_in_the_reverse_order_of_completion(tenant: Tenant):
    slow = doing("slow", next_node="lose")
    slow["steps"].insert(0, {"step_id": "w", "action": "wait", "duration_ms": 150})
    branches = [{"branch_id": "l", "start_node": "slow"}, {"branch_id": "r", "start_node": "quick"}]
    fork = {"type": "parallel", "branches": branches, "next_node": "lose"}
    run = finished(tenant, {"fork": fork, "slow": slow, "quick": doing("quick"), "lose": LOSE})
    assert said(run) == ["undo slow slow-done", "undo quick quick-done"]


def test_a_node_is_undone_as_a_whole_and_only_when_it_was_done(tenant: Tenant):
    whole = doing("one", next_node="half") | {"compensate_with": [undo("whole"), undo("more")]}
    half = doing("two", next_node="end") | {"compensate_with": undo("half")}
    half["steps"] += LOSE["steps"]
    run = finished(tenant, {"whole": whole, "half": half, "end": {"type": "terminate"}})
    assert said(run) == ["undo two two-done", "undo whole one-done", "undo more one-done", "undo one one-done"]
    assert payloads(run, "compensation_started") == [{"count": 3}]


def test_one_that_fails_is_tried_again_and_the_rest_go_on(tenant: Tenant):
    bad = {"step_id": "bad", "action": "calculate", "expression": "1 / zero", "output_variable": "y"}
    policy = {"max_retries": 2, "base_delay_ms": 1, "retry_on": ["expression_error"]}
    a = doing("one", "two", "three")
    a["steps"][1]["compensate_with"] = [{**bad, "retry_config": policy}, undo("never")]
    run = finished(tenant, {"a": a, "lose": LOSE})
    assert said(run) == ["undo three three-done", "undo one one-done"]
    assert StepRecord.objects.get(run=run, step_id="bad").attempt == 3
    assert payloads(run, "compensation_completed") == [{"done": 2, "failed": 1}]
    assert (run.status, run.error["node_id"], run.compensation) == ("failed", "lose", "done")


def test_undoing_retries_unless_it_is_told_not_to(tenant: Tenant):
    bad = {"step_id": "bad", "action": "calculate", "expression": "1 / zero", "output_variable": "y"}
    a = doing("one", "two")
    a["steps"][0]["compensate_with"] = bad
    a["steps"][1]["compensate_with"] = bad | {"step_id": "once", "retry_on_failure": False}
    config = {"retry_policy": {"max_retries": 1, "base_delay_ms": 1, "retry_on": ["expression_error"]}}
    run = finished(tenant, {"a": a, "lose": LOSE}, **config)
    assert StepRecord.objects.get(run=run, step_id="bad").attempt == 2
    assert StepRecord.objects.get(run=run, step_id="once").attempt == 1


def test_a_long_delay_parks_and_nothing_is_undone_twice(tenant: Tenant):
    bad = {"step_id": "bad", "action": "calculate", "expression": "1 / zero", "output_variable": "y"}
    policy = {"max_retries": 1, "base_delay_ms": 60_000, "retry_on": ["expression_error"]}
    a = doing("one", "two", "three")
    a["steps"][1]["compensate_with"] = {**bad, "retry_config": policy}
    run = finished(tenant, {"a": a, "lose": LOSE})
    assert (run.status, run.compensation, run.ends_as) == ("paused", "started", "failed")
    wait = Wait.objects.get(run=run, state="open")
    assert (wait.kind, wait.path) == ("retry", "a~undo")
    with pytest.raises(Conflict, match="being undone"):
        transitions.request_cancel(run.pk, "tester")
    runs.fire(wait)
    run = runs.drive(run)
    assert (run.status, run.error["node_id"], run.ends_as) == ("failed", "lose", "")
    assert said(run) == ["undo three three-done", "undo one one-done"]
    assert payloads(run, "compensation_completed") == [{"done": 2, "failed": 1}]


def test_compensation_comes_after_the_failure_route(tenant: Tenant):
    nodes = {"a": doing("one"), "lose": LOSE, "tidy": doing("two", next_node="again"), "again": LOSE}
    run = finished(tenant, nodes, on_failure="tidy")
    assert said(run) == ["undo two two-done", "undo one one-done"]
    nodes = {"a": doing("one"), "lose": LOSE, "tidy": doing("two", next_node=None)}
    run = finished(tenant, nodes, on_failure="tidy")
    assert (run.status, run.recovered_via, said(run)) == ("completed", "tidy", [])


@pytest.mark.parametrize(
    ("status", "compensate", "compensation", "undone"),
    [
        ("failed", None, "on_failure", True),
        ("failed", False, "on_failure", False),
        ("failed", True, "manual", True),
        ("failed", None, "manual", False),
        ("success", None, "on_failure", False),
        ("success", True, "on_failure", True),
    ],
)
def test_terminate_may_decide(tenant: Tenant, status: str, compensate: bool | None, compensation: str, undone: bool):
    end: dict[str, Any] = {"type": "terminate", "status": status, "outputs": {"kept": "one"}}
    if compensate is not None:
        end["compensate"] = compensate
    run = finished(tenant, {"a": doing("one", next_node="end"), "end": end}, compensation)
    assert run.status == ("failed" if status == "failed" else "completed")
    assert (said(run) == ["undo one one-done"]) == undone
    assert run.output_vars == {"kept": "one-done"}


ASK = {"type": "human_approval", "prompt": "?", "on_approve": "lose", "on_reject": "lose"}


def test_a_canceled_run_is_undone_where_the_document_says_so(tenant: Tenant):
    run = finished(tenant, {"a": doing("one", next_node="ask"), "ask": ASK, "lose": LOSE}, "on_failure_or_cancel")
    assert run.status == "waiting_approval"
    assert transitions.request_cancel(run.pk, "tester", "enough") == "created"
    assert Approval.system.get(run_id=run.pk).status == "cancelled"
    assert queue.sweep() == 0
    run = runs.drive(run)
    assert (run.status, run.compensation, said(run)) == ("canceled", "done", ["undo one one-done"])
    assert payloads(run, "run_canceled") == [{"by": "tester", "reason": "enough"}]
    run = finished(tenant, {"a": doing("one", next_node="ask"), "ask": ASK, "lose": LOSE})
    assert transitions.request_cancel(run.pk, "tester", "enough") == "canceled"


def test_a_run_canceled_at_work_is_undone_by_its_worker(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    nodes = {"a": doing("one", next_node="ask"), "ask": ASK, "lose": LOSE}
    run = runs.queue(tenant, source(nodes, "on_failure_or_cancel"), zero=0)
    parked = engine.ending.park

    def cancel_first(*arguments: Any) -> bool:
        transitions.request_cancel(run.pk, "tester", "enough")
        return parked(*arguments)

    monkeypatch.setattr(engine.ending, "park", cancel_first)
    assert engine.drive_one("w")
    run.refresh_from_db()
    assert (run.status, said(run)) == ("canceled", ["undo one one-done"])


def test_a_run_whose_workers_are_lost_is_undone_once(tenant: Tenant):
    run = finished(tenant, {"a": doing("one", next_node="ask"), "ask": ASK, "lose": LOSE})
    assert runs.answer(run, "ask", {"decision": "approved"})
    for _ in range(4):
        assert engine.claim("w") is not None
        RunJob.objects.filter(run=run).update(lease_until=clock.now() - timedelta(seconds=1))
        assert queue.sweep() == 1
        RunJob.objects.filter(run=run).update(available_at=clock.now() - timedelta(seconds=1))
    run = runs.drive(run)
    assert (run.status, run.error_class, said(run)) == ("failed", "worker_lost", ["undo one one-done"])


def test_what_a_run_still_waits_for_is_closed_before_it_is_undone(tenant: Tenant):
    branches = [{"branch_id": "ask", "start_node": "ask"}, {"branch_id": "bad", "start_node": "a"}]
    fork = {"type": "parallel", "branches": branches, "next_node": "end", "branch_failure": "fail"}
    ask = {"type": "human_approval", "prompt": "?", "on_approve": "end", "on_reject": "end"}
    a = doing("one", next_node="end")
    a["steps"] = [{"step_id": "w", "action": "wait", "duration_ms": 100}, *a["steps"], *LOSE["steps"]]
    run = finished(tenant, {"fork": fork, "ask": ask, "a": a, "end": {"type": "terminate"}})
    assert (run.status, said(run)) == ("failed", ["undo one one-done"])
    assert Approval.system.get(run_id=run.pk).status == "cancelled"
