"""What is sensitive in a document: variables that say so, and all that is computed from them (CKP 1.2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from procedures.ckp.checks.subject import Subject, node_path
from procedures.ckp.compile import load_document
from procedures.ckp.document import (
    LoopNode,
    Node,
    ParallelNode,
    ProcessingNode,
    SequenceNode,
    Step,
    TerminateNode,
    TransformNode,
    VerificationNode,
)
from procedures.ckp.effects import is_call
from procedures.ckp.programs import bound_names, errors_variable, unit_writes
from procedures.ckp.regions import MAIN
from procedures.ckp.report import Path, Report

Names = frozenset[str]
_OPERATIONS: Final = {ProcessingNode: "operations", TransformNode: "transformations"}
_QUOTED: Final = frozenset({"message", "source"})
"""The parts of a check that its result repeats."""
OPENS: Final = "decrypt"
CLOSES: Final = "encrypt"


@dataclass(frozen=True, slots=True)
class Secrecy:
    """Names of sensitive variables, of the run's outputs that tell their values, and steps whose result does."""

    names: Names
    outputs: Names
    steps: frozenset[tuple[str, str]]

    @property
    def hidden(self) -> Names:
        """The names whose values are masked."""
        return self.names | self.outputs


@dataclass(frozen=True, slots=True)
class _Computation:
    """What is computed inside the house: the names it reads, those it sets, and whether it is sensitive anyway."""

    reads: Names
    writes: Names
    opens: bool = False
    step: tuple[str, str] | None = None


NOTHING_SENSITIVE: Final = Secrecy(frozenset(), frozenset(), frozenset())


def secrecy_of(canonical: Mapping[str, Any]) -> Secrecy:
    """What is sensitive in a stored document."""
    if not has_sources(canonical):
        return NOTHING_SENSITIVE
    tree = dict(canonical)
    return secrecy(Subject(tree, load_document(tree), Report()))


def has_sources(canonical: Mapping[str, Any]) -> bool:
    """Whether a document has anything that sensitive values come from."""
    schema = canonical.get("variables_schema") or {}
    return any(_is_sensitive(meta) for meta in schema.values()) or _opens(canonical.get("workflow_graph"))


def _is_sensitive(meta: Mapping[str, Any]) -> bool:
    return bool(meta.get("sensitive") or meta.get("sensitivity") or meta.get("type") == "password")


def _opens(tree: Any) -> bool:
    if isinstance(tree, dict):
        return tree.get("action") == OPENS or any(_opens(value) for value in tree.values())
    return isinstance(tree, list) and any(_opens(value) for value in tree)


def secrecy(subject: Subject) -> Secrecy:
    """Follow sensitive values through everything that LangOrch computes; answers of agents and models are not."""
    computed = [one for node_id in subject.document.nodes for one in _Reader(subject, node_id).computations()]
    declared = {name for name, meta in subject.document.variables_schema.items() if meta.is_sensitive}
    opened = {name for one in computed if one.opens for name in one.writes}
    names = _spread(declared | opened, computed)
    mapped = [one for node_id, _, _ in subject.nodes_of(TerminateNode) for one in _Reader(subject, node_id).outputs()]
    return Secrecy(
        names,
        frozenset(name for name, reads in mapped if reads & names),
        frozenset(one.step for one in computed if one.step is not None and (one.opens or one.reads & names)),
    )


def _spread(start: Iterable[str], computed: Iterable[_Computation]) -> Names:
    leads: dict[str, set[str]] = defaultdict(set)
    for one in computed:
        for name in one.reads:
            leads[name] |= one.writes
    found = set(start)
    waiting = list(found)
    while waiting:
        fresh = leads[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return frozenset(found)


class _Reader:
    """One node: what is read at each of its places."""

    def __init__(self, subject: Subject, node_id: str) -> None:
        self._subject = subject
        self._node_id = node_id
        self._node: Node = subject.document.nodes[node_id]
        self._units = dict(self._listed())
        self._reads: dict[Path, set[str]] = defaultdict(set)
        for use in subject.uses.nodes[node_id]:
            unit = next((use.path[:end] for end in range(len(use.path), 3, -1) if use.path[:end] in self._units), None)
            self._reads[unit or use.path].update(str(read.path[0]) for read in use.reads)

    def _listed(self) -> Iterator[tuple[Path, Any]]:
        """The steps, operations and transformations of the node by their place."""
        for node, step, path in self._subject.steps:
            if node is self._node:
                yield path, step
        field = _OPERATIONS.get(type(self._node))
        for index, unit in enumerate(getattr(self._node, field) if field else ()):
            yield (*node_path(self._node_id), str(field), index), unit

    def computations(self) -> Iterator[_Computation]:
        """Everything that the node computes."""
        for path, unit in self._units.items():
            if (one := self._of_unit(path, unit)) is not None:
                yield one
        for name in self._node.inputs:
            yield _Computation(self._at("inputs", name), frozenset((name,)))
        yield from self._of_node(self._node)

    def outputs(self) -> Iterator[tuple[str, Names]]:
        """What each output of the run reads that the node maps."""
        for path, reads in self._reads.items():
            if path[3] == "outputs":
                yield str(path[4]), frozenset(reads)

    def _of_unit(self, path: Path, unit: Any) -> _Computation | None:
        is_step = isinstance(unit, Step)
        action = getattr(unit, "action", "")
        if action == CLOSES or (is_step and is_call(unit, self._node)):
            return None
        writes = {name for name, _ in unit_writes(unit)} | self._of_last(unit)
        mark = (self._node_id, unit.step_id) if is_step else None
        return _Computation(frozenset(self._reads[path]), frozenset(writes), action == OPENS, mark)

    def _of_last(self, unit: Any) -> Names:
        """What a sequence takes from the result of its last step."""
        node = self._node
        return frozenset(node.outputs if isinstance(node, SequenceNode) and node.steps[-1:] == [unit] else ())

    def _of_node(self, node: Node) -> Iterator[_Computation]:
        if isinstance(node, VerificationNode):
            quoted = [reads for path, reads in self._reads.items() if path[5:6] and path[5] in _QUOTED]
            yield _Computation(frozenset(chain.from_iterable(quoted)), frozenset((node.output_variable,)))
        elif isinstance(node, ParallelNode):
            yield _Computation(self._written_inside(), frozenset(("parallel_results",)))
        elif isinstance(node, LoopNode):
            yield from self._of_loop(node)

    def _of_loop(self, node: LoopNode) -> Iterator[_Computation]:
        """An item comes from the list; what is collected by default holds the item and what the iteration wrote."""
        items = self._at("iterator")
        bound = frozenset(name for name, (field,) in bound_names(node) if field == "iterator_variable")
        yield _Computation(items, bound | {errors_variable(self._node_id)})
        if node.collect_variable:
            whole = self._at("collect") if node.collect else items | self._written_inside()
            yield _Computation(whole, frozenset((node.collect_variable,)))

    def _at(self, *place: str) -> Names:
        found = (reads for path, reads in self._reads.items() if path[3 : 3 + len(place)] == place)
        return frozenset(chain.from_iterable(found))

    def _written_inside(self) -> Names:
        """The variables that are set in the regions of the node."""
        home = self._subject.region_map.home
        found: set[str] = set()
        for node_id, program in self._subject.programs.items():
            owner = home.get(node_id, MAIN)
            while owner not in (MAIN, self._node_id):
                owner = home.get(owner, MAIN)
            if owner == self._node_id:
                found.update(write.name for write in program.writes())
        return frozenset(found)
