"""An approval, its decisions, and the mails that tell people of it.

The run is named by id only: approvals lie below runs and do not know them (see `ports`).
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from approvals.choices import DecisionType, NoticeState, Status, Verdict, Via
from tenants.models import TenantOwned


class Approval(TenantOwned):
    """One question of one visit of a run. `retry` is the run's count of retries, so a retried run asks anew."""

    project = models.ForeignKey("tenants.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    run_id = models.UUIDField(db_index=True)
    path = models.CharField(max_length=500)
    retry = models.PositiveIntegerField(default=0)
    node_id = models.CharField(max_length=128)
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
    comment = models.TextField(blank=True)
    client_note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)

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
            models.Index(fields=["tenant", "status", "expires_at"]),
            models.Index(fields=["expires_at"], condition=Q(status="pending"), name="approval_due"),
        ]

    def __str__(self) -> str:
        return self.title


class Vote(TenantOwned):
    """What one person decided; with a quorum several of them make the decision."""

    project_path = "approval__project"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=150)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    selected_option = models.CharField(max_length=300, null=True, blank=True)
    payload = models.JSONField(null=True)
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
    """A mail that is to be sent, and the link in it. The row is the queue and the history."""

    project_path = "approval__project"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.EmailField()
    state = models.CharField(max_length=16, choices=NoticeState.choices, default=NoticeState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
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
