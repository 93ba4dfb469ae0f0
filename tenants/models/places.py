"""Where work belongs: a tenant, and inside it projects."""

from uuid import UUID

from django.core.validators import RegexValidator
from django.db import models

from langorch.lib import ids
from tenants.choices import CAPABILITY_PERMISSIONS
from tenants.models.base import TenantOwned

SLUG = RegexValidator(r"^[a-z0-9][a-z0-9-]{0,62}$", "small letters, digits and dashes")


class Tenant(models.Model):
    """One customer of the installation; nothing crosses its border."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    slug = models.CharField(max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    active = models.BooleanField(default=True)
    weight = models.PositiveSmallIntegerField(default=1)
    max_open_runs = models.PositiveIntegerField(null=True, blank=True)
    max_running_runs = models.PositiveIntegerField(null=True, blank=True)
    last_version_number = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = CAPABILITY_PERMISSIONS
        constraints = [models.CheckConstraint(condition=models.Q(weight__gte=1), name="tenant_weight_positive")]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> UUID:
        return self.id

    @property
    def project_id(self) -> None:
        return None


class Project(TenantOwned):
    """A part of a tenant with its own people and settings."""

    project_path = ""

    name = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        permissions = CAPABILITY_PERMISSIONS
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="project_name_once_per_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def project_id(self) -> UUID:
        return self.id
