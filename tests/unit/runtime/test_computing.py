"""Which nodes do nothing but compute: what may run while the visit before is still being written."""

from typing import Any

import pytest

from orchestration.runtime.program import Program
from procedures.ckp.compile import compile_document
from tests import runs

SET = {"step_id": "s", "action": "set_variable", "variable": "v", "value": 1}
SEQUENCE: dict[str, Any] = {"type": "sequence", "steps": [SET]}


def computing(node: dict[str, Any]) -> bool:
    document = runs.document(
        {"one": {**node, "next_node": "end"}, "end": {"type": "terminate"}},
        variables_schema={"v": {"type": "integer", "default": 0}},
    )
    compiled = compile_document(document)
    assert compiled.document is not None, compiled.errors
    return "one" in Program(compiled.canonical).computing


@pytest.mark.parametrize(
    "node",
    [
        SEQUENCE,
        {"type": "logic", "rules": [{"condition": "v == 1", "next_node": "end"}]},
        {"type": "processing", "operations": [{"action": "calculate", "expression": "v", "output_variable": "v"}]},
        {"type": "transform", "transformations": []},
    ],
)
def test_a_node_of_operations_on_values_only_computes(node: dict[str, Any]):
    assert computing(node)


@pytest.mark.parametrize(
    "node",
    [
        {"type": "sequence", "steps": [{"step_id": "s", "action": "fetch_mail", "agent": "mail"}]},
        {"type": "sequence", "steps": [{"step_id": "s", "action": "wait", "duration_ms": 1}]},
        {"type": "sequence", "steps": [{**SET, "wait_ms": 10}]},
        {"type": "sequence", "steps": [{**SET, "idempotency_key": "k"}]},
        {"type": "sequence", "steps": [{**SET, "value": "{{telemetry.steps}}"}]},
        {**SEQUENCE, "sla": {"max_duration_ms": 10}},
        {**SEQUENCE, "is_checkpoint": True},
        {**SEQUENCE, "timeout_ms": 1000},
        {"type": "human_approval", "title": "Fine?", "on_approve": "end", "on_reject": "end"},
    ],
)
def test_a_node_that_does_more_waits_for_what_came_before(node: dict[str, Any]):
    assert not computing(node)
