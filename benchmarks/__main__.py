"""Every benchmark, each in a process of its own, and one table of targets at the end.

python -m benchmarks                  all, on SQLite and on PostgreSQL at DATABASE_URL (default: the local one)
python -m benchmarks steps parked     some
python -m benchmarks --parked 500     fewer parked runs than 10,000 of each kind
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import places
from benchmarks.figures import KEPT_IN, kept, say

PARTS = {
    "compile": [("benchmarks.compile", "sqlite")],
    "visits": [("benchmarks.visits", "sqlite")],
    "steps": [("benchmarks.measure", "sqlite"), ("benchmarks.measure", "postgres")],
    "throughput": [("benchmarks.throughput", "postgres")],
    "latency": [("benchmarks.latency", "postgres")],
    "parked": [("benchmarks.parked", "postgres")],
}


def main() -> bool:
    """Run the parts that are asked for; whether every target was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="part", help=", ".join(PARTS))
    parser.add_argument("--parked", default="10000", help="how many approvals and how many sleepers wait (P10)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures"
        os.environ[KEPT_IN] = str(file)
        good = [run(part, asked.parked) for part in asked.parts or PARTS]
        print("\nTargets")
        print(*(figure for figure in kept(file) if figure.verdict), sep="\n")
    return all(good)


def run(part: str, parked: str) -> bool:
    """Run one part on each of its databases; whether its targets were met."""
    say(f"-- {part}")
    more = [parked] if part == "parked" else []
    done = [places.part(module, database, *more) for module, database in PARTS[part]]
    return all(done)


if __name__ == "__main__":
    sys.exit(not main())
