"""What happens by itself: steps of the escalation at their times, and the end at the due time."""

from datetime import datetime

from django.db import transaction

from approvals import ports, selectors
from approvals.choices import Status, Via
from approvals.models import Approval
from approvals.rules import answers
from approvals.rules.answers import Answer, Question
from approvals.rules.escalation import TIMEOUT, end_verdict
from approvals.services import escalating
from approvals.services.canceling import withdraw
from approvals.services.deciding import Ending, end, lock
from langorch.lib import clock
from tenants.actor import system

DUE_AT_ONCE = 200


def expire_due() -> int:
    """Act on every open approval whose time has come, each in its own transaction; how many there were."""
    now = clock.now()
    due = Approval.system.filter(status=Status.PENDING, acts_at__lte=now).order_by("acts_at")[:DUE_AT_ONCE]
    return sum(_act(approval, now) for approval in due)


@transaction.atomic
def _act(approval: Approval, now: datetime) -> bool:
    approval, waits = lock(approval)
    if approval.status != Status.PENDING or approval.acts_at is None or approval.acts_at > now:
        return False
    if not waits:
        withdraw(approval, "not_waiting")
        return True
    while (move := selectors.next_move_of(approval)) is not None and move.at <= now:
        if move.step is None:
            _end(approval)
            break
        escalating.take_step(approval, move.step, now)
    return True


def _end(approval: Approval) -> None:
    action = approval.rules["timeout_action"]
    answer = _by_itself(selectors.question(approval), action)
    ports.runs().record(
        approval, "approval_expired", {"approval_id": str(approval.pk), "timeout_action": action or None}
    )
    end(system(approval.tenant_id), approval, Ending(answer.verdict, answer, Via.SYSTEM))


def _by_itself(question: Question, action: str) -> Answer:
    """The answer at the due time; nobody has answered where a form needs more than its defaults."""
    verdict = end_verdict(action)
    if verdict != TIMEOUT:
        answer = answers.automatic(question, verdict)
        if not answers.faults(question, answer):
            return answer
    return answers.automatic(question, TIMEOUT)
