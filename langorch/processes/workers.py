"""The workers of a process: Celery's threads, which take doorbells and beat's jobs, and one that looks when idle."""

import os
import socket
import threading

from django.conf import settings

from langorch.celery import app
from orchestration.runtime import engine, stop

THREADS_FOR_SHORT_JOBS = 2


def worker_id() -> str:
    """The name under which this process holds leases."""
    return settings.ENV.WORKER_ID or f"{socket.gethostname()}-{os.getpid()}"


class Workers:
    """Threads of this process that drive runs."""

    def __init__(self) -> None:
        self._controller = app.WorkController(
            hostname=f"langorch@{worker_id()}",
            pool_cls="threads",
            concurrency=settings.ENV.WORKER_CONCURRENCY + THREADS_FOR_SHORT_JOBS,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel="WARNING",
        )
        self._idle = threading.Thread(
            target=engine.run_worker, args=(worker_id(), stop.requested), name="idle-look", daemon=True
        )

    def start(self) -> None:
        """Begin to take work."""
        threading.Thread(target=self._controller.start, name="celery", daemon=True).start()
        self._idle.start()

    def finish(self) -> None:
        """Hand back what is in flight, and return when all is handed back."""
        stop.requested.set()
        self._controller.stop()
        self._idle.join()
