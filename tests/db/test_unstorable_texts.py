"""Texts that no database can keep: whichever way they come, they fail a step or a node, never the run's journal."""

import json
from typing import Any

import pytest

from orchestration.models import Run, StepRecord, Visit
from tenants.models import Tenant
from tests import agents, runs
from tests.asking import served

pytestmark = pytest.mark.django_db(transaction=True)


BAD = {"NUL": "a\0b", "half of a surrogate pair": "a\ud83d"}
CONTROL = "{{ bad|fromjson }}"
DOORS: dict[str, dict[str, Any]] = {
    "a parameter": {"action": "go", "agent": "web", "what": CONTROL},
    "a key": {"action": "go", "agent": "web", "idempotency_key": CONTROL},
    "a key of the house": {
        "action": "calculate",
        "expression": "1",
        "output_variable": "x",
        "idempotency_key": CONTROL,
    },
    "an agent": {"action": "go", "agent": CONTROL},
    "a notice": {"action": "notify", "channel": "email", "recipients": ["a@b.test"], "message": CONTROL},
    "a variable": {"action": "set_variable", "variable": "x", "value": CONTROL},
    "a line of the log": {"action": "log", "message": CONTROL},
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_a_text_that_cannot_be_stored_fails_its_step(tenant: Tenant, door: str, bad: str):
    nodes = {
        "a": {
            "type": "sequence",
            "steps": [{"step_id": "s", **DOORS[door]}],
            "error_handlers": [{"error_type": "invalid_value", "action": "fallback", "fallback_node": "mend"}],
            "next_node": "end",
        },
        "mend": {"type": "processing", "operations": [], "next_node": "end"},
    }
    with agents.agent(tenant, go=lambda params: 1) as web:
        run = spoiled(tenant, nodes, BAD[bad])
    assert (run.status, web.calls) == ("completed", []), run.error
    assert Visit.objects.filter(run=run, node_id="mend").exists()
    record = StepRecord.objects.get(run=run, step_id="s")
    assert (record.state, record.error["class"]) == ("failed", "invalid_value")


NODES: dict[str, dict[str, Any]] = {
    "a prompt": {"type": "human_approval", "prompt": CONTROL, "on_approve": "end", "on_reject": "end"},
    "the context of a question": {
        "type": "human_approval",
        "prompt": "?",
        "context_data": {"a": CONTROL},
        "on_approve": "end",
        "on_reject": "end",
    },
    "an input of a child": {
        "type": "subflow",
        "procedure_id": "child",
        "input_mapping": {"bad": CONTROL},
        "next_node": "end",
    },
    "an output": {"type": "terminate", "outputs": {"x": CONTROL}},
    "a message": {"type": "terminate", "message": CONTROL},
    "a question to a model": {"type": "llm_action", "prompt": CONTROL, "timeout_ms": 1000, "next_node": "end"},
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("door", NODES)
def test_a_text_that_cannot_be_stored_fails_its_node(tenant: Tenant, door: str, bad: str):
    root = {"a": NODES[door]} | ({"mend": {"type": "terminate", "outputs": {"by": "{{ error.class }}"}}})
    with served("hi") as models:
        run = spoiled(tenant, root, BAD[bad], global_config={"on_failure": "mend"})
    assert models.questions == []
    assert (run.status, run.output_vars) == ("completed", {"by": "invalid_value"}), run.error


def spoiled(tenant: Tenant, nodes: dict[str, Any], bad: str, **root: Any) -> Run:
    used = {"end": {"type": "terminate"}} if '"end"' in json.dumps(nodes) else {}
    source = runs.document({**nodes, **used}, variables_schema={"bad": {}}, **root)
    return runs.drive(runs.queue(tenant, source, bad=json.dumps(bad)))
