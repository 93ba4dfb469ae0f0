"""Runs for tests: a document stored and a run queued, without the services that people call."""

from copy import copy
from datetime import timedelta
from typing import Any
from uuid import UUID

from langorch.lib import clock, ids
from orchestration import transitions, waits
from orchestration.choices import RunStatus, WaitKind
from orchestration.events import NewEvent
from orchestration.models import Event, Run, RunJob, Wait
from orchestration.runtime import engine
from procedures.ckp.compile import compile_document
from procedures.models import Document, Procedure
from tenants.models import Tenant


def document(nodes: dict[str, Any], start: str = "", **root: Any) -> dict[str, Any]:
    """A document of these nodes that starts at the first."""
    graph = {"start_node": start or next(iter(nodes)), "nodes": nodes}
    return {"procedure_id": "p", "version": "1.0.0", "workflow_graph": graph, **root}


def queue(tenant: Tenant, source: dict[str, Any], **inputs: Any) -> Run:
    """A queued run of a document. Raises `AssertionError` with the problems of one that does not compile."""
    compiled = compile_document(source)
    assert compiled.document is not None, compiled.errors
    stored, _ = Document.system.get_or_create(
        tenant=tenant, document_hash=compiled.document_hash, defaults={"canonical": compiled.canonical}
    )
    procedure, _ = Procedure.system.get_or_create(
        tenant=tenant, procedure_id=compiled.document.procedure_id, defaults={"name": "P"}
    )
    now = clock.now()
    run = Run(
        tenant=tenant,
        procedure=procedure,
        document=stored,
        procedure_key=procedure.procedure_id,
        procedure_version=compiled.document.version,
        document_hash=stored.document_hash,
        release_channel="dev",
        input_vars=inputs,
        triggered_by="tester",
        created_at=now,
        updated_at=now,
    )
    happened = [NewEvent("run_created", {"procedure_id": procedure.procedure_id})]
    transitions.create(run, happened, compiled.document.global_config.queue_timeout_ms)
    return run


def again(run: Run) -> Run:
    """One more queued run of the same document and inputs."""
    more = copy(run)
    now = clock.now()
    more.pk, more.created_at, more.updated_at = ids.uuid7(), now, now
    more.status, more.fresh, more.fence, more.last_seq = RunStatus.CREATED, True, 0, 0
    more.started_at = more.ended_at = more.output_vars = None
    transitions.create(more, [NewEvent("run_created", {"procedure_id": run.procedure_key})])
    return more


def drive(run: Run, worker: str = "w1") -> Run:
    """Drive everything that is ready; the run as it is then."""
    while engine.drive_one(worker):
        pass
    return Run.system.get(pk=run.pk)


def told(run_id: UUID) -> list[str]:
    """The event types of a run, in order."""
    return list(Event.objects.filter(run_id=run_id).order_by("seq").values_list("event_type", flat=True))


def answer(run: Run, path: str, content: Any, kind: WaitKind = WaitKind.APPROVAL) -> bool:
    """Close an open wait of a run; whether it was open."""
    return waits.signal(waits.Signal(run.pk, path, kind, content, by="tester"))


def fire(wait: Wait) -> None:
    """Let a wait's time come, and fire what is due."""
    Wait.objects.filter(pk=wait.pk).update(until=clock.now() - timedelta(seconds=1))
    waits.fire_due()


def reopen(run: Run) -> None:
    """Retry a run from its failed step."""
    transitions.reopen_failed(run.pk, "tester")


def queue_many(tenant: Tenant, source: dict[str, Any], number: int) -> list[Run]:
    """Many queued runs of a document, stored at once and in order."""
    first = queue(tenant, source)
    later = [_copied(first, place) for place in range(1, number)]
    Run.system.bulk_create(later, batch_size=500)
    job = RunJob.objects.get(pk=first.pk)
    shared = {name: getattr(job, name) for name in ("tenant_id", "place", "lane", "max_runs", "count_waiting")}
    RunJob.objects.bulk_create(
        (RunJob(run=run, available_at=run.created_at, ready_since=run.created_at, **shared) for run in later),
        batch_size=500,
    )
    Event.objects.bulk_create(
        (Event(run=run, seq=1, created_at=run.created_at, event_type="run_created") for run in later), batch_size=500
    )
    return [first, *later]


def _copied(run: Run, place: int) -> Run:
    later = copy(run)
    later.pk, later.created_at = ids.uuid7(), run.created_at + timedelta(microseconds=place)
    return later
