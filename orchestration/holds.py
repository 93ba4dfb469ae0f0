"""Holding one run: it stops at its next boundary and waits for an operator; answers that come meanwhile are kept.

A hold is an open wait of kind operator that belongs to no visit. Locks are taken in the order run, job, wait.
"""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from langorch.lib import clock, ids
from langorch.lib.errors import Conflict, NotFound
from orchestration import active, events
from orchestration.choices import ENDED, PARKED, RunStatus, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.transitions import Move, move

WHOLE_RUN: Final = ""
"""The path of a hold."""


def is_held(run_id: UUID) -> bool:
    """Whether a hold on the run is open."""
    return _open_hold(run_id).exists()


def held_among(run_ids: Collection[UUID]) -> set[UUID]:
    """Those of the runs that are held."""
    opened = Wait.objects.filter(run_id__in=run_ids, path=WHOLE_RUN, kind=WaitKind.OPERATOR, state=WaitState.OPEN)
    return set(opened.values_list("run_id", flat=True))


def place(run_id: UUID, by: str = "", reason: str = "") -> bool:
    """Hold a run, at once unless a worker has it; False when it is held already. Call it inside a transaction.

    The hold says who placed it and why.

    Raises `Conflict` (run_terminal) for an ended run, `NotFound`.
    """
    status = _lock(run_id)
    if is_held(run_id):
        return False
    hold = Wait.objects.create(
        run_id=run_id,
        path=WHOLE_RUN,
        kind=WaitKind.OPERATOR,
        ref=str(ids.uuid7()),
        needs={"by": by, "reason": reason},
        since=clock.now(),
    )
    if status == RunStatus.PAUSED:
        Run.system.filter(pk=run_id).update(**active.stands())
        events.append(run_id, [_parked(run_id, hold)])
    elif status != RunStatus.RUNNING:
        sources = frozenset({status})
        move(run_id, Move(sources, RunStatus.PAUSED, [_parked(run_id, hold)], fields=active.stands()))
        if status == RunStatus.CREATED:
            remember_work(run_id)
    return True


def lift(run_id: UUID, by: str) -> bool:
    """Lift a hold and let the run go on where it can; False when there is none. Call it inside a transaction.

    Raises `Conflict` (run_terminal) for an ended run, `NotFound`.
    """
    status = _lock(run_id)
    hold = _open_hold(run_id).first()
    if hold is None:
        return False
    _open_hold(run_id).update(state=WaitState.ANSWERED, answer={"by": by}, closed_at=Now())
    if status in PARKED:
        _go_on(run_id, hold, by)
    return True


def remember_work(run_id: UUID) -> None:
    """Note that there is something to drive once the hold is lifted."""
    RunJob.objects.filter(pk=run_id).update(wake_seq=F("wake_seq") + 1)


def _go_on(run_id: UUID, hold: Wait, by: str) -> None:
    """Back to the queue when there is something to drive or a deadline to reckon, else to what is still waited for."""
    first = Wait.objects.filter(run_id=run_id, state=WaitState.OPEN).order_by("since").first()
    looked_at = Q(wake_seq=F("taken_seq"), due_at__isnull=True)
    if first is None or RunJob.objects.filter(pk=run_id).exclude(looked_at).exists():
        resumed = NewEvent("run_resumed", {"kind": hold.kind, "ref": hold.ref, "by": by})
        job = {"cause": "operator_resume"} | _later(run_id, hold)
        move(run_id, Move(PARKED, RunStatus.CREATED, [resumed], job=job))
    elif _waits_for_a_person(run_id):
        move(run_id, Move(frozenset({RunStatus.PAUSED}), RunStatus.WAITING_APPROVAL, [_parked(run_id, first)]))
    else:
        Run.system.filter(pk=run_id).update(**active.counts())
        events.append(run_id, [_parked(run_id, first)])


def _later(run_id: UUID, hold: Wait) -> dict[str, Any]:
    """A run that was held before its first claim has as long again to wait for it."""
    waits_for_first_claim = Run.system.filter(pk=run_id, started_at=None).exists()
    return {"due_at": F("due_at") + (clock.now() - hold.since)} if waits_for_first_claim else {}


def _waits_for_a_person(run_id: UUID) -> bool:
    return Wait.objects.filter(run_id=run_id, state=WaitState.OPEN, kind=WaitKind.APPROVAL).exists()


def _open_hold(run_id: UUID) -> QuerySet[Wait]:
    return Wait.objects.filter(run_id=run_id, path=WHOLE_RUN, kind=WaitKind.OPERATOR, state=WaitState.OPEN)


def _parked(run_id: UUID, wait: Wait) -> NewEvent:
    number = Wait.objects.filter(run_id=run_id, state=WaitState.OPEN).count()
    until = wait.until.isoformat() if wait.until else None
    return NewEvent("run_parked", {"kind": wait.kind, "ref": wait.ref, "until": until, "waits_open": number})


def _lock(run_id: UUID) -> RunStatus:
    status = Run.system.select_for_update().filter(pk=run_id).values_list("status", flat=True).first()
    if status is None:
        raise NotFound("There is no such run.")
    if status in ENDED:
        raise Conflict("The run has ended.", code="run_terminal", extra={"status": status})
    list(RunJob.objects.select_for_update().filter(pk=run_id).values_list("pk"))
    return RunStatus(status)
