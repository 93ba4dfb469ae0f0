"""A document made ready to be driven: its regions, and their graphs, compiled once per process and document."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from orchestration.runtime.computing import computes
from orchestration.runtime.graph import Graph, compile_region
from procedures.ckp.checks.subject import Subject
from procedures.ckp.compile import load_document
from procedures.ckp.document import (
    Document,
    LogicNode,
    ProcessingNode,
    SequenceNode,
    SubflowNode,
    TransformNode,
    VerificationNode,
)
from procedures.ckp.edges import node_edges, steps_of
from procedures.ckp.regions import Region, regions
from procedures.ckp.report import Report
from procedures.ckp.secrecy import NOTHING_SENSITIVE, Secrecy, has_sources, secrecy
from procedures.models import Document as StoredDocument

MOST_KEPT: Final = 128
PLAIN: Final = (LogicNode, ProcessingNode, SequenceNode, TransformNode, VerificationNode)
T = TypeVar("T")


class Program:
    """A document with its regions and graphs."""

    def __init__(self, canonical: dict[str, Any]) -> None:
        self.document: Document = load_document(canonical)
        self._canonical = canonical
        self.regions = regions(self.document)
        self._graphs: dict[tuple[str, str], Graph] = {}
        self._compiled: dict[tuple[str | int, ...], Any] = {}
        self.pointers: dict[tuple[str | int, ...], str] = {}
        self._lock = threading.Lock()

    @cached_property
    def _subject(self) -> Subject:
        """The document as its checks see it: what is read and written where."""
        return Subject(self._canonical, self.document, Report())

    def defined_at(self, node_id: str) -> frozenset[str]:
        """The variables that may be defined in a visit of a node: set before it, or by it."""

        def found() -> frozenset[str]:
            flow, written = self._subject.flow, self._subject.programs[node_id].writes()
            entry = flow.entry.get(node_id)
            before = flow.names.of(entry.may) if entry else ()
            return frozenset(before).union(write.name for write in written)

        return self.compiled(("defined", node_id), found)

    def reads(self, node_id: str, place: tuple[str | int, ...]) -> frozenset[str]:
        """The variables that the texts at or below a place of a node read."""

        def found() -> frozenset[str]:
            uses = self._subject.uses.nodes[node_id]
            here = [use for use in uses if use.path[3 : 3 + len(place)] == place]
            return frozenset(str(read.path[0]) for use in here for read in use.reads)

        return self.compiled(("reads", node_id, *place), found)

    @cached_property
    def speaks_of_telemetry(self) -> bool:
        """Whether the document may read what its runs have done and used so far."""
        return "telemetry" in json.dumps(self._canonical["workflow_graph"])

    @cached_property
    def has_children(self) -> bool:
        """Whether runs of the document may have runs of their own."""
        return any(isinstance(node, SubflowNode) for node in self.document.nodes.values())

    @cached_property
    def can_be_undone(self) -> bool:
        """Whether the document says of anything how it is undone."""
        return any("compensate_with" in place for node in self.document.nodes.values() for place, _ in steps_of(node))

    @cached_property
    def secrecy(self) -> Secrecy:
        """What is sensitive in the document."""
        return secrecy(self._subject) if has_sources(self._canonical) else NOTHING_SENSITIVE

    @cached_property
    def hidden_names(self) -> frozenset[str]:
        """Names whose values are masked: what is sensitive, and what the document adds."""
        return self.secrecy.hidden.union(self.document.global_config.audit_config.redacted_fields)

    @cached_property
    def plain(self) -> frozenset[str]:
        """Nodes that neither wait for people nor own regions."""
        return frozenset(node_id for node_id, node in self.document.nodes.items() if isinstance(node, PLAIN))

    @cached_property
    def computing(self) -> frozenset[str]:
        """Nodes whose visits do nothing but compute."""
        drawn = self._canonical["workflow_graph"]["nodes"]
        return frozenset(node_id for node_id, node in self.document.nodes.items() if computes(node, drawn[node_id]))

    def graph(self, owner: str, entry: str) -> Graph:
        """The graph of what can be reached from `entry` in the region of `owner` (the main one: the empty text)."""
        with self._lock:
            if (owner, entry) not in self._graphs:
                self._graphs[owner, entry] = self._compile(self.regions[owner], entry)
            return self._graphs[owner, entry]

    def _compile(self, region: Region, entry: str) -> Graph:
        targets = {
            member: tuple(edge.target for edge in node_edges(self.document, member) if edge.target in region.members)
            for member in region.members
        }
        members = [member for member in region.members if member in _reachable(entry, targets)]
        return compile_region(members, targets, self.plain)

    def compiled(self, key: tuple[str | int, ...], make: Callable[[], T]) -> T:
        """What `make` gives, made once for a place of the document."""
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = make()
        return cast(T, found)


def _reachable(entry: str, targets: Mapping[str, tuple[str | None, ...]]) -> set[str]:
    found, waiting = {entry}, [entry]
    while waiting:
        for target in targets[waiting.pop()]:
            if target is not None and target not in found:
                found.add(target)
                waiting.append(target)
    return found


class Programs:
    """The programs that were used last."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[UUID, Program] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, document_id: UUID) -> Program:
        """The program of a stored document, which never changes. Raises `Document.DoesNotExist`."""
        with self._lock:
            if document_id in self._kept:
                self._kept.move_to_end(document_id)
                return self._kept[document_id]
        canonical = StoredDocument.system.values_list("canonical", flat=True).get(pk=document_id)
        program = Program(canonical)
        with self._lock:
            self._kept[document_id] = program
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return program


programs: Final = Programs()
"""Those of this process."""
