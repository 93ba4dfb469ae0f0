"""A child that is driven for itself, not in the thread of its parent: its parents' time limits it too (runtime 15)."""

from datetime import datetime
from uuid import UUID

from langorch.lib import clock
from orchestration import time_left
from orchestration.choices import TriggerType
from orchestration.runtime import limits
from orchestration.runtime.boundary import Outlived
from orchestration.runtime.drive import Above
from orchestration.runtime.store.taken import Taken


def above(run: Taken) -> Above | None:
    """What limits a run that was just taken from the queue; none for what is nobody's child, and for what is undone."""
    if run.trigger_type != TriggerType.SUBFLOW or run.compensation:
        return None
    elders = _Elders(run.pk)
    return Above(elders.look, elders.seconds_left, nested=0)


class _Elders:
    """The visits above a run, as their rows are; these are read again when their time seems to be over."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self._at = _here(time_left.end_for(run_id))

    def seconds_left(self) -> float | None:
        return None if self._at is None else max(self._at - clock.monotonic(), 0)

    def look(self) -> None:
        """Raises `Outlived` when their time is over."""
        if self.seconds_left() == 0:
            self._at = _here(time_left.end_for(self._run_id))
            if self.seconds_left() == 0:
                raise Outlived


def _here(moment: datetime | None) -> float | None:
    return None if moment is None else limits.here(moment)
