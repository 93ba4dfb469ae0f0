"""What beat rings for, and how often (settings 4)."""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

Entry = dict[str, Any]


def every(seconds: float, task: str) -> Entry:
    """A message each `seconds`; one that nobody took before the next is dropped."""
    return {"task": task, "schedule": timedelta(seconds=seconds), "options": {"expires": max(seconds, 1) * 2}}


SCHEDULE: dict[str, Entry] = {
    "sweep_leases": every(2, "orchestration.sweep"),
    "ring": every(2, "orchestration.ring"),
    "fire_due_waits": every(1, "orchestration.fire_due_waits"),
    "sweep_agent_leases": every(5, "orchestration.sweep_agent_leases"),
    "bulk_jobs": every(5, "orchestration.bulk"),
    "probe_circuits": every(10, "agents.probe_circuits"),
    "stuck_check": every(60, "orchestration.stuck_check"),
    "reconcile": every(300, "orchestration.reconcile"),
    "send_notices": every(2, "approvals.send_notices"),
    "prune": every(3600, "orchestration.prune"),
    "clear_sessions": {"task": "langorch.clear_sessions", "schedule": crontab(hour="3", minute="10")},
}
