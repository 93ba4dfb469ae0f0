"""The workers of a process: threads that drive runs, and Celery's, which take doorbells and beat's jobs."""

from django.conf import settings

from langorch.celery import app
from langorch.processes.identity import process_name
from langorch.processes.stopping import Stop
from orchestration.runtime import engine
from orchestration.runtime import stop as runtime
from orchestration.runtime.bell import bell

THREADS_FOR_JOBS = 2


def work(stop: Stop) -> None:
    """Drive WORKER_CONCURRENCY runs at a time until the stop; then hand back what is in flight."""
    jobs = app.WorkController(
        hostname=f"langorch@{process_name()}",
        pool_cls="threads",
        concurrency=THREADS_FOR_JOBS,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        loglevel="WARNING",
    )
    stop.start("celery", jobs.start)
    drivers = [stop.start(f"driver-{n}", engine.run_worker) for n in range(1, settings.ENV.WORKER_CONCURRENCY + 1)]
    stop.requested.wait()
    runtime.requested.set()
    bell.ring_for_all()
    for driver in drivers:
        driver.join()
    jobs.stop()
