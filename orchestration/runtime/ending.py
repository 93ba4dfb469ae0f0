"""How a worker gives a run back: parked, ended, canceled or handed to the next one (runtime 1, 4 and 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from langorch.lib import groups, live
from orchestration import active, canceling, compensating, events, gate, holds
from orchestration.cancel_words import NO_REASON
from orchestration.choices import (
    ENDED,
    Compensation,
    ExecutionMode,
    JobState,
    RunStatus,
    TriggerType,
    WaitKind,
    WaitState,
)
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait
from orchestration.runtime import dry_report, run_outputs
from orchestration.runtime.boundary import Canceled
from orchestration.runtime.claims import Claim
from orchestration.runtime.drive import Drive
from orchestration.runtime.outcomes import End, Error, Json, RegionEnd, error_from_json
from orchestration.runtime.records import Ending, Fenced, to_json
from orchestration.transitions import Move, close_waits, try_move

RUNNING: Final = frozenset({RunStatus.RUNNING})


def park(claim: Claim, drive: Drive) -> bool:
    """Give the run back while it waits. False when something was answered meanwhile: the drive goes on."""
    with transaction.atomic():
        mine = Run.system.select_for_update().filter(pk=claim.run.pk, fence=claim.lease.fence)
        canceled = list(mine.values_list("cancel_requested", flat=True))
        if not canceled:
            raise Fenced
        if canceled[0] and not claim.lease.undoing:
            raise Canceled
        job = RunJob.objects.filter(pk=claim.run.pk, state=JobState.LEASED)
        if not job.filter(wake_seq=F("taken_seq")).exists():
            job.update(taken_seq=F("wake_seq"))
            return False
        waits = list(Wait.objects.filter(run_id=claim.run.pk, state=WaitState.OPEN).order_by("since"))
        asleep = active.sleeps(waits)
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
    asleep = active.sleeps(waits)
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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run is to end. `compensate` says whether it is undone first; none leaves that to the document."""

    status: RunStatus
    outputs: dict[str, Json] | None = None
    error: Error | None = None
    message: str = ""
    compensate: bool | None = None
    recovered_via: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """What the run's row says of it."""
        error = self.error
        return {
            "output_vars": self.outputs,
            "error": None if error is None else error.as_json(),
            "error_class": "" if error is None else error.error_class,
            "recovered_via": self.recovered_via,
        }


def reckon(claim: Claim, drive: Drive, region: RegionEnd) -> Ended:
    """How the run ends as its main region ended."""
    if region.error is not None:
        return Ended(RunStatus.FAILED, error=region.error)
    ended, document = region.end or End("completed"), drive.program.document
    outputs = run_outputs.outputs(drive, region.end, region.changes)
    if ended.status == "failed":
        message = ended.message or "The procedure ended as failed."
        error = Error("terminated", message, node_id=ended.node_id, path=ended.path)
        return Ended(RunStatus.FAILED, outputs, error, compensate=ended.compensate)
    if (misfit := run_outputs.misfit(document, outputs)) is not None:
        return Ended(RunStatus.FAILED, outputs, misfit.placed(node_id=ended.node_id, path=ended.path))
    return Ended(RunStatus.COMPLETED, outputs, None, ended.message, ended.compensate, drive.recovered)


def finish(claim: Claim, drive: Drive | None, ended: Ended) -> None:
    """End the run: with its last records where nothing waited and it is nobody's child, else by the move."""
    if drive is not None and ended.status != RunStatus.CANCELED:
        dry_report.keep(drive)
    event = _terminal(claim, ended, drive)
    by_move = drive is None or drive.waited or claim.run.trigger_type == TriggerType.SUBFLOW
    if drive is None or by_move or ended.status == RunStatus.CANCELED:
        if drive is not None:
            drive.journal.flush()
        _give_back(claim, ended.status, event, {} if ended.status == RunStatus.CANCELED else ended.values)
        return
    drive.journal.event(event)
    values = ended.values
    outputs, error = (None if values[name] is None else to_json(values[name]) for name in ("output_vars", "error"))
    drive.journal.end(Ending(ended.status, outputs, error, values["error_class"], ended.recovered_via))
    if claim.run.lane:
        gate.let_in(claim.run.lane)
    live.tell_soon(groups.runs(claim.run.tenant_id), run_id=str(claim.run.pk))


def _terminal(claim: Claim, ended: Ended, drive: Drive | None = None) -> NewEvent:
    if ended.status == RunStatus.CANCELED:
        by, reason = Run.system.values_list("canceled_by", "cancel_reason").get(pk=claim.run.pk)
        return NewEvent("run_canceled", {"by": by, "reason": reason or NO_REASON})
    if ended.error is not None:
        return NewEvent("run_failed", _failure(ended.error))
    told = {"outputs": ended.outputs, "recovered_via": ended.recovered_via or None, "message": ended.message or None}
    return NewEvent("run_completed", told | {"mode": _mode(claim), "warnings": drive.warnings() if drive else []})


def _mode(claim: Claim) -> str:
    """The mode of the run as it was told when it was created."""
    mocked = claim.run.mock_external_calls and claim.run.execution_mode == ExecutionMode.PRODUCTION
    return "mocks" if mocked else claim.run.execution_mode


def _failure(error: Error) -> dict[str, Any]:
    """How the run failed. `reason` is the closest word for why; a time-out says how long it had."""
    limit = error.details.get("timeout_ms")
    return {
        "error": error.message,
        "error_class": error.error_class,
        "node_id": error.node_id or None,
        "step_id": error.step_id or None,
        "attempt": error.attempt,
        "reason": error.error_type or error.code or error.error_class,
        "timeout_minutes": limit / 60_000 if isinstance(limit, int | float) else None,
    }


def validated(claim: Claim, drive: Drive) -> None:
    """End a run that only asked whether it could run: its inputs were checked when it was started."""
    message = "The document and the inputs are valid; nothing was carried out."
    finish(claim, drive, Ended(RunStatus.COMPLETED, {}, message=message))


def begin_undo(claim: Claim, ended: Ended | None, count: int) -> None:
    """Note that the run is being undone and how it ends then, and close what it still waits for.

    `ended` is none where that is noted already.
    """
    fields = {} if ended is None else ended.values | {"ends_as": ended.status}
    with transaction.atomic():
        mine = Run.system.filter(pk=claim.run.pk, fence=claim.lease.fence, status=RunStatus.RUNNING)
        if not mine.update(compensation=Compensation.STARTED, **fields):
            raise Fenced
        close_waits(claim.run.pk)
        events.append(claim.run.pk, [NewEvent("compensation_started", {"count": count})], claim.redactor)
    canceling.cancel_children(claim.run.pk)


def end_undone(claim: Claim, done: int, failed: int) -> None:
    """End a run that was undone, as its row says."""
    run = Run.system.get(pk=claim.run.pk)
    error = None if run.error is None else error_from_json(run.error)
    ended = Ended(RunStatus(run.ends_as), run.output_vars, error, recovered_via=run.recovered_via)
    told = NewEvent("compensation_completed", {"done": done, "failed": failed})
    fields = {"compensation": Compensation.DONE, "ends_as": ""}
    _give_back(claim, ended.status, _terminal(claim, ended), fields, before=[told])


def undo_first(claim: Claim, error: Error) -> None:
    """Let another drive undo the run, and end it with this error then."""
    told = NewEvent("lease_handed_back", {"worker": claim.lease.owner, "reason": "compensation"})
    fields = Ended(RunStatus.FAILED, error=error).values | compensating.wanted(RunStatus.FAILED)
    _give_back(claim, RunStatus.CREATED, told, fields, {"cause": "compensation"})


def _give_back(
    claim: Claim,
    target: RunStatus,
    event: NewEvent,
    fields: Mapping[str, Any] | None = None,
    job: Mapping[str, Any] | None = None,
    before: Sequence[NewEvent] = (),
) -> None:
    wanted = Move(
        RUNNING,
        target,
        [*before, event],
        fence=claim.lease.fence,
        fields=fields or {},
        job=job or {},
        redactor=claim.redactor,
    )
    if not try_move(claim.run.pk, wanted):
        raise Fenced
    if target in ENDED:
        canceling.cancel_children(claim.run.pk)
