"""How a worker gives a run back: parked, ended, canceled or handed to the next one (runtime 1, 4 and 11)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from langorch.lib import groups, live
from orchestration import active, canceling, gate, holds
from orchestration.choices import ENDED, JobState, RunStatus, TriggerType, WaitKind, WaitState
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.runtime import standins
from orchestration.runtime.boundary import Canceled
from orchestration.runtime.claims import Claim
from orchestration.runtime.drive import Drive
from orchestration.runtime.outcomes import End, Error, Json, RegionEnd
from orchestration.runtime.records import Ending, Fenced, to_json
from orchestration.transitions import Move, try_move
from procedures.ckp.document import Document
from procedures.ckp.inputs import check_inputs

RUNNING: Final = frozenset({RunStatus.RUNNING})


def park(claim: Claim, drive: Drive) -> bool:
    """Give the run back while it waits. False when something was answered meanwhile: the drive goes on."""
    with transaction.atomic():
        mine = Run.system.select_for_update().filter(pk=claim.run.pk, fence=claim.lease.fence)
        canceled = list(mine.values_list("cancel_requested", flat=True))
        if not canceled:
            raise Fenced
        if canceled[0]:
            raise Canceled
        job = RunJob.objects.filter(pk=claim.run.pk, state=JobState.LEASED)
        if not job.filter(wake_seq=F("taken_seq")).exists():
            job.update(taken_seq=F("wake_seq"))
            return False
        waits = list(Wait.objects.filter(run_id=claim.run.pk, state=WaitState.OPEN).order_by("since"))
        asleep = active.sleeps(wait.kind for wait in waits)
        _park(claim, _target(waits), waits, drive.due_at(asleep=asleep))
    return True


def hold(claim: Claim, due_at: datetime | None) -> None:
    """Give the run back in the middle of its work until its hold is lifted; to the queue when that has happened.

    `due_at` is its nearest deadline.
    """
    with transaction.atomic():
        mine = Run.system.select_for_update().filter(pk=claim.run.pk, fence=claim.lease.fence)
        if not list(mine.values_list("pk")):
            raise Fenced
        if not holds.is_held(claim.run.pk):
            hand_back(claim, "hold lifted")
            return
        holds.remember_work(claim.run.pk)
        waits = list(Wait.objects.filter(run_id=claim.run.pk, state=WaitState.OPEN).order_by("since"))
        _park(claim, RunStatus.PAUSED, waits, due_at)


def _park(claim: Claim, target: RunStatus, waits: list[Wait], due_at: datetime | None) -> None:
    asleep = active.sleeps(wait.kind for wait in waits)
    fields = active.stands() if asleep else {"asleep_since": None}
    _give_back(claim, target, NewEvent("run_parked", _shown(waits)), fields, {"due_at": due_at})


def _target(waits: list[Wait]) -> RunStatus:
    if any(wait.kind == WaitKind.OPERATOR for wait in waits):
        return RunStatus.PAUSED
    asked = any(wait.kind == WaitKind.APPROVAL for wait in waits)
    return RunStatus.WAITING_APPROVAL if asked else RunStatus.PAUSED


def _shown(waits: list[Wait]) -> dict[str, Any]:
    """What the run waits for first: the end of a hold, an approval, else the earliest end, else the oldest."""
    held = [wait for wait in waits if wait.kind == WaitKind.OPERATOR]
    asked = [wait for wait in waits if wait.kind == WaitKind.APPROVAL]
    timed = sorted((wait for wait in waits if wait.until), key=lambda wait: wait.until or wait.since)
    first = (held or asked or timed or waits)[0]
    until = first.until.isoformat() if first.until else None
    return {"kind": first.kind, "ref": first.ref, "until": until, "waits_open": len(waits)}


def hand_back(claim: Claim, reason: str) -> None:
    """Let another worker go on from here; it costs the run nothing."""
    payload = {"worker": claim.lease.owner, "reason": reason}
    _give_back(claim, RunStatus.CREATED, NewEvent("lease_handed_back", payload), job={"cause": "handed_back"})


def cancel(claim: Claim) -> None:
    """End the run as canceled."""
    by, reason = Run.system.values_list("canceled_by", "cancel_reason").get(pk=claim.run.pk)
    _give_back(claim, RunStatus.CANCELED, NewEvent("run_canceled", {"by": by, "reason": reason or "cancel_signal"}))


def end(claim: Claim, drive: Drive, region: RegionEnd) -> None:
    """End the run as its main region ended."""
    if region.error is not None:
        fail(claim, region.error, drive=drive)
        return
    ended, document = region.end or End("completed"), drive.program.document
    outputs = ended.outputs if ended.outputs is not None else _variables(claim, document, region.changes)
    if ended.status == "failed":
        fail(claim, Error("terminated", ended.message or "The procedure ended as failed."), outputs, drive)
        return
    if (misfit := _misfit(document, outputs)) is not None:
        fail(claim, misfit, outputs, drive)
        return
    _complete(claim, drive, outputs, ended.message)


def _misfit(document: Document, outputs: Mapping[str, Json]) -> Error | None:
    """What is wrong with the outputs that the document declares; what stands in for a result is not judged."""
    declared = document.outputs_schema or {}
    real = {name: meta for name, meta in declared.items() if not standins.reads_stub({name: outputs.get(name)})}
    errors = check_inputs(real, outputs).errors
    if not errors:
        return None
    return Error(
        "validation_failed", "The outputs do not fit: " + " ".join(errors.values()), details={"errors": errors}
    )


def validated(claim: Claim, drive: Drive) -> None:
    """End a run that only asked whether it could run: its inputs were checked when it was started."""
    _complete(claim, drive, {}, "The document and the inputs are valid; nothing was carried out.")


def _complete(claim: Claim, drive: Drive, outputs: dict[str, Json], message: str) -> None:
    payload = {"outputs": outputs, "recovered_via": drive.recovered or None, "message": message or None}
    payload["mode"] = claim.run.execution_mode
    result = {"output_vars": outputs, "error": None, "error_class": "", "recovered_via": drive.recovered}
    _end(claim, drive, RunStatus.COMPLETED, NewEvent("run_completed", payload), result)


def fail(claim: Claim, error: Error, outputs: dict[str, Json] | None = None, drive: Drive | None = None) -> None:
    """End the run as failed."""
    payload = {
        "error": error.message,
        "error_class": error.error_class,
        "node_id": error.node_id or None,
        "step_id": error.step_id or None,
        "attempt": error.attempt,
    }
    result = {
        "output_vars": outputs,
        "error": error.as_json(),
        "error_class": error.error_class,
        "recovered_via": "",
    }
    _end(claim, drive, RunStatus.FAILED, NewEvent("run_failed", payload), result)


def _end(claim: Claim, drive: Drive | None, target: RunStatus, event: NewEvent, result: Mapping[str, Any]) -> None:
    """End the run: with its last records where nothing waited and it is nobody's child, else by the move."""
    if drive is None or drive.waited or claim.run.trigger_type == TriggerType.SUBFLOW:
        if drive is not None:
            drive.journal.flush()
        _give_back(claim, target, event, result)
        return
    drive.journal.event(event)
    outputs, error = (None if result[name] is None else to_json(result[name]) for name in ("output_vars", "error"))
    drive.journal.end(Ending(target, outputs, error, result["error_class"], result["recovered_via"]))
    if claim.run.lane:
        gate.let_in(claim.run.lane)
    live.tell_soon(groups.runs(claim.run.tenant_id), run_id=str(claim.run.pk))


def _variables(claim: Claim, document: Document, changes: Mapping[str, Json]) -> dict[str, Json]:
    schema = document.variables_schema
    hidden = {name for name, meta in schema.items() if meta.is_sensitive} | {"error"}
    found = {**claim.run.input_vars, **changes}
    return {name: value for name, value in found.items() if name not in hidden and not name.startswith("__")}


def _give_back(
    claim: Claim,
    target: RunStatus,
    event: NewEvent,
    fields: Mapping[str, Any] | None = None,
    job: Mapping[str, Any] | None = None,
) -> None:
    wanted = Move(
        RUNNING,
        target,
        [event],
        fence=claim.lease.fence,
        fields=fields or {},
        job=job or {},
        redactor=claim.redactor,
    )
    if not try_move(claim.run.pk, wanted):
        raise Fenced
    if target in ENDED:
        canceling.cancel_children(claim.run.pk)
