"""Reading procedures and their versions on behalf of somebody, and choosing the version a start takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from langorch.lib import clock
from langorch.lib.errors import Conflict, NotFound
from procedures.choices import Channel, VersionStatus
from procedures.indexing import tag_line
from procedures.models import CurrentVersion, Procedure, ProcedureVersion
from tenants.actor import Actor

LATEST = "latest"
HIGHEST_FIRST = (Channel.PROD, Channel.QA, Channel.DEV)


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """What a list of versions is narrowed to. All `tags` must be there; texts are found anywhere, in any case."""

    project_id: UUID | None = None
    status: str | None = None
    channel: str | None = None
    tags: Sequence[str] = ()
    search: str = ""
    metadata_search: str = ""
    latest_only: bool = False


def procedure_for(actor: Actor, procedure_id: str) -> Procedure:
    """A procedure the actor may see. Raises `NotFound` (procedure_not_found)."""
    found = Procedure.objects.visible_to(actor).filter(procedure_id=procedure_id).first()
    if found is None:
        raise NotFound(f"There is no procedure {procedure_id}.", code="procedure_not_found")
    return found


def versions_of(actor: Actor, procedure_id: str) -> QuerySet[ProcedureVersion]:
    """All versions of a procedure, newest first, without their texts. Raises `NotFound` (procedure_not_found)."""
    procedure = procedure_for(actor, procedure_id)
    return _listed(ProcedureVersion.objects.visible_to(actor).filter(procedure=procedure))


def versions_for(actor: Actor, wanted: VersionFilter = VersionFilter()) -> QuerySet[ProcedureVersion]:
    """The versions an actor may see, newest first, without their texts; archived ones only when asked for."""
    found = ProcedureVersion.objects.visible_to(actor)
    found = found.filter(status=wanted.status) if wanted.status else found.exclude(status=VersionStatus.ARCHIVED)
    if wanted.project_id:
        found = found.filter(project_id=wanted.project_id)
    if wanted.channel:
        found = found.filter(current_in__channel=wanted.channel)
    if wanted.search:
        found = found.filter(search_text__contains=wanted.search.lower())
    if wanted.metadata_search:
        found = found.filter(metadata_text__contains=wanted.metadata_search.lower())
    for tag in wanted.tags:
        found = found.filter(metadata_text__contains=f"\n{tag_line(tag)}\n")
    if wanted.latest_only:
        found = found.filter(number=Subquery(_newest_number()))
    return _listed(found)


def version_for(actor: Actor, procedure_id: str, version: str) -> ProcedureVersion:
    """One version with its text; `latest` is the newest that is not archived. Raises `NotFound`."""
    found = ProcedureVersion.objects.visible_to(actor).filter(procedure__procedure_id=procedure_id)
    found = found.select_related("procedure", "document").prefetch_related("current_in")
    if version == LATEST:
        row = found.order_by("-number").exclude(status=VersionStatus.ARCHIVED).first()
    else:
        row = found.filter(version=version).first()
    if row is None:
        raise NotFound(f"There is no version {version} of a procedure {procedure_id}.", code="procedure_not_found")
    return row


def current_for(actor: Actor, procedure_id: str) -> ProcedureVersion:
    """The version people mean by a procedure: current in its highest channel, else the newest. Raises `NotFound`."""
    procedure = procedure_for(actor, procedure_id)
    current = {row.channel: row.version.version for row in procedure.current_versions.select_related("version")}
    highest = next((current[channel] for channel in HIGHEST_FIRST if channel in current), LATEST)
    return version_for(actor, procedure_id, highest)


def resolve_for_start(
    procedure: Procedure, version: str | None = None, channel: str | None = None
) -> tuple[ProcedureVersion, str]:
    """The version that a start takes, and its channel (CKP 8).

    Naming neither takes the current version of the highest channel that has one, else the newest draft, in dev. Raises
    `NotFound` (procedure_not_found), or `Conflict` (procedure_not_runnable) where status, channel or date forbid it.
    """
    chosen, taken = _chosen(procedure, version, channel)
    if chosen.status not in (VersionStatus.DRAFT, VersionStatus.ACTIVE):
        raise _not_runnable(f"Version {chosen.version} is {chosen.status}; no new runs start from it.")
    if chosen.status == VersionStatus.DRAFT and taken != Channel.DEV:
        raise _not_runnable(f"Version {chosen.version} is a draft; drafts run in channel dev only.")
    if takes_effect_later(chosen):
        raise _not_runnable(f"Version {chosen.version} takes effect on {chosen.effective_date}.")
    return chosen, taken


def takes_effect_later(version: ProcedureVersion) -> bool:
    """Whether the day of a version has not come yet in its own time zone."""
    return bool(version.effective_date and version.effective_date > _today(version))


def channels_of(version: ProcedureVersion) -> list[str]:
    """The channels where a version is current, highest first."""
    current = {row.channel for row in version.current_in.all()}
    return [channel for channel in HIGHEST_FIRST if channel in current]


def _listed(rows: QuerySet[ProcedureVersion]) -> QuerySet[ProcedureVersion]:
    light = rows.defer("source", "problems", "search_text", "metadata_text", "calls_text", "builder_draft")
    current = CurrentVersion.system.all()
    return light.select_related("procedure").prefetch_related(Prefetch("current_in", current)).order_by("-number")


def _newest_number() -> QuerySet[ProcedureVersion, int]:
    sisters = ProcedureVersion.system.filter(procedure=OuterRef("procedure")).exclude(status=VersionStatus.ARCHIVED)
    return sisters.order_by("-number").values_list("number", flat=True)[:1]


def _chosen(procedure: Procedure, version: str | None, channel: str | None) -> tuple[ProcedureVersion, str]:
    if version and version != LATEST:
        return _exact(procedure, version, channel)
    current = {row.channel: row.version for row in procedure.current_versions.select_related("version__document")}
    if channel:
        if channel not in current:
            raise _not_runnable(f"No version of {procedure.procedure_id} is current in {channel}.")
        return current[channel], channel
    for highest in HIGHEST_FIRST:
        if highest in current:
            return current[highest], highest
    draft = _with_document(procedure).filter(status=VersionStatus.DRAFT).order_by("-number").first()
    if draft is None:
        raise _not_runnable(f"{procedure.procedure_id} has neither a published version nor a draft.")
    return draft, Channel.DEV


def _exact(procedure: Procedure, version: str, channel: str | None) -> tuple[ProcedureVersion, str]:
    found = _with_document(procedure).filter(version=version).first()
    if found is None:
        name = procedure.procedure_id
        raise NotFound(f"There is no version {version} of a procedure {name}.", code="procedure_not_found")
    current = channels_of(found)
    if channel and channel != Channel.DEV and channel not in current:
        raise _not_runnable(f"Version {version} is not current in {channel}.")
    return found, channel or (current[0] if current else Channel.DEV)


def _with_document(procedure: Procedure) -> QuerySet[ProcedureVersion]:
    return ProcedureVersion.system.filter(procedure=procedure).select_related("document")


def _today(version: ProcedureVersion) -> date:
    zone = version.document.canonical.get("global_config", {}).get("timezone") or "UTC"
    return clock.now().astimezone(ZoneInfo(zone)).date()


def _not_runnable(sentence: str) -> Conflict:
    return Conflict(sentence, code="procedure_not_runnable")
