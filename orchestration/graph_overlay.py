"""A run drawn on its procedure: how each node is marked, and which edges the run went along."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.choices import OPEN, VisitState, WaitKind
from orchestration.plain_words import WAITS
from orchestration.visit_rows import VisitRow, WaitRow, failed, owner_of
from procedures.graph.picture import Mark


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the picture of a run needs: marks by node id, and the edges taken as (source, target)."""

    marks: Mapping[str, Mark]
    taken: frozenset[tuple[str, str]]


def overlay(visits: Sequence[VisitRow], open_waits: Iterable[WaitRow], run_status: str) -> Overlay:
    """Mark the visited nodes of a run. Nodes it never entered have no mark; draw them with `idle`."""
    waiting = {wait.path: wait.kind for wait in open_waits}
    by_node: dict[str, list[VisitRow]] = defaultdict(list)
    for visit in visits:
        by_node[visit.node_id].append(visit)
    live = run_status in OPEN
    marks = {node_id: _mark(found, waiting, live) for node_id, found in by_node.items()}
    return Overlay(marks, frozenset(_edges(visits)))


def with_idle(found: Overlay, node_ids: Iterable[str]) -> dict[str, Mark]:
    """The marks of all `node_ids`; what the run never entered is idle."""
    return {node_id: found.marks.get(node_id, Mark("n-idle")) for node_id in node_ids}


def _mark(visits: Sequence[VisitRow], waiting: Mapping[str, str], live: bool) -> Mark:
    opened = [visit for visit in visits if visit.state == VisitState.OPEN]
    times = _times(len(visits))
    if opened and live:
        return _open_mark(opened, waiting, times)
    if opened:
        return Mark("n-idle", "", "stopped here")
    if failed(visits[-1]):
        return Mark("n-bad", "failed", times)
    return Mark("n-ok", "completed", times)


def _open_mark(opened: Sequence[VisitRow], waiting: Mapping[str, str], times: str) -> Mark:
    kinds = {waiting[visit.path] for visit in opened if visit.path in waiting}
    if WaitKind.APPROVAL in kinds:
        return Mark("n-warn", "asking", "needs a person")
    if kinds:
        return Mark("n-live", "waiting", f"waits for {WAITS[min(kinds)]}")
    return Mark("n-live", "started", times)


def _times(number: int) -> str:
    return "" if number == 1 else f"{number} times"


def _edges(visits: Sequence[VisitRow]) -> Iterable[tuple[str, str]]:
    node_at = {visit.path: visit.node_id for visit in visits}
    for visit in visits:
        if visit.next_node:
            yield visit.node_id, visit.next_node
        if visit.pos == 1 and visit.region:
            yield from _entry(visit, node_at)
        elif visit.state == VisitState.DONE and visit.region and not visit.next_node:
            yield from _return(visit, node_at)


def _entry(visit: VisitRow, node_at: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    owner = owner_of(visit.region)
    if owner in node_at:
        yield node_at[owner], visit.node_id


def _return(visit: VisitRow, node_at: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    owner = owner_of(visit.region)
    if owner in node_at and not failed(visit):
        yield visit.node_id, node_at[owner]
