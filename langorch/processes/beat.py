"""Celery Beat with one leader: many may tick, the one whom the database names rings."""

import threading
from functools import partial
from typing import Any

import structlog
from celery.beat import ScheduleEntry, Scheduler, SchedulingError, Service
from django.db import Error, connection

from langorch import leadership
from langorch.celery import app

log = structlog.get_logger(__name__)

LEADERSHIP = "scheduler"
LONGEST_NAP_SECONDS = 0.5


class LeaderScheduler(Scheduler):  # type: ignore[misc]
    """Sends what is due only while `holder` leads."""

    def __init__(self, *args: Any, holder: str, **kwargs: Any) -> None:
        self.holder = holder
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send one due entry; how many seconds until the next. A connection that broke does not stay."""
        try:
            seconds: float = super().tick(*args, **kwargs)
            return seconds
        finally:
            connection.close()

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if not self._leads():
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            log.warning("doorbell_lost", task=entry.task, error=str(error))

    def _leads(self) -> bool:
        try:
            return leadership.leads(LEADERSHIP, self.holder)
        except Error as error:
            log.warning("beat_without_database", error=str(error))
            return False


def run(stop: threading.Event, holder: str) -> None:
    """Tick in the calling thread until `stop` is set, then let another lead."""
    scheduler = partial(LeaderScheduler, holder=holder)
    service = Service(app, max_interval=LONGEST_NAP_SECONDS, scheduler_cls=scheduler, remote_control=False)
    threading.Thread(target=_end, args=(service, stop), name="beat-stop", daemon=True).start()
    service.start()
    leadership.step_down(LEADERSHIP, holder)


def _end(service: Service, stop: threading.Event) -> None:
    stop.wait()
    service.stop()
