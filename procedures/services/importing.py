"""Storing documents as versions: each hash once, each version once, drafts replaceable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from langorch.lib import clock
from langorch.lib.errors import Conflict, Denied, Invalid, Place, PreconditionFailed
from procedures import transitions
from procedures.choices import VersionStatus
from procedures.ckp.compile import UNHASHED
from procedures.ckp.notes import without_notes
from procedures.ckp.problems import Problem
from procedures.indexing import index_of
from procedures.models import Document, Procedure, ProcedureVersion
from procedures.remarks import remark
from procedures.services import publishing
from procedures.services.calling import obstacle
from procedures.services.checking import Checked, address_problems, check, counts, refused
from tenants import audit
from tenants.actor import Actor
from tenants.models import Project, Tenant


@dataclass(frozen=True, slots=True)
class Imported:
    """A stored version; `created` is False when the same content was there already."""

    version: ProcedureVersion
    created: bool
    problems: tuple[Problem, ...]


def import_document(actor: Actor, text: str | bytes, project: Project | None = None) -> Imported:
    """Store a document as a new version of its procedure; `status: active` in it publishes it in channel dev.

    Raises `Invalid` (invalid_document, compile_failed; nothing is stored), `Conflict` (version_exists), or `Denied`.
    """
    actor.require("procedures.edit", project)
    checked = check(text, actor.tenant_id, project)
    with transaction.atomic():
        procedure = _procedure(actor, checked, project)
        present = procedure.versions.filter(version=checked.document.version).first()
        if present is not None:
            return _present(present, checked)
        return _store(actor, procedure, checked)


def update_draft(
    actor: Actor, version: ProcedureVersion, text: str | bytes, *, seen_at: datetime | None = None
) -> Imported:
    """Give a draft a new document. `seen_at` is the `updated_at` its author saw, when they said so.

    Raises `Conflict` (version_frozen) unless it is a draft, `PreconditionFailed` when it changed since, `Invalid` as an
    import does, CKP104 included.
    """
    actor.require("procedures.edit", version)
    _require_draft(version)
    checked = check(text, actor.tenant_id, version.project)
    moved = address_problems(version, checked.text, checked.document)
    if moved:
        raise refused(moved)
    problems = checked.problems + _unpublished(checked, "an update publishes nothing")
    with transaction.atomic():
        former = version.document_id
        document = _document(actor.tenant_id, checked)
        draft = ProcedureVersion.system.filter(pk=version.pk, status=VersionStatus.DRAFT)
        fields = {**_content(checked, document, problems), "updated_at": clock.now()}
        if draft.filter(updated_at=seen_at or F("updated_at")).update(**fields) != 1:
            version.refresh_from_db()
            _require_draft(version)
            raise PreconditionFailed("The draft was changed since you read it. Read it again.")
        forget_document(former)
        _record(actor, version, "procedure.update", f"Document of {version} replaced", checked)
    version.refresh_from_db()
    return Imported(version, False, problems)


def _require_draft(version: ProcedureVersion) -> None:
    if version.status != VersionStatus.DRAFT:
        raise Conflict("Only a draft can be given a new document; make a new version.", code="version_frozen")


def forget_document(document_id: UUID) -> None:
    """Delete a document that neither a version nor a run points at."""
    Document.system.filter(pk=document_id, versions=None, runs=None).delete()


def _procedure(actor: Actor, checked: Checked, project: Project | None) -> Procedure:
    procedure_id = checked.document.procedure_id
    found, _ = Procedure.system.select_for_update().get_or_create(
        tenant_id=actor.tenant_id,
        procedure_id=procedure_id,
        defaults={"project": project, "name": checked.document.title},
    )
    if not actor.may("procedures.edit", found):
        raise Denied("procedures.edit", detail=f"You may not add versions to {procedure_id} here.")
    if project is not None and found.project_id != project.pk:
        place = Place(f"{procedure_id} belongs to another project.", field="project_id")
        raise Invalid(place.message, places=[place])
    return found


def _present(present: ProcedureVersion, checked: Checked) -> Imported:
    if present.document_hash == checked.document_hash:
        return Imported(present, False, checked.problems)
    hint = "Change the draft itself, or choose another version."
    if present.status != VersionStatus.DRAFT:
        hint = "Choose another version; a published one is fixed for good."
    sentence = f"Version {present.version} exists already with other content."
    problem = remark(checked.text, "CKP107", "/version", sentence, hint)
    raise Conflict(sentence, code="version_exists", extra={"problems": [problem.as_dict()]})


def _store(actor: Actor, procedure: Procedure, checked: Checked) -> Imported:
    reason = _kept_from_publishing(actor, procedure.project, checked)
    published = checked.document.status == VersionStatus.ACTIVE and reason is None
    problems = checked.problems + (_unpublished(checked, reason) if reason else ())
    now = clock.now()
    version = ProcedureVersion(
        tenant_id=actor.tenant_id,
        project_id=procedure.project_id,
        procedure=procedure,
        number=_next_number(actor.tenant_id),
        version=checked.document.version,
        created_by=actor.name,
        created_at=now,
        updated_at=now,
        **_content(checked, _document(actor.tenant_id, checked), problems),
    )
    version.save(force_insert=True)
    Procedure.system.filter(pk=procedure.pk).update(name=version.name)
    _record(actor, version, "procedure.import", f"{version} imported", checked)
    if published:
        transitions.move(version, VersionStatus.ACTIVE)
        publishing.make_current_in_dev(actor, version)
    return Imported(version, True, problems)


def _kept_from_publishing(actor: Actor, project: Project | None, checked: Checked) -> str | None:
    """Why a document may not be published by whoever imports it; None when it may."""
    blocked = sorted({problem.code for problem in publishing.blocking(project, checked.problems)})
    if blocked:
        return f"the project publishes nothing with {', '.join(blocked)}"
    return obstacle(actor, project, checked.document)


def _unpublished(checked: Checked, reason: str) -> tuple[Problem, ...]:
    """CKP106 for a document that wants to be active and becomes a draft; the compiler tells of other statuses."""
    if checked.document.status != VersionStatus.ACTIVE:
        return ()
    sentence = f"The status active was not applied, and the version is a draft: {reason}."
    return (remark(checked.text, "CKP106", "/status", sentence, "Change its status once it is stored."),)


def _content(checked: Checked, document: Document, problems: Sequence[Problem]) -> dict[str, Any]:
    """The fields of a version that follow from its text."""
    compiled = checked.document
    index = index_of(compiled)
    return {
        "name": compiled.title[:300],
        "description": compiled.description or "",
        "effective_date": date.fromisoformat(compiled.effective_date) if compiled.effective_date else None,
        "source": checked.text,
        "source_hash": checked.source_hash,
        "document": document,
        "document_hash": checked.document_hash,
        "problems": [problem.as_dict() for problem in problems],
        "problem_counts": counts(problems),
        "tags": index.tags,
        "search_text": index.search_text,
        "metadata_text": index.metadata_text,
        "calls_text": index.calls_text,
        "node_count": len(compiled.nodes),
    }


def _document(tenant_id: UUID, checked: Checked) -> Document:
    plain = {key: value for key, value in without_notes(checked.canonical).items() if key not in UNHASHED}
    found, _ = Document.system.get_or_create(
        tenant_id=tenant_id, document_hash=checked.document_hash, defaults={"canonical": plain}
    )
    return found


def _next_number(tenant_id: UUID) -> int:
    Tenant.objects.filter(pk=tenant_id).update(last_version_number=F("last_version_number") + 1)
    return Tenant.objects.values_list("last_version_number", flat=True).get(pk=tenant_id)


def _record(actor: Actor, version: ProcedureVersion, action: str, sentence: str, checked: Checked) -> None:
    resource = ("procedure_version", version.pk)
    audit.record(
        actor, action, sentence, resource=resource, project_id=version.project_id, document_hash=checked.document_hash
    )
