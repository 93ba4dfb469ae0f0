"""The edges of a graph: every field that names a node, with what leads along it (CKP 2 and 6)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    LlmBranch,
    LogicNode,
    LoopNode,
    NodeBase,
    ParallelNode,
    SequenceNode,
    SubflowNode,
    TerminateNode,
    VerificationNode,
)
from procedures.ckp.document.root import Document
from procedures.ckp.document.steps import Step
from procedures.ckp.report import Path

EdgeKind = Literal["next", "branch", "loop", "parallel", "approval", "error"]
END: Final = "__end__"


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a node. `target` is None where a null successor ends the region; `path` is the field."""

    source: str
    target: str | None
    kind: EdgeKind
    condition: str | None
    path: Path


Way = tuple[Path, str | None, EdgeKind, str | None]
"""Field below the node, target, kind, condition."""


def edges(document: Document) -> list[Edge]:
    """All edges in document order, in the order explain lists them; null successors included."""
    return [edge for node_id in document.nodes for edge in node_edges(document, node_id)]


def node_edges(document: Document, node_id: str) -> list[Edge]:
    """The edges of one node, `on_failure` of the document last."""
    node = document.nodes[node_id]
    place = ("workflow_graph", "nodes", node_id)
    found = [
        Edge(node_id, target or None, kind, condition, (*place, *path)) for path, target, kind, condition in ways(node)
    ]
    on_failure = document.global_config.on_failure
    if on_failure:
        found.append(Edge(node_id, on_failure, "error", "on_failure", ("global_config", "on_failure")))
    return found


def ways(node: NodeBase) -> Iterator[Way]:
    """The ways out of a node, in document order of its table."""
    yield from _WAYS.get(type(node), _plain)(node)
    if node.on_error and type(node) in _WITH_ON_ERROR:
        yield ("on_error",), node.on_error, "error", "on_error"
    if node.sla and node.sla.escalation_handler and not isinstance(node, TerminateNode):
        yield ("sla", "escalation_handler"), node.sla.escalation_handler, "error", "sla"


def _plain(node: Any) -> Iterator[Way]:
    yield ("next_node",), node.next_node, "next", None


def _sequence(node: SequenceNode) -> Iterator[Way]:
    yield from _plain(node)
    for index, handler in enumerate(node.error_handlers):
        if handler.fallback_node:
            condition = f"fallback:{', '.join(handler.error_types) or '*'}"
            yield ("error_handlers", index, "fallback_node"), handler.fallback_node, "error", condition


def _llm(node: LlmActionNode) -> Iterator[Way]:
    if not node.orchestration_mode:
        yield from _plain(node)
        return
    for index, branch in enumerate(node.branches):
        if isinstance(branch, LlmBranch):
            yield ("branches", index, "node"), branch.node, "branch", "llm"
        else:
            yield ("branches", index), branch, "branch", "llm"
    if node.default_branch:
        yield ("default_branch",), node.default_branch, "branch", "default"


def _logic(node: LogicNode) -> Iterator[Way]:
    for index, rule in enumerate(node.rules):
        if rule.next_node:
            yield ("rules", index, "next_node"), rule.next_node, "branch", condition_text(rule.condition)
    if node.default_next_node:
        yield ("default_next_node",), node.default_next_node, "branch", "default"


def condition_text(condition: Any) -> str:
    """A condition as its author wrote it; constants as JSON words."""
    if isinstance(condition, str):
        return condition.strip()
    if isinstance(condition, bool):
        return "true" if condition else "false"
    return str(condition)


def _loop(node: LoopNode) -> Iterator[Way]:
    if node.body_node:
        yield ("body_node",), node.body_node, "loop", "loop_body"
    yield ("next_node",), node.next_node, "loop", "loop_exit"


def _parallel(node: ParallelNode) -> Iterator[Way]:
    for index, branch in enumerate(node.branches):
        if branch.start_node:
            yield ("branches", index, "start_node"), branch.start_node, "parallel", f"branch:{branch.branch_id}"
    yield ("next_node",), node.next_node, "parallel", "parallel_join"


def _verification(node: VerificationNode) -> Iterator[Way]:
    passed: Path = ("on_pass",) if node.on_pass else ("next_node",)
    yield passed, node.on_pass or node.next_node, "branch", "passed"
    if node.on_fail:
        yield ("on_fail",), node.on_fail, "branch", "failed"
    for index, check in enumerate(node.checks):
        if check.on_fail_node:
            condition = f"check:{check.id or index}"
            yield ("checks", index, "on_fail_node"), check.on_fail_node, "branch", condition
    if node.retry_node:
        yield ("retry_node",), node.retry_node, "branch", "retry"


def _approval(node: HumanApprovalNode) -> Iterator[Way]:
    if node.on_approve:
        yield ("on_approve",), node.on_approve, "approval", "approved"
    if node.on_reject:
        yield ("on_reject",), node.on_reject, "approval", "rejected"
    if node.on_timeout:
        yield ("on_timeout",), node.on_timeout, "approval", "timeout"
    for index, option in enumerate(node.choices):
        if option.next_node:
            yield ("options", index, "next_node"), option.next_node, "approval", f"option:{option.value}"


def _none(node: NodeBase) -> Iterator[Way]:
    return iter(())


_WAYS: Final[dict[type[NodeBase], Callable[[Any], Iterator[Way]]]] = {
    SequenceNode: _sequence,
    LlmActionNode: _llm,
    LogicNode: _logic,
    LoopNode: _loop,
    ParallelNode: _parallel,
    VerificationNode: _verification,
    HumanApprovalNode: _approval,
    TerminateNode: _none,
}
_WITH_ON_ERROR: Final = frozenset(
    model for model in NodeBase.__subclasses__() if "on_error" not in model.WITHOUT_EFFECT
)


_STEP_LISTS: Final[dict[type[NodeBase], tuple[str, ...]]] = {
    SequenceNode: ("steps", "compensate_with"),
    SubflowNode: ("compensate_with",),
    TerminateNode: ("cleanup_actions", "error_actions"),
}


def steps_of(node: NodeBase) -> Iterator[tuple[Path, Step]]:
    """Every step below a node, with its place: steps, recovery, cleanup and error steps, and what undoes them."""
    for place, step in _top_steps(node):
        yield from _with_compensation(place, step)


def _top_steps(node: NodeBase) -> Iterator[tuple[Path, Step]]:
    for field in _STEP_LISTS.get(type(node), ()):
        for index, step in enumerate(getattr(node, field)):
            yield (field, index), step
    if isinstance(node, SequenceNode):
        for number, handler in enumerate(node.error_handlers):
            for index, step in enumerate(handler.recovery_steps):
                yield ("error_handlers", number, "recovery_steps", index), step


def _with_compensation(place: Path, step: Step) -> Iterator[tuple[Path, Step]]:
    yield place, step
    for index, undo in enumerate(step.compensate_with):
        yield from _with_compensation((*place, "compensate_with", index), undo)


def place_in_tree(node: Any, below: Path) -> Path:
    """The place of a step in the tree: a single step in `compensate_with` stands there without a list."""
    found: list[str | int] = []
    value: Any = node
    for part in below:
        if isinstance(part, int) and isinstance(value, dict):
            continue
        found.append(part)
        value = value[part]
    return tuple(found)
