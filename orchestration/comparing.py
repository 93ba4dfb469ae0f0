"""What two runs did differently: their way, their values, steps, times and cost, side by side. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from orchestration.changes import ABSENT, same
from orchestration.visit_rows import VisitRow

Thing = TypeVar("Thing")


class StepRow(Protocol):
    """One recorded step."""

    @property
    def path(self) -> str: ...
    @property
    def step_id(self) -> str: ...
    @property
    def node_id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def error(self) -> Any: ...
    @property
    def duration_ms(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Pair(Generic[Thing]):
    """The same place in two runs; null where one of them has none. `same` says whether both did the same there."""

    run: Thing | None
    other: Thing | None
    same: bool

    @property
    def either(self) -> Thing:
        found = self.run if self.run is not None else self.other
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Values:
    """One name in two runs; `ABSENT` where one of them has no such value."""

    name: str
    run: Any
    other: Any
    same: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """How often a node was visited, and for how many seconds in all."""

    visits: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeTime:
    """One node in two runs."""

    node_id: str
    run: Spent
    other: Spent

    @property
    def more(self) -> float:
        """How many seconds longer the run took there than the other."""
        return self.run.seconds - self.other.seconds


def paths(run: Sequence[VisitRow], other: Sequence[VisitRow]) -> list[Pair[VisitRow]]:
    """The visits of two runs by their places, in the order in which they were entered."""
    return _paired(run, other, lambda visit: visit.path, _same_visit)


def steps(run: Sequence[StepRow], other: Sequence[StepRow]) -> list[Pair[StepRow]]:
    """The steps of two runs by their places."""
    return _paired(run, other, lambda step: (step.path, step.step_id), _same_step)


def values(run: Mapping[str, Any], other: Mapping[str, Any]) -> list[Values]:
    """Every name with its two values."""
    found = []
    for name in dict.fromkeys([*run, *other]):
        one, two = run.get(name, ABSENT), other.get(name, ABSENT)
        found.append(Values(name, one, two, same(one, two)))
    return found


def node_times(
    run: Iterable[VisitRow], other: Iterable[VisitRow], run_end: datetime, other_end: datetime
) -> list[NodeTime]:
    """What both spent at each node, in the order in which nodes were met; open visits count until the given ends."""
    here, there = _spent(run, run_end), _spent(other, other_end)
    return [
        NodeTime(node_id, here.get(node_id, Spent()), there.get(node_id, Spent()))
        for node_id in dict.fromkeys([*here, *there])
    ]


def first_difference(pairs: Sequence[Pair[VisitRow]]) -> str:
    """The path where two runs part; inside a loop or branch, where its owner only says so. Empty when they never do."""
    different = [pair.either.path for pair in pairs if not pair.same]
    found = ""
    while inside := [path for path in different if not found or path.startswith((f"{found}[", f"{found}:"))]:
        found = inside[0]
    return found


def _paired(
    run: Sequence[Thing],
    other: Sequence[Thing],
    place: Callable[[Thing], Hashable],
    alike: Callable[[Thing, Thing], bool],
) -> list[Pair[Thing]]:
    """By place, in the order of the first; what only the second has stands behind the last place they share."""
    here, there = ({place(thing): thing for thing in things} for things in (run, other))
    extra: dict[Hashable | None, list[Thing]] = defaultdict(list)
    last: Hashable | None = None
    for key, thing in there.items():
        if key in here:
            last = key
        else:
            extra[last].append(thing)
    found: list[Pair[Thing]] = [Pair(None, thing, False) for thing in extra[None]]
    for key, thing in here.items():
        counterpart = there.get(key)
        found.append(Pair(thing, counterpart, counterpart is not None and alike(thing, counterpart)))
        found += [Pair(None, one, False) for one in extra[key]]
    return found


def _same_visit(one: VisitRow, other: VisitRow) -> bool:
    return _facts(one) == _facts(other)


def _facts(visit: VisitRow) -> tuple[str, ...]:
    return visit.node_id, visit.state, visit.outcome, visit.next_node, _class(visit.error)


def _same_step(one: StepRow, other: StepRow) -> bool:
    facts = ((step.action, step.state, step.attempt, _class(step.error)) for step in (one, other))
    return len(set(facts)) == 1


def _class(error: Any) -> str:
    return str(error.get("class") or "") if isinstance(error, Mapping) else ""


def _spent(visits: Iterable[VisitRow], end: datetime) -> dict[str, Spent]:
    found: dict[str, Spent] = {}
    for visit in visits:
        before = found.get(visit.node_id, Spent())
        seconds = max(0.0, ((visit.ended_at or end) - visit.started_at).total_seconds())
        found[visit.node_id] = Spent(before.visits + 1, before.seconds + seconds)
    return found
