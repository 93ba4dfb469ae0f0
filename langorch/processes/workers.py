"""The workers of a process: threads that drive runs, and Celery's, which take doorbells and beat's jobs."""

import os
import socket
import threading

from django.conf import settings

from langorch.celery import app
from orchestration.runtime import engine, stop

THREADS_FOR_JOBS = 2


def process_name() -> str:
    """The name of this process among others: WORKER_ID, else host and number."""
    return settings.ENV.WORKER_ID or f"{socket.gethostname()}-{os.getpid()}"


class Workers:
    """WORKER_CONCURRENCY threads that drive one run each, however busy the others are; beat's jobs have their own."""

    def __init__(self) -> None:
        self._jobs = app.WorkController(
            hostname=f"langorch@{process_name()}",
            pool_cls="threads",
            concurrency=THREADS_FOR_JOBS,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel="WARNING",
        )
        self._drivers = [
            threading.Thread(target=engine.run_worker, name=f"driver-{number}", daemon=True)
            for number in range(1, settings.ENV.WORKER_CONCURRENCY + 1)
        ]

    def start(self) -> None:
        """Begin to take work."""
        threading.Thread(target=self._jobs.start, name="celery", daemon=True).start()
        for driver in self._drivers:
            driver.start()

    def finish(self) -> None:
        """Hand back what is in flight, and return when all is handed back."""
        stop.requested.set()
        engine.doorbell.set()
        for driver in self._drivers:
            driver.join()
        self._jobs.stop()
