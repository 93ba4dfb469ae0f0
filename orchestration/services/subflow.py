"""Starting the child that a subflow asks for (runtime 15)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from langorch.lib.errors import Conflict
from orchestration.choices import TriggerType
from orchestration.models import Run, RunJob
from orchestration.services.request import Cause, StartRequest
from orchestration.services.start import start_run
from procedures.choices import VersionStatus
from procedures.ckp.compile import load_document
from procedures.models import Procedure, ProcedureVersion
from procedures.pins import version_for_pin
from procedures.services.calling import require_startable
from tenants.actor import Actor, system
from tenants.selectors import actor_of

DEEPEST: Final = 10
RECURSION: Final = "subflow_recursion"


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """What a visit asks for: a procedure, the pin of its version, the inputs it gives, and what it lets inherit."""

    parent_id: UUID
    path: str
    procedure_id: str
    pin: str
    given: Mapping[str, Any]
    inherited: Mapping[str, Any]


@transaction.atomic
def start_child(wanted: ChildRequest) -> Run:
    """Start the child of a visit; the version is resolved once per reference and parent run.

    Raises `Conflict` (subflow_recursion, procedure_not_runnable), `Denied`, `NotFound`, and what `start_run` raises.
    """
    parent = Run.system.select_for_update(of=("self",)).select_related("project", "root_run").get(pk=wanted.parent_id)
    _require_no_recursion(parent, wanted.procedure_id)
    _require_allowed(parent, wanted.procedure_id)
    version = _pinned(parent, wanted)
    child = start_run(system(parent.tenant_id), _request(parent, wanted, version)).run
    own = RunJob.objects.filter(pk=parent.pk).values_list("priority", flat=True).get()
    RunJob.objects.filter(pk=child.pk).update(priority=Greatest(F("priority"), own))
    return child


def _request(parent: Run, wanted: ChildRequest, version: str) -> StartRequest:
    inherited = {name: wanted.inherited[name] for name in _declared(parent, wanted, version) & set(wanted.inherited)}
    return StartRequest(
        procedure_id=wanted.procedure_id,
        procedure_version=version,
        input_vars={**inherited, **wanted.given},
        release_channel=parent.release_channel,
        cause=Cause(TriggerType.SUBFLOW, by=str(parent.pk), parent=parent, parent_path=wanted.path, exact_pin=True),
    )


def _declared(parent: Run, wanted: ChildRequest, version: str) -> set[str]:
    if not wanted.inherited:
        return set()
    rows = ProcedureVersion.system.filter(tenant_id=parent.tenant_id, procedure__procedure_id=wanted.procedure_id)
    canonical = rows.filter(version=version).values_list("document__canonical", flat=True).first()
    return set(load_document(canonical).variables_schema) if canonical else set()


def _require_no_recursion(parent: Run, procedure_id: str) -> None:
    chain = [procedure_id]
    ancestor: Run | None = parent
    while ancestor is not None:
        chain.insert(0, ancestor.procedure_key)
        ancestor = ancestor.parent_run
    if procedure_id in chain[:-1]:
        raise Conflict(f"{procedure_id} would run itself: {' → '.join(chain)}.", code=RECURSION)
    if parent.depth >= DEEPEST:
        raise Conflict(f"Subflows are nested more than {DEEPEST} deep: {' → '.join(chain)}.", code=RECURSION)


def _require_allowed(parent: Run, procedure_id: str) -> None:
    """Nobody published a draft, so who started it must be an operator where its child belongs. Raises `Denied`."""
    drafts = ProcedureVersion.system.filter(procedure=parent.procedure_id, version=parent.procedure_version)
    if not drafts.filter(status=VersionStatus.DRAFT).exists():
        return
    elsewhere = Procedure.system.filter(tenant=parent.tenant_id, procedure_id=procedure_id, project__isnull=False)
    procedure = elsewhere.exclude(project=parent.project_id).select_related("project").first()
    if procedure is not None:
        initiator = parent.initiator and actor_of(parent.initiator, tenant_slug=parent.tenant.slug)
        require_startable(initiator or Actor("nobody", parent.tenant_id), procedure)


def _pinned(parent: Run, wanted: ChildRequest) -> str:
    """The version of the reference; resolved, and kept with the parent, the first time."""
    reference = f"{wanted.procedure_id} {wanted.pin}"
    known: dict[str, str] = parent.subflow_versions
    if reference not in known:
        known[reference] = version_for_pin(parent.tenant_id, wanted.procedure_id, wanted.pin, parent.release_channel)
        Run.system.filter(pk=parent.pk).update(subflow_versions=known)
    return known[reference]
