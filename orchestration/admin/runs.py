"""Runs and the queue."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from orchestration import services
from orchestration.models import Run, RunJob
from tenants.access import actor_of
from tenants.actor import Actor
from tenants.admin.base import ScopedAdmin, confirmed


@admin.register(Run)
class RunAdmin(ScopedAdmin):
    """Runs. Inputs, outputs and what happened are on the run's page."""

    list_display = ["__str__", "status", "procedure_key", "procedure_version", "triggered_by", "created_at", "ended_at"]
    list_filter = ["status", "trigger_type", "error_class", ("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["title", "procedure_key", "triggered_by", "id__startswith"]
    date_hierarchy = "created_at"
    fields = [
        "id",
        "title",
        "status",
        "procedure",
        "procedure_version",
        "release_channel",
        "project",
        "priority",
        "labels",
        "trigger_type",
        "triggered_by",
        "last_node_id",
        "error_class",
        "cancel_requested",
        "canceled_by",
        "cancel_reason",
        "retry_of",
        "retry_count",
        "parent_run",
        "created_at",
        "started_at",
        "ended_at",
    ]
    actions = ["cancel", "retry", "delete_runs"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).defer("input_vars", "output_vars", "test_data_overrides", "error")

    def view_on_site(self, obj: Run) -> str:
        return reverse("run", args=[obj.pk])

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("runs.operate")

    @admin.action(description="Cancel the selected runs…", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Cancel", lambda run, reason: services.cancel_run(actor, run, reason))

    @admin.action(description="Retry the selected runs…", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(
            self, request, queryset, "Retry", lambda run, reason: services.retry_run(actor, run, reason=reason)
        )

    @admin.action(description="Delete the selected runs…", permissions=["operate"])
    def delete_runs(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Delete", lambda run, reason: services.delete_run(actor, run, reason))


@admin.register(RunJob)
class RunJobAdmin(ScopedAdmin):
    """The queue: one row per run."""

    list_display = ["run", "state", "priority", "available_at", "lease_owner", "lease_until", "losses"]
    list_filter = ["state", "lease_owner"]
    list_select_related = ["run"]
    search_fields = ["lease_owner", "run__title", "run__procedure_key"]
    date_hierarchy = "available_at"
    exclude = ["tenant"]

    def visible_to(self, actor: Actor) -> QuerySet[RunJob]:
        return RunJob.objects.filter(run__in=Run.objects.visible_to(actor).values("pk"))
