"""P3: from POST of a run until its first step starts, under steady load, with web, two workers and beat as processes.

python -m benchmarks.latency postgres
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import sides
from benchmarks.figures import Figure, publish
from benchmarks.fleet import Fleet, fleet
from langorch.lib import clock
from orchestration.models import Run, StepRecord
from tests import people, processes, runs
from tests.people import House
from tests.published import publish as publish_version

RATE, SECONDS, STEPS, CALLERS = 10, 20, 3, 4
WARM_UP_RUNS = 20
LONGEST_SECONDS = 60
WANTED = {50: 50.0, 99: 250.0}


def main() -> bool:
    """Measure; whether the targets were met."""
    with sides.scratch_database(), fleet(2, "beat", "web") as started:
        house = people.build()
        publish_version(house.operator, sides.chain(STEPS))
        started.wait_until_all_have_driven(lambda: runs.queue(house.tenant, sides.chain(STEPS)))
        api = caller(started, house)
        for _ in range(WARM_UP_RUNS):
            api.start_run("p")
        posted = steady(api)
        processes.until(lambda: not Run.system.exclude(status="completed").exists(), LONGEST_SECONDS, "all runs ended")
        return publish(figures(delays(posted)))


def caller(started: Fleet, house: House) -> processes.Api:
    """A caller of the API as the operator."""
    login = {"username": house.operator.username, "password": people.PASSWORD}
    return processes.Api(started.url, {"operator": login})


def steady(api: processes.Api) -> dict[str, float]:
    """Start runs at the rate, whether earlier answers have come or not; when each was sent (seconds), by run."""
    posted: dict[str, float] = {}
    begin = time.monotonic()

    def post(number: int) -> None:
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        sent = clock.now().timestamp()
        posted[api.start_run("p")] = sent

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(post, range(RATE * SECONDS)))
    return posted


def delays(posted: dict[str, float]) -> list[float]:
    """Milliseconds from sending to the start of the first step, in order."""
    steps = StepRecord.objects.filter(run_id__in=posted, path="n0").values_list("run_id", "started_at")
    return sorted((at.timestamp() - posted[str(run_id)]) * 1000 for run_id, at in steps)


def figures(found: list[float]) -> Iterator[Figure]:
    """The percentiles."""
    title = f"POST run → first step starts, {RATE} runs/s for {SECONDS} s"
    for percent, wanted in WANTED.items():
        place = min(len(found) - 1, len(found) * percent // 100)
        yield Figure("P3", f"{title}: p{percent}", found[place], "ms", wanted)


if __name__ == "__main__":
    sys.exit(not main())
