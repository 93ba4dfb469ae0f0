"""One scenario in a process of its own: `python -m tests.chaos.drive R1 20`; the report is the last line it writes."""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "langorch.settings.test"
django.setup()

from tests.chaos.scenarios import broker, killing, restarting, slots  # noqa: E402 - settings before models

SCENARIOS = {
    "R1": killing.killed,
    "R2": restarting.restarted,
    "R3": broker.lost,
    "R4": killing.taken_over,
    "R5": killing.frozen,
    "R11": slots.leaked,
}


if __name__ == "__main__":
    name, scale = sys.argv[1:]
    print(SCENARIOS[name](int(scale)).as_json(), flush=True)  # noqa: T201 - the caller reads it
    os._exit(0)
