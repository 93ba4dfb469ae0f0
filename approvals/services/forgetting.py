"""Removing approvals with their run."""

from collections.abc import Sequence
from uuid import UUID

from approvals.models import Approval


def forget_runs(run_ids: Sequence[UUID]) -> None:
    """Remove the approvals of ended runs that are being deleted; what was decided stays in the audit trail."""
    Approval.system.filter(run_id__in=run_ids).only("pk").delete()
