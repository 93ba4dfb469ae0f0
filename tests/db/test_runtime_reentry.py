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
