"""Events of a run, numbered without gaps; and the files it produced."""

from django.db import models
from django.db.models import Q

from orchestration.choices import Classification
from orchestration.models.run import Run
from tenants.models import TenantOwned


class Event(models.Model):
    """One happening. `seq` is 1, 2, 3 … per run, taken from the run's row in the same transaction."""

    event_id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    event_type = models.CharField(max_length=48)
    node_id = models.CharField(max_length=128, blank=True)
    step_id = models.CharField(max_length=128, blank=True)
    path = models.CharField(max_length=500, blank=True)
    attempt = models.PositiveIntegerField(null=True)
    payload = models.JSONField(default=dict)
    trace_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["run", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="event_number_once")]

    def __str__(self) -> str:
        return f"{self.seq} {self.event_type}"


class Artifact(TenantOwned):
    """A file of a run, found by its row; no path of the disk is ever shown.

    `file` is its name in the storage, empty for a link; `uri` is where it is downloaded, or the link.
    """

    project_path = "run__project"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifacts")
    node_id = models.CharField(max_length=128, blank=True)
    step_id = models.CharField(max_length=128, blank=True)
    path = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=255)
    uri = models.CharField(max_length=2000)
    file = models.CharField(max_length=500, blank=True)
    mime_type = models.CharField(max_length=127)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    classification = models.CharField(max_length=16, choices=Classification.choices, default=Classification.INTERNAL)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(classification__in=Classification.values), name="artifact_classification_known"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="artifact_by_age")]

    def __str__(self) -> str:
        return self.name
