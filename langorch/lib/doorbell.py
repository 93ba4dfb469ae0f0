"""Messages that only say "look": sent by name after commit, and lost without harm."""

import threading

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

GATHERED_SECONDS = 0.025
_gathering: dict[str, bool] = {}
_gate = threading.Lock()


def ring(task: str) -> None:
    """Ask a worker to run `task` once the present transaction is committed.

    The first bell goes out at once; those of the next `GATHERED_SECONDS` follow it as one.
    """
    transaction.on_commit(lambda: _ring(task))


def _ring(task: str) -> None:
    with _gate:
        gathering = task in _gathering
        _gathering[task] = gathering
    if not gathering:
        _send(task)
        later = threading.Timer(GATHERED_SECONDS, _ring_for_the_rest, [task])
        later.daemon = True
        later.start()


def _ring_for_the_rest(task: str) -> None:
    with _gate:
        rung_again = _gathering.pop(task)
    if rung_again:
        _ring(task)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, ignore_result=True, retry=False)
    except OperationalError as error:
        log.warning("doorbell_lost", task=task, error=str(error))
