"""What follows a failure: retries, handlers, on_error, on_failure, retry of the same run, cancel."""

from typing import Any

import pytest

from langorch.lib.errors import Conflict
from orchestration import transitions
from orchestration.models import Event, Run, StepRecord, Visit, Wait
from orchestration.runtime.executors import EXECUTORS
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

DIVIDE = {"step_id": "d", "action": "calculate", "expression": "10 / by", "output_variable": "part"}
BY = {"by": {"type": "integer", "default": 0}}


def dividing(**fields: Any) -> dict[str, Any]:
    return {"type": "sequence", "steps": [{**DIVIDE, **fields.pop("step", {})}], "next_node": "end", **fields}


def finished(tenant: Tenant, nodes: dict[str, Any], **root: Any) -> Run:
    nodes = {**nodes, "end": {"type": "terminate"}}
    source = runs.document(nodes, **{"variables_schema": BY, **root})
    return runs.drive(runs.queue(tenant, source, by=0))


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def test_outputs_that_do_not_fit_lead_to_on_failure_once(tenant: Tenant):
    wrong = {"type": "terminate", "outputs": {"total": "many"}}
    nodes = {"a": wrong, "mend": {"type": "terminate", "outputs": {"total": 3, "class": "{{ error.class }}"}}}
    root = {"outputs_schema": {"total": {"type": "integer"}}, "global_config": {"on_failure": "mend"}}
    run = runs.drive(runs.queue(tenant, runs.document(nodes, **root)))
    assert (run.status, run.recovered_via) == ("completed", "mend"), run.error
    assert run.output_vars == {"total": 3, "class": "validation_failed"}
    assert payloads(run, "on_failure_routed") == [
        {"from_node_id": "a", "to_node_id": "mend", "error_class": "validation_failed"}
    ]
    again = runs.drive(runs.queue(tenant, runs.document({"a": wrong, "mend": wrong}, **root)))
    assert (again.status, again.error_class, again.error["path"]) == ("failed", "validation_failed", "mend")


def test_the_end_of_a_run_says_why_and_what_went_wrong_on_the_way(tenant: Tenant):
    look = {
        "type": "verification",
        "checks": [{"id": "c", "condition": "missing > 1", "on_fail": "warn"}],
        "next_node": "wait",
    }
    wait = {
        "type": "sequence",
        "steps": [{"step_id": "w", "action": "wait", "duration_ms": 60_000}],
        "next_node": "end",
    }
    run = finished(tenant, {"look": look, "wait": wait}, variables_schema={**BY, "missing": {}})
    runs.fire(run.waits.get(state="open"))
    runs.drive(run)
    expected = [{"kind": "undefined_value", "count": 1}, {"kind": "check_failed", "count": 1}]
    assert payloads(run, "run_completed")[0]["warnings"] == expected
    at_once = finished(tenant, {"look": look | {"next_node": "end"}}, variables_schema={**BY, "missing": {}})
    assert payloads(at_once, "run_completed")[0]["warnings"] == expected

    failed = payloads(finished(tenant, {"a": dividing()}), "run_failed")[0]
    assert (failed["error_class"], failed["reason"], failed["timeout_minutes"]) == (
        "expression_error",
        "division",
        None,
    )
    late = wait | {"steps": [{"step_id": "w", "action": "wait", "duration_ms": 1000, "timeout_ms": 30}]}
    failed = payloads(finished(tenant, {"a": late}), "run_failed")[0]
    assert (failed["reason"], failed["timeout_minutes"]) == ("timeout", 0.0005)


def test_texts_see_what_the_run_has_done_so_far(tenant: Tenant):
    retried = {"retry_config": {"max_retries": 2, "base_delay_ms": 1, "retry_on": ["expression_error"]}}
    wait = {"step_id": "w", "action": "wait", "duration_ms": 60_000}
    seen = {"step_id": "seen", "action": "set_variable", "variable": "seen", "value": "{{ telemetry.steps }}"}
    nodes = {
        "a": dividing(step=retried, error_handlers=[{"action": "ignore"}]) | {"next_node": "b"},
        "b": {"type": "sequence", "steps": [seen, wait], "next_node": "c"},
        "c": {"type": "terminate", "outputs": {"seen": "seen", "whole": "{{ telemetry }}"}},
    }
    run = runs.drive(runs.queue(tenant, runs.document(nodes, variables_schema=BY), by=0))
    runs.fire(run.waits.get(state="open"))
    run = runs.drive(run)
    assert (run.status, run.output_vars["seen"]) == ("completed", 0), run.error
    whole = run.output_vars["whole"]
    assert whole.pop("total_duration") >= 0
    assert whole == {"steps": 2, "retries": 2, "tokens": 0, "cost_usd": 0}


def test_nothing_follows_a_failed_node(tenant: Tenant):
    run = finished(tenant, {"a": dividing()})
    assert (run.status, run.error_class) == ("failed", "expression_error")
    assert (run.error["node_id"], run.error["step_id"], run.error["attempt"]) == ("a", "d", 1)
    assert runs.told(run.pk)[-3:] == ["step_failed", "node_error", "run_failed"]
    assert not Visit.objects.filter(run=run, node_id="end").exists()


def test_on_error_goes_on_with_the_error(tenant: Tenant):
    note = {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "set_variable", "variable": "seen", "value": "{{error.class}}"}],
        "next_node": "end",
    }
    run = finished(tenant, {"a": dividing(on_error="note"), "note": note})
    assert run.status == "completed"
    assert run.output_vars["seen"] == "expression_error"


def test_a_step_that_fails_says_what_follows(tenant: Tenant):
    texts = {"step_id": "t", "action": "log", "message": "{{ node_id }} {{ step_id }} {{ attempt }}"}
    retried = {"retry_config": {"max_retries": 1, "base_delay_ms": 1, "retry_on": ["any_data"]}}
    a = dividing(step=retried, error_handlers=[{"action": "ignore"}])
    run = finished(tenant, {"a": {**a, "steps": [texts, *a["steps"]]}})
    assert [(told["retryable"], told["then"]) for told in payloads(run, "step_failed")] == [
        (True, "retry"),
        (True, "handler"),
    ]
    assert payloads(run, "log") == [{"level": "INFO", "message": "a t 1"}]


def test_on_failure_recovers_once(tenant: Tenant):
    tidy = {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "set_variable", "variable": "tidied", "value": "{{error.node_id}}"}],
        "next_node": "end",
    }
    run = finished(tenant, {"a": dividing(), "tidy": tidy}, global_config={"on_failure": "tidy"})
    assert run.status == "completed"
    assert (run.recovered_via, run.output_vars["tidied"]) == ("tidy", "a")
    assert payloads(run, "on_failure_routed") == [
        {"from_node_id": "a", "to_node_id": "tidy", "error_class": "expression_error"}
    ]


def test_an_error_on_the_failure_route_fails_the_run(tenant: Tenant):
    run = finished(tenant, {"a": dividing(), "tidy": dividing()}, global_config={"on_failure": "tidy"})
    assert run.status == "failed"
    assert run.error["node_id"] == "tidy"


RETRIED = {
    "retry_config": {
        "max_retries": 2,
        "strategy": "fixed",
        "base_delay_ms": 1,
        "retry_on": ["expression_error"],
    }
}


def test_a_step_is_tried_again_under_its_policy(tenant: Tenant):
    run = finished(tenant, {"a": dividing(step=RETRIED)})
    assert run.status == "failed"
    record = StepRecord.objects.get(run=run)
    assert (record.state, record.attempt, record.retries) == ("failed", 3, 2)
    assert [told["delay_ms"] for told in payloads(run, "step_retry_scheduled")] == [1, 1]
    assert [told["then"] for told in payloads(run, "step_failed")] == ["retry", "retry", "fail"]


def test_a_long_delay_parks_and_the_retry_comes_after_it(tenant: Tenant):
    policy = {**RETRIED["retry_config"], "base_delay_ms": 60_000, "max_retries": 1}
    run = finished(tenant, {"a": dividing(step={"retry_config": policy})})
    assert run.status == "paused"
    wait = Wait.objects.get(run=run, state="open")
    assert wait.kind == "retry"
    assert (wait.until - wait.since).total_seconds() == pytest.approx(60, abs=0.1)
    runs.fire(wait)
    run = runs.drive(run)
    assert (run.status, StepRecord.objects.get(run=run).attempt) == ("failed", 2)


HANDLED = [
    ({"action": "ignore"}, "completed", None),
    ({"action": "fallback", "fallback_node": "other"}, "completed", "other"),
    ({"action": "escalate", "fallback_node": "other"}, "completed", "other"),
    ({"error_type": "ValueError", "action": "ignore"}, "completed", None),
    ({"error_type": "TimeoutException", "action": "ignore"}, "failed", None),
    ({"error_type": "any_data", "action": "ignore"}, "completed", None),
    ({"trigger": {"error_text_contains": "ZERO"}, "action": "ignore"}, "completed", None),
    ({"trigger": {"error_text_contains": "socket"}, "action": "ignore"}, "failed", None),
    ({"trigger": {"error_code": "division"}, "action": "ignore"}, "completed", None),
    ({"action": "retry", "max_retries": 2, "delay_ms": 1}, "failed", None),
    ({"action": "retry", "max_retries": 1, "delay_ms": 1, "recovery_strategy": "continue"}, "completed", None),
    ({"action": "retry", "max_retries": 0, "fallback_node": "other"}, "completed", "other"),
    ({"action": "fail"}, "failed", None),
]


@pytest.mark.parametrize(("handler", "status", "target"), HANDLED)
def test_handlers(tenant: Tenant, handler: dict[str, Any], status: str, target: str | None):
    other = {"type": "processing", "operations": [], "next_node": "end"}
    nodes = {"a": dividing(error_handlers=[handler])} | ({"other": other} if target else {})
    run = finished(tenant, nodes)
    assert run.status == status, run.error
    assert Visit.objects.filter(run=run, node_id="other").exists() == (target is not None)


def test_recovery_steps_are_recorded_at_the_handler(tenant: Tenant):
    mend = {"step_id": "mend", "action": "set_variable", "variable": "by", "value": 5}
    handler = {"action": "retry", "max_retries": 1, "delay_ms": 1, "recovery_steps": [mend]}
    run = finished(tenant, {"a": dividing(error_handlers=[handler])})
    assert run.status == "completed"
    assert run.output_vars["part"] == 2
    assert set(StepRecord.objects.filter(run=run).values_list("path", "step_id", "state")) == {
        ("a", "d", "completed"),
        ("a!0", "mend", "completed"),
    }


def test_a_handler_sees_the_error_that_it_handles(tenant: Tenant):
    mend = {"step_id": "m", "action": "log", "message": "{{error.class}} at {{error.step_id}}, {{error.metadata.why}}"}
    about = {"why": "try {{error.attempt}}"}
    handler = {"action": "ignore", "recovery_steps": [mend], "error_metadata": about}
    then = {"step_id": "then", "action": "log", "message": "[{{error.message}}]"}
    run = finished(tenant, {"a": dividing(steps=[DIVIDE, then], error_handlers=[handler])})
    assert [told["message"] for told in payloads(run, "log")] == ["expression_error at d, try 1", "[]"]


def test_events_of_recovery_steps_tell_which_handling_they_belong_to(tenant: Tenant):
    say = {"step_id": "say", "action": "log", "message": "again"}
    handler = {"action": "retry", "max_retries": 1, "delay_ms": 1, "recovery_steps": [say]}
    run = finished(tenant, {"a": dividing(error_handlers=[handler])})
    told = Event.objects.filter(run=run, step_id="say").order_by("seq").values_list("event_type", "path")
    assert list(told) == [
        ("log", "a!0"),
        ("step_completed", "a!0"),
        ("log", "a!0#2"),
        ("step_completed", "a!0#2"),
    ]


def test_error_metadata_reaches_the_error(tenant: Tenant):
    handler = {"action": "fallback", "fallback_node": "other", "error_metadata": {"team": "{{by}}"}}
    other = {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "set_variable", "variable": "team", "value": "{{error.metadata.team}}"}],
        "next_node": "end",
    }
    run = finished(tenant, {"a": dividing(error_handlers=[handler]), "other": other})
    assert run.output_vars["team"] == 0


VALIDATIONS = [
    ("throw_exception", "failed"),
    ("fail_workflow", "failed"),
    ("skip", "completed"),
    ("log_and_continue", "completed"),
]


@pytest.mark.parametrize(("on_failure", "status"), VALIDATIONS)
def test_validations(tenant: Tenant, on_failure: str, status: str):
    a = {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "set_variable", "variable": "n", "value": 11}],
        "validations": [
            {"check": "value_in_range", "source": "n", "expected_values": [1, 10], "on_failure": on_failure}
        ],
        "next_node": "end",
    }
    run = finished(tenant, {"a": a})
    assert run.status == status, run.error
    assert payloads(run, "check_failed")[0]["check_id"] == "validation_1"


def test_a_handler_acts_on_a_failed_validation_as_it_says(tenant: Tenant):
    handler = {
        "action": "ignore",
        "recovery_steps": [{"step_id": "m", "action": "set_variable", "variable": "mended", "value": True}],
        "notify_on_error": True,
    }
    a = {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "calculate", "expression": "11", "output_variable": "n"}],
        "validations": [{"condition": "n < 10"}, {"id": "later", "condition": "n > 10"}],
        "error_handlers": [handler],
        "next_node": "end",
    }
    run = finished(tenant, {"a": a})
    assert (run.status, run.output_vars) == ("completed", {"by": 0, "n": 11, "mended": True})
    assert [told["action"] for told in payloads(run, "error_handled")] == ["ignore"]
    assert len(payloads(run, "step_error_notification")) == 1
    assert payloads(run, "check_passed") == [{"check_id": "later"}]


@pytest.mark.parametrize("action", ["fail", "fallback", "escalate", "retry"])
def test_where_a_handler_leads_from_a_failed_validation(tenant: Tenant, action: str):
    handler = {"action": action, "fallback_node": "other"}
    a = {**dividing(validations=[{"condition": "by > 1"}], error_handlers=[handler]), "steps": []}
    run = finished(tenant, {"a": a, "other": {"type": "processing", "operations": [], "next_node": "end"}})
    assert run.status == ("failed" if action == "fail" else "completed")


def test_a_verification_goes_back_until_its_tries_are_used_up(tenant: Tenant):
    nodes = {
        "count": {
            "type": "sequence",
            "steps": [{"step_id": "c", "action": "calculate", "expression": "by + 1", "output_variable": "by"}],
            "next_node": "check",
        },
        "check": {
            "type": "verification",
            "checks": [
                {"id": "big", "condition": "by > 2", "on_fail": "retry"},
                {"id": "odd", "condition": "by is odd", "on_fail": "warn"},
            ],
            "max_retries": 5,
            "next_node": "end",
        },
    }
    run = finished(tenant, nodes)
    assert run.status == "completed", run.error
    assert run.output_vars["by"] == 3
    assert run.output_vars["verification_result"] == {"passed": True, "failed": [], "warnings": []}


def test_a_failed_check_fails_the_run(tenant: Tenant):
    check = {"type": "verification", "checks": [{"id": "c", "condition": "by > 2"}], "next_node": "end"}
    run = finished(tenant, {"check": check})
    assert (run.status, run.error_class) == ("failed", "verification_failed")


def test_transformations_are_all_or_nothing(tenant: Tenant):
    rows = {"step_id": "r", "action": "set_variable", "variable": "rows", "value": [{"n": 1}, {"n": 3}]}
    good = {"type": "filter", "source_variable": "rows", "expression": "n > 1", "output_variable": "big"}
    bad = {"type": "map", "source_variable": "by", "expression": "item", "output_variable": "never"}
    nodes = {
        "a": {"type": "sequence", "steps": [rows], "next_node": "t"},
        "t": {"type": "transform", "transformations": [good, bad], "next_node": "end", "on_error": "end"},
    }
    run = finished(tenant, nodes)
    assert run.status == "completed", run.error
    assert "big" not in run.output_vars
    nodes["t"]["transformations"] = [good]
    assert finished(tenant, nodes).output_vars["big"] == [{"n": 3}]


def test_retry_of_the_same_run_goes_on_from_the_step_that_failed(tenant: Tenant):
    nodes = {
        "first": {
            "type": "sequence",
            "steps": [{"step_id": "g", "action": "generate_id", "output_variable": "made"}],
            "next_node": "ask",
        },
        "ask": {"type": "human_approval", "prompt": "By?", "on_approve": "a", "output_variable": "answer"},
        "a": {
            "type": "sequence",
            "steps": [
                {"step_id": "k", "action": "generate_id", "output_variable": "kept"},
                {"step_id": "d", "action": "calculate", "expression": "1 / answer.payload", "output_variable": "part"},
            ],
            "next_node": "end",
        },
    }
    run = finished(tenant, nodes)
    runs.answer(run, "ask", {"decision": "rejected"})
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "no_route")
    made = Visit.objects.get(run=run, path="first").changes["made"]

    transitions.reopen_failed(run.pk, "tester")
    run = runs.drive(run)
    assert run.status == "waiting_approval", "a retried run asks again"
    runs.answer(run, "ask", {"decision": "approved", "payload": 0})
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "expression_error")
    kept = StepRecord.objects.get(run=run, step_id="k").result

    transitions.reopen_failed(run.pk, "tester")
    run = runs.drive(run)
    assert run.status == "failed"
    assert StepRecord.objects.get(run=run, step_id="k").result == kept
    assert StepRecord.objects.get(run=run, step_id="d").attempt == 2
    assert Visit.objects.get(run=run, path="first").changes["made"] == made
    assert run.retry_count == 2


def test_retry_forgets_the_failure_route(tenant: Tenant):
    tidy = {"type": "terminate", "status": "failed", "message": "tidied"}
    run = finished(tenant, {"a": dividing(), "tidy": tidy}, global_config={"on_failure": "tidy"})
    assert (run.status, run.error_class, run.error["node_id"]) == ("failed", "terminated", "tidy")
    transitions.reopen_failed(run.pk, "tester")
    run = runs.drive(run)
    assert (run.status, run.error_class) == ("failed", "terminated")
    assert [record.attempt for record in StepRecord.objects.filter(run=run)] == [2]


def test_retry_reopens_the_chain_of_owners(tenant: Tenant):
    nodes = {
        "each": {
            "type": "loop",
            "iterator": "[1, 2]",
            "iterator_variable": "row",
            "body_node": "fork",
            "next_node": "end",
        },
        "fork": {
            "type": "parallel",
            "branch_failure": "fail",
            "branches": [{"branch_id": "x", "start_node": "ask"}],
            "next_node": "back",
        },
        "ask": {"type": "human_approval", "prompt": "By?", "on_approve": "back"},
        "back": {"type": "processing", "operations": [], "next_node": "each"},
    }
    run = finished(tenant, nodes)
    runs.answer(run, "each[0]/fork:x/ask", {"decision": "approved"})
    run = runs.drive(run)
    runs.answer(run, "each[1]/fork:x/ask", {"decision": "rejected"})
    run = runs.drive(run)
    assert (run.status, run.error["path"]) == ("failed", "each[1]/fork:x/ask")

    transitions.reopen_failed(run.pk, "tester")
    run = runs.drive(run)
    assert [wait.path for wait in Wait.objects.filter(run=run, state="open")] == ["each[1]/fork:x/ask"]
    runs.answer(run, "each[1]/fork:x/ask", {"decision": "approved"})
    assert runs.drive(run).status == "completed"


def test_a_completed_run_is_not_retried(tenant: Tenant):
    run = finished(tenant, {"a": {"type": "processing", "operations": [], "next_node": "end"}})
    with pytest.raises(Conflict) as refused:
        transitions.reopen_failed(run.pk, "tester")
    assert refused.value.code == "run_terminal"


def test_cancel_of_a_parked_run_closes_what_it_waits_for(tenant: Tenant):
    ask = {"type": "human_approval", "prompt": "?", "on_approve": "end"}
    run = finished(tenant, {"ask": ask})
    assert transitions.request_cancel(run.pk, "tester", "not needed") == "canceled"
    assert transitions.request_cancel(run.pk, "tester", "again") == "canceled"
    run.refresh_from_db()
    assert (run.status, run.canceled_by, run.cancel_reason) == ("canceled", "tester", "not needed")
    assert Wait.objects.get(run=run).state == "canceled"
    assert not runs.answer(run, "ask", {"decision": "approved"})
    assert runs.told(run.pk)[-1] == "run_canceled"


def test_an_unknown_fault_of_the_engine_fails_the_run_as_internal(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def broken(node: Any, ctx: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setitem(EXECUTORS, "processing", broken)
    run = finished(tenant, {"a": {"type": "processing", "operations": [], "next_node": "end"}})
    assert (run.status, run.error_class) == ("failed", "internal")
