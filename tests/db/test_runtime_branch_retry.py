"""branch_failure retry: a branch is tried again from its failed step, then fails its node; retry of runs."""

from typing import Any

import pytest

from approvals.models import Approval
from orchestration.models import Event, Run, StepRecord, Visit, Wait
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

ZERO = {"zero": {"type": "integer", "default": 0}, "marks": {"type": "array", "default": []}}


def step(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, **fields}


def mark(name: str) -> dict[str, Any]:
    return step(f"m_{name}", action="append_to_array", array="marks", value=name)


DIVIDE = step("d", action="calculate", expression="10 / zero", output_variable="part")


def sequence(*steps: dict[str, Any], next_node: str | None = "end") -> dict[str, Any]:
    return {"type": "sequence", "steps": list(steps), "next_node": next_node}


def fork(delay: int = 1, retries: int = 2, **fields: Any) -> dict[str, Any]:
    policy = {"max_retries": retries, "strategy": "fixed", "base_delay_ms": delay, "retry_on": ["expression_error"]}
    branches = [{"branch_id": "left", "start_node": "left"}, {"branch_id": "right", "start_node": "right"}]
    return {
        "type": "parallel",
        "branches": branches,
        "branch_failure": "retry",
        "retry": policy,
        "next_node": "end",
        **fields,
    }


def finished(tenant: Tenant, nodes: dict[str, Any], **root: Any) -> Run:
    source = runs.document({**nodes, "end": {"type": "terminate"}}, variables_schema=ZERO, **root)
    return runs.drive(runs.queue(tenant, source, zero=0, marks=[]))


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def mend(run: Run, path: str) -> None:
    """Let an earlier visit have set another divisor."""
    visit = Visit.objects.get(run=run, path=path)
    Visit.objects.filter(pk=visit.pk).update(changes=visit.changes | {"zero": 5})


def test_the_branch_is_tried_under_the_policy_and_then_fails_the_node(tenant: Tenant):
    run = finished(tenant, {"fork": fork(), "left": sequence(mark("l"), DIVIDE), "right": sequence(mark("r"))})
    assert (run.status, run.error_class, run.error["path"]) == ("failed", "expression_error", "fork:left/left")
    record = StepRecord.objects.get(run=run, path="fork:left/left", step_id="d")
    assert (record.state, record.attempt) == ("failed", 3)
    assert StepRecord.objects.get(run=run, step_id="m_l").attempt == 1
    assert [told["delay_ms"] for told in payloads(run, "step_retry_scheduled")] == [1, 1]
    assert [(told["branch_id"], told["status"]) for told in payloads(run, "branch_completed")].count(
        ("left", "failed")
    ) == 1
    assert len(payloads(run, "branch_started")) == 2


def test_only_what_the_policy_allows_is_tried_again(tenant: Tenant):
    plain = fork() | {"retry": {"max_retries": 2, "base_delay_ms": 1}}
    run = finished(tenant, {"fork": plain, "left": sequence(DIVIDE), "right": sequence(mark("r"))})
    assert (run.status, StepRecord.objects.get(run=run, step_id="d").attempt) == ("failed", 1)
    run = finished(tenant, {"fork": fork(retries=0), "left": sequence(DIVIDE), "right": sequence(mark("r"))})
    assert (run.status, StepRecord.objects.get(run=run, step_id="d").attempt) == ("failed", 1)


def test_a_long_delay_parks_and_the_branch_goes_on_from_its_failed_step(tenant: Tenant):
    nodes = {
        "fork": fork(60_000),
        "left": sequence(mark("l"), next_node="risky"),
        "risky": sequence(mark("x"), DIVIDE, mark("y")),
        "right": sequence(mark("r")),
    }
    run = finished(tenant, nodes)
    assert run.status == "paused"
    wait = Wait.objects.get(run=run, state="open")
    assert (wait.kind, wait.path) == ("retry", "fork:left")
    mend(run, "fork:left/left")
    runs.fire(wait)
    run = runs.drive(run)
    assert run.status == "completed", run.error
    assert run.output_vars["parallel_results"]["branches"]["left"]["marks"] == ["l", "x", "y"]
    assert run.output_vars["part"] == 2
    assert set(StepRecord.objects.filter(run=run).values_list("step_id", "attempt")) == {
        ("m_l", 1),
        ("m_x", 1),
        ("d", 2),
        ("m_y", 1),
        ("m_r", 1),
    }


def test_what_failed_deep_inside_is_opened_again(tenant: Tenant):
    each = {
        "type": "loop",
        "iterator": "[1, 2]",
        "iterator_variable": "n",
        "body_node": "inner",
        "next_node": "end",
        "collect_variable": "all",
        "collect": "part",
    }
    inner = {"type": "parallel", "branches": [{"branch_id": "b", "start_node": "risky"}], "next_node": "meet"}
    nodes = {
        "fork": fork(60_000) | {"retry": fork(60_000)["retry"] | {"retry_on": ["all_branches_failed"]}},
        "left": sequence(mark("l"), next_node="each"),
        "each": each,
        "inner": inner,
        "risky": sequence(DIVIDE, next_node="meet"),
        "meet": sequence(mark("met"), next_node="each"),
        "right": sequence(mark("r")),
    }
    run = finished(tenant, nodes)
    assert run.status == "paused"
    mend(run, "fork:left/left")
    runs.fire(Wait.objects.get(run=run, state="open"))
    run = runs.drive(run)
    assert run.status == "completed", run.error
    assert run.output_vars["all"] == [2, 2]
    assert StepRecord.objects.get(run=run, path="fork:left/each[0]/inner:b/risky").attempt == 2


def test_a_branch_that_asks_asks_again(tenant: Tenant):
    ask = {"type": "human_approval", "prompt": "?", "on_approve": "end"}
    nodes = {
        "fork": fork(1, 1) | {"retry": {"max_retries": 1, "base_delay_ms": 1, "retry_on": ["no_route"]}},
        "left": ask,
        "right": sequence(mark("r")),
    }
    run = finished(tenant, nodes)
    assert runs.answer(run, "fork:left/left", {"decision": "rejected"})
    run = runs.drive(run)
    assert run.status == "waiting_approval"
    assert Approval.system.filter(run_id=run.pk).count() == 2
    assert runs.answer(run, "fork:left/left", {"decision": "approved"})
    assert runs.drive(run).status == "completed"


def test_retry_of_the_run_counts_a_branch_s_tries_anew(tenant: Tenant):
    nodes = {"fork": fork(1, 1), "left": sequence(mark("l"), DIVIDE), "right": sequence(mark("r"))}
    run = finished(tenant, nodes)
    assert StepRecord.objects.get(run=run, step_id="d").attempt == 2
    runs.reopen(run)
    run = runs.drive(run)
    assert (run.status, StepRecord.objects.get(run=run, step_id="d").attempt) == ("failed", 4)
    assert StepRecord.objects.get(run=run, step_id="m_r").attempt == 1


def test_the_first_failure_is_the_node_s_and_a_success_before_it_may_decide(tenant: Tenant):
    slow = step("w", action="wait", duration_ms=200)
    nodes = {
        "fork": fork() | {"branch_failure": "fail"},
        "left": sequence(slow, DIVIDE),
        "right": sequence(step("e", action="calculate", expression="zero.x.y / 0", output_variable="q")),
    }
    run = finished(tenant, nodes)
    assert (run.status, run.error["path"]) == ("failed", "fork:right/right")
    nodes = {
        "fork": fork() | {"branch_failure": "fail", "wait_strategy": "any"},
        "left": sequence(slow, DIVIDE),
        "right": sequence(mark("r")),
    }
    assert finished(tenant, nodes).status == "completed"


def test_retry_of_the_run_carries_out_recovery_and_sends_back_anew(tenant: Tenant):
    handler = {"action": "retry", "max_retries": 1, "delay_ms": 1, "recovery_steps": [mark("mend")]}
    check = {
        "type": "verification",
        "checks": [{"id": "c", "condition": "zero > 0", "on_fail": "retry"}],
        "retry_node": "again",
        "max_retries": 2,
        "on_pass": "end",
    }
    nodes = {"a": sequence(DIVIDE) | {"error_handlers": [handler]}}
    run = finished(tenant, nodes)
    assert run.status == "failed"
    assert StepRecord.objects.get(run=run, path="a!0").attempt == 1
    runs.reopen(run)
    run = runs.drive(run)
    assert (run.status, StepRecord.objects.get(run=run, path="a!0").attempt) == ("failed", 2)
    run = finished(tenant, {"again": sequence(mark("again"), next_node="check"), "check": check})
    assert Visit.objects.filter(run=run, node_id="again").count() == 3
    runs.reopen(run)
    run = runs.drive(run)
    assert (run.status, Visit.objects.filter(run=run, node_id="again").count()) == ("failed", 5)


def test_retry_goes_on_with_the_state_before_the_failure_route(tenant: Tenant):
    nodes = {
        "set": sequence(mark("set"), next_node="risky"),
        "risky": sequence(DIVIDE),
        "tidy": sequence(mark("tidied"), next_node="lose"),
        "lose": {"type": "terminate", "status": "failed"},
    }
    run = finished(tenant, nodes, global_config={"on_failure": "tidy"})
    assert (run.status, run.error_class) == ("failed", "terminated")
    mend(run, "set")
    runs.reopen(run)
    run = runs.drive(run)
    assert run.status == "completed", run.error
    assert (run.output_vars["marks"], run.output_vars["part"], "error" in run.output_vars) == (["set"], 2, False)
