"""The canonical document under its hash: immutable, and kept while a version or a run points at it."""

from django.db import models

from tenants.models import TenantOwned


class Document(TenantOwned):
    """What a run executes. Never changed; equal content is stored once per tenant."""

    project_path = "versions__project"

    document_hash = models.CharField(max_length=64)
    canonical = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "document_hash"], name="document_once_per_tenant")]

    def __str__(self) -> str:
        return self.document_hash[:12]
