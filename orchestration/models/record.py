"""What a run did: visits, steps, waits; and snapshots that shorten reading them."""

from django.db import models
from django.db.models import Q

from orchestration.choices import StepState, VisitState, WaitKind, WaitState
from orchestration.models.run import Run

PATH_LENGTH = 500


class Visit(models.Model):
    """One entry into one node; its identity is run and path. A done visit is never executed again."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="visits", db_index=False)
    path = models.CharField(max_length=PATH_LENGTH)
    region = models.CharField(max_length=PATH_LENGTH, blank=True)
    pos = models.PositiveIntegerField()
    node_id = models.CharField(max_length=128)
    state = models.CharField(max_length=8, choices=VisitState.choices)
    outcome = models.CharField(max_length=16, blank=True)
    changes = models.JSONField(default=dict)
    next_node = models.CharField(max_length=128, blank=True)
    error = models.JSONField(null=True)
    data = models.JSONField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "path"], name="visit_once"),
            models.CheckConstraint(condition=Q(state__in=VisitState.values), name="visit_state_known"),
        ]

    def __str__(self) -> str:
        return self.path


class StepRecord(models.Model):
    """A unit with a recorded result inside a visit. Completed with a null result is a result.

    `irreversible`: what was sent must not happen twice.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    path = models.CharField(max_length=PATH_LENGTH)
    step_id = models.CharField(max_length=128)
    node_id = models.CharField(max_length=128)
    action = models.CharField(max_length=128)
    state = models.CharField(max_length=12, choices=StepState.choices)
    attempt = models.PositiveIntegerField(default=1)
    retries = models.PositiveIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    key = models.CharField(max_length=300, blank=True)
    agent = models.CharField(max_length=128, blank=True)
    irreversible = models.BooleanField(default=False)
    params = models.JSONField(null=True)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "path", "step_id"], name="step_once"),
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="step_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.path}/{self.step_id}"

    @property
    def seconds(self) -> float | None:
        """How long the last attempt took."""
        return None if self.duration_ms is None else self.duration_ms / 1000


class Wait(models.Model):
    """What a visit waits for; closed exactly once (runtime 2). `needs` says what would end it, or who placed it."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waits")
    path = models.CharField(max_length=PATH_LENGTH)
    step_id = models.CharField(max_length=128, blank=True)
    kind = models.CharField(max_length=12, choices=WaitKind.choices)
    ref = models.CharField(max_length=300)
    needs = models.JSONField(null=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=WaitState.choices, default=WaitState.OPEN)
    answer = models.JSONField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "path", "kind"], condition=Q(state="open"), name="one_open_wait_per_kind"
            ),
            models.CheckConstraint(condition=Q(state__in=WaitState.values), name="wait_state_known"),
            models.CheckConstraint(condition=Q(kind__in=WaitKind.values), name="wait_kind_known"),
        ]
        indexes = [
            models.Index(fields=["until"], condition=Q(state="open"), name="wait_due"),
            models.Index(fields=["kind", "ref"], condition=Q(state="open"), name="wait_by_ref"),
        ]

    def __str__(self) -> str:
        return f"{self.path} waits for {self.kind}"


class Snapshot(models.Model):
    """The variables at a position of a region, kept to shorten the fold and to pin a checkpoint."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="snapshots", db_index=False)
    region = models.CharField(max_length=PATH_LENGTH, blank=True)
    pos = models.PositiveIntegerField()
    reason = models.CharField(max_length=32)
    pinned = models.BooleanField(default=False)
    variables = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "region", "pos"], name="snapshot_once")]

    def __str__(self) -> str:
        return f"{self.region}#{self.pos}"
