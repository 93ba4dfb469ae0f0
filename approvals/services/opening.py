"""Asking: the approval of a visit, who is asked, and the mails to them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals import notices, ports, selectors
from approvals.choices import AssignmentKind, Status
from approvals.models import NEVER, Approval, Assignment, Vote
from approvals.rules.answers import evidence_hash
from approvals.rules.audience import APPROVER, Named, named
from approvals.rules.escalation import Step
from approvals.services import addressing, escalating
from langorch.lib import clock, groups, live
from tenants.models import Project

FIRST = "first"
ANY_APPROVER = Named(roles=frozenset({APPROVER}))


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """A question as a visit asks it. All texts are rendered and all values masked; shapes are those of CKP 2.10.

    `options` are {value, label}; `editable` are {name, label, schema, value} with a JSON Schema each; one that
    is not shown has `hidden` and no value.
    `four_eyes` None leaves it to the project. `approvers` empty asks every approver of the project.
    """

    tenant_id: UUID
    project_id: UUID | None
    run_id: UUID
    path: str
    node_id: str
    procedure_id: str
    procedure_version: str
    title: str
    retry: int = 0
    node_name: str = ""
    run_title: str = ""
    prompt: str = ""
    decision_type: str = "approve_reject"
    options: Sequence[Mapping[str, str]] = ()
    form: Mapping[str, Any] | None = None
    editable: Sequence[Mapping[str, Any]] = ()
    context_data: Mapping[str, Any] = field(default_factory=dict)
    approvers: Named = field(default_factory=Named)
    approval_level: str = ""
    min_approvers: int = 1
    min_rejections: int = 1
    four_eyes: bool | None = None
    not_deciders_of: Sequence[str] = ()
    initiator_id: UUID | None = None
    publisher_id: UUID | None = None
    bulk_allowed: bool = True
    comment_required: str = "on_reject"
    expires_at: datetime | None = None
    timeout_action: str = ""
    escalation: Sequence[Step] = ()
    escalation_contact: str = ""


@transaction.atomic
def open_approval(asked: OpenApproval) -> Approval:
    """The approval of this visit: found by run, path and retry, else made, with its event and the mails to send."""
    approval, made = Approval.system.get_or_create(
        run_id=asked.run_id, path=asked.path, retry=asked.retry, defaults=_values(asked)
    )
    if not made:
        return approval
    addressing.ask(approval, asked.approvers or ANY_APPROVER)
    addressing.note(approval, FIRST, asked.approvers or ANY_APPROVER)
    _bar(approval, asked)
    due = approval.expires_at.isoformat() if approval.expires_at else None
    payload = {"approval_id": str(approval.pk), "node_name": approval.node_name, "expires_at": due}
    ports.runs().record(approval, "approval_requested", payload)
    escalating.find_somebody(approval)
    escalating.plan(approval)
    notices.write(approval, selectors.deciders(approval))
    live.announce(groups.approvals(approval.tenant_id), approval_id=str(approval.pk))
    return approval


def _values(asked: OpenApproval) -> dict[str, Any]:
    now = clock.now()
    seen = {
        "title": asked.title[:300],
        "prompt": asked.prompt,
        "decision_type": asked.decision_type,
        "options": [dict(option) for option in asked.options],
        "form": None if asked.form is None else dict(asked.form),
        "editable": [dict(part) for part in asked.editable],
        "context_data": dict(asked.context_data),
    }
    return seen | {
        "tenant_id": asked.tenant_id,
        "project_id": asked.project_id,
        "node_id": asked.node_id,
        "node_name": asked.node_name[:300],
        "procedure_id": asked.procedure_id,
        "procedure_version": asked.procedure_version,
        "run_title": asked.run_title[:300],
        "initiator_id": asked.initiator_id,
        "evidence_hash": evidence_hash(seen),
        "rules": rules_of(asked, now),
        "status": Status.PENDING,
        "created_at": now,
        "updated_at": now,
        "expires_at": asked.expires_at,
        "due_order": asked.expires_at or NEVER,
    }


def rules_of(asked: OpenApproval, now: datetime) -> dict[str, Any]:
    """The numbers and habits of a question, as JSON, and who was asked in turn (`asked`).

    `window_seconds` is what each untimed escalation gives anew.
    """
    steps = list(asked.escalation)
    if asked.escalation_contact:
        steps.append(Step(to=named([asked.escalation_contact])))
    return {
        "approval_level": asked.approval_level,
        "min_approvers": asked.min_approvers,
        "min_rejections": asked.min_rejections,
        "comment_required": asked.comment_required,
        "bulk_allowed": asked.bulk_allowed,
        "timeout_action": asked.timeout_action,
        "window_seconds": (asked.expires_at - now).total_seconds() if asked.expires_at else None,
        "escalation": [_step_as_json(step) for step in steps],
        "escalated": [],
        "asked": [],
    }


def _step_as_json(step: Step) -> dict[str, Any]:
    people = {kind: sorted(names) for kind, names in asdict(step.to).items()}
    return people | {"mode": step.mode, "after": step.after, "before_due": step.before_due}


def _bar(approval: Approval, asked: OpenApproval) -> None:
    barred: dict[UUID, str] = {}
    if asked.publisher_id is not None:
        barred[asked.publisher_id] = "publisher"
    for user_id in _deciders_of(asked):
        barred[user_id] = "decided_before"
    if asked.initiator_id is not None and _needs_four_eyes(asked):
        barred[asked.initiator_id] = "initiator"
    Assignment.system.bulk_create(
        Assignment(
            tenant_id=approval.tenant_id,
            approval=approval,
            kind=AssignmentKind.BARRED,
            user_id=user_id,
            name=str(user_id),
            reason=reason,
        )
        for user_id, reason in barred.items()
    )


def _deciders_of(asked: OpenApproval) -> list[UUID]:
    if not asked.not_deciders_of:
        return []
    votes = Vote.system.filter(approval__run_id=asked.run_id, approval__node_id__in=asked.not_deciders_of)
    return [user_id for user_id in votes.values_list("user_id", flat=True) if user_id is not None]


def _needs_four_eyes(asked: OpenApproval) -> bool:
    if asked.four_eyes is not None:
        return asked.four_eyes
    if asked.project_id is None:
        return False
    settings = Project.system.values_list("settings", flat=True).get(pk=asked.project_id)
    return bool(settings.get("four_eyes", False))
