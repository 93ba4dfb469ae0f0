"""Endpoints that act on many runs: clean-up before a time."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orchestration import services
from orchestration.choices import ENDED, RunStatus
from tenants.api.endpoint import Endpoint

Form = serializers.Serializer[Any]


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
