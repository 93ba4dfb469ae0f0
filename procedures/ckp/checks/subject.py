"""What the checks look at: the document, and what was found out about it so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from procedures.ckp.document.nodes import Node, NodeBase
from procedures.ckp.document.root import Document
from procedures.ckp.document.steps import Step
from procedures.ckp.edges import Edge, edges, place_in_tree, steps_of
from procedures.ckp.fields import may_name_nodes, table_of
from procedures.ckp.flow import Flow, analyse
from procedures.ckp.names import Nearest
from procedures.ckp.programs import Program, program_of
from procedures.ckp.regions import RegionMap, map_regions
from procedures.ckp.registry import NOTHING_REGISTERED, Registry
from procedures.ckp.report import Path, Report
from procedures.ckp.uses import Uses, find_uses


@dataclass
class Subject:
    """One document under check. `canonical` is its tree, `unread` are nodes that could not be read.

    `lost_names` are variables that are set by what could not be read.
    """

    canonical: dict[str, Any]
    document: Document
    report: Report
    unread: frozenset[str] = frozenset()
    registry: Registry = NOTHING_REGISTERED
    lost_names: frozenset[str] = frozenset()
    uses: Uses = field(init=False)

    def __post_init__(self) -> None:
        self.uses = find_uses(self.canonical, list(self.document.nodes), self.report)

    @cached_property
    def edges(self) -> list[Edge]:
        """All edges, in document order."""
        return edges(self.document)

    @cached_property
    def outgoing(self) -> dict[str, list[Edge]]:
        """Edges by source, `on_failure` left out."""
        found: dict[str, list[Edge]] = {node_id: [] for node_id in self.document.nodes}
        for edge in self.edges:
            if edge.condition != "on_failure":
                found[edge.source].append(edge)
        return found

    @cached_property
    def region_map(self) -> RegionMap:
        """Regions and homes."""
        return map_regions(self.document)

    @cached_property
    def programs(self) -> dict[str, Program]:
        """What each node reads and writes."""
        return {
            node_id: program_of(node_id, node, self.uses.nodes[node_id])
            for node_id, node in self.document.nodes.items()
        }

    @cached_property
    def flow(self) -> Flow:
        """Where variables are defined."""
        return analyse(self.document, self.programs, self.region_map)

    @cached_property
    def steps(self) -> list[tuple[Node, Step, Path]]:
        """Every step of the document with its node and its place in the canonical tree."""
        found = []
        for node_id, node in self.document.nodes.items():
            place = node_path(node_id)
            for below, step in steps_of(node):
                found.append((node, step, (*place, *place_in_tree(self.raw(place), below))))
        return found

    @cached_property
    def known_nodes(self) -> frozenset[str]:
        """Every node id of the text, readable or not."""
        return frozenset(self.document.nodes) | self.unread

    @cached_property
    def lost_edges(self) -> frozenset[str]:
        """The nodes of which an edge could not be read: where they lead is not known."""
        return frozenset(
            str(path[2])
            for path in self.report.refused
            if len(path) > 3 and path[2] in self.document.nodes and not self.raw(path) and self._leads(path)
        )

    def _leads(self, path: Path) -> bool:
        node = self.document.nodes[str(path[2])] if path[:2] == ("workflow_graph", "nodes") else None
        return node is not None and may_name_nodes(table_of(type(node)), path[3:])

    @cached_property
    def is_whole(self) -> bool:
        """Whether every node and edge of the text could be read, and every edge leads to a node."""
        lost = any(edge.target is not None and edge.target not in self.document.nodes for edge in self.edges)
        return not (self.unread or self.lost_edges or lost or self.refused(("global_config",), "on_failure"))

    def refused(self, place: Path, field: str) -> bool:
        """Whether a field was reported, so that nothing is said of its absence."""
        return (*place, field) in self.report.refused

    def lacks(self, place: Path, field: str) -> bool:
        """Whether a field is absent, null or empty, and not because it was refused."""
        return self.raw((*place, field)) in (None, "", []) and not self.refused(place, field)

    @cached_property
    def nearest_node(self) -> Nearest:
        """Finds node ids for hints."""
        return Nearest(self.known_nodes, self.report.effort)

    def nodes_of(self, *types: type[NodeBase]) -> Iterator[tuple[str, Any, Path]]:
        """The nodes of some types, with id and place."""
        for node_id, node in self.document.nodes.items():
            if isinstance(node, types):
                yield node_id, node, node_path(node_id)

    def all_nodes(self) -> Iterator[tuple[str, Node, Path]]:
        """Every node, with id and place."""
        for node_id, node in self.document.nodes.items():
            yield node_id, node, node_path(node_id)

    def raw(self, path: Path) -> Any:
        """What stands at a place of the canonical tree; None when nothing does."""
        value: Any = self.canonical
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def node_path(node_id: str) -> Path:
    """The place of a node."""
    return ("workflow_graph", "nodes", node_id)
