"""When a run is likely to end, told by how long runs of its procedure usually take. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pause:
    """What an open run waits for: since when, until when at the latest, and whether a person decides."""

    since: datetime
    until: datetime | None
    person: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """`worked` and `left` are seconds of the usual time; `left` is negative for a run that takes longer than usual.

    `end` is missing where nobody can tell; `if_decided` says that it holds only if a person decides when due.
    """

    typical: float
    worked: float
    left: float
    end: datetime | None
    if_decided: bool = False

    @property
    def percent(self) -> float:
        return min(100.0, 100 * self.worked / self.typical) if self.typical else 100.0

    @property
    def late(self) -> float:
        """How much longer than usual the run has taken, in seconds."""
        return max(0.0, -self.left)


def forecast(started: datetime, now: datetime, typical: timedelta, pause: Pause | None = None) -> Forecast:
    """The clock of the usual time stands still while the run waits, and goes on when the wait ends at the latest."""
    reached = pause.since if pause else now
    worked = max(0.0, (reached - started).total_seconds())
    left = typical.total_seconds() - worked
    goes_on = max(pause.until, now) if pause and pause.until else None if pause else now
    end = goes_on + timedelta(seconds=left) if goes_on is not None and left > 0 else None
    return Forecast(typical.total_seconds(), worked, left, end, bool(pause and pause.person and end))
