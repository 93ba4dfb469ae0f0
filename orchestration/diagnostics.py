"""What stands behind a run: its worker, job, waits, idempotency records, children; for people who look for a cause."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from agents.models import AgentLease
from agents.selectors import live_leases_of
from orchestration import waiting
from orchestration.choices import JobState, RunStatus, StepState
from orchestration.models import Event, Run, RunJob, StepRecord, Wait

MOST_ENTRIES = 500
ERROR_EVENTS = ("error", "node_error", "step_failed", "step_timeout", "check_failed", "run_failed")


def diagnostics(run: Run) -> dict[str, Any]:
    """Diagnostics of one run (api 5)."""
    job = RunJob.objects.get(pk=run.pk)
    events = Event.objects.filter(run=run)
    return {
        "run_id": run.pk,
        "thread_id": run.pk,
        "status": run.status,
        "last_node_id": run.last_node_id or None,
        "last_step_id": run.last_step_id or None,
        "has_retry_event": events.filter(event_type="run_retry_requested").exists(),
        "idempotency_entries": [_entry(step) for step in _with_keys(run)],
        "active_leases": [_lease(lease) for lease in live_leases_of(run.pk)],
        "waits": [_wait(wait, sentence) for wait, sentence in waiting.open_waits(run)],
        "in_doubt": [_doubt(step) for step in in_doubt(run)],
        "worker": _worker(run, job),
        "job": _job(job),
        "children": list(_children(run)),
        "total_events": events.count(),
        "error_events": events.filter(event_type__in=ERROR_EVENTS).count(),
    }


def in_doubt(run: Run) -> QuerySet[StepRecord]:
    """The steps whose effect may have happened without our knowing: begun, without result, and nobody is at them."""
    begun = StepRecord.objects.filter(run=run, state=StepState.STARTED).order_by("id")
    return begun.none() if run.status == RunStatus.RUNNING else begun


def _with_keys(run: Run) -> QuerySet[StepRecord]:
    return StepRecord.objects.filter(run=run).exclude(key="").order_by("id")[:MOST_ENTRIES]


def _lease(lease: AgentLease) -> dict[str, Any]:
    return {
        "lease_id": str(lease.pk),
        "resource_key": lease.resource_key,
        "agent_id": lease.agent.agent_id,
        "run_id": lease.run_id,
        "node_id": lease.node_id,
        "step_id": lease.step_id,
        "fence": lease.fence,
        "acquired_at": lease.acquired_at,
        "expires_at": lease.expires_at,
        "released_at": None,
        "is_active": True,
    }


def _entry(step: StepRecord) -> dict[str, Any]:
    return {
        "node_id": step.node_id,
        "step_id": step.step_id,
        "path": step.path,
        "idempotency_key": step.key,
        "status": step.state,
        "has_cached_result": step.state == StepState.COMPLETED,
        "attempt": step.attempt,
        "updated_at": step.started_at + timedelta(milliseconds=step.duration_ms or 0),
    }


def _wait(wait: Wait, sentence: str) -> dict[str, Any]:
    return {
        "path": wait.path,
        "step_id": wait.step_id or None,
        "kind": wait.kind,
        "ref": wait.ref,
        "since": wait.since,
        "until": wait.until,
        "sentence": sentence,
    }


def _doubt(step: StepRecord) -> dict[str, Any]:
    return {
        "path": step.path,
        "node_id": step.node_id,
        "step_id": step.step_id,
        "action": step.action,
        "attempt": step.attempt,
        "idempotency_key": step.key,
        "started_at": step.started_at,
    }


def _worker(run: Run, job: RunJob) -> dict[str, Any] | None:
    if job.state != JobState.LEASED:
        return None
    return {"id": job.lease_owner, "fence": run.fence, "lease_until": job.lease_until}


def _job(job: RunJob) -> dict[str, Any]:
    names = ("state", "priority", "available_at", "ready_since", "wake_seq", "taken_seq", "losses", "cause")
    return {name: getattr(job, name) for name in names}


def _children(run: Run) -> Iterable[dict[str, Any]]:
    for child in (
        Run.system.filter(parent_run=run).only("procedure_key", "status", "parent_path").order_by("created_at")
    ):
        yield {
            "run_id": child.pk,
            "procedure_id": child.procedure_key,
            "status": child.status,
            "path": child.parent_path,
        }
