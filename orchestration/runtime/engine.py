"""The worker: claim a run, drive it until it ends or waits, give it back, look again (runtime 4)."""

import os
import socket
import threading
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection, transaction

from agents import leases
from langorch.lib import clock
from langorch.lib.redaction import Redactor
from orchestration import canceling, compensating, events, holds, queue
from orchestration.choices import Compensation, ExecutionMode, RunStatus
from orchestration.events import NewEvent
from orchestration.models import Run
from orchestration.runtime import elders, ending, snapshots, stop, undoing
from orchestration.runtime.bell import bell
from orchestration.runtime.boundary import Canceled, Held, Outlived, Stopping
from orchestration.runtime.claims import Claim, claim, claim_this
from orchestration.runtime.drive import Above, Drive
from orchestration.runtime.ending import Ended
from orchestration.runtime.heartbeat import keeper
from orchestration.runtime.outcomes import Error, RegionEnd
from orchestration.runtime.program import programs
from orchestration.runtime.records import Fenced
from orchestration.runtime.region import RegionDrive
from orchestration.space import is_full, space
from procedures.ckp.regions import MAIN

log = structlog.get_logger(__name__)

LOST: Final = (OperationalError, InterfaceError)
"""What the database raises when it cannot be reached; anything else it raises is a fault of the run."""
_sweeping: Final = threading.Lock()
_next_sweep: Final = [0.0]


def drive_one(worker_id: str, *, woken: bool = False) -> bool:
    """Claim the next ready run and drive it until it ends or waits. False when nothing was ready.

    A thread that was `woken` for it wakes the next: there may be more.

    Raises what the database raises when it is lost; the run's lease then runs out.
    """
    if stop.requested.is_set():
        return False
    claimed = claim(worker_id)
    if claimed is None:
        return False
    if woken:
        bell.ring()
    _drive_under_lease(claimed)
    return True


def drive_child(worker_id: str, run_id: UUID, above: Above) -> None:
    """Drive a queued child in the thread of its parent's visit, if its limits allow that now.

    It has a lease and a fence of its own. Raises what the database raises when it is lost.
    """
    claimed = claim_this(worker_id, run_id)
    if claimed is not None:
        _drive_under_lease(claimed, above)


def drive_ready(worker_id: str = "") -> int:
    """Drive runs until nothing is ready or the process stops. How many were driven."""
    driven = 0
    while drive_one(worker_id or worker_name()):
        driven += 1
    return driven


def worker_name() -> str:
    """The name of this worker: of the process (WORKER_ID, else host and process), and of its thread."""
    process = settings.ENV.WORKER_ID or f"{socket.gethostname()}-{os.getpid()}"
    return f"{process}/{threading.current_thread().name}"[:150]


def _drive_under_lease(claimed: Claim, above: Above | None = None) -> None:
    with keeper.keeping(claimed.run.pk, claimed.lease):
        try:
            _drive(claimed, above)
        except Fenced:
            _tell_fenced(claimed)


def _drive(claimed: Claim, above: Above | None) -> None:
    drive: Drive | None = None
    try:
        program = programs.get(claimed.run.document_id)
        claimed.redactor = Redactor(program.hidden_names)
        if claimed.run.cause == "takeover":
            _free_slots(claimed)
        drive = Drive(claimed, program, drive_child, above or elders.above(claimed.run))
        claimed.lease.held = not claimed.run.fresh and holds.is_held(claimed.run.pk)
        _until_given_back(claimed, drive)
    except Stopping as reason:
        _write_rest(drive)
        ending.hand_back(claimed, str(reason) or "worker stops")
    except Outlived:
        _write_rest(drive)
        ending.hand_back(claimed, "the time of its parent is over")
        canceling.cancel_child(claimed.run.pk)
    except Held:
        _write_rest(drive)
        ending.hold(claimed, drive.due_at(asleep=False) if drive else None)
    except Fenced:
        raise
    except LOST as error:
        if is_full(error):
            _hand_back_from_full(claimed)
        raise
    except Exception as error:
        log.exception("drive_failed", run_id=str(claimed.run.pk))
        _write_rest(drive)
        _break(claimed, Error("internal", f"{type(error).__name__}: {error}"))


def _hand_back_from_full(claimed: Claim) -> None:
    """Spare a run whose records found no room the loss of its worker, if there is room for that."""
    try:
        ending.hand_back(claimed, "the database is full")
    except (Fenced, DatabaseError) as error:
        log.warning("hand_back_failed", run_id=str(claimed.run.pk), error=str(error))


def _free_slots(claimed: Claim) -> None:
    """Whoever drove the run before is gone: what its steps held of agents is free."""
    with transaction.atomic():
        leases.release_run(claimed.run.pk, "takeover")


def _tell_fenced(claimed: Claim) -> None:
    """Another worker has the run: nothing of what this one gathered was written."""
    told = {"worker": claimed.lease.owner, "fence": claimed.lease.fence}
    log.warning("worker_fenced", run_id=str(claimed.run.pk), **told)
    events.append(claimed.run.pk, [NewEvent("worker_fenced", told)])


def _break(claimed: Claim, error: Error) -> None:
    """End a run that cannot be driven; undoing it is tried once."""
    if claimed.lease.undoing:
        ending.end_undone(claimed, 0, 0)
    elif compensating.follows(Run.system.get(pk=claimed.run.pk), RunStatus.FAILED):
        ending.undo_first(claimed, error)
    else:
        ending.finish(claimed, None, Ended(RunStatus.FAILED, error=error))


def _until_given_back(claimed: Claim, drive: Drive) -> None:
    if claimed.run.execution_mode == ExecutionMode.VALIDATION_ONLY:
        ending.validated(claimed, drive)
        return
    if not claimed.run.compensation:
        ended = _driven(claimed, drive)
        if ended is None:
            return
        if not _undoes(claimed, drive, ended):
            ending.finish(claimed, drive, ended)
            return
    _undo(claimed, drive)


def _driven(claimed: Claim, drive: Drive) -> Ended | None:
    """Drive the run; how it is to end, or none when it was parked."""
    try:
        end = _until_parked(claimed, drive)
    except Canceled:
        drive.journal.rescue()
        return Ended(RunStatus.CANCELED)
    return None if end is None else ending.reckon(claimed, drive, end)


def _until_parked(claimed: Claim, drive: Drive) -> RegionEnd | None:
    while True:
        main = RegionDrive(drive, MAIN, MAIN)
        try:
            with drive.crowd.baton:
                end = main.run(drive.run.input_vars, drive.program.document.start_node)
        finally:
            drive.watch.close()
        if end.kind != "parked":
            return end
        drive.journal.flush()
        if ending.park(claimed, drive):
            snapshots.save_parked(drive, main.pos, {**drive.run.input_vars, **end.changes})
            return None
        drive.reload()


def _undoes(claimed: Claim, drive: Drive, ended: Ended) -> bool:
    """Whether there is something to undo before the run ends; that is noted then."""
    config = drive.program.document.global_config
    if not drive.program.can_be_undone or not compensating.applies(config, ended.status, ended.compensate):
        return False
    drive.journal.flush()
    drive.reload()
    count = len(undoing.found(drive))
    if count:
        ending.begin_undo(claimed, ended, count)
    return count > 0


def _undo(claimed: Claim, drive: Drive) -> None:
    """Undo a run, unless that waits; then it ends."""
    claimed.lease.undoing = True
    drive.lift_limits()
    drive.reload()
    if claimed.run.compensation == Compensation.WANTED:
        ending.begin_undo(claimed, None, len(undoing.found(drive)))
    while True:
        with drive.crowd.baton:
            counts = undoing.run(drive, undoing.found(drive))
        drive.journal.flush()
        if counts is not None:
            ending.end_undone(claimed, counts.done, counts.failed)
            return
        if ending.park(claimed, drive):
            return
        drive.reload()


def _write_rest(drive: Drive | None) -> None:
    if drive is not None:
        drive.journal.rescue()


def run_worker(worker_id: str = "") -> None:
    """Drive runs until the process stops. Looks when the bell rings, and at least every WORKER_POLL_INTERVAL."""
    woken = True
    while not stop.requested.is_set():
        found = _look(worker_id or worker_name(), woken)
        if not found:
            bell.wait(settings.ENV.WORKER_POLL_INTERVAL)
        woken = not found
    connection.close()


def _look(worker_id: str, woken: bool) -> bool:
    try:
        if not space.admits():
            return False
        if not drive_one(worker_id, woken=woken):
            return _sweep()
    except DatabaseError as error:
        full = is_full(error)
        if full:
            space.refused()
        log.warning("database_without_room" if full else "database_lost", error=str(error))
        connection.close()
        return False
    space.written()
    return True


def _sweep() -> bool:
    """The urgent sweeps, each WORKER_POLL_INTERVAL by one of the idle threads; whether they made anything ready."""
    if clock.monotonic() < _next_sweep[0] or not _sweeping.acquire(blocking=False):
        return False
    try:
        _next_sweep[0] = clock.monotonic() + settings.ENV.WORKER_POLL_INTERVAL
        return queue.urgent()
    finally:
        _sweeping.release()
