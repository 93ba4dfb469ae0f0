"""A procedure for tests of pages: a loop over invoices that asks a person above a limit, and fails on odd amounts."""

from copy import deepcopy
from typing import Any

from orchestration import services
from orchestration.models import Run
from tenants.models import Project, User
from tests import people, runs
from tests.published import publish

TOKEN = "never-shown"
"""The value of the sensitive variable; no identifier looks like it."""

SCRIPT = "<script>alert(1)</script>"

NODES: dict[str, Any] = {
    "start_log": {
        "type": "sequence",
        "description": "Start and log",
        "steps": [{"step_id": "hello", "action": "log", "message": "Batch begins"}],
        "next_node": "each",
    },
    "each": {
        "type": "loop",
        "description": "Each invoice",
        "iterator": "invoices",
        "iterator_variable": "invoice",
        "body_node": "read_amount",
        "next_node": "done",
    },
    "read_amount": {
        "type": "sequence",
        "description": "Read the amount",
        "steps": [
            {
                "step_id": "convert",
                "action": "convert_type",
                "source": "{{ invoice.total }}",
                "target_type": "number",
                "output_variable": "amount",
            }
        ],
        "next_node": "limit",
    },
    "limit": {
        "type": "logic",
        "description": "Above the limit?",
        "rules": [{"condition": "amount > approval_limit", "next_node": "approve_amount"}],
        "default_next_node": "post",
    },
    "approve_amount": {
        "type": "human_approval",
        "description": "Approve the amount",
        "title": "Pay {{ invoice.id }}?",
        "timeout_ms": 7_200_000,
        "on_approve": "post",
        "on_reject": "post",
    },
    "post": {
        "type": "sequence",
        "description": "Post it",
        "steps": [{"step_id": "note", "action": "log", "message": "Posted {{ invoice.id }}"}],
    },
    "done": {"type": "terminate", "outputs": {"posted": "{{ invoices | length }}", "token": "{{ token }}"}},
}
SCHEMA: dict[str, Any] = {
    "invoices": {"type": "array", "required": True},
    "approval_limit": {"type": "number", "default": 100},
    "token": {"type": "password", "default": TOKEN},
}


def batch(version: str = "1.0.0", **root: Any) -> dict[str, Any]:
    """The document."""
    graph = {"start_node": "start_log", "nodes": NODES}
    named = {"procedure_id": "batch", "version": version, "name": "Invoice batch"}
    return deepcopy({**named, "variables_schema": SCHEMA, "workflow_graph": graph, **root})


def invoices(*totals: Any) -> list[dict[str, Any]]:
    """Invoices of these totals, numbered from INV-1."""
    return [{"id": f"INV-{number}", "total": total} for number, total in enumerate(totals, 1)]


def start(by: User, *totals: Any, **more: Any) -> Run:
    """A queued run of the published batch; `more` are fields of `StartRequest`."""
    wanted = services.StartRequest(procedure_id="batch", input_vars={"invoices": invoices(*totals)}, **more)
    return services.start_run(people.actor(by), wanted).run


def driven(by: User, *totals: Any, **more: Any) -> Run:
    """A run of the published batch, driven as far as it goes."""
    return runs.drive(start(by, *totals, **more))


def published(by: User, project: Project | None = None) -> None:
    """Store the batch and make it current."""
    publish(by, batch(), project)
