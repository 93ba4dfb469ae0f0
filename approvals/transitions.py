"""The one place where an approval leaves `pending`."""

from datetime import datetime
from typing import Any

from approvals.choices import Status
from approvals.models import Approval


def close(approval: Approval, status: Status, at: datetime, **fields: Any) -> bool:
    """Move from pending to `status` and set `fields`; whether this call made the move. Refreshes `approval`."""
    values = {"status": status, "updated_at": at, "acts_at": None, **fields}
    if Approval.system.filter(pk=approval.pk, status=Status.PENDING).update(**values) != 1:
        return False
    for name, value in values.items():
        setattr(approval, name, value)
    return True
