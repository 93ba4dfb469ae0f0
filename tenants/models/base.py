"""What every row of a tenant has."""

from typing import ClassVar
from uuid import UUID

from django.db import models

from langorch.lib import ids
from tenants.actor import Actor
from tenants.managers import ScopedQuerySet


class TenantOwned(models.Model):
    """A row that names its tenant. `objects` must be scoped in views; `system` is for services and workers."""

    project_path: ClassVar[str] = "project"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, related_name="+")
    tenant_id: UUID

    system = models.Manager()
    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> models.Q:
        """The filter of rows on whose project or tenant `actor` holds `capability`."""
        return actor.scope(cls.project_path, capability)
