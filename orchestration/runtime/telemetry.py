"""What a run has done and used so far, as its document may read it: the built-in `telemetry` (CKP 3.6)."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Sum

from langorch.lib import clock
from orchestration.choices import StepState
from orchestration.models import Run, StepRecord
from orchestration.runtime.outcomes import Json
from orchestration.runtime.records import Spent, StepRow
from orchestration.runtime.store.taken import Taken

NOTHING: Final = Spent(0, 0, Decimal(0))


class Telemetry:
    """Totals of the run: what earlier drives recorded, read once, and what this one adds."""

    def __init__(self, run: Taken, *, wanted: bool) -> None:
        self._run = run
        self._wanted = wanted
        self._steps = self._retries = 0
        self._spent = NOTHING
        if wanted and not run.fresh:
            self._read()

    def _read(self) -> None:
        steps = StepRecord.objects.filter(run_id=self._run.pk)
        self._steps = steps.filter(state=StepState.COMPLETED).count()
        self._retries = steps.aggregate(total=Sum("retries"))["total"] or 0
        used = Run.system.values_list("prompt_tokens", "completion_tokens", "cost_usd").get(pk=self._run.pk)
        prompt, completion, cost = used
        self._spent = Spent(prompt or 0, completion or 0, cost or Decimal(0))

    def count(self, row: StepRow, *spent: Spent) -> None:
        """A step was recorded, with what it used of models."""
        self._steps += row.state == StepState.COMPLETED
        for one in spent:
            self._spent = self._spent.and_also(one)

    def count_retry(self) -> None:
        """A step is tried again."""
        self._retries += 1

    def builtins(self) -> dict[str, Json]:
        """The built-in as it is now: milliseconds of active time, completed steps, retries, tokens, cost.

        Nothing where the document does not speak of it.
        """
        return {"telemetry": self._so_far()} if self._wanted else {}

    def _so_far(self) -> dict[str, Json]:
        spent = self._spent
        return {
            "total_duration": round((clock.now() - self._run.active_from) / timedelta(milliseconds=1)),
            "steps": self._steps,
            "retries": self._retries,
            "tokens": spent.prompt_tokens + spent.completion_tokens,
            "cost_usd": float(spent.cost_usd or 0),
        }
