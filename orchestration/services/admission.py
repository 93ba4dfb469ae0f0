"""Whether a run may start now: the status of its version, dedupe, and how many runs there are already."""

import hashlib
from datetime import timedelta

from langorch.lib.errors import Conflict, NotFound, TooMany
from orchestration import limits
from orchestration.choices import TriggerType
from orchestration.models import Run
from orchestration.services import inputs
from orchestration.services.request import StartRequest
from procedures import selectors as procedures
from procedures.choices import Channel, VersionStatus
from procedures.ckp.document import Document
from procedures.models import Procedure, ProcedureVersion
from tenants.models import Project, Tenant

DRAFTS_FOR = frozenset({TriggerType.MANUAL, TriggerType.SUBFLOW})
RETRY_AFTER = {"Retry-After": "30"}


def version_for_start(procedure: Procedure, wanted: StartRequest) -> tuple[ProcedureVersion, str]:
    """The version that runs, with its document, and the channel.

    A retry, a fork and an exact pin keep their version and channel, and may use a deprecated version. Raises `NotFound`
    (procedure_not_found), `Conflict` (procedure_not_runnable).
    """
    cause = wanted.cause
    if cause.repeats and wanted.procedure_version:
        return _same_again(procedure, wanted.procedure_version, wanted.release_channel)
    version, channel = procedures.resolve_for_start(procedure, wanted.procedure_version, wanted.release_channel)
    if version.status == VersionStatus.DRAFT and cause.trigger_type not in DRAFTS_FOR:
        raise _not_runnable(f"Version {version.version} is a draft; triggers start published versions only.")
    return version, channel


def _same_again(procedure: Procedure, version: str, channel: str | None) -> tuple[ProcedureVersion, str]:
    rows = ProcedureVersion.system.filter(procedure=procedure, version=version).select_related("document")
    found = rows.first()
    if found is None:
        name = procedure.procedure_id
        raise NotFound(f"There is no version {version} of a procedure {name}.", code="procedure_not_found")
    if found.status == VersionStatus.ARCHIVED:
        raise _not_runnable(f"Version {version} is archived; nothing runs from it.")
    current = procedures.channels_of(found)
    return found, channel or (current[0] if current else Channel.DEV)


def name_keys(run: Run, document: Document) -> None:
    """Set the run's keys for dedupe and concurrency, as hashes: inputs may be sensitive."""
    config = document.global_config
    if config.dedupe is not None:
        run.dedupe_key = _hash(inputs.key_text(config.dedupe.key, run, document, "/global_config/dedupe/key"))
    if config.concurrency is not None and config.concurrency.key is not None:
        pointer = "/global_config/concurrency/key"
        run.concurrency_key = _hash(inputs.key_text(config.concurrency.key, run, document, pointer))


def earlier_run(run: Run, document: Document) -> Run | None:
    """The newest run with the same dedupe key inside the window; locks the procedure until the transaction ends.

    A retry, a fork and a child are wanted for themselves: none of them is taken for another run.
    """
    dedupe = document.global_config.dedupe
    if dedupe is None or run.retry_of or run.forked_from or run.parent_run:
        return None
    _lock(run)
    since = run.created_at - timedelta(seconds=dedupe.window_seconds)
    same = Run.system.filter(procedure_id=run.procedure_id, dedupe_key=run.dedupe_key, created_at__gt=since)
    return same.order_by("-created_at").first()


def require_room(run: Run, document: Document, tenant: Tenant) -> None:
    """Raise `TooMany`: quota_exceeded for open runs, concurrency_limit where the document says drop."""
    quota = (run.project.settings if run.project else {}).get("quotas", {}).get("max_open_runs")
    if tenant.max_open_runs is not None:
        list(Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk))
        _require(limits.open_of_tenant(tenant.pk).count(), tenant.max_open_runs, "tenant")
    if quota is not None and run.project is not None:
        list(Project.system.select_for_update(no_key=True).filter(pk=run.project.pk))
        _require(limits.open_of_project(run.project.pk).count(), int(quota), "project")
    concurrency = document.global_config.concurrency
    if concurrency is not None and concurrency.on_limit == "drop":
        _lock(run)
        found = limits.occupying(run.procedure_id, run.concurrency_key, count_waiting=concurrency.count_waiting)
        _require(found.count(), concurrency.max_runs, "procedure", "concurrency_limit")


def _require(in_use: int, most: int, scope: str, code: str = "quota_exceeded") -> None:
    if in_use >= most:
        detail = f"The {scope} has {in_use} of at most {most} runs; wait until one ends."
        extra = {"scope": scope, "in_use": in_use, "max": most}
        raise TooMany(detail, code=code, extra=extra, headers=RETRY_AFTER)


def _lock(run: Run) -> None:
    list(Procedure.system.select_for_update(no_key=True).filter(pk=run.procedure_id))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _not_runnable(detail: str) -> Conflict:
    return Conflict(detail, code="procedure_not_runnable")
