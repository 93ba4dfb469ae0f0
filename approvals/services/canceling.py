"""Withdrawing questions that nobody waits for any more."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from approvals import notices, ports, transitions
from approvals.choices import Status
from approvals.models import Approval
from langorch.lib import clock, groups, live


def cancel_for_run(run_id: UUID, *, reason: str = "run_ended", below: Sequence[str] = ()) -> int:
    """Withdraw the open approvals of a run, all of them or those at or below the paths `below`; how many there were.

    Call it inside the transaction that ends the run or its regions, which holds the run's row.
    """
    rows = Approval.system.filter(run_id=run_id, status=Status.PENDING)
    if below:
        rows = rows.filter(_at_or_below(below))
    return sum(withdraw(approval, reason) for approval in rows.select_for_update(of=("self",)).order_by("pk"))


def withdraw(approval: Approval, reason: str) -> bool:
    """Withdraw one open approval; whether this call did."""
    if not transitions.close(approval, Status.CANCELLED, clock.now()):
        return False
    notices.void(approval)
    payload = {"approval_id": str(approval.pk), "reason": reason}
    ports.runs().record(approval, "approval_canceled", payload)
    live.announce(groups.approvals(approval.tenant_id), approval_id=str(approval.pk))
    return True


def _at_or_below(paths: Sequence[str]) -> Q:
    found = Q()
    for path in paths:
        found |= Q(path=path)
        for mark in "/[:!~":
            found |= Q(path__startswith=f"{path}{mark}")
    return found
