"""Regions: the main one, and one per loop and parallel (CKP 2). Every node has one home, a terminate any number."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from procedures.ckp.document.nodes import LoopNode, NodeBase, ParallelNode, TerminateNode
from procedures.ckp.document.root import Document
from procedures.ckp.edges import Edge, node_edges

MAIN: Final = ""
ENTRY_FIELDS: Final = ("body_node", "branches")


@dataclass(frozen=True, slots=True)
class Region:
    """The nodes that run inside an owner.

    `owner` is empty for the main region, `entries` are where it begins, `join` is the owner's `next_node`. `enclosing`
    is the owner whose region holds this owner, empty for the main one, None for the main region itself.
    """

    owner: str
    members: tuple[str, ...]
    entries: tuple[str, ...]
    join: str | None
    enclosing: str | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """An edge that leads from the region of `owner` into the one of `home`. `entry`: it begins a body or branch."""

    edge: Edge
    owner: str
    home: str
    entry: bool = False


@dataclass(slots=True)
class RegionMap:
    """Regions by owner, the home of every node, and the edges that cross where they may not.

    `failure_home` is the owner whose region holds the target of `on_failure`, where it may not lie.
    """

    regions: dict[str, Region] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    strays: list[Stray] = field(default_factory=list)
    failure_home: str | None = None

    def encloses(self, outer: str, inner: str) -> bool:
        """Whether the region of one owner encloses that of another."""
        step = self.regions[inner].enclosing
        while step is not None and step != outer:
            step = self.regions[step].enclosing
        return step == outer


def regions(document: Document) -> dict[str, Region]:
    """Regions by owner, the main one under the empty text. Members and owners in document order."""
    return map_regions(document).regions


def map_regions(document: Document) -> RegionMap:
    """Finds all regions, outer ones first, so that each node is looked at once."""
    return _Mapper(document).map()


class _Mapper:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.order = {node_id: index for index, node_id in enumerate(document.nodes)}
        self.found = RegionMap()
        self.waiting: deque[tuple[str, str]] = deque()

    def map(self) -> RegionMap:
        found = self.found
        found.regions[MAIN] = Region(MAIN, (), (), None)
        self._main(self.document.start_node)
        failure = self.document.global_config.on_failure
        if failure in self.order and found.home.get(failure, MAIN) != MAIN:
            found.failure_home = found.home[failure]
        elif failure is not None:
            self._main(failure)
        for node_id, node in self.document.nodes.items():
            if node_id not in found.home and isinstance(node, LoopNode | ParallelNode):
                self.waiting.append((node_id, MAIN))
                self._inner()
        in_order = sorted(found.regions, key=lambda owner: self.order.get(owner, -1))
        found.regions = {owner: found.regions[owner] for owner in in_order}
        return found

    def _main(self, start: str) -> None:
        """Adds what can be reached from a node to the main region."""
        if start not in self.order:
            return
        region = self.found.regions[MAIN]
        members = set(region.members)
        self._spread([start] if start not in members and self._settle(start, MAIN) else [], MAIN, None, members)
        self._close(Region(MAIN, (), (*region.entries, start), None), members)
        self._inner()

    def _inner(self) -> None:
        while self.waiting:
            owner, enclosing = self.waiting.popleft()
            if owner not in self.found.regions:
                self._region(owner, enclosing)

    def _region(self, owner: str, enclosing: str) -> None:
        node = self.document.nodes[owner]
        entries, join = entries_of(node), node.next_node
        self.found.regions[owner] = Region(owner, (), entries, join, enclosing)
        members: set[str] = set()
        begin = []
        for edge in node_edges(self.document, owner):
            if edge.condition in (None, "on_failure") or edge.path[3] not in ENTRY_FIELDS:
                continue
            if edge.target in self.order and edge.target not in (owner, join, None) and edge.target not in begin:
                if self._settle(edge.target, owner):
                    begin.append(edge.target)
                else:
                    self.found.strays.append(Stray(edge, owner, self.found.home[edge.target], entry=True))
        self._spread(begin, owner, join, members)
        self._close(Region(owner, (), entries, join, enclosing), members)

    def _spread(self, begin: list[str], owner: str, join: str | None, members: set[str]) -> None:
        """Adds to the members all that can be reached without leaving the region."""
        members.update(begin)
        waiting = list(begin)
        while waiting:
            for edge in inner_edges(self.document, waiting.pop()):
                target = edge.target
                if target not in self.order or target is None or target in members or target in (owner, join):
                    continue
                if self._settle(target, owner):
                    members.add(target)
                    waiting.append(target)
                else:
                    self.found.strays.append(Stray(edge, owner, self.found.home[target]))

    def _close(self, region: Region, members: set[str]) -> None:
        in_order = tuple(sorted(members, key=self.order.__getitem__))
        self.found.regions[region.owner] = replace(region, members=in_order)
        for member in in_order:
            if isinstance(self.document.nodes[member], LoopNode | ParallelNode):
                self.waiting.append((member, region.owner))

    def _settle(self, node_id: str, owner: str) -> bool:
        """Whether a node belongs to the region of an owner; the first region that reaches it keeps it."""
        if isinstance(self.document.nodes[node_id], TerminateNode):
            self.found.home.setdefault(node_id, owner)
            return True
        return self.found.home.setdefault(node_id, owner) == owner


def inner_edges(document: Document, node_id: str) -> list[Edge]:
    """The edges of a node that stay in its region: neither into its body or branches, nor along `on_failure`."""
    owner = bool(entries_of(document.nodes[node_id]))
    return [
        edge
        for edge in node_edges(document, node_id)
        if edge.condition != "on_failure" and not (owner and edge.path[3] in ENTRY_FIELDS)
    ]


def entries_of(node: NodeBase) -> tuple[str, ...]:
    """Where the body or the branches of an owner begin."""
    if isinstance(node, LoopNode):
        return (node.body_node,)
    if isinstance(node, ParallelNode):
        return tuple(branch.start_node for branch in node.branches)
    return ()
