"""Events of runs: their names, their numbers, and what may stand in them (runtime 21)."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F

from langorch.lib import clock, groups, live
from langorch.lib.redaction import PLAIN, Redactor
from orchestration.models import Event, Run

MAX_VALUE_BYTES: Final = 8 * 1024
CUT: Final = "… [cut]"

RUN_EVENTS: Final = frozenset(
    """run_created unknown_input admission_delayed execution_started execution_resumed run_parked run_resumed
    worker_lease_expired worker_fenced lease_handed_back run_stuck run_retry_requested run_forked
    run_cancel_requested run_canceled run_timeout on_failure_routed run_completed run_failed error
    compensation_requested compensation_started compensation_completed personal_data_erased secret_rotated
    secrets_cache_invalidated trigger_fired""".split()
)
NODE_EVENTS: Final = frozenset(
    """node_started node_completed node_paused node_error branch_taken check_passed check_failed undefined_value
    expression_warning log checkpoint_saved checkpoint_failed sla_breached loop_iteration loop_completed branch_started
    branch_completed variable_conflict llm_usage llm_fallback llm_output_invalid llm_output_repaired pii_masked
    budget_warning budget_exceeded approval_requested approval_decision_received approval_vote_recorded
    approval_reminded approval_delegated approval_expired approval_escalated approval_canceled subflow_started
    subflow_completed subflow_failed""".split()
)
STEP_EVENTS: Final = frozenset(
    """step_started step_completed step_failed step_retry_scheduled step_timeout timeout_ignored step_in_doubt
    error_handled step_error_notification idempotency_mismatch rate_limited policy_denied screenshot_requested
    dry_run_step_skipped step_mock_applied step_test_override_applied artifact_created artifact_rejected
    artifact_deleted workflow_delegated workflow_progress workflow_callback_received workflow_output_ready
    callback_rejected callback_timeout callback_timeout_retry_requested pool_saturated affinity_lost lease_acquired
    lease_released lease_expired lease_revoked""".split()
)
NAMES: Final = RUN_EVENTS | NODE_EVENTS | STEP_EVENTS
TERMINAL: Final = frozenset({"run_completed", "run_failed", "run_canceled"})
WARNINGS: Final = ("undefined_value", "expression_warning", "check_failed", "timeout_ignored", "variable_conflict")
"""Events of something that went wrong, or oddly, in a run that went on."""


class UnknownEvent(ValueError):
    """The name stands in no catalogue."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, before it has its number."""

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    node_id: str = ""
    step_id: str = ""
    path: str = ""
    attempt: int | None = None
    at: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        if self.type not in NAMES:
            raise UnknownEvent(self.type)


def append(run_id: UUID, events: Sequence[NewEvent], redactor: Redactor = PLAIN) -> int:
    """Give `events` the next numbers of the run and store them. The last number.

    Call it inside the transaction of what happened. Raises `Run.DoesNotExist`.
    """
    with transaction.atomic():
        counted = Run.system.filter(pk=run_id).update(last_seq=F("last_seq") + len(events))
        if not counted:
            raise Run.DoesNotExist(str(run_id))
        tenant_id, last = Run.system.values_list("tenant_id", "last_seq").get(pk=run_id)
        store(run_id, last, events, redactor)
        announce(run_id, tenant_id, last)
    return last


def store(run_id: UUID, last: int, events: Sequence[NewEvent], redactor: Redactor = PLAIN) -> None:
    """Insert `events` under the numbers that end with `last`, which the caller took from the run's row."""
    Event.objects.bulk_create(rows(run_id, last, events, redactor))


def rows(run_id: UUID, last: int, events: Sequence[NewEvent], redactor: Redactor = PLAIN) -> list[Event]:
    """The rows of `events`, not stored, under the numbers that end with `last`."""
    first = last - len(events) + 1
    return [
        Event(
            run_id=run_id,
            seq=first + place,
            created_at=event.at,
            event_type=event.type,
            node_id=event.node_id,
            step_id=event.step_id,
            path=event.path,
            attempt=event.attempt,
            payload=presentable(event.payload, redactor),
        )
        for place, event in enumerate(events)
    ]


def counted(run_id: UUID, types: Collection[str]) -> dict[str, int]:
    """How many events of some types a run has, by type."""
    found = Event.objects.filter(run_id=run_id, event_type__in=types).order_by().values_list("event_type")
    return dict(found.annotate(number=Count("pk")))


def announce(run_id: UUID, tenant_id: UUID, seq: int) -> None:
    """Tell watchers of the run, and of the tenant's lists, that there are events up to `seq`."""
    live.announce_soon(groups.run(run_id), seq=seq)
    live.announce_soon(groups.runs(tenant_id), run_id=str(run_id))


def presentable(payload: Mapping[str, Any], redactor: Redactor = PLAIN) -> dict[str, Any]:
    """The payload as it is kept: masked, each long value cut and marked, the whole within its limit."""
    return short(redactor.redact(payload))


def short(masked: Any) -> dict[str, Any]:
    """A masked payload with each long value cut and marked, and the whole within its limit."""
    if not isinstance(masked, dict):
        return {"payload": masked}
    kept = {name: _cut(value, MAX_VALUE_BYTES) for name, value in masked.items()}
    return _within(kept, settings.ENV.MAX_EVENT_PAYLOAD_BYTES)


def _cut(value: Any, limit: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) * 4 <= limit or len(text.encode()) <= limit:
        return value
    return text.encode()[: limit - len(CUT.encode())].decode(errors="ignore") + CUT


def _within(payload: dict[str, Any], limit: int) -> dict[str, Any]:
    sizes = {name: _size(value) for name, value in payload.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        excess = _total(sizes) - limit
        if excess <= 0:
            break
        payload[name] = _cut(payload[name], max(sizes[name] - excess, len(CUT.encode())))
        sizes[name] = _size(payload[name])
    return payload


def _size(value: Any) -> int:
    if value is None or isinstance(value, bool | int | float):
        return 24
    if isinstance(value, str) and len(value) < 256:
        return len(value) * 6 + 2
    return len(json.dumps(value, ensure_ascii=False).encode())


def _total(sizes: Mapping[str, int]) -> int:
    return sum(sizes.values()) + sum(len(name) + 4 for name in sizes)
