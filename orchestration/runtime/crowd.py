"""How many branches of one run execute at once (runtime 7)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Crowd:
    """Counts the branches of one run that execute, whatever their owners; a waiting owner does not count."""

    def __init__(self, most: int) -> None:
        self.changed = threading.Condition()
        self._free = most

    def take(self) -> bool:
        """Count one more, if there is room. Call with `changed` held."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """Count one less and wake who waits."""
        with self.changed:
            self._free += 1
            self.changed.notify_all()

    @contextmanager
    def away(self, counted: bool) -> Iterator[None]:
        """Give one's own place back inside the block, if one has a place."""
        if not counted:
            yield
            return
        self.give_back()
        try:
            yield
        finally:
            with self.changed:
                self.changed.wait_for(self.take)
