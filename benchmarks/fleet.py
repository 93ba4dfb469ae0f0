"""Real processes on the database of a part: workers, and if wanted web and beat."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestration.models import Event
from tests import processes
from tests.databases import leading_here

WARM_UP_SECONDS = 60


class Fleet:
    """What runs, by name: its process id; and the address of the web."""

    def __init__(self, pids: dict[str, int], url: str) -> None:
        self.pids = pids
        self.url = url

    def wait_until_all_have_driven(self, queue: Callable[[], object]) -> None:
        """Queue runs until each worker has begun one."""
        wanted = {name for name in self.pids if name.startswith("worker")}
        deadline = time.monotonic() + WARM_UP_SECONDS
        while not wanted <= self._drivers():
            assert time.monotonic() < deadline, f"only {self._drivers()} drive runs"
            queue()
            time.sleep(0.05)

    def _drivers(self) -> set[str]:
        told = Event.objects.filter(event_type="execution_started").values_list("payload__worker", flat=True)
        return {str(name).partition("/")[0] for name in told}


@contextmanager
def fleet(workers: int, *more: str, **settings: str) -> Iterator[Fleet]:
    """So many workers and the other processes named (`web`, `beat`), killed at the end."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        port = processes.free_port()
        names = [*(f"worker-{number}" for number in range(1, workers + 1)), *more]
        pids = {}
        for name in names:
            env = {**os.environ, **leading_here(), "VAR_DIR": folder, "PORT": str(port), "WORKER_ID": name, **settings}
            process = processes.start(name.partition("-")[0], env, Path(folder) / f"{name}.log")
            stack.callback(processes.stop, process, 9)
            pids[name] = process.pid
            if name == "web":
                processes.wait_until_served(f"http://127.0.0.1:{port}", process)
        yield Fleet(pids, f"http://127.0.0.1:{port}")
