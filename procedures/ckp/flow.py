"""Which variables are defined where: on every path (must), on some (may) (CKP 3.5)."""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from procedures.ckp.document.nodes import LlmActionNode, LoopNode, NodeBase, ParallelNode
from procedures.ckp.document.root import Document
from procedures.ckp.edges import Edge
from procedures.ckp.programs import Moment, Program, bound_names
from procedures.ckp.regions import MAIN, RegionMap, entries_of, inner_edges

ERROR: Final = "error"


class State(NamedTuple):
    """Sets of names as bits."""

    must: int
    may: int

    def join(self, other: "State") -> "State":
        """What holds when one of two ways was taken."""
        return State(self.must & other.must, self.may | other.may)

    def define(self, names: int) -> "State":
        """After names were set."""
        return State(self.must | names, self.may | names)


class Names:
    """A bit for each name."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}

    def bit(self, name: str) -> int:
        """The bit of a name, given at its first use."""
        return self._bits.setdefault(name, 1 << len(self._bits))

    def bits(self, names: Iterable[str]) -> int:
        """The bits of several names."""
        found = 0
        for name in names:
            found |= self.bit(name)
        return found

    def known(self, name: str) -> int:
        """The bit of a name, or 0 when nothing ever defines it."""
        return self._bits.get(name, 0)

    def of(self, bits: int) -> list[str]:
        """The names of a set, in the order they were met."""
        return [name for name, bit in self._bits.items() if bits & bit]


@dataclass(slots=True)
class Flow:
    """States at the entry of every node that can be reached, at the ends of iterations, and at the start."""

    names: Names
    start: State
    everything: int = 0
    entry: dict[str, State] = field(default_factory=dict)
    begin: dict[str, State] = field(default_factory=dict)
    ends: dict[str, State] = field(default_factory=dict)
    leaves: dict[str, int] = field(default_factory=dict)
    """What the branches of a parallel surely set, where its join is reached."""


def analyse(document: Document, programs: dict[str, Program], found: RegionMap) -> Flow:
    """Follows definitions along all edges until nothing changes."""
    return _Analysis(document, programs, found).run()


def inner_state(names: Names, node: NodeBase, state: State) -> State:
    """The state inside a visit: the node's own inputs are defined."""
    return state.define(names.bits(node.inputs))


def after(names: Names, start: State, moment: Moment, state: State) -> State:
    """The state after a moment."""
    if moment.forgets:
        state = State(state.must & start.must, state.may)
    for write in moment.writes:
        bit = names.bit(write.name)
        state = State(state.must | bit if write.sure else state.must, state.may | bit)
    return state


class _Analysis:
    def __init__(self, document: Document, programs: dict[str, Program], found: RegionMap) -> None:
        self.document = document
        self.programs = programs
        self.found = found
        self.names = Names()
        self.edges = {node_id: inner_edges(document, node_id) for node_id in document.nodes}
        self.order = _order(document, self.edges)
        self.flow = Flow(self.names, self._start())
        self.branch_ends: dict[str, dict[str, State]] = defaultdict(dict)
        self.branches: dict[str, list[set[str]]] = {}
        self.region_writes: dict[str, int] = defaultdict(int)
        self.queue: list[tuple[int, str]] = []
        self.queued: set[str] = set()

    def run(self) -> Flow:
        self._collect_names()
        self._enter(self.document.start_node, self.flow.start)
        on_failure = self.document.global_config.on_failure
        if on_failure:
            error = self.names.bit(ERROR)
            self._enter(on_failure, State(self.flow.start.must | error, self.flow.everything | error))
        while self.queue:
            _, node_id = heapq.heappop(self.queue)
            self.queued.discard(node_id)
            self._visit(node_id)
        return self.flow

    def _start(self) -> State:
        schema = self.document.variables_schema
        must = self.names.bits(name for name, meta in schema.items() if meta.required or meta.has_default)
        return State(must, self.names.bits(schema))

    def _collect_names(self) -> None:
        everything = self.flow.start.may
        for node_id, program in self.programs.items():
            bits = self.names.bits(write.name for write in program.writes())
            self.region_writes[self.found.home.get(node_id, MAIN)] |= bits
            everything |= bits | self.names.bits(name for name, _ in bound_names(self.document.nodes[node_id]))
        for owner in reversed(_outer_first(self.found)):
            enclosing = self.found.regions[owner].enclosing
            if enclosing is not None:
                self.region_writes[enclosing] |= self.region_writes[owner]
        self.flow.everything = everything

    def _enter(self, node_id: str, state: State) -> None:
        """Joins a state into the entry of a node."""
        if node_id not in self.document.nodes:
            return
        before = self.flow.entry.get(node_id)
        joined = state if before is None else before.join(state)
        if joined != before:
            self.flow.entry[node_id] = joined
            self._wake(node_id)

    def _wake(self, node_id: str) -> None:
        if node_id not in self.queued:
            self.queued.add(node_id)
            heapq.heappush(self.queue, (self.order.get(node_id, len(self.order)), node_id))

    def _visit(self, node_id: str) -> None:
        node = self.document.nodes[node_id]
        entry = self.flow.entry[node_id]
        done: State | None = inner_state(self.names, node, entry)
        if isinstance(node, LoopNode):
            done = self._loop(node_id, node, entry)
        elif isinstance(node, ParallelNode):
            done = self._parallel(node_id, node, entry)
        may = entry.may | self.region_writes.get(node_id, 0) if entries_of(node) else entry.may
        if done is not None:
            for moment in self.programs[node_id].moments:
                done = after(self.names, self.flow.start, moment, done)
            own = self.names.bits(node.inputs) & ~entry.may
            done = State(done.must & ~own, done.may & ~own)
            may |= done.may
        for edge in self.edges[node_id]:
            state = self._along(node, edge, entry, done, may)
            if state is not None:
                self._follow(node_id, edge, state)

    def _along(self, node: NodeBase, edge: Edge, entry: State, done: State | None, may: int) -> State | None:
        """The state that goes along an edge; after a failure nothing that the node writes is sure."""
        if edge.kind == "error":
            return State(entry.must, may).define(self.names.bit(ERROR))
        if isinstance(node, LlmActionNode) and edge.condition == "default":
            return State(entry.must, may)
        return done

    def _follow(self, source: str, edge: Edge, state: State) -> None:
        owner = self.found.home.get(source, MAIN)
        region = self.found.regions[owner]
        target = edge.target
        if owner != MAIN and target in (None, owner, region.join):
            self._end(owner, source, state)
        elif target is not None and self._is_inside(target, owner):
            self._enter(target, state)

    def _is_inside(self, target: str, owner: str) -> bool:
        return target in self.document.nodes and (
            self.found.home.get(target) == owner or self.document.nodes[target].type == "terminate"
        )

    def _end(self, owner: str, source: str, state: State) -> None:
        """An iteration or branch has ended with a state."""
        parallel = isinstance(self.document.nodes[owner], ParallelNode)
        ends = self.branch_ends[owner] if parallel else self.flow.ends
        key = source if parallel else owner
        before = ends.get(key)
        joined = state if before is None else before.join(state)
        if joined != before:
            ends[key] = joined
            self._wake(owner)

    def _loop(self, node_id: str, node: LoopNode, entry: State) -> State:
        """The state after a loop; its body is entered on the way."""
        bound = self.names.bits(name for name, _ in bound_names(node))
        end = self.flow.ends.get(node_id)
        may = entry.may | (end.may if end else 0)
        if node.continue_on_error:
            may |= self.region_writes[node_id]
        may &= ~bound | entry.may
        begin = State(entry.must, may)
        self.flow.begin[node_id] = begin
        self._enter(node.body_node, begin.define(bound))
        return inner_state(self.names, node, begin)

    def _parallel(self, node_id: str, node: ParallelNode, entry: State) -> State | None:
        """The state at the join; None while a branch that can end has not."""
        for branch in node.branches:
            self._enter(branch.start_node, entry)
        ended = []
        for members in self._branch_members(node_id, node):
            states = [state for source, state in self.branch_ends[node_id].items() if source in members]
            if states:
                ended.append(_joined(states))
            elif any(self._can_end(node_id, member) for member in members):
                return None
        inside = inner_state(self.names, node, entry)
        if not ended:
            return inside
        sure = _sure_after(node, ended)
        self.flow.leaves[node_id] = sure & ~entry.must
        return State(inside.must | sure, inside.may | _joined(ended).may)

    def _members(self, owner: str) -> tuple[str, ...]:
        return self.found.regions[owner].members

    def _can_end(self, owner: str, node_id: str) -> bool:
        region = self.found.regions[owner]
        return any(edge.target in (None, owner, region.join) for edge in self.edges[node_id])

    def _branch_members(self, owner: str, node: ParallelNode) -> list[set[str]]:
        if owner not in self.branches:
            inside = set(self._members(owner))
            self.branches[owner] = [reachable(branch.start_node, self.edges, inside) for branch in node.branches]
        return self.branches[owner]


def _joined(states: list[State]) -> State:
    joined = states[0]
    for state in states[1:]:
        joined = joined.join(state)
    return joined


def _sure_after(node: ParallelNode, ended: list[State]) -> int:
    """What is surely set at the join, from the states in which the branches ended."""
    if node.wait_strategy != "all":
        return _joined(ended).must
    every = 0
    for state in ended if node.branch_failure in ("fail", "retry") else ():
        every |= state.must
    return every


def _outer_first(found: RegionMap) -> list[str]:
    inner: dict[str | None, list[str]] = defaultdict(list)
    for owner, region in found.regions.items():
        inner[region.enclosing].append(owner)
    listed = list(inner[None])
    for owner in listed:
        listed.extend(inner[owner])
    return listed


def reachable(start: str, edges: dict[str, list[Edge]], inside: set[str]) -> set[str]:
    """The nodes of a region that can be reached from one of them."""
    if start not in inside:
        return set()
    found = {start}
    waiting = [start]
    while waiting:
        for edge in edges[waiting.pop()]:
            if edge.target in inside and edge.target not in found:
                found.add(str(edge.target))
                waiting.append(str(edge.target))
    return found


def _order(document: Document, edges: dict[str, list[Edge]]) -> dict[str, int]:
    """Reverse postorder from the start, so that most nodes are looked at once."""
    successors = {
        node_id: [*entries_of(document.nodes[node_id]), *(edge.target or "" for edge in found)]
        for node_id, found in edges.items()
    }
    order: list[str] = []
    seen: set[str] = set()
    for start in (document.start_node, *document.nodes):
        stack = [(start, iter(successors.get(start, ())))] if start not in seen and start in successors else []
        seen.add(start)
        while stack:
            node_id, targets = stack[-1]
            target = next((one for one in targets if one in successors and one not in seen), None)
            if target is None:
                order.append(node_id)
                stack.pop()
            else:
                seen.add(target)
                stack.append((target, iter(successors[target])))
    return {node_id: index for index, node_id in enumerate(reversed(order))}
