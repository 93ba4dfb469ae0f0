"""Background jobs of runs."""

from collections import deque

from celery import shared_task

from orchestration import bulk_jobs, capacity, gate, jobs, pruning, queue, stuck, waits
from orchestration.reconcile import reconcile as reconcile_all
from orchestration.runtime.bell import bell


@shared_task(name=jobs.SWEEP)
def sweep() -> None:
    """Take expired leases away, and let in whom limits kept out."""
    queue.sweep()
    gate.sweep()


@shared_task(name=jobs.RING)
def ring() -> None:
    """Ring for runs that wait too long."""
    queue.ring()


@shared_task(name=jobs.FIRE_DUE_WAITS)
def fire_due_waits() -> None:
    """Let timers go off."""
    waits.fire_due()


@shared_task(name=jobs.SWEEP_AGENT_LEASES)
def sweep_agent_leases() -> None:
    """Free the slots of agents that nobody holds, and let steps look again."""
    capacity.sweep()


@shared_task(name=jobs.BULK)
def bulk() -> None:
    """Work on bulk jobs."""
    bulk_jobs.work()


@shared_task(name=jobs.STUCK_CHECK)
def stuck_check() -> None:
    """Tell which runs do not get on."""
    stuck.check()


@shared_task(name=jobs.RECONCILE)
def reconcile() -> None:
    """Mend what is wrong with runs."""
    deque(reconcile_all(fix=True, doubts_too=False), maxlen=0)


@shared_task(name=jobs.PRUNE)
def prune() -> None:
    """Remove what is old."""
    pruning.prune()


@shared_task(name=jobs.DRIVE)
def drive() -> None:
    """Wake the idle threads that drive runs."""
    bell.ring()
