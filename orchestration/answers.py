"""Closing one open wait with its answer, once (runtime 2)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from orchestration.choices import WaitKind, WaitState
from orchestration.models import RunJob, Wait


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


def close(answer: Signal) -> bool:
    """Close the wait and count a wake-up of its run; False when it was closed before.

    Call it inside the transaction that holds the run's row.
    """
    list(RunJob.objects.select_for_update().filter(pk=answer.run_id).values_list("pk"))
    waits = Wait.objects.filter(run_id=answer.run_id, path=answer.path, kind=answer.kind, state=WaitState.OPEN)
    if answer.ref is not None:
        waits = waits.filter(ref=answer.ref)
    if waits.update(state=answer.state, answer=answer.answer, closed_at=Now()) != 1:
        return False
    RunJob.objects.filter(pk=answer.run_id).update(wake_seq=F("wake_seq") + 1)
    return True
