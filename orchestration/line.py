"""The order in which ready runs of one tenant are claimed (runtime 4.1). Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that is ready. `place` is its project, or its tenant; `later` says that its time has not come yet."""

    run_id: UUID
    place: UUID
    priority: int
    available_at: datetime
    later: bool = False


def claim_order(ready: Iterable[Ready], at_work: Mapping[UUID, int]) -> list[Ready]:
    """The order of claims if no run ended meanwhile: priority, the place with the fewest at work, age."""
    places: dict[UUID, list[Ready]] = {}
    for one in sorted(ready, key=_in_place, reverse=True):
        places.setdefault(one.place, []).append(one)
    taken = Counter(at_work)
    found = []
    while places:
        head = min((line[-1] for line in places.values()), key=lambda one: _among_heads(one, taken))
        found.append(places[head.place].pop())
        taken[head.place] += 1
        if not places[head.place]:
            del places[head.place]
    return found


def _in_place(one: Ready) -> tuple[bool, int, datetime, UUID]:
    return one.later, -one.priority, one.available_at, one.run_id


def _among_heads(one: Ready, taken: Mapping[UUID, int]) -> tuple[bool, int, int, datetime, UUID]:
    return one.later, -one.priority, taken[one.place], one.available_at, one.run_id
