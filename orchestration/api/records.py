"""Endpoints that show what stands behind runs; they change nothing."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib.errors import NotFound
from langorch.lib.redaction import REDACTED
from orchestration import diagnostics, history, masking, queue_view, selectors
from orchestration.api.record_serializers import (
    CheckpointDetail,
    CheckpointOut,
    CheckpointQuery,
    Diagnostics,
    QueueOut,
    StepOut,
    StepQuery,
)
from orchestration.history import Checkpoint
from orchestration.models import Run, StepRecord, Visit, Wait
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document
from tenants.api.endpoint import Endpoint
from tenants.api.paging import page


class RunSteps(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": StepQuery}

    @extend_schema(parameters=[StepQuery], responses=StepOut(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """The steps of a run, newest first, with values masked."""
        run = selectors.run_for(self.actor, run_id)
        wanted = self.parameters()
        steps = StepRecord.objects.filter(run=run)
        if "node_id" in wanted:
            steps = steps.filter(node_id=wanted["node_id"])
        if "status" in wanted:
            steps = steps.filter(state=wanted["status"])
        redact = masking.redactors([run])[run.document_id].redact
        hidden = masking.sensitive_steps(run)
        return page(request, steps, wanted, keyset=("id",)).each(lambda step: _step(step, redact, hidden))


class RunDiagnostics(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=Diagnostics)
    def get(self, request: Request, run_id: str) -> Response:
        """Worker, job, waits, idempotency records and children of a run."""
        return Response(diagnostics.diagnostics(selectors.run_for(self.actor, run_id)))


class RunCheckpoints(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": CheckpointQuery}
    lenient = True

    @extend_schema(parameters=[CheckpointQuery], responses=CheckpointOut(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """The history of a run as its document keeps it, newest first."""
        run, wanted = selectors.run_for(self.actor, run_id), self.parameters()
        redact = masking.redactors([run])[run.document_id].redact
        found = _checkpoints(run, load_document(run.document.canonical), list(Visit.objects.filter(run=run)))
        if wanted["order"] == "desc":
            found.reverse()
        shown = found[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        total = {"X-Total-Count": str(len(found))}
        return Response([_checkpoint(checkpoint, redact) for checkpoint in shown], headers=total)


class RunCheckpoint(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=CheckpointDetail)
    def get(self, request: Request, run_id: str, checkpoint_id: str) -> Response:
        """The variables of a run as they were after one visit, masked."""
        run = selectors.run_for(self.actor, run_id)
        document, visits = load_document(run.document.canonical), list(Visit.objects.filter(run=run))
        found = next((one for one in _checkpoints(run, document, visits) if one.id == checkpoint_id), None)
        if found is None:
            raise NotFound("The run has no such checkpoint.")
        values = history.variables_at(document, run.input_vars, visits, found.visit)
        redact = masking.redactors([run])[run.document_id].redact
        return Response(_checkpoint_in_full(found, redact(values)))


class Queue(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=QueueOut)
    def get(self, request: Request) -> Response:
        """How deep the queue is, and the next 20 jobs in the order in which workers take them."""
        return Response(queue_view.queue(self.actor))


def _step(step: StepRecord, redact: Any, hidden: frozenset[tuple[str, str]]) -> dict[str, Any]:
    secret = (step.node_id, step.step_id) in hidden and step.result is not None
    return {
        "path": step.path,
        "node_id": step.node_id,
        "step_id": step.step_id,
        "action": step.action,
        "status": step.state,
        "attempt": step.attempt,
        "agent_id": None,
        "started_at": step.started_at,
        "duration_ms": step.duration_ms,
        "error": redact(step.error),
        "params": redact(step.params),
        "result": REDACTED if secret else redact(masking.shown_result(step)),
    }


def _checkpoints(run: Run, document: Document, visits: list[Visit]) -> list[Checkpoint]:
    parked = Wait.objects.filter(run=run).values_list("path", flat=True).distinct()
    return history.checkpoints(run.pk, document, visits, parked)


def _checkpoint(found: Checkpoint, redact: Any) -> dict[str, Any]:
    return {
        "checkpoint_id": found.id,
        "thread_id": found.thread_id,
        "parent_checkpoint_id": found.parent_id,
        "step": found.visit.pos,
        "writes": {found.visit.node_id: redact(dict(found.visit.changes))},
        "created_at": found.visit.ended_at,
    }


def _checkpoint_in_full(found: Checkpoint, values: dict[str, Any]) -> dict[str, Any]:
    visit = found.visit
    metadata = {
        "source": "loop",
        "step": visit.pos,
        "parent_checkpoint_id": found.parent_id,
        "path": visit.path,
        "node_id": visit.node_id,
        "outcome": visit.outcome,
        "next_node_id": visit.next_node or None,
        "started_at": visit.started_at,
        "created_at": visit.ended_at,
    }
    return {
        "checkpoint_id": found.id,
        "thread_id": found.thread_id,
        "channel_values": values,
        "metadata": metadata,
        "pending_writes": [],
        "versions_seen": {},
    }
