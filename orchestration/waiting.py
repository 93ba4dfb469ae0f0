"""What a run waits for, in one entry with a sentence: an approval first, else the earliest end, else the oldest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langorch.lib import clock
from orchestration import waiting_facts
from orchestration.choices import OPEN, PARKED, RunStatus, WaitKind, WaitState
from orchestration.models import Run, RunJob, Wait
from orchestration.waiting_facts import Limits
from orchestration.waiting_words import Known, sentence

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one run shows: the entry (null for a run that waits for nothing), and its open waits, the oldest first."""

    entry: dict[str, Any] | None = None
    waits: Sequence[Wait] = ()

    @property
    def count(self) -> int:
        return len(self.waits)

    @property
    def held(self) -> bool:
        return any(wait.kind == WaitKind.OPERATOR for wait in self.waits)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _path(run: Run, path: str) -> str:
    return path


@dataclass(frozen=True, slots=True)
class Manner:
    """How a sentence names the place where a run waits, and moments: by path and in UTC unless told otherwise."""

    place: Callable[[Run, str], str] = _path
    moment: Callable[[datetime], str] = _moment


PLAIN = Manner()


@dataclass(slots=True)
class _Known:
    """What several runs wait for, read at a constant number of queries."""

    manner: Manner
    waits: Mapping[UUID, Sequence[Wait]]
    jobs: Mapping[UUID, RunJob]
    limits: Limits
    names: Mapping[str, str] = field(default_factory=dict)


def waiting_for_each(
    runs: Iterable[Run], manner: Manner = PLAIN, line: Mapping[UUID, int] | None = None
) -> dict[UUID, Waiting]:
    """What each of `runs` waits for, with its place in `line` if it is known; the rest is left to `waiting_for_one`."""
    listed = list(runs)
    known = _read(listed, manner)
    return {run.pk: _waiting(run, known, place=(line or {}).get(run.pk, 0)) for run in listed}


def waiting_for_one(run: Run, manner: Manner = PLAIN) -> Waiting:
    """What `run` waits for: how full it is, and its place in line."""
    return _waiting(run, _read([run], manner), counted=True)


def open_waits(run: Run, manner: Manner = PLAIN) -> list[tuple[Wait, str]]:
    """Everything that a run waits for, each with its sentence."""
    known = _read([run], manner)
    return [(wait, _said(run, wait, known, counted=True)) for wait in known.waits.get(run.pk, ())]


def _read(runs: Sequence[Run], manner: Manner) -> _Known:
    queued = [run for run in runs if run.status == RunStatus.CREATED]
    opened = [run.pk for run in runs if run.status in OPEN]
    waits: dict[UUID, list[Wait]] = defaultdict(list)
    if opened:
        for wait in Wait.objects.filter(run_id__in=opened, state=WaitState.OPEN).order_by("id"):
            waits[wait.run_id].append(wait)
    jobs, limits = waiting_facts.queued_jobs(queued)
    names = waiting_facts.names(wait for found in waits.values() for wait in found)
    return _Known(manner, waits, jobs, limits, names)


def _waiting(run: Run, known: _Known, *, counted: bool = False, place: int = 0) -> Waiting:
    waits = known.waits.get(run.pk, ())
    if run.status == RunStatus.CREATED:
        job = known.jobs.get(run.pk)
        entry = _queued(run, job, known, counted, place) if job else None
    else:
        entry = _parked(run, waits, known, counted) if run.status in PARKED and waits else None
    return Waiting(entry, waits)


def _queued(run: Run, job: RunJob, known: _Known, counted: bool, place: int) -> dict[str, Any]:
    until = job.available_at if job.available_at > clock.now() else None
    if until:
        found = Known(WaitKind.CAPACITY, "worker", until=known.manner.moment(until))
    else:
        found = replace(waiting_facts.of_queued(job, known.limits), line=place)
    if counted and not until:
        job.run = run
        found = waiting_facts.in_line(job, found)
    return _entry(found, job.ready_since, until, sentence(found))


def _parked(run: Run, waits: Sequence[Wait], known: _Known, counted: bool) -> dict[str, Any]:
    shown = min(waits, key=lambda wait: (wait.kind != WaitKind.APPROVAL, wait.until or NEVER, wait.since))
    said = _said(run, shown, known, counted)
    hold = next((wait for wait in waits if wait.kind == WaitKind.OPERATOR), None)
    if hold is not None and hold is not shown:
        said = f"{_said(run, hold, known, counted)}; then {said[:1].lower()}{said[1:]}"
    return _entry(shown, shown.since, shown.until, said)


def _said(run: Run, wait: Wait, known: _Known, counted: bool) -> str:
    found = Known(
        wait.kind,
        wait.ref,
        known.manner.place(run, wait.path),
        known.manner.moment(wait.until) if wait.until else "",
        known.names.get(wait.ref, ""),
    )
    return sentence(waiting_facts.counted(run, wait, found) if counted else found)


def _entry(of: Wait | Known, since: datetime, until: datetime | None, said: str) -> dict[str, Any]:
    return {"kind": str(of.kind), "ref": of.ref, "since": since, "until": until, "sentence": said}
