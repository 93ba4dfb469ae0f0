"""Procedures in the admin. Documents are made by importing; versions change their status here by the same service."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from procedures import services
from procedures.choices import VersionStatus
from procedures.models import CurrentVersion, Document, Procedure, ProcedureVersion
from tenants.access import actor_of
from tenants.actor import Actor
from tenants.admin.base import ScopedAdmin, at_once


@admin.register(Procedure)
class ProcedureAdmin(ScopedAdmin):
    """What versions have in common."""

    list_display = ["procedure_id", "name", "project", "created_at"]
    list_filter = [("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["procedure_id", "name"]
    date_hierarchy = "created_at"
    fields = ["procedure_id", "name", "project", "created_at"]

    def view_on_site(self, obj: Procedure) -> str:
        return reverse("procedure", args=[obj.procedure_id])


@admin.register(ProcedureVersion)
class ProcedureVersionAdmin(ScopedAdmin):
    """Versions. Their text and drawing are on the version's page."""

    list_display = ["procedure", "version", "status", "name", "node_count", "created_by", "created_at"]
    list_filter = ["status", ("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["procedure"]
    search_fields = ["procedure__procedure_id", "version", "name", "description", "created_by"]
    date_hierarchy = "created_at"
    fields = [
        "procedure",
        "version",
        "status",
        "name",
        "description",
        "project",
        "node_count",
        "problem_counts",
        "tags",
        "document_hash",
        "source_hash",
        "created_by",
        "created_at",
        "updated_at",
    ]
    actions = ["publish", "deprecate", "archive"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProcedureVersion]:
        return super().get_queryset(request).defer("source", "search_text", "problems")

    def view_on_site(self, obj: ProcedureVersion) -> str:
        return reverse("version", args=[obj.procedure.procedure_id, obj.version])

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("procedures.edit")

    @admin.action(description="Publish the selected versions", permissions=["edit"])
    def publish(self, request: HttpRequest, queryset: QuerySet[ProcedureVersion]) -> None:
        self._move(request, queryset, "Publish", VersionStatus.ACTIVE)

    @admin.action(description="Deprecate the selected versions", permissions=["edit"])
    def deprecate(self, request: HttpRequest, queryset: QuerySet[ProcedureVersion]) -> None:
        self._move(request, queryset, "Deprecate", VersionStatus.DEPRECATED)

    @admin.action(description="Archive the selected versions", permissions=["edit"])
    def archive(self, request: HttpRequest, queryset: QuerySet[ProcedureVersion]) -> None:
        self._move(request, queryset, "Archive", VersionStatus.ARCHIVED)

    def _move(
        self, request: HttpRequest, queryset: QuerySet[ProcedureVersion], verb: str, status: VersionStatus
    ) -> None:
        actor = actor_of(request)
        at_once(self, request, queryset, verb, lambda row, _: services.change_status(actor, row, status))


@admin.register(CurrentVersion)
class CurrentVersionAdmin(ScopedAdmin):
    """Which version a channel uses."""

    list_display = ["procedure", "channel", "version", "promoted_by", "promoted_at"]
    list_filter = ["channel"]
    list_select_related = ["procedure", "version__procedure"]
    search_fields = ["procedure__procedure_id", "version__version", "promoted_by"]
    date_hierarchy = "promoted_at"


@admin.register(Document)
class DocumentAdmin(ScopedAdmin):
    """Documents under their hash. They never change; the text is on the version's page."""

    list_display = ["document_hash", "created_at"]
    search_fields = ["document_hash", "versions__procedure__procedure_id"]
    date_hierarchy = "created_at"
    fields = ["document_hash", "created_at"]

    def visible_to(self, actor: Actor) -> QuerySet[Document]:
        theirs = ProcedureVersion.objects.visible_to(actor).values("document")
        return Document.objects.filter(pk__in=theirs).marked_scoped()
