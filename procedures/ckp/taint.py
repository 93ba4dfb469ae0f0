"""Where values that come from a model, or from a sensitive variable, may be at hand."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    LoopNode,
    Node,
    ParallelNode,
    VerificationNode,
)
from procedures.ckp.edges import Edge
from procedures.ckp.flow import Names
from procedures.ckp.programs import Moment, Program, bound_names
from procedures.ckp.regions import MAIN
from procedures.ckp.uses import Use

Cleanse = Callable[[Node, Program, int, Names], int]
"""What is left of a tainted set behind a node that guards."""


@dataclass(slots=True)
class Taint:
    """The tainted names at the entry of each node."""

    names: Names
    entry: dict[str, int] = field(default_factory=dict)

    def reads(self, use: Use, tainted: int) -> str | None:
        """The first tainted name that a text reads."""
        for read in use.reads:
            if self.names.known(str(read.path[0])) & tainted:
                return str(read.path[0])
        return None

    def moments(self, program: Program, tainted: int) -> Iterator[tuple[Moment, int]]:
        """Each moment of a node with the names that are tainted before it."""
        for moment in program.moments:
            yield moment, tainted
            tainted = self.after(moment, tainted)

    def after(self, moment: Moment, tainted: int) -> int:
        """What is tainted after a moment: results computed from tainted values are, others no longer."""
        written = self.names.bits(write.name for write in moment.writes)
        if any(self.reads(use, tainted) for use in moment.uses):
            return tainted | written
        sure = self.names.bits(write.name for write in moment.writes if write.sure)
        return tainted & ~sure


def model_data(subject: Subject) -> Taint:
    """Unguarded model data."""
    return _spread(subject, 0, from_models=True, cleanse=_guarded)


def sensitive_data(subject: Subject) -> Taint:
    """Values of sensitive variables, and what is computed from them."""
    names = Names()
    schema = subject.document.variables_schema
    start = names.bits(name for name, meta in schema.items() if meta.is_sensitive)
    return _spread(subject, start, from_models=False, cleanse=_unguarded, names=names)


def _unguarded(node: Node, program: Program, tainted: int, names: Names) -> int:
    return tainted


def _guarded(node: Node, program: Program, tainted: int, names: Names) -> int:
    if isinstance(node, HumanApprovalNode):
        return 0
    if not isinstance(node, VerificationNode):
        return tainted
    for moment in program.moments:
        for use in moment.uses:
            inside = use.path[3:]
            if inside[0] == "checks" and node.checks[int(inside[1])].on_fail not in ("warn", "continue"):
                tainted &= ~names.bits(str(read.path[0]) for read in use.reads)
    return tainted


def _spread(subject: Subject, start: int, *, from_models: bool, cleanse: Cleanse, names: Names | None = None) -> Taint:
    taint = Taint(names or Names())
    document = subject.document
    if document.start_node in document.nodes:
        taint.entry[document.start_node] = start
    waiting = deque(taint.entry)
    while waiting:
        node_id = waiting.popleft()
        node, program = document.nodes[node_id], subject.programs[node_id]
        tainted = taint.entry[node_id]
        for moment in program.moments:
            tainted = taint.after(moment, tainted)
        if from_models and isinstance(node, LlmActionNode):
            tainted |= taint.names.bits(write.name for write in program.writes())
        tainted = cleanse(node, program, _through_loop(taint, node, program, tainted), taint.names)
        for target in _targets(subject, node_id):
            before = taint.entry.get(target)
            joined = tainted | (before or 0)
            if joined != before:
                taint.entry[target] = joined
                waiting.append(target)
    return taint


def _through_loop(taint: Taint, node: Node, program: Program, tainted: int) -> int:
    """The item of a tainted list is tainted, and so is what is collected from tainted iterations."""
    if not isinstance(node, LoopNode):
        return tainted
    entry = program.moments[0].uses
    if any(taint.reads(use, tainted) for use in entry):
        tainted |= taint.names.bits(name for name, _ in bound_names(node))
    if node.collect_variable and tainted:
        tainted |= taint.names.bit(node.collect_variable)
    return tainted


def _targets(subject: Subject, node_id: str) -> Iterator[str]:
    """The nodes that may follow, ends of iterations and branches included."""
    home = subject.region_map.home.get(node_id, MAIN)
    edges: list[Edge] = subject.outgoing[node_id]
    for edge in edges:
        target = edge.target
        if target is None and home != MAIN:
            owner = subject.document.nodes[home]
            target = owner.next_node if isinstance(owner, ParallelNode) else home
        if target in subject.document.nodes:
            yield str(target)
    on_failure = subject.document.global_config.on_failure
    if on_failure in subject.document.nodes:
        yield str(on_failure)
