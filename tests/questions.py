"""Runs that are parked at a question, without a worker: what approvals need of them."""

import re
from datetime import datetime
from typing import Any

from approvals.models import Approval
from approvals.services import OpenApproval, open_approval
from langorch.lib import clock, ids
from orchestration.choices import JobState, RunStatus, WaitKind
from orchestration.models import Run, RunJob, Wait
from procedures.models import Document, Procedure
from tenants.models import Project, Tenant, User

PATH = "ask"


def parked_run(tenant: Tenant, project: Project | None = None, initiator: User | None = None) -> Run:
    """A run that has come to the node `ask` and was parked there."""
    now = clock.now()
    procedure, _ = Procedure.system.get_or_create(
        tenant=tenant, procedure_id="pay_invoices", defaults={"project": project, "name": "Pay invoices"}
    )
    document, _ = Document.system.get_or_create(tenant=tenant, document_hash="0" * 64, defaults={"canonical": {}})
    run = Run.system.create(
        tenant=tenant,
        project=project,
        procedure=procedure,
        document=document,
        procedure_key=procedure.procedure_id,
        procedure_version="1.0.0",
        document_hash=document.document_hash,
        release_channel="dev",
        status=RunStatus.WAITING_APPROVAL,
        triggered_by=initiator.username if initiator else "schedule",
        initiator=initiator,
        created_at=now,
        started_at=now,
        updated_at=now,
        fresh=False,
    )
    RunJob.objects.create(
        run=run, tenant=tenant, place=tenant.pk, state=JobState.PARKED, available_at=now, ready_since=now
    )
    return run


def ask(run: Run, path: str = PATH, **more: Any) -> Approval:
    """The question of a visit of `run`, with the wait beside it. `more` are fields of `OpenApproval`."""
    values: dict[str, Any] = {
        "tenant_id": run.tenant_id,
        "project_id": run.project_id,
        "run_id": run.pk,
        "path": path,
        "node_id": "ask",
        "node_name": "Ask for payment",
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "title": "Pay Kestrel Freight 14,380.00 EUR?",
        "prompt": "The invoice is above the limit of 10,000 EUR.",
        "initiator_id": run.initiator_id,
        "retry": run.retry_count,
    }
    approval = open_approval(OpenApproval(**values | more))
    expires_at: datetime | None = more.get("expires_at")
    Wait.objects.create(
        run=run, path=path, kind=WaitKind.APPROVAL, ref=str(approval.pk), since=clock.now(), until=expires_at
    )
    return approval


def question(tenant: Tenant, project: Project | None = None, initiator: User | None = None, **more: Any) -> Approval:
    """A question of a run of its own."""
    return ask(parked_run(tenant, project, initiator), **more)


def event_types(approval: Approval) -> list[str]:
    """The names of the events of the approval's run, in order."""
    return list(Run.system.get(pk=approval.run_id).events.order_by("seq").values_list("event_type", flat=True))


def wait_of(approval: Approval) -> Wait:
    """The wait that the approval's answer closes."""
    return Wait.objects.get(run_id=approval.run_id, ref=str(approval.pk))


def answer_of(approval: Approval) -> dict[str, Any]:
    """What the run got as its answer."""
    answer: Any = wait_of(approval).answer
    assert isinstance(answer, dict), "nobody has answered"
    return answer


def link_in(message: Any) -> str:
    """The address of the link in a mail."""
    found = re.search(r"/approve/[\w-]+", str(message.body))
    assert found is not None, message.body
    return found.group()


def unknown_id() -> str:
    """An id that no row has."""
    return str(ids.uuid7())
