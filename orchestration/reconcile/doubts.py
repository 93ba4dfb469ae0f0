"""Steps of which nobody knows whether they took effect."""

from collections.abc import Iterator

from orchestration.choices import ENDED, RunStatus, StepState
from orchestration.models import StepRecord
from orchestration.reconcile.finding import Finding


def in_doubt(fix: bool) -> Iterator[Finding]:
    """Steps that were begun and have no result, while no worker is at them. Nothing mends that but their receiver."""
    begun = StepRecord.objects.filter(state=StepState.STARTED).exclude(run__status=RunStatus.RUNNING)
    for step in begun.select_related("run").only(*_COLUMNS).order_by("run", "pk").iterator():
        sent = (
            f"{step.action} at {step.path}, step {step.step_id}, was begun at {step.started_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        key = f" under the key {step.key}" if step.key else ""
        after = "the run has ended" if step.run.status in ENDED else f"it is sent again{key} when the run goes on"
        yield Finding("doubt", step.run_id, f"{sent} and its result is not known; {after}", safe=False)


_COLUMNS = ("run_id", "path", "step_id", "action", "key", "started_at", "run__status")
