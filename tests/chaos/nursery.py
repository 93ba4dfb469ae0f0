"""A process that has loaded everything and forks workers: starting one costs milliseconds instead of seconds.

python -m tests.chaos.nursery         for each line `name threads` of its input it writes the new worker's process id
"""

import os
import signal
import sys
import threading

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "langorch.settings.test"
django.setup()

from orchestration.runtime import engine, stop  # noqa: E402 - settings before models


def main() -> None:
    """Fork until the input ends; then end with everybody."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    for line in sys.stdin:
        name, threads = line.split()
        pid = os.fork()
        if pid == 0:
            _work(name, int(threads))
        print(pid, flush=True)  # noqa: T201 - the test waits for it
    os.killpg(0, signal.SIGKILL)


def _work(name: str, threads: int) -> None:
    os.close(0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda number, frame: stop.requested.set())
    drivers = [threading.Thread(target=engine.run_worker, args=(f"{name}/{number}",)) for number in range(threads)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    os._exit(0)


if __name__ == "__main__":
    main()
