"""Whether the site is up, and whether it can do its work. Names only: nothing here helps an attacker."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from langorch import checks
from tenants.access import PUBLIC
from tenants.api.endpoint import Endpoint

OK, FAILED = "ok", "failed"
ASKED = ("database", "broker", "migrations", "space", "storage")

HealthOut = inline_serializer("HealthOut", {"status": serializers.CharField()})
ReadyOut = inline_serializer(
    "ReadyOut",
    {
        "status": serializers.ChoiceField(choices=[OK, "starting"]),
        "checks": serializers.DictField(child=serializers.ChoiceField(choices=[OK, FAILED])),
    },
)


class Health(Endpoint):
    access = {"GET": PUBLIC}
    lenient = True

    @extend_schema(responses=HealthOut)
    def get(self, request: Request) -> Response:
        """The process answers."""
        return Response({"status": OK})


class Ready(Endpoint):
    access = {"GET": PUBLIC}
    lenient = True

    @extend_schema(responses={200: ReadyOut, 503: ReadyOut})
    def get(self, request: Request) -> Response:
        """Database, broker, migrations, space in the database, and storage; 503 while one of them fails."""
        answers = {name: FAILED if found else OK for name, found in checks.ask(ASKED).items()}
        ready = FAILED not in answers.values()
        return Response({"status": OK if ready else "starting", "checks": answers}, 200 if ready else 503)
