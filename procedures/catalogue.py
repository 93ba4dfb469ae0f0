"""The list of procedures as people read it: newest version, and which version each channel uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Subquery

from procedures.models import CurrentVersion, Procedure, ProcedureVersion
from tenants.actor import Actor
from tenants.models import Project

PAGE_SIZE = 50
SHOWN = ("version", "name", "description", "status", "updated_at")
CURRENT = ("channel", "procedure", "version__version")


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    procedure: Procedure
    newest: ProcedureVersion
    channels: dict[str, str]


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """Procedures by id; `after` is the id behind which the next page begins, null on the last."""

    rows: Sequence[CatalogueRow]
    after: str | None


def catalogue(actor: Actor, project: Project | None = None, *, search: str = "", after: str = "") -> CataloguePage:
    """The procedures an actor may see behind the id `after`; `search` looks at names, descriptions and tags."""
    newest = ProcedureVersion.system.filter(procedure=OuterRef("pk")).order_by("-number").values("pk")[:1]
    found = Procedure.objects.visible_to(actor).select_related("project").annotate(newest_id=Subquery(newest))
    if project:
        found = found.filter(project=project)
    if search:
        matching = ProcedureVersion.system.filter(search_text__contains=search.lower())
        found = found.filter(pk__in=matching.values("procedure"))
    behind = found.filter(procedure_id__gt=after, newest_id__isnull=False).order_by("procedure_id")
    page = list(behind[: PAGE_SIZE + 1])
    shown = page[:PAGE_SIZE]
    return CataloguePage(_rows(shown), shown[-1].procedure_id if len(page) > PAGE_SIZE else None)


def _rows(page: Sequence[Procedure]) -> list[CatalogueRow]:
    keys = [procedure.pk for procedure in page]
    newest_ids = [vars(procedure)["newest_id"] for procedure in page]
    versions = ProcedureVersion.system.filter(pk__in=newest_ids)
    newest = {row.procedure_id: row for row in versions.only("procedure", *SHOWN)}
    channels: dict[UUID, dict[str, str]] = {}
    for current in CurrentVersion.system.filter(procedure__in=keys).select_related("version").only(*CURRENT):
        channels.setdefault(current.procedure_id, {})[current.channel] = current.version.version
    return [CatalogueRow(row, newest[row.pk], channels.get(row.pk, {})) for row in page]
