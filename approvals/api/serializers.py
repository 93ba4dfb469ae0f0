"""Approvals on the wire: what may be asked and sent, and what is answered (api 6)."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework import serializers

from approvals import selectors
from approvals.choices import AssignmentKind, DecisionType, Status, Via
from approvals.models import Approval
from approvals.rules.answers import APPROVED, SPELLINGS, Answer
from approvals.services.deciding import vote_as_json
from langorch.lib import clock
from langorch.lib.errors import Invalid, Place
from tenants.actor import Actor
from tenants.api.paging import PageQuery

Form = serializers.Serializer[Any]

KEYSETS = {"created": ("created_at", "id"), "due": ("due_order", "id")}


class ApprovalQuery(PageQuery):
    status = serializers.ChoiceField(choices=Status.values, required=False)
    run_id = serializers.UUIDField(required=False)
    project_id = serializers.UUIDField(required=False)
    procedure_id = serializers.CharField(required=False, max_length=128)
    mine = serializers.BooleanField(default=False, help_text="Those that wait for the caller.")
    delegated = serializers.BooleanField(default=False, help_text="Those that somebody passed on to the caller.")
    overdue = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = serializers.CharField(required=False, max_length=200)
    sort = serializers.ChoiceField(choices=sorted(KEYSETS), default="created")
    order = serializers.ChoiceField(
        choices=["asc", "desc"], required=False, help_text="Default: newest first; by due time, the first due first."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("order", "asc" if attrs["sort"] == "due" else "desc")
        return attrs


class DecisionIn(Form):
    """`status` and `resolved_decision` are other names of `decision`; names of people are kept as a note."""

    decision = serializers.CharField(required=False, allow_null=True, help_text="approve, reject, or an option.")
    status = serializers.CharField(required=False, allow_null=True)
    resolved_decision = serializers.CharField(required=False, allow_null=True)
    comment = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    selected_option = serializers.CharField(required=False, allow_null=True)
    payload = serializers.DictField(required=False, allow_null=True)
    edits = serializers.DictField(required=False, allow_null=True)
    decided_by = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    approver_name = serializers.CharField(required=False, allow_blank=True, allow_null=True)


class OptionOut(Form):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class AssigneesOut(Form):
    users = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField())


class QuorumOut(Form):
    need = serializers.IntegerField()
    have = serializers.IntegerField()


class VoteOut(Form):
    decided_by = serializers.CharField()
    decision = serializers.CharField()
    selected_option = serializers.CharField(allow_null=True)
    comment = serializers.CharField()
    via = serializers.ChoiceField(choices=Via.values)
    decided_at = serializers.DateTimeField()


class ApprovalOut(Form):
    approval_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    run_status = serializers.CharField(allow_null=True)
    node_id = serializers.CharField()
    path = serializers.CharField()
    procedure_id = serializers.CharField()
    procedure_version = serializers.CharField()
    project_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    prompt = serializers.CharField()
    decision_type = serializers.ChoiceField(choices=DecisionType.values)
    options = OptionOut(many=True)
    form = serializers.JSONField(allow_null=True)
    editable = serializers.JSONField()
    context_data = serializers.JSONField()
    assignees = AssigneesOut()
    approval_level = serializers.CharField(allow_null=True)
    quorum = QuorumOut()
    votes = VoteOut(many=True)
    status = serializers.ChoiceField(choices=Status.values)
    decided_by = serializers.CharField(allow_null=True)
    on_behalf_of = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    via = serializers.ChoiceField(choices=Via.values, allow_null=True)
    decision_payload = serializers.JSONField(allow_null=True)
    selected_option = serializers.CharField(allow_null=True)
    edits = serializers.JSONField()
    comment = serializers.CharField(allow_null=True)
    client_note = serializers.CharField(allow_null=True)
    evidence_hash = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    overdue = serializers.BooleanField()
    can_decide = serializers.JSONField(help_text="true, or the reason why not")


def wanted_rows(actor: Actor, wanted: Mapping[str, Any]) -> QuerySet[Approval]:
    """The approvals that checked query parameters ask for, as far as `actor` may see them."""
    rows = selectors.waiting_for_me(actor) if wanted["mine"] else selectors.visible_to(actor)
    if wanted["delegated"]:
        return rows.none()
    for name in ("status", "run_id", "project_id", "procedure_id"):
        if wanted.get(name) is not None:
            rows = rows.filter(**{name: wanted[name]})
    if wanted["overdue"] is not None:
        late = Q(status=Status.PENDING, expires_at__lte=clock.now())
        rows = rows.filter(late) if wanted["overdue"] else rows.exclude(late)
    if text := wanted.get("search"):
        rows = rows.filter(Q(title__icontains=text) | Q(prompt__icontains=text) | Q(run_title__icontains=text))
    return rows


def answer_in(approval: Approval, body: Mapping[str, Any]) -> Answer:
    """What a checked `DecisionIn` decides. Raises `Invalid` (invalid_decision) when it does not say what."""
    word = next((body[name] for name in ("decision", "status", "resolved_decision") if body.get(name)), None)
    if word is None:
        places = [Place("Say approve or reject.", code="required", field="decision", pointer="/decision")]
        raise Invalid("The decision is missing.", code="invalid_decision", places=places)
    option = body.get("selected_option")
    if option is None and word in selectors.question(approval).options:
        word, option = APPROVED, word
    return Answer(
        verdict=SPELLINGS.get(word.strip().lower(), word),
        comment=body.get("comment") or "",
        selected_option=option,
        payload=body.get("payload"),
        edits=body.get("edits") or {},
    )


def note_in(body: Mapping[str, Any]) -> str:
    """The names that a client gave; whoever decided is known from the identity alone."""
    given = [body.get(name) for name in ("decided_by", "approver_name")]
    return ", ".join(dict.fromkeys(name for name in given if name))


def shown_all(actor: Actor, approvals: Iterable[Approval]) -> list[dict[str, Any]]:
    """ApprovalOut of each of `approvals`, which have their details loaded; a constant number of queries."""
    rows = list(approvals)
    statuses = selectors.run_statuses(rows)
    groups = selectors.group_names(actor)
    return [shown(approval, statuses, selectors.can_decide(actor, approval, groups)) for approval in rows]


def shown(approval: Approval, statuses: Mapping[UUID, str], may_decide: bool | str) -> dict[str, Any]:
    """ApprovalOut of one approval."""
    return {
        "approval_id": approval.pk,
        "run_id": approval.run_id,
        "run_status": statuses.get(approval.run_id),
        "node_id": approval.node_id,
        "path": approval.path,
        "procedure_id": approval.procedure_id,
        "procedure_version": approval.procedure_version,
        "project_id": approval.project_id,
        **_question(approval),
        "assignees": _assignees(approval),
        "approval_level": approval.rules["approval_level"] or None,
        "quorum": {"need": approval.rules["min_approvers"], "have": selectors.approving_votes(approval)},
        "votes": [vote_as_json(vote) for vote in approval.votes.all()],
        **_decision(approval),
        "evidence_hash": approval.evidence_hash,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "overdue": selectors.is_overdue(approval),
        "can_decide": may_decide,
    }


def _question(approval: Approval) -> dict[str, Any]:
    names = ("title", "prompt", "decision_type", "options", "form", "editable", "context_data")
    return {name: getattr(approval, name) for name in names}


def _decision(approval: Approval) -> dict[str, Any]:
    return {
        "status": approval.status,
        "decided_by": approval.decided_by or None,
        "on_behalf_of": None,
        "decided_at": approval.decided_at,
        "via": approval.via or None,
        "decision_payload": approval.decision_payload,
        "selected_option": approval.selected_option,
        "edits": selectors.corrections_shown(approval),
        "comment": approval.comment or None,
        "client_note": approval.client_note or None,
    }


def _assignees(approval: Approval) -> dict[str, list[str]]:
    kinds = {"users": AssignmentKind.USER, "groups": AssignmentKind.GROUP, "roles": AssignmentKind.ROLE}
    rows = list(approval.assignments.all())
    found = {name: sorted(row.name for row in rows if row.kind == kind) for name, kind in kinds.items()}
    found["roles"] += [row.name for row in rows if row.kind == AssignmentKind.FALLBACK]
    return found
