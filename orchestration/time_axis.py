"""An axis of time from 0 to 100 per cent, on which long stretches without work are folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol

FOLD_WIDTH = 9.0
FOLDS_AT_MOST = 4
FOLD_SECONDS = 60.0
FOLD_SHARE = 0.25
TICKS = 5
TICK_ROOM = 15.0
LONG_TICK_ROOM = 22.0
SHORTEST = timedelta(milliseconds=1)
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400)

DRIVEN = frozenset({"execution_started", "execution_resumed"})
GIVEN_BACK = frozenset({"run_created", "run_parked", "run_resumed", "worker_lease_expired", "lease_handed_back"})

Period = tuple[datetime, datetime]


class Happening(Protocol):
    """What an event tells about who had the run."""

    @property
    def event_type(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment written under the axis, at `x` per cent."""

    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Fold:
    """A stretch in which no worker had the run, drawn narrower than it was."""

    x: float
    width: float
    start: datetime
    end: datetime

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time and where it lies on the axis."""

    start: datetime
    end: datetime
    x: float
    width: float
    folded: bool


class Axis:
    """Where moments lie, in per cent from 0 to 100."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments

    def x(self, moment: datetime) -> float:
        """The place of a moment; what lies outside is put at the nearest end."""
        for segment in self._segments:
            if moment <= segment.end:
                passed = max(moment - segment.start, timedelta())
                return round(segment.x + segment.width * (passed / (segment.end - segment.start)), 3)
        return 100.0

    @property
    def folds(self) -> tuple[Fold, ...]:
        return tuple(
            Fold(segment.x, segment.width, segment.start, segment.end) for segment in self._segments if segment.folded
        )

    def ticks(self) -> tuple[Tick, ...]:
        """Round moments of the stretches drawn to scale, and the beginning; none so close that words meet."""
        drawn = [segment for segment in self._segments if not segment.folded]
        seconds = sum((segment.end - segment.start).total_seconds() for segment in drawn)
        step = next(
            (step for step in STEPS if seconds / step <= TICKS), STEPS[-1] * (int(seconds / STEPS[-1] / TICKS) + 1)
        )
        ticks = [Tick(0.0, self._segments[0].start)]
        taken = [segment.middle for segment in self.folds]
        for segment in drawn:
            for moment in _round_moments(segment, step):
                x = self.x(moment)
                room = LONG_TICK_ROOM if len(ticks) == 1 and step < 60 else TICK_ROOM
                if x - ticks[-1].x >= room and x <= 100 - TICK_ROOM / 2 and _clear(x, taken):
                    ticks.append(Tick(x, moment))
        return tuple(ticks)


def idle_periods(events: Sequence[Happening], start: datetime, end: datetime) -> list[Period]:
    """When no worker had the run, between `start` and `end`, told from its events in order."""
    periods = []
    since: datetime | None = start
    for event in events:
        if event.event_type in DRIVEN and since is not None:
            periods.append((since, event.created_at))
            since = None
        elif event.event_type in GIVEN_BACK and since is None:
            since = event.created_at
    if since is not None:
        periods.append((since, end))
    return [(begin, stop) for begin, stop in periods if stop > begin]


def axis(start: datetime, end: datetime, idle: Sequence[Period]) -> Axis:
    """The axis from `start` to `end`; the longest idle periods are folded where they would dwarf the work."""
    end = max(end, start + SHORTEST)
    inside = [(max(begin, start), min(stop, end)) for begin, stop in idle if begin < end and stop > start]
    folds = _worth_folding(inside, (end - start).total_seconds())
    cuts = sorted({start, end, *(moment for period in folds for moment in period)})
    pieces = [(begin, stop, (begin, stop) in folds) for begin, stop in pairwise(cuts)]
    width = 100 - FOLD_WIDTH * len(folds)
    seconds = sum((stop - begin).total_seconds() for begin, stop, folded in pieces if not folded)
    segments: list[Segment] = []
    x = 0.0
    for begin, stop, folded in pieces:
        share = FOLD_WIDTH if folded else width * (stop - begin).total_seconds() / seconds
        segments.append(Segment(begin, stop, round(x, 3), share, folded))
        x += share
    return Axis(segments)


def _worth_folding(idle: Sequence[Period], total: float) -> set[Period]:
    longest = sorted(idle, key=lambda period: period[1] - period[0], reverse=True)[:FOLDS_AT_MOST]
    folds: set[Period] = set()
    left = total
    for begin, stop in longest:
        seconds = (stop - begin).total_seconds()
        if seconds < FOLD_SECONDS or seconds >= left or seconds < FOLD_SHARE * (left - seconds):
            break
        folds.add((begin, stop))
        left -= seconds
    return folds


def _round_step(seconds: float) -> int:
    days = STEPS[-1] * (int(seconds / STEPS[-1] / TICKS) + 1)
    return next((step for step in STEPS if seconds / step <= TICKS), days)


def _round_moments(segment: Segment, step: int) -> list[datetime]:
    first = (int(segment.start.timestamp()) // step + 1) * step
    last = int(segment.end.timestamp())
    return [datetime.fromtimestamp(second, UTC) for second in range(first, last + 1, step)]


def _clear(x: float, taken: Sequence[float]) -> bool:
    return all(abs(x - other) >= TICK_ROOM for other in taken)
