"""The long form of the chaos tests, on PostgreSQL at DATABASE_URL: scenarios one after the other, then the figures.

python -m tests.chaos                     all, at full size (more than an hour)
python -m tests.chaos R1 R4 --scale 20    some, at a twentieth
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests import processes
from tests.chaos import places, reports
from tests.chaos.reports import Report

OWN_BROKER: Final = frozenset({"R3"})
OWN_CLUSTER: Final = frozenset({"R2"})
ALL: Final = ("R1", "R2", "R3", "R4", "R5", "R11")
SERVER: Final = "postgres://postgres@127.0.0.1:5432/postgres"
REDIS: Final = "redis://127.0.0.1:6379/0"


def carried_out(scenario: str, scale: int, database: str = "", redis: str = "") -> Report:
    """The report of a scenario; without `database` it gets a database of its own."""
    with ExitStack() as stack:
        env = {**os.environ, "ENVIRONMENT": "test", "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR")}
        if scenario in OWN_CLUSTER:
            cluster = stack.enter_context(places.cluster())
            database = cluster.url
            processes.migrate(database)
            env |= {"CHAOS_CLUSTER": str(cluster.folder), "CHAOS_CLUSTER_PORT": str(cluster.port)}
        elif not database:
            database = stack.enter_context(places.scratch_database(os.environ.get("DATABASE_URL", SERVER)))
        if scenario in OWN_BROKER:
            redis = places.Broker(processes.free_port()).url
        env |= {"DATABASE_URL": database, "REDIS_URL": redis or os.environ.get("REDIS_URL", REDIS)}
        command = [sys.executable, "-m", "tests.chaos.drive", scenario, str(scale)]
        done = subprocess.run(command, cwd=processes.ROOT, env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return Report(scenario, "did not end", faults=[f"status {done.returncode}", done.stderr[-3000:]])
    return reports.read(lines[-1])


def main() -> bool:
    """Carry out what is asked for; whether everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(ALL))
    parser.add_argument("--scale", type=int, default=1, help="divide the sizes by this")
    parser.add_argument("--report", type=Path, help="write the figures here, as lines of JSON")
    asked = parser.parse_args()
    good = True
    for scenario in asked.scenarios or ALL:
        report = carried_out(scenario, asked.scale)
        print(report, flush=True)  # noqa: T201 - the person who asked reads it
        good = good and not report.faults
        if asked.report:
            with asked.report.open("a") as file:
                file.write(report.as_json() + "\n")
    return good


if __name__ == "__main__":
    sys.exit(not main())
