"""Regions: the main one, and one per loop and parallel (CKP 2). Every node has one home, a terminate any number."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from procedures.ckp.document.nodes import LoopNode, NodeBase, ParallelNode, TerminateNode
from procedures.ckp.document.root import Document
from procedures.ckp.edges import Edge, node_edges

MAIN: Final = ""


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
    """An edge that leads from the region of `owner` into the one of `home`."""

    edge: Edge
    owner: str
    home: str


@dataclass(slots=True)
class RegionMap:
    """Regions by owner, the home of every node, and the edges that cross where they may not."""

    regions: dict[str, Region] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    strays: list[Stray] = field(default_factory=list)

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
        starts = (self.document.start_node, self.document.global_config.on_failure or "")
        self._region(MAIN, None, tuple(dict.fromkeys(start for start in starts if start in self.order)), None)
        self._inner()
        for node_id, node in self.document.nodes.items():
            if node_id not in self.found.home and isinstance(node, LoopNode | ParallelNode):
                self.waiting.append((node_id, MAIN))
                self._inner()
        in_order = sorted(self.found.regions, key=lambda owner: self.order.get(owner, -1))
        self.found.regions = {owner: self.found.regions[owner] for owner in in_order}
        return self.found

    def _inner(self) -> None:
        while self.waiting:
            owner, enclosing = self.waiting.popleft()
            if owner not in self.found.regions:
                node = self.document.nodes[owner]
                self._region(owner, enclosing, entries_of(node), node.next_node)

    def _region(self, owner: str, enclosing: str | None, entries: tuple[str, ...], join: str | None) -> None:
        self.found.regions[owner] = Region(owner, (), entries, join, enclosing)
        known = tuple(entry for entry in entries if entry in self.order and entry not in (owner, join))
        members = {entry for entry in known if self._settle(entry, owner)}
        waiting = list(dict.fromkeys(entry for entry in known if entry in members))
        while waiting:
            node_id = waiting.pop()
            for edge in self._inside(node_id):
                if edge.target not in self.order or edge.target in (owner, join) or edge.target in members:
                    continue
                if self._settle(edge.target, owner):
                    members.add(edge.target)
                    waiting.append(edge.target)
                else:
                    self.found.strays.append(Stray(edge, owner, self.found.home[edge.target]))
        self._close(owner, enclosing, entries, join, members)

    def _close(
        self, owner: str, enclosing: str | None, entries: tuple[str, ...], join: str | None, members: set[str]
    ) -> None:
        in_order = tuple(sorted(members, key=self.order.__getitem__))
        self.found.regions[owner] = Region(owner, in_order, entries, join, enclosing)
        for member in in_order:
            if isinstance(self.document.nodes[member], LoopNode | ParallelNode):
                self.waiting.append((member, owner))

    def _settle(self, node_id: str, owner: str) -> bool:
        """Whether a node belongs to the region of an owner; the first region that reaches it keeps it."""
        if isinstance(self.document.nodes[node_id], TerminateNode):
            self.found.home.setdefault(node_id, owner)
            return True
        return self.found.home.setdefault(node_id, owner) == owner

    def _inside(self, node_id: str) -> list[Edge]:
        """Edges that stay in a region: neither into a body nor into a branch."""
        entry_fields = ("body_node", "branches") if entries_of(self.document.nodes[node_id]) else ()
        return [
            edge
            for edge in node_edges(self.document, node_id)
            if edge.condition != "on_failure" and not (entry_fields and edge.path[3] in entry_fields)
        ]


def entries_of(node: NodeBase) -> tuple[str, ...]:
    """Where the body or the branches of an owner begin."""
    if isinstance(node, LoopNode):
        return (node.body_node,)
    if isinstance(node, ParallelNode):
        return tuple(branch.start_node for branch in node.branches)
    return ()
