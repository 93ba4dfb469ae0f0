"""How a drive gives its run back: parked, ended, canceled or handed to the next worker (runtime 1, 4 and 11)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from orchestration.choices import JobState, RunStatus, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.runtime.drive import Drive
from orchestration.runtime.outcomes import End, Error, Json, RegionEnd
from orchestration.runtime.records import Fenced
from orchestration.transitions import Move, try_move

RUNNING = frozenset({RunStatus.RUNNING})


def park(drive: Drive) -> bool:
    """Give the run back while it waits. False when something was answered meanwhile: the drive goes on."""
    with transaction.atomic():
        if not Run.system.select_for_update().filter(pk=drive.run.pk, fence=drive.lease.fence).exists():
            raise Fenced
        job = RunJob.objects.filter(pk=drive.run.pk, state=JobState.LEASED)
        if not job.filter(wake_seq=F("taken_seq")).exists():
            job.update(taken_seq=F("wake_seq"))
            return False
        waits = list(Wait.objects.filter(run_id=drive.run.pk, state=WaitState.OPEN).order_by("since"))
        _give_back(drive, _target(waits), NewEvent("run_parked", _shown(waits)))
    return True


def _target(waits: list[Wait]) -> RunStatus:
    asked = any(wait.kind == WaitKind.APPROVAL for wait in waits)
    return RunStatus.WAITING_APPROVAL if asked else RunStatus.PAUSED


def _shown(waits: list[Wait]) -> dict[str, Any]:
    """What the run waits for first: an approval, else the earliest end, else the oldest."""
    asked = [wait for wait in waits if wait.kind == WaitKind.APPROVAL]
    timed = sorted((wait for wait in waits if wait.until), key=lambda wait: wait.until or wait.since)
    first = (asked or timed or waits)[0]
    until = first.until.isoformat() if first.until else None
    return {"kind": first.kind, "ref": first.ref, "until": until, "waits_open": len(waits)}


def hand_back(drive: Drive, reason: str) -> None:
    """Let another worker go on from here; it costs the run nothing."""
    payload = {"worker": drive.lease.owner, "reason": reason}
    _give_back(drive, RunStatus.CREATED, NewEvent("lease_handed_back", payload), job={"cause": "handed_back"})


def cancel(drive: Drive) -> None:
    """End the run as canceled."""
    by, reason = Run.system.values_list("canceled_by", "cancel_reason").get(pk=drive.run.pk)
    _give_back(drive, RunStatus.CANCELED, NewEvent("run_canceled", {"by": by, "reason": reason or "cancel_signal"}))


def end(drive: Drive, region: RegionEnd) -> None:
    """End the run as its main region ended."""
    if region.error is not None:
        fail(drive, region.error)
        return
    ended = region.end or End("completed")
    outputs = ended.outputs if ended.outputs is not None else _variables(drive, region.changes)
    if ended.status == "failed":
        fail(drive, Error("terminated", ended.message or "The procedure ended as failed."), outputs)
        return
    _complete(drive, outputs, ended.message)


def _complete(drive: Drive, outputs: dict[str, Json], message: str) -> None:
    fields = {"output_vars": outputs, "recovered_via": drive.recovered, "error": None, "error_class": ""}
    payload = {"outputs": outputs, "recovered_via": drive.recovered or None, "message": message or None}
    _give_back(drive, RunStatus.COMPLETED, NewEvent("run_completed", payload), fields)


def fail(drive: Drive, error: Error, outputs: dict[str, Json] | None = None) -> None:
    """End the run as failed."""
    fields = {"error": error.as_json(), "error_class": error.error_class, "output_vars": outputs}
    payload = {
        "error": error.message,
        "error_class": error.error_class,
        "node_id": error.node_id or None,
        "step_id": error.step_id or None,
        "attempt": error.attempt,
    }
    _give_back(drive, RunStatus.FAILED, NewEvent("run_failed", payload), fields)


def _variables(drive: Drive, changes: Mapping[str, Json]) -> dict[str, Json]:
    schema = drive.program.document.variables_schema
    hidden = {name for name, meta in schema.items() if meta.is_sensitive} | {"error"}
    found = {**drive.run.input_vars, **changes}
    return {name: value for name, value in found.items() if name not in hidden}


def _give_back(
    drive: Drive,
    target: RunStatus,
    event: NewEvent,
    fields: Mapping[str, Any] | None = None,
    job: Mapping[str, Any] | None = None,
) -> None:
    wanted = Move(
        RUNNING,
        target,
        [event],
        fence=drive.lease.fence,
        fields=fields or {},
        job=job or {},
        redactor=drive.journal.redactor,
    )
    if not try_move(drive.run.pk, wanted):
        raise Fenced
