"""What runs did. Values are shown on the page of the run, where they are masked."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse

from orchestration.models import (
    Artifact,
    Event,
    IdempotencyKey,
    Run,
    SearchValue,
    Snapshot,
    SpaceProbe,
    StepRecord,
    Visit,
    Wait,
)
from tenants.actor import Actor
from tenants.admin.base import PlatformAdmin, ScopedAdmin


class RecordAdmin(ScopedAdmin):
    """Rows that belong to a run, whose people they share."""

    list_select_related = ["run"]

    def visible_to(self, actor: Actor) -> QuerySet[Event]:
        rows: QuerySet[Event] = self.model._default_manager.filter(run__in=Run.objects.visible_to(actor).values("pk"))
        return rows

    def view_on_site(self, obj: Any) -> str:
        return reverse("run", args=[obj.run_id])


@admin.register(Event)
class EventAdmin(RecordAdmin):
    """Events in the order of each run."""

    list_display = ["run", "seq", "event_type", "node_id", "step_id", "attempt", "created_at"]
    list_filter = ["event_type"]
    search_fields = ["event_type", "node_id", "step_id", "run__procedure_key"]
    date_hierarchy = "created_at"
    fields = ["run", "seq", "event_type", "node_id", "step_id", "path", "attempt", "created_at", "trace_id"]
    ordering = ["-event_id"]


@admin.register(Visit)
class VisitAdmin(RecordAdmin):
    """Entries into nodes."""

    list_display = ["run", "path", "node_id", "state", "outcome", "next_node", "started_at", "ended_at"]
    list_filter = ["state", "outcome"]
    search_fields = ["path", "node_id", "run__procedure_key"]
    date_hierarchy = "started_at"
    fields = ["run", "path", "region", "pos", "node_id", "state", "outcome", "next_node", "started_at", "ended_at"]
    ordering = ["-id"]


@admin.register(StepRecord)
class StepRecordAdmin(RecordAdmin):
    """Steps with a recorded result."""

    list_display = ["run", "path", "step_id", "action", "state", "attempt", "started_at", "duration_ms"]
    list_filter = ["state", "action"]
    search_fields = ["path", "step_id", "action", "run__procedure_key"]
    date_hierarchy = "started_at"
    fields = ["run", "path", "node_id", "step_id", "action", "state", "attempt", "fence", "started_at", "duration_ms"]
    ordering = ["-id"]


@admin.register(Wait)
class WaitAdmin(RecordAdmin):
    """What visits wait for."""

    list_display = ["run", "path", "kind", "state", "since", "until", "closed_at"]
    list_filter = ["state", "kind"]
    search_fields = ["path", "ref", "run__procedure_key"]
    date_hierarchy = "since"
    fields = ["run", "path", "step_id", "kind", "ref", "state", "since", "until", "closed_at"]
    ordering = ["-id"]


@admin.register(Artifact)
class ArtifactAdmin(RecordAdmin):
    """Files of runs, without their place on the disk."""

    list_display = ["name", "run", "kind", "mime_type", "size_bytes", "classification", "created_at"]
    list_filter = ["kind", "classification"]
    search_fields = ["name", "node_id", "run__procedure_key"]
    date_hierarchy = "created_at"
    fields = [
        "run",
        "name",
        "kind",
        "mime_type",
        "size_bytes",
        "sha256",
        "classification",
        "node_id",
        "step_id",
        "path",
        "created_at",
    ]

    def view_on_site(self, obj: Any) -> str:
        return f"{reverse('run', args=[obj.run_id])}?tab=artifacts&artifact={obj.pk}#a-{obj.pk}"


@admin.register(Snapshot)
class SnapshotAdmin(RecordAdmin):
    """Positions whose variables are kept."""

    list_display = ["run", "region", "pos", "reason", "pinned", "created_at"]
    list_filter = ["reason", "pinned"]
    search_fields = ["region", "reason", "run__procedure_key"]
    date_hierarchy = "created_at"
    fields = ["run", "region", "pos", "reason", "pinned", "created_at"]
    ordering = ["-id"]


@admin.register(SearchValue)
class SearchValueAdmin(RecordAdmin):
    """Values of searchable variables, by which runs are found."""

    list_display = ["run", "name", "text", "number"]
    list_filter = ["name"]
    search_fields = ["name", "text"]
    date_hierarchy = "run__created_at"
    fields = ["run", "name", "text", "number"]
    ordering = ["-id"]


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ScopedAdmin):
    """Keys that documents gave to steps, and whose result they stand for."""

    list_display = ["scope", "owner", "action", "state", "path", "step_id", "updated_at"]
    list_filter = ["scope", "state"]
    search_fields = ["owner", "action", "path", "step_id", "run_id__startswith"]
    date_hierarchy = "updated_at"
    fields = ["scope", "owner", "action", "state", "run_id", "path", "step_id", "updated_at"]
    ordering = ["-updated_at"]


@admin.register(SpaceProbe)
class SpaceProbeAdmin(PlatformAdmin):
    """Rows that are there for a moment, to see whether there is room for any."""

    list_display = ["id", "at"]
    search_fields = ["id"]
    date_hierarchy = "at"
    fields = ["at"]
    ordering = ["-id"]
