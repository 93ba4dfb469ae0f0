"""Endpoints of runs: each reads its request, calls one service or selector, and shows what came of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orchestration import selectors, services
from orchestration.api import filters, representation
from orchestration.api.serializers import (
    DeletedOut,
    EventQuery,
    ForkIn,
    ReasonIn,
    ReasonQuery,
    RetryIn,
    RunEventOut,
    RunOut,
    RunQuery,
    StartIn,
    WhyIn,
)
from orchestration.models import Event
from orchestration.streams import event_data
from procedures.api.serializers import CHANNEL_SPELLINGS
from tenants.api.endpoint import Endpoint
from tenants.api.paging import page

FILTERS = [
    OpenApiParameter(name, str, description=str(found.extra.get("help_text", "")))
    for name, found in filters.RunFilter.base_filters.items()
]


class Runs(Endpoint):
    access = {"GET": "view", "POST": "runs.start"}
    queries = {"GET": RunQuery}
    lenient = True

    @extend_schema(parameters=[RunQuery, *FILTERS], responses=RunOut(many=True))
    def get(self, request: Request) -> Response:
        """Runs, newest first. `var.<name>=value` finds them by a searchable variable (`>`, `>=`, `<`, `<=` too)."""
        found = representation.without_big_values(filters.filtered(self.actor, request.query_params.dict()))
        part = page(request, found, self.parameters())
        return part.answer(representation.runs_out(self.actor, part.rows))

    @extend_schema(request=StartIn, responses={201: RunOut, 200: RunOut})
    def post(self, request: Request) -> Response:
        """Start a run; 200 with `X-Deduplicated: true` gives the earlier one with the same dedupe key."""
        started = services.start_run(self.actor, _start_request(self.body(StartIn)))
        shown = representation.run_out(self.actor, started.run)
        if started.deduplicated:
            return Response(shown, headers={"X-Deduplicated": "true"})
        return Response(shown, status=201)


class OneRun(Endpoint):
    access = {"GET": "view", "DELETE": "runs.operate"}
    queries = {"DELETE": ReasonQuery}
    lenient = True

    @extend_schema(responses=RunOut)
    def get(self, request: Request, run_id: str) -> Response:
        """One run."""
        return Response(representation.run_out(self.actor, selectors.run_for(self.actor, run_id)))

    @extend_schema(parameters=[ReasonQuery], responses=DeletedOut)
    def delete(self, request: Request, run_id: str) -> Response:
        """Remove an ended run and its children with events, records, checkpoints, approvals and artifacts."""
        run = selectors.run_for(self.actor, run_id)
        services.delete_run(self.actor, run, self.parameters().get("reason", ""))
        return Response({"deleted": True, "run_id": run.pk})


class CancelRun(Endpoint):
    access = {"POST": "runs.operate"}
    lenient = True

    @extend_schema(request=ReasonIn, responses=RunOut)
    def post(self, request: Request, run_id: str) -> Response:
        """Cancel at once while no worker has the run, else ask its worker to stop. Again: the same answer."""
        reason = self.body(ReasonIn).get("reason") or ""
        run = services.cancel_run(self.actor, selectors.run_for(self.actor, run_id), reason)
        return Response(representation.run_out(self.actor, run))


class PauseRun(Endpoint):
    access = {"POST": "runs.operate"}
    lenient = True

    @extend_schema(request=ReasonIn, responses=RunOut)
    def post(self, request: Request, run_id: str) -> Response:
        """Hold a run: at once, or at the next boundary of its worker. Again: the same answer."""
        reason = self.body(ReasonIn).get("reason") or ""
        run = services.pause_run(self.actor, selectors.run_for(self.actor, run_id), reason)
        return Response(representation.run_out(self.actor, run))


class ResumeRun(Endpoint):
    access = {"POST": "runs.operate"}
    lenient = True

    @extend_schema(request=ReasonIn, responses=RunOut)
    def post(self, request: Request, run_id: str) -> Response:
        """Lift the hold of a run; without one nothing changes."""
        reason = self.body(ReasonIn).get("reason") or ""
        run = services.resume_run(self.actor, selectors.run_for(self.actor, run_id), reason)
        return Response(representation.run_out(self.actor, run))


class RetryRun(Endpoint):
    access = {"POST": "runs.operate"}
    lenient = True

    @extend_schema(request=RetryIn, responses={200: RunOut, 201: RunOut})
    def post(self, request: Request, run_id: str) -> Response:
        """Retry an ended run from its failed step (200, the same run), or as a new run (201)."""
        given = self.body(RetryIn)
        run = selectors.run_for(self.actor, run_id)
        again = services.retry_run(
            self.actor,
            run,
            mode=given.get("mode"),
            input_vars=given.get("input_vars"),
            procedure_version=given.get("procedure_version"),
            reason=given.get("reason") or "",
        )
        return Response(representation.run_out(self.actor, again), status=200 if again.pk == run.pk else 201)


class CompensateRun(Endpoint):
    access = {"POST": "runs.operate"}

    @extend_schema(request=WhyIn, responses={202: RunOut})
    def post(self, request: Request, run_id: str) -> Response:
        """Undo what a failed or canceled run had done, where its document leaves that to people."""
        reason = self.body(WhyIn)["reason"]
        run = services.compensate_run(self.actor, selectors.run_for(self.actor, run_id), reason)
        return Response(representation.run_out(self.actor, run), status=202)


class ForkRun(Endpoint):
    access = {"POST": "runs.operate"}

    @extend_schema(request=ForkIn, responses={201: RunOut})
    def post(self, request: Request, run_id: str) -> Response:
        """A new run from before a visit of a parked or ended run, with variables as they shall be there."""
        given = self.body(ForkIn)
        run = selectors.run_for(self.actor, run_id)
        version = given.get("procedure_version")
        forked = services.fork_run(self.actor, run, given["path"], given["reason"], given.get("changes"), version)
        return Response(representation.run_out(self.actor, forked), status=201)


class RunEvents(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": EventQuery}
    lenient = True

    @extend_schema(parameters=[EventQuery], responses=RunEventOut(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """The events of a run, oldest first."""
        wanted = self.parameters()
        run = selectors.run_for(self.actor, run_id)
        found = Event.objects.filter(run=run, seq__gt=wanted["after"]).order_by("seq")
        for column in ("event_type", "node_id"):
            if column in wanted:
                found = found.filter(**{column: wanted[column]})
        return Response([event_data(event) for event in found[: wanted["limit"]]])


def _start_request(given: Mapping[str, Any]) -> services.StartRequest:
    channel = given.get("release_channel") or given.get("environment")
    project_id: UUID | None = given.get("project_id")
    return services.StartRequest(
        procedure_id=given["procedure_id"],
        procedure_version=given.get("procedure_version"),
        input_vars=given.get("input_vars") or {},
        release_channel=CHANNEL_SPELLINGS[channel] if channel else None,
        project_id=project_id,
        case_id=given.get("case_id") or "",
        title=given.get("title") or "",
        priority=given["priority"],
        labels=given.get("labels") or {},
        execution_mode=given.get("execution_mode"),
        mock_external_calls=given.get("mock_external_calls"),
        test_data_overrides=given.get("test_data_overrides") or {},
    )
