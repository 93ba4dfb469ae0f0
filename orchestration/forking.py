"""What a fork keeps of a run: the visits before a boundary, as they are recorded. Pure.

The boundary lies before one visit. Before it lie the earlier visits of its region, earlier iterations of the loops
around it, what had ended by then in the branches beside it, and everything inside of those.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestration.choices import VisitState
from orchestration.history import ByRegion, Recorded, by_region_of
from orchestration.visit_rows import owner_of

ITERATION: Final = re.compile(r"\[(\d+)\]$")


@dataclass(frozen=True, slots=True)
class Kept:
    """`done` are copied as they are; `opened` (the owners around the boundary) are entered again, with their facts."""

    done: tuple[Recorded, ...]
    opened: tuple[Recorded, ...]


INSIDE: Final = "inside"
BESIDE: Final = "beside"


def before(visits: Sequence[Recorded], target: Recorded) -> Kept:
    """What lies before the boundary at `target`."""
    regions = by_region_of(visits)
    chain = _chain(regions, target)
    place = _Place(regions, {visit.region: visit for visit in chain}, {visit.path for visit in chain[:-1]}, target)
    done = [visit for visit in visits if visit.path not in place.owners and place.keeps(visit)]
    around = place.owners | _owners_of(regions, done)
    kept = {visit.path for visit in done}
    return Kept(tuple(done), tuple(visit for visit in visits if visit.path in around - kept))


@dataclass(frozen=True, slots=True)
class _Place:
    """A boundary: in each region around it the visit where it lies, and the paths of the owners around it."""

    regions: ByRegion
    limits: Mapping[str, Recorded]
    owners: set[str]
    target: Recorded

    def keeps(self, visit: Recorded) -> bool:
        """Whether a visit was done before the boundary."""
        if visit.state != VisitState.DONE:
            return False
        side = self._side(visit)
        return side == INSIDE or (
            side == BESIDE and visit.ended_at is not None and visit.ended_at <= self.target.started_at
        )

    def _side(self, visit: Recorded) -> str:
        """Whether a visit lies before the boundary, or in a branch beside it; empty for what comes after."""
        here, region = visit, visit.region
        while region not in self.limits:
            owner = owner_of(region)
            if owner in self.owners:
                return self._beside(region, owner)
            here = _visit_at(self.regions, owner)
            region = here.region
        return INSIDE if here.pos < self.limits[region].pos else ""

    def _beside(self, region: str, owner: str) -> str:
        """A region of an owner around the boundary that does not hold it: an earlier or later iteration, a branch."""
        number = ITERATION.search(region)
        if number is None:
            return BESIDE
        own = ITERATION.match(self.target.region[len(owner) :].partition("/")[0])
        return INSIDE if own and int(number[1]) < int(own[1]) else ""


def owners(visits: Sequence[Recorded], target: Recorded) -> list[Recorded]:
    """The visits of the loops and parallels around a visit, the outermost first."""
    return _chain(by_region_of(visits), target)[:-1]


def _chain(regions: ByRegion, target: Recorded) -> list[Recorded]:
    """The visits around the boundary, from the main region down to the target itself."""
    chain = [target]
    while chain[0].region:
        chain.insert(0, _visit_at(regions, owner_of(chain[0].region)))
    return chain


def _owners_of(regions: ByRegion, visits: Iterable[Recorded]) -> set[str]:
    """The paths of all owners around any of the visits."""
    found: set[str] = set()
    for visit in visits:
        region = visit.region
        while region and owner_of(region) not in found:
            found.add(owner_of(region))
            region = _visit_at(regions, owner_of(region)).region
    return found


def _visit_at(regions: ByRegion, path: str) -> Recorded:
    return next(visit for visit in regions[path.rpartition("/")[0]] if visit.path == path)


def carrier(visits: Sequence[Recorded], target: Recorded) -> Recorded | None:
    """The last visit that the variables at `target` come from; none when they are the inputs."""
    regions = by_region_of(visits)
    while True:
        earlier = [visit for visit in regions[target.region] if visit.pos < target.pos]
        if not earlier and (number := ITERATION.search(target.region)) and int(number[1]):
            earlier = regions.get(f"{owner_of(target.region)}[{int(number[1]) - 1}]", [])
        if earlier:
            return earlier[-1]
        if not target.region:
            return None
        target = _visit_at(regions, owner_of(target.region))


def facts(data: Any, names: frozenset[str]) -> dict[str, Any] | None:
    """Those of the facts of an owner that hold for a new entry."""
    return {name: value for name, value in (data or {}).items() if name in names} or None
