"""Stopping a process: the first signal asks everybody, a deadline or a second signal ends it at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType


class Stop:
    """Set by SIGINT and SIGTERM. Threads look at `requested`; nothing they hold can delay the end past the grace."""

    def __init__(self, grace_seconds: float) -> None:
        self.grace_seconds = grace_seconds
        self.requested = threading.Event()
        self._on_request: list[Callable[[], None]] = []

    def install(self) -> None:
        """Take over SIGINT and SIGTERM. Call in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)

    def on_request(self, call: Callable[[], None]) -> None:
        """Have `call` made, in the main thread, when the stop is asked for."""
        self._on_request.append(call)

    def request(self) -> None:
        """Ask everybody to stop, and start the deadline."""
        self.requested.set()
        deadline = threading.Timer(self.grace_seconds, os._exit, [0])
        deadline.daemon = True
        deadline.start()
        for call in self._on_request:
            call()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.requested.is_set():
            os._exit(128 + number)
        self.request()


def leave() -> None:
    """End the process without waiting for its threads. What is not committed is done again after the next start."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
