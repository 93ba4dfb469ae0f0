"""Changing approvals: opening, deciding, what happens by itself at a time, and withdrawing them with their run."""

from approvals.services.canceling import cancel_for_run
from approvals.services.deciding import decide, decide_by_link
from approvals.services.expiring import expire_due
from approvals.services.forgetting import forget_runs
from approvals.services.opening import OpenApproval, open_approval

__all__ = ["OpenApproval", "cancel_for_run", "decide", "decide_by_link", "expire_due", "forget_runs", "open_approval"]
