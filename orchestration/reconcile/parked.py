"""Parked runs that nothing will wake."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from orchestration import mending, waits
from orchestration.choices import PARKED, JobState, WaitKind, WaitState
from orchestration.models import Run, Wait
from orchestration.reconcile.finding import AT_ONCE, Finding

UNSEEN: Final = timedelta(seconds=60)
"""What is due is found each second; what is later than this was missed."""


def sleepers(fix: bool) -> Iterator[Finding]:
    """Each parked run waits for something, and nothing was answered that nobody acted on."""
    for run in _asleep().annotate(waiting=Exists(_open())).only("pk")[:AT_ONCE]:
        if run.waiting:
            sentence = "Something that the parked run waited for was answered, and the run was not queued"
        else:
            sentence = "The run is parked and waits for nothing, so nothing would wake it"
        yield Finding("parked", run.pk, sentence, mended=fix and mending.queue(run.pk))


def overdue(fix: bool) -> Iterator[Finding]:
    """Nothing is due that nobody acted on."""
    late = Wait.objects.filter(state=WaitState.OPEN, until__lt=Now() - UNSEEN, run__status__in=PARKED)
    held = Wait.objects.filter(run=OuterRef("run"), state=WaitState.OPEN, kind=WaitKind.OPERATOR)
    late = late.filter(~Exists(held)).order_by("until")
    found = list(late.values_list("pk", "run_id", "kind", "path", "until")[:AT_ONCE])
    if found and fix:
        waits.fire_due()
    for pk, run_id, kind, path, until in found:
        sentence = f"The wait for {kind} at {path} was due at {until:%Y-%m-%d %H:%M:%S} UTC and is still open"
        yield Finding("overdue", run_id, sentence, mended=fix and not late.filter(pk=pk).exists())


def _asleep() -> QuerySet[Run]:
    """Parked runs without an open wait, and those with an answer that is not taken; a hold explains both."""
    unheard = ~Q(job__wake_seq=F("job__taken_seq"))
    parked = Run.system.filter(~_held(), status__in=PARKED, job__state=JobState.PARKED)
    return parked.filter(~Exists(_open()) | unheard).order_by("pk")


def _open() -> QuerySet[Wait]:
    return Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN)


def _held() -> Exists:
    return Exists(_open().filter(kind=WaitKind.OPERATOR))
