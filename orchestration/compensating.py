"""Undoing the finished work of runs that end failed or canceled: when it is done (runtime 11, CKP 2.13).

A run that is to be undone is queued or at work until a worker has done so; `ends_as` says how it ends then.
"""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from orchestration.choices import Compensation, RunStatus
from orchestration.models import Run, Visit
from procedures.ckp.compile import load_document
from procedures.ckp.document import GlobalConfig

UNDO: Final = "undo"
"""The fact of a visit that lists what was done in it and can be undone."""
IN_WORK: Final = frozenset({Compensation.WANTED, Compensation.STARTED})
AFTER: Final = {
    RunStatus.FAILED: frozenset({"on_failure", "on_failure_or_cancel"}),
    RunStatus.CANCELED: frozenset({"on_failure_or_cancel"}),
}
MANUAL: Final = "manual"


def applies(config: GlobalConfig, status: str, override: bool | None = None) -> bool:
    """Whether a run that is to end in `status` is undone first. `override` is what the end itself says."""
    return override if override is not None else config.compensation in AFTER.get(RunStatus(status), ())


def follows(run: Run, status: RunStatus) -> bool:
    """Whether a worker must undo something before the run may end in `status`; it has not begun to."""
    if run.compensation or not Visit.objects.filter(run=run, data__has_key=UNDO).exists():
        return False
    return applies(load_document(run.document.canonical).global_config, status)


def wanted(ends_as: str) -> dict[str, Any]:
    """The values of a run's row with which a worker undoes it."""
    return {"compensation": Compensation.WANTED, "ends_as": ends_as}


def manual_among(runs: Iterable[Run]) -> frozenset[UUID]:
    """Those of `runs` that failed or were canceled and whose document leaves undoing to people."""
    ended = [run.pk for run in runs if run.status in AFTER and not run.compensation]
    if not ended:
        return frozenset()
    manual = Run.system.filter(pk__in=ended, document__canonical__global_config__compensation=MANUAL)
    return frozenset(manual.values_list("pk", flat=True))
