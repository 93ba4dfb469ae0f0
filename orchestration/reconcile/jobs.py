"""Jobs that do not fit the status of their run, and leases that ran out unseen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from orchestration import mending, queue
from orchestration.choices import JOB_STATE_OF, OPEN, JobState, RunStatus
from orchestration.models import Run, RunJob
from orchestration.reconcile.finding import AT_ONCE, Finding

UNSEEN: Final = timedelta(seconds=30)
"""Leases that ran out are swept every two seconds; one that is older was missed."""


def pairs(fix: bool) -> Iterator[Finding]:
    """Each run and its job say the same; the job of a run that ended may be gone."""
    for run_id, status, state in list(_unpaired().values_list("run_id", "run__status", "state")[:AT_ONCE]):
        expected = JOB_STATE_OF[RunStatus(status)]
        sentence = f"The run is {status}, but its job is {state} where {expected} belongs to it"
        yield Finding("pair", run_id, sentence, mended=fix and mending.pair(run_id))
    for run_id, status in list(_without_job().values_list("pk", "status")[:AT_ONCE]):
        sentence = f"The run is {status}, but it has no job"
        yield Finding("pair", run_id, sentence, mended=fix and mending.pair(run_id))


def leases(fix: bool) -> Iterator[Finding]:
    """No lease is left that ran out long ago."""
    missed = RunJob.objects.filter(state=JobState.LEASED, lease_until__lt=Now() - UNSEEN).order_by("lease_until")
    found = list(missed.values_list("pk", "lease_owner", "lease_until")[:AT_ONCE])
    if found and fix:
        queue.sweep()
    for run_id, owner, until in found:
        sentence = f"The lease of worker {owner} ran out at {until:%Y-%m-%d %H:%M:%S} UTC and nobody took the run over"
        yield Finding("lease", run_id, sentence, mended=fix and not missed.filter(pk=run_id).exists())


def _unpaired() -> QuerySet[RunJob]:
    right = Q()
    for status, state in JOB_STATE_OF.items():
        right |= Q(state=state, run__status=status)
    return RunJob.objects.exclude(right).order_by("pk")


def _without_job() -> QuerySet[Run]:
    return Run.system.filter(status__in=OPEN, job__isnull=True).order_by("pk")
