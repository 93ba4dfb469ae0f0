"""Further people, when the first ones are not there or not in time."""

from datetime import datetime, timedelta

from approvals import notices, ports, selectors
from approvals.models import Approval
from approvals.rules.audience import ADMINISTRATOR, Named
from approvals.rules.escalation import Step
from approvals.services import addressing
from langorch.lib import clock, groups, live

NOTIFY, REASSIGN, FALLBACK = "notify", "reassign", "fallback"
ADMINISTRATORS = "administrators"


def find_somebody(approval: Approval) -> None:
    """While nobody may decide, go through the escalation at once, and last ask the administrators."""
    done: list[int] = approval.rules["escalated"]
    for number, step in enumerate(selectors.escalation_steps(approval)):
        if selectors.deciders(approval).exists():
            return
        if step.mode != NOTIFY and selectors.deciders_named(approval, step.to).exists():
            done.append(number)
            _address(approval, step)
    if not selectors.deciders(approval).exists():
        addressing.ask_administrators(approval)
        addressing.note(approval, FALLBACK, Named(roles=frozenset({ADMINISTRATOR})))
        _record(approval, ADMINISTRATORS)


def take_step(approval: Approval, number: int, at: datetime) -> None:
    """Do step `number` of the escalation of a locked, open approval; one without a time gives its people new time.

    A step that reaches nobody who may decide changes nothing, and the next one has its turn.
    """
    step = selectors.escalation_steps(approval)[number]
    approval.rules["escalated"].append(number)
    if step.mode == NOTIFY or selectors.deciders_named(approval, step.to).exists():
        _address(approval, step)
        if not step.has_time:
            _give_time(approval, at)
    plan(approval)
    live.announce(groups.approvals(approval.tenant_id), approval_id=str(approval.pk))


def plan(approval: Approval) -> None:
    """Store when the system acts next, and how far the escalation is."""
    move = selectors.next_move_of(approval)
    approval.acts_at = move.at if move else None
    approval.updated_at = clock.now()
    approval.save(update_fields=["rules", "expires_at", "due_order", "acts_at", "updated_at"])


def _address(approval: Approval, step: Step) -> None:
    if step.mode == REASSIGN:
        addressing.ask_nobody(approval)
    if step.mode != NOTIFY:
        addressing.ask(approval, step.to)
    if step.mode == REASSIGN:
        notices.void(approval, keep=selectors.deciders(approval))
    notices.write(approval, selectors.people_named(approval, step.to))
    addressing.note(approval, step.mode, step.to)
    _record(approval, ", ".join(_words(step.to)))


def _give_time(approval: Approval, at: datetime) -> None:
    window = approval.rules["window_seconds"]
    if window is not None:
        approval.expires_at = approval.due_order = at + timedelta(seconds=window)
        ports.runs().postpone(approval)


def _words(named: Named) -> list[str]:
    return sorted(named.users) + sorted(named.groups) + sorted(named.roles)


def _record(approval: Approval, to: str) -> None:
    ports.runs().record(approval, "approval_escalated", {"approval_id": str(approval.pk), "to": to})
