"""When a run is stuck, and why, in a sentence (runtime 4.5). Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from orchestration.choices import RunStatus, WaitKind

NO_SWEEP: Final = "neither beat nor an idle worker is running"
DUE: Final = {
    WaitKind.APPROVAL: "The decision",
    WaitKind.CALLBACK: "The answer of the agent",
    WaitKind.TIMER: "The end of the wait",
    WaitKind.RETRY: "The next try",
    WaitKind.CAPACITY: "The end of the wait for a free place",
    WaitKind.BUDGET: "The end of the wait for money",
    WaitKind.SUBFLOW: "The end of the child run",
    WaitKind.OPERATOR: "The end of the hold",
}
Moment = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Since when a run does not get on, and the cause."""

    since: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class OpenWait:
    """Something a parked run waits for; `place` is where."""

    kind: str
    place: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class InFlight:
    """A step that was begun and has no result."""

    place: str
    step_id: str
    action: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of an open run. `since` is its last event at work, the time since it is ready, or was parked.

    `limited` says that a limit keeps a queued run waiting, or others in line before it; `at_work` counts the runs that
    workers have now.
    """

    status: str
    since: datetime
    place: str = ""
    worker: str = ""
    lease_until: datetime | None = None
    cancel_requested: bool = False
    step: InFlight | None = None
    limited: bool = False
    at_work: int = 0
    waits: Sequence[OpenWait] = ()


def stuck(now: Situation, at: datetime, patience: timedelta, moment: Moment) -> Stuck | None:
    """Why a run is stuck at a moment, or none; `moment` says times in words."""
    if now.status == RunStatus.RUNNING:
        found: Stuck | None = Stuck(now.since, _running(now, at, moment))
    elif now.status == RunStatus.CREATED:
        found = None if now.limited else Stuck(now.since, _queued(now))
    else:
        held = any(wait.kind == WaitKind.OPERATOR for wait in now.waits)
        found = None if held else _parked(now, at, moment)
    return found if found is not None and found.since <= at - patience else None


def _running(now: Situation, at: datetime, moment: Moment) -> str:
    if now.lease_until is not None and now.lease_until < at:
        until = moment(now.lease_until)
        return f"The lease of worker {now.worker} ran out at {until} and nobody took the run over: {NO_SWEEP}"
    if now.cancel_requested:
        return f"Cancel was asked for, and worker {now.worker} does not stop"
    if now.step is not None:
        step = now.step
        return (
            f"{step.action} at {step.place}, step {step.step_id}, was begun at {moment(step.since)} and has not ended"
        )
    last = f", last at {now.place}" if now.place else ""
    return f"Worker {now.worker} has recorded nothing since {moment(now.since)}{last}"


def _queued(now: Situation) -> str:
    if now.at_work:
        runs = "1 run" if now.at_work == 1 else f"{now.at_work} runs"
        return f"Ready, and no worker takes it: the workers are at {runs} that do not end; start more workers"
    return "Ready, and no worker takes it: no run is at work anywhere, so no worker is running"


def _parked(now: Situation, at: datetime, moment: Moment) -> Stuck | None:
    if not now.waits:
        return Stuck(now.since, "Parked, and it waits for nothing that could wake it; reconcile queues it again")
    overdue = [(wait.until, wait) for wait in now.waits if wait.until is not None and wait.until < at]
    if not overdue:
        return None
    until, wait = min(overdue, key=lambda one: one[0])
    due = f"{DUE[WaitKind(wait.kind)]} at {wait.place} was due at {moment(until)}"
    return Stuck(until, f"{due} and nobody acted: {NO_SWEEP}")
