"""Removing artifacts: of runs that ended long ago, and files that no row names (settings 5)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from langorch.lib import clock
from orchestration import events
from orchestration.artifacts import storage
from orchestration.choices import ENDED
from orchestration.events import NewEvent
from orchestration.models import Artifact

log = structlog.get_logger(__name__)

AT_ONCE: Final = 1000
UNNAMED_FILES_FOR: Final = timedelta(days=1)
RETENTION: Final = "retention"


def remove_overdue(before: datetime, until: float) -> int:
    """Remove rows and files of runs that ended before a time, until the monotonic clock passes `until`; how many."""
    removed = 0
    while clock.monotonic() < until and (gone := remove(overdue(before)[:AT_ONCE], RETENTION)):
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


def sweep_files(until: float) -> int:
    """Remove files older than a day that no row names: a worker died between the file and its row. How many."""
    before = clock.now() - UNNAMED_FILES_FOR
    removed = 0
    try:
        for folder in _folders_of_runs():
            if clock.monotonic() >= until:
                break
            removed += _sweep_run(folder, before)
    except OSError as error:
        log.warning("files_not_swept", error=str(error))
    return removed


def _sweep_run(folder: str, before: datetime) -> int:
    """Remove what is in folders of no artifact; those with a row hold its file alone, and are not looked into."""
    run_id = folder.rpartition("/")[2]
    named = {str(pk) for pk in Artifact.system.filter(run_id=run_id).values_list("pk", flat=True)}
    unnamed = [f"{folder}/{artifact}" for artifact in _listed(folder)[0] if artifact not in named]
    files = [f"{place}/{name}" for place in unnamed for name in _listed(place)[1]]
    return storage.remove(name for name in files if _older(name, before))


def _folders_of_runs() -> Iterator[str]:
    """The folders in which artifacts of a run have theirs: tenant/run."""
    for tenant in filter(_is_id, _listed("")[0]):
        yield from (f"{tenant}/{run}" for run in filter(_is_id, _listed(tenant)[0]))


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
