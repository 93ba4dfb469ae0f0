"""The time of a run as rows of bars: nodes, iterations, branches, steps and tries on one axis, long waits folded."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Protocol

from orchestration import event_words
from orchestration.attempts import Attempt, Place, attempts, handling_words
from orchestration.choices import OPEN, StepState, VisitState, WaitKind
from orchestration.time_axis import Axis, Fold, Tick, axis, idle_periods
from orchestration.visit_rows import EventRow, VisitRow, WaitRow, failed, owner_of, visit_of

MOST_ROWS = 200
NARROWEST = 0.7
LABEL_LENGTH = 60
REGION_NAME = re.compile(r"(?:\[(?P<iteration>\d+)\]|:(?P<branch>[^/]*))$")
TONES: Mapping[str, str] = {StepState.COMPLETED: "ok", StepState.FAILED: "bad"}
DELAY, EXPECTED = "try", "next"


class StepRow(Protocol):
    """One step of a visit, as recorded; `duration_ms` is null while it is under way."""

    @property
    def path(self) -> str: ...
    @property
    def step_id(self) -> str: ...
    @property
    def node_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def duration_ms(self) -> float | None: ...


class RunRow(Protocol):
    """The run whose time it is."""

    @property
    def status(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time. `tone` is ok, bad, warn, live, idle, try or next; `x` and `width` are per cent of the axis."""

    tone: str
    x: float
    width: float
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the timeline. `kind` is visit, iteration, branch, step or try; `depth` counts owners above it."""

    key: str
    kind: str
    label: str
    depth: int
    tone: str
    node_id: str
    path: str
    bars: tuple[Bar, ...]
    step_id: str = ""
    attempt: int | None = None

    @property
    def seconds(self) -> float:
        """From the first to the last moment at work; the delay before a try and what is expected do not count."""
        worked = [bar for bar in self.bars if bar.tone not in (DELAY, EXPECTED)]
        return (max(bar.end for bar in worked) - worked[0].start).total_seconds()

    @property
    def delay(self) -> float | None:
        """How long a try waited for its turn after the one before it failed."""
        return next(((bar.end - bar.start).total_seconds() for bar in self.bars if bar.tone == DELAY), None)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows `first` to `first + len(rows)` of `total`, on one axis; `mark` is where now (or the end) stands.

    `faults` counts the rows that went wrong, whether they are shown or not.
    """

    rows: tuple[Row, ...]
    first: int
    total: int
    faults: int
    ticks: tuple[Tick, ...]
    folds: tuple[Fold, ...]
    mark: float

    @property
    def fine(self) -> bool:
        """Whether the ticks stand so close that their seconds matter."""
        return any((later.at - tick.at).total_seconds() < 60 for tick, later in pairwise(self.ticks))


@dataclass(frozen=True, slots=True)
class Records:
    """What a timeline is drawn from. Events may be narrowed to those of runs, loops and steps that failed.

    Steps may be left out; tries that failed are told by the events.
    """

    visits: Sequence[VisitRow]
    steps: Sequence[StepRow]
    events: Sequence[EventRow]
    open_waits: Sequence[WaitRow] = ()


def timeline(
    run: RunRow,
    records: Records,
    now: datetime,
    *,
    labels: Mapping[str, str] | None = None,
    expanded: Collection[str] = (),
    only_errors: bool = False,
    before: int | None = None,
    to_scale: bool = False,
    expected: datetime | None = None,
) -> Timeline:
    """At most 200 rows: the last ones, or the last before row number `before`.

    `labels` names nodes by id; the steps of the nodes in `expanded` get rows of their own, tries that failed always do.
    `to_scale` folds nothing; with `expected` the axis goes on until then, and open nodes of the main region with it.
    """
    end = run.ended_at or now
    idle = [] if to_scale else idle_periods(records.events, run.created_at, end)
    scale = axis(run.created_at, max(end, expected or end), idle)
    drafts = list(_Drawer(run, records, scale, end, labels or {}, expanded, expected).drafts())
    faults = [draft for draft in drafts if draft.tone == "bad"]
    if only_errors:
        drafts = faults
    stop = len(drafts) if before is None else max(0, min(before, len(drafts)))
    first = max(0, stop - MOST_ROWS)
    rows = tuple(draft.drawn() for draft in drafts[first:stop])
    return Timeline(rows, first, len(drafts), len(faults), scale.ticks(), scale.folds, scale.x(end))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A row before it is drawn; of thousands only a page is."""

    tone: str
    drawn: Callable[[], Row]


class _Drawer:
    def __init__(
        self,
        run: RunRow,
        records: Records,
        scale: Axis,
        end: datetime,
        labels: Mapping[str, str],
        expanded: Collection[str],
        expected: datetime | None,
    ) -> None:
        self._live = run.status in OPEN
        self._expected = expected if expected and expected > end else None
        self._scale = scale
        self._end = end
        self._labels = labels
        self._expanded = expanded
        self._waiting = {wait.path: wait.kind for wait in records.open_waits}
        self._items = _loop_items(records.events)
        self._tries = attempts(records.events)
        self._steps: dict[str, dict[Place, StepRow | None]] = defaultdict(dict)
        self._visits: dict[str, list[VisitRow]] = defaultdict(list)
        self._regions: dict[str, list[str]] = defaultdict(list)
        for step in records.steps:
            self._steps[visit_of(step.path)][step.path, step.step_id] = step
        for place in self._tries:
            self._steps[visit_of(place[0])].setdefault(place, None)
        for visit in sorted(records.visits, key=lambda visit: visit.started_at):
            if visit.region and visit.region not in self._visits:
                self._regions[owner_of(visit.region)].append(visit.region)
            self._visits[visit.region].append(visit)

    def drafts(self) -> Iterator[_Draft]:
        for visit in self._visits[""]:
            tone = self._tone(visit)
            yield _Draft(tone, partial(self._visit_row, visit, tone))
            yield from self._below(visit, 1)

    def _below(self, visit: VisitRow, depth: int) -> Iterator[_Draft]:
        for place, step in self._steps[visit.path].items():
            yield from self._of_step(visit, place, step, depth)
        for region in self._regions[visit.path]:
            visits = self._visits[region]
            tones = [self._tone(inner) for inner in visits]
            yield _Draft(_worst(tones), partial(self._region_row, visit, region, tones, depth))
            for inner in visits:
                yield from self._below(inner, depth + 1)

    def _of_step(self, visit: VisitRow, place: Place, step: StepRow | None, depth: int) -> Iterator[_Draft]:
        tries = self._tries.get(place, [])
        if step is not None and visit.node_id in self._expanded:
            tone = TONES.get(step.state, self._open_tone())
            yield _Draft(tone, partial(self._step_row, visit, step, tone, depth))
        if any(attempt.state == StepState.FAILED for attempt in tries):
            for earlier, attempt in zip([None, *tries], tries, strict=False):
                tone = TONES.get(attempt.state, self._open_tone())
                before = earlier.ended if earlier else None
                yield _Draft(tone, partial(self._try_row, visit, place, attempt, tone, before, depth + 1))

    def _visit_row(self, visit: VisitRow, tone: str) -> Row:
        bars = [self._bar(tone, visit.started_at, visit.ended_at)]
        if self._expected and visit.ended_at is None:
            bars.append(self._bar(EXPECTED, self._end, self._expected))
        label = self._labels.get(visit.node_id, visit.node_id)
        return Row(visit.path, "visit", label, 0, tone, visit.node_id, visit.path, tuple(bars))

    def _region_row(self, owner: VisitRow, region: str, tones: Sequence[str], depth: int) -> Row:
        visits = zip(tones, self._visits[region], strict=True)
        bars = tuple(self._bar(tone, visit.started_at, visit.ended_at) for tone, visit in visits)
        kind, label = self._region_name(owner, region)
        return Row(region, kind, label, depth, _worst(tones), owner.node_id, region, bars)

    def _region_name(self, owner: VisitRow, region: str) -> tuple[str, str]:
        name = REGION_NAME.search(region)
        if name is None or name["iteration"] is None:
            return "branch", name["branch"] if name else region
        number = int(name["iteration"])
        item = event_words.item_name(self._items.get((owner.path, number)))[:LABEL_LENGTH]
        return "iteration", f"{number + 1} · {item}" if item else str(number + 1)

    def _step_row(self, visit: VisitRow, step: StepRow, tone: str, depth: int) -> Row:
        ended = None if step.duration_ms is None else step.started_at + timedelta(milliseconds=step.duration_ms)
        if ended is None and step.state == StepState.FAILED:
            ended = step.started_at
        bars = (self._bar(tone, step.started_at, ended),)
        key = f"{step.path}/{step.step_id}"
        label = ", ".join(part for part in (step.step_id, handling_words(step.path)) if part)
        return Row(key, "step", label, depth, tone, visit.node_id, visit.path, bars, step.step_id)

    def _try_row(
        self, visit: VisitRow, place: Place, attempt: Attempt, tone: str, before: datetime | None, depth: int
    ) -> Row:
        start = attempt.start or before or visit.started_at
        bars = [self._bar(tone, start, attempt.ended)]
        if before is not None and start > before:
            bars.insert(0, self._bar(DELAY, before, start))
        path, step_id = place
        parts = (handling_words(path), f"try {attempt.number}", attempt.error_class[:LABEL_LENGTH])
        label = ", ".join(part for part in parts if part)
        key = f"{path}/{step_id}#{attempt.number}"
        return Row(key, "try", label, depth, tone, visit.node_id, visit.path, tuple(bars), step_id, attempt.number)

    def _bar(self, tone: str, start: datetime, ended: datetime | None) -> Bar:
        end = max(start, ended or self._end)
        x = min(self._scale.x(start), 100 - NARROWEST)
        return Bar(tone, round(x, 2), round(max(self._scale.x(end) - x, NARROWEST), 2), start, end)

    def _tone(self, visit: VisitRow) -> str:
        if visit.state == VisitState.DONE:
            return "bad" if failed(visit) else "ok"
        if self._live and self._waiting.get(visit.path) == WaitKind.APPROVAL:
            return "warn"
        return self._open_tone()

    def _open_tone(self) -> str:
        return "live" if self._live else "idle"


def _worst(tones: Sequence[str]) -> str:
    return next(tone for tone in ("bad", "warn", "live", "idle", "ok") if tone in tones)


def _loop_items(events: Sequence[EventRow]) -> dict[tuple[str, int], str | None]:
    """Items of iterations as JSON, by the path of their loop and their number from 0."""
    return {
        (event.path, int(event.payload["iteration"])): event.payload.get("item")
        for event in events
        if event.event_type == "loop_iteration"
    }
