"""P7: 1,000 visits of a logic node, recorded in a database that lies in memory.

python -m benchmarks.visits sqlite
"""

import statistics
import sys
import time
from typing import Any

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import sides
from benchmarks.figures import Figure, publish
from langorch.lib import live
from tenants.models import Tenant
from tests import runs

VISITS, ROUNDS = 1000, 5
WANTED_SECONDS = 1.0


def document() -> dict[str, Any]:
    """A loop whose body is one logic node."""
    numbers = list(range(VISITS))
    nodes = {
        "each": {"type": "loop", "iterator": "rows", "iterator_variable": "row", "body_node": "way"},
        "way": {"type": "logic", "rules": [{"condition": "row < 0", "next_node": "each"}], "default_next_node": "each"},
    }
    return runs.document(nodes, variables_schema={"rows": {"type": "array", "default": numbers}})


def main() -> bool:
    """Measure; whether the target was met."""
    with sides.scratch_database():
        tenant = Tenant.objects.create(slug="bench", name="Bench")
        live.serve_from(live.own_loop())
        run = sides.ours(tenant, document(), ROUNDS + 1, rows=list(range(VISITS)))
        run()
        times, computed = [], []
        for _ in range(ROUNDS):
            begin, before = time.perf_counter(), time.process_time()
            run()
            times.append(time.perf_counter() - begin)
            computed.append(time.process_time() - before)
    title = f"{VISITS} visits of a logic node, in memory"
    return publish(
        [
            Figure("P7", title, statistics.median(times), "s", WANTED_SECONDS),
            Figure("P7", f"{title}, processor", statistics.median(computed), "s"),
        ]
    )


if __name__ == "__main__":
    sys.exit(not main())
