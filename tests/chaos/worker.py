"""A worker in a process of its own, on the database of the test: `python -m tests.chaos.worker`."""

import os
import signal

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "langorch.settings.test"
django.setup()

from orchestration.runtime import engine, stop  # noqa: E402 - settings before models


def main() -> None:
    """Drive runs until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, frame: stop.requested.set())
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    engine.run_worker()


if __name__ == "__main__":
    main()
