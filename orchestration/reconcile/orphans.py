"""What belongs to runs that have ended, or to questions that are decided."""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Subquery

from agents import leases
from agents.models import AgentLease
from approvals.choices import Status
from approvals.models import Approval
from approvals.services.deciding import answer_of
from langorch.lib.errors import Conflict
from orchestration import children as family
from orchestration import mending, transitions, waits
from orchestration.choices import ENDED, OPEN, WaitKind, WaitState
from orchestration.models import Run, Wait
from orchestration.reconcile.finding import AT_ONCE, Finding

DECIDED = (Status.APPROVED, Status.REJECTED, Status.TIMEOUT)


def waits_of_ended(fix: bool) -> Iterator[Finding]:
    """An ended run waits for nothing."""
    left = Wait.objects.filter(state=WaitState.OPEN, run__status__in=ENDED).order_by("pk")
    for run_id, kind, path in list(left.values_list("run_id", "kind", "path")[:AT_ONCE]):
        sentence = f"The run has ended, but its wait for {kind} at {path or 'the whole run'} is open"
        yield Finding("wait", run_id, sentence, mended=fix and mending.close_waits(run_id))


def approvals_of_ended(fix: bool) -> Iterator[Finding]:
    """Nobody is asked on behalf of an ended run."""
    asked = Approval.system.filter(status=Status.PENDING, run_id__in=_ended()).order_by("pk")
    for run_id, title in list(asked.values_list("run_id", "title")[:AT_ONCE]):
        sentence = f"The run has ended, but people are still asked: {title}"
        yield Finding("approval", run_id, sentence, mended=fix and mending.close_waits(run_id))


def decided(fix: bool) -> Iterator[Finding]:
    """Each decision has reached the run that waits for it."""
    unheard = Wait.objects.filter(state=WaitState.OPEN, kind=WaitKind.APPROVAL, run__status__in=OPEN).order_by("pk")
    pending = {str(pk) for pk in Approval.system.filter(status=Status.PENDING).values_list("pk", flat=True)}
    for wait in (one for one in unheard.iterator() if one.ref not in pending):
        approval = Approval.system.filter(pk=wait.ref, status__in=DECIDED).first()
        if approval is None:
            sentence = f"The run waits for a decision at {wait.path} that nobody is asked for: cancel or retry it"
            yield Finding("decision", wait.run_id, sentence, safe=False)
            continue
        sentence = f"The decision at {wait.path} was taken ({approval.status}) and did not reach the run"
        signal = waits.Signal(
            wait.run_id, wait.path, WaitKind.APPROVAL, answer_of(approval), by=mending.BY, ref=wait.ref
        )
        yield Finding("decision", wait.run_id, sentence, mended=fix and waits.signal(signal))


def slots(fix: bool) -> Iterator[Finding]:
    """No ended run holds a slot of an agent."""
    held = AgentLease.system.filter(released_at=None, run_id__in=_ended()).select_related("agent").order_by("pk")
    for lease in list(held[:AT_ONCE]):
        sentence = f"The run has ended, but it holds a slot of the agent {lease.agent.agent_id}"
        yield Finding("slot", lease.run_id, sentence, mended=fix and _give_back(lease.run_id))


def children(fix: bool) -> Iterator[Finding]:
    """No child goes on when its parent has ended."""
    left = Run.system.filter(status__in=OPEN, parent_run__status__in=ENDED, cancel_requested=False).order_by("pk")
    for run_id, parent in list(left.values_list("pk", "parent_run_id")[:AT_ONCE]):
        sentence = f"The run goes on, but its parent {parent} has ended"
        yield Finding("child", run_id, sentence, mended=fix and _cancel(run_id))


def ends(fix: bool) -> Iterator[Finding]:
    """The end of each child has reached the run that waits for it."""
    waiting = Wait.objects.filter(state=WaitState.OPEN, kind=WaitKind.SUBFLOW, run__status__in=OPEN)
    ended = Run.system.filter(status__in=ENDED, parent_run__in=waiting.values("run")).order_by("pk")
    for child_id, parent_id in list(ended.values_list("pk", "parent_run_id")[:AT_ONCE]):
        signal = family.end_of(child_id, parent_id)
        if waiting.filter(run=signal.run_id, path=signal.path, ref=signal.ref).exists():
            sentence = f"The child {child_id} at {signal.path} has ended, and the run did not hear of it"
            yield Finding("child_end", signal.run_id, sentence, mended=fix and waits.signal(signal))


def _ended() -> Subquery:
    return Subquery(Run.system.filter(status__in=ENDED).values("pk"))


@transaction.atomic
def _give_back(run_id: UUID) -> bool:
    leases.release_run(run_id)
    return True


def _cancel(run_id: UUID) -> bool:
    try:
        transitions.request_cancel(run_id, mending.BY, "parent")
    except Conflict:
        return False
    return True
