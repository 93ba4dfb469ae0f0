"""Messages that only say "look": sent by name after commit, and lost without harm."""

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def ring(task: str, *args: str) -> None:
    """Ask a worker to run `task` once the present transaction is committed."""
    transaction.on_commit(lambda: _send(task, args))


def _send(task: str, args: tuple[str, ...]) -> None:
    try:
        current_app.send_task(task, args=args, ignore_result=True, retry=False)
    except OperationalError as error:
        log.warning("doorbell_lost", task=task, error=str(error))
