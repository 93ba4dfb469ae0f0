"""Test and dry modes (runtime 12), and named copies of the variables."""

from typing import Any

import pytest

from orchestration.models import Event, Run, Visit, Wait
from tenants.models import Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

FETCH = {
    "type": "sequence",
    "agent": "web",
    "steps": [{"step_id": "get", "action": "fetch_rows", "output_variable": "rows"}],
    "next_node": "wait",
}
NODES = {
    "fetch": FETCH,
    "wait": {
        "type": "sequence",
        "steps": [{"step_id": "w", "action": "wait", "duration_ms": 86_400_000, "wait_ms": 60_000}],
        "next_node": "each",
    },
    "each": {
        "type": "loop",
        "iterator": "rows",
        "iterator_variable": "row",
        "body_node": "note",
        "next_node": "choose",
    },
    "note": {
        "type": "sequence",
        "steps": [{"step_id": "n", "action": "append_to_array", "array": "noted", "value": 1}],
        "next_node": "each",
    },
    "choose": {
        "type": "logic",
        "rules": [{"condition": "rows.length > 3", "next_node": "end"}],
        "default_next_node": "ask",
    },
    "ask": {
        "type": "human_approval",
        "decision_type": "select_option",
        "options": [{"value": "one", "next_node": "end"}, {"value": "two", "next_node": "end"}],
    },
    "end": {
        "type": "terminate",
        "outputs": {"noted": "noted", "rows": "rows", "answer": "{{approval.selected_option}}"},
    },
}


def finished(tenant: Tenant, nodes: dict[str, Any], **fields: Any) -> Run:
    run = runs.queue(tenant, runs.document(nodes))
    Run.system.filter(pk=run.pk).update(**fields)
    return runs.drive(run)


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(run=run, event_type=event_type).values_list("payload", flat=True))


def test_a_dry_run_walks_the_graph(tenant: Tenant):
    run = finished(tenant, NODES, execution_mode="dry_run")
    assert run.status == "completed", run.error
    assert run.output_vars == {
        "noted": [1],
        "rows": {"dry_run": True, "action": "fetch_rows", "binding": "unbound"},
        "answer": "one",
    }
    assert not Wait.objects.filter(run=run).exists()
    assert payloads(run, "dry_run_step_skipped") == [
        {"action": "fetch_rows", "binding": "unbound", "ref": "fetch_rows"},
        {"action": "human_approval", "binding": "approval", "ref": "one", "assumed": True},
    ]
    assert payloads(run, "branch_taken")[0]["assumed"] is True
    assert payloads(run, "run_completed")[0]["mode"] == "dry_run"


def test_validation_only_does_nothing(tenant: Tenant):
    run = finished(tenant, NODES, execution_mode="validation_only")
    assert (run.status, run.output_vars) == ("completed", {})
    assert not Visit.objects.filter(run=run).exists()
    assert runs.told(run.pk) == ["run_created", "execution_started", "run_completed"]


def test_mocks_stand_in_for_calls_only(tenant: Tenant):
    nodes = {"fetch": {**FETCH, "next_node": "end"}, "end": {"type": "terminate", "outputs": {"rows": "rows"}}}
    run = finished(tenant, nodes, mock_external_calls=True)
    assert run.output_vars == {"rows": {"mocked": True, "action": "fetch_rows", "binding": "unbound"}}
    assert len(payloads(run, "step_mock_applied")) == 1
    assert payloads(run, "run_completed")[0]["mode"] == "mocks"


def test_an_override_of_a_step_that_sets_a_variable_sets_it(tenant: Tenant):
    steps = [
        {"step_id": "plain", "action": "set_variable", "variable": "plain", "value": 1},
        {"step_id": "deep", "action": "set_variable", "variable": "order.total", "value": 1},
    ]
    nodes = {"a": {"type": "sequence", "steps": steps, "next_node": "z"}, "z": {"type": "terminate"}}
    run = finished(tenant, nodes, test_data_overrides={"plain": "{{x}}", "a.deep": 7})
    assert run.output_vars == {"plain": "{{x}}", "order": {"total": 7}}


@pytest.mark.parametrize("name", ["get", "fetch.get"])
def test_overrides_stand_in_for_a_step(tenant: Tenant, name: str):
    nodes = {"fetch": {**FETCH, "next_node": "end"}, "end": {"type": "terminate", "outputs": {"rows": "rows"}}}
    run = finished(tenant, nodes, test_data_overrides={name: None})
    assert run.status == "completed", run.error
    assert run.output_vars == {"rows": None}
    assert payloads(run, "step_test_override_applied") == [{"step_id": "get", "override": None}]


def test_named_copies_are_put_back(tenant: Tenant):
    def step(step_id: str, action: str, **fields: Any) -> dict[str, Any]:
        return {"step_id": step_id, "action": action, **fields}

    nodes = {
        "a": {
            "type": "sequence",
            "steps": [
                step("s1", "set_variable", variable="x", value=1),
                step("s2", "set_checkpoint", name="before"),
                step("s3", "set_variable", variable="x", value=2),
                step("s4", "restore_checkpoint", name="before"),
            ],
            "next_node": "end",
        },
        "end": {"type": "terminate"},
    }
    run = finished(tenant, nodes)
    assert run.output_vars == {"x": 1}
    nodes["a"]["steps"].pop(1)
    assert finished(tenant, nodes).error_class == "invalid_value"


def test_what_a_dry_run_cannot_know_is_assumed(tenant: Tenant):
    got = {"step_id": "g", "action": "get_it", "output_variable": "it", "outputs": {"sum": "json:sum"}}
    rest = {"step_id": "c", "action": "calculate", "expression": "sum * 2", "output_variable": "twice"}
    nodes = {
        "get": {
            "type": "sequence",
            "agent": "web",
            "steps": [got, rest],
            "validations": [{"condition": "it.ok"}],
            "next_node": "check",
        },
        "check": {
            "type": "verification",
            "checks": [
                {"id": "big", "condition": "twice > 10"},
                {"id": "shape", "source": "it", "schema": {"type": "array"}},
            ],
            "next_node": "until",
        },
        "until": {"type": "loop", "until": "it.done", "max_iterations": 9, "body_node": "body", "next_node": "while"},
        "body": {"type": "processing", "operations": []},
        "while": {
            "type": "loop",
            "continue_condition": "twice > 1",
            "max_iterations": 9,
            "body_node": "other",
            "next_node": "shape",
        },
        "other": {"type": "processing", "operations": []},
        "shape": {
            "type": "transform",
            "transformations": [
                {"type": "filter", "source_variable": "it.rows", "expression": "ok", "output_variable": "good"}
            ],
            "next_node": "end",
        },
        "end": {"type": "terminate", "outputs": {"twice": "twice", "good": "good"}},
    }
    run = finished(tenant, nodes, execution_mode="dry_run")
    assert run.status == "completed", run.error
    assert {name: value["binding"] for name, value in run.output_vars.items()} == {
        "twice": "assumed",
        "good": "assumed",
    }
    passed = Event.objects.filter(run=run, event_type="check_passed", payload__assumed=True)
    assert passed.count() == 3
    completed = Event.objects.filter(run=run, event_type="loop_completed").order_by("seq")
    assert [(event.payload["iterations"], event.payload["assumed"]) for event in completed] == [(1, True), (1, True)]
