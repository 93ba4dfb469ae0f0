"""What a run waits for, in one entry with a sentence: an approval first, else the earliest end, else the oldest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from approvals.choices import AssignmentKind, Status
from approvals.models import Assignment
from langorch.lib import clock
from orchestration.choices import OPEN, PARKED, JobState, RunStatus, WaitKind, WaitState
from orchestration.models import Run, RunJob, Wait

NEVER = datetime.max.replace(tzinfo=UTC)
PLACES_COUNTED = 1_000
FULL = {
    "worker": "Waiting for a free worker",
    "tenant": "Waiting: the tenant has as many runs at work as it may have",
    "project": "Waiting: the project has as many runs at work as it may have",
    "procedure": "Waiting: the procedure has as many runs at work as it may have",
}


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

    waits: Mapping[UUID, Sequence[Wait]]
    jobs: Mapping[UUID, RunJob]
    asked: Mapping[str, str] = field(default_factory=dict)


def waiting_for_each(runs: Iterable[Run], manner: Manner = PLAIN) -> dict[UUID, Waiting]:
    """What each of `runs` waits for; the place in line is left to `waiting_for_one`.

    Runs that were read with their `job` cost a query less.
    """
    listed = list(runs)
    known = _read(listed)
    return {run.pk: Waiting(_entry(run, known, manner), known.waits.get(run.pk, ())) for run in listed}


def waiting_for_one(run: Run, manner: Manner = PLAIN) -> Waiting:
    """What `run` waits for; while it is queued, with its place in line."""
    found = waiting_for_each([run], manner)[run.pk]
    if found.entry is None or run.status != RunStatus.CREATED:
        return found
    place = _place_in_line(run)
    sentence = found.entry["sentence"] + (f", {ordinal(place)} in line" if place else "")
    return Waiting({**found.entry, "sentence": sentence}, found.waits)


def _read(runs: Sequence[Run]) -> _Known:
    queued = [run for run in runs if run.status == RunStatus.CREATED]
    opened = [run.pk for run in runs if run.status in OPEN]
    waits: dict[UUID, list[Wait]] = defaultdict(list)
    if opened:
        for wait in Wait.objects.filter(run_id__in=opened, state=WaitState.OPEN).order_by("id"):
            waits[wait.run_id].append(wait)
    jobs = {run.pk: run.job for run in queued if Run.job.is_cached(run)}
    if len(jobs) < len(queued):
        jobs = {job.run_id: job for job in RunJob.objects.filter(run__in=queued)}
    refs = [wait.ref for found in waits.values() for wait in found if wait.kind == WaitKind.APPROVAL]
    return _Known(waits, jobs, _asked(refs) if refs else {})


def _asked(approval_ids: Sequence[str]) -> dict[str, str]:
    """Who is asked by each open approval, in words."""
    names: dict[str, list[str]] = defaultdict(list)
    rows = Assignment.system.filter(approval_id__in=approval_ids, approval__status=Status.PENDING)
    for row in rows.exclude(kind=AssignmentKind.BARRED).order_by("id"):
        names[str(row.approval_id)].append(_asked_name(row))
    return {approval_id: _listed(found) for approval_id, found in names.items()}


def _asked_name(row: Assignment) -> str:
    article = "an" if row.name[:1] in "aeiou" else "a"
    words = {AssignmentKind.ROLE: f"{article} {row.name}", AssignmentKind.FALLBACK: "the administrators"}
    return words.get(AssignmentKind(row.kind), row.name)


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) <= 2 else f"{names[0]}, {names[1]} or {len(names) - 2} others"


def _entry(run: Run, known: _Known, manner: Manner) -> dict[str, Any] | None:
    if run.status == RunStatus.CREATED:
        job = known.jobs.get(run.pk)
        return _queued(job) if job else None
    waits = known.waits.get(run.pk, ())
    if run.status not in PARKED or not waits:
        return None
    shown = min(waits, key=lambda wait: (wait.kind != WaitKind.APPROVAL, wait.until or NEVER, wait.since))
    return {
        "kind": shown.kind,
        "ref": shown.ref,
        "since": shown.since,
        "until": shown.until,
        "sentence": sentence(shown, known.asked.get(shown.ref, ""), manner.place(run, shown.path), manner.moment),
    }


def _queued(job: RunJob) -> dict[str, Any]:
    later = job.available_at > clock.now()
    return {
        "kind": WaitKind.CAPACITY.value,
        "ref": "worker",
        "since": job.ready_since,
        "until": job.available_at if later else None,
        "sentence": "Waiting to be taken up again after a lost worker" if later else FULL["worker"],
    }


def sentence(wait: Wait, asked: str = "", place: str = "", moment: Callable[[datetime], str] = _moment) -> str:
    """What an open wait means, in plain words; `asked` names who may decide an approval, `place` where it waits."""
    place = place or wait.path
    due = moment(wait.until) if wait.until else ""
    match wait.kind:
        case WaitKind.APPROVAL:
            return f"Waiting for a decision by {asked}" if asked else f"Waiting for a decision at {place}"
        case WaitKind.CALLBACK:
            return f"Waiting for the answer of an agent at {place}"
        case WaitKind.TIMER:
            return f"Waiting at {place} until {due or 'it is answered'}"
        case WaitKind.RETRY:
            return f"Waiting to try {place} again" + (f" at {due}" if due else "")
        case WaitKind.CAPACITY:
            return _capacity(wait.ref)
        case WaitKind.BUDGET:
            return "Waiting for money: the budget is used up"
        case WaitKind.SUBFLOW:
            return f"Waiting for the run {wait.ref} that {place} started"
        case _:
            return "On hold by an operator"


def _capacity(ref: str) -> str:
    kind, _, name = ref.partition(":")
    match kind:
        case "pool":
            return f"Waiting for a free agent in pool {name.rpartition('/')[2]}"
        case "agent":
            channel, _, action = name.partition("/")
            return f"Nobody offers {action} on channel {channel} yet"
        case "rate":
            return f"Waiting for the rate limit {name}"
        case "key":
            return f"Waiting for another step with the idempotency key {name}"
        case _:
            return FULL.get(kind, f"Waiting for {ref}")


def _place_in_line(run: Run) -> int:
    """How many ready jobs of the tenant would be taken no later than this one's; 0 past a thousand."""
    job = RunJob.objects.filter(pk=run.pk, state=JobState.READY).first()
    if job is None:
        return 0
    earlier = Q(available_at__lt=job.available_at) | Q(available_at=job.available_at, run_id__lt=job.run_id)
    ahead = RunJob.objects.filter(tenant_id=job.tenant_id, state=JobState.READY).filter(
        Q(priority__gt=job.priority) | Q(priority=job.priority) & earlier
    )
    counted = ahead.values("pk")[:PLACES_COUNTED].count()
    return counted + 1 if counted < PLACES_COUNTED else 0


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
