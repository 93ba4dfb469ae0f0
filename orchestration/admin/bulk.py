"""Bulk jobs and how it went with each of their runs."""

from django.contrib import admin
from django.db.models import QuerySet

from orchestration import bulk_selectors
from orchestration.models import Bulk, BulkItem
from tenants.actor import Actor
from tenants.admin.base import ScopedAdmin


@admin.register(Bulk)
class BulkAdmin(ScopedAdmin):
    """What somebody wants done to many runs."""

    list_display = ["verb", "state", "reason", "actor", "created_at", "ended_at"]
    list_filter = ["verb", "state"]
    search_fields = ["reason", "actor", "label"]
    date_hierarchy = "created_at"
    fields = ["verb", "label", "reason", "state", "actor", "created_at", "ended_at"]

    def visible_to(self, actor: Actor) -> QuerySet[Bulk]:
        return bulk_selectors.bulk_jobs_of(actor)


@admin.register(BulkItem)
class BulkItemAdmin(ScopedAdmin):
    """One run of a bulk job."""

    list_display = ["bulk", "run_id", "state", "code", "detail"]
    list_filter = ["state", "code"]
    list_select_related = ["bulk"]
    search_fields = ["bulk__reason", "detail", "run_id__startswith"]
    date_hierarchy = "bulk__created_at"
    fields = ["bulk", "run_id", "state", "code", "detail"]
    ordering = ["-id"]

    def visible_to(self, actor: Actor) -> QuerySet[BulkItem]:
        return BulkItem.objects.filter(bulk__in=bulk_selectors.bulk_jobs_of(actor).values("pk"))
