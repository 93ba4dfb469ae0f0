"""Names of the live groups: who is told to look again when something changes."""

from uuid import UUID


def run(run_id: UUID | str) -> str:
    """Everybody who watches one run. Messages carry `seq`."""
    return f"run.{run_id}"


def runs(tenant_id: UUID | str) -> str:
    """Everybody who watches lists of runs of a tenant. Messages carry `run_id`."""
    return f"runs.{tenant_id}"


def approvals(tenant_id: UUID | str) -> str:
    """Everybody who watches an inbox of a tenant. Messages carry `approval_id`."""
    return f"approvals.{tenant_id}"
