"""What a node does to variables, in order: what it reads, then what it writes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    LoopNode,
    NodeBase,
    ParallelNode,
    ProcessingNode,
    SequenceNode,
    SubflowNode,
    TerminateNode,
    TransformNode,
    VerificationNode,
)
from procedures.ckp.document.steps import Operation, Step, Transformation
from procedures.ckp.report import Path
from procedures.ckp.uses import Use

_UNITS: Final[dict[type[NodeBase], tuple[str, ...]]] = {
    SequenceNode: ("steps",),
    ProcessingNode: ("operations",),
    TransformNode: ("transformations",),
    VerificationNode: ("checks",),
    TerminateNode: ("cleanup_actions", "error_actions"),
}
_AT_END: Final = frozenset({"validations", "telemetry"})
_TERMINATE_END: Final = frozenset({"outputs", "message", "final_audit_log"})
_PER_ITERATION: Final = frozenset({"until", "collect"})


@dataclass(frozen=True, slots=True)
class Write:
    """A variable that is set. `sure`: on every normal way out. `path`: the field that names it."""

    name: str
    path: Path
    sure: bool = True


@dataclass(slots=True)
class Moment:
    """Reads, then writes. `forgets`: variables may be put back to an earlier state."""

    uses: list[Use] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    forgets: bool = False


@dataclass(slots=True)
class Program:
    """The moments of a visit in order, and what is read at other times.

    `begin`: before each iteration of a loop. `iteration`: at its end. `error`: after a failure. `undo`: when the run
    is compensated.
    """

    moments: list[Moment] = field(default_factory=list)
    begin: list[Use] = field(default_factory=list)
    iteration: list[Use] = field(default_factory=list)
    error: list[Use] = field(default_factory=list)
    undo: list[Use] = field(default_factory=list)

    def writes(self) -> Iterator[Write]:
        """Every write of a visit."""
        return (write for moment in self.moments for write in moment.writes)

    def uses(self) -> Iterator[Use]:
        """Every use of the node."""
        for moment in self.moments:
            yield from moment.uses
        for later in (self.begin, self.iteration, self.error, self.undo):
            yield from later


def program_of(node_id: str, node: NodeBase, uses: list[Use]) -> Program:
    """The program of one node."""
    program = Program()
    entry, end = Moment(), Moment()
    units: dict[tuple[Any, ...], Moment] = {}
    for field_name in _UNITS.get(type(node), ()):
        for index, unit in enumerate(getattr(node, field_name)):
            units[field_name, index] = _unit(node_id, field_name, index, unit)
    for use in uses:
        inside = use.path[3:]
        if "compensate_with" in inside:
            program.undo.append(use)
        elif inside[0] == "error_handlers":
            program.error.append(use)
        elif isinstance(node, LoopNode) and inside[0] in _PER_ITERATION:
            program.iteration.append(use)
        elif isinstance(node, LoopNode) and inside[0] == "continue_condition":
            program.begin.append(use)
        elif inside[:2] in units:
            units[inside[:2]].uses.append(use)
        else:
            (end if _is_late(node, str(inside[0])) else entry).uses.append(use)
    place = ("workflow_graph", "nodes", node_id)
    end.writes += [Write(name, (*place, *path), sure) for name, path, sure in _node_writes(node_id, node)]
    program.moments = [entry, *units.values(), end]
    return program


def _is_late(node: NodeBase, name: str) -> bool:
    return name in _AT_END or (name in _TERMINATE_END and isinstance(node, TerminateNode))


def _unit(node_id: str, field_name: str, index: int, unit: Any) -> Moment:
    place = ("workflow_graph", "nodes", node_id, field_name, index)
    writes = [Write(name, (*place, *path)) for name, path in unit_writes(unit)]
    forgets = isinstance(unit, Step | Operation) and unit.action == "restore_checkpoint"
    return Moment(writes=writes, forgets=forgets)


def unit_writes(unit: Any) -> Iterator[tuple[str, Path]]:
    """The variables that a step, operation or transformation sets, with the field that names each."""
    result = unit.output_variable if isinstance(unit, Step | Transformation) else None
    if isinstance(unit, Operation):
        result = unit.parameters.get("output_variable")
    if isinstance(result, str) and result:
        yield result, ("output_variable",)
    if isinstance(unit, Step):
        for name in unit.outputs:
            yield name, ("outputs", name)
    if isinstance(unit, Step | Operation):
        key = {"set_variable": "variable", "append_to_array": "array"}.get(unit.action)
        variable = unit.parameters.get(key) if key else None
        if isinstance(variable, str) and key:
            yield variable.partition(".")[0], (key,)


NodeWrites = Iterator[tuple[str, Path, bool]]


def _node_writes(node_id: str, node: NodeBase) -> NodeWrites:
    if isinstance(node, SequenceNode):
        for name in node.outputs:
            yield name, ("outputs", name), True
    elif isinstance(node, VerificationNode):
        yield node.output_variable, ("output_variable",), True
    elif isinstance(node, LlmActionNode):
        yield from _mapped(node.outputs, "outputs", "llm_output")
    elif isinstance(node, SubflowNode):
        yield from _mapped(node.output_mapping, "output_mapping", "subflow_output")
        if node.on_failure == "continue":
            yield "subflow_error", ("on_failure",), False
    elif isinstance(node, HumanApprovalNode):
        yield node.output_variable, ("output_variable",), True
        yield "approval", (), True
        for index, name in enumerate(node.editable):
            yield name, ("editable", index), False
    elif isinstance(node, ParallelNode):
        yield "parallel_results", (), True
    elif isinstance(node, LoopNode):
        yield from _loop_writes(node_id, node)


def _mapped(mapping: dict[str, Any], key: str, whole: str) -> NodeWrites:
    for name in mapping:
        yield name, (key, name), True
    if not mapping:
        yield whole, (), True


def _loop_writes(node_id: str, node: LoopNode) -> NodeWrites:
    if node.collect_variable:
        yield node.collect_variable, ("collect_variable",), True
    if node.continue_on_error:
        yield errors_variable(node_id), ("continue_on_error",), False


def errors_variable(loop_id: str) -> str:
    """Where a loop records its failed iterations."""
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in loop_id) + "_errors"


def bound_names(node: NodeBase) -> list[tuple[str, Path]]:
    """The names that a loop binds inside its iterations."""
    if not isinstance(node, LoopNode):
        return []
    named = [(node.iterator_variable, "iterator_variable"), (node.index_variable, "index_variable")]
    return [(name, (field_name,)) for name, field_name in named if name]
