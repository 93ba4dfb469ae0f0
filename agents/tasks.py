"""Background jobs of agents."""

from celery import shared_task

from agents import jobs, probing


@shared_task(name=jobs.PROBE_CIRCUITS)
def probe_circuits() -> None:
    """Ask agents whose circuit is due whether they are well."""
    probing.probe_due()
