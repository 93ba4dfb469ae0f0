"""A visit that waited is entered again: it sees what it saw before, counts once, and tells nothing twice."""

from typing import Any

import pytest

from orchestration.models import Event, Run, Wait
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

WAIT = {"step_id": "w", "action": "wait", "duration_ms": 3_600_000}
END = {"type": "terminate"}


def sets(variable: str, value: Any, step_id: str) -> dict[str, Any]:
    return {"step_id": step_id, "action": "set_variable", "variable": variable, "value": value}


def through(tenant: Tenant, nodes: dict[str, Any], given: dict[str, Any] | None = None, **root: Any) -> Run:
    """A run driven to its end, every wait fired as soon as it is parked."""
    run = runs.drive(runs.queue(tenant, runs.document(nodes, **root), **(given or {})))
    while waits := list(Wait.objects.filter(run=run, state="open")):
        for wait in waits:
            runs.fire(wait)
        run = runs.drive(run)
    return run


def test_inputs_keep_the_values_they_had_at_entry(tenant: Tenant):
    steps = [sets("n", 5, "a"), WAIT, sets("seen", "{{ before }}", "b")]
    nodes = {"a": {"type": "sequence", "inputs": {"before": "{{ n }}"}, "steps": steps, "next_node": "z"}, "z": END}
    run = through(tenant, nodes, {"n": 1}, variables_schema={"n": {"type": "integer", "required": True}})
    assert run.output_vars == {"n": 5, "seen": 1}


def test_inputs_of_a_loop_are_not_seen_by_its_body(tenant: Tenant):
    nodes = {
        "l": {"type": "loop", "inputs": {"n": "7"}, "iterator": "[n]", "body_node": "b", "next_node": "z"},
        "b": {"type": "sequence", "steps": [sets("seen", "{{ n }}", "s")]},
        "first": {"type": "sequence", "steps": [sets("n", 1, "s")], "next_node": "l"},
        "z": END,
    }
    run = runs.drive(runs.queue(tenant, runs.document(nodes, start="first")))
    assert run.output_vars == {"n": 1, "seen": 1}


def test_a_visit_that_waited_counts_once(tenant: Tenant):
    nodes = {
        "a": {"type": "sequence", "steps": [WAIT], "next_node": "b"},
        "b": {"type": "sequence", "steps": [WAIT], "next_node": "z"},
        "z": END,
    }
    run = through(tenant, nodes, global_config={"max_node_visits": 3})
    assert (run.status, run.error_class) == ("completed", "")


LOG = {"step_id": "mend", "action": "log", "message": "mended"}
DIVIDE = {"step_id": "d", "action": "calculate", "expression": "1 / 0", "output_variable": "part"}


def told(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))


def test_a_failure_that_a_handler_ignored_is_not_handled_again(tenant: Tenant):
    handler = {"action": "ignore", "notify_on_error": True, "recovery_steps": [LOG]}
    steps = [DIVIDE, WAIT, sets("after", 1, "s")]
    run = through(
        tenant, {"a": {"type": "sequence", "steps": steps, "error_handlers": [handler], "next_node": "z"}, "z": END}
    )
    assert run.output_vars == {"part": None, "after": 1}
    assert [len(told(run, name)) for name in ("error_handled", "step_error_notification", "log")] == [1, 1, 1]


def test_recovery_steps_are_carried_out_for_each_step_that_failed(tenant: Tenant):
    handler = {"action": "ignore", "recovery_steps": [LOG]}
    steps = [DIVIDE, WAIT, {**DIVIDE, "step_id": "e"}]
    run = through(
        tenant, {"a": {"type": "sequence", "steps": steps, "error_handlers": [handler], "next_node": "z"}, "z": END}
    )
    assert run.status == "completed"
    assert len(told(run, "log")) == 2


def test_a_validation_that_sends_the_node_back_is_told_once_a_visit(tenant: Tenant):
    checks = [{"id": "one", "condition": "true"}, {"id": "two", "condition": "n > 1", "on_failure": "retry_node"}]
    node = {
        "type": "sequence",
        "steps": [sets("n", 1, "s")],
        "validations": checks,
        "retry": {"max_retries": 1, "base_delay_ms": 60_000},
        "next_node": "z",
    }
    run = through(tenant, {"a": node, "z": END})
    assert (run.status, run.error_class) == ("failed", "validation_failed")
    assert [len(told(run, name)) for name in ("check_passed", "check_failed")] == [2, 2]


def test_a_missing_value_is_told_once_a_visit(tenant: Tenant):
    loop = {"type": "loop", "iterator": "[1, 2]", "body_node": "b", "next_node": "z"}
    nodes = {
        "l": {**loop, "iterator_variable": "i", "collect_variable": "all", "collect": "i ~ lost"},
        "b": {"type": "sequence", "steps": [WAIT]},
        "z": END,
    }
    run = through(tenant, nodes, variables_schema={"lost": {"type": "string"}})
    assert run.output_vars == {"all": ["1", "2"]}
    assert told(run, "undefined_value") == [{"name": "lost", "place": "/workflow_graph/nodes/l/collect"}]


def test_a_retry_goes_on_at_the_operation_that_failed(monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]):
    home = Tenant.objects.create(slug="default", name="Home")
    notify = {"action": "notify", "channel": "email", "recipients": ["a@example.test"], "message": "Hi"}
    seal = {"action": "encrypt", "source": "marks", "key_reference": "late", "output_variable": "sealed"}
    operations = [notify, {"action": "append_to_array", "array": "marks", "value": 1}, seal]
    end = {"type": "terminate", "outputs": {"marks": "marks"}}
    for carried_out in (operations, operations[1:]):
        nodes = {"work": {"type": "processing", "operations": carried_out, "next_node": "end"}, "end": end}
        run = runs.drive(runs.queue(home, runs.document(nodes)))
        assert (run.status, run.error_class) == ("failed", "secret_missing")
        with monkeypatch.context() as patch:
            patch.setenv("LANGORCH_SECRET_LATE", "a key of its own")
            runs.reopen(run)
            run = runs.drive(run)
        assert (run.status, run.output_vars["marks"], len(mailoutbox)) == ("completed", [1], 1)
