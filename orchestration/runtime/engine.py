"""The worker: claim a run, drive it until it ends or waits, give it back, look again (runtime 4)."""

import os
import socket
import threading
from typing import Final

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from orchestration import queue
from orchestration.runtime import ending, stop
from orchestration.runtime.boundary import Canceled, Stopping
from orchestration.runtime.claims import Claim, claim
from orchestration.runtime.drive import Drive
from orchestration.runtime.heartbeat import keeper
from orchestration.runtime.outcomes import Error
from orchestration.runtime.program import programs
from orchestration.runtime.records import Fenced
from orchestration.runtime.region import RegionDrive
from procedures.ckp.regions import MAIN

log = structlog.get_logger(__name__)

doorbell: Final = threading.Event()
"""Set when there may be a ready run; the idle threads of this process wait for it."""


def drive_one(worker_id: str) -> bool:
    """Claim the next ready run and drive it until it ends or waits. False when nothing was ready."""
    if stop.requested.is_set():
        return False
    claimed = claim(worker_id)
    if claimed is None:
        return False
    with keeper.keeping(claimed.run.pk, claimed.lease):
        _drive(claimed)
    return True


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


def _drive(claimed: Claim) -> None:
    drive = Drive(claimed.run, programs.get(claimed.run.document_id), claimed.lease, fresh=claimed.fresh)
    try:
        _until_given_back(drive)
    except Fenced:
        log.warning("worker_fenced", run_id=str(drive.run.pk), fence=drive.lease.fence)
    except Canceled:
        drive.journal.flush()
        ending.cancel(drive)
    except Stopping:
        drive.journal.flush()
        ending.hand_back(drive, "worker stops")
    except DatabaseError:
        raise
    except Exception as error:
        log.exception("drive_failed", run_id=str(drive.run.pk))
        drive.journal.flush()
        ending.fail(drive, Error("internal", f"{type(error).__name__}: {error}"))


def _until_given_back(drive: Drive) -> None:
    while True:
        end = RegionDrive(drive, MAIN, MAIN).run(drive.run.input_vars, drive.program.document.start_node)
        drive.journal.flush()
        if end.kind != "parked":
            ending.end(drive, end)
            return
        if ending.park(drive):
            return
        drive.reload()


def run_worker(worker_id: str = "") -> None:
    """Drive runs until the process stops. Looks when `doorbell` is set, and at least every WORKER_POLL_INTERVAL."""
    while not stop.requested.is_set():
        if not _look(worker_id or worker_name()):
            doorbell.wait(settings.ENV.WORKER_POLL_INTERVAL)
            doorbell.clear()
    connection.close()


def _look(worker_id: str) -> bool:
    try:
        return drive_one(worker_id) or queue.urgent()
    except DatabaseError as error:
        log.warning("database_lost", error=str(error))
        connection.close()
        return False
