"""An approval, who is asked, what they decided, and the mails that tell them of it.

The run is named by id only: approvals lie below runs and do not know them (see `ports`).
"""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from approvals.choices import AssignmentKind, DecisionType, NoticeState, Status, Verdict, Via
from tenants.models import TenantOwned

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Where a question without a due time stands among those that have one."""


class Approval(TenantOwned):
    """One question of one visit of a run. `retry` is the run's count of retries, so a retried run asks anew.

    `rules` are the numbers and habits of `services.opening.rules_of`; `editable` is a list of
    {name, label, schema, value, perhaps hidden}. `due_order` is `expires_at` or NEVER, `acts_at` is when
    the system itself does something next.
    """

    project = models.ForeignKey("tenants.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    run_id = models.UUIDField(db_index=True)
    path = models.CharField(max_length=500)
    retry = models.PositiveIntegerField(default=0)
    node_id = models.CharField(max_length=128)
    node_name = models.CharField(max_length=300, blank=True)
    procedure_id = models.CharField(max_length=128)
    procedure_version = models.CharField(max_length=64)
    run_title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    title = models.CharField(max_length=300)
    prompt = models.TextField(blank=True)
    decision_type = models.CharField(max_length=16, choices=DecisionType.choices)
    options = models.JSONField(default=list)
    form = models.JSONField(null=True)
    editable = models.JSONField(default=list)
    context_data = models.JSONField(default=dict)
    evidence_hash = models.CharField(max_length=64)
    rules = models.JSONField(default=dict)
    initiator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    via = models.CharField(max_length=16, choices=Via.choices, blank=True)
    selected_option = models.CharField(max_length=300, null=True, blank=True)
    decision_payload = models.JSONField(null=True)
    edits = models.JSONField(default=dict)
    comment = models.TextField(blank=True)
    client_note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_index=True)
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    due_order = models.DateTimeField(default=NEVER)
    acts_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["run_id", "path", "retry"], name="approval_once_per_visit"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="approval_status_known"),
            models.CheckConstraint(condition=Q(decision_type__in=DecisionType.values), name="approval_type_known"),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "rejected"]) | Q(decided_at__isnull=False) & ~Q(decided_by=""),
                name="approval_decision_has_author",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "status", "due_order", "id"], name="approval_by_due"),
            models.Index(fields=["tenant", "updated_at"], name="approval_changed"),
            models.Index(fields=["acts_at"], condition=Q(status="pending"), name="approval_acts"),
        ]

    def __str__(self) -> str:
        return self.title


class Assignment(TenantOwned):
    """Somebody who is asked (a person, a group, a role), or a person who may not decide, and why."""

    project_path = "approval__project"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="assignments")
    kind = models.CharField(max_length=16, choices=AssignmentKind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=150)
    reason = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "kind", "name"], name="assignment_once"),
            models.CheckConstraint(condition=Q(kind__in=AssignmentKind.values), name="assignment_kind_known"),
            models.CheckConstraint(
                condition=Q(kind__in=["user", "barred"], user__isnull=False)
                | ~Q(kind__in=["user", "barred"]) & Q(user__isnull=True),
                name="assignment_names_person_or_not",
            ),
        ]
        indexes = [models.Index(fields=["kind", "name"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Vote(TenantOwned):
    """What one person decided; with a quorum several of them make the decision."""

    project_path = "approval__project"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=150)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    selected_option = models.CharField(max_length=300, null=True, blank=True)
    payload = models.JSONField(null=True)
    edits = models.JSONField(default=dict)
    comment = models.TextField(blank=True)
    via = models.CharField(max_length=16, choices=Via.choices)
    evidence_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "user"], name="one_vote_per_person"),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="vote_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict}"


class Notice(TenantOwned):
    """A mail that is to be sent, and the link in it. The row is the queue and the history.

    The link's secret is in the mail alone; the row keeps its SHA-256.
    """

    project_path = "approval__project"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.EmailField()
    state = models.CharField(max_length=16, choices=NoticeState.choices, default=NoticeState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    link_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    link_expires_at = models.DateTimeField(null=True, blank=True)
    link_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["available_at"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "user"], name="one_notice_per_person"),
            models.CheckConstraint(condition=Q(state__in=NoticeState.values), name="notice_state_known"),
        ]
        indexes = [models.Index(fields=["available_at"], condition=Q(state="pending"), name="notice_due")]

    def __str__(self) -> str:
        return f"mail to {self.address}"
