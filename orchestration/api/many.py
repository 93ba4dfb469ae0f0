"""Endpoints that act on many runs: clean-up before a time, and bulk jobs."""

from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orchestration import bulk_selectors, selectors, services
from orchestration.api import filters
from orchestration.bulk_selectors import Forecast
from orchestration.choices import ENDED, BulkState, BulkVerb, ItemState, RunStatus
from orchestration.models import Bulk, BulkItem, Run
from tenants.api.endpoint import Endpoint

Form = serializers.Serializer[Any]
MOST_IDS: Final = 500
MOST_RESULTS: Final = 500


class CleanUpQuery(Form):
    before = serializers.DateTimeField(help_text="Runs that ended before this time.")
    status = serializers.CharField(required=False, help_text="One or several ended statuses, comma-separated.")
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    dry_run = serializers.BooleanField(default=False, help_text="Count only.")

    def validate_status(self, value: str) -> list[RunStatus]:
        wanted = [part.strip() for part in value.split(",") if part.strip()]
        for part in wanted:
            if part not in ENDED:
                known = ", ".join(sorted(ENDED))
                raise serializers.ValidationError(f"{part} is no ended status; there are {known}.", "invalid_status")
        return [RunStatus(part) for part in wanted]


class CleanUpPreview(Form):
    count = serializers.IntegerField()
    before = serializers.DateTimeField()
    status = serializers.CharField(allow_null=True)


class CleanUpOut(Form):
    deleted_count = serializers.IntegerField()
    count = serializers.IntegerField(required=False, help_text="With dry_run: how many it would be.")
    before = serializers.DateTimeField()
    status = serializers.CharField(allow_null=True)


class CleanUp(Endpoint):
    access = {"GET": "runs.cleanup", "DELETE": "runs.cleanup"}
    queries = {"GET": CleanUpQuery, "DELETE": CleanUpQuery}
    lenient = True

    @extend_schema(parameters=[CleanUpQuery], responses=CleanUpPreview)
    def get(self, request: Request) -> Response:
        """How many runs a clean-up removes; a run whose parent or child stays is kept with it."""
        wanted = self.parameters()
        return Response({"count": self._count(wanted), **_asked(wanted)})

    @extend_schema(parameters=[CleanUpQuery], responses=CleanUpOut)
    def delete(self, request: Request) -> Response:
        """Remove the runs that ended before a time, with all that belongs to them; open runs stay."""
        wanted = self.parameters()
        if wanted["dry_run"]:
            return Response({"deleted_count": 0, "count": self._count(wanted), **_asked(wanted)})
        statuses, reason = wanted.get("status", ()), wanted.get("reason", "")
        removed = services.clean_up_runs(self.actor, wanted["before"], statuses, reason)
        return Response({"deleted_count": removed, **_asked(wanted)})

    def _count(self, wanted: dict[str, Any]) -> int:
        return services.old_runs(self.actor, wanted["before"], wanted.get("status", ())).count()


def _asked(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"before": wanted["before"], "status": ",".join(wanted.get("status", ())) or None}


class BulkIn(Form):
    """Runs are named by `ids`, or found by `filter`: the filters of the list of runs, as an object."""

    verb = serializers.ChoiceField(choices=BulkVerb.choices)
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_IDS, allow_empty=False)
    filter = serializers.DictField(child=serializers.CharField(max_length=300), required=False)
    reason = serializers.CharField(max_length=500)

    def get_fields(self) -> dict[str, Any]:
        label = serializers.CharField(max_length=401, required=False, help_text="For tag: name, or name:text.")
        return {**super().get_fields(), "label": label}

    def validate_filter(self, value: dict[str, str]) -> dict[str, str]:
        if unknown := filters.unknown(value):
            raise serializers.ValidationError(f"There is no filter {', '.join(unknown)}.", "unknown_parameter")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": "Give either ids or a filter."})
        if attrs["verb"] == BulkVerb.TAG and not attrs.get("label"):
            raise serializers.ValidationError({"label": "A tag needs a label."})
        return attrs


class BulkQuery(Form):
    dry_run = serializers.BooleanField(default=False, help_text="Counts and verdicts only; nothing is changed.")


class BulkResult(Form):
    run_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=ItemState.choices)
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True, help_text="Why not; or the id of the new run (code new_run).")


class BulkOut(Form):
    """total = done + failed + skipped + pending. Results: at most 500, those that went wrong first."""

    bulk_id = serializers.UUIDField(allow_null=True, help_text="None in a dry run.")
    verb = serializers.ChoiceField(choices=BulkVerb.choices)
    status = serializers.ChoiceField(choices=[*BulkState.values, "dry_run"])
    reason = serializers.CharField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    pending = serializers.IntegerField()
    results = BulkResult(many=True)
    created_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class BulkRuns(Endpoint):
    access = {"POST": "runs.operate"}
    queries = {"POST": BulkQuery}

    @extend_schema(request=BulkIn, parameters=[BulkQuery], responses={202: BulkOut, 200: BulkOut})
    def post(self, request: Request) -> Response:
        """Do a verb to many runs in the background; 200 for a dry run. Runs that one cannot see count as not found."""
        wanted = self.body(BulkIn)
        verb, reason = BulkVerb(wanted["verb"]), wanted["reason"]
        if self.parameters()["dry_run"]:
            found = bulk_selectors.forecast(self.actor, verb, self._runs(wanted))
            return Response(_forecast_out(verb, reason, found, len(set(wanted.get("ids", ())))))
        runs = wanted["ids"] if "ids" in wanted else self._runs(wanted)
        return Response(_bulk_out(services.start_bulk(self.actor, verb, runs, reason, wanted.get("label", ""))), 202)

    def _runs(self, wanted: dict[str, Any]) -> QuerySet[Run]:
        if "ids" in wanted:
            return selectors.runs_visible_to(self.actor).filter(pk__in=wanted["ids"])
        return filters.filtered(self.actor, wanted["filter"])


class OneBulk(Endpoint):
    access = {"GET": "runs.operate"}

    @extend_schema(responses=BulkOut)
    def get(self, request: Request, bulk_id: str) -> Response:
        """How far a bulk job has come."""
        return Response(_bulk_out(bulk_selectors.bulk_for(self.actor, bulk_id)))


class CancelBulk(Endpoint):
    access = {"POST": "runs.operate"}

    @extend_schema(request=None, responses=BulkOut)
    def post(self, request: Request, bulk_id: str) -> Response:
        """Leave the rest undone; what is done stays done. Again: the same answer."""
        bulk = bulk_selectors.bulk_for(self.actor, bulk_id)
        return Response(_bulk_out(services.cancel_bulk(self.actor, bulk)))


def _bulk_out(bulk: Bulk) -> dict[str, Any]:
    now = bulk_selectors.progress(bulk)
    return {
        "bulk_id": bulk.pk,
        "verb": bulk.verb,
        "status": bulk.state,
        "reason": bulk.reason,
        "total": now.total,
        "done": now.done,
        "failed": now.failed,
        "skipped": now.skipped,
        "pending": now.pending,
        "results": [_result(item) for item in bulk_selectors.results(bulk, MOST_RESULTS)],
        "created_at": bulk.created_at,
        "ended_at": bulk.ended_at,
    }


def _result(item: BulkItem) -> dict[str, Any]:
    return {"run_id": item.run_id, "status": item.state, "code": item.code or None, "detail": item.detail or None}


def _forecast_out(verb: BulkVerb, reason: str, found: Forecast, named: int) -> dict[str, Any]:
    unseen = max(named - found.total, 0)
    return {
        "bulk_id": None,
        "verb": verb,
        "status": "dry_run",
        "reason": reason,
        "total": found.total + unseen,
        "done": found.able,
        "failed": 0,
        "skipped": found.refusals.total() + unseen,
        "pending": 0,
        "results": [_foretold(run.pk, verdict) for run, verdict in found.rows],
        "created_at": None,
        "ended_at": None,
    }


def _foretold(run_id: UUID, verdict: bool | str) -> dict[str, Any]:
    if verdict is True:
        return {"run_id": run_id, "status": ItemState.DONE, "code": None, "detail": None}
    return {"run_id": run_id, "status": ItemState.SKIPPED, "code": "illegal_transition", "detail": str(verdict)}
