"""Small documents for the compiler's tests, and short forms of what it says."""

from typing import Any

from procedures.ckp.compile import Compiled, compile_document
from procedures.ckp.registry import NOTHING_REGISTERED, Registry

END: dict[str, Any] = {"type": "terminate"}
ADVICE = frozenset({"CKP-L11", "CKP-L12"})
"""Advice that nearly every small document gets."""


def step(action: str = "log", step_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A step with an id; a log step says something."""
    if action == "log" and "message" not in fields and "value" not in fields:
        fields["message"] = "hello"
    return {"step_id": step_id or action, "action": action, **fields}


def call(action: str = "get_page", step_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A step that goes to an agent."""
    return step(action, step_id, **{"agent": "WEB", "timeout_ms": 1000, **fields})


def seq(*steps: dict[str, Any], to: str | None = "z", **fields: Any) -> dict[str, Any]:
    """A sequence."""
    return {"type": "sequence", "steps": list(steps), "next_node": to, **fields}


def logic(*rules: tuple[Any, str], default: str | None = "z", **fields: Any) -> dict[str, Any]:
    """A logic node."""
    listed = [{"condition": condition, "next_node": target} for condition, target in rules]
    return {"type": "logic", "rules": listed, **({"default_next_node": default} if default else {}), **fields}


def loop(body: str, to: str | None = "z", **fields: Any) -> dict[str, Any]:
    """A loop over a list."""
    return {"type": "loop", "iterator": "[1, 2]", "body_node": body, "next_node": to, **fields}


def parallel(*starts: str, to: str | None = "z", **fields: Any) -> dict[str, Any]:
    """A parallel node; a branch is called as the node where it begins."""
    branches = [{"branch_id": start, "start_node": start} for start in starts]
    return {"type": "parallel", "branches": branches, "branch_failure": "fail", "next_node": to, **fields}


def approval(to: str | None = "z", **fields: Any) -> dict[str, Any]:
    """An approval that goes to one place whatever is decided."""
    return {"type": "human_approval", "prompt": "Go on?", "on_approve": to, "on_reject": "z", **fields}


def model(prompt: str = "About {{topic}}", to: str | None = "z", **fields: Any) -> dict[str, Any]:
    """A model's node."""
    return {"type": "llm_action", "prompt": prompt, "timeout_ms": 1000, "next_node": to, **fields}


def op(action: str, **fields: Any) -> dict[str, Any]:
    """A processing node with one operation."""
    return {"type": "processing", "operations": [{"action": action, **fields}], "next_node": "z"}


def change(type_name: str, **fields: Any) -> dict[str, Any]:
    """A transform node with one transformation of the variable `rows` into `out`."""
    one = {"type": type_name, "source_variable": "rows", "output_variable": "out", **fields}
    return {"type": "transform", "transformations": [one], "next_node": "z"}


def doc(nodes: dict[str, Any] | None = None, start: str | None = None, **root: Any) -> dict[str, Any]:
    """A document that begins at its first node and ends at `z`."""
    graph = {**(nodes or {}), "z": (nodes or {}).get("z", END)}
    return {
        "procedure_id": "p",
        "version": "1.0.0",
        **root,
        "workflow_graph": {"start_node": start or next(iter(graph)), "nodes": graph},
    }


def inputs(**types: str) -> dict[str, Any]:
    """Required variables by name and type."""
    return {name: {"type": type_name, "required": True} for name, type_name in types.items()}


def compiled(source: Any, registry: Registry = NOTHING_REGISTERED, *, prod: bool = False) -> Compiled:
    """Compiles a document."""
    return compile_document(source, registry, prod=prod)


def found(source: Any, registry: Registry = NOTHING_REGISTERED, *, prod: bool = False) -> list[tuple[str, str]]:
    """Code and pointer of every problem, common advice left out."""
    problems = compile_document(source, registry, prod=prod).problems
    return sorted((one.code, one.pointer) for one in problems if one.code not in ADVICE)


def only(code: str, source: Any, registry: Registry = NOTHING_REGISTERED, *, prod: bool = False) -> Any:
    """The one problem of a code."""
    problems = compile_document(source, registry, prod=prod).problems
    matching = [one for one in problems if one.code == code]
    assert len(matching) == 1, [(one.code, one.pointer) for one in problems]
    return matching[0]


Case = tuple[str, dict[str, Any], list[tuple[str, str]]]


def at(node_id: str, *parts: str | int) -> str:
    """Pointer of a place in a node."""
    return "/".join(["/workflow_graph/nodes", node_id, *map(str, parts)])


def ids(cases: list[Case]) -> list[str]:
    """Names of cases."""
    return [name for name, _, _ in cases]
