"""`GET /api/runs/{id}/compare/{other}`: two runs side by side."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orchestration.changes import ABSENT
from orchestration.comparing import NodeTime, Pair, Spent, StepRow, Values
from orchestration.comparison import Comparison, comparison
from orchestration.models import Run
from orchestration.visit_rows import VisitRow
from tenants.api.endpoint import Endpoint

Form = serializers.Serializer[Any]


class ComparedVisit(Form):
    state = serializers.CharField()
    outcome = serializers.CharField()
    next_node_id = serializers.CharField(allow_null=True)
    error_class = serializers.CharField(allow_null=True)
    duration_ms = serializers.FloatField(allow_null=True)


class ComparedPlace(Form):
    path = serializers.CharField()
    node_id = serializers.CharField()
    run = ComparedVisit(allow_null=True)
    other = ComparedVisit(allow_null=True)
    same = serializers.BooleanField()


class ComparedValue(Form):
    name = serializers.CharField()
    run = serializers.JSONField(allow_null=True)
    other = serializers.JSONField(allow_null=True)
    missing_in = serializers.ChoiceField(choices=["run", "other"], allow_null=True)
    same = serializers.BooleanField()


class ComparedStep(Form):
    status = serializers.CharField()
    attempt = serializers.IntegerField()
    error_class = serializers.CharField(allow_null=True)
    duration_ms = serializers.FloatField(allow_null=True)


class ComparedStepPlace(Form):
    path = serializers.CharField()
    step_id = serializers.CharField()
    node_id = serializers.CharField()
    action = serializers.CharField()
    run = ComparedStep(allow_null=True)
    other = ComparedStep(allow_null=True)
    same = serializers.BooleanField()


class NodeSpent(Form):
    visits = serializers.IntegerField()
    duration_ms = serializers.FloatField()


class ComparedNode(Form):
    node_id = serializers.CharField()
    run = NodeSpent()
    other = NodeSpent()


class RunTime(Form):
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)


class ComparedTimings(Form):
    run = RunTime()
    other = RunTime()
    nodes = ComparedNode(many=True)


class RunCost(Form):
    cost_usd = serializers.FloatField(allow_null=True)
    prompt_tokens = serializers.IntegerField(allow_null=True)
    completion_tokens = serializers.IntegerField(allow_null=True)


class ComparedCost(Form):
    run = RunCost()
    other = RunCost()


class RunVersion(Form):
    run_id = serializers.UUIDField()
    status = serializers.CharField()
    procedure_id = serializers.CharField()
    procedure_version = serializers.CharField()
    document_hash = serializers.CharField()
    release_channel = serializers.CharField()
    execution_mode = serializers.CharField()
    mock_external_calls = serializers.BooleanField()


class ComparedVersions(Form):
    run = RunVersion()
    other = RunVersion()
    same_document = serializers.BooleanField()


class CompareOut(Form):
    path = ComparedPlace(many=True, help_text="The latest 5,000 visits of each.")
    variables = ComparedValue(many=True, help_text="Of the main region, inputs among them.")
    outputs = ComparedValue(many=True)
    steps = ComparedStepPlace(many=True, help_text="The latest 5,000 of each.")
    timings = ComparedTimings()
    cost = ComparedCost()
    versions = ComparedVersions()


class CompareRuns(Endpoint):
    access = {"GET": "view"}
    lenient = True

    @extend_schema(responses=CompareOut)
    def get(self, request: Request, run_id: str, other_id: str) -> Response:
        """Two runs side by side: their way, values (masked), steps, times, cost and versions."""
        found = comparison(self.actor, run_id, other_id)
        sides = {"run": found.run, "other": found.other}
        timings = {name: _time(found, run) for name, run in sides.items()}
        return Response(
            {
                "path": [_place(pair) for pair in found.paths],
                "variables": [_value(one) for one in found.variables],
                "outputs": [_value(one) for one in found.outputs],
                "steps": [_step_place(pair) for pair in found.steps],
                "timings": timings | {"nodes": [_node(one) for one in found.node_times]},
                "cost": {name: _cost(run) for name, run in sides.items()},
                "versions": {name: _version(run) for name, run in sides.items()}
                | {"same_document": found.same_document},
            }
        )


def _place(pair: Pair[VisitRow]) -> dict[str, Any]:
    sides = {"run": _visit(pair.run), "other": _visit(pair.other), "same": pair.same}
    return {"path": pair.either.path, "node_id": pair.either.node_id, **sides}


def _visit(visit: VisitRow | None) -> dict[str, Any] | None:
    if visit is None:
        return None
    spent = (visit.ended_at - visit.started_at).total_seconds() * 1000 if visit.ended_at else None
    return {
        "state": visit.state,
        "outcome": visit.outcome,
        "next_node_id": visit.next_node or None,
        "error_class": (visit.error or {}).get("class"),
        "duration_ms": spent,
    }


def _value(found: Values) -> dict[str, Any]:
    missing = {found.run is ABSENT: "run", found.other is ABSENT: "other"}.get(True)
    run, other = (None if value is ABSENT else value for value in (found.run, found.other))
    return {"name": found.name, "run": run, "other": other, "missing_in": missing, "same": found.same}


def _step_place(pair: Pair[StepRow]) -> dict[str, Any]:
    place = {name: getattr(pair.either, name) for name in ("path", "step_id", "node_id", "action")}
    return {**place, "run": _step(pair.run), "other": _step(pair.other), "same": pair.same}


def _step(step: StepRow | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "status": step.state,
        "attempt": step.attempt,
        "error_class": (step.error or {}).get("class"),
        "duration_ms": step.duration_ms,
    }


def _node(found: NodeTime) -> dict[str, Any]:
    return {"node_id": found.node_id, "run": _spent(found.run), "other": _spent(found.other)}


def _spent(spent: Spent) -> dict[str, Any]:
    return {"visits": spent.visits, "duration_ms": round(spent.seconds * 1000, 3)}


def _time(found: Comparison, run: Run) -> dict[str, Any]:
    moments = {name: getattr(run, name) for name in ("created_at", "started_at", "ended_at")}
    return {**moments, "duration_seconds": found.seconds(run)}


def _cost(run: Run) -> dict[str, Any]:
    return {
        "cost_usd": None if run.cost_usd is None else float(run.cost_usd),
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
    }


def _version(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.pk,
        "status": run.status,
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "document_hash": run.document_hash,
        "release_channel": run.release_channel,
        "execution_mode": run.execution_mode,
        "mock_external_calls": run.mock_external_calls,
    }
