"""The ways of a run as far as they can be told before it: decided rules, trace, and whole routes (CKP 6)."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LogicNode,
    ParallelNode,
    TerminateNode,
)
from procedures.ckp.edges import END, Edge
from procedures.ckp.expressions import EvaluationError, ExpressionProblem, Scope, compile_condition
from procedures.ckp.regions import MAIN

MOST_ROUTES: Final = 200
_MOST_STEPS: Final = 50_000
"""Nodes that may be looked at while routes are searched."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way from the start to an end. `conditions` has one entry per edge taken."""

    nodes: tuple[str, ...]
    conditions: tuple[str | None, ...]
    ends: str

    def approvals(self, subject: Subject) -> list[str]:
        """The approvals on the way."""
        return [one for one in self.nodes if isinstance(subject.document.nodes[one], HumanApprovalNode)]


@dataclass(slots=True)
class Ways:
    """Edges that a run with given inputs does not take, by source and position among its edges."""

    subject: Subject
    untaken: set[tuple[str, int]] = field(default_factory=set)

    def takes(self, source: str, index: int) -> bool:
        """Whether an edge may be taken."""
        return (source, index) not in self.untaken


def decide(subject: Subject, inputs: dict[str, Any], unknown: set[str]) -> Ways:
    """Decides the rules that read nothing but inputs, those left out whose value is not known before the start."""
    ways = Ways(subject)
    written = {write.name for program in subject.programs.values() for write in program.writes()}
    settled = set(subject.document.variables_schema) - written - unknown
    for node_id, node, _ in subject.nodes_of(LogicNode):
        _decide_rules(ways, node_id, node, inputs, settled)
    return ways


def _decide_rules(ways: Ways, node_id: str, node: LogicNode, inputs: dict[str, Any], settled: set[str]) -> None:
    results = [_result(rule.condition, inputs, settled) for rule in node.rules]
    won = next((index for index, result in enumerate(results) if result is True), None)
    for position, edge in enumerate(ways.subject.outgoing[node_id]):
        if edge.kind == "error":
            continue
        rule = int(edge.path[4]) if edge.path[3] == "rules" else len(results)
        lost = rule < len(results) and results[rule] is False
        if lost or (won is not None and rule > won):
            ways.untaken.add((node_id, position))


def _result(condition: Any, inputs: dict[str, Any], settled: set[str]) -> bool | None:
    """The truth of a condition over inputs; None when it reads anything else."""
    try:
        compiled = compile_condition(condition)
        if not all(read.path[0] in settled for read in compiled.reads):
            return None
        return compiled.test(Scope(inputs))
    except (ExpressionProblem, EvaluationError):
        return None


def trace(subject: Subject, ways: Ways) -> list[dict[str, Any]]:
    """The nodes breadth first from the start, each with what may follow; `taken` is false behind untaken edges."""
    taken = _reach(subject, ways)
    listed = []
    decided = bool(ways.untaken)
    for node_id in _reach(subject, Ways(subject)):
        node = subject.document.nodes[node_id]
        following = [edge.target or END for edge in subject.outgoing[node_id]] or [END] * isinstance(
            node, TerminateNode
        )
        entry = {
            "node_id": node_id,
            "type": node.type,
            "next_nodes": list(dict.fromkeys(following)),
            "is_terminal": isinstance(node, TerminateNode),
        }
        listed.append({**entry, "taken": node_id in taken} if decided else entry)
    return listed


def _reach(subject: Subject, ways: Ways) -> dict[str, None]:
    start = subject.document.start_node
    found = {start: None} if start in subject.document.nodes else {}
    waiting = deque(found)
    while waiting:
        node_id = waiting.popleft()
        for index, edge in enumerate(subject.outgoing[node_id]):
            target = edge.target
            if target in subject.outgoing and target not in found and ways.takes(node_id, index):
                found[target] = None
                waiting.append(target)
    return found


def routes(subject: Subject, ways: Ways) -> tuple[list[Route], bool]:
    """The first routes from the start to an end, error edges left out, and whether there are more."""
    search = _Search(subject, ways)
    found: list[Route] = []
    for route in search.routes():
        if len(found) == MOST_ROUTES:
            return found, True
        found.append(route)
    return found, search.tired


class _Search:
    """Depth-first search for ways without repeating a node."""

    def __init__(self, subject: Subject, ways: Ways) -> None:
        self.subject = subject
        self.ways = ways
        self.steps = 0

    @property
    def tired(self) -> bool:
        """Whether the search was given up."""
        return self.steps > _MOST_STEPS

    def routes(self) -> Iterator[Route]:
        """Routes in the order of edges."""
        start = self.subject.document.start_node
        if start not in self.subject.document.nodes:
            return
        nodes, conditions = [start], list[str | None]()
        stack = [iter(self._options(start))]
        while stack and not self.tired:
            option = next(stack[-1], None)
            self.steps += 1
            if option is None:
                stack.pop()
                nodes.pop()
                if conditions:
                    conditions.pop()
                continue
            condition, target = option
            if target is None:
                yield Route(tuple(nodes), (*conditions, condition), self._end(nodes[-1]))
            elif target not in nodes:
                nodes.append(target)
                conditions.append(condition)
                stack.append(iter(self._options(target)))

    def _end(self, node_id: str) -> str:
        node = self.subject.document.nodes[node_id]
        return node.status if isinstance(node, TerminateNode) else END

    def _options(self, node_id: str) -> list[tuple[str | None, str | None]]:
        """Condition and next node of each way on; no next node where the run ends."""
        node = self.subject.document.nodes[node_id]
        if isinstance(node, TerminateNode):
            return [(None, None)]
        found = []
        for index, edge in enumerate(self.subject.outgoing[node_id]):
            skipped = isinstance(node, ParallelNode) and edge.condition == "parallel_join" and node.branches
            if edge.kind == "error" or edge.condition == "retry" or skipped or not self.ways.takes(node_id, index):
                continue
            found.append((edge.condition, self._next(node_id, edge)))
        return found

    def _next(self, node_id: str, edge: Edge) -> str | None:
        """Where an edge leads; behind an iteration or branch the way goes on after its owner."""
        home = self.subject.region_map.home.get(node_id, MAIN)
        target = edge.target
        while home != MAIN and target in (None, home):
            owner = self.subject.document.nodes[home]
            target = owner.next_node
            home = self.subject.region_map.regions[home].enclosing or MAIN
        return target if target in self.subject.document.nodes else None
