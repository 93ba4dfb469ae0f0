"""Publishing, deprecating, archiving and deleting versions (CKP 8)."""

from dataclasses import replace
from typing import NamedTuple

from django.db import transaction

from langorch.lib.errors import Conflict
from procedures import transitions
from procedures.choices import VersionStatus
from procedures.models import Procedure, ProcedureVersion
from procedures.services import publishing
from procedures.services.calling import require_callable
from procedures.services.checking import check, counts, refused
from procedures.services.importing import forget_document
from tenants import audit
from tenants.actor import Actor


class StatusMove(NamedTuple):
    """A status a version may take now, the verb people know it by, and its icon."""

    status: VersionStatus
    label: str
    icon: str


VERBS = {
    VersionStatus.ACTIVE: StatusMove(VersionStatus.ACTIVE, "Publish", "up2"),
    VersionStatus.DEPRECATED: StatusMove(VersionStatus.DEPRECATED, "Deprecate", "s-old"),
    VersionStatus.ARCHIVED: StatusMove(VersionStatus.ARCHIVED, "Archive", "s-old"),
    VersionStatus.DRAFT: StatusMove(VersionStatus.DRAFT, "Back to draft", "s-draft"),
}


def status_moves(version: ProcedureVersion) -> list[StatusMove]:
    """The moves that `version` may make now."""
    legal = transitions.MOVES[version.status]
    return [VERBS[to] for to in legal if to != VersionStatus.DRAFT or not _was_used(version)]


@transaction.atomic
def change_status(actor: Actor, version: ProcedureVersion, status: str) -> ProcedureVersion:
    """Move a version. Active publishes it: bound again, then current in channel dev. To its own status: no change.

    Raises `Denied`, `Invalid` (invalid_status, compile_failed), or `Conflict` (illegal_transition, in_use).
    """
    actor.require("procedures.edit", version)
    to = transitions.read_status(status)
    if to == version.status:
        return version
    Procedure.system.select_for_update().get(pk=version.procedure_id)
    transitions.require_legal(version, to)
    if to == VersionStatus.ACTIVE:
        _publish(actor, version)
    else:
        _require_unused(version, to)
        publishing.withdraw(version, to)
        transitions.move(version, to)
    sentence = f"{version} became {to}"
    resource = ("procedure_version", version.pk)
    audit.record(actor, "procedure.status", sentence, resource=resource, project_id=version.project_id, status=to)
    return version


@transaction.atomic
def delete_version(actor: Actor, version: ProcedureVersion) -> None:
    """Delete a draft, or an archived version that no run names; runs keep their document.

    Raises `Conflict` (in_use).
    """
    actor.require("procedures.edit", version)
    deletable = version.status == VersionStatus.DRAFT or (
        version.status == VersionStatus.ARCHIVED and not _has_runs(version)
    )
    if not deletable:
        raise Conflict(f"{version} is {version.status} or has runs; archive it instead.", code="in_use")
    procedure, name, document_id = version.procedure, str(version), version.document_id
    resource = ("procedure_version", version.pk)
    audit.record(actor, "procedure.delete", f"{name} deleted", resource=resource, project_id=version.project_id)
    version.delete()
    forget_document(document_id)
    Procedure.system.filter(pk=procedure.pk, versions=None, runs=None).delete()


def _publish(actor: Actor, version: ProcedureVersion) -> None:
    checked = check(version.source, version.tenant_id, version.project)
    blocking = [
        replace(problem, severity="error") for problem in publishing.blocking(version.project, checked.problems)
    ]
    if blocking:
        raise refused(blocking)
    require_callable(actor, version.project, checked.document)
    ProcedureVersion.system.filter(pk=version.pk).update(
        problems=[problem.as_dict() for problem in checked.problems], problem_counts=counts(checked.problems)
    )
    transitions.move(version, VersionStatus.ACTIVE)
    publishing.make_current_in_dev(actor, version)


def _require_unused(version: ProcedureVersion, to: VersionStatus) -> None:
    if to == VersionStatus.DRAFT and _was_used(version):
        raise Conflict(f"{version} has runs or was released; it cannot become a draft again.")


def _was_used(version: ProcedureVersion) -> bool:
    return _has_runs(version) or version.current_in.exclude(channel="dev").exists()


def _has_runs(version: ProcedureVersion) -> bool:
    runs = version.procedure.runs  # the app above names this relation
    return bool(runs.filter(procedure_version=version.version).exists())
