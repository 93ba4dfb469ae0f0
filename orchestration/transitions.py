"""Every move of a run: the table of legal ones, and the one function that makes them (runtime 1).

A move is a conditional UPDATE that counts its row, the event, and the job's change, in one transaction; the doorbell
rings after commit. Locks are taken in the order child run, run, job, wait, approval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Model, Q
from django.db.models.functions import Coalesce, Greatest, Now

from agents import leases
from approvals import services as approvals
from langorch.lib import doorbell
from langorch.lib.errors import Conflict, NotFound
from langorch.lib.insertion import insert
from langorch.lib.redaction import PLAIN, Redactor
from orchestration import active, answers, children, compensating, events, gate, jobs, limits, reopening
from orchestration.answers import Signal
from orchestration.cancel_words import NO_REASON
from orchestration.choices import (
    ENDED,
    JOB_STATE_OF,
    OPEN,
    PARKED,
    Compensation,
    JobState,
    RunStatus,
    WaitKind,
    WaitState,
)
from orchestration.events import NewEvent
from orchestration.models import Run, RunJob, Wait

_S = RunStatus
LEGAL: Final[Mapping[RunStatus, frozenset[RunStatus]]] = {
    _S.CREATED: frozenset({_S.RUNNING, _S.PAUSED, _S.FAILED, _S.CANCELED}),
    _S.RUNNING: frozenset({_S.CREATED, _S.WAITING_APPROVAL, _S.PAUSED, _S.COMPLETED, _S.FAILED, _S.CANCELED}),
    _S.WAITING_APPROVAL: frozenset({_S.CREATED, _S.PAUSED, _S.FAILED, _S.CANCELED}),
    _S.PAUSED: frozenset({_S.CREATED, _S.WAITING_APPROVAL, _S.FAILED, _S.CANCELED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset({_S.CREATED}),
    _S.CANCELED: frozenset({_S.CREATED}),
}
RETRY_PRIORITY: Final = 5
ANSWER_PRIORITY: Final = 10
PROMPT_KINDS: Final = frozenset({WaitKind.APPROVAL, WaitKind.CALLBACK})
"""Kinds of waits whose answer somebody waits to see acted on: their runs come first in the queue."""


@dataclass(frozen=True, slots=True)
class Move:
    """A move that is wanted: from which statuses, to which, the events that tell of it (the move's own one last).

    `fence` is the number of the worker that makes it, none when the web or the beat does. `fields` are further values
    of the run, `job` of its job.
    """

    sources: frozenset[RunStatus]
    target: RunStatus
    events: Sequence[NewEvent]
    fence: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    job: Mapping[str, Any] = field(default_factory=dict)
    redactor: Redactor = PLAIN

    def __post_init__(self) -> None:
        illegal = [source for source in self.sources if self.target not in LEGAL[source]]
        if illegal:
            raise ValueError(f"no run moves from {', '.join(illegal)} to {self.target}")


def create(
    run: Run, happened: Sequence[NewEvent], queue_timeout_ms: int | None = None, beside: Sequence[Model] = ()
) -> None:
    """Store a new run as queued, with its job, its first events (`run_created` among them) and what stands `beside` it.

    It fails when no worker has taken it after `queue_timeout_ms`.
    """
    length = None if queue_timeout_ms is None else timedelta(milliseconds=queue_timeout_ms)
    run.last_seq = len(happened)
    job = RunJob(
        run=run,
        tenant_id=run.tenant_id,
        priority=run.priority,
        available_at=run.created_at,
        ready_since=run.created_at,
        **limits.of_new_job(run),
        due_at=None if length is None else run.created_at + length,
    )
    insert([run, job, *events.rows(run.pk, run.last_seq, happened), *beside])
    events.announce(run.pk, run.tenant_id, run.last_seq)
    doorbell.ring(jobs.DRIVE)


def move(run_id: UUID, wanted: Move) -> int:
    """Make a move; the number of its last event.

    Raises `Conflict` (illegal_transition, or run_terminal for an ended run) when the run is not where the move
    begins or the fence is another's, `NotFound` when there is no such run.
    """
    with transaction.atomic():
        if not try_move(run_id, wanted):
            raise _refusal(run_id, wanted)
        return Run.system.values_list("last_seq", flat=True).get(pk=run_id)


def try_move(run_id: UUID, wanted: Move) -> bool:
    """Make a move if the run is where it begins; whether it was made."""
    with transaction.atomic():
        here = Q(pk=run_id, status__in=wanted.sources)
        if wanted.fence is not None:
            here &= Q(fence=wanted.fence)
        if not Run.system.filter(here).update(**_run_values(wanted)):
            return False
        parent_id = children.lock_parent(run_id)
        RunJob.objects.filter(pk=run_id).update(**_job_values(wanted))
        if wanted.target in ENDED:
            close_waits(run_id)
        if wanted.target in ENDED | PARKED:
            gate.left(run_id)
        events.append(run_id, wanted.events, wanted.redactor)
        if parent_id is not None and wanted.target in ENDED:
            _answer_parent(children.end_of(run_id, parent_id))
        elif parent_id is not None:
            _see_time_of(parent_id)
        if wanted.target == RunStatus.CREATED:
            doorbell.ring(jobs.DRIVE)
    return True


def _run_values(wanted: Move) -> dict[str, Any]:
    values: dict[str, Any] = {
        "status": wanted.target,
        "updated_at": Now(),
        "ended_at": Now() if wanted.target in ENDED else None,
    }
    if wanted.target == RunStatus.CREATED:
        values |= active.counts()
    if wanted.target == RunStatus.RUNNING:
        values["started_at"] = Coalesce("started_at", Now())
    return values | dict(wanted.fields)


def _job_values(wanted: Move) -> dict[str, Any]:
    state = JOB_STATE_OF[wanted.target]
    values: dict[str, Any] = {"state": state}
    if state != JobState.LEASED:
        values |= {"lease_owner": "", "lease_until": None}
    if state == JobState.READY:
        values |= {"available_at": Now(), "ready_since": Now(), "due_at": None, "over_limit": False}
    return values | dict(wanted.job)


def close_waits(run_id: UUID) -> None:
    """Close what an ended run waits for, and withdraw its questions."""
    Wait.objects.filter(run_id=run_id, state=WaitState.OPEN).update(state=WaitState.CANCELED, closed_at=Now())
    approvals.cancel_for_run(run_id)
    leases.release_run(run_id)


def _answer_parent(end: Signal) -> None:
    if answers.close(end):
        resume(end)


def _see_time_of(run_id: UUID) -> None:
    """Let the active time of a parked run stand or go on: its child has begun or ceased to wait for people only.

    A run that is limited is queued when its time goes on, so that a worker sees when it is over.
    """
    parked = Run.system.filter(pk=run_id, status__in=PARKED)
    since = list(parked.values_list("asleep_since", flat=True))
    sleeps = active.sleeps(Wait.objects.filter(run_id=run_id, state=WaitState.OPEN))
    if not since or sleeps == (since[0] is not None):
        return
    if not sleeps and active.is_limited(run_id):
        resumed = NewEvent("run_resumed", {"kind": "deadline", "ref": "", "by": "timer"})
        try_move(run_id, Move(PARKED, RunStatus.CREATED, [resumed], job={"cause": "deadline_resume"}))
        return
    parked.update(**(active.stands() if sleeps else active.counts()))
    if (parent_id := children.lock_parent(run_id)) is not None:
        _see_time_of(parent_id)


def resume(answer: Signal) -> None:
    """Queue the run of a wait that was just closed, if it is parked and nobody holds it."""
    if not RunJob.objects.filter(pk=answer.run_id, state=JobState.PARKED).exists():
        return
    if Wait.objects.filter(run_id=answer.run_id, kind=WaitKind.OPERATOR, state=WaitState.OPEN).exists():
        return
    prompt = answer.kind in PROMPT_KINDS
    payload = {"kind": answer.kind, "ref": answer.ref or answer.path, "by": answer.by}
    try_move(
        answer.run_id,
        Move(
            sources=PARKED,
            target=RunStatus.CREATED,
            events=[NewEvent("run_resumed", payload, path=answer.path)],
            job={"cause": f"{answer.kind}_resume"} | ({"priority": raise_priority(ANSWER_PRIORITY)} if prompt else {}),
        ),
    )


def _refusal(run_id: UUID, wanted: Move) -> Conflict | NotFound:
    status = Run.system.filter(pk=run_id).values_list("status", flat=True).first()
    if status is None:
        return NotFound("There is no such run.")
    code = "run_terminal" if status in ENDED else "illegal_transition"
    detail = f"The run is {RunStatus(status).label.lower()}, so it cannot become {wanted.target.label.lower()}."
    return Conflict(detail, code=code, extra={"status": status})


def raise_priority(least: int) -> Greatest:
    """The job's priority, at least `least`."""
    return Greatest(F("priority"), least)


def request_cancel(run_id: UUID, by: str, reason: str = "") -> RunStatus:
    """Cancel a run: at once while no worker has it, else by asking its worker. The status it has now.

    Doing it twice changes nothing. Raises `Conflict` (run_terminal) for a completed or failed run, `NotFound`.
    """
    canceled = Move(
        sources=frozenset({RunStatus.CREATED}) | PARKED,
        target=RunStatus.CANCELED,
        events=[NewEvent("run_canceled", {"by": by, "reason": reason or NO_REASON})],
        fields={"cancel_requested": True, "canceled_by": by, "cancel_reason": reason},
    )
    with transaction.atomic():
        status = _lock(run_id)
        if status == RunStatus.CANCELED:
            return status
        if status == RunStatus.RUNNING:
            _ask_to_stop(run_id, by, reason)
            return status
        if status not in ENDED:
            run = Run.system.select_related("document").get(pk=run_id)
            if run.compensation in compensating.IN_WORK:
                raise Conflict("The run is being undone; then it ends by itself.", extra={"status": status})
            if compensating.follows(run, RunStatus.CANCELED):
                return _undo_then_cancel(run, canceled)
        move(run_id, canceled)
    return RunStatus.CANCELED


def _undo_then_cancel(run: Run, canceled: Move) -> RunStatus:
    """Queue a run that no worker has, so that one undoes it and cancels it then."""
    told = {"by": canceled.fields["canceled_by"], "reason": canceled.fields["cancel_reason"]}
    undo_first(run, [NewEvent("run_cancel_requested", told)], RunStatus.CANCELED, canceled.fields)
    return RunStatus.CREATED


def undo_first(run: Run, told: Sequence[NewEvent], ends_as: RunStatus, fields: Mapping[str, Any]) -> bool:
    """Queue a run to be undone before it ends; what it waits for is closed. Whether it was still as `run` says."""
    values = dict(fields) | compensating.wanted(ends_as)
    with transaction.atomic():
        if run.status == RunStatus.CREATED:
            if not Run.system.filter(pk=run.pk, status=run.status).update(**values):
                return False
            events.append(run.pk, told)
        elif not try_move(run.pk, _to_queue(run, told, values)):
            return False
        close_waits(run.pk)
    return True


def _to_queue(run: Run, told: Sequence[NewEvent], values: Mapping[str, Any]) -> Move:
    job = {"losses": 0, "cause": "compensation"}
    return Move(frozenset({RunStatus(run.status)}), RunStatus.CREATED, told, fields=values, job=job)


def request_compensation(run_id: UUID, by: str, reason: str) -> None:
    """Queue a failed or canceled run so that a worker undoes it; it ends as it was before.

    Raises `Conflict` (illegal_transition) for any other status, `NotFound`.
    """
    told = NewEvent("compensation_requested", {"by": by, "reason": reason})
    fields = {"compensation": Compensation.WANTED, "ends_as": F("status")}
    job = {"losses": 0, "cause": "compensation", "priority": raise_priority(RETRY_PRIORITY)}
    sources = frozenset({RunStatus.FAILED, RunStatus.CANCELED})
    move(run_id, Move(sources, RunStatus.CREATED, [told], fields=fields, job=job))


def _lock(run_id: UUID) -> RunStatus:
    status = Run.system.select_for_update().filter(pk=run_id).values_list("status", flat=True).first()
    if status is None:
        raise NotFound("There is no such run.")
    return RunStatus(status)


def _ask_to_stop(run_id: UUID, by: str, reason: str) -> None:
    asked = Run.system.filter(pk=run_id, status__in=OPEN, cancel_requested=False).update(
        cancel_requested=True, cancel_asked_at=Now(), canceled_by=by, cancel_reason=reason, updated_at=Now()
    )
    if asked:
        RunJob.objects.filter(pk=run_id).update(wake_seq=F("wake_seq") + 1)
        events.append(run_id, [NewEvent("run_cancel_requested", {"by": by, "reason": reason})])


def reopen_failed(run_id: UUID, by: str, reason: str = "") -> None:
    """Queue a failed or canceled run again, to go on from what failed; retries and losses are counted anew.

    Children that failed or were canceled are queued again first. Raises `Conflict` (illegal_transition) for any other
    status, and while a child is still being canceled; `NotFound`.
    """
    told = {"thread_id": f"{run_id}:", "mode": "failed_step", "by": by, "reason": reason}
    wanted = Move(
        sources=frozenset({RunStatus.FAILED, RunStatus.CANCELED}),
        target=RunStatus.CREATED,
        events=[NewEvent("run_retry_requested", told)],
        fields={
            "retry_count": F("retry_count") + 1,
            "error": None,
            "error_class": "",
            "output_vars": None,
            "recovered_via": "",
            "active_from": None,
            "cancel_requested": False,
            "cancel_asked_at": None,
            "cancel_reason": "",
            "canceled_by": "",
        },
        job={"losses": 0, "cause": "retry_fallback", "priority": raise_priority(RETRY_PRIORITY)},
    )
    with transaction.atomic():
        plan = reopening.Plan(run_id)
        for child_id in plan.children().exclude(status=RunStatus.COMPLETED).values_list("pk", flat=True):
            _reopen_child(child_id, by, reason)
        move(run_id, wanted)
        reopening.reopen(plan)


def _reopen_child(run_id: UUID, by: str, reason: str) -> None:
    status = _lock(run_id)
    if status not in OPEN:
        reopen_failed(run_id, by, reason)
    elif Run.system.filter(pk=run_id, cancel_requested=True).exists():
        raise Conflict("A child run is still being canceled; retry once it has ended.", extra={"status": status})
