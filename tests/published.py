"""Versions for tests, stored and published through the services that people use."""

import json
from typing import Any

from procedures import services
from procedures.models import ProcedureVersion
from tenants.models import Project, User
from tests import people
from tests.documents import hello

PURCHASE_INPUTS = {
    "item": {"type": "string", "required": True, "label": "What to buy", "validation": {"max_length": 40}},
    "amount": {"type": "number", "required": True, "searchable": True, "validation": {"min": 1, "max": 500}},
    "password": {"type": "password"},
    "note": {"type": "string", "default": "for {{ triggered_by }}"},
}


def purchase(version: str = "1.0.0", **root: Any) -> dict[str, Any]:
    """A document with inputs of several kinds that waits for a person."""
    nodes = {
        "ask": {
            "type": "human_approval",
            "prompt": "Buy {{ item }}?",
            "on_approve": "done",
            "on_reject": "refused",
        },
        "done": {"type": "terminate", "outputs": {"bought": "{{ item }}"}},
        "refused": {"type": "terminate", "status": "failed", "message": "Nobody agreed"},
    }
    graph = {"start_node": "ask", "nodes": nodes}
    return hello("purchase", version, variables_schema=PURCHASE_INPUTS, workflow_graph=graph, **root)


def draft(by: User, document: dict[str, Any], project: Project | None = None) -> ProcedureVersion:
    """A stored draft of `document`."""
    return services.import_document(people.actor(by), json.dumps(document), project).version


def publish(by: User, document: dict[str, Any], project: Project | None = None) -> ProcedureVersion:
    """The version of `document`, active in channel dev."""
    return services.change_status(people.actor(by), draft(by, document, project), "active")
