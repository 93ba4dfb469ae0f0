"""Parents and children for tests: documents that call one another, published and started as people do."""

from typing import Any

from orchestration import services
from orchestration.models import Run
from tenants.models import User
from tests import people
from tests.published import publish

Nodes = dict[str, Any]


def calls(procedure_id: str = "child", **fields: Any) -> dict[str, Any]:
    """A subflow node."""
    return {"type": "subflow", "procedure_id": procedure_id, "version": "1.0.0", **fields}


def sets(variable: str, value: Any, next_node: str | None = None) -> dict[str, Any]:
    """A node that sets a variable."""
    step = {"step_id": "s", "action": "set_variable", "variable": variable, "value": value}
    return {"type": "sequence", "steps": [step], "next_node": next_node}


def divides(next_node: str | None = None) -> dict[str, Any]:
    """A node that fails while the variable `by` is 0."""
    step = {"step_id": "d", "action": "calculate", "expression": "6 / by", "output_variable": "part"}
    return {"type": "sequence", "steps": [step], "next_node": next_node}


def asks(next_node: str | None = None) -> dict[str, Any]:
    """A node that asks a person."""
    return {"type": "human_approval", "prompt": "Go on?", "on_approve": next_node, "on_reject": next_node}


def ends(**outputs: Any) -> dict[str, Any]:
    """A node that ends the run."""
    return {"type": "terminate", "outputs": outputs}


def made(by: User, procedure_id: str, nodes: Nodes, version: str = "1.0.0", **root: Any) -> None:
    """Store a procedure that starts at the first node, and publish it."""
    graph = {"start_node": next(iter(nodes)), "nodes": nodes}
    publish(by, {"procedure_id": procedure_id, "version": version, "workflow_graph": graph, **root})


def started(by: User, procedure_id: str = "parent", **fields: Any) -> Run:
    """A queued run; `fields` are those of `StartRequest`."""
    return services.start_run(people.actor(by), services.StartRequest(procedure_id=procedure_id, **fields)).run


def child_of(run: Run, **wanted: Any) -> Run:
    """The one child of a run (that is so)."""
    return Run.system.get(parent_run=run, **wanted)
