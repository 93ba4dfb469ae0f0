"""How far a run has come: its outermost loop, and the time that such runs usually take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.choices import WaitKind
from orchestration.forecast import Forecast, Pause, forecast
from orchestration.models import Run
from orchestration.run_page.reading import also

LONG_ENOUGH = 5.0
"""Seconds; of shorter runs nobody needs to be told when they end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the outermost loop of a run has come; `name` is that of its node."""

    node_id: str
    name: str
    done: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total


def progress_of(run: Run, name: Callable[[str], str]) -> Progress | None:
    """The outermost loop that is under way, or that the run ended in."""
    told: Mapping[str, Any] = also(run, "loop") or {}
    done, total = told.get("iteration"), told.get("total")
    if done is None or not total:
        return None
    return Progress(also(run, "loop_node"), name(also(run, "loop_node")), done, total)


def forecast_of(run: Run, waiting: Mapping[str, Any] | None, now: datetime) -> Forecast | None:
    """When an open run that has begun is likely to end, where it is known how long such runs take."""
    typical = also(run, "typical")
    if typical is None or run.started_at is None or typical.total_seconds() < LONG_ENOUGH:
        return None
    pause = None
    if waiting:
        pause = Pause(waiting["since"], waiting["until"], person=waiting["kind"] == WaitKind.APPROVAL)
    return forecast(run.started_at, now, typical, pause)
