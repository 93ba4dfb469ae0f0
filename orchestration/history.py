"""The history of a run, derived from its visits: one checkpoint for each, and the variables as they were then.

A checkpoint belongs to the thread of its region (`<run>:<region>`); its id sorts by its position there.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from orchestration.visit_rows import VisitRow, owner_of
from procedures.ckp.actions import ACTIONS
from procedures.ckp.document import Document, LoopNode, SequenceNode, Step

LAST_PART: Final = re.compile(r"\[(\d+)\]$")
CRITICAL_TYPES: Final = frozenset({"human_approval", "terminate"})


class Recorded(VisitRow, Protocol):
    """A visit with the variables it set."""

    @property
    def changes(self) -> Mapping[str, Any]: ...


ByRegion = Mapping[str, Sequence[Recorded]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state after one visit. `parent_id` is that of the visit before it in the same region."""

    id: str
    thread_id: str
    parent_id: str | None
    visit: Recorded


def thread_id(run_id: UUID, region: str) -> str:
    """The thread of a region."""
    return f"{run_id}:{region}"


def checkpoint_id(run_id: UUID, region: str, pos: int) -> str:
    """The id of the checkpoint after the visit at a position: a UUID that sorts by it."""
    noise = int.from_bytes(hashlib.sha256(thread_id(run_id, region).encode()).digest()[:8], "big")
    return str(UUID(int=pos << 80 | 0x8 << 76 | (noise >> 52 & 0xFFF) << 64 | 0b10 << 62 | noise & (2**62 - 1)))


def checkpoints(
    run_id: UUID, document: Document, visits: Sequence[Recorded], parked: Iterable[str] = ()
) -> list[Checkpoint]:
    """The checkpoints that the document's strategy shows, in order of time; `parked` are paths that once waited."""
    strategy = document.global_config.checkpoint_strategy
    if strategy == "none":
        return []
    waited = set(parked)
    latest: dict[str, str] = {}
    found = []
    done = [(visit.ended_at, visit.pos, visit) for visit in visits if visit.ended_at is not None]
    for _, _, visit in sorted(done, key=lambda entry: entry[:2]):
        own = checkpoint_id(run_id, visit.region, visit.pos)
        if strategy == "every_node" or _critical(document, visit, waited):
            found.append(Checkpoint(own, thread_id(run_id, visit.region), latest.get(visit.region), visit))
        latest[visit.region] = own
    return found


def variables_at(
    document: Document, inputs: Mapping[str, Any], visits: Sequence[Recorded], visit: Recorded
) -> dict[str, Any]:
    """The variables after a visit of a main region, an iteration or a branch."""
    return variables_before(document, inputs, by_region_of(visits), visit) | dict(visit.changes)


def by_region_of(visits: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """The visits of each region in order of position."""
    found: dict[str, list[Recorded]] = defaultdict(list)
    for visit in sorted(visits, key=lambda visit: visit.pos):
        found[visit.region].append(visit)
    return found


def variables_before(
    document: Document, inputs: Mapping[str, Any], by_region: ByRegion, visit: Recorded
) -> dict[str, Any]:
    """The variables at the entry of a visit."""
    found = _at_entry(document, inputs, by_region, visit.region)
    for earlier in by_region[visit.region]:
        if earlier.pos < visit.pos:
            found |= earlier.changes
    return found


def walk(
    document: Document, inputs: Mapping[str, Any], visits: Iterable[Recorded]
) -> Iterator[tuple[Recorded, Mapping[str, Any]]]:
    """The visits in the order in which they ended, open ones last, each with the variables at its entry.

    The variables hold until the next visit is asked for; then what this one set is among them.
    """
    fold = _Fold(document, inputs, {visit.path: visit for visit in visits})
    for visit in sorted(fold.visits.values(), key=_by_end):
        variables = fold.of(visit.region)
        yield visit, variables
        changes = visit.changes or {}
        variables.update(changes)
        if LAST_PART.search(visit.region):
            fold.carried[owner_of(visit.region)].update(changes)


class _Fold:
    """The variables of each region while visits are walked through; `carried` is what iterations hand to the next."""

    def __init__(self, document: Document, inputs: Mapping[str, Any], visits: Mapping[str, Recorded]) -> None:
        self.visits = visits
        self.carried: dict[str, dict[str, Any]] = defaultdict(dict)
        self._document = document
        self._regions: dict[str, dict[str, Any]] = {"": dict(inputs)}

    def of(self, region: str) -> dict[str, Any]:
        """The variables of a region; those around it at its entry when it is met first."""
        if region not in self._regions:
            owner = owner_of(region)
            found = dict(self.of(owner.rpartition("/")[0]))
            number = LAST_PART.search(region)
            if number and owner in self.visits:
                found |= self.carried[owner] | _bound(self._document, self.visits[owner], int(number[1]))
            self._regions[region] = found
        return self._regions[region]


def _by_end(visit: Recorded) -> tuple[bool, float, int, int]:
    """Inner visits come before the one that they belong to."""
    ended = visit.ended_at
    return ended is None, ended.timestamp() if ended else 0.0, -len(visit.region), visit.pos


def _at_entry(document: Document, inputs: Mapping[str, Any], by_region: ByRegion, region: str) -> dict[str, Any]:
    if not region:
        return dict(inputs)
    owner = _visit_at(by_region, owner_of(region))
    found = variables_before(document, inputs, by_region, owner)
    if match := LAST_PART.search(region):
        number = int(match[1])
        for index in range(number):
            for one in by_region.get(f"{owner.path}[{index}]", ()):
                found |= one.changes
        found |= _bound(document, owner, number)
    return found


def _visit_at(by_region: ByRegion, path: str) -> Recorded:
    region = path.rpartition("/")[0]
    return next(one for one in by_region[region] if one.path == path)


def _bound(document: Document, owner: Recorded, number: int) -> dict[str, Any]:
    """The names that only the iteration sees."""
    node = document.nodes.get(owner.node_id)
    if not isinstance(node, LoopNode):
        return {}
    found: dict[str, Any] = {node.index_variable: number} if node.index_variable else {}
    items = (owner.data or {}).get("items")
    if node.iterator_variable and isinstance(items, list) and number < len(items):
        found[node.iterator_variable] = items[number]
    return found


def _critical(document: Document, visit: Recorded, waited: set[str]) -> bool:
    node = document.nodes.get(visit.node_id)
    if node is None or visit.path in waited or node.is_checkpoint or node.type in CRITICAL_TYPES:
        return True
    return isinstance(node, SequenceNode) and any(_leaves_the_house(step) for step in node.steps)


def _leaves_the_house(step: Step) -> bool:
    return step.binding == "agent" or step.action not in ACTIONS or step.action == "notify"
