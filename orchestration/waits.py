"""Closing what visits wait for, each once, and letting their runs go on (runtime 2)."""

from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from approvals import services as approvals
from orchestration import answers, deadlines
from orchestration.answers import Signal
from orchestration.choices import WaitKind, WaitState
from orchestration.models import Run, Wait
from orchestration.transitions import resume

__all__ = ["Signal", "fire_due", "signal"]

TIMED_KINDS: Final = {
    WaitKind.TIMER: WaitState.ANSWERED,
    WaitKind.RETRY: WaitState.ANSWERED,
    WaitKind.CAPACITY: WaitState.EXPIRED,
}
"""Kinds that are over when their time comes, and how; the others have rules of their own for it."""
DUE_AT_ONCE: Final = 500


def signal(answer: Signal) -> bool:
    """Close an open wait and let its run go on. False when it was closed before: the answer is late or a duplicate.

    One transaction, locks in the order run, job, wait; call it inside one that already holds the run's row, or none.
    """
    with transaction.atomic():
        run = Run.system.select_for_update().filter(pk=answer.run_id).values_list("status", flat=True).first()
        if run is None or not answers.close(answer):
            return False
        resume(answer)
    return True


def fire_due() -> int:
    """Let everything happen whose time has come: timers, retries, deadlines, ends of approvals; how many."""
    due = Wait.objects.filter(state=WaitState.OPEN, kind__in=TIMED_KINDS, until__lte=Now()).order_by("until")
    found = due.values_list("run_id", "path", "kind", "ref")[:DUE_AT_ONCE]
    fired = sum(
        signal(Signal(run_id, path, WaitKind(kind), None, by="timer", ref=ref, state=TIMED_KINDS[WaitKind(kind)]))
        for run_id, path, kind, ref in found
    )
    return fired + approvals.expire_due() + deadlines.wake_due()
