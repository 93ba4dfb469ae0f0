"""Removing ended runs, one or all from before a time, with all that belongs to them; the audit trail stays."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from approvals import services as approvals
from langorch.lib import groups, live
from langorch.lib.errors import Conflict, NotFound
from orchestration.artifacts import storage
from orchestration.choices import ENDED, RunStatus
from orchestration.models import Artifact, Run
from tenants import audit
from tenants.actor import Actor
from tenants.permissions import PERMISSIONS

AT_ONCE: Final = 100
"""Families of runs that are removed in one transaction."""


def delete_run(actor: Actor, run: Run, reason: str = "") -> int:
    """Remove an ended run and its children: events, records, checkpoints, approvals, artifacts with files.

    How many runs that were. Raises `Denied`, `Conflict` (run_open) while it, a child or its parent is open, `NotFound`
    when it is gone.
    """
    actor.require("runs.operate", run)
    with transaction.atomic():
        if run.parent_run is not None and run.parent_run.status not in ENDED:
            raise Conflict("Its parent run is still open; cancel that one first.", code="run_open")
        removed = _remove([run.pk])
        if not removed:
            raise NotFound("The run is gone already.")
        text = f"{run} deleted" + (f": {reason}" if reason else "")
        audit.record(actor, "run.delete", text, resource=("run", run.pk), project_id=run.project_id, runs=removed)
    return removed


def old_runs(actor: Actor, before: datetime, statuses: Iterable[RunStatus] = ()) -> QuerySet[Run]:
    """The runs that a clean-up by `actor` removes: those that ended before a time, and whose family did so too."""
    wanted = Q(status__in=list(statuses) or sorted(ENDED), ended_at__lt=before)
    family = Run.system.filter(Q(root_run=OuterRef("root")) | Q(pk=OuterRef("root")))
    mine = Run.objects.with_capability(actor, PERMISSIONS["runs.cleanup"]).filter(wanted)
    return mine.alias(root=Coalesce(F("root_run"), F("pk"))).filter(~Exists(family.exclude(wanted)))


def clean_up_runs(actor: Actor, before: datetime, statuses: Iterable[RunStatus] = (), reason: str = "") -> int:
    """Remove all `old_runs`; how many. Raises `Denied`."""
    actor.require("runs.cleanup")
    roots = old_runs(actor, before, statuses).filter(root_run=None).order_by("ended_at", "pk")
    removed = 0
    while batch := list(roots.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            removed += _remove(batch)
    text = f"{removed} runs that ended before {before:%Y-%m-%d %H:%M} deleted" + (f": {reason}" if reason else "")
    audit.record(actor, "run.cleanup", text, before=before.isoformat(), statuses=sorted(statuses), runs=removed)
    return removed


def _remove(run_ids: Sequence[UUID]) -> int:
    """Remove runs and all below them; call it inside a transaction. Raises `Conflict` (run_open)."""
    levels = _levels(run_ids)
    every = [run_id for level in levels for run_id in level]
    locked = Run.system.select_for_update(of=("self",)).filter(pk__in=every).order_by("-depth", "pk")
    statuses = list(locked.values_list("status", "tenant_id"))
    if any(status not in ENDED for status, _ in statuses):
        raise Conflict("The run, or one of its children, has not ended; cancel it first.", code="run_open")
    files = list(Artifact.system.filter(run__in=every).exclude(file="").values_list("file", flat=True))
    approvals.forget_runs(every)
    for level in reversed(levels):
        Run.system.filter(pk__in=level).only("pk").delete()
    transaction.on_commit(lambda: storage.remove(files))
    for tenant_id in {tenant_id for _, tenant_id in statuses}:
        live.announce(groups.runs(tenant_id), run_id="")
    return len(statuses)


def _levels(run_ids: Sequence[UUID]) -> list[list[UUID]]:
    """The runs, their children, the children of those and so on."""
    levels = [list(run_ids)]
    while below := list(Run.system.filter(parent_run__in=levels[-1]).values_list("pk", flat=True)):
        levels.append(below)
    return levels
