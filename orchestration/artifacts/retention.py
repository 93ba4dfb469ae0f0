"""Removing artifacts: of runs that ended long ago, and files that no row names (settings 5)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from langorch.lib import clock
from orchestration import events
from orchestration.artifacts import storage
from orchestration.choices import ENDED
from orchestration.events import NewEvent
from orchestration.models import Artifact

AT_ONCE: Final = 1000
UNNAMED_FILES_FOR: Final = timedelta(days=1)
RETENTION: Final = "retention"


def prune_artifacts(until: float | None = None, now: datetime | None = None) -> int:
    """Remove rows and files of runs that ended ARTIFACT_RETENTION_DAYS ago (0 keeps them); how many.

    Stops when the monotonic clock passes `until`.
    """
    days = settings.ENV.ARTIFACT_RETENTION_DAYS
    if not days:
        return 0
    old = overdue((now or clock.now()) - timedelta(days=days))
    removed = 0
    while (until is None or clock.monotonic() < until) and (gone := remove(old[:AT_ONCE], RETENTION)):
        removed += gone
    return removed


def overdue(before: datetime) -> QuerySet[Artifact]:
    """The artifacts of runs that ended before a time, oldest first."""
    return Artifact.system.filter(run__status__in=ENDED, run__ended_at__lt=before).order_by("created_at", "pk")


def remove(artifacts: QuerySet[Artifact], reason: str) -> int:
    """Remove rows and then files; each run tells of its own. How many."""
    with transaction.atomic():
        found = list(artifacts)
        for run_id in {artifact.run_id for artifact in found}:
            events.append(run_id, [_told(one, reason) for one in found if one.run_id == run_id])
        Artifact.system.filter(pk__in=[artifact.pk for artifact in found]).delete()
        files = [artifact.file for artifact in found if artifact.file]
        transaction.on_commit(lambda: storage.remove(files))
    return len(found)


def sweep_files(until: float | None = None, now: datetime | None = None) -> int:
    """Remove files older than a day that no row names: a worker died between the file and its row. How many."""
    before = (now or clock.now()) - UNNAMED_FILES_FOR
    removed = 0
    for folder in _folders():
        if until is not None and clock.monotonic() >= until:
            break
        removed += _sweep_folder(folder, before)
    return removed


def _sweep_folder(folder: str, before: datetime) -> int:
    """Look at the folder of one artifact."""
    names = [f"{folder}/{name}" for name in _listed(folder)[1]]
    kept = set(Artifact.system.filter(file__in=names).values_list("file", flat=True))
    return storage.remove(name for name in names if name not in kept and _older(name, before))


def _folders() -> Iterator[str]:
    """The folders of artifacts: tenant, run, artifact."""
    for tenant in filter(_is_id, _listed("")[0]):
        for run in filter(_is_id, _listed(tenant)[0]):
            for artifact in _listed(f"{tenant}/{run}")[0]:
                yield f"{tenant}/{run}/{artifact}"


def _listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def _older(name: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < before
    except FileNotFoundError:
        return False


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _told(artifact: Artifact, reason: str) -> NewEvent:
    payload: dict[str, Any] = {"artifact_id": str(artifact.pk), "name": artifact.name, "reason": reason}
    return NewEvent("artifact_deleted", payload, artifact.node_id, artifact.step_id, artifact.path)
