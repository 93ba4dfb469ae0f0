"""A run, and its place in the queue."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from orchestration.choices import ENDED, OPEN, Compensation, ExecutionMode, JobState, RunStatus, TriggerType
from procedures.choices import Channel
from tenants.models import TenantOwned

RARELY_SET = ("project", "initiator", "parent_run", "root_run", "retry_of", "forked_from")
"""Keys that few runs have: only those runs are indexed by them, as each move of a run writes all its indexes anew."""


class Run(TenantOwned):
    """One execution of one document. Moves only through `orchestration.transitions`."""

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(
        "tenants.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    procedure = models.ForeignKey("procedures.Procedure", on_delete=models.PROTECT, related_name="runs", db_index=False)
    document = models.ForeignKey("procedures.Document", on_delete=models.PROTECT, related_name="runs")
    procedure_key = models.CharField(max_length=128)
    procedure_version = models.CharField(max_length=64)
    document_hash = models.CharField(max_length=64)
    release_channel = models.CharField(max_length=8, choices=Channel.choices)
    is_test = models.BooleanField(default=False)
    title = models.CharField(max_length=300, blank=True)
    labels = models.JSONField(default=dict)
    case_id = models.CharField(max_length=128, blank=True)
    dedupe_key = models.CharField(max_length=64, blank=True)
    concurrency_key = models.CharField(max_length=64, blank=True)

    status = models.CharField(max_length=20, choices=RunStatus.choices, default=RunStatus.CREATED)
    cancel_requested = models.BooleanField(default=False)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=500, blank=True)
    canceled_by = models.CharField(max_length=150, blank=True)
    execution_mode = models.CharField(max_length=16, choices=ExecutionMode.choices, default=ExecutionMode.PRODUCTION)
    mock_external_calls = models.BooleanField(default=False)
    test_data_overrides = models.JSONField(default=dict)
    priority = models.SmallIntegerField(default=0)

    input_vars = models.JSONField(default=dict)
    output_vars = models.JSONField(null=True)
    error = models.JSONField(null=True)
    error_class = models.CharField(max_length=40, blank=True)
    compensation = models.CharField(
        max_length=8, choices=Compensation.choices, default=Compensation.NONE, blank=True, db_default=""
    )
    ends_as = models.CharField(max_length=20, choices=RunStatus.choices, blank=True, default="", db_default="")
    recovered_via = models.CharField(max_length=128, blank=True)
    last_node_id = models.CharField(max_length=128, blank=True)
    last_step_id = models.CharField(max_length=128, blank=True)

    trigger_type = models.CharField(max_length=16, choices=TriggerType.choices, default=TriggerType.MANUAL)
    triggered_by = models.CharField(max_length=200)
    initiator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    parent_run = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", db_index=False
    )
    root_run = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    parent_path = models.CharField(max_length=500, blank=True)
    depth = models.PositiveSmallIntegerField(default=0)
    subflow_versions = models.JSONField(default=dict)
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries", db_index=False
    )
    forked_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="forks", db_index=False
    )
    retry_count = models.PositiveIntegerField(default=0)

    fence = models.PositiveBigIntegerField(default=0)
    last_seq = models.PositiveBigIntegerField(default=0)
    fresh = models.BooleanField(default=True)

    prompt_tokens = models.PositiveBigIntegerField(null=True)
    completion_tokens = models.PositiveBigIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=6, null=True)

    created_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    active_from = models.DateTimeField(null=True, blank=True)
    asleep_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=sorted(ENDED), ended_at__isnull=False)
                | Q(~Q(status__in=sorted(ENDED)), ended_at__isnull=True),
                name="run_ended_at_iff_ended",
            ),
            models.CheckConstraint(condition=~Q(status="failed") | Q(error__isnull=False), name="failed_run_has_error"),
            models.CheckConstraint(
                condition=Q(compensation__in=Compensation.values)
                & (Q(ends_as="") | Q(ends_as__in=sorted(ENDED), compensation__in=["wanted", "started"])),
                name="run_compensation_known",
            ),
            models.CheckConstraint(condition=Q(priority__gte=-100, priority__lte=100), name="run_priority_in_range"),
            models.CheckConstraint(condition=Q(trigger_type__in=TriggerType.values), name="run_trigger_known"),
            models.CheckConstraint(condition=Q(execution_mode__in=ExecutionMode.values), name="run_mode_known"),
            models.UniqueConstraint(
                fields=["parent_run", "parent_path"],
                condition=Q(parent_run__isnull=False, status__in=sorted(OPEN)),
                name="one_open_child_per_visit",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="run_newest"),
            models.Index(fields=["tenant", "status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["tenant", "updated_at"], name="run_changed"),
            models.Index(fields=["procedure", "-created_at"], name="run_by_procedure"),
            models.Index(
                fields=["procedure", "dedupe_key", "-created_at"], condition=~Q(dedupe_key=""), name="run_by_dedupe_key"
            ),
            models.Index(
                fields=["procedure", "concurrency_key"],
                condition=Q(started_at__isnull=False, ended_at__isnull=True),
                name="run_begun_by_procedure",
            ),
            models.Index(
                fields=["cancel_asked_at"],
                condition=Q(status__in=sorted(OPEN), cancel_requested=True),
                name="run_to_be_canceled",
            ),
            *(
                models.Index(fields=[key], condition=Q(**{f"{key}__isnull": False}), name=f"run_by_{key}")
                for key in RARELY_SET
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.procedure_key}@{self.procedure_version}"


class RunJob(models.Model):
    """The queue: one row per run (runtime 4). Its state pairs with the run's status; `cause` says why it is ready.

    `place` is the project, or the tenant for a run of none. A `lane` are the runs that share a limit of their document:
    at most `max_runs` occupy it. `over_limit` says that the lane was full when a worker came by; `told` names the
    limits of which the run's events speak already. `due_at` is the nearest deadline of a run that no worker has.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="job")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+", db_index=False)
    place = models.UUIDField()
    lane = models.CharField(max_length=97, blank=True)
    max_runs = models.PositiveIntegerField(null=True, blank=True)
    count_waiting = models.BooleanField(default=False)
    over_limit = models.BooleanField(default=False)
    told = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.READY)
    priority = models.SmallIntegerField(default=0)
    available_at = models.DateTimeField()
    ready_since = models.DateTimeField()
    lease_owner = models.CharField(max_length=150, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    wake_seq = models.PositiveBigIntegerField(default=0)
    taken_seq = models.PositiveBigIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    losses = models.PositiveSmallIntegerField(default=0)
    cause = models.CharField(max_length=24, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=Q(state="leased", lease_until__isnull=False) & ~Q(lease_owner="")
                | Q(~Q(state="leased"), lease_until__isnull=True, lease_owner=""),
                name="job_lease_iff_leased",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "place", "-priority", "available_at", "run"],
                condition=Q(state="ready", over_limit=False),
                name="job_next",
            ),
            models.Index(
                fields=["lane", "-priority", "available_at", "run"],
                condition=Q(state="ready", over_limit=True),
                name="job_over_limit",
            ),
            models.Index(fields=["lease_until"], condition=Q(state="leased"), name="job_leased"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="job_due"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.state}"
