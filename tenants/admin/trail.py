"""The audit trail."""

from django.contrib import admin
from django.db import models

from tenants.actor import Actor
from tenants.admin.base import ScopedAdmin
from tenants.choices import Capability
from tenants.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ScopedAdmin):
    """Who did what, when, to which thing. Only to look at."""

    needs = "audit.view"
    list_display = ["ts", "actor", "action", "description", "via", "address"]
    list_filter = ["category", "via", ("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["actor", "action", "description", "resource_id"]
    date_hierarchy = "ts"
    ordering = ["-ts"]

    def visible_to(self, actor: Actor) -> models.QuerySet[AuditEntry]:
        return AuditEntry.objects.with_capability(actor, Capability.ADMINISTER)
