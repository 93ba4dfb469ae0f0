"""Small documents for tests."""

from typing import Any


def hello(procedure_id: str = "hello", version: str = "1.0.0", **root: Any) -> dict[str, Any]:
    """A document that greets and ends; `root` replaces or adds fields at its root."""
    document: dict[str, Any] = {
        "procedure_id": procedure_id,
        "version": version,
        "variables_schema": {"who": {"type": "string", "default": "you"}},
        "workflow_graph": {
            "start_node": "greet",
            "nodes": {
                "greet": {
                    "type": "sequence",
                    "steps": [{"step_id": "say", "action": "log", "message": "Hi {{ who }}"}],
                    "next_node": "done",
                },
                "done": {"type": "terminate"},
            },
        },
    }
    return document | root


def broken(procedure_id: str = "hello", version: str = "1.0.0") -> dict[str, Any]:
    """A document with one error: the type of a node is not known (CKP203)."""
    document = hello(procedure_id, version)
    document["workflow_graph"]["nodes"]["greet"]["type"] = "sequnce"
    return document
