"""A procedure, and its versions."""

from django.db import models
from django.db.models import Q

from procedures.choices import Channel, VersionStatus
from procedures.models.document import Document
from tenants.models import TenantOwned


class Procedure(TenantOwned):
    """What versions have in common: identity inside the tenant, and the project it belongs to."""

    project = models.ForeignKey(
        "tenants.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="procedures"
    )
    procedure_id = models.CharField(max_length=128)
    name = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["procedure_id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "procedure_id"], name="procedure_once_per_tenant"),
        ]

    def __str__(self) -> str:
        return self.procedure_id


class ProcedureVersion(TenantOwned):
    """One version: the text as imported, its canonical document, and what the compiler said."""

    project = models.ForeignKey("tenants.Project", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    procedure = models.ForeignKey(Procedure, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveBigIntegerField(editable=False)
    version = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.DRAFT)
    name = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    effective_date = models.DateField(null=True, blank=True)
    source = models.TextField()
    source_hash = models.CharField(max_length=64)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    document_hash = models.CharField(max_length=64, db_index=True)
    problems = models.JSONField(default=list)
    problem_counts = models.JSONField(default=dict)
    tags = models.JSONField(default=list)
    search_text = models.TextField(blank=True)
    metadata_text = models.TextField(blank=True)
    calls_text = models.TextField(blank=True)
    builder_draft = models.JSONField(null=True, blank=True)
    builder_draft_updated_at = models.DateTimeField(null=True, blank=True)
    node_count = models.PositiveIntegerField(default=0)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["procedure", "version"], name="version_once_per_procedure"),
            models.UniqueConstraint(fields=["tenant", "number"], name="version_number_once_per_tenant"),
            models.CheckConstraint(condition=Q(status__in=VersionStatus.values), name="version_status_known"),
        ]
        indexes = [models.Index(fields=["tenant", "status", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.procedure.procedure_id}@{self.version}"


class CurrentVersion(TenantOwned):
    """Which version a channel uses; at most one per procedure and channel."""

    project_path = "procedure__project"

    procedure = models.ForeignKey(Procedure, on_delete=models.CASCADE, related_name="current_versions")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    version = models.ForeignKey(ProcedureVersion, on_delete=models.CASCADE, related_name="current_in")
    promoted_from_version = models.CharField(max_length=64, blank=True)
    promoted_by = models.CharField(max_length=150)
    promoted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["procedure", "channel"], name="one_current_version_per_channel"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="channel_known"),
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.channel}"
