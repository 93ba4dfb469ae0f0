"""The one way in which runs begin (runtime 3): access, version, status, inputs, dedupe, limits, then the run."""

from typing import Any

from django.db import transaction

from langorch.lib import clock
from langorch.lib.errors import Denied, Invalid, NotFound, Place
from orchestration import transitions
from orchestration.events import NewEvent
from orchestration.models import Run
from orchestration.services import admission, inputs, modes
from orchestration.services.request import Started, StartRequest
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from procedures.models import Procedure, ProcedureVersion
from procedures.services import checking
from tenants import audit
from tenants.actor import Actor, Owned
from tenants.models import Project

PRIORITIES = range(-100, 101)
MOST_LABELS = 20
LONGEST_LABEL = 200


@transaction.atomic
def start_run(actor: Actor, wanted: StartRequest) -> Started:
    """Start a run, or give the earlier one with the same dedupe key.

    Raises `NotFound` (procedure_not_found), `Denied`, `Conflict` (procedure_not_runnable), `Invalid` (invalid_input,
    with one place per field), `TooLarge`, `TooMany` (quota_exceeded, concurrency_limit). A refusal leaves nothing.
    """
    _require_sane(wanted)
    procedure = _procedure(actor, wanted.procedure_id)
    project = _project(actor, procedure, wanted)
    if not procedure.tenant.active:
        raise Denied("runs.start", detail="The tenant is closed: nothing starts in it.")
    version, channel = admission.version_for_start(procedure, wanted)
    document = load_document(version.document.canonical)
    checking.require_bound(version, document, project, channel)
    run = _draft(actor, wanted, procedure, version, document)
    run.release_channel, run.project = channel, project
    checked = inputs.check(document, wanted, run)
    run.input_vars = checked.values
    admission.name_keys(run, document)
    if earlier := admission.earlier_run(run, document):
        return Started(earlier, deduplicated=True)
    admission.require_room(run, document, procedure.tenant)
    _store(actor, run, document, checked.unknown)
    return Started(run)


def _require_sane(wanted: StartRequest) -> None:
    if wanted.priority not in PRIORITIES:
        raise _refused("priority", "must be from -100 to 100")
    if len(wanted.labels) > MOST_LABELS:
        raise _refused("labels", f"has more than {MOST_LABELS} entries")
    for name, text in wanted.labels.items():
        if not isinstance(text, str) or not 0 < len(name) <= LONGEST_LABEL or len(text) > LONGEST_LABEL:
            raise _refused("labels", f"{name[:40]!r} must map a name to a text of at most {LONGEST_LABEL} characters")


def _refused(name: str, fault: str) -> Invalid:
    return Invalid(f"{name}: {fault}", places=[Place(f"{fault[:1].upper()}{fault[1:]}.", field=name)])


def _procedure(actor: Actor, procedure_id: str) -> Procedure:
    visible = Procedure.objects.visible_to(actor).select_related("project", "tenant")
    found = visible.filter(procedure_id=procedure_id).first()
    if found is None:
        raise NotFound(f"There is no procedure {procedure_id!r} that you can see.", code="procedure_not_found")
    return found


def _project(actor: Actor, procedure: Procedure, wanted: StartRequest) -> Project | None:
    """Where the run belongs: to the procedure's project, or for a procedure of the whole tenant to the one asked.

    A child belongs where its parent does.
    """
    project = procedure.project
    if wanted.cause.parent is not None:
        return wanted.cause.parent.project or project
    if wanted.project_id is not None and wanted.project_id != procedure.project_id:
        if project is not None:
            raise _refused("project_id", f"the procedure belongs to the project {project}")
        project = Project.objects.visible_to(actor).filter(pk=wanted.project_id).first()
        if project is None:
            raise _refused("project_id", "there is no such project")
    place: Owned = project or procedure
    actor.require("runs.start", place)
    return project


def _draft(
    actor: Actor, wanted: StartRequest, procedure: Procedure, version: ProcedureVersion, document: Document
) -> Run:
    """The run as asked for, not stored; project, channel, inputs and keys are still to come."""
    cause, now, mode = wanted.cause, clock.now(), modes.mode_of(wanted, document)
    run = Run(
        tenant_id=actor.tenant_id,
        procedure=procedure,
        document=version.document,
        procedure_key=procedure.procedure_id,
        procedure_version=version.version,
        document_hash=version.document_hash,
        is_test=version.status == "draft" or mode.is_test,
        title=wanted.title,
        labels=dict(wanted.labels),
        case_id=wanted.case_id,
        execution_mode=mode.execution_mode,
        mock_external_calls=mode.mock_external_calls,
        test_data_overrides=mode.test_data_overrides,
        priority=wanted.priority,
        trigger_type=cause.trigger_type,
        triggered_by=cause.by or actor.name,
        initiator_id=actor.user_id,
        retry_of=cause.retry_of,
        forked_from=cause.forked_from,
        created_at=now,
        updated_at=now,
    )
    if cause.parent is not None:
        _place_below(run, cause.parent, cause.parent_path)
    return run


def _place_below(run: Run, parent: Run, path: str) -> None:
    """What a child has of its parent."""
    run.parent_run, run.parent_path = parent, path
    run.root_run = parent.root_run or parent
    run.depth = parent.depth + 1
    run.case_id = run.case_id or parent.case_id
    run.priority = max(run.priority, parent.priority)
    run.initiator_id = run.initiator_id or parent.initiator_id
    run.is_test = run.is_test or parent.is_test


def _store(actor: Actor, run: Run, document: Document, unknown: list[str]) -> None:
    happened = [NewEvent("run_created", _created(run))]
    if unknown:
        happened.append(NewEvent("unknown_input", {"names": unknown}))
    text = f"Run of {run.procedure_key}@{run.procedure_version} started"
    deed = audit.entry(actor, "run.start", text, resource=("run", run.pk), project_id=run.project_id)
    beside = [deed, *inputs.search_values(run, document)]
    transitions.create(run, happened, document.global_config.queue_timeout_ms, beside)


def _created(run: Run) -> dict[str, Any]:
    return {
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "trigger_type": run.trigger_type,
        "triggered_by": run.triggered_by,
        "parent_run_id": _text(run.parent_run_id),
        "retry_of": _text(run.retry_of_id),
        "forked_from": _text(run.forked_from_id),
        "mode": "mocks" if modes.is_mocked(run) else run.execution_mode,
    }


def _text(key: Any) -> str | None:
    return str(key) if key else None
