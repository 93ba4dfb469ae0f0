"""What a drive looks at between any two nodes and any two steps: stop, lease, cancel, hold (runtime 5)."""

import threading
from collections.abc import Callable
from uuid import UUID

from langorch.lib import clock
from orchestration.runtime import stop
from orchestration.runtime.records import Fenced


class Stopping(Exception):
    """This process stops, or the visit for which it drives a child does: the run is handed back."""


class Canceled(Exception):
    """Somebody canceled the run."""


class Held(Exception):
    """An operator holds the run."""


class Outlived(Exception):
    """The time of a visit above is over: its child ends."""


class RegionStopped(Exception):
    """The branch's owner has decided without it."""


class Lease:
    """A worker's hold on a run: its fence, and until when it may write by this machine's own clock (seconds).

    `slots` are the leases of agents that its steps hold, `lost_slots` those that were taken away.
    While it is `undoing`, no cancel stops it: the run is to end as it is.
    """

    def __init__(self, owner: str, fence: int, seconds: float) -> None:
        self.owner = owner
        self.fence = fence
        self.seconds = seconds
        self.lost = False
        self.cancel_requested = False
        self.held = False
        self.slots: set[UUID] = set()
        self.lost_slots: set[UUID] = set()
        self.undoing = False
        self._until = clock.monotonic() + seconds

    def renewed(self, asked_at: float) -> None:
        """The database extended the lease; `asked_at` is when it was asked to."""
        self._until = asked_at + self.seconds

    def look(self) -> None:
        """Raises `Fenced`, `Stopping`, `Canceled` or `Held` when the drive may not go on."""
        if self.lost or clock.monotonic() > self._until:
            raise Fenced
        if stop.requested.is_set():
            raise Stopping
        if self.cancel_requested and not self.undoing:
            raise Canceled
        if self.held:
            raise Held


SLICE_SECONDS = 0.02


def sleep(seconds: float, look: Callable[[], None]) -> None:
    """Wait, in slices, calling `look` in each; it raises to end the wait."""
    until = clock.monotonic() + seconds
    pause = threading.Event()
    while (left := until - clock.monotonic()) > 0:
        look()
        pause.wait(min(left, SLICE_SECONDS))
    look()
