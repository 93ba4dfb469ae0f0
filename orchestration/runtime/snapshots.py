"""Snapshots: the variables after a visit, kept for pins and parks, written after the unit of work (runtime 18).

They shorten reading and are never needed: a run goes on from its records. So one that cannot be written is told of, and
that is all.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog
from django.db import Error as DatabaseError
from django.db import transaction

from langorch.lib import clock
from orchestration import history
from orchestration.models import Snapshot
from orchestration.runtime.drive import Drive
from orchestration.runtime.outcomes import Json
from orchestration.runtime.visiting import Visit
from procedures.ckp.regions import MAIN

log = structlog.get_logger(__name__)
PIN: Final = "pin"
PARK: Final = "park"
EVERY: Final = 200
"""So many visits of one region make a snapshot too."""
LONG: Final = "long"


def wanted(drive: Drive, visit: Visit) -> str:
    """Why a snapshot is taken after a visit; empty for none."""
    if drive.program.document.global_config.checkpoint_strategy == "none":
        return ""
    if visit.node.is_checkpoint:
        return PIN
    return LONG if visit.pos % EVERY == 0 else ""


def save(visit: Visit, reason: str, variables: Mapping[str, Json]) -> None:
    """Keep the variables after a visit that is written already; a pin is told of."""
    run_id, region = visit.drive.run.pk, visit.region.path
    fault = _store(run_id, region, visit.pos, reason, variables)
    if fault:
        visit.emit("checkpoint_failed", {"error": fault})
    elif reason == PIN:
        saved = {"reason": reason, "node_id": visit.node_id}
        visit.emit("checkpoint_saved", saved | {"checkpoint_id": history.checkpoint_id(run_id, region, visit.pos)})


def save_parked(drive: Drive, pos: int, variables: Mapping[str, Json]) -> None:
    """Keep the main region's variables of a run that is parked after the visit at `pos`."""
    if pos and drive.program.document.global_config.checkpoint_strategy != "none":
        _store(drive.run.pk, MAIN, pos, PARK, variables)


def _store(run_id: UUID, region: str, pos: int, reason: str, variables: Mapping[str, Json]) -> str:
    """What went wrong, empty for nothing."""
    kept = Snapshot(
        run_id=run_id,
        region=region,
        pos=pos,
        reason=reason,
        pinned=reason == PIN,
        variables=dict(variables),
        created_at=clock.now(),
    )
    try:
        with transaction.atomic():
            Snapshot.objects.bulk_create([kept], ignore_conflicts=True)
    except DatabaseError as error:
        log.warning("checkpoint_failed", run_id=str(run_id), error=str(error))
        return str(error)
    return ""
