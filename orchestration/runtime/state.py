"""From records to state: fold what a region has done, then enter it at its next node (runtime 5). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestration.runtime import paths
from orchestration.runtime.outcomes import Json


@dataclass(slots=True)
class VisitRecord:
    """One row of a visit. `outcome` is done, goto, retry, recover, fail, end, or empty while the visit is open."""

    path: str
    region: str
    pos: int
    node_id: str
    started_at: datetime
    state: str = "open"
    outcome: str = ""
    changes: dict[str, Json] = field(default_factory=dict)
    next_node: str = ""
    error: dict[str, Json] | None = None
    data: dict[str, Json] | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The record of a step: its state and last attempt; its result (which may be null), or how it failed.

    A failed step without error was reopened: it is tried again as if it were new.
    """

    state: str
    attempt: int
    retries: int = 0
    result: Json = None
    error: dict[str, Json] | None = None
    agent: str = ""
    irreversible: bool = False


@dataclass(frozen=True, slots=True)
class WaitRecord:
    """A wait of a visit that is open or answered."""

    kind: str
    ref: str
    step_id: str
    state: str
    answer: Json
    until: datetime | None


@dataclass(slots=True)
class Folded:
    """What a region has done so far: the variables it set, how often it entered each node, where it goes on."""

    changes: dict[str, Json] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    retries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pos: int = 0
    last: VisitRecord | None = None
    open: VisitRecord | None = None


def fold(visits: Iterable[VisitRecord]) -> Folded:
    """Merge a region's done visits in order of position."""
    folded = Folded()
    for visit in sorted(visits, key=lambda visit: visit.pos):
        if visit.state != "done":
            folded.open = visit
            continue
        folded.changes.update(visit.changes)
        folded.counts[visit.node_id] += 1
        folded.retries[visit.node_id] += visit.outcome == "retry"
        folded.pos = visit.pos
        folded.last = visit
    return folded


@dataclass(slots=True)
class Records:
    """What is stored of a run, by the place it belongs to."""

    regions: Mapping[str, list[VisitRecord]] = field(default_factory=dict)
    steps: dict[str, dict[str, StepResult]] = field(default_factory=dict)
    waits: Mapping[str, list[WaitRecord]] = field(default_factory=dict)
    visits: int = 0

    def region(self, path: str) -> list[VisitRecord]:
        """The visits of a region."""
        return list(self.regions.get(path, ()))

    def step(self, path: str, step_id: str) -> StepResult | None:
        """The record of a step, or none when it never began."""
        return self.steps.get(path, {}).get(step_id)

    def note(self, path: str, step_id: str, result: StepResult) -> None:
        """Remember a step that failed in this drive: it may be tried again in it."""
        self.steps.setdefault(path, {})[step_id] = result

    def renew(self, place: str, read: "Records") -> None:
        """Take what was read anew of a region, and all below it; the rest stays."""
        for name in ("regions", "steps", "waits"):
            kept = {path: rows for path, rows in getattr(self, name).items() if not paths.holds(place, path)}
            found = {path: rows for path, rows in getattr(read, name).items() if paths.holds(place, path)}
            setattr(self, name, kept | found)

    def wait(self, path: str, kind: str, step_id: str = "", ref: str | None = None) -> WaitRecord | None:
        """The visit's newest wait of a kind, for a step of it or a reference."""
        found = [
            wait
            for wait in self.waits.get(path, ())
            if wait.kind == kind and wait.step_id == step_id and (ref is None or wait.ref == ref)
        ]
        return found[-1] if found else None

    def waits_for(self, path: str, kind: str) -> bool:
        """Whether the visit has an open wait of a kind."""
        return any(wait.kind == kind and wait.state == "open" for wait in self.waits.get(path, ()))


def by(rows: Iterable[Any], key: str) -> dict[str, list[Any]]:
    """Rows in lists by one of their attributes, order kept."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return dict(found)
