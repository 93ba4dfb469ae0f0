"""Closing what visits wait for, each once, and letting their runs go on (runtime 2)."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from approvals import services as approvals
from orchestration import deadlines
from orchestration.choices import PARKED, JobState, RunStatus, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.transitions import ANSWER_PRIORITY, Move, raise_priority, try_move

PROMPT_KINDS: Final = frozenset({WaitKind.APPROVAL, WaitKind.CALLBACK})
"""Kinds whose answer somebody waits to see acted on: their runs come first in the queue."""
TIMED_KINDS: Final = {
    WaitKind.TIMER: WaitState.ANSWERED,
    WaitKind.RETRY: WaitState.ANSWERED,
    WaitKind.CAPACITY: WaitState.EXPIRED,
}
"""Kinds that are over when their time comes, and how; the others have rules of their own for it."""
DUE_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Signal:
    """An answer to one open wait. `by` names who or what closed it."""

    run_id: UUID
    path: str
    kind: WaitKind
    answer: Any
    by: str = ""
    ref: str | None = None
    state: WaitState = WaitState.ANSWERED


def signal(answer: Signal) -> bool:
    """Close an open wait and let its run go on. False when it was closed before: the answer is late or a duplicate.

    One transaction, locks in the order run, job, wait; call it inside one that already holds the run's row, or none.
    """
    with transaction.atomic():
        run = Run.system.select_for_update().filter(pk=answer.run_id).values_list("status", flat=True).first()
        if run is None or not _close(answer):
            return False
        RunJob.objects.filter(pk=answer.run_id).update(wake_seq=F("wake_seq") + 1)
        _resume(answer)
    return True


def _close(answer: Signal) -> bool:
    list(RunJob.objects.select_for_update().filter(pk=answer.run_id).values_list("pk"))
    waits = Wait.objects.filter(run_id=answer.run_id, path=answer.path, kind=answer.kind, state=WaitState.OPEN)
    if answer.ref is not None:
        waits = waits.filter(ref=answer.ref)
    return waits.update(state=answer.state, answer=answer.answer, closed_at=Now()) == 1


def _resume(answer: Signal) -> None:
    if not RunJob.objects.filter(pk=answer.run_id, state=JobState.PARKED).exists():
        return
    if Wait.objects.filter(run_id=answer.run_id, kind=WaitKind.OPERATOR, state=WaitState.OPEN).exists():
        return
    prompt = answer.kind in PROMPT_KINDS
    payload = {"kind": answer.kind, "ref": answer.ref or answer.path, "by": answer.by}
    try_move(
        answer.run_id,
        Move(
            sources=PARKED,
            target=RunStatus.CREATED,
            events=[NewEvent("run_resumed", payload, path=answer.path)],
            job={"cause": f"{answer.kind}_resume"} | ({"priority": raise_priority(ANSWER_PRIORITY)} if prompt else {}),
        ),
    )


def fire_due() -> int:
    """Let everything happen whose time has come: timers, retries, deadlines, ends of approvals; how many."""
    due = Wait.objects.filter(state=WaitState.OPEN, kind__in=TIMED_KINDS, until__lte=Now()).order_by("until")
    found = due.values_list("run_id", "path", "kind", "ref")[:DUE_AT_ONCE]
    fired = sum(
        signal(Signal(run_id, path, WaitKind(kind), None, by="timer", ref=ref, state=TIMED_KINDS[WaitKind(kind)]))
        for run_id, path, kind, ref in found
    )
    return fired + approvals.expire_due() + deadlines.wake_due()
