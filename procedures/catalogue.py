"""The list of procedures as people read it: newest version, and which version each channel uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Subquery

from procedures.models import CurrentVersion, Procedure, ProcedureVersion
from tenants.actor import Actor

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    procedure: Procedure
    newest: ProcedureVersion
    channels: dict[str, str]


def catalogue(actor: Actor, *, search: str = "", project_id: UUID | None = None, after: str = "") -> list[CatalogueRow]:
    """At most one row more than a page of the procedures an actor may see, by id, behind the id `after`."""
    newest = ProcedureVersion.system.filter(procedure=OuterRef("pk")).order_by("-created_at").values("pk")[:1]
    found = Procedure.objects.visible_to(actor).select_related("project").annotate(newest_id=Subquery(newest))
    if project_id:
        found = found.filter(project_id=project_id)
    if search:
        found = found.filter(versions__search_text__contains=search.lower()).distinct()
    page = list(found.filter(procedure_id__gt=after, newest_id__isnull=False)[: PAGE_SIZE + 1])
    return _rows(page)


def _rows(page: Sequence[Procedure]) -> list[CatalogueRow]:
    keys = [procedure.pk for procedure in page]
    newest_ids = [getattr(procedure, "newest_id") for procedure in page]  # noqa: B009 - an annotation
    versions = ProcedureVersion.system.filter(pk__in=newest_ids).defer("source", "problems", "search_text")
    newest = {version.procedure_id: version for version in versions}
    channels: dict[UUID, dict[str, str]] = {}
    for current in CurrentVersion.system.filter(procedure__in=keys).select_related("version"):
        channels.setdefault(current.procedure_id, {})[current.channel] = current.version.version
    return [CatalogueRow(row, newest[row.pk], channels.get(row.pk, {})) for row in page]
