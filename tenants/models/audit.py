"""Who did what, when, to which thing, from where."""

from django.conf import settings
from django.db import models

from tenants.models.base import TenantOwned


class AuditEntry(TenantOwned):
    """One deed of an identity. Written with the change, never altered."""

    project = models.ForeignKey("tenants.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    ts = models.DateTimeField(db_index=True)
    category = models.CharField(max_length=32)
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    via = models.CharField(max_length=16)
    address = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=500)
    resource_type = models.CharField(max_length=32, blank=True)
    resource_id = models.CharField(max_length=200, blank=True)
    meta = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-ts"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["tenant", "-ts"]),
            models.Index(fields=["tenant", "resource_type", "resource_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.description}"
