"""Every step gets an id."""

import re
from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.report import Path

_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_LISTS: Final = ("steps", "cleanup_actions", "error_actions", "compensate_with")
_LONGEST: Final = 120


def give_step_ids(rewriter: Rewriter, tree: Members) -> None:
    """Gives an id to each step without one: its action and its place in the list."""
    graph = tree.get("workflow_graph")
    nodes = graph.get("nodes") if isinstance(graph, dict) else None
    if not isinstance(nodes, dict):
        return
    for node_id, node in nodes.items():
        if isinstance(node, dict):
            _node(rewriter, node, ("workflow_graph", "nodes", node_id))


def _node(rewriter: Rewriter, node: Members, path: Path) -> None:
    listed = list(_steps(node, path))
    taken = {step["step_id"] for _, _, step in listed if isinstance(step.get("step_id"), str)}
    for place, number, step in listed:
        if "step_id" in step or not isinstance(step.get("action"), str):
            continue
        step_id = _free_id(step["action"], number, taken)
        taken.add(step_id)
        step["step_id"] = step_id
        rewriter.report("CKP211", place, f"The step has no id; it was given '{step_id}'.")


def _free_id(action: str, number: int, taken: set[str]) -> str:
    wanted = f"{_ILLEGAL.sub('_', action)[:_LONGEST] or '_'}_{number}"
    if wanted[0] in ".:-":
        wanted = "_" + wanted[1:]
    free, count = wanted, 1
    while free in taken:
        count += 1
        free = f"{wanted}_{count}"
    return free


def _steps(node: Members, path: Path) -> Iterator[tuple[Path, int, Members]]:
    for name in _LISTS:
        yield from _list(node.get(name), (*path, name))
    handlers = node.get("error_handlers")
    for index, handler in enumerate(handlers if isinstance(handlers, list) else ()):
        if isinstance(handler, dict):
            yield from _list(handler.get("recovery_steps"), (*path, "error_handlers", index, "recovery_steps"))


def _list(value: Any, path: Path) -> Iterator[tuple[Path, int, Members]]:
    """The steps of a list, or the one that stands in its place, with those that undo them."""
    if isinstance(value, dict):
        entries = [(path, 1, value)]
    else:
        listed = value if isinstance(value, list) else []
        entries = [((*path, index), index + 1, step) for index, step in enumerate(listed) if isinstance(step, dict)]
    for place, number, step in entries:
        yield place, number, step
        yield from _list(step.get("compensate_with"), (*place, "compensate_with"))
