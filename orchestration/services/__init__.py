"""The verbs of runs: API, pages, admin, triggers and subflows call these; nothing else changes a run from outside."""

from orchestration.services.bulk import cancel_bulk, start_bulk
from orchestration.services.cancel import cancel_run
from orchestration.services.compensate import compensate_run
from orchestration.services.delete import clean_up_runs, delete_run, old_runs
from orchestration.services.fork import fork_run
from orchestration.services.hold import pause_run, resume_run
from orchestration.services.request import Cause, Started, StartRequest
from orchestration.services.retry import retry_run
from orchestration.services.start import start_run
from orchestration.services.tag import tag_run

__all__ = [
    "Cause",
    "StartRequest",
    "Started",
    "cancel_bulk",
    "cancel_run",
    "clean_up_runs",
    "compensate_run",
    "delete_run",
    "fork_run",
    "old_runs",
    "pause_run",
    "resume_run",
    "retry_run",
    "start_bulk",
    "start_run",
    "tag_run",
]
